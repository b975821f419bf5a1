package data_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/sqldb"
)

// A reference shows the same whether its row is read beside the one that refers to
// it or by itself, for every reference of the model; and a store that has answered
// all of these questions answers each as one that has answered none.
func TestReferencesShowTheSameHoweverTheyAreRead(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		s.create(orders, `{"Customer":{"Number":"C1"},"DocumentDate":"2026-01-31","Lines":[
			{"Product":{"PartNumber":"P1"},"Quantity":{"Value":2,"Unit":"box"},"UnitPrice":{"Value":1.5,"Currency":"EUR"}},{"Product":{"PartNumber":"P2"}}]}`)
		s.create(orders, `{"Customer":{"Number":"C2"},"DocumentDate":"2026-02-01"}`)
		shown := 0
		for _, set := range erpModel.Sets {
			for _, p := range set.Properties {
				if !p.IsReference() || !p.Stored() {
					continue
				}
				for shape, fields := range map[string][]*model.Property{"all": nil, "none": {}} {
					ask := func(e *data.ERP, limit int) string {
						q := &query.Query{Set: set, Fields: []*model.Property{}, Limit: 50, Expand: []*query.Expand{{Reference: p}}}
						q.Expand[0].Query = query.Query{Set: p.Target, Fields: fields, Limit: limit, Versions: shape == "all"}
						text, err := listed(t.Context(), e, q)
						must(t, err)
						return text
					}
					const apart = 1 // of each: more than a join can say
					want := ask(s.ERP, apart)
					if got := ask(s.ERP, 0); got != want {
						t.Errorf("%s.%s, fields %s:\n joined %s\n apart  %s", set.Name, p.Name, shape, got, want)
					}
					if got := ask(data.NewERP(db, erpModel), 0); got != want {
						t.Errorf("%s.%s, fields %s, of a fresh store:\n got %s\nwant %s", set.Name, p.Name, shape, got, want)
					}
					shown += strings.Count(want, `"`+p.Name+`":{`)
				}
			}
		}
		if shown < 50 {
			t.Errorf("only %d references were there to see", shown)
		}
	})
}

// More shapes than are kept: each question still has its own answer.
func TestManyShapesOfQueries(t *testing.T) {
	t.Parallel()
	db := datatest.Open(t, sqldb.SQLite)
	s := newShop(t, db)
	set := erpModel.Set(product)
	names := []string{"PartNumber", "Name", "Id", "ObjectVersion", "DisplayText", "ProductGroup", "CreationUser", "BaseUnit", "CostingCurrency", "Active"}
	for round := range 2 {
		for bits := range 1 << len(names) {
			var fields []string
			for i, name := range names {
				if bits>>i&1 == 1 && set.Property(name) != nil {
					fields = append(fields, name)
				}
			}
			q := queryOf(product, strings.Join(fields, " "))
			q.Where = equal(set, "PartNumber", model.TextValue([]string{"P1", "P2"}[round]))
			got := s.list(q)
			for _, name := range fields {
				if !strings.Contains(got, `"`+name+`":`) {
					t.Fatalf("%v: no %s in %s", fields, name, got)
				}
			}
			if has := strings.Contains(got, `"PartNumber":"P`); has != (bits&1 == 1) || has && !strings.Contains(got, []string{"P1", "P2"}[round]) {
				t.Fatalf("%v: %s", fields, got)
			}
		}
	}
	if n := s.Shapes(); n == 0 || n > data.MaxShapes {
		t.Errorf("%d shapes are kept, of at most %d", n, data.MaxShapes)
	}
}
