package data_test

import (
	"slices"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

// factOfBefore is the fact that the last program with one for all indexes kept of those of
// [smallModel].
const factOfBefore = `3t2gmabnmggt3`

// smallModel is of two tables, which never change.
func smallModel() *write.Model {
	set := func(table string, columns ...string) *model.Set {
		s := &model.Set{Name: table, Type: table, Table: table, Properties: []*model.Property{{Name: "Id", Column: "id", Kind: model.KindGUID}}}
		for _, c := range columns {
			p := &model.Property{Name: c, Column: c, Kind: model.KindString, Can: model.CanLike, Set: s}
			s.Properties = append(s.Properties, p)
			s.SearchPaths = append(s.SearchPaths, &model.Path{Property: p})
		}
		return s
	}
	return &write.Model{Model: &model.Model{Sets: []*model.Set{set("small_a", "name"), set("small_b", "name", "note")}}}
}

// What a program of before said of its indexes is known, word for word.
func TestTheFactOfBeforeIsKnown(t *testing.T) {
	t.Parallel()
	db := datatest.Open(t, sqldb.SQLite)
	sql := func(text string) {
		t.Helper()
		_, err := db.Writer().ExecContext(t.Context(), text)
		must(t, err)
	}
	facts := func() []string {
		t.Helper()
		all, err := sqldb.List[string](db.Reader().QueryContext(t.Context(), `SELECT name || ' ' || value FROM erp_facts WHERE name LIKE 'search%' ORDER BY name`))
		must(t, err)
		return all
	}
	index := func() {
		t.Helper()
		e := data.NewERP(db, smallModel())
		if done, err := e.IndexSearch(t.Context()); err != nil || !done {
			t.Fatal(done, err)
		}
		_, err := e.IndexWaiting(t.Context())
		must(t, err)
	}
	sql(`CREATE TABLE small_a (id TEXT PRIMARY KEY, name TEXT, name_text TEXT)`)
	sql(`CREATE TABLE small_b (id TEXT PRIMARY KEY, name TEXT, name_text TEXT, note TEXT, note_text TEXT)`)
	index()
	want := facts()
	sql(`DELETE FROM erp_facts WHERE name LIKE 'search%'`)
	sql(`INSERT INTO erp_facts (name, value) VALUES ('search', '` + factOfBefore + `')`)
	sql(`INSERT INTO small_a (id, name, name_text) VALUES ('1', 'pear', 'pear')`)
	sql(`DELETE FROM erp_search_waiting`) // an index that is made anew has it wait
	e := data.NewERP(db, smallModel())
	if done, err := e.IndexSearch(t.Context()); err != nil || !done {
		t.Fatal(done, err)
	}
	if n, err := e.IndexWaiting(t.Context()); err != nil || n != 0 {
		t.Errorf("%d rows were taken in again: %v", n, err)
	}
	if got := facts(); !slices.Equal(got, want) {
		t.Errorf("facts %q, want %q", got, want)
	}
}
