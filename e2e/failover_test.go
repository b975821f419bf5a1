package e2e

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// ownPostgres is a server of PostgreSQL that a test may restart.
type ownPostgres struct {
	t        *testing.T
	dir, url string
}

func startPostgres(t *testing.T) *ownPostgres {
	t.Helper()
	dir, err := os.MkdirTemp("", "tandem-own-postgres-*") // the server runs as another user
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &ownPostgres{t: t, dir: dir}
	t.Cleanup(func() { p.do("stop"); os.RemoveAll(dir) })
	p.url = strings.TrimSpace(p.do("start", "-c", "shared_buffers=16MB"))
	return p
}

func (p *ownPostgres) do(what ...string) string {
	p.t.Helper()
	script, err := filepath.Abs("../scripts/test-postgres.sh")
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(script, what...)
	cmd.Env = append(os.Environ(), "TANDEM_TEST_POSTGRES_DIR="+filepath.Join(p.dir, "server"))
	var told strings.Builder
	cmd.Stderr = &told
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("%v: %v\n%s", what, err, told.String())
	}
	return string(out)
}

// database makes one, and tells its URL.
func (p *ownPostgres) database(name string) string {
	p.t.Helper()
	db, err := pgx.Connect(p.t.Context(), p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(p.t.Context()))
	if _, err := db.Exec(p.t.Context(), `CREATE DATABASE `+name); err != nil {
		p.t.Fatal(err)
	}
	u, err := url.Parse(p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// readOnly is a failover to a standby, or back: who is connected is sent away, and new
// connections can write or cannot.
func (p *ownPostgres) readOnly(yes bool) {
	p.t.Helper()
	db, err := pgx.Connect(p.t.Context(), p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(p.t.Context()))
	for _, statement := range []string{
		`ALTER SYSTEM SET default_transaction_read_only = ` + map[bool]string{true: "on", false: "off"}[yes], `SELECT pg_reload_conf()`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
	} {
		if _, err := db.Exec(p.t.Context(), statement); err != nil {
			p.t.Fatal(err)
		}
	}
}

// TestPostgresRestarts restarts PostgreSQL, and lets it fail over to a server that only
// reads and back, while people work. Nobody gets a 500, and all goes on by itself.
func TestPostgresRestarts(t *testing.T) {
	datatest.URL(t, sqldb.PostgreSQL) // where PostgreSQL is not tested, this is not either
	t.Parallel()
	server := startPostgres(t)
	s := up(t, "--db", server.url, "--webapp-db", server.database("webapp"), "--worker-db", server.database("worker"))
	w := &watched{system: s, anna: s.person(t, "anna"), product: s.demo.OData + "General_Products_Products?$top=1", bearer: s.serviceToken(t)}
	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for ctx.Err() == nil {
				w.all(t)
			}
		})
	}
	defer asking.Wait()
	defer stop()
	for range scale.outages {
		server.do("restart")
		w.recovers(t, "a restart")
		server.readOnly(true)
		testkit.Eventually(t, "no token, as nothing can be put on record", func() bool { return w.token(t) == http.StatusServiceUnavailable })
		server.readOnly(false)
		w.recovers(t, "a failover")
	}
}

// watched is a system that is asked all the time.
type watched struct {
	*system
	anna            *person
	product, bearer string
}

// all asks for what there is, and looks at what comes.
func (w *watched) all(t *testing.T) {
	w.token(t)
	w.status(t, "GET", w.product, nil)
	for _, root := range []string{w.demo.Instance, w.demo.Webapp, w.demo.Worker} {
		w.status(t, "GET", root+"/readyz", nil)
	}
	w.page(t)
}

// page is one that the web app makes of its session and what its worker has.
func (w *watched) page(t *testing.T) int {
	res := w.anna.ask("GET", "/jobs", "", nil)
	if res == nil {
		t.Error("the web app does not answer")
		return 0
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK && (res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "") {
		t.Errorf("a page of %s: %d %v", res.Request.URL, res.StatusCode, res.Header)
	}
	return res.StatusCode
}

func (w *watched) token(t *testing.T) int {
	portal := w.demo.Applications[0]
	return w.status(t, "POST", w.demo.Issuer+"/connect/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {portal.ApplicationURI}, "client_secret": {portal.ServiceSecret},
	})
}

// status is that of an answer, which is 200, or 503 and says when to come again.
func (w *watched) status(t *testing.T, method, address string, form url.Values) int {
	req, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Error(err)
		return 0
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		req.Header.Set("Authorization", "Bearer "+w.bearer)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Errorf("%s %s: %v", method, address, err)
		return 0
	}
	res.Body.Close()
	later := res.StatusCode == http.StatusServiceUnavailable && (res.Header.Get("Retry-After") != "" || strings.HasSuffix(address, "/readyz"))
	if res.StatusCode != http.StatusOK && !later {
		t.Errorf("%s %s: %d %v", method, address, res.StatusCode, res.Header)
	}
	return res.StatusCode
}

// recovers waits until all works again, and tells for how long.
func (w *watched) recovers(t *testing.T, from string) {
	t.Helper()
	begun := time.Now()
	testkit.Eventually(t, "a token after "+from, func() bool { return w.token(t) == http.StatusOK })
	testkit.Eventually(t, "a product after "+from, func() bool { return w.status(t, "GET", w.product, nil) == http.StatusOK })
	testkit.Eventually(t, "a page after "+from, func() bool { return w.page(t) == http.StatusOK })
	took := time.Since(begun)
	t.Logf("%s: all works again after %s", from, took.Round(time.Millisecond))
	if scale.bounds && took > 3*time.Second {
		t.Errorf("%s: it took %s until all works again, and may take 3 s", from, took)
	}
}
