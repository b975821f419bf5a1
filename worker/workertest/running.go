package workertest

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"
)

// Running is a worker with its internal API.
type Running struct {
	*worker.Worker
	t   *testing.T
	F   *Fake
	API *internalapi.Client
	URL string
	Key internalapi.ChannelKey
	Dir string
	DB  *sqldb.DB
	// Stop ends Run and waits for it.
	Stop func()
}

type Option func(*worker.Config)

func NewConfig(t *testing.T, f *Fake, db *sqldb.DB, dir string) worker.Config {
	t.Helper()
	p, err := client.NewProvider(client.ProviderConfig{Issuer: f.Issuer})
	if err != nil {
		t.Fatal(err)
	}
	key, err := channelKey()
	if err != nil {
		t.Fatal(err)
	}
	workerdb.Fill(t, db.URL(), dir)
	return worker.Config{
		Provider: p, ApplicationURI: ApplicationURI, Credential: client.ServiceSecret("secret"), DB: db, Dir: dir, ChannelKey: key,
	}
}

// Start starts a worker on the database.
func Start(t *testing.T, f *Fake, db *sqldb.DB, dir string, options ...Option) *Running {
	t.Helper()
	w := Serve(t, f, db, dir, options...)
	ctx, cancel := Context(t)
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	w.Stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(w.Stop)
	return w
}

// Serve is Start without Run: nothing is done, but everything can be asked.
func Serve(t *testing.T, f *Fake, db *sqldb.DB, dir string, options ...Option) *Running {
	t.Helper()
	c := NewConfig(t, f, db, dir)
	for _, o := range options {
		o(&c)
	}
	w, err := worker.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.Handler())
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	api, err := internalapi.NewClient(server.URL, c.ChannelKey, transport)
	if err != nil {
		t.Fatal(err)
	}
	api.Patience = testkit.Patience
	return &Running{
		Worker: w, t: t, F: f, API: api, URL: server.URL, Key: c.ChannelKey, Dir: dir, DB: db,
		Stop: func() {},
	}
}

// Each runs a test on both engines, each with a fresh fake and database.
func Each(t *testing.T, test func(t *testing.T, f *Fake, db *sqldb.DB)) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, NewFake(t), Open(t, engine))
		})
	}
}

// Open opens a database of the engine without any rows.
func Open(t *testing.T, engine sqldb.Engine) *sqldb.DB {
	t.Helper()
	return OpenURL(t, workerdb.URL(t, engine))
}

// OpenURL opens the database at the address.
func OpenURL(t *testing.T, address string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), address, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Until waits for the job's state.
func (w *Running) Until(id string, state internalapi.JobState) internalapi.Job {
	w.t.Helper()
	var j internalapi.Job
	testkit.Eventually(w.t, fmt.Sprintf("job %s is %s", id, state), func() bool {
		var err error
		if j, err = w.API.Job(w.t.Context(), w.F.Anna(), id); err != nil {
			w.t.Fatal(err)
		}
		if j.State.Final() && j.State != state {
			w.t.Fatalf("job is %s: %s %+v", j.State, j.Error, j.Result)
		}
		return j.State == state
	})
	return j
}

// Sync asks for a stock sync.
func (w *Running) Sync() internalapi.Job {
	w.t.Helper()
	j, err := w.API.StartJob(w.t.Context(), w.F.Anna(), internalapi.NewJob{Kind: internalapi.JobSyncStock})
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// Form is a multipart body of files, in the order given: name, content, … A file
// called [internalapi.FieldDryRun] is that field.
func Form(t *testing.T, files ...string) (contentType string, body *bytes.Buffer) {
	t.Helper()
	body = &bytes.Buffer{}
	m := multipart.NewWriter(body)
	if err := m.WriteField("csrf", "a field that is no file"); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		if files[i] == internalapi.FieldDryRun {
			if err := m.WriteField(files[i], "1"); err != nil {
				t.Fatal(err)
			}
			continue
		}
		part, err := m.CreateFormFile("files", files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return m.FormDataContentType(), body
}

// Upload imports files, in the order given: name, content, …
func (w *Running) Upload(files ...string) internalapi.Job {
	w.t.Helper()
	contentType, body := Form(w.t, files...)
	j, err := w.API.Import(w.t.Context(), w.F.Anna(), contentType, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// Report is the job's report, a line for each row.
func (w *Running) Report(id string) (rows []string) {
	w.t.Helper()
	p, err := w.API.JobReport(w.t.Context(), w.F.Anna(), id, internalapi.Page{Top: 200})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range p.Rows {
		row := fmt.Sprintf("%s:%d %s", r.File, r.Row, r.Severity)
		if r.Column != "" {
			row += fmt.Sprintf(" %s=%q", r.Column, r.Value)
		}
		rows = append(rows, row+": "+r.Reason)
	}
	return rows
}

// Ask makes a bare request of the internal API.
func (w *Running) Ask(method, path, key, evidence, body string) (status int, text string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if key == "right" {
		w.Key.Authorize(req)
	} else if key != "" {
		req.Header.Set(internalapi.HeaderChannelKey, key)
	}
	if evidence != "" {
		req.Header.Set(internalapi.HeaderEvidence, evidence)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}
