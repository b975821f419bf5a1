package webapp_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/tandemtest"
)

var tandemDown = tandem.Error{Code: tandem.CodeUnavailable, Message: "dial tcp 127.0.0.1:21222: connect: connection refused"}

// TestF30_CrossSiteRequestsDoNothing tries what a page of another site can send
// with the person's cookies.
func TestF30_CrossSiteRequestsDoNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	b, _ := s.signIn("anna", "/jobs")
	for _, path := range []string{"/stock/sync", "/signout", "/orders/new", "/import", "/export", "/schedules/s1/run", "/jobs/1/cancel"} {
		for name, header := range map[string]http.Header{
			"fetch metadata": {"Sec-Fetch-Site": {"cross-site"}},
			"sibling":        {"Sec-Fetch-Site": {"same-site"}},
			"origin":         {"Origin": {"https://evil.example"}},
			"null origin":    {"Origin": {"null"}},
		} {
			req, _ := http.NewRequestWithContext(t.Context(), "POST", s.url+path, strings.NewReader("state=Released"))
			req.Header = header.Clone()
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			res, err := b.Client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusForbidden {
				t.Errorf("%s, %s: %d", path, name, res.StatusCode)
			}
		}
	}
	if len(s.worker.jobs) != 0 {
		t.Error("a job was started from another site")
	}
	b.open("/jobs").wants(t, 200) // still signed in
}

func TestF30_HeadersOfEveryPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	b, _ := s.signIn("anna", "/jobs")
	stranger := s.browser()
	for _, p := range []*doc{stranger.open("/"), stranger.open("/nowhere"), b.open("/jobs"), b.open("/stock"), b.open("/two-halves"), b.open("/import"), b.open("/orders/new"), b.open("/jobs/99")} {
		h := p.Header
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self' " + s.in.URL} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy lacks %s: %s", p.Request.URL, want, policy)
			}
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store", "X-Frame-Options": "DENY"} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", p.Request.URL, name, h.Get(name))
			}
		}
		for _, bad := range []string{" style=", "<style", " onclick=", " onload=", "javascript:", "https://cdn", "eyJ"} {
			if strings.Contains(p.Text, bad) {
				t.Errorf("%s holds %q", p.Request.URL, bad)
			}
		}
		if strings.Count(p.Text, "<script") != 1 {
			t.Errorf("%s has %d scripts", p.Request.URL, strings.Count(p.Text, "<script"))
		}
	}
	css := b.open(attrOf(b.open("/jobs"), "stylesheet"))
	if css.StatusCode != 200 || !strings.Contains(css.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("the style sheet: %d %v", css.StatusCode, css.Header)
	}
}

func attrOf(d *doc, rel string) string {
	for n := range d.root.Descendants() {
		if attr(n, "rel") == rel {
			return attr(n, "href")
		}
	}
	return ""
}

// TestF30_HostAndIdentityHeadersAreNotTrusted sends what a browser could forge.
func TestF30_HostAndIdentityHeadersAreNotTrusted(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	b := s.browser()
	req := httptest.NewRequest("GET", "/signin?return_to=//evil.example/", nil)
	req.Host = "evil.example"
	req.Header.Set("X-Forwarded-Host", "evil.example")
	w := httptest.NewRecorder()
	s.app.Handler().ServeHTTP(w, req)
	if to := w.Header().Get("Location"); strings.HasPrefix(to, "//") || !strings.HasPrefix(to, s.url+"/signin?") {
		t.Errorf("the sign-in went to %s", to)
	}
	for _, h := range []string{"X-User", "X-Forwarded-User", "Remote-User", internalapi.HeaderEvidence, "Tandem-On-Behalf-Of", "Authorization"} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+"/jobs", nil)
		req.Header.Set("Accept", "text/html")
		req.Header.Set(h, "admin")
		res, err := b.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusSeeOther {
			t.Errorf("with %s a stranger got %d", h, res.StatusCode)
		}
	}
	// The evidence is the session's own, whatever the browser sends.
	anna, _ := s.signIn("anna", "/jobs")
	req, _ = http.NewRequestWithContext(t.Context(), "GET", s.url+"/jobs", nil)
	req.Header.Set(internalapi.HeaderEvidence, "forged")
	res, err := anna.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	s.worker.mu.Lock()
	defer s.worker.mu.Unlock()
	for _, e := range s.worker.evidence {
		if e == "forged" {
			t.Error("a browser's evidence reached the worker")
		}
	}
}

// TestA10_NoTokenReachesTheBrowser looks at everything a browser receives in a
// sign-in, at work and in a sign-out.
func TestA10_NoTokenReachesTheBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	s.worker.set(func() { s.worker.status = internalapi.Status{Tokens: 1, SystemUser: "svc.portal"} })
	b, page := s.signIn("anna", "/")
	pages := []*doc{page, b.open("/orders"), b.open("/two-halves"), b.open("/two-halves?fragment=1"), b.open("/jobs"), b.open("/jobs/404"), b.open("/readyz")}
	for _, p := range pages {
		if strings.Contains(p.Text, "eyJ") || strings.Contains(p.Header.Get("Set-Cookie"), "eyJ") {
			t.Errorf("%s holds a token", p.Request.URL)
		}
	}
	// The sign-out page alone holds one: the person's own ID token, to be
	// posted, never in a URL (I13).
	out := b.submitTo(page, "/signout")
	if out.StatusCode != 200 || !strings.Contains(out.Text, "id_token_hint") || strings.Contains(out.Request.URL.String(), "eyJ") {
		t.Errorf("the sign-out page: %d at %s", out.StatusCode, out.Request.URL)
	}
}

func (b *browser) submitTo(d *doc, action string) *doc {
	b.s.t.Helper()
	return read(b.s.t, b.Post(d.Page, action, url.Values{}))
}

func TestSignOutFreesTheSlotAndLeavesTheWorkerAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	b, page := s.signIn("anna", "/orders")
	page.wants(t, 200, "Sales orders")
	if u := s.in.Usage(); u.User != 1 {
		t.Fatalf("sessions: %+v", u)
	}
	out := b.submitTo(page, "/signout").wants(t, 200, "Finish signing out")
	end := b.Submit(out.Page, url.Values{"id_token_hint": {attr(byName(out, "id_token_hint"), "value")}})
	if end.StatusCode == http.StatusOK && strings.Contains(end.Text, "asks to sign you out") {
		end = b.Submit(end, url.Values{})
	}
	read(t, end).wants(t, 200, "You are signed out", "Sign in")
	if end.Request.URL.Path != "/goodbye" {
		t.Errorf("the sign-out ended at %s", end.Request.URL)
	}
	if u := s.in.Usage(); u.User != 0 {
		t.Errorf("a slot is still held: %+v", u)
	}
	if at := b.open("/orders").Request.URL; !strings.HasPrefix(at.String(), s.in.URL) {
		t.Errorf("still signed in at %s", at)
	}
}

func TestRecoversWithoutRestart(t *testing.T) {
	t.Parallel()
	down := make(chan bool, 1)
	down <- false
	s := newSite(t, siteOptions{Options: tandemtest.Options{Licence: tandem.Licence{Slots: 1}, Wrap: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d := <-down
			down <- d
			if d && strings.HasPrefix(r.URL.Path, "/api/") {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			h.ServeHTTP(w, r)
		})
	}}})
	// The licence is full: 403, with what to do.
	admin, page := s.signIn("admin", "/orders")
	page.wants(t, 200)
	anna, page := s.signIn("anna", "/orders")
	page.wants(t, 403, "Every licence place is taken", "20 minutes", "Sign out", "administrator", "Try again", "Reference")
	// The reference is the one under which the ERP has it on record.
	refused := s.in.Record(tandem.AuditSessionRefused)
	if len(refused) == 0 || refused[0].RequestID == "" {
		t.Fatalf("the refusal is not on record: %+v", refused)
	}
	page.wants(t, 403, "Reference "+refused[0].RequestID)
	anna.open("/two-halves").wants(t, 200, "all of them are taken right now")
	s.in.Advance(tandem.SessionIdle + time.Second)
	anna.open("/orders").wants(t, 200)
	admin.open("/orders").wants(t, 403)

	// The API is away: 503.
	<-down
	down <- true
	anna.open("/orders").wants(t, 503, "Not available right now", "Try again")
	anna.open("/stock").wants(t, 200) // the worker is not
	<-down
	down <- false
	anna.open("/orders").wants(t, 200)

	// The worker is away: 503 there, and the orders work.
	s.worker.set(func() { s.worker.fail = &tandemDown })
	anna.open("/stock").wants(t, 503, "The back end of this portal does not answer", "Try again", "Reference")
	anna.post("/stock/sync", nil).wants(t, 503, "The back end of this portal does not answer", "Reference")
	anna.open("/orders").wants(t, 200)
	s.worker.set(func() { s.worker.fail = nil })
	anna.open("/stock").wants(t, 200)

	// Two channel keys are told as that: no sign-in would help.
	s.worker.set(func() { s.worker.stranger = true })
	anna.open("/stock").wants(t, 503, "channel keys differ")
	anna.post("/stock/sync", nil).wants(t, 503, "channel keys differ")
	s.worker.set(func() { s.worker.stranger = false })
	anna.open("/stock").wants(t, 200)

	// The application is disabled: nobody gets at data; enabled, all goes on.
	s.in.UpdateApp(appURI, func(a *tandem.TrustedApp) { a.Enabled = false })
	if p := anna.open("/orders"); p.StatusCode == http.StatusOK && p.byID("orders") != nil {
		t.Error("a disabled application shows orders")
	}
	s.in.UpdateApp(appURI, func(a *tandem.TrustedApp) { a.Enabled = true })
	again := anna.open("/orders")
	if again.byID("orders") == nil { // the sign-in may have ended: once more
		again = read(t, anna.SignIn(s.url+"/signin?return_to=/orders", "anna", tandemtest.Password))
	}
	again.wants(t, 200, "Sales orders")
}

// TestStartsBeforeTheInstance has nothing but the web app at first.
func TestStartsBeforeTheInstance(t *testing.T) {
	t.Parallel()
	down := make(chan bool, 1)
	down <- false
	s := newSite(t, siteOptions{Options: tandemtest.Options{Wrap: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d := <-down
			down <- d
			if d {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			h.ServeHTTP(w, r)
		})
	}}})
	<-down
	down <- true
	b := s.browser()
	b.open("/").wants(t, 200, "Sign in")
	b.open("/readyz").wants(t, 200)
	b.open("/signin").wants(t, 503, "The sign-in did not work", "Try again")
	<-down
	down <- false
	_, page := s.signIn("anna", "/orders")
	page.wants(t, 200, "Sales orders")
}

func TestUploadIsHandedThroughAndBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	b, form := s.signIn("anna", "/import")
	form.wants(t, 200, "CSV files", "50 files", "200 MB")
	send := func(body io.Reader, contentType string, length int64) *doc {
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/import", body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		if length > 0 {
			req.ContentLength = length
		}
		res, err := b.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return read(t, &tandemtest.Page{Response: res, Text: string(text)})
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, n := range map[string]int{"orders.csv": 3 << 20, "customers.csv": 10} {
		part, _ := w.CreateFormFile("files", name)
		part.Write(bytes.Repeat([]byte("x"), n))
	}
	w.Close()
	answer := send(&body, w.FormDataContentType(), 0)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/jobs/1" {
		t.Errorf("the upload: %d to %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	if s.worker.uploads["orders.csv"] != 3<<20 || s.worker.uploads["customers.csv"] != 10 {
		t.Errorf("the worker got %v", s.worker.uploads)
	}
	s.worker.set(func() {
		s.worker.jobs[0].State = internalapi.JobCompleted
		s.worker.jobs[0].Result = &internalapi.JobResult{Summary: "Imported.", Steps: []internalapi.StepResult{{Name: "orders.csv", Rows: 3, Added: 2, Refused: 1}}}
		s.worker.report = internalapi.ReportPage{Total: 1, Rows: []internalapi.ReportRow{{File: "orders.csv", Row: 3, Severity: internalapi.SeverityRefused, Column: "CustomerID", Value: "=cmd()", Reason: "There is no such customer."}},
			Groups: []internalapi.ReportGroup{{File: "orders.csv", Severity: internalapi.SeverityRefused, Column: "CustomerID", Reason: "There is no such customer.", First: 3, Count: 1234}}}
	})
	b.open("/import").wants(t, 200, "Files of the mapping “Shop”", "orders.csv", "id, a;b", "Dry run")
	if file := b.open("/import/template/orders.csv"); file.Text != "\ufeffid;\"a;b\"\r\n" || !strings.Contains(file.Header.Get("Content-Disposition"), "orders.csv") {
		t.Errorf("the template is %q, %v", file.Text, file.Header)
	}
	b.open("/import/template/none.csv").wants(t, 404)
	b.open("/jobs/1").wants(t, 200, "By reason", "1,234", "first in row 3", "Imported.", "orders.csv, row 3", "refused", "There is no such customer.")
	// The columns are those of what was done, or would have been.
	for kind, want := range map[internalapi.JobKind]map[string]bool{
		internalapi.JobImport: {">Would be added<": true, ">Refused<": true}, internalapi.JobExportOrders: {"dded<": false, ">Refused<": false, ">Rows<": true},
	} {
		s.worker.set(func() {
			s.worker.jobs[0].Kind = kind
			s.worker.jobs[0].Result.DryRun = true
		})
		page := b.open("/jobs/1").wants(t, 200)
		for column, there := range want {
			if strings.Contains(page.Text, column) != there {
				t.Errorf("%s: column %s", kind, column)
			}
		}
	}

	send(strings.NewReader("a=b"), "application/x-www-form-urlencoded", 0).wants(t, 400, "Nothing was imported")
	// One byte too many, with no length told beforehand: it is counted.
	head := "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"big.csv\"\r\n\r\n"
	endless := io.MultiReader(strings.NewReader(head), io.LimitReader(zeros{}, internalapi.MaxUpload+2<<20), strings.NewReader("\r\n--b--\r\n"))
	send(endless, "multipart/form-data; boundary=b", 0).wants(t, 413, "larger than 200 MB")
	// Forms that are no upload have a smaller bound.
	large := url.Values{"notes": {strings.Repeat("x", 2<<20)}}
	b.post("/orders/new", large).wants(t, 413)
	// What is no form, or no text, is told as that on every page.
	for name, c := range map[string]struct{ path, body string }{
		"a broken escape":      {"/export", "from=%zz"},
		"100,000 fields":       {"/export", strings.Repeat("a=b&", 100_000)},
		"NUL":                  {"/export", "from=2026-01-01%00"},
		"NUL in a name":        {"/stock/sync", "%00=x"},
		"Windows-1251":         {"/orders/new", "notes=%ea%e0"},
		"a broken address":     {"/export?%zz", "from=2026-01-01"},
		"NUL in the address":   {"/jobs/x%00y/cancel", ""},
		"NUL in the query":     {"/stock/sync?q=%00", ""},
		"no kind of a content": {"/schedules/x/pause", "\x00"},
	} {
		kind := "application/x-www-form-urlencoded"
		if name == "no kind of a content" {
			kind = "a/b/c"
		}
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		res, err := b.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 400 {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	b.open("/stock?q=%00").wants(t, 400)
	b.open("/jobs/x%00y").wants(t, 400)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func byName(d *doc, name string) (found *htmlNode) {
	for n := range d.root.Descendants() {
		if attr(n, "name") == name {
			return n
		}
	}
	return &htmlNode{}
}
