package sealing_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// book is a record that is sealed, with a clock of its own.
type book struct {
	*sealing.Log
	t      testing.TB
	db     *sqldb.DB
	now    time.Time
	made   int
	anchor *sealing.AnchorFile
}

var seed = []byte("a seed of thirty-two bytes, 4567")

// openBook begins an empty record, six hours ago.
func openBook(t testing.TB, db *sqldb.DB) *book {
	b := &book{t: t, db: db, now: time.Now().UTC().Truncate(time.Hour).Add(-6 * time.Hour)}
	b.Log = &sealing.Log{
		Store: data.NewSealed(db), Key: sealing.NewKey(seed), Instance: data.NewInstance(db).ID, Audit: auditor{b}, Clock: func() time.Time { return b.now },
	}
	b.anchor = &sealing.AnchorFile{Log: b.Log, File: filepath.Join(t.TempDir(), "anchor")}
	must(t, b.anchor.Begin(t.Context()))
	return b
}

// auditor puts what the log itself has to say on the record, at its time.
type auditor struct{ b *book }

func (a auditor) Record(ctx context.Context, e tandem.AuditEvent) error {
	e.ID, e.At = a.b.nextID(), a.b.now
	return data.NewAudit(a.b.db).AppendAudit(ctx, []tandem.AuditEvent{e})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *book) nextID() string {
	b.made++
	return fmt.Sprintf("%s-7000-8000-%012d", sqldb.FirstID(b.now), b.made)
}

// happen puts n events on the record, a millisecond apart.
func (b *book) happen(n int) {
	b.t.Helper()
	var events []tandem.AuditEvent
	for range n {
		b.now = b.now.Add(time.Millisecond)
		id := b.nextID()
		events = append(events, tandem.AuditEvent{
			ID: id, At: b.now, Kind: tandem.AuditTokenIssued, ApplicationURI: "com.acme/portal", Actor: "anna", Flow: tandem.FlowUser,
			SessionID: "s" + id, SignInID: "i" + id, TokenID: "t" + id, RemoteAddr: "10.0.0.5", Detail: "scope \"read\"\nupdate", RequestID: "r" + id, Facts: `{"g":"code"}`,
		})
	}
	for len(events) > 0 {
		part := events[:min(500, len(events))]
		must(b.t, data.NewAudit(b.db).AppendAudit(b.t.Context(), part))
		events = events[len(part):]
	}
}

// seal seals what there is, a minute later.
func (b *book) seal() sealing.Head {
	b.t.Helper()
	b.now = b.now.Add(time.Minute)
	h, err := b.Seal(b.t.Context())
	must(b.t, err)
	return h
}

// hours lets n hours go by, with 150 events in each, which are sealed in three parts and
// anchored.
func (b *book) hours(n int) {
	b.t.Helper()
	for range n {
		b.now = b.now.Truncate(time.Hour).Add(time.Hour)
		for range 3 {
			b.happen(50)
			b.seal()
		}
		_, err := b.anchor.Append(b.t.Context())
		must(b.t, err)
	}
}

func (b *book) exec(statement string, args ...any) {
	b.t.Helper()
	_, err := b.db.Writer().ExecContext(b.t.Context(), statement, args...)
	must(b.t, err)
}

func (b *book) ids() (ids []string) {
	b.t.Helper()
	rows, err := b.db.Reader().QueryContext(b.t.Context(), `SELECT id FROM audit_events ORDER BY id`)
	ids, err = sqldb.List[string](rows, err)
	must(b.t, err)
	return ids
}

func (b *book) verify(o sealing.Options) *sealing.Report {
	b.t.Helper()
	r, err := b.Verify(b.t.Context(), o)
	must(b.t, err)
	return r
}

func (b *book) anchored() sealing.Options {
	b.t.Helper()
	a, err := sealing.ReadAnchor(b.anchor.File)
	must(b.t, err)
	return sealing.Options{Anchors: []sealing.Anchor{a}, Alive: b.now}
}

// clean fails when something is wrong with the record.
func (b *book) clean(o sealing.Options) *sealing.Report {
	b.t.Helper()
	r := b.verify(o)
	if !r.OK() {
		b.t.Errorf("a record that nobody touched: %+v", r.Faults)
	}
	return r
}

// What is sealed in parts, by one process after the other, is one tree; of each hour a
// head stays.
func TestSealedRecordIsClean(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		if r := b.clean(sealing.Options{}); r.Events != 0 || r.Epochs != 0 {
			t.Errorf("nothing is sealed: %+v", r)
		}
		b.hours(2)
		b.Log = &sealing.Log{Store: b.Store, Key: b.Key, Instance: b.Instance, Audit: auditor{b}, Clock: b.Clock} // a restart
		b.anchor.Log = b.Log
		b.hours(3)
		b.happen(7)
		r := b.clean(b.anchored())
		if r.Events != 750 || r.Heads != 5 || r.Anchored != 4 || r.Unsealed != 7 || r.Last.Before(r.First) || r.Idle {
			t.Errorf("%+v", r)
		}
		if h := b.seal(); h.Size != 757 || h.Seq != 5 {
			t.Errorf("the newest head is %+v", h)
		}
		must(t, b.Rest(t.Context()))
		if n, err := b.anchor.Append(t.Context()); n != 1 || err != nil {
			t.Errorf("at the end %d heads are anchored, %v", n, err)
		}
		if r := b.clean(b.anchored()); r.Anchored != 5 {
			t.Errorf("%+v", r)
		}
		b.happen(1)
		if h := b.seal(); h.Seq != 6 {
			t.Errorf("after a rest the head is %+v", h)
		}
		if r := b.clean(sealing.Options{Since: b.now.Truncate(time.Hour)}); r.Events < 8 || r.Events > 158 {
			t.Errorf("since the last hour: %+v", r)
		}
	})
}

// A log in which nothing happens gets an event each hour, which is sealed; until then
// there is no new head.
func TestQuietRecordMoves(t *testing.T) {
	t.Parallel()
	b := openBook(t, datatest.Open(t, sqldb.SQLite))
	b.happen(1)
	b.seal()
	for range 3 * 60 {
		b.seal()
	}
	r := b.clean(sealing.Options{Alive: b.now})
	if r.Events < 3 || r.Events > 5 || r.Heads != int(r.Events) && r.Heads != int(r.Events)-1 {
		t.Errorf("in three quiet hours: %+v", r)
	}
}

// Heads that cannot be read by others are worth nothing: the root of a tree, and its
// proofs, are those of RFC 6962.
func TestNothingIsSealedBeforeItHasSettled(t *testing.T) {
	t.Parallel()
	b := openBook(t, datatest.Open(t, sqldb.SQLite))
	b.happen(10)
	b.now = b.now.Add(sealing.Settle - time.Second)
	h, err := b.Seal(t.Context())
	must(t, err)
	if h.Size != 0 {
		t.Errorf("%d events are sealed", h.Size)
	}
	b.now = b.now.Add(2 * time.Second)
	if h, err = b.Seal(t.Context()); err != nil || h.Size != 10 {
		t.Errorf("after %s: %+v, %v", sealing.Settle, h, err)
	}
}

// A key that is not the one of the record seals nothing, until a new epoch begins.
func TestAnotherKeySealsNothing(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		b.hours(1)
		old, err := b.KeyLine(t.Context())
		must(t, err)
		b.Log = &sealing.Log{Store: b.Store, Key: sealing.NewKey([]byte(strings.Repeat("k", 32))), Instance: b.Instance, Clock: b.Clock}
		b.happen(3)
		b.now = b.now.Add(time.Minute)
		if _, err := b.Seal(t.Context()); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf("with another key: %v", err)
		}
		if r := b.verify(sealing.Options{}); r.OK() {
			t.Error("the verification with another key finds nothing")
		}
		epoch, err := b.Restart(t.Context(), tandem.By{Login: "root"}, "the key was lost")
		if err != nil || epoch.N != 2 {
			t.Fatal(epoch, err)
		}
		b.now = time.Now().Add(2 * time.Minute) // the restart has an id of now
		b.seal()
		r := b.verify(sealing.Options{Alive: b.now})
		if len(r.Faults) != 1 || !strings.Contains(r.Faults[0].Text, "epoch 1 is signed by another key than the one that is known") {
			t.Errorf("nobody knows the key of epoch 1, and: %v", r.Faults)
		}
		b.Log.Keys = []string{old}
		r = b.clean(sealing.Options{Alive: b.now})
		if r.Epochs != 2 || r.Events != 150+4 || !strings.Contains(strings.Join(r.Notes, "\n"), "epoch 1 was ended by root: the key was lost") {
			t.Errorf("%+v", r)
		}
		// The begin of an epoch cannot be told otherwise.
		b.exec(`UPDATE record_epochs SET verifier = $1 WHERE epoch = 1`, b.Key.Verifier("tandem/x/1"))
		if r := b.verify(sealing.Options{}); r.OK() {
			t.Error("the key of the epoch before was changed, and nothing is told")
		}
	})
}

// Who goes on from a head that is not the newest any more commits nothing: neither a
// smaller head in its place, nor anything in an epoch that has ended.
func TestOvertakenSealingCommitsNothing(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		b.happen(5)
		old := b.seal()
		b.happen(5)
		newest := b.seal()
		late := sealing.Sealing{Old: old, New: old, Tiles: []sealing.Tile{{Level: 0, N: 0, Hashes: make([]byte, 32)}}, Key: b.Key.Verifier(sealing.Origin("x", 1))}
		refused := func(want error) {
			t.Helper()
			if err := b.Store.Seal(t.Context(), late); !errors.Is(err, want) {
				t.Errorf("%v; want %v", err, want)
			}
			if h, err := b.Store.NewestHead(t.Context(), 1); err != nil || h.Note != newest.Note {
				t.Errorf("the newest head is %+v, %v", h, err)
			}
		}
		refused(sealing.ErrOvertaken)
		late.Old = newest
		refused(sealing.ErrKey)
		_, err := b.Restart(t.Context(), tandem.By{Login: "root"}, "ended")
		must(t, err)
		refused(sealing.ErrOvertaken)
	})
}
