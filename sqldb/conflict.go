package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// UniqueKey names the unique key that [IsUnique] found taken: the index on
// PostgreSQL; on SQLite the index where it is over an expression, else its
// columns as "table.column, table.column". Empty for other errors.
func UniqueKey(err error) string {
	if !IsUnique(err) {
		return ""
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.ConstraintName
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return ""
	}
	_, name, _ := strings.Cut(e.Error(), "UNIQUE constraint failed: ")
	name, _, _ = strings.Cut(name, " (") // the number of the error
	if quoted, ok := strings.CutPrefix(name, "index '"); ok {
		return strings.TrimSuffix(quoted, "'")
	}
	return name
}

// IsDeadlock reports whether err says that PostgreSQL undid the transaction
// because of another one: the same transaction may work when it is run again.
func IsDeadlock(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40P01" || pg.Code == "40001") // deadlock_detected, serialization_failure
}

// maxAttempts bounds how often something is run that others undo.
const maxAttempts = 5

// Again runs f, and some times again when PostgreSQL undid it because of others: where that
// does not help, its caller is told to come back. f keeps nothing of a run before.
func (db *DB) Again(ctx context.Context, f func() error) error {
	for attempt := 1; ; attempt++ {
		err := f()
		if !IsDeadlock(err) || attempt == maxAttempts || ctx.Err() != nil {
			return db.edge.undone(err)
		}
	}
}

// WriteAgain is [DB.Write] for what may be run again: see [DB.Again].
func (db *DB) WriteAgain(ctx context.Context, f func(tx *sql.Tx) error) error {
	return db.Again(ctx, func() error { return db.once(ctx, f) })
}

// LockInOrder locks the rows of a table that the condition selects until the end of
// the transaction, in the order of the key. Who is going to change many rows that
// others change as well begins with it, so that of two one waits for the other, and
// never each for the other.
func (db *DB) LockInOrder(ctx context.Context, tx *sql.Tx, table, key, condition string, args ...any) error {
	if db.Engine == SQLite { // where one writes at a time
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT 1 FROM `+table+` WHERE `+condition+` ORDER BY `+key+db.ForUpdate(), args...)
	return err
}
