package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer/csvfile"
	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// item is one object on its way: a row with its children.
type item struct {
	line int64
	key  string
	// object is open JSON: children and the closing brace come when it is sent.
	object   []byte
	children []childLine
	// removed counts the children of each file that the object removes.
	removed map[string]int64
	// failure is why it is not sent after all.
	failure string
}

// childLine is a child's row.
type childLine struct {
	of   *mapping.Children
	line int64
	mapping.Child
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
	reader, err := i.newReader(ctx, step)
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
	// own are the children whose rows are the step's; nil where there are none.
	own   *childIndex
	skip  int64 // rows that an earlier attempt has done
	seen  map[string]int64
	batch *batch
	row   int64
}

// newReader opens the file and its children's; nil when its header is wrong.
func (i *attempt) newReader(ctx context.Context, step *mapping.Step) (*stepReader, error) {
	file, err := i.openFile(step.File)
	if err != nil {
		return nil, err
	}
	r := &stepReader{i: i, step: step, file: file, skip: i.at.Row, seen: map[string]int64{}}
	needed, ignored := step.FileColumns(step.File)
	r.rows, r.columns, err = i.header(file, step.File, needed, ignored)
	if err != nil || r.rows == nil {
		file.Close()
		return nil, err
	}
	for _, c := range step.Children {
		if _, uploaded := i.files[c.File]; !uploaded {
			continue
		}
		index, err := i.indexChildren(ctx, step, c)
		if err != nil {
			r.close()
			return nil, err
		}
		if index == nil {
			// Without its lines no order is imported: half an order is wrong.
			if c.File != step.File {
				i.refuseFile(step.File, "not imported, because "+c.File+" cannot be read")
			}
			r.close()
			return nil, nil
		}
		r.children = append(r.children, index)
		if index.same() {
			r.own = index
		}
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
		if column == "" {
			continue
		}
		columns[column] = k
		if !slices.Contains(needed, column) && !slices.Contains(ignored, column) && column != ColumnReason && i.at.Row == 0 {
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
			reason += fmt.Sprintf(". Are its cells parted by %q?", rows.Separator)
		}
		i.refuseHeader(name, 1, reason)
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
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		var rest *csvfile.FileError
		if errors.As(err, &rest) {
			r.batch.report = append(r.batch.report, internalapi.ReportRow{
				File: r.step.File, Severity: internalapi.SeverityRefused, Reason: "the rest of the file is not imported: " + rest.Reason,
			})
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
		if bad != nil && r.i.mend(bad, r.rows.Format, &row) {
			if r.row > r.skip {
				r.batch.report = append(r.batch.report, mended(r.step.File, bad))
			}
			bad = nil
		}
		if bad != nil {
			if r.row > r.skip && r.own == nil { // the children tell it else
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
// it.
func (i *attempt) mend(bad *csvfile.RowError, f csvfile.Format, row *csvfile.Row) bool {
	if !i.Mapping.JoinSpaced || !bad.Whole {
		return false
	}
	cells, ok := csvfile.Rejoin(bad.Cells, f.Separator, f.Columns)
	if ok {
		*row = csvfile.Row{Line: bad.Line, Offset: bad.Offset, Cells: cells}
	}
	return ok
}

// mended reports such a row.
func mended(file string, bad *csvfile.RowError) internalapi.ReportRow {
	return internalapi.ReportRow{
		File: file, Row: bad.Line, Severity: internalapi.SeverityWarning,
		Reason: bad.Reason + "; cells that begin with a space were joined to the one before. Put texts with commas in quotation marks",
	}
}

// take makes the object of a row and adds it to the batch, or reports why not.
func (r *stepReader) take(row csvfile.Row) error {
	object, key, problems := r.i.Mapping.Make(r.step, cellsOf(row, r.columns))
	first, twice := r.seen[key]
	if twice && r.own != nil {
		return nil // its object came with the first row of the key
	}
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
	if twice && refused == "" {
		refused = fmt.Sprintf("line %d has the same key", first)
		report(internalapi.SeverityRefused, r.step.File, row.Line, mapping.Problem{
			Column: r.step.Object.Key, Value: tandem.Clip(key, 60), Reason: refused,
		})
	} else if !twice && (key != "" || r.own != nil) {
		r.seen[key] = row.Line // refused or not: it takes the children
	}
	it := item{line: row.Line, key: key, object: object}
	for _, index := range r.children {
		if err := r.takeChildren(index, &it, &refused, report); err != nil {
			return err
		}
	}
	if refused != "" || r.row <= r.skip {
		return nil
	}
	r.batch.items = append(r.batch.items, it)
	r.batch.bytes += len(it.object)
	for _, c := range it.children {
		r.batch.bytes += len(c.Set)
	}
	return nil
}

// takeChildren adds the children that a file has of an object. What is wrong
// with one of them refuses the object, and with it all the others.
func (r *stepReader) takeChildren(index *childIndex, it *item, refused *string,
	report func(severity, file string, line int64, p mapping.Problem),
) error {
	found, faults, err := index.of(it.key, it.object)
	if err != nil {
		return err
	}
	if r.row > r.skip && !index.same() {
		r.batch.rows[index.c.File] += int64(len(found))
	}
	wrong := map[int64]bool{it.line: *refused != "" && index.same()}
	for _, f := range faults {
		if f.Warning {
			report(internalapi.SeverityWarning, index.c.File, f.line, f.Problem)
			continue
		}
		wrong[f.line] = true
		if *refused == "" {
			*refused = fmt.Sprintf("not imported, because line %d of %s is wrong: %s", f.line, index.c.File, f.Reason)
			if !index.same() || f.line != it.line {
				wrong[it.line] = wrong[it.line] || index.same()
				report(internalapi.SeverityRefused, r.step.File, it.line, mapping.Problem{Reason: *refused})
			}
		}
		report(internalapi.SeverityRefused, index.c.File, f.line, f.Problem)
	}
	if *refused == "" {
		index.warnIncomplete(it.key, len(found), func(p mapping.Problem) { report(internalapi.SeverityWarning, r.step.File, it.line, p) })
	}
	it.children = append(it.children, found...)
	for _, c := range found {
		if *refused != "" && !wrong[c.line] {
			report(internalapi.SeverityRefused, index.c.File, c.line, mapping.Problem{Reason: withParent(r.step.File)})
		}
	}
	return nil
}

// ColumnReason is the column with the reasons in a file of refused rows. An
// import of that file does not ask what it means.
const ColumnReason = "Refused because"

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
