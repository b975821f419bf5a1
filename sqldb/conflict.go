package sqldb

import (
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
	return errors.As(err, &pg) && (pg.Code == "40P01" || pg.Code == "40001")
}
