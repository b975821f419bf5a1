package agent

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/prices/wire"
)

// serveReport writes the report of a batch as CSV, XLSX or PDF.
func (a *Agent) serveReport(w http.ResponseWriter, r *http.Request, p *person) error {
	id, err := batchID(r)
	if err == nil {
		err = a.mustSee(r.Context(), p)
	}
	if err != nil {
		return err
	}
	format, ok := strings.CutPrefix(r.PathValue("report"), "report.")
	if !ok || formats[format] == "" {
		return tandem.Errorf(tandem.CodeNotFound, "reports are csv, xlsx and pdf")
	}
	if _, err := a.store.batch(r.Context(), id); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", formats[format])
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "batch-" + strconv.FormatInt(id, 10) +
		"." + format}))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	write := map[string]func(context.Context, io.Writer, int64) error{"csv": a.reportCSV, "xlsx": a.reportXLSX, "pdf": a.reportPDF}[format]
	if err := write(r.Context(), w, id); err != nil {
		a.log.Warn("a report broke off", "batch", id, "error", err)
		panic(http.ErrAbortHandler) // so that who downloads it sees it, too
	}
	return nil
}

// serveHandIn takes a file from a person. Whatever it says, somebody else has to
// approve it.
func (a *Agent) serveHandIn(w http.ResponseWriter, r *http.Request, p *person) error {
	if err := a.mustEdit(p); err != nil {
		return err
	}
	name := shownName(r.URL.Query().Get("name"))
	if name == "" || ignored(name) {
		return wrong("the file needs a name that does not begin with a dot and does not end with .part or .tmp")
	}
	if _, _, err := a.mappingOf(r.Context(), name); err != nil {
		return err
	}
	dir, err := a.newFolder(placed{Name: name, Connector: "pages", By: p.Login, ByHand: true})
	if err != nil {
		return err
	}
	if err := keepBody(w, r, filepath.Join(dir, original+".part")); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	if err := os.Rename(filepath.Join(dir, original+".part"), filepath.Join(dir, original)); err != nil {
		return err
	}
	if err := a.receive(r.Context(), dir); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func keepBody(w http.ResponseWriter, r *http.Request, file string) error {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, http.MaxBytesReader(w, r.Body, wire.MaxFile))
	if err = errors.Join(err, out.Close()); errors.As(err, new(*http.MaxBytesError)) {
		err = tandem.Errorf(tandem.CodeTooLarge, "the file is larger than %d MB", wire.MaxFile>>20)
	}
	return err
}

func (a *Agent) mappingShown(m *mappingRow, p *person) wire.Mapping {
	out := wire.Mapping{Name: m.name, Version: m.version, By: m.by, At: m.at, MayEdit: a.edits(p)}
	if r, err := parseRules([]byte(m.content)); err == nil {
		out.Files = r.Files
	}
	return out
}

func (a *Agent) serveMappings(r *http.Request, p *person) (any, error) {
	all, err := a.store.mappings(r.Context())
	out := []wire.Mapping{}
	for i := range all {
		out = append(out, a.mappingShown(&all[i], p))
	}
	return out, err
}

func (a *Agent) serveMapping(r *http.Request, p *person) (any, error) {
	version, err := strconv.ParseInt(r.URL.Query().Get("version"), 10, 64)
	if err != nil || version < 0 {
		version = 0
	}
	m, err := a.store.mapping(r.Context(), r.PathValue("name"), version)
	if err != nil {
		return nil, err
	}
	out := a.mappingShown(&m, p)
	out.Content = m.content
	all, err := a.store.versions(r.Context(), m.name)
	for i := range all {
		out.Versions = append(out.Versions, wire.Mapping{Name: m.name, Version: all[i].version, By: all[i].by, At: all[i].at})
	}
	return out, err
}

var mappingName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func (a *Agent) serveSaveMapping(r *http.Request, p *person) (any, error) {
	if err := a.mustEdit(p); err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	if !mappingName.MatchString(name) {
		return nil, wrong("the name of a mapping has up to 40 small letters, digits and hyphens, such as prices-weekly")
	}
	sent, err := body[wire.Mapping](r)
	if err != nil {
		return nil, err
	}
	content := strings.ReplaceAll(sent.Content, "\r\n", "\n")
	if _, err := parseRules([]byte(content)); err != nil {
		return nil, err
	}
	m, err := a.store.addMapping(r.Context(), mappingRow{name: name, content: content, by: p.Login, at: a.clock.Now()})
	return a.mappingShown(&m, p), err
}

// maxTried is how many rows of a sample are shown.
const maxTried = 50

// serveTry shows what a mapping makes of the beginning of a file: the products are
// looked at with no more rights than the person has, and nothing is kept or written.
// Samples are read one at a time: each takes memory, and many people may try.
func (a *Agent) serveTry(r *http.Request, p *person) (any, error) {
	if err := a.mustEdit(p); err != nil {
		return nil, err
	}
	t, err := body[wire.Trial](r)
	if err != nil {
		return nil, err
	}
	rules, err := parseRules([]byte(t.Content))
	if err != nil {
		return nil, err
	}
	select {
	case a.trying <- struct{}{}:
		defer func() { <-a.trying }()
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	dir, err := os.MkdirTemp(filepath.Join(a.config.Dir, "work"), ".try-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, content)
	if err := os.WriteFile(file, t.Sample, 0o600); err != nil {
		return nil, err
	}
	return a.try(client.NarrowedTo(r.Context(), p.IDToken), rules, file)
}

func (a *Agent) try(ctx context.Context, rules *rules, file string) (out wire.Tried, err error) {
	f, err := openReading(file, file+".utf8", rules)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	rows, look := []priceRow{}, []int{}
	for row, err := range f.rows() {
		if err != nil {
			return out, err
		}
		if len(rows) == maxTried {
			out.More = true
			break
		}
		if rows = append(rows, row); row.state == wire.RowNew {
			look = append(look, len(rows)-1)
		}
	}
	some := make([]priceRow, len(look))
	for i, at := range look {
		some[i] = rows[at]
	}
	if err := a.compare(ctx, rules.code, some); err != nil {
		return out, err
	}
	for i, at := range look {
		rows[at] = some[i]
	}
	out.Figures.Count = map[wire.RowState]int64{}
	var sum int64
	for i := range rows {
		row := &rows[i]
		out.Figures.Rows++
		out.Figures.Count[row.state]++
		if row.state == wire.RowChange {
			sum += row.changePPM
			out.Figures.MeanPPM = sum / out.Figures.Count[wire.RowChange]
			if abs(row.changePPM) > abs(out.Figures.LargestPPM) {
				out.Figures.LargestPPM = row.changePPM
			}
		}
		out.Rows = append(out.Rows, row.shown())
	}
	out.Why = rules.Gate.reasons(out.Figures, a.clock.Now())
	return out, nil
}

func abs(n int64) int64 { return max(n, -n) }

func (a *Agent) serveConnectors(r *http.Request, p *person) (any, error) {
	all, err := a.store.connectors(r.Context())
	out := []wire.Connector{}
	for _, c := range all {
		c.MayEdit = a.edits(p) && c.Name != folderConnector
		out = append(out, c.Connector)
	}
	return out, err
}

func (a *Agent) serveSaveConnector(r *http.Request, p *person) (any, error) {
	c, err := body[wire.Connector](r)
	if err != nil {
		return nil, err
	}
	c.Name = r.PathValue("name")
	if err := a.saveConnector(r.Context(), p, c); err != nil {
		return nil, err
	}
	c.Password, c.PrivateKey = "", ""
	return c, nil
}

func (a *Agent) serveRemoveConnector(r *http.Request, p *person) (any, error) {
	if err := a.mustEdit(p); err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	if name == folderConnector {
		return nil, wrong("the watched folder is in the agent's own configuration")
	}
	return struct{}{}, a.store.removeConnector(r.Context(), name, p.Login, a.clock.Now())
}

func (a *Agent) serveChanges(r *http.Request, _ *person) (any, error) {
	all, err := a.store.changes(r.Context())
	if all == nil {
		all = []wire.Event{}
	}
	return all, err
}
