package sqldb_test

import (
	"context"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/sqldb"
)

// A step that wants a table which somebody reads for long, as a backup does, lets those by
// who come after it, and is made when the reader has gone.
func TestAMigrationThatWaitsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	url := testdb.URL(t, sqldb.PostgreSQL)
	open := func(l sqldb.Limits) *sqldb.DB {
		t.Helper()
		db, err := sqldb.Open(t.Context(), url, sqldb.Options{Limits: l})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	step := func(text string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("-- +goose Up\n" + text + "\n")}
	}
	all := fstest.MapFS{"00001_a.sql": step("CREATE TABLE a (id BIGINT);")}
	migrating, others := open(sqldb.Limits{Lock: 100 * time.Millisecond}), open(sqldb.Limits{})
	if err := migrating.Migrate(t.Context(), all, "versions"); err != nil {
		t.Fatal(err)
	}
	reader, err := others.Reader().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Rollback()
	if _, err := reader.ExecContext(t.Context(), "SELECT * FROM a"); err != nil {
		t.Fatal(err)
	}
	all["00002_b.sql"] = step("ALTER TABLE a ADD COLUMN b BIGINT;")
	done := make(chan error, 1)
	go func() { done <- migrating.Migrate(t.Context(), all, "versions") }()
	testkit.Eventually(t, "the step waits", func() bool {
		var waiting int
		err := others.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE a ADD%'`).Scan(&waiting)
		return err == nil && waiting > 0
	})
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if _, err := others.Writer().ExecContext(ctx, "INSERT INTO a (id) VALUES (1)"); err != nil {
		t.Fatalf("who came after the step: %v", err)
	}
	select {
	case err := <-done:
		t.Fatalf("the step was made under the reader, or given up: %v", err)
	default:
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := others.Writer().ExecContext(t.Context(), "INSERT INTO a (id, b) VALUES (2, 2)"); err != nil {
		t.Error(err)
	}
}
