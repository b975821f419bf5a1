package data_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/sqldb"
)

// madeAnew are the tables whose rows all wait to be taken in, with how many; what is there
// is taken in then.
func (s *shop) madeAnew(db *sqldb.DB) map[string]int {
	s.t.Helper()
	s.index()
	facts, err := sqldb.List[string](db.Reader().QueryContext(s.t.Context(),
		`SELECT SUBSTR(name, 8) || ' ' || CAST(value AS INTEGER) FROM erp_facts WHERE name LIKE 'search:%'`))
	must(s.t, err)
	all := map[string]int{}
	for _, fact := range facts {
		table, number, _ := strings.Cut(fact, " ")
		var waits int
		must(s.t, db.Reader().QueryRowContext(s.t.Context(), `SELECT COUNT(*) FROM erp_search_waiting WHERE number = `+number).Scan(&waits))
		if waits > 0 {
			all[table] = waits
		}
	}
	_, err = s.IndexWaiting(s.t.Context())
	must(s.t, err)
	return all
}

// Only the index of what has changed in the model is made anew, and what was there before
// each had a fact is taken over.
func TestIndexesForSearchingAreMadeOneByOne(t *testing.T) {
	t.Parallel()
	db := datatest.Open(t, sqldb.SQLite)
	s := newShop(t, db)
	rows := func(table string) (n int) {
		must(t, db.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n))
		return n
	}
	all := map[string]int{"erp_products": rows("erp_products"), "erp_parties": rows("erp_parties"), "erp_customers": rows("erp_customers")}
	check := func(when string, want map[string]int) {
		t.Helper()
		got := s.madeAnew(db)
		for table := range got {
			if all[table] == 0 { // others have rows, too
				delete(got, table)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: made anew are %v, want %v", when, got, want)
		}
	}
	finds := func(text string) {
		t.Helper()
		if n, narrowed := s.finding(product, text); n != 1 || !narrowed {
			t.Errorf("%q finds %d, by an index: %t", text, n, narrowed)
		}
	}
	sql := func(text string, args ...any) {
		t.Helper()
		_, err := db.Writer().ExecContext(t.Context(), text, args...)
		must(t, err)
	}
	check("at first", all)
	s.ERP = data.NewERP(db, erpModel)
	check("after a restart", map[string]int{})

	// Of one set one property less is found, and one set less is searched by an index.
	changed := erp.NewModel()
	number := changed.Set(product).Property("PartNumber")
	number.Can &^= model.CanLike
	for _, set := range changed.Sets {
		set.SearchPaths = slices.DeleteFunc(set.SearchPaths, func(p *model.Path) bool { return p.Property == number })
	}
	changed.Set("Crm_Sales_SalesOrders").SearchPaths = nil
	s.ERP = data.NewERP(db, changed)
	check("after a change of products", map[string]int{"erp_products": all["erp_products"]})
	if n := rows(`sqlite_master WHERE name LIKE 'erp_sales_orders_search%'`); n != 0 {
		t.Errorf("%d of an index are left that nobody asks", n)
	}
	s.ERP = data.NewERP(db, erpModel)
	check("and back", map[string]int{"erp_products": all["erp_products"]})
	s.create(product, `{"PartNumber":"P3","Name":{"EN":"Plum"},"ProductGroup":{"Code":"G1"}}`)
	finds("pear")
	finds("plum")
	_, err := s.IndexWaiting(t.Context())
	must(t, err)
	finds("plum")

	// A program that was ended in the middle of it goes on.
	sql(`UPDATE erp_facts SET value = CAST(value AS INTEGER) || ' -' WHERE name = 'search:erp_parties'`)
	s.ERP = data.NewERP(db, erpModel)
	check("after an end in the middle", map[string]int{"erp_parties": all["erp_parties"]})
}

// Where an index cannot be made, those before it are asked and take in what is written,
// also while it is tried again.
func TestAnIndexThatCannotBeMadeKeepsNoOther(t *testing.T) {
	t.Parallel()
	db := datatest.Open(t, sqldb.SQLite)
	s := newShop(t, db)
	sql := func(text string) {
		t.Helper()
		_, err := db.Writer().ExecContext(t.Context(), text)
		must(t, err)
	}
	if n, err := s.IndexWaiting(t.Context()); err != nil || n != 0 {
		t.Errorf("before there is any: %d were taken in, %v", n, err)
	}
	sql(`CREATE VIEW erp_sales_orders_search AS SELECT 1`) // nothing else can have the name
	refused := func() {
		t.Helper()
		if done, err := s.IndexSearch(t.Context()); err == nil || done {
			t.Error("it could be made")
		}
	}
	refused()
	var again sync.WaitGroup
	again.Go(func() {
		for range 20 {
			refused()
		}
	})
	for range 20 {
		if n, narrowed := s.finding(product, "pear"); n != 1 || !narrowed {
			t.Errorf("finds %d, by an index: %t", n, narrowed)
		}
	}
	again.Wait()
	waiting := func() (n int) {
		t.Helper()
		must(t, db.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM erp_search_waiting`).Scan(&n))
		return n
	}
	takenIn := func() {
		t.Helper()
		if n, err := s.IndexWaiting(t.Context()); err != nil || n == 0 || waiting() != 0 {
			t.Errorf("%d were taken in, %d wait: %v", n, waiting(), err)
		}
	}
	takenIn()
	s.create(product, `{"PartNumber":"P3","Name":{"EN":"Plum"},"ProductGroup":{"Code":"G1"}}`)
	takenIn()
	sql(`DROP VIEW erp_sales_orders_search`)
	s.index()
	if _, err := s.IndexWaiting(t.Context()); err != nil || waiting() != 0 {
		t.Errorf("%d wait: %v", waiting(), err)
	}
	if n, narrowed := s.finding(product, "plum"); n != 1 || !narrowed {
		t.Errorf("what is new: finds %d, by an index: %t", n, narrowed)
	}
}

// What a program left that kept one fact about all indexes is taken over as it is, or all
// made anew where it is of another form.
func TestIndexesOfBeforeAreTakenOver(t *testing.T) {
	t.Parallel()
	db := datatest.Open(t, sqldb.SQLite)
	s := newShop(t, db)
	s.madeAnew(db)
	for name, c := range map[string]struct {
		fact string
		anew bool
	}{"as it should be": {s.FormOfAll(), false}, "of another form": {"another", true}} {
		// It numbered them in the order of their tables, as the first that are made are.
		for _, text := range []string{`DELETE FROM erp_facts WHERE name LIKE 'search:%'`, `INSERT INTO erp_facts (name, value) VALUES ('search', '` + c.fact + `')`} {
			_, err := db.Writer().ExecContext(t.Context(), text)
			must(t, err)
		}
		s.ERP = data.NewERP(db, erpModel)
		if anew := s.madeAnew(db); (len(anew) > 0) != c.anew {
			t.Errorf("%s: made anew are %v", name, anew)
		}
		s.create(product, `{"PartNumber":"`+name+`","Name":{"EN":"Plum `+name+`"},"ProductGroup":{"Code":"G1"}}`)
		for text, want := range map[string]int{"pear": 1, "plum " + name: 1} {
			if n, narrowed := s.finding(product, text); n != want || !narrowed {
				t.Errorf("%s: %q finds %d, by an index: %t", name, text, n, narrowed)
			}
		}
		var left int
		must(t, db.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM erp_facts WHERE name = 'search'`).Scan(&left))
		if left != 0 {
			t.Errorf("%s: the fact of before is still there", name)
		}
		_, err := s.IndexWaiting(t.Context())
		must(t, err)
	}
}
