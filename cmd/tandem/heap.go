package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// heapFloor is how much heap an instance may fill before garbage is collected, in
// bytes. Go collects when the heap has doubled, and what an instance keeps is so
// little (3 MiB) that it would do so after every few hundred requests. An instance
// that keeps more than half of the floor is collected as ever.
const heapFloor = 24 << 20

// keepHeapFloor lets the heap grow to [heapFloor] from now on, whatever is kept. An
// operator who sets GOGC decides himself; GOMEMLIMIT holds beside it.
func keepHeapFloor() {
	if os.Getenv("GOGC") != "" {
		return
	}
	var percent int
	var adjust func()
	adjust = func() {
		if p := heapPercent(); p != percent {
			percent = p
			debug.SetGCPercent(p)
		}
		// The next collection finds the mark unused, and has the percentage
		// fit what is kept by then.
		runtime.AddCleanup(new(heapMark), func(struct{}) { adjust() }, struct{}{})
	}
	adjust()
}

// heapMark is large enough to be an object of its own.
type heapMark struct{ _ [64]byte }

// heapPercent reads what a collection left and what it looked through, and gives
// the percentage that fits.
func heapPercent() int {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples)
	live := samples[0].Value.Uint64()
	return percentToFloor(live, live+samples[1].Value.Uint64()+samples[2].Value.Uint64())
}

// percentToFloor is the percentage of growth at which the heap reaches the floor, at
// least Go's own, in steps: to set it stops everybody for a moment.
func percentToFloor(live, scanned uint64) int {
	if live >= heapFloor/2 || scanned == 0 {
		return 100
	}
	const step = 50
	return max(100, int((heapFloor-live)*100/scanned)/step*step)
}

// What a heap that has grown holds beyond what is kept is given back to the system
// when the instance has rested: for restTime it has allocated less than restBytes, and
// at least giveBackFrom would be given back.
const (
	restTime     = 15 * time.Second
	restBytes    = 4 << 20 // the work of each second alone is a sixth of it
	giveBackFrom = 6 << 20
)

// giveBackAtRest looks every [restTime] until the context ends.
func giveBackAtRest(ctx context.Context) {
	tick := time.NewTicker(restTime)
	defer tick.Stop()
	for before := readHeapUse(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := readHeapUse()
		if now.rested(before) {
			debug.FreeOSMemory()
		}
		before = now
	}
}

// heapUse is in bytes: what was allocated since the start, what the heap takes of the
// system, and what of it the last collection left.
type heapUse struct{ allocated, taken, live uint64 }

func (u heapUse) rested(before heapUse) bool {
	return u.allocated-before.allocated < restBytes && u.taken > u.live+giveBackFrom
}

func readHeapUse() heapUse {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	value := func(i int) uint64 { return samples[i].Value.Uint64() }
	return heapUse{allocated: value(0), live: value(1), taken: value(2) + value(3)}
}
