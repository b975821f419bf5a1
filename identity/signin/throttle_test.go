package signin

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// world is a throttle whose counters are in memory, one map for all attempts.
type world struct {
	throttle
	counters map[string]Attempts
	now      time.Time
}

func newWorld() *world {
	return &world{throttle: throttle{Throttling: Throttling{}.withDefaults()}, counters: map[string]Attempts{}, now: time.Unix(1_800_000_000, 0)}
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

// try makes an attempt that fails, and returns the wait.
func (w *world) try(login, address string) (wait time.Duration) {
	w.do(newAttempt(login, address), func(c []Attempts) { wait = w.decide(c, w.now) })
	return wait
}

// Whatever others do to an account, an address that has not failed waits two
// seconds at most, in all, before its first attempt is looked at (C22).
func TestC22_NobodyCanLockAVictimOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		attack := func() {
			w.try("anna", fmt.Sprintf("198.51.100.%d", rapid.IntRange(0, 120).Draw(t, "address")))
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "pause")) * time.Millisecond)
		}
		for range rapid.IntRange(0, 300).Draw(t, "attack") {
			attack()
		}
		came := w.now
		for w.try("anna", "203.0.113.7") > 0 {
			if waited := w.now.Sub(came); waited > 2*time.Second {
				t.Fatalf("the victim has waited %v", waited)
			}
			// The attack goes on while the victim waits.
			for range 5 {
				w.try("anna", fmt.Sprintf("198.51.100.%d", rapid.IntRange(0, 120).Draw(t, "meanwhile")))
			}
			w.now = w.now.Add(100 * time.Millisecond)
		}
	})
}

// However guesses are spread, an address gets ten and then one in 15 s.
func TestC22_OneAddressGetsFewGuesses(t *testing.T) {
	t.Parallel()
	w := newWorld()
	looked := 0
	for range 3600 * 2 { // an hour, twice a second
		if w.try("anna", "198.51.100.1") == 0 {
			looked++
		}
		w.now = w.now.Add(500 * time.Millisecond)
	}
	if want := 10 + 4 + 3600/15 + 1; looked > want {
		t.Errorf("%d guesses in an hour, want at most %d", looked, want)
	}
	// The same address at many accounts is slowed down too.
	w, looked = newWorld(), 0
	for i := range 3600 * 2 {
		if w.try(fmt.Sprint("user", i), "198.51.100.1") == 0 {
			looked++
		}
		w.now = w.now.Add(500 * time.Millisecond)
	}
	if want := 100 + 5 + 3600/15; looked > want {
		t.Errorf("%d accounts tried in an hour, want at most %d", looked, want)
	}
	// And forgotten when it has been quiet for a while.
	w.now = w.now.Add(16 * time.Minute)
	if wait := w.try("anna", "198.51.100.1"); wait != 0 {
		t.Errorf("still waits %v", wait)
	}
}
