package agent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/worker/importer/csvfile"
)

// sheet is the rows of a file below its header, whatever its kind.
type sheet interface {
	// head are the names of the columns.
	head() []string
	// next is the next row: a *[csvfile.RowError] says what is wrong with one, [io.EOF]
	// ends the file, and any other error ends it, too.
	next() (line int64, cells []string, err error)
	close() error
}

// maxWorkbook is the largest XLSX file, in bytes: a workbook is an archive, of which
// the index is read as a whole. A larger list is better sent as CSV.
const maxWorkbook = 16 << 20

// openSheet opens a file as what it is: its first bytes say so, and not its name.
func openSheet(file, decoded string, r *rules) (sheet, error) {
	f, err := openFile(file)
	if err != nil {
		return nil, err
	}
	var start [4]byte
	n, err := io.ReadFull(f, start[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		f.Close()
		return nil, err
	}
	if string(start[:n]) == "PK\x03\x04" {
		info, err := f.Stat()
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		if info.Size() > maxWorkbook {
			return nil, wrong("the workbook has %d MB, and %d at most are read; save the list as CSV", info.Size()>>20, maxWorkbook>>20)
		}
		return openWorkbook(file, r)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	return openCSV(f, decoded, r)
}

// csvSheet is a CSV file.
type csvSheet struct {
	file *os.File
	rows *csvfile.Reader
}

// openCSV reads a file in any encoding; one that is not UTF-8 is written as UTF-8
// beside it first.
func openCSV(f *os.File, decoded string, r *rules) (sheet, error) {
	encoding, _, err := csvfile.Guess(f, r.rows.Encoding)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil && encoding != csvfile.UTF8 {
		f, err = decode(f, decoded, encoding)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	rows, err := csvfile.New(f, r.rows.Separator)
	if err != nil {
		f.Close()
		var bad *csvfile.FileError
		if errors.As(err, &bad) {
			return nil, wrong("%s", bad.Reason)
		}
		return nil, err
	}
	return &csvSheet{f, rows}, nil
}

func decode(from *os.File, to, encoding string) (*os.File, error) {
	defer from.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return from, err
	}
	if err := csvfile.Decode(out, from, encoding); err != nil {
		return out, err
	}
	_, err = out.Seek(0, io.SeekStart)
	return out, err
}

func (c *csvSheet) head() []string { return c.rows.Header }
func (c *csvSheet) close() error   { return c.file.Close() }

func (c *csvSheet) next() (int64, []string, error) {
	row, err := c.rows.Next()
	return row.Line, row.Cells, err
}

// workbook is a sheet of an XLSX file. Its cells are values: what a formula came to
// when the file was saved, and never the formula.
type workbook struct {
	file    *excelize.File
	rows    *excelize.Rows
	names   []string
	line    int64
	decimal string
	// price is the column with the price, from 0; -1 while the header is read.
	price int
}

func openWorkbook(file string, r *rules) (_ sheet, err error) {
	if err := lookThrough(file); err != nil {
		return nil, err
	}
	f, err := excelize.OpenFile(file, excelize.Options{
		RawCellValue: true, UnzipXMLSizeLimit: largePart, UnzipSizeLimit: maxUnzipped, TmpDir: filepath.Dir(file),
	})
	if err != nil {
		return nil, wrong("the workbook cannot be read: %s; save it anew, or as CSV", tandem.Clip(err.Error(), 120))
	}
	value := &r.step.Object.Set[0].Value
	w := &workbook{file: f, decimal: value.Numbers.Decimal, price: -1}
	name := r.Sheet
	if sheets := f.GetSheetList(); name == "" && len(sheets) > 0 {
		name = sheets[0]
	}
	if w.rows, err = f.Rows(name); err != nil {
		return nil, errors.Join(wrong("the workbook has no sheet %q; it has %s", tandem.Clip(name, 60),
			tandem.Clip(strings.Join(f.GetSheetList(), ", "), 120)), f.Close())
	}
	_, w.names, err = w.next()
	if errors.Is(err, io.EOF) {
		err = wrong("the sheet is empty; its first row must name the columns")
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	for i := range w.names {
		w.names[i] = strings.TrimSpace(w.names[i])
	}
	w.price = slices.Index(w.names, value.Column)
	return w, nil
}

func (w *workbook) head() []string { return w.names }
func (w *workbook) close() error   { return errors.Join(w.rows.Close(), w.file.Close()) }

func (w *workbook) next() (int64, []string, error) {
	for w.rows.Next() {
		w.line++
		cells, err := w.rows.Columns()
		if err != nil {
			return 0, nil, wrong("row %d of the workbook cannot be read: %s", w.line, tandem.Clip(err.Error(), 120))
		}
		if slices.IndexFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" }) < 0 {
			continue
		}
		if len(cells) > csvfile.MaxColumns {
			return 0, nil, &csvfile.RowError{Line: w.line, Reason: fmt.Sprintf("the row has %d cells; at most %d are allowed", len(cells),
				csvfile.MaxColumns)}
		}
		for i, cell := range cells {
			if len(cell) > csvfile.MaxRow {
				return 0, nil, &csvfile.RowError{Line: w.line, Column: i + 1, Reason: "the cell is too long"}
			}
			if i == w.price { // 12E5 may well be the number of a part
				cells[i] = w.number(cell)
			}
		}
		for len(cells) < len(w.names) {
			cells = append(cells, "")
		}
		return w.line, cells, nil
	}
	if err := w.rows.Error(); err != nil {
		return 0, nil, wrong("the workbook cannot be read behind row %d: %s", w.line, tandem.Clip(err.Error(), 120))
	}
	return 0, nil, io.EOF
}

// rawNumber is a number as workbooks keep it.
var rawNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?(E[+-]?[0-9]+)?$`)

// number writes a number of a workbook as the mapping's files do. Workbooks keep
// seventeen digits of 0.1 + 0.2; nobody means more than ten decimals.
func (w *workbook) number(cell string) string {
	if !rawNumber.MatchString(cell) {
		return cell
	}
	_, fraction, _ := strings.Cut(cell, ".")
	if len(fraction) > 10 || strings.Contains(cell, "E") {
		if f, err := strconv.ParseFloat(cell, 64); err == nil {
			cell = strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(f, 'f', 10, 64), "0"), ".")
		}
	}
	if w.decimal == "," {
		cell = strings.Replace(cell, ".", ",", 1)
	}
	return cell
}
