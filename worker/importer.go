package worker

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// Limits of an import.
const (
	// batchObjects and batchBytes bound one Import request.
	batchObjects = 500
	batchBytes   = 1 << 20
	// MaxReport is how many rows of a report are kept; further ones are
	// counted.
	MaxReport = 100_000
	// MaxChildRows is the most rows of a file of children, whose places are
	// kept in memory.
	MaxChildRows = 1_000_000
)

// checkpoint is how far an import has come. It is written together with the
// report of the rows before it, so that an attempt that goes on after a break
// tells nothing twice. Rows after it that had been sent are sent again, and
// found unchanged by their ExternalId.
type checkpoint struct {
	// Opened says that unknown files are reported and prepared objects made.
	Opened bool
	// Step is the place in the mapping, Row how many rows of it are done.
	Step int
	Row  int64
	// Results are those of the files so far.
	Results []internalapi.StepResult
	// Reported is how many rows the report has, or would have without limit.
	Reported int64
	// Done rows and Total of them, for the progress.
	Done, Total int64
}

// importRun is one attempt at an import.
type importRun struct {
	*run
	mapping *mapping.Mapping
	at      checkpoint
	// files are the uploaded ones by the name that the mapping has for them.
	files map[string]uploadedFile
	// report are rows not written yet.
	report []internalapi.ReportRow
}

func (r *run) importFiles(ctx context.Context) error {
	i := &importRun{run: r, mapping: r.w.mapping, files: map[string]uploadedFile{}}
	if r.job.checkpoint != "" {
		if err := json.Unmarshal([]byte(r.job.checkpoint), &i.at); err != nil {
			return fmt.Errorf("checkpoint of job %s: %w", r.job.id, err)
		}
	}
	err := i.do(ctx)
	r.result.Steps = i.at.Results
	r.result.Summary = i.summary()
	return err
}

func (i *importRun) do(ctx context.Context) error {
	if err := i.progress(ctx, 1, "checking the files"); err != nil {
		return err
	}
	md, err := i.w.metadata(ctx)
	if err != nil {
		return err
	}
	if err := i.mapping.Check(md); err != nil {
		return &tandem.Error{Code: tandem.CodeInvalid, Message: "the mapping file does not fit the ERP: " + err.Error()}
	}
	i.match()
	if !i.at.Opened {
		if err := i.open(ctx); err != nil {
			return err
		}
	}
	i.report = nil // open has written it, now or in an earlier attempt
	for i.at.Step < len(i.mapping.Steps) {
		step := i.mapping.Steps[i.at.Step]
		before := i.at.Step
		if _, uploaded := i.files[step.File]; uploaded {
			if err := i.step(ctx, step); err != nil {
				return err
			}
		}
		if i.at.Step > before {
			continue // the last batch has moved it
		}
		i.at.Step, i.at.Row = i.at.Step+1, 0
		if err := i.save(ctx); err != nil {
			return err
		}
	}
	return nil
}

// match finds the mapping's name of each file. What is not in the mapping is
// reported.
func (i *importRun) match() {
	for _, f := range i.job.args.Files {
		name, known := i.mapping.Knows(f.Name)
		switch {
		case !known:
			i.refuseFile(f.Name, "no file of this name is in the mapping; it knows "+strings.Join(i.mapping.Files(), ", "))
		case i.files[name].Stored != "":
			i.refuseFile(f.Name, "the file came twice; the first one is imported")
		default:
			i.files[name] = f
		}
	}
	for _, s := range i.mapping.Steps {
		for _, c := range s.Children {
			_, parent := i.files[s.File]
			_, child := i.files[c.File]
			switch {
			case child && !parent:
				i.refuseFile(c.File, "its rows belong to those of "+s.File+", which did not come; upload both together")
			case parent && !child:
				i.report = append(i.report, internalapi.ReportRow{
					File: s.File, Severity: internalapi.SeverityWarning,
					Reason: fmt.Sprintf("imported without %s, because %s did not come", c.Collection, c.File),
				})
			}
		}
	}
}

func (i *importRun) refuseFile(name, reason string) {
	i.report = append(i.report, internalapi.ReportRow{File: name, Severity: internalapi.SeverityRefused, Reason: reason})
}

// open writes the report about the files, counts rows for the progress, and
// makes the objects that must be there first.
func (i *importRun) open(ctx context.Context) error {
	for _, f := range i.files {
		n, err := countLines(i.path(f))
		if err != nil {
			return err
		}
		i.at.Total += n
	}
	var objects []any
	for _, o := range i.mapping.Prepare {
		objects = append(objects, json.RawMessage(i.mapping.MakePrepared(o)))
	}
	if len(objects) > 0 && len(i.files) > 0 {
		result, err := i.w.erp.Import(ctx, client.ImportRequest{Transaction: client.ImportPerObject, LoggingLevel: &logEachImport, Objects: objects})
		if err != nil {
			return err
		}
		for n := range result.Objects {
			if o := &result.Objects[n]; !o.OK() {
				return &tandem.Error{Code: tandem.CodeRule, Message: fmt.Sprintf("line %d of the mapping file: %s cannot be prepared: %s", i.mapping.Prepare[n].Line, i.mapping.Prepare[n].Entity, reasonOf(o))}
			}
		}
	}
	i.at.Opened = true
	return i.save(ctx)
}

// logEachImport makes the API keep a record of each request, and not of each
// object, which would double its writes.
var logEachImport = 1

func reasonOf(o *client.ImportedObject) string {
	if o.Error != nil && o.Error.Message != "" {
		return o.Error.Message
	}
	if o.Message != "" {
		return o.Message
	}
	return "refused without a reason"
}

func (i *importRun) path(f uploadedFile) string {
	return filepath.Join(i.w.jobDir(i.job.id, "upload"), filepath.Base(f.Stored))
}

func (i *importRun) openFile(name string) (*os.File, error) {
	f, err := os.Open(i.path(i.files[name]))
	if errors.Is(err, os.ErrNotExist) {
		return nil, &tandem.Error{Code: tandem.CodeNotFound, Message: "the uploaded files are not here any more; upload them again"}
	}
	return f, err
}

// countLines is about how many rows a file has.
func countLines(name string) (n int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, &tandem.Error{Code: tandem.CodeNotFound, Message: "the uploaded files are not here any more; upload them again"}
	}
	defer f.Close()
	b := make([]byte, 64<<10)
	for {
		k, err := f.Read(b)
		n += int64(bytes.Count(b[:k], []byte{'\n'}))
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// count is the result of a file; it is made when it is first asked for.
func (i *importRun) count(file string) *internalapi.StepResult {
	k := slices.IndexFunc(i.at.Results, func(s internalapi.StepResult) bool { return s.Name == file })
	if k < 0 {
		k = len(i.at.Results)
		i.at.Results = append(i.at.Results, internalapi.StepResult{Name: file})
	}
	return &i.at.Results[k]
}

// save writes the checkpoint and the report so far, in one transaction.
func (i *importRun) save(ctx context.Context) error {
	for _, row := range i.report {
		step := i.count(row.File)
		if row.Severity == internalapi.SeverityRefused {
			step.Refused++
		} else {
			step.Warnings++
		}
	}
	percent := max(i.job.progress, 1)
	if i.at.Total > 0 {
		percent = max(percent, min(99, int(100*i.at.Done/i.at.Total)))
	}
	note := fmt.Sprintf("%d of about %d rows", i.at.Done, max(i.at.Total, i.at.Done))
	err := i.w.db.Write(ctx, func(tx *sql.Tx) error {
		place := i.at.Reported
		for _, row := range i.report {
			place++
			if place > MaxReport {
				continue
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO job_report (job_id, place, file, line, severity, column_name, value, reason)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, i.job.id, place, row.File, row.Row, row.Severity, row.Column, row.Value, row.Reason)
			if err != nil {
				return err
			}
		}
		i.at.Reported = place
		text, err := json.Marshal(&i.at)
		if err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `UPDATE jobs SET checkpoint = $1, progress = $2, note = CASE WHEN cancelling THEN note ELSE $3 END,
			failures = 0, version = version + 1 WHERE id = $4 AND state = 'running' AND owner = $5`,
			string(text), percent, note, i.job.id, i.w.owner)
		return oneRow(done, err)
	})
	if err != nil {
		return err
	}
	i.report, i.job.progress, i.job.note, i.job.failures = nil, percent, note, 0
	i.w.watch.changed(i.job.id)
	return nil
}

func (i *importRun) summary() string {
	var sum internalapi.StepResult
	for _, s := range i.at.Results {
		sum.Rows += s.Rows
		sum.Added += s.Added
		sum.Changed += s.Changed
		sum.Unchanged += s.Unchanged
		sum.Refused += s.Refused
	}
	return fmt.Sprintf("%d rows read: %d added, %d changed, %d unchanged, %d refused", sum.Rows, sum.Added, sum.Changed, sum.Unchanged, sum.Refused)
}

// metadata reads the API's $metadata.
func (w *Worker) metadata(ctx context.Context) (*mapping.Metadata, error) {
	var text []byte
	if err := w.erp.Do(ctx, http.MethodGet, "$metadata", nil, &text); err != nil {
		return nil, err
	}
	return mapping.ReadMetadata(bytes.NewReader(text))
}

// serveReport is a page of an import's report.
func (w *Worker) serveReport(rw http.ResponseWriter, r *http.Request, _ *person) error {
	p, err := page(r)
	if err != nil {
		return err
	}
	j, err := w.job(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	out := internalapi.ReportPage{Rows: []internalapi.ReportRow{}}
	rows, err := w.db.Reader().QueryContext(r.Context(), `SELECT file, line, severity, column_name, value, reason FROM job_report
		WHERE job_id = $1 AND place > $2 ORDER BY place LIMIT $3`, j.id, p.Skip, p.Top)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var row internalapi.ReportRow
		if err := rows.Scan(&row.File, &row.Row, &row.Severity, &row.Column, &row.Value, &row.Reason); err != nil {
			return err
		}
		out.Rows = append(out.Rows, row)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	var at checkpoint
	if j.checkpoint != "" {
		if err := json.Unmarshal([]byte(j.checkpoint), &at); err != nil {
			return err
		}
	}
	out.Total = min(at.Reported, MaxReport)
	out.More = int64(p.Skip+len(out.Rows)) < out.Total
	return ok(rw, out)
}
