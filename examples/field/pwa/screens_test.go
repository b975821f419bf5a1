package pwa_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem/examples/field/pwa"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
)

// The screens are tried with sample data in place of the engine: the files of the app as
// they are, with the policy of the real handler, and testdata/sample.js as what starts them.

// display is a browser on the screens with sample data.
type display struct {
	t   *testing.T
	ctx context.Context
	url string
}

func newDisplay(t *testing.T) *display {
	t.Helper()
	app := pwa.Handler(config)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/main.js" { // the app's own would start the engine
			http.ServeFile(w, r, "testdata/sample.js")
			return
		}
		app.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return &display{t, chromium.Open(t), srv.URL}
}

// do runs the steps, in a bounded time.
func (p *display) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
	defer late()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// ask evaluates an expression, which may be a promise, and answers its text.
func (p *display) ask(expression string) string {
	p.t.Helper()
	ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
	defer late()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("(async () => String(await ("+expression+")))()", chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

// until waits until the expression is true on the page.
func (p *display) until(expression string) {
	p.t.Helper()
	defer func() {
		if p.t.Failed() {
			p.t.Log(p.ask("location.href + document.body.innerText"))
		}
	}()
	testkit.Eventually(p.t, expression, func() bool { return p.ask("Boolean("+expression+")") == "true" })
}

// asked waits until the sample's engine was asked want last.
func (p *display) asked(want string) {
	p.t.Helper()
	p.becomes("JSON.stringify(sample.state.deeds.at(-1))", want)
}

// becomes waits until the expression's text is want.
func (p *display) becomes(expression, want string) {
	p.t.Helper()
	var got string
	defer func() {
		if p.t.Failed() {
			p.t.Logf("%s is %q, want %q", expression, got, want)
		}
	}()
	testkit.Eventually(p.t, expression, func() bool { got = p.ask(expression); return got == want })
}

func (p *display) screen(width, height int64, scheme string) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height, chromedp.EmulateMobile), media("prefers-color-scheme", scheme))
}

// open begins afresh at a screen in a language. Set is what is otherwise in the sample's state.
func (p *display) open(address, lang, set string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.url + "/#/" + address))
	p.ask("localStorage.setItem('field.language', '" + lang + "')")
	p.do(chromedp.Reload())
	p.until("window.ready")
	if set != "" {
		p.ask("sample.set({" + set + "})")
	}
	p.until("document.querySelector('#title, .none')")
	p.settle()
}

// settle waits until the screen of the address is drawn, and nothing is drawn any more.
func (p *display) settle() {
	p.t.Helper()
	p.until("!document.querySelector('[data-at]') || document.querySelector('[data-at]').dataset.at === location.hash.replace(/^#?\\/?/, '')")
	p.ask(`(async () => { let seen = ""; for (let i = 0; i < 40; i++) {
		await new Promise(r => setTimeout(r, 50)); const now = document.body.innerHTML; if (now === seen) return i; seen = now } })()`)
	if broken := p.ask("(window.violations || []).join()"); broken != "" {
		p.t.Errorf("the content policy forbids what the screens do: %s", broken)
	}
}

// press clicks what has the text or the label.
func (p *display) press(text string) {
	p.t.Helper()
	find := `[...(document.querySelector("dialog[open]") || document).querySelectorAll("button, a, summary, label.button")].find(e => (e.getAttribute("aria-label") || e.textContent).trim().startsWith(` + quoted(text) + `))`
	p.until("(e => e && (e.click(), true))(" + find + ")")
	p.settle()
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `\'`) + "'" }

func media(name, value string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: name, Value: value}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return chromedp.Void{}, err
	}
}

// keep writes a picture of the screen into the folder TANDEM_TEST_PICTURES.
func (p *display) keep(name string) {
	p.t.Helper()
	folder := os.Getenv("TANDEM_TEST_PICTURES")
	if folder == "" {
		return
	}
	ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
	defer late()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, " ", "_")+".png"), png, 0o600)
	}
	if err != nil {
		p.t.Error(err)
	}
}

// views are the screens as they are looked at, and what is pressed to come there.
var views = []struct {
	name, address, set string
	press              func(*display)
}{
	{name: "signin", set: "session: null"},
	{name: "today"},
	{name: "today-none", set: "visits: [], items: [], asOf: null, online: false"},
	{name: "visit-scheduled", address: "visit/v3", set: "items: [], update: true"},
	{name: "visit-working", address: "visit/v2", set: "online: false"},
	{name: "visit-done", address: "visit/v1", set: "items: []"},
	{name: "visit-gone", address: "visit/none"},
	{name: "services", address: "visit/v2/services"},
	{name: "materials", address: "visit/v2/materials", set: "session: {...sample.state.session, expired: true}"},
	{name: "photos", address: "visit/v2/photos"},
	{name: "photos-none", address: "visit/v3/photos", set: "items: []"},
	{name: "sign", address: "visit/v2/sign"},
	{name: "queue", address: "queue"},
	{name: "queue-empty", address: "queue", set: "items: []"},
	{name: "device", address: "device"},
	{name: "reports", set: "reports: [{day: '2026-11-28', made_at: '2026-11-28T18:00:00Z', visits: 6, done: 4, refused: 1}]", press: func(p *display) {
		p.ask("(location.hash = '#/device', 1)")
		p.until("document.querySelector('.saves')")
		p.settle()
	}},
	{name: "sheet-finish", address: "visit/v2", press: func(p *display) { p.ask("document.querySelector('.acts button').click()"); p.settle() }},
	{name: "sheet-quantity", address: "visit/v2/services", press: func(p *display) { p.ask("[...document.querySelectorAll('.rows button')][0].click()"); p.settle() }},
	{name: "sheet-notes", address: "visit/v2", press: func(p *display) { p.ask("document.querySelector('.rows button').click()"); p.settle() }},
	{name: "sheet-signout", address: "device", press: func(p *display) { p.ask("document.querySelector('#signout').click()"); p.settle() }},
}

// audited runs axe-core over the screen, and looks for what is too wide or too small to hit.
const audited = `(async rules => {
	const found = await axe.run(document, { resultTypes: ["violations"], ...(rules && { runOnly: rules }) });
	const wrong = found.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 140) + " " + (n.any[0]?.message || "")).join(" | "));
	const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
	if (wide > 0) wrong.push("sideways: " + wide + " pixels");
	for (const e of document.querySelectorAll("a[href], button, input, select, textarea, summary")) {
		const box = e.getBoundingClientRect();
		if (e.closest(".skip, .hidden")) continue; // a hidden file field has a label to hit
		if (box.height < 44 || box.width < 44) wrong.push("small: " + Math.round(box.width) + " x " + Math.round(box.height) + " " + e.outerHTML.slice(0, 100));
		if (box.right > innerWidth + 1 || box.left < -1) wrong.push("outside: " + e.outerHTML.slice(0, 100));
	}
	if (/\b[a-z]+\.[a-z.]+\b/.test([...document.querySelectorAll("button, h1, h2, .chip, .small")].map(e => e.textContent).join("\n").replaceAll(/photo-[^ ]*/g, ""))) {
		wrong.push("a text is missing: " + document.body.innerText.match(/.*\b[a-z]+\.[a-z]+.*/)?.[0]);
	}
	return wrong.join("\n");
})`

// again are the rules whose answer another size or colour may change.
const again = `["color-contrast", "scrollable-region-focusable"]`

// TestScreensAreAccessible looks at every screen as axe-core does, on a narrow phone in
// the light and a wider one in the dark, in each language.
func TestScreensAreAccessible(t *testing.T) {
	axe, err := os.ReadFile("../../../e2e/clients/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Skip("the screens are not audited: run make test, which installs axe-core")
	}
	for _, lang := range []string{"en", "de", "bg"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			p := newDisplay(t)
			for _, view := range views {
				p.screen(320, 640, "light")
				p.open(view.address, lang, view.set)
				if view.press != nil {
					view.press(p)
				}
				p.do(chromedp.Evaluate[chromedp.Void](string(axe) + ";undefined"))
				for _, screen := range []struct {
					name          string
					width, height int64
					scheme, rules string
				}{{"320-light", 320, 640, "light", ""}, {"412-dark", 412, 915, "dark", again}, {"412-light", 412, 915, "light", again}, {"320-dark", 320, 640, "dark", again}} {
					if lang != "en" && (screen.name == "412-light" || screen.name == "320-dark") {
						continue // colours know no language, and the narrow screen is the strict one
					}
					p.screen(screen.width, screen.height, screen.scheme)
					p.settle()
					if wrong := p.ask(audited + "(" + screen.rules + ")"); wrong != "" {
						t.Errorf("%s, %s:\n%s", view.name, screen.name, wrong)
					}
					p.keep(view.name + "-" + lang + "-" + screen.name)
				}
			}
		})
	}
}

// TestScreensByKeyboard walks through every screen as the tabulator key does: everything
// that can be pressed or filled is come to, in an order that ends, and is seen to have the focus.
func TestScreensByKeyboard(t *testing.T) {
	t.Parallel()
	p := newDisplay(t)
	p.screen(412, 915, "light")
	for _, view := range views {
		p.open(view.address, "en", view.set)
		if view.press != nil {
			view.press(p)
		}
		all := `[...(document.querySelector("dialog[open]") || document).querySelectorAll("a[href], button:not(:disabled), input, select, textarea, summary")]`
		p.ask(`(document.activeElement.blur(), window.seen = new Set(), window.dim = [], 1)`)
		count := p.ask(all + ".length")
		for range atoi(t, count) + 3 {
			p.do(chromedp.KeyEvent("\t"))
			p.ask(`(e => { if (e && e !== document.body) { seen.add(e); const ring = e.closest("label.button") || e; if (getComputedStyle(ring).outlineStyle === "none") dim.push(e.outerHTML.slice(0, 100)) } })(document.activeElement)`)
		}
		if missed := p.ask(all + `.filter(e => !seen.has(e)).map(e => e.outerHTML.slice(0, 120)).join("\n")`); missed != "" {
			t.Errorf("%s: the keyboard does not come to\n%s", view.name, missed)
		}
		if dim := p.ask(`dim.join("\n")`); dim != "" {
			t.Errorf("%s: nobody sees that this has the focus\n%s", view.name, dim)
		}
	}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestScreensDoTheWork goes through a visit as a technician does, and looks at what is
// asked of the engine.
func TestScreensDoTheWork(t *testing.T) {
	t.Parallel()
	p := newDisplay(t)
	p.screen(390, 844, "light")
	p.open("", "en", "items: [], online: false")
	title := func(want string) {
		t.Helper()
		p.until("document.querySelector('#title')?.textContent === " + quoted(want))
	}

	p.press("Seilerei Hofer")
	title("Seilerei Hofer")
	p.becomes("document.activeElement.id", "title")
	p.becomes("document.title", "Seilerei Hofer · Tandem Field")
	p.press("Start the visit")
	p.asked(`["add","visit.start","v3",{},null]`)
	p.until("document.querySelector('.chip.Working')")

	p.press("Services")
	title("Services and materials")
	p.do(chromedp.SendKeys(chromedp.CSS("input[type=search]"), "olwech"))
	p.until("document.querySelectorAll('.rows button').length === 1")
	p.becomes("document.querySelector('main [role=status]').textContent", "1 entry found")
	p.press("Ölwechsel")
	p.ask("document.querySelector('#quantity').value = 'two'")
	p.ask("document.querySelector('dialog .primary').click()")
	p.becomes("document.querySelector('dialog [role=alert]').textContent", "Type a quantity above 0, such as 1.5")
	p.ask("document.querySelector('#quantity').value = '1,5'")
	p.do(chromedp.SendKeys(chromedp.CSS("dialog input[name=notes]"), "5 l"))
	p.press("Add")
	p.asked(`["add","service.add","v3",{"service":"s3","quantity":"1.5","notes":"5 l"},null]`)
	p.press("Materials")
	p.until("location.hash.endsWith('/materials')")
	p.settle()
	p.press("Oil filter")
	p.press("One more")
	p.press("Add")
	p.asked(`["add","material.add","v3",{"product":"p1","quantity":"2"},null]`)
	p.press("Back to")

	p.press("Photos")
	title("Photos")
	photo := filepath.Join(t.TempDir(), "IMG_0001.png")
	if err := os.WriteFile(photo, onePixel, 0o600); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.SetUploadFiles(chromedp.CSS("input[capture]"), []string{photo}))
	p.until("document.querySelectorAll('.photos img').length === 1")
	if name := p.ask("sample.state.items.at(-1).body.name"); !strings.HasPrefix(name, "photo-") {
		t.Errorf("the photo is called %q: the camera's name tells too much", name)
	}
	p.press("Back to")

	p.press("Signature")
	title("Signature")
	p.draw(".pad")
	p.press("Save the signature") // without a name
	if p.ask("sample.state.items.some(i => i.type === 'sign')") != "false" {
		t.Error("somebody without a name signed")
	}
	p.becomes("document.querySelector('[role=alert]').textContent + document.activeElement.id", "Type the name of who signs.receiver")
	p.do(chromedp.SendKeys(chromedp.CSS("#receiver"), "F. Hofer"))
	p.keep("sign-drawn")
	p.press("Save the signature")
	title("Seilerei Hofer")
	p.becomes("(i => JSON.stringify([i[0].body, i[0].bytes > 1000, i[1].body.name, i[1].body.upload === i[0].id]))(sample.state.items.slice(-2))", `[{"name":"signature.png","purpose":"signature"},true,"F. Hofer",true]`)

	p.press("Notes")
	p.do(chromedp.SendKeys(chromedp.CSS("dialog textarea"), "Rope is short."))
	p.press("Save")
	p.asked(`["add","note","v3",{"text":"Rope is short."},null]`)

	p.press("Finish the visit")
	p.press("Cancel")
	p.asked(`["add","note","v3",{"text":"Rope is short."},null]`)
	p.press("Finish the visit")
	p.press("Finish")
	p.asked(`["add","finish","v3",{},null]`)
	p.until("document.querySelector('.chip.Done')")
	p.becomes("document.querySelector('.acts')?.textContent ?? ''", "") // what is completed is the office's to open again
	p.becomes("document.querySelector('.banner').textContent", "No network. 8 items are kept here.")
	p.press("Queue")
	title("Queue")
	if sum := p.ask("document.querySelector('.lead p').textContent"); !strings.HasPrefix(sum, "6 commands, 2 photos, ") {
		t.Errorf("the queue says %q", sum)
	}
}

// TestScreensOpenAgainWhatIsNotReleased: the office has called the work done, and the
// document can still be changed.
func TestScreensOpenAgainWhatIsNotReleased(t *testing.T) {
	t.Parallel()
	p := newDisplay(t)
	p.screen(320, 640, "light")
	p.open("visit/v1", "en", "visits: sample.state.visits.map(v => v.id === 'v1' ? { ...v, state: 'FirmPlanned' } : v)")
	p.press("Open it again")
	p.do(chromedp.SendKeys(chromedp.CSS("dialog input"), "A part is missing."))
	p.press("Open it again")
	p.asked(`["add","reopen","v1",{"reason":"A part is missing."},null]`)
	p.open("visit/v1", "en", "")
	if acts := p.ask("document.querySelector('.acts')?.textContent ?? ''"); acts != "" {
		t.Errorf("a completed visit offers %q", acts)
	}
}

// TestScreensLetPeopleDecide presses what the queue and the device offer.
func TestScreensLetPeopleDecide(t *testing.T) {
	t.Parallel()
	p := newDisplay(t)
	p.screen(320, 640, "dark")
	press := func(item int, text, want string) {
		t.Helper()
		find := "[...document.querySelectorAll('.items .card')[" + strconv.Itoa(item) + "].querySelectorAll('button')].find(b => b.textContent === " + quoted(text) + ")"
		p.until("(e => e && (e.click(), true))(" + find + ")")
		p.settle()
		p.asked(want)
	}
	p.open("queue", "en", "")
	press(0, "Try again", `["retry","q1"]`)
	press(0, "Take the office’s", `["takeOffice","q1"]`)
	press(1, "Mine wins", `["mineWins","q2"]`)
	press(1, "Take the office’s", `["takeOffice","q2"]`)
	both := p.ask("[...document.querySelectorAll('.items .card')[1].querySelectorAll('dd')].map(e => e.textContent).join(' / ')")
	if both != "Call before you come. / Rope is 3 m too long, customer agrees to pay." {
		t.Errorf("a conflict shows %q, not both values", both)
	}
	nina := p.ask("document.querySelectorAll('.items .card')[2].textContent")
	if !strings.Contains(nina, "This visit is Nina Koleva’s now.") || strings.Contains(nina, "Mine wins") {
		t.Errorf("a visit that is another's: %s", nina)
	}
	p.press("Send now")
	p.asked(`["drain"]`)

	p.open("device", "en", "")
	p.press("Ask it to keep them")
	p.until("sample.state.persisted && document.querySelector('.good')")
	p.press("Sign out") // refused, as items wait
	p.press("Cancel")
	p.asked(`["signOut",false]`)
	p.press("Sign out")
	p.press("Delete and sign out")
	p.asked(`["signOut",true]`)
	p.press("Erase: Pixel 9 (old)")
	p.press("Erase")
	p.becomes("JSON.stringify(sample.state.deeds.findLast(d => d[2] === 'POST'))", `["fetch","devices/d2/wipe","POST"]`)
	p.becomes("[...document.querySelectorAll('.plain')].map(l => [...l.querySelectorAll('strong')].map(s => s.textContent)).slice(0, 2).join('; ')", "Pixel 9 (old),iPad of the van; Nina Vogt, Chromium, Linux")
	p.ask("(document.querySelector('#language').value = 'bg', document.querySelector('#language').dispatchEvent(new Event('change')))")
	p.until("document.documentElement.lang === 'bg' && document.querySelector('#title').textContent === 'Устройство'")
	p.asked(`["refresh"]`)

	p.open("", "en", "update: true, items: []")
	p.press("Use it now")
	p.asked(`["applyUpdate"]`)
	p.open("", "en", "session: {...sample.state.session, expired: true}")
	p.becomes("document.querySelector('.banner p').textContent", "Sign in to send 7 items")
	p.press("Sign in")
	p.asked(`["signIn"]`)
	p.open("visit/v3", "en", "items: [], fail: 'QuotaExceededError'")
	p.press("Start the visit")
	p.until("document.querySelector('#notice.fault')?.textContent.startsWith('This phone has no room left')")
}

// TestScreensKeepWhatIsTyped: what changes beside it takes nothing from a field.
func TestScreensKeepWhatIsTyped(t *testing.T) {
	t.Parallel()
	p := newDisplay(t)
	p.screen(390, 844, "light")
	p.open("visit/v2/sign", "en", "")
	p.ask("(window.lost = 0, new MutationObserver(all => all.forEach(m => window.lost += [...m.removedNodes].filter(n => n.nodeName === 'CANVAS').length)).observe(document.body, { childList: true, subtree: true }), 1)")
	p.draw(".pad")
	p.do(chromedp.SendKeys(chromedp.CSS("#receiver"), "Franz"))
	p.ask("(sample.set({ online: false }), 1)")
	p.settle()
	p.do(chromedp.SendKeys(chromedp.CSS("#receiver"), "iska"))
	p.settle()
	p.becomes("document.activeElement.id + ' ' + document.querySelector('#receiver').value", "receiver Franziska")
	if p.ask("document.querySelector('.pad').getContext('2d').getImageData(0, 0, 900, 900).data.some((v, i) => i % 4 === 0 && v < 100)") != "true" {
		t.Error("the drawing is gone")
	}
	if lost := p.ask("window.lost"); lost != "0" {
		t.Errorf("the paper was taken from under the pen %s times", lost)
	}
	p.open("visit/v2", "en", "")
	p.press("The last 3 visits")
	p.ask("(document.querySelector('summary').focus(), sample.set({ items: [] }), 1)")
	p.settle()
	p.becomes("document.querySelector('details').open + ' ' + document.activeElement.tagName", "true SUMMARY")
}

// draw makes a stroke with the pointer.
func (p *display) draw(selector string) {
	p.t.Helper()
	p.until("document.querySelector(" + quoted(selector) + ")")
	box := p.ask("(b => [b.left, b.top].map(Math.round).join(' '))(document.querySelector(" + quoted(selector) + ").getBoundingClientRect())")
	left, top, _ := strings.Cut(box, " ")
	x, y := float64(atoi(p.t, left)), float64(atoi(p.t, top))
	p.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, x+60, y+90, chromedp.ButtonLeft))
	for i := range 12 {
		p.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x+60+float64(i*15), y+90+float64(i%3*20), chromedp.ButtonLeft))
	}
	p.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, x+240, y+90, chromedp.ButtonLeft))
	p.settle()
}

// onePixel is a PNG.
var onePixel = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82")

// TestScreensFitEveryScreen: nothing is wider than a small phone held across or a tablet,
// and what is pressed first is in the lower half of an upright phone.
func TestScreensFitEveryScreen(t *testing.T) {
	t.Parallel()
	p := newDisplay(t)
	for _, view := range views {
		p.screen(430, 932, "light")
		p.open(view.address, "de", view.set)
		if view.press != nil {
			view.press(p)
		}
		if top := p.ask(`Math.round(([...document.querySelectorAll("dialog[open] .primary, dialog[open] .service, .acts .big, .acts .button, .acts button")][0]?.getBoundingClientRect().top ?? 999))`); atoi(t, top) < 932/2 {
			t.Errorf("%s: what is pressed first is %s pixels from the top, out of the thumb's reach", view.name, top)
		}
		for name, size := range map[string][2]int64{"across": {640, 320}, "tablet": {834, 1112}} {
			p.screen(size[0], size[1], "light")
			p.settle()
			if wide := p.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide != "0" {
				t.Errorf("%s, %s: %s pixels too wide", view.name, name, wide)
			}
			p.keep(view.name + "-" + name)
		}
	}
}
