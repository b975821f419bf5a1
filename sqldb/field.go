package sqldb

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"
)

// Field reads and writes a value that the drivers do not know as it is stored.
type Field interface {
	sql.Scanner
	driver.Valuer
}

// TimeField keeps a time as [Micros] does.
func TimeField(t *time.Time) Field { return (*timeField)(t) }

type timeField time.Time

func (f *timeField) Value() (driver.Value, error) { return Micros(time.Time(*f)), nil }

func (f *timeField) Scan(stored any) error {
	micros, ok := stored.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T, not as microseconds", stored)
	}
	*f = timeField(Time(micros))
	return nil
}

// TextField keeps a value as a text, by the two functions that write and read
// one. The zero value and an empty text need not be each other's.
func TextField[T any](value *T, write func(T) string, read func(string) T) Field {
	return &textField[T]{value, write, read}
}

type textField[T any] struct {
	value *T
	write func(T) string
	read  func(string) T
}

func (f *textField[T]) Value() (driver.Value, error) { return f.write(*f.value), nil }

func (f *textField[T]) Scan(stored any) error {
	text, ok := stored.(string)
	if !ok {
		return fmt.Errorf("a text is stored as %T", stored)
	}
	*f.value = f.read(text)
	return nil
}
