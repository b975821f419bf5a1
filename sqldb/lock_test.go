package sqldb_test

import (
	"context"
	"errors"
	"strings"
	"sync"
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
	const still = 20 * time.Second // it says something each two
	err := db.LockStill(t.Context(), "name", still, func(ctx context.Context) error {
		said := func() (at string) {
			if err := other.Reader().QueryRowContext(t.Context(), `SELECT COALESCE((SELECT state_change::text FROM pg_stat_activity WHERE pid IN (SELECT pid`+holding+`)), '')`).Scan(&at); err != nil {
				t.Error(err)
			}
			return at
		}
		for range 2 { // it works, and goes on saying so
			last := said()
			testkit.Eventually(t, "the holder says that it lives", func() bool { return said() != last })
		}
		if n := number(t, other, `SELECT count(*)`+holding); n != 1 || ctx.Err() != nil {
			t.Errorf("while it works: %d hold the lock, %v", n, ctx.Err())
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

// Who stands still loses the lock, and hears of it when it goes on.
func TestLockOfOneWhoStandsStill(t *testing.T) {
	t.Parallel()
	url := datatest.URL(t, sqldb.PostgreSQL)
	w := testkit.NewWire(t, url)
	still, other := open(t, w.URL), open(t, url)
	const most = 300 * time.Millisecond
	has, told := make(chan struct{}), make(chan error, 1)
	go func() {
		told <- still.LockStill(t.Context(), "name", most, func(ctx context.Context) error {
			close(has)
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-has
	w.StopAfter(0)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	ran := false
	if err := other.LockStill(ctx, "name", most, func(context.Context) error { ran = true; return nil }); err != nil || !ran {
		t.Errorf("ran %t: %v", ran, err)
	}
	w.Cut()
	if err := <-told; err == nil || !strings.Contains(err.Error(), `the lock "name" was lost`) {
		t.Errorf("who stood still was told %v", err)
	}
}

// Nor does a process that stands still in the middle of a migration's step keep what the
// step has locked.
func TestMigrationThatStandsStill(t *testing.T) {
	t.Parallel()
	url := datatest.URL(t, sqldb.PostgreSQL)
	db := open(t, url)
	var idle string
	step := "-- +goose Up\nCREATE TABLE told AS SELECT current_setting('idle_in_transaction_session_timeout') AS idle;\n"
	if err := db.Migrate(t.Context(), fstest.MapFS{"00001_step.sql": {Data: []byte(step)}}, "version"); err != nil {
		t.Fatal(err)
	}
	if err := db.Reader().QueryRowContext(t.Context(), `SELECT idle FROM told`).Scan(&idle); err != nil || idle != "15s" {
		t.Errorf("a step may stand still for %q: %v", idle, err)
	}
}

// Who has the lock may make indexes concurrently, for which PostgreSQL waits for all that
// others are in the middle of: nobody who waits for the lock is in the middle of anything.
func TestIndexesAreMadeUnderALock(t *testing.T) {
	t.Parallel()
	url := datatest.URL(t, sqldb.PostgreSQL)
	db := open(t, url)
	exec(t, db, `CREATE TABLE indexed (id BIGINT)`)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	var waiting sync.WaitGroup
	defer waiting.Wait()
	err := db.Lock(ctx, "name", func(ctx context.Context) error {
		for range 8 {
			other := open(t, url)
			waiting.Go(func() {
				if err := other.Lock(ctx, "name", func(context.Context) error { return nil }); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			})
		}
		for range 40 {
			if _, err := db.Writer().ExecContext(ctx, `CREATE INDEX CONCURRENTLY one ON indexed (id)`); err != nil {
				return err
			}
			exec(t, db, `DROP INDEX one`)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
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
