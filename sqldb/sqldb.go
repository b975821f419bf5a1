package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/hybridapps/tandem"
)

// Engine is one of the two database engines.
type Engine string

// The engines.
const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgres"
)

// Options tune an opened database; the zero value is usable.
type Options struct {
	// MaxConns bounds the readers (SQLite) or all connections (PostgreSQL,
	// where at least 2 are needed). The default is 4 on SQLite and 16 on
	// PostgreSQL.
	MaxConns int
	// OpenTimeout bounds the first connection, and on PostgreSQL each; the
	// default is 5 s.
	OpenTimeout time.Duration
	// Patience bounds the wait of [DB.Write] for its turn: for the one writer of
	// SQLite, for a connection on PostgreSQL. There it also bounds the wait of
	// everybody while the server has no connection to give. The default is 10 s.
	Patience time.Duration
	// Limits are for PostgreSQL; zero means none.
	Limits Limits
	// Log is told, at most once a second, of faults that pass by themselves; nil
	// means nobody.
	Log *slog.Logger
}

// Limits say for how long one connection may keep others waiting. PostgreSQL
// watches them, also when our process stands still or its machine is gone.
type Limits struct {
	// Statement bounds one command, Lock its wait for each lock, and Idle the
	// time between two commands of a transaction.
	Statement, Lock, Idle time.Duration
}

// DB is an open database. SQLite has one writing connection and several
// readers, so that writers queue in Go instead of failing with SQLITE_BUSY and
// readers never wait for them; PostgreSQL has one pool for both.
type DB struct {
	Engine Engine
	// Pooler says that PostgreSQL is reached through a pooler such as PgBouncer.
	// Then nothing outlives its transaction: no prepared statement, no lock, and
	// none of the [Limits].
	Pooler bool

	read, write *sql.DB
	edge        *edge
	patience    time.Duration
	connString  string
	mover       *logMover // of SQLite

	readStmts, writeStmts sync.Map // query text → *sql.Stmt
}

// Open opens the database that rawURL names and proves that it answers.
//
//	sqlite:PATH              a file; its folder must exist
//	postgres://user@host/db  PostgreSQL 13 or later
//
// The error says what is wrong and how to mend it.
func Open(ctx context.Context, rawURL string, opts Options) (*DB, error) {
	if opts.OpenTimeout == 0 {
		opts.OpenTimeout = 5 * time.Second
	}
	if opts.Patience == 0 {
		opts.Patience = 10 * time.Second
	}
	scheme, _, found := strings.Cut(rawURL, ":")
	if !found { // whatever it is, it may be secret
		return nil, errors.New("the database URL has no scheme: use sqlite:FILE or postgres://…")
	}
	ctx, cancel := context.WithTimeout(ctx, opts.OpenTimeout)
	defer cancel()
	switch scheme {
	case "sqlite":
		return openSQLite(ctx, strings.TrimPrefix(rawURL, "sqlite:"), opts)
	case "postgres", "postgresql":
		return openPostgres(ctx, rawURL, opts)
	}
	return nil, fmt.Errorf("database URL starts with %q: use sqlite:FILE or postgres://…", scheme)
}

func openSQLite(ctx context.Context, path string, opts Options) (*DB, error) {
	if path == "" {
		return nil, errors.New("database URL sqlite: names no file; use sqlite:FILE")
	}
	if dir := filepath.Dir(path); dir != "." {
		switch info, err := os.Stat(dir); {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("the database folder %s does not exist: create it, or name another", dir)
		case err != nil:
			return nil, fmt.Errorf("database folder: %w", err)
		case !info.IsDir():
			return nil, fmt.Errorf("the database folder %s is not a folder", dir)
		}
	}
	readers := opts.MaxConns
	if readers == 0 {
		readers = max(4, runtime.GOMAXPROCS(0))
	}
	// busy_timeout comes first, so that it already holds while journal_mode is
	// set. A file is created by the writer with the process's umask; callers
	// that keep secrets create the folder with mode 0700. For what a commit
	// survives with synchronous NORMAL see the package's documentation.
	common := "_pragma=busy_timeout(" + busyTimeout + ")&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)"
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?"
	e := &edge{engine: SQLite, log: opts.Log}
	writer, err := openConnector(dsn+common+"&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=wal_autocheckpoint(0)"+
		"&_pragma=journal_size_limit("+strconv.Itoa(maxLog)+")&_txlock=immediate", e)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	reader, err := openConnector(dsn+common+"&_pragma=query_only(1)", e)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	write := sql.OpenDB(writer)
	write.SetMaxOpenConns(1)
	if err := write.PingContext(ctx); err != nil {
		write.Close()
		return nil, fmt.Errorf("open database %s: %w", path, explainSQLite(err))
	}
	read := sql.OpenDB(reader)
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	db := &DB{Engine: SQLite, read: read, write: write, edge: e, patience: opts.Patience, connString: "sqlite:" + path}
	db.moveLog(path, sql.OpenDB(reader))
	return db, nil
}

// busyTimeout is how long SQLite waits for other programs that have the file, in
// milliseconds.
const busyTimeout = "10000"

// sqliteConnector implements [driver.Connector] for a DSN of SQLite.
type sqliteConnector struct {
	driver driver.Driver
	dsn    string
}

func openConnector(dsn string, e *edge) (driver.Connector, error) {
	registered, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	defer registered.Close() // it has no connection
	return connector{Connector: sqliteConnector{registered.Driver(), dsn}, edge: e}, nil
}

// Connect implements [driver.Connector].
func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }

// Driver implements [driver.Connector].
func (c sqliteConnector) Driver() driver.Driver { return c.driver }

func explainSQLite(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB:
		return errors.New("the file is not an SQLite database; name another file, or move this one away")
	case sqlite3.SQLITE_CANTOPEN:
		return errors.New("the file cannot be opened; check that the folder exists and that this user may write to it")
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return errors.New("the file cannot be written; check its owner and mode")
	case sqlite3.SQLITE_CORRUPT:
		return errors.New("the database is damaged; restore it from a backup")
	case sqlite3.SQLITE_FULL:
		return errors.New("the disk is full; free some space")
	}
	return err
}

// URL is the URL the database was opened with. It may hold a password: it must
// not be logged.
func (db *DB) URL() string { return db.connString }

// Close closes all connections.
func (db *DB) Close() error {
	if db.read == db.write {
		return db.write.Close()
	}
	return errors.Join(db.mover.close(), db.read.Close(), db.write.Close())
}

// Ping proves that the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.read.PingContext(ctx) }

// Reader is the pool to read from. On SQLite it refuses to write.
func (db *DB) Reader() *sql.DB { return db.read }

// Writer is the pool to write with. On SQLite it has one connection: never use
// it while holding a transaction of it.
func (db *DB) Writer() *sql.DB { return db.write }

// ReadStmt prepares a query on the readers once and keeps it. Only for texts
// that are constant: every text stays prepared until Close.
func (db *DB) ReadStmt(ctx context.Context, query string) (*sql.Stmt, error) {
	return prepared(ctx, db.read, &db.readStmts, query)
}

// WriteStmt is ReadStmt on the writer. Inside a transaction use tx.StmtContext.
func (db *DB) WriteStmt(ctx context.Context, query string) (*sql.Stmt, error) {
	return prepared(ctx, db.write, &db.writeStmts, query)
}

func prepared(ctx context.Context, pool *sql.DB, cache *sync.Map, query string) (*sql.Stmt, error) {
	if s, ok := cache.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := pool.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if kept, loaded := cache.LoadOrStore(query, s); loaded {
		s.Close()
		return kept.(*sql.Stmt), nil
	}
	return s, nil
}

// Write runs f in a writing transaction: BEGIN IMMEDIATE on SQLite, READ
// COMMITTED on PostgreSQL, so a decision that reads first must lock what it
// reads (see [DB.ForUpdate]). It commits when f returns nil and rolls back
// otherwise. Who waits longer for its turn than [Options.Patience] allows, because
// somebody else writes for so long, is told to try again.
func (db *DB) Write(ctx context.Context, f func(tx *sql.Tx) error) error {
	return db.edge.undone(db.once(ctx, f))
}

// once is Write, but for what it makes of a transaction that was undone because of others.
func (db *DB) once(ctx context.Context, f func(tx *sql.Tx) error) error {
	conn, tx, err := db.begin(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer tx.Rollback() // after Commit this does nothing
	if err = f(tx); err == nil {
		err = tx.Commit()
	}
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return ctx.Err() // database/sql rolls back when ctx ends, and tells only that
	}
	return err
}

// begin begins a transaction on a connection that may not have been used for long:
// those that are found dead are passed over.
func (db *DB) begin(ctx context.Context) (*sql.Conn, *sql.Tx, error) {
	for {
		conn, err := db.turn(ctx)
		if err != nil {
			return nil, nil, err
		}
		tx, err := conn.BeginTx(ctx, nil)
		if err == nil {
			return conn, tx, nil
		}
		conn.Close() // and with it a dead connection
		if !errors.Is(err, driver.ErrBadConn) {
			return nil, nil, err
		}
	}
}

func (db *DB) turn(ctx context.Context) (*sql.Conn, error) {
	wait, cancel := context.WithTimeout(ctx, db.patience)
	defer cancel()
	conn, err := db.write.Conn(wait)
	switch {
	case err == nil || wait.Err() == nil:
		return conn, err
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %w", errNoTurn, err)
	}
	err = fmt.Errorf("%w for longer than %s: %w", errNoTurn, db.patience, err)
	db.edge.tell(err)
	return nil, &passing{err}
}

// errNoTurn is why who waits gets no connection to write with.
var errNoTurn = errors.New("others write")

// Snapshot runs f in a transaction that only reads, in which every query sees what
// the first one saw.
func (db *DB) Snapshot(ctx context.Context, f func(tx *sql.Tx) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if db.Engine == PostgreSQL { // on SQLite it is so in every transaction
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.read.BeginTx(ctx, opts)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit this does nothing
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// ForUpdate is the clause that locks the rows a SELECT reads until the
// transaction ends: " FOR UPDATE" on PostgreSQL, nothing on SQLite, where a
// writing transaction is alone anyway.
func (db *DB) ForUpdate() string {
	if db.Engine == PostgreSQL {
		return " FOR UPDATE"
	}
	return ""
}

// ForKeyShare is the clause that keeps others from locking the table's rows that a
// SELECT reads with [DB.ForUpdate], until the statement or transaction ends.
func (db *DB) ForKeyShare(table string) string {
	if db.Engine == PostgreSQL {
		return " FOR KEY SHARE OF " + table
	}
	return ""
}

// Contains is an SQL condition: the text column holds the text of the
// placeholder, byte for byte, without the wildcards of LIKE.
func (db *DB) Contains(column, placeholder string) string {
	if db.Engine == PostgreSQL {
		return "strpos(" + column + ", " + placeholder + ") > 0"
	}
	return "instr(" + column + ", " + placeholder + ") > 0"
}

// IsUnique reports whether err says that a unique or primary key is taken.
func IsUnique(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var e *sqlite.Error
	return errors.As(err, &e) &&
		(e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// IsForeignKey reports whether err says that a referenced row is missing, or
// that a row to delete is still referenced.
func IsForeignKey(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23503"
	}
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

// NotFound turns sql.ErrNoRows into the platform's not-found error with the
// message given; other errors pass.
func NotFound(err error, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return tandem.Errorf(tandem.CodeNotFound, format, args...)
	}
	return err
}

// Micros is how a time is stored: microseconds since 1970 UTC; 0 for the zero
// time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the reverse of [Micros].
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
