package sqldb

import (
	"context"
	"database/sql"
)

type unbounded struct{}

// Unbounded runs f, whose statements on a connection or transaction have as long as they
// take, with the context that it is given: neither the server ends one of them nor this
// process, until that context ends. It is for work of ours that is as long as the data is
// big, and holds nobody meanwhile. Through a pooler a connection keeps the limits of its role.
func (db *DB) Unbounded(ctx context.Context, on interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}, f func(ctx context.Context) error) error {
	_, inTx := on.(*sql.Tx)
	if db.Engine == PostgreSQL && (inTx || !db.Pooler) {
		for _, limit := range []string{"statement_timeout", "lock_timeout"} {
			if _, err := on.ExecContext(ctx, "SET "+limit+" = 0"); err != nil {
				return err
			}
			// A lost connection has none of it, nor has a transaction that is undone.
			defer on.ExecContext(context.WithoutCancel(ctx), "RESET "+limit)
		}
	}
	return f(context.WithValue(ctx, unbounded{}, true))
}
