// Package datatest makes databases for tests, and has the conformance suite of
// the stores: [Run] proves that an implementation keeps what the boxes rely on.
package datatest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that makes and drops schemas

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/sqldb"
)

// PostgresVariable names the environment variable with the URL of a PostgreSQL
// database in which tests may create schemas. `make test` sets it.
const PostgresVariable = "TANDEM_TEST_POSTGRES"

// Each runs test once for each engine, on an empty, migrated database of its
// own. PostgreSQL is skipped, with the reason, where no server is given.
func Each(t *testing.T, test func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, Open(t, engine))
		})
	}
}

// Open makes an empty, migrated database for one test, which is gone after it.
func Open(t testing.TB, engine sqldb.Engine) *sqldb.DB {
	t.Helper()
	at := URL(t, engine)
	if engine == sqldb.SQLite {
		empty, err := migrated()
		if err == nil {
			err = os.WriteFile(strings.TrimPrefix(at, "sqlite:"), empty, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	db, err := data.Open(t.Context(), at, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// migrated is the file of an empty, migrated SQLite database. It is made once
// for all tests of a process: with the race detector, reading the migrations
// takes longer than most tests.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "datatest-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "empty.db")
	db, err := data.Open(context.Background(), "sqlite:"+file, sqldb.Options{})
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

// URL names an empty database for one test, not yet migrated.
func URL(t testing.TB, engine sqldb.Engine) string {
	t.Helper()
	if engine == sqldb.SQLite {
		return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	}
	server := os.Getenv(PostgresVariable)
	if server == "" {
		t.Skipf("PostgreSQL is not tested: set %s to the URL of a scratch database, or run make test", PostgresVariable)
	}
	admin, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	schema := "test_" + strings.ToLower(rand.Text()[:16])
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			t.Error(err)
		}
		admin.Close()
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}
