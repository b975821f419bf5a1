package isolation_test

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestA10_I13_NoSecretReachesABrowserOrIsLeft lets the three programs do everything
// once, at their most talkative: anna, admin, paul and a stranger go to every page
// that links lead to, press the buttons, provoke the errors and follow a job's
// events. Then it looks for each secret that passed between the programs.
func TestA10_I13_NoSecretReachesABrowserOrIsLeft(t *testing.T) {
	t.Parallel()
	var log testkit.Buffer
	each(t, tandemtest.Options{Demo: true, Log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}, func(t *testing.T, s *system) {
		received := map[string]*recorder{}
		for _, login := range []string{"", "anna", "admin", "paul"} {
			p := s.stranger()
			rec := &recorder{}
			p.Client.Transport = rec
			if login != "" {
				s.SignInToWebApp(p.Browser, login)
			}
			p.login = login
			crawl(p, login)
			received[login] = rec
		}
		t.Run("A10 nothing of the back end reaches a browser", func(t *testing.T) { nothingReaches(t, s.during(t), received) })
		t.Run("I13 no secret is left anywhere", func(t *testing.T) { noSecretIsLeft(t, s.during(t), &log) })
	})
}

// nothingReaches looks into every answer that browsers received, headers and all, for
// the service tokens, the secrets, the channel key, everybody's access and refresh
// tokens, and the ID tokens.
func nothingReaches(t *testing.T, s *system, received map[string]*recorder) {
	for _, kind := range []string{kindService, kindUser, kindID, kindRefresh, kindSecret, kindChannel, kindCode} {
		if len(s.tap.all(kind)) == 0 {
			t.Errorf("no %s passed by: nothing to look for", kind)
		}
	}
	s.tap.note(kindSecret, s.ServiceSecret)
	s.tap.note(kindSecret, s.UserSecret)
	forNobody, ids := s.tap.all(kindService, kindUser, kindRefresh, kindSecret, kindChannel), s.tap.all(kindID)
	for login, rec := range received {
		if login != "" && len(rec.answers) < 25 {
			t.Errorf("%s saw %d answers only", login, len(rec.answers))
		}
		kinds := map[string]int{}
		for _, a := range rec.answers {
			kinds[a.kind]++
			for _, kind := range found(a.text, forNobody) {
				t.Errorf("%q received a %s: %s", login, kind, a.what)
			}
			if !a.signOut { // where the own ID token is posted to the provider
				for _, kind := range found(a.text, ids) {
					t.Errorf("%q received an %s: %s", login, kind, a.what)
				}
			}
			// What is for one person is kept by no cache.
			if cache := a.header.Get("Cache-Control"); !strings.Contains(cache, "no-store") && !strings.HasPrefix(a.path, "/assets/") && a.path != "/healthz" && a.path != "/readyz" {
				t.Errorf("%q: %s may be cached: %q", login, a.what, cache)
			}
			for name := range a.header {
				if strings.HasPrefix(name, "Access-Control-") || name == "Tandem-Session" || name == "Tandem-Slot" {
					t.Errorf("%q: %s has the header %s", login, a.what, name)
				}
			}
			for _, c := range (&http.Response{Header: a.header}).Cookies() {
				if !c.HttpOnly || c.SameSite == http.SameSiteDefaultMode || c.SameSite == http.SameSiteNoneMode || c.Domain != "" {
					t.Errorf("%q: %s sets the cookie %s open to scripts, other sites or siblings", login, a.what, c.Name)
				}
			}
		}
		t.Logf("%q received %d answers: %v", login, len(rec.answers), kinds)
		want := map[string][]string{"anna": {"html", "json", "event-stream", "redirect", "error"}, "admin": {"html", "redirect"}, "paul": {"html", "redirect", "error"}}[login]
		for _, kind := range want {
			if kinds[kind] == 0 {
				t.Errorf("%q received nothing of the kind %s", login, kind)
			}
		}
	}
}

// seen is an answer as it came to a browser.
type seen struct {
	what, path, kind, text string
	header                 http.Header
	signOut                bool
}

// recorder keeps every answer that a browser receives.
type recorder struct {
	mu      sync.Mutex
	answers []seen
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := (&navigating{}).RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	var headers strings.Builder
	if err := res.Header.Write(&headers); err != nil {
		return nil, err
	}
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	switch _, kind, _ = strings.Cut(kind, "/"); {
	case res.StatusCode >= 400:
		kind = "error"
	case res.StatusCode >= 300:
		kind = "redirect"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = append(r.answers, seen{
		what: fmt.Sprintf("%s %s: %d", req.Method, req.URL.Path, res.StatusCode), path: req.URL.Path, kind: kind,
		text: headers.String() + "\n" + html.UnescapeString(string(body)), header: res.Header, signOut: req.Method == "POST" && req.URL.Path == "/signout",
	})
	return res, nil
}

var (
	links = regexp.MustCompile(`(?:href|src|data-events|data-src|data-url)="(/[^"]*)"`)
	lists = regexp.MustCompile(`[?&][a-z]+=[^&]*`)
)

// crawl opens everything that links lead to, a few of each kind, and whatever
// a browser can be made to do.
func crawl(p *person, login string) {
	t := p.s.t
	t.Helper()
	const fewOfAKind = 3
	kinds := map[string]int{}
	queue := []string{"/", "/two-halves", "/two-halves?fragment=1", "/goodbye", "/healthz", "/readyz", "/orders?q=a", "/orders?skip=25", "/portal/orders?q=a", "/portal/invoices"}
	pages := map[string]*tandemtest.Page{}
	visit := func() {
		for len(queue) > 0 {
			at := html.UnescapeString(queue[0])
			queue = queue[1:]
			kind := lists.ReplaceAllString(uuidText.ReplaceAllString(at, "{id}"), "?")
			if pages[at] != nil || kinds[kind] >= fewOfAKind || strings.HasPrefix(at, "/signin") {
				continue
			}
			kinds[kind]++
			page := p.open(at)
			pages[at] = page
			for _, m := range links.FindAllStringSubmatch(page.Text, -1) {
				queue = append(queue, m[1])
			}
		}
	}
	visit()
	// Errors of all sorts, and pages of the other kind of user.
	for _, at := range []string{
		"/nowhere", "/orders/" + strings.Repeat("0", 36), "/orders/x", "/portal/orders/x", "/jobs/none", "/jobs/none/events", "/jobs/none/file", "/pick/nothing", "/assets/none",
		"/signin-callback", "/signin-callback?error=access_denied&state=x", "/signin-callback?code=x&state=y&iss=" + url.QueryEscape(p.s.Issuer), "/signout", "/signout-callback", "/orders?q=" + strings.Repeat("'", 300),
		"/orders", "/orders/new", "/stock", "/jobs", "/schedules", "/import", "/export", "/portal", "/portal/orders", "/portal/invoices",
	} {
		if pages[at] == nil {
			pages[at] = p.open(at)
		}
	}
	if login != "anna" {
		p.endAt(pages["/"])
		return
	}
	// Buttons: jobs with their events and files, an order, an upload that is none.
	for _, button := range []struct {
		path string
		form url.Values
	}{
		{"/stock/sync", nil}, {"/export", url.Values{"from": {"2020-01-01"}, "to": {"2030-01-01"}, "format": {"csv"}}}, {"/export", url.Values{"format": {"exe"}}},
		{"/orders/new", url.Values{"customer": {"none"}, "product-0": {"none"}}}, {"/schedules/none/run", nil},
	} {
		page := p.post(button.path, button.form)
		queue = append(queue, page.Request.URL.RequestURI())
		if job := page.Request.URL.Path; strings.HasPrefix(job, "/jobs/") {
			if events := p.open(job + "/events"); events.StatusCode != 200 || !strings.Contains(events.Text, "data: ") {
				t.Errorf("%s has no events: %d", job, events.StatusCode)
			}
			p.json(job)
			p.json(job + "/none")
			queue = append(queue, job+"?done", job+"/file")
		}
	}
	visit()
	p.json("/pick/customers?q=a")
	p.json("/pick/products?q=a")
	p.json("/orders")
	p.upload()
	p.endAt(pages["/"])
}

// endAt signs out from a page, as far as the provider and back.
func (p *person) endAt(page *tandemtest.Page) {
	if p.login == "" {
		return
	}
	out := p.Submit(page, nil)
	end := p.Submit(out, nil)
	if end.Request.URL.Path != "/goodbye" {
		p.s.t.Errorf("%s: the sign-out ended at %s", p.login, end.Request.URL.Redacted())
	}
}

func (p *person) json(path string) {
	p.s.t.Helper()
	req, err := http.NewRequestWithContext(p.s.t.Context(), "GET", p.s.WebApp+path, nil)
	if err != nil {
		p.s.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	p.s.do(p.Client, req)
}

func (p *person) upload() {
	p.s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("files", "products.csv")
	if err == nil {
		_, err = io.WriteString(part, "ProductID,ProductName\n1,\"x\"\n")
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		p.s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.s.t.Context(), "POST", p.s.WebApp+"/import", &body)
	if err != nil {
		p.s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	a := p.s.do(p.Client, req)
	if to := a.Header.Get("Location"); to != "" {
		p.open(to + "/events")
		p.open(to)
	}
}

// TestA9_EverybodyIsThemselves lets many people use one web app at the same
// moment, through caches that were warmed by others: each page says whose token
// made its calls, and it is never somebody else's.
func TestA9_EverybodyIsThemselves(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Licence: tandem.Licence{Slots: 60}}, func(t *testing.T, s *system) {
		const many, rounds = 12, 4
		people := make([]*person, many)
		for i := range people {
			login := fmt.Sprintf("clerk%02d", i)
			s.CreateUser(newClerk(login))
			people[i] = s.signIn(login)
		}
		// A token is renewed under each of them meanwhile.
		s.Advance(s.renewal())
		var wg sync.WaitGroup
		for _, p := range people {
			for range rounds {
				wg.Go(func() {
					page := p.open("/orders")
					if page.StatusCode != 200 || !strings.Contains(page.Text, `data-identity="`+p.login+`"`) {
						t.Errorf("%s: %d", p.login, page.StatusCode)
					}
					for _, other := range people {
						if other != p && strings.Contains(page.Text, other.login) {
							t.Errorf("%s sees %s", p.login, other.login)
						}
					}
				})
			}
		}
		wg.Wait()
		// The sessions at the API are theirs, one each.
		var users []string
		for _, row := range s.Sessions(false) {
			if row.Kind == tandem.SessionUser {
				users = append(users, row.User)
			}
		}
		slices.Sort(users)
		if len(users) != many || len(slices.Compact(users)) != many {
			t.Errorf("sessions of %v", users)
		}
	})
}
