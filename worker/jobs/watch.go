package jobs

import "sync"

// watchers tells those who look at a job that it has changed. Changes that
// another process makes are seen by asking the database now and then.
type watchers struct {
	lock sync.Mutex
	jobs map[string]map[chan struct{}]bool
	// streams counts all of them.
	streams int
}

// MaxStreams is how many event streams may be open at once.
const MaxStreams = 1000

// add returns a channel that gets a signal after each change; nil when there
// are too many.
func (w *watchers) add(id string) (signal chan struct{}, stop func()) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.streams >= MaxStreams {
		return nil, nil
	}
	if w.jobs == nil {
		w.jobs = map[string]map[chan struct{}]bool{}
	}
	if w.jobs[id] == nil {
		w.jobs[id] = map[chan struct{}]bool{}
	}
	signal = make(chan struct{}, 1)
	w.jobs[id][signal] = true
	w.streams++
	return signal, func() {
		w.lock.Lock()
		defer w.lock.Unlock()
		delete(w.jobs[id], signal)
		if len(w.jobs[id]) == 0 {
			delete(w.jobs, id)
		}
		w.streams--
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
