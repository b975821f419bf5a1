package pwa_test

import (
	"testing"
	"time"
)

// F9: the phone's clock is put right, or wrong, beside the network. What was done gets the time
// at which it was done, whichever came first, and also where the app was started anew between.
func TestClockPutRightInTheValley(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, then, after time.Duration // by how much it is late at the depot, at the visit, and on the road
		reload              bool
	}{
		"before the visit":                   {24 * time.Hour, 0, 0, false},
		"before the visit by less":           {3 * time.Hour, 0, 0, false},
		"before the visit, and a start":      {24 * time.Hour, 0, 0, true},
		"after the visit":                    {24 * time.Hour, 24 * time.Hour, 0, false},
		"after the visit, and a start":       {3 * time.Hour, 3 * time.Hour, 0, true},
		"for the visit alone":                {0, -24 * time.Hour, 0, true},
		"for the visit alone, to the future": {0, 24 * time.Hour, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.phone()
			p.clock()
			p.do(loadPage(w.url))
			p.late(c.before)
			p.signIn("tom")
			p.js(`await visits.refresh()`)
			p.airplane()
			p.late(c.then)
			p.js(`await queue.add("visit.start", "a", {})`)
			done := w.in.Clock.Now()
			p.late(c.after)
			if c.reload {
				p.do(reload())
				p.js(`await visits.all()`)
			}
			p.land()
			p.js(`queue.drain()`)
			p.drained()
			sent := w.ended()[0]
			at, err := time.Parse(time.RFC3339, sent.At)
			if err != nil {
				t.Fatal(err)
			}
			if off := at.Add(time.Duration(sent.Skew) * time.Millisecond).Sub(done); off.Abs() > 5*time.Minute {
				t.Errorf("it is sent as done %s from when it was (at %s, skew %s)", off, sent.At, time.Duration(sent.Skew)*time.Millisecond)
			}
		})
	}
}

// What was refused for its time goes with the difference of today when it is tried again.
func TestRefusedForItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(func() {
		w.rule = func(c command) *answer {
			if at, err := time.Parse(time.RFC3339, c.At); err != nil || at.Add(time.Duration(c.Skew)*time.Millisecond).Before(w.in.Clock.Now().Add(-time.Hour)) {
				return &answer{422, obj{"error": "refused", "reason": "wrong_day", "message": "visit 1 is of today"}}
			}
			return nil
		}
	})
	p := w.phone()
	p.signIn("tom")
	p.js(`await visits.refresh(); await queue.add("visit.start", "b", {})`)
	p.drained()
	p.airplane()
	// Kept with a difference that may have been right, by a start of the app that is over.
	p.js(`
		const { id } = await queue.add("visit.start", "a", {});
		const db = await auth.partition(), c = await db.get("commands", id);
		await db.put("commands", { ...c, skew: -7200_000, after: c.after - 10800_000, clock: undefined })`)
	p.land()
	p.js(`queue.drain()`)
	p.sees("it is refused", `(await queue.list()).at(-1).state === "refused"`)
	p.js(`await queue.retry((await queue.list()).at(-1).id)`)
	p.drained()
}
