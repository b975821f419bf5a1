package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrInUse says that another program has the file open.
var ErrInUse = errors.New("another program uses the database")

// Alone runs f on the one connection to a file of SQLite: while it runs nobody
// else has the file open, and nobody can open it. [ErrInUse] says that somebody
// has. Foreign keys are not looked at.
func Alone(ctx context.Context, file string, f func(*sql.Conn) error) error {
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+
		"?_pragma=busy_timeout(2000)&_pragma=locking_mode(EXCLUSIVE)&_pragma=foreign_keys(0)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer pool.Close() // what was to be kept is committed
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// The lock is taken with the first reading.
	if _, err := conn.ExecContext(ctx, `SELECT count(*) FROM sqlite_master`); err != nil {
		var e *sqlite.Error
		if errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY {
			return ErrInUse
		}
		return fmt.Errorf("open %s: %w", file, explainSQLite(err))
	}
	return f(conn)
}
