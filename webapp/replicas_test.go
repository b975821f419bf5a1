package webapp_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/webapp"
)

// refreshes counts the token requests with a refresh token, and keeps each until
// a second one has come, or for a while.
type refreshes struct {
	n      atomic.Int64
	second chan struct{}
	during func() // at the first one, if there is one
}

func (f *refreshes) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			if text, _ := io.ReadAll(body); strings.Contains(string(text), "grant_type=refresh_token") {
				n := f.n.Add(1)
				if n == 2 {
					close(f.second)
				}
				if n == 1 && f.during != nil {
					f.during()
				}
				select {
				case <-f.second:
				case <-time.After(time.Second):
				}
			}
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

func eachSite(t *testing.T, test func(t *testing.T, s *site, f *refreshes)) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			f := &refreshes{second: make(chan struct{})}
			test(t, newSite(t, siteOptions{engine: engine, transport: f}), f)
		})
	}
}

// Of two web apps that need a new token at the same time one asks for it, and both
// go on with what it got.
func TestTwoWebAppsRenewOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site, f *refreshes) {
		other := s.replica()
		b, _ := s.signIn("anna", "/jobs")
		s.in.Advance(2 * time.Hour)
		var both sync.WaitGroup
		for _, root := range []string{s.url, other} {
			both.Go(func() {
				if p := b.Get(root + "/jobs"); p.StatusCode != http.StatusOK || p.Request.URL.Path != "/jobs" {
					t.Errorf("%s: %d at %s", root, p.StatusCode, p.Request.URL)
				}
			})
		}
		both.Wait()
		if n := f.n.Load(); n != 1 {
			t.Errorf("%d token requests, want 1", n)
		}
	})
}

// What a renewal gave while the web app's database was away is used here at once when it is
// back, and by the others soon, long after the refresh token before it is good for a retry.
func TestD23_RenewedWhileTheDatabaseWasAway(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site, f *refreshes) {
		other := s.replica()
		b, _ := s.signIn("anna", "/jobs")
		rename := func(from, to string) {
			if _, err := s.db.Writer().ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
				t.Error(err)
			}
		}
		f.during = func() { rename("webapp_sessions", "away") }
		s.in.Advance(2 * time.Hour)
		b.Get(s.url + "/jobs")
		rename("away", "webapp_sessions")
		s.in.Advance(15 * time.Second)
		used := func(root string) {
			if p := b.Get(root + "/jobs"); p.StatusCode != http.StatusOK || p.Request.URL.Path != "/jobs" {
				t.Errorf("%s: %d at %s", root, p.StatusCode, p.Request.URL)
			}
		}
		used(s.url)
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			var version int64
			if err := s.db.Reader().QueryRowContext(t.Context(), "SELECT MAX(version) FROM webapp_sessions").Scan(&version); err != nil {
				t.Fatal(err)
			}
			if version == 2 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("what was got is not saved")
			}
		}
		used(other)
		if n := f.n.Load(); n != 1 {
			t.Errorf("%d token requests, want 1", n)
		}
	})
}

// A web app that died while it renewed holds the others up for seconds only, and
// one that could not renew not at all.
func TestWebAppThatDiedWhileItRenewed(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site, f *refreshes) {
		b, _ := s.signIn("anna", "/jobs")
		s.in.Advance(2 * time.Hour)
		store := webapp.NewSessionStore(s.db)
		var key client.SessionKey
		var raw []byte
		if err := s.db.Reader().QueryRowContext(t.Context(), `SELECT key FROM webapp_sessions`).Scan(&raw); err != nil {
			t.Fatal(err)
		}
		copy(key[:], raw)
		now := s.in.Clock.Now()
		claim := func() bool {
			mine, err := store.ClaimRenewal(t.Context(), key, 1, now, now.Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			return mine
		}
		if !claim() || claim() {
			t.Fatal("not one of two has it")
		}
		if err := store.EndRenewal(t.Context(), key, 1); err != nil || !claim() {
			t.Fatalf("given back, it cannot be had again: %v", err)
		}
		if p := b.Get(s.url + "/jobs"); p.StatusCode != http.StatusOK || f.n.Load() != 1 {
			t.Errorf("%d after %d token requests", p.StatusCode, f.n.Load())
		}
		if claim() {
			t.Error("a claim on a version that is no more")
		}
	})
}

// A web app with another key than those that share its database does not start:
// it would sign their people out, and they its.
func TestWebAppsOfOneDatabaseHaveOneKey(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{engine: sqldb.PostgreSQL})
	other := s.config
	master := make([]byte, seal.KeySize)
	master[0] = 1
	var err error
	if other.Box, err = seal.New("sessions", master); err != nil {
		t.Fatal(err)
	}
	if _, err := webapp.New(t.Context(), other); err == nil || !strings.Contains(err.Error(), "--webapp-key-file") {
		t.Errorf("with another key: %v", err)
	}
	if _, err := webapp.New(t.Context(), s.config); err != nil {
		t.Errorf("with the same: %v", err)
	}
}
