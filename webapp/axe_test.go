package webapp_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/tandemtest"
)

// audit runs axe-core over the page that is open, and tells what is wrong by rule
// and element; rules are all or those that a small, dark screen changes.
const audit = `(async rules => {
	const found = await axe.run(document, { resultTypes: ["violations"], ...(rules && { runOnly: rules }) });
	return found.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 140)).join(" | ")).join("\n");
})`

const smallAndDark = `["color-contrast", "scrollable-region-focusable", "empty-table-header", "meta-viewport"]`

// TestPagesAreAccessible looks at the pages as axe-core does, on a wide screen and
// on a phone in the dark: those of the web app, the sign-in, and the landing pages
// of the instance.
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile("../e2e/clients/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Skip("the pages are not audited: run make test, which installs axe-core")
	}
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
		do(chromedp.Evaluate[chromedp.Void](string(axe) + ";undefined"))
		for _, screen := range []struct {
			name, rules string
			adjust      []chromedp.Action[chromedp.Void]
		}{
			{"wide", "", []chromedp.Action[chromedp.Void]{chromedp.EmulateViewport(1280, 900), scheme("light")}},
			{"phone, dark", smallAndDark, []chromedp.Action[chromedp.Void]{chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile), scheme("dark")}},
		} {
			do(screen.adjust...)
			ctx, late := context.WithTimeout(ctx, testkit.Patience)
			wrong, err := chromedp.Run(ctx, chromedp.Evaluate[string](audit+"("+screen.rules+")", chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if wrong != "" {
				t.Errorf("%s, %s:\n%s", name, screen.name, wrong)
			}
			keep(t, ctx, name+" "+screen.name)
			late()
		}
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
	for _, path := range []string{"/visits/" + visit, "/approvals", "/approvals/" + large, "/orders/" + large} {
		open(s.url + path)
	}
	do(chromedp.Click(chromedp.CSS("#sign-out")), chromedp.WaitVisible(chromedp.CSS("#signed-out")))
	signIn("paul")
	for _, path := range []string{"/", "/portal/orders?sort=-number", "/portal/invoices", "/orders"} {
		open(s.url + path)
	}
}

// scheme makes the browser one of a person who prefers light or dark pages.
func scheme(name string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return chromedp.Void{}, err
	}
}

// keep writes a picture of the page into the folder TANDEM_TEST_PICTURES, for who
// wants to look at the pages.
func keep(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	folder := os.Getenv("TANDEM_TEST_PICTURES")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		name = strings.NewReplacer("/", "_", "?", "_", "&", "_", " ", "_", ",", "").Replace(name)
		err = os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}
