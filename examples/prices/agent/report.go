package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/worker/csvtext"
)

// The report of a batch is made of the store whenever somebody wants it, so that the
// one of a dry run and the final one are alike, and row by row, however many there are.

// formats are the kinds of report with their media types.
var formats = map[string]string{
	"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "pdf": "application/pdf",
}

var reportHead = []string{"Row", "Part number", "Result", "Old price", "New price", "Change %", "Currency", "Reason",
	"Version before", "Version after", "Product"}

// facts are what is told of a batch above its rows.
func (a *Agent) facts(ctx context.Context, b *batch) ([][2]string, error) {
	f, err := a.store.figures(ctx, a.config.DB.Reader(), b.id)
	if err != nil {
		return nil, err
	}
	facts := [][2]string{
		{"Batch", fmt.Sprintf("%d: %s", b.id, b.fileName)}, {"State", string(b.state)}, {"Outcome", b.note},
		{"SHA-256", b.sha256}, {"Placed", when(b.receivedAt) + by(b.placedBy)}, {"Mapping", fmt.Sprintf("%s, version %d", b.mapping,
			b.mappingVersion)},
		{"Control totals", b.control}, {"Decided", when(b.decidedAt) + by(b.decidedBy)}, {"Reason", b.reason},
		{"Written", when(b.startedAt) + by(b.systemUser)}, {"Ended", when(b.finishedAt)}, {"Rows", strconv.FormatInt(f.Rows, 10)},
	}
	for _, state := range wire.RowStates {
		if n := f.Count[state]; n > 0 {
			facts = append(facts, [2]string{"Rows " + string(state), strconv.FormatInt(n, 10)})
		}
	}
	facts = append(facts, [2]string{"Mean change", percent(f.MeanPPM)}, [2]string{"Largest change", percent(f.LargestPPM)},
		[2]string{"Sum of old prices", string(f.Old)}, [2]string{"Sum of new prices", string(f.New)})
	kept := facts[:0]
	for _, fact := range facts {
		if fact[1] != "" {
			kept = append(kept, fact)
		}
	}
	return kept, nil
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// cells are a row of the report.
func (r *priceRow) cells(currency string) []string {
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	old, change := "", ""
	if r.productID != "" {
		old = string(r.old.number())
		change = strconv.FormatFloat(float64(r.changePPM)/(million/100), 'f', 4, 64)
	}
	return []string{strconv.FormatInt(r.line, 10), r.partNumber, string(r.state), old, string(r.new.number()), change, currency, r.reason,
		number(r.version), number(r.versionNow), r.productID}
}

// reportCSV writes the rows as CSV, in which no cell is a formula.
func (a *Agent) reportCSV(ctx context.Context, w io.Writer, id int64) error {
	b, err := a.store.batch(ctx, id)
	if err != nil {
		return err
	}
	out := csvtext.NewWriter(w)
	if err := out.Row(reportHead...); err != nil {
		return err
	}
	if err := a.store.each(ctx, id, func(r *priceRow) error { return out.Row(r.cells(b.currency)...) }); err != nil {
		return err
	}
	return out.Flush()
}

// reportXLSX writes a workbook of two sheets: what the batch is, and its rows. What is
// large is kept on the disk meanwhile.
func (a *Agent) reportXLSX(ctx context.Context, w io.Writer, id int64) (err error) {
	b, err := a.store.batch(ctx, id)
	if err != nil {
		return err
	}
	facts, err := a.facts(ctx, b)
	if err != nil {
		return err
	}
	f := excelize.NewFile(excelize.Options{TmpDir: filepath.Join(a.config.Dir, "work")})
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.SetSheetName("Sheet1", "Batch"); err != nil {
		return err
	}
	for i, fact := range facts {
		if err := f.SetSheetRow("Batch", fmt.Sprintf("A%d", i+1), &[]any{fact[0], csvtext.Harmless(fact[1])}); err != nil {
			return err
		}
	}
	if err := f.SetColWidth("Batch", "A", "B", 28); err != nil {
		return err
	}
	if _, err := f.NewSheet("Rows"); err != nil {
		return err
	}
	out, err := f.NewStreamWriter("Rows")
	if err != nil {
		return err
	}
	if err := out.SetColWidth(1, len(reportHead), 16); err != nil {
		return err
	}
	line := 0
	row := func(cells []string) error {
		line++
		if line > excelize.TotalRows {
			return wrong("the rows do not fit a workbook; take the report as CSV")
		}
		values := make([]any, len(cells))
		for i, cell := range cells {
			values[i] = csvtext.Harmless(cell)
			if n, err := strconv.ParseFloat(cell, 64); err == nil && (i == 0 || i >= 3 && i <= 5 || i == 8 || i == 9) {
				values[i] = n
			}
		}
		return out.SetRow(fmt.Sprintf("A%d", line), values)
	}
	if err := row(reportHead); err != nil {
		return err
	}
	if err := a.store.each(ctx, id, func(r *priceRow) error { return row(r.cells(b.currency)) }); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err = f.WriteTo(w)
	return err
}

// writeFile writes a whole file, or none.
func writeFile(dir, name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(dir, name)
	out, err := os.OpenFile(file+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(write(out), out.Close()); err != nil {
		return errors.Join(err, os.Remove(file+".part"))
	}
	return os.Rename(file+".part", file)
}
