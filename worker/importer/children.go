package importer

import (
	"cmp"
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
	c       *mapping.Children
	file    *os.File
	columns map[string]int
	width   int
	rows    []childRow // by parent, then in the order of the file
	bad     []internalapi.ReportRow
}

type childRow struct {
	parent       string
	offset, line int64
	used         bool
	// reason is set for a row that cannot be read but names its parent.
	reason string
}

// childFault is what is wrong with a child's row.
type childFault struct {
	mapping.Problem
	line int64
}

// indexChildren reads the file once; nil when it is refused.
func (i *attempt) indexChildren(c *mapping.Children) (*childIndex, error) {
	file, err := i.openFile(c.File)
	if err != nil {
		return nil, err
	}
	index := &childIndex{i: i, c: c, file: file}
	rows, columns, err := i.header(file, c.File, c.Columns(), c.Ignore)
	if err != nil || rows == nil {
		file.Close()
		return nil, err
	}
	index.columns, index.width = columns, len(rows.Header)
	parent := columns[c.Parent]
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csvfile.RowError
		switch {
		case err == nil:
			index.rows = append(index.rows, childRow{parent: strings.TrimSpace(row.Cells[parent]), offset: row.Offset, line: row.Line})
		case errors.As(err, &bad) && len(bad.Cells) > parent && strings.TrimSpace(bad.Cells[parent]) != "":
			index.rows = append(index.rows, childRow{parent: strings.TrimSpace(bad.Cells[parent]), line: bad.Line, reason: bad.Reason})
		case errors.As(err, &bad):
			index.bad = append(index.bad, rowError(c.File, rows.Header, bad))
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
	return index, nil
}

// of gives the children of a parent: their lines in the file, their JSON, and
// what is wrong with them.
func (x *childIndex) of(parent string) (lines []int64, objects []byte, faults []childFault, err error) {
	first, _ := slices.BinarySearchFunc(x.rows, parent, func(r childRow, key string) int { return strings.Compare(r.parent, key) })
	for n := first; n < len(x.rows) && x.rows[n].parent == parent; n++ {
		r := &x.rows[n]
		if r.used {
			continue // of a second row with the same key, which is refused
		}
		r.used = true
		place := len(lines)
		lines = append(lines, r.line)
		if r.reason != "" {
			faults = append(faults, childFault{mapping.Problem{Reason: r.reason}, r.line})
			continue
		}
		row, err := csvfile.At(x.file, r.offset, r.line, x.i.Mapping.Separator, x.width)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("read line %d of %s again: %w", r.line, x.c.File, err)
		}
		object, problems := x.i.Mapping.MakeChild(x.c, place, cellsOf(row, x.columns))
		for _, p := range problems {
			faults = append(faults, childFault{p, r.line})
		}
		if len(objects) > 0 {
			objects = append(objects, ',')
		}
		objects = append(objects, object...)
	}
	return lines, objects, faults, nil
}

// orphans reports the rows that no parent took, and those that cannot be read.
func (x *childIndex) orphans(b *batch, parents string) {
	var lost []internalapi.ReportRow
	for n := range x.rows {
		r := &x.rows[n]
		if r.used {
			continue
		}
		b.rows[x.c.File]++
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
	b.rows[x.c.File] += int64(len(x.bad))
	lost = append(lost, x.bad...)
	slices.SortStableFunc(lost, func(a, c internalapi.ReportRow) int { return cmp.Compare(a.Row, c.Row) })
	b.report = append(b.report, lost...)
}
