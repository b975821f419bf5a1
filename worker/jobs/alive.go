package jobs

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/hybridapps/tandem/sqldb"
)

// alive is the sign of life of a process: a lock that it holds for as long as
// it lives, however it ends. Who can get the lock of another knows that it is
// gone. One that is wrongly taken for gone does little harm: the attempts at a job
// are numbered, so that its writes are refused, and it stops them within seconds.
type alive interface {
	// keep proves that the lock is still held, and takes it again if not.
	keep(ctx context.Context) error
	// whenGone runs f if the executor is gone, and while no other process does
	// the same for it.
	whenGone(ctx context.Context, executor string, f func() error) error
	// alone runs f while no other process of the database runs its own; where another may
	// after all, the context of f ends.
	alone(ctx context.Context, f func(ctx context.Context) error) error
	release()
}

// retryEvery is how often a lock that another process holds is tried again.
const retryEvery = 50 * time.Millisecond

func holdAlive(ctx context.Context, db *sqldb.DB, dir, executor string) (alive, error) {
	if db.Engine == sqldb.SQLite {
		return holdFile(filepath.Join(dir, "alive"), executor)
	}
	a := &aliveSession{db: db, executor: executor}
	return a, a.hold(ctx)
}

// aliveFile is a locked file, for processes of one machine, which those are that
// share an SQLite file.
type aliveFile struct {
	dir  string
	lock *flock.Flock
}

func holdFile(dir, executor string) (*aliveFile, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	a := &aliveFile{dir: dir, lock: flock.New(filepath.Join(dir, executor), flock.SetPermissions(0o600))}
	for {
		if err := a.lock.Lock(); err != nil {
			return nil, err
		}
		if _, err := os.Stat(a.lock.Path()); err == nil {
			break
		}
		// Another one swept it away between its making and its lock.
		if err := a.lock.Unlock(); err != nil {
			return nil, err
		}
	}
	a.sweep()
	return a, nil
}

// sweep deletes the files of processes that are gone.
func (a *aliveFile) sweep() {
	entries, err := os.ReadDir(a.dir)
	if err != nil {
		return // they do no harm
	}
	for _, entry := range entries {
		if name := filepath.Join(a.dir, entry.Name()); name != a.lock.Path() {
			_ = a.whenGone(context.Background(), entry.Name(), func() error { return os.Remove(name) })
		}
	}
}

func (a *aliveFile) keep(context.Context) error { return nil }

func (a *aliveFile) whenGone(_ context.Context, executor string, f func() error) error {
	lock := flock.New(filepath.Join(a.dir, filepath.Base(executor)), flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if !got || err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	return f()
}

func (a *aliveFile) alone(ctx context.Context, f func(ctx context.Context) error) error {
	lock := flock.New(a.dir+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, retryEvery); err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	return f(ctx)
}

func (a *aliveFile) release() {
	_ = os.Remove(a.lock.Path())
	_ = a.lock.Unlock()
}

// aliveSession is an advisory lock of a session of PostgreSQL: the server lets
// it go with the connection.
type aliveSession struct {
	db       *sqldb.DB
	executor string
	conn     *sql.Conn
}

// lockOf is the key of an executor's lock.
const lockOf = `hashtextextended('tandem worker ' || $1, 0)`

func (a *aliveSession) alone(ctx context.Context, f func(ctx context.Context) error) error {
	return a.db.Lock(ctx, "tandem worker", f)
}

func (a *aliveSession) hold(ctx context.Context) error {
	conn, err := a.db.Writer().Conn(ctx)
	if err != nil {
		return err
	}
	// The server finds out within twenty seconds that a machine has vanished.
	for _, set := range []string{
		`SET tcp_keepalives_idle = 10`, `SET tcp_keepalives_interval = 5`, `SET tcp_keepalives_count = 2`,
	} {
		if _, err := conn.ExecContext(ctx, set); err != nil {
			drop(conn)
			return err
		}
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(`+lockOf+`)`, a.executor); err != nil {
		drop(conn)
		return err
	}
	a.conn = conn
	return nil
}

func (a *aliveSession) keep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	if a.conn != nil {
		if a.conn.PingContext(ctx) == nil {
			return nil
		}
		a.release()
	}
	return a.hold(ctx)
}

func (a *aliveSession) whenGone(ctx context.Context, executor string, f func() error) error {
	return a.db.Write(ctx, func(tx *sql.Tx) error {
		var got bool
		err := tx.QueryRowContext(ctx, `SELECT pg_try_advisory_xact_lock(`+lockOf+`)`, executor).Scan(&got)
		if !got || err != nil {
			return err
		}
		return f()
	})
}

func (a *aliveSession) release() {
	if a.conn != nil {
		drop(a.conn)
		a.conn = nil
	}
}

// drop closes a connection for good, instead of giving it back with its lock.
func drop(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = conn.Close()
}
