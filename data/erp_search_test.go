package data_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

// index makes the index for searching.
func (s *shop) index() {
	s.t.Helper()
	done, err := s.IndexSearch(s.t.Context())
	if err != nil || !done {
		s.t.Fatalf("no index: %v", err)
	}
}

// finding is how many rows of a set a search finds, and whether by an index.
func (s *shop) finding(set, text string) (n int, narrowed bool) {
	s.t.Helper()
	q := &query.Query{Set: erpModel.Set(set), Search: text}
	found, err := s.Count(s.t.Context(), q)
	must(s.t, err)
	narrowed, err = s.Narrowed(s.t.Context(), q)
	must(s.t, err)
	return int(found), narrowed
}

// TestSearchFindsWhatIsThere follows rows that were there before the index, come,
// change and go, taken in or not.
func TestSearchFindsWhatIsThere(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		finds := func(when, text string, want int) {
			t.Helper()
			if n, narrowed := s.finding(product, text); n != want || !narrowed {
				t.Errorf("%s: %q finds %d, want %d; by an index: %t", when, text, n, want, narrowed)
			}
		}
		takeIn := func() {
			t.Helper()
			_, err := s.IndexWaiting(t.Context())
			must(t, err)
		}
		grill := func(number, name string) string {
			return s.create(product, fmt.Sprintf(`{"PartNumber":"%s","Name":{"EN":"%s"},"ProductGroup":{"Code":"G1"}}`, number, name)).ID
		}
		first := grill("GR-1", "Folding grill")
		s.index()
		finds("before it is taken in", "GRILL", 1)
		takeIn()
		finds("after", "fold gri", 1)
		second := grill("GR-2", "Grill Übergröße")
		finds("a new one", "grill", 2)
		takeIn()
		finds("without accents", "ubergrosse", 1)
		change := func(id, name string) {
			e := model.Entity{Set: erpModel.Set(product), ID: id}
			_, err := s.Update(t.Context(), s.by, e, write.Condition{}, object(t, `{"Name":{"EN":"`+name+`"}}`))
			must(t, err)
		}
		change(first, "Barbecue")
		finds("what it was called", "folding", 0)
		finds("what it is called", "arbec", 1)
		takeIn()
		finds("what it was called", "folding", 0)
		finds("what it is called", "arbec", 1)
		must(t, s.Delete(t.Context(), s.by, model.Entity{Set: erpModel.Set(product), ID: second}, write.Condition{}))
		finds("gone", "grill", 0)
		third := grill("GR-3", "Kettle") // at the place of the one that is gone, on SQLite
		finds("gone", "grill", 0)
		finds("in its place", "kettle", 1)
		takeIn()
		finds("in its place", "kettle", 1)
		if db.Engine == sqldb.SQLite {
			_, err := db.Writer().ExecContext(t.Context(), "VACUUM")
			must(t, err)
			finds("after VACUUM", "kettle", 1)
			change(third, "Kettle drum")
			takeIn()
			finds("after VACUUM", "tle drum", 1)
		}
		again := data.NewERP(db, erpModel)
		s.ERP = again
		s.index()
		finds("after a restart", "kettle", 1)
	})
}

// TestManyThatWaitAreNotLookedThrough: while an index is being made, or after a large
// Import, a search finds the same without it.
func TestManyThatWaitAreNotLookedThrough(t *testing.T) {
	t.Parallel()
	db := datatest.Open(t, sqldb.SQLite)
	s := newShop(t, db)
	s.index()
	s.create(product, `{"PartNumber":"GR-1","Name":{"EN":"Folding grill"},"ProductGroup":{"Code":"G1"}}`)
	wait := func(rows int) {
		_, err := db.Writer().ExecContext(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			INSERT OR IGNORE INTO erp_search_waiting (number, place) SELECT number, 1000000 + i FROM n, (SELECT DISTINCT number FROM erp_search_waiting)`, rows)
		must(t, err)
	}
	for rows, narrowed := range map[int]bool{1000: true, 6_000: false} {
		wait(rows)
		if n, got := s.finding(product, "grill"); n != 1 || got != narrowed {
			t.Errorf("while %d wait %d are found, by an index: %t", rows, n, got)
		}
		_, err := db.Writer().ExecContext(t.Context(), `DELETE FROM erp_search_waiting WHERE place > 1000000`)
		must(t, err)
	}
}

// TestSearchesGoByTheIndex looks that rows are found by what their references are
// called too, and that what an index cannot find is found all the same.
func TestSearchesGoByTheIndex(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		s.index()
		s.create(orders, `{"Customer":{"Number":"C1"},"CustomerPurchaseOrderNo":"PO-777"}`)
		for _, c := range []struct {
			set, text string
			found     int
			narrowed  bool
		}{
			{orders, "po-777", 1, true}, {orders, "po-777 müller", 1, true}, {"Crm_Sales_Customers", "MULLER", 1, true},
			{orders, "po", 1, false}, {orders, "7%7", 0, true}, {orders, "sales order", 1, false}, {"General_Contacts_Companies", "müller", 1, true},
		} {
			if n, narrowed := s.finding(c.set, c.text); n != c.found || narrowed != c.narrowed {
				t.Errorf("%s %q: %d found, want %d; by an index: %t", c.set, c.text, n, c.found, narrowed)
			}
		}
	})
}

// TestOneTextOfManyIsSoughtByItsIndex shows that a search does not look at every row.
func TestOneTextOfManyIsSoughtByItsIndex(t *testing.T) {
	t.Parallel()
	db := datatest.Open(t, sqldb.SQLite)
	s := newShop(t, db)
	s.index()
	for _, set := range []string{product, orders, "Crm_Sales_Customers", "Crm_Invoicing_Invoices", "Systems_Security_Users"} {
		text, err := s.NarrowedText(t.Context(), &query.Query{Set: erpModel.Set(set), Search: "something"})
		must(t, err)
		if plan := planOf(t, db, text); strings.Contains(plan, "SCAN t0") {
			t.Errorf("%s:\n%s\n%s", set, text, plan)
		}
	}
}

// TestWhatGrowsIsSearchedByAnIndex goes through all sets that are searched: who adds one
// gets its index, or says that it stays small.
func TestWhatGrowsIsSearchedByAnIndex(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		s.index()
		small := map[string]bool{}
		for _, table := range data.SmallTables {
			small[table] = true
		}
		for _, set := range erpModel.Sets {
			if len(set.SearchPaths) == 0 || set.Owner != nil && set.Name != "Systems_Core_ObjectFiles" {
				continue
			}
			if _, narrowed := s.finding(set.Name, "nothing-like-it"); !narrowed && !small[set.Table] {
				t.Errorf("%s is searched without an index, and is not among the small tables", set.Name)
			}
		}
	})
}
