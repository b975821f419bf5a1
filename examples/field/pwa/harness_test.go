package pwa_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/pwa"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
	"github.com/hybridapps/tandem/tandemtest"
)

const cloudApp = "com.example/field-cloud"

// world is an instance with the app beside it, and an API of the contract that the test
// makes misbehave: the queue has to live with whatever it answers.
type world struct {
	t   testing.TB
	in  *tandemtest.Instance
	url string
	app atomic.Pointer[http.Handler] // what is served beside the API
	*server
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t}
	w.in = tandemtest.Start(t, tandemtest.Options{Log: slog.New(slog.DiscardHandler)})
	for _, login := range []string{"tom", "nina"} {
		w.in.CreateUser(signin.NewUser{Login: login, Name: strings.ToUpper(login[:1]) + login[1:], Type: tandem.InternalUser, Password: tandemtest.Password})
	}
	mux := http.NewServeMux()
	listening := httptest.NewServer(mux)
	t.Cleanup(listening.Close)
	w.url = listening.URL
	resource := w.url + "/field-api/"
	w.in.CreateApp(tandem.TrustedApp{
		ApplicationURI: cloudApp, Name: "Field cloud", Enabled: true, ClientType: tandem.ClientConfidential, Scope: tandem.Scope{"read"},
		Resource: resource, ResourceScopes: tandem.Scope{"visits"}, AcceptsFrom: []string{tandemtest.Field},
	})
	w.in.UpdateApp(tandemtest.Field, func(a *tandem.TrustedApp) {
		a.Scope, a.BoundTokensOnly, a.ExternalUsers = tandem.Scope{"visits"}, true, true
	})
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: w.in.Issuer})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := client.NewResourceServer(client.ResourceServerConfig{
		Provider: provider, Resource: resource, AcceptsFrom: []string{tandemtest.Field}, BoundOnly: true, NonceKey: []byte(strings.Repeat("n", 32)), Clock: w.in.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.server = newServer()
	api := guard.Middleware(w.server, "visits")
	mux.HandleFunc("/field-api/", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Date", w.in.Clock.Now().UTC().Format(http.TimeFormat))
		w.meet(rw, r, api)
	})
	mux.HandleFunc("POST /field-api/wish", w.wish)
	w.serve(pwa.Config{Issuer: w.in.Issuer, ClientID: tandemtest.Field, Resource: resource})
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		if (*w.app.Load()) == nil {
			down(rw, r, nil)
		}
		(*w.app.Load()).ServeHTTP(rw, r)
	})
	return w
}

// serve makes the app another version.
func (w *world) serve(c pwa.Config) {
	app := pwa.Handler(c)
	w.app.Store(&app)
}

// phone is a browser of somebody.
type phone struct {
	*world
	ctx context.Context
}

func (w *world) phone(options ...chromedp.ExecAllocatorOption) *phone {
	w.t.Helper()
	return &phone{w, chromium.Open(w.t, append(options, chromedp.WindowSize(412, 915))...)}
}

func (p *phone) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
	defer late()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// try is js with an error.
func (p *phone) try(body string) (string, error) {
	ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
	defer late()
	return chromedp.Run(ctx, chromedp.Evaluate[string](`(async () => {
		const [auth, store, queue, visits, device, photos] = await Promise.all(["auth", "store", "queue", "visits", "device", "photos"].map(m => import("/" + m + ".js")));
		const said = await (async () => {`+body+`})();
		return typeof said === "string" ? said : JSON.stringify(said) ?? "";
	})()`, chromedp.EvalAwaitPromise))
}

// js runs in the page, with the app's modules at hand, and returns what it returns, as JSON
// where it is no text.
func (p *phone) js(body string) string {
	p.t.Helper()
	out, err := p.try(body)
	if err != nil {
		p.t.Fatalf("%s: %v", body, err)
	}
	return out
}

func decode[T any](p *phone, body string) T {
	p.t.Helper()
	var out T
	text := p.js(body)
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		p.t.Fatalf("%s: %v in %q", body, err, text)
	}
	return out
}

// signIn goes through the identity server's page, as a person does who is signed in nowhere.
func (p *phone) signIn(login string) {
	p.t.Helper()
	p.do(call(network.ClearBrowserCookies, cdp.Empty{}), chromedp.Navigate(p.url))
	p.eventually("the page is loaded", `document.readyState === "complete"`)
	p.do(chromedp.Evaluate[chromedp.Void](`import("/auth.js").then(a => a.signIn()); undefined`))
	p.do(chromedp.WaitVisible(chromedp.CSS("#login")), chromedp.SendKeys(chromedp.CSS("#login"), login),
		chromedp.SendKeys(chromedp.CSS("#password"), tandemtest.Password), chromedp.Submit(chromedp.CSS("#password")))
	last := time.Now()
	testkit.Eventually(p.t, login+" is signed in", func() bool {
		if out, err := p.try(`const s = await auth.session(); return s?.login === "` + login + `" && !s.expired`); err == nil && out == "true" {
			return true
		}
		if time.Since(last) > 40*time.Second { // a busy machine can be too slow for the app's patience: a person presses again
			last = time.Now()
			_, _ = p.try(`auth.signIn(); return ""`)
		}
		return false
	})
}

// eventually waits for an expression that needs no module.
func (p *phone) eventually(what, expression string) {
	p.t.Helper()
	testkit.Eventually(p.t, what, func() bool {
		ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
		defer late()
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		return err == nil && ok
	})
}

// sees waits until an expression over the modules is true.
func (p *phone) sees(what, expression string) {
	p.t.Helper()
	last := ""
	defer func() {
		if p.t.Failed() {
			p.t.Log(last, p.js("return await queue.list()"))
		}
	}()
	testkit.Eventually(p.t, what, func() bool {
		out, err := p.try("return Boolean(" + expression + ")")
		last = fmt.Sprint(out, err)
		return err == nil && out == "true"
	})
}

// call is a command of the browser as a step.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, command, params)
		return chromedp.Void{}, err
	}
}

// network is the phone's: speeds in bytes a second, -1 for any.
func (p *phone) network(offline bool, download, upload float64) {
	p.t.Helper()
	p.do(
		call(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			EmulateOfflineServiceWorker: &offline,
			MatchedNetworkConditions:    []*network.Conditions{{Offline: offline, DownloadThroughput: download, UploadThroughput: upload}},
		}),
		call(network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: offline, DownloadThroughput: download, UploadThroughput: upload}),
	)
}

// airplane cuts the page from every network, and the service worker from the API; land
// gives it back.
func (p *phone) airplane() {
	p.t.Helper()
	p.set(func() { p.away = true })
	p.network(true, -1, -1)
}

func (p *phone) land() {
	p.t.Helper()
	p.set(func() { p.away = false })
	p.network(false, -1, -1)
}

// clock gives the phone a clock of its own, which `late` sets: by how much it is behind. It
// stays so over a start of the app.
func (p *phone) clock() {
	p.t.Helper()
	p.do(call(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		const Real = Date, late = () => { try { return Number(localStorage.getItem("late") ?? 0) } catch { return 0 } };
		Date = class extends Real { constructor(...a) { a.length ? super(...a) : super(Real.now() - late()) } static now() { return Real.now() - late() } };
	`}))
}

func (p *phone) late(by time.Duration) {
	p.t.Helper()
	p.js(fmt.Sprintf(`localStorage.setItem("late", "%d")`, by.Milliseconds()))
}

// states is id-less: type and state of all that is kept, in order.
func (p *phone) states() string {
	p.t.Helper()
	return p.js(`return (await queue.list()).map(c => c.type + " " + c.state).join(", ")`)
}

// drained waits until nothing waits any more.
func (p *phone) drained() {
	p.t.Helper()
	p.sees("everything is sent", `(await queue.list()).every(c => c.state === "done")`)
}

// loadPage goes to the app.
func loadPage(url string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.RunResponse(ctx, chromedp.Navigate(url))
		return chromedp.Void{}, err
	}
}

// reload loads the page again, as a start of the app.
func reload() chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.RunResponse(ctx, chromedp.Reload())
		return chromedp.Void{}, err
	}
}
