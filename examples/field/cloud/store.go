package cloud

import (
	"context"
	"database/sql"
	"embed"
	"time"

	"github.com/hybridapps/tandem/sqldb"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// schemaTable keeps the version of the service's tables.
const schemaTable = "field_schema"

// store is the service's own database. Nobody else opens it.
type store struct {
	db    *sqldb.DB
	zone  *time.Location // of days
	queue queue
}

type sqlTx = sql.Tx

func (s *store) migrate(ctx context.Context) error {
	return s.db.Migrate(ctx, sqldb.Migrations(migrationFiles), schemaTable)
}

// reads is a query that comes with every command: its statement is prepared once.
func (s *store) reads(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.db.ReadStmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// first is [store.reads] for what has one row.
func (s *store) first(ctx context.Context, query string, args []any, into ...any) error {
	rows, err := s.reads(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := rows.Scan(into...); err != nil {
		return err
	}
	return rows.Close()
}

// writing is a transaction whose statements are prepared once. They are prepared before
// it begins, as it may have the only connection that writes.
type writing struct {
	*sqlTx
	prepared map[string]*sql.Stmt
}

func (s *store) write(ctx context.Context, queries []string, f func(tx writing) error) error {
	prepared := map[string]*sql.Stmt{}
	for _, q := range queries {
		stmt, err := s.db.WriteStmt(ctx, q)
		if err != nil {
			return err
		}
		prepared[q] = stmt
	}
	p := &pending{ctx: ctx, f: func(tx *sqlTx) error { return f(writing{tx, prepared}) }, done: make(chan error, 1)}
	if s.db.Engine != sqldb.SQLite {
		return s.db.Write(ctx, p.f)
	}
	return s.queue.do(s.db, p)
}

// ExecContext runs a statement, by its prepared form where there is one.
func (w writing) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := w.prepared[query]; stmt != nil {
		return w.sqlTx.StmtContext(ctx, stmt).ExecContext(ctx, args...)
	}
	return w.sqlTx.ExecContext(ctx, query, args...)
}

// QueryRowContext reads a row, by the prepared form where there is one.
func (w writing) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := w.prepared[query]; stmt != nil {
		return w.sqlTx.StmtContext(ctx, stmt).QueryRowContext(ctx, args...)
	}
	return w.sqlTx.QueryRowContext(ctx, query, args...)
}

// responsibleOf is whose visit it is, as the copy has it.
func (s *store) responsibleOf(ctx context.Context, visit string) (person string, err error) {
	err = s.db.Reader().QueryRowContext(ctx, `SELECT responsible FROM visits WHERE id = $1`, visit).Scan(&person)
	return person, sqldb.NotFound(err, "The visit is not in the copy.")
}
