package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// attempt is a call that reaches for more than the account holds.
type attempt struct {
	name               string
	rights             *permission.Rights
	method, path, body string
	status             int
	want, not          string
}

func (w *house) attempts(t *testing.T, all []attempt) {
	t.Helper()
	for _, c := range all {
		w.as(c.rights, func() {
			r, answer := call(t, w.h, c.method, c.path, c.body)
			if r.StatusCode != c.status || !strings.Contains(answer, c.want) || c.not != "" && strings.Contains(answer, c.not) {
				t.Errorf("%s: %s %s %s: %d %s\nwant %d …%s…, without %q", c.name, c.method, c.path, c.body, r.StatusCode, answer, c.status, c.want, c.not)
			}
		})
	}
}

func columnKey(set, attribute string) permission.Key {
	return permission.Key{ID: permission.ColumnKeyID(set, attribute), Kind: permission.ColumnKey, EntityName: set, Attribute: attribute}
}

// TestImportRefusesObjectByObject: what the account may not do fails by itself, with
// the others done and told.
func TestImportRefusesObjectByObject(t *testing.T) {
	t.Parallel()
	const groups, products = "General_Products_ProductGroups", "General_Products_Products"
	rights := someRights(map[string]permission.Right{groups: permission.OfSets, products: permission.Read})
	object := func(code string) string {
		return `{"@odata.type":"Erp.General_Products_ProductGroup","Code":"` + code + `","Name":{"EN":"x"}}`
	}
	refused := `{"@odata.type":"Erp.General_Products_Product","PartNumber":"X","Name":{"EN":"X"}}`
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.rights.Store(rights)
		for _, mode := range []string{"per-object", "all-objects"} {
			r, answer := call(t, w.h, http.MethodPost, "Import", `{"transaction":"`+mode+`","objects":[`+object(mode[:3]+"1")+`,`+refused+`,`+object(mode[:3]+"2")+`]}`)
			if r.StatusCode != 200 || !strings.Contains(answer, `"PermissionDenied"`) || strings.Count(answer, `"@erpnet.result":"success"`) != 2 {
				t.Errorf("%s: %d %s", mode, r.StatusCode, answer)
			}
		}
	})
}

// TestChildrenWithAKeyOfTheirOwn: a grant of some attributes of such a child is for
// these alone.
func TestChildrenWithAKeyOfTheirOwn(t *testing.T) {
	t.Parallel()
	const customers, access = "Crm_Sales_Customers", "Crm_Sales_CustomerExternalAccess"
	d := permission.Definitions{Groups: []permission.Group{{ID: "g", Type: permission.NormalGroup}}}
	for _, s := range []string{customers, access} {
		d.Keys = append(d.Keys, permission.Key{ID: permission.SetKeyID(s), Kind: permission.SetKey, EntityName: s})
	}
	d.Grants = []permission.Grant{
		{Group: "g", Key: permission.SetKeyID(customers), Rights: permission.Read | permission.Update},
		{Group: "g", Key: permission.SetKeyID(access), Rights: permission.Read | permission.Update, UpdateAttributes: []string{"Notes"}},
	}
	limited := permission.NewTable(d).Rights([]string{"g"})
	id := row(kindLine, 99)
	nested := func(body string) string { return `{"ExternalAccess":[{"Id":"` + id + `",` + body + `}]}` }
	customer := customers + "(" + row(kindCustomer, 0) + ")"
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.sql(t, `INSERT INTO erp_customer_external_access (id, customer, "user", role) VALUES ($1, $2, $3, 10)`, id, row(kindCustomer, 0), row(kindLine, 98))
		w.attempts(t, []attempt{
			{"itself", limited, "PATCH", access + "(" + id + ")", `{"Notes":"n"}`, 204, "", ""},
			{"itself", limited, "PATCH", access + "(" + id + ")", `{"Role":"Owner"}`, 403, "Role", ""},
			{"by its owner", limited, "PATCH", customer, nested(`"Notes":"m"`), 204, "", ""},
			{"by its owner", limited, "PATCH", customer, nested(`"Role":"Owner"`), 403, "Role", ""},
			{"by its owner", limited, "PATCH", customer, nested(`"@erpnet.action":"delete"`), 403, "delete", ""},
		})
	})
}

// TestAChildApartIsOfARowToChange: by whatever door a child with a key of its own is made,
// the row that it is of must be one that the account may change.
func TestAChildApartIsOfARowToChange(t *testing.T) {
	t.Parallel()
	const customers, access, types = "Crm_Sales_Customers", "Crm_Sales_CustomerExternalAccess", "Crm_Sales_CustomerTypes"
	k := permission.Key{ID: keyID(types, 0), Kind: permission.RowKey, EntityName: types}
	d := permission.Definitions{Groups: []permission.Group{{ID: "g", Type: permission.NormalGroup}}, Keys: []permission.Key{k}}
	for _, s := range erpModel.Sets {
		d.Keys = append(d.Keys, permission.Key{ID: permission.SetKeyID(s.Name), Kind: permission.SetKey, EntityName: s.Name})
		d.Grants = append(d.Grants, permission.Grant{Group: "g", Key: permission.SetKeyID(s.Name), Rights: permission.OfSets})
	}
	with := func(need permission.Right) *permission.Rights {
		d := d
		d.Grants = append(d.Grants[:len(d.Grants):len(d.Grants)], permission.Grant{Group: "g", Key: k.ID, Rights: need})
		return permission.NewTable(d).Rights([]string{"g"})
	}
	customer := customers + "(" + row(kindCustomer, 1) + ")"
	body := `{"User@odata.bind":"Systems_Security_Users(` + somebody + `)"`
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.account(t, somebody, "tom", 1, true)
		w.sql(t, `UPDATE erp_customer_types SET access_key = $1 WHERE id = $2`, k.ID, row(kindCustomerType, 0))
		w.attempts(t, []attempt{
			{"to read, below it", with(permission.Read), "POST", customer + "/ExternalAccess", body + "}", 403, "PermissionDenied", ""},
			{"to read, by itself", with(permission.Read), "POST", access, body + `,"Customer@odata.bind":"` + customer + `"}`, 403, "PermissionDenied", ""},
			{"to change, below it", with(permission.OfRows), "POST", customer + "/ExternalAccess", body + "}", 201, "", ""},
		})
	})
}

// TestAChildApartIsNotDeletedWithItsRow: a row whose parts have a key of their own is
// deleted by who may delete these, too; and the refusal is the same whether there are any,
// where the account may not know it.
func TestAChildApartIsNotDeletedWithItsRow(t *testing.T) {
	t.Parallel()
	const customers, access = "Crm_Sales_Customers", "Crm_Sales_CustomerExternalAccess"
	with := func(need permission.Right) *permission.Rights {
		sets := map[string]permission.Right{customers: permission.OfSets}
		if need != 0 {
			sets[access] = need
		}
		return someRights(sets)
	}
	blind, reads, all := with(0), with(permission.Read), with(permission.OfSets)
	at := func(n int) string { return customers + "(" + row(kindCustomer, 50+n) + ")" }
	remove := func(n int) string {
		return `{"objects":[{"@odata.type":"Erp.Crm_Sales_Customer","@odata.id":"` + at(n) + `","@erpnet.action":"delete"}]}`
	}
	const refused = "no right to delete " + access
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.account(t, somebody, "tom", 1, true)
		for n := range 3 {
			w.post(t, fmt.Sprintf(`General_Contacts_Companies {"Id":"%s","Name":{"EN":"Extra %d"},"RegistrationNumber":"30%[2]d"}`, row(kindParty, 50+n), n),
				fmt.Sprintf(`%s {"Id":"%s","Number":"X%d","Party@odata.bind":"General_Contacts_Companies(%s)"}`, customers, row(kindCustomer, 50+n), n, row(kindParty, 50+n)))
		}
		w.post(t, access+` {"Customer@odata.bind":"`+at(0)+`","User@odata.bind":"Systems_Security_Users(`+somebody+`)"}`)
		w.attempts(t, []attempt{
			{"may not know", blind, "DELETE", at(0), "", 403, refused, ""},
			{"may not know, and there is none", blind, "DELETE", at(1), "", 403, refused, ""},
			{"sees it", reads, "DELETE", at(0), "", 403, refused, ""},
			{"sees it, by an import", reads, "POST", "Import", remove(0), 200, refused, `"@erpnet.state":"Deleted"`},
			{"sees that there is none", reads, "DELETE", at(1), "", 204, "", ""},
			{"still there", all, "GET", at(0) + "/ExternalAccess", "", 200, somebody, ""},
			{"may delete it", all, "DELETE", at(0), "", 204, "", ""},
			{"and another", all, "POST", "Import", remove(2), 200, `"@erpnet.state":"Deleted"`, ""},
			{"none is left", all, "GET", access, "", 200, `"value":[]`, ""},
		})
	})
}

// TestNothingIsFoundByAHiddenAttribute tries every way to look a row up by an
// attribute that the account may not read.
func TestNothingIsFoundByAHiddenAttribute(t *testing.T) {
	t.Parallel()
	const products = "General_Products_Products"
	grants := map[string]permission.Right{products: permission.OfSets}
	for _, s := range []string{"General_Products_ProductGroups", "General_Products_ProductTypes", "General_Products_MeasurementCategories", "General_Currencies_Currencies"} {
		grants[s] = permission.Read
	}
	unnumbered := someRights(grants, columnKey(products, "PartNumber"), columnKey(products, "ExternalId"), columnKey(products, "Name"))
	find := func(by string) string {
		return `{"objects":[{"@odata.type":"Erp.General_Products_Product","@erpnet.action":"find","@erpnet.findBy":{` + by + `}}]}`
	}
	own := `{"objects":[{"@odata.type":"Erp.General_Products_Product","@erpnet.action":"find","PartNumber":"P1"}]}`
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.sql(t, `UPDATE erp_products SET external_id = 'E1'`)
		w.attempts(t, []attempt{
			{"findBy Code", unnumbered, "POST", "Import", find(`"Code":"P1"`), 200, "Object not found", "@odata.id"},
			{"findBy Name", unnumbered, "POST", "Import", find(`"Name":"Apple"`), 200, "Object not found", "@odata.id"},
			{"findBy ExternalId", unnumbered, "POST", "Import", find(`"ExternalId":"E1"`), 200, "Object not found", "@odata.id"},
			{"findBy DisplayText", unnumbered, "POST", "Import", find(`"DisplayText":"Apple"`), 200, "Object not found", "@odata.id"},
			{"its own members", unnumbered, "POST", "Import", own, 200, "Object not found", "@odata.id"},
			{"$search", unnumbered, "GET", products + "?$search=P1", "", 200, `"value":[]`, ""},
			{"$filter", unnumbered, "GET", products + "?$filter=" + url.QueryEscape("PartNumber eq 'P1'"), "", 403, "PartNumber", ""},
			{"a path", unnumbered, "GET", "General_Products_Products?$orderby=PartNumber", "", 403, "PartNumber", ""},
		})
	})
}

// TestAllDataDoesNotAdminister: who holds all data does not say who sees which row.
func TestAllDataDoesNotAdminister(t *testing.T) {
	t.Parallel()
	const orders = "Crm_Sales_SalesOrders"
	k := permission.Key{ID: keyID(orders, 0), Kind: permission.RowKey, EntityName: orders}
	d := permission.Definitions{Groups: []permission.Group{{ID: "g", Type: permission.AllData}}, Keys: []permission.Key{k}}
	for _, s := range erpModel.Sets {
		d.Keys = append(d.Keys, permission.Key{ID: permission.SetKeyID(s.Name), Kind: permission.SetKey, EntityName: s.Name})
	}
	all := permission.NewTable(d).Rights([]string{"g"})
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.sql(t, `UPDATE erp_sales_orders SET access_key = $1 WHERE id = $2`, k.ID, row(kindOrder, 0))
		w.attempts(t, []attempt{
			{"see", all, "GET", orders + "(" + row(kindOrder, 0) + ")", "", 200, "", ""},
			{"take the key away", all, "PATCH", orders + "(" + row(kindOrder, 0) + ")", `{"AccessKey":null}`, 403, "administer", ""},
		})
	})
}

// TestTheKeyIsAnAttributeToo: a grant to update some attributes is not one to change
// who sees the row.
func TestTheKeyIsAnAttributeToo(t *testing.T) {
	t.Parallel()
	const orders = "Crm_Sales_SalesOrders"
	k := permission.Key{ID: keyID(orders, 0), Kind: permission.RowKey, EntityName: orders}
	d := permission.Definitions{Groups: []permission.Group{{ID: "g", Type: permission.NormalGroup}}, Keys: []permission.Key{k}}
	for _, s := range erpModel.Sets {
		d.Keys = append(d.Keys, permission.Key{ID: permission.SetKeyID(s.Name), Kind: permission.SetKey, EntityName: s.Name})
	}
	d.Grants = []permission.Grant{
		{Group: "g", Key: permission.SetKeyID(orders), Rights: permission.OfSets, UpdateAttributes: []string{"DocumentNotes"}},
		{Group: "g", Key: k.ID, Rights: permission.OfRows},
	}
	limited := permission.NewTable(d).Rights([]string{"g"})
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.sql(t, `UPDATE erp_sales_orders SET access_key = $1 WHERE id = $2`, k.ID, row(kindOrder, 0))
		w.attempts(t, []attempt{
			{"notes", limited, "PATCH", orders + "(" + row(kindOrder, 0) + ")", `{"DocumentNotes":"x"}`, 204, "", ""},
			{"key", limited, "PATCH", orders + "(" + row(kindOrder, 0) + ")", `{"AccessKey":null}`, 403, "AccessKey", ""},
		})
	})
}

// TestAHiddenReferenceIsNotToldByADelete: "still referred to" does not say by what,
// where the account may not read that.
func TestAHiddenReferenceIsNotToldByADelete(t *testing.T) {
	t.Parallel()
	const customers, types = "Crm_Sales_Customers", "Crm_Sales_CustomerTypes"
	grants := map[string]permission.Right{customers: permission.Read, types: permission.OfSets}
	kind := types + "(" + row(kindCustomerType, 0) + ")"
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.attempts(t, []attempt{
			{"seen", someRights(grants), "DELETE", kind, "", 409, row(kindCustomer, 1), ""},
			{"another set", someRights(map[string]permission.Right{types: permission.OfSets}), "DELETE", kind, "", 409, "cannot see", row(kindCustomer, 1)},
			{"a hidden attribute", someRights(grants, columnKey(customers, "CustomerType")), "DELETE", kind, "", 409, "cannot see", row(kindCustomer, 1)},
		})
	})
}

// TestAllowedSets: an account is told what itself may do with sets, as token and account
// allow it at once, and nothing of those that it may not read.
func TestAllowedSets(t *testing.T) {
	t.Parallel()
	const orders, lines, balances, access = "Crm_Sales_SalesOrders", "Crm_Sales_SalesOrderLines", "Logistics_Inventory_CurrentBalances", "Crm_Sales_CustomerExternalAccess"
	rights := someRights(map[string]permission.Right{orders: permission.Read | permission.Update, balances: permission.OfSets, access: permission.Read})
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.rights.Store(rights)
		set := func(name string, create, update, remove bool) string {
			return fmt.Sprintf(`{"Set":"%s","Read":true,"Create":%t,"Update":%t,"Delete":%t}`, name, create, update, remove)
		}
		_, answer := call(t, w.h, "GET", "GetAllowedSets()", "")
		for _, want := range []string{set(orders, false, true, false), set(lines, true, true, true), set(balances, false, false, false), set(access, false, false, false)} {
			if !strings.Contains(answer, want) {
				t.Errorf("%s is not in %s", want, answer)
			}
		}
		if n := strings.Count(answer, `"Set"`); n < 4 || strings.Contains(answer, "General_Products_Products") {
			t.Errorf("%d sets: %s", n, answer)
		}
		if _, answer := call(t, w.h, "GET", "GetAllowedSets", "", "Authorization: Bearer read"); strings.Contains(answer, `"Update":true`) {
			t.Errorf("a token to read: %s", answer)
		}
		if r, answer := call(t, w.h, "GET", "GetAllowedSets", "", "Authorization: Bearer update"); r.StatusCode != 403 {
			t.Errorf("a token without read: %d %s", r.StatusCode, answer)
		}
	})
}

// TestDefaultsAreOnesThatMayBeUsed: what a new document gets by itself is a type and
// a company by whose keys the account may change documents.
func TestDefaultsAreOnesThatMayBeUsed(t *testing.T) {
	t.Parallel()
	const orders, types, companies = "Crm_Sales_SalesOrders", "Systems_Documents_DocumentTypes", "General_EnterpriseCompanies"
	first := permission.Key{ID: keyID(types, 0), Kind: permission.RowKey, EntityName: types}
	grants := map[string]permission.Right{orders: permission.OfSets}
	for _, s := range houseSets {
		if grants[s] == 0 {
			grants[s] = permission.Read
		}
	}
	with := func(r permission.Right) *permission.Rights {
		g := maps.Clone(grants)
		if r != 0 {
			g[first.ID] = r
		}
		return someRights(g, first)
	}
	create := `{"Customer@odata.bind":"Crm_Sales_Customers(` + row(kindCustomer, 0) + `)"}`
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.sql(t, `UPDATE erp_document_types SET access_key = $1 WHERE id = $2`, first.ID, row(kindType, 0))
		for _, r := range []permission.Right{0, permission.Read, permission.Read | permission.Update} {
			want := row(kindType, 1)
			if r&permission.Update != 0 {
				want = row(kindType, 0)
			}
			w.attempts(t, []attempt{{fmt.Sprintf("with %q", r), with(r), "POST", orders + "?$select=DocumentType", create, 201, want, ""}})
		}
	})
}

// TestE11_WhatIsMadeOfADocumentTellsNoHiddenAttribute: neither a function, an action nor the
// reason of a refusal says what of a document the account may not read.
func TestE11_WhatIsMadeOfADocumentTellsNoHiddenAttribute(t *testing.T) {
	t.Parallel()
	const orders, types, statuses = "Crm_Sales_SalesOrders", "Systems_Documents_DocumentTypes", "Systems_Documents_DocumentTypeUserStatuses"
	sets := map[string]permission.Right{}
	for _, s := range erpModel.Sets {
		sets[s.Name] = permission.OfSets
	}
	without := func(attributes ...string) *permission.Rights {
		var keys []permission.Key
		for _, a := range attributes {
			set, attribute, _ := strings.Cut(a, ".")
			keys = append(keys, columnKey(set, attribute))
		}
		return someRights(sets, keys...)
	}
	readOnly := func(attribute string) *permission.Rights {
		with, k := maps.Clone(sets), columnKey(orders, attribute)
		with[k.ID] = permission.Read
		return someRights(with, k)
	}
	typeless := maps.Clone(sets)
	delete(typeless, types)
	at := func(n int) string { return orders + "(" + row(kindOrder, n) + ")" }
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.sql(t, `UPDATE erp_sales_orders SET state = 30 WHERE id = $1`, row(kindOrder, 0))
		w.sql(t, `UPDATE erp_sales_orders SET void = TRUE WHERE id = $1`, row(kindOrder, 1))
		status := row(kindLine, 77)
		w.post(t, fmt.Sprintf(`%s {"Id":"%s","DocumentType@odata.bind":"%s(%s)","UserStatusName":{"EN":"Waits"},"State":"New"}`, statuses, status, types, row(kindType, 0)))
		const ask, change, complete, makeVoid = "/GetAllowedStates()", "/ChangeState", "/Complete", "/MakeVoid"
		released, notes := `{"newState":"Released"}`, `{"DocumentNotes":"x"}`
		set := `{"newState":"New","userStatus":{"@odata.id":"` + statuses + `(` + status + `)"}}`
		w.attempts(t, []attempt{
			{"all", without(), "GET", at(2) + ask, "", 200, `"name":"Waits"`, ""},
			{"all", without(), "PATCH", at(0), notes, 422, "document N0 is Released and cannot be changed", ""},
			{"all", without(), "PATCH", at(1), notes, 422, "document N1 is void and cannot be changed", ""},

			{"no state", without(orders + ".State"), "GET", at(0) + ask, "", 403, "read State", "Completed"},
			{"no state", without(orders + ".State"), "POST", at(0) + change, released, 403, "read State", "is Released"},
			{"no state", without(orders + ".State"), "POST", at(0) + complete, `{}`, 403, "read State", "is Released"},
			{"no state", without(orders + ".State"), "PATCH", at(0), notes, 422, "document N0 cannot be changed any more", "Released"},
			{"no state", without(orders + ".State"), "PATCH", at(1), notes, 422, "document N1 is void", ""},
			{"a state to read", readOnly("State"), "GET", at(2) + ask, "", 200, "no right to update State", `"state":"Planned","allowed":true`},
			{"a state to read", readOnly("State"), "POST", at(2) + change, released, 403, "update State", ""},

			{"no void", without(orders + ".Void"), "GET", at(1) + ask, "", 403, "read Void", "is void"},
			{"no void", without(orders + ".Void"), "POST", at(1) + makeVoid, `{"reason":"x"}`, 403, "read Void", "is void"},
			{"no void", without(orders + ".Void"), "POST", at(1) + change, released, 422, "the state of document N1 cannot change any more", "is void"},
			{"no void", without(orders + ".Void"), "PATCH", at(1), notes, 422, "document N1 cannot be changed any more", "is void"},
			{"no reason", without(orders + ".VoidReason"), "POST", at(2) + makeVoid, `{"reason":"x"}`, 403, "read VoidReason", ""},
			{"no notes", without("Crm_Sales_SalesOrderStateChanges.Notes"), "POST", at(2) + change, `{"newState":"Planned","notes":"x"}`, 403, "read Notes", ""},

			{"no number", without(orders + ".DocumentNo"), "GET", at(0) + ask, "", 200, "this document is Released", "N0"},
			{"no number", without(orders + ".DocumentNo"), "GET", at(1) + ask, "", 200, "this document is void", "N1"},
			{"no number", without(orders + ".DocumentNo"), "PATCH", at(0), notes, 422, "this document is Released", "N0"},
			{"no number", without(orders + ".DocumentNo"), "POST", at(1) + makeVoid, `{"reason":"x"}`, 422, "this document is void already", "N1"},

			{"no status", without(orders + ".UserStatus"), "GET", at(2) + ask, "", 200, `"userStatuses":[]`, "Waits"},
			{"no status", without(orders + ".UserStatus"), "POST", at(2) + change, set, 403, "read UserStatus", "Waits"},
			{"no names", without(statuses + ".UserStatusName"), "GET", at(2) + ask, "", 200, `"userStatuses":[]`, "Waits"},
			{"no types", someRights(typeless), "GET", at(2) + ask, "", 200, `"userStatuses":[]`, "Waits"},
		})
	})
}
