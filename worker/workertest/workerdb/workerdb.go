// Package workerdb gives tests databases for a worker: copies of one that has all
// tables. To make the engine's takes seconds, the more so when many tests do it at
// the same time. It owns nothing else.
package workerdb

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/jobs"
	"github.com/hybridapps/tandem/worker/schema"
)

// engineFile is where the engine has its tables on SQLite, in the worker's folder.
const engineFile = "engine.db"

// worker has the worker's tables and, on PostgreSQL, the engine's. There are no rows.
var worker = testdb.Template{Name: "worker", Make: func(ctx context.Context, url string) (note string, err error) {
	db, err := sqldb.Open(ctx, url, sqldb.Options{})
	if err != nil {
		return "", err
	}
	defer db.Close()
	if err := errors.Join(schema.Migrate(ctx, db), jobs.MigrateTables(ctx, db)); err != nil || db.Engine == sqldb.SQLite {
		return "", err
	}
	return "", migrateEngine(ctx, db, "")
}}

// engine is the engine's own database on SQLite.
var engine = testdb.Template{Name: "worker_engine", Make: func(ctx context.Context, url string) (note string, err error) {
	db, err := sqldb.Open(ctx, url+".worker", sqldb.Options{})
	if err != nil {
		return "", err
	}
	defer db.Close()
	return "", migrateEngine(ctx, db, strings.TrimPrefix(url, "sqlite:"))
}}

// migrateEngine makes the engine's tables, and on SQLite moves their file.
func migrateEngine(ctx context.Context, db *sqldb.DB, to string) error {
	dir, err := os.MkdirTemp("", "worker-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := jobs.Migrate(ctx, db, dir); err != nil || to == "" {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, engineFile))
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

// URL is the URL of a database of one test's own, which is gone after it.
func URL(t testing.TB, on sqldb.Engine) string {
	t.Helper()
	url, _ := worker.Copy(t, on)
	return url
}

// Fill puts into the folder of a worker with the database at the URL what its first
// start would take long to make there. What is there stays.
func Fill(t testing.TB, url, dir string) {
	t.Helper()
	if !strings.HasPrefix(url, "sqlite:") {
		return
	}
	file := filepath.Join(dir, engineFile)
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return
	}
	copied, _ := engine.Copy(t, sqldb.SQLite)
	if err := os.Rename(strings.TrimPrefix(copied, "sqlite:"), file); err != nil {
		t.Fatal(err)
	}
}
