package pwa_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
)

// A day in the valley: what was done without network arrives once, in order, with its files.
func TestQueueOffline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	p.airplane()
	p.js(`
		const photo = new Blob([crypto.getRandomValues(new Uint8Array(60000)), new Uint8Array(200000)], { type: "image/jpeg" });
		await queue.add("visit.start", "a", {});
		await queue.add("service.add", "a", { service: "s1", quantity: "1.5" });
		await queue.add("file.attach", "a", { name: "one.jpg", purpose: "photo" }, { file: photo });
		await queue.add("visit.start", "b", {});
		await queue.add("material.add", "a", { product: "p1", quantity: "2" });
		const drawing = await queue.add("file.attach", "a", { name: "sign.png", purpose: "signature" }, { file: new Blob(["drawing"], { type: "image/png" }) });
		await queue.add("sign", "a", { name: "Frau Huber", upload: drawing.id });
		await queue.add("finish", "a", {});
		await queue.add("note", "b", { text: "rope worn" });
	`)
	seen := decode[struct {
		Status, State, Receiver string
		Pending                 int
		Services                []struct{ Service struct{ Name string } }
		Files                   []any
	}](p, `return await visits.get("a")`)
	if seen.Status != "Done" || seen.State != "Completed" || seen.Receiver != "Frau Huber" || seen.Pending != 7 || len(seen.Services) != 1 || seen.Services[0].Service.Name != "Inspection" || len(seen.Files) != 2 {
		t.Errorf("the visit as tom sees it: %+v", seen)
	}
	p.sees("the queue says why", `(await queue.summary()).commands === 7 && (await queue.summary()).files === 2 && (await queue.summary()).lastError?.word === "offline"`)
	if w.did() != "" {
		t.Fatal("somebody was online")
	}
	p.land()
	p.js(`queue.drain()`)
	p.drained()
	// The signature waits for its drawing, and not for the photo; the end waits for both.
	const before = "visit.start a, service.add a, visit.start b, material.add a, note b, file.attach a, "
	if got := w.did(); got != before+"file.attach a, sign a, finish a" && got != before+"sign a, file.attach a, finish a" {
		t.Errorf("got %s", got)
	}
	for i, c := range w.ended() {
		if c.Seq != i+1 || c.Schema != 1 || c.Type == "file.attach" && c.Body["upload"] != c.ID {
			t.Errorf("command %d: %+v", i, c)
		}
	}
	created := peek(w.server, func() int { return w.created })
	if w.posts() != 9 || w.whole() != 2 || created != 2 {
		t.Errorf("%d commands sent, %d files arrived, %d created", w.posts(), w.whole(), created)
	}
}

// keys are the ids of what is kept, in order.
func (p *phone) keys() []string {
	p.t.Helper()
	return decode[[]string](p, `return (await queue.list()).map(c => c.id)`)
}

// F6: an answer that is lost is asked for again, by the same key and text, and nothing
// happens twice.
func TestQueueLostAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`) // and knows a nonce
	var asked atomic.Int32
	w.set(func() {
		w.fault = func(rw http.ResponseWriter, r *http.Request, api http.Handler) bool {
			if r.URL.Path != "/field-api/commands" || asked.Add(1) > 3 {
				return false
			}
			return lost(rw, r, api)
		}
	})
	p.js(`for (const text of ["one", "two", "three"]) await queue.add("note", "a", { text })`)
	before := p.keys()
	p.drained()
	if got := w.did(); got != "note a, note a, note a" || w.posts() < 4 {
		t.Errorf("%d sent: %s", w.posts(), got)
	}
	for i, c := range w.ended() {
		if c.Seq != i+1 || c.ID != before[i] {
			t.Errorf("%d: seq %d of %s", i, c.Seq, c.ID)
		}
	}
}

// F5: what is refused stays until tom decides; its visit waits, the others go on.
func TestQueueRefusedHoldsBackItsVisitOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refuse := true
	w.set(func() {
		w.rule = func(c command) *answer {
			if c.Type == "material.add" && refuse {
				return &answer{422, obj{"error": "refused", "message": "the store has no rope: book another product"}}
			}
			return nil
		}
	})
	p := w.phone()
	p.signIn("tom")
	p.airplane()
	p.js(`
		await queue.add("visit.start", "a", {});
		await queue.add("material.add", "a", { product: "p1", quantity: "2" });
		await queue.add("finish", "a", {});
		await queue.add("visit.start", "b", {});
	`)
	p.land()
	p.js(`queue.drain()`)
	p.sees("b goes on", `(await queue.list()).at(-1).state === "done"`)
	if got := p.states(); got != "visit.start done, material.add refused, finish blocked, visit.start done" {
		t.Error(got)
	}
	if got := p.js(`return (await queue.list())[1].error.message`); !strings.Contains(got, "the store has no rope") {
		t.Error(got)
	}
	// Again is a new command: the answer to the old one is known.
	first := p.keys()[1]
	p.js(`await queue.retry((await queue.list())[1].id)`)
	p.sees("it is refused again", `(await queue.list())[1].state === "refused" && (await queue.list())[1].id !== "`+first+`"`)
	w.set(func() { refuse = false })
	p.js(`await queue.retry((await queue.list())[1].id)`)
	p.drained()
	if got := w.did(); got != "visit.start a, visit.start b, material.add a, finish a" {
		t.Error(got)
	}
	// Or it is dropped.
	w.set(func() { refuse = true })
	p.js(`await queue.add("material.add", "c", { product: "p1", quantity: "2" }); await queue.add("finish", "c", {})`)
	p.sees("refused", `(await queue.list()).at(-2).state === "refused"`)
	p.js(`await queue.takeOffice((await queue.list()).at(-2).id)`)
	p.drained()
	if got := w.did(); !strings.HasSuffix(got, "finish c") || strings.Contains(got, "material.add c") {
		t.Error(got)
	}
}

// The office has changed the visit meanwhile: both values, and either may win.
func TestQueueConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	office := obj{"id": "a", "version": 7, "notes": "office", "status": "Scheduled", "day": "2026-11-29", "number": "1"}
	w.set(func() {
		w.rule = func(c command) *answer {
			if c.Base != 0 && c.Base < 7 && c.Visit == "a" {
				return &answer{409, obj{"error": "conflict", "message": "changed", "office": office, "yours": c.Body}}
			}
			return nil
		}
	})
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	p.airplane()
	p.js(`await queue.add("note", "a", { text: "mine" }); await queue.add("visit.start", "a", {}); await queue.add("visit.start", "b", {})`)
	p.land()
	p.js(`queue.drain()`)
	p.sees("a conflict", `(await queue.list())[0].state === "conflict" && (await queue.list())[2].state === "done"`)
	both := decode[struct {
		Office, Body, Error map[string]any
	}](p, `return (await queue.list())[0]`)
	if both.Office["notes"] != "office" || both.Body["text"] != "mine" {
		t.Errorf("%+v", both)
	}
	p.js(`await queue.mineWins((await queue.list())[0].id)`)
	p.drained()
	if got := w.did(); got != "visit.start b, note a, visit.start a" {
		t.Error(got)
	}
	if w.ended()[1].Base != 7 || w.ended()[2].Base != 7 {
		t.Errorf("bases %d, %d", w.ended()[1].Base, w.ended()[2].Base)
	}
	// The other way.
	w.set(func() {
		office["version"] = 9
		w.rule = func(c command) *answer {
			if c.Base < 9 {
				return &answer{409, obj{"error": "conflict", "message": "changed", "office": office}}
			}
			return nil
		}
	})
	p.js(`await queue.add("note", "a", { text: "mine again" })`)
	p.sees("a conflict", `(await queue.list()).at(-1).state === "conflict"`)
	p.js(`await queue.takeOffice((await queue.list()).at(-1).id)`)
	p.sees("the office's value", `(await visits.get("a")).notes === "office" && (await visits.get("a")).pending === 0`)
}

// A visit that is somebody else's now is refused with who has it.
func TestQueueNotYours(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(func() {
		w.rule = func(command) *answer {
			return &answer{409, obj{"error": "not_yours", "message": "the visit is Nina's now", "responsible": obj{"id": "n", "name": "Nina"}}}
		}
	})
	p := w.phone()
	p.signIn("tom")
	p.js(`await queue.add("visit.start", "a", {})`)
	p.sees("whose it is", `(await queue.list())[0].state === "refused" && (await queue.list())[0].error.responsible.name === "Nina"`)
}

// A server that counts otherwise is followed, without a command done twice.
func TestQueueOutOfOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await queue.add("visit.start", "a", {})`)
	p.drained()
	w.set(func() { // restored from yesterday's copy
		for device := range w.next {
			w.next[device] = 0
		}
	})
	p.js(`await queue.add("note", "a", { text: "x" }); await queue.add("note", "a", { text: "y" })`)
	p.drained()
	if got := w.did(); got != "visit.start a, note a, note a" || w.ended()[1].Seq != 1 || w.ended()[2].Seq != 2 {
		t.Error(got, w.ended())
	}
}

// F1: what was received and not booked stays on the phone until it is.
func TestQueueAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(func() {
		w.rule = func(c command) *answer { return &answer{202, obj{"state": "accepted", "command": c.ID}} }
	})
	p := w.phone()
	p.signIn("tom")
	p.js(`await queue.add("file.attach", "a", { name: "one.jpg", purpose: "photo" }, { file: new Blob(["x"], { type: "image/jpeg" }) }); await queue.add("note", "a", { text: "x" })`)
	p.sees("received", `(await queue.list()).every(c => c.state === "accepted")`)
	if got := p.js(`return [await queue.summary().then(s => s.commands + s.files), (await queue.blob((await queue.list())[0].id)).size, (await auth.signOut()).waiting].join()`); got != "2,1,2" {
		t.Error(got)
	}
	w.set(func() {
		for key, a := range w.answers {
			w.answers[key] = answer{200, obj{"state": "done", "command": key}}
			_ = a
		}
	})
	p.drained()
	// One that the server has forgotten is sent again.
	p.js(`await queue.add("note", "b", { text: "x" })`)
	p.sees("received", `(await queue.list()).at(-1).state === "accepted"`)
	w.set(func() {
		delete(w.answers, w.done[len(w.done)-1].ID)
		for device := range w.next {
			w.next[device]--
		}
		w.rule = nil
	})
	p.drained()
}

// A visit is not finished before the last word on its files: a photo that was received and
// refused later would be missing from it.
func TestQueueFinishWaitsForReceivedFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(func() {
		w.rule = func(c command) *answer {
			if c.Type == "file.attach" {
				return &answer{202, obj{"state": "accepted", "command": c.ID}}
			}
			return nil
		}
	})
	p := w.phone()
	p.signIn("tom")
	p.js(`await queue.add("file.attach", "a", { name: "one.jpg", purpose: "photo" }, { file: new Blob(["x"], { type: "image/jpeg" }) }); await queue.add("finish", "a", {}); await queue.add("note", "b", { text: "x" })`)
	p.sees("received, and the other visit goes on", `(await queue.list()).map(c => c.state).join() === "accepted,waiting,done"`)
	p.js(`await queue.drain()`)
	if got := p.states(); got != "file.attach accepted, finish waiting, note done" {
		t.Error(got)
	}
	w.set(func() {
		for key, a := range w.answers {
			if a.status == 202 {
				w.answers[key] = answer{422, obj{"error": "refused", "message": "that is no picture"}}
			}
		}
	})
	p.sees("the person decides", `(await queue.list())[0].state === "refused"`)
	if got := p.states(); got != "file.attach refused, finish blocked, note done" {
		t.Error(got)
	}
	p.js(`await queue.takeOffice((await queue.list())[0].id)`)
	p.drained()
	if got := w.did(); !strings.HasSuffix(got, "finish a") {
		t.Error(got)
	}
}

// What the server has held behind a refused one comes back, waits for the decision and is
// sent as a new command; also where the phone did not know of the refusal when it sent it.
func TestQueueHeldBehindARefusedOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused := ""
	w.set(func() {
		w.rule = func(c command) *answer {
			switch {
			case c.Type == "material.add" && refused == "":
				refused = c.ID
				return &answer{202, obj{"state": "accepted", "command": c.ID}}
			case c.Type == "note" && c.Body["text"] == "behind" && len(w.answers) == 1:
				return &answer{202, obj{"state": "accepted", "command": c.ID}}
			case c.Type == "finish" && w.answers[refused].status == 202:
				for key := range w.answers {
					w.answers[key] = answer{409, obj{"error": "held", "message": "one before it was refused", "behind": refused}}
				}
				w.answers[refused] = answer{422, obj{"error": "refused", "message": "the store has no rope"}}
				return &answer{409, obj{"error": "held", "message": "one before it was refused", "behind": refused}}
			}
			return nil
		}
	})
	p := w.phone()
	p.signIn("tom")
	p.airplane()
	p.js(`
		await queue.add("material.add", "a", { product: "p1", quantity: "2" });
		await queue.add("note", "a", { text: "behind" });
		await queue.add("finish", "a", {});
		await queue.add("note", "b", { text: "x" });
	`)
	before := p.keys()
	p.land()
	p.js(`queue.drain()`)
	p.sees("it came back", `(await queue.list()).map(c => c.state).join() === "refused,blocked,blocked,done"`)
	for i, key := range p.keys() {
		if held := i == 1 || i == 2; held == (key == before[i]) {
			t.Errorf("command %d: %s, before %s", i, key, before[i])
		}
	}
	w.set(func() { w.done = nil })
	p.js(`await queue.retry((await queue.list())[0].id)`)
	p.drained()
	if got := w.did(); got != "material.add a, note a, finish a" {
		t.Error(got)
	}
}

// What is kept while a pass is ending is sent at once, and not when the minute is over: here
// no minute ends.
func TestQueueSendsWhatComesLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.do(call(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `window.setInterval = () => 0`}))
	p.signIn("tom")
	p.js(`
		let sent = () => {};
		queue.on("change", async () => (await queue.list()).every((c) => c.state === "done") && sent());
		for (let n = 0; n < 20; n++) {
			const done = new Promise((ok) => { sent = ok });
			await queue.add("note", "a", { text: String(n) });
			await done;
		}`)
	if n := len(w.ended()); n != 20 {
		t.Errorf("%d of 20 were sent", n)
	}
}

// A busy server is left alone for as long as it says, and no command is lost.
func TestQueueBusy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	var asked atomic.Int32
	var at []time.Time
	w.set(func() {
		w.fault = func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.URL.Path != "/field-api/commands" {
				return false
			}
			w.set(func() { at = append(at, time.Now()) })
			if asked.Add(1) > 2 {
				return false
			}
			rw.Header().Set("Retry-After", "2")
			rw.Header().Set("Content-Type", "application/json")
			http.Error(rw, `{"error":"unavailable","message":"the ERP does not answer"}`, 503)
			return true
		}
	})
	p.js(`await queue.add("visit.start", "a", {})`)
	p.sees("why", `(await queue.summary()).lastError?.word === "busy"`)
	p.drained()
	tries := peek(w.server, func() []time.Time { return slices.Clone(at) })
	if len(tries) != 3 || tries[1].Sub(tries[0]) < 2*time.Second || tries[2].Sub(tries[1]) < 2*time.Second {
		t.Errorf("tried at %v", tries)
	}
}

// A portal of a hotel answers everything with 200 and a page: nothing leaves the phone for it.
func TestQueueCaptivePortal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var portal atomic.Bool
	portal.Store(true)
	w.set(func() {
		w.fault = func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			if portal.Load() {
				fmt.Fprint(rw, "<h1>Welcome! Accept our terms</h1>")
			}
			return portal.Load()
		}
	})
	p := w.phone()
	p.signIn("tom")
	p.js(`await queue.add("visit.start", "a", {}); await queue.add("file.attach", "a", { name: "one.jpg", purpose: "photo" }, { file: new Blob(["x"]) }); await queue.drain()`)
	if got := p.states(); got != "visit.start waiting, file.attach waiting" {
		t.Error(got)
	}
	w.set(func() { portal.Store(false) })
	p.js(`queue.drain()`)
	p.drained()
}
