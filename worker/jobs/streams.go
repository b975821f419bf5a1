package jobs

import (
	"sync"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/quota"
)

// watchers tells those who look at a job that it has changed. Changes that
// another process makes are seen by asking the database now and then.
type watchers struct {
	lock sync.Mutex
	jobs map[string]map[chan struct{}]bool
	// streams bounds them.
	streams quota.Quota
}

// Bounds of event streams.
const (
	// MaxStreams is how many may be open at once.
	MaxStreams = 1000
	// maxOwnStreams is how many of them one person may have.
	maxOwnStreams = 20
)

// add returns a channel that gets a signal after each change.
func (w *watchers) add(id, watcher string) (signal <-chan struct{}, stop func(), err error) {
	giveBack, outcome := w.streams.Take(watcher)
	switch outcome {
	case quota.AllTaken:
		return nil, nil, tandem.Errorf(tandem.CodeThrottled, "too many pages follow jobs right now; reload the page to see how the job stands")
	case quota.EachTaken:
		return nil, nil, tandem.Errorf(tandem.CodeThrottled,
			"you have %d pages open that follow jobs; close some, or reload the page to see how the job stands", maxOwnStreams)
	}
	signal, remove := w.register(id)
	return signal, func() { remove(); giveBack() }, nil
}

func (w *watchers) register(id string) (signal chan struct{}, remove func()) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.jobs == nil {
		w.jobs = map[string]map[chan struct{}]bool{}
	}
	if w.jobs[id] == nil {
		w.jobs[id] = map[chan struct{}]bool{}
	}
	signal = make(chan struct{}, 1)
	w.jobs[id][signal] = true
	return signal, func() {
		w.lock.Lock()
		defer w.lock.Unlock()
		delete(w.jobs[id], signal)
		if len(w.jobs[id]) == 0 {
			delete(w.jobs, id)
		}
	}
}

func (w *watchers) changed(id string) {
	w.lock.Lock()
	defer w.lock.Unlock()
	for signal := range w.jobs[id] {
		select {
		case signal <- struct{}{}:
		default: // it has not looked yet
		}
	}
}
