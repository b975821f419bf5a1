package portal_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/worker/workertest"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker"
)

func portal(t *testing.T, access ...object) (*workertest.Fake, *workertest.Running) {
	f := workertest.NewFake(t)
	f.With(func() {
		f.Rows["Crm_Sales_CustomerExternalAccess"] = access
		f.Rows["Crm_Sales_SalesOrders"] = []object{workertest.Order(1, workertest.Mine, 1), workertest.Order(2, workertest.Mine, 10), workertest.Order(3, workertest.Mine, 40), workertest.Order(4, workertest.Second, 5), workertest.Order(5, workertest.Foreign, 1)}
		f.Rows["Crm_Invoicing_Invoices"] = []object{workertest.Invoice(11, workertest.Mine, 1), workertest.Invoice(12, workertest.Second, 2), workertest.Invoice(13, workertest.Foreign, 3)}
	})
	return f, workertest.Serve(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir())
}

func numbers(page internalapi.PortalPage) string {
	var all []string
	for _, d := range page.Documents {
		all = append(all, strings.TrimPrefix(d.Number, "SO-000"))
	}
	return strings.Join(all, ",")
}

// A8: what each role sees, and how far back.
func TestA8_RolesAndWindows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		role   string
		days   any
		orders string // "403" is forbidden
		prices bool
		bills  string
	}{
		{"Basic", nil, "403", false, "403"},
		{"Orders", nil, "1,2,3", false, "403"},
		{"OrdersWithPrices", 30, "1,2", true, "403"},
		{"Billing", 10, "1,2", true, "SO-0011"}, // a day at the edge is within
		{"Admin", 9, "1", true, "SO-0011"},
		{"Owner", 0, "", true, ""},
		{"Superuser", nil, "403", false, "403"}, // not a role that is known
		{"", nil, "403", false, "403"},
	} {
		t.Run(fmt.Sprint(c.role, c.days), func(t *testing.T) {
			t.Parallel()
			f, w := portal(t, workertest.AccessRow(workertest.PaulID, workertest.Mine, c.role, c.days, true))
			page, err := w.API.Orders(t.Context(), f.Paul(), internalapi.PortalQuery{})
			if got := numbers(page); c.orders == "403" && tandem.ErrorCode(err) != tandem.CodeForbidden || c.orders != "403" && (err != nil || got != c.orders) {
				t.Errorf("orders %q %v", got, err)
			}
			for _, d := range page.Documents {
				if (d.Total != nil) != c.prices || d.CustomerName != "Company 101" || d.Lines != nil {
					t.Errorf("order: %+v", d)
				}
			}
			bills, err := w.API.Invoices(t.Context(), f.Paul(), internalapi.PortalQuery{})
			if got := numbers(bills); c.bills == "403" && tandem.ErrorCode(err) != tandem.CodeForbidden || c.bills != "403" && (err != nil || strings.ReplaceAll(got, "11", "SO-0011") != c.bills && got != c.bills) {
				t.Errorf("invoices %q %v", got, err)
			}
			one, err := w.API.Order(t.Context(), f.Paul(), workertest.ID(1))
			if visible := strings.HasPrefix(c.orders, "1"); visible != (err == nil) {
				t.Errorf("order 1: %+v %v", one, err)
			} else if visible && (len(one.Lines) != 1 || (one.Lines[0].UnitPrice != nil) != c.prices || (one.Lines[0].Amount != nil) != c.prices || one.Lines[0].ProductNo != "T1") {
				t.Errorf("order 1: %+v", one)
			}
			if old, err := w.API.Order(t.Context(), f.Paul(), workertest.ID(3)); c.days != nil && err == nil {
				t.Errorf("an order beyond the window: %+v", old)
			}
			if bill, err := w.API.Invoice(t.Context(), f.Paul(), workertest.ID(11)); (c.bills == "SO-0011") != (err == nil) {
				t.Errorf("invoice 11: %+v %v", bill, err)
			}
		})
	}
}

// A8: the service token reads everything; the person sees their own rows only,
// even where the API ignores the filters.
func TestA8_ForeignRowsStayHidden(t *testing.T) {
	t.Parallel()
	for _, blind := range []bool{false, true} {
		t.Run(fmt.Sprintf("blind %v", blind), func(t *testing.T) {
			t.Parallel()
			f, w := portal(t,
				workertest.AccessRow(workertest.PaulID, workertest.Mine, "Owner", nil, true),
				workertest.AccessRow(workertest.AnnaID, workertest.Foreign, "Owner", nil, true), // somebody else's row
				workertest.AccessRow(workertest.PaulID, workertest.Second, "Owner", nil, false)) // a company that is not active
			f.With(func() { f.Blind = blind })
			customers, err := w.API.Customers(t.Context(), f.Paul())
			if err != nil || len(customers) != 1 || customers[0].ID != workertest.ID(workertest.Mine) || !customers[0].Invoices {
				t.Errorf("customers: %+v %v", customers, err)
			}
			page, err := w.API.Orders(t.Context(), f.Paul(), internalapi.PortalQuery{})
			if err != nil || numbers(page) != "1,2,3" {
				t.Errorf("orders: %s %v", numbers(page), err)
			}
			for _, hidden := range []int{4, 5} {
				_, foreignErr := w.API.Order(t.Context(), f.Paul(), workertest.ID(hidden))
				_, missingErr := w.API.Order(t.Context(), f.Paul(), workertest.ID(999))
				if !errors.Is(foreignErr, tandem.ErrNotFound) || fmt.Sprint(foreignErr) != fmt.Sprint(missingErr) {
					t.Errorf("order %d: %v, a missing one: %v", hidden, foreignErr, missingErr)
				}
			}
			// Nobody else's rows by any parameter, and a person without rows has none.
			for _, query := range []string{"?user=" + workertest.AnnaID, "?id=" + workertest.AnnaID, "?customer=" + workertest.ID(workertest.Foreign), "?$filter=1 eq 1", "?search=&customerId=" + workertest.ID(workertest.Foreign)} {
				if status, text := w.Ask("GET", internalapi.PathPortalOrders+strings.ReplaceAll(query, " ", "%20"), "right", f.Paul(), ""); status != 200 || strings.Contains(text, workertest.ID(workertest.Foreign)) {
					t.Errorf("%s: %d %s", query, status, text)
				}
			}
			stranger := f.IDToken(object{"sub": "paula", "id": workertest.ID(77), "user_type": "ExternalCommunityUser"})
			if _, err := w.API.Orders(t.Context(), stranger, internalapi.PortalQuery{}); tandem.ErrorCode(err) != tandem.CodeForbidden {
				t.Errorf("a person without a customer: %v", err)
			}
		})
	}
}

// A8, F33: ids and searches that try to be something else.
func TestA8_HostileIDsAndSearches(t *testing.T) {
	t.Parallel()
	f, w := portal(t, workertest.AccessRow(workertest.PaulID, workertest.Mine, "Owner", nil, true))
	for _, bad := range []string{
		"1", "x", workertest.ID(1) + ")", workertest.ID(5) + ")/Lines", "{" + workertest.ID(5) + "}", "urn:uuid:" + workertest.ID(5), workertest.ID(1) + "'", strings.ToUpper(workertest.ID(5)),
		"00000000%2d0000-4000-8000-000000000005", workertest.ID(5) + "?$expand=Customer", strings.Repeat("0", 36), workertest.ID(5) + "%00", "..%2f..%2fstatus", strings.Repeat("f", 5000),
	} {
		if status, text := w.Ask("GET", internalapi.PathPortalOrder+bad, "right", f.Paul(), ""); status == 200 || strings.Contains(text, "Tea") {
			t.Errorf("%q: %d %s", bad, status, text)
		}
	}
	for _, c := range []struct{ search, want string }{
		{"0002", "2"}, {"so-0002", "2"}, {"SO-", "1,2,3"}, {"' or 1 eq 1 or '", ""}, {"0001') or contains(DocumentNo,'", ""}, {"''", ""}, {"%", ""}, {"0005", ""},
	} {
		page, err := w.API.Orders(t.Context(), f.Paul(), internalapi.PortalQuery{Search: c.search})
		if err != nil || numbers(page) != c.want {
			t.Errorf("search %q: %s %v", c.search, numbers(page), err)
		}
	}
	// An ID token whose id is no account's never reaches a filter.
	for _, user := range []string{"' or User ne null or '", workertest.AnnaID + "')", "", "x"} {
		evil := f.IDToken(object{"sub": "evil", "id": user, "user_type": "ExternalCommunityUser"})
		if _, err := w.API.Orders(t.Context(), evil, internalapi.PortalQuery{}); err == nil {
			t.Errorf("user id %q sees orders", user)
		}
	}
}

func TestPortalPagesAndMerges(t *testing.T) {
	t.Parallel()
	f, w := portal(t, workertest.AccessRow(workertest.PaulID, workertest.Mine, "Billing", nil, true), workertest.AccessRow(workertest.PaulID, workertest.Second, "Orders", 30, true),
		workertest.AccessRow(workertest.PaulID, workertest.Mine, "Basic", 1, true)) // a second row for the same company: the greater role counts
	page, err := w.API.Orders(t.Context(), f.Paul(), internalapi.PortalQuery{Page: internalapi.Page{Top: 2}})
	if err != nil || numbers(page) != "1,4" || page.Total != 4 || !page.More {
		t.Errorf("first page: %s %+v %v", numbers(page), page, err)
	}
	if page.Documents[0].Total == nil || page.Documents[1].Total != nil {
		t.Errorf("prices by company: %+v", page.Documents)
	}
	page, err = w.API.Orders(t.Context(), f.Paul(), internalapi.PortalQuery{Page: internalapi.Page{Skip: 2, Top: 2}})
	if err != nil || numbers(page) != "2,3" || page.More {
		t.Errorf("second page: %s %+v %v", numbers(page), page, err)
	}
	if bills, err := w.API.Invoices(t.Context(), f.Paul(), internalapi.PortalQuery{}); err != nil || numbers(bills) != "SO-0011" && bills.Total != 1 {
		t.Errorf("invoices: %+v %v", bills, err)
	}
	if page, err = w.API.Orders(t.Context(), f.Paul(), internalapi.PortalQuery{Page: internalapi.Page{Skip: 5000}}); tandem.ErrorCode(err) != tandem.CodeInvalid {
		t.Errorf("far page: %+v %v", page, err)
	}
}

// A party that is a customer of two of our companies has its shipments once, whatever the
// windows of the two.
func TestShipmentsOfOnePartyAreListedOnce(t *testing.T) {
	t.Parallel()
	const party = "General_Contacts_Parties(00000000-0000-4000-8000-0000000000aa)"
	wide, narrow := workertest.AccessRow(workertest.PaulID, workertest.Mine, "Orders", 30, true), workertest.AccessRow(workertest.PaulID, workertest.Second, "Orders", 7, true)
	for _, row := range []object{wide, narrow} {
		row["Customer"].(object)["Party"].(object)["@odata.id"] = party
	}
	f, w := portal(t, wide, narrow)
	var shipments []object
	for n, days := range []int{1, 5, 20, 40} {
		one := workertest.Order(n+1, workertest.Mine, days)
		one["ToParty"] = object{"@odata.id": party}
		shipments = append(shipments, one)
	}
	f.With(func() { f.Rows["Logistics_Shipment_Shipments"] = shipments })
	page, err := w.API.Shipments(t.Context(), f.Paul(), internalapi.PortalQuery{})
	if err != nil || numbers(page) != "1,2,3" || page.Total != 3 || page.More {
		t.Errorf("%s, %d of them: %v", numbers(page), page.Total, err)
	}
}

// So many days back are counted from the day that it is at the company.
func TestDaysBackAreOfTheCompanysZone(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]string{"Pacific/Kiritimati": "SO-0002", "UTC": "SO-0002,SO-0001"} { // 14 hours ahead
		f := workertest.NewFake(t)
		first, second := workertest.Order(1, workertest.Mine, 0), workertest.Order(2, workertest.Mine, 0)
		first["DocumentDate"], second["DocumentDate"] = "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"
		f.Rows["Crm_Sales_CustomerExternalAccess"] = []object{workertest.AccessRow(workertest.PaulID, workertest.Mine, "Orders", 0, true)}
		f.Rows["Crm_Sales_SalesOrders"] = []object{first, second}
		w := workertest.Serve(t, f, workertest.Open(t, sqldb.SQLite), t.TempDir(), func(c *worker.Config) {
			c.TimeZone, c.Clock = zone, func() time.Time { return time.Date(2026, 12, 1, 20, 0, 0, 0, time.UTC) }
		})
		page, err := w.API.Orders(t.Context(), f.Paul(), internalapi.PortalQuery{})
		var got []string
		for _, d := range page.Documents {
			got = append(got, d.Number)
		}
		if err != nil || strings.Join(got, ",") != want {
			t.Errorf("%s: %v, want %s, %v", zone, got, want, err)
		}
	}
}

// Each call that is made for a person says so, and access that is withdrawn is
// gone within seconds.
func TestCallsSayOnWhoseBehalf(t *testing.T) {
	t.Parallel()
	f, w := portal(t, workertest.AccessRow(workertest.PaulID, workertest.Mine, "Owner", nil, true))
	if _, err := w.API.Order(t.Context(), f.Paul(), workertest.ID(1)); err != nil {
		t.Fatal(err)
	}
	f.With(func() {
		for _, r := range f.Requests {
			if got := r.Header.Get("Tandem-On-Behalf-Of"); !strings.HasPrefix(got, workertest.PaulID+";sid=sid-paul;iat=") {
				t.Errorf("%s is called on behalf of %q", r.URL.Path, got)
			}
			if got := r.Header["Tandem-Narrow"]; !slices.Equal(got, []string{"person"}) {
				t.Errorf("%s is narrowed to %q", r.URL.Path, got)
			}
		}
		if len(f.Requests) != 2 {
			t.Errorf("%d calls", len(f.Requests))
		}
		f.Rows["Crm_Sales_CustomerExternalAccess"] = nil
	})
	testkit.Eventually(t, "access ends", func() bool {
		_, err := w.API.Order(t.Context(), f.Paul(), workertest.ID(1))
		return tandem.ErrorCode(err) == tandem.CodeForbidden
	})
}

// What the ERP says when it refuses is not for portal users.
func TestPortalErrorsAreForPeople(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  func(f *workertest.Fake)
		code tandem.Code
		word string
	}{
		{"disabled", func(f *workertest.Fake) { f.Disabled = true }, tandem.CodeUnavailable, "the application is disabled"},
		{"licence", func(f *workertest.Fake) { f.Full = true }, tandem.CodeLicenceFull, "no licence is free"},
		{"down", func(f *workertest.Fake) { f.During = func(*http.Request) { panic(http.ErrAbortHandler) } }, tandem.CodeUnavailable, "does not answer"},
	} {
		f, w := portal(t, workertest.AccessRow(workertest.PaulID, workertest.Mine, "Owner", nil, true))
		f.With(func() { c.set(f) })
		if _, err := w.API.Orders(t.Context(), f.Paul(), internalapi.PortalQuery{}); tandem.ErrorCode(err) != c.code || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
