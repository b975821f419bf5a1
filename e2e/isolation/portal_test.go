package isolation_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/tandemtest"
)

const (
	setAccess    = "Crm_Sales_CustomerExternalAccess"
	setCustomers = "Crm_Sales_Customers"
	setOrders    = "Crm_Sales_SalesOrders"
	setInvoices  = "Crm_Invoicing_Invoices"
	// remembered is for how long the worker may rely on access rows.
	remembered = 4 * time.Second
)

const (
	ordersRoles   = "|Orders|OrdersWithPrices|Billing|Admin|Owner|"
	invoicesRoles = "|Billing|Admin|Owner|"
)

// listed reads a list to its end, in pages of odd sizes.
func (c *company) listed(x *external, path string, top int) (numbers []string, total int64, forbidden bool) {
	c.s.t.Helper()
	list := c.s.rpc.Orders
	if path == internalapi.PathPortalInvoices {
		list = c.s.rpc.Invoices
	}
	for skip := 0; ; skip += top {
		page, err := list(c.s.t.Context(), x.evidence, internalapi.PortalQuery{Page: internalapi.Page{Skip: skip, Top: top}})
		if tandem.ErrorCode(err) == tandem.CodeForbidden {
			return nil, 0, true
		}
		if err != nil {
			c.s.t.Fatalf("%s, %s from %d: %v", x.login, path, skip, err)
		}
		for _, d := range page.Documents {
			numbers = append(numbers, d.Number)
		}
		total = page.Total
		if !page.More {
			break
		}
	}
	slices.Sort(numbers)
	return numbers, total, false
}

// check compares what a person gets with what their rows give.
func (c *company) check(x *external, random *rand.Rand) {
	t := c.s.t
	t.Helper()
	x.evidence = c.s.SignIn(x.login, "openid").ID
	for _, k := range []struct {
		path, one, roles string
		all              map[string][]document
	}{
		{internalapi.PathPortalOrders, internalapi.PathPortalOrder, ordersRoles, c.orders},
		{internalapi.PathPortalInvoices, internalapi.PathPortalInvoice, invoicesRoles, c.invoices},
	} {
		want, no := c.sees(x.rows, k.all, k.roles, c.s.Clock.Now())
		got, total, forbidden := c.listed(x, k.path, 20+random.IntN(180))
		if forbidden != no || !slices.Equal(got, want) || total != int64(len(want)) {
			t.Errorf("%s with %+v: %d of %s, counted as %d (forbidden %v), want %d (forbidden %v)", x.login, x.rows, len(got), k.path, total, forbidden, len(want), no)
		}
		// By id: some documents of everybody, own and foreign.
		for range 12 {
			customer := c.customers[random.IntN(len(c.customers))]
			d := k.all[customer][random.IntN(len(k.all[customer]))]
			a := c.s.askWorker("GET", k.one+d.ID, x.evidence, nil)
			visible := slices.Contains(want, d.Number)
			if (a.StatusCode == 200) != visible || !visible && a.StatusCode != 404 && !(no && a.StatusCode == 403) {
				t.Errorf("%s with %+v: %s %s of %s: %d, want it visible: %v", x.login, x.rows, k.one, d.Number, customer, a.StatusCode, visible)
			}
			if !visible && strings.Contains(a.Text, d.Number) {
				t.Errorf("%s learns something of %s: %s", x.login, d.Number, a.Text)
			}
		}
	}
}

// TestA8_ExternalUsersSeeTheirOwn gives random people random access to random
// customers, and compares all that they get with plain Go: no row more, no row
// less, whatever the role and window; then it changes the rows, and again.
func TestA8_ExternalUsersSeeTheirOwn(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Demo: true}, func(t *testing.T, s *system) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 8))
		c := readCompany(s, 8)
		roles := []string{"Basic", "Orders", "OrdersWithPrices", "Billing", "Admin", "Owner"}
		windows := []int{-1, 0, 30, 200, 800}
		people := s.newExternals("partner", 8)
		for i := range people {
			chosen := random.Perm(len(c.customers))
			for _, n := range chosen[:random.IntN(4)] {
				people[i].rows = append(people[i].rows, c.grant(people[i].id, access{
					customer: c.customers[n], role: roles[random.IntN(len(roles))], days: windows[random.IntN(len(windows))],
				}))
			}
		}
		for _, x := range people {
			c.check(x, random)
		}
		// Changes: a role, a window, a row taken away, a customer that sleeps.
		for _, x := range people {
			if len(x.rows) == 0 {
				continue
			}
			a := &x.rows[0]
			switch random.IntN(3) {
			case 0:
				a.role = roles[random.IntN(len(roles))]
				s.api("PATCH", setAccess+"("+a.row+")", c.token, `{"Role":"`+a.role+`"}`, nil)
			case 1:
				a.days = 5 + random.IntN(300)
				s.api("PATCH", setAccess+"("+a.row+")", c.token, fmt.Sprintf(`{"DaysBackAccess":%d}`, a.days), nil)
			default:
				s.api("DELETE", setAccess+"("+a.row+")", c.token, "", nil)
				x.rows = x.rows[1:]
			}
		}
		sleeps := c.customers[random.IntN(len(c.customers))]
		c.inactive[sleeps] = true
		s.api("PATCH", setCustomers+"("+sleeps+")", c.token, `{"Active":false}`, nil)
		s.Advance(remembered)
		for _, x := range people {
			c.check(x, random)
		}
		if u := s.Usage(); u.User != 0 || u.Service > 2 { // the worker's, and the test's own
			t.Errorf("sessions: %+v", u)
		}
		if len(s.Record(tandem.AuditOnBehalf)) == 0 {
			t.Error("no call on a person's behalf is on record")
		}
	})
}

// TestA8_PaulTriesEverything asks for another customer's documents in the ways
// that a person with a browser has, and straight at the internal API.
func TestA8_PaulTriesEverything(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Demo: true}, func(t *testing.T, s *system) {
		c := readCompany(s, 8)
		paul := s.signIn("paul")
		evidence := s.SignIn("paul", "openid").ID
		mine := s.ownCustomer(evidence)
		foreign := ""
		for _, id := range c.customers {
			if id != mine {
				foreign = id
			}
		}
		missing := "11111111-2222-4333-8444-555555555555"
		for _, k := range []struct {
			page, path string
			all        map[string][]document
		}{{"/portal/orders", internalapi.PathPortalOrders, c.orders}, {"/portal/invoices", internalapi.PathPortalInvoices, c.invoices}} {
			theirs, own := k.all[foreign][0], k.all[mine][0]
			// By id: no difference to one that does not exist.
			for _, id := range []string{theirs.ID, strings.ToUpper(theirs.ID), theirs.ID + "?customer=" + foreign, theirs.ID + "?$expand=Customer&user=" + missing} {
				page, none := paul.open(k.page+"/"+id), paul.open(k.page+"/"+missing)
				if page.StatusCode != 404 || strings.ReplaceAll(page.Text, id, "") != strings.ReplaceAll(none.Text, missing, "") {
					t.Errorf("%s/%s: %d, and one that is missing %d", k.page, id, page.StatusCode, none.StatusCode)
				}
				if a := s.askWorker("GET", k.path+"/"+id, evidence, nil); a.StatusCode != 404 || strings.Contains(a.Text, theirs.Number) {
					t.Errorf("%s/%s: %d %s", k.path, id, a.StatusCode, a.Text)
				}
			}
			if page := paul.open(k.page + "/" + own.ID); page.StatusCode != 200 || !strings.Contains(page.Text, own.Number) {
				t.Errorf("his own %s: %d", own.Number, page.StatusCode)
			}
			// By search, by paging, and by parameters that nobody asked for.
			queries := []string{"", "?q=" + theirs.Number, "?search=" + theirs.Number, "?q=" + url.QueryEscape(theirs.Number+"' or 1 eq 1 or '"), "?q=%25", "?q=_", "?q=" + url.QueryEscape(`") or Customer ne null or ("`),
				"?customer=" + foreign, "?id_customer=" + foreign, "?Customer=" + foreign, "?user=" + missing, "?$filter=1%20eq%201", "?%24filter=Customer%20ne%20null", "?q=&q=" + theirs.Number, "?days_back=99999", "?role=Owner",
				"?top=200", "?top=100000", "?skip=25", "?skip=100", "?skip=-1", "?top=-5", "?skip=0&top=0"}
			for _, q := range queries {
				page := paul.open(k.page + q)
				if page.StatusCode >= 500 {
					t.Errorf("%s%s: %d", k.page, q, page.StatusCode)
				}
				// The links to other pages repeat what he typed.
				c.onlyOwn(k.page+q, strings.ReplaceAll(page.Text, "ustomer="+foreign, ""), mine)
				a := s.askWorker("GET", k.path+strings.ReplaceAll(q, "?q=", "?search="), evidence, nil)
				if a.StatusCode >= 500 {
					t.Errorf("%s%s: %d %s", k.path, q, a.StatusCode, a.Text)
				}
				c.onlyOwn(k.path+q, a.Text, mine)
			}
		}
		// The employees' side of web app and worker is closed to him.
		for _, path := range []string{"/orders", "/orders/" + c.orders[foreign][0].ID, "/orders/new", "/stock", "/jobs", "/schedules", "/import", "/export", "/pick/customers?q=a"} {
			if page := paul.open(path); page.StatusCode != 403 || strings.Contains(page.Text, "data-order") {
				t.Errorf("%s: %d", path, page.StatusCode)
			}
		}
		for _, path := range []string{internalapi.PathJobs, internalapi.PathStock, internalapi.PathSchedules} {
			if a := s.askWorker("GET", path, evidence, nil); a.StatusCode != 403 {
				t.Errorf("%s: %d %s", path, a.StatusCode, a.Text)
			}
		}
		if _, err := s.rpc.StartJob(t.Context(), evidence, internalapi.NewJob{Kind: internalapi.JobSyncStock}); tandem.ErrorCode(err) != tandem.CodeForbidden {
			t.Errorf("paul starts a job: %v", err)
		}
		// And anna's evidence opens no portal.
		anna := s.SignIn("anna", "openid").ID
		if _, err := s.rpc.Order(t.Context(), anna, c.orders[mine][0].ID); tandem.ErrorCode(err) != tandem.CodeForbidden {
			t.Errorf("anna in the portal: %v", err)
		}

		// His access is taken away while he is signed in.
		s.api("PATCH", setCustomers+"("+mine+")", c.token, `{"Active":false}`, nil)
		s.Advance(remembered)
		evidence = s.SignIn("paul", "openid").ID
		if _, err := s.rpc.Order(t.Context(), evidence, c.orders[mine][0].ID); err == nil {
			t.Error("he sees the documents of a customer that is not active")
		}
		if page := paul.open("/portal/orders"); page.StatusCode != 403 || strings.Contains(page.Text, "data-document") {
			t.Errorf("the portal of a customer that is not active: %d", page.StatusCode)
		}
	})
}
