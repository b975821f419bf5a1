package sqldb_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// holding is who has the lock "name".
const holding = ` FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND objid::bigint = (hashtext('name')::bigint & 4294967295)`

// Who works for long keeps the lock, and who lost it is told at once.
func TestLockIsKeptAndLost(t *testing.T) {
	t.Parallel()
	url := datatest.URL(t, sqldb.PostgreSQL)
	db, other := open(t, url), open(t, url)
	const still = 300 * time.Millisecond
	err := db.LockStill(t.Context(), "name", still, func(ctx context.Context) error {
		time.Sleep(4 * still) // its work
		if n := number(t, other, `SELECT count(*)`+holding); n != 1 || ctx.Err() != nil {
			t.Errorf("after more than it may say nothing for: %d hold the lock, %v", n, ctx.Err())
		}
		if _, err := other.Writer().ExecContext(t.Context(), `SELECT pg_terminate_backend(pid)`+holding); err != nil {
			t.Error(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(testkit.Patience):
			t.Error("who lost the lock goes on")
		}
		return ctx.Err()
	})
	if err == nil || !strings.Contains(err.Error(), `the lock "name" was lost`) {
		t.Errorf("it was told %v", err)
	}
}

// A transaction that says nothing any more, as that of a process that was stopped, holds
// nobody for longer than stillFor; who waits says something all the time.
func TestLockOfOneWhoStandsStill(t *testing.T) {
	t.Parallel()
	url := datatest.URL(t, sqldb.PostgreSQL)
	db, other := open(t, url), open(t, url)
	const still = 300 * time.Millisecond
	tx, err := db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, said := range []string{"SET LOCAL idle_in_transaction_session_timeout = 300", "SELECT pg_advisory_xact_lock(hashtext('name'))"} {
		if _, err := tx.ExecContext(t.Context(), said); err != nil {
			t.Fatal(err)
		}
	}
	ran := false
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := other.LockStill(ctx, "name", still, func(context.Context) error { ran = true; return nil }); err != nil || !ran {
		t.Errorf("ran %t: %v", ran, err)
	}
}

// Who has nothing to migrate waits for nobody who does, or has stopped in the middle of it.
func TestMigratingNothingWaitsForNobody(t *testing.T) {
	t.Parallel()
	url := datatest.URL(t, sqldb.PostgreSQL)
	db, other := open(t, url), open(t, url)
	if err := db.Migrate(t.Context(), schema, "version"); err != nil {
		t.Fatal(err)
	}
	err := db.Lock(t.Context(), "version", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, testkit.Patience)
		defer cancel()
		return other.Migrate(ctx, schema, "version")
	})
	if err != nil {
		t.Error(err)
	}
}

// A step of a migration has as long as it takes, whatever limit the pool has.
func TestMigrationTakesLongerThanAStatementMay(t *testing.T) {
	t.Parallel()
	db, err := sqldb.Open(t.Context(), datatest.URL(t, sqldb.PostgreSQL), sqldb.Options{Limits: sqldb.Limits{Statement: 200 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	long := fstest.MapFS{"00001_long.sql": {Data: []byte("-- +goose Up\nSELECT pg_sleep(3);\nCREATE TABLE long (id BIGINT);\n")}}
	if err := db.Migrate(t.Context(), long, "version"); err != nil {
		t.Error(err)
	}
}

// What has as long as it takes ends neither by the server's limit nor by ours; all else does.
func TestUnboundedStatement(t *testing.T) {
	t.Parallel()
	db, err := sqldb.Open(t.Context(), datatest.URL(t, sqldb.PostgreSQL), sqldb.Options{Limits: sqldb.Limits{Statement: 200 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Writer().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := db.Unbounded(t.Context(), conn, func(ctx context.Context) error {
		_, err := conn.ExecContext(ctx, "SELECT pg_sleep(3)")
		return err
	}); err != nil {
		t.Error(err)
	}
	if _, err := conn.ExecContext(t.Context(), "SELECT pg_sleep(3)"); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("after it the limit was not back: %v", err)
	}
}
