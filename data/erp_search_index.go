package data

import (
	"context"
	"database/sql"
	"errors"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// factSearch is the form of the indexes that are there.
const factSearch = "search"

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
	if err := e.indexSQLite(ctx); err != nil {
		return false, err
	}
	for _, x := range e.search {
		x.ready.Store(true)
	}
	return true, nil
}

// form tells apart what the indexes are made of.
func form(statements []string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.Join(statements, ";"))) // a hash never fails
	return strconv.FormatUint(h.Sum64(), 36)
}

// indexSQLite makes tables of FTS5 in one short transaction. What a statement writes
// is only noted, by triggers; [ERP.IndexWaiting] takes it in later, and until then
// whatever waits is among what a search looks at.
func (e *ERP) indexSQLite(ctx context.Context) error {
	statements := []string{`CREATE TABLE erp_search_waiting (number INTEGER, place INTEGER, PRIMARY KEY (number, place)) WITHOUT ROWID`}
	drop := []string{`DROP TABLE IF EXISTS erp_search_waiting`}
	for _, x := range inOrder(e.search) {
		waits := ` BEGIN INSERT OR IGNORE INTO erp_search_waiting (number, place) VALUES (` + itoa(int64(x.number)) + `, `
		statements = append(statements,
			`CREATE VIRTUAL TABLE `+x.name()+` USING fts5(texts, content='', contentless_delete=1, detail=none, tokenize='trigram case_sensitive 1')`,
			`CREATE TRIGGER `+x.name()+`_added AFTER INSERT ON `+x.table+waits+`new.rowid); END`,
			`CREATE TRIGGER `+x.name()+`_changed AFTER UPDATE OF `+strings.Join(x.made(), ", ")+` ON `+x.table+waits+`new.rowid); END`,
			`CREATE TRIGGER `+x.name()+`_removed AFTER DELETE ON `+x.table+waits+`old.rowid); END`,
			`INSERT INTO erp_search_waiting (number, place) SELECT `+itoa(int64(x.number))+`, rowid FROM `+x.table)
		drop = append(drop, `DROP TABLE IF EXISTS `+x.name(),
			`DROP TRIGGER IF EXISTS `+x.name()+`_added`, `DROP TRIGGER IF EXISTS `+x.name()+`_changed`, `DROP TRIGGER IF EXISTS `+x.name()+`_removed`)
	}
	want := form(append(statements, e.docs()...))
	if now, err := e.fact(ctx, factSearch); err != nil || now == want {
		return err
	}
	return e.db.Write(ctx, func(tx *sql.Tx) error {
		for _, s := range append(drop, statements...) {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, keepFact, factSearch, want)
		return err
	})
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

func (e *ERP) docs() (all []string) {
	for _, x := range inOrder(e.search) {
		all = append(all, x.doc())
	}
	return all
}

// indexedAtOnce is how many rows one transaction takes in: some tens of milliseconds.
const indexedAtOnce = 50

// IndexWaiting takes in what was written since the last time, a few rows at a time
// while others write, and says how many rows that were. PostgreSQL does so by itself.
func (e *ERP) IndexWaiting(ctx context.Context) (rows int, err error) {
	if e.db.Engine == sqldb.PostgreSQL {
		return 0, nil
	}
	for _, x := range inOrder(e.search) {
		for {
			writes, began := e.writes.Load(), tandem.SystemTime()
			n, err := e.takeIn(ctx, x)
			if rows += n; err != nil || n < indexedAtOnce {
				if err != nil {
					return rows, err
				}
				break
			}
			pause := tandem.SystemTime().Sub(began)
			if e.writes.Load() != writes { // others write: they come first
				pause *= 9
			}
			select {
			case <-ctx.Done():
				return rows, ctx.Err()
			case <-time.After(pause):
			}
		}
	}
	return rows, nil
}

// takeIn takes in the next rows of a table.
func (e *ERP) takeIn(ctx context.Context, x *searchIndex) (n int, err error) {
	number := itoa(int64(x.number))
	err = e.db.Reader().QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM erp_search_waiting WHERE number = `+number+
		` LIMIT `+itoa(indexedAtOnce)+`)`).Scan(&n)
	if err != nil || n == 0 {
		return 0, err
	}
	next := ` IN (SELECT place FROM erp_search_waiting WHERE number = ` + number + ` ORDER BY place LIMIT ` + itoa(indexedAtOnce) + `)`
	return n, e.db.Write(ctx, func(tx *sql.Tx) error {
		for _, s := range []string{
			`DELETE FROM ` + x.name() + ` WHERE rowid` + next,
			`INSERT INTO ` + x.name() + ` (rowid, texts) SELECT rowid, ` + x.doc() + ` FROM ` + x.table + ` WHERE rowid` + next,
			`DELETE FROM erp_search_waiting WHERE number = ` + number + ` AND place` + next,
		} {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
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
