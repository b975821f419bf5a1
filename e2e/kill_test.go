package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/importer/northwindtest"
)

// TestKill ends each process in turn with kill -9, in the middle of a sync and
// of an import. Afterwards no job is lost or run twice to effect, no slot has
// leaked, and no token is out without its record (B14).
func TestKill(t *testing.T) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			var args []string
			if engine == sqldb.PostgreSQL {
				args = []string{"--db", datatest.URL(t, engine)}
			}
			s := up(t, args...)
			k := &killing{system: s, anna: s.person(t, "anna")}
			files := northwindtest.Files(t)
			for _, process := range []string{"worker", "instance", "webapp"} {
				k.kill(process, func() string { return k.anna.imports(files) })
				k.kill(process, k.anna.syncs)
			}
			k.nothingTwice(t)
			k.noSlotLeaked(t)
		})
	}
}

type killing struct {
	*system
	anna *person
}

// kill ends the process while the job runs, and waits until it is back and the
// job has completed.
func (k *killing) kill(process string, begin func() string) {
	k.t.Helper()
	before := k.children()[process]
	path := begin()
	var at internalapi.JobState
	k.anna.until("the job to run", path, func(j internalapi.Job) bool {
		at = j.State
		return j.State != internalapi.JobQueued
	})
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		k.t.Fatalf("kill %s: %v", process, err)
	}
	k.await(process+" to be started again", func() bool {
		pid := k.children()[process]
		return pid != 0 && pid != before
	})
	j := k.anna.until("the job to end", path, func(j internalapi.Job) bool { return j.State.Final() })
	if j.State != internalapi.JobCompleted {
		k.t.Errorf("%s killed while the %s was %s: the job is %s: %s", process, j.Kind, at, j.State, j.Error)
	}
	k.t.Logf("%s killed while the %s was %s: %s", process, j.Kind, at, j.Result.Summary)
}

// nothingTwice counts what the imports, of which there were three, have left.
func (k *killing) nothingTwice(t *testing.T) {
	t.Helper()
	token := k.serviceToken(t)
	for _, left := range []struct {
		set, filter string
		want        int
	}{
		{"Crm_Sales_SalesOrders", "ExternalSystem eq 'northwind/orders'", northwindtest.Orders},
		{"Crm_Sales_Customers", "ExternalSystem eq 'northwind/customers'", northwindtest.Customers},
		{"General_Products_Products", "ExternalSystem eq 'northwind/products'", northwindtest.Products},
		{"Crm_Sales_SalesOrderLines", "SalesOrder/ExternalSystem eq 'northwind/orders'", northwindtest.Lines(t)},
	} {
		if got := k.count(t, token, left.set, left.filter); got != left.want {
			t.Errorf("%s from northwind: %d, want %d", left.set, got, left.want)
		}
	}
}

func (k *killing) noSlotLeaked(t *testing.T) {
	t.Helper()
	seen := map[string]bool{}
	for _, row := range (story{k.system, ""}).sessions() {
		if seen[row.User] {
			t.Errorf("%s holds two slots", row.User)
		}
		seen[row.User] = true
	}
	if len(seen) > 2 {
		t.Errorf("slots are held by %v, want anna and svc.portal at most", seen)
	}
}

// everyEndOnRecord waits until each session that has ended has its event, of which there is
// one: what a process that was killed did not record the others do.
func (s *system) everyEndOnRecord(dbURL string) {
	s.t.Helper()
	db, err := sqldb.Open(s.t.Context(), dbURL, sqldb.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	n := func(query string) (n int) {
		s.t.Helper()
		if err := db.Reader().QueryRowContext(s.t.Context(), `SELECT COUNT(*) FROM sessions WHERE ended_at <> 0`+query).Scan(&n); err != nil {
			s.t.Fatal(err)
		}
		return n
	}
	const events = `(SELECT COUNT(*) FROM audit_events WHERE kind = 'session_closed' AND session_id = sessions.id)`
	s.await("the ends of sessions to be on record", func() bool { return n(` AND (untold_since <> 0 OR `+events+` = 0)`) == 0 })
	if twice := n(` AND ` + events + ` > 1`); twice > 0 {
		s.t.Errorf("%d ends are on record more than once", twice)
	}
	if n(``) == 0 {
		s.t.Error("no session has ended")
	}
}

// TestKillSignOuts kills the instance while people sign out: each session that has ended has
// its record.
func TestKillSignOuts(t *testing.T) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			dbURL := datatest.URL(t, engine)
			s := up(t, "--db", dbURL)
			before := s.children()["instance"]
			var leaving sync.WaitGroup
			var first sync.Once
			people := make([]*person, 8)
			for i := range people {
				people[i] = s.person(t, "anna")
				people[i].Get(s.demo.Webapp + "/orders") // opens a session
			}
			for _, p := range people {
				leaving.Go(func() {
					p.signsOut()
					first.Do(func() { _ = syscall.Kill(before, syscall.SIGKILL) })
				})
			}
			leaving.Wait()
			s.await("the instance to be started again", func() bool {
				pid := s.children()["instance"]
				return pid != 0 && pid != before
			})
			s.everyEndOnRecord(dbURL)
		})
	}
}

// serviceToken asks for a token as the back end does.
func (s *system) serviceToken(t *testing.T) string {
	t.Helper()
	token, err := s.askToken()
	if err != nil || token == "" {
		t.Fatalf("no service token: %v", err)
	}
	return token
}

func (s *system) askToken() (string, error) {
	portal := s.demo.Applications[0]
	res, err := http.PostForm(s.demo.Issuer+"/connect/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {portal.ApplicationURI}, "client_secret": {portal.ServiceSecret},
	})
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err = json.NewDecoder(res.Body).Decode(&answer)
	return answer.AccessToken, err
}

func (s *system) count(t *testing.T, token, set, filter string) (n int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.demo.OData+set+"/$count?$filter="+url.QueryEscape(filter), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&n); err != nil {
		t.Fatalf("count %s: %d %v", set, res.StatusCode, err)
	}
	return n
}

// TestKillTokens kills the instance while sixteen clients ask for tokens: each
// token that got out has its record.
func TestKillTokens(t *testing.T) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			dbURL := datatest.URL(t, engine)
			s := up(t, "--db", dbURL)
			ids := s.tokensWhileKilled(t)
			if len(ids) < 100 {
				t.Fatalf("only %d tokens before the kill", len(ids))
			}
			db, err := sqldb.Open(t.Context(), dbURL, sqldb.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			for _, id := range ids {
				var n int
				if err := db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM audit_events WHERE token_id = $1 AND kind = 'token_issued'`, id).Scan(&n); err != nil || n != 1 {
					t.Fatalf("token %s has %d records (%v)", id, n, err)
				}
			}
			t.Logf("%d tokens, each with its record", len(ids))
		})
	}
}

// tokensWhileKilled returns the jti of every token that was received.
func (s *system) tokensWhileKilled(t *testing.T) (ids []string) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var killed atomic.Bool
	enough := make(chan struct{})
	for range 16 {
		wg.Go(func() {
			for !killed.Load() {
				token, err := s.askToken()
				if err != nil || token == "" {
					return // the connection ended with the instance
				}
				mu.Lock()
				ids = append(ids, jti(t, token))
				if len(ids) == 300 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(testkit.Patience):
		t.Error("tokens come too slowly")
	}
	if err := syscall.Kill(s.children()["instance"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed.Store(true)
	wg.Wait()
	return ids
}

func jti(t *testing.T, token string) string {
	parts := strings.Split(token, ".")
	var claims struct {
		ID string `json:"jti"`
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil || claims.ID == "" {
		t.Errorf("a token without jti: %v", err)
	}
	return claims.ID
}
