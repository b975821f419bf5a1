package worker

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
)

const (
	formatCSV, formatXLSX = "csv", "xlsx"
	typeCSV               = "text/csv; charset=utf-8"
	typeXLSX              = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	// MaxExportYears is the longest period of one export.
	MaxExportYears = 20
	// maxSheetRows is what a sheet of a workbook holds, with its header.
	maxSheetRows = 1 << 20

	setOrders = "Crm_Sales_SalesOrders"
)

// checkExport checks the period and the format, and fills the default format.
func checkExport(ask *internalapi.NewJob) error {
	if ask.Format == "" {
		ask.Format = formatCSV
	}
	if ask.Format != formatCSV && ask.Format != formatXLSX {
		return invalid("format %q is unknown; use csv or xlsx", clip(ask.Format))
	}
	from, err1 := time.Parse(time.DateOnly, ask.From)
	to, err2 := time.Parse(time.DateOnly, ask.To)
	switch {
	case err1 != nil || err2 != nil:
		return invalid("an export needs from and to as YYYY-MM-DD")
	case to.Before(from):
		return invalid("the export's to is before its from")
	case to.After(from.AddDate(MaxExportYears, 0, 0)):
		return invalid("an export covers at most %d years", MaxExportYears)
	}
	return nil
}

type erpOrder struct {
	ID                      string `json:"Id"`
	DocumentNo              string
	DocumentDate            time.Time
	State                   string
	Void                    bool
	CustomerPurchaseOrderNo string
	RequiredDeliveryDate    *time.Time
	TotalLineAmount         client.Amount
	Customer                *struct {
		Number string
		Party  *struct{ PartyName client.Text }
	}
}

var exportHeader = []string{"Order", "Date", "State", "Void", "Customer number", "Customer", "Customer's order", "Required delivery", "Total", "Currency"}

// sheet is where the rows of an export go.
type sheet interface {
	row(o *erpOrder) error
	close() error
}

// exportOrders writes the orders of a period to a file, a month at a time: so
// pages follow ids, which nothing can shift, and the file is still in the order
// of dates.
func (r *run) exportOrders(ctx context.Context) error {
	from, err1 := time.Parse(time.DateOnly, r.job.args.From)
	to, err2 := time.Parse(time.DateOnly, r.job.args.To)
	if err1 != nil || err2 != nil {
		return invalid("an export needs from and to as YYYY-MM-DD")
	}
	period := client.And("DocumentDate ge "+client.Date(from), "DocumentDate le "+client.Date(to))
	total, err := r.w.erp.Count(ctx, setOrders, client.Query{Filter: period})
	if err != nil {
		return err
	}
	dir := r.w.jobDir(r.job.id, "export")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	partial := filepath.Join(dir, "partial")
	out, err := newSheet(partial, r.job.args.Format, total)
	if err != nil {
		return err
	}
	written, err := r.writeOrders(ctx, out, from, to, total)
	if err2 := out.close(); err == nil {
		err = err2
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return err
	}
	name := "export." + r.job.args.Format
	if err := os.Rename(partial, filepath.Join(dir, name)); err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	r.file, r.expires = name, r.w.now().Add(r.w.config.KeepExports)
	r.result.Summary = fmt.Sprintf("%d orders from %s to %s", written, r.job.args.From, r.job.args.To)
	r.result.Steps = []internalapi.StepResult{{Name: "orders", Rows: written}}
	r.result.File = &internalapi.ResultFile{
		Name:      fmt.Sprintf("orders-%s-%s.%s", r.job.args.From, r.job.args.To, r.job.args.Format),
		MediaType: mediaType(r.job.args.Format), Size: info.Size(), ExpiresAt: r.expires,
	}
	return nil
}

func mediaType(format string) string {
	if format == formatXLSX {
		return typeXLSX
	}
	return typeCSV
}

func (r *run) writeOrders(ctx context.Context, out sheet, from, to time.Time, total int64) (written int64, err error) {
	for first := from; !first.After(to); {
		next := time.Date(first.Year(), first.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		last := next.AddDate(0, 0, -1)
		if last.After(to) {
			last = to
		}
		q := client.Query{
			Select: "Id,DocumentNo,DocumentDate,State,Void,CustomerPurchaseOrderNo,RequiredDeliveryDate,TotalLineAmount",
			Expand: "Customer($select=Number;$expand=Party($select=PartyName))",
			Filter: client.And("DocumentDate ge "+client.Date(first), "DocumentDate le "+client.Date(last)),
			Top:    syncPage,
		}
		var month []erpOrder
		for o, err := range client.List[erpOrder](ctx, r.w.erp, setOrders, q) {
			if err != nil {
				return written, err
			}
			month = append(month, o)
		}
		sort.Slice(month, func(i, k int) bool {
			a, b := &month[i], &month[k]
			if !a.DocumentDate.Equal(b.DocumentDate) {
				return a.DocumentDate.Before(b.DocumentDate)
			}
			return a.DocumentNo+a.ID < b.DocumentNo+b.ID
		})
		for i := range month {
			if err := out.row(&month[i]); err != nil {
				return written, err
			}
			written++
		}
		if err := r.progress(ctx, int(100*written/max(total, 1)), fmt.Sprintf("%d of %d orders", written, max(total, written))); err != nil {
			return written, err
		}
		first = next
	}
	return written, nil
}

func newSheet(file, format string, total int64) (sheet, error) {
	if format == formatXLSX {
		if total >= maxSheetRows {
			return nil, &tandem.Error{Code: tandem.CodeTooLarge, Message: fmt.Sprintf("%d orders do not fit a workbook; choose a shorter period, or csv", total)}
		}
		return newWorkbook(file)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	// Spreadsheets take a file without a byte order mark for their local
	// encoding, which breaks names.
	if _, err := io.WriteString(f, "\ufeff"); err != nil {
		f.Close()
		return nil, err
	}
	c := &csvSheet{file: f, out: csv.NewWriter(f)}
	c.out.UseCRLF = true // RFC 4180
	return c, c.out.Write(exportHeader)
}

type csvSheet struct {
	file *os.File
	out  *csv.Writer
}

func (c *csvSheet) row(o *erpOrder) error {
	number, name := o.customer()
	return c.out.Write([]string{
		harmless(o.DocumentNo), o.DocumentDate.UTC().Format(time.DateOnly), harmless(o.State), strconv.FormatBool(o.Void),
		harmless(number), harmless(name), harmless(o.CustomerPurchaseOrderNo), day(o.RequiredDeliveryDate),
		harmlessNumber(string(o.TotalLineAmount.Value)), harmless(o.TotalLineAmount.Currency),
	})
}

func (c *csvSheet) close() error {
	c.out.Flush()
	err := c.out.Error()
	if err2 := c.file.Close(); err == nil {
		err = err2
	}
	return err
}

func (o *erpOrder) customer() (number, name string) {
	if o.Customer == nil {
		return "", ""
	}
	if o.Customer.Party != nil {
		name = o.Customer.Party.PartyName.In("en")
	}
	return o.Customer.Number, name
}

func day(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// harmless keeps a text from being taken for a formula by a spreadsheet: one
// that begins like a formula gets an apostrophe before it.
func harmless(s string) string {
	if s == "" {
		return s
	}
	if strings.ContainsRune("=+-@\t\r\n|%＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}

// harmlessNumber is a number as it is, and anything else as a text.
func harmlessNumber(s string) string {
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s
	}
	return harmless(s)
}

// workbook writes XLSX row by row; excelize keeps what is large on disk.
type workbook struct {
	name        string
	file        *excelize.File
	out         *excelize.StreamWriter
	rows        int
	date, money int
}

func newWorkbook(name string) (sheet, error) {
	b := &workbook{name: name, file: excelize.NewFile()}
	err := b.begin()
	if err != nil {
		b.file.Close()
		return nil, err
	}
	return b, nil
}

func (b *workbook) begin() (err error) {
	if err := b.file.SetSheetName("Sheet1", "Orders"); err != nil {
		return err
	}
	bold, err := b.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	iso := "yyyy-mm-dd"
	if b.date, err = b.file.NewStyle(&excelize.Style{CustomNumFmt: &iso}); err != nil {
		return err
	}
	if b.money, err = b.file.NewStyle(&excelize.Style{NumFmt: 4}); err != nil {
		return err
	}
	if b.out, err = b.file.NewStreamWriter("Orders"); err != nil {
		return err
	}
	for i, width := range []float64{16, 12, 12, 8, 16, 40, 20, 18, 14, 10} {
		if err := b.out.SetColWidth(i+1, i+1, width); err != nil {
			return err
		}
	}
	if err := b.out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	header := make([]any, len(exportHeader))
	for i, name := range exportHeader {
		header[i] = excelize.Cell{StyleID: bold, Value: name}
	}
	return b.write(header)
}

func (b *workbook) write(cells []any) error {
	b.rows++
	if b.rows > maxSheetRows {
		return &tandem.Error{Code: tandem.CodeTooLarge, Message: "the orders do not fit a workbook; choose a shorter period, or csv"}
	}
	cell, err := excelize.CoordinatesToCellName(1, b.rows)
	if err != nil {
		return err
	}
	return b.out.SetRow(cell, cells)
}

func (b *workbook) row(o *erpOrder) error {
	number, name := o.customer()
	total := any(harmless(string(o.TotalLineAmount.Value)))
	if f, err := strconv.ParseFloat(string(o.TotalLineAmount.Value), 64); err == nil {
		total = excelize.Cell{StyleID: b.money, Value: f}
	}
	required := any(nil)
	if o.RequiredDeliveryDate != nil {
		required = excelize.Cell{StyleID: b.date, Value: o.RequiredDeliveryDate.UTC()}
	}
	return b.write([]any{
		harmless(o.DocumentNo), excelize.Cell{StyleID: b.date, Value: o.DocumentDate.UTC()}, harmless(o.State), o.Void,
		harmless(number), harmless(name), harmless(o.CustomerPurchaseOrderNo), required, total, harmless(o.TotalLineAmount.Currency),
	})
}

func (b *workbook) close() error {
	err := b.out.Flush()
	if err == nil {
		err = b.save()
	}
	if err2 := b.file.Close(); err == nil {
		err = err2
	}
	return err
}

func (b *workbook) save() error {
	f, err := os.OpenFile(b.name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := b.file.WriteTo(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
