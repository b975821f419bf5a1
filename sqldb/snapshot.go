package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"modernc.org/sqlite"
)

// Snapshot is a file of SQLite as it was at one moment: whoever writes goes on,
// and what they write is not in it.
type Snapshot struct {
	file string
	pool *sql.DB
	conn *sql.Conn
}

// HoldSnapshot takes hold of the file as it is now. The log beside it grows until
// the snapshot is closed. Other programs may have it open.
func HoldSnapshot(ctx context.Context, file string) (*Snapshot, error) {
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?mode=rw&_pragma=busy_timeout(10000)&_pragma=query_only(1)")
	if err != nil {
		return nil, err
	}
	s := &Snapshot{file: file, pool: pool}
	if s.conn, err = pool.Conn(ctx); err == nil {
		_, err = s.conn.ExecContext(ctx, `BEGIN`)
	}
	if err == nil { // the first reading is the moment
		var n int
		err = s.conn.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master`).Scan(&n)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", file, explainSQLite(err)), s.Close())
	}
	return s, nil
}

// Close lets go of the moment.
func (s *Snapshot) Close() error {
	if s.conn != nil {
		_, _ = s.conn.ExecContext(context.Background(), `ROLLBACK`)
		s.conn.Close()
	}
	return s.pool.Close()
}

// pagesAtOnce is how many pages are copied before the context is looked at.
const pagesAtOnce = 4096

// CopyTo makes a new file with all that was there at the moment, and looks
// through it for damage.
func (s *Snapshot) CopyTo(ctx context.Context, file string) error {
	err := s.conn.Raw(func(c any) error {
		b, err := c.(interface {
			NewBackup(uri string) (*sqlite.Backup, error)
		}).NewBackup("file:" + (&url.URL{Path: file}).EscapedPath())
		if err != nil {
			return err
		}
		for more := true; more && err == nil; {
			if more, err = b.Step(pagesAtOnce); err == nil {
				err = ctx.Err()
			}
		}
		return errors.Join(err, b.Finish())
	})
	if err != nil {
		return fmt.Errorf("copy %s: %w", s.file, explainSQLite(err))
	}
	return soundFile(ctx, file)
}

// soundFile makes a copy one file, without a log beside it, and says what is
// damaged in it.
func soundFile(ctx context.Context, file string) error {
	return Alone(ctx, file, func(conn *sql.Conn) error {
		var mode, found string
		if err := conn.QueryRowContext(ctx, `PRAGMA journal_mode = DELETE`).Scan(&mode); err != nil {
			return err
		}
		err := conn.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found)
		if err == nil && found != "ok" {
			err = fmt.Errorf("the database %s is damaged: %s; restore it from an older backup", file, found)
		}
		return err
	})
}
