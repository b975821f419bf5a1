package report

import (
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/hybridapps/tandem/internal/pdffont"
)

// Bounds of a PDF, which is for people: the rest is in the CSV.
const (
	maxRows  = 2000 // of all tables
	maxLines = 4    // of a cell
	maxCell  = 400  // characters of a cell
)

// PDF writes the report for people, in the language: en, de or bg. The same report gives
// the same bytes.
func (d *Day) PDF(w io.Writer, language string) error {
	zone, err := time.LoadLocation(d.Zone)
	if err != nil {
		return err
	}
	p := &page{Fpdf: fpdf.New("L", "mm", "A4", ""), speaker: speaker(language), zone: zone, left: maxRows}
	pdffont.Add(p.Fpdf)
	title := p.say("Visits of") + " " + p.date(d.Day)
	p.SetTitle(title, true)
	p.SetCatalogSort(true)
	p.SetCreationDate(d.MadeAt)
	p.SetModificationDate(d.MadeAt)
	p.SetMargins(12, 12, 12)
	p.SetAutoPageBreak(false, bottom)
	p.AliasNbPages("")
	made := p.say("Made") + " " + p.date(d.MadeAt.In(zone).Format(time.DateOnly)) + " " + p.clock(d.MadeAt)
	p.SetFooterFunc(func() { p.foot(title, made) })
	p.AddPage()
	p.SetFont(pdffont.Family, "B", 17)
	p.CellFormat(0, 10, pdffont.Text(title), "", 1, "L", false, 0, "")
	p.summary(d)
	p.technicians(d)
	p.customers(d)
	p.refused(d)
	if d.More {
		p.text("B", p.say("There are more visits than a report has."))
	}
	if p.left < 0 {
		p.text("B", p.say("The rest is in the CSV report."))
	}
	return p.Output(w)
}

// bottom is how much of a page is the footer's, in millimetres.
const bottom = 16

// page is a PDF in the making.
type page struct {
	*fpdf.Fpdf
	speaker
	zone *time.Location
	// left is how many rows may still come; below zero some were left out.
	left int
}

func (p *page) clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(p.zone).Format("15:04")
}

func (p *page) foot(title, made string) {
	p.SetY(-12)
	p.SetFont(pdffont.Family, "", 8)
	p.SetTextColor(90, 90, 90)
	p.CellFormat(0, 6, pdffont.Text(title+" · "+made), "", 0, "L", false, 0, "")
	p.SetX(12)
	p.CellFormat(0, 6, pdffont.Text(p.say("Page")+" "+count(p.PageNo())+" "+p.say("of")+" {nb}"), "", 0, "R", false, 0, "")
	p.SetTextColor(0, 0, 0)
}

func (p *page) summary(d *Day) {
	t := d.Totals(string(p.speaker))
	parts := []string{
		p.say("Visits") + ": " + count(t.Visits), p.say("Done") + ": " + count(t.Done), p.say("Planned") + ": " + or(span(t.Planned)),
		p.say("Spent") + ": " + or(span(t.Spent)), p.say("Refused on phones") + ": " + count(len(d.Refused)),
	}
	p.text("", strings.Join(parts, "   ·   "))
}

func or(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

func (p *page) heading(text string) {
	p.room(22)
	p.Ln(4)
	p.SetFont(pdffont.Family, "B", 13)
	p.CellFormat(0, 8, pdffont.Text(text), "", 1, "L", false, 0, "")
}

func (p *page) text(style, text string) {
	p.room(8)
	p.SetFont(pdffont.Family, style, 9.5)
	p.MultiCell(0, 5.5, pdffont.Text(text), "", "L", false)
}

// room begins another page where so many millimetres are not left.
func (p *page) room(height float64) bool {
	_, whole := p.GetPageSize()
	if p.GetY()+height <= whole-bottom {
		return false
	}
	p.AddPage()
	return true
}

func (p *page) technicians(d *Day) {
	if len(d.Visits) == 0 {
		p.text("", p.say("No visits on this day."))
		return
	}
	t := &table{page: p, columns: []column{{"Start", 18, false}, {"End", 16, false}, {"Number", 26, false}, {"Customer", 54, false},
		{"Subject", 50, false}, {"Status", 24, false}, {"Work and material", 0, false}, {"Planned", 17, true}, {"Spent", 17, true}}}
	for _, g := range d.ByTechnician(string(p.speaker)) {
		p.heading(g.Name)
		t.head()
		for i := range g.Visits {
			v := &g.Visits[i]
			language := string(p.speaker)
			done := strings.Join(p.lines(append(append([]Line(nil), v.Services...), v.Materials...)), "\n")
			t.row("", p.clock(v.Start), p.clock(v.End), v.Number, v.Customer.Name.In(language), v.Subject, v.Status.In(language), done,
				span(time.Duration(v.Planned)*time.Minute), span(v.Spent()))
		}
		t.row("B", "", "", p.say("Total"), count(g.Totals.Visits)+" · "+p.say("Done")+" "+count(g.Done), "", "", "", span(g.Planned), span(g.Spent))
		p.sums("Services", g.Services)
		p.sums("Materials", g.Materials)
	}
}

// lines are services or materials, one a line.
func (p *page) lines(all []Line) []string {
	out := make([]string, len(all))
	for i, l := range all {
		out[i] = plain(l.Quantity.String()) + " " + l.Unit + " " + l.Name.In(string(p.speaker))
	}
	return out
}

func (p *page) sums(what string, lines []Line) {
	if len(lines) > 0 && p.left > 0 {
		p.text("", p.say(what)+": "+strings.Join(p.lines(lines), "; "))
	}
}

func (p *page) customers(d *Day) {
	if len(d.Visits) == 0 {
		return
	}
	p.heading(p.say("Customers"))
	t := &table{page: p, columns: []column{{"Customer", 70, false}, {"Visits", 24, true}, {"Done", 24, true}, {"Spent", 22, true}, {"Services", 55, false}, {"Materials", 0, false}}}
	t.head()
	for _, g := range d.ByCustomer(string(p.speaker)) {
		t.row("", g.Name, count(g.Totals.Visits), count(g.Done), span(g.Spent), strings.Join(p.lines(g.Services), "\n"), strings.Join(p.lines(g.Materials), "\n"))
	}
}

func (p *page) refused(d *Day) {
	p.heading(p.say("Refused on phones"))
	if len(d.Refused) == 0 {
		p.text("", p.say("Nothing was refused."))
		return
	}
	t := &table{page: p, columns: []column{{"Time", 15, false}, {"Technician", 42, false}, {"Visit", 26, false}, {"Customer", 55, false}, {"Command", 28, false}, {"Reason", 0, false}}}
	t.head()
	for _, r := range d.Refused {
		t.row("", p.clock(r.At), r.Technician, r.Visit, r.Customer.In(string(p.speaker)), p.command(r.Type), r.Reason)
	}
}
