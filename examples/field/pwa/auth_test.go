package pwa_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"

	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/tandemtest"
)

// Security: the token and the key are in the person's own database and nowhere else; no script
// can read the key; nothing of the service half, and no answer of the API, is in any cache.
func TestWhatThePhoneKeeps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh(); await queue.add("note", "a", { text: "a private remark" })`)
	p.drained()
	p.eventually("the shell is kept", `navigator.serviceWorker.controller`)
	rows := decode[[]string](p, fieldtest.Everything)
	id := p.js(`return (await auth.session()).id`)
	token := p.js(`const db = await auth.partition(); return JSON.parse((await db.all("meta")).find(r => r.key.startsWith("user ")).value).refresh_token`)
	places := 0
	for _, row := range rows {
		switch {
		case strings.Contains(row, token):
			places++
			if !strings.HasPrefix(row, "db field "+id+" meta ") {
				t.Errorf("the refresh token is in %.80s", row)
			}
		case strings.HasPrefix(row, "cache ") && (strings.Contains(row, "private remark") || strings.Contains(row, "/field-api/") && !strings.Contains(row, ".js") && !strings.Contains(row, "config.json")):
			t.Errorf("an answer of the API is in %.120s", row)
		case strings.HasPrefix(row, "db field meta ") && (strings.Contains(row, "access_token") || strings.Contains(row, "privateKey")):
			t.Errorf("the phone's own database has %.120s", row)
		}
		if strings.Contains(row, w.in.ServiceSecret) || strings.Contains(row, cloudApp) || strings.Contains(row, "svc.") {
			t.Errorf("something of the service half is in %.120s", row)
		}
	}
	if places != 1 || token == "" {
		t.Errorf("the refresh token is in %d places", places)
	}
	if got := p.js(`
		const db = await auth.partition();
		const { value } = (await db.all("meta")).find(r => r.key.startsWith("key "));
		return crypto.subtle.exportKey("jwk", value.keys.privateKey).then(() => "exported", (e) => e.name);
	`); got != "InvalidAccessError" {
		t.Error(got)
	}
	// A stolen refresh token is worth nothing without the key, and the token goes nowhere else.
	if got := p.js(`
		const { issuer, client_id } = await auth.settings();
		const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token: "` + token + `", client_id });
		return (await (await fetch(issuer + "/connect/token", { method: "POST", body })).json()).error;
	`); got != "invalid_request" { // a proof is missing
		t.Error(got)
	}
	if got := p.js(`return auth.fetchApi("https://elsewhere.example/x").catch((e) => e.message)`); !strings.Contains(got, "the API alone") {
		t.Error(got)
	}
}

// A renewal that fails for want of network is no sign-out; one in mid-work is not seen; and
// one that the identity server refuses keeps what waits, and asks to sign in.
func TestSignInOnBadLines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	w.in.Advance(61 * time.Minute)
	p.js(`for (const text of ["one", "two"]) await queue.add("note", "a", { text })`)
	p.drained()
	first := p.js(`const db = await auth.partition(); return JSON.parse((await db.all("meta")).find(r => r.key.startsWith("user ")).value).expires_at`)

	w.in.Advance(61 * time.Minute)
	p.airplane()
	p.js(`await queue.add("note", "a", { text: "in the valley" }); await queue.drain()`)
	p.sees("that there is no network", `(await queue.summary()).lastError?.word === "offline"`) // a line that was being sent goes on by itself
	if got := p.js(`const s = await auth.session(); return [s.login, s.expired, (await queue.summary()).lastError.word, (await visits.all()).visits.length].join()`); got != "tom,false,offline,3" {
		t.Error(got)
	}
	p.do(reload())
	if got := p.js(`return (await auth.session()).expired + " " + (await queue.list()).at(-1).state`); got != "false waiting" {
		t.Error("after a start without network:", got)
	}
	p.land()
	p.js(`queue.drain()`)
	p.drained()
	if second := p.js(`const db = await auth.partition(); return JSON.parse((await db.all("meta")).find(r => r.key.startsWith("user ")).value).expires_at`); second == first {
		t.Error("the token was not renewed")
	}

	// Tom is disabled: his next renewal is refused for good.
	w.disable("tom")
	w.in.Advance(61 * time.Minute)
	before := w.posts()
	p.js(`await queue.add("note", "a", { text: "kept" }); await queue.drain()`)
	p.sees("tom has to sign in", `(await auth.session()).expired`)
	p.sees("that one has to sign in", `(await queue.summary()).lastError?.word === "sign_in"`)
	if got := p.js(`return [(await queue.summary()).commands, (await queue.summary()).lastError.word, (await visits.all()).visits.length].join()`); got != "1,sign_in,3" || w.posts() != before {
		t.Error(got)
	}
}

// F9: the phone's clock is three hours late. It works, without a loop of sign-ins, and the
// commands say by how much.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.do(call(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		const Real = Date, late = 3 * 3600_000;
		Date = class extends Real { constructor(...a) { a.length ? super(...a) : super(Real.now() - late) } static now() { return Real.now() - late } };
	`}))
	p.signIn("tom")
	p.js(`await queue.add("visit.start", "a", {})`)
	p.drained()
	if got := time.Duration(w.ended()[0].Skew) * time.Millisecond; got < 3*time.Hour-10*time.Second || got > 3*time.Hour+10*time.Second {
		t.Errorf("the command says that the clock is wrong by %s", got)
	}
	if peek(w.server, func() int { return w.callers["tom"] }) == 0 {
		t.Error("nobody called")
	}
}

// What tom has left unsent stays sealed while nina uses his phone, and goes out under his
// name when he is back.
func TestSealedForAnotherPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	w.set(func() { w.away = true })
	p.js(`await queue.add("note", "a", { text: "of tom" }); await queue.add("file.attach", "a", { name: "one.jpg" }, { file: new Blob(["tom's"]) })`)
	w.set(func() {
		w.away = false
		w.rule = func(command) *answer { return &answer{503, obj{"error": "unavailable"}} }
	})
	p.signIn("nina")
	if got := p.js(`return [(await queue.list()).length, (await visits.all()).visits.filter(v => v.pending).length].join()`); got != "0,0" {
		t.Error("nina sees", got)
	}
	w.set(func() { w.rule = nil })
	p.js(`await queue.add("note", "b", { text: "of nina" })`)
	p.drained()
	if got := w.did(); got != "note b" {
		t.Errorf("while nina is there: %s", got)
	}
	if left := p.js(`return await auth.signOut()`); left != "{}" {
		t.Error(left)
	}
	p.signIn("tom")
	p.drained()
	if got := w.did(); got != "note b, note a, file.attach a" || w.ended()[0].Device == w.ended()[1].Device {
		t.Errorf("%s", got)
	}
}

// Somebody else signs in, in another tab, while tom's commands are being sent: none of the
// rest goes out under her name, hers follow at once, and his when he is back.
func TestAnotherPersonInTheMiddleOfAPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.do(call(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		Object.defineProperty(ServiceWorkerRegistration.prototype, "sync", { value: undefined }); // the page sends, and nobody beside it
	`}))
	p.signIn("nina")
	nina := p.js(`return (await store.phone()).value("current")`)
	w.set(func() { w.away = true })
	p.js(`await queue.add("note", "c", { text: "of nina" })`)
	w.set(func() { w.away = false })
	w.set(func() { w.rule = func(command) *answer { return &answer{503, obj{"error": "unavailable"}} } })
	p.signIn("tom")
	tom := p.js(`return (await store.phone()).value("current")`)
	w.set(func() { w.away = true })
	p.js(`await queue.add("note", "a", { text: "1" }); await queue.add("note", "b", { text: "2" });
		await queue.add("file.attach", "a", { name: "one.jpg" }, { file: new Blob(["tom's"]) })`)
	p.js(`
		const phone = await store.phone(), real = window.fetch;
		window.moved = false;
		window.fetch = async (...call) => {
			const answer = await real(...call);
			if (!window.moved && String(call[0]).endsWith("/commands") && answer.ok) {
				window.moved = true;
				await phone.set("current", "` + nina + `");
			}
			return answer;
		}`)
	w.set(func() { w.away, w.rule = false, nil }) // only now: a try of the app's own may come at any moment
	p.js(`queue.drain()`)
	p.sees("nina is there", `window.moved`)
	p.js(`await queue.drain()`)
	p.drained()
	if got := w.did(); got != "note a, note c" {
		t.Fatalf("while nina is there: %s", got)
	}
	p.js(`await (await store.phone()).set("current", "` + tom + `"); await queue.drain()`)
	p.drained()
	if got := w.did(); got != "note a, note c, note b, file.attach a" {
		t.Errorf("when tom is back: %s", got)
	}
}

// Leaving: refused while something waits, and then everything is gone.
func TestSignOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	tom := p.js(`return (await store.phone()).value("current")`)
	p.js(`await visits.refresh()`)
	w.set(func() { w.away = true })
	p.js(`await queue.add("note", "a", { text: "x" })`)
	if got := p.js(`return await auth.signOut()`); got != `{"waiting":1}` {
		t.Error(got)
	}
	if got := p.js(`return await auth.signOut({ force: true })`); got != "{}" {
		t.Error(got)
	}
	p.gone("tom")
	if got := p.js(`return await queue.add("note", "a", {}).catch((e) => e.name)`); got != "SignInNeeded" {
		t.Error(got)
	}
	// What had found out who is signed in before, and opens the database only now.
	if got := p.js(`return await store.open("` + tom + `")`); got != "null" {
		t.Error(got)
	}
	p.gone("tom")
	w.set(func() { w.away = false })
	p.signIn("tom")
	p.js(`await visits.refresh()`)
}

// gone checks that nothing is kept of anybody.
func (p *phone) gone(login string) {
	p.t.Helper()
	for _, row := range decode[[]string](p, fieldtest.Everything) {
		if strings.HasPrefix(row, "cache ") {
			continue // which is the shell
		}
		if strings.HasPrefix(row, "db field ") && !strings.HasPrefix(row, "db field meta ") || strings.Contains(row, "access_token") || strings.Contains(row, `"`+login+`"`) {
			p.t.Errorf("still there: %.150s", row)
		}
	}
	if got := p.js(`return await auth.session()`); got != "null" {
		p.t.Error(got)
	}
}

// Who signs out is whoever began to: somebody else who has signed in in another tab, while the
// server did not answer, keeps what is hers.
func TestSignOutIsOfWhoBeganIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("nina")
	nina := p.js(`await visits.refresh(); return (await auth.session()).id`)
	p.signIn("tom")
	p.js(`await visits.refresh(); await device.report()`)
	came, goOn := make(chan struct{}), make(chan struct{})
	come, answer := sync.OnceFunc(func() { close(came) }), sync.OnceFunc(func() { close(goOn) })
	t.Cleanup(answer)
	w.set(func() {
		w.fault = func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.Method == http.MethodDelete {
				come()
				<-goOn
			}
			return false
		}
	})
	p.js(`window.out = auth.signOut()`)
	select {
	case <-came:
	case <-time.After(testkit.Patience):
		t.Fatal("the server is not told")
	}
	p.js(`await store.welcome("` + nina + `")`) // she comes back in another tab
	answer()
	p.js(`await window.out`)
	if got := p.js(`return [(await auth.session())?.login, (await visits.all()).visits.length, Object.keys(await store.people()).join()].join()`); got != "nina,3,"+nina {
		t.Errorf("after tom's sign-out there is %s", got)
	}
	p.js(`await Promise.all([auth.signOut(), auth.signOut()])`)
	p.gone("tom")
	if got := p.js(`return (await indexedDB.databases()).map(d => d.name).join()`); got != "field" {
		t.Error("databases:", got)
	}
}

// A phone that was lost: told to wipe itself, and without contact for 14 days.
func TestWipe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	w.set(func() { w.away = true })
	p.js(`await queue.add("note", "a", { text: "x" })`)
	w.set(func() { w.away, w.wiped = false, map[string]bool{p.js(`return (await device.info()).id`): true} })
	p.js(`await device.report()`)
	p.gone("tom")

	p.signIn("nina")
	p.js(`await visits.refresh()`)
	p.js(`await store.contact((await auth.session()).id, Date.now() - 14 * 86400_000 + 60_000); await store.forgetOld()`)
	if got := p.js(`return (await visits.all()).visits.length`); got != "3" {
		t.Errorf("after 13 days and more: %s visits", got)
	}
	p.js(`await store.contact((await auth.session()).id, Date.now() - 14 * 86400_000 - 1); await store.forgetOld()`)
	p.gone("nina")
}

// A stolen phone: its person is disabled, and it is told to wipe itself all the same.
func TestWipeOfADisabledPersonsPhone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh(); await device.report()`)
	if n := peek(w.server, func() int { return len(w.keys) }); n != 1 {
		t.Fatalf("%d keys of devices", n)
	}
	if _, err := w.in.Platform.Accounts.Disable(t.Context(), tandemtest.By, "tom"); err != nil {
		t.Fatal(err)
	}
	w.in.Refresh()
	w.in.Clock.Advance(2 * time.Hour) // and the token is over
	p.js(`await device.report()`)
	if got := p.js(`return (await auth.session()).expired`); got != "true" {
		t.Errorf("tom is signed in: %s", got)
	}
	w.set(func() {
		w.wiped, w.busy = map[string]bool{p.js(`return (await device.info()).id`): true}, []bool{true, false, true}
	})
	if got := p.js(`return await device.report().then(() => "no", () => "not known")`); got != "not known" {
		t.Errorf("a server that has no room is taken to say %s", got)
	}
	p.js(`await device.report()`)
	p.gone("tom")
	if n := peek(w.server, func() int { return len(w.keys) }); n != 0 {
		t.Error("the server is not told that it was done")
	}
}

// The phone is full: what the server has goes first, the oldest first, and what has not been
// sent stays, as do visits that can still be worked on: they are small, and in the valley
// there is nobody to ask.
func TestStorageFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(func() {
		for name, days := range map[string]int{"a": -3, "b": 0, "c": 1} {
			w.visits[name]["day"] = w.in.Clock.Now().AddDate(0, 0, days).Format(time.DateOnly)
		}
	})
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	p.js(`for (const name of ["1", "2"]) await queue.add("file.attach", "a", { name }, { file: new Blob([name]) })`)
	p.drained()
	p.airplane()
	p.js(`await queue.add("file.attach", "b", { name: "3" }, { file: new Blob(["3"]) })`)
	// The browser says full until n things have gone.
	const fill = `
		const db = await auth.partition();
		const run = db.run.bind(db), room = db.makeRoom.bind(db), gone = [];
		let full = N;
		const look = async () => [(await db.all("files")).length, (await db.all("commands")).length, (await db.all("visits")).length].join("/");
		db.makeRoom = async () => { const ok = await room(); gone.push(await look()); full--; return ok };
		db.run = (names, mode, work) => mode === "readwrite" && names.includes("files") && names.includes("meta") && full > 0 ? Promise.reject(new DOMException("full", "QuotaExceededError")) : run(names, mode, work);
		const said = await queue.add("note", "b", { text: "new" }).then(() => "kept", (e) => e.name);
		delete db.run; delete db.makeRoom;
		return said + " " + gone.join(" ");
	`
	if got := p.js(strings.Replace(fill, "N", "3", 1)); got != "kept 2/3/3 1/3/3 1/2/3" {
		t.Error(got)
	}
	// All that the server has and nobody needs goes, and then it is an error: the unsent picture
	// stays, and so do the visits of these days.
	if got := p.js(strings.Replace(fill, "N", "99", 1)); got != "QuotaExceededError 1/2/3 1/2/2 1/2/2" {
		t.Error(got)
	}
	if got := p.js(`return (await visits.all()).visits.map(v => v.id).join()`); got != "b,c" {
		t.Errorf("the visits that are left: %s", got)
	}
	p.land()
	p.js(`queue.drain()`)
	p.drained()
	if got := w.did(); got != "file.attach a, file.attach a, note b, file.attach b" {
		t.Error(got)
	}
}

// disable locks an account, as an administrator does.
func (w *world) disable(login string) {
	w.t.Helper()
	if _, err := w.in.Platform.Accounts.Disable(w.t.Context(), tandemtest.By, login); err != nil {
		w.t.Fatal(err)
	}
	w.in.Refresh()
}
