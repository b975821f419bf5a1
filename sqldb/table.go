package sqldb

import (
	"database/sql"
	"strconv"
	"strings"
)

// Column names a column of a table and tells where its value is: a pointer,
// that a row is read into and whose value is written. What no driver knows
// goes through a [Field] of its own, such as [TimeField].
type Column func(name string, value any)

// Table knows the columns of a table by name and the field of a T that each
// belongs to. Statements and values come from the one list, so no two can
// disagree about an order.
type Table[T any] struct {
	// Columns are the names, for a clause such as RETURNING.
	Columns string
	// Select reads whole rows; a WHERE clause may follow.
	Select string
	// Insert writes a row with the values of [Table.Values].
	Insert string
	// Update sets all columns but the first, which is the key, with the values
	// of [Table.Values].
	Update string

	columns func(*T, Column)
	count   int
}

// NewTable describes the table. columns calls column for each column, always
// the same ones in the same order, the key first.
func NewTable[T any](name string, columns func(row *T, column Column)) *Table[T] {
	var names, placeholders, sets []string
	columns(new(T), func(name string, _ any) {
		placeholder := "$" + strconv.Itoa(len(names)+1)
		names, placeholders = append(names, name), append(placeholders, placeholder)
		sets = append(sets, name+" = "+placeholder)
	})
	all := strings.Join(names, ", ")
	return &Table[T]{
		Columns: all,
		Select:  "SELECT " + all + " FROM " + name + " ",
		Insert:  "INSERT INTO " + name + " (" + all + ") VALUES (" + strings.Join(placeholders, ", ") + ")",
		Update:  "UPDATE " + name + " SET " + strings.Join(sets[1:], ", ") + " WHERE " + sets[0],
		columns: columns,
		count:   len(names),
	}
}

// Values are the values of the row in the order of the columns: pointers, for
// a statement's arguments and for a scan alike.
func (t *Table[T]) Values(row *T) []any {
	values := make([]any, 0, t.count)
	t.columns(row, func(_ string, value any) { values = append(values, value) })
	return values
}

// AllValues are the values of one row after the other, for a statement that
// writes several.
func (t *Table[T]) AllValues(rows []T) []any {
	values := make([]any, 0, t.count*len(rows))
	column := func(_ string, value any) { values = append(values, value) }
	for i := range rows {
		t.columns(&rows[i], column)
	}
	return values
}

// One reads one row of a query for the table's columns, and returns
// [sql.ErrNoRows] when there is none.
func (t *Table[T]) One(found *sql.Row) (T, error) {
	var row T
	err := found.Scan(t.Values(&row)...)
	return row, err
}

// All reads and closes the rows of a query for the table's columns. It takes
// what the query returned, error included.
func (t *Table[T]) All(rows *sql.Rows, err error) (all []T, _ error) {
	err = t.Range(rows, err, func(row *T) error {
		all = append(all, *row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Range is [Table.All] for rows that need not be in memory together: it calls f
// with one after the other, until f fails. f may keep what the row holds, but not
// the pointer.
func (t *Table[T]) Range(rows *sql.Rows, err error, f func(row *T) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	var row, none T
	values := t.Values(&row)
	for rows.Next() {
		row = none // so that no two rows share what a field points to
		if err := rows.Scan(values...); err != nil {
			return err
		}
		if err := f(&row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// List reads and closes the rows of a query for one column. It takes what the
// query returned, error included.
func List[T any](rows *sql.Rows, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var value T
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		all = append(all, value)
	}
	return all, rows.Err()
}

// Changed reports whether a statement changed one row. It takes what Exec
// returned, error included.
func Changed(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// Each makes something of every row; of none it makes nil.
func Each[Row, T any](rows []Row, f func(*Row) T) []T {
	if len(rows) == 0 {
		return nil
	}
	made := make([]T, len(rows))
	for i := range rows {
		made[i] = f(&rows[i])
	}
	return made
}
