package data_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// backlog is how many deliveries wait for a program that is down.
const backlog = 20_000

// backlogFor makes n deliveries that wait for a target, one each second from the time on.
func backlogFor(t *testing.T, db *sqldb.DB, target string, n int, from time.Time) {
	t.Helper()
	_, err := db.Writer().ExecContext(t.Context(), fmt.Sprintf(`INSERT INTO deliveries (id, kind, body, state, tries, last_error, created_at, next_at, target, tried_at)
		WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT '%s' || (999999 - i), '%s', 'u s', 'waiting', 0, '', %d + i * 1000000, %[4]d + i * 1000000, '%[2]s', 0 FROM n`,
		n, target, data.DeliveryLogout, sqldb.Micros(from)))
	must(t, err)
}

// explained is the plan of a statement, on SQLite and on PostgreSQL.
func explained(t *testing.T, db *sqldb.DB, text string, args ...any) string {
	t.Helper()
	if db.Engine == sqldb.SQLite {
		return planOf(t, db, text, args...)
	}
	rows, err := db.Reader().QueryContext(t.Context(), "EXPLAIN "+text, args...)
	plan, err := sqldb.List[string](rows, err)
	must(t, err)
	return strings.Join(plan, "\n")
}

// readsAll says that a plan goes through all of a table.
func readsAll(plan, table string) bool {
	return regexp.MustCompile(`(Seq Scan on|SCAN) ` + table + `\b`).MatchString(plan)
}

// However much waits for a program that is down: to put it off writes a few rows, what is
// due is found by the index, and the oldest are tried first, again and again.
func TestABacklogOfDeliveriesIsPutOffInOneRow(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, store, kind := t.Context(), data.NewDeliveries(db), data.DeliveryLogout
		start := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
		now := start.Add(backlog * time.Second)
		backlogFor(t, db, "down", backlog, start)
		backlogFor(t, db, "up", 2, now.Add(-3*time.Second))
		_, err := db.Writer().ExecContext(ctx, `ANALYZE`)
		must(t, err)
		claim := func(now time.Time, want ...string) []data.Delivery {
			t.Helper()
			due, err := store.Claim(ctx, kind, now, now.Add(time.Minute), 4, 32)
			must(t, err)
			var ids []string
			for _, d := range due {
				ids = append(ids, d.ID)
			}
			if strings.Join(ids, " ") != strings.Join(want, " ") {
				t.Fatalf("due %s after: %v, want %v", now.Sub(start), ids, want)
			}
			return due
		}
		moved := func() (n int) {
			t.Helper()
			must(t, db.Reader().QueryRowContext(ctx, `SELECT COUNT(*) FROM deliveries WHERE next_at <> created_at`).Scan(&n))
			return n
		}
		oldest := []string{"down999998", "down999997", "down999996", "down999995"}
		for n := range 3 {
			want := oldest
			if n == 0 {
				want = append(want[:4:4], "up999998", "up999997")
			}
			due := claim(now, want...)
			if n := moved(); n > 6 {
				t.Errorf("%d rows were written to take %d", n, len(due))
			}
			for i := range due[4:] {
				due[4+i].State = data.DeliveryDone
				must(t, store.Tried(ctx, &due[4+i]))
			}
			due[0].Tries++
			due[0].NextAt = now.Add(5 * time.Minute)
			must(t, store.Tried(ctx, &due[0]))
			must(t, store.Postpone(ctx, due[:4], now, due[0].NextAt))
			if n := moved(); n > 2 {
				t.Errorf("%d rows were written to put %d off", n, backlog)
			}
			if n > 0 && due[0].Tries != n+1 {
				t.Errorf("the oldest was tried %d times of %d", due[0].Tries, n+1)
			}
			claim(now.Add(4 * time.Minute)) // all wait, also what was claimed
			now = now.Add(5 * time.Minute)
		}
		plan := explained(t, db, data.MayBeAsked, kind, sqldb.Micros(now), 32) + "\n" +
			explained(t, db, data.ClaimDue, kind, "down", sqldb.Micros(now), sqldb.Micros(now), 4)
		if readsAll(plan, "deliveries") || readsAll(plan, "d") || strings.Contains(plan, "deliveries_due") || !strings.Contains(plan, "deliveries_waiting") {
			t.Errorf("what is due is not found by the index:\n%s", plan)
		}
		// What comes while the others are put off is tried at once, and then waits with them;
		// nothing makes their time shorter.
		backlogFor(t, db, "new", 1, now.Add(-time.Second))
		_, err = db.Writer().ExecContext(ctx, `UPDATE deliveries SET target = 'down' WHERE target = 'new'`)
		must(t, err)
		due := claim(now, oldest...)
		must(t, store.Postpone(ctx, due, now.Add(-2*time.Second), now.Add(time.Hour)))
		due = claim(now.Add(time.Second), "new999998")
		must(t, store.Postpone(ctx, due, now.Add(time.Second), now.Add(2*time.Second)))
		claim(now.Add(59 * time.Minute))
		claim(now.Add(time.Hour), oldest...)
	})
}

// Replicas of before know nothing of what is held back: they take it, and put it off row by
// row. Nobody has what another has, and nothing is lost.
func TestDeliveriesArePutOffBesideReplicasOfBefore(t *testing.T) {
	t.Parallel()
	const (
		takes = `UPDATE deliveries SET next_at = $3 WHERE state = 'waiting' AND next_at <= $2 AND id IN (
			SELECT id FROM (SELECT id, next_at, ROW_NUMBER() OVER (PARTITION BY target ORDER BY next_at, id) AS n
				FROM deliveries WHERE state = 'waiting' AND kind = $1 AND next_at <= $2) AS due
			WHERE n <= $4 ORDER BY next_at, id LIMIT $5) RETURNING id`
		putsOff = `UPDATE deliveries SET next_at = $3 WHERE kind = $1 AND target = $2 AND state = 'waiting' AND next_at < $3`
	)
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, store, kind := t.Context(), data.NewDeliveries(db), data.DeliveryLogout
		now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
		backlogFor(t, db, "down", 6, now.Add(-time.Minute))
		before := func(now time.Time) int {
			t.Helper()
			rows, err := db.Writer().QueryContext(ctx, takes, kind, sqldb.Micros(now), sqldb.Micros(now.Add(time.Minute)), 4, 32)
			ids, err := sqldb.List[string](rows, err)
			must(t, err)
			return len(ids)
		}
		after := func(now time.Time) []data.Delivery {
			t.Helper()
			due, err := store.Claim(ctx, kind, now, now.Add(time.Minute), 4, 32)
			must(t, err)
			return due
		}
		due := after(now)
		if n := before(now); len(due) != 4 || n != 2 {
			t.Errorf("%d and %d were had of 6", len(due), n)
		}
		must(t, store.Postpone(ctx, due, now, now.Add(10*time.Minute)))
		if n := before(now); n != 4 {
			t.Errorf("a replica of before has %d of 4", n)
		}
		_, err := db.Writer().ExecContext(ctx, putsOff, kind, "down", sqldb.Micros(now.Add(30*time.Minute)))
		must(t, err)
		if due := after(now.Add(29 * time.Minute)); len(due) != 0 {
			t.Errorf("%d were put off and are due", len(due))
		}
		if due := after(now.Add(30 * time.Minute)); len(due) != 4 {
			t.Errorf("%d are due", len(due))
		}
	})
}

// while has a statement run in the database each time that a delivery for the target is
// written.
func while(t *testing.T, db *sqldb.DB, target, does string) {
	t.Helper()
	texts := []string{`CREATE TRIGGER while_` + target + ` AFTER UPDATE ON deliveries WHEN new.target = '` + target + `' BEGIN ` + does + `; END`}
	if db.Engine == sqldb.PostgreSQL {
		texts = []string{`CREATE FUNCTION while_` + target + `() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ` + does + `; RETURN NULL; END $$`,
			`CREATE TRIGGER while_` + target + ` AFTER UPDATE ON deliveries FOR EACH ROW WHEN (new.target = '` + target + `') EXECUTE FUNCTION while_` + target + `()`}
	}
	for _, text := range texts {
		_, err := db.Writer().ExecContext(t.Context(), text)
		must(t, err)
	}
}

// What another replica puts off while one takes what is due is not taken any more, and
// what is taken before an error is had.
func TestWhatIsClaimedBeforeAnErrorIsHad(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, store, kind := t.Context(), data.NewDeliveries(db), data.DeliveryLogout
		now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
		for i, target := range []string{"first", "held", "broken"} {
			backlogFor(t, db, target, 2, now.Add(time.Duration(i-10)*time.Minute))
		}
		while(t, db, "first", fmt.Sprintf(`INSERT INTO delivery_targets (kind, target, held_at, not_before) VALUES ('%s', 'held', %d, %d) ON CONFLICT DO NOTHING`,
			kind, sqldb.Micros(now), sqldb.Micros(now.Add(time.Hour))))
		while(t, db, "broken", `INSERT INTO delivery_targets (kind) VALUES (NULL)`)
		due, err := store.Claim(ctx, kind, now, now.Add(time.Minute), 4, 32)
		if err != nil || len(due) != 2 || due[0].Target != "first" || due[1].Target != "first" {
			t.Errorf("had %+v, %v", due, err)
		}
		if due, err := store.Claim(ctx, kind, now, now.Add(time.Minute), 4, 32); err == nil || len(due) != 0 {
			t.Errorf("where there is nothing else: %+v, %v", due, err)
		}
	})
}

// A replica of before writes what waits in any order: of two that wait each for the other
// one is undone, and to put off is run again.
func TestDeliveriesArePutOffThoughAnotherWritesThem(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if db.Engine == sqldb.SQLite {
			return // where one writes at a time
		}
		ctx, store := t.Context(), data.NewDeliveries(db)
		now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
		backlogFor(t, db, "down", 2, now.Add(-time.Minute))
		due, err := store.Claim(ctx, data.DeliveryLogout, now, now.Add(time.Minute), 4, 32)
		must(t, err)
		slices.SortFunc(due, func(a, b data.Delivery) int { return strings.Compare(a.ID, b.ID) })
		put := make(chan error, 1)
		begin := sync.OnceFunc(func() { go func() { put <- store.Postpone(ctx, due, now, now.Add(time.Hour)) }() })
		must(t, db.WriteAgain(ctx, func(tx *sql.Tx) error {
			const write = `UPDATE deliveries SET tries = tries + 1 WHERE id = $1`
			if _, err := tx.ExecContext(ctx, write, due[1].ID); err != nil {
				return err
			}
			begin()
			testkit.Eventually(t, "to put off waits, or is done", func() bool {
				var waits int
				err := db.Reader().QueryRowContext(ctx, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waits)
				return err == nil && waits > 0 || len(put) > 0
			})
			_, err := tx.ExecContext(ctx, write, due[0].ID)
			return err
		}))
		must(t, <-put)
		if due, err := store.Claim(ctx, data.DeliveryLogout, now.Add(time.Minute), now.Add(time.Hour), 4, 32); err != nil || len(due) != 0 {
			t.Errorf("put off and due: %d, %v", len(due), err)
		}
	})
}
