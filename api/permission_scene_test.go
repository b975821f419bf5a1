package api_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// What property tests draw: who is granted what, and what plain Go says of it.

const (
	houseInvoices      = 3
	houseVisits        = 3
	houseFiles         = 6
	houseNotifications = 3

	kindInvoiceLine = 71 + iota
	kindNotification
	kindLocation

	isReleased, isVoid = 1, 1 // an invoice and a visit that are past changing

	theFirst = "Ziegler" // what the customer 1 is called, as nothing else is

	typeOfInvoices, typeOfVisits = houseTypes, houseTypes + 1 // by row(kindType, …)
)

// newFurnished is a house with service and invoices, with files on orders and visits and
// with notifications.
func newFurnished(t testing.TB, db *sqldb.DB) *house {
	t.Helper()
	w := newService(t, db)
	w.account(t, somebody, "tom", 0, true)
	w.post(t,
		fmt.Sprintf(`Systems_Documents_DocumentTypes {"Id":"%s","Code":"T%d","TypeName":{"EN":"Invoice"},"EntityName":"%s"}`, row(kindType, typeOfInvoices), typeOfInvoices, invoices),
		fmt.Sprintf(`Systems_Documents_DocumentTypes {"Id":"%s","Code":"T%d","TypeName":{"EN":"Visit"},"EntityName":"%s"}`, row(kindType, typeOfVisits), typeOfVisits, visits))
	if r, answer := call(t, w.h, "PATCH", "General_Contacts_Companies("+row(kindParty, 2)+")", `{"Name":{"EN":"`+theFirst+`"}}`); r.StatusCode != 204 {
		t.Fatalf("%d %s", r.StatusCode, answer)
	}
	for n := range houseInvoices {
		w.post(t, fmt.Sprintf(`%s {"Id":"%s","DocumentNo":"I%d","DocumentType@odata.bind":"Systems_Documents_DocumentTypes(%s)",
			"Customer@odata.bind":"Crm_Sales_Customers(%s)","Lines":[{"Id":"%s","Product":{"PartNumber":"P1"},"Quantity":{"Value":%[3]d}}]}`,
			invoices, row(kindInvoice, n), n, row(kindType, typeOfInvoices), row(kindCustomer, n), row(kindInvoiceLine, n)))
	}
	for n := range houseVisits {
		w.post(t, visit(n, fmt.Sprintf(`,"DocumentNo":"V%d","DocumentType@odata.bind":"Systems_Documents_DocumentTypes(%s)",
			"OwnerParty@odata.bind":"General_Contacts_Persons(%s)","DefaultServiceObject@odata.bind":"%s(%s)"`,
			n, row(kindType, typeOfVisits), row(kindPerson, n%2), objects, row(kindObject, n))))
	}
	w.sql(t, `UPDATE erp_invoices SET state = 30 WHERE id = $1`, row(kindInvoice, isReleased))
	w.sql(t, `UPDATE erp_service_activities SET void = TRUE WHERE id = $1`, row(kindVisit, isVoid))
	for n := range houseFiles {
		on, _ := fileOn(n)
		more := ""
		if n%2 == 1 {
			more = `,"AccessPermission":"Creator"`
		}
		w.post(t, file(n, w.dataObjectOf(t, on), more))
		if answer := w.put(t, fileAt(n)+bytesOf, strings.NewReader(fileContent(n))); answer.Code != 204 {
			t.Fatalf("PUT: %d %s", answer.Code, answer.Body)
		}
	}
	for n := range houseNotifications {
		to := []string{aGUID, somebody}[n%2]
		on, _ := fileOn(n)
		w.post(t, fmt.Sprintf(`%s {"Id":"%s","NotificationClass":"class/%d","Subject":"Subject %[3]d","User@odata.bind":"Systems_Security_Users(%s)","DataObject@odata.bind":"%s(%s)"}`,
			notifications, row(kindNotification, n), n, to, dataObjects, w.dataObjectOf(t, on)))
	}
	return w
}

// fileOn is the order or the visit that a file is on, and which of them.
func fileOn(n int) (string, int) {
	if n < houseFiles/2 {
		return "Crm_Sales_SalesOrders(" + row(kindOrder, n) + ")", n
	}
	return visits + "(" + row(kindVisit, n-houseFiles/2) + ")", n - houseFiles/2
}

// scene is what a property test draws: which rows have which keys, which attributes have
// one, and what the groups of the account are granted together.
type scene struct {
	keys    map[string]string           // by row: its key, or none
	held    map[string]permission.Right // by key: what is granted
	sets    map[string]permission.Right // by set
	columns map[*model.Property]permission.Right
	private [houseVisits]bool
	account string
	groups  []string
	permission.Definitions
}

func keyID(set string, n int) string { return permission.ColumnKeyID("key of "+set, fmt.Sprint(n)) }

func drawScene(t *rapid.T) *scene {
	s := &scene{keys: map[string]string{}, held: map[string]permission.Right{}, sets: map[string]permission.Right{}}
	for n := range rapid.IntRange(1, 3).Draw(t, "groups") {
		s.groups = append(s.groups, fmt.Sprint("g", n))
		s.Groups = append(s.Groups, permission.Group{ID: s.groups[n], Name: "Group", Type: permission.NormalGroup})
	}
	for _, set := range houseSets {
		s.sets[set] = s.grant(t, set, permission.Key{ID: permission.SetKeyID(set), Kind: permission.SetKey, EntityName: set}, permission.OfSets)
	}
	for _, set := range slices.Sorted(maps.Keys(keyedSets)) {
		of := keyedSets[set]
		for n := range houseKeys {
			id := keyID(set, n)
			s.held[id] = s.grant(t, set+" key", permission.Key{ID: id, Kind: permission.RowKey, Name: id, EntityName: set}, permission.OfRows)
		}
		for n := range of.rows {
			if k := rapid.IntRange(-3, houseKeys-1).Draw(t, set+" row"); k >= 0 {
				s.keys[row(of.kind, n)] = keyID(set, k)
			}
		}
	}
	return s
}

// grant makes a key and grants each group some of its rights, the first group more often
// than the others. It returns what they are granted together.
func (s *scene) grant(t *rapid.T, what string, k permission.Key, all permission.Right) (held permission.Right) {
	s.Keys = append(s.Keys, k)
	often := []permission.Right{all, all, all, permission.Read, 0}
	for _, g := range s.groups {
		r := rapid.SampledFrom(often).Draw(t, what)
		if r != 0 {
			s.Grants = append(s.Grants, permission.Grant{Group: g, Key: k.ID, Rights: r})
		}
		held, often = held|r, []permission.Right{0, 0, 0, permission.Read, all}
	}
	return held
}

// drawMore draws attributes with a key, visits that are private, and whose rights they are.
func (s *scene) drawMore(t *rapid.T) {
	s.columns = map[*model.Property]permission.Right{}
	for range rapid.IntRange(0, 4).Draw(t, "columns") {
		p := rapid.OneOf(rapid.SampledFrom(houseColumns()), rapid.SampledFrom(askedColumns())).Draw(t, "column")
		if _, drawn := s.columns[p]; !drawn {
			s.columns[p] = s.grant(t, "on the column", columnKey(p.Set.Name, p.Name), permission.OfColumns)
		}
	}
	for n := range s.private {
		s.private[n] = rapid.Bool().Draw(t, "private")
	}
	s.account = rapid.SampledFrom([]string{"", aGUID, somebody}).Draw(t, "account")
}

// houseColumns are the attributes of the sets of the house that can have a key.
func houseColumns() (all []*model.Property) {
	for _, name := range houseParts {
		for _, p := range erpModel.Set(name).Properties {
			if p.Stored() && p != erpModel.Set(name).ID() {
				all = append(all, p)
			}
		}
	}
	return all
}

// askedColumns are those of them that questions name, or that doors other than a query
// show.
func askedColumns() (all []*model.Property) {
	for _, named := range []string{"Crm_Sales_SalesOrders.State", "Crm_Sales_SalesOrders.Void", visits + ".State", files + ".MediaType", files + ".ContentId", dataObjects + ".EntityItemId",
		"Crm_Sales_SalesOrders.DocumentNo", "Crm_Sales_SalesOrders.DocumentDate", "Crm_Sales_SalesOrders.Customer", "Crm_Sales_Customers.Number",
		"Crm_Sales_Customers.Party", "General_Contacts_Parties.PartyName", "General_Products_Products.Name", visits + ".DocumentNo", files + ".FileName", notifications + ".Subject"} {
		set, attribute, _ := strings.Cut(named, ".")
		all = append(all, erpModel.Set(set).Must(attribute))
	}
	return all
}

// set gives the rows their keys, and makes the rights.
func (w *house) set(t testing.TB, s *scene) *permission.Rights {
	for _, of := range keyedSets {
		for n := range of.rows {
			var key any
			if k := s.keys[row(of.kind, n)]; k != "" {
				key = k
			}
			w.sql(t, `UPDATE `+of.table+` SET access_key = $1 WHERE id = $2`, key, row(of.kind, n))
		}
	}
	for n, private := range s.private {
		w.sql(t, `UPDATE erp_service_activities SET private = $1 WHERE id = $2`, private, row(kindVisit, n))
	}
	return permission.NewTable(s.Definitions).Rights(s.groups).As(s.account)
}

// opens reports whether the key of a row is none, or one that need is granted on.
func (s *scene) opens(id string, need permission.Right) bool {
	k := s.keys[id]
	return k == "" || s.held[k]&need == need
}

func (s *scene) may(set string, need permission.Right) bool { return s.sets[set]&need == need }

// reads reports whether the attributes of a set have no key, or one that may be read by.
func (s *scene) reads(set string, attributes ...string) bool {
	for _, a := range attributes {
		if r, keyed := s.columns[erpModel.Set(set).Must(a)]; keyed && r&permission.Read == 0 {
			return false
		}
	}
	return true
}

// order, customer, document and so on say in plain Go what the account may do with a row.
func (s *scene) order(n int, need permission.Right) bool {
	return s.document(row(kindOrder, n), n%houseTypes, need)
}

func (s *scene) document(id string, documentType int, need permission.Right) bool {
	return s.opens(id, need) && s.opens(row(kindType, documentType), need) && s.opens(row(kindCompany, 0), need)
}

func (s *scene) customer(n int, need permission.Right) bool {
	typed := n % houseCustomers
	return typed == 0 || s.opens(row(kindCustomerType, typed-1), need)
}

// visit of the person 0, which is that of the account aGUID, or of another.
func (s *scene) visit(n int) bool {
	own := n%2 == 0 && s.account == aGUID
	return s.document(row(kindVisit, n), typeOfVisits, permission.Read) && (!s.private[n] || own)
}

// file is seen with what it is on, and every second by its creator alone.
func (s *scene) file(n int) bool {
	return s.hanging(n) && (n%2 == 0 || s.account == aGUID)
}

// hanging is seen with the row that it is on.
func (s *scene) hanging(n int) bool {
	on, i := fileOn(n)
	set, _, _ := strings.Cut(on, "(")
	sees := set == visits && s.visit(i) || set != visits && s.order(i, permission.Read)
	return sees && s.may(set, permission.Read)
}

// notification is seen by who is told, with the row that it is on.
func (s *scene) notification(n int) bool {
	return s.hanging(n) && s.account == []string{aGUID, somebody}[n%2]
}

// shelf are the rows of one set of the house, and which of them the account sees.
type shelf struct {
	set, table string
	kind, rows int
	keyed      string // the set whose key lets it be read
	sees       func(n int) bool
	// code is the attribute that rows are called by, and what they are called begins with.
	code, letter string
}

func (s *scene) shelves() []shelf {
	read := func(kind int) func(int) bool {
		return func(n int) bool { return s.opens(row(kind, n), permission.Read) }
	}
	const orders, customers = "Crm_Sales_SalesOrders", "Crm_Sales_Customers"
	sold := func(n int) bool { return s.order(n, permission.Read) }
	billed := func(n int) bool { return s.document(row(kindInvoice, n), typeOfInvoices, permission.Read) }
	return []shelf{
		{orders, "erp_sales_orders", kindOrder, houseOrders, orders, sold, "DocumentNo", "N"},
		{"Crm_Sales_SalesOrderLines", "erp_sales_order_lines", kindLine, houseOrders, orders, sold, "", ""},
		{customers, "erp_customers", kindCustomer, houseCustomers, customers, func(n int) bool { return s.customer(n, permission.Read) }, "Number", "C"},
		{"Systems_Documents_DocumentTypes", "erp_document_types", kindType, houseTypes + 2, "Systems_Documents_DocumentTypes", read(kindType), "Code", "T"},
		{"Crm_Sales_CustomerTypes", "erp_customer_types", kindCustomerType, houseTypes, "Crm_Sales_CustomerTypes", read(kindCustomerType), "Code", "T"},
		{"Logistics_Inventory_Stores", "erp_parties", kindStore, houseStores, "Logistics_Inventory_Stores", read(kindStore), "Code", "S"},
		{"General_Contacts_CompanyLocations", "erp_parties", kindLocation, 1, "General_Contacts_CompanyLocations",
			func(int) bool { return s.opens(row(kindCompany, 0), permission.Read) }, "", ""},
		{invoices, "erp_invoices", kindInvoice, houseInvoices, invoices, billed, "DocumentNo", "I"},
		{"Crm_Invoicing_InvoiceLines", "erp_invoice_lines", kindInvoiceLine, houseInvoices, invoices, billed, "", ""},
		{visits, "erp_service_activities", kindVisit, houseVisits, visits, s.visit, "DocumentNo", "V"},
		{files, "erp_object_files", kindFile, houseFiles, dataObjects, s.file, "", ""},
		{notifications, "erp_notifications", kindNotification, houseNotifications, notifications, s.notification, "", ""},
	}
}

func pick(n, kind int, is func(int) bool) []string {
	all := []string{}
	for i := range n {
		if is(i) {
			all = append(all, row(kind, i))
		}
	}
	return all
}

// columnsOf are the names of the columns of a table.
func (w *house) columnsOf(t testing.TB, table string) []string {
	t.Helper()
	rows, err := w.db.Reader().QueryContext(context.Background(), `SELECT * FROM `+table+` LIMIT 0`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	return all
}
