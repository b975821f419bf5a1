package export

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/jobs"
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
	// page is how many orders one request reads.
	page = 1000
)

// Export is the job that writes the orders of a period to a file.
type Export struct {
	ERP *client.OData[client.ServiceToken]
	// Keep is how long a file can be downloaded.
	Keep  time.Duration
	Clock tandem.Clock
}

// Args are the period, both days in it, as YYYY-MM-DD, and the format: csv (the
// default) or xlsx.
type Args struct {
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Format string `json:"format,omitempty"`
}

// LastMonth are the arguments of an export that a schedule starts: of the month
// before that of the time which the schedule named, where that is.
func LastMonth(at time.Time) any {
	first := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	return Args{
		From:   first.AddDate(0, -1, 0).Format(time.DateOnly),
		To:     first.AddDate(0, 0, -1).Format(time.DateOnly),
		Format: formatXLSX,
	}
}

// Check checks the period and the format, and fills the default format.
func (a *Args) Check() error {
	if a.Format == "" {
		a.Format = formatCSV
	}
	if a.Format != formatCSV && a.Format != formatXLSX {
		return tandem.Errorf(tandem.CodeInvalid, "format %q is unknown; use csv or xlsx", tandem.Clip(a.Format, 60))
	}
	_, _, err := a.period()
	return err
}

func (a *Args) period() (from, to time.Time, err error) {
	from, err1 := time.Parse(time.DateOnly, a.From)
	to, err2 := time.Parse(time.DateOnly, a.To)
	switch {
	case err1 != nil || err2 != nil:
		err = tandem.Errorf(tandem.CodeInvalid, "an export needs from and to as YYYY-MM-DD")
	case to.Before(from):
		err = tandem.Errorf(tandem.CodeInvalid, "the export's to is before its from")
	case to.After(from.AddDate(MaxExportYears, 0, 0)):
		err = tandem.Errorf(tandem.CodeInvalid, "an export covers at most %d years", MaxExportYears)
	}
	return from, to, err
}

type erpOrder struct {
	ID                      string `json:"Id"`
	DocumentNo              string
	DocumentDate            time.Time
	State                   string
	Void                    *bool // nil, as all others are empty, where it is hidden
	CustomerPurchaseOrderNo string
	RequiredDeliveryDate    *time.Time
	TotalLineAmount         client.Amount
	Customer                *struct {
		Number string
		Party  *struct{ PartyName client.Text }
	}
}

// attempt is one attempt at it.
type attempt struct {
	*Export
	*jobs.Run
	args Args
}

// Run writes the orders of a period to a file, a month at a time: so pages
// follow ids, which nothing can shift, and the file is still in the order of
// dates.
func (x *Export) Run(ctx context.Context, run *jobs.Run) error {
	r := &attempt{Export: x, Run: run}
	if err := run.Args(&r.args); err != nil {
		return err
	}
	from, to, err := r.args.period()
	if err != nil {
		return err
	}
	period := client.And("DocumentDate ge "+client.Date(from), "DocumentDate le "+client.Date(to))
	total, err := r.ERP.Count(ctx, setOrders, client.Query{Filter: period})
	if err != nil {
		return err
	}
	dir := run.Made()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	partial := filepath.Join(dir, "partial")
	out, err := newSheet(partial, r.args.Format, total)
	if err != nil {
		return err
	}
	seen, err := newNote(filepath.Join(dir, NoteName))
	if err != nil {
		return errors.Join(err, out.close())
	}
	written, err := r.writeOrders(ctx, out, seen, from, to, total)
	if err2 := errors.Join(out.close(), seen.close()); err == nil {
		err = err2
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return err
	}
	if err := r.keep(ctx, partial, "export."+r.args.Format, written); err != nil {
		_ = os.RemoveAll(dir)
		return err
	}
	return nil
}

// keep gives the finished file its name, and tells the job about it.
func (r *attempt) keep(ctx context.Context, partial, name string, written int64) error {
	file := filepath.Join(filepath.Dir(partial), name)
	if err := os.Rename(partial, file); err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	r.Result.Summary = fmt.Sprintf("%d orders from %s to %s", written, r.args.From, r.args.To)
	r.Result.Steps = []internalapi.StepResult{{Name: "orders", Rows: written}}
	err = r.Run.Keep(ctx, name, internalapi.ResultFile{
		Name:      fmt.Sprintf("orders-%s-%s.%s", r.args.From, r.args.To, r.args.Format),
		MediaType: mediaType(r.args.Format),
		Size:      info.Size(),
		ExpiresAt: r.Clock.Now().Add(r.Export.Keep),
	}, NoteName)
	return err
}

// monthly asks for the orders of a month, and of each for as many of the attributes as the
// person is shown.
func monthly(attributes string, first, last time.Time) client.Query {
	return client.Query{
		Select: attributes,
		Expand: "Customer($select=Number;$expand=Party($select=PartyName))",
		Filter: client.And("DocumentDate ge "+client.Date(first), "DocumentDate le "+client.Date(last)),
		Top:    page, SkipHidden: true,
	}
}

func (r *attempt) writeOrders(ctx context.Context, out sheet, seen *note, from, to time.Time, total int64) (written int64, err error) {
	for first := from; !first.After(to); {
		next := time.Date(first.Year(), first.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		last := next.AddDate(0, 0, -1)
		if last.After(to) {
			last = to
		}
		q := monthly("Id,DocumentNo,DocumentDate,State,Void,CustomerPurchaseOrderNo,RequiredDeliveryDate,TotalLineAmount", first, last)
		var month []erpOrder
		for o, err := range client.List[erpOrder](ctx, r.ERP, setOrders, q) {
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
		seen.month(first, last)
		for i := range month {
			if err := out.row(&month[i]); err != nil {
				return written, err
			}
			seen.order(&month[i])
			written++
		}
		if err := r.Progress(ctx, int(100*written/max(total, 1)), fmt.Sprintf("%d of %d orders", written, max(total, written))); err != nil {
			return written, err
		}
		first = next
	}
	return written, nil
}
