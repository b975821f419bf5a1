package webapp_test

import (
	"net/url"
	"strings"
	"testing"

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
