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
