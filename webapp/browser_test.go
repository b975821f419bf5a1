package webapp_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestInABrowser proves what only a browser can: the policy lets the pages, the
// sign-in and the sign-out through, progress and figures come without a reload, a
// form is sent once, and every page fits a phone.
func TestInABrowser(t *testing.T) {
	t.Parallel()
	orders := newSlowOrders()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true, Wrap: orders.wrap}})
	ctx, late := context.WithTimeout(chromium.Open(t), 3*testkit.Patience)
	defer late()
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatal(err)
		}
	}
	eval := func(expression string) (out string) {
		t.Helper()
		out, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")"))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	wait := func(expression string) {
		t.Helper()
		if err := chromedp.Do(ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(testkit.Patience))); err != nil {
			t.Fatalf("%s: %v, at %s", expression, err, eval("location.href + document.body.innerText"))
		}
	}

	do(chromedp.Navigate(s.url+"/"), chromedp.Click(chromedp.CSS("#sign-in")), chromedp.WaitVisible(chromedp.CSS("#login")),
		chromedp.SendKeys(chromedp.CSS("#login"), "anna"), chromedp.SendKeys(chromedp.CSS("#password"), tandemtest.Password),
		chromedp.Click(chromedp.CSS("button")), chromedp.WaitVisible(chromedp.CSS("#recent-orders")))

	// A job's progress is pushed; the page is the same one all the time.
	do(chromedp.Click(chromedp.CSS("#sync-stock")), chromedp.WaitVisible(chromedp.CSS("#job-progress")))
	eval("window.sameOne = true")
	progress := func(n int, state internalapi.JobState, result *internalapi.JobResult) {
		s.worker.set(func() {
			s.worker.jobs[0].Progress, s.worker.jobs[0].State, s.worker.jobs[0].Result, s.worker.jobs[0].Note = n, state, result, "at work <b>"
		})
	}
	progress(40, internalapi.JobRunning, nil)
	wait(`document.getElementById("job-progress").value === 40 && document.querySelector("#job-state").innerText === "running" && document.getElementById("job-note").innerText === "at work <b>"`)
	// It goes on when the stream broke, and was refused for a moment after that.
	asked := 0
	s.worker.set(func() {
		asked = len(s.worker.evidence)
		s.worker.fail = &tandem.Error{Code: tandem.CodeForbidden, Message: "not now"}
	})
	s.worker.server.CloseClientConnections()
	testkit.Eventually(t, "the page is refused", func() (refused bool) {
		s.worker.set(func() { refused = len(s.worker.evidence) >= asked+2 })
		return refused
	})
	s.worker.set(func() { s.worker.fail = nil })
	progress(100, internalapi.JobCompleted, &internalapi.JobResult{Summary: "Synced 300 products.",
		File:  &internalapi.ResultFile{Name: "orders-2026-01-01-2026-12-31.xlsx", Size: 7000, ExpiresAt: time.Now()},
		Steps: []internalapi.StepResult{{Name: "order-details.csv", Rows: 1000}}})
	wait(`document.querySelector("#job-result h2")?.innerText === "Synced 300 products." && document.querySelector("#job-state").innerText === "completed"`)
	if eval("window.sameOne") != "true" {
		t.Error("the page was loaded again to show the result")
	}

	// The figures of the two halves come by themselves, too.
	do(chromedp.Navigate(s.url+"/two-halves"), chromedp.WaitVisible(chromedp.CSS("#picture svg.broad")))
	eval("window.sameOne = true")
	s.worker.set(func() { s.worker.status.JobsRunning = 5 })
	wait(`document.getElementById("figure-jobs").innerText.startsWith("5") && window.sameOne`)

	wait(`document.querySelector("#live b").innerText === "live" && !document.querySelector("#live.out")`)
	// A sign-out in another tab puts the light out.
	eval(`fetch("/signout", { method: "POST" }) && true`)
	wait(`document.querySelector("#live.out")?.innerText.includes("signed out")`)
	do(chromedp.Navigate(s.url+"/orders/new"), chromedp.WaitVisible(chromedp.CSS("#order-form"))) // signed in at the identity server still

	// Suggestions while typing.
	do(chromedp.Navigate(s.url+"/orders/new"), chromedp.SendKeys(chromedp.CSS("#product-0"), "an"))
	wait(`document.querySelectorAll("#products option").length > 0`)

	// Two clicks while the ERP is slow: one order, and the form shows that it works.
	eval(`fetch("/pick/customers?q=a").then(r => r.json()).then(all => document.getElementById("customer").value = all[0]) && true`)
	eval(`document.getElementById("product-0").value = document.querySelector("#products option").value`)
	wait(`document.getElementById("customer").value !== ""`)
	eval(`document.querySelector("#order-form [name=quantity]").value = "1"`)
	// Not by chromedp.Click, which waits for the page that is on its way.
	if got := eval(`(b => { b.click(); b.click(); return b.form.getAttribute("aria-busy") + " " + b.className })(document.getElementById("save"))`); got != "true primary busy" {
		t.Errorf("the form that was sent shows %q", got)
	}
	<-orders.arrived
	close(orders.release)
	do(chromedp.WaitVisible(chromedp.CSS("#edit-order")))
	if n := orders.created.Load(); n != 1 {
		t.Errorf("two clicks made %d orders", n)
	}

	// The files that are chosen are listed before they are sent.
	do(chromedp.Navigate(s.url+"/import"), chromedp.WaitVisible(chromedp.CSS("#files")))
	eval(`(input => { const all = new DataTransfer(); all.items.add(new File(["a,b"], "orders.csv")); input.files = all.files; input.dispatchEvent(new Event("change")) })(document.getElementById("files"))`)
	wait(`document.getElementById("chosen").checkVisibility() && document.getElementById("chosen").innerText.includes("orders.csv")`)

	do(chromedp.Navigate(s.url + "/orders"))
	order := eval(`document.querySelector("[data-order]").dataset.order`)
	for _, path := range []string{"/", "/orders", "/orders/" + order, "/orders/new", "/visits", "/stock", "/jobs", "/jobs/1", "/schedules", "/import", "/export", "/two-halves", "/nowhere"} {
		do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile), chromedp.Navigate(s.url+path))
		if wide := eval("document.documentElement.scrollWidth"); wide != "360" {
			t.Errorf("%s is %s wide on a phone of 360", path, wide)
		}
		// What the policy refuses shows as a resource without a style or script.
		if got := eval(`document.styleSheets.length + " " + document.querySelectorAll("[style]").length + " " + getComputedStyle(document.body).display`); got != "1 0 flex" {
			t.Errorf("%s: style sheets, style attributes, display: %s", path, got)
		}
		for _, bad := range unnamed(t, eval(`JSON.stringify([...document.querySelectorAll("input:not([type=hidden]),select,textarea,button,a,svg[role=img]")].filter(e => !(e.labels?.length || e.innerText?.trim() || e.getAttribute("aria-label") || e.closest("label"))).map(e => e.outerHTML.slice(0, 120)))`)) {
			t.Errorf("%s: a control without a name: %s", path, bad)
		}
	}

	// The sign-out goes through the identity server by itself and comes back.
	do(chromedp.Navigate(s.url+"/jobs"), chromedp.Click(chromedp.CSS("#sign-out")), chromedp.WaitVisible(chromedp.CSS("#signed-out")))
	if u := s.in.Usage(); u.User != 0 {
		t.Errorf("the slot is still held: %+v", u)
	}
}

func unnamed(t *testing.T, list string) (out []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(list), &out); err != nil {
		t.Fatal(err)
	}
	return out
}
