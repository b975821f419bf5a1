package pwa_test

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
)

const addPhoto = `
	const bytes = new Uint8Array(1_500_000);
	for (let i = 0; i < bytes.length; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536));
	await queue.add("file.attach", "a", { name: "one.jpg", purpose: "photo" }, { file: new Blob([bytes], { type: "image/jpeg" }) });
`

// Failure story: the network goes in the middle of a photo, again and again. It goes on where
// the server is, to the byte, and costs one question.
func TestUploadResumesInMidFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	var cuts atomic.Int32
	w.set(func() {
		w.fault = func(rw http.ResponseWriter, r *http.Request, api http.Handler) bool {
			if r.Method != http.MethodPatch || cuts.Add(1) > 3 {
				return false
			}
			r.Body = io.NopCloser(io.LimitReader(r.Body, 100_000)) // and then the line is dead
			return lost(rw, r, api)
		}
	})
	p.js(addPhoto)
	p.sees("the counter goes up before the end", `(await queue.list())[0].sent > 0 || (await queue.list())[0].state === "done"`)
	p.drained()
	whole := w.whole()
	w.set(func() {
		if whole != 1 || w.created != 1 || w.moved != 1_500_000 || w.heads < 1 || w.heads > 6 {
			t.Errorf("%d whole, %d created, %d bytes moved for 1,500,000, %d questions", whole, w.created, w.moved, w.heads)
		}
	})
}

// Failure story: the answer to the creation is lost. The same key is the same upload.
func TestUploadLostCreation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	var asked atomic.Int32
	w.set(func() {
		w.fault = func(rw http.ResponseWriter, r *http.Request, api http.Handler) bool {
			if r.URL.Path != "/field-api/uploads" || asked.Add(1) > 2 {
				return false
			}
			return lost(rw, r, api)
		}
	})
	p.js(addPhoto)
	p.drained()
	parts := peek(w.server, func() int { return len(w.parts) })
	if w.whole() != 1 || parts != 1 || w.did() != "file.attach a" {
		t.Errorf("%d whole of %d, %s", w.whole(), parts, w.did())
	}
}

// What came damaged, or expired at the server, starts once more by itself; the app killed in
// the middle goes on with the file it has.
func TestUploadDamagedExpiredKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	step := 0
	w.set(func() {
		w.fault = func(rw http.ResponseWriter, r *http.Request, api http.Handler) bool {
			if r.Method != http.MethodPatch {
				return false
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			for owner, part := range w.parts {
				switch {
				case step == 0 && len(part.content) > 0:
					part.content[0] ^= 1 // damaged: the sum is wrong at the end
					step++
				case step == 1 && part.wrong == 1 && len(part.content) > 500_000:
					delete(w.parts, owner) // expired
					step++
				}
			}
			return false
		}
	})
	p.js(addPhoto)
	p.sees("it is under way", `(await queue.list())[0].sent > 0`)
	p.do(reload())
	p.drained()
	if whole, steps := w.whole(), peek(w.server, func() int { return step }); whole != 1 || steps < 1 {
		t.Errorf("%d whole, step %d", whole, steps)
	}
}

// What arrives damaged three times is told; so is what the phone itself has damaged or does not
// have any more, of which nothing is sent.
func TestUploadThatNeverIsWhatItsSumSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	w.set(func() {
		w.fault = func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.Method != http.MethodPatch {
				return false
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, part := range w.parts {
				part.sum = "what the line makes of it"
			}
			return false
		}
	})
	const add = `const { id } = await queue.add("file.attach", "a", { name: "one.jpg", purpose: "photo" }, { file: new Blob(["one"], { type: "image/jpeg" }) });`
	p.js(add + `await queue.add("finish", "a", {})`)
	p.sees("why", `(await queue.list())[0].state === "refused" && (await queue.list())[0].error.error === "checksum"`)
	if n := peek(w.server, func() int { return w.moved }); n != 3*len("one") {
		t.Errorf("%d bytes were sent", n)
	}
	w.set(func() { w.fault = nil })
	p.js(`await queue.retry((await queue.list())[0].id)`)
	p.drained()

	for what, damage := range map[string]string{
		"changed": `await db.put("files", { id, blob: new Blob(["two"]) })`,
		"gone":    `await db.delete("files", id)`,
	} {
		created := peek(w.server, func() int { return w.created })
		w.set(func() { w.away = true })
		p.js(`const db = await auth.partition();` + add + damage)
		w.set(func() { w.away = false })
		p.js(`queue.drain()`)
		p.sees("that it is "+what, `(await queue.list()).at(-1).state === "refused" && (await queue.list()).at(-1).error.error === "lost"`)
		p.js(`await queue.takeOffice((await queue.list()).at(-1).id)`)
		if n := peek(w.server, func() int { return w.created }); n != created {
			t.Errorf("%s: %d uploads were made", what, n-created)
		}
	}
}

// unreadable has the files on the phone fail when they are read, so many times.
const unreadable = `
	const db = await auth.partition(), get = db.get.bind(db);
	const unreadable = (times) => {
		window.failed = 0;
		db.get = async (...key) => {
			const row = await get(...key);
			if (key[0] === "files" && row && times-- > 0) row.blob.arrayBuffer = async () => { window.failed++; throw new DOMException("not now", "NotReadableError") };
			return row;
		};
	};
`

// Failure story: a phone in the background, or short of memory, cannot read a file just now. It
// is as good as before, is sent later, and holds nothing else up; only one that fails again and
// again is told, and even that stays and can be sent.
func TestUploadThatCannotBeReadJustNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	const add = `await queue.add("file.attach", "a", { name: "one.jpg", purpose: "photo" }, { file: new Blob(["one"], { type: "image/jpeg" }) });`
	p.js(unreadable + `await navigator.locks.request("field-send", async () => { // nothing is sent meanwhile
		` + add + add + add + `await queue.add("finish", "a", {}); unreadable(2) })`)
	p.drained()
	if n, failed := w.whole(), p.js(`return window.failed`); n != 3 || failed != "2" {
		t.Errorf("%d files are there whole, after %s that could not be read", n, failed)
	}

	p.js(unreadable + `await navigator.locks.request("field-send", async () => {
		` + add + `await queue.add("file.attach", "b", { name: "two.jpg", purpose: "photo" }, { file: new Blob(["two"], { type: "image/jpeg" }) });
		unreadable(Infinity); window.read = () => { db.get = get } })`)
	p.js(`await queue.drain()`)
	if got := p.js(`return (await queue.list()).slice(-2).map((c) => c.state).join()`); got != "waiting,waiting" {
		t.Errorf("after one more look: %s", got)
	}
	p.js(`for (let i = 0; i < 12; i++) await queue.drain()`)
	if got := p.js(`return (await queue.list()).slice(-2).map((c) => c.state + " " + c.error?.error).join()`); got != "refused unreadable,refused unreadable" {
		t.Errorf("after many looks: %s", got)
	}
	p.js(`read(); for (const c of (await queue.list()).slice(-2)) await queue.retry(c.id)`)
	p.drained()
	if n := w.whole(); n != 5 {
		t.Errorf("%d files are there whole", n)
	}
}

// What the server has whole needs no file on the phone any more, killed before it knew.
func TestUploadThatIsThereNeedsNoFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	w.set(func() {
		w.fault = func(rw http.ResponseWriter, r *http.Request, api http.Handler) bool {
			switch r.Method {
			case http.MethodPatch:
				return lost(rw, r, api)
			case http.MethodHead:
				return down(rw, r, api)
			}
			return false
		}
	})
	p.js(`await queue.add("file.attach", "a", { name: "one.jpg", purpose: "photo" }, { file: new Blob(["one"], { type: "image/jpeg" }) })`)
	testkit.Eventually(t, "all bytes are there", func() bool { return peek(w.server, func() int { return w.moved }) == len("one") })
	p.js(`await navigator.locks.request("field-send", async () => (await auth.partition()).delete("files", (await queue.list())[0].id))`)
	p.do(reload())
	w.set(func() { w.fault = nil })
	p.js(`await queue.drain()`)
	p.sees("it has an end", `["done", "refused"].includes((await queue.list())[0].state)`)
	if got := p.states(); got != "file.attach done" || w.did() != "file.attach a" {
		t.Errorf("%s; %q", got, w.did())
	}
}

// A refused upload is told, and is not tried for ever.
func TestUploadRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fault = func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path != "/field-api/uploads" {
			return false
		}
		write(rw, answer{413, obj{"error": "too_large", "message": "50 files are the most of a visit: delete one"}})
		return true
	}
	p := w.phone()
	p.signIn("tom")
	p.js(addPhoto)
	p.sees("why", `(await queue.list())[0].state === "refused" && (await queue.list())[0].error.error === "too_large"`)
	if got := p.js(`try { await queue.add("file.attach", "a", { name: "x" }, { file: new Blob([new Uint8Array(16 << 20)]) }) } catch (e) { return e.name }`); got != "RangeError" {
		t.Error(got)
	}
}

// The picture is drawn anew: smaller, upright, without place and camera.
func TestPhotoIsDrawnAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.signIn("tom")
	got := decode[struct {
		Type          string
		Width, Height int
		Exif          bool
		Refused       string
	}](p, `
		const canvas = new OffscreenCanvas(3000, 1000);
		canvas.getContext("2d").fillRect(0, 0, 10, 10);
		const plain = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg" })).arrayBuffer());
		// An APP1 with EXIF: turned by 90 degrees, and a word in it.
		const exif = [..."Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0SECRETPLACE"].map((c) => c.charCodeAt(0));
		const marked = new Blob([plain.slice(0, 2), new Uint8Array([0xff, 0xe1, 0, exif.length + 2, ...exif]), plain.slice(2)], { type: "image/jpeg" });
		const blob = await photos.prepare(marked);
		const picture = await createImageBitmap(blob);
		const text = new TextDecoder("latin1").decode(await blob.arrayBuffer());
		const refused = await photos.prepare(new Blob(["<svg/>"], { type: "text/plain" })).then(() => "taken", (e) => e.name);
		return { type: blob.type, width: picture.width, height: picture.height, exif: text.includes("Exif") || text.includes("SECRET"), refused };
	`)
	if got.Type != "image/jpeg" || got.Width != 683 || got.Height != 2048 || got.Exif || got.Refused != "InvalidStateError" {
		t.Errorf("%+v", got)
	}
}
