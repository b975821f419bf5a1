package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"sync"
	"time"
)

// The write-ahead log of SQLite is moved into the file beside those who write. SQLite by
// itself has the one who commits do it, and with him everybody who waits for the
// writer: for as long as the disk takes to write 4 MB here and there.
const (
	// maxLog is how large the log stays, in bytes. It grows beyond while somebody
	// reads for long, or many write; what is beyond is given back later.
	maxLog = 16 << 20
	// lookEvery is how often the log is looked at, and lookAgain how often when
	// somebody who reads kept it from being begun anew.
	lookEvery, lookAgain = 200 * time.Millisecond, time.Second
	// moveFrom is how many pages wait to be moved at least, and startOverFrom how many
	// the log has when it is begun anew although others write all the time: not more
	// than maxLog. What came in the meantime is then moved while nobody writes, when that
	// is fewLeft pages or one of manyLeft.
	moveFrom, startOverFrom = 1000, 3500
	fewLeft, manyLeft       = 24, 256
	// rounds is how often pages are moved one time after the other, each time fewer.
	rounds = 4
	// readersEnd is for how long those who write wait for those who read, in
	// milliseconds, when the log is begun anew.
	readersEnd = "20"
	// startOverWithin bounds the wait for the writer.
	startOverWithin = 30 * time.Second
)

// logMover moves the log of a file of SQLite until it is stopped.
type logMover struct {
	db   *DB
	file string
	pool *sql.DB // one connection
	stop context.CancelFunc
	done chan struct{}

	mu     sync.Mutex // one look at a time; guards what follows
	seen   time.Time  // the last change of the log after which nothing was left to do
	failed bool       // the last look has, and it was told
}

func (db *DB) moveLog(file string, pool *sql.DB) {
	pool.SetMaxOpenConns(1)
	ctx, stop := context.WithCancel(context.Background())
	db.mover = &logMover{db: db, file: file + "-wal", pool: pool, stop: stop, done: make(chan struct{})}
	go db.mover.run(ctx)
}

func (m *logMover) close() error {
	m.stop()
	<-m.done
	return m.pool.Close()
}

func (m *logMover) run(ctx context.Context) {
	defer close(m.done)
	for wait := lookEvery; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
			wait = m.tidy(ctx)
		}
	}
}

// tidy does what there is to do now, and tells when to look again. Who writes much
// calls it between two writings, and so writes no faster than the disk takes it.
func (m *logMover) tidy(ctx context.Context) (again time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	info, err := os.Stat(m.file)
	if err != nil || info.ModTime().Equal(m.seen) {
		return lookEvery // there is no log, or nobody has written
	}
	done, again, err := m.look(ctx, info)
	if m.seen = (time.Time{}); done {
		m.seen = info.ModTime()
	}
	m.tell(ctx, err)
	return again
}

// tell logs the first of several faults: the log grows for as long as they last.
func (m *logMover) tell(ctx context.Context, err error) {
	if errors.Is(err, errReading) || ctx.Err() != nil {
		return
	}
	if err != nil && !m.failed && m.db.edge.log != nil {
		m.db.edge.log.Error("the log of a database cannot be moved into its file, and grows until that is mended", "file", m.file, "error", explainSQLite(err))
	}
	m.failed = err != nil
}

// look does what there is to do for the log as it was seen, and tells whether that was
// all, and when to look again. A fault is none of those who write: it is tried again,
// and at the latest SQLite moves the log when the file is closed.
func (m *logMover) look(ctx context.Context, info os.FileInfo) (done bool, wait time.Duration, err error) {
	pages, moved, err := checkpoint(ctx, m.pool, "NOOP")
	for n := 0; err == nil && n < rounds && (pages-moved >= moveFrom || pages >= startOverFrom && pages-moved >= fewLeft); n++ {
		pages, moved, err = checkpoint(ctx, m.pool, "PASSIVE")
	}
	if err != nil {
		return false, lookAgain, err
	}
	left := pages - moved
	large := info.Size() > maxLog
	switch {
	case left == 0 && large && time.Since(info.ModTime()) >= lookAgain: // not in the way of who writes
		err = m.startOver(ctx, "TRUNCATE")
	case pages >= startOverFrom && left < max(fewLeft, pages/manyLeft):
		err = m.startOver(ctx, "RESTART") // and who writes next cuts it to its usual size
		done = !large
	case pages >= startOverFrom: // somebody reads what was before
		return false, lookAgain, nil
	default:
		done = left < moveFrom && !large
	}
	if err != nil {
		return false, lookAgain, err
	}
	return done, lookEvery, nil
}

var errReading = errors.New("somebody reads from the log")

// startOver moves the few pages that are left while nobody writes, so that who writes
// next begins the log anew.
func (m *logMover) startOver(ctx context.Context, mode string) error {
	ctx, cancel := context.WithTimeout(ctx, startOverWithin)
	defer cancel()
	conn, err := m.db.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `PRAGMA busy_timeout = `+readersEnd); err != nil {
		return err
	}
	_, _, err = checkpoint(ctx, conn, mode)
	_, restored := conn.ExecContext(context.WithoutCancel(ctx), `PRAGMA busy_timeout = `+busyTimeout)
	return errors.Join(err, restored)
}

// checkpoint tells how many pages the log has now, and how many of them are in the
// file.
func checkpoint(ctx context.Context, q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, mode string) (pages, moved int, err error) {
	var busy bool
	err = q.QueryRowContext(ctx, `PRAGMA wal_checkpoint(`+mode+`)`).Scan(&busy, &pages, &moved)
	if err == nil && busy && mode != "PASSIVE" && mode != "NOOP" {
		err = errReading
	}
	return pages, moved, err
}
