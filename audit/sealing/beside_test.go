package sealing_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// beside is a store beside which something happens once, after its extent or after the
// first rows were read.
type beside struct {
	sealing.Store
	afterExtent, afterRows func()
}

func once(f *func()) {
	if do := *f; do != nil {
		*f = nil
		do()
	}
}

func (s *beside) Extent(ctx context.Context, epoch int64) (int64, error) {
	n, err := s.Store.Extent(ctx, epoch)
	once(&s.afterExtent)
	return n, err
}

func (s *beside) Rows(ctx context.Context, g sealing.Range, limit int) ([]sealing.Row, error) {
	rows, err := s.Store.Rows(ctx, g, limit)
	once(&s.afterRows)
	return rows, err
}

// What is sealed or pruned while the record is verified is no fault.
func TestVerifiedWhileItIsSealedAndPruned(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		now := time.Now().UTC()
		b.now = now.Add(-402 * day)
		for range 5 {
			b.happen(1000)
			b.seal()
		}
		b.now = now.Add(-100 * day)
		b.happen(100)
		b.seal()
		b.now = now
		b.happen(5)
		for name, store := range map[string]*beside{
			"pruned": {Store: b.Store, afterRows: func() { b.prune() }}, "sealed": {Store: b.Store, afterExtent: func() { b.seal() }},
		} {
			v := &sealing.Log{Store: store, Key: b.Key, Instance: b.Instance, Clock: b.Clock}
			r, err := v.Verify(t.Context(), sealing.Options{})
			must(t, err)
			if !r.OK() || store.afterRows != nil || store.afterExtent != nil {
				t.Errorf("%s meanwhile: %v", name, r.Faults)
			}
		}
	})
}

// Rows that somebody writes in front of the record do not make room for others to be
// removed with its signature.
func TestRowsInFrontMakeNoRoom(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		now := time.Now().UTC()
		b.now = now.Add(-402 * day)
		b.happen(100)
		b.seal()
		b.now = now.Add(-100 * day)
		b.happen(100)
		b.seal()
		ids := b.ids()
		b.now = now.Add(-410 * day)
		var front []tandem.AuditEvent
		for range 50 {
			front = append(front, tandem.AuditEvent{ID: b.nextID(), At: b.now, Kind: tandem.AuditTokenIssued})
		}
		must(t, data.NewAudit(b.db).AppendAudit(t.Context(), front))
		b.now = now
		b.prune()
		b.exec(`DELETE FROM audit_events WHERE id >= $1 AND id < $2`, ids[100], ids[150])
		if r := b.verify(sealing.Options{}); r.OK() {
			t.Errorf("50 events are gone, and: %s", r.Words())
		}
	})
}

// An epoch that was restarted after a crash has its last heads anchored, too.
func TestAnchorGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		b.hours(2)
		b.now = b.now.Truncate(time.Hour).Add(time.Hour)
		b.happen(10)
		b.seal() // the process dies before this is anchored
		_, err := b.Restart(t.Context(), tandem.By{Login: "root"}, "the key is lost")
		must(t, err)
		b.anchor = &sealing.AnchorFile{Log: b.Log, File: b.anchor.File} // the next process
		must(t, b.anchor.Begin(t.Context()))
		b.hours(2)
		b.now = b.now.Add(3 * time.Hour)
		b.seal()
		_, err = b.anchor.Append(t.Context())
		must(t, err)
		if r := b.verify(b.anchored()); !r.OK() {
			t.Errorf("%v", r.Faults)
		}
	})
}

// A row that came too late to be sealed holds no pruning up, and what goes is counted by
// what was sealed.
func TestALateRowHoldsNoPruningUp(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		now := time.Now().UTC()
		b.now = now.Add(-402 * day)
		b.happen(100)
		b.seal()
		b.now = now.Add(-100 * day)
		b.happen(100)
		b.seal()
		b.now = now.Add(-399 * day)
		late := tandem.AuditEvent{ID: b.nextID(), At: b.now, Kind: tandem.AuditTokenIssued}
		must(t, data.NewAudit(b.db).AppendAudit(t.Context(), []tandem.AuditEvent{late}))
		b.now = now
		if n := b.prune(); n != 100 {
			t.Errorf("%d are removed", n)
		}
		if r := b.verify(sealing.Options{}); len(r.Faults) != 1 || !strings.Contains(r.Faults[0].Text, late.ID) {
			t.Errorf("%v", r.Faults)
		}
	})
}
