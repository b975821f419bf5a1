package session_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/session"
)

func (w *world) wantEnds(when string, want ...string) {
	w.Helper()
	var got []string
	events, err := (&audit.Log{Store: data.NewAudit(w.db)}).List(w.Context(), audit.Filter{Kind: tandem.AuditSessionClosed, Limit: 100})
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range events {
		got = append(got, e.SessionID)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.Errorf("%s: on record are the ends of %q, want %q", when, got, want)
	}
}

// Sessions end while the record is away, whatever ends them: the next round that finds it
// records their ends, each once, and what each was caused by.
func TestEndsAreRecordedWhenTheRecordIsBack(t *testing.T) {
	each(t, func(w *world) {
		w.recording()
		a := w.replica(5, nil)
		closed := w.call(a, user("anna", "closed")).ID
		displaced := w.call(a, user("boris", "displaced")).ID
		w.audit.Fail(errBroken)
		if err := a.Close(t.Context(), by, closed, "maintenance"); err == nil {
			t.Error("an end without a record was not told as a failure")
		}
		w.clock.Advance(21 * time.Minute) // the opening ends what has run out, and is undone
		if s, err := a.Acquire(t.Context(), user("clara", "undone"), home); err == nil {
			t.Errorf("without a record a call was admitted: %+v", s)
		}
		w.wantEnds("while the record is away")
		if err := a.Sync(t.Context()); err == nil {
			t.Error("a round without a record was not told as a failure")
		}
		w.audit.Fail(nil)
		for range 3 {
			w.sync(a)
		}
		opened := w.openings()
		if len(opened) != 3 || !slices.Contains(opened, closed) || !slices.Contains(opened, displaced) {
			t.Errorf("on record are the openings of %q", opened)
		}
		w.wantEnds("afterwards", opened...)
		for _, e := range w.audit.Of(tandem.AuditSessionClosed) {
			if (e.SessionID == closed) != (e.Facts == `{"via":"manage","by":"admin"}`) {
				t.Errorf("%s was ended because of %q", e.SessionID, e.Facts)
			}
		}
	})
}

// keptAllTheSame is a record that keeps the events and says that it could not.
type keptAllTheSame struct{ session.Auditor }

func (k keptAllTheSame) RecordAll(ctx context.Context, events []tandem.AuditEvent) error {
	if err := k.Auditor.RecordAll(ctx, events); err != nil {
		return err
	}
	return errBroken
}

// What was on record although it failed is there once.
func TestAnEndIsOnRecordOnce(t *testing.T) {
	each(t, func(w *world) {
		w.recording()
		a := w.replica(5, nil)
		id := w.call(a, user("anna", "a")).ID
		a.Auditor = keptAllTheSame{w.audit}
		if err := a.CloseByKey(t.Context(), "a", tandem.EndSignOut); !errors.Is(err, errBroken) {
			t.Errorf("the failure is told as %v", err)
		}
		a.Auditor = w.audit
		w.sync(a)
		w.wantEnds("after a round", id)
	})
}

// Nor is the record's absence at that moment a reason never to tell of one service session that
// is used from several places.
func TestB16_MultiplexingIsRecordedWhenTheRecordIsBack(t *testing.T) {
	each(t, func(w *world) {
		w.recording()
		a, b := w.replica(5, nil), w.replica(5, nil)
		w.call(a, service("svc", ""))
		w.call(b, service("svc", ""))
		w.audit.Fail(errBroken)
		elsewhere := func() {
			t.Helper()
			for _, m := range []*session.Manager{a, b} {
				if _, err := m.Acquire(t.Context(), service("svc", ""), "198.51.100.7"); err != nil {
					t.Error(err)
				}
			}
		}
		elsewhere()
		w.audit.Fail(nil)
		for range 2 {
			elsewhere()
			w.sync(a)
			w.sync(b)
		}
		if got := w.audit.Details(tandem.AuditMultiplexing); len(got) != 1 {
			t.Errorf("on record is %q", got)
		}
	})
}

// However many ends wait for the record, each comes after its opening.
func TestManyEndsWaitForTheRecord(t *testing.T) {
	each(t, func(w *world) {
		const many = session.MaxEnded/2 + 1 // with their openings more than one part
		a := w.replica(many+1, nil)
		w.sync(a)
		w.fill(1, many, portal, w.clock.Now().Add(time.Minute))
		// All but the first are those of a replica that died.
		if _, err := w.db.Writer().ExecContext(t.Context(), `UPDATE sessions SET recorded = slot = 1`); err != nil {
			t.Fatal(err)
		}
		w.audit.Fail(errBroken)
		w.clock.Advance(time.Hour)
		for range 3 {
			if err := a.Sync(t.Context()); err == nil {
				t.Error("a round without a record was not told as a failure")
			}
		}
		w.audit.Fail(nil)
		w.sync(a)
		opened, ended := len(w.audit.Of(tandem.AuditSessionOpened)), len(w.audit.Of(tandem.AuditSessionClosed))
		if opened != many-1 || ended != many {
			t.Errorf("of %d sessions on record are %d openings and %d ends", many, opened, ended)
		}
	})
}
