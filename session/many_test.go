package session_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// fill opens so many sessions of an application at once, in the slots from first on and
// without the box. They expire at the time.
func (w *world) fill(first, n int, application string, expires time.Time) {
	w.Helper()
	last := sqldb.Micros(w.clock.Now())
	_, err := w.db.Writer().ExecContext(w.Context(), `INSERT INTO sessions (id, session_key, kind, user_login, user_id, application_uri, service_instance, slot, reserved,
		remote_addr, multiplexed, opened_at, last_request_at, absolute_expires_at, expires_at, requests, ended_at, end_reason, ended_change)
		WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1 + $2)
		SELECT 'id ' || i, 'sid ' || i, 'user', 'u' || i, 'id-u' || i, $3, '', i, FALSE, '', FALSE, $4, $4, 0, $5, 1, 0, '', 0 FROM n`,
		first, n, application, last, sqldb.Micros(expires))
	if err != nil {
		w.Fatal(err)
	}
}

// A11: also of an application with more sessions than a statement has room for arguments.
func TestA11_I6_DisabledApplicationEndsAsManyAsThereAre(t *testing.T) {
	each(t, func(w *world) {
		const many = 70_000
		m := w.replica(many+10, nil)
		kept := w.call(m, service("svc", "other"))
		w.fill(2, many, "com.example/big", w.clock.Now().Add(time.Hour))
		var disabled atomic.Bool
		m.Allowed = func(_ context.Context, s *tandem.Session) (bool, error) {
			return !disabled.Load() || s.ApplicationURI != "com.example/big", nil
		}
		w.sync(m)
		disabled.Store(true)
		for rounds := 0; w.open() > 1 && rounds < 60; rounds++ { // each as far as it comes in a second
			w.sync(m)
		}
		if n := w.open(); n != 1 {
			t.Errorf("%d sessions are open", n)
		}
		if s := w.call(m, service("svc", "other")); s.ID != kept.ID {
			t.Error("the other application's session ended")
		}
		if n := len(w.audit.Of(tandem.AuditSessionClosed)); n != many {
			t.Errorf("%d ends are on record", n)
		}
	})
}

// limited refuses statements that end more sessions than others may wait for.
type limited struct {
	session.Store
	*testing.T
}

func (l limited) Open(ctx context.Context, o session.Opening) (session.Opened, error) {
	opened, err := l.Store.Open(ctx, o)
	if n := len(opened.Expired); n > 2*session.MaxEnded+1 {
		l.Errorf("an opening ended %d sessions", n)
	}
	return opened, err
}

// When all sessions have run out, such as after a time without any replica, an opening ends
// a part of them, and what is in its own way; the rounds end the rest.
func TestAnOpeningEndsAFewOfWhatIsOverdue(t *testing.T) {
	each(t, func(w *world) {
		const many = 3000
		w.store = limited{w.store, t}
		m := w.replica(many, map[string]int{"svc": 1})
		svc := w.call(m, service("svc", "")) // in the last slot, and the last to expire
		w.fill(1, many-1, portal, w.clock.Now().Add(time.Minute))
		w.clock.Advance(2 * time.Hour)
		again := w.replica(many, map[string]int{"svc": 1})
		if s := w.call(again, service("svc", "")); s.ID == svc.ID || s.Slot != svc.Slot {
			t.Errorf("with a key that has run out: %+v", s)
		}
		if n := w.open(); n < many-2*session.MaxEnded-2 {
			t.Errorf("an opening left %d of %d", n, many)
		}
		for rounds := 0; w.open() > 1 && rounds < 60; rounds++ { // each as far as it comes in a second
			w.sync(again)
		}
		if n := w.open(); n != 1 {
			t.Errorf("after the rounds %d are open", n)
		}
		if n := len(w.audit.Of(tandem.AuditSessionClosed)); n != many {
			t.Errorf("%d ends are on record", n)
		}
	})
}

// What is overdue and holds a slot of its own keeps nobody out, whenever its turn would be.
func TestAnOverdueSessionKeepsNobodyOut(t *testing.T) {
	each(t, func(w *world) {
		const many = 1500
		m := w.replica(many+1, map[string]int{"others": many})
		w.call(m, user("anna", "a")) // in the one slot for all, and the last to expire
		w.fill(2, many, portal, w.clock.Now().Add(time.Minute))
		w.clock.Advance(time.Hour)
		if s := w.call(m, user("boris", "b")); s.Slot != 1 {
			t.Errorf("slot %d", s.Slot)
		}
	})
}

// A smaller licence finds nothing that is overdue in its way, however much it is.
func TestALicenceEndsWhatIsOverdueInParts(t *testing.T) {
	each(t, func(w *world) {
		const many = 1200
		w.call(w.replica(many+1, nil), user("anna", "a"))
		w.fill(2, many, portal, w.clock.Now().Add(time.Minute))
		w.clock.Advance(time.Hour)
		m := w.replica(5, nil)
		w.sync(m)
		ends := w.audit.Of(tandem.AuditSessionClosed)
		if n := w.open(); n != 0 || len(ends) != many+1 {
			t.Errorf("%d are open, %d ends on record", n, len(ends))
		}
	})
}

// A session is looked at when it is new and when something has changed that decides about
// it, and a round never takes long for that.
func TestSessionsAreLookedAtWhenSomethingHasChanged(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(10, nil)
		var by, asked, slow atomic.Int64
		var disabled, broken atomic.Bool
		m.AllowedBy = func() any {
			if by.Load() < 0 {
				return nil
			}
			return by.Load()
		}
		m.Allowed = func(ctx context.Context, s *tandem.Session) (bool, error) {
			asked.Add(1)
			if slow.Load() > 0 && slow.Add(-1) == 0 {
				<-ctx.Done()
			}
			if broken.Load() {
				return false, errBroken
			}
			return !disabled.Load() || s.User != "anna", nil
		}
		round := func(when string, want int64) {
			t.Helper()
			asked.Store(0)
			w.sync(m)
			if n := asked.Load(); n != want {
				t.Errorf("%s: asked about %d sessions, want %d", when, n, want)
			}
		}
		w.call(m, user("anna", "a"))
		w.call(m, service("svc", ""))
		round("new ones", 2)
		round("nothing has changed", 0)
		w.call(m, user("boris", "b"))
		round("another new one", 1)
		by.Add(1)
		round("something has changed", 3)
		round("nothing since", 0)
		by.Add(1)
		slow.Store(2)
		round("the second takes too long", 2)
		round("the others", 2)
		by.Store(-1)
		disabled.Store(true)
		round("nothing can be decided", 0)
		broken.Store(true)
		by.Store(5)
		round("something has changed, and the database does not answer", 3)
		if n := w.open(); n != 3 {
			t.Errorf("%d sessions are open", n)
		}
		broken.Store(false)
		round("it answers", 3)
		if n := w.open(); n != 2 {
			t.Errorf("%d sessions are open", n)
		}
		token := &tandem.Principal{User: user("clara", "c").User, ApplicationURI: portal, TokenID: "pat", Reference: true}
		w.call(m, token)
		round("of a reference token", 1)
		round("whose time may be over", 1)
	})
}

// A round that fails in the middle has written the calls of some sessions: they count once.
func TestARoundThatFailsInTheMiddleCountsEachCallOnce(t *testing.T) {
	each(t, func(w *world) {
		const many = 450
		m := w.replica(many, nil)
		w.fill(1, many, portal, w.clock.Now().Add(time.Hour))
		w.sync(m)
		for i := 1; i <= many; i++ {
			w.call(m, user(fmt.Sprint("u", i), fmt.Sprint("sid ", i)))
		}
		failing := &half{Store: w.store}
		m.Store = failing
		if err := m.Sync(t.Context()); !errors.Is(err, errBroken) {
			t.Fatalf("a round said %v", err)
		}
		w.sync(m)
		var calls int64
		if err := w.db.Reader().QueryRowContext(t.Context(), `SELECT SUM(requests) FROM sessions`).Scan(&calls); err != nil || calls != 2*many {
			t.Errorf("%d calls are stored, want %d: %v", calls, 2*many, err)
		}
	})
}

// half writes the first half of the first touches.
type half struct {
	session.Store
	done bool
}

func (h *half) Touch(ctx context.Context, touches []session.Touch) ([]session.Touch, error) {
	if h.done {
		return h.Store.Touch(ctx, touches)
	}
	h.done = true
	n := len(touches) / 2
	if left, err := h.Store.Touch(ctx, touches[:n]); err != nil {
		return left, err
	}
	return touches[n:], errBroken
}
