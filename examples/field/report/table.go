package report

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/pdffont"
)

// column is a column of a table; one of no width has what is left.
type column struct {
	title string
	width float64
	right bool
}

// table is a table whose cells wrap, and whose head is on each page.
type table struct {
	*page
	columns []column
}

const (
	lineHeight, cellMargin = 4.6, 1.2
	tableFont              = 8.5
)

func (t *table) head() {
	t.room(14)
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = t.say(c.title)
	}
	t.SetFillColor(235, 238, 242)
	t.put("B", true, titles)
}

// row writes a row, unless there are too many.
func (t *table) row(style string, cells ...string) {
	if t.left--; t.left < 0 {
		return
	}
	t.put(style, false, cells)
}

func (t *table) put(style string, filled bool, cells []string) {
	t.SetFont(pdffont.Family, style, tableFont)
	widths, wrapped, height := t.widths(), make([][]string, len(cells)), 1
	for i, text := range cells {
		wrapped[i] = t.SplitText(pdffont.Text(tandem.Clip(text, maxCell)), widths[i]-2*cellMargin)
		if len(wrapped[i]) > maxLines {
			wrapped[i] = append(wrapped[i][:maxLines-1], "…")
		}
		height = max(height, len(wrapped[i]))
	}
	tall := float64(height)*lineHeight + 1.4
	if !filled && t.room(tall) {
		t.head()
		t.SetFont(pdffont.Family, style, tableFont)
	}
	left, _, _, _ := t.GetMargins()
	x, y := left, t.GetY()
	for i, c := range t.columns {
		if filled {
			t.Rect(x, y, widths[i], tall, "F")
		}
		align := "L"
		if c.right {
			align = "R"
		}
		for n, line := range wrapped[i] {
			t.SetXY(x+cellMargin, y+0.7+float64(n)*lineHeight)
			t.CellFormat(widths[i]-2*cellMargin, lineHeight, line, "", 0, align, false, 0, "")
		}
		x += widths[i]
	}
	t.SetDrawColor(200, 205, 212)
	t.Line(left, y+tall, x, y+tall)
	t.SetXY(left, y+tall)
}

func (t *table) widths() []float64 {
	whole, _ := t.GetPageSize()
	left, _, right, _ := t.GetMargins()
	rest, widths := whole-left-right, make([]float64, len(t.columns))
	for _, c := range t.columns {
		rest -= c.width
	}
	for i, c := range t.columns {
		if widths[i] = c.width; c.width == 0 {
			widths[i] = rest
		}
	}
	return widths
}
