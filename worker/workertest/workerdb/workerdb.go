// Package workerdb gives tests databases for a worker. On PostgreSQL they are
// copies of one that has all tables: to make the engine's takes seconds, the more
// so when many tests do it at the same time. It owns nothing else.
package workerdb

import (
	"context"
	"os"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/jobs"
	"github.com/hybridapps/tandem/worker/schema"
)

// template has the worker's tables and the engine's, and no rows.
var template = testdb.Template{Name: "worker", Make: func(ctx context.Context, url string) (note string, err error) {
	db, err := sqldb.Open(ctx, url, sqldb.Options{})
	if err != nil {
		return "", err
	}
	defer db.Close()
	if err := schema.Migrate(ctx, db); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "worker-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	return "", jobs.Migrate(ctx, db, dir)
}}

// URL is the URL of a database of one test's own, which is gone after it.
func URL(t testing.TB, engine sqldb.Engine) string {
	t.Helper()
	if engine == sqldb.SQLite {
		return testdb.URL(t, engine)
	}
	url, _ := template.Copy(t, engine)
	return url
}
