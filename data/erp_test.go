package data_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

const (
	orders  = "Crm_Sales_SalesOrders"
	lines   = "Crm_Sales_SalesOrderLines"
	product = "General_Products_Products"
)

func TestOrderLives(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		order := s.create(orders, `{"Customer":{"Number":"C1"},"DocumentDate":"2026-01-31","Lines":[
			{"Product":{"PartNumber":"P1"},"Quantity":{"Value":2,"Unit":"box"},"UnitPrice":{"Value":1.5,"Currency":"EUR"}},
			{"Product":{"PartNumber":"P2"},"UnitPrice":{"Value":10}}]}`)
		id := strings.Clone(order.ID)
		got := s.get(order, "DocumentNo DocumentDate State TotalLineAmount ObjectVersion DisplayText FullState FromParty CreationUser")
		want := `{"@odata.id":"` + orders + `(` + id + `)","DocumentNo":"0000000001","DocumentDate":"2026-01-31T00:00:00Z","State":"New",` +
			`"TotalLineAmount":{"Value":13,"Currency":"EUR"},"ObjectVersion":1,"DisplayText":"Sales order 0000000001","FullState":"New",` +
			`"FromParty":{"@odata.id":"General_Contacts_Companies(`
		if !strings.HasPrefix(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}

		q := queryOf(lines, "LineNo Quantity QuantityBase LineAmount ObjectVersion DisplayText")
		q.Where = equal(q.Set, "SalesOrder", model.TextValue(id))
		q.Order = []query.Order{{Path: path(q.Set, "LineNo"), Descending: true}}
		got = s.list(q)
		for _, part := range []string{
			`"LineNo":20,"Quantity":{"Value":1,"Unit":"pcs"},"QuantityBase":{"Value":1,"Unit":"pcs"},"LineAmount":{"Value":10,"Currency":"EUR"},"ObjectVersion":1,"DisplayText":"20. 0000000001 Pear"}`,
			`"LineNo":10,"Quantity":{"Value":2,"Unit":"box"},"QuantityBase":{"Value":24,"Unit":"pcs"},"LineAmount":{"Value":3,"Currency":"EUR"},"ObjectVersion":1,"DisplayText":"10. 0000000001 Apple"}`,
		} {
			if !strings.Contains(got, part) {
				t.Errorf("got  %s\nwant %s", got, part)
			}
		}
		if strings.Index(got, `"LineNo":20`) > strings.Index(got, `"LineNo":10`) {
			t.Errorf("not in descending order: %s", got)
		}

		must(t, s.update(order, `{"ObjectVersion":1,"DocumentNotes":"hello","Lines":[{"Product":{"PartNumber":"P2"},"UnitPrice":{"Value":1}}]}`))
		refused(t, s.update(order, `{"ObjectVersion":1,"DocumentNotes":"again"}`), tandem.CodeConflict, "ObjectVersion is 2")
		if got := s.get(order, "ObjectVersion TotalLineAmount DocumentNotes"); !strings.Contains(got, `"ObjectVersion":2,"TotalLineAmount":{"Value":14,"Currency":"EUR"},"DocumentNotes":"hello"`) {
			t.Error(got)
		}

		must(t, failure(s.Do(t.Context(), s.by, order, write.Condition{}, "ChangeState", object(t, `{"newState":"Released"}`))))
		refused(t, s.update(order, `{"DocumentNotes":"late"}`), tandem.CodeRule, "Released")
		refused(t, s.Delete(t.Context(), s.by, order, write.Condition{}), tandem.CodeRule, "Released")

		second := s.create(orders, `{"Customer":{"Number":"C2"},"Lines":[{"Product":{"PartNumber":"P1"}}]}`)
		refused(t, s.Delete(t.Context(), s.by, second, write.At(7)), tandem.CodePrecondition, "ObjectVersion")
		must(t, s.Delete(t.Context(), s.by, second, write.At(1)))
		refused(t, s.update(second, `{}`), tandem.CodeNotFound, second.ID)
		if n, err := s.Count(t.Context(), &query.Query{Set: erpModel.Set(lines), Where: equal(erpModel.Set(lines), "SalesOrder", model.TextValue(second.ID))}); n != 0 || err != nil {
			t.Errorf("%d lines were left behind, %v", n, err)
		}
	})
}
