package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// isCrowded reports whether PostgreSQL has no connection to give: all that it, a
// role or a database may have are in use, by whomever.
func isCrowded(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "53300" // too_many_connections
}

// retryCrowded is how soon a crowded server is asked again, growAfter how long a
// pool stays small because of it.
const (
	retryCrowded = 100 * time.Millisecond
	growAfter    = 5 * time.Second
)

// crowd lets a pool live with fewer connections than it may have, while the server
// has no more to give: who would have got a new one waits for one of the others.
type crowd struct {
	patience time.Duration
	pool     *sql.DB // set before it is used
	most     int     // connections of the pool when the server has enough

	open  atomic.Int64 // connections that there are
	small atomic.Bool
}

// connect gets a connection of the server, or else takes over one of the pool's
// own, whichever is there first.
func (c *crowd) connect(ctx context.Context, e *edge, fresh func() (*conn, error)) (*conn, error) {
	ends := time.Now().Add(c.patience)
	for {
		made, err := fresh()
		if err == nil {
			c.open.Add(1)
		}
		if !isCrowded(err) || ctx.Err() != nil || time.Now().After(ends) {
			return made, err
		}
		e.tell(err)
		if taken := c.takeOver(ctx, retryCrowded); taken != nil {
			return taken, nil
		}
	}
}

// takeOver waits for a connection of the pool that nobody uses any more, and takes
// it out of it; nil if there is none in time.
func (c *crowd) takeOver(ctx context.Context, wait time.Duration) (taken *conn) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if c.open.Load() == 0 {
		<-ctx.Done()
		return nil
	}
	c.shrink()
	idle, err := c.pool.Conn(ctx)
	if err != nil {
		return nil
	}
	defer idle.Close() // Raw has done it
	_ = idle.Raw(func(inner any) error {
		if ours, ok := inner.(*conn); ok {
			taken = &conn{fullConn: ours.fullConn, edge: ours.edge, crowd: c, epoch: ours.epoch}
			ours.handedOn = true
		}
		return driver.ErrBadConn // the pool forgets it
	})
	return taken
}

// shrink keeps the pool as small as it is, for a while, so that others wait in it
// instead of asking the server, too.
func (c *crowd) shrink() {
	if !c.small.CompareAndSwap(false, true) {
		return
	}
	c.pool.SetMaxOpenConns(max(1, min(c.most, c.pool.Stats().OpenConnections)))
	time.AfterFunc(growAfter, func() {
		c.pool.SetMaxOpenConns(c.most)
		c.pool.SetMaxIdleConns(c.most) // it went down with the other
		c.small.Store(false)
	})
}

// uncrowded is f, tried again for as long as ctx allows while the server has no
// connection to give.
func uncrowded(ctx context.Context, f func() error) error {
	for {
		err := f()
		if !isCrowded(err) {
			return err
		}
		select {
		case <-time.After(retryCrowded):
		case <-ctx.Done():
			return err
		}
	}
}
