package tus

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
)

const (
	// OwnBodies is how many requests of one owner may write at once.
	OwnBodies = 8
	// handOver bounds the wait for an older request to write down what it has.
	handOver = 5 * time.Second
)

// writers knows which request writes which upload in this process.
type writers struct {
	total int

	lock sync.Mutex
	of   map[string]*writer // by upload
	each map[string]int     // by owner
}

// writer is a request that writes. Its connection is told to end by a deadline: the other
// side may have gone without a word.
type writer struct {
	owner   string
	control *http.ResponseController
	gone    chan struct{}

	lock    sync.Mutex
	stopped bool
	ended   bool // its body is read, and the connection has another use
}

// settle ends whoever writes an upload, and waits until it has written down what came.
func (ws *writers) settle(ctx context.Context, id string) error {
	ws.lock.Lock()
	older := ws.of[id]
	ws.lock.Unlock()
	if older == nil {
		return nil
	}
	older.stop()
	wait := time.NewTimer(handOver)
	defer wait.Stop()
	select {
	case <-older.gone:
		return nil
	case <-wait.C:
		return locked()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func locked() error {
	r := Refuse(http.StatusLocked, "locked", "Another request of yours writes this upload; ask for its offset and go on there.")
	r.RetryAfter = time.Second
	return r
}

// take makes a request the one that writes an upload; done ends that.
func (ws *writers) take(ctx context.Context, owner, id string, control *http.ResponseController) (w *writer, done func(), err error) {
	for {
		if err := ws.settle(ctx, id); err != nil {
			return nil, nil, err
		}
		if w, done, err = ws.begin(owner, id, control); w != nil || err != nil {
			return w, done, err
		}
	}
}

// begin is nothing when somebody else was faster.
func (ws *writers) begin(owner, id string, control *http.ResponseController) (*writer, func(), error) {
	ws.lock.Lock()
	defer ws.lock.Unlock()
	switch {
	case ws.of[id] != nil:
		return nil, nil, nil
	case len(ws.of) >= ws.total:
		r := Refuse(http.StatusServiceUnavailable, "busy", "Too many files are being sent at the moment; please try again shortly.").because("files_busy", nil)
		r.RetryAfter = 5 * time.Second
		return nil, nil, r
	case ws.each[owner] >= OwnBodies:
		r := Refuse(http.StatusTooManyRequests, "too_many", "You send %d files at once, which is as many as a person may; wait for one to end.", OwnBodies).
			because("files_at_once", map[string]any{"most": OwnBodies})
		r.RetryAfter = 5 * time.Second
		return nil, nil, r
	}
	if ws.of == nil {
		ws.of, ws.each = map[string]*writer{}, map[string]int{}
	}
	w := &writer{owner: owner, control: control, gone: make(chan struct{})}
	ws.of[id] = w
	ws.each[owner]++
	return w, func() {
		w.end()
		ws.lock.Lock()
		defer ws.lock.Unlock()
		delete(ws.of, id)
		if ws.each[owner]--; ws.each[owner] == 0 {
			delete(ws.each, owner)
		}
		close(w.gone)
	}, nil
}

// stop makes the next read of the body fail.
func (w *writer) stop() {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.stopped = true
	if !w.ended {
		_ = w.control.SetReadDeadline(tandem.SystemTime()) // where that is not known, the loop asks halted
	}
}

// end is said when nothing more is read: who stops the writer then must not stop the next
// request of its connection.
func (w *writer) end() {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.ended = true
}

// wait lets the next read take that long; false means that the writer was stopped.
func (w *writer) wait(idle time.Duration) bool {
	w.lock.Lock()
	defer w.lock.Unlock()
	if !w.stopped {
		_ = w.control.SetReadDeadline(tandem.SystemTime().Add(idle)) // servers without deadlines have other bounds
	}
	return !w.stopped
}

// rest takes the bound away: the connection lives on.
func (w *writer) rest() {
	w.lock.Lock()
	defer w.lock.Unlock()
	if !w.stopped {
		_ = w.control.SetReadDeadline(time.Time{})
	}
}

func (w *writer) halted() bool {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.stopped
}
