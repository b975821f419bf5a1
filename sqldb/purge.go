package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
)

// A purge deletes in parts, and lets others write between them: a part has as many
// rows as take about partTime, and the pause after it is at least as long.
const (
	partTime  = 8 * time.Millisecond
	partRows  = 100 // of the first part
	leastRows = 10
	mostRows  = 1000
)

// Purge says which rows of a table have served. All but the values must be
// constant text; an index on Column is what makes it fast.
type Purge struct {
	Table string
	// Rows go whose Column is less than Before, the least first: an int64, and
	// none of the rows is negative, or a string.
	Column string
	Before any
	// And is a further condition, empty for none, with placeholders from $4 on
	// for Args; $2 is Before.
	And  string
	Args []any
}

// Purge deletes rows in parts, each a transaction by itself, and returns how
// many. Nobody else who writes waits for more than one part; on SQLite the rows
// are found without the writer, and what was written is moved from the log before
// more is. When it is ended in the middle, the rest is left.
func (db *DB) Purge(ctx context.Context, p Purge) (rows int64, err error) {
	part := db.purgePart(p)
	for at, limit := p.least(), int64(partRows); ; {
		begun := tandem.SystemTime()
		n, last, err := part(ctx, at, limit)
		rows += n
		if err != nil || last == nil {
			return rows, err
		}
		at = last
		took := tandem.SystemTime().Sub(begun)
		limit = nextLimit(limit, took)
		if db.mover != nil {
			db.mover.tidy(ctx)
		}
		select {
		case <-ctx.Done():
			return rows, ctx.Err()
		case <-time.After(max(took, partTime)):
		}
	}
}

// least is not more than any value of the column.
func (p Purge) least() any {
	if _, text := p.Before.(string); text {
		return ""
	}
	return int64(0)
}

// nextLimit is how many rows the next part has, when limit took that long.
func nextLimit(limit int64, took time.Duration) int64 {
	switch {
	case took > 2*partTime:
		limit /= 4
	case took > partTime:
		limit = limit * 3 / 4
	case took < partTime/2:
		limit *= 2
	}
	return min(max(limit, leastRows), mostRows)
}

// Find is the query for the rows of a part; key is what it selects of each. Of its
// arguments $1 is the value of the column to begin with, and $3 the number of rows.
func (p Purge) Find(key string) string {
	return `SELECT ` + key + ` FROM ` + p.Table + ` WHERE ` + p.where() + ` ORDER BY ` + p.Column + ` LIMIT $3`
}

func (p Purge) where() string {
	where := p.Column + ` >= $1 AND ` + p.Column + ` < $2`
	if p.And != "" {
		where += ` AND ` + p.And
	}
	return where
}

// purgePart deletes the first rows from a value of the column on. last is the
// value of the last row that was found; nil when that was the last part.
type purgePart func(ctx context.Context, from any, limit int64) (rows int64, last any, err error)

func (db *DB) purgePart(p Purge) purgePart {
	if db.Engine == SQLite {
		return db.purgeFound(p)
	}
	// Also here, where it is said twice, what has changed since it was found stays: the row
	// with the id may be another one after a wait for it.
	text := `WITH gone AS (DELETE FROM ` + p.Table + ` WHERE ctid = ANY (ARRAY(` + p.Find("ctid") +
		`)) AND ` + p.where() + ` RETURNING ` + p.Column + ` AS at) SELECT COUNT(*), MAX(at) FROM gone`
	return func(ctx context.Context, from any, limit int64) (rows int64, last any, err error) {
		stmt, err := db.WriteStmt(ctx, text)
		if err != nil {
			return 0, nil, err
		}
		err = stmt.QueryRowContext(ctx, p.args(from, limit)...).Scan(&rows, &last)
		return rows, last, err
	}
}

func (p Purge) args(from any, limit int64) []any {
	return append([]any{from, p.Before, limit}, p.Args...)
}

// purgeFound is for SQLite: a reader finds the rows, so that the one writer has
// them only to delete.
func (db *DB) purgeFound(p Purge) purgePart {
	return func(ctx context.Context, from any, limit int64) (rows int64, last any, err error) {
		stmt, err := db.ReadStmt(ctx, p.Find(`rowid, `+p.Column))
		if err != nil {
			return 0, nil, err
		}
		found, last, err := foundRows(stmt.QueryContext(ctx, p.args(from, limit)...))
		if err != nil || len(found) == 0 {
			return 0, nil, err
		}
		if int64(len(found)) < limit {
			last = nil
		}
		// One that has changed since it was found stays, if it does not fit any more.
		gone, err := db.write.ExecContext(ctx, `DELETE FROM `+p.Table+` NOT INDEXED WHERE rowid IN (`+strings.Join(found, ",")+
			`) AND $3 > 0 AND `+p.where(), p.args(from, limit)...)
		if err != nil {
			return 0, nil, err
		}
		rows, err = gone.RowsAffected()
		return rows, last, err
	}
}

func foundRows(rows *sql.Rows, err error) (found []string, last any, _ error) {
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id, &last); err != nil {
			return nil, 0, err
		}
		found = append(found, strconv.FormatInt(id, 10))
	}
	return found, last, rows.Err()
}

// FirstID is not more than any UUID of version 7 that was made at the time or
// later (RFC 9562 section 5.7), and more than all that were made before, in the
// milliseconds that they have.
func FirstID(at time.Time) string {
	ms := max(at.UnixMilli(), 0)
	return fmt.Sprintf("%08x-%04x", ms>>16, ms&0xffff)
}
