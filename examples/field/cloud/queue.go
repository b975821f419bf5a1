package cloud

import (
	"context"
	"sync"
	"time"

	"github.com/hybridapps/tandem/sqldb"
)

// SQLite has one writer, and a commit costs as much as what a command writes: so those who
// come while one is at work are written together, in the order in which they came.

const (
	// maxTogether is the most writes of one transaction.
	maxTogether = 64
	// togetherIn bounds such a transaction.
	togetherIn = 10 * time.Second
)

// pending is a write that waits. What it does may be done again: where one of many fails all
// are undone, and each is done by itself.
type pending struct {
	ctx  context.Context //nolint:containedctx // it waits for its turn with it
	f    func(tx *sqlTx) error
	done chan error
}

// queue are those that wait.
type queue struct {
	mu      sync.Mutex
	waiting []*pending
	busy    bool
}

// do has a write done, and waits until it is.
func (q *queue) do(db *sqldb.DB, p *pending) error {
	q.mu.Lock()
	q.waiting = append(q.waiting, p)
	if !q.busy {
		q.busy = true
		go q.work(db)
	}
	q.mu.Unlock()
	return <-p.done
}

// work writes until nobody waits.
func (q *queue) work(db *sqldb.DB) {
	for {
		q.mu.Lock()
		n := min(len(q.waiting), maxTogether)
		now := q.waiting[:n:n]
		if q.waiting = q.waiting[n:]; n == 0 {
			q.busy = false
		}
		q.mu.Unlock()
		if n == 0 {
			return
		}
		together(db, now)
	}
}

func together(db *sqldb.DB, all []*pending) {
	if len(all) == 1 || writeAll(db, all) != nil {
		for _, p := range all {
			p.done <- db.Write(p.ctx, p.f)
		}
		return
	}
	for _, p := range all {
		p.done <- nil
	}
}

func writeAll(db *sqldb.DB, all []*pending) error {
	ctx, cancel := context.WithTimeout(context.Background(), togetherIn)
	defer cancel()
	return db.Write(ctx, func(tx *sqlTx) error {
		for _, p := range all {
			if err := p.f(tx); err != nil {
				return err
			}
		}
		return nil
	})
}
