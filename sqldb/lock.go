package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"
)

// Bounds of who has a lock, and of who waits for it.
const (
	// stillFor is for how long who has a lock may say nothing: it stands still then, and the
	// server takes the lock from it. It says something ten times as often.
	stillFor = 15 * time.Second
	// lockAgain is how often a lock that another process has is tried again, and tellLocked
	// how long it is waited for until the log is told.
	lockAgain  = 100 * time.Millisecond
	tellLocked = 3 * time.Second
)

// Lock runs f while no other process that uses the same PostgreSQL database and
// name runs its own: replicas that start together fill a database once. Where the lock is
// lost, as a process that stood still for 15 s or a broken connection loses it, the context
// of f ends, and others may go on. On SQLite it locks nothing: whoever fills a database looks
// again inside its transaction.
func (db *DB) Lock(ctx context.Context, name string, f func(ctx context.Context) error) error {
	if db.Engine == SQLite {
		return f(ctx)
	}
	return db.lock(ctx, name, stillFor, f)
}

func (db *DB) lock(ctx context.Context, name string, still time.Duration, f func(ctx context.Context) error) error {
	l, err := db.takeLock(ctx, name, still)
	if err != nil {
		return err
	}
	defer l.tx.Rollback() // it has changed nothing
	held, lost := context.WithCancelCause(ctx)
	said := make(chan struct{})
	go func() {
		defer close(said)
		if err := l.saySomething(held, still/10); err != nil {
			lost(fmt.Errorf("the lock %q was lost, and another process may have it: %w", name, err))
		}
	}()
	err = f(held)
	gone := context.Cause(held)
	lost(nil)
	<-said // before the transaction ends
	if err != nil && gone != nil && ctx.Err() == nil {
		return gone
	}
	return err
}

// heldLock is a lock, which is its transaction's: through a pooler a session has none.
type heldLock struct {
	tx    *sql.Tx
	still time.Duration
}

// takeLock tries again and again instead of waiting for the lock, each time in a transaction
// of its own: who makes an index concurrently, perhaps under this lock, waits for all
// transactions that have a snapshot at a moment, until they end.
func (db *DB) takeLock(ctx context.Context, name string, still time.Duration) (*heldLock, error) {
	for began, told := time.Now(), false; ; {
		l, err := db.tryLock(ctx, name, still)
		if l != nil || err != nil {
			return l, err
		}
		if !told && time.Since(began) > tellLocked && db.edge.log != nil {
			told = true
			db.edge.log.Info("another process has the database's lock, and this one waits for it", "lock", name)
		}
		select {
		case <-time.After(lockAgain):
		case <-ctx.Done():
			return nil, fmt.Errorf("another process has the lock %q: %w", name, ctx.Err())
		}
	}
}

// tryLock is the lock; nil where another process has it.
func (db *DB) tryLock(ctx context.Context, name string, still time.Duration) (*heldLock, error) {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	l, got := &heldLock{tx, still}, false
	if err = tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock(hashtext($1))", name).Scan(&got); err == nil && got {
		err = l.say(ctx)
	}
	if err != nil || !got {
		tx.Rollback() // it has changed nothing
		return nil, err
	}
	return l, nil
}

// say says what is said again and again. It has no result, so that PostgreSQL has no snapshot
// for us afterwards.
func (l *heldLock) say(ctx context.Context) error {
	_, err := l.tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = "+strconv.FormatInt(l.still.Milliseconds(), 10))
	return err
}

// saySomething says it until ctx ends or it does not arrive.
func (l *heldLock) saySomething(ctx context.Context, every time.Duration) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
		if err := l.say(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}
