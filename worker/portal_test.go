package worker_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// Companies of the portal tests: paul may act for the first two.
const (
	mine, second, foreign = 101, 102, 103
)

func accessRow(user string, customer int, role string, days any, active bool) object {
	return object{
		"Role": role, "DaysBackAccess": days, "User": object{"@odata.id": "Systems_Security_Users(" + user + ")"},
		"Customer": object{"Id": id(customer), "Number": fmt.Sprint(customer), "Active": active, "Party": object{"PartyName": object{"EN": fmt.Sprintf("Company %d", customer)}}},
	}
}

func ago(days int) string {
	return time.Now().UTC().AddDate(0, 0, -days).Format("2006-01-02T00:00:00Z")
}

func order(n, customer, days int) object {
	return object{
		"Id": id(n), "DocumentNo": fmt.Sprintf("SO-%04d", n), "DocumentDate": ago(days), "State": "Released", "Void": false,
		"CustomerPurchaseOrderNo": "po", "TotalLineAmount": object{"Value": jsonNumber("12.50"), "Currency": "EUR"}, "Customer": object{"Id": id(customer)},
		"Lines": []object{{
			"LineNo": 10, "ProductDescription": object{"EN": "Tea"}, "Quantity": object{"Value": jsonNumber("2.000"), "Unit": "pcs"},
			"UnitPrice": object{"Value": jsonNumber("6.25"), "Currency": "EUR"}, "LineAmount": object{"Value": jsonNumber("12.50"), "Currency": "EUR"},
			"LineCustomDiscountPercent": jsonNumber("0"), "Product": object{"PartNumber": "T1"},
		}},
	}
}

func invoice(n, customer, days int) object {
	d := order(n, customer, days)
	d["AmountToPay"], d["PaymentDueDate"] = d["TotalLineAmount"], ago(days-14)
	delete(d, "TotalLineAmount")
	return d
}

func portal(t *testing.T, access ...object) (*fake, *running) {
	f := newFake(t)
	f.with(func() {
		f.rows["Crm_Sales_CustomerExternalAccess"] = access
		f.rows["Crm_Sales_SalesOrders"] = []object{order(1, mine, 1), order(2, mine, 10), order(3, mine, 40), order(4, second, 5), order(5, foreign, 1)}
		f.rows["Crm_Invoicing_Invoices"] = []object{invoice(11, mine, 1), invoice(12, second, 2), invoice(13, foreign, 3)}
	})
	return f, serve(t, f, open(t, sqldb.SQLite), t.TempDir())
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
			f, w := portal(t, accessRow(paulID, mine, c.role, c.days, true))
			page, err := w.api.Orders(t.Context(), f.paul(), internalapi.PortalQuery{})
			if got := numbers(page); c.orders == "403" && tandem.ErrorCode(err) != tandem.CodeForbidden || c.orders != "403" && (err != nil || got != c.orders) {
				t.Errorf("orders %q %v", got, err)
			}
			for _, d := range page.Documents {
				if (d.Total != nil) != c.prices || d.CustomerName != "Company 101" || d.Lines != nil {
					t.Errorf("order: %+v", d)
				}
			}
			bills, err := w.api.Invoices(t.Context(), f.paul(), internalapi.PortalQuery{})
			if got := numbers(bills); c.bills == "403" && tandem.ErrorCode(err) != tandem.CodeForbidden || c.bills != "403" && (err != nil || strings.ReplaceAll(got, "11", "SO-0011") != c.bills && got != c.bills) {
				t.Errorf("invoices %q %v", got, err)
			}
			one, err := w.api.Order(t.Context(), f.paul(), id(1))
			if visible := strings.HasPrefix(c.orders, "1"); visible != (err == nil) {
				t.Errorf("order 1: %+v %v", one, err)
			} else if visible && (len(one.Lines) != 1 || (one.Lines[0].UnitPrice != nil) != c.prices || (one.Lines[0].Amount != nil) != c.prices || one.Lines[0].ProductNo != "T1") {
				t.Errorf("order 1: %+v", one)
			}
			if old, err := w.api.Order(t.Context(), f.paul(), id(3)); c.days != nil && err == nil {
				t.Errorf("an order beyond the window: %+v", old)
			}
			if bill, err := w.api.Invoice(t.Context(), f.paul(), id(11)); (c.bills == "SO-0011") != (err == nil) {
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
				accessRow(paulID, mine, "Owner", nil, true),
				accessRow(annaID, foreign, "Owner", nil, true), // somebody else's row
				accessRow(paulID, second, "Owner", nil, false)) // a company that is not active
			f.with(func() { f.blind = blind })
			customers, err := w.api.Customers(t.Context(), f.paul())
			if err != nil || len(customers) != 1 || customers[0].ID != id(mine) || !customers[0].Invoices {
				t.Errorf("customers: %+v %v", customers, err)
			}
			page, err := w.api.Orders(t.Context(), f.paul(), internalapi.PortalQuery{})
			if err != nil || numbers(page) != "1,2,3" {
				t.Errorf("orders: %s %v", numbers(page), err)
			}
			for _, hidden := range []int{4, 5} {
				_, foreignErr := w.api.Order(t.Context(), f.paul(), id(hidden))
				_, missingErr := w.api.Order(t.Context(), f.paul(), id(999))
				if !errors.Is(foreignErr, tandem.ErrNotFound) || fmt.Sprint(foreignErr) != fmt.Sprint(missingErr) {
					t.Errorf("order %d: %v, a missing one: %v", hidden, foreignErr, missingErr)
				}
			}
			// Nobody else's rows by any parameter, and a person without rows has none.
			for _, query := range []string{"?user=" + annaID, "?id=" + annaID, "?customer=" + id(foreign), "?$filter=1 eq 1", "?search=&customerId=" + id(foreign)} {
				if status, text := w.ask("GET", internalapi.PathPortalOrders+strings.ReplaceAll(query, " ", "%20"), "right", f.paul(), ""); status != 200 || strings.Contains(text, id(foreign)) {
					t.Errorf("%s: %d %s", query, status, text)
				}
			}
			stranger := f.idToken(object{"sub": "paula", "id": id(77), "user_type": "ExternalCommunityUser"})
			if _, err := w.api.Orders(t.Context(), stranger, internalapi.PortalQuery{}); tandem.ErrorCode(err) != tandem.CodeForbidden {
				t.Errorf("a person without a customer: %v", err)
			}
		})
	}
}

// A8, F33: ids and searches that try to be something else.
func TestA8_HostileIDsAndSearches(t *testing.T) {
	t.Parallel()
	f, w := portal(t, accessRow(paulID, mine, "Owner", nil, true))
	for _, bad := range []string{
		"1", "x", id(1) + ")", id(5) + ")/Lines", "{" + id(5) + "}", "urn:uuid:" + id(5), id(1) + "'", strings.ToUpper(id(5)),
		"00000000%2d0000-4000-8000-000000000005", id(5) + "?$expand=Customer", strings.Repeat("0", 36), id(5) + "%00", "..%2f..%2fstatus", strings.Repeat("f", 5000),
	} {
		if status, text := w.ask("GET", internalapi.PathPortalOrder+bad, "right", f.paul(), ""); status == 200 || strings.Contains(text, "Tea") {
			t.Errorf("%q: %d %s", bad, status, text)
		}
	}
	for _, c := range []struct{ search, want string }{
		{"0002", "2"}, {"so-0002", "2"}, {"SO-", "1,2,3"}, {"' or 1 eq 1 or '", ""}, {"0001') or contains(DocumentNo,'", ""}, {"''", ""}, {"%", ""}, {"0005", ""},
	} {
		page, err := w.api.Orders(t.Context(), f.paul(), internalapi.PortalQuery{Search: c.search})
		if err != nil || numbers(page) != c.want {
			t.Errorf("search %q: %s %v", c.search, numbers(page), err)
		}
	}
	// An ID token whose id is no account's never reaches a filter.
	for _, user := range []string{"' or User ne null or '", annaID + "')", "", "x"} {
		evil := f.idToken(object{"sub": "evil", "id": user, "user_type": "ExternalCommunityUser"})
		if _, err := w.api.Orders(t.Context(), evil, internalapi.PortalQuery{}); err == nil {
			t.Errorf("user id %q sees orders", user)
		}
	}
}

func TestPortalPagesAndMerges(t *testing.T) {
	t.Parallel()
	f, w := portal(t, accessRow(paulID, mine, "Billing", nil, true), accessRow(paulID, second, "Orders", 30, true),
		accessRow(paulID, mine, "Basic", 1, true)) // a second row for the same company: the greater role counts
	page, err := w.api.Orders(t.Context(), f.paul(), internalapi.PortalQuery{Page: internalapi.Page{Top: 2}})
	if err != nil || numbers(page) != "1,4" || page.Total != 4 || !page.More {
		t.Errorf("first page: %s %+v %v", numbers(page), page, err)
	}
	if page.Documents[0].Total == nil || page.Documents[1].Total != nil {
		t.Errorf("prices by company: %+v", page.Documents)
	}
	page, err = w.api.Orders(t.Context(), f.paul(), internalapi.PortalQuery{Page: internalapi.Page{Skip: 2, Top: 2}})
	if err != nil || numbers(page) != "2,3" || page.More {
		t.Errorf("second page: %s %+v %v", numbers(page), page, err)
	}
	if bills, err := w.api.Invoices(t.Context(), f.paul(), internalapi.PortalQuery{}); err != nil || numbers(bills) != "SO-0011" && bills.Total != 1 {
		t.Errorf("invoices: %+v %v", bills, err)
	}
	if page, err = w.api.Orders(t.Context(), f.paul(), internalapi.PortalQuery{Page: internalapi.Page{Skip: 5000}}); tandem.ErrorCode(err) != tandem.CodeInvalid {
		t.Errorf("far page: %+v %v", page, err)
	}
}

// Each call that is made for a person says so, and access that is withdrawn is
// gone within seconds.
func TestCallsSayOnWhoseBehalf(t *testing.T) {
	t.Parallel()
	f, w := portal(t, accessRow(paulID, mine, "Owner", nil, true))
	if _, err := w.api.Order(t.Context(), f.paul(), id(1)); err != nil {
		t.Fatal(err)
	}
	f.with(func() {
		for _, r := range f.requests {
			if got := r.Header.Get("Tandem-On-Behalf-Of"); !strings.HasPrefix(got, paulID+";sid=sid-paul;iat=") {
				t.Errorf("%s is called on behalf of %q", r.URL.Path, got)
			}
		}
		if len(f.requests) != 2 {
			t.Errorf("%d calls", len(f.requests))
		}
		f.rows["Crm_Sales_CustomerExternalAccess"] = nil
	})
	eventually(t, "access ends", func() bool {
		_, err := w.api.Order(t.Context(), f.paul(), id(1))
		return tandem.ErrorCode(err) == tandem.CodeForbidden
	})
}

// What the ERP says when it refuses is not for portal users.
func TestPortalErrorsAreForPeople(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  func(f *fake)
		code tandem.Code
		word string
	}{
		{"disabled", func(f *fake) { f.disabled = true }, tandem.CodeUnavailable, "the application is disabled"},
		{"licence", func(f *fake) { f.full = true }, tandem.CodeLicenceFull, "no licence is free"},
		{"down", func(f *fake) { f.during = func(*http.Request) { panic(http.ErrAbortHandler) } }, tandem.CodeUnavailable, "does not answer"},
	} {
		f, w := portal(t, accessRow(paulID, mine, "Owner", nil, true))
		f.with(func() { c.set(f) })
		if _, err := w.api.Orders(t.Context(), f.paul(), internalapi.PortalQuery{}); tandem.ErrorCode(err) != c.code || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
