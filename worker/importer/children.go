package importer

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer/csvfile"
	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// childIndex knows where the rows of each parent are in the children's file, so
// that they need not be together in it, and the file not in memory.
type childIndex struct {
	i       *attempt
	step    *mapping.Step
	c       *mapping.Children
	file    *os.File
	columns map[string]int
	format  csvfile.Format
	rows    []childRow // by parent, then in the order of the file
	bad     []internalapi.ReportRow
	lost    lostRows
}

type childRow struct {
	parent       string
	offset, line int64
	place        int // among those that name their parent
	used         bool
	// column and reason are set for a row that cannot be read but names its parent.
	column, reason string
}

// childFault is what is wrong with a child's row.
type childFault struct {
	mapping.Problem
	line int64
}

// same reports whether the rows are the step's, which repeat what concerns the
// parent.
func (x *childIndex) same() bool { return x.c.File == x.step.File }

// indexChildren reads the file once; nil when it is refused.
func (i *attempt) indexChildren(ctx context.Context, step *mapping.Step, c *mapping.Children) (*childIndex, error) {
	file, err := i.openFile(c.File)
	if err != nil {
		return nil, err
	}
	index := &childIndex{i: i, step: step, c: c, file: file}
	needed, ignored := step.FileColumns(c.File)
	told := len(i.report)
	rows, columns, err := i.header(file, c.File, needed, ignored)
	if index.same() {
		i.report = i.report[:told] // the step has said it
	}
	if err != nil || rows == nil {
		file.Close()
		return nil, err
	}
	index.columns, index.format = columns, rows.Format
	parent := columns[c.Parent]
	for {
		row, err := rows.Next()
		if ctx.Err() != nil {
			file.Close()
			return nil, context.Cause(ctx)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		var whole *csvfile.FileError
		if errors.As(err, &whole) {
			file.Close()
			i.refuseFile(c.File, whole.Reason)
			return nil, nil
		}
		var bad *csvfile.RowError
		if errors.As(err, &bad) && i.mend(bad, rows.Format, &row) {
			bad, err = nil, nil
		}
		if _, known := i.unreadable[c.File]; bad != nil && !known {
			i.unreadable[c.File] = bad.Line
		}
		switch {
		case err == nil:
			index.add(childRow{parent: strings.TrimSpace(row.Cells[parent]), offset: row.Offset, line: row.Line})
		case bad != nil && len(bad.Cells) > parent && strings.TrimSpace(bad.Cells[parent]) != "":
			index.add(childRow{
				parent: strings.TrimSpace(bad.Cells[parent]), line: bad.Line,
				column: rowError(c.File, rows.Header, bad).Column, reason: bad.Reason,
			})
		case bad != nil:
			index.bad = append(index.bad, rowError(c.File, rows.Header, bad))
			index.lost.lose(bad.Line)
		default:
			file.Close()
			return nil, err
		}
		if len(index.rows)+len(index.bad) > MaxChildRows {
			file.Close()
			i.refuseFile(c.File, fmt.Sprintf("the file has more than %d rows; split it, together with its parents", MaxChildRows))
			return nil, nil
		}
	}
	slices.SortStableFunc(index.rows, func(a, b childRow) int { return strings.Compare(a.parent, b.parent) })
	index.lost.settle(index.rows, index.bad)
	return index, nil
}

// add takes a row that names its parent.
func (x *childIndex) add(r childRow) {
	r.place = len(x.rows)
	x.rows = append(x.rows, r)
	x.lost.pass(r.parent)
}

// of gives the children of a parent, and what is wrong with them. object is the
// parent's: all rows of the same file must make the same one.
func (x *childIndex) of(parent string, object []byte) (found []childLine, faults []childFault, err error) {
	first, _ := slices.BinarySearchFunc(x.rows, parent, func(r childRow, key string) int { return strings.Compare(r.parent, key) })
	var cells mapping.Cells // of the first row
	for n := first; n < len(x.rows) && x.rows[n].parent == parent; n++ {
		r := &x.rows[n]
		if r.used {
			continue // of a second row with the same key, which is refused
		}
		r.used = true
		if r.reason != "" {
			found = append(found, childLine{of: x.c, line: r.line})
			faults = append(faults, childFault{mapping.Problem{Column: r.column, Reason: r.reason}, r.line})
			continue
		}
		row, told, err := x.read(r)
		if err != nil {
			return nil, nil, err
		}
		faults = append(faults, told...)
		child, problems := x.i.Mapping.MakeChild(x.c, cellsOf(row, x.columns))
		for _, p := range problems {
			faults = append(faults, childFault{p, r.line})
		}
		found = append(found, childLine{of: x.c, line: r.line, Child: child})
		if !x.same() {
			continue
		}
		if cells == nil {
			cells = cellsOf(row, x.columns)
		} else if p, differs := x.differs(cells, cellsOf(row, x.columns), object); differs {
			faults = append(faults, childFault{p, r.line})
		}
	}
	return found, faults, nil
}

// read reads a row again, mended where it must be.
func (x *childIndex) read(r *childRow) (row csvfile.Row, told []childFault, err error) {
	row, err = csvfile.At(x.file, r.offset, r.line, x.format)
	var bad *csvfile.RowError
	if errors.As(err, &bad) && x.i.mend(bad, x.format, &row) {
		if err = nil; !x.same() { // the step has told it
			told = append(told, childFault{mapping.Problem{Reason: mended(x.c.File, bad).Reason, Warning: true}, r.line})
		}
	}
	if err != nil {
		return row, nil, fmt.Errorf("read line %d of %s again: %w", r.line, x.c.File, err)
	}
	return row, told, nil
}

// differs says what a row says about its parent that the first one does not.
func (x *childIndex) differs(first, other mapping.Cells, object []byte) (mapping.Problem, bool) {
	again, _, _ := x.i.Mapping.Make(x.step, other)
	if bytes.Equal(again, object) {
		return mapping.Problem{}, false
	}
	for _, column := range x.step.Columns() {
		if first(column) != other(column) {
			return mapping.Problem{
				Column: column, Value: tandem.Clip(other(column), 60),
				Reason: fmt.Sprintf("another row with the same %s has %q here; they must be alike", x.step.Object.Key, tandem.Clip(first(column), 60)),
			}, true
		}
	}
	return mapping.Problem{}, false
}

// orphans reports the rows that no parent took, and those that cannot be read.
func (x *childIndex) orphans(b *batch, parents string) {
	var lost []internalapi.ReportRow
	for n := range x.rows {
		r := &x.rows[n]
		if r.used {
			continue
		}
		if !x.same() {
			b.rows[x.c.File]++
		}
		reason := "no row of " + parents + " has this key"
		if r.reason != "" {
			reason = r.reason
		}
		lost = append(lost, internalapi.ReportRow{
			File:     x.c.File,
			Row:      r.line,
			Severity: internalapi.SeverityRefused,
			Column:   x.c.Parent,
			Value:    tandem.Clip(r.parent, 60),
			Reason:   reason,
		})
	}
	if !x.same() {
		b.rows[x.c.File] += int64(len(x.bad))
	}
	lost = append(lost, x.bad...)
	slices.SortStableFunc(lost, func(a, c internalapi.ReportRow) int { return cmp.Compare(a.Row, c.Row) })
	b.report = append(b.report, lost...)
}
