package main

import (
	"bufio"
	"encoding/json"
	"io"
	"iter"
	"strings"
	"unicode/utf8"
)

// listing are the flags of lists that grow.
type listing struct {
	output
	Limit int `help:"How many at most; all when not given." placeholder:"N"`
}

// check refuses what is no limit.
func (l *listing) check() error {
	if l.Limit < 0 {
		return usage("--limit %d: use 1 or more", l.Limit)
	}
	return nil
}

// column is one of a table.
type column[T any] struct {
	name string
	cell func(T) string
}

// showList writes rows as the flag says.
func showList[T any](w io.Writer, o output, rows []T, columns []column[T]) error {
	return showEach(w, listing{output: o}, each(rows), columns)
}

// each yields rows that are there already.
func each[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// showRows writes what a list has, as rows, while it is read.
func showRows[T, Row any](w io.Writer, l listing, list iter.Seq2[T, error], row func(T) Row, columns []column[Row]) error {
	return showEach(w, l, func(yield func(Row, error) bool) {
		for thing, err := range list {
			if !yield(row(thing), err) {
				return
			}
		}
	}, columns)
}

// showEach writes rows as the flags say, while they are read. Who reads them, such
// as head, may stop.
func showEach[T any](w io.Writer, l listing, rows iter.Seq2[T, error], columns []column[T]) error {
	out := bufio.NewWriter(w)
	var f format[T] = &tableFormat[T]{columns: columns}
	switch l.Output {
	case "json":
		f = &jsonFormat[T]{}
	case "yaml":
		f = &yamlFormat[T]{output: l.output}
	}
	n := 0
	for row, err := range rows {
		if err == nil {
			err = f.row(out, row)
		}
		if err != nil {
			return err
		}
		if n++; n == l.Limit {
			break
		}
	}
	if err := f.end(out); err != nil {
		return err
	}
	return out.Flush()
}

// format writes the rows of a list, and what comes after the last.
type format[T any] interface {
	row(w *bufio.Writer, row T) error
	end(w *bufio.Writer) error
}

// jsonFormat writes an array, indented as json.MarshalIndent does.
type jsonFormat[T any] struct{ begun bool }

func (f *jsonFormat[T]) row(w *bufio.Writer, row T) error {
	text, err := json.MarshalIndent(row, "  ", "  ")
	if err != nil {
		return err
	}
	before := "[\n  "
	if f.begun {
		before = ",\n  "
	}
	f.begun = true
	_, err = w.WriteString(before + string(text))
	return err
}

func (f *jsonFormat[T]) end(w *bufio.Writer) error {
	text := "[]\n"
	if f.begun {
		text = "\n]\n"
	}
	_, err := w.WriteString(text)
	return err
}

// yamlFormat writes a sequence: one after the other, sequences of one are one.
type yamlFormat[T any] struct {
	output output
	begun  bool
}

func (f *yamlFormat[T]) row(w *bufio.Writer, row T) error {
	f.begun = true
	return showData(w, f.output, []T{row})
}

func (f *yamlFormat[T]) end(w *bufio.Writer) error {
	if f.begun {
		return nil
	}
	_, err := w.WriteString("[]\n")
	return err
}

// measured is how many rows say how wide the columns of a table are.
const measured = 500

// tableFormat writes a table. What is wider than the first rows moves its own line
// only.
type tableFormat[T any] struct {
	columns []column[T]
	waiting [][]string
	widths  []int
}

func (f *tableFormat[T]) row(w *bufio.Writer, row T) error {
	cells := make([]string, len(f.columns))
	for i, c := range f.columns {
		cells[i] = plain(c.cell(row))
	}
	if f.widths != nil {
		return f.line(w, cells)
	}
	if f.waiting = append(f.waiting, cells); len(f.waiting) == measured {
		return f.begin(w)
	}
	return nil
}

// begin writes the head and the rows that say how wide it is.
func (f *tableFormat[T]) begin(w *bufio.Writer) error {
	head := make([]string, len(f.columns))
	for i, c := range f.columns {
		head[i] = strings.ToUpper(c.name)
	}
	f.widths = make([]int, len(f.columns))
	f.waiting = append([][]string{head}, f.waiting...)
	for _, cells := range f.waiting {
		for i, cell := range cells {
			f.widths[i] = max(f.widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, cells := range f.waiting {
		if err := f.line(w, cells); err != nil {
			return err
		}
	}
	f.waiting = nil
	return nil
}

func (f *tableFormat[T]) line(w *bufio.Writer, cells []string) error {
	for i, cell := range cells {
		if i < len(cells)-1 {
			cell += strings.Repeat(" ", max(0, f.widths[i]-utf8.RuneCountInString(cell))+2)
		}
		if _, err := w.WriteString(cell); err != nil {
			return err
		}
	}
	return w.WriteByte('\n')
}

func (f *tableFormat[T]) end(w *bufio.Writer) error {
	if f.widths != nil {
		return nil
	}
	return f.begin(w)
}
