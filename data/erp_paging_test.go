package data_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

// ids are the ids of a query's rows, in order.
func (s *shop) ids(q *query.Query) []string {
	s.t.Helper()
	var all []string
	must(s.t, s.Query(s.t.Context(), q, func(r *query.Row) error {
		all = append(all, strings.Clone(r.ID))
		return nil
	}))
	return all
}

func TestPagesLoseAndRepeatNoRowWhileRowsAreAdded(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		set := erpModel.Set("General_Products_ProductTypes")
		n := 0
		add := func() string {
			n++
			return s.create(set.Name, fmt.Sprintf(`{"Code":"T%d","Name":{"EN":"type"}}`, n)).ID
		}
		var there []string
		for range 40 {
			there = append(there, add())
		}
		seen := map[string]int{}
		for from, more := "", true; more; {
			page := s.ids(&query.Query{Set: set, Fields: []*model.Property{}, Limit: 4, From: from}) // three, and the next one's first
			if more = len(page) == 4; more {
				from, page = page[3], page[:3]
			}
			for _, id := range page {
				seen[id]++
			}
			add()
			add()
		}
		for _, id := range there {
			if seen[id] != 1 {
				t.Errorf("a row that was there all the time was seen %d times", seen[id])
			}
		}
		for id, times := range seen {
			if times > 1 {
				t.Errorf("%s was seen %d times", id, times)
			}
		}
	})
}

func TestEqualRowsKeepTheirOrderAcrossPages(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		for i := range 12 {
			s.create(orders, fmt.Sprintf(`{"Customer":{"Number":"C1"},"DocumentDate":"2026-01-0%d"}`, i%2+1))
		}
		set := erpModel.Set(orders)
		q := func(limit, offset int) *query.Query {
			return &query.Query{Set: set, Fields: []*model.Property{}, Order: []query.Order{{Path: path(set, "DocumentDate"), Descending: true}}, Limit: limit, Offset: offset}
		}
		all := s.ids(q(100, 0))
		var paged []string
		for offset := 0; offset < 12; offset += 5 {
			paged = append(paged, s.ids(q(5, offset))...)
		}
		if len(all) != 12 || !slices.Equal(all, paged) || !slices.IsSorted(all[:6]) || !slices.IsSorted(all[6:]) {
			t.Errorf("at once %v\nin pages %v", all, paged)
		}
	})
}

func TestBalancesAreAView(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		set := erpModel.Set("Logistics_Inventory_CurrentBalances")
		one := func(name string) string {
			return s.ids(&query.Query{Set: erpModel.Set(name), Fields: []*model.Property{}, Limit: 1})[0]
		}
		products := s.ids(&query.Query{Set: erpModel.Set(product), Fields: []*model.Property{}})
		row := func(product string, quantity int64) *model.Record {
			r := &model.Record{Set: set, Values: make([]model.Value, len(set.Properties))}
			put := func(name string, v model.Value) { r.Values[set.Property(name).Index] = v }
			put("QuantityBase", model.IntValue(quantity))
			put("BaseCost", model.IntValue(250))
			put("EnterpriseCompany", model.TextValue(one("General_EnterpriseCompanies")))
			put("Store", model.TextValue(one("Logistics_Inventory_Stores")))
			put("Product", model.TextValue(product))
			return r
		}
		must(t, s.Transact(t.Context(), func(tx write.Tx) error {
			for i, p := range products {
				r := row(p, int64(i+1)*1500)
				if err := tx.Insert(r); err != nil {
					return err
				}
				r.Values[set.Property("BaseCost").Index] = model.IntValue(300)
				if err := tx.Save(r); err != nil {
					return err
				}
			}
			return nil
		}))
		q := queryOf(set.Name, "QuantityBase BaseCost")
		q.Where = &query.Compare{Path: path(set, "QuantityBaseValue"), Op: odata.GreaterOrEqual, Value: model.IntValue(3000)}
		if got, want := s.list(q), `[{"QuantityBase":{"Value":3,"Unit":"pcs"},"BaseCost":{"Value":3,"Currency":"EUR"}}]`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		q.Where, q.Limit, q.Offset = nil, 1, 1
		if got := s.list(q); strings.Count(got, "QuantityBase") != 1 {
			t.Error(got)
		}
		err := s.Transact(t.Context(), func(tx write.Tx) error { return tx.Insert(row(products[0], 1)) })
		refused(t, err, tandem.CodeConflict, "Product, Store and EnterpriseCompany")
		_, err = s.write(set.Name, `{}`)
		refused(t, err, tandem.CodeForbidden, "read-only")
	})
}

func TestCallerEndsAQuery(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		enough, n := errors.New("enough"), 0
		err := s.Query(t.Context(), &query.Query{Set: erpModel.Set(product)}, func(*query.Row) error { n++; return enough })
		if !errors.Is(err, enough) || n != 1 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}
