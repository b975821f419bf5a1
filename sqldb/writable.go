package sqldb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
)

// Writable asks a database whether it takes a change: one that is read-only after a
// failover, or whose disk is full, still answers. It asks once a second at most, since
// anybody may ask a program whether it is ready.
type Writable struct {
	db             *DB
	insert, delete string

	mu    sync.Mutex
	asked time.Time // by the system's clock
	last  error
}

const (
	// writableEvery is how old an answer may be, writableWithin how long one may take.
	writableEvery  = time.Second
	writableWithin = 2 * time.Second
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
	defer w.mu.Unlock()
	now := tandem.SystemTime()
	if w.asked.IsZero() || now.Sub(w.asked) >= writableEvery {
		// The answer is for others, too: it does not end with who asks first.
		once, cancel := context.WithTimeout(context.WithoutCancel(ctx), writableWithin)
		defer cancel()
		w.last, w.asked = w.try(once), now
	}
	return w.last
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
