package session_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/session"
)

// dying is a replica that dies in the middle of an opening: the row is kept, and nothing
// that comes after is.
type dying struct {
	session.Store
	id string
}

func (d *dying) Open(ctx context.Context, o session.Opening) (session.Opened, error) {
	opened, err := d.Store.Open(ctx, o)
	d.id = opened.ID
	if err == nil {
		err = errBroken
	}
	return session.Opened{}, err
}

// died has a replica that dies while it opens a session, and returns its id.
func (w *world) died(p *tandem.Principal) string {
	w.Helper()
	store := w.store
	dead := &dying{Store: store}
	w.store = dead
	if s, err := w.replica(5, nil).Acquire(w.Context(), p, home); err == nil || dead.id == "" {
		w.Fatalf("a replica died, and admitted a call in %+v: %v", s, err)
	}
	w.store = store
	return dead.id
}

// openings are the ids of the sessions whose openings are on record.
func (w *world) openings() (ids []string) {
	w.Helper()
	events, err := (&audit.Log{Store: data.NewAudit(w.db)}).List(w.Context(), audit.Filter{Kind: tandem.AuditSessionOpened, Limit: 100})
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range events {
		ids = append(ids, e.SessionID)
	}
	return ids
}

// recording has the world's record kept in the database, as an instance does.
func (w *world) recording() {
	w.Helper()
	log := &audit.Log{Store: data.NewAudit(w.db), Clock: w.clock.Now}
	ctx, stop := context.WithCancel(w.Context())
	done := make(chan struct{})
	go func() { log.Run(ctx); close(done) }()
	w.Cleanup(func() { stop(); <-done })
	w.audit.Also = log
}

func (w *world) wantOpenings(when string, want ...string) {
	w.Helper()
	got := w.openings()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.Errorf("%s: on record are the openings of %q, want %q", when, got, want)
	}
}

// A replica dies after it has kept a session, and before it could record it: whoever is
// next records it, once, and before a call is admitted.
func TestWhoeverFindsASessionThatIsNotRecordedRecordsIt(t *testing.T) {
	each(t, func(w *world) {
		w.recording()
		id := w.died(service("svc", "one"))
		w.wantOpenings("before")
		a, b := w.replica(5, nil), w.replica(5, nil)
		w.audit.Fail(errBroken)
		if s, err := a.Acquire(t.Context(), service("svc", "one"), home); err == nil {
			t.Errorf("without a record a call was admitted: %+v", s)
		}
		w.audit.Fail(nil)
		for range 3 {
			for _, m := range []*session.Manager{a, b} {
				if s := w.call(m, service("svc", "one")); s.ID != id {
					t.Errorf("the session is %s, not %s", s.ID, id)
				}
				w.wantOpenings("after a call", id)
				w.sync(m)
			}
		}
		events := w.audit.Of(tandem.AuditSessionOpened)
		if e := events[0]; e.Actor != "svc" || e.RemoteAddr != home || !strings.HasPrefix(e.Detail, "slot 1 of 5, instance one") || e.TokenID != "" {
			t.Errorf("recorded is %+v", e)
		}
	})
}

// The same when nobody calls any more: at a start, and at the latest beside its end.
func TestNoSessionEndsWithoutAnOpeningOnRecord(t *testing.T) {
	each(t, func(w *world) {
		w.recording()
		started := w.died(user("anna", "started"))
		a := w.replica(5, nil)
		w.sync(a)
		w.wantOpenings("after a start", started)
		closed, expired, displaced := w.died(user("anna", "closed")), w.died(user("boris", "expired")), w.died(user("clara", "displaced"))
		w.wantOpenings("of replicas that died later", started)
		if err := a.CloseByKey(t.Context(), "closed", tandem.EndSignOut); err != nil {
			t.Fatal(err)
		}
		w.wantOpenings("after an end", started, closed)
		w.clock.Advance(time.Second)
		newest := w.call(a, user("anna", "newest")).ID
		w.wantOpenings("after another one", started, closed, newest)
		b := w.replica(1, nil) // the newest stays
		w.sync(b)
		w.wantOpenings("after a smaller licence", started, closed, expired, displaced, newest)
		for _, e := range w.audit.All() {
			if e.Kind == tandem.AuditSessionOpened && e.Facts != "" {
				t.Errorf("an opening has %q", e.Facts)
			}
		}
	})
}

// Calls that come while an opening is being recorded wait for that.
func TestNoCallIsAdmittedBeforeTheOpeningIsOnRecord(t *testing.T) {
	each(t, func(w *world) {
		slow := &slowRecord{recorded: make(chan struct{}), begun: make(chan struct{}, 8)}
		m := w.replica(5, nil)
		m.Auditor = slow
		admitted := make(chan error, 8)
		call := func() {
			_, err := m.Acquire(t.Context(), user("anna", "sid"), home)
			admitted <- err
		}
		go call()
		<-slow.begun
		for range 7 {
			go call()
		}
		select {
		case err := <-admitted:
			t.Errorf("a call was admitted before the record had the opening: %v", err)
			admitted <- err
		case <-time.After(200 * time.Millisecond):
		}
		close(slow.recorded)
		for range 8 {
			select {
			case err := <-admitted:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("a call still waits")
			}
		}
		if n := slow.openings.Load(); n != 1 {
			t.Errorf("%d openings were recorded", n)
		}
	})
}

// slowRecord returns when it is told to.
type slowRecord struct {
	begun, recorded chan struct{}
	openings        atomic.Int64
}

func (r *slowRecord) RecordAll(_ context.Context, events []tandem.AuditEvent) error {
	if len(events) == 0 {
		return nil
	}
	for i := range events {
		if events[i].Kind == tandem.AuditSessionOpened {
			r.openings.Add(1)
			if events[i].Once != nil {
				events[i].Once.First = true
			}
		}
	}
	r.begun <- struct{}{}
	<-r.recorded
	return nil
}

// told counts the openings that one replica has put on record, or tried to.
type told struct {
	session.Auditor
	openings atomic.Int64
}

func (a *told) RecordAll(ctx context.Context, events []tandem.AuditEvent) error {
	for i := range events {
		if events[i].Kind == tandem.AuditSessionOpened {
			a.openings.Add(1)
		}
	}
	return a.Auditor.RecordAll(ctx, events)
}

// The replica that opened a session says with its next touch that this is on record. Until
// then others look for it: an event that is there already would hold up all that is
// recorded with it.
func TestNoReplicaRecordsAnOpeningAgain(t *testing.T) {
	each(t, func(w *world) {
		w.recording()
		var ids []string
		a := w.replica(9, nil)
		for _, signIn := range []string{"met", "closed", "expired"} {
			ids = append(ids, w.call(a, user("anna", signIn)).ID)
		}
		others := &told{Auditor: w.audit}
		b, c := w.replica(9, nil), w.replica(9, nil)
		b.Auditor, c.Auditor = others, others
		if s := w.call(b, user("anna", "met")); s.ID != ids[0] {
			t.Errorf("the session is %s, not %s", s.ID, ids[0])
		}
		w.sync(c) // a start
		d := w.replica(9, nil)
		d.Auditor = others
		if err := d.CloseByKey(t.Context(), "closed", tandem.EndSignOut); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Hour)
		w.sync(d)
		if n := w.open(); n != 0 {
			t.Errorf("%d sessions are open", n)
		}
		if n := others.openings.Load(); n != 0 {
			t.Errorf("others recorded %d openings again", n)
		}
		w.wantOpenings("in the end", ids...)
	})
}
