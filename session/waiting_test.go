package session_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
	"weak"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/session"
)

// still is a store that can stand still, and says when it is asked something then.
type still struct {
	session.Store
	asked, goOn chan struct{} // nil while it does not
}

func (s *still) stand() {
	s.asked, s.goOn = make(chan struct{}, 100), make(chan struct{})
}

func (s *still) wait(ctx context.Context) error {
	if s.goOn == nil {
		return nil
	}
	s.asked <- struct{}{}
	select {
	case <-s.goOn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *still) Open(ctx context.Context, o session.Opening) (session.Opened, error) {
	if err := s.wait(ctx); err != nil {
		return session.Opened{}, err
	}
	return s.Store.Open(ctx, o)
}

func (s *still) SetLicence(ctx context.Context, l tandem.Licence, now time.Time) ([]session.Stored, error) {
	if s.Store == nil {
		return nil, nil
	}
	return s.Store.SetLicence(ctx, l, now)
}

func (s *still) TouchLive(ctx context.Context, t session.Touch) (bool, error) {
	if err := s.wait(ctx); err != nil {
		return false, err
	}
	return s.Store.TouchLive(ctx, t)
}

// leaving makes a call whose caller goes away, and wants it to be over then.
type leaving struct {
	w    *world
	gone context.CancelFunc
	done chan error
}

func (w *world) leaving(m *session.Manager, p *tandem.Principal) leaving {
	ctx, cancel := context.WithCancel(w.Context())
	l := leaving{w, cancel, make(chan error, 1)}
	go func() {
		_, err := m.Acquire(ctx, p, home)
		l.done <- err
	}()
	return l
}

func (l leaving) leave(who string) {
	l.w.Helper()
	l.gone()
	select {
	case err := <-l.done:
		if !errors.Is(err, context.Canceled) {
			l.w.Errorf("%s was told %v", who, err)
		}
	case <-time.After(testkit.Patience):
		l.w.Errorf("%s goes on waiting", who)
	}
}

// While the store stands still, calls in sessions that are open go on, and who goes away
// waits for nothing any more.
func TestStoreThatStandsStillHoldsNobodyWhoGoes(t *testing.T) {
	each(t, func(w *world) {
		store := &still{Store: w.store}
		w.store = store
		m := w.replica(5, nil)
		w.call(m, user("anna", "a"))
		clara := w.call(m, user("clara", "c"))
		store.stand()
		opener := w.leaving(m, user("boris", "b"))
		<-store.asked
		same, other := w.leaving(m, user("boris", "b")), w.leaving(m, user("doris", "d"))
		w.call(m, user("anna", "a"))
		same.leave("who waits for the same session")
		other.leave("who waits for another one")
		opener.leave("who opens it")
		w.clock.Advance(11 * time.Second)
		writer := w.leaving(m, user("clara", "c")) // whose time is written through
		<-store.asked
		w.leaving(m, user("clara", "c")).leave("who waits for the time to be written")
		writer.leave("who writes it")
		close(store.goOn)
		if s := w.call(m, user("boris", "b")); s.Slot != 3 || w.open() != 3 {
			t.Errorf("slot %d, %d are open", s.Slot, w.open())
		}
		if s := w.call(m, user("clara", "c")); s.ID != clara.ID {
			t.Error("clara has another session")
		}
	})
}

// Nor does everybody wait for as long as an opening may take, one after the other.
func TestStoreThatStandsStillIsNotWaitedForInTurn(t *testing.T) {
	t.Parallel()
	w := &world{T: t, clock: testkit.NewClock(), audit: &testkit.Record{}}
	store := &still{}
	store.stand()
	w.store = store
	m := w.replica(5, nil)
	const callers = 8
	told := make(chan error, callers)
	for i := range callers {
		go func() {
			_, err := m.Acquire(t.Context(), user("anna", fmt.Sprint(i)), home)
			told <- err
		}()
	}
	for range callers {
		if err := <-told; tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Errorf("who waited was told %v", err)
		}
	}
	if n := len(store.asked); n >= callers {
		t.Errorf("the store was asked %d times", n)
	}
}

// The same as with a store that does, while the record stands still.
func TestRecordThatStandsStillHoldsNobodyWhoGoes(t *testing.T) {
	each(t, func(w *world) {
		slow := &slowRecord{recorded: make(chan struct{}), begun: make(chan struct{}, 8)}
		m := w.replica(5, nil)
		m.Auditor = slow
		opener := w.leaving(m, user("anna", "a"))
		<-slow.begun
		w.leaving(m, user("anna", "a")).leave("who waits for the opening's record")
		opener.leave("who opened it")
		close(slow.recorded)
		w.call(m, user("anna", "a"))
		if n := slow.openings.Load(); n != 1 || w.open() != 1 {
			t.Errorf("%d openings were recorded, %d are open", n, w.open())
		}
	})
}

// meanwhile does something before the record of an opening fails.
type meanwhile struct {
	session.Auditor
	do func()
}

func (a *meanwhile) RecordAll(ctx context.Context, events []tandem.AuditEvent) error {
	if do := a.do; do != nil && len(events) > 0 && events[0].Kind == tandem.AuditSessionOpened {
		a.do = nil
		do()
		return errBroken
	}
	return a.Auditor.RecordAll(ctx, events)
}

// A replica cannot record what it has opened, and ends it, when another one has found the
// session and recorded it: the end is on record, too.
func TestWhatIsUndoneHasItsEndOnRecord(t *testing.T) {
	each(t, func(w *world) {
		w.recording()
		a, b := w.replica(5, nil), w.replica(5, nil)
		var found string
		a.Auditor = &meanwhile{Auditor: w.audit, do: func() { found = w.call(b, user("anna", "a")).ID }}
		if s, err := a.Acquire(t.Context(), user("anna", "a"), home); tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Errorf("%+v, %v", s, err)
		}
		w.wantOpenings("after it was undone", found)
		ends := w.audit.Of(tandem.AuditSessionClosed)
		if len(ends) != 1 || ends[0].SessionID != found || w.open() != 0 {
			t.Errorf("%d are open; on record are the ends %+v", w.open(), ends)
		}
		w.sync(b)
		if s := w.call(b, user("anna", "a")); s.ID == found {
			t.Error("the session goes on")
		}
	})
}

// forgetting keeps nothing of what it records but where the details were.
type forgetting struct{ detail weak.Pointer[byte] }

func (f *forgetting) RecordAll(_ context.Context, events []tandem.AuditEvent) error {
	for i := range events {
		events[i].Once.First = true
		f.detail = weak.Make(unsafe.StringData(events[i].Detail))
	}
	return nil
}

// An opening's event is kept no longer than until it is recorded.
func TestWhatIsRecordedIsNotKept(t *testing.T) {
	each(t, func(w *world) {
		f := &forgetting{}
		m := w.replica(5, nil)
		m.Auditor = f
		w.call(m, service("svc", "an instance with a name of its own"))
		runtime.GC()
		if f.detail.Value() != nil {
			t.Error("the event is still there")
		}
		w.call(m, service("svc", "an instance with a name of its own"))
	})
}

// What is opened when the program ends is on record before the last round is over, although
// whoever called has gone.
func TestTheEndWaitsForWhatIsBeingOpened(t *testing.T) {
	each(t, func(w *world) {
		slow := &slowRecord{recorded: make(chan struct{}), begun: make(chan struct{}, 8)}
		m := w.replica(5, nil)
		m.Auditor = slow
		opener := w.leaving(m, user("anna", "a"))
		<-slow.begun
		opener.leave("who opens it")
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		ended := make(chan struct{})
		go func() { m.Run(ctx); close(ended) }()
		select {
		case <-ended:
			w.Error("the end did not wait")
		case <-time.After(200 * time.Millisecond):
		}
		close(slow.recorded)
		<-ended
		if n := slow.openings.Load(); n != 1 {
			w.Errorf("%d openings are on record", n)
		}
	})
}

// faulty panics as it opens the first session.
type faulty struct {
	session.Store
	calls atomic.Int32
}

func (f *faulty) Open(ctx context.Context, o session.Opening) (session.Opened, error) {
	if f.calls.Add(1) == 1 {
		panic("a fault")
	}
	return f.Store.Open(ctx, o)
}

// A fault in an opening is an error of that call: the next one is served.
func TestAFaultInAnOpeningEndsThatCallAlone(t *testing.T) {
	each(t, func(w *world) {
		w.store = &faulty{Store: w.store}
		m := w.replica(5, nil)
		if _, err := m.Acquire(w.Context(), user("anna", "a"), home); tandem.ErrorCode(err) != tandem.CodeInternal || !strings.Contains(err.Error(), "a fault") {
			t.Errorf("it was told %v", err)
		}
		w.call(m, user("anna", "a"))
	})
}
