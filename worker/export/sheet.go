package export

import (
	"encoding/csv"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
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
