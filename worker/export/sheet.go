package export

import (
	"os"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/worker/csvtext"
)

var exportHeader = []string{
	"Order", "Date", "State", "Void", "Customer number", "Customer", "Customer's order", "Required delivery", "Total", "Currency",
}

// sheet is where the rows of an export go.
type sheet interface {
	row(o *erpOrder) error
	close() error
}

func mediaType(format string) string {
	if format == formatXLSX {
		return typeXLSX
	}
	return typeCSV
}

func newSheet(file, format string, total int64) (sheet, error) {
	if format == formatXLSX {
		if total >= maxSheetRows {
			return nil, tandem.Errorf(tandem.CodeTooLarge, "%d orders do not fit a workbook; choose a shorter period, or csv", total)
		}
		return newWorkbook(file)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	c := &csvSheet{file: f, out: csvtext.NewWriter(f)}
	return c, c.out.Row(exportHeader...)
}

type csvSheet struct {
	file *os.File
	out  *csvtext.Writer
}

func (c *csvSheet) row(o *erpOrder) error {
	number, name := o.customer()
	return c.out.Row(
		o.DocumentNo, o.DocumentDate.UTC().Format(time.DateOnly), o.State, o.voided(),
		number, name, o.CustomerPurchaseOrderNo, day(o.RequiredDeliveryDate),
		string(o.TotalLineAmount.Value), o.TotalLineAmount.Currency,
	)
}

func (o *erpOrder) voided() string {
	if o.Void == nil {
		return ""
	}
	return strconv.FormatBool(*o.Void)
}

func (c *csvSheet) close() error {
	err := c.out.Flush()
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
