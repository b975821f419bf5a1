package tus_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/field/tus"
	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/sqldb"
)

const prefix = "/field-api/uploads"

// whoHeader says in these tests who calls; before the real server stands a verifier.
const whoHeader = "X-Person"

func owner(r *http.Request) (string, error) {
	if who := r.Header.Get(whoHeader); who != "" {
		return who, nil
	}
	return "", tandem.Errorf(tandem.CodeUnauthorized, "Sign in.")
}

// place is a server of uploads on a store of its own.
type place struct {
	*tus.Server
	t        testing.TB
	url      string
	dir      string
	db       *sqldb.DB
	client   *http.Client
	lock     sync.Mutex
	now      time.Time
	finished []string
}

func each(t *testing.T, f func(t *testing.T, engine sqldb.Engine)) {
	t.Helper()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			f(t, engine)
		})
	}
}

func newPlace(t testing.TB, engine sqldb.Engine, change ...func(*tus.Config)) *place {
	t.Helper()
	db, err := sqldb.Open(t.Context(), testdb.URL(t, engine), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	p := &place{t: t, db: db, dir: filepath.Join(t.TempDir(), "parts"), now: time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)}
	c := tus.Config{
		Dir: p.dir, DB: db, Prefix: prefix, Owner: owner, Group: "visit", Clock: p.clock,
		Log:      slog.New(slog.NewTextHandler(t.Output(), nil)),
		Finished: func(u tus.Upload) { p.lock.Lock(); p.finished = append(p.finished, u.Owner+" "+u.Key); p.lock.Unlock() },
	}
	for _, f := range change {
		f(&c)
	}
	if p.Server, err = tus.New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p.Server)
	transport := &http.Transport{MaxIdleConnsPerHost: 300}
	p.url, p.client = server.URL, &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.CloseClientConnections()
		server.Close()
	})
	return p
}

func (p *place) clock() time.Time {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.now
}

func (p *place) advance(d time.Duration) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.now = p.now.Add(d)
}

// told is who was told of finished uploads.
func (p *place) told() string {
	p.lock.Lock()
	defer p.lock.Unlock()
	return strings.Join(p.finished, ",")
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) offset() int64 {
	n, err := strconv.ParseInt(a.header.Get("Upload-Offset"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// ask makes a request as somebody; headers are lines.
func (p *place) ask(who, method, path string, body io.Reader, headers ...string) answer {
	p.t.Helper()
	a, err := p.try(who, method, path, body, headers...)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

func (p *place) try(who, method, path string, body io.Reader, headers ...string) (answer, error) {
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, body)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Tus-Resumable", tus.Version)
	r.Header.Set(whoHeader, who)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
	res, err := p.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(text)}, err
}

// file is one that somebody sends.
type file struct {
	key   string
	visit string
	bytes []byte
}

// newFile is a file of pseudo-random bytes, always the same for a key.
func newFile(key string, size int) file {
	seed := sha256.Sum256([]byte(key))
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(b)
	return file{key: key, visit: "visit 1", bytes: b}
}

func (f file) sum() string {
	sum := sha256.Sum256(f.bytes)
	return hex.EncodeToString(sum[:])
}

func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func (f file) metadata() string {
	return "Upload-Metadata: key " + b64(f.key) + ",sha256 " + b64(f.sum()) + ", visit " + b64(f.visit) + ",filename " + b64("../../winch.jpg") + ",filetype " + b64("image/jpeg")
}

func (p *place) create(who string, f file) answer {
	p.t.Helper()
	return p.ask(who, "POST", prefix, nil, fmt.Sprintf("Upload-Length: %d", len(f.bytes)), f.metadata())
}

// created is the address of an upload that must be created.
func (p *place) created(who string, f file) string {
	p.t.Helper()
	a := p.create(who, f)
	if a.status != 201 && a.status != 200 {
		p.t.Fatalf("creation: %d %s", a.status, a.body)
	}
	return a.header.Get("Location")
}

func (p *place) patch(who, at string, offset int64, body []byte, headers ...string) answer {
	p.t.Helper()
	return p.ask(who, "PATCH", at, bytes.NewReader(body), append([]string{fmt.Sprintf("Upload-Offset: %d", offset), "Content-Type: application/offset+octet-stream"}, headers...)...)
}

func (p *place) head(who, at string) answer {
	p.t.Helper()
	return p.ask(who, "HEAD", at, nil)
}

// is fails the test where an answer is another.
func (a answer) is(t testing.TB, what string, status int, offset int64) {
	t.Helper()
	if a.status != status || offset >= 0 && a.offset() != offset {
		t.Errorf("%s: %d at %d, want %d at %d: %s", what, a.status, a.offset(), status, offset, a.body)
	}
}

// parts are the files on the disk, with their modes.
func (p *place) parts() map[string]os.FileMode {
	p.t.Helper()
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	all := map[string]os.FileMode{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			p.t.Fatal(err)
		}
		all[e.Name()] = info.Mode()
	}
	return all
}

// whole is what a finished upload has.
func (p *place) whole(who, key string) []byte {
	p.t.Helper()
	f, _, err := p.Open(p.t.Context(), who, key)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}
