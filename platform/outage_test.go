package platform_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// While the database takes no change, because its disk is full or a failover has
// left it read-only, callers are told to come back and no load balancer is told
// that all is well; as soon as it takes changes again, so do we.
func TestDatabaseThatTakesNoChange(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		var log testkit.Buffer
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Log: slog.New(slog.NewJSONHandler(&log, nil))})
		signedIn := in.SignIn("anna")
		mend := fullDisk(t, in)
		if engine == sqldb.PostgreSQL {
			mend()
			mend = readOnly(t, in)
		}
		service := url.Values{"grant_type": {"client_credentials"}, "client_id": {tandemtest.Portal}, "client_secret": {in.ServiceSecret}}
		testkit.Eventually(t, "no token", func() bool {
			status, _ := in.TokenRequest(service)
			return status != http.StatusOK
		})
		for name, form := range map[string]url.Values{
			"client_credentials": service,
			"refresh_token": {"grant_type": {"refresh_token"}, "refresh_token": {signedIn.Refresh}, "client_id": {tandemtest.Portal},
				"client_secret": {in.UserSecret}},
		} {
			status, header, body := post(t, in.URL+oauth.PathToken, form)
			if status != 503 || header.Get("Retry-After") == "" || !strings.Contains(body, "temporarily_unavailable") || strings.Contains(body, "SQL") {
				t.Errorf("%s: %d %v %s", name, status, header, body)
			}
		}
		readiness := func(want int) func() bool {
			return func() bool { status, _ := get(t, in.URL+"/readyz"); return status == want }
		}
		testkit.Eventually(t, "not ready", readiness(503))
		for range 50 {
			in.TokenRequest(service)
			in.TokenRequest(url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "client_id": {tandemtest.Portal}, "client_secret": {in.UserSecret}})
			get(t, in.URL+"/readyz")
			get(t, in.OData+"General_Products_Products", "Authorization", "Bearer "+signedIn.Access)
		}
		oneLineEachSecond(t, log.String())
		mend()
		testkit.Eventually(t, "tokens again", func() bool { status, _ := in.TokenRequest(service); return status == http.StatusOK })
		testkit.Eventually(t, "ready again", readiness(200))
		in.RefreshTokens(signedIn.Refresh)
	})
}

// The same is for a web app and a worker whose own databases take no change.
func TestHalvesWhoseDatabasesTakeNoChange(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		h := tandemtest.StartHybrid(t, tandemtest.Options{Engine: engine})
		anna := tandemtest.NewBrowser(t)
		h.SignInToWebApp(anna, "anna")
		sync := func() *http.Response {
			req, err := http.NewRequestWithContext(t.Context(), "POST", h.WebApp+"/stock/sync", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Origin", h.WebApp)
			req.Header.Set("Sec-Fetch-Site", "same-origin")
			res, err := anna.Client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			return res
		}
		ready := func(half string, want int) {
			testkit.Eventually(t, fmt.Sprintf("%s/readyz is %d", half, want), func() bool { status, _ := get(t, half+"/readyz"); return status == want })
		}
		mend := []func(){takesNoChange(t, h.WebAppDB, "webapp_requests"), takesNoChange(t, h.WorkerDB, "products", "jobs")}
		ready(h.WebApp, 503)
		ready(h.Worker, 503)
		if engine == sqldb.PostgreSQL { // on SQLite a writer waits for the other one, for 10 s
			if res := sync(); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
				t.Errorf("a job: %d %v", res.StatusCode, res.Header)
			}
		}
		for _, f := range mend {
			f()
		}
		ready(h.WebApp, 200)
		ready(h.Worker, 200)
		testkit.Eventually(t, "a job", func() bool { return sync().StatusCode < 400 })
	})
}

// takesNoChange leaves the database of a half unable to write to some of its tables: as one
// that is read-only answers, or because another process has the file of SQLite and does
// not let go. Other tests have theirs in the same database of PostgreSQL.
func takesNoChange(t *testing.T, url string, tables ...string) (mend func()) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), url, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if db.Engine == sqldb.SQLite {
		tx, err := db.Writer().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return func() { _ = tx.Rollback() }
	}
	exec := func(statement string) {
		if _, err := db.Writer().ExecContext(t.Context(), statement); err != nil {
			t.Error(err)
		}
	}
	exec(`CREATE FUNCTION read_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'read-only' USING ERRCODE = '25006'; END $$`)
	for _, table := range tables {
		exec(`CREATE TRIGGER read_only BEFORE INSERT OR UPDATE OR DELETE ON ` + table + ` EXECUTE FUNCTION read_only()`)
	}
	return func() { exec(`DROP FUNCTION read_only() CASCADE`) }
}

// oneLineEachSecond looks whether the log tells of an outage once a second, not at
// each request.
func oneLineEachSecond(t *testing.T, log string) {
	t.Helper()
	told := map[string][]time.Time{}
	for line := range strings.Lines(log) {
		var r struct {
			Time       time.Time
			Level, Msg string
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Level != "WARN" && r.Level != "ERROR" {
			continue
		}
		told[r.Msg] = append(told[r.Msg], r.Time)
	}
	for what, at := range told {
		// The first may be written long after it was decided to.
		if took := at[len(at)-1].Sub(at[0]); took < time.Duration(len(at)-2)*time.Second {
			t.Errorf("%q is told %d times in %s", what, len(at), took)
		}
	}
	if len(told) == 0 {
		t.Error("the log tells nothing of the outage")
	}
}

// fullDisk leaves SQLite no page more.
func fullDisk(t *testing.T, in *tandemtest.Instance) (mend func()) {
	if in.Platform.DB.Engine != sqldb.SQLite {
		return func() {}
	}
	limit := func(pages int) {
		if _, err := in.Platform.DB.Writer().ExecContext(t.Context(), fmt.Sprint(`PRAGMA max_page_count = `, pages)); err != nil {
			t.Error(err)
		}
	}
	limit(1) // what there is stays
	return func() { limit(1 << 30) }
}

// readOnly is a failover to a standby: the connections that there are, and all new
// ones, cannot write.
func readOnly(t *testing.T, in *tandemtest.Instance) (mend func()) {
	config, err := pgx.ParseConfig(in.Store().DB)
	if err != nil {
		t.Fatal(err)
	}
	alter := func(what string) {
		admin, err := pgx.Connect(t.Context(), in.Store().DB)
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close(t.Context())
		for _, statement := range []string{`SET default_transaction_read_only = off`, `ALTER DATABASE ` + config.Database + ` ` + what} {
			if _, err := admin.Exec(t.Context(), statement); err != nil {
				t.Error(err)
			}
		}
	}
	alter(`SET default_transaction_read_only = on`)
	var held []*sql.Conn
	for pool := in.Platform.DB.Writer(); len(held) < pool.Stats().MaxOpenConnections; {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
		if _, err := conn.ExecContext(t.Context(), `SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY`); err != nil {
			t.Error(err)
		}
	}
	for _, conn := range held {
		conn.Close()
	}
	return func() { alter(`RESET default_transaction_read_only`) }
}

func post(t *testing.T, to string, form url.Values) (status int, header http.Header, body string) {
	t.Helper()
	res, err := http.PostForm(to, form)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}
