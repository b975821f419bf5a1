package fieldtest

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
)

// Hand is somebody's, with a phone in it: the app is used as a technician does, in a browser
// of a phone's size, by what is written on the buttons, with a network that comes and goes.
type Hand struct {
	t   testing.TB
	ctx context.Context
}

// OpenHand opens the app at its address, on an upright phone of 412 × 915.
func OpenHand(t testing.TB, url string, options ...chromedp.ExecAllocatorOption) *Hand {
	t.Helper()
	h := &Hand{t: t, ctx: chromium.Open(t, options...)}
	h.Do(chromedp.EmulateViewport(412, 915, chromedp.EmulateMobile), Call(network.Enable, network.EnableParams{}))
	h.Open(url)
	h.Until("the app is there", `document.querySelector("#title")`)
	return h
}

// OpenDesk is somebody's who sits at a desk of the demo company: a browser with a window of 1280 × 900, and no
// page open yet.
func OpenDesk(t testing.TB) *Hand {
	t.Helper()
	return &Hand{t: t, ctx: chromium.Open(t, chromedp.WindowSize(1280, 900), chromedp.Env("TZ=Europe/Sofia"))}
}

// Open goes to another page.
func (h *Hand) Open(url string) {
	h.t.Helper()
	h.Do(chromedp.Navigate(url))
}

// Call is a command of the browser as a step.
func Call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, command, params)
		return chromedp.Void{}, err
	}
}

// Do runs steps, in a bounded time.
func (h *Hand) Do(steps ...chromedp.Action[chromedp.Void]) {
	h.t.Helper()
	ctx, late := context.WithTimeout(h.ctx, testkit.Patience)
	defer late()
	if err := chromedp.Do(ctx, steps...); err != nil {
		h.t.Fatal(err)
	}
}

// Try evaluates the body of an async function that has the app's modules at hand.
func (h *Hand) Try(body string) (string, error) {
	ctx, late := context.WithTimeout(h.ctx, testkit.Patience)
	defer late()
	return chromedp.Run(ctx, chromedp.Evaluate[string](`(async () => {
		const [auth, store, queue, visits, device] = await Promise.all(["auth", "store", "queue", "visits", "device"].map(m => import("/" + m + ".js")));
		return String(await (async () => {`+body+`})());
	})()`, chromedp.EvalAwaitPromise))
}

// Ask is Try that must work.
func (h *Hand) Ask(body string) string {
	h.t.Helper()
	out, err := h.Try(body)
	if err != nil {
		h.t.Fatalf("%s: %v", body, err)
	}
	return out
}

// Until waits until an expression is true, over pages that come and go.
func (h *Hand) Until(what, expression string) {
	h.t.Helper()
	defer func() {
		if h.t.Failed() {
			h.t.Log(h.Text())
		}
	}()
	testkit.Eventually(h.t, what, func() bool {
		ctx, late := context.WithTimeout(h.ctx, testkit.Patience)
		defer late()
		out, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`(async () => Boolean(`+expression+`))()`, chromedp.EvalAwaitPromise))
		return err == nil && out
	})
}

// Text is what can be read on the screen.
func (h *Hand) Text() string {
	ctx, late := context.WithTimeout(h.ctx, testkit.Patience)
	defer late()
	out, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	return out
}

// Sees waits for words on the screen.
func (h *Hand) Sees(words ...string) {
	h.t.Helper()
	for _, w := range words {
		h.Until("the screen says "+w, `document.body.innerText.includes(`+strconv.Quote(w)+`)`)
	}
}

// Press presses what has the text or the label: the first that begins with it, in a sheet
// where one is open.
func (h *Hand) Press(text string) {
	h.t.Helper()
	h.Until("there is "+text, `(() => {
		const all = [...(document.querySelector("dialog[open]") ?? document).querySelectorAll("button, a, summary")];
		const found = all.find(e => (e.getAttribute("aria-label") ?? e.textContent).trim().startsWith(`+strconv.Quote(text)+`));
		found?.click();
		return found;
	})()`)
}

// Type writes into a field.
func (h *Hand) Type(css, text string) {
	h.t.Helper()
	h.Until("there is "+css, `(() => { const field = document.querySelector(`+strconv.Quote(css)+`); field?.focus(); return field && document.activeElement === field })()`)
	h.Do(Call(input.InsertText, input.InsertTextParams{Text: text}))
}

// Go opens a screen by its address, such as "queue".
func (h *Hand) Go(address string) {
	h.t.Helper()
	h.Ask(`location.hash = "#/` + address + `"`)
}

// SignIn goes through the identity server's page.
func (h *Hand) SignIn(login, password string) {
	h.t.Helper()
	h.Press("Sign in")
	h.GiveCredentials(login, password)
	h.SignedIn(login)
}

// GiveCredentials fills the identity server's page.
func (h *Hand) GiveCredentials(login, password string) {
	h.t.Helper()
	h.Do(chromedp.WaitVisible(chromedp.CSS("#login")), chromedp.SendKeys(chromedp.CSS("#login"), login),
		chromedp.SendKeys(chromedp.CSS("#password"), password), chromedp.Submit(chromedp.CSS("#password")))
}

// SignedIn waits until the app on the phone is somebody's, and has left the address that it
// came back to: where it goes before that is forgotten.
func (h *Hand) SignedIn(login string) {
	h.t.Helper()
	last := time.Now()
	testkit.Eventually(h.t, login+" is signed in", func() bool {
		if out, err := h.Try(`return location.pathname === "/" && (await auth.session())?.login === ` + strconv.Quote(login)); err == nil && out == "true" {
			return true
		}
		if time.Since(last) > 40*time.Second { // a busy machine can be too slow for the app's patience: a person presses again
			last = time.Now()
			_, _ = h.Try(`auth.signIn()`)
		}
		return false
	})
}

// Photograph takes pictures with the camera of the screen that is open.
func (h *Hand) Photograph(files ...string) {
	h.t.Helper()
	h.Do(func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		root, err := cdp.Call(ctx, t, dom.GetDocument, dom.GetDocumentParams{})
		if err != nil {
			return none, err
		}
		field, err := cdp.Call(ctx, t, dom.QuerySelector, dom.QuerySelectorParams{NodeID: root.Root.NodeID, Selector: "input[type=file]:not([capture])"})
		if err == nil {
			_, err = cdp.Call(ctx, t, dom.SetFileInputFiles, dom.SetFileInputFilesParams{NodeID: field.NodeID, Files: files})
		}
		return none, err
	})
}

// Sign draws on the pad and gives the name.
func (h *Hand) Sign(name string) {
	h.t.Helper()
	h.Until("there is a pad", `document.querySelector(".pad")`)
	h.Ask(`
		const pad = document.querySelector(".pad"), box = pad.getBoundingClientRect();
		const point = (type, x, y) => pad.dispatchEvent(new PointerEvent(type, { pointerId: 1, pointerType: "touch", isPrimary: true, bubbles: true, clientX: box.left + x * box.width, clientY: box.top + y * box.height }));
		pad.setPointerCapture = () => {}; // there is no real finger
		point("pointerdown", 0.1, 0.6);
		for (let i = 0; i <= 40; i++) point("pointermove", 0.1 + i / 50, 0.5 + 0.3 * Math.sin(i / 3));
		point("pointerup", 0.9, 0.5);
	`)
	h.Type("#receiver", name)
	h.Press("Save the signature")
}

// Network is the phone's: offline, or with speeds in bytes a second, -1 for any.
func (h *Hand) Network(offline bool, download, upload float64) {
	h.t.Helper()
	h.Do(
		Call(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			EmulateOfflineServiceWorker: &offline,
			MatchedNetworkConditions:    []*network.Conditions{{Offline: offline, DownloadThroughput: download, UploadThroughput: upload}},
		}),
		Call(network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: offline, DownloadThroughput: download, UploadThroughput: upload}),
	)
}

// Installable says what the browser misses to install the app; empty for nothing.
func (h *Hand) Installable() string {
	h.t.Helper()
	h.Until("the service worker has the page", `navigator.serviceWorker.controller`)
	var wrong []string
	h.Do(func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		manifest, err := cdp.Call(ctx, t, page.GetAppManifest, page.GetAppManifestParams{})
		if err != nil {
			return none, err
		}
		for _, e := range manifest.Errors {
			wrong = append(wrong, "the manifest: "+e.Message)
		}
		found, err := cdp.Call(ctx, t, page.GetInstallabilityErrors, cdp.Empty{})
		for _, e := range found.InstallabilityErrors {
			wrong = append(wrong, e.ErrorID)
		}
		return none, err
	})
	return strings.Join(wrong, "; ")
}

// Everything, run in a page, is what the origin keeps anywhere, as texts: databases, caches,
// storage, cookies.
const Everything = `
	const out = [document.cookie, JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage })];
	for (const { name } of await indexedDB.databases()) {
		const db = await new Promise((ok, no) => { const r = indexedDB.open(name); r.onsuccess = () => ok(r.result); r.onerror = no; });
		for (const s of db.objectStoreNames) {
			const rows = await new Promise((ok) => { const r = db.transaction(s).objectStore(s).getAll(); r.onsuccess = () => ok(r.result); });
			out.push(...rows.map((row) => "db " + name + " " + s + " " + JSON.stringify(row)));
		}
		db.close();
	}
	for (const name of await caches.keys()) {
		const cache = await caches.open(name);
		for (const r of await cache.keys()) out.push("cache " + name + " " + r.url + " " + await (await cache.match(r)).text());
	}
	return out;
`

// Everything is what the phone keeps, see [Everything].
func (h *Hand) Everything() string {
	h.t.Helper()
	return h.Ask("return (await (async () => {" + Everything + "})()).join('\\n')")
}

// Keep writes a picture of the screen into the folder TANDEM_TEST_PICTURES.
func (h *Hand) Keep(name string) {
	h.t.Helper()
	folder := os.Getenv("TANDEM_TEST_PICTURES")
	if folder == "" {
		return
	}
	ctx, late := context.WithTimeout(h.ctx, testkit.Patience)
	defer late()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, " ", "-")+".png"), png, 0o600)
	}
	if err != nil {
		h.t.Error(err)
	}
}
