package data

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"github.com/hybridapps/tandem/sqldb"
)

// Dump reads every table of the databases and gives each as text, row by row: for who
// looks for what must not be in them. It is no backup.
func (db *DB) Dump(ctx context.Context, look func(table string, text io.Reader) error) error {
	databases := []*sqldb.DB{db.Identity}
	if db.ERP.Engine == sqldb.SQLite { // PostgreSQL has one for both
		databases = append(databases, db.ERP)
	}
	for _, one := range databases {
		tables, err := tablesOf(ctx, one)
		if err != nil {
			return err
		}
		for _, table := range tables {
			if err := dumpTable(ctx, one, table, look); err != nil {
				return fmt.Errorf("read the table %s: %w", table, err)
			}
		}
	}
	return nil
}

// tablesOf are the tables with rows. What an index of words keeps in tables of its own
// is made of others.
func tablesOf(ctx context.Context, db *sqldb.DB) (tables []string, err error) {
	text := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name`
	if db.Engine == sqldb.PostgreSQL {
		text = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name`
	}
	rows, err := db.Reader().QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		tables = append(tables, name)
	}
	return tables, rows.Err()
}

// dumpTable gives a table's rows while they are read. The name comes from the
// database's own list.
func dumpTable(ctx context.Context, db *sqldb.DB, table string, look func(string, io.Reader) error) error {
	rows, err := db.Reader().QueryContext(ctx, `SELECT * FROM "`+table+`"`)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	from, to := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := writeRows(to, rows, len(columns))
		to.CloseWithError(err)
		written <- err
	}()
	err = look(table, from)
	from.CloseWithError(errors.Join(err, io.ErrClosedPipe))
	if wrote := <-written; err == nil && !errors.Is(wrote, io.ErrClosedPipe) {
		err = wrote
	}
	return err
}

// writeRows writes every value as the driver gives it, each on a line.
func writeRows(w io.Writer, rows *sql.Rows, columns int) error {
	out := bufio.NewWriterSize(w, 64<<10)
	values, pointers := make([]any, columns), make([]any, columns)
	for i := range values {
		pointers[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			return err
		}
		for _, v := range values {
			if bytes, ok := v.([]byte); ok {
				v = string(bytes)
			}
			if _, err := fmt.Fprintln(out, v); err != nil {
				return err
			}
		}
	}
	return errors.Join(rows.Err(), out.Flush())
}
