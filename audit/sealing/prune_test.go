package sealing_test

import (
	"context"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

const day = 24 * time.Hour

// prune removes what is older than 400 days, as the instance does.
func (b *book) prune() int64 {
	b.t.Helper()
	n, err := b.tryPrune()
	must(b.t, err)
	return n
}

func (b *book) tryPrune() (int64, error) {
	ctx, stop := context.WithCancel(b.t.Context())
	l := &audit.Log{Store: data.NewAudit(b.db), Clock: b.Clock}
	done := make(chan struct{})
	go func() { defer close(done); l.Run(ctx) }()
	n, err := l.Prune(b.t.Context(), 400*day, "for a test", b.Prune)
	stop()
	<-done
	return n, err
}

// Events that go by their age are counted as pruned, and no others are: neither one more,
// nor those for which somebody wrote such an event who has not the key.
func TestPrunedIsNoFault(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		today := time.Now().UTC().Truncate(time.Minute)
		sealed := func(at time.Time, n int) {
			b.now = at
			b.happen(n)
			b.seal()
		}
		sealed(today.Add(-403*day), 300)
		sealed(today.Add(-402*day), 20)
		_, err := b.Restart(t.Context(), tandem.By{Login: "root"}, "in between")
		must(t, err)
		b.exec(`UPDATE audit_events SET id = $1 WHERE kind = 'record_restarted'`, b.nextID()) // it is of now, and not of then
		sealed(today.Add(-401*day), 7)
		sealed(today.Add(-399*day), 100)
		b.now = today.Add(-2 * day)
		if n := b.prune(); n != 300 {
			t.Errorf("%d events were pruned", n)
		}
		b.now = today
		if n := b.prune(); n != 28 {
			t.Errorf("%d events were pruned two days later", n)
		}
		if n := b.prune(); n != 0 {
			t.Errorf("%d events were pruned at once after", n)
		}
		if r := b.clean(sealing.Options{}); r.Pruned != 328 || r.Events != 100 || r.Unsealed != 2 {
			t.Errorf("%+v", r)
		}
		b.now = time.Now().Add(time.Minute)
		b.seal()
		ids := b.ids()
		undo := b.undoablePrune()
		b.exec(`DELETE FROM audit_events WHERE id = $1`, ids[0])
		named(t, b.verify(sealing.Options{}), ids, []string{"missing 1 at the begin of epoch 2"})
		undo()
		b.exec(`UPDATE audit_events SET facts = $1 WHERE kind = 'record_pruned'`, `{"note":"tandem-record-pruned/1\ntandem/x/1\n2\n50\n2026-01-01\n\n— tandem/x/1 AAAA\n"}`)
		b.exec(`DELETE FROM audit_events WHERE id < $1`, ids[50])
		if r := b.verify(sealing.Options{}); r.OK() || r.Pruned > 320 {
			t.Errorf("a pruning that nobody signed: %+v", r)
		}
		undo()
		b.clean(sealing.Options{})
	})
}

// undoablePrune keeps the events, and the anchor that is not there.
func (b *book) undoablePrune() (undo func()) {
	b.exec(`CREATE TABLE kept_events AS SELECT * FROM audit_events`)
	return func() {
		b.exec(`DELETE FROM audit_events`)
		b.exec(`INSERT INTO audit_events SELECT * FROM kept_events`)
	}
}

// What is not sealed is not pruned.
func TestUnsealedIsNotPruned(t *testing.T) {
	t.Parallel()
	b := openBook(t, datatest.Open(t, sqldb.SQLite))
	b.now = time.Now().Add(-405 * day)
	b.happen(10)
	b.now = time.Now()
	if n := b.prune(); n != 0 || len(b.ids()) != 10 {
		t.Errorf("%d events were pruned that nothing has sealed", n)
	}
	b.seal()
	if n := b.prune(); n != 9 {
		t.Errorf("%d events were pruned; the last that is sealed stays", n)
	}
	b.clean(sealing.Options{})
}
