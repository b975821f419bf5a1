package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// silence is how long a machine may not answer at all until its connections are
// given up.
const silence = 10 * time.Second

func openPostgres(ctx context.Context, rawURL string, opts Options) (*DB, error) {
	config, err := pgx.ParseConfig(rawURL)
	if err != nil {
		return nil, fmt.Errorf("the database URL cannot be read: %w; use postgres://USER:PASSWORD@HOST:PORT/DATABASE", withoutURL(err))
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = opts.OpenTimeout
	}
	config.DialFunc = dial
	e := &edge{engine: PostgreSQL, log: opts.Log}
	if e.unprepared, err = throughPooler(ctx, config); err != nil {
		return nil, fmt.Errorf("cannot reach PostgreSQL at %s:%d, database %q: %w; check that it runs and that --db is right",
			config.Host, config.Port, config.Database, shortPgError(err))
	}
	if e.unprepared {
		// Statements without a name and in one round trip may go to any connection.
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	} else {
		opts.Limits.Set(config.RuntimeParams)
	}
	if opts.Limits.Statement > 0 { // the server's own comes first, and says more
		e.limit = opts.Limits.Statement + 2*time.Second
	}
	config.OnPgError = e.partWith
	e.connectTimeout = config.ConnectTimeout
	conns := opts.MaxConns
	if conns == 0 {
		conns = 16
	}
	conns = max(conns, 2) // Lock holds one while its function works with others
	few := &crowd{patience: opts.Patience, most: conns}
	pool := sql.OpenDB(connector{stdlib.GetConnector(*config), e, few})
	few.pool = pool
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	return &DB{Engine: PostgreSQL, Pooler: e.unprepared, read: pool, write: pool, edge: e, patience: opts.Patience, connString: rawURL}, nil
}

// epochKey is where a connection of [DB.Prepare] keeps the epoch in which it was made.
const epochKey = "tandem epoch"

// Prepare makes a connection to PostgreSQL that is none of the DB's pool like those: a
// machine that vanished is noticed within seconds, and with a server that only reads it and
// they are given up together. Whoever has a pool calls it before each connection is made,
// and asks [DB.Current] before one is used again.
func (db *DB) Prepare(config *pgx.ConnConfig) {
	epoch := db.edge.epoch.Load()
	config.ConnectTimeout = db.edge.connectTimeout
	config.DialFunc = dial
	config.OnPgError = db.edge.partWith
	config.AfterConnect = func(_ context.Context, c *pgconn.PgConn) error {
		c.CustomData()[epochKey] = epoch
		return nil
	}
}

// Current reports whether a connection of [DB.Prepare] has not been given up since.
func (db *DB) Current(conn *pgx.Conn) bool {
	return conn.PgConn().CustomData()[epochKey] == db.edge.epoch.Load()
}

// dial connects so that a machine that vanished is noticed within seconds.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silence / 2, Interval: silence / 4, Count: 2},
		Control:         func(network, _ string, c syscall.RawConn) error { return giveUpSilent(network, c, silence) },
	}
	return d.DialContext(ctx, network, address)
}

// throughPooler connects once, and reports whether something stands between us
// and the server, such as PgBouncer: the process that serves the connection is
// then not the one that was announced when it was made (PostgreSQL's protocol,
// BackendKeyData).
func throughPooler(ctx context.Context, config *pgx.ConnConfig) (bool, error) {
	config = config.Copy()
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	var c *pgx.Conn
	err := uncrowded(ctx, func() (err error) { c, err = pgx.ConnectConfig(ctx, config); return err })
	if err != nil {
		return false, err
	}
	defer c.Close(ctx)
	var pid uint32
	err = c.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid)
	return pid != c.PgConn().PID(), err
}

// Set names the limits to the server, unless the URL does, lets it give up what a
// machine has that vanished, and gives one statement one core, so that a search does
// not take them all from the tokens. A pooler would refuse the connection for them.
func (l Limits) Set(params map[string]string) {
	ms := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	seconds := func(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }
	for name, value := range map[string]string{
		"statement_timeout": ms(l.Statement), "lock_timeout": ms(l.Lock), "idle_in_transaction_session_timeout": ms(l.Idle),
		"tcp_user_timeout": ms(silence), "tcp_keepalives_idle": seconds(silence / 2), "tcp_keepalives_interval": seconds(silence / 4),
		"tcp_keepalives_count": "2",
	} {
		if _, given := params[name]; !given && value != "0" {
			params[name] = value
		}
	}
	if _, given := params["max_parallel_workers_per_gather"]; !given {
		params["max_parallel_workers_per_gather"] = "0"
	}
}

// withoutURL leaves out the URL that pgx repeats in its message: it looks for
// the password in it, but cannot find it in everything that is no URL.
func withoutURL(err error) error {
	text := err.Error()
	if i := strings.LastIndex(text, "`: "); i >= 0 {
		text = text[i+len("`: "):]
	}
	return errors.New(text)
}

func shortPgError(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return errors.New(pg.Message)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		if inner := errors.Unwrap(connect); inner != nil {
			first, _, _ := strings.Cut(inner.Error(), "\n")
			return errors.New(first)
		}
	}
	return err
}
