package jobs

import (
	"context"
	"database/sql/driver"
	"slices"
	"strings"

	"modernc.org/sqlite"
)

// keeping is the driver of SQLite that gives no connection out while the engine
// rests, and keeps the statements of each prepared. The engine asks for the same
// few texts each second, and reading them takes half of its time.
type keeping struct {
	driver sqlite.Driver
	name   string
	rest   *rest
}

// maxKept is how many statements a connection keeps.
const maxKept = 100

// Driver implements driver.Connector.
func (k *keeping) Driver() driver.Driver { return &k.driver }

// Connect implements driver.Connector.
func (k *keeping) Connect(ctx context.Context) (driver.Conn, error) {
	k.rest.wait(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := k.driver.Open(k.name)
	if err != nil {
		return nil, err
	}
	return &keepingConn{Conn: conn, rest: k.rest, kept: map[string]*keptStmt{}}, nil
}

type keepingConn struct {
	driver.Conn
	rest *rest
	kept map[string]*keptStmt
}

// keptStmt is in use while rows of it are read.
type keptStmt struct {
	driver.Stmt
	inUse bool
}

// BeginTx implements driver.ConnBeginTx.
func (c *keepingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

// Ping implements driver.Pinger.
func (c *keepingConn) Ping(ctx context.Context) error { return c.Conn.(driver.Pinger).Ping(ctx) }

// ResetSession implements driver.SessionResetter: it comes before each use but the
// first.
func (c *keepingConn) ResetSession(ctx context.Context) error {
	c.rest.wait(ctx)
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// Close implements driver.Conn.
func (c *keepingConn) Close() error {
	for _, s := range c.kept {
		_ = s.Close() // it ends with the connection
	}
	return c.Conn.Close()
}

// stmt is the statement to use; nil where the text is better not kept.
func (c *keepingConn) stmt(query string) *keptStmt {
	if s := c.kept[query]; s != nil {
		if s.inUse {
			return nil
		}
		return s
	}
	if len(c.kept) == maxKept || !isKept(query) {
		return nil
	}
	s, err := c.Prepare(query)
	if err != nil {
		return nil // who runs it is told why
	}
	c.kept[query] = &keptStmt{Stmt: s}
	return c.kept[query]
}

// isKept reports whether the text is one statement that reads or writes rows.
func isKept(query string) bool {
	switch first := strings.Fields(query); {
	case len(first) == 0, strings.Contains(query, ";"):
		return false
	default:
		return slices.Contains([]string{"SELECT", "UPDATE", "INSERT", "DELETE", "WITH"}, strings.ToUpper(first[0]))
	}
}

// ExecContext implements driver.ExecerContext.
func (c *keepingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if s := c.stmt(query); s != nil {
		return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

// QueryContext implements driver.QueryerContext.
func (c *keepingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s := c.stmt(query)
	if s == nil {
		return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.inUse = true
	return &keptRows{rows, s}, nil
}

type keptRows struct {
	driver.Rows
	of *keptStmt
}

// Close implements driver.Rows.
func (r *keptRows) Close() error {
	r.of.inUse = false
	return r.Rows.Close()
}
