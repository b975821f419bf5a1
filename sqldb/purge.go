package sqldb

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// A purge lets others write after each part, so that none of them waits for more
// than one.
const (
	purgeRows  = 500
	purgePause = 5 * time.Millisecond
)

// Purge deletes the rows of a table that a condition selects, in parts. key are
// the columns of its primary key, "a" or "(a, b)". Nothing but the arguments may
// come from a caller. When it is ended in the middle, the rest is left.
func (db *DB) Purge(ctx context.Context, table, key, where string, args ...any) error {
	columns := strings.Trim(key, "()")
	stmt, err := db.WriteStmt(ctx, "DELETE FROM "+table+" WHERE "+key+" IN (SELECT "+columns+" FROM "+table+
		" WHERE "+where+" LIMIT "+strconv.Itoa(purgeRows)+")")
	if err != nil {
		return err
	}
	for {
		done, err := stmt.ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n < purgeRows {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(purgePause):
		}
	}
}
