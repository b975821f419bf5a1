package jobs_test

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker"
	"github.com/hybridapps/tandem/worker/schema"
	"github.com/hybridapps/tandem/worker/workertest"
)

// A database of before the present engine keeps its jobs, reports and
// schedules; what waited or ran goes on, and what the engine of before kept goes.
func TestUpgradeFromRiver(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		db = workertest.OpenURL(t, testdb.URL(t, db.Engine)) // one without any tables
		first, err := os.ReadFile("../schema/migrations/00001_worker.sql")
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(t.Context(), fstest.MapFS{"00001_worker.sql": {Data: first}}, schema.Table); err != nil {
			t.Fatal(err)
		}
		exec := func(query string, args ...any) {
			t.Helper()
			if _, err := db.Writer().ExecContext(t.Context(), query, args...); err != nil {
				t.Fatal(err)
			}
		}
		for _, table := range []string{"river_job", "river_leader", "river_queue", "river_client", "river_client_queue", "river_migration"} {
			exec(`CREATE TABLE ` + table + ` (id BIGINT)`)
		}
		if db.Engine == sqldb.PostgreSQL {
			exec(`CREATE TYPE river_job_state AS ENUM ('available', 'running')`)
			exec(`ALTER TABLE river_job ADD COLUMN state river_job_state`)
			exec(`CREATE FUNCTION river_job_state_in_bitmask(bitmask BIT(8), state river_job_state) RETURNS BOOLEAN LANGUAGE SQL IMMUTABLE AS 'SELECT TRUE'`)
			exec(`CREATE INDEX river_job_states ON river_job (id) WHERE river_job_state_in_bitmask(B'00000001', state)`)
		}
		asker := `"on_behalf":{"user_id":"` + workertest.AnnaID + `","login":"anna","sid":"sid-anna","iat":"2026-01-01T00:00:00Z"}}`
		period := `{"from":"2026-01-01","to":"2026-01-31","format":"csv",` + asker
		for _, j := range []struct {
			id, kind, state, args, result, key string
			finished                           int
		}{
			{"a", "import", "completed", `{"files":[],` + asker, `{"summary":"done","steps":[{"name":"x.csv","rows":3}]}`, "", 1_700_000_000_000_000},
			{"b", "export_orders", "queued", period, "", "", 0},
			{"c", "export_orders", "running", period, "", "", 0},
			{"d", "sync_stock", "running", `{}`, "", "sync_stock", 0},
		} {
			key := any(nil)
			if j.key != "" {
				key = j.key
			}
			exec(`INSERT INTO jobs (id, kind, state, progress, note, result, error, requested_by, args, attempts, created_at, started_at, finished_at,
				active_key, run_at, dispatched_at, failures, cancelling, owner, lease_until, checkpoint, file, file_expires_at, version)
				VALUES ($1, $2, $3, 0, '', $4, '', 'anna', $5, 1, 1, 1, $6, $7, 1, 1, 0, FALSE, 'host|1|x', 99, '', '', 0, 1)`,
				j.id, j.kind, j.state, j.result, j.args, j.finished, key)
		}
		exec(`INSERT INTO job_report (job_id, place, file, line, severity, column_name, value, reason) VALUES ('a', 1, 'x.csv', 2, 'refused', '', '', 'why')`)
		exec(`INSERT INTO schedules (id, name, kind, spec, time_zone, paused, next_at, last_at, last_job)
			VALUES ('s', 'Mine', 'sync_stock', '5 4 * * *', 'Europe/Sofia', TRUE, 0, 0, 'a')`)

		w := workertest.Serve(t, f, db, t.TempDir(), func(c *worker.Config) { c.KeepJobs = 1 << 62 })
		for _, id := range []string{"b", "c", "d"} {
			if j, err := w.API.Job(t.Context(), f.Anna(), id); err != nil || j.State != internalapi.JobQueued || j.RequestedBy != "anna" {
				t.Errorf("after the upgrade: %+v %v", j, err)
			}
		}
		w = workertest.Start(t, f, db, w.Dir, func(c *worker.Config) { c.KeepJobs = 1 << 62 })
		for id, attempts := range map[string]int{"b": 2, "c": 2, "d": 2} {
			if j := w.Until(id, internalapi.JobCompleted); j.Attempts != attempts {
				t.Errorf("%s: %+v", id, j)
			}
		}
		j, err := w.API.Job(t.Context(), f.Anna(), "a")
		if err != nil || j.State != internalapi.JobCompleted || j.Result == nil || j.Result.Steps[0].Rows != 3 || j.Attempts != 1 || !j.Manage {
			t.Errorf("a job of before: %+v %v", j, err)
		}
		if j, err := w.API.Job(t.Context(), f.Eve(), "a"); err != nil || j.Manage || j.Result != nil {
			t.Errorf("the same job for somebody else: %+v %v", j, err)
		}
		if r, err := w.API.JobReport(t.Context(), f.Anna(), "a", internalapi.Page{}); err != nil || r.Total != 1 || r.Rows[0].Reason != "why" {
			t.Errorf("its report: %+v %v", r, err)
		}
		all, err := w.API.Schedules(t.Context(), f.Anna())
		if err != nil || len(all) != 1 || !all[0].Paused || all[0].Words != "every day at 04:05, Europe/Sofia" || all[0].LastJob.ID != "a" {
			t.Errorf("schedules: %+v %v", all, err)
		}
		if _, err := db.Reader().QueryContext(t.Context(), `SELECT id FROM river_job`); err == nil {
			t.Error("the queue of before is still there")
		}
		if db.Engine == sqldb.PostgreSQL {
			var left int
			err := db.Reader().QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM pg_type WHERE typname LIKE 'river%')
				+ (SELECT COUNT(*) FROM pg_proc WHERE proname LIKE 'river%') + (SELECT COUNT(*) FROM pg_class WHERE relname LIKE 'river%')`).Scan(&left)
			if left != 0 || err != nil {
				t.Errorf("%d things of the queue of before are left, %v", left, err)
			}
		}
	})
}
