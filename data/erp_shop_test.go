package data_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

// shop is a store with the rows that documents need, and a clock.
type shop struct {
	*data.ERP
	t   testing.TB
	now atomic.Int64 // microseconds
	by  write.Actor
}

func newShop(t testing.TB, db *sqldb.DB) *shop {
	t.Helper()
	anna := account("anna")
	users := data.NewUsers(db)
	must(t, users.Create(t.Context(), anna))
	s := &shop{ERP: data.NewERP(db, erpModel), t: t, by: write.Platform(anna.ID, "anna")}
	must(t, s.FollowUsers(t.Context(), users))
	s.now.Store(noon.UnixMicro())
	s.Clock = func() time.Time { return time.UnixMicro(s.now.Load()).UTC() }
	for _, row := range []string{
		`General_Currencies_Currencies {"CurrencySign":"EUR","Name":"Euro"}`,
		`General_Currencies_Currencies {"CurrencySign":"BGN","Name":"Lev"}`,
		`Logistics_Inventory_StoreGroups {"Code":"MAIN","Name":{"EN":"Main"}}`,
		`General_Contacts_Companies {"Name":{"EN":"Our Shop"},"RegistrationNumber":"100"}`,
		`General_Contacts_CompanyLocations {"LocationName":{"EN":"Head office"},"Company":{"RegistrationNumber":"100"}}`,
		`General_EnterpriseCompanies {"Company":{"RegistrationNumber":"100"},"BaseCurrency":{"CurrencySign":"EUR"}}`,
		`Logistics_Inventory_Stores {"Code":"S1","Name":{"EN":"Store 1"}}`,
		`General_Products_MeasurementCategories {"Name":{"EN":"Pieces"},"IsDefault":true,"Units":[
			{"Code":"pcs","Name":{"EN":"piece"},"IsDefaultUnit":true},{"Code":"box","Name":{"EN":"box"},"Multiplier":12}]}`,
		`General_Products_ProductTypes {"Code":"GOODS","Name":{"EN":"Goods"},"IsDefault":true}`,
		`General_Products_ProductGroups {"Code":"G1","Name":{"EN":"Group 1"}}`,
		`Systems_Documents_DocumentTypes {"Code":"SO","TypeName":{"EN":"Sales order","BG":"Поръчка"},"EntityName":"Crm_Sales_SalesOrders"}`,
		`Systems_Documents_DocumentTypes {"Code":"INV","TypeName":{"EN":"Invoice"},"EntityName":"Crm_Invoicing_Invoices"}`,
		`General_Products_Products {"PartNumber":"P1","Name":{"EN":"Apple","BG":"Ябълка"},"ProductGroup":{"Code":"G1"},"CostingCurrency":{"CurrencySign":"EUR"}}`,
		`General_Products_Products {"PartNumber":"P2","Name":{"EN":"Pear"},"ProductGroup":{"Code":"G1"}}`,
		`Crm_Sales_Customers {"Number":"C1","Party":{"@odata.type":"Erp.General_Contacts_Company","@erpnet.action":"create","Name":{"EN":"Müller & Söhne"},"RegistrationNumber":"201"}}`,
		`Crm_Sales_Customers {"Number":"C2","Party":{"@odata.type":"Erp.General_Contacts_Person","@erpnet.action":"create","FirstName":{"EN":"Paul"},"LastName":{"EN":"O'Neil"}},"DefaultCurrency":{"CurrencySign":"BGN"}}`,
	} {
		set, body, _ := strings.Cut(row, " ")
		s.create(set, body)
	}
	return s
}

func object(t testing.TB, body string) *write.Object {
	t.Helper()
	o, err := write.ReadObject(strings.NewReader(body))
	must(t, err)
	return o
}

// write is one object; write errors are the caller's to judge.
func (s *shop) write(set, body string) (write.Outcome, error) {
	s.t.Helper()
	return s.Write(s.t.Context(), s.by, erpModel.Set(set), object(s.t, body))
}

func (s *shop) create(set, body string) model.Entity {
	s.t.Helper()
	out, err := s.write(set, body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", set, body, err)
	}
	return out.Entity
}

func (s *shop) update(e model.Entity, body string) error {
	s.t.Helper()
	_, err := s.Update(s.t.Context(), s.by, e, write.Condition{}, object(s.t, body))
	return err
}

// list answers a query as the API does: a JSON array of its rows.
func (s *shop) list(q *query.Query) string {
	s.t.Helper()
	text, err := listed(s.t.Context(), s.ERP, q)
	must(s.t, err)
	return text
}

func listed(ctx context.Context, r query.Reader, q *query.Query) (string, error) {
	out := []byte{'['}
	err := r.Query(ctx, q, func(row *query.Row) error {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = q.AppendRow(out, row)
		return nil
	})
	return string(append(out, ']')), err
}

// queryOf is one with the fields named.
func queryOf(set, fields string) *query.Query {
	q := &query.Query{Set: erpModel.Set(set), Fields: []*model.Property{}}
	for _, name := range strings.Fields(fields) {
		p := q.Set.Property(name)
		if p == nil {
			panic("no property " + name)
		}
		q.Fields = append(q.Fields, p)
	}
	return q
}

func path(set *model.Set, text string) *model.Path {
	p, err := set.ParsePath(strings.Split(text, "/"))
	if err != nil {
		panic(err)
	}
	return p
}

// equal is the condition that a property has a value.
func equal(set *model.Set, name string, v model.Value) query.Expr {
	return &query.Compare{Path: path(set, name), Value: v}
}

// get is one row with the fields named.
func (s *shop) get(e model.Entity, fields string) string {
	s.t.Helper()
	q := queryOf(e.Set.Name, fields)
	q.Where = equal(e.Set, "Id", model.TextValue(e.ID))
	return strings.Trim(s.list(q), "[]")
}

func refused(t testing.TB, err error, code tandem.Code, text string) {
	t.Helper()
	if tandem.ErrorCode(err) != code || !strings.Contains(err.Error(), text) {
		t.Errorf("got %q (%s), want %s: …%s…", err, tandem.ErrorCode(err), code, text)
	}
}

// failure is the error of a write whose outcome is not looked at.
func failure(_ write.Outcome, err error) error { return err }

func newID() string { return uuid.NewString() }
