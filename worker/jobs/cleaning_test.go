package jobs

import (
	"context"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// Each of them takes two pauses to delete, so that to delete all of them takes many seconds.
const oldJobs, oldRows = 1000, 250

// withOldJobs is a worker with jobs that ended long ago, and another process at its database.
// What a person asks for runs until it is stopped.
func withOldJobs(t *testing.T, engine sqldb.Engine) (j, other *Jobs, left func() int) {
	t.Helper()
	j = noops(t, engine, func(ctx context.Context, _ *Run) error { <-ctx.Done(); return ctx.Err() })
	db, err := sqldb.Open(t.Context(), j.db.URL(), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	config := j.config
	config.DB = db
	if other, err = New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	ended := time.Now().Add(-3 * time.Hour)
	const numbers = `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1) `
	_, err = db.Writer().ExecContext(t.Context(), numbers+`INSERT INTO jobs (id, kind, state, progress, note, result, error, requested_by, args, attempts,
			created_at, started_at, finished_at, run_at, failures, cancelling, checkpoint, file, file_expires_at, version)
		SELECT '`+sqldb.FirstID(ended)+`-old-' || n, 'nothing', 'completed', 100, '', '', '', 'long ago', '{}', 1, 1, 1, $2, 1, 0, FALSE, '', '', 0, 1 FROM numbers`,
		oldJobs, sqldb.Micros(ended))
	if err == nil {
		_, err = db.Writer().ExecContext(t.Context(), numbers+`INSERT INTO job_report (job_id, place, file, line, severity, column_name, value, reason)
			SELECT id, n, '', 1, '', '', '', '' FROM numbers, jobs`, oldRows)
	}
	if err != nil {
		t.Fatal(err)
	}
	return j, other, func() int {
		t.Helper()
		old, err := other.ids(t.Context(), `SELECT id FROM jobs WHERE requested_by = 'long ago'`)
		if err != nil {
			t.Fatal(err)
		}
		return len(old)
	}
}

// start runs a worker until the test ends.
func start(t *testing.T, j *Jobs) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// While a worker deletes what is old, which may take minutes, it sees that a job is to stop.
func TestCleaningKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			j, other, left := withOldJobs(t, engine)
			start(t, j)
			testkit.Eventually(t, "it cleans", func() bool { return left() < oldJobs })
			job, err := j.Submit(t.Context(), everything, Ask{Kind: "nothing", RequestedBy: "anna"})
			if err != nil {
				t.Fatal(err)
			}
			is := func(state internalapi.JobState) func() bool {
				return func() bool {
					got, err := other.Job(t.Context(), everything, job.ID)
					return err == nil && got.State == state
				}
			}
			testkit.Eventually(t, "the job runs", is(internalapi.JobRunning))
			if _, err := other.Cancel(t.Context(), everything, job.ID); err != nil {
				t.Fatal(err)
			}
			testkit.Eventually(t, "the job is stopped", is(internalapi.JobCancelled))
			if left() == 0 {
				t.Error("the job was stopped when the cleaning was over")
			}
		})
	}
}

// One worker of a database cleans at a time. Who stands still while it does keeps the others
// from it until its lease has ended.
func TestOneWorkerCleansAtATime(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			j, other, left := withOldJobs(t, engine)
			leases := sqldb.NewLeases(other.db, "job_leases")
			if got, err := leases.Take(t.Context(), "clean", "who stands still", 6*time.Second); err != nil || !got {
				t.Fatal(got, err)
			}
			start(t, j)
			testkit.Eventually(t, "another one cleans", func() bool {
				n := left() // before the lease is looked at
				l, err := leases.Show(t.Context(), "clean")
				if err != nil {
					t.Fatal(err)
				}
				if l.Held() && l.Holder == "who stands still" && n < oldJobs {
					t.Fatal("two cleaned at the same time")
				}
				return n < oldJobs
			})
			if l, err := leases.Show(t.Context(), "clean"); err != nil || l.Holder != j.engine.executor {
				t.Errorf("it cleans under the lease %+v, %v", l, err)
			}
		})
	}
}
