package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/worker/importer/csvfile"
)

// maxRows is the most rows of a file.
const maxRows = 1_000_000

// reading is a file on its way to rows, with what a trailer said of it.
type reading struct {
	rules   *rules
	sheet   sheet
	columns map[string]int
	// count is how many rows there were, sum that of their prices, unread how many of
	// them had no price that could be read.
	count, unread int64
	sum           *big.Int
	// ended says that the trailer was met.
	ended   bool
	trailer *controlTotals
}

// controlTotals are what a trailer says.
type controlTotals struct {
	count int64 // -1 where it says nothing
	sum   string
}

// openReading opens a file and checks its columns. The error has
// [tandem.CodeInvalid] where the file is at fault.
func openReading(file, decoded string, r *rules) (*reading, error) {
	s, err := openSheet(file, decoded, r)
	if err != nil {
		return nil, err
	}
	f := &reading{rules: r, sheet: s, columns: map[string]int{}, sum: new(big.Int)}
	for i, name := range s.head() {
		if _, twice := f.columns[name]; twice && name != "" {
			return nil, errors.Join(wrong("the column %q is there twice", tandem.Clip(name, 60)), s.close())
		}
		f.columns[name] = i
	}
	var missing []string
	for _, name := range r.columns() {
		if _, ok := f.columns[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, errors.Join(wrong("columns are missing: %s; the file has %s",
			strings.Join(missing, ", "), tandem.Clip(strings.Join(s.head(), ", "), 120)), s.close())
	}
	return f, nil
}

func (f *reading) close() error { return f.sheet.close() }

// rows are the rows of the file, those that cannot be used with the reason why.
func (f *reading) rows() iter.Seq2[priceRow, error] {
	return func(yield func(priceRow, error) bool) {
		for {
			row, err := f.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func (f *reading) next() (row priceRow, err error) {
	line, cells, err := f.sheet.next()
	var bad *csvfile.RowError
	var file *csvfile.FileError
	switch {
	case errors.As(err, &bad):
		line, cells = bad.Line, bad.Cells
	case errors.As(err, &file):
		return row, wrong("%s", file.Reason)
	case err != nil:
		return row, err
	}
	row = priceRow{line: line, state: wire.RowNew}
	cell := func(column string) string {
		if i, ok := f.columns[column]; ok && i < len(cells) {
			return cells[i]
		}
		return ""
	}
	if t := &f.rules.Trailer; t.Column != "" && bad == nil && strings.TrimSpace(cell(t.Column)) == t.Text {
		if err := f.readTrailer(cell); err != nil {
			return row, err
		}
		return f.next()
	}
	if f.ended {
		return row, wrong("row %d comes after the row %q that ends the file", line, f.rules.Trailer.Text)
	}
	if f.count++; f.count > maxRows {
		return row, wrong("the file has more than %d rows; send it in parts", maxRows)
	}
	if bad != nil {
		row.partNumber = tandem.Clip(strings.TrimSpace(cell(f.rules.step.Object.Key)), 64)
		row.refuse(bad.Reason)
		f.unread++
		return row, nil
	}
	f.make(&row, cell)
	return row, nil
}

// make settles what a row says, before anything is known of the product.
func (f *reading) make(row *priceRow, cell func(string) string) {
	object, key, problems := f.rules.rows.Make(f.rules.step, cell)
	row.partNumber = tandem.Clip(key, 64)
	for _, p := range problems {
		if p.Warning {
			continue
		}
		f.unread++
		reason := p.Reason
		if p.Column != "" {
			reason = p.Column + ": " + reason
		}
		if p.Value != "" {
			reason += fmt.Sprintf(" (%q)", p.Value)
		}
		row.refuse(reason)
		return
	}
	price, err := priceIn(object)
	if err != nil {
		f.unread++
		row.refuse(err.Error())
		return
	}
	row.new = price
	f.sum.Add(f.sum, big.NewInt(int64(price)))
	currency := strings.TrimSpace(cell(f.rules.Currency))
	switch {
	case len(key) > 32:
		row.refuse("a part number has at most 32 characters")
	case price <= 0:
		row.refuse("the price must be more than zero")
	case f.rules.Currency != "" && !strings.EqualFold(currency, f.rules.code):
		row.refuse(fmt.Sprintf("another currency: %q, and the mapping is for %s", tandem.Clip(currency, 20), f.rules.code))
	}
}

// priceIn is the price in an object that the mapping has made.
func priceIn(object []byte) (money, error) {
	var made struct {
		StandardPricePerLot *struct{ Value json.Number }
	}
	if err := json.Unmarshal(append(slices.Clone(object), '}'), &made); err != nil {
		return 0, err
	}
	if made.StandardPricePerLot == nil {
		return 0, wrong("there is no price")
	}
	return parseMoney(made.StandardPricePerLot.Value)
}

func (f *reading) readTrailer(cell func(string) string) error {
	t := &f.rules.Trailer
	if f.ended {
		return wrong("the row %q is there twice", t.Text)
	}
	f.ended, f.trailer = true, &controlTotals{count: -1}
	if t.Count != "" {
		n, err := strconv.ParseInt(strings.TrimSpace(cell(t.Count)), 10, 64)
		if err != nil {
			return wrong("the row %q has no number of rows in the column %s", t.Text, t.Count)
		}
		f.trailer.count = n
	}
	if t.Sum {
		object, _, problems := f.rules.rows.Make(f.rules.step, cell)
		sum, err := priceIn(object)
		if err != nil || len(problems) > 0 {
			return wrong("the row %q has no sum of the prices", t.Text)
		}
		f.trailer.sum = fixed(big.NewInt(int64(sum)))
	}
	return nil
}

// control compares the file with its trailer, when all rows were read: what it says,
// for people, or why the file is not whole.
func (f *reading) control() (said string, err error) {
	t := f.trailer
	if t == nil {
		if f.rules.Trailer.Column != "" {
			return "the file has no control totals", nil
		}
		return "", nil
	}
	if t.count >= 0 && t.count != f.count {
		return "", wrong("the file is not whole: its last row says %d rows, and there are %d", t.count, f.count)
	}
	if t.sum != "" && f.unread == 0 && t.sum != fixed(f.sum) {
		return "", wrong("the file is not whole: its last row says that the prices sum to %s, and they sum to %s", t.sum, fixed(f.sum))
	}
	said = fmt.Sprintf("control totals agree: %d rows", f.count)
	switch {
	case t.sum != "" && f.unread == 0:
		said += ", prices sum to " + t.sum
	case t.sum != "":
		said += fmt.Sprintf("; the sum could not be compared, as %d rows have no price", f.unread)
	}
	return said, nil
}
