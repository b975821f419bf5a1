package session_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
)

// gone is the record of a replica that dies before it could record an end: nothing is
// recorded, and the memory of it is gone with the replica.
type gone struct{ session.Auditor }

func (gone) RecordAll(_ context.Context, events []tandem.AuditEvent) error {
	if len(events) == 0 {
		return nil
	}
	return errBroken
}

// untold is how many sessions say that their end may not be on record.
func (w *world) untold() (n int) {
	w.Helper()
	if err := w.db.Reader().QueryRowContext(w.Context(), `SELECT count(*) FROM sessions WHERE untold_since <> 0`).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

// Replicas die between the row that says that a session has ended and the record of that,
// whatever they ended it for: those that are left record it, once.
func TestAnEndIsOnRecordThoughTheReplicaDied(t *testing.T) {
	each(t, func(w *world) {
		w.recording()
		a, b, c, dying := w.replica(5, nil), w.replica(5, nil), w.replica(5, nil), w.replica(5, nil)
		for _, m := range []*session.Manager{a, b, c, dying} {
			w.sync(m)
		}
		var ids []string
		opened := func(signIn string) string {
			ids = append(ids, w.call(a, user("anna", signIn)).ID)
			return ids[len(ids)-1]
		}
		closed := opened("closed")
		opened("signed out")
		opened("expired")
		unrecorded := w.died(service("svc", "")) // nor is its opening on record
		ids = append(ids, unrecorded)
		w.sync(a) // what is opened is known to be on record
		dying.Auditor = gone{}
		if err := dying.Close(t.Context(), by, closed, "maintenance"); err == nil {
			t.Error("an end without a record was not told as a failure")
		}
		if err := dying.CloseByKey(t.Context(), "signed out", tandem.EndSignOut); err == nil {
			t.Error("an end without a record was not told as a failure")
		}
		ended := w.clock.Now()
		w.sync(b)
		w.wantEnds("while it may still be recorded")
		w.clock.Advance(time.Hour)
		if err := dying.Sync(t.Context()); err == nil {
			t.Error("a round without a record was not told as a failure")
		}
		if n := w.open(); n != 0 {
			w.Fatalf("%d sessions are open", n)
		}
		w.clock.Advance(time.Minute)
		for range 2 {
			for _, m := range []*session.Manager{b, c} {
				w.sync(m)
				w.wantEnds("afterwards", slices.Clone(ids)...)
			}
		}
		if n := w.untold(); n != 0 {
			t.Errorf("%d ends are still to be recorded", n)
		}
		if got := w.openings(); len(got) != len(ids) || !slices.Contains(got, unrecorded) {
			t.Errorf("on record are the openings of %q, want %q", got, ids)
		}
		for _, e := range w.audit.Of(tandem.AuditSessionClosed) {
			facts, at := "", w.clock.Now().Add(-time.Minute)
			switch e.SessionID {
			case closed:
				facts, at = `{"by":"admin"}`, ended
			case ids[1]:
				at = ended
			}
			if e.Facts != facts || !e.At.Equal(at) {
				t.Errorf("the end of %s is recorded of %s with %q, want of %s with %q", e.SessionID, e.At, e.Facts, at, facts)
			}
		}
	})
}

// A smaller licence ends sessions in a transaction of its own: the same holds for those.
func TestAnEndByALicenceIsOnRecordThoughTheReplicaDied(t *testing.T) {
	each(t, func(w *world) {
		w.recording()
		a := w.replica(2, nil)
		first := w.call(a, user("anna", "first")).ID
		w.clock.Advance(time.Second)
		w.call(a, user("boris", "second"))
		dying := w.replica(1, nil)
		dying.Auditor = gone{}
		if err := dying.Sync(t.Context()); err == nil {
			t.Error("a round without a record was not told as a failure")
		}
		w.clock.Advance(time.Minute)
		w.sync(w.replica(1, nil))
		w.wantEnds("afterwards", first)
	})
}

// A replica may die after it has recorded an end, too, and before it could say so: then
// nobody records it again. Nor does anybody else when all goes well, or the end is a command's.
func TestAnEndOnRecordIsNotToldOfAgain(t *testing.T) {
	each(t, func(w *world) {
		w.recording()
		a := w.replica(5, nil)
		w.sync(a)
		said, dead, command := w.call(a, user("anna", "said")).ID, w.call(a, user("anna", "dead")).ID, w.call(a, user("anna", "command")).ID
		if err := a.CloseByKey(t.Context(), "said", tandem.EndSignOut); err != nil {
			w.Fatal(err)
		}
		w.sync(a)
		if n := w.untold(); n != 0 {
			t.Errorf("after the round %d ends are to be recorded", n)
		}
		if err := w.replica(5, nil).Close(t.Context(), by, command, "maintenance"); err != nil {
			w.Fatal(err)
		}
		if n := w.untold(); n != 0 {
			t.Errorf("after the command %d ends are to be recorded", n)
		}
		if err := w.replica(5, nil).CloseByKey(t.Context(), "dead", tandem.EndSignOut); err != nil {
			w.Fatal(err)
		}
		if n := w.untold(); n != 1 {
			t.Errorf("before the round %d ends are to be recorded", n)
		}
		others := &ends{Auditor: w.audit}
		a.Auditor = others
		w.clock.Advance(time.Minute)
		for range 2 {
			w.sync(a)
		}
		if n := w.untold(); n != 0 || others.n != 0 {
			t.Errorf("afterwards %d ends are to be recorded, and %d were again", n, others.n)
		}
		w.wantEnds("afterwards", said, dead, command)
	})
}

// ends counts those that one replica puts on record, or tries to.
type ends struct {
	session.Auditor
	n int
}

func (a *ends) RecordAll(ctx context.Context, events []tandem.AuditEvent) error {
	for i := range events {
		if events[i].Kind == tandem.AuditSessionClosed {
			a.n++
		}
	}
	return a.Auditor.RecordAll(ctx, events)
}

// However many a replica left, each round tells of some.
func TestManyEndsOfADeadReplicaAreRecorded(t *testing.T) {
	each(t, func(w *world) {
		const many = session.MaxEnded + 3
		a := w.replica(many, nil)
		w.sync(a)
		w.fill(1, many, portal, w.clock.Now().Add(time.Minute))
		w.clock.Advance(2 * time.Minute)
		for range 2 {
			dying := w.replica(many, nil)
			dying.Auditor = gone{}
			if err := dying.Sync(t.Context()); err == nil {
				t.Error("a round without a record was not told as a failure")
			}
		}
		w.clock.Advance(time.Minute)
		for i, want := range []int{session.MaxEnded, many} {
			w.sync(a)
			if got := len(w.audit.Of(tandem.AuditSessionClosed)); got != want {
				t.Errorf("after %s %d ends are on record, want %d", fmt.Sprint("round ", i+1), got, want)
			}
		}
	})
}
