package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem/sqldb"
)

type colour string

type leaf struct {
	ID     string
	Colour colour
	Veins  int
	Fallen bool
	At     time.Time
	Words  []string
}

var leaves = sqldb.NewTable("leaves", func(l *leaf, column sqldb.Column) {
	column("id", &l.ID)
	column("colour", &l.Colour)
	column("veins", &l.Veins)
	column("fallen", &l.Fallen)
	column("at", sqldb.TimeField(&l.At))
	column("words", sqldb.TextField(&l.Words, func(w []string) string { return strings.Join(w, " ") }, strings.Fields))
})

var leafSchema = fstest.MapFS{"00001_leaves.sql": {Data: []byte(`-- +goose Up
CREATE TABLE leaves (words TEXT, at BIGINT, fallen BOOLEAN NOT NULL, veins BIGINT NOT NULL,
	colour TEXT NOT NULL, id TEXT NOT NULL PRIMARY KEY);
-- +goose Down
DROP TABLE leaves;
`)}}

func TestTableStatements(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		leaves.Columns: "id, colour, veins, fallen, at, words",
		leaves.Select:  "SELECT id, colour, veins, fallen, at, words FROM leaves ",
		leaves.Insert:  "INSERT INTO leaves (id, colour, veins, fallen, at, words) VALUES ($1, $2, $3, $4, $5, $6)",
		leaves.Update:  "UPDATE leaves SET colour = $2, veins = $3, fallen = $4, at = $5, words = $6 WHERE id = $1",
	} {
		if got != want {
			t.Errorf("the statement is\n%s, want\n%s", got, want)
		}
	}
}

// What is written is read again, whatever the order of the columns in the
// table, and rows share nothing.
func TestTableReadsWhatItWrote(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, _ string) {
		ctx := t.Context()
		if err := db.Migrate(ctx, leafSchema, "leaf_version"); err != nil {
			t.Fatal(err)
		}
		want := []leaf{
			{
				ID: "a", Colour: "red", Veins: 3, Fallen: true,
				At: time.Date(2026, 11, 24, 12, 0, 0, 123000, time.UTC), Words: []string{"O'Neil", "София"},
			},
			{ID: "b", Words: []string{}},
			{ID: "c", Words: []string{"x"}},
		}
		for i := range want {
			exec(t, db, leaves.Insert, leaves.Values(&want[i])...)
		}
		read := func() {
			t.Helper()
			all, err := leaves.All(db.Reader().QueryContext(ctx, leaves.Select+"ORDER BY id"))
			if err != nil || !cmp.Equal(all, want) {
				t.Errorf("%v\n%s", err, cmp.Diff(want, all))
			}
		}
		read()
		want[0].Veins, want[0].Fallen, want[0].Words = 4, false, []string{}
		if did, err := sqldb.Changed(db.Writer().ExecContext(ctx, leaves.Update, leaves.Values(&want[0])...)); !did || err != nil {
			t.Errorf("Update: %v, %v", did, err)
		}
		read()
		one, err := leaves.One(db.Reader().QueryRowContext(ctx, leaves.Select+"WHERE id = $1", "a"))
		if err != nil || !cmp.Equal(one, want[0]) {
			t.Errorf("One: %v, %v", one, err)
		}
		ids, err := sqldb.List[string](db.Reader().QueryContext(ctx, "SELECT id FROM leaves ORDER BY id DESC"))
		if !cmp.Equal(ids, []string{"c", "b", "a"}) || err != nil {
			t.Errorf("List: %v, %v", ids, err)
		}
		nobody := leaf{ID: "nobody"}
		if did, err := sqldb.Changed(db.Writer().ExecContext(ctx, leaves.Update, leaves.Values(&nobody)...)); did || err != nil {
			t.Errorf("Update of nobody: %v, %v", did, err)
		}
		if _, err := leaves.One(db.Reader().QueryRowContext(ctx, leaves.Select+"WHERE id = 'nobody'")); !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("One of nobody: %v", err)
		}
	})
}

func TestTableTellsWhatFails(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, _ string) {
		if err := db.Migrate(t.Context(), leafSchema, "leaf_version"); err != nil {
			t.Fatal(err)
		}
		exec(t, db, `INSERT INTO leaves (id, colour, veins, fallen) VALUES ('a', '', 0, $1)`, false)
		if all, err := leaves.All(db.Reader().QueryContext(t.Context(), leaves.Select)); err == nil {
			t.Errorf("NULL was read as a time: %v", all)
		}
		exec(t, db, `UPDATE leaves SET at = 0`)
		if all, err := sqldb.List[string](db.Reader().QueryContext(t.Context(), "SELECT words FROM leaves")); err == nil {
			t.Errorf("NULL was listed as a text: %v", all)
		}
		if all, err := leaves.All(db.Reader().QueryContext(t.Context(), leaves.Select)); err == nil {
			t.Errorf("NULL was read as a text: %v", all)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := leaves.All(db.Reader().QueryContext(ctx, leaves.Select)); !errors.Is(err, context.Canceled) {
			t.Errorf("a query that failed: %v", err)
		}
		if _, err := sqldb.List[string](db.Reader().QueryContext(ctx, "SELECT id FROM leaves")); !errors.Is(err, context.Canceled) {
			t.Errorf("a query that failed: %v", err)
		}
		if _, err := sqldb.Changed(db.Writer().ExecContext(ctx, "DELETE FROM leaves")); !errors.Is(err, context.Canceled) {
			t.Errorf("a statement that failed: %v", err)
		}
	})
}

func TestEach(t *testing.T) {
	t.Parallel()
	id := func(l *leaf) string { return l.ID }
	if got := sqldb.Each([]leaf{{ID: "a"}, {ID: "b"}}, id); !cmp.Equal(got, []string{"a", "b"}) {
		t.Errorf("%v", got)
	}
	if got := sqldb.Each(nil, id); got != nil {
		t.Errorf("nothing became %#v", got)
	}
}
