package webapp_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/tandemtest"
)

func TestStrangersAreWelcomedAndSentToSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	b := s.browser()
	b.open("/").wants(t, 200, "Sign in", "Two halves")
	for _, path := range []string{"/orders", "/jobs/1", "/two-halves", "/portal"} {
		if at := b.open(path).Request.URL; !strings.HasPrefix(at.String(), s.in.URL) {
			t.Errorf("%s led a stranger to %s", path, at)
		}
	}
	// What is no navigation is told, not redirected.
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+"/jobs/1", nil)
	req.Header.Set("Accept", "application/json")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a script without a session: %v, %v", res, err)
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/nowhere": 404} {
		b.open(path).wants(t, want)
	}
}

func TestInternalUserSeesOrdersWithTheirOwnToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	b, home := s.signIn("anna", "/")
	home.wants(t, 200, "Hello, Anna", "Orders this month", "Revenue by month", "Top customers", "Recent orders", "Sign out", "Sync stock now")
	if home.data("strip", "half") != "user" || home.data("strip", "identity") != "anna" || home.data("strip", "slot") == "0" || home.data("strip", "calls") == "0" {
		t.Errorf("the strip says: %s", home.text("strip"))
	}
	if n := len(home.all("data-order")); n != 8 {
		t.Errorf("%d recent orders", n)
	}
	// The figures are kept for a moment: the next page makes one call only.
	if again := b.open("/"); again.data("strip", "calls") != "1" {
		t.Errorf("the second home page made %s calls", again.data("strip", "calls"))
	}

	list := b.open("/orders").wants(t, 200, "1–25 of")
	first := list.all("data-order")
	next := b.open(attr(list.byID("next-page"), "href")).wants(t, 200, "26–50 of")
	if second := next.all("data-order"); len(second) != 25 || second[0] == first[0] {
		t.Errorf("the second page has %d orders from %s on", len(second), second[0])
	}
	order := b.open("/orders/"+first[3]).wants(t, 200, "Lines", "Total")
	number := strings.TrimPrefix(order.text("title"), "Order ")
	found := b.open("/orders?q=" + url.QueryEscape(number))
	if !slices.Contains(found.all("data-order"), first[3]) || len(found.all("data-order")) > 5 {
		t.Errorf("order %q was not found by its number: %s", number, found.text("orders"))
	}
	// By customer.
	customer := order.text("order-customer")
	found = b.open("/orders?q="+url.QueryEscape(customer)).wants(t, 200)
	if !slices.Contains(found.all("data-order"), first[3]) && len(found.all("data-order")) < 25 {
		t.Errorf("the orders of %q were not found", customer)
	}
	for _, state := range b.open("/orders?state=Released").all("data-state") {
		if state != "Released" {
			t.Errorf("a filter for Released shows %s", state)
		}
	}
	figuresLeadToTheirLists(t, b, home)

	// A range of days, an order of rows, a customer.
	days := b.open("/orders?sort=oldest&from="+dayIn(order)+"&to="+dayIn(order)).wants(t, 200)
	if rows := days.all("data-order"); !slices.Contains(rows, first[3]) || strings.Count(days.Text, "<td>"+dayText(order)+"</td>") != len(rows) {
		t.Errorf("the orders of %s: %s", dayIn(order), days.text("orders"))
	}
	byNumber, oldest := b.open("/orders?sort=number").all("data-order"), b.open("/orders?sort=oldest").all("data-order")
	if slices.Equal(byNumber, first) || slices.Equal(oldest, first) {
		t.Error("the list is sorted in one way only")
	}
	for n := range order.root.Descendants() {
		if to := attr(n, "href"); strings.HasPrefix(to, "/orders?customer=") {
			theirs := b.open(to).wants(t, 200, "Orders of "+customer)
			if !slices.Contains(theirs.all("data-order"), first[3]) || strings.Count(theirs.Text, ">"+customer+"</a>") != len(theirs.all("data-order")) {
				t.Errorf("the orders of %s: %s", customer, theirs.text("orders"))
			}
		}
	}
	b.open("/orders/"+first[3]+"/print").wants(t, 200, number, "Lines", "Total")
	b.open("/orders?state=x%27+or+1&q=%27%29%22&skip=-5").wants(t, 200)
	for _, id := range []string{"1", "..%2F..", "0f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f10"} {
		b.open("/orders/"+id).wants(t, 404)
	}
}

// figuresLeadToTheirLists compares each figure with the list that it leads to.
func figuresLeadToTheirLists(t *testing.T, b *browser, home *doc) {
	t.Helper()
	links := 0
	for _, tile := range []string{"kpi-orders", "kpi-open"} {
		for n := range home.byID(tile).Descendants() {
			if n.Data != "a" || n.FirstChild == nil {
				continue
			}
			links++
			figure := ""
			if attr(n.Parent, "class") == "" && n.Parent.Data == "li" { // of the legend
				figure = textOf(n.NextSibling.NextSibling)
			} else {
				for f := range home.byID(tile).Descendants() {
					if attr(f, "class") == "figure" {
						figure = textOf(f)
					}
				}
			}
			list := b.open(attr(n, "href")).wants(t, 200)
			total := list.Text[max(0, strings.Index(list.Text, `aria-label="Pages"`)):]
			_, of, _ := strings.Cut(total, " of ")
			if of, _, _ = strings.Cut(of, "<"); of != figure {
				t.Errorf("%s: the figure says %q, its list %q", attr(n, "href"), figure, of)
			}
		}
	}
	if links < 4 {
		t.Errorf("%d figures lead to a list", links)
	}
}

// dayText is the day of an order as its page says it, dayIn as an address does.
func dayText(order *doc) string {
	_, rest, _ := strings.Cut(order.Text, "<dt>Date</dt><dd>")
	text, _, _ := strings.Cut(rest, "<")
	return text
}

func dayIn(order *doc) string {
	at, err := time.Parse("2 Jan 2006", dayText(order))
	if err != nil {
		return err.Error()
	}
	return at.Format(time.DateOnly)
}

func TestI5_ExternalUserSeesOnlyWhatTheBackEndGives(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	id := "0f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f10"
	s.worker.set(func() {
		s.worker.customers = []internalapi.PortalCustomer{{ID: id, Name: "Acme <script>alert(1)</script>", Number: "000007", Active: true, Role: internalapi.RoleBilling, Orders: true, Invoices: true, Prices: true}}
		s.worker.documents = []internalapi.PortalDocument{{ID: id, Number: "77", Date: "2026-11-01", State: "Released", CustomerName: "Acme", Total: &internalapi.Amount{Value: "1240.5", Currency: "EUR"},
			Lines: []internalapi.PortalLine{{ProductNo: "P1", Description: "<img src=x onerror=alert(1)>", Quantity: internalapi.Quantity{Value: "2", Unit: "pcs"}}}}}
		s.worker.status.Calls = []internalapi.Call{{Identity: "svc.portal", Path: "/api/domain/odata/secret-path"}}
	})
	b, home := s.signIn("paul", "/")
	home.wants(t, 200, "Acme <script>alert(1)</script>", "Latest orders", "Latest invoices", "1,240.50 EUR", "no API token scope, no slot")
	if strings.Contains(home.Text, "<script>alert") {
		t.Error("a company's name became markup")
	}
	if home.data("strip", "half") != "none" || home.byID("sync-stock") != nil {
		t.Errorf("the home page of an external user: %s", home.text("strip"))
	}
	for _, path := range []string{"/portal", "/portal/orders", "/portal/orders?q=7", "/portal/invoices", "/portal/orders/" + id, "/portal/invoices/" + id} {
		page := b.open(path).wants(t, 200)
		if strings.Contains(page.Text, "<img src=x") {
			t.Errorf("%s: a product's name became markup", path)
		}
	}
	b.open("/portal/orders/0f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f11").wants(t, 404)
	// A file while the back end is away is a page that says so, and no broken file.
	s.worker.set(func() { s.worker.fail = &tandem.Error{Code: tandem.CodeUnavailable, Message: "away"} })
	if page := b.open("/portal/invoices/"+id+".pdf").wants(t, 503, "back end of this portal does not answer"); page.Header.Get("Content-Disposition") != "" {
		t.Errorf("a file: %v", page.Header)
	}
	s.worker.set(func() { s.worker.fail = nil })
	before := len(s.worker.jobs)
	for _, path := range []string{"/orders", "/orders/" + id, "/orders/new", "/stock", "/jobs", "/jobs/1", "/jobs/1/events", "/jobs/1/file", "/schedules", "/import", "/export", "/pick/customers?q=a"} {
		b.open(path).wants(t, 403, "for employees")
	}
	for _, path := range []string{"/stock/sync", "/orders/new", "/orders/" + id + "/state", "/jobs/1/cancel", "/schedules/s1/run", "/import", "/export"} {
		b.post(path, url.Values{}).wants(t, 403)
	}
	if len(s.worker.jobs) != before {
		t.Error("an external user started a job")
	}
	halves := b.open("/two-halves").wants(t, 200, "People signed in")
	if !strings.HasSuffix(halves.text("figure-slots"), ", none is yours") || halves.byID("figure-system-user") != nil {
		t.Errorf("an external user is not told the counts, or more: %s", halves.text("figures"))
	}
	if halves.byID("calls") != nil || strings.Contains(halves.Text, "secret-path") {
		t.Error("an external user sees the calls of others")
	}
	if n := s.in.Usage().InUse; n != 0 {
		t.Errorf("an external user holds %d slots", n)
	}
	// The other way round: the portal is not for employees.
	anna, _ := s.signIn("anna", "/jobs")
	anna.open("/portal").wants(t, 403, "customers and partners")
}

func TestTwoHalvesShowsTheFiguresOfThisMoment(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	s.worker.set(func() {
		s.worker.status = internalapi.Status{Tokens: 1, SystemUser: "svc.portal", JobsRunning: 2, Session: &internalapi.ServiceSession{Open: true, Slot: 9},
			Calls: []internalapi.Call{{Identity: "svc.portal", OnBehalfOf: "paul", Method: "GET", Path: "/api/domain/odata/Crm_Invoicing_Invoices", Status: 200}}}
	})
	s.signIn("paul", "/jobs")
	admin, page := s.signIn("admin", "/two-halves")
	page.wants(t, 200, "Who holds a slot", "svc.portal", "asked by paul", "GetLicenceUsage")
	for id, want := range map[string]string{"figure-people": "2", "figure-user-tokens": "2", "figure-service-tokens": "1", "figure-slots": "1 of 25", "figure-jobs": "2, 0"} {
		if got := page.text(id); got != want {
			t.Errorf("%s is %q, want %q", id, got, want)
		}
	}
	for _, want := range []string{`data-node="webapp"`, `data-node="worker"`, `data-node="identity"`, `data-node="apis"`, `http-equiv="refresh"`} {
		if !strings.Contains(page.Text, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	// What the worker believes of its session is not what the ERP says, after a
	// restart or when its application was disabled.
	if got := page.text("figure-service-session"); got != "0" || strings.Contains(page.Text, `class="slot green"`) {
		t.Errorf("no back end has a session, and the page says %q", got)
	}
	if status, body := s.in.API("GET", "General_Products_Products?$top=1", s.in.ServiceToken(), ""); status != 200 {
		t.Fatalf("a service call: %d %s", status, body)
	}
	s.worker.set(func() { s.worker.status.Session = nil })
	page = admin.open("/two-halves")
	if got := page.text("figure-service-session"); got != "1" || strings.Count(page.Text, `class="slot green"`) != 2 { // broad and tall
		t.Errorf("a back end has a session, and the page says %q", got)
	}
	s.in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.Enabled = false })
	testkit.Eventually(t, "the session of the disabled application to end", func() bool {
		return admin.open("/two-halves").text("figure-service-session") == "0"
	})
	// The holders are for administrators.
	anna, page := s.signIn("anna", "/two-halves")
	if page.byID("holders") != nil || page.text("figure-slots") != "2 of 25" {
		t.Errorf("anna sees holders, or %q slots", page.text("figure-slots"))
	}
	fragment := anna.open("/two-halves?fragment=1").wants(t, 200)
	if strings.Contains(fragment.Text, "<header") || fragment.byID("halves") == nil {
		t.Error("the fragment is a whole page, or none")
	}
	// Looking goes on for a while only: it keeps the looker's own slot.
	if last := anna.open("/two-halves?round=60"); strings.Contains(last.Text, `http-equiv="refresh"`) {
		t.Error("the page refreshes for ever")
	}
	s.worker.set(func() { s.worker.fail = &tandemDown })
	anna.open("/two-halves").wants(t, 200, "The back end of this portal does not answer")
}

func TestJobJSON(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	b, page := s.signIn("anna", "/stock")
	page.wants(t, 200, "<b>Bolt</b>", "1,200")
	job := b.post("/stock/sync", nil).wants(t, 200, "Sync stock", "queued")
	if job.Request.URL.Path != "/jobs/1" || !strings.Contains(job.Text, `http-equiv="refresh" content="2"`) {
		t.Errorf("the job's page is %s and does not refresh by itself", job.Request.URL)
	}
	for _, want := range []struct {
		job  internalapi.Job
		text string
	}{
		{internalapi.Job{State: internalapi.JobRunning, Progress: 40}, `{"id":"1","kind":"sync_stock","state":"running","progress":40,"note":"","result":null,"error":null}`},
		{internalapi.Job{State: internalapi.JobFailed, Progress: 40, Error: "no licence"}, `{"id":"1","kind":"sync_stock","state":"failed","progress":40,"note":"","result":null,"error":"no licence"}`},
		{internalapi.Job{State: internalapi.JobCompleted, Progress: 100, Result: &internalapi.JobResult{Summary: "done"}}, `{"id":"1","kind":"sync_stock","state":"completed","progress":100,"note":"","result":{"summary":"done"},"error":null}`},
		{internalapi.Job{State: internalapi.JobCompleted, Progress: 100, Result: &internalapi.JobResult{Summary: "done", Problems: 2}}, `{"id":"1","kind":"sync_stock","state":"completed","progress":100,"note":"","result":{"summary":"done","problems":2},"error":null}`},
	} {
		s.worker.set(func() {
			want.job.ID, want.job.Kind, want.job.Manage = "1", internalapi.JobSyncStock, true
			s.worker.jobs[0] = want.job
		})
		if got := strings.TrimSpace(b.json("/jobs/1")); got != want.text {
			t.Errorf("got  %s\nwant %s", got, want.text)
		}
		page := b.open("/jobs/1").wants(t, 200, string(want.job.State), want.job.Error)
		if page.data("job", "state") != string(want.job.State) {
			t.Errorf("the page says %q", page.data("job", "state"))
		}
	}
	if got := b.json("/jobs/77"); !json.Valid([]byte(got)) || !strings.Contains(got, `"not_found"`) {
		t.Errorf("an unknown job: %s", got)
	}
	b.open("/jobs").wants(t, 200, "Sync stock", "completed with problems")
	file := b.open("/jobs/1/file")
	if file.Text != "number;total\n1;2\n" || !strings.HasPrefix(file.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the file is %q, %v", file.Text, file.Header)
	}
	schedules := b.open("/schedules").wants(t, 200, "Nightly", "Pause", "Run now")
	b.post("/schedules/s1/pause", nil).wants(t, 200, "Schedules")
	form := b.open("/schedules?edit=s1").wants(t, 200, "every day at 02:00, UTC")
	if spec, zone := attr(form.byID("spec"), "value"), attr(form.byID("time_zone"), "value"); spec != "0 2 * * *" || zone != "UTC" {
		t.Errorf("the form has %q, %q", spec, zone)
	}
	form = b.submit(form, "edit-schedule", url.Values{"spec": {"<every> day"}}).wants(t, 422, `the schedule "<every> day" cannot be read`)
	if spec := attr(form.byID("spec"), "value"); spec != "<every> day" {
		t.Errorf("what was typed has become %q", spec)
	}
	b.submit(form, "edit-schedule", url.Values{"spec": {"0 3 * * *"}, "time_zone": {"Europe/Sofia"}}).wants(t, 200, "Run now")
	if at := read(t, b.Post(schedules.Page, "/schedules/s1/run", nil)).Request.URL.Path; at != "/jobs/2" {
		t.Errorf("run now led to %s", at)
	}
	s.worker.set(func() {
		s.worker.others = true
		s.worker.jobs[0] = internalapi.Job{ID: "1", Kind: internalapi.JobImport, State: internalapi.JobRunning, RequestedBy: "admin", Progress: 40}
	})
	for path, said := range map[string]string{"/schedules": "Nightly", "/schedules?edit=s1": "Nightly", "/jobs/1": "asked by admin"} {
		page := b.open(path).wants(t, 200, said)
		if actions := strings.Join(page.all("action"), " "); strings.Contains(actions, "/schedules/") || strings.Contains(actions, "/jobs/") || page.byID("download") != nil {
			t.Errorf("%s offers what is not allowed: %s", path, actions)
		}
	}
	b.open("/export").wants(t, 200, "Export orders")
	b.post("/export", url.Values{"from": {"2026-02-01"}, "to": {"2026-01-01"}, "format": {"csv"}}).wants(t, 422, "before the first")
	b.post("/export", url.Values{"from": {"2026-01-01"}, "to": {"2026-02-01"}, "format": {"xlsx"}}).wants(t, 200, "Export orders", "queued")
}

func (b *browser) json(path string) string {
	b.s.t.Helper()
	req, err := http.NewRequestWithContext(b.s.t.Context(), "GET", b.s.url+path, nil)
	if err != nil {
		b.s.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	res, err := b.Client.Do(req)
	if err != nil {
		b.s.t.Fatal(err)
	}
	defer res.Body.Close()
	var raw json.RawMessage
	if err := json.NewDecoder(res.Body).Decode(&raw); err != nil {
		b.s.t.Fatal(err)
	}
	return string(raw)
}
