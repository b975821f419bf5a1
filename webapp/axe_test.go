package webapp_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestPagesAreAccessible looks at the pages as axe-core does, on a wide screen and
// on a phone in the dark: those of the web app, the sign-in, and the landing pages
// of the instance.
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	auditor := chromium.NewAuditor(t, "../e2e/clients/node_modules")
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	s.worker.set(func() {
		s.worker.report = internalapi.ReportPage{Total: 1, Rows: []internalapi.ReportRow{
			{File: "orders.csv", Row: 3, Severity: internalapi.SeverityRefused, Column: "CustomerID", Value: "X", Reason: "There is no such customer."},
		}, Groups: []internalapi.ReportGroup{{File: "orders.csv", Severity: internalapi.SeverityWarning, Reason: "may be incomplete", First: 3, Count: 2}}}
	})
	j := s.worker.add(internalapi.JobImport)
	customer, product := s.approving()
	entering, _ := s.signIn("anna", "/")
	large := entering.enter(t, customer, product, "14200", "18")
	ctx := chromium.Open(t)
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		ctx, late := context.WithTimeout(ctx, testkit.Patience)
		defer late()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatal(err)
		}
	}
	look := func(name string) {
		t.Helper()
		auditor.Look(t, ctx, name)
	}
	open := func(address string) {
		t.Helper()
		do(chromedp.Navigate(address))
		look(strings.TrimPrefix(strings.TrimPrefix(address, s.url), s.in.URL))
	}
	for _, address := range []string{s.url + "/", s.in.URL + "/id", s.in.URL + "/api", s.in.URL + "/id/connect/authorize?client_id=x"} {
		open(address)
	}
	do(chromedp.Navigate(s.url+"/signin"), chromedp.WaitVisible(chromedp.CSS("#login")))
	look("sign-in")
	signIn := func(login string) {
		t.Helper()
		do(chromedp.Navigate(s.url+"/signin"), chromedp.WaitVisible(chromedp.CSS("#login")), chromedp.SendKeys(chromedp.CSS("#login"), login),
			chromedp.SendKeys(chromedp.CSS("#password"), tandemtest.Password), chromedp.Click(chromedp.CSS("button")), chromedp.WaitVisible(chromedp.CSS("#sign-out")))
	}
	signIn("anna")
	order, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("[data-order]").dataset.order`))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/", "/orders?sort=number&from=2020-01-01", "/orders/" + order, "/orders/new", "/stock?sort=-quantity", "/jobs?sort=kind", "/jobs/" + j.ID, "/schedules",
		"/schedules?edit=s1", "/import", "/export", "/two-halves", "/two-halves/proof", "/nowhere",
	} {
		open(s.url + path)
	}
	do(chromedp.Click(chromedp.CSS("#sign-out")), chromedp.WaitVisible(chromedp.CSS("#signed-out")))
	look("signed out")
	signIn("maria")
	open(s.url + "/visits?from=2020-01-01")
	visit, err := chromedp.Run(ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("[data-visit]")].at(-1).dataset.visit`))
	if err != nil {
		t.Fatal(err)
	}
	access := s.in.SignIn("admin").Access
	s.attach(access, visitsSet+"("+visit+")", "winch-1.jpg", "c-1", "field/photo", photo(t, 640, 480))
	s.attach(access, visitsSet+"("+visit+")", "small.jpg", "c-1/thumbnail", "field/thumbnail", photo(t, 320, 240))
	s.attach(access, visitsSet+"("+visit+")", "signature.txt", "c-2", "field/signature", []byte("F. Lechner"))
	sessions := s.in.Sessions(false)
	maria := sessions[slices.IndexFunc(sessions, func(one tandem.Session) bool { return one.User == "maria" })]
	for _, said := range []string{"3 visits today, the first at 10:00: Gipfel & Faden Lechner GmbH", "Visit at 10:00: Gipfel & Faden Lechner GmbH, yearly inspection"} {
		s.tell(access, visitsSet+"("+visit+")", maria.UserID, said)
	}
	for _, path := range []string{"/visits/" + visit, "/notifications", "/approvals", "/approvals/" + large, "/orders/" + large} {
		open(s.url + path)
	}
	do(chromedp.Click(chromedp.CSS("#sign-out")), chromedp.WaitVisible(chromedp.CSS("#signed-out")))
	signIn("paul")
	for _, path := range []string{"/", "/portal/orders?sort=-number", "/portal/invoices", "/orders"} {
		open(s.url + path)
	}
}
