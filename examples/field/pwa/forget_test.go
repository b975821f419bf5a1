package pwa_test

import (
	"testing"
	"time"
)

// The 14 days are the server's: a clock that is put right, or wrong, deletes nothing while the
// server can be asked. Without it what is too old goes all the same.
func TestForgetsByTheServersClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	p.clock()
	p.do(loadPage(w.url))
	p.signIn("tom")
	p.js(`await visits.refresh()`)
	w.set(func() { w.away = true })
	p.js(`await queue.add("note", "a", { text: "unsent" })`)
	p.late(-21 * 24 * time.Hour) // three weeks ahead
	w.set(func() { w.away = false })
	p.do(reload())
	p.drained()
	if got := w.did(); got != "note a" {
		t.Errorf("sent with a clock that is ahead: %q", got)
	}

	p.late(21 * 24 * time.Hour)
	p.do(reload())
	p.js(`await visits.refresh(); await queue.add("note", "a", { text: "x" })`)
	p.drained()
	p.js(`const { id } = await auth.session(); await store.contact(id)`)
	w.set(func() { w.away = true })
	p.js(`await queue.add("note", "a", { text: "unsent again" })`)
	p.late(0)
	p.do(reload())
	if got := p.js(`return [(await visits.all()).visits.length, (await queue.summary()).commands].join()`); got != "3,1" {
		t.Errorf("after the clock was put right: %s", got)
	}

	p.js(`await store.contact((await auth.session()).id, Date.now() - 14 * 86400_000 - 1)`)
	p.do(reload())
	p.sees("it is forgotten", `await auth.session() === null`)
	p.gone("tom")
}

// What somebody has left sealed is deleted when the office says so, or after 14 days, while
// somebody else is signed in, and hers stays.
func TestWipeOfWhatIsSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone()
	devices := map[string]string{}
	leave := func(login string) string {
		p.signIn(login)
		p.js(`await visits.refresh(); await device.report()`)
		devices[login] = p.js(`return (await device.info()).id`)
		return p.js(`return (await auth.session()).id`)
	}
	tom := leave("tom")
	nina := leave("nina")
	kept := func() string { return p.js(`return Object.keys(await store.people()).sort().join()`) }
	both := kept()
	w.set(func() { w.wiped, w.busy = map[string]bool{devices["tom"]: true}, []bool{true} })
	p.js(`await device.report()`)
	if got := kept(); got != both {
		t.Fatalf("a server that has no room is taken to say yes: %s", got)
	}
	w.set(func() { w.busy = []bool{false, true} })
	p.js(`await device.report()`)
	if got := kept(); got != nina {
		t.Fatalf("kept of %s, want %s alone", got, nina)
	}
	if got := p.js(`return (await indexedDB.databases()).map(d => d.name).join()`); got != "field,field "+nina && got != "field "+nina+",field" {
		t.Error("databases:", got)
	}
	if got := p.js(`return [(await auth.session()).login, (await visits.all()).visits.length].join()`); got != "nina,3" {
		t.Error(got)
	}
	// Who was forgotten when the app was killed, and is on the list still.
	p.js(`const own = await store.phone(); await own.set("people", { ...await own.value("people"), left: 5 }); await device.report()`)
	if got := kept(); got != nina {
		t.Errorf("kept of %s, want %s alone", got, nina)
	}
	if n := peek(w.server, func() int { return len(w.keys) }); n != 1 {
		t.Errorf("%d devices, want hers alone: the server is to be told that it was done", n)
	}
	// And when she has left, too; and by time, without a start of the app.
	w.set(func() { w.wiped = nil })
	leave("tom")
	p.js(`await store.contact("` + nina + `", Date.now() - 14 * 86400_000 - 1); await device.report()`)
	if got := kept(); got != tom {
		t.Errorf("kept of %s, want %s", got, tom)
	}
	p.js(`await (await store.phone()).delete("meta", "current")`)
	w.set(func() { w.wiped = map[string]bool{devices["tom"]: true} })
	p.js(`await device.report()`)
	if got := kept(); got != "" {
		t.Errorf("kept of %s", got)
	}
	p.gone("tom")
}
