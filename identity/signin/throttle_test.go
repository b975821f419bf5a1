package signin

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem/internal/testkit"
)

// world is a throttle whose counters are in memory, one map for all attempts.
type world struct {
	throttle
	counters map[string]Attempts
	now      time.Time
}

func newWorld() *world {
	return &world{throttle: newThrottle(Throttling{}, nil, nil), counters: map[string]Attempts{}, now: time.Unix(1_800_000_000, 0)}
}

func (w *world) do(a attempt, f func(c []Attempts)) {
	c := make([]Attempts, len(a.keys))
	for i, k := range a.keys {
		c[i] = w.counters[k]
	}
	f(c)
	for i, k := range a.keys {
		w.counters[k] = c[i]
	}
}

// try makes an attempt that fails.
func (w *world) try(login, address string) verdict { return w.attempt(newAttempt(login, address)) }

func (w *world) attempt(a attempt) (v verdict) {
	w.do(a, func(c []Attempts) { v = w.decide(c, w.now) })
	return v
}

// Whatever others do to an account, or at an address, the first attempt of a
// person from an address that has not failed with their account waits two
// seconds at most, in all, and one with a device that they are known from
// waits not at all (C22).
func TestC22_NobodyCanLockAVictimOut(t *testing.T) {
	t.Parallel()
	const home = "203.0.113.7"
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		attack := func() {
			if rapid.Bool().Draw(t, "neighbour") {
				w.try(fmt.Sprint("user", rapid.IntRange(0, 20).Draw(t, "account")), home)
			} else {
				w.try("anna", fmt.Sprintf("198.51.100.%d", rapid.IntRange(0, 120).Draw(t, "address")))
			}
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "pause")) * time.Millisecond)
		}
		for range rapid.IntRange(0, 300).Draw(t, "attack") {
			attack()
		}
		if v := w.attempt(newDeviceAttempt("anna", "hers")); v != (verdict{}) {
			t.Fatalf("the victim's own device: %+v", v)
		}
		came := w.now
		for w.try("anna", home).wait > 0 {
			if waited := w.now.Sub(came); waited > 2*time.Second {
				t.Fatalf("the victim has waited %v", waited)
			}
			// The attack goes on while the victim waits.
			now := w.now
			for range 5 {
				attack()
			}
			w.now = now.Add(100 * time.Millisecond)
		}
	})
}

// A clock that ran ahead while somebody failed, and was then corrected, leaves
// no wait beyond the longest that there is.
func TestCountersOfTheFutureKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{time.Second, time.Minute, 15 * time.Minute, 6 * time.Hour, 10000 * time.Hour} {
		for _, a := range []attempt{newAttempt("anna", "198.51.100.1"), newDeviceAttempt("anna", "hers")} {
			w := newWorld()
			w.now = w.now.Add(ahead)
			for range 200 {
				w.attempt(a)
				w.now = w.now.Add(15 * time.Second / 200)
			}
			w.now = w.now.Add(-ahead)
			waited := w.attempt(a).wait
			if waited > 15*time.Second {
				t.Fatalf("%v ahead: wait %v", ahead, waited)
			}
			w.now = w.now.Add(waited)
			if again := w.attempt(a).wait; again > 0 {
				t.Errorf("%v ahead: waits again, %v", ahead, again)
			}
		}
	}
}

// However guesses are spread, an address gets ten and then one in 15 s.
func TestC22_OneAddressGetsFewGuesses(t *testing.T) {
	t.Parallel()
	w := newWorld()
	looked := 0
	for range 3600 * 2 { // an hour, twice a second
		if w.try("anna", "198.51.100.1").wait == 0 {
			looked++
		}
		w.now = w.now.Add(500 * time.Millisecond)
	}
	if want := 10 + 4 + 3600/15 + 1; looked > want {
		t.Errorf("%d guesses in an hour, want at most %d", looked, want)
	}
	// And with a device that the account is known from no more.
	w, looked = newWorld(), 0
	for range 3600 * 2 {
		if w.attempt(newDeviceAttempt("anna", "stolen")).wait == 0 {
			looked++
		}
		w.now = w.now.Add(500 * time.Millisecond)
	}
	if want := 10 + 4 + 3600/15 + 1; looked > want {
		t.Errorf("%d guesses with a device in an hour, want at most %d", looked, want)
	}
	// The same address at many accounts is in the slow lane after a hundred,
	// and refused nowhere.
	w = newWorld()
	for i := range 300 {
		want := verdict{slow: i >= 100}
		if got := w.try(fmt.Sprint("user", i), "198.51.100.1"); got != want {
			t.Fatalf("account %d: %+v, want %+v", i, got, want)
		}
		w.now = w.now.Add(500 * time.Millisecond)
	}
	// And forgotten when it has been quiet for a while.
	w.now = w.now.Add(16 * time.Minute)
	if v := w.try("anna", "198.51.100.1"); v != (verdict{}) {
		t.Errorf("still %+v", v)
	}
}

// Where many people sign in all day long, what they mistype is not added up: an address
// is slow for a burst of failures, and for a while after it, whoever signs in meanwhile.
func TestABusyAddressIsNotSlow(t *testing.T) {
	t.Parallel()
	const office = "203.0.113.7"
	w := newWorld()
	signIn := func(login string) verdict {
		a := newAttempt(login, office)
		v := w.attempt(a)
		w.do(a, func(c []Attempts) { takeBack(&c[byAddress]) })
		return v
	}
	for i := range 200 { // two days
		w.now = w.now.Add(7 * time.Minute)
		if v := w.try(fmt.Sprint("user", i), office); v.slow {
			t.Fatalf("slow after %d failures, 7 minutes apart", i)
		}
		w.now = w.now.Add(7 * time.Minute)
		if v := signIn(fmt.Sprint("other", i)); v != (verdict{}) {
			t.Fatalf("after %d failures: %+v", i, v)
		}
	}
	for i := range 1000 {
		w.now = w.now.Add(100 * time.Millisecond)
		w.try(fmt.Sprint("guess", i), office)
	}
	if v := signIn("anna"); !v.slow {
		t.Error("a burst of guesses makes nobody slow")
	}
	for range 3 {
		w.now = w.now.Add(10 * time.Minute)
		signIn("anna")
	}
	if v := signIn("paul"); v.slow {
		t.Error("half an hour after the burst the office is slow")
	}
}

// However many attempts one address has in the slow lane, somebody from another one waits
// for a single one of them.
func TestEachAddressHasItsTurnInTheSlowLane(t *testing.T) {
	t.Parallel()
	l, ctx := newSlowLane(), t.Context()
	leave, err := l.enter(ctx, "attacker")
	if err != nil {
		t.Fatal(err)
	}
	const many = 30
	passed := make(chan string)
	enter := func(address string) {
		leave, err := l.enter(ctx, address)
		if err != nil {
			t.Error(err)
		}
		passed <- address
		leave()
	}
	waiting := func(n int) bool {
		l.lock.Lock()
		defer l.lock.Unlock()
		users := 0
		for _, q := range l.address {
			users += q.users
		}
		return users == n
	}
	for range many {
		go enter("attacker")
	}
	testkit.Eventually(t, "they wait", func() bool { return waiting(many + 1) })
	go enter("office")
	testkit.Eventually(t, "the office waits", func() bool { return waiting(many + 2) })
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := l.enter(gone, "impatient"); !errors.Is(err, context.Canceled) {
		t.Errorf("somebody who has gone: %v", err)
	}
	leave()
	before := -1
	for n := range many + 1 {
		if <-passed == "office" {
			before = n
		}
	}
	if before > many/3 { // one or two, and more only where the machine let the office wait
		t.Errorf("%d passed before the office", before)
	}
	testkit.Eventually(t, "nothing is left", func() bool { return waiting(0) })
}
