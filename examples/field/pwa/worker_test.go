package pwa_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem/internal/testkit"
)

// unreachable makes the whole host unreachable, shell and API.
func (w *world) unreachable() {
	var nothing http.Handler
	w.app.Store(&nothing)
	w.set(func() { w.away = true })
}

// The app is installable, starts without any network, and answers of the API come from the
// network alone.
func TestInstalledAndStartedOffline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	p.eventually("the service worker has the page", `navigator.serviceWorker.controller`)
	ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
	defer late()
	var manifest page.GetAppManifestResult
	var errors page.GetInstallabilityErrorsResult
	if err := chromedp.Do(ctx, func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		if manifest, err = cdp.Call(ctx, t, page.GetAppManifest, page.GetAppManifestParams{}); err == nil {
			errors, err = cdp.Call(ctx, t, page.GetInstallabilityErrors, cdp.Empty{})
		}
		return none, err
	}); err != nil {
		t.Fatal(err)
	}
	if len(manifest.Errors) > 0 || manifest.URL != w.url+"/manifest.webmanifest" {
		t.Errorf("manifest %s: %v", manifest.URL, manifest.Errors)
	}
	for _, e := range errors.InstallabilityErrors {
		t.Errorf("not installable: %s %v", e.ErrorID, e.ErrorArguments)
	}
	w.unreachable()
	p.do(reload())
	if got := p.js(`return [(await auth.session()).login, (await visits.all()).visits.length, await auth.fetchApi("me").then(() => "answer", (e) => e.name), await fetch("/field-api/visits").then(() => "answer", (e) => e.name)].join()`); got != "tom,3,TypeError,TypeError" {
		t.Error(got)
	}
}

// The service worker rules over the folder that it is served from, which is the app's own
// host, and no answer widens or moves that: not even the app itself can register it for more.
func TestServiceWorkerScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.eventually("the service worker has the page", `navigator.serviceWorker.controller`)
	if got := p.js(`return (await navigator.serviceWorker.getRegistrations()).map(r => r.scope).join()`); got != w.url+"/" {
		t.Errorf("the service worker's scope is %s", got)
	}
	for _, path := range append(slices.Collect(maps.Keys(shell(t))), "/sw.js", "/sw-sync.js", "/callback", "/nowhere.js") {
		if wider := get(t, path).Header().Values("Service-Worker-Allowed"); len(wider) > 0 {
			t.Errorf("%s allows a service worker %v", path, wider)
		}
	}
	for _, script := range []string{"/queue.js", "/vendor/oidc-client.js"} { // below a folder, and of another file
		if got := p.js(`return navigator.serviceWorker.register("` + script + `", { scope: "/" }).then(() => "registered", (e) => e.name)`); got == "registered" {
			t.Errorf("%s became the service worker", script)
		}
	}
}

// A new version waits while something is being sent, whoever asks for it.
func TestNewVersionWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.eventually("the service worker has the page", `navigator.serviceWorker.controller`)
	held := make(chan struct{})
	w.set(func() {
		w.fault = func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.URL.Path == "/field-api/commands" {
				<-held
			}
			return false
		}
	})
	release := sync.OnceFunc(func() { close(held) })
	defer release()
	p.js(`queue.add("visit.start", "a", {})`)
	p.sees("it is being sent", `(await queue.list())[0].state === "sending"`)
	before := *w.app.Load()
	var after http.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/sw-sync.js" {
			before.ServeHTTP(rw, r)
			return
		}
		r.Header.Del("Accept-Encoding")
		r.Header.Del("If-None-Match")
		plain := httptest.NewRecorder()
		before.ServeHTTP(plain, r)
		maps.Copy(rw.Header(), plain.Header())
		rw.Header().Del("ETag")
		_, _ = rw.Write(regexp.MustCompile(`VERSION = '.*'`).ReplaceAll(plain.Body.Bytes(), []byte("VERSION = 'two'")))
	})
	w.app.Store(&after)
	p.js(`(await navigator.serviceWorker.getRegistration()).update()`)
	p.sees("the new version waits", `(await device.info()).updateWaiting`)
	p.js(`await device.applyUpdate(); await new Promise((ok) => setTimeout(ok, 700))`)
	if got := p.js(`return [(await device.info()).updateWaiting, (await queue.list())[0].state === "done"].join()`); got != "true,false" {
		t.Error(got)
	}
	p.js(`self.stays = true`)
	release()
	p.sees("the new version is there, and the command was sent once",
		`!self.stays && !(await device.info()).updateWaiting && (await queue.list())[0].state === "done" && (await caches.keys()).join() === "shell two"`)
	if w.did() != "visit.start a" {
		t.Error(w.did())
	}
}

// Figure: a cold start without network is at most 1 s, from navigation to the visits of the
// day in the page's hands.
func BenchmarkColdStartOffline(b *testing.B) {
	w := newWorld(b)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	p.eventually("the service worker has the page", `navigator.serviceWorker.controller`)
	w.unreachable()
	total := 0.0
	for b.Loop() {
		p.do(chromedp.Navigate("about:blank"))
		p.do(chromedp.Navigate(w.url))
		ms, err := strconv.ParseFloat(p.js(`await visits.all(); return performance.now().toFixed(1)`), 64)
		if err != nil {
			b.Fatal(err)
		}
		total += ms
	}
	b.ReportMetric(total/float64(b.N), "ms/start")
}
