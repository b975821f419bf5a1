package webapp_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// slowOrders lets the creation of orders wait, and counts it.
type slowOrders struct {
	created atomic.Int64
	arrived chan struct{}
	release chan struct{}
	// lose loses the answer.
	lose atomic.Bool
}

func newSlowOrders() *slowOrders {
	return &slowOrders{arrived: make(chan struct{}, 10), release: make(chan struct{})}
}

func (o *slowOrders) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "Crm_Sales_SalesOrders") {
			o.created.Add(1)
			o.arrived <- struct{}{}
			<-o.release
			if o.lose.Load() {
				h.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}
		}
		h.ServeHTTP(w, r)
	})
}

// TestAFormThatIsSentTwiceIsActedOnOnce: two clicks, the same body again, a
// browser that breaks the first request off because of the second click.
func TestAFormThatIsSentTwiceIsActedOnOnce(t *testing.T) {
	t.Parallel()
	orders := newSlowOrders()
	s := newSite(t, siteOptions{engine: sqldb.PostgreSQL, Options: tandemtest.Options{Demo: true, Wrap: orders.wrap}})
	b, form := s.signIn("anna", "/orders/new")
	typed := url.Values{"customer": {firstString(b.json("/pick/customers?q=a"))}, "reference": {"TWICE"},
		"product": {firstString(b.json("/pick/products?q=a"))}, "quantity": {"1"}, "price": {"2"}, "do": {"save"}}

	// The first click is broken off while the ERP works on it.
	values := filled(form, "order-form", typed)
	ctx, breakOff := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "POST", s.url+"/orders/new", strings.NewReader(values.Encode()))
	req.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"same-origin"}}
	var first sync.WaitGroup
	first.Go(func() {
		if res, err := b.Client.Do(req); err == nil {
			res.Body.Close()
		}
	})
	<-orders.arrived
	breakOff()
	first.Wait()
	var clicks sync.WaitGroup
	landed := make([]string, 3)
	for i := range landed {
		clicks.Go(func() { landed[i] = b.submit(form, "order-form", typed).wants(t, 200, "TWICE").Request.URL.Path })
	}
	close(orders.release)
	clicks.Wait()
	if n := orders.created.Load(); n != 1 || landed[0] != landed[1] || landed[1] != landed[2] {
		t.Errorf("%d orders, at %v", n, landed)
	}
	// What was changed before it was sent again is another order.
	typed.Set("reference", "TWICE-2")
	if at := b.submit(form, "order-form", typed).wants(t, 200, "TWICE-2").Request.URL.Path; at == landed[0] {
		t.Error("a changed form led to the order of the first")
	}
	// One that was refused may come again.
	form = b.open("/orders/new")
	typed.Set("quantity", "no")
	b.submit(form, "order-form", typed).wants(t, 422)
	b.submit(form, "order-form", typed).wants(t, 422)
	if n := orders.created.Load(); n != 2 {
		t.Errorf("%d orders", n)
	}
	// Nor is one acted on again whose answer was lost; the form that is shown
	// with the fault is another.
	typed.Set("quantity", "1")
	typed.Set("reference", "LOST")
	orders.lose.Store(true)
	shown := b.submit(form, "order-form", typed).wants(t, 503, "The order was not saved", "It is not known whether what you sent was done")
	b.submit(form, "order-form", typed).wants(t, 409, "it is not known yet what came of it")
	orders.lose.Store(false)
	b.submit(form, "order-form", typed).wants(t, 409, "it is not known yet what came of it")
	if n := orders.created.Load(); n != 3 {
		t.Errorf("%d orders", n)
	}
	b.submit(shown, "order-form", url.Values{"do": {"save"}}).wants(t, 200, "The order was created.", "LOST")
	// Every form with an effect carries a token of its own.
	for _, path := range []string{"/", "/stock", "/jobs", "/schedules", "/schedules?edit=s1", "/export", landed[0], landed[0] + "/edit"} {
		page := b.open(path)
		for n := range page.root.Descendants() {
			if n.Data == "form" && attr(n, "method") == "post" && attr(n, "action") != "/signout" {
				if token := formValue(n, client.FormField); len(token) < 64 {
					t.Errorf("%s: the form %s has no token", path, attr(n, "action"))
				}
			}
		}
	}
	// A form is no older than what is remembered of it.
	for range 3 {
		s.in.Clock.Advance(8 * time.Hour)
		b.open("/").wants(t, 200)
	}
	b.submit(form, "order-form", typed).wants(t, 400, "This form is too old, so nothing was done")
}

func formValue(form *htmlNode, name string) string {
	for n := range form.Descendants() {
		if attr(n, "name") == name {
			return attr(n, "value")
		}
	}
	return ""
}

// TestAFormOutlivesTheSignIn: an order that is filled while somebody signs out in
// another tab is there again after the sign-in, and nobody else gets it.
func TestAFormOutlivesTheSignIn(t *testing.T) {
	t.Parallel()
	orders := newSlowOrders()
	close(orders.release)
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true, Wrap: orders.wrap}})
	b, form := s.signIn("anna", "/orders/new")
	customer, product := firstString(b.json("/pick/customers?q=a")), firstString(b.json("/pick/products?q=a"))
	typed := url.Values{"customer": {customer}, "reference": {"LATE-1"}, "notes": {"Grüße\n<b>"},
		"product": {product}, "quantity": {"2"}, "price": {"10.50"}, "do": {"save"}}
	state := b.open("/stock")
	leave := func(d *doc) {
		end := b.Submit(b.submitTo(d, "/signout").Page, nil)
		read(t, end).wants(t, 200, "You are signed out")
	}
	leave(form)
	asked := b.submit(form, "order-form", typed).wants(t, 401, "Please sign in again", "nothing was done", "What you typed is kept")
	link := attr(asked.byID("sign-in"), "href")

	// admin signs in in the same browser: the form is not theirs.
	read(t, b.SignIn(s.url+link, "admin", tandemtest.Password)).wants(t, 403, "another person")
	leave(b.open("/stock"))

	again := read(t, b.SignIn(s.url+link, "anna", tandemtest.Password)).wants(t, 200, "New order", "Welcome back", "Grüße <b>")
	for name, want := range map[string]string{"customer": customer, "reference": "LATE-1", "product": product, "quantity": "2", "price": "10.50"} {
		if got := attr(byName(again, name), "value"); got != want {
			t.Errorf("%s is %q, typed was %q", name, got, want)
		}
	}
	if orders.created.Load() != 0 {
		t.Error("the order was entered without being asked for")
	}
	saved := b.submit(again, "order-form", url.Values{"do": {"save"}}).wants(t, 200, "The order was created.", "LATE-1", "21.00")

	// The same with a form of an order that is, and with a button alone.
	edit := b.open(saved.Request.URL.Path + "/edit")
	leave(edit)
	asked = b.submit(edit, "order-form", url.Values{"notes": {"changed"}, "do": {"save"}}).wants(t, 401)
	pressed := read(t, b.Post(state.Page, "/stock/sync", filled(state, "", nil))).wants(t, 401)
	again = read(t, b.SignIn(s.url+attr(asked.byID("sign-in"), "href"), "anna", tandemtest.Password)).wants(t, 200, "Edit order", "changed")
	b.submit(again, "order-form", url.Values{"do": {"save"}}).wants(t, 200, "Your changes were saved.", "changed")
	question := b.open(attr(pressed.byID("sign-in"), "href")).wants(t, 200, "Sync the stock now")
	if len(s.worker.jobs) != 0 {
		t.Error("a job was started without being asked for")
	}
	b.submit(question, "kept-form", nil).wants(t, 200, "Sync stock", "queued")

	// A form that anna opened is not sent as somebody else.
	form = b.open("/orders/new")
	leave(form)
	b.SignIn(s.url+"/signin", "admin", tandemtest.Password)
	b.submit(form, "order-form", typed).wants(t, 403, "opened by somebody else", "nothing was done")
}

// TestCausesAreForTheLog looks at every page while the back end is away, and
// while the ERP is.
func TestCausesAreForTheLog(t *testing.T) {
	t.Parallel()
	var log testkit.Buffer
	var away atomic.Bool
	s := newSite(t, siteOptions{Options: tandemtest.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Wrap: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if away.Load() && strings.HasPrefix(r.URL.Path, "/api/") {
				panic(http.ErrAbortHandler)
			}
			h.ServeHTTP(w, r)
		})
	}}})
	anna, _ := s.signIn("anna", "/jobs")
	paul, _ := s.signIn("paul", "/")
	s.worker.server.Close()
	away.Store(true)
	for b, paths := range map[*browser][]string{
		anna: {"/", "/orders", "/orders/0f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f10", "/stock", "/jobs", "/jobs/1", "/schedules", "/two-halves", "/pick/customers?q=a"},
		paul: {"/", "/portal", "/portal/orders", "/portal/invoices", "/two-halves"},
	} {
		for _, path := range paths {
			p := b.open(path)
			for _, bad := range []string{"dial", "127.0.0.1:", "refused", "EOF", "http:"} {
				if strings.Contains(textOf(p.root), bad) {
					t.Errorf("%s shows a cause or an address: %s", path, textOf(p.root))
				}
			}
			_, id, told := strings.Cut(textOf(p.root), "Reference ")
			if !told || !strings.Contains(log.String(), "id="+id[:10]) {
				t.Errorf("%s: %d without a reference to the log: %s", path, p.StatusCode, textOf(p.root))
			}
		}
	}
	if !strings.Contains(log.String(), "connection refused") {
		t.Error("the log does not know the cause")
	}
	// What was typed stays in the form.
	typed := url.Values{"customer": {"somebody"}, "notes": {"keep me"}, "line_id": {""}, "do": {"save"}}
	p := anna.post("/orders/new", typed).wants(t, 503, "The order was not saved", "keep me", "The ERP does not answer")
	if attr(byName(p, "customer"), "value") != "somebody" {
		t.Error("the customer is gone")
	}
	anna.post("/export", url.Values{"from": {"2026-01-01"}, "to": {"2026-02-01"}, "format": {"csv"}}).wants(t, 503, "back end", "Export orders")
}
