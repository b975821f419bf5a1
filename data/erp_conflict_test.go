package data_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

func TestDuplicatesAreRefused(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		order := s.create(orders, `{"DocumentNo":"D1","Customer":{"Number":"C1"},"ExternalId":"1","ExternalSystem":"x","Lines":[{"LineNo":10,"Product":{"PartNumber":"P1"}}]}`)
		user := `"User@odata.bind":"Systems_Security_Users(` + s.by.ID + `)"`
		s.create("Crm_Sales_CustomerExternalAccess", `{"Customer":{"Number":"C1"},`+user+`}`)
		for _, c := range []struct{ set, body, what string }{
			{"General_Currencies_Currencies", `{"CurrencySign":"EUR","Name":"Other"}`, "same CurrencySign"},
			{"General_Currencies_Currencies", `{"Id":"` + order.ID + `","CurrencySign":"USD","Name":"x"}`, ""},
			{orders, `{"Id":"` + order.ID + `","Customer":{"Number":"C1"}}`, "same Id"},
			{"Logistics_Inventory_StoreGroups", `{"Code":"MAIN","Name":{"EN":"x"}}`, "same Code"},
			{"Logistics_Inventory_Stores", `{"Code":"S1","Name":{"EN":"x"}}`, "same Code"},
			{"General_Contacts_Companies", `{"PartyCode":"P0000001","Name":{"EN":"x"}}`, "same PartyCode"},
			{"General_Contacts_Companies", `{"RegistrationNumber":"100","Name":{"EN":"x"}}`, "same RegistrationNumber"},
			{"General_Contacts_Companies", `{"Name":{"EN":"Müller & Söhne"}}`, ""},
			{"General_EnterpriseCompanies", `{"Company":{"RegistrationNumber":"100"},"BaseCurrency":{"CurrencySign":"EUR"}}`, "same Company"},
			{"General_Products_ProductTypes", `{"Code":"GOODS","Name":{"EN":"x"}}`, "same Code"},
			{"General_Products_ProductGroups", `{"Code":"G1","Name":{"EN":"x"}}`, "same Code and EnterpriseCompany"},
			{"General_Products_ProductGroups", `{"Code":"G1","Name":{"EN":"x"},"EnterpriseCompany":{"Code":"100","@erpnet.findBy":{"Code":"100"}}}`, ""},
			{product, `{"PartNumber":"P1","Name":{"EN":"x"},"ProductGroup":{"Code":"G1","@erpnet.findBy":{"Name":"Group 1"}}}`, "same PartNumber and EnterpriseCompany"},
			{"Crm_Sales_Customers", `{"Number":"C1","Party":{"RegistrationNumber":"100","@odata.type":"Erp.General_Contacts_Company"}}`, "same Number"},
			{"Crm_Sales_Customers", `{"Party":{"RegistrationNumber":"201","@odata.type":"Erp.General_Contacts_Company"}}`, "same Party and EnterpriseCompany"},
			{"Crm_Sales_CustomerExternalAccess", `{"Customer":{"Number":"C1"},` + user + `}`, "same User and Customer"},
			{"Systems_Documents_DocumentTypes", `{"Code":"SO","TypeName":{"EN":"x"},"EntityName":"x"}`, "same Code"},
			{orders, `{"DocumentNo":"D1","Customer":{"Number":"C1"}}`, "same DocumentNo, DocumentType and EnterpriseCompany"},
			{orders, `{"Customer":{"Number":"C1"},"ExternalId":"1","ExternalSystem":"x"}`, "same ExternalId and ExternalSystem"},
			{orders, `{"Customer":{"Number":"C1"},"ExternalId":"1","ExternalSystem":"y"}`, ""},
			{orders, `{"Customer":{"Number":"C1"},"ExternalId":"1"}`, ""},
			{orders, `{"Customer":{"Number":"C1"},"ExternalId":"1"}`, "same ExternalId"},
			{lines, `{"SalesOrder":{"DocumentNo":"D1"},"LineNo":10,"Product":{"PartNumber":"P1"}}`, "same LineNo in this order"},
		} {
			_, err := s.write(c.set, c.body)
			if c.what == "" {
				if err != nil && !strings.Contains(c.body, `"Code":"100","@erpnet`) {
					t.Errorf("%s %s: %v", c.set, c.body, err)
				}
				continue
			}
			refused(t, err, tandem.CodeConflict, c.what)
		}
	})
}

func TestReferredRowsStay(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		order := s.create(orders, `{"Customer":{"Number":"C1"},"Lines":[{"Product":{"PartNumber":"P1"}}]}`)
		line := s.ids(&query.Query{Set: erpModel.Set(lines), Fields: []*model.Property{}})[0]
		s.create("Crm_Invoicing_Invoices", `{"Customer":{"Number":"C1"},"Lines":[{"Product":{"PartNumber":"P1"},"SalesOrder@odata.bind":"`+order.String()+`","ParentSalesOrderLine@odata.bind":"`+lines+`(`+line+`)"}]}`)
		find := func(set, name, value string) model.Entity {
			e := erpModel.Set(set)
			return model.Entity{Set: e, ID: s.ids(&query.Query{Set: e, Fields: []*model.Property{}, Where: equal(e, name, model.TextValue(value))})[0]}
		}
		for _, e := range []model.Entity{
			find(product, "PartNumber", "P1"),
			find("Crm_Sales_Customers", "Number", "C1"),
			find("General_Contacts_Companies", "RegistrationNumber", "201"),
			find("General_Currencies_Currencies", "CurrencySign", "EUR"),
			order,
			{Set: erpModel.Set(lines), ID: line},
		} {
			refused(t, s.Delete(t.Context(), s.by, e, write.Condition{}), tandem.CodeConflict, "cannot be deleted")
		}
		// What the look before the deletion does not see, the schema does.
		err := s.Transact(t.Context(), func(tx write.Tx) error { return tx.Remove(order.Set, order.ID) })
		refused(t, err, tandem.CodeConflict, "cannot be deleted")
		err = s.Transact(t.Context(), func(tx write.Tx) error {
			r, err := tx.Load(order.Set, order.ID, true)
			if err != nil {
				return err
			}
			r.Values[order.Set.Property("Customer").Index] = model.TextValue("no such row")
			return tx.Save(r)
		})
		refused(t, err, tandem.CodeConflict, "was deleted meanwhile")
		if got := s.get(order, "DocumentNo"); got == "" {
			t.Error("the order is gone")
		}
	})
}

// Who refers to a row that is not deleted is looked for among all that the caller may not see,
// and nobody who writes waits for that.
func TestNobodyWaitsForTheNameOfAReferrer(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		order := s.create(orders, `{"Customer":{"Number":"C1"},"Lines":[{"Product":{"PartNumber":"P1"}}]}`)
		set := erpModel.Set("Crm_Sales_Customers")
		customer := model.Entity{Set: set, ID: s.ids(&query.Query{Set: set, Fields: []*model.Property{}, Where: equal(set, "Number", model.TextValue("C1"))})[0]}
		asked, by := 0, s.by
		by.Again = func() (*permission.Rights, error) {
			if asked++; asked == 2 { // in a transaction this would wait for itself
				s.create(orders, `{"Customer":{"Number":"C2"},"Lines":[{"Product":{"PartNumber":"P1"}}]}`)
			}
			return s.by.Granted.Rights, nil
		}
		refused(t, s.Delete(t.Context(), by, customer, write.Condition{}), tandem.CodeConflict, order.ID+") refers to it by Customer")
		if asked != 2 {
			t.Errorf("rights were asked for %d times", asked)
		}
	})
}

// group is a new group of stores.
func group(code string) *model.Record {
	set := erpModel.Set("Logistics_Inventory_StoreGroups")
	r := model.NewRecord(set, newID())
	for name, v := range map[string]model.Value{
		"ObjectVersion": model.IntValue(1), "AggregateLastUpdateTimeUtc": model.IntValue(1),
		"Code": model.TextValue(code), "Name": model.TextValue(model.MultiLanguage("EN", code)),
	} {
		r.Values[set.Property(name).Index] = v
	}
	return r
}

func TestTryUndoesItsPartAlone(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		must(t, s.Transact(t.Context(), func(tx write.Tx) error {
			must(t, tx.Insert(group("A")))
			err := tx.Try(func() error {
				must(t, tx.Insert(group("B")))
				must(t, tx.Try(func() error { return tx.Insert(group("C")) }))
				return tx.Insert(group("A"))
			})
			refused(t, err, tandem.CodeConflict, "same Code")
			return tx.Insert(group("D"))
		}))
		q := queryOf("Logistics_Inventory_StoreGroups", "Code")
		q.Order = []query.Order{{Path: path(q.Set, "Code")}}
		if got := bare(s.list(q)); got != `[{"Code":"A"},{"Code":"D"},{"Code":"MAIN"}]` {
			t.Error(got)
		}
	})
}
