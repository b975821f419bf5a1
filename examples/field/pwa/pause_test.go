package pwa_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// pausedUploads makes the server take no file for an hour.
func (w *world) pausedUploads(asked *atomic.Int32) {
	w.set(func() {
		w.fault = func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.URL.Path != "/field-api/uploads" {
				return false
			}
			asked.Add(1)
			rw.Header().Set("Retry-After", "3600")
			write(rw, answer{429, obj{"error": "too_many", "message": "200 MB are the most of a day"}})
			return true
		}
	})
}

// A pause that the server asks for files is theirs alone: commands go on, what was received is
// asked for, and no file is tried before its time.
func TestQueueFilesPauseAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	var asked atomic.Int32
	w.pausedUploads(&asked)
	p.js(`await queue.add("file.attach", "a", { name: "one.jpg", purpose: "photo" }, { file: new Blob(["x"], { type: "image/jpeg" }) }); await queue.drain()`)
	p.sees("why", `(await queue.summary()).lastError?.word === "files"`)
	before := asked.Load()
	p.js(`await queue.add("note", "a", { text: "while files wait" })`)
	p.sees("the note is sent", `(await queue.list()).at(-1).state === "done"`)
	w.set(func() {
		w.rule = func(c command) *answer { return &answer{202, obj{"state": "accepted", "command": c.ID}} }
	})
	p.js(`await queue.add("visit.start", "b", {})`)
	p.sees("it is received", `(await queue.list()).at(-1).state === "accepted"`)
	w.set(func() {
		for key := range w.answers {
			w.answers[key] = answer{200, obj{"state": "done", "command": key}}
		}
		w.rule = nil
	})
	p.sees("what became of it is asked", `(await queue.list()).at(-1).state === "done"`)
	p.js(`await queue.drain()`)
	if got := p.states(); got != "file.attach waiting, note done, visit.start done" {
		t.Error(got)
	}
	if n := asked.Load(); n != before {
		t.Errorf("the file was tried %d times in its pause", n-before)
	}
	if got := p.js(`return (await queue.summary()).lastError?.word`); got != "files" {
		t.Errorf("the queue says %s", got)
	}
	// The pause is over: the file goes.
	w.set(func() { w.fault = nil })
	p.js(`const db = await auth.partition(); await db.set("notBefore files", 0); await queue.drain()`)
	p.drained()
}

// What the person has decided about a conflict holds for what the server had received behind
// it, too, whenever it comes back: nobody is asked twice.
func TestQueueConflictIsAskedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := ""
	office := obj{"id": "a", "version": 7, "notes": "office", "status": "Scheduled", "day": "2026-11-29", "number": "1"}
	w.set(func() {
		w.rule = func(c command) *answer {
			switch {
			case c.Type == "finish" && c.Base < 7 && w.answers[first].status == 409:
				return &answer{409, obj{"error": "held", "message": "one before it was refused", "behind": first}}
			case c.Base < 7 && first == "":
				first = c.ID
				fallthrough
			case c.Base < 7 && w.answers[first].status != 409:
				return &answer{202, obj{"state": "accepted", "command": c.ID}}
			case c.Base < 7:
				return &answer{409, obj{"error": "conflict", "message": "changed", "office": office}}
			}
			return nil
		}
	})
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	p.js(`await queue.add("note", "a", { text: "mine" }); await queue.add("visit.start", "a", {})`)
	p.sees("both are received", `(await queue.list()).every(c => c.state === "accepted")`)
	var cut atomic.Bool
	cut.Store(true)
	w.set(func() { // the note is refused; what became of the other one is not heard yet
		for key := range w.answers {
			w.answers[key] = answer{409, obj{"error": "held", "message": "one before it was refused", "behind": first}}
		}
		w.answers[first] = answer{409, obj{"error": "conflict", "message": "changed", "office": office}}
		w.fault = func(rw http.ResponseWriter, r *http.Request, api http.Handler) bool {
			if !cut.Load() || r.Method != http.MethodGet || !strings.HasPrefix(r.URL.Path, "/field-api/commands/") || strings.HasSuffix(r.URL.Path, first) {
				return false
			}
			return down(rw, r, api)
		}
	})
	p.sees("a conflict", `(await queue.list()).map(c => c.state).join() === "conflict,accepted"`)
	p.js(`await queue.mineWins((await queue.list())[0].id)`)
	cut.Store(false)
	p.drained()
	if got := w.did(); !strings.HasSuffix(got, "note a, visit.start a") || w.ended()[len(w.ended())-1].Base != 7 {
		t.Errorf("%s: %+v", got, w.ended())
	}
}
