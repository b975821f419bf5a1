package testdb

import (
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/sqldb"
)

// URL names an empty database for one test, without any table; it is gone after
// the test. PostgreSQL is skipped, with the reason, where no server is given.
func URL(t testing.TB, engine sqldb.Engine) string {
	t.Helper()
	if engine == sqldb.SQLite {
		return sqliteURL(t)
	}
	schema := "test_" + randomName()
	admin := server(t)
	admin.must(t, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { admin.must(t, "DROP SCHEMA "+schema+" CASCADE") })
	return admin.with(func(u *address) { u.query("search_path", schema) })
}

func sqliteURL(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

func randomName() string { return strings.ToLower(rand.Text()[:16]) }
