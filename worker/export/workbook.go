package export

import (
	"os"
	"strconv"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/worker/csvtext"
	"github.com/xuri/excelize/v2"
)

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
		return tandem.Errorf(tandem.CodeTooLarge, "the orders do not fit a workbook; choose a shorter period, or csv")
	}
	cell, err := excelize.CoordinatesToCellName(1, b.rows)
	if err != nil {
		return err
	}
	return b.out.SetRow(cell, cells)
}

func (b *workbook) row(o *erpOrder) error {
	number, name := o.customer()
	total := any(csvtext.Harmless(string(o.TotalLineAmount.Value)))
	if f, err := strconv.ParseFloat(string(o.TotalLineAmount.Value), 64); err == nil {
		total = excelize.Cell{StyleID: b.money, Value: f}
	}
	required := any(nil)
	if o.RequiredDeliveryDate != nil {
		required = excelize.Cell{StyleID: b.date, Value: o.RequiredDeliveryDate.UTC()}
	}
	void := any(nil)
	if o.Void != nil {
		void = *o.Void
	}
	return b.write([]any{
		csvtext.Harmless(o.DocumentNo), excelize.Cell{StyleID: b.date, Value: o.DocumentDate.UTC()}, csvtext.Harmless(o.State), void,
		csvtext.Harmless(number), csvtext.Harmless(name), csvtext.Harmless(o.CustomerPurchaseOrderNo), required, total, csvtext.Harmless(o.TotalLineAmount.Currency),
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
