package data

import (
	"context"
	"database/sql"
	"errors"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// IndexSearch makes the indexes for searching where they are missing or of another
// form: they follow from the model, so that no migration does. Nobody waits for it;
// until an index is there, searches look at every row. The error says what an
// administrator can do when PostgreSQL does not let it be made.
//
// It is not done while another process is at it: then call it again.
func (e *ERP) IndexSearch(ctx context.Context) (done bool, err error) {
	if e.db.Engine == sqldb.PostgreSQL {
		return e.indexPostgres(ctx)
	}
	err = e.indexSQLite(ctx)
	return err == nil, err
}

// form tells apart what the indexes are made of.
func form(statements []string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.Join(statements, ";"))) // a hash never fails
	return strconv.FormatUint(h.Sum64(), 36)
}

// made are the columns that the texts are made of.
func (x *searchIndex) made() (columns []string) {
	for _, c := range x.columns {
		for i, part := range strings.Split(c, `"`) {
			if i%2 == 1 {
				columns = append(columns, quoted(part))
			}
		}
	}
	return columns
}

// doc is all texts of a row.
func (x *searchIndex) doc() string {
	parts := make([]string, len(x.columns))
	for i, c := range x.columns {
		parts[i] = "COALESCE(" + c + ", '')"
	}
	return strings.Join(parts, " || char(10) || ")
}

// indexPostgres makes indexes of pg_trgm while others read and write. It waits for
// no other process, as making an index waits for all who wait in a transaction.
func (e *ERP) indexPostgres(ctx context.Context) (done bool, err error) {
	if _, err := e.db.Writer().ExecContext(ctx, `CREATE EXTENSION IF NOT EXISTS pg_trgm`); err != nil {
		return false, tandem.Errorf(tandem.CodeUnavailable, "searches look at every row, as the extension pg_trgm cannot be made (%s): "+
			"let an administrator of the database run CREATE EXTENSION pg_trgm, and start again", err)
	}
	conn, err := e.db.Writer().Conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	mine := e.db.Pooler // whose sessions are nobody's, so that nothing can be locked or set
	if !mine {
		if err := conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock(hashtext('search'))`).Scan(&mine); err != nil || !mine {
			return false, err
		}
		defer conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtext('search'))`) // a lost connection has it not
	}
	err = e.db.Unbounded(ctx, conn, func(ctx context.Context) error {
		for _, x := range inOrder(e.search) {
			if err := makeTrigrams(ctx, conn, x); err != nil {
				return err
			}
			x.ready.Store(true)
		}
		return nil
	})
	return err == nil, err
}

// makeTrigrams makes the index of one table, again where it is of another form or
// was not finished.
func makeTrigrams(ctx context.Context, conn *sql.Conn, x *searchIndex) error {
	columns := make([]string, len(x.columns))
	for i, c := range x.columns {
		columns[i] = "(" + c + ") gin_trgm_ops"
	}
	create := "CREATE INDEX CONCURRENTLY " + x.name() + " ON " + x.table + " USING gin (" + strings.Join(columns, ", ") + ")"
	const look = `SELECT indisvalid, COALESCE(obj_description(indexrelid), '') FROM pg_index WHERE indexrelid = to_regclass($1)`
	var valid bool
	var made string
	err := conn.QueryRowContext(ctx, look, x.name()).Scan(&valid, &made)
	want := form([]string{create})
	switch {
	case err == nil && valid && made == want:
		return nil
	case err == nil:
		create = "DROP INDEX CONCURRENTLY " + x.name() + ";" + create
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	for _, s := range append(strings.Split(create, ";"), "COMMENT ON INDEX "+x.name()+" IS '"+want+"'") {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
