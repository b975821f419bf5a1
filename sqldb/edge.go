package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
)

// edge is where every command to a database passes: it bounds those that have no
// bound of their own, tells faults that pass by themselves from all others, and
// parts with connections that lead to a server that is not what it was. It is a
// driver around the engine's.
type edge struct {
	engine Engine
	log    *slog.Logger // may be nil
	// limit is how long a command may take whose context does not end before;
	// zero means without end.
	limit time.Duration
	// unprepared says that statements must not outlive their transaction: a
	// pooler gives each to another connection of the server.
	unprepared bool
	// connectTimeout is how long a connection to PostgreSQL may take to be made.
	connectTimeout time.Duration

	epoch  atomic.Int64 // counts the times that all connections were given up
	mu     sync.Mutex   // guards the fields below
	gaveUp time.Time
	told   time.Time
	untold int
}

// errPasses is what people see of a fault that passes by itself.
var errPasses = tandem.Errorf(tandem.CodeUnavailable, "the database cannot do this at the moment; try again in a few seconds")

// passing is a fault that passes by itself. It is a [tandem.Error] with
// [tandem.CodeUnavailable] for who answers a person, and its cause for the log.
type passing struct{ cause error }

func (p *passing) Error() string   { return errPasses.Message + ": " + p.cause.Error() }
func (p *passing) Unwrap() []error { return []error{errPasses, p.cause} }

// judge is the one place that an error of an engine comes through. outer is the
// caller's context: that it has ended is the caller's matter.
func (e *edge) judge(outer context.Context, err error) error {
	switch {
	case err == nil, errors.Is(err, driver.ErrBadConn):
		return err
	case foundNoText(err):
		return &noText{err}
	case outer.Err() != nil && (errors.Is(err, outer.Err()) || !passes(err)):
		return err
	case errors.Is(err, context.DeadlineExceeded), e.limit > 0 && errors.Is(err, context.Canceled): // and the caller's has not ended
		// Whoever sees a cancellation takes it for the caller's.
		err = fmt.Errorf("no answer within %s: %w: %v", e.limit, context.DeadlineExceeded, err) //nolint:errorlint // on purpose
	case !passes(err):
		return err
	}
	e.tell(err)
	return &passing{err}
}

// undone makes a fault that passes of what PostgreSQL undid because of others, and is not
// run again. Within the transaction it is none: whoever is in it must not take it for
// something that a caller can mend, and go on.
func (e *edge) undone(err error) error {
	if !IsDeadlock(err) {
		return err
	}
	e.tell(err)
	return &passing{err}
}

// tellEvery is how often the log is told of faults, with their number.
const tellEvery = time.Second

func (e *edge) tell(err error) {
	if e.log == nil {
		return
	}
	now := tandem.SystemTime()
	e.mu.Lock()
	e.untold++
	n := e.untold
	due := now.Sub(e.told) >= tellEvery
	if due {
		e.told, e.untold = now, 0
	}
	e.mu.Unlock()
	if due {
		e.log.Warn("the database cannot do what it is asked", "error", err, "times", n)
	}
}

// giveUp makes every connection of the pool end before it is used again: the
// server behind them is not the one that can write. Once a second is enough to
// follow a server that comes and goes.
func (e *edge) giveUp() {
	now := tandem.SystemTime()
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.Sub(e.gaveUp) >= time.Second {
		e.gaveUp = now
		e.epoch.Add(1)
	}
}

// bounded is the context of one command.
func (e *edge) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.limit == 0 || ctx.Value(unbounded{}) != nil {
		return ctx, func() {}
	}
	if ends, ok := ctx.Deadline(); ok && time.Until(ends) <= e.limit {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, e.limit)
}

// ending is the context of a transaction, which the engine keeps for its commit: only end
// ends it, as it does when one of the two takes too long (see [edge.soon]).
func (e *edge) ending(ctx context.Context) (within context.Context, end context.CancelFunc) {
	if e.limit == 0 || ctx.Value(unbounded{}) != nil {
		return ctx, func() {}
	}
	return context.WithCancel(ctx)
}

// soon calls end at the limit, unless what it gives is called before.
func (e *edge) soon(end context.CancelFunc) (done func()) {
	if e.limit == 0 {
		return func() {}
	}
	timer := time.AfterFunc(e.limit, end)
	return func() { timer.Stop() }
}

// connector implements [driver.Connector].
type connector struct {
	driver.Connector
	edge  *edge
	crowd *crowd // of PostgreSQL
}

// Connect implements [driver.Connector].
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	fresh := func() (*conn, error) { return c.fresh(ctx) }
	connect := fresh
	if c.crowd != nil {
		connect = func() (*conn, error) { return c.crowd.connect(ctx, c.edge, fresh) }
	}
	made, err := connect()
	if err != nil {
		return nil, c.edge.judge(ctx, err)
	}
	return made, nil
}

func (c connector) fresh(ctx context.Context) (*conn, error) {
	epoch := c.edge.epoch.Load()
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	inner, ok := made.(fullConn)
	if !ok {
		made.Close()
		return nil, fmt.Errorf("the driver's %T lacks methods that ours needs", made)
	}
	return &conn{fullConn: inner, edge: c.edge, crowd: c.crowd, epoch: epoch}, nil
}

// fullConn is what connections of both engines' drivers can do.
type fullConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
}

type conn struct {
	fullConn
	edge  *edge
	crowd *crowd // nil on SQLite
	epoch int64
	inTx  bool
	// handedOn says that another one has the engine's connection now.
	handedOn bool
}

// Close implements [driver.Conn].
func (c *conn) Close() error {
	if c.handedOn {
		return nil
	}
	if c.crowd != nil {
		c.crowd.open.Add(-1)
	}
	return c.fullConn.Close()
}

// judge also keeps a lost connection from being taken for one that was not used
// yet: in a transaction nothing can be tried again.
func (c *conn) judge(ctx context.Context, err error) error {
	if c.inTx && errors.Is(err, driver.ErrBadConn) {
		err = errors.New("the connection was lost in the middle of a transaction")
		c.edge.tell(err)
		return &passing{err}
	}
	return c.edge.judge(ctx, err)
}

// ResetSession implements [driver.SessionResetter]. It asks a connection that was not used for
// a while whether it is still one, which may take no longer than a new one.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.epoch != c.edge.epoch.Load() {
		return driver.ErrBadConn
	}
	if c.edge.connectTimeout > 0 {
		within, done := context.WithTimeout(ctx, c.edge.connectTimeout)
		defer done()
		ctx = within
	}
	return c.fullConn.ResetSession(ctx)
}

// IsValid implements [driver.Validator].
func (c *conn) IsValid() bool {
	v, ok := c.fullConn.(driver.Validator)
	return !ok || v.IsValid()
}

// CheckNamedValue implements [driver.NamedValueChecker].
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if err := checkText(v); err != nil {
		return err
	}
	if checker, ok := c.fullConn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	switch value := v.Value.(type) {
	case string, int64:
		return nil
	case *string: // as the fields of rows are, which database/sql would find out by reflection
		if value != nil {
			v.Value = *value
			return nil
		}
	}
	return driver.ErrSkip
}

// Ping implements [driver.Pinger].
func (c *conn) Ping(ctx context.Context) error {
	within, done := c.edge.bounded(ctx)
	defer done()
	return c.judge(ctx, c.fullConn.Ping(within))
}

// PrepareContext implements [driver.ConnPrepareContext].
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	begins(ctx)
	if c.edge.unprepared {
		return &unpreparedStmt{c, query}, nil
	}
	within, done := c.edge.bounded(ctx)
	defer done()
	s, err := c.fullConn.PrepareContext(within, query)
	if err != nil {
		return nil, c.judge(ctx, err)
	}
	full, ok := s.(fullStmt)
	if !ok {
		s.Close()
		return nil, fmt.Errorf("the driver's %T lacks methods that ours needs", s)
	}
	return &stmt{full, c}, nil
}

// BeginTx implements [driver.ConnBeginTx].
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	within, end := c.edge.ending(ctx)
	done := c.edge.soon(end)
	inner, err := c.fullConn.BeginTx(within, opts)
	done()
	if err != nil {
		end()
		return nil, c.judge(ctx, err)
	}
	c.inTx = true
	return &tx{inner, c, ctx, end}, nil
}

// ExecContext implements [driver.ExecerContext].
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	within, done := c.edge.bounded(ctx)
	defer done()
	r, err := c.fullConn.ExecContext(within, query, args)
	return r, c.judge(ctx, err)
}

// QueryContext implements [driver.QueryerContext].
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	begins(ctx)
	within, done := c.edge.bounded(ctx)
	r, err := c.fullConn.QueryContext(within, query, args)
	return c.rows(ctx, done, r, err)
}

func (c *conn) rows(ctx context.Context, done func(), r driver.Rows, err error) (driver.Rows, error) {
	if err != nil {
		done()
		return nil, c.judge(ctx, err)
	}
	return &rows{r, c, ctx, done}, nil
}

// rows tells the faults that come while rows are read.
type rows struct {
	driver.Rows
	conn *conn
	ctx  context.Context
	done func()
}

// Next implements [driver.Rows].
func (r *rows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return r.conn.judge(r.ctx, err)
}

// Close implements [driver.Rows].
func (r *rows) Close() error {
	defer r.done()
	return r.conn.judge(r.ctx, r.Rows.Close())
}

type tx struct {
	driver.Tx
	conn *conn
	ctx  context.Context
	end  context.CancelFunc // of the context that the engine keeps
}

// Commit implements [driver.Tx].
func (t *tx) Commit() error {
	defer t.end()
	defer t.conn.edge.soon(t.end)()
	err := t.conn.judge(t.ctx, t.Tx.Commit())
	t.conn.inTx = false
	return err
}

// Rollback implements [driver.Tx].
func (t *tx) Rollback() error {
	defer t.end()
	defer t.conn.edge.soon(t.end)()
	t.conn.inTx = false
	return t.Tx.Rollback()
}

// fullStmt is what statements of both engines' drivers can do.
type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type stmt struct {
	fullStmt
	conn *conn
}

// Close implements [driver.Stmt]. What was prepared over a connection that is
// handed on stays so: whoever has it is going to use the same texts.
func (s *stmt) Close() error {
	if s.conn.handedOn {
		return nil
	}
	return s.fullStmt.Close()
}

// ExecContext implements [driver.StmtExecContext].
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	within, done := s.conn.edge.bounded(ctx)
	defer done()
	r, err := s.fullStmt.ExecContext(within, args)
	return r, s.conn.judge(ctx, err)
}

// QueryContext implements [driver.StmtQueryContext].
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	begins(ctx)
	within, done := s.conn.edge.bounded(ctx)
	r, err := s.fullStmt.QueryContext(within, args)
	return s.conn.rows(ctx, done, r, err)
}

// unpreparedStmt sends its text each time.
type unpreparedStmt struct {
	conn  *conn
	query string
}

// Close implements [driver.Stmt].
func (s *unpreparedStmt) Close() error { return nil }

// NumInput implements [driver.Stmt]: the server counts.
func (s *unpreparedStmt) NumInput() int { return -1 }

// ExecContext implements [driver.StmtExecContext].
func (s *unpreparedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, args)
}

// QueryContext implements [driver.StmtQueryContext].
func (s *unpreparedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

var errNoContext = errors.New("use the method with a context")

// Exec implements [driver.Stmt].
func (s *unpreparedStmt) Exec([]driver.Value) (driver.Result, error) { return nil, errNoContext }

// Query implements [driver.Stmt].
func (s *unpreparedStmt) Query([]driver.Value) (driver.Rows, error) { return nil, errNoContext }
