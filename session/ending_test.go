package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
)

func TestSignOutFreesTheSlotAtOnce(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.replica(1, nil), w.replica(1, nil)
		w.call(a, user("anna", "sid"))
		if err := b.CloseByKey(t.Context(), "sid", tandem.EndSignOut); err != nil {
			t.Fatal(err)
		}
		if s := w.call(b, user("boris", "b")); s.Slot != 1 {
			t.Errorf("slot %d", s.Slot)
		}
		w.sync(a) // the other replica learns of it with its next round
		w.full(a, user("anna", "sid"))
	})
}

func TestI6_OneHalfEndsAlone(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(3, nil)
		w.call(m, user("anna", "sid"))
		svc := w.call(m, service("svc", ""))
		if err := m.CloseByKey(t.Context(), "sid", tandem.EndSignOut); err != nil {
			t.Fatal(err)
		}
		if s := w.call(m, service("svc", "")); s.ID != svc.ID {
			t.Error("signing out ended the service's session")
		}
		anna := w.call(m, user("anna", "sid"))
		if err := m.Close(t.Context(), by, svc.ID, "maintenance"); err != nil {
			t.Fatal(err)
		}
		if s := w.call(m, user("anna", "sid")); s.ID != anna.ID {
			t.Error("closing the service's session ended the user's")
		}
		// The record tells who closed the one, and that nobody did the other.
		var facts []string
		for _, e := range w.audit.Of(tandem.AuditSessionClosed) {
			facts = append(facts, e.RemoteAddr+e.Facts)
		}
		if want := []string{"", by.From + `{"via":"manage","by":"admin"}`}; !slices.Equal(facts, want) {
			t.Errorf("recorded %q, want %q", facts, want)
		}
	})
}

func TestA11_I6_DisabledApplicationEndsBothHalves(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.replica(3, nil), w.replica(3, nil)
		var disabled atomic.Bool
		for _, m := range []*session.Manager{a, b} {
			m.Allowed = func(_ context.Context, s *tandem.Session) (bool, error) {
				return !disabled.Load() || s.ApplicationURI != portal, nil
			}
		}
		w.call(a, user("anna", "sid"))
		w.call(b, service("svc", ""))
		other := user("boris", "b")
		other.ApplicationURI = "com.example/other"
		kept := w.call(a, other)
		disabled.Store(true)
		w.sync(a)
		w.sync(b)
		list, err := a.List(t.Context())
		if err != nil || len(list) != 1 || list[0].ID != kept.ID {
			t.Errorf("still open: %+v, %v", list, err)
		}
		got := w.audit.Details(tandem.AuditSessionClosed)
		if len(got) != 2 || !strings.HasPrefix(got[0], string(tandem.EndDisabled)) || !strings.HasPrefix(got[1], string(tandem.EndDisabled)) {
			t.Errorf("recorded %q", got)
		}
	})
}

func TestEndWhere(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(3, nil)
		for i := range 3 {
			w.call(m, user(fmt.Sprint("u", i%2), fmt.Sprint("sid-", i)))
		}
		ofU0 := func(s *tandem.Session) bool { return s.User == "u0" }
		if n, err := m.EndWhere(t.Context(), ofU0, tandem.EndDisabled); n != 2 || err != nil {
			t.Errorf("ended %d, %v", n, err)
		}
		if n, err := m.EndWhere(t.Context(), ofU0, tandem.EndDisabled); n != 0 || err != nil {
			t.Errorf("ended %d more, %v", n, err)
		}
	})
}

// counting counts what reaches the store, and can be made to fail.
type counting struct {
	session.Store
	opens, batches, touches atomic.Int64
	broken                  atomic.Bool
	breaks                  atomic.Bool // in the middle of Open
}

var errBroken = errors.New("dial tcp 192.0.2.9: connection refused")

func (c *counting) Open(ctx context.Context, o session.Opening) (session.Opened, error) {
	c.opens.Add(1)
	if c.broken.Load() {
		return session.Opened{}, errBroken
	}
	opened, err := c.Store.Open(ctx, o)
	if c.breaks.Load() {
		return session.Opened{Expired: opened.Expired}, errBroken
	}
	return opened, err
}

func (c *counting) Touch(ctx context.Context, touches []session.Touch) ([]session.Touch, error) {
	c.batches.Add(1)
	if c.broken.Load() {
		return touches, errBroken
	}
	return c.Store.Touch(ctx, touches)
}

func (c *counting) TouchLive(ctx context.Context, t session.Touch) (bool, error) {
	c.touches.Add(1)
	if c.broken.Load() {
		return false, errBroken
	}
	return c.Store.TouchLive(ctx, t)
}

func TestCallsTouchMemoryOnly(t *testing.T) {
	each(t, func(w *world) {
		store := &counting{Store: w.store}
		w.store = store
		m := w.replica(3, nil)
		w.sync(m)
		var ids []string
		for i := range 3 {
			p := user("u", fmt.Sprint("sid-", i))
			for range 100 {
				w.call(m, p)
			}
			ids = append(ids, w.call(m, p).ID)
		}
		if store.opens.Load() != 3 || store.touches.Load() != 0 || store.batches.Load() != 0 {
			t.Errorf("303 calls cost %d openings, %d touches, %d batches", store.opens.Load(), store.touches.Load(), store.batches.Load())
		}
		w.sync(m)
		w.sync(m)
		if n := store.batches.Load(); n != 1 {
			t.Errorf("two rounds wrote %d batches", n)
		}
		for _, id := range ids {
			if n := w.requests(id); n != 101 {
				t.Errorf("stored %d calls of 101", n)
			}
		}
		// What is stored may not become older than ten seconds.
		w.clock.Advance(11 * time.Second)
		for range 5 {
			w.call(m, user("u", "sid-0"))
		}
		if n := store.touches.Load(); n != 1 {
			t.Errorf("%d calls were written through", n)
		}
	})
}

// Many callers on two replicas, rounds in between, and an end: every admitted
// call is counted once.
func TestEveryCallIsCountedOnce(t *testing.T) {
	each(t, func(w *world) {
		const callers, calls = 8, 200
		managers := []*session.Manager{w.replica(3, nil), w.replica(3, nil)}
		var admitted sync.Map // session id → *atomic.Int64
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				m := managers[i%2]
				for n := range calls {
					s, err := m.Acquire(t.Context(), user("anna", "sid"), home)
					if err != nil {
						t.Error(err)
						return
					}
					count, _ := admitted.LoadOrStore(s.ID, new(atomic.Int64))
					count.(*atomic.Int64).Add(1)
					switch {
					case n%50 == 20:
						w.clock.Advance(6 * time.Second) // some calls are written through
					case n%50 == 40:
						if err := m.Sync(t.Context()); err != nil {
							t.Error(err)
						}
					case n == calls/2 && i == 0: // and the session is closed under them
						if err := managers[1].CloseByKey(t.Context(), "sid", "test"); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		for range 2 { // what was counted in a session that had ended comes with the round after
			w.sync(managers[0])
			w.sync(managers[1])
		}
		total := int64(0)
		admitted.Range(func(id, count any) bool {
			stored, want := w.requests(id.(string)), count.(*atomic.Int64).Load()
			total += want
			if stored != want {
				t.Errorf("session %s: %d calls stored, %d admitted", id, stored, want)
			}
			return true
		})
		if total != callers*calls {
			t.Errorf("%d calls admitted", total)
		}
	})
}

func TestStoreThatFailsLosesNoCall(t *testing.T) {
	each(t, func(w *world) {
		store := &counting{Store: w.store}
		w.store = store
		m := w.replica(3, nil)
		w.sync(m)
		anna := w.call(m, user("anna", "sid"))
		store.broken.Store(true)
		w.call(m, user("anna", "sid")) // from memory
		if err := m.Sync(t.Context()); !errors.Is(err, errBroken) {
			t.Errorf("Sync said %v", err)
		}
		w.clock.Advance(11 * time.Second)
		for name, p := range map[string]*tandem.Principal{"call": user("anna", "sid"), "opening": user("boris", "b")} {
			_, err := m.Acquire(t.Context(), p, home)
			if tandem.ErrorCode(err) != tandem.CodeUnavailable || !errors.Is(err, errBroken) {
				t.Errorf("%s while the store is broken: %v", name, err)
			}
		}
		store.broken.Store(false)
		w.call(m, user("anna", "sid"))
		w.sync(m)
		if n := w.requests(anna.ID); n != 3 {
			t.Errorf("%d calls are stored, 3 were admitted", n)
		}
	})
}

// An opening ends what is overdue before it finds or opens anything.
func TestWhatAnOpeningEndedIsRecordedWhenItFails(t *testing.T) {
	each(t, func(w *world) {
		store := &counting{Store: w.store}
		w.store = store
		m := w.replica(1, nil)
		w.call(m, user("anna", "a"))
		w.call(m, user("anna", "a"))
		w.clock.Advance(21 * time.Minute)
		store.breaks.Store(true)
		if _, err := m.Acquire(t.Context(), user("boris", "b"), home); !errors.Is(err, errBroken) {
			t.Errorf("the opening said %v", err)
		}
		events := w.audit.All()
		if last := events[len(events)-1]; len(events) != 2 || last.Kind != tandem.AuditSessionClosed || !strings.HasSuffix(last.Detail, "calls 2") {
			t.Errorf("recorded are %+v", events)
		}
	})
}

func TestSessionThatCannotBeRecordedIsNotOpened(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(1, nil)
		w.audit.Fail(errBroken)
		if s, err := m.Acquire(t.Context(), user("anna", "a"), home); tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Errorf("%+v, %v", s, err)
		}
		if n := w.open(); n != 0 {
			t.Errorf("%d slots are held without a record", n)
		}
		w.audit.Fail(nil)
		w.call(m, user("boris", "b"))
	})
}

// overdue is an auditor whose time is over, and the store that is asked to undo after it.
type overdue struct {
	session.Store
	session.Auditor
	recording context.Context
	undone    bool
}

func (o *overdue) RecordAll(ctx context.Context, events []tandem.AuditEvent) error {
	if !slices.ContainsFunc(events, func(e tandem.AuditEvent) bool { return e.Kind == tandem.AuditSessionOpened }) {
		return nil
	}
	o.recording = ctx
	return context.DeadlineExceeded
}

func (o *overdue) End(ctx context.Context, e session.Ending) ([]session.Stored, error) {
	_, bounded := ctx.Deadline()
	o.undone = bounded && ctx.Done() != o.recording.Done()
	return o.Store.End(ctx, e)
}

// A session is not opened either when the time of its opening is over by then.
func TestAnOpeningIsUndoneInTimeOfItsOwn(t *testing.T) {
	each(t, func(w *world) {
		o := &overdue{Store: w.store}
		m := w.replica(1, nil)
		m.Store, m.Auditor = o, o
		if s, err := m.Acquire(t.Context(), user("anna", "a"), home); tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Errorf("%+v, %v", s, err)
		}
		if n := w.open(); n != 0 || !o.undone {
			t.Errorf("%d slots are held without a record; undone in time of its own: %t", n, o.undone)
		}
	})
}

// Whether sessions are allowed may take a question to the database: calls go on meanwhile.
func TestCallsGoOnWhileSessionsAreLookedThrough(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(3, nil)
		w.call(m, user("anna", "a"))
		m.Allowed = func(context.Context, *tandem.Session) (bool, error) {
			w.call(m, user("anna", "a"))
			w.call(m, user("boris", "b")) // which opens a session
			return true, nil
		}
		w.sync(m)
		if n := w.open(); n != 2 {
			t.Errorf("%d sessions are open", n)
		}
	})
}

func TestRunKeepsInStepAndWritesBackAtTheEnd(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(2, nil)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { m.Run(ctx); close(done) }()
		id := ""
		for range 5 {
			id = w.call(m, user("anna", "sid")).ID
		}
		stop()
		<-done
		if n := w.requests(id); n != 5 {
			t.Errorf("%d of 5 calls are stored after the end", n)
		}
	})
}

// listless is a store that lists no open sessions.
type listless struct{ session.Store }

func (listless) List(context.Context, time.Time) ([]session.Stored, error) {
	return nil, errors.New("all open sessions were asked for")
}

// What a person has through an application ends, whatever else is open, and without looking
// at it.
func TestCloseOf(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(9, nil)
		m.Store = listless{m.Store}
		other := user("anna", "sid-2")
		other.ApplicationURI = "com.example/other"
		for _, p := range []*tandem.Principal{user("anna", "sid-1"), other, user("boris", "sid-3"), service("anna", "")} {
			w.call(m, p)
		}
		for range 2 {
			if err := m.CloseOf(t.Context(), "id-anna", portal, tandem.EndWithdrawn); err != nil {
				t.Error(err)
			}
		}
		if got := w.audit.Details(tandem.AuditSessionClosed); len(got) != 1 || !strings.HasPrefix(got[0], string(tandem.EndWithdrawn)) {
			t.Errorf("recorded %q", got)
		}
		if u, err := m.Usage(t.Context()); err != nil || u.InUse != 3 {
			t.Errorf("%d are open: %v", u.InUse, err)
		}
	})
}
