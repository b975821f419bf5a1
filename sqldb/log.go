package sqldb

import (
	"context"
	"errors"
	"os"
	"strings"
)

// maxLog is how large the write-ahead log of SQLite stays, in bytes. It grows
// beyond while somebody reads for long; what is beyond is given back later.
const maxLog = 8 << 20

// TrimLog gives back what the write-ahead log of SQLite has grown beyond its
// usual size while somebody was reading. It may keep writers waiting for a tenth
// of a second. It does nothing on PostgreSQL, and nothing while a reading is
// still going on: call it again.
func (db *DB) TrimLog(ctx context.Context) error {
	if db.Engine != SQLite {
		return nil
	}
	info, err := os.Stat(strings.TrimPrefix(db.connString, "sqlite:") + "-wal")
	if err != nil || info.Size() <= maxLog {
		return nil // without a log there is nothing to trim
	}
	// Most of it is moved beside those who write; only the end is in their way.
	if _, err := db.read.ExecContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`); err != nil {
		return err
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `PRAGMA busy_timeout = 100`); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	_, restored := conn.ExecContext(context.WithoutCancel(ctx), `PRAGMA busy_timeout = 10000`)
	return errors.Join(err, restored)
}
