package main

import "testing"

// With the percentage the heap comes near the floor, and not beyond; an instance
// that keeps much is collected as Go does by itself.
func TestHeapReachesItsFloor(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, c := range []struct{ live, others uint64 }{
		{1 * mib, mib / 2}, {3 * mib, mib}, {3 * mib, 2 * mib}, {5 * mib, 0}, {8 * mib, mib}, {11 * mib, 4 * mib},
	} {
		p := percentToFloor(c.live, c.live+c.others)
		goal := c.live + (c.live+c.others)*uint64(p)/100
		if p > 100 && (goal > heapFloor || goal < heapFloor*2/3) {
			t.Errorf("%d MiB live: with %d %% the heap grows to %d MiB", c.live/mib, p, goal/mib)
		}
		if p < 100 {
			t.Errorf("%d MiB live: %d %%", c.live/mib, p)
		}
	}
	for _, live := range []uint64{0, heapFloor / 2, heapFloor, 100 * heapFloor} {
		if p := percentToFloor(live, live); p != 100 {
			t.Errorf("%d bytes live: %d %%", live, p)
		}
	}
}

// What is given back would be allocated again at once by an instance that works.
func TestMemoryIsGivenBackAtRest(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for name, c := range map[string]struct {
		before, now heapUse
		want        bool
	}{
		"after load":    {heapUse{allocated: 900 * mib}, heapUse{allocated: 900*mib + 200, taken: 24 * mib, live: 8 * mib}, true},
		"at work":       {heapUse{allocated: 900 * mib}, heapUse{allocated: 905 * mib, taken: 24 * mib, live: 8 * mib}, false},
		"little to win": {heapUse{allocated: 900 * mib}, heapUse{allocated: 900 * mib, taken: 10 * mib, live: 8 * mib}, false},
	} {
		if got := c.now.rested(c.before); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
