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
	// The lock is the transaction's: through a pooler a session has none.
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // it has changed nothing
	// What is said again and again. It has no result, so that PostgreSQL has no snapshot for
	// us afterwards, for which who makes an index concurrently would wait.
	word := func(ctx context.Context) error {
		_, err := tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = "+strconv.FormatInt(still.Milliseconds(), 10))
		return err
	}
	if err := db.takeLock(ctx, tx, name, word); err != nil {
		return err
	}
	held, lost := context.WithCancelCause(ctx)
	said := make(chan struct{})
	go func() {
		defer close(said)
		if err := saySomething(held, still/10, word); err != nil {
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

// takeLock tries again and again instead of waiting for the lock: PostgreSQL makes indexes
// concurrently only when nobody is in the middle of a statement.
func (db *DB) takeLock(ctx context.Context, tx *sql.Tx, name string, word func(context.Context) error) error {
	for began, told := time.Now(), false; ; {
		var got bool
		if err := tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock(hashtext($1))", name).Scan(&got); err != nil {
			return err
		}
		if err := word(ctx); err != nil || got {
			return err
		}
		if !told && time.Since(began) > tellLocked && db.edge.log != nil {
			told = true
			db.edge.log.Info("another process has the database's lock, and this one waits for it", "lock", name)
		}
		select {
		case <-time.After(lockAgain):
		case <-ctx.Done():
			return fmt.Errorf("another process has the lock %q: %w", name, ctx.Err())
		}
	}
}

// saySomething says a word again and again, until ctx ends or it does not arrive.
func saySomething(ctx context.Context, every time.Duration, word func(context.Context) error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
		if err := word(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}
