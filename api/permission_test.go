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
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// What an account may do, through every door of the API: see docs/permissions.md.

// house is the API over a database in which rows are given keys, for an account
// whose rights a test changes.
type house struct {
	db     *sqldb.DB
	h      http.Handler
	rights atomic.Pointer[permission.Rights]
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
	w := &house{db: db}
	store := data.NewERP(db, erpModel)
	store.Clock = func() time.Time { return houseNow }
	mux := http.NewServeMux()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	(&api.Domain{
		Model: erpModel.Model, Store: store, Root: "https://erp.example", Log: quiet,
		Access: &api.Access{Verifier: doors{}, Checker: doors{}, Sessions: doors{}, Rights: w.rightsOf, Narrow: w.narrowTo, Auditor: doors{}, Log: quiet},
	}).Mount(mux)
	w.h = mux
	w.rights.Store(permission.ByPlatform().Rights)
	rows := []string{
		`General_Currencies_Currencies {"CurrencySign":"EUR","Name":"Euro"}`,
		`General_Contacts_Companies {"Id":"` + row(kindParty, 0) + `","Name":{"EN":"Our Shop"},"RegistrationNumber":"100"}`,
		`General_Contacts_CompanyLocations {"LocationName":{"EN":"Head office"},"Company":{"RegistrationNumber":"100"}}`,
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
		"Crm_Sales_CustomerExternalAccess", "Logistics_Inventory_CurrentBalances"}
	keyedSets = map[string]struct {
		table      string
		kind, rows int
	}{
		"Crm_Sales_SalesOrders":           {"erp_sales_orders", kindOrder, houseOrders},
		"Systems_Documents_DocumentTypes": {"erp_document_types", kindType, houseTypes},
		"Crm_Sales_CustomerTypes":         {"erp_customer_types", kindCustomerType, houseTypes},
		"Logistics_Inventory_Stores":      {"erp_parties", kindStore, houseStores},
		"General_EnterpriseCompanies":     {"erp_enterprise_companies", kindCompany, 1},
	}
)

// scene is what a property test draws: which rows have which keys, and what the one
// group of the account is granted.
type scene struct {
	keys map[string]string           // by row: its key, or none
	held map[string]permission.Right // by key: what is granted
	sets map[string]permission.Right // by set
	permission.Definitions
}

func keyID(set string, n int) string { return permission.ColumnKeyID("key of "+set, fmt.Sprint(n)) }

func drawScene(t *rapid.T) *scene {
	s := &scene{keys: map[string]string{}, held: map[string]permission.Right{}, sets: map[string]permission.Right{}}
	s.Groups = []permission.Group{{ID: "g", Name: "Group", Type: permission.NormalGroup}}
	grant := func(key string, r permission.Right) {
		if r != 0 {
			s.Grants = append(s.Grants, permission.Grant{Group: "g", Key: key, Rights: r})
		}
	}
	for _, set := range houseSets {
		r := rapid.SampledFrom([]permission.Right{permission.OfSets, permission.OfSets, permission.OfSets, permission.Read, 0}).Draw(t, set)
		s.sets[set] = r
		s.Keys = append(s.Keys, permission.Key{ID: permission.SetKeyID(set), Kind: permission.SetKey, EntityName: set})
		grant(permission.SetKeyID(set), r)
	}
	for _, set := range slices.Sorted(maps.Keys(keyedSets)) {
		of := keyedSets[set]
		for n := range houseKeys {
			id := keyID(set, n)
			r := rapid.SampledFrom([]permission.Right{permission.OfRows, permission.OfRows, permission.Read, 0}).Draw(t, set+" key")
			s.held[id] = r
			s.Keys = append(s.Keys, permission.Key{ID: id, Kind: permission.RowKey, Name: id, EntityName: set})
			grant(id, r)
		}
		for n := range of.rows {
			if k := rapid.IntRange(-3, houseKeys-1).Draw(t, set+" row"); k >= 0 {
				s.keys[row(of.kind, n)] = keyID(set, k)
			}
		}
	}
	return s
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
	return permission.NewTable(s.Definitions).Rights([]string{"g"})
}

// opens reports whether the key of a row is none, or one that need is granted on.
func (s *scene) opens(id string, need permission.Right) bool {
	k := s.keys[id]
	return k == "" || s.held[k]&need == need
}

// order, customer and store say in plain Go what the account may do with a row.
func (s *scene) order(n int, need permission.Right) bool {
	return s.opens(row(kindOrder, n), need) && s.opens(row(kindType, n%houseTypes), need) && s.opens(row(kindCompany, 0), need)
}

func (s *scene) customer(n int, need permission.Right) bool {
	typed := n % houseCustomers
	return typed == 0 || s.opens(row(kindCustomerType, typed-1), need)
}

func (s *scene) may(set string, need permission.Right) bool { return s.sets[set]&need == need }

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

func pick(n, kind int, is func(int) bool) []string {
	all := []string{}
	for i := range n {
		if is(i) {
			all = append(all, row(kind, i))
		}
	}
	return all
}

// TestE1_OneSetOfRowsThroughEveryDoor compares what each door shows with what plain
// Go says, for random rights, keys and rows.
func TestE1_OneSetOfRowsThroughEveryDoor(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		rapid.Check(t, func(rt *rapid.T) {
			s := drawScene(rt)
			w.as(w.set(t, s), func() { w.checkDoors(t, rt, s) })
		})
	})
}

func (w *house) checkDoors(t *testing.T, rt *rapid.T, s *scene) {
	const orders, customers, types = "Crm_Sales_SalesOrders", "Crm_Sales_Customers", "Systems_Documents_DocumentTypes"
	get := func(path string) (int, string) {
		r, answer := call(t, w.h, "GET", path, "")
		return r.StatusCode, answer
	}
	want := func(what string, allowed bool, path string, rows []string) {
		status, answer := get(path)
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
	seen := pick(houseOrders, kindOrder, func(n int) bool { return s.order(n, permission.Read) })
	may := s.may(orders, permission.Read)
	want("list", may, orders+"?$select=Id", seen)
	want("ordered list", may, orders+"?$select=Id&$orderby=DocumentDate%20desc", seen)
	want("filter", may, orders+"?$select=Id&$filter=DocumentDate%20ge%202026-01-01T00:00:00Z", seen)
	of := pick(houseOrders, kindOrder, func(n int) bool {
		return s.order(n, permission.Read) && n%houseCustomers == 1 && s.customer(n, permission.Read)
	})
	want("path", may && s.may(customers, permission.Read), orders+"?$select=Id&$filter="+url.QueryEscape("contains(Customer,'C1')"), of)
	if status, answer := get(orders + "/$count"); may && answer != fmt.Sprint(len(seen)) || !may && status != 403 {
		rt.Errorf("$count: %d %s, want %d", status, answer, len(seen))
	}
	w.checkOrder(t, rt, s, rapid.IntRange(0, houseOrders-1).Draw(rt, "order"))
	w.checkExpand(t, rt, rapid.SampledFrom(collections()).Draw(rt, "collection"))
	visibleLines := pick(houseOrders, kindLine, func(n int) bool { return s.order(n, permission.Read) })
	want("lines", may, "Crm_Sales_SalesOrderLines?$select=Id", visibleLines)
	stores := pick(houseStores, kindStore, func(n int) bool { return s.opens(row(kindStore, n), permission.Read) })
	want("stores", s.may("Logistics_Inventory_Stores", permission.Read), "Logistics_Inventory_Stores?$select=Id", stores)
	if !s.may("Logistics_Inventory_Stores", permission.Read) {
		stores = []string{}
	}
	want("stores as parties", s.may("General_Contacts_Parties", permission.Read), "General_Contacts_Parties?$select=Id&$filter="+
		url.QueryEscape("PartyType eq 'Store'"), stores)
	want("types", s.may(types, permission.Read), types+"?$select=Id",
		pick(houseTypes, kindType, func(n int) bool { return s.opens(row(kindType, n), permission.Read) }))
}

// checkOrder asks for one order through the doors that lead to one.
func (w *house) checkOrder(t *testing.T, rt *rapid.T, s *scene, n int) {
	const orders, customers = "Crm_Sales_SalesOrders", "Crm_Sales_Customers"
	id, may := row(kindOrder, n), s.may(orders, permission.Read)
	sees := s.order(n, permission.Read)
	for _, path := range []string{"(%s)", "(%s)/Lines", "(%s)/Lines/$count", "(%s)?$expand=Lines"} {
		r, answer := call(t, w.h, "GET", orders+fmt.Sprintf(path, id), "")
		none, missing := call(t, w.h, "GET", orders+fmt.Sprintf(path, row(kindOrder, 999)), "")
		switch {
		case !may && r.StatusCode != 403, may && sees && r.StatusCode != 200:
			rt.Errorf("GET %s: %d %s", path, r.StatusCode, answer)
		case may && !sees && (r.StatusCode != 404 || none.StatusCode != 404 || strings.ReplaceAll(answer, id, "") != strings.ReplaceAll(missing, row(kindOrder, 999), "")):
			rt.Errorf("GET %s of a hidden row: %d %s, of none: %s", path, r.StatusCode, answer, missing)
		}
	}
	r, answer := call(t, w.h, "GET", orders+"("+id+")?$select=Id,DisplayText&$expand=Customer($select=Number)", "")
	if may && sees {
		customer := row(kindCustomer, n%houseCustomers)
		switch hidden := !s.customer(n, permission.Read); {
		case !s.may(customers, permission.Read):
			if r.StatusCode != 403 {
				rt.Errorf("$expand of a set without a right: %d %s", r.StatusCode, answer)
			}
		case hidden && !strings.Contains(answer, `"Customer":{"@odata.id":"Crm_Sales_Customers(`+customer+`)"}`):
			rt.Errorf("$expand of a hidden row: %s", answer)
		case !hidden && !strings.Contains(answer, fmt.Sprintf(`"Number":"C%d"`, n%houseCustomers)):
			rt.Errorf("$expand of a row: %s", answer)
		}
	}
	r, answer = call(t, w.h, "PATCH", orders+"("+id+")", `{"DocumentNotes":"x"}`)
	status := 204
	switch {
	case !may:
		status = 403
	case !sees:
		status = 404
	case !s.may(orders, permission.Update) || !s.order(n, permission.Update):
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
