package sealing_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// kept are the tables that somebody who may write to the database can change.
var kept = []string{"audit_events", "record_tiles", "record_checkpoints", "record_epochs", "instance"}

// undoable keeps what the tables hold now.
func (b *book) undoable() (undo func()) {
	for _, table := range kept {
		b.exec(`CREATE TABLE kept_` + table + ` AS SELECT * FROM ` + table)
	}
	file, err := os.ReadFile(b.anchor.File)
	must(b.t, err)
	return func() {
		for _, table := range kept {
			b.exec(`DELETE FROM ` + table)
			b.exec(`INSERT INTO ` + table + ` SELECT * FROM kept_` + table)
		}
		must(b.t, os.WriteFile(b.anchor.File, file, 0o600))
	}
}

// tampering is one way to change what is on record, and what is told of it.
type tampering struct {
	name string
	do   func(b *book, ids []string)
	want []string // of each a fault begins with it or has it
}

func changes() (all []tampering) {
	for column, value := range map[string]string{
		"at": `at + 1`, "kind": `'sign_in'`, "application_uri": `'com.acme/other'`, "actor": `'bob'`, "flow": `'service'`, "session_id": `''`,
		"sign_in_id": `''`, "token_id": `'t'`, "remote_addr": `'10.0.0.6'`, "detail": `'scope read'`, "request_id": `''`, "facts": `''`,
	} {
		all = append(all, tampering{"change " + column, func(b *book, ids []string) {
			b.exec(`UPDATE audit_events SET `+column+` = `+value+` WHERE id = $1`, ids[300])
		}, []string{"changed ID300"}})
	}
	return append(all, tampering{"change id", func(b *book, ids []string) {
		b.exec(`UPDATE audit_events SET id = $1 WHERE id = $2`, ids[300]+"f", ids[300])
	}, []string{"changed ID300f"}})
}

var tamperings = append(changes(), []tampering{
	{"delete first", func(b *book, ids []string) { b.exec(`DELETE FROM audit_events WHERE id = $1`, ids[0]) },
		[]string{"missing 1 at the begin of epoch 1, which no pruning on record covers"}},
	{"delete middle", func(b *book, ids []string) {
		b.exec(`DELETE FROM audit_events WHERE id > $1 AND id < $2`, ids[299], ids[303])
	}, []string{"missing 3 between ID299 and ID303"}},
	{"delete last", func(b *book, ids []string) { b.exec(`DELETE FROM audit_events WHERE id = $1`, ids[len(ids)-1]) },
		[]string{"missing 1 between ID898 and the end of what is sealed"}},
	{"delete nearly all", func(b *book, ids []string) {
		b.exec(`DELETE FROM audit_events WHERE id > $1 AND id < $2`, ids[1], ids[len(ids)-2])
	}, []string{"missing 896 between ID1 and ID898"}},
	{"insert", func(b *book, ids []string) {
		b.exec(`INSERT INTO audit_events (id, at, kind, application_uri, actor, flow, session_id, sign_in_id, token_id, remote_addr, detail)
			SELECT $1, at, kind, application_uri, actor, flow, session_id, sign_in_id, token_id, remote_addr, detail FROM audit_events WHERE id = $2`, ids[300]+"0", ids[300])
	}, []string{"inserted ID3000"}},
	{"insert before all", func(b *book, ids []string) {
		b.exec(`INSERT INTO audit_events SELECT '', at, kind, application_uri, actor, flow, session_id, sign_in_id, token_id, remote_addr, detail, request_id, facts
			FROM audit_events WHERE id = $1`, ids[300])
	}, []string{"inserted : it stands"}},
	{"insert after all", func(b *book, ids []string) {
		b.exec(`INSERT INTO audit_events SELECT 'zz', at, kind, application_uri, actor, flow, session_id, sign_in_id, token_id, remote_addr, detail, request_id, facts
			FROM audit_events WHERE id = $1`, ids[300])
	}, []string{`inserted: "zz" is no id`}},
	{"swap", func(b *book, ids []string) {
		b.exec(`UPDATE audit_events SET id = 'x' WHERE id = $1`, ids[300])
		b.exec(`UPDATE audit_events SET id = $1 WHERE id = $2`, ids[300], ids[310])
		b.exec(`UPDATE audit_events SET id = $1 WHERE id = 'x'`, ids[310])
	}, []string{"changed ID300", "changed ID310"}},
	{"edit tile", func(b *book, _ []string) {
		tile, err := b.Store.Tile(b.t.Context(), 1, 0, 1)
		must(b.t, err)
		tile.Hashes[100] ^= 1
		b.exec(`UPDATE record_tiles SET hashes = $1 WHERE level = 0 AND n = 1`, tile.Hashes)
	}, []string{"the tree was edited between"}},
	{"edit an upper tile", func(b *book, _ []string) {
		tile, err := b.Store.Tile(b.t.Context(), 1, 1, 0)
		must(b.t, err)
		tile.Hashes[40] ^= 1
		b.exec(`UPDATE record_tiles SET hashes = $1 WHERE level = 1`, tile.Hashes)
	}, []string{"tile 1/0 of epoch 1 is not what its events make"}},
	{"drop tile", func(b *book, _ []string) { b.exec(`DELETE FROM record_tiles WHERE level = 0 AND n = 1`) },
		[]string{"tile 0/1 of epoch 1 is missing"}},
	{"drop head", func(b *book, _ []string) { b.exec(`DELETE FROM record_checkpoints WHERE seq = 3`) }, []string{"head 3 is missing"}},
	{"drop newest head", func(b *book, _ []string) { b.exec(`DELETE FROM record_checkpoints WHERE seq = 6`) },
		[]string{"a head of epoch 1 is missing: its tree has 900 events, and the newest head 750"}},
	{"drop all heads", func(b *book, _ []string) { b.exec(`DELETE FROM record_checkpoints`) }, []string{"a head of epoch 1 is missing"}},
	{"forge head", func(b *book, _ []string) {
		b.exec(`UPDATE record_checkpoints SET note = replace(note, '450', '449'), size = 449 WHERE seq = 3`)
	}, []string{"head 3 is not signed by tandem/"}},
	{"put one head in the place of another", func(b *book, _ []string) {
		b.exec(`UPDATE record_checkpoints SET note = (SELECT c.note FROM record_checkpoints c WHERE c.seq = 2) WHERE seq = 3`)
	}, []string{"head 3 is signed for 300 events, and the database says 450"}},
	{"rewrite a row and its tree", func(b *book, ids []string) {
		b.exec(`UPDATE audit_events SET actor = 'bob' WHERE id = $1`, ids[320])
		rewriteTree(b)
	}, []string{"rewritten: events between ID299 and ID449 and their tree are not those of head 3", "its history was rewritten"}},
	{"swap key", func(b *book, _ []string) {
		resign(b, []byte(strings.Repeat("z", 32)))
	}, []string{"is not signed by tandem/", "the database says that epoch 1 is signed by another key"}},
	{"rewrite with the key itself", func(b *book, ids []string) {
		b.exec(`UPDATE audit_events SET actor = 'bob' WHERE id = $1`, ids[320])
		rewriteTree(b)
		resign(b, seed)
	}, []string{"3 heads, from that of 450 events on, are not of this record: its history was rewritten"}},
	{"roll back the database", func(b *book, ids []string) {
		b.exec(`DELETE FROM audit_events WHERE id > $1`, ids[449])
		b.exec(`DELETE FROM record_checkpoints WHERE seq > 3`)
		b.exec(`DELETE FROM record_tiles WHERE n > 1 OR level = 1`)
		tile, err := b.Store.Tile(b.t.Context(), 1, 0, 1)
		must(b.t, err)
		b.exec(`UPDATE record_tiles SET hashes = $1 WHERE n = 1`, tile.Hashes[:(450-256)*32])
		rewriteTree(b)
	}, []string{"database older than anchor: "}},
	{"cut the anchor", func(b *book, _ []string) { b.cutAnchor(3, 6) }, []string{"lacks 2 heads, from head 4 of epoch 1 to head 5 of epoch 1"}},
	{"cut the anchor in the middle", func(b *book, _ []string) { b.cutAnchor(2, 3) }, []string{"lacks 1 heads, from head 3 of epoch 1 to head 3"}},
	{"replay an old anchor", func(b *book, _ []string) { b.cutAnchor(2, 6) }, []string{"lacks 3 heads, from head 3 of"}},
	{"leave events unsealed", func(b *book, _ []string) {
		b.happen(3)
		b.now = b.now.Add(2 * time.Minute)
	}, []string{"late: 3 events from"}},
}...)

// cutAnchor takes heads out of the anchor.
func (b *book) cutAnchor(from, to int) {
	a, err := sealing.ReadAnchor(b.anchor.File)
	must(b.t, err)
	left := append(append([]string{}, a.Heads[:from]...), a.Heads[min(to, len(a.Heads)):]...)
	must(b.t, os.WriteFile(b.anchor.File, []byte(strings.Join(left, "\n")+"\n"), 0o600))
}

// rewriteTree makes the tiles anew of the rows that there are, as anybody can.
func rewriteTree(b *book) {
	newest, err := b.Store.NewestHead(b.t.Context(), 1)
	must(b.t, err)
	tiles, err := sealing.TilesOf(b.t.Context(), b.Store, newest.Size)
	must(b.t, err)
	b.exec(`DELETE FROM record_tiles`)
	for _, t := range tiles {
		b.exec(`INSERT INTO record_tiles (epoch, level, n, hashes) VALUES (1, $1, $2, $3)`, t.Level, t.N, t.Hashes)
	}
}

// resign signs all heads anew, of the tree that there is.
func resign(b *book, seed []byte) {
	key := sealing.NewKey(seed)
	heads, err := b.Store.Heads(b.t.Context(), 1, 0)
	must(b.t, err)
	for i := range heads {
		note, verifier, err := sealing.SignHead(b.t.Context(), b.Log, key, &heads[i])
		must(b.t, err)
		b.exec(`UPDATE record_checkpoints SET note = $1 WHERE seq = $2`, note, heads[i].Seq)
		b.exec(`UPDATE record_epochs SET verifier = $1`, verifier)
	}
}

// Whatever is changed in the database or in the anchor after it was sealed is found, and
// named as what it is; nothing else is.
func TestTamperingIsNamed(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := openBook(t, db)
		b.hours(6)
		ids := b.ids()
		if len(ids) != 900 {
			t.Fatalf("%d events", len(ids))
		}
		b.now = b.now.Add(time.Hour + 30*time.Minute)
		b.clean(b.anchored())
		undo := b.undoable()
		for _, c := range tamperings {
			t.Run(c.name, func(t *testing.T) {
				now := b.now
				c.do(b, ids)
				r := b.verify(b.anchored())
				named(t, r, ids, c.want)
				b.now = now
				undo()
				b.clean(b.anchored())
			})
		}
	})
}

// named fails when one of the texts is in no fault, or a fault is told that was not
// wanted.
func named(t *testing.T, r *sealing.Report, ids, want []string) {
	t.Helper()
	var all []string
	for _, f := range r.Faults {
		all = append(all, f.Text)
	}
	text := strings.Join(all, "\n")
	for n := len(ids) - 1; n >= 0; n-- {
		text = strings.ReplaceAll(text, ids[n], fmt.Sprint("ID", n))
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("not told: %s\nbut: %s", w, text)
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if !slices.ContainsFunc(want, func(w string) bool { return strings.Contains(line, w) }) {
			t.Errorf("told beside what was done: %s", line)
		}
	}
}

// On SQLite a column takes a value of another type, which looks the same to who reads it
// and is not found by who looks for it.
func TestAnotherTypeIsAChange(t *testing.T) {
	t.Parallel()
	b := openBook(t, datatest.Open(t, sqldb.SQLite))
	b.hours(1)
	ids := b.ids()
	b.exec(`UPDATE audit_events SET kind = CAST(kind AS BLOB) WHERE id = $1`, ids[40])
	named(t, b.verify(sealing.Options{}), ids, []string{"changed ID40"})
	b.exec(`UPDATE audit_events SET detail = CAST(X'ff' AS TEXT) WHERE id = $1`, ids[41])
	named(t, b.verify(sealing.Options{}), ids, []string{"changed ID40", "changed ID41"})
}

// However many are gone, it is told where.
func TestManyMissingAreNamed(t *testing.T) {
	t.Parallel()
	b := openBook(t, datatest.Open(t, sqldb.SQLite))
	b.happen(12_000)
	b.seal()
	ids := b.ids()
	b.exec(`DELETE FROM audit_events WHERE id > $1 AND id < $2`, ids[99], ids[9_100])
	named(t, b.verify(sealing.Options{}), ids, []string{"missing 9000 between ID99 and ID9100"})
	b.exec(`UPDATE audit_events SET actor = 'nobody'`)
	r := b.verify(sealing.Options{})
	if len(r.Faults) != sealing.MaxFaults || r.More < 1000 {
		t.Errorf("%d faults and %d more", len(r.Faults), r.More)
	}
}
