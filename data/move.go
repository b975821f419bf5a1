package data

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

// lastShared is the schema version of the last program that kept the ERP's rows
// in the identity server's file.
const lastShared = 46

// moving is the user_version of the ERP's file until what was copied into it is
// gone from the other one.
const moving = 1

// moveERP moves the ERP's rows out of a file of an older program into one of
// their own. Whatever ends it in the middle, the next start begins again from
// the rows in the old place: they are deleted, in one transaction, only when the
// new file is whole and on the disk. It returns the file, opened as it was.
func moveERP(ctx context.Context, db *sqldb.DB, file string, opts sqldb.Options) (*sqldb.DB, error) {
	shared, err := hasERP(ctx, db.Reader())
	if err != nil {
		return db, err
	}
	if !shared {
		return db, nil
	}
	// A database of a newer program is refused here.
	upToShared := sqldb.Only(Migrations, func(name string) bool { return name < fmt.Sprintf("%05d", lastShared+1) })
	if err := db.Migrate(ctx, upToShared, MigrationTable); err != nil {
		return db, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	err = sqldb.Alone(ctx, file, func(conn *sql.Conn) error {
		if shared, err := hasERP(ctx, conn); err != nil || !shared {
			return err // another program was faster
		}
		return moveRows(ctx, conn, ERPFile(file))
	})
	if errors.Is(err, sqldb.ErrInUse) {
		err = tandem.Errorf(tandem.CodeConflict, "%s is in use by another program: stop it, and start this one again. "+
			"The ERP's rows then move into a file of their own, %s", file, ERPFile(file))
	}
	if err != nil {
		return nil, fmt.Errorf("move the ERP's rows: %w", err)
	}
	return sqldb.Open(ctx, "sqlite:"+file, opts)
}

type rowQuerier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// hasERP reports whether the ERP's tables are in a file of SQLite.
func hasERP(ctx context.Context, q rowQuerier) (has bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name LIKE 'erp\_%' ESCAPE '\')`).Scan(&has)
	return has, err
}

// moveRows copies the tables and deletes them.
func moveRows(ctx context.Context, conn *sql.Conn, file string) error {
	if err := notAnothers(ctx, file); err != nil {
		return err
	}
	copied := file + ".moving"
	if err := remove(copied); err != nil {
		return err
	}
	if err := copyRows(ctx, conn, copied); err != nil {
		return errors.Join(err, remove(copied))
	}
	if err := settle(copied, file); err != nil {
		return err
	}
	return dropERP(ctx, conn)
}

// notAnothers refuses to replace a file that is more than a copy half made.
func notAnothers(ctx context.Context, file string) error {
	_, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	state, err := fileState(ctx, file)
	if err != nil || state == moving {
		return err
	}
	return tandem.Errorf(tandem.CodeConflict, "both files have rows of the ERP, the older one and %s: "+
		"if the older one is a backup that shall be used again, move this one away", file)
}

// fileState is the user_version of a file of SQLite.
func fileState(ctx context.Context, file string) (state int, err error) {
	db, err := sqldb.Open(ctx, "sqlite:"+file, sqldb.Options{MaxConns: 1})
	if err != nil {
		return 0, err
	}
	err = db.Reader().QueryRowContext(ctx, `PRAGMA user_version`).Scan(&state)
	return state, errors.Join(err, db.Close())
}

// moved notes that the rows are in the one place only.
func moved(ctx context.Context, erp *sqldb.DB) error {
	var state int
	err := erp.Reader().QueryRowContext(ctx, `PRAGMA user_version`).Scan(&state)
	if err != nil || state != moving {
		return err
	}
	_, err = erp.Writer().ExecContext(ctx, `PRAGMA user_version = 0`)
	return err
}

// copyRows makes a file of the ERP with all that the tables of conn hold.
func copyRows(ctx context.Context, conn *sql.Conn, file string) error {
	db, err := sqldb.Open(ctx, "sqlite:"+file, sqldb.Options{MaxConns: 1})
	if err != nil {
		return err
	}
	same := sqldb.Only(erpMigrations, func(name string) bool { return name < fmt.Sprintf("%05d", lastShared+1) })
	err = db.Migrate(ctx, same, MigrationTable)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, `ATTACH $1 AS erp`, file); err != nil {
		return err
	}
	defer conn.ExecContext(ctx, `DETACH erp`)
	tables, err := tablesOfERP(ctx, conn)
	if err != nil {
		return err
	}
	// Without a log beside it the file can be renamed.
	statements := []string{`PRAGMA erp.journal_mode = DELETE`, fmt.Sprint(`PRAGMA erp.user_version = `, moving), `BEGIN IMMEDIATE`}
	for _, table := range tables {
		columns, err := sqldb.List[string](conn.QueryContext(ctx, `SELECT '"' || name || '"' FROM pragma_table_info($1)`, table))
		if err != nil {
			return err
		}
		list := strings.Join(columns, ", ")
		statements = append(statements, `INSERT INTO erp.`+table+` (`+list+`) SELECT `+list+` FROM main.`+table)
	}
	for _, statement := range append(statements, `COMMIT`) {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			_, undo := conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
			return errors.Join(fmt.Errorf("%s: %w", statement, err), undo)
		}
	}
	return nil
}

func tablesOfERP(ctx context.Context, conn *sql.Conn) ([]string, error) {
	return sqldb.List[string](conn.QueryContext(ctx,
		`SELECT name FROM main.sqlite_master WHERE type = 'table' AND name LIKE 'erp\_%' ESCAPE '\' ORDER BY name`))
}

// settle gives the copy its name once it is on the disk.
func settle(copied, file string) error {
	if err := synced(copied); err != nil {
		return err
	}
	if err := remove(file); err != nil {
		return err
	}
	if err := os.Rename(copied, file); err != nil {
		return err
	}
	return synced(filepath.Dir(file))
}

func synced(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// remove deletes a file of SQLite and what is beside it.
func remove(file string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(file + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// dropERP deletes the ERP's tables, all or none, and gives back their room.
func dropERP(ctx context.Context, conn *sql.Conn) error {
	tables, err := tablesOfERP(ctx, conn)
	if err != nil {
		return err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit this does nothing
	if _, err := tx.ExecContext(ctx, `DROP VIEW IF EXISTS erp_users`); err != nil {
		return err
	}
	for _, table := range tables {
		if _, err := tx.ExecContext(ctx, `DROP TABLE `+table); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	// Where the disk has no room for it, the file stays as large as it was.
	_, _ = conn.ExecContext(ctx, `VACUUM`)
	return nil
}
