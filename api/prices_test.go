package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// pricing are rights on everything, where the abilities that are named are granted to
// another group, and those of held to the account's.
func pricing(granted, held []string) *permission.Rights {
	d := permission.Definitions{Groups: []permission.Group{{ID: "g", Type: permission.NormalGroup}, {ID: "others", Type: permission.NormalGroup}}}
	for _, s := range erpModel.Sets {
		id := permission.SetKeyID(s.Name)
		d.Keys = append(d.Keys, permission.Key{ID: id, Kind: permission.SetKey, EntityName: s.Name})
		d.Grants = append(d.Grants, permission.Grant{Group: "g", Key: id, Rights: permission.OfSets})
	}
	for _, id := range []string{permission.EditUnitPrice, permission.EditLineDiscount} {
		d.Keys = append(d.Keys, permission.Key{ID: id, Kind: permission.SystemKey})
	}
	for _, id := range granted {
		d.Grants = append(d.Grants, permission.Grant{Group: "others", Key: id, Rights: permission.Read})
	}
	for _, id := range held {
		d.Grants = append(d.Grants, permission.Grant{Group: "g", Key: id, Rights: permission.Read})
	}
	return permission.NewTable(d).Rights([]string{"g"})
}

// TestPricesAreAnAbility: who may not give prices and discounts orders by the list,
// through every door, and may send back what is there.
func TestPricesAreAnAbility(t *testing.T) {
	t.Parallel()
	const lines = "Crm_Sales_SalesOrderLines"
	price, discount := []string{permission.EditUnitPrice}, []string{permission.EditLineDiscount}
	both := append(append([]string{}, price...), discount...)
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newApprovals(t, db)
		// The list has 1 € a piece for lots of one; of P2 it has 24.90 € for a dozen.
		w.do(t, "POST", "General_Products_Products", `{"PartNumber":"P2","Name":{"EN":"Pear"},"ProductGroup":{"Code":"G1"},"CostingCurrency":{"CurrencySign":"EUR"},
			"StandardPricePerLot":{"Value":24.90},"StandardLotSizeBase":{"Value":12}}`)
		category := `{"@erpnet.findBy":{"Name":"Pieces"}}`
		w.do(t, "POST", "General_Products_MeasurementUnits", `{"Code":"box","Name":{"EN":"box"},"Multiplier":6,"MeasurementCategory":`+category+`}`)
		w.do(t, "POST", "General_Products_Products", `{"PartNumber":"P3","Name":{"EN":"Plum"},"ProductGroup":{"Code":"G1"},"CostingCurrency":{"CurrencySign":"USD"},"StandardPricePerLot":{"Value":9}}`)
		order := orderSet + "(" + row(kindOrder, 0) + ")"
		add := func(line string) [2]string { return [2]string{"POST " + order + "/Lines", line} }
		special := w.do(t, "POST", order+"/Lines?$select=Id", `{"Product":{"PartNumber":"P2"},"UnitPrice":{"Value":2},"LineCustomDiscountPercent":0.1}`)
		change := func(body string) [2]string { return [2]string{"PATCH " + lines + "(" + special + ")", body} }
		imported := func(line string) [2]string {
			return [2]string{"POST Import", `{"objects":[{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"update","@erpnet.findBy":{"Id":"` + row(kindOrder, 0) + `"},"Lines":[` + line + `]}]}`}
		}
		for _, c := range []struct {
			granted, held []string
			call          [2]string
			want          string // the price of the newest line, or the attribute that is refused
		}{
			{nil, nil, add(`{"Product":{"PartNumber":"P2"}}`), "0"},
			{nil, nil, add(`{"Product":{"PartNumber":"P2"},"UnitPrice":{"Value":1},"LineCustomDiscountPercent":0.5}`), "1"},
			{both, both, add(`{"Product":{"PartNumber":"P2"},"UnitPrice":{"Value":1},"LineCustomDiscountPercent":0.5}`), "1"},
			{both, nil, add(`{"Product":{"PartNumber":"P2"}}`), "2.075"},
			{both, nil, add(`{"Product":{"PartNumber":"P2"},"UnitPrice":{"Value":2.075,"Currency":"EUR"},"LineCustomDiscountPercent":0}`), "2.075"},
			{both, nil, add(`{"Product":{"PartNumber":"P2"},"QuantityUnit":{"Code":"box"}}`), "12.45"},
			{both, nil, add(`{"Product":{"PartNumber":"P3"}}`), "0"},
			{both, nil, add(`{"Product":{"PartNumber":"P3"},"UnitPrice":{"Value":9}}`), "UnitPrice"},
			{both, nil, add(`{"Product":{"PartNumber":"P2"},"UnitPrice":{"Value":2.07}}`), "UnitPrice"},
			{both, nil, add(`{"Product":{"PartNumber":"P2"},"UnitPrice":null}`), "UnitPrice"},
			{both, nil, add(`{"Product":{"PartNumber":"P2"},"LineCustomDiscountPercent":0.01}`), "LineCustomDiscountPercent"},
			{both, nil, add(`{"Product":{"PartNumber":"P2"},"LineAmount":{"Value":1}}`), "LineAmount"},
			{both, nil, add(`{"Product":{"PartNumber":"P2"},"Quantity":{"Value":2},"LineAmount":{"Value":4.15}}`), "2.075"},
			{price, nil, add(`{"Product":{"PartNumber":"P2"},"LineCustomDiscountPercent":0.01}`), "2.075"},
			{discount, nil, add(`{"Product":{"PartNumber":"P2"},"UnitPrice":{"Value":7}}`), "7"},
			{discount, nil, add(`{"Product":{"PartNumber":"P2"},"UnitPrice":{"Value":7},"LineCustomDiscountPercent":0.01}`), "LineCustomDiscountPercent"},
			{both, nil, imported(`{"@erpnet.action":"create","Product":{"PartNumber":"P2"},"UnitPrice":{"Value":0.01}}`), "UnitPrice"},
			{both, nil, imported(`{"@erpnet.action":"create","Product":{"PartNumber":"P2"}}`), "2.075"},
			{both, nil, change(`{"UnitPrice":{"Value":1.99}}`), "UnitPrice"},
			{both, nil, change(`{"LineCustomDiscountPercent":0.2}`), "LineCustomDiscountPercent"},
			{both, nil, change(`{"Product":{"PartNumber":"P1"},"UnitPrice":{"Value":2}}`), "UnitPrice"},
			{both, nil, change(`{"Quantity":{"Value":500},"LineAmount":{"Value":1.8}}`), "LineAmount"},
			{both, nil, change(`{"Quantity":{"Value":5},"UnitPrice":{"Value":2},"LineCustomDiscountPercent":0.1,"Notes":"as it was"}`), "2"},
			{both, nil, [2]string{"PATCH " + order, `{"DocumentCurrency":{"CurrencySign":"USD"}}`}, "DocumentCurrency"},
			{both, nil, change(`{"Product":{"PartNumber":"P1"}}`), "1"},
			{both, nil, change(`{"LineCustomDiscountPercent":0}`), "1"},
			{both, nil, change(`{"UnitPrice":{"Value":1}}`), "1"},
		} {
			w.as(pricing(c.granted, c.held), func() {
				method, path, _ := strings.Cut(c.call[0], " ")
				r, answer := call(t, w.h, method, path, c.call[1])
				denied := strings.Contains(answer, fmt.Sprintf("no right to update %s of Crm_Sales_SalesOrder", c.want)) && strings.Contains(answer, "PermissionDenied")
				if denied {
					return
				}
				_, found := call(t, w.h, "GET", order+"/Lines?$select=UnitPrice&$orderby=LineNo%20desc&$top=1", "")
				if method == "PATCH" {
					_, found = call(t, w.h, "GET", path+"?$select=UnitPrice", "")
				}
				if r.StatusCode/100 != 2 || !strings.Contains(found, `"UnitPrice":{"Value":`+c.want+`,`) {
					t.Errorf("%s with %v of %v: %d %s, %s, want %s", c.call, c.held, c.granted, r.StatusCode, answer, found, c.want)
				}
			})
		}
	})
}

// TestPricesHaveNoWayRound: what somebody who may has given a line is not carried to
// another product, to another currency, or to more than is paid for.
func TestPricesHaveNoWayRound(t *testing.T) {
	t.Parallel()
	const lines = "Crm_Sales_SalesOrderLines"
	both := []string{permission.EditUnitPrice, permission.EditLineDiscount}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newApprovals(t, db)
		w.do(t, "POST", "General_Products_Products", `{"PartNumber":"P2","Name":{"EN":"Press"},"ProductGroup":{"Code":"G1"},"CostingCurrency":{"CurrencySign":"EUR"},
			"StandardPricePerLot":{"Value":1000}}`)
		order := w.do(t, "POST", orderSet+"?$select=Id", `{"DocumentType@odata.bind":"Systems_Documents_DocumentTypes(`+row(kindType, 0)+
			`)","Customer@odata.bind":"Crm_Sales_Customers(`+row(kindCustomer, 0)+`)"}`)
		line := w.do(t, "POST", orderSet+"("+order+")/Lines?$select=Id", `{"LineNo":0,"Product":{"PartNumber":"P1"},"UnitPrice":{"Value":1},"LineCustomDiscountPercent":0.9}`)
		lower := w.do(t, "POST", orderSet+"("+order+")/Lines?$select=Id", `{"LineNo":-1,"Product":{"PartNumber":"P1"},"LineCustomDiscountPercent":0.9}`)
		w.as(pricing(both, nil), func() {
			for _, c := range []struct{ path, body, refused, shown string }{
				{orderSet + "(" + order + ")", `{"DocumentCurrency":{"CurrencySign":"USD"}}`, "update DocumentCurrency of", `"DocumentCurrency"`},
				{lines + "(" + line + ")", `{"Product":{"PartNumber":"P2"},"LineCustomDiscountPercent":0.9}`, "update LineCustomDiscountPercent of", ``},
				{lines + "(" + line + ")", `{"Quantity":{"Value":2}}`, "", `"LineAmount":{"Value":0.2,`},
				{lines + "(" + line + ")", `{"Product":{"PartNumber":"P2"}}`, "", `"LineAmount":{"Value":2000,`},
				{lines + "(" + lower + ")", `{"QuantityBase":{"Value":1000}}`, "", `"QuantityBase":{"Value":1,`},
			} {
				r, answer := call(t, w.h, "PATCH", c.path, c.body)
				if c.refused != "" {
					if r.StatusCode != 403 || !strings.Contains(answer, c.refused) {
						t.Errorf("PATCH %s: %d %s, want that it may not %s", c.body, r.StatusCode, answer, c.refused)
					}
					continue
				}
				if _, found := call(t, w.h, "GET", c.path+"?$select=LineAmount,QuantityBase", ""); r.StatusCode/100 != 2 || !strings.Contains(found, c.shown) {
					t.Errorf("PATCH %s: %d %s, %s, want %s", c.body, r.StatusCode, answer, found, c.shown)
				}
			}
		})
	})
}
