package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// What an account may do, through every door of the API: see docs/permissions.md.

// house is the API over a database in which rows are given keys, for an account
// whose rights a test changes.
type house struct {
	db      *sqldb.DB
	store   *data.ERP
	h       http.Handler
	rights  atomic.Pointer[permission.Rights]
	patches int                 // of orders, each another
	columns map[string][]string // by table: see keep
	uses    *permission.Meter
	// narrow is what calls are narrowed by.
	narrow atomic.Pointer[func(rights *permission.Rights, userID string) *permission.Rights]
}

// Rows of the house, by set; the n-th has the id row(set, n).
const (
	houseOrders    = 4
	houseCustomers = 3
	houseTypes     = 2 // of documents, of customers
	houseStores    = 3
	houseKeys      = 4 // that rows of a set may have
)

// houseNow is the time at which the rows of the house are written.
var houseNow = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

func row(kind, n int) string { return fmt.Sprintf("10000000-0000-4000-8000-%06d%06d", kind, n) }

const (
	kindOrder = iota + 1
	kindCustomer
	kindType
	kindCustomerType
	kindStore
	kindCompany
	kindParty
	kindLine
)

func newHouse(t testing.TB, db *sqldb.DB) *house {
	t.Helper()
	store := data.NewERP(db, erpModel)
	w := &house{db: db, store: store, uses: &permission.Meter{}}
	store.Clock = func() time.Time { return houseNow }
	mux := http.NewServeMux()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	(&api.Domain{
		Model: erpModel.Model, Store: store, Root: "https://erp.example", Log: quiet,
		Access: &api.Access{Verifier: doors{}, Checker: doors{}, Sessions: doors{}, Rights: w.rightsOf, Narrow: w.narrowTo, Uses: w.uses, Auditor: doors{}, Log: quiet},
	}).Mount(mux)
	w.h = mux
	w.rights.Store(permission.ByPlatform().Rights)
	rows := []string{
		`General_Currencies_Currencies {"CurrencySign":"EUR","Name":"Euro"}`,
		`General_Contacts_Companies {"Id":"` + row(kindParty, 0) + `","Name":{"EN":"Our Shop"},"RegistrationNumber":"100"}`,
		`General_Contacts_CompanyLocations {"Id":"` + row(kindLocation, 0) + `","LocationName":{"EN":"Head office"},"Company":{"RegistrationNumber":"100"}}`,
		`General_EnterpriseCompanies {"Id":"` + row(kindCompany, 0) + `","Company":{"RegistrationNumber":"100"},"BaseCurrency":{"CurrencySign":"EUR"}}`,
		`Logistics_Inventory_StoreGroups {"Code":"G","Name":{"EN":"Stores"}}`,
		`General_Products_MeasurementCategories {"Name":{"EN":"Pieces"},"IsDefault":true,"Units":[{"Code":"pcs","Name":{"EN":"piece"},"IsDefaultUnit":true}]}`,
		`General_Products_ProductTypes {"Code":"GOODS","Name":{"EN":"Goods"},"IsDefault":true}`,
		`General_Products_ProductGroups {"Code":"G1","Name":{"EN":"Group 1"}}`,
		`General_Products_Products {"PartNumber":"P1","Name":{"EN":"Apple"},"ProductGroup":{"Code":"G1"},"CostingCurrency":{"CurrencySign":"EUR"},"StandardPricePerLot":{"Value":1,"Currency":"EUR"}}`,
	}
	for n := range houseTypes {
		rows = append(rows, fmt.Sprintf(`Systems_Documents_DocumentTypes {"Id":"%s","Code":"T%d","TypeName":{"EN":"Type %[2]d"},"EntityName":"Crm_Sales_SalesOrders"}`, row(kindType, n), n),
			fmt.Sprintf(`Crm_Sales_CustomerTypes {"Id":"%s","Code":"T%d","Name":{"EN":"Type %[2]d"}}`, row(kindCustomerType, n), n))
	}
	for n := range houseStores {
		rows = append(rows, fmt.Sprintf(`Logistics_Inventory_Stores {"Id":"%s","Code":"S%d","Name":{"EN":"Store %[2]d"}}`, row(kindStore, n), n))
	}
	for n := range houseCustomers {
		typed := ""
		if n > 0 {
			typed = fmt.Sprintf(`,"CustomerType@odata.bind":"Crm_Sales_CustomerTypes(%s)"`, row(kindCustomerType, n-1))
		}
		rows = append(rows, fmt.Sprintf(`General_Contacts_Companies {"Id":"%s","Name":{"EN":"Customer %d"},"RegistrationNumber":"20%[2]d"}`, row(kindParty, n+1), n),
			fmt.Sprintf(`Crm_Sales_Customers {"Id":"%s","Number":"C%d","Party@odata.bind":"General_Contacts_Companies(%s)"%s}`, row(kindCustomer, n), n, row(kindParty, n+1), typed))
	}
	for n := range houseOrders {
		rows = append(rows, fmt.Sprintf(`Crm_Sales_SalesOrders {"Id":"%s","DocumentNo":"N%d","DocumentType@odata.bind":"Systems_Documents_DocumentTypes(%s)",
			"Customer@odata.bind":"Crm_Sales_Customers(%s)","DocumentDate":"2026-02-%02d","Lines":[{"Id":"%s","Product":{"PartNumber":"P1"},"Quantity":{"Value":%d}}]}`,
			row(kindOrder, n), n, row(kindType, n%houseTypes), row(kindCustomer, n%houseCustomers), n+1, row(kindLine, n), n+1))
	}
	for _, line := range rows {
		set, body, _ := strings.Cut(line, " ")
		if r, answer := call(t, w.h, "POST", set+"?$select=Id", body); r.StatusCode != 201 {
			t.Fatalf("%s: %d %s", line, r.StatusCode, answer)
		}
	}
	for n := range houseStores {
		w.sql(t, `INSERT INTO erp_current_balances (quantity_base, base_cost, enterprise_company, store, product) SELECT $1, $1, $2, $3, id FROM erp_products`,
			int64(n+1)*1000, row(kindCompany, 0), row(kindStore, n))
	}
	return w
}

func (w *house) rightsOf(context.Context, *tandem.Principal) (*permission.Rights, error) {
	return w.rights.Load(), nil
}

// as runs f with other rights.
func (w *house) as(r *permission.Rights, f func()) {
	before := w.rights.Swap(r)
	defer w.rights.Store(before)
	f()
}

func (w *house) sql(t testing.TB, statement string, args ...any) {
	t.Helper()
	if _, err := w.db.Writer().ExecContext(context.Background(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// The sets of the house, and which of them have rows with keys of their own.
var (
	houseSets = []string{"Crm_Sales_SalesOrders", "Crm_Sales_Customers", "Crm_Sales_CustomerTypes", "Systems_Documents_DocumentTypes",
		"Logistics_Inventory_Stores", "General_Contacts_Parties", "General_Contacts_Companies", "General_Contacts_CompanyLocations",
		"General_Contacts_Persons", "General_EnterpriseCompanies", "General_Products_Products", "General_Currencies_Currencies",
		"Crm_Sales_CustomerExternalAccess", "Logistics_Inventory_CurrentBalances", invoices, visits, objects, dataObjects, notifications}
	// houseParts are those and their parts.
	houseParts = append([]string{"Crm_Sales_SalesOrderLines", "Crm_Invoicing_InvoiceLines", files}, houseSets...)
	keyedSets  = map[string]struct {
		table      string
		kind, rows int
	}{
		"Crm_Sales_SalesOrders":           {"erp_sales_orders", kindOrder, houseOrders},
		"Systems_Documents_DocumentTypes": {"erp_document_types", kindType, houseTypes + 2},
		"Crm_Sales_CustomerTypes":         {"erp_customer_types", kindCustomerType, houseTypes},
		"Logistics_Inventory_Stores":      {"erp_parties", kindStore, houseStores},
		"General_EnterpriseCompanies":     {"erp_enterprise_companies", kindCompany, 1},
		invoices:                          {"erp_invoices", kindInvoice, houseInvoices},
		visits:                            {"erp_service_activities", kindVisit, houseVisits},
	}
)

// ids are those of the rows that a list shows.
func ids(t testing.TB, answer string) []string {
	t.Helper()
	var page struct {
		Value []struct {
			ID string `json:"Id"`
		}
	}
	if err := json.Unmarshal([]byte(answer), &page); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	all := []string{}
	for _, r := range page.Value {
		all = append(all, r.ID)
	}
	slices.Sort(all)
	return all
}

// TestE1_OneSetOfRowsThroughEveryDoor compares what each door shows with what plain
// Go says, for random rights, keys and rows.
func TestE1_OneSetOfRowsThroughEveryDoor(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newFurnished(t, db)
		rapid.Check(t, func(rt *rapid.T) {
			s := drawScene(rt)
			s.drawMore(rt)
			w.as(w.set(t, s), func() { w.checkDoors(t, rt, s) })
		})
	})
}

// made are ids that each answer has anew: of the log of an import, and between the parts
// of a batch.
var made = regexp.MustCompile(`(Systems_Exchange_DataExchanges\(|batchresponse_)[0-9a-f-]{36}`)

func steady(answer string) string { return made.ReplaceAllString(answer, "$1") }

// ask is a call, which answers in a batch what it answers by itself.
func (w *house) ask(t *testing.T, rt *rapid.T, method, path, body string) (int, string) {
	t.Helper()
	r, answer := call(t, w.h, method, path, body)
	_, together := batch(t, w.h, one(method+" "+path+"\nContent-Type: application/json\n\n"+body)+"--b--")
	if !strings.Contains(together, fmt.Sprintf("HTTP/1.1 %d ", r.StatusCode)) || !strings.Contains(steady(together), steady(answer)) {
		rt.Errorf("%s %s: %d %s, in a batch: %s", method, path, r.StatusCode, answer, together)
	}
	return r.StatusCode, answer
}

func (w *house) checkDoors(t *testing.T, rt *rapid.T, s *scene) {
	const orders, customers, companies = "Crm_Sales_SalesOrders", "Crm_Sales_Customers", "General_Contacts_Companies"
	want := func(what string, allowed bool, path string, rows []string) {
		status, answer := w.ask(t, rt, "GET", path, "")
		switch {
		case !allowed && (status != 403 || !strings.Contains(answer, `"PermissionDenied"`)):
			rt.Errorf("%s: %d %s, want a refusal", what, status, answer)
		case allowed && status != 200:
			rt.Errorf("%s: %d %s", what, status, answer)
		case allowed:
			if got := ids(t, answer); !slices.Equal(got, rows) {
				rt.Errorf("%s: %v, want %v", what, got, rows)
			}
		}
	}
	sees := func(n int) bool { return s.order(n, permission.Read) }
	seen := pick(houseOrders, kindOrder, sees)
	may := s.may(orders, permission.Read)
	dated := may && s.reads(orders, "DocumentDate")
	want("ordered list", dated, orders+"?$select=Id&$orderby=DocumentDate%20desc", seen)
	want("filter", dated, orders+"?$select=Id&$filter=DocumentDate%20ge%202026-01-01T00:00:00Z", seen)
	// A text is of the first customer: by its number, which the reference is looked
	// at for, and by the name of its party.
	customer := func(n int) bool { return sees(n) && n%houseCustomers == 1 && s.customer(n, permission.Read) }
	named := s.may(customers, permission.Read) && s.reads(customers, "Party") && s.may("General_Contacts_Parties", permission.Read) &&
		s.may(companies, permission.Read) && s.reads("General_Contacts_Parties", "PartyName")
	for text, found := range map[string]bool{"C1": s.reads(customers, "Number"), theFirst: named} {
		want("path to "+text, may && s.may(customers, permission.Read) && s.reads(orders, "Customer"), orders+"?$select=Id&$filter="+url.QueryEscape("contains(Customer,'"+text+"')"),
			pick(houseOrders, kindOrder, func(n int) bool { return found && customer(n) }))
	}
	want("$search for a customer", may, orders+"?$select=Id&$search="+theFirst,
		pick(houseOrders, kindOrder, func(n int) bool { return s.reads(orders, "Customer") && named && customer(n) }))
	want("$search for a number", may, orders+"?$select=Id&$search=N1", pick(houseOrders, kindOrder, func(n int) bool { return n == 1 && sees(n) && s.reads(orders, "DocumentNo") }))
	w.checkOrder(t, rt, s, rapid.IntRange(0, houseOrders-1).Draw(rt, "order"))
	w.checkExpand(t, rt, rapid.SampledFrom(collections()).Draw(rt, "collection"))
	stores := pick(houseStores, kindStore, func(n int) bool { return s.opens(row(kindStore, n), permission.Read) })
	if !s.may("Logistics_Inventory_Stores", permission.Read) {
		stores = []string{}
	}
	want("stores as parties", s.may("General_Contacts_Parties", permission.Read) && s.reads("General_Contacts_Parties", "PartyType"),
		"General_Contacts_Parties?$select=Id&$filter="+url.QueryEscape("PartyType eq 'Store'"), stores)
	for range 3 { // not all each time: they are many
		of := rapid.SampledFrom(s.shelves()).Draw(rt, "shelf")
		rows, may := pick(of.rows, of.kind, of.sees), s.may(of.keyed, permission.Read)
		path := of.set + "?$select=Id"
		if of.kind == kindType { // the house has others, of no interest
			may, path = may && s.reads(of.set, "Code"), path+"&$filter=startswith(Code,'T')"
		}
		want("list of "+of.set, may, path, rows)
		if status, answer := w.ask(t, rt, "GET", strings.Replace(path, "?$select=Id", "/$count?", 1), ""); may && answer != fmt.Sprint(len(rows)) || !may && status != 403 {
			rt.Errorf("$count of %s: %d %s, want %d", of.set, status, answer, len(rows))
		}
		w.checkShelf(t, rt, s, of, rapid.IntRange(0, of.rows-1).Draw(rt, "row"))
	}
	w.checkColumns(t, rt, s)
	w.checkBound(t, rt, s)
}

// checkShelf looks for one row by itself: by its id, and for an import.
func (w *house) checkShelf(t *testing.T, rt *rapid.T, s *scene, of shelf, n int) {
	may := s.may(of.keyed, permission.Read)
	id, none := row(of.kind, n), row(of.kind, 999)
	status, answer := w.ask(t, rt, "GET", of.set+"("+id+")", "")
	_, missing := w.ask(t, rt, "GET", of.set+"("+none+")", "")
	switch {
	case !may && status != 403, may && of.sees(n) && status != 200:
		rt.Errorf("%s %d: %d %s", of.set, n, status, answer)
	case may && !of.sees(n) && (status != 404 || strings.ReplaceAll(answer, id, "") != strings.ReplaceAll(missing, none, "")):
		rt.Errorf("%s %d, which is hidden: %d %s, one of none: %s", of.set, n, status, answer, missing)
	}
	finds := map[string]bool{`"Id":"` + id + `"`: true}
	if of.code != "" {
		finds[fmt.Sprintf(`"Code":"%s%d"`, of.letter, n)] = s.reads(of.set, of.code)
	}
	for by, found := range finds {
		_, answer := w.ask(t, rt, "POST", "Import", `{"objects":[{"@odata.type":"Erp.`+erpModel.Set(of.set).Type+`","@erpnet.action":"find","@erpnet.findBy":{`+by+`}}]}`)
		switch found = found && of.sees(n); {
		case !may && !strings.Contains(answer, `"PermissionDenied"`), may && found != strings.Contains(answer, of.set+"("+id+")"),
			may && !found && !strings.Contains(answer, "Object not found"):
			rt.Errorf("%s found by %s: %s, want %t, %t", of.set, by, answer, may, found)
		}
	}
}

// checkColumns looks for the attributes that have a key in answers that have all the
// others, and names them.
func (w *house) checkColumns(t *testing.T, rt *rapid.T, s *scene) {
	for p, held := range s.columns {
		set := p.Set
		if !s.may(set.Permissive().Name, permission.Read) {
			continue
		}
		_, answer := w.ask(t, rt, "GET", set.Name, "")
		var page struct{ Value []map[string]json.RawMessage }
		if err := json.Unmarshal([]byte(answer), &page); err != nil {
			rt.Fatalf("%v: %s", err, answer)
		}
		reads := held&permission.Read != 0
		for _, r := range page.Value {
			if _, shown := r[p.Name]; shown && !reads {
				rt.Errorf("%s.%s is shown: %s", set.Name, p.Name, answer)
			}
		}
		paths := []string{set.Name + "?$select=" + p.Name}
		if p.Can&model.CanOrder != 0 {
			paths = append(paths, set.Name+"?$orderby="+p.Name)
		}
		if p.Can&model.CanLike != 0 {
			paths = append(paths, set.Name+"?$filter=contains("+p.Name+",'x')")
		}
		for _, path := range paths {
			if status, answer := w.ask(t, rt, "GET", path, ""); status == 403 != !reads {
				rt.Errorf("%s: %d %s, may be read: %t", path, status, answer, reads)
			}
		}
	}
}

// checkOrder asks for one order through the doors that lead to one.
func (w *house) checkOrder(t *testing.T, rt *rapid.T, s *scene, n int) {
	const orders, customers = "Crm_Sales_SalesOrders", "Crm_Sales_Customers"
	id, may := row(kindOrder, n), s.may(orders, permission.Read)
	sees := s.order(n, permission.Read)
	for _, path := range []string{"(%s)", "(%s)/Lines", "(%s)/Lines/$count", "(%s)?$expand=Lines"} {
		status, answer := w.ask(t, rt, "GET", orders+fmt.Sprintf(path, id), "")
		none, missing := w.ask(t, rt, "GET", orders+fmt.Sprintf(path, row(kindOrder, 999)), "")
		switch {
		case !may && status != 403, may && sees && status != 200:
			rt.Errorf("GET %s: %d %s", path, status, answer)
		case may && !sees && (status != 404 || none != 404 || strings.ReplaceAll(answer, id, "") != strings.ReplaceAll(missing, row(kindOrder, 999), "")):
			rt.Errorf("GET %s of a hidden row: %d %s, of none: %s", path, status, answer, missing)
		}
	}
	status, answer := w.ask(t, rt, "GET", orders+"("+id+")?$select=Id,DisplayText&$expand=Customer($select=Number)", "")
	if may && sees {
		customer := row(kindCustomer, n%houseCustomers)
		switch hidden := !s.customer(n, permission.Read); {
		case !s.may(customers, permission.Read), !s.reads(orders, "Customer"), !s.reads(customers, "Number"):
			if status != 403 {
				rt.Errorf("$expand of a set or of attributes without a right: %d %s", status, answer)
			}
		case hidden && !strings.Contains(answer, `"Customer":{"@odata.id":"Crm_Sales_Customers(`+customer+`)"}`):
			rt.Errorf("$expand of a hidden row: %s", answer)
		case !hidden && !strings.Contains(answer, fmt.Sprintf(`"Number":"C%d"`, n%houseCustomers)):
			rt.Errorf("$expand of a row: %s", answer)
		}
	}
	w.patches++
	r, answer := call(t, w.h, "PATCH", orders+"("+id+")", fmt.Sprintf(`{"DocumentNotes":"%d"}`, w.patches))
	status = 204
	switch held, keyed := s.columns[erpModel.Set(orders).Must("DocumentNotes")]; {
	case !may:
		status = 403
	case !sees:
		status = 404
	case !s.may(orders, permission.Update) || !s.order(n, permission.Update), keyed && held&permission.Update == 0:
		status = 403
	}
	if r.StatusCode != status {
		rt.Errorf("PATCH: %d %s, want %d", r.StatusCode, answer, status)
	}
}

// someRights are those of an account that holds what is told and nothing else.
func someRights(grants map[string]permission.Right, keys ...permission.Key) *permission.Rights {
	d := permission.Definitions{Groups: []permission.Group{{ID: "g", Type: permission.NormalGroup}}, Keys: keys}
	for _, s := range erpModel.Sets {
		d.Keys = append(d.Keys, permission.Key{ID: permission.SetKeyID(s.Name), Kind: permission.SetKey, EntityName: s.Name})
	}
	for on, r := range grants {
		if strings.Contains(on, "_") {
			on = permission.SetKeyID(on)
		}
		d.Grants = append(d.Grants, permission.Grant{Group: "g", Key: on, Rights: r})
	}
	return permission.NewTable(d).Rights([]string{"g"})
}

// TestE5_WithoutGroupsNothingIsShown tries every set, through every door, as an account
// that holds nothing.
func TestE5_WithoutGroupsNothingIsShown(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.rights.Store(someRights(nil))
		for _, s := range erpModel.Sets {
			paths := []string{s.Name, s.Name + "/$count", s.Name + "?$search=a", s.Name + "?$top=0"}
			if !s.View {
				paths = append(paths, s.Name+"("+row(kindOrder, 0)+")")
			}
			for _, c := range s.Children {
				paths = append(paths, s.Name+"("+row(kindOrder, 0)+")/"+c.Name)
			}
			for _, path := range paths {
				if r, answer := call(t, w.h, "GET", path, "", "Authorization: Bearer read+update+sec"); r.StatusCode != 403 || !strings.Contains(answer, "PermissionDenied") {
					t.Errorf("GET %s: %d %s", path, r.StatusCode, answer)
				}
			}
			for _, method := range []string{"POST " + s.Name, "PATCH " + s.Name + "(" + row(kindOrder, 0) + ")", "DELETE " + s.Name + "(" + row(kindOrder, 0) + ")"} {
				method, path, _ := strings.Cut(method, " ")
				if r, answer := call(t, w.h, method, path, `{}`, "Authorization: Bearer read+update+sec"); r.StatusCode != 403 && r.StatusCode != 404 && r.StatusCode != 405 {
					t.Errorf("%s %s: %d %s", method, path, r.StatusCode, answer)
				}
			}
			r, answer := call(t, w.h, "POST", "Import", `{"objects":[{"@odata.type":"Erp.`+s.Type+`","@erpnet.action":"find","@erpnet.findBy":{"Id":"`+row(kindOrder, 0)+`"}}]}`, "Authorization: Bearer read+update+sec")
			if !strings.Contains(answer, "PermissionDenied") {
				t.Errorf("Import of %s: %d %s", s.Name, r.StatusCode, answer)
			}
		}
		for _, path := range []string{"$metadata", "GetVersion()", ""} {
			if r, answer := call(t, w.h, "GET", path, ""); r.StatusCode != 200 {
				t.Errorf("GET %s: %d %s", path, r.StatusCode, answer)
			}
		}
	})
}

// TestE6_WritesAreCheckedBeforeAndAfter: a row cannot be moved to where its writer may
// not change it, nor made there, and nothing of a refused write stays.
func TestE6_WritesAreCheckedBeforeAndAfter(t *testing.T) {
	t.Parallel()
	const orders, types = "Crm_Sales_SalesOrders", "Systems_Documents_DocumentTypes"
	key := permission.Key{ID: keyID(types, 0), Kind: permission.RowKey, EntityName: types}
	own := permission.Key{ID: keyID(orders, 0), Kind: permission.RowKey, EntityName: orders}
	all := map[string]permission.Right{orders: permission.OfSets, types: permission.Read, "Crm_Sales_Customers": permission.Read,
		"General_Products_Products": permission.Read, "General_EnterpriseCompanies": permission.Read, "General_Contacts_Parties": permission.Read,
		"General_Contacts_CompanyLocations": permission.Read, "General_Currencies_Currencies": permission.Read}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.sql(t, `INSERT INTO erp_access_keys (id, name, name_text, entity_name, share_level) VALUES ($1, 'k', 'k', $2, 4)`, own.ID, orders)
		w.sql(t, `UPDATE erp_document_types SET access_key = $1 WHERE id = $2`, key.ID, row(kindType, 1))
		with := func(on permission.Right) *permission.Rights {
			grants := maps.Clone(all)
			if on != 0 {
				grants[key.ID] = on
			}
			return someRights(grants, key, own)
		}
		move := `{"DocumentType@odata.bind":"` + types + `(` + row(kindType, 1) + `)"}`
		create := `{"DocumentType@odata.bind":"` + types + `(` + row(kindType, 1) + `)","Customer@odata.bind":"Crm_Sales_Customers(` + row(kindCustomer, 0) + `)"}`
		for _, c := range []struct {
			rights             *permission.Rights
			method, path, body string
			status             int
			want               string
		}{
			{with(0), "PATCH", orders + "(" + row(kindOrder, 0) + ")", move, 422, "Object not found"},
			{with(permission.Read), "PATCH", orders + "(" + row(kindOrder, 0) + ")", move, 403, "no right to update"},
			{with(permission.Read), "POST", orders, create, 403, "no right to update"},
			{with(permission.Read), "PATCH", orders + "(" + row(kindOrder, 1) + ")", `{"DocumentNotes":"x"}`, 403, "no right to update"},
			{with(permission.Read), "PATCH", "Crm_Sales_SalesOrderLines(" + row(kindLine, 1) + ")", `{"Notes":"x"}`, 403, "no right to update"},
			{with(permission.Read), "POST", orders + "(" + row(kindOrder, 1) + ")/MakeVoid", `{}`, 403, "no right to void documents of this type"},
			{with(permission.Read | permission.Update), "DELETE", orders + "(" + row(kindOrder, 1) + ")", "", 403, "no right to delete"},
			{with(0), "DELETE", orders + "(" + row(kindOrder, 1) + ")", "", 404, "There is no"},
			{with(permission.OfRows), "PATCH", orders + "(" + row(kindOrder, 0) + ")", `{"AccessKey@odata.bind":"Systems_Security_AccessKeys(` + own.ID + `)"}`, 403, "administer AccessKey"},
		} {
			w.as(c.rights, func() {
				r, answer := call(t, w.h, c.method, c.path, c.body)
				if r.StatusCode != c.status || !strings.Contains(answer, c.want) {
					t.Errorf("%s %s %s: %d %s, want %d %s", c.method, c.path, c.body, r.StatusCode, answer, c.status, c.want)
				}
			})
		}
		if _, answer := call(t, w.h, "GET", orders+"("+row(kindOrder, 0)+")?$expand=DocumentType", ""); !strings.Contains(answer, `"Code":"T0"`) || strings.Contains(answer, `"DocumentNotes":"x"`) {
			t.Errorf("something of a refused write stayed: %s", answer)
		}
		w.as(with(permission.OfRows), func() {
			if r, answer := call(t, w.h, "PATCH", orders+"("+row(kindOrder, 0)+")", move); r.StatusCode != 204 {
				t.Errorf("a permitted move: %d %s", r.StatusCode, answer)
			}
		})
		w.as(permission.ByPlatform().Rights, func() {
			bind := func(key string) string { return `{"AccessKey@odata.bind":"Systems_Security_AccessKeys(` + key + `)"}` }
			if r, answer := call(t, w.h, "PATCH", orders+"("+row(kindOrder, 0)+")", bind(own.ID)); r.StatusCode != 204 {
				t.Errorf("a key: %d %s", r.StatusCode, answer)
			}
			if r, answer := call(t, w.h, "PATCH", types+"("+row(kindType, 0)+")", bind(own.ID)); r.StatusCode != 422 || !strings.Contains(answer, "rows of "+orders) {
				t.Errorf("a key for rows of another set: %d %s", r.StatusCode, answer)
			}
		})
	})
}

// TestColumnsOfOthers: an attribute with a key is not shown, not looked for and not
// written by who is not granted it, and one that may only be read can be sent back.
func TestColumnsOfOthers(t *testing.T) {
	t.Parallel()
	const products = "General_Products_Products"
	column := func(attribute string) permission.Key {
		return permission.Key{ID: permission.ColumnKeyID(products, attribute), Kind: permission.ColumnKey, EntityName: products, Attribute: attribute}
	}
	cost, price, name := column("StandardCostPerLot"), column("StandardPricePerLot"), column("Name")
	rights := someRights(map[string]permission.Right{products: permission.OfSets, price.ID: permission.Read}, cost, price)
	unnamed := someRights(map[string]permission.Right{products: permission.OfSets}, name)
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		_, answer := call(t, w.h, "GET", products+"?$select=Id", "")
		product := products + "(" + ids(t, answer)[0] + ")"
		for _, c := range []struct {
			rights             *permission.Rights
			method, path, body string
			status             int
			want, not          string
		}{
			{rights, "GET", product, "", 200, `"StandardPricePerLot":{"Value":1`, "StandardCostPerLot"},
			{rights, "GET", products, "", 200, `"StandardPricePerLot"`, "StandardCostPerLot"},
			{rights, "GET", product + "?$select=StandardCostPerLot", "", 403, "read StandardCostPerLot", ""},
			{rights, "PATCH", product, `{"StandardCostPerLot":{"Value":5}}`, 403, "StandardCostPerLot", ""},
			{rights, "PATCH", product, `{"StandardPricePerLot":{"Value":5}}`, 403, "update StandardPricePerLot", ""},
			{rights, "PATCH", product, `{"StandardPricePerLot":{"Value":1},"ABCClass":"B"}`, 204, "", ""},
			{rights, "POST", products, `{"PartNumber":"X","Name":{"EN":"X"},"ProductGroup":{"Code":"G1"}}`, 403, "ProductGroups", ""},
			{unnamed, "GET", products + "?$select=DisplayText", "", 200, `"DisplayText":""`, "Apple"},
			{unnamed, "GET", products + "?$search=apple", "", 200, `"value":[]`, ""},
			{unnamed, "GET", products + "?$filter=" + url.QueryEscape("contains(Name,'App')"), "", 403, "read Name", ""},
			{unnamed, "GET", products + "?$orderby=Name", "", 403, "read Name", ""},
		} {
			w.as(c.rights, func() {
				r, answer := call(t, w.h, c.method, c.path, c.body)
				if r.StatusCode != c.status || !strings.Contains(answer, c.want) || c.not != "" && strings.Contains(answer, c.not) {
					t.Errorf("%s %s %s: %d %s, want %d %s", c.method, c.path, c.body, r.StatusCode, answer, c.status, c.want)
				}
			})
		}
	})
}

// TestUpdateOfSomeAttributes: a grant can be for some attributes of a set alone.
func TestUpdateOfSomeAttributes(t *testing.T) {
	t.Parallel()
	const products = "General_Products_Products"
	d := permission.Definitions{
		Groups: []permission.Group{{ID: "g", Type: permission.NormalGroup}},
		Keys:   []permission.Key{{ID: permission.SetKeyID(products), Kind: permission.SetKey, EntityName: products}},
		Grants: []permission.Grant{{Group: "g", Key: permission.SetKeyID(products), Rights: permission.Read | permission.Update, UpdateAttributes: []string{"StandardPricePerLot"}}},
	}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		_, answer := call(t, w.h, "GET", products+"?$select=Id", "")
		product := products + "(" + ids(t, answer)[0] + ")"
		w.rights.Store(permission.NewTable(d).Rights([]string{"g"}))
		for body, status := range map[string]int{
			`{"StandardPricePerLot":{"Value":7}}`: 204, `{"PartNumber":"P1"}`: 204, `{"PartNumber":"P2"}`: 403, `{"Active":false,"StandardPricePerLot":{"Value":9}}`: 403,
		} {
			if r, answer := call(t, w.h, "PATCH", product, body); r.StatusCode != status {
				t.Errorf("%s: %d %s, want %d", body, r.StatusCode, answer, status)
			}
		}
		if r, answer := call(t, w.h, "DELETE", product, ""); r.StatusCode != 403 {
			t.Errorf("DELETE: %d %s", r.StatusCode, answer)
		}
	})
}

// TestNamesOfOtherSets: a row is not found by what lies in a set that may not be read.
func TestNamesOfOtherSets(t *testing.T) {
	t.Parallel()
	const customers = "Crm_Sales_Customers"
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		find := `{"objects":[{"@odata.type":"Erp.Crm_Sales_Customer","@erpnet.action":"find","@erpnet.findBy":{"Name":"Customer 1"}}]}`
		search := customers + "?$search=" + url.QueryEscape("Customer 1")
		for _, c := range []struct {
			rights *permission.Rights
			sees   bool
		}{
			{someRights(map[string]permission.Right{customers: permission.Read}), false},
			{someRights(map[string]permission.Right{customers: permission.Read, "General_Contacts_Parties": permission.Read}), false},
			{someRights(map[string]permission.Right{customers: permission.Read, "General_Contacts_Parties": permission.Read, "General_Contacts_Companies": permission.Read}), true},
		} {
			w.as(c.rights, func() {
				if _, answer := call(t, w.h, "POST", "Import", find); strings.Contains(answer, row(kindCustomer, 1)) != c.sees {
					t.Errorf("found by its name: %s", answer)
				}
				r, answer := call(t, w.h, "GET", search, "")
				if r.StatusCode != 200 || strings.Contains(answer, row(kindCustomer, 1)) != c.sees {
					t.Errorf("$search: %d %s", r.StatusCode, answer)
				}
				_, answer = call(t, w.h, "GET", customers+"("+row(kindCustomer, 1)+")?$select=DisplayText", "")
				if strings.Contains(answer, `"DisplayText":"Customer 1"`) != c.sees {
					t.Errorf("display text: %s", answer)
				}
			})
		}
	})
}
