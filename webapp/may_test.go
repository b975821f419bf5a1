package webapp_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestPagesOfferWhatThePersonMayDo: who has no right to orders is led to none and told
// so in plain words, also where they know the address; who may only read them is not
// offered to enter one. The ERP refuses what is tried nevertheless.
func TestPagesOfferWhatThePersonMayDo(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	const orders = "Crm_Sales_SalesOrders"
	rights, ctx := s.in.Platform.Permissions, t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		s.in.Refresh()
	}
	must(rights.Revoke(ctx, tandemtest.By, "Everybody", permission.Target{Set: orders}))
	anna, first := s.signIn("anna", "/orders")
	if first.wants(t, 403, "no right to read"); strings.Contains(first.Text, "To approve") {
		t.Errorf("the page that is refused offers others that are: %s", first.Text)
	}
	home := anna.open("/")
	home.wants(t, 200, "Your work", "Stock")
	if strings.Contains(home.Text, "Orders this month") || strings.Contains(home.Text, "To approve") || strings.Contains(home.Text, "New order") || home.byID("recent-orders") != nil {
		t.Errorf("the home page offers orders: %s", home.Text)
	}
	anna.open("/orders/new").wants(t, 403, "may not enter orders")
	anna.open("/orders").wants(t, 403, "no right to read")
	anna.open("/export").wants(t, 403, "may not read")
	anna.post("/export", url.Values{"from": {"2026-01-01"}, "to": {"2026-01-31"}, "format": {"csv"}}).wants(t, 403, "may not read")
	if page := anna.open("/jobs").wants(t, 200, "Import"); strings.Contains(page.Text, "Export") {
		t.Errorf("an export is offered: %s", page.Text)
	}
	_, err := rights.Grant(ctx, tandemtest.By, "Everybody", permission.Target{Set: orders}, "read", false)
	must(err)
	reader, _ := s.signIn("anna", "/")
	if page := reader.open("/orders").wants(t, 200, "Sales orders"); page.byID("new-order") != nil {
		t.Error("who may only read orders is offered to enter one")
	}
	reader.open("/orders/new").wants(t, 403, "may not enter orders")
}

// TestPagesLeaveOutWhatIsHidden: where attributes are hidden from a person, the pages are
// there without them within seconds, and orders are entered and looked at as before.
func TestPagesLeaveOutWhatIsHidden(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	customer, product := s.approving()
	anna, _ := s.signIn("anna", "/")
	order := anna.enter(t, customer, product, "", "20")
	anna.open("/").wants(t, 200, "Revenue this month")
	rights := s.in.Platform.Permissions
	for _, column := range []string{
		"Crm_Sales_SalesOrders.TotalLineAmount", "Crm_Sales_SalesOrders.DocumentNotes", "Crm_Sales_SalesOrderLines.UnitPrice", "Crm_Sales_SalesOrderLines.LineAmount",
		"Crm_Sales_SalesOrderLines.LineCustomDiscountPercent",
		"General_Products_Products.StandardPricePerLot",
	} {
		if _, err := rights.Grant(t.Context(), tandemtest.By, "Managers", permission.Target{Column: column}, "read", false); err != nil {
			t.Fatal(err)
		}
	}
	s.in.Refresh()
	s.in.Advance(4 * time.Second)
	for path, shown := range map[string]string{
		"/": "Orders this month", "/orders": "Sales orders", "/orders?sort=number": "Sales orders", "/orders/" + order: "Quantity", "/orders/new": "Unit price",
		"/orders/" + order + "/edit": "Quantity", "/approvals": "Needs approval", "/approvals/" + order: "Quantity",
	} {
		page := anna.open(path).wants(t, 200, shown)
		if strings.Contains(page.Text, "Revenue") || strings.Contains(page.Text, "EUR") {
			t.Errorf("%s tells of money: %s", path, page.Text)
		}
	}
	if list := anna.open("/orders"); strings.Contains(list.Text, "Total") {
		t.Errorf("the list has a column that nothing is in: %s", list.Text)
	}
	if firstString(anna.json("/pick/products?q=a")) == "" {
		t.Error("no product is suggested")
	}
	entered := anna.enter(t, customer, product, "", "")
	edit := anna.open("/orders/" + entered + "/edit")
	anna.submit(edit, "order-form", url.Values{"quantity": {"2"}, "do": {"save"}}).wants(t, 200, "saved")
	maria, _ := s.signIn("maria", "/")
	maria.open("/").wants(t, 200, "Revenue this month")
	maria.open("/orders").wants(t, 200, "Total", "EUR")
	maria.open("/approvals/"+order).wants(t, 200, "EUR")
	// Who does not see the states of orders is offered none.
	anna.open("/orders/"+order).wants(t, 200, "Firm planned")
	if _, err := rights.Grant(t.Context(), tandemtest.By, "Managers", permission.Target{Column: "Crm_Sales_SalesOrders.State"}, "read,update", false); err != nil {
		t.Fatal(err)
	}
	s.in.Refresh()
	s.in.Advance(4 * time.Second)
	anna.open("/orders/"+order).wants(t, 200, "Quantity")
	maria.open("/orders/"+order).wants(t, 200, "Firm planned")
}
