package agent

import (
	"context"
	"errors"
	"fmt"
	"io"

	"codeberg.org/go-pdf/fpdf"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/internal/pdffont"
)

// maxPDFRows is how many rows a PDF has: it is for people, who read the largest changes
// and what was left out. All rows are in the other two formats.
const maxPDFRows = 2000

// pdfColumns are the columns of the rows with their widths in millimetres.
var pdfColumns = []struct {
	head  string
	width float64
	right bool
}{{"Row", 14, true}, {"Part number", 40, false}, {"Result", 24, false}, {"Old", 26, true}, {"New", 26, true}, {"Change", 22,
	true}, {"Reason", 125, false}}

// errEnough ends the rows of a PDF.
var errEnough = errors.New("enough rows")

// reportPDF writes the report for people: what the batch is, and its rows. The font is
// in the file, so that names of any of our languages are read.
func (a *Agent) reportPDF(ctx context.Context, w io.Writer, id int64) error {
	b, err := a.store.batch(ctx, id)
	if err != nil {
		return err
	}
	facts, err := a.facts(ctx, b)
	if err != nil {
		return err
	}
	pdf := fpdf.New("L", "mm", "A4", "")
	pdffont.Add(pdf)
	pdf.SetTitle(fmt.Sprintf("Batch %d", b.id), true)
	pdf.SetCreationDate(a.clock.Now())
	pdf.AliasNbPages("")
	pdf.SetFooterFunc(func() {
		pdf.SetY(-12)
		pdf.SetFont(pdffont.Family, "", 8)
		pdf.CellFormat(0, 6, fmt.Sprintf("Batch %d, page %d of {nb}", b.id, pdf.PageNo()), "", 0, "R", false, 0, "")
	})
	pdf.AddPage()
	pdf.SetFont(pdffont.Family, "B", 16)
	pdf.CellFormat(0, 10, fmt.Sprintf("Price batch %d: %s", b.id, b.state), "", 1, "L", false, 0, "")
	for _, fact := range facts {
		pdf.SetFont(pdffont.Family, "B", 9)
		pdf.CellFormat(45, 5, fact[0], "", 0, "L", false, 0, "")
		pdf.SetFont(pdffont.Family, "", 9)
		pdf.MultiCell(0, 5, pdffont.Text(fact[1]), "", "L", false)
	}
	pdf.Ln(4)
	if err := a.pdfRows(ctx, pdf, b); err != nil {
		return err
	}
	return pdf.Output(w)
}

func (a *Agent) pdfRows(ctx context.Context, pdf *fpdf.Fpdf, b *batch) error {
	line := func(style string, cells []string) {
		pdf.SetFont(pdffont.Family, style, 8)
		for i, c := range pdfColumns {
			align := "L"
			if c.right {
				align = "R"
			}
			pdf.CellFormat(c.width, 5, pdffont.Text(cells[i]), "B", 0, align, false, 0, "")
		}
		pdf.Ln(-1)
	}
	heads := make([]string, len(pdfColumns))
	for i, c := range pdfColumns {
		heads[i] = c.head
	}
	line("B", heads)
	n := 0
	err := a.store.each(ctx, b.id, func(r *priceRow) error {
		if r.state == wire.RowUnchanged {
			return nil
		}
		if n++; n > maxPDFRows {
			return errEnough
		}
		shown := r.shown()
		line("", []string{fmt.Sprint(r.line), tandem.Clip(r.partNumber, 24), string(r.state), string(shown.Old), string(shown.New),
			percent(r.changePPM), tandem.Clip(r.reason, 80)})
		return nil
	})
	if errors.Is(err, errEnough) {
		pdf.MultiCell(0, 6, fmt.Sprintf("The first %d rows; all of them are in the CSV and XLSX reports.", maxPDFRows), "", "L", false)
		err = nil
	}
	return err
}
