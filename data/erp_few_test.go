package data_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// keyOf is the n-th key of rows of a set.
func keyOf(set string, n int) string { return permission.ColumnKeyID("rows of "+set, fmt.Sprint(n)) }

// holding are the rights of an account that holds all sets, and of the keys of some
// sets, of which there are so many, those of the numbers.
func holding(keys map[string]int, held map[string][]int) *permission.Rights {
	d := permission.Definitions{Groups: []permission.Group{{ID: "g", Type: permission.NormalGroup}}}
	for _, s := range erpModel.Sets {
		d.Keys = append(d.Keys, permission.Key{ID: permission.SetKeyID(s.Name), Kind: permission.SetKey, EntityName: s.Name})
		d.Grants = append(d.Grants, permission.Grant{Group: "g", Key: permission.SetKeyID(s.Name), Rights: permission.OfSets})
	}
	for set, n := range keys {
		for i := range n {
			d.Keys = append(d.Keys, permission.Key{ID: keyOf(set, i), Kind: permission.RowKey, EntityName: set})
			if slices.Contains(held[set], i) {
				d.Grants = append(d.Grants, permission.Grant{Group: "g", Key: keyOf(set, i), Rights: permission.OfRows})
			}
		}
	}
	return permission.NewTable(d).Rights([]string{"g"})
}

// manyOrders makes n orders of one by a statement, the i-th with the given values of
// columns: expressions of i.
func manyOrders(t *testing.T, db *sqldb.DB, n int, values map[string]string) {
	t.Helper()
	columns, numbers := `SELECT name FROM pragma_table_info('erp_sales_orders')`, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)`
	if db.Engine == sqldb.PostgreSQL {
		columns = `SELECT column_name FROM information_schema.columns WHERE table_name = 'erp_sales_orders' AND table_schema = current_schema()`
		numbers = `WITH n (i) AS (SELECT generate_series(1, $1))`
	}
	names, err := sqldb.List[string](db.Reader().QueryContext(t.Context(), columns))
	must(t, err)
	from := make([]string, len(names))
	for i, name := range names {
		from[i] = "o." + name
		if v := values[name]; v != "" {
			from[i] = v
		}
	}
	_, err = db.Writer().ExecContext(t.Context(), numbers+` INSERT INTO erp_sales_orders (`+strings.Join(names, ", ")+`) SELECT `+
		strings.Join(from, ", ")+` FROM n, (SELECT * FROM erp_sales_orders ORDER BY id LIMIT 1) AS o`, n)
	must(t, err)
	if db.Engine == sqldb.PostgreSQL {
		_, err = db.Writer().ExecContext(t.Context(), `ANALYZE erp_sales_orders`)
		must(t, err)
	}
}

// TestFewDocumentsAreFoundFirst: the page of an account that sees a thousandth of the
// orders is made of these, found by an index, and is the same as by looking at all.
func TestFewDocumentsAreFoundFirst(t *testing.T) {
	t.Parallel()
	const types = "Systems_Documents_DocumentTypes"
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		s.create(orders, `{"DocumentNo":"first","Customer":{"Number":"C1"}}`)
		manyOrders(t, db, 4000, map[string]string{
			"id": `'made-' || (100000 + i)`, "master_document": `'made-' || (100000 + i)`, "document_no": `'n' || i`, "document_no_text": `'n' || i`,
			"document_date": `o.document_date + i % 100 * 86400000000`,
			"access_key":    fmt.Sprintf(`CASE i %% 1000 WHEN 0 THEN NULL WHEN 1 THEN '%s' ELSE '%s' END`, keyOf(orders, 0), keyOf(orders, 1)),
			"document_type": `CASE i % 1000 WHEN 2 THEN (SELECT id FROM erp_document_types WHERE code = 'INV') ELSE o.document_type END`,
		})
		_, err := db.Writer().ExecContext(t.Context(), `UPDATE erp_document_types SET access_key = $1 WHERE code = 'SO'`, keyOf(types, 0))
		must(t, err)
		set := erpModel.Set(orders)
		for _, c := range []struct {
			name   string
			rights *permission.Rights
			few    bool
			rows   int
			index  string
		}{
			{"by keys", holding(map[string]int{orders: 3}, map[string][]int{orders: {0}}), true, 9, "erp_sales_orders_guards"},
			{"by the type", holding(map[string]int{types: 2}, map[string][]int{types: {1}}), true, 4, "erp_sales_orders_guards"},
			{"most", holding(map[string]int{orders: 3}, map[string][]int{orders: {1, 2}}), false, 3997, ""},
			{"none", holding(map[string]int{orders: 3, types: 2}, map[string][]int{}), true, 0, "erp_sales_orders_guards"},
		} {
			for _, order := range []string{"", "DocumentDate"} {
				q := &query.Query{Set: set, By: c.rights, Fields: []*model.Property{}, Limit: query.MaxPage}
				if order != "" {
					q.Order = []query.Order{{Path: path(set, order), Descending: true}}
				}
				text, args, few, err := s.FewText(t.Context(), q)
				must(t, err)
				if few != c.few {
					t.Fatalf("%s: few is %t", c.name, few)
				}
				if db.Engine == sqldb.SQLite && few {
					if plan := planOf(t, db, text, args...); !strings.Contains(plan, c.index) || strings.Contains(plan, "SCAN t0") {
						t.Errorf("%s, by %q: %s", c.name, order, plan)
					}
				}
				got, plain := rowsOf(t, s.ERP, q), data.NewERP(db, erpModel)
				plain.ManySeen(q)
				if want := rowsOf(t, plain, q); !slices.Equal(got, want) {
					t.Errorf("%s, by %q: %d rows, by looking at all %d", c.name, order, len(got), len(want))
				}
			}
			if text, args, err := s.CountText(&query.Query{Set: set, By: c.rights}); db.Engine == sqldb.SQLite {
				must(t, err)
				if plan := planOf(t, db, text, args...); !strings.Contains(plan, "COVERING INDEX erp_sales_orders_guards") {
					t.Errorf("%s: a count reads more than the index: %s", c.name, plan)
				}
			}
			n, err := s.Count(t.Context(), &query.Query{Set: set, By: c.rights})
			if err != nil || int(n) != c.rows {
				t.Errorf("%s: %d rows, %v, want %d", c.name, n, err, c.rows)
			}
		}
	})
}

func rowsOf(t *testing.T, e *data.ERP, q *query.Query) (ids []string) {
	t.Helper()
	must(t, e.Query(t.Context(), q, func(r *query.Row) error { ids = append(ids, strings.Clone(r.ID)); return nil }))
	return ids
}
