package sqldb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
)

// Writable asks a database whether it takes a change: one that is read-only after a
// failover, or whose disk is full, still answers. It asks once a second at most, since
// anybody may ask a program whether it is ready; who asks meanwhile gets the same answer.
type Writable struct {
	db             *DB
	insert, delete string

	mu     sync.Mutex    // guards the fields below
	asking chan struct{} // closed when the answer is there; nil where nobody asks
	asked  time.Time     // when the last answer came, by the system's clock
	busy   time.Time     // since when the program has been writing itself at each answer
	last   error
}

const (
	// writableEvery is how old an answer may be, writableWithin how long one may take.
	writableEvery  = time.Second
	writableWithin = 2 * time.Second
	// writableBusy is for how long a program may write itself: a transaction that takes
	// longer hangs.
	writableBusy = time.Minute
)

// NewWritable asks by two statements on any table: one inserts a row with the key $1,
// which is new, and the text $2, which needs more than a page of the database; the other
// deletes the row with the key. Nobody else sees it.
func NewWritable(db *DB, insert, delete string) *Writable {
	return &Writable{db: db, insert: insert, delete: delete}
}

// Ask returns why the database takes no change, or nil.
func (w *Writable) Ask(ctx context.Context) error {
	w.mu.Lock()
	if !w.asked.IsZero() && tandem.SystemTime().Sub(w.asked) < writableEvery {
		defer w.mu.Unlock()
		return w.last
	}
	if w.asking == nil {
		w.asking = make(chan struct{})
		// The answer is for others, too: it does not end with who asks first.
		go w.answer(context.WithoutCancel(ctx), w.asking)
	}
	answered := w.asking
	w.mu.Unlock()
	select {
	case <-answered:
	case <-ctx.Done():
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

func (w *Writable) answer(ctx context.Context, answered chan<- struct{}) {
	once, cancel := context.WithTimeout(ctx, writableWithin)
	defer cancel()
	err := w.try(once)
	w.mu.Lock()
	defer w.mu.Unlock()
	now := tandem.SystemTime()
	switch {
	case w.db.Engine != SQLite || !errors.Is(err, errNoTurn):
		w.busy = time.Time{}
	case w.busy.IsZero():
		w.busy, err = now, nil // SQLite has one writer, and it is this program
	case now.Sub(w.busy) < writableBusy:
		err = nil
	}
	w.last, w.asked, w.asking = err, now, nil
	close(answered)
}

func (w *Writable) try(ctx context.Context) error {
	return w.db.Write(ctx, func(tx *sql.Tx) error {
		key := "written " + rand.Text()
		if _, err := tx.ExecContext(ctx, w.insert, key, strings.Repeat("x", 8<<10)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, w.delete, key)
		return err
	})
}
