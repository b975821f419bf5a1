// Package datatest makes databases for tests, and has the conformance suite of
// the stores: [Run] proves that an implementation keeps what the boxes rely on.
package datatest

import (
	"context"
	"errors"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/sqldb"
)

// PostgresVariable names the environment variable with the URL of a PostgreSQL
// database in which tests may create schemas, and databases beside it. `make
// test` sets it.
const PostgresVariable = testdb.PostgresVariable

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
// It has all tables of an instance, on SQLite too: only what [data.Open] opens is
// in two files there.
func Open(t testing.TB, engine sqldb.Engine) *sqldb.DB {
	t.Helper()
	at, _ := migrated.Copy(t, engine)
	return reopen(t, at)
}

// reopen opens a database that has been migrated.
func reopen(t testing.TB, at string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), at, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

var migrated = testdb.Template{Name: "instance", Make: func(ctx context.Context, url string) (note string, err error) {
	db, err := sqldb.Open(ctx, url, sqldb.Options{})
	if err != nil {
		return "", err
	}
	return "", errors.Join(db.Migrate(ctx, data.Migrations, data.MigrationTable), db.Close())
}}

// URL names an empty database for one test, not yet migrated.
func URL(t testing.TB, engine sqldb.Engine) string {
	t.Helper()
	return testdb.URL(t, engine)
}
