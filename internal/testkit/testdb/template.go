package testdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/hybridapps/tandem/sqldb"
)

// Template is a database that is filled once and copied for each test that
// wants it. A package that has one keeps it in a variable.
type Template struct {
	// Name is the template's own among those of all packages: small letters and
	// underscores.
	Name string
	// Make fills the empty database at url, and closes it. The note is what
	// whoever gets a copy has to know of it, such as a secret that the database
	// has only the hash of.
	Make func(ctx context.Context, url string) (note string, err error)

	sqlite struct {
		once sync.Once
		// files are the contents by what follows "template" in the file's name.
		files map[string][]byte
		note  string
		err   error
	}
	postgres struct {
		once sync.Once
		// prefix begins the names of this run's databases; strategy is the option
		// of CREATE DATABASE that copies them.
		prefix, strategy string
		note             string
		err              error
	}
}

// Copy is the URL of a copy for one test, which is gone after it, and the note
// that was made with the template. PostgreSQL is skipped, with the reason, where
// no server is given.
func (m *Template) Copy(t testing.TB, engine sqldb.Engine) (url, note string) {
	t.Helper()
	if engine == sqldb.SQLite {
		return m.copySQLite(t)
	}
	return m.copyPostgres(t)
}

func (m *Template) copySQLite(t testing.TB) (url, note string) {
	t.Helper()
	own := &m.sqlite
	own.once.Do(func() { own.files, own.note, own.err = m.makeSQLite() })
	url = sqliteURL(t)
	err := own.err
	base := strings.TrimSuffix(strings.TrimPrefix(url, "sqlite:"), ".db")
	for ending, bytes := range own.files {
		err = errors.Join(err, os.WriteFile(base+ending, bytes, 0o600))
	}
	if err != nil {
		t.Fatalf("the database %s: %v", m.Name, err)
	}
	return url, own.note
}

// makeSQLite reads the template of the run, or makes it. Of processes that make
// it at the same time the first one's is kept, whole.
func (m *Template) makeSQLite() (files map[string][]byte, note string, err error) {
	run := os.Getenv(RunVariable)
	kept := filepath.Join(run, m.Name)
	if run != "" {
		if files, note, err = readSQLite(kept); err == nil {
			return files, note, nil
		}
	}
	dir, err := os.MkdirTemp(run, m.Name+"-*")
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(dir)
	note, err = m.Make(context.Background(), "sqlite:"+filepath.Join(dir, "template.db"))
	if err != nil {
		return nil, "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "note"), []byte(note), 0o600); err != nil {
		return nil, "", err
	}
	if run != "" && os.Rename(dir, kept) != nil { // the other one's is there
		return readSQLite(kept)
	}
	if run != "" {
		dir = kept
	}
	return readSQLite(dir)
}

func readSQLite(dir string) (files map[string][]byte, note string, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "note"))
	if err != nil {
		return nil, "", err
	}
	made, err := filepath.Glob(filepath.Join(dir, "template*.db"))
	if err != nil {
		return nil, "", err
	}
	files = map[string][]byte{}
	for _, file := range made {
		_, ending, _ := strings.Cut(filepath.Base(file), "template")
		if files[ending], err = os.ReadFile(file); err != nil {
			return nil, "", err
		}
	}
	return files, string(text), nil
}

func (m *Template) copyPostgres(t testing.TB) (url, note string) {
	t.Helper()
	a := server(t)
	own := &m.postgres
	own.once.Do(func() {
		if own.prefix, own.note, own.err = m.makePostgres(a); own.err == nil {
			own.strategy, own.err = a.strategy(context.Background())
		}
	})
	if own.err != nil {
		t.Fatalf("the database %s: %v", m.Name, own.err)
	}
	name := own.prefix + randomName()
	a.must(t, "CREATE DATABASE "+name+" TEMPLATE "+own.prefix+m.Name+own.strategy)
	t.Cleanup(func() { a.must(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	return a.database(name), own.note
}

// strategy is how to copy a database. Since PostgreSQL 15 the default goes page by
// page through the write-ahead log, which takes four times as long as its files.
func (a admin) strategy(ctx context.Context) (option string, err error) {
	err = a.do(ctx, func(c *pgx.Conn) error {
		return c.QueryRow(ctx, `SELECT CASE WHEN current_setting('server_version_num')::int >= 150000
			THEN ' STRATEGY FILE_COPY' ELSE '' END`).Scan(&option)
	})
	return option, err
}

// makePostgres finds the template of the run, or makes it while processes that
// want it as well wait. The note is the database's comment.
func (m *Template) makePostgres(a admin) (prefix, note string, err error) {
	ctx := context.Background()
	run, err := ownRun(ctx, a)
	if err != nil {
		return "", "", err
	}
	prefix = databases + run + "_"
	name := prefix + m.Name
	err = a.do(ctx, func(c *pgx.Conn) error {
		if _, err := c.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
			return err
		}
		err := c.QueryRow(ctx, `SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = $1`, name).Scan(&note)
		if err == nil || !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		making := prefix + randomName()
		if _, err := c.Exec(ctx, "CREATE DATABASE "+making); err != nil {
			return err
		}
		if note, err = m.Make(ctx, a.database(making)); err != nil {
			return err
		}
		for _, statement := range []string{
			fmt.Sprintf("COMMENT ON DATABASE %s IS '%s'", making, strings.ReplaceAll(note, "'", "''")),
			"ALTER DATABASE " + making + " RENAME TO " + name,
		} {
			if _, err := c.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	return prefix, note, err
}
