package sqldb

import (
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// passes reports whether a fault may be gone the next time, without anybody
// changing the program or what it was asked.
func passes(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return passesSQLite(lite.Code())
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return passesCode(pg.Code)
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed)
}

// passesCode judges an error code of PostgreSQL (its manual, appendix A).
func passesCode(code string) bool {
	switch code {
	case "25006", // read_only_sql_transaction: a standby, or a disk that is full
		"25P03", "25P04", // idle_in_transaction_session_timeout, transaction_timeout
		"55P03", // lock_not_available, also by lock_timeout
		"57014": // query_canceled, also by statement_timeout
		return true
	}
	return away(code)
}

// away reports whether a code says that the server behind a connection is going,
// is not there, or is not the one that it was.
func away(code string) bool {
	for _, class := range []string{
		"08",   // connection exceptions
		"53",   // insufficient resources: connections, memory, disk
		"57P0", // admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped
		"58",   // system errors: input and output
	} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return false
}

// partWith ends a connection that an error has come over when the next one may
// lead to a server that is well; it implements [pgconn.PgErrorHandler].
func (e *edge) partWith(_ *pgconn.PgConn, err *pgconn.PgError) (keep bool) {
	switch {
	case err.Code == "25006":
		e.giveUp() // the others go there as well
	case away(err.Code), strings.EqualFold(err.Severity, "FATAL"):
	default:
		return true
	}
	return false
}

// passesSQLite judges a result code of SQLite.
func passesSQLite(code int) bool {
	switch code & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL,
		sqlite3.SQLITE_SCHEMA: // another process makes tables, and what is virtual cannot be opened meanwhile
		return true
	}
	return false
}
