package isolation_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/tandemtest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rowsOf are the rows of a page.
type rowsOf struct {
	Value []struct {
		ID           string `json:"Id"`
		DocumentDate time.Time
		Customer     struct {
			ID string `json:"@odata.id"`
		}
		Code string
	}
}

// narrowed asks the API with the service token, as a worker does that has lost its own
// filter: for the person, and for no more than they may see.
func (s *system) narrowed(method, path, body, person string) answer {
	s.t.Helper()
	h := http.Header{"Authorization": {"Bearer " + s.ServiceToken()}}
	if body != "" {
		h.Set("Content-Type", "application/json")
	}
	if person != "" {
		h.Set("Tandem-On-Behalf-Of", person+";sid=s;iat=1767225600")
		h.Set("Tandem-Narrow", "person")
	}
	return s.send(method, s.OData+path, body, h)
}

func (a answer) rows(t *testing.T) (f rowsOf) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Text), &f); err != nil || a.StatusCode != 200 {
		t.Fatalf("%d %s: %v", a.StatusCode, a.Text, err)
	}
	return f
}

// ids are those of the rows, without those that keep says no to.
func (f rowsOf) ids(keep func(i int) bool) (all []string) {
	for i := range f.Value {
		if keep == nil || keep(i) {
			all = append(all, f.Value[i].ID)
		}
	}
	slices.Sort(all)
	return all
}

// TestE8_A8_TheAPIKeepsAPersonToTheirOwn switches the worker's own filter off: the API shows
// a service that asks for a person no more than that person may see, whoever is named.
func TestE8_A8_TheAPIKeepsAPersonToTheirOwn(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Demo: true}, func(t *testing.T, s *system) {
		s.OneDay()
		const fields = "?$select=Id,DocumentDate,Customer&$top=1000"
		all := s.narrowed("GET", setOrders+fields, "", "").rows(t)
		paul, err := s.Platform.Accounts.Show(t.Context(), "paul")
		must(t, err)
		anna, err := s.Platform.Accounts.Show(t.Context(), "anna")
		must(t, err)
		given, err := s.Platform.ListExternalAccess(t.Context(), "paul")
		must(t, err)
		one := given[0].Customer
		customer := s.narrowed("GET", "Crm_Sales_Customers?$select=Id&$filter="+url.QueryEscape("Number eq '"+one+"'"), "", "").rows(t).ids(nil)[0]
		theirs := s.narrowed("GET", setOrders+fields+"&$filter="+url.QueryEscape("Customer eq 'Crm_Sales_Customers("+customer+")'"), "", "").rows(t)
		today := s.Clock.Now().UTC().Truncate(24 * time.Hour)
		for _, c := range []struct {
			role   string
			days   int
			orders bool
			bills  bool
		}{{"Basic", 9999, false, false}, {"Orders", 30, true, false}, {"Billing", 90, true, true}} {
			for _, g := range given {
				must(t, s.Platform.RemoveExternalAccess(t.Context(), tandemtest.By, "paul", g.Customer))
			}
			given = given[:1]
			_, err := s.Platform.AddExternalAccess(t.Context(), tandemtest.By, platform.ExternalAccess{Login: "paul", Customer: one, Role: c.role, DaysBack: &c.days})
			must(t, err)
			want := theirs.ids(func(i int) bool {
				return c.orders && !theirs.Value[i].DocumentDate.Before(today.AddDate(0, 0, -c.days))
			})
			if got := s.narrowed("GET", setOrders+fields, "", paul.ID).rows(t).ids(nil); !slices.Equal(got, want) || c.orders && len(want) == 0 {
				t.Errorf("%s, %d days: the API shows paul %v, want %v", c.role, c.days, got, want)
			}
			if bills := s.narrowed("GET", "Crm_Invoicing_Invoices?$select=Id&$top=1000", "", paul.ID).rows(t).ids(nil); (len(bills) > 0) != c.bills {
				t.Errorf("%s: %d invoices", c.role, len(bills))
			}
			// Both locks at once: what the portal shows, through the worker.
			evidence := s.SignIn("paul", "openid").ID
			testkit.Eventually(t, c.role+" in the portal", func() bool {
				return (s.askWorker("GET", internalapi.PathPortalOrders+"?top=1", evidence, nil).StatusCode == 200) == c.orders
			})
		}
		other := all.ids(func(i int) bool { return !strings.Contains(all.Value[i].Customer.ID, customer) })[0]
		for _, path := range []string{setOrders + "(" + other + ")", setOrders + "(" + other + ")/Lines", setOrders + "(" + other + ")/Customer"} {
			if a := s.narrowed("GET", path, "", paul.ID); a.StatusCode != 404 {
				t.Errorf("%s: %d %s", path, a.StatusCode, a.Text)
			}
		}
		for _, path := range []string{"General_Products_Products?$select=StandardCostPerLot", "Logistics_Inventory_CurrentBalances", "General_Contacts_CompanyLocations", "Systems_Documents_DocumentTypes"} {
			if a := s.narrowed("GET", path, "", paul.ID); a.StatusCode != 403 {
				t.Errorf("%s: %d %s", path, a.StatusCode, a.Text)
			}
		}
		if a := s.narrowed("PATCH", setOrders+"("+other+")", `{"DocumentNotes":"x"}`, paul.ID); a.StatusCode != 404 {
			t.Errorf("PATCH: %d %s", a.StatusCode, a.Text)
		}
		// An employee: their own rights, and rows.
		must(t, s.Platform.Permissions.Revoke(t.Context(), tandemtest.By, "Everybody", permission.Target{Set: "Crm_Invoicing_Invoices"}))
		s.Refresh()
		if a := s.narrowed("GET", "Crm_Invoicing_Invoices?$top=1", "", anna.ID); a.StatusCode != 403 || !strings.Contains(a.Text, "narrowed to the person") {
			t.Errorf("anna's invoices: %d %s", a.StatusCode, a.Text)
		}
		if got := s.narrowed("GET", setOrders+fields, "", anna.ID).rows(t).ids(nil); len(got) != len(all.Value) {
			t.Errorf("anna sees %d orders of %d", len(got), len(all.Value))
		}
		s.nobodyWidens(t, all)
	})
}

// nobodyWidens names people who are none, and says it wrongly.
func (s *system) nobodyWidens(t *testing.T, all rowsOf) {
	back, err := s.Platform.Accounts.Show(t.Context(), tandemtest.SystemUser)
	must(t, err)
	gone := s.CreateUser(signin.NewUser{Login: "gone", Type: tandem.InternalUser})
	_, err = s.Platform.Accounts.Disable(t.Context(), tandemtest.By, "gone")
	must(t, err)
	lonely := s.CreateUser(signin.NewUser{Login: "lonely", Type: tandem.ExternalCommunityUser})
	s.Refresh()
	for name, person := range map[string]string{"unknown": "00000000-0000-4000-8000-000000000000", "a System User": back.ID, "disabled": gone.ID, "without customers": lonely.ID} {
		a := s.narrowed("GET", setOrders+"?$select=Id", "", person)
		if a.StatusCode == 200 && len(a.rows(t).Value) > 0 || a.StatusCode != 200 && a.StatusCode != 403 {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
		}
	}
	admin, err := s.Platform.Accounts.Show(t.Context(), "admin")
	must(t, err)
	must(t, s.Platform.Permissions.RemoveMember(t.Context(), tandemtest.By, tandemtest.AllData, tandemtest.SystemUser))
	s.Refresh()
	if a := s.narrowed("GET", setOrders+"?$select=Id", "", admin.ID); a.StatusCode != 403 {
		t.Errorf("a service without rights, for an administrator: %d %s", a.StatusCode, a.Text)
	}
	for name, h := range map[string]http.Header{
		"nobody":       {"Tandem-Narrow": {"person"}},
		"another word": {"Tandem-Narrow": {"customer"}, "Tandem-On-Behalf-Of": {admin.ID + ";sid=s;iat=1767225600"}},
		"twice":        {"Tandem-Narrow": {"person", "person"}, "Tandem-On-Behalf-Of": {admin.ID + ";sid=s;iat=1767225600"}},
	} {
		h.Set("Authorization", "Bearer "+s.ServiceToken())
		if a := s.send("GET", s.OData+setOrders, "", h); a.StatusCode != 400 || !strings.Contains(a.Text, "Tandem-Narrow") {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
		}
	}
	h := http.Header{"Authorization": {"Bearer " + s.SignIn("anna").Access}, "Tandem-Narrow": {"person"}}
	if a := s.send("GET", s.OData+setOrders, "", h); a.StatusCode != 400 {
		t.Errorf("a user token: %d %s", a.StatusCode, a.Text)
	}
}

// TestE8_CopiesShowNoMoreThanTheReaderMayRead: the worker's copy of the stock was read with
// its own rights, and shows nobody a store that the ERP would not show them.
func TestE8_CopiesShowNoMoreThanTheReaderMayRead(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Demo: true}, func(t *testing.T, s *system) {
		evidence := func(login string) string { return s.SignIn(login, "openid").ID }
		stock := func(login string) answer {
			return s.askWorker("GET", internalapi.PathStock+"?top=50", evidence(login), nil)
		}
		anna := s.signIn("anna")
		anna.post("/stock/sync", nil)
		testkit.Eventually(t, "the stock is there", func() bool { return strings.Contains(stock("anna").Text, `"stores"`) })
		before := stock("anna").Text
		stores := s.narrowed("GET", "Logistics_Inventory_Stores?$select=Id,Code", "", "").rows(t)
		hidden := ""
		for _, store := range stores.Value {
			if hidden == "" && strings.Contains(before, `"`+store.Code+`"`) {
				hidden = store.Code
				_, err := s.Platform.Permissions.CreateKey(t.Context(), tandemtest.By, "Logistics_Inventory_Stores", "Far away")
				must(t, err)
				must(t, s.Platform.PutKey(t.Context(), tandemtest.By, "Far away", "Logistics_Inventory_Stores("+store.ID+")"))
			}
		}
		s.Refresh()
		testkit.Eventually(t, "the store is hidden from anna", func() bool { return !strings.Contains(stock("anna").Text, `"`+hidden+`"`) })
		if a := stock("admin"); hidden == "" || !strings.Contains(a.Text, `"`+hidden+`"`) {
			t.Errorf("the administrator does not see the store %q: %d %s", hidden, a.StatusCode, a.Text)
		}
		must(t, s.Platform.Permissions.Revoke(t.Context(), tandemtest.By, "Everybody", permission.Target{Set: "Logistics_Inventory_CurrentBalances"}))
		s.Refresh()
		testkit.Eventually(t, "the stock is hidden from anna", func() bool { return stock("anna").StatusCode == 403 })
	})
}
