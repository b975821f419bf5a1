package sqldb

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Migrations are the files of the folder migrations that a package embeds.
func Migrations(embedded embed.FS) fs.FS {
	folder, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // only an invalid name fails
	}
	return folder
}

// Only is the part of a timeline whose file names keep says yes to.
func Only(migrations fs.FS, keep func(name string) bool) fs.FS { return chosen{migrations, keep} }

type chosen struct {
	fs.FS
	keep func(name string) bool
}

// Glob implements [fs.GlobFS], which is how the files are found.
func (c chosen) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(c.FS, pattern)
	return slices.DeleteFunc(names, func(name string) bool { return !c.keep(name) }), err
}

// Migrate brings the schema to the newest version in migrations, which holds
// goose files NNNNN_name.sql written once for both engines, with the types
// TEXT, BIGINT, BOOLEAN and BYTEA. A file NNNNN_name.sqlite.sql or
// NNNNN_name.postgres.sql is for that engine alone. table keeps the version, so
// that two boxes could share a file without sharing a timeline.
//
// A database that a newer program has migrated further is refused untouched. Where
// there is nothing to do, nobody is waited for. Else processes that share a PostgreSQL
// database do it one after the other ([DB.Lock], of the table's name), each on connections
// of its own, on which a step has as long as it takes.
func (db *DB) Migrate(ctx context.Context, migrations fs.FS, table string) error {
	current, newest, err := db.Versions(ctx, migrations, table)
	switch {
	case err != nil:
		return fmt.Errorf("read the schema version: %w", err)
	case current > newest:
		return fmt.Errorf("the database has schema version %d, this program knows only %d: "+
			"it was used by a newer tandem; run that one, or restore a backup", current, newest)
	case current == newest:
		return nil
	case db.Engine == SQLite:
		return db.migrate(ctx, migrations, table, current)
	}
	own, err := Open(ctx, db.connString, Options{MaxConns: 2, Limits: Limits{Lock: lockPause, Idle: stillFor}, Log: db.edge.log})
	if err != nil {
		return err
	}
	err = own.Lock(ctx, table, func(ctx context.Context) error { return own.migrate(ctx, migrations, table, current) })
	return errors.Join(err, own.Close())
}

// migrate makes the steps that are missing, of which another process may make some.
func (db *DB) migrate(ctx context.Context, migrations fs.FS, table string, current int64) error {
	provider, err := db.provider(migrations, table)
	if err != nil {
		return err
	}
	for {
		_, err := provider.Up(ctx)
		if err == nil {
			return nil
		}
		if isLockTimeout(err) {
			// Somebody has the table for long, as a backup has. Who comes after a step that
			// waits for it waits behind the step: they are let by before the next try.
			select {
			case <-time.After(lockPause):
				continue
			case <-ctx.Done():
				return fmt.Errorf("migrate the database: %w", err)
			}
		}
		// SQLite has no lock for replicas that start together: another one may
		// have made the same step meanwhile. Then go on from where it is.
		reached, _, versionErr := provider.GetVersions(ctx)
		if versionErr != nil || reached <= current {
			return fmt.Errorf("migrate the database: %w", explainSQLite(err))
		}
		current = reached
	}
}

// lockPause is how long a step waits for a table that others have, and others behind it:
// less than they wait themselves. Then it is tried again after as long.
const lockPause = time.Second

func isLockTimeout(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55P03"
}

// Versions are the schema version of the database and the newest one known.
func (db *DB) Versions(ctx context.Context, migrations fs.FS, table string) (current, newest int64, err error) {
	provider, err := db.provider(migrations, table)
	if err != nil {
		return 0, 0, err
	}
	return provider.GetVersions(ctx)
}

func (db *DB) provider(migrations fs.FS, table string) (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	migrations = Only(migrations, db.Engine.runs)
	if db.Engine == PostgreSQL {
		dialect = goose.DialectPostgres
		migrations = byteOrdered{migrations}
	}
	store, err := database.NewStore(dialect, table)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider("", db.write, migrations,
		goose.WithStore(store), goose.WithDisableGlobalRegistry(true), goose.WithVerbose(false))
}

// runs reports whether a migration is for the engine.
func (e Engine) runs(name string) bool {
	for _, engine := range []Engine{SQLite, PostgreSQL} {
		if strings.HasSuffix(name, "."+string(engine)+".sql") {
			return e == engine
		}
	}
	return true
}

// byteOrdered gives every TEXT column of a migration the byte order that it
// has on SQLite, whatever the collation of the PostgreSQL database.
type byteOrdered struct{ fs.FS }

var textColumn = regexp.MustCompile(`\bTEXT\b`)

func (b byteOrdered) Open(name string) (fs.File, error) {
	f, err := b.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &memFile{Reader: strings.NewReader(textColumn.ReplaceAllString(string(text), `TEXT COLLATE "C"`)), info: info}, nil
}

func (b byteOrdered) Glob(pattern string) ([]string, error) { return fs.Glob(b.FS, pattern) }

type memFile struct {
	*strings.Reader
	info fs.FileInfo
}

func (f *memFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *memFile) Close() error               { return nil }
