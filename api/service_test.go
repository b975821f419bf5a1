package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

const (
	visits     = "Applications_Service_ServiceActivities"
	tickets    = "Applications_Service_ServiceOrders"
	agreements = "Applications_Service_ServiceAgreements"
	objects    = "Applications_Service_ServiceObjects"
	shipments  = "Logistics_Shipment_Shipments"

	kindMechanism = 40 + iota
	kindObject
	kindService
	kindPerson
	kindVisit
	kindTicket
	kindAgreement
	kindShipment
)

// newService is a house with what service and shipments need: for customer n the object
// n and the address n.
func newService(t testing.TB, db *sqldb.DB) *house {
	t.Helper()
	w := newHouse(t, db)
	rows := []string{
		`General_Products_MeasurementUnits {"Code":"dz","Name":{"EN":"dozen"},"Multiplier":12,"MeasurementCategory":{"Name":"Pieces"}}`,
		`Applications_Service_Services {"Id":"` + row(kindService, 0) + `","Code":"REP","Name":"Repair","MeasurementUnit":{"Code":"pcs"}}`,
		`Applications_Service_ServiceTypes {"Name":"Full","IsDefault":true}`,
	}
	for i, set := range []string{shipments, tickets, agreements, visits} {
		rows = append(rows, fmt.Sprintf(`Systems_Documents_DocumentTypes {"Code":"D%d","TypeName":{"EN":"%s"},"EntityName":"%s"}`, i, strings.Split(set, "_")[2], set))
	}
	for n := range houseCustomers {
		rows = append(rows,
			fmt.Sprintf(`General_Contacts_PartyContactMechanisms {"Id":"%s","Name":"Street %d","ContactMechanismType":"Address","IsDefault":true,"Party@odata.bind":"General_Contacts_Companies(%s)"}`,
				row(kindMechanism, n), n, row(kindParty, n+1)),
			fmt.Sprintf(`%s {"Id":"%s","Name":"Winch %d","SerialNumber":"W%[3]d"}`, objects, row(kindObject, n), n),
			fmt.Sprintf(`General_Contacts_Persons {"Id":"%s","FirstName":{"EN":"Tom%d"},"LastName":{"EN":"Huber"}}`, row(kindPerson, n), n))
	}
	w.post(t, rows...)
	w.sql(t, `INSERT INTO erp_users (id, aggregate_last_update_time_utc, login, login_text, name, name_text, email_confirmed, active, is_admin, user_type, creation_time_utc, person)
		VALUES ($1, 1, 'svc', 'svc', 'svc', 'svc', TRUE, TRUE, FALSE, 0, 1, $2)`, aGUID, row(kindPerson, 0))
	return w
}

// post makes rows, each a set and a body.
func (w *house) post(t testing.TB, rows ...string) {
	t.Helper()
	for _, line := range rows {
		set, body, _ := strings.Cut(line, " ")
		if r, answer := call(t, w.h, "POST", set, body); r.StatusCode != 201 {
			t.Fatalf("%s: %d %s", line, r.StatusCode, answer)
		}
	}
}

func visit(n int, more string) string {
	return fmt.Sprintf(`%s {"Id":"%s","Customer@odata.bind":"Crm_Sales_Customers(%s)"%s}`, visits, row(kindVisit, n), row(kindCustomer, n%houseCustomers), more)
}

// doorStep is a call of a test and what it must answer.
type doorStep struct {
	name, method, path, body string
	status                   int
	with, without            string
}

func (w *house) steps(t *testing.T, all []doorStep) {
	t.Helper()
	for _, s := range all {
		r, answer := call(t, w.h, s.method, s.path, s.body)
		if r.StatusCode != s.status || !strings.Contains(answer, s.with) || s.without != "" && strings.Contains(answer, s.without) {
			t.Errorf("%s: %s %s: %d %s, want %d with %q", s.name, s.method, s.path, r.StatusCode, answer, s.status, s.with)
		}
	}
}

// TestServiceKeepsItsRules tries the rules of visits, agreements and tickets through the
// API.
func TestServiceKeepsItsRules(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		one, of := visits+"("+row(kindVisit, 0)+")", func(set string, kind, n int) string { return set + "(" + row(kind, n) + ")" }
		w.post(t, visit(0, `,"Services":[{"Service":{"Code":"REP"}}],"Materials":[{"Product":{"PartNumber":"P1"},"QuantityUnit":{"Code":"dz"},"Quantity":{"Value":2}}]`),
			agreements+` {"Id":"`+row(kindAgreement, 0)+`","Customer@odata.bind":"`+of("Crm_Sales_Customers", kindCustomer, 0)+
				`","StartDateTime":"2026-01-01T00:00:00Z","EndDateTime":"2027-01-01T00:00:00Z","Lines":[{"ServiceObject@odata.bind":"`+of(objects, kindObject, 0)+`"}]}`)
		agreement := of(agreements, kindAgreement, 0)
		w.steps(t, []doorStep{
			{"defaults of a visit", "GET", one + "?$select=Subject,Priority,SystemType,Private,StartTime", "", 200,
				`"Subject":"ServiceActivities: Customer 0","Priority":"Medium","SystemType":"Task","Private":false,"StartTime":"2026-03-01T10:00:00Z"`, ""},
			{"the writer's person owns it", "GET", one + "?$expand=OwnerParty($select=PartyName),ResponsibleParty($select=PartyName)&$select=Id", "", 200, `"ResponsibleParty":{"@odata.type":"#Erp.General_Contacts_Person","@odata.id":"General_Contacts_Persons(` + row(kindPerson, 0), ""},
			{"name and quantity of a service", "GET", one + "/Services?$select=LineNo,ServiceName,Quantity", "", 200, `"LineNo":10,"ServiceName":"Repair","Quantity":{"Value":1,"Unit":"pcs"}`, ""},
			{"base quantity of a material", "GET", one + "/Materials?$select=QuantityBase", "", 200, `"QuantityBase":{"Value":24,"Unit":"pcs"}`, ""},
			{"EndTime before StartTime", "PATCH", one, `{"EndTime":"2026-03-01T09:00:00Z"}`, 422, "Constraint TS6", ""},
			{"name of who received", "PATCH", one, `{"ReceiverPerson@odata.bind":"` + of("General_Contacts_Persons", kindPerson, 1) + `"}`, 204, "", ""},
			{"which was copied", "GET", one + "?$select=ReceiverPersonName", "", 200, `"Tom1 Huber"`, ""},
			{"a name that is typed stays", "PATCH", one, `{"ReceiverPerson@odata.bind":"` + of("General_Contacts_Persons", kindPerson, 2) + `","ReceiverPersonName":{"EN":"F. Lechner"}}`, 204, "", ""},
			{"typed", "GET", one + "?$select=ReceiverPersonName", "", 200, `F. Lechner`, "Tom2"},
			{"times of a day", "GET", visits + "?$select=Id&$orderby=StartTime&$filter=" + url.QueryEscape("StartTime ge 2026-03-01T09:30:00Z and StartTime le 2026-03-01T10:30:00Z"), "", 200, row(kindVisit, 0), ""},
			{"which are not truncated", "GET", visits + "?$select=Id&$filter=" + url.QueryEscape("StartTime ge 2026-03-01T10:30:00Z"), "", 200, `"value":[]`, ""},
			{"an agreement of another customer", "PATCH", one, `{"ServiceAgreement@odata.bind":"` + agreement + `","Customer@odata.bind":"` + of("Crm_Sales_Customers", kindCustomer, 1) + `"}`, 422, "Constraint TS7", ""},
			{"one of its own", "PATCH", one, `{"ServiceAgreement@odata.bind":"` + agreement + `"}`, 204, "", ""},
			{"a line takes its agreement's times", "GET", agreement + "/Lines?$select=LineStartDateTime,LineEndDateTime,Quantity", "", 200, `"LineStartDateTime":"2026-01-01T00:00:00Z","LineEndDateTime":"2027-01-01T00:00:00Z","Quantity":1`, ""},
			{"a line beyond its agreement", "POST", agreement + "/Lines", `{"ServiceObject@odata.bind":"` + of(objects, kindObject, 1) + `","LineEndDateTime":"2027-02-01T00:00:00Z"}`, 422, "Constraint TS4", ""},
			{"an agreement within its lines", "PATCH", agreement, `{"EndDateTime":"2026-06-01T00:00:00Z"}`, 422, "Constraint TS4", ""},
			{"an agreement that ends before it starts", "PATCH", agreement, `{"EndDateTime":"2025-06-01T00:00:00Z"}`, 422, "Constraint TS2", ""},
			{"a longer one", "PATCH", agreement, `{"EndDateTime":"2028-01-01T00:00:00Z"}`, 204, "", ""},
			{"a ticket with an agreement of somebody else", "POST", tickets, `{"Customer@odata.bind":"` + of("Crm_Sales_Customers", kindCustomer, 2) + `","ServiceAgreement@odata.bind":"` + agreement + `"}`, 422, "Constraint TS5", ""},
			{"a ticket", "POST", tickets, `{"ExternalId":"n1","ExternalSystem":"portal","Customer@odata.bind":"` + of("Crm_Sales_Customers", kindCustomer, 0) +
				`","Lines":[{"ServiceObject@odata.bind":"` + of(objects, kindObject, 0) + `","SymptomDescription":"Smells"}]}`, 201, `"EntityName":"Applications_Service_ServiceOrders"`, ""},
			{"once", "POST", tickets, `{"ExternalId":"n1","ExternalSystem":"portal","Customer@odata.bind":"` + of("Crm_Sales_Customers", kindCustomer, 0) + `"}`, 409, "ExternalId", ""},
			{"what became of it", "GET", tickets + "?$select=DocumentNo&$expand=Lines($select=SymptomDescription),StateChanges&$filter=ExternalId%20eq%20'n1'", "", 200, "Smells", ""},
		})
	})
}

// TestAPrivateVisitIsItsOwners: no other account sees it, through any door, and nobody
// makes one for somebody else. Administrators see all.
func TestAPrivateVisitIsItsOwners(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		w.post(t, visit(0, `,"Private":true`), visit(1, ""), visit(2, `,"Private":true,"OwnerParty@odata.bind":"General_Contacts_Persons(`+row(kindPerson, 1)+`)"`))
		grants := map[string]permission.Right{}
		for _, s := range erpModel.Sets {
			grants[s.Name] = permission.OfSets
		}
		all := someRights(grants)
		mine, other := visits+"("+row(kindVisit, 0)+")", visits+"("+row(kindVisit, 2)+")"
		private := `{"Customer@odata.bind":"Crm_Sales_Customers(` + row(kindCustomer, 0) + `)","Private":true,"OwnerParty@odata.bind":"General_Contacts_Persons(` + row(kindPerson, 1) + `)"}`
		for name, r := range map[string]*permission.Rights{"the owner": all.As(aGUID), "nobody": all, "another": all.As(somebody), "an administrator": permission.ByPlatform().Rights} {
			own, everything := name == "the owner", name == "an administrator"
			count, see := "1", 404
			if own {
				count, see = "2", 200
			}
			if everything {
				count, see = "3", 200
			}
			others := 404
			if everything {
				others = 200
			}
			w.as(r, func() {
				w.steps(t, []doorStep{
					{name + " counts", "GET", visits + "/$count", "", 200, count, ""},
					{name + " sees a visit", "GET", mine, "", see, "", ""},
					{name + " sees its state", "GET", mine + "/StateChanges", "", see, "", ""},
					{name + " sees what it may become", "GET", mine + "/GetAllowedStates()", "", see, "", ""},
					{name + " changes it", "PATCH", mine, `{"DocumentNotes":"x"}`, map[int]int{200: 204, 404: 404}[see], "", ""},
					{name + " sees another's", "GET", other + "/Services/$count", "", others, "", ""},
					{name + " lists all", "GET", visits + "?$select=Id&$orderby=StartTime", "", 200, row(kindVisit, 1), map[bool]string{true: "none", false: row(kindVisit, 2)}[everything]},
				})
				if !everything {
					w.steps(t, []doorStep{{name + " makes one for another", "POST", visits, private, 403, "PermissionDenied", ""}})
				}
			})
		}
		w.as(all.As(aGUID), func() {
			w.steps(t, []doorStep{{"gives it away", "PATCH", mine, `{"OwnerParty@odata.bind":"General_Contacts_Persons(` + row(kindPerson, 1) + `)"}`, 403, "", ""}})
		})
	})
}

// TestShipments: an address of the party, base quantities, a note where more is shipped
// than was ordered, and who has received it when it is on its way.
func TestShipments(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		ship := func(n, quantity int) string {
			return fmt.Sprintf(`{"Id":"%s","Parent@odata.bind":"Crm_Sales_SalesOrders(%s)","ShipFromStore":{"Code":"S0"},"Lines":[{"ParentSalesOrderLine@odata.bind":"Crm_Sales_SalesOrderLines(%s)","Quantity":{"Value":%d}}]}`,
				row(kindShipment, n), row(kindOrder, 1), row(kindLine, 1), quantity)
		}
		r, answer := call(t, w.h, "POST", shipments, ship(0, 2))
		if r.StatusCode != 201 || r.Header.Get("Tandem-Note") != "" || !strings.Contains(answer, row(kindMechanism, 1)) {
			t.Fatalf("a shipment of what was ordered: %d %s %q", r.StatusCode, answer, r.Header.Get("Tandem-Note"))
		}
		if r, answer := call(t, w.h, "POST", shipments, ship(1, 1)); r.StatusCode != 201 || !strings.Contains(r.Header.Get("Tandem-Note"), "than was ordered") {
			t.Errorf("a shipment of more: %d %s %q", r.StatusCode, answer, r.Header.Get("Tandem-Note"))
		}
		one := shipments + "(" + row(kindShipment, 0) + ")"
		received := `{"ReceivedByPerson@odata.bind":"General_Contacts_Persons(` + row(kindPerson, 0) + `)","DocumentNotes":"by hand"}`
		w.steps(t, []doorStep{
			{"lines", "GET", one + "/Lines?$select=QuantityBase,LineNo,Finished&$filter=" + url.QueryEscape("ParentSalesOrderLine/LineNo eq 10"), "", 200, `"QuantityBase":{"Value":2,"Unit":"pcs"},"LineNo":10,"Finished":false`, ""},
			{"an address of another party", "PATCH", one, `{"ShipToPartyContactMechanism@odata.bind":"General_Contacts_PartyContactMechanisms(` + row(kindMechanism, 2) + `)"}`, 422, "Constraint TS1", ""},
			{"release", "POST", one + "/ChangeState", `{"newState":"Released"}`, 204, "", ""},
			{"who has received it", "PATCH", one, received, 204, "", ""},
			{"nothing else", "PATCH", one, `{"RequiredDeliveryDate":"2026-03-02T00:00:00Z","DocumentNotes":"x"}`, 422, "cannot be changed", ""},
			{"no line", "PATCH", one, `{"DocumentNotes":"y","Lines":[{"LineNo":10,"Notes":"x"}]}`, 422, "cannot be changed", ""},
			{"no other line", "POST", one + "/Lines", `{"ParentSalesOrderLine@odata.bind":"Crm_Sales_SalesOrderLines(` + row(kindLine, 1) + `)"}`, 422, "cannot be changed", ""},
			{"not to be deleted", "DELETE", one, "", 422, "cannot be changed", ""},
			{"void", "POST", one + "/MakeVoid", `{"reason":"lost"}`, 204, "", ""},
			{"then nothing", "PATCH", one, `{"DocumentNotes":"z"}`, 422, "void", ""},
		})
	})
}

// TestE8_ServiceOfOwnCustomers: people of the outside see the shipments, tickets and
// objects of their customers, and no visit.
func TestE8_ServiceOfOwnCustomers(t *testing.T) {
	t.Parallel()
	outside := erpModel.Outside()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		narrow := func(rights *permission.Rights, userID string) *permission.Rights {
			return permission.NewTable(permission.Definitions{}).Narrow(rights, outside).For(userID, now)
		}
		w.narrow.Store(&narrow)
		for n := range houseCustomers {
			customer := `"Customer@odata.bind":"Crm_Sales_Customers(` + row(kindCustomer, n) + `)"`
			w.post(t, fmt.Sprintf(`%s {"Id":"%s",%s,"Lines":[{"ServiceObject@odata.bind":"%s(%s)"}]}`, tickets, row(kindTicket, n), customer, objects, row(kindObject, n)),
				fmt.Sprintf(`%s {"Id":"%s","Parent@odata.bind":"Crm_Sales_SalesOrders(%s)","ShipFromStore":{"Code":"S0"}}`, shipments, row(kindShipment, n), row(kindOrder, n)),
				visit(n, ""))
		}
		w.sql(t, `UPDATE erp_parties SET party_notes = 'for us alone'`)
		give := func(role int) {
			w.sql(t, `DELETE FROM erp_customer_external_access`)
			w.sql(t, `INSERT INTO erp_customer_external_access (id, role, customer, "user") VALUES ($1, $2, $3, $4)`, row(98, 0), role, row(kindCustomer, 1), somebody)
		}
		grants := map[string]permission.Right{}
		for _, s := range erpModel.Sets {
			grants[s.Name] = permission.OfSets
		}
		w.as(someRights(grants), func() {
			for role, sees := range map[int]bool{10: false, 20: true, 90: true} {
				give(role)
				for set, kind := range map[string]int{tickets: kindTicket, shipments: kindShipment, objects: kindObject, visits: kindVisit} {
					_, answer := call(t, w.h, "GET", set+"?$select=Id", "", onBehalf(somebody)...)
					want := []string{}
					if sees {
						want = append(want, row(kind, 1))
					}
					if got := ids(t, answer); fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("%s in the role %d: %v, want %v", set, role, got, want)
					}
				}
			}
			company := "General_Contacts_Companies(" + row(kindParty, 2) + ")"
			for _, path := range []string{company, "General_Contacts_Parties(" + row(kindParty, 2) + ")", "General_Contacts_Parties"} {
				if r, answer := call(t, w.h, "GET", path, "", onBehalf(somebody)...); r.StatusCode != 200 || strings.Contains(answer, "for us alone") {
					t.Errorf("%s: %d %s", path, r.StatusCode, answer)
				}
			}
			if _, answer := call(t, w.h, "GET", company, ""); !strings.Contains(answer, "for us alone") {
				t.Errorf("an employee does not see the notes of %s", answer)
			}
			for _, path := range []string{"Applications_Service_ServiceActivityServices", "Applications_Service_ServiceActivityStateChanges"} {
				if r, answer := call(t, w.h, "GET", path, "", onBehalf(somebody)...); r.StatusCode != 403 && !strings.Contains(answer, `"value":[]`) {
					t.Errorf("%s: %d %s", path, r.StatusCode, answer)
				}
			}
			// Of a visit the customer sees its day and object.
			give(20)
			_, answer := call(t, w.h, "GET", visits, "", onBehalf(somebody)...)
			for _, hidden := range []string{"Subject", "Notes", "DocumentNo", "OwnerParty", "CreationUser", "StartTime", "Priority", "DisplayText"} {
				if strings.Contains(answer, `"`+hidden+`"`) {
					t.Errorf("a customer sees the %s of a visit: %s", hidden, answer)
				}
				if r, answer := call(t, w.h, "GET", visits+"?$select="+hidden, "", onBehalf(somebody)...); r.StatusCode == 200 {
					t.Errorf("a customer selects the %s of a visit: %s", hidden, answer)
				}
			}
			w.steps(t, []doorStep{{"an employee asks for its states", "GET", visits + "(" + row(kindVisit, 1) + ")/GetAllowedStates()", "", 200, `"state":"Planned"`, ""}})
			if r, answer := call(t, w.h, "GET", visits+"("+row(kindVisit, 1)+")/GetAllowedStates()", "", onBehalf(somebody)...); r.StatusCode != 403 || !strings.Contains(answer, "read State") {
				t.Errorf("a customer asks for the states of a visit: %d %s", r.StatusCode, answer)
			}
		})
	})
}
