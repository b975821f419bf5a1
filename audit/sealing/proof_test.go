package sealing_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// Every event is proven with what it says, and what was changed in a proof is refused.
func TestProofsHold(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		b.hours(3)
		_, err := b.Restart(t.Context(), tandem.By{Login: "root"}, "to go on")
		must(t, err)
		ids := b.ids()
		key := b.Key.Verifier(originOf(t, b, 1))
		for n, id := range ids[:450] {
			if n%37 != 0 {
				continue
			}
			proof, err := b.Prove(t.Context(), strings.ToUpper(id))
			must(t, err)
			p, err := sealing.CheckProof(proof, key)
			if err != nil || p.Event.ID != id || p.Event.Actor != "anna" || p.Index != int64(n) || len(proof) > 4096 {
				t.Fatalf("event %d: %+v, %v", n, p, err)
			}
			row, err := b.Store.Event(t.Context(), id)
			if err != nil || row.Event != p.Event {
				t.Errorf("event %d is %+v, and its proof says %+v", n, row.Event, p.Event)
			}
			for from, to := range map[string]string{"extra W": "extra X", "index ": "index 1", "\n150\n": "\n151\n", "— tandem": "— tindem", key: ""} {
				if text := strings.ReplaceAll(string(proof), from, to); text != string(proof) {
					if _, err := sealing.CheckProof([]byte(text), key); err == nil {
						t.Errorf("a proof with %q for %q holds", to, from)
					}
				}
			}
			if _, err := sealing.CheckProof(proof, b.Key.Verifier(originOf(t, b, 2))); err == nil {
				t.Error("a proof holds with the key of another epoch")
			}
		}
		if _, err := b.Prove(t.Context(), ids[450]); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf("an event that is not sealed: %v", err)
		}
	})
}

func originOf(t *testing.T, b *book, epoch int64) string {
	t.Helper()
	id, err := b.Instance(t.Context())
	must(t, err)
	return sealing.Origin(id, epoch)
}

// FuzzCheckProof: whatever the text, it is refused without a panic, or its event is the one
// of the proof that was made.
func FuzzCheckProof(f *testing.F) {
	b := openBook(f, datatest.Open(f, sqldb.SQLite))
	b.hours(1)
	id, err := b.Instance(f.Context())
	must(f, err)
	key := b.Key.Verifier(sealing.Origin(id, 1))
	proof, err := b.Prove(f.Context(), b.ids()[70])
	must(f, err)
	f.Add(proof)
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra \nindex 0\n\nx\n0\n\n— x y\n"))
	want, err := sealing.CheckProof(proof, key)
	must(f, err)
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := sealing.CheckProof(text, key); err == nil && p.Event != want.Event {
			t.Errorf("%q proves %+v", text, p.Event)
		}
	})
}

// FuzzParseAnchor: whatever the text, it is refused without a panic, or is what it was
// written as.
func FuzzParseAnchor(f *testing.F) {
	b := openBook(f, datatest.Open(f, sqldb.SQLite))
	b.hours(3)
	text, err := os.ReadFile(b.anchor.File)
	must(f, err)
	f.Add(string(text))
	f.Add("x\n0\n" + tlog.Hash{}.String() + "\n\n— x y\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := sealing.ParseAnchor("it", strings.NewReader(text))
		if err != nil {
			return
		}
		var again strings.Builder
		for _, head := range a.Heads {
			again.WriteString(head + "\n")
		}
		if again.String() != text {
			t.Errorf("%q is read as %q", text, a.Heads)
		}
	})
}

// An anchor that is cut off in the middle of a head is told apart from one that is whole.
func TestCutOffAnchorIsRefused(t *testing.T) {
	t.Parallel()
	b := openBook(t, datatest.Open(t, sqldb.SQLite))
	b.hours(3)
	text, err := os.ReadFile(b.anchor.File)
	must(t, err)
	whole := 0
	for n := range len(text) + 1 {
		a, err := sealing.ParseAnchor("it", strings.NewReader(string(text[:n])))
		if err == nil {
			if whole++; len(a.Heads) != whole-1 {
				t.Errorf("%d bytes have %d heads", n, len(a.Heads))
			}
		}
	}
	if whole != 3 { // of none, one and two heads
		t.Errorf("%d beginnings are whole", whole)
	}
}

// A record does not go on where its anchor says something else.
func TestAnchorOfAnotherRecordIsRefused(t *testing.T) {
	t.Parallel()
	b, other := openBook(t, datatest.Open(t, sqldb.SQLite)), openBook(t, datatest.Open(t, sqldb.SQLite))
	b.hours(4)
	other.hours(3)
	begin := func(b *book, file string) error {
		return (&sealing.AnchorFile{Log: b.Log, File: file}).Begin(t.Context())
	}
	must(t, begin(b, b.anchor.File))
	must(t, begin(b, filepath.Join(t.TempDir(), "new", "anchor")))
	if err := begin(b, other.anchor.File); err == nil || !strings.Contains(err.Error(), "this is instance") {
		t.Errorf("the anchor of another instance: %v", err)
	}
	undo := b.undoable()
	ids := b.ids()
	b.exec(`UPDATE audit_events SET actor = 'bob' WHERE id = $1`, ids[5])
	rewriteTree(b)
	if err := begin(b, b.anchor.File); err == nil || !strings.Contains(err.Error(), "are others") {
		t.Errorf("a history that was rewritten: %v", err)
	}
	undo()
	b.exec(`DELETE FROM record_checkpoints WHERE seq > 2`)
	if err := begin(b, b.anchor.File); err == nil || !strings.Contains(err.Error(), "the record has 300") {
		t.Errorf("an older database: %v", err)
	}
	_, err := b.Restart(t.Context(), tandem.By{Login: "root"}, "restored")
	must(t, err)
	if err := begin(b, b.anchor.File); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

// An instance that died in the middle of appending a head begins again, and appends it.
func TestTornAnchorGoesOn(t *testing.T) {
	t.Parallel()
	b := openBook(t, datatest.Open(t, sqldb.SQLite))
	b.hours(3)
	text, err := os.ReadFile(b.anchor.File)
	must(t, err)
	for _, n := range []int{len(text) - 1, len(text) - 40, len(text) - 200} {
		must(t, os.WriteFile(b.anchor.File, text[:n], 0o600))
		b.anchor = &sealing.AnchorFile{Log: b.Log, File: b.anchor.File}
		must(t, b.anchor.Begin(t.Context()))
		if n, err := b.anchor.Append(t.Context()); n != 1 || err != nil {
			t.Errorf("%d heads are appended, %v", n, err)
		}
		if now, err := os.ReadFile(b.anchor.File); err != nil || string(now) != string(text) {
			t.Errorf("the anchor is %q, and was %q", now, text)
		}
		b.clean(b.anchored())
	}
}
