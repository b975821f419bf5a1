package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer/csvfile"
	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// item is one object on its way: a row with its children.
type item struct {
	line     int64
	object   json.RawMessage
	children []childLine
}

type childLine struct {
	file string
	line int64
}

// batch is what one request sends, and what was wrong with the rows between.
type batch struct {
	items  []item
	bytes  int
	report []internalapi.ReportRow
	// row and rows count: where the batch ends in the step's file, and how many
	// rows of each file it took up.
	row  int64
	rows map[string]int64
	last bool
}

// step imports one file. The next batch is made while the API works on one.
func (i *attempt) step(ctx context.Context, step *mapping.Step) error {
	reader, err := i.newReader(step)
	if err != nil {
		return err
	}
	if reader == nil {
		return nil // the file is refused as a whole
	}
	defer reader.close()
	batches := make(chan *batch, 1)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(batches)
		return reader.read(ctx, batches)
	})
	group.Go(func() error {
		for b := range batches {
			if err := i.send(ctx, step, b); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// stepReader makes batches of a file.
type stepReader struct {
	i        *attempt
	step     *mapping.Step
	file     *os.File
	rows     *csvfile.Reader
	columns  map[string]int
	children []*childIndex
	skip     int64 // rows that an earlier attempt has done
	seen     map[string]int64
	batch    *batch
	row      int64
}

// newReader opens the file and its children's; nil when its header is wrong.
func (i *attempt) newReader(step *mapping.Step) (*stepReader, error) {
	file, err := i.openFile(step.File)
	if err != nil {
		return nil, err
	}
	r := &stepReader{i: i, step: step, file: file, skip: i.at.Row, seen: map[string]int64{}}
	r.rows, r.columns, err = i.header(file, step.File, step.Columns(), step.Ignore)
	if err != nil || r.rows == nil {
		file.Close()
		return nil, err
	}
	for _, c := range step.Children {
		if _, uploaded := i.files[c.File]; !uploaded {
			continue
		}
		index, err := i.indexChildren(c)
		if err != nil {
			r.close()
			return nil, err
		}
		if index == nil {
			// Without its lines no order is imported: half an order is wrong.
			i.refuseFile(step.File, "not imported, because "+c.File+" cannot be read")
			r.close()
			return nil, nil
		}
		r.children = append(r.children, index)
	}
	return r, nil
}

func (r *stepReader) close() {
	r.file.Close()
	for _, c := range r.children {
		c.file.Close()
	}
}

// header checks the columns of a file; nil when it is refused.
func (i *attempt) header(file io.Reader, name string, needed, ignored []string) (*csvfile.Reader, map[string]int, error) {
	rows, err := csvfile.New(file, i.Mapping.Separator)
	var bad *csvfile.FileError
	if errors.As(err, &bad) {
		i.refuseFile(name, bad.Reason)
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	columns := map[string]int{}
	for k, column := range rows.Header {
		columns[column] = k
		if !slices.Contains(needed, column) && !slices.Contains(ignored, column) && i.at.Row == 0 {
			i.report = append(i.report, internalapi.ReportRow{
				File:     name,
				Row:      1,
				Severity: internalapi.SeverityWarning,
				Column:   tandem.Clip(column, 60),
				Reason:   "the mapping does not use this column",
			})
		}
	}
	var missing []string
	for _, column := range needed {
		if _, found := columns[column]; !found {
			missing = append(missing, column)
		}
	}
	if len(missing) > 0 {
		reason := "columns are missing: " + strings.Join(missing, ", ") + "; the file has " + tandem.Clip(strings.Join(rows.Header, ", "), 60)
		if len(rows.Header) == 1 {
			reason += fmt.Sprintf(". Are its cells parted by %q?", i.Mapping.Separator)
		}
		i.report = append(i.report, internalapi.ReportRow{File: name, Row: 1, Severity: internalapi.SeverityRefused, Reason: reason})
		return nil, nil, nil
	}
	return rows, columns, nil
}

func (r *stepReader) fresh() { r.batch = &batch{rows: map[string]int64{}, row: r.row} }

// read makes the batches of the whole file.
func (r *stepReader) read(ctx context.Context, out chan<- *batch) error {
	send := func() error {
		r.batch.row = r.row
		select {
		case out <- r.batch:
			r.fresh()
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	r.fresh()
	for {
		row, err := r.rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csvfile.RowError
		if err != nil && !errors.As(err, &bad) {
			return err
		}
		r.row++
		if r.row > r.skip {
			r.batch.rows[r.step.File]++
		}
		if bad != nil && r.mend(bad, &row) {
			bad = nil
		}
		if bad != nil {
			if r.row > r.skip {
				r.batch.report = append(r.batch.report, rowError(r.step.File, r.rows.Header, bad))
			}
		} else if err := r.take(row); err != nil {
			return err
		}
		if len(r.batch.items) >= batchObjects || r.batch.bytes >= batchBytes || len(r.batch.report) >= batchObjects {
			if err := send(); err != nil {
				return err
			}
		}
	}
	for _, c := range r.children {
		c.orphans(r.batch, r.step.File)
	}
	r.batch.last = true
	return send()
}

// mend makes a usable row of one with too many cells, where the mapping allows
// it, and reports that.
func (r *stepReader) mend(bad *csvfile.RowError, row *csvfile.Row) bool {
	if !r.i.Mapping.JoinSpaced {
		return false
	}
	cells, ok := csvfile.Rejoin(bad.Cells, r.i.Mapping.Separator, len(r.rows.Header))
	if !ok {
		return false
	}
	*row = csvfile.Row{Line: bad.Line, Offset: bad.Offset, Cells: cells}
	if r.row > r.skip {
		r.batch.report = append(r.batch.report, internalapi.ReportRow{
			File: r.step.File, Row: bad.Line, Severity: internalapi.SeverityWarning,
			Reason: bad.Reason + "; cells that begin with a space were joined to the one before. Put texts with commas in quotation marks",
		})
	}
	return true
}

// take makes the object of a row and adds it to the batch, or reports why not.
func (r *stepReader) take(row csvfile.Row) error {
	object, key, problems := r.i.Mapping.Make(r.step, cellsOf(row, r.columns))
	report := func(severity, file string, line int64, p mapping.Problem) {
		if r.row > r.skip {
			r.batch.report = append(r.batch.report, internalapi.ReportRow{
				File: file, Row: line, Severity: severity, Column: p.Column, Value: p.Value, Reason: p.Reason,
			})
		}
	}
	refused := ""
	for _, p := range problems {
		if p.Warning {
			report(internalapi.SeverityWarning, r.step.File, row.Line, p)
			continue
		}
		refused = p.Reason
		report(internalapi.SeverityRefused, r.step.File, row.Line, p)
	}
	if first, twice := r.seen[key]; twice && refused == "" {
		refused = fmt.Sprintf("line %d has the same key", first)
		report(internalapi.SeverityRefused, r.step.File, row.Line, mapping.Problem{
			Column: r.step.Object.Key, Value: tandem.Clip(key, 60), Reason: refused,
		})
	} else if refused == "" {
		r.seen[key] = row.Line
	}
	it := item{line: row.Line}
	for _, index := range r.children {
		lines, objects, faults, err := index.of(key)
		if err != nil {
			return err
		}
		if r.row > r.skip {
			r.batch.rows[index.c.File] += int64(len(lines))
		}
		for _, f := range faults {
			severity := internalapi.SeverityWarning
			if !f.Warning {
				severity = internalapi.SeverityRefused
				if refused == "" {
					refused = fmt.Sprintf("not imported, because line %d of %s is wrong: %s", f.line, index.c.File, f.Reason)
					report(severity, r.step.File, row.Line, mapping.Problem{Reason: refused})
				}
			}
			report(severity, index.c.File, f.line, f.Problem)
		}
		for _, line := range lines {
			it.children = append(it.children, childLine{index.c.File, line})
			if refused != "" && !slices.ContainsFunc(faults, func(f childFault) bool { return f.line == line && !f.Warning }) {
				report(internalapi.SeverityRefused, index.c.File, line, mapping.Problem{Reason: withParent(r.step.File)})
			}
		}
		object = append(object, ',')
		object = append(strconv.AppendQuote(object, index.c.Collection), ':')
		object = append(append(object, '['), objects...)
		object = append(object, ']')
	}
	if refused != "" || r.row <= r.skip {
		return nil
	}
	it.object = append(object, '}')
	r.batch.items = append(r.batch.items, it)
	r.batch.bytes += len(it.object)
	return nil
}

// withParent is the reason of a child's row whose parent is refused.
func withParent(file string) string {
	return "not imported, because its row of " + file + " is refused"
}

func cellsOf(row csvfile.Row, columns map[string]int) mapping.Cells {
	return func(column string) string { return row.Cells[columns[column]] }
}

func rowError(file string, header []string, e *csvfile.RowError) internalapi.ReportRow {
	row := internalapi.ReportRow{File: file, Row: e.Line, Severity: internalapi.SeverityRefused, Reason: e.Reason}
	if e.Column > 0 && e.Column <= len(header) {
		row.Column = header[e.Column-1]
	}
	return row
}

// send makes the request of a batch and writes down what came of it.
func (i *attempt) send(ctx context.Context, step *mapping.Step, b *batch) error {
	results, err := i.request(ctx, b.items)
	if err != nil {
		return err
	}
	i.report = append(i.report, b.report...)
	for n := range b.items {
		it := &b.items[n]
		if results[n].failure == "" {
			i.tally(step.File, results[n].state, 1)
			for _, c := range it.children {
				i.tally(c.file, results[n].state, 1)
			}
			continue
		}
		i.refused(step, it, results[n].failure)
	}
	for file, rows := range b.rows {
		i.count(file).Rows += rows
		i.at.Done += rows
	}
	i.at.Row = max(i.at.Row, b.row)
	if b.last {
		i.at.Step, i.at.Row = i.at.Step+1, 0
	}
	return i.save(ctx)
}

func (i *attempt) tally(file, state string, n int64) {
	s := i.count(file)
	switch state {
	case "Added":
		s.Added += n
	case "Modified":
		s.Changed += n
	default:
		s.Unchanged += n
	}
}

var ofLine = regexp.MustCompile(`^[A-Za-z_]+\[(\d+)\]: (.*)$`)

// refused reports an object that the API refused: where the reason is a line of
// it, that line is told.
func (i *attempt) refused(step *mapping.Step, it *item, reason string) {
	culprit := -1
	if m := ofLine.FindStringSubmatch(reason); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n < len(it.children) {
			culprit, reason = n, m[2]
		}
	}
	main := internalapi.ReportRow{File: step.File, Row: it.line, Severity: internalapi.SeverityRefused, Reason: reason}
	if culprit >= 0 {
		c := it.children[culprit]
		main.Reason = fmt.Sprintf("not imported, because line %d of %s is refused: %s", c.line, c.file, reason)
	}
	i.report = append(i.report, main)
	for n, c := range it.children {
		row := internalapi.ReportRow{File: c.file, Row: c.line, Severity: internalapi.SeverityRefused, Reason: withParent(step.File)}
		if n == culprit {
			row.Reason = reason
		}
		i.report = append(i.report, row)
	}
}

type sent struct{ state, failure string }

// request sends objects in one Import. A request that the API refuses as a
// whole is halved until the object that is the reason stands alone.
func (i *attempt) request(ctx context.Context, items []item) ([]sent, error) {
	if len(items) == 0 {
		return nil, nil
	}
	objects := make([]any, len(items))
	for n := range items {
		objects[n] = items[n].object
	}
	result, err := i.upsert(ctx, objects)
	var api *client.APIError
	switch {
	case err == nil:
	case errors.As(err, &api) && (api.Status == 400 || api.Status == 413 || api.Status == 422):
		if len(items) == 1 {
			return []sent{{failure: api.Message}}, nil
		}
		half := len(items) / 2
		first, err := i.request(ctx, items[:half])
		if err != nil {
			return nil, err
		}
		second, err := i.request(ctx, items[half:])
		return append(first, second...), err
	default:
		return nil, err
	}
	if len(result.Objects) != len(items) {
		return nil, fmt.Errorf("import: %d results for %d objects", len(result.Objects), len(items))
	}
	out := make([]sent, len(items))
	for n := range result.Objects {
		if o := &result.Objects[n]; o.OK() {
			out[n].state = o.State
		} else {
			out[n].failure = reasonOf(o)
		}
	}
	return out, nil
}
