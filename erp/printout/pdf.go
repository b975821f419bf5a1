package printout

import (
	"bytes"
	"context"

	"codeberg.org/go-pdf/fpdf"

	"github.com/hybridapps/tandem/internal/pdffont"
)

// The page is A4; all lengths are millimetres. The recipient stands where the window of
// an envelope is (DIN 5008, form B).
const (
	pageWidth, pageHeight = 210.0, 297.0
	left, right, top      = 22.0, 18.0, 18.0
	width                 = pageWidth - left - right
	bottom                = pageHeight - 26
	window                = 50.0
	leading               = 4.6
	padding               = 1.6
	sideWidth             = 72.0 // of the facts, beside the recipient
	labelWidth            = 28.0
)

// sheet is a document being set.
type sheet struct {
	*fpdf.Fpdf
	d *document
}

// pdf sets the document. Its only time is the document's day, so that the same version
// gives the same bytes.
func (d *document) pdf(ctx context.Context) ([]byte, error) {
	s := &sheet{fpdf.New("P", "mm", "A4", ""), d}
	pdffont.Add(s.Fpdf)
	s.SetCatalogSort(true)
	s.SetCreationDate(d.Date)
	s.SetModificationDate(d.Date)
	s.SetTitle(pdffont.Text(d.Title+" "+d.Number), true)
	if len(d.Issuer) > 0 {
		s.SetAuthor(pdffont.Text(d.Issuer[0]), true)
	}
	s.SetLang(d.Tag())
	s.SetMargins(left, top, right)
	s.SetCellMargin(0)
	s.SetAutoPageBreak(false, 0)
	s.AliasNbPages("")
	s.SetHeaderFunc(s.header)
	s.SetFooterFunc(s.footer)
	s.AddPage()
	s.opening()
	for _, t := range d.Tables {
		if err := s.table(ctx, t); err != nil {
			return nil, err
		}
	}
	s.closing()
	var file bytes.Buffer
	err := s.Output(&file)
	return file.Bytes(), err
}

// ink is the colour of what comes next: of text, of labels, of rules, of a mark.
type ink [3]int

var (
	black = ink{28, 28, 30}
	grey  = ink{110, 112, 118}
	rule  = ink{205, 207, 212}
	faint = ink{243, 239, 239}
)

func (s *sheet) font(style string, size float64, colour ink) {
	s.SetFont(pdffont.Family, style, size)
	s.SetTextColor(colour[0], colour[1], colour[2])
}

// line prints a text in one line at a place. What is too long is cut off by the library.
func (s *sheet) line(x, y, w float64, align, text string) {
	s.SetXY(x, y)
	s.CellFormat(w, leading, pdffont.Text(text), "", 0, align, false, 0, "")
}

// block prints lines of text and returns where they end.
func (s *sheet) block(x, y, w float64, align, text string) float64 {
	for _, line := range s.split(text, w) {
		s.line(x, y, w, align, line)
		y += leading
	}
	return y
}

func (s *sheet) split(text string, w float64) []string {
	if text == "" {
		return nil
	}
	return s.SplitText(pdffont.Text(text), w)
}

func (s *sheet) ruler(y, w float64, colour ink) {
	s.SetLineWidth(w)
	s.SetDrawColor(colour[0], colour[1], colour[2])
	s.Line(left, y, left+width, y)
}

// header is on every page: the mark across it, and from the second on which document it
// is of.
func (s *sheet) header() {
	if s.d.Mark != "" {
		s.font("B", 110, faint)
		s.TransformBegin()
		s.TransformRotate(52, pageWidth/2, pageHeight/2)
		s.SetXY(0, pageHeight/2-20)
		s.CellFormat(pageWidth, 40, pdffont.Text(s.d.Mark), "", 0, "CM", false, 0, "")
		s.TransformEnd()
	}
	if s.PageNo() == 1 {
		return
	}
	s.font("", 8.5, grey)
	s.line(left, top-6, width, "L", s.d.Title+" "+s.d.Number)
	s.ruler(top, .2, rule)
	s.SetY(top + 4)
}

func (s *sheet) footer() {
	s.ruler(pageHeight-20, .2, rule)
	s.font("", 7.5, grey)
	y := pageHeight - 18.0
	for i, line := range s.split(s.d.Imprint, width-30) {
		if i < 3 {
			s.line(left, y+float64(i)*3.4, width-30, "L", line)
		}
	}
	// The alias for the number of pages is wider than the number.
	s.line(left+width-20, y, 30, "L", s.d.Say("Page %d of %s", s.PageNo(), "{nb}"))
}

// opening is what stands above the lines: who sends, to whom, what it is, its facts.
func (s *sheet) opening() {
	d := s.d
	if len(d.Issuer) > 0 {
		s.font("B", 13, black)
		s.line(left, top, width, "L", d.Issuer[0])
		s.font("", 8.5, grey)
		for i, line := range d.Issuer[1:] {
			s.line(left, top+6.5+float64(i)*4, width, "L", line)
		}
	}
	s.font("", 10, black)
	y := window
	for i, line := range d.Recipient {
		if i == 0 {
			s.font("B", 10, black)
		} else {
			s.font("", 10, black)
		}
		y = s.block(left, y, width-sideWidth-8, "L", line)
	}
	side := window
	x := left + width - sideWidth
	for _, f := range d.Facts {
		s.font("", 8.5, grey)
		s.line(x, side, labelWidth, "L", f.Label)
		s.font("", 9, black)
		side = s.block(x+labelWidth, side, sideWidth-labelWidth, "L", f.Value)
	}
	y = max(y, side, window+28) + 8
	s.font("B", 17, black)
	s.SetXY(left, y)
	s.CellFormat(width, 8, pdffont.Text(d.Title+" "+d.Number), "", 0, "L", false, 0, "")
	if d.Mark != "" {
		s.font("B", 10, ink{176, 42, 42})
		s.SetXY(left, y)
		s.CellFormat(width, 8, pdffont.Text(d.Mark), "", 0, "R", false, 0, "")
	}
	s.SetY(y + 13)
}

// need begins a page where less than h is left of this one.
func (s *sheet) need(h float64) bool {
	if s.GetY()+h <= bottom {
		return false
	}
	s.AddPage()
	return true
}

// table prints lines; its heads are on each page that it is on.
func (s *sheet) table(ctx context.Context, t table) error {
	s.need(24)
	if t.Title != "" {
		s.font("B", 11, black)
		s.line(left, s.GetY(), width, "L", t.Title)
		s.SetY(s.GetY() + 6.5)
	}
	s.heads(t)
	for _, row := range t.Rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.font("", 9, black)
		cells, h := make([][]string, len(row)), 0.0
		for i, cell := range row {
			cells[i] = s.split(cell, s.columnWidth(t, i)-padding)
			h = max(h, float64(len(cells[i]))*leading)
		}
		if s.need(h + 2*padding) {
			s.heads(t)
			s.font("", 9, black)
		}
		y := s.GetY() + padding
		s.cells(t, func(i int, x, w float64, align string) {
			for n, line := range cells[i] {
				s.line(x, y+float64(n)*leading, w, align, line)
			}
		})
		s.SetY(y + h + padding)
		s.ruler(s.GetY(), .15, rule)
	}
	s.SetY(s.GetY() + 6)
	return s.Error()
}

func (s *sheet) heads(t table) {
	s.font("", 8, grey)
	y := s.GetY()
	s.cells(t, func(i int, x, w float64, align string) { s.line(x, y, w, align, t.Columns[i].Head) })
	s.SetY(y + leading + 1)
	s.ruler(s.GetY(), .35, black)
}

func (s *sheet) columnWidth(t table, i int) float64 {
	all := 0.0
	for _, c := range t.Columns {
		all += c.Share
	}
	return width * t.Columns[i].Share / all
}

// cells calls f for each column with its place.
func (s *sheet) cells(t table, f func(i int, x, w float64, align string)) {
	x := left
	for i, c := range t.Columns {
		w := s.columnWidth(t, i)
		if c.Right {
			f(i, x, w-padding, "R")
		} else {
			f(i, x+padding, w-padding, "L")
		}
		x += w
	}
}

// closing is what stands below the lines: totals, notes, and room for a signature.
func (s *sheet) closing() {
	s.need(float64(len(s.d.Totals)) * 7)
	for i, f := range s.d.Totals {
		y, last := s.GetY(), i == len(s.d.Totals)-1
		s.font("", 10, black)
		if last {
			s.font("B", 11, black)
		}
		s.line(left+width-86, y, 40, "L", f.Label)
		s.line(left+width-60, y, 60-padding, "R", f.Value)
		s.SetY(y + 6.5)
	}
	if len(s.d.Totals) > 0 {
		s.SetY(s.GetY() + 6)
	}
	for _, n := range s.d.Notes {
		s.note(n)
	}
	if s.d.Signature.Label != "" {
		s.signature()
	}
}

func (s *sheet) note(n fact) {
	s.need(3 * leading)
	if n.Label != "" {
		s.font("", 8.5, grey)
		s.line(left, s.GetY(), width, "L", n.Label)
		s.SetY(s.GetY() + leading)
	}
	s.font("", 9.5, black)
	for _, line := range s.split(n.Value, width) {
		if s.need(leading) {
			s.font("", 9.5, black)
		}
		s.line(left, s.GetY(), width, "L", line)
		s.SetY(s.GetY() + leading)
	}
	s.SetY(s.GetY() + 4)
}

func (s *sheet) signature() {
	s.need(30)
	y := s.GetY() + 18
	s.SetLineWidth(.25)
	s.SetDrawColor(black[0], black[1], black[2])
	s.Line(left, y, left+80, y)
	s.font("", 8.5, grey)
	s.line(left, y+1, 80, "L", s.d.Signature.Label)
	s.font("", 10, black)
	s.line(left, y-5.5, 80, "L", s.d.Signature.Value)
	s.SetY(y + 8)
}
