package importer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer/mapping"
	"github.com/hybridapps/tandem/worker/jobs"
)

// Limits of an import.
const (
	// batchObjects and batchBytes bound one Import request.
	batchObjects = 500
	batchBytes   = 1 << 20
	// MaxWaiting is how many imports may wait at once: they keep files.
	MaxWaiting = 10
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
	// Results are those of the files so far; RefusedFiles counts those of them
	// that were refused as a whole.
	Results      []internalapi.StepResult
	RefusedFiles int64
	// Done rows and Total of them, for the progress.
	Done, Total int64
}

// attempt is one attempt at an import.
type attempt struct {
	*Importer
	*jobs.Run
	at checkpoint
	// uploaded are the files as they came, files those of them that the mapping
	// knows, by the name that it has for them.
	uploaded []File
	files    map[string]File
	metadata *mapping.Metadata
	// unreadable is the first line that cannot be read of each file of children that
	// has one. Whose child it is nobody knows for sure, nor what it swallowed: so no
	// child is taken for gone because such a file does not have it.
	unreadable map[string]int64
	// dry is nil unless nothing is to be kept.
	dry *dry
	// notes are told at the end of the summary.
	notes []string
	// report are rows not written yet.
	report []internalapi.ReportRow
}

// Run imports the uploaded files.
func (m *Importer) Run(ctx context.Context, run *jobs.Run) error {
	i := &attempt{Importer: m, Run: run, files: map[string]File{}, unreadable: map[string]int64{}}
	var args Args
	if err := run.Args(&args); err != nil {
		return err
	}
	i.uploaded = args.Files
	if err := run.Checkpoint(&i.at); err != nil {
		return err
	}
	var err error
	if args.DryRun {
		if err := i.beginAgain(ctx); err != nil {
			return err
		}
		if i.dry, err = newDry(i.Uploads()); err != nil {
			return err
		}
		defer i.dry.close()
	}
	err = i.do(ctx)
	if err == nil {
		err = i.keepRefused(ctx)
	}
	i.Result.Steps, i.Result.DryRun = i.at.Results, i.dry != nil
	i.Result.Summary = strings.Join(append([]string{i.summary()}, i.notes...), "; ")
	for _, s := range i.at.Results {
		i.Result.Problems += s.Refused
	}
	i.Result.Problems += i.at.RefusedFiles
	return err
}

func (i *attempt) do(ctx context.Context) error {
	if err := i.Progress(ctx, 1, "checking the files"); err != nil {
		return err
	}
	var err error
	if i.metadata, err = i.readMetadata(ctx); err != nil {
		return err
	}
	if err := i.Mapping.Check(i.metadata); err != nil {
		return tandem.Errorf(tandem.CodeInvalid, "the mapping file does not fit the ERP: %v", err)
	}
	if i.dry != nil {
		i.dry.types = i.metadata
	}
	i.match()
	for _, name := range slices.Sorted(maps.Keys(i.files)) {
		if err := i.decode(name); err != nil {
			return err
		}
	}
	if !i.at.Opened {
		if err := i.open(ctx); err != nil {
			return err
		}
	}
	i.report = nil // open has written it, now or in an earlier attempt
	for i.at.Step < len(i.Mapping.Steps) {
		step := i.Mapping.Steps[i.at.Step]
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
func (i *attempt) match() {
	for _, f := range i.uploaded {
		name, known := i.Mapping.Knows(f.Name)
		switch {
		case !known:
			i.refuseFile(f.Name, "no file of this name is in the mapping; it knows "+strings.Join(i.Mapping.Files(), ", "))
		case i.files[name].Stored != "":
			i.refuseFile(f.Name, "the file came twice; the first one is imported")
		default:
			i.files[name] = f
		}
	}
	for _, s := range i.Mapping.Steps {
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

// refuseFile reports a file of which no row is read. Such a report is of the
// whole file or of its first line, so that it counts as no row.
func (i *attempt) refuseFile(name, reason string) {
	i.refuseHeader(name, 0, reason)
}

func (i *attempt) refuseHeader(name string, line int64, reason string) {
	i.report = append(i.report, internalapi.ReportRow{File: name, Row: line, Severity: internalapi.SeverityRefused, Reason: reason})
}

// open writes the report about the files, counts rows for the progress, and
// makes the objects that must be there first.
func (i *attempt) open(ctx context.Context) error {
	for _, f := range i.files {
		n, err := countLines(i.path(f))
		if err != nil {
			return err
		}
		i.at.Total += n
	}
	var objects []any
	for _, o := range i.Mapping.Prepare {
		objects = append(objects, json.RawMessage(i.Mapping.MakePrepared(o)))
	}
	if len(objects) > 0 && len(i.files) > 0 {
		result, err := i.upsert(ctx, objects)
		if err != nil {
			return err
		}
		for n := range result.Objects {
			if o := &result.Objects[n]; !o.OK() {
				return i.mappingFault(n, o)
			}
		}
		if i.dry != nil {
			i.dry.always = len(i.dry.made)
		}
	}
	i.at.Opened = true
	return i.save(ctx)
}

// openFile opens a file in UTF-8.
func (i *attempt) openFile(name string) (*os.File, error) { return open(i.path(i.files[name])) }

func open(file string) (*os.File, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, tandem.Errorf(tandem.CodeNotFound, "the uploaded files are not here any more; upload them again")
	}
	return f, err
}

// countLines is about how many rows a file has.
func countLines(name string) (n int64, err error) {
	f, err := open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	b := make([]byte, 64<<10)
	var returns int64 // of files that have no other line ends
	for {
		k, err := f.Read(b)
		n += int64(bytes.Count(b[:k], []byte{'\n'}))
		returns += int64(bytes.Count(b[:k], []byte{'\r'}))
		if errors.Is(err, io.EOF) {
			return max(n, returns), nil
		}
		if err != nil {
			return n, err
		}
	}
}

// count is the result of a file; it is made when it is first asked for.
func (i *attempt) count(file string) *internalapi.StepResult {
	k := slices.IndexFunc(i.at.Results, func(s internalapi.StepResult) bool { return s.Name == file })
	if k < 0 {
		k = len(i.at.Results)
		i.at.Results = append(i.at.Results, internalapi.StepResult{Name: file})
	}
	return &i.at.Results[k]
}

// save writes the checkpoint and the report so far, in one transaction.
func (i *attempt) save(ctx context.Context) error {
	i.countReport()
	percent := 1
	if i.at.Total > 0 {
		percent = max(percent, int(100*i.at.Done/i.at.Total))
	}
	note := fmt.Sprintf("%d of about %d rows", i.at.Done, max(i.at.Total, i.at.Done))
	if err := i.Save(ctx, &i.at, i.report, percent, note); err != nil {
		return err
	}
	i.report = nil
	return nil
}

// countReport counts what the report so far says: rows, and not the problems of
// a row, which can be several.
func (i *attempt) countReport() {
	type row struct {
		file string
		line int64
	}
	refused := map[row]bool{}
	for _, r := range i.report {
		step := i.count(r.File)
		switch {
		case r.Severity != internalapi.SeverityRefused:
			step.Warnings++
		case r.Row <= 1: // the file as a whole
			i.at.RefusedFiles++
			step.Note = "refused: " + r.Reason
		case !refused[row{r.File, r.Row}]:
			refused[row{r.File, r.Row}] = true
			step.Refused++
		}
	}
}

func (i *attempt) summary() string {
	var sum internalapi.StepResult
	for _, s := range i.at.Results {
		sum.Rows += s.Rows
		sum.Added += s.Added
		sum.Changed += s.Changed
		sum.Unchanged += s.Unchanged
		sum.Refused += s.Refused
		sum.Removed += s.Removed
	}
	if i.dry != nil {
		return i.drySummary(sum) + i.filesRefused()
	}
	text := fmt.Sprintf("%d rows read: %d added, %d changed, %d unchanged, %d refused",
		sum.Rows, sum.Added, sum.Changed, sum.Unchanged, sum.Refused)
	if sum.Removed > 0 {
		text += fmt.Sprintf("; %d removed that the files do not have any more", sum.Removed)
	}
	return text + i.filesRefused()
}

func (i *attempt) filesRefused() string {
	switch n := i.at.RefusedFiles; n {
	case 0:
		return ""
	case 1:
		return "; 1 file was refused as a whole"
	default:
		return fmt.Sprintf("; %d files were refused as a whole", n)
	}
}

// readMetadata reads the API's $metadata.
func (m *Importer) readMetadata(ctx context.Context) (*mapping.Metadata, error) {
	var text []byte
	if err := m.ERP.Do(ctx, http.MethodGet, "$metadata", nil, &text); err != nil {
		return nil, err
	}
	return mapping.ReadMetadata(bytes.NewReader(text))
}
