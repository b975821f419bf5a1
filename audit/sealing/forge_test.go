package sealing_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// forger is the key of somebody who may write to the database and has no other.
var forger = sealing.NewKey([]byte(strings.Repeat("z", 32)))

// at lets n events happen so many days ago, and seals them.
func (b *book) at(daysAgo time.Duration, n int) {
	b.t.Helper()
	b.now = time.Now().UTC().Add(-daysAgo * day)
	b.happen(n)
	b.seal()
}

// Events that somebody removed are not signed for by the pruning that comes next: it
// removes nothing, and says why.
func TestPruningSignsNoDeletion(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		b.at(403, 60)
		b.at(402, 60)
		b.at(100, 200)
		b.at(2, 50)
		ids := b.ids()
		b.now = time.Now().UTC().Add(-2 * day)
		if n := b.prune(); n != 60 {
			t.Errorf("%d events were pruned", n)
		}
		b.now = time.Now().UTC()
		undo := b.undoablePrune()
		for name, statement := range map[string]string{
			"all but the oldest":        `DELETE FROM audit_events WHERE id > '` + ids[60] + `' AND id < '` + ids[320] + `'`,
			"the oldest":                `DELETE FROM audit_events WHERE id >= '` + ids[60] + `' AND id < '` + ids[62] + `'`,
			"one of those that go":      `DELETE FROM audit_events WHERE id = '` + ids[80] + `'`,
			"the first that would stay": `DELETE FROM audit_events WHERE id >= '` + ids[120] + `' AND id < '` + ids[130] + `'`,
			"one is another":            `UPDATE audit_events SET actor = 'bob' WHERE id = '` + ids[80] + `'`,
		} {
			b.exec(statement)
			left := len(b.ids())
			if n, err := b.tryPrune(); n != 0 || tandem.ErrorCode(err) != tandem.CodeConflict || len(b.ids()) != left {
				t.Errorf("%s: %d events are removed, %v", name, n, err)
			}
			if r := b.verify(sealing.Options{}); r.OK() {
				t.Errorf("%s: %s", name, r.Words())
			}
			undo()
		}
		b.exec(`DELETE FROM instance WHERE name = 'record pruned'`) // the record tells it, too
		if n := b.prune(); n != 60 {
			t.Errorf("when nobody touched it %d events were pruned", n)
		}
		b.clean(sealing.Options{})
	})
}

// Tiles and epochs that somebody changes while the record is pruned, to bring them back
// after it, make no room either.
func TestPruningReadsTheSignedTree(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		b.at(402, 60)
		b.at(100, 200)
		_, err := b.Restart(t.Context(), tandem.By{Login: "root"}, "in between")
		must(t, err)
		b.exec(`UPDATE audit_events SET id = $1 WHERE kind = 'record_restarted'`, b.nextID())
		b.at(2, 40)
		b.clean(sealing.Options{})
		ids := b.ids()
		b.exec(`DELETE FROM audit_events WHERE id >= $1 AND id < $2`, ids[60], ids[260])
		tiles, err := sealing.TilesOf(t.Context(), b.Store, 60)
		must(t, err)
		b.exec(`DELETE FROM record_tiles WHERE epoch = 1`)
		for _, tile := range tiles {
			b.exec(`INSERT INTO record_tiles (epoch, level, n, hashes) VALUES (1, $1, $2, $3)`, tile.Level, tile.N, tile.Hashes)
		}
		b.exec(`DELETE FROM record_checkpoints WHERE epoch = 1 AND seq > 1`)
		b.exec(`UPDATE record_epochs SET after_id = $1 WHERE epoch = 2`, ids[59])
		b.now = time.Now().UTC()
		left := len(b.ids())
		if n, err := b.tryPrune(); n != 0 || tandem.ErrorCode(err) != tandem.CodeConflict || len(b.ids()) != left {
			t.Errorf("%d events are removed, %v", n, err)
		}
	})
}

// An epoch that somebody invents signs no pruning.
func TestInventedEpochSignsNoPruning(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		b.hours(2)
		instance, err := b.Instance(t.Context())
		must(t, err)
		key, err := b.KeyLine(t.Context())
		must(t, err)
		ids := b.ids()
		undo := b.undoable()
		forge := func(epoch int64, after string) {
			b.exec(`INSERT INTO record_epochs (epoch, after_id, verifier, began_at, ended) VALUES ($1, $2, $3, 0, TRUE)`, epoch, after, forger.Verifier(sealing.Origin(instance, epoch)))
			b.exec(`DELETE FROM audit_events WHERE id < $1`, ids[50])
			facts, err := sealing.SignPruned(forger, sealing.Origin(instance, epoch), sealing.Pruned{Epoch: 1, N: 50, Before: "2026-01-01"})
			must(t, err)
			must(t, data.NewAudit(db).AppendAudit(t.Context(), []tandem.AuditEvent{{ID: b.nextID(), At: b.now, Kind: tandem.AuditPruned, Facts: facts}}))
		}
		told := func(want ...string) {
			t.Helper()
			for _, o := range []sealing.Options{{}, {Keys: []string{key}}} {
				text := ""
				for _, f := range b.verify(o).Faults {
					text += f.Text + "\n"
				}
				for _, w := range want {
					if !strings.Contains(text, w) {
						t.Errorf("not told: %s\nbut: %s", w, text)
					}
				}
			}
		}
		forge(0, "")
		b.seal()
		told("the database has an epoch 0", "missing 50 at the begin of epoch 1, which no pruning on record covers")
		undo()
		forge(2, ids[len(ids)-1]) // as the newest, whose event is not sealed
		told("missing 50 at the begin of epoch 1, which no pruning on record covers", "no event tells why epoch 1 ended")
		undo()
		b.exec(`INSERT INTO record_epochs (epoch, after_id, verifier, began_at, ended) VALUES (7, $1, '', 0, FALSE)`, ids[len(ids)-1])
		told("epoch 2 is missing")
	})
}

// A restart that somebody invents exchanges no key, neither for who has the verifier of the
// epoch that it ends, nor for the instance itself.
func TestInventedRestartExchangesNoKey(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		b.hours(2)
		key, err := b.KeyLine(t.Context())
		must(t, err)
		b.exec(`UPDATE audit_events SET actor = 'bob' WHERE id = $1`, b.ids()[20])
		rewriteTree(b)
		resign(b, []byte(strings.Repeat("z", 32)))
		epochs, err := b.Store.Epochs(t.Context())
		must(t, err)
		newest, err := b.Store.NewestHead(t.Context(), 1)
		must(t, err)
		next, event, err := sealing.RestartEvent(epochs[0], newest, tandem.By{Login: "root"}, "restored", b.now)
		must(t, err)
		event.ID = b.nextID()
		b.exec(`UPDATE record_epochs SET ended = TRUE`)
		b.exec(`INSERT INTO record_epochs (epoch, after_id, verifier, began_at, ended) VALUES (2, $1, '', $2, FALSE)`, next.After, sqldb.Micros(next.At))
		must(t, data.NewAudit(db).AppendAudit(t.Context(), []tandem.AuditEvent{event}))
		b.happen(5)
		b.Log = &sealing.Log{Store: b.Store, Key: b.Key, Instance: b.Instance, Clock: b.Clock} // the next process
		if h := b.seal(); h.Epoch != 2 || h.Size != 6 {
			t.Fatalf("the instance goes on with %+v", h)
		}
		second, err := b.KeyLine(t.Context())
		must(t, err)
		for want, o := range map[string]sealing.Options{
			"the database says that epoch 1 is signed by another key":        {Keys: []string{key}},
			"epoch 1 is signed by another key than the one that is known":    {Keys: []string{second}},
			"epoch 1 is signed by another key than the one that is known, a": {},
			"the database says that epoch 1 is signed by another key (":      {Keys: []string{second, key}},
		} {
			if r := b.verify(o); r.OK() || !strings.Contains(r.Faults[0].Text, want) {
				t.Errorf("%v; want %s", r.Faults, want)
			}
		}
		if r := b.verify(sealing.Options{Keys: []string{b.Key.Verifier(strings.TrimSuffix(originOf(t, b, 1), "1") + "3")}}); r.OK() || !strings.Contains(r.Faults[0].Text, "a key is given for epoch 3") {
			t.Errorf("with the key of an epoch that is gone: %v", r.Faults)
		}
	})
}

// Of the events that tell of an epoch's end the one counts with which the next one begins;
// two restarts one after the other have both theirs in the last epoch.
func TestASecondRestartIsAFault(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		b.hours(1)
		key, err := b.KeyLine(t.Context())
		must(t, err)
		for _, why := range []string{"one", "two"} {
			_, err := b.Restart(t.Context(), tandem.By{Login: "root"}, why)
			must(t, err)
		}
		b.now = time.Now().Add(time.Second) // the restarts have ids of now
		b.clean(sealing.Options{})
		b.now = b.now.Add(2 * time.Minute)
		b.seal()
		b.happen(3)
		b.seal()
		if r := b.clean(sealing.Options{Keys: []string{key}}); r.Epochs != 3 || len(r.Notes) != 3 {
			t.Errorf("%+v", r)
		}
		_, event, err := sealing.RestartEvent(sealing.Epoch{N: 1}, sealing.Head{}, tandem.By{Login: "root"}, "invented", b.now)
		must(t, err)
		event.ID = b.nextID()
		must(t, data.NewAudit(db).AppendAudit(t.Context(), []tandem.AuditEvent{event}))
		named(t, b.verify(sealing.Options{}), nil, []string{"a second event, " + event.ID + ", says that epoch 1 ended"})
		b.seal()
		named(t, b.verify(sealing.Options{}), nil, []string{"a second event, " + event.ID + ", says that epoch 1 ended"})
	})
}

// However much is removed, and whatever numbers are written, the verification ends, and
// what it keeps in mind is bounded.
func TestVerificationEnds(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		b.happen(1500)
		b.seal()
		_, err := b.Restart(t.Context(), tandem.By{Login: "root"}, "in between")
		must(t, err)
		b.exec(`UPDATE audit_events SET id = $1 WHERE kind = 'record_restarted'`, b.nextID())
		b.happen(4000)
		b.seal()
		b.clean(sealing.Options{})
		must(t, os.WriteFile(b.anchor.File, nil, 0o600))
		undo := b.undoable()
		told := func(name string, want ...string) *sealing.Report {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			r, err := b.Verify(ctx, sealing.Options{})
			must(t, err)
			text := ""
			for _, f := range r.Faults {
				text += f.Text + "\n"
			}
			for _, w := range want {
				if !strings.Contains(text, w) {
					t.Errorf("%s: not told: %s\nbut: %.1000s", name, w, text)
				}
			}
			undo()
			return r
		}
		odd := ` AND (id LIKE '%1' OR id LIKE '%3' OR id LIKE '%5' OR id LIKE '%7' OR id LIKE '%9')`
		b.exec(`DELETE FROM audit_events WHERE kind <> 'record_restarted'` + odd)
		r := told("every second is gone", "too many differences: ", " more places of epoch 2 and before", "missing 1 between")
		if len(r.Faults) > sealing.MaxFaults || r.More == 0 {
			t.Errorf("%d faults and %d more", len(r.Faults), r.More)
		}
		b.exec(`INSERT INTO record_tiles (epoch, level, n, hashes) VALUES (2, 0, 1099511627776, $1)`, make([]byte, 32))
		told("a tile far away", "the tree of epoch 2 has a tile behind 281474976710657 events, and none behind 4001")
		b.exec(`INSERT INTO record_tiles (epoch, level, n, hashes) VALUES (2, 0, 1099511627776, $1)`, make([]byte, 32))
		b.exec(`UPDATE record_checkpoints SET size = 281474976710657 WHERE epoch = 2`)
		told("a tile far away, and a head that says so", "the tree of epoch 2 ends at 4001 events")
	})
}

// A run without the anchors does not hide what one with them has found.
func TestVerificationWithLessHidesNothing(t *testing.T) {
	t.Parallel()
	b := openBook(t, datatest.Open(t, sqldb.SQLite))
	b.hours(3)
	remember := func(o sealing.Options, kept bool, faults int64) {
		t.Helper()
		if got, err := b.Remember(t.Context(), b.verify(o)); got != kept || err != nil {
			t.Errorf("kept: %t, %v", got, err)
		}
		if s, err := b.Status(t.Context()); err != nil || s.Verified.Faults != faults {
			t.Errorf("%+v, %v", s, err)
		}
	}
	remember(sealing.Options{}, true, 0)
	good := b.anchored()
	b.cutAnchor(1, 2)
	b.now = b.now.Add(2 * time.Hour)
	remember(b.anchored(), true, 1)
	remember(sealing.Options{}, false, 1)
	remember(sealing.Options{Anchors: []sealing.Anchor{{Name: "empty"}}}, false, 1)
	remember(good, true, 0)
	must(t, b.RememberNightly(t.Context(), b.verify(sealing.Options{}))) // of an instance that has no anchor any more
	remember(sealing.Options{}, true, 0)
	verified := func(want bool) {
		t.Helper()
		if s, err := b.Status(t.Context()); err != nil || s.Verified.At.IsZero() == want {
			t.Errorf("%+v, %v", s, err)
		}
	}
	verified(true)
	signed, err := b.Store.Recall(t.Context(), "record verified")
	must(t, err)
	newest, err := b.Store.NewestHead(t.Context(), 1)
	must(t, err)
	for _, invented := range []string{strings.Replace(signed, `"at":"20`, `"at":"30`, 1), `{"at":"3026-11-30T00:00:00Z","faults":0}`, newest.Note, ""} {
		b.exec(`UPDATE instance SET value = $1 WHERE name = 'record verified'`, invented)
		verified(false)
	}
	b.exec(`UPDATE instance SET value = $1 WHERE name = 'record verified'`, signed)
	verified(true)
}
