package query

import "github.com/hybridapps/tandem"

// Bounds of one response, whatever shape a query gives it. Rows that were read
// once may show in many places, and count in each.
const (
	// MaxRows is the most rows that a response shows, those in expanded
	// navigations included.
	MaxRows = 50_000
	// MaxBytes is about the size of the largest response, before it is
	// compressed.
	MaxBytes = 16 << 20
)

// Budget is what a response may still show. A page ends before the row that
// would not fit.
type Budget struct{ rows, bytes int }

// NewBudget is the budget of one response.
func NewBudget() *Budget { return &Budget{MaxRows, MaxBytes} }

// Take takes a row, with all that it shows, from the budget. It reports false,
// and takes nothing, when the row does not fit.
func (b *Budget) Take(row *Row) bool {
	left := *b
	left.row(row)
	if left.rows < 0 || left.bytes < 0 {
		return false
	}
	*b = left
	return true
}

// What JSON needs besides texts, about: for a row, and for each of its fields.
const (
	rowBytes   = 120
	fieldBytes = 40
)

// row counts a row, and stops when there is nothing left.
func (b *Budget) row(row *Row) {
	b.rows--
	b.bytes -= rowBytes + fieldBytes*len(row.Values)
	for i := range row.Values {
		b.bytes -= len(row.Values[i].Text) + len(row.Values[i].Unit)
	}
	for _, list := range row.Expanded {
		for i := range list {
			if b.rows < 0 || b.bytes < 0 {
				return
			}
			b.row(&list[i])
		}
	}
}

// TooMuch is the error for a row that fits no response.
func (q *Query) TooMuch() error {
	if len(q.Expand) == 0 {
		return tandem.Errorf(tandem.CodeInvalid, "A row of %s is larger than %d MiB; select less of it.", q.Set.Name, MaxBytes>>20)
	}
	return tandem.Errorf(tandem.CodeInvalid, "$expand makes one row of %s show more than a response holds, %d rows or %d MiB; "+
		"expand or select less, and read the rest with a second request.", q.Set.Name, MaxRows, MaxBytes>>20)
}
