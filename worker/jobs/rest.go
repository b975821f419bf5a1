package jobs

import (
	"context"
	"sync"
	"time"
)

// rest keeps the durable engine from its database while there is nothing to do.
// The engine asks three times a second for what is due, and its intervals cannot
// be set. So while it rests, whoever asks for one of its connections waits; who
// wants something of it wakes it first.
type rest struct {
	lock sync.Mutex
	// awake is closed while the engine does not rest.
	awake chan struct{}
	// wakes counts the calls of wake.
	wakes int64
	timer *time.Timer
}

const (
	// restAfter is how long after the last sign of a job the engine begins to
	// rest: each look that finds one is such a sign, and after the last one the
	// engine still has to write down the end.
	restAfter = 3 * lookEvery
	// maxRest is how long one question of the engine's waits at most.
	maxRest = 10 * time.Minute
)

// newRest is for an engine that begins to rest after the first wake.
func newRest() *rest {
	r := &rest{awake: make(chan struct{})}
	close(r.awake)
	return r
}

// wake lets the engine go on at once, and rest later. It gives how often it has
// been woken.
func (r *rest) wake() int64 {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.timer != nil {
		r.timer.Stop()
	}
	r.wakes++
	wakes := r.wakes
	r.timer = time.AfterFunc(restAfter, func() { r.begin(wakes) })
	if r.resting() {
		close(r.awake)
	}
	return wakes
}

// woken is how often the engine has been woken.
func (r *rest) woken() int64 {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.wakes
}

// begin is the end of a wake, unless there was another one.
func (r *rest) begin(wakes int64) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.wakes == wakes && !r.resting() {
		r.awake = make(chan struct{})
	}
}

func (r *rest) resting() bool {
	select {
	case <-r.awake:
		return false
	default:
		return true
	}
}

// wait returns when the engine does not rest, or when ctx ends, and says whether
// it rested.
func (r *rest) wait(ctx context.Context) (rested bool) {
	r.lock.Lock()
	awake, resting := r.awake, r.resting()
	r.lock.Unlock()
	if !resting {
		return false
	}
	limited, cancel := context.WithTimeout(ctx, maxRest)
	defer cancel()
	select {
	case <-awake:
	case <-limited.Done():
	}
	return true
}
