package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// asked is a step of an account with rights of its own.
type asked struct {
	rights *permission.Rights
	doorStep
}

func (w *house) askedSteps(t *testing.T, all []asked) {
	t.Helper()
	for _, a := range all {
		rights := a.rights
		if rights == nil {
			rights = permission.ByPlatform().Rights
		}
		w.as(rights, func() { w.steps(t, []doorStep{a.doorStep}) })
	}
}

// TestPartsOfAPartyGoWithWhatItIs: the addresses of a company are changed by who may change
// companies, through every door, and GetAllowedSets says so.
func TestPartsOfAPartyGoWithWhatItIs(t *testing.T) {
	t.Parallel()
	const parties, companies, mechanisms = "General_Contacts_Parties", "General_Contacts_Companies", "General_Contacts_PartyContactMechanisms"
	of := companies + "(" + row(kindParty, 1) + ")"
	one := mechanisms + "(" + row(kindMechanism, 0) + ")"
	body := func(name string) string {
		return `{"Name":"` + name + `","Party@odata.bind":"` + of + `"}`
	}
	allowed := `{"Set":"` + mechanisms + `","Read":true,"Create":%[1]t,"Update":%[1]t,"Delete":%[1]t}`
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		may := someRights(map[string]permission.Right{parties: permission.Read, companies: permission.Read | permission.Update})
		mayNot := someRights(map[string]permission.Right{parties: permission.OfSets, companies: permission.Read})
		w.askedSteps(t, []asked{
			{may, doorStep{"told", "GET", "GetAllowedSets()", "", 200, fmt.Sprintf(allowed, true), ""}},
			{may, doorStep{"changed", "PATCH", one, `{"Name":"Street 7"}`, 204, "", ""}},
			{may, doorStep{"made", "POST", mechanisms, body("Street 8"), 201, "", ""}},
			{may, doorStep{"made below it", "POST", of + "/ContactMechanisms", `{"Name":"Street 9"}`, 201, "", ""}},
			{may, doorStep{"sent with it", "PATCH", of, `{"ContactMechanisms":[{"Name":"Street 10"}]}`, 204, "", ""}},
			{may, doorStep{"of a store", "POST", mechanisms, strings.Replace(body("Gate"), of, "Logistics_Inventory_Stores("+row(kindStore, 0)+")", 1), 422, "Object not found", ""}},
			{mayNot, doorStep{"not told", "GET", "GetAllowedSets()", "", 200, fmt.Sprintf(allowed, false), ""}},
			{mayNot, doorStep{"not changed", "PATCH", one, `{"Name":"Street 11"}`, 403, companies, ""}},
			{mayNot, doorStep{"not made", "POST", mechanisms, body("Street 12"), 403, companies, ""}},
			{mayNot, doorStep{"not deleted", "DELETE", one, "", 403, companies, ""}},
			{may, doorStep{"deleted", "DELETE", one, "", 204, "", ""}},
		})
	})
}

// TestWhoMaySayWhichDocumentsHaveAKey: a security condition gives documents a key, which
// takes the right to give it; and it asks of documents only what its writer may ask.
func TestWhoMaySayWhichDocumentsHaveAKey(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newApprovals(t, db)
		large := permission.Key{ID: keyID(orderSet, 0), Kind: permission.RowKey, Name: "Large", EntityName: orderSet}
		other := permission.Key{ID: keyID(orderSet, 1), Kind: permission.RowKey, Name: "Other", EntityName: orderSet}
		for _, k := range []permission.Key{large, other} {
			w.sql(t, `INSERT INTO erp_access_keys (id, name, name_text, entity_name, share_level) VALUES ($1, 'k', 'k', $2, 4)`, k.ID, orderSet)
		}
		typ := "Systems_Documents_DocumentTypes(" + row(kindType, 1) + ")"
		one := setConditions + "(" + row(kindType, 77) + ")"
		to := func(k permission.Key) string {
			return `"DocumentAccessKey@odata.bind":"Systems_Security_AccessKeys(` + k.ID + `)"`
		}
		condition := func(id int, filter string) string {
			return `{"Id":"` + row(kindType, id) + `","Description":"x","ConditionFilter":"` + filter + `",` + to(large) + `}`
		}
		with := func(on permission.Right, columns ...permission.Key) *permission.Rights {
			all := allSets()
			all[large.ID] = on
			all[w.key.ID] = permission.Read | permission.Update | permission.Delete
			return someRights(all, append(columns, large, other, w.key)...)
		}
		may, mayNot := with(permission.Read|permission.Administer), with(permission.Read|permission.Update|permission.Delete)
		hidden := with(permission.Read|permission.Administer, columnKey(orderSet, "DocumentNo"))
		const filter, numbered = "Void eq false", "startswith(DocumentNo,'A')"
		w.askedSteps(t, []asked{
			{mayNot, doorStep{"without the key", "POST", typ + "/SecurityConditions", condition(77, filter), 403, "DocumentAccessKey", ""}},
			{mayNot, doorStep{"nor with the type", "PATCH", typ, `{"SecurityConditions":[` + condition(77, filter) + `]}`, 403, "DocumentAccessKey", ""}},
			{hidden, doorStep{"by what is hidden", "POST", typ + "/SecurityConditions", condition(77, numbered), 403, "DocumentNo", ""}},
			{may, doorStep{"who may give it", "POST", typ + "/SecurityConditions", condition(77, numbered), 201, "", ""}},
			{mayNot, doorStep{"another filter", "PATCH", one, `{"ConditionFilter":"` + filter + `"}`, 403, "DocumentAccessKey", ""}},
			{may, doorStep{"another key", "PATCH", one, `{` + to(other) + `}`, 403, "DocumentAccessKey", ""}},
			{mayNot, doorStep{"gone", "DELETE", one, "", 403, "DocumentAccessKey", ""}},
			{mayNot, doorStep{"gone as missing", "PATCH", typ, `{"SecurityConditions":[],"SecurityConditions@erpnet.missing":"delete"}`, 403, "DocumentAccessKey", ""}},
			{may, doorStep{"who may", "DELETE", one, "", 204, "", ""}},
		})
	})
}

const setConditions = "Systems_Documents_DocumentTypeSecurityConditions"

// TestADeleteTellsOfWhatIsSeen: which of the rows that refer to one a refusal names does not
// depend on those that the account does not see.
func TestADeleteTellsOfWhatIsSeen(t *testing.T) {
	t.Parallel()
	const orders = "Crm_Sales_SalesOrders"
	key := permission.Key{ID: keyID(orders, 0), Kind: permission.RowKey, Name: "Hidden", EntityName: orders}
	rights := someRights(allSets("General_Contacts_PartyContactMechanisms"), key)
	customer := "Crm_Sales_Customers(" + row(kindCustomer, 0) + ")"
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		ask := func() (answer string) {
			w.as(rights, func() { _, answer = call(t, w.h, "DELETE", customer, "") })
			return answer
		}
		w.sql(t, `UPDATE erp_sales_orders SET customer = $1`, row(kindCustomer, 0))
		w.sql(t, `UPDATE erp_sales_orders SET access_key = $1 WHERE id <> $2`, key.ID, row(kindOrder, 2))
		if answer := ask(); !strings.Contains(answer, orders+"("+row(kindOrder, 2)+")") {
			t.Errorf("of one order that is seen and three that are not: %s", answer)
		}
		w.post(t, tickets+` {"Customer@odata.bind":"`+customer+`"}`)
		w.sql(t, `UPDATE erp_sales_orders SET access_key = $1`, key.ID)
		if answer := ask(); !strings.Contains(answer, tickets) {
			t.Errorf("of a ticket that is seen, when all orders are hidden: %s", answer)
		}
		w.sql(t, `DELETE FROM erp_service_orders`)
		if answer := ask(); !strings.Contains(answer, "a row that you cannot see") || strings.Contains(answer, orders) {
			t.Errorf("when all that refers to it is hidden: %s", answer)
		}
	})
}

// TestANoteTellsNoHiddenNumber: what is noted of lines calls them by their number only to
// who may read that.
func TestANoteTellsNoHiddenNumber(t *testing.T) {
	t.Parallel()
	const lines, shipped = "Crm_Sales_SalesOrderLines", "Logistics_Shipment_ShipmentLines"
	order := "Crm_Sales_SalesOrders(" + row(kindOrder, 0) + ")"
	both := `{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"merge","@erpnet.findBy":{"Id":"` + row(kindOrder, 0) + `"},"Lines":[{"Product":{"PartNumber":"P2"},"Notes":"x"}]}`
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		w.post(t, `General_Products_Products {"PartNumber":"P2","Name":{"EN":"Pear"},"ProductGroup":{"Code":"G1"}}`,
			lines+` {"SalesOrder@odata.bind":"`+order+`","Product":{"PartNumber":"P2"}}`)
		for i, as := range []struct {
			rights *permission.Rights
			told   bool
		}{{someRights(allSets()), true}, {someRights(allSets(), columnKey(lines, "LineNo"), columnKey(shipped, "LineNo")), false}} {
			w.as(as.rights, func() {
				_, answer := call(t, w.h, "POST", "Import", `{"objects":[`+both+`]}`)
				if !strings.Contains(answer, "not in this request and stay") || strings.Contains(answer, "LineNo 10") != as.told {
					t.Errorf("told of the number: %t: %s", as.told, answer)
				}
				_, answer = call(t, w.h, "POST", "Import", fmt.Sprintf(`{"objects":[{"@odata.type":"Erp.Logistics_Shipment","@erpnet.action":"create","Id":"%s",
					"ToParty@odata.bind":"General_Contacts_Companies(%s)","ShipFromStore@odata.bind":"Logistics_Inventory_Stores(%s)",
					"Lines":[{"ParentSalesOrderLine@odata.bind":"%s(%s)","Quantity":{"Value":99}}]}]}`, row(1, 800+i), row(kindParty, 1), row(kindStore, 0), lines, row(kindLine, 0)))
				if !strings.Contains(answer, "more is shipped") || strings.Contains(answer, "line 10:") != as.told {
					t.Errorf("told of the number: %t: %s", as.told, answer)
				}
			})
		}
	})
}
