package session_test

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

const (
	portal = "com.example/portal"
	home   = "192.0.2.1"
)

// world is one licence with its replicas: managers over one database.
type world struct {
	refusals *audit.Refusals
	*testing.T
	clock *testkit.Clock
	audit *testkit.Record
	db    *sqldb.DB
	store session.Store
}

// each runs the test in a world of its own on both engines.
func each(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := &world{T: t, clock: testkit.NewClock(), audit: &testkit.Record{}, db: db, store: data.NewSessions(db)}
		w.refusals = audit.NewRefusals(w.audit, w.clock.Now)
		test(w)
	})
}

// replica starts a manager. It has no Run: tests call Sync for its rounds.
func (w *world) replica(slots int, reserved map[string]int) *session.Manager {
	return &session.Manager{
		Store: w.store, Auditor: w.audit, Refusals: w.refusals, Clock: w.clock.Now, Licence: tandem.Licence{Slots: slots, Reserved: reserved},
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func user(login, signIn string) *tandem.Principal {
	return &tandem.Principal{
		User:           &tandem.UserIdentity{ID: "id-" + login, Login: login, Type: tandem.InternalUser, SignInID: signIn},
		ApplicationURI: portal, TokenID: "jti-" + signIn,
	}
}

func service(login, instance string) *tandem.Principal {
	return &tandem.Principal{
		Service:        &tandem.ServiceIdentity{SystemUserID: "id-" + login, SystemUserLogin: login, Instance: instance},
		ApplicationURI: portal, TokenID: "jti-" + login,
	}
}

// call makes an API call that must be admitted.
func (w *world) call(m *session.Manager, p *tandem.Principal) *tandem.Session {
	w.Helper()
	s, err := m.Acquire(w.Context(), p, home)
	if err != nil {
		w.Fatalf("the call of %s: %v", p.Actor(), err)
	}
	return s
}

// full makes an API call that must find no slot.
func (w *world) full(m *session.Manager, p *tandem.Principal) {
	w.Helper()
	s, err := m.Acquire(w.Context(), p, home)
	if tandem.ErrorCode(err) != tandem.CodeLicenceFull {
		w.Fatalf("%s got %+v, %v; want a full licence", p.Actor(), s, err)
	}
	if !strings.Contains(err.Error(), "MaximumLicenseCountExceeded") {
		w.Errorf("the error does not name itself: %v", err)
	}
}

func (w *world) sync(m *session.Manager) {
	w.Helper()
	if err := m.Sync(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// open is how many sessions the store has open, counted without the box.
func (w *world) open() (n int) {
	w.Helper()
	if err := w.db.Reader().QueryRowContext(w.Context(), `SELECT count(*) FROM sessions WHERE ended_at = 0`).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

// requests are the calls stored for a session.
func (w *world) requests(id string) (n int64) {
	w.Helper()
	if err := w.db.Reader().QueryRowContext(w.Context(), `SELECT requests FROM sessions WHERE id = $1`, id).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

func TestI11_OneServiceInstanceHasOneSession(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.replica(5, nil), w.replica(5, nil)
		first := w.call(a, service("svc", ""))
		renewed := service("svc", "")
		renewed.TokenID = "another token"
		for range 11 { // an active hour, on both replicas in turn
			w.clock.Advance(5 * time.Minute)
			for _, m := range []*session.Manager{a, b} {
				if s := w.call(m, renewed); s.ID != first.ID {
					t.Fatalf("after a renewed token the session is %s, not %s", s.ID, first.ID)
				}
			}
		}
		// A replica that starts anew finds it, whether by its round or by a call.
		c, d := w.replica(5, nil), w.replica(5, nil)
		w.sync(c)
		for _, m := range []*session.Manager{c, d} {
			if s := w.call(m, renewed); s.ID != first.ID || s.Slot != first.Slot {
				t.Errorf("after a restart the session is %s in slot %d", s.ID, s.Slot)
			}
		}
		if s := w.call(a, service("svc", "worker-2")); s.ID == first.ID || s.Slot == first.Slot {
			t.Error("another instance shares the session")
		}
		other := service("svc", "")
		other.ApplicationURI = "com.example/other"
		if s := w.call(a, other); s.ID == first.ID {
			t.Error("another application shares the session")
		}
		if n := w.open(); n != 3 {
			t.Errorf("%d sessions are open", n)
		}
	})
}

func TestUserCallsShareTheSignInsSession(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(5, nil)
		first := w.call(m, user("anna", "sid-1"))
		refreshed := user("anna", "sid-1")
		refreshed.TokenID = "refreshed"
		if s := w.call(m, refreshed); s.ID != first.ID {
			t.Error("refreshing a token changed the session")
		}
		if s := w.call(m, user("anna", "sid-2")); s.ID == first.ID {
			t.Error("another sign-in shares the session")
		}
	})
}

func TestWhoHasNoKeyHasNoSession(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(5, nil)
		both := user("anna", "sid")
		both.Service = service("svc", "").Service
		nameless := service("svc", "")
		nameless.Service.SystemUserID = ""
		homeless := service("svc", "")
		homeless.ApplicationURI = ""
		for name, p := range map[string]*tandem.Principal{
			"nobody": {}, "both kinds": both, "no sign-in": user("anna", ""), "no System User": nameless, "no application": homeless,
		} {
			if s, err := m.Acquire(t.Context(), p, home); tandem.ErrorCode(err) != tandem.CodeUnauthorized {
				t.Errorf("%s: %+v, %v", name, s, err)
			}
		}
		if n := w.open(); n != 0 {
			t.Errorf("B15: calls without a key opened %d sessions", n)
		}
	})
}

func TestListAndUsage(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(6, map[string]int{"svc": 2})
		w.call(m, user("anna", "sid"))
		w.call(m, service("svc", ""))
		w.call(m, service("svc.other", ""))
		w.call(m, user("anna", "sid"))
		got, err := m.Usage(t.Context())
		want := session.Usage{Slots: 6, InUse: 3, User: 1, Service: 2}
		reserved := got.Reserved["svc"]
		if got.Reserved = nil; err != nil || fmt.Sprint(got) != fmt.Sprint(want) || reserved != (session.ReservedUsage{Slots: 2, InUse: 1}) {
			t.Errorf("usage %+v, reserved %+v, %v", got, reserved, err)
		}
		list, err := m.List(t.Context())
		var slots []string
		for _, s := range list {
			slots = append(slots, fmt.Sprintf("%d %s %d", s.Slot, s.User, s.Requests))
		}
		if want := []string{"1 anna 2", "2 svc.other 1", "5 svc 1"}; err != nil || !slices.Equal(slots, want) {
			t.Errorf("listed %q, want %q, %v", slots, want, err)
		}
	})
}
