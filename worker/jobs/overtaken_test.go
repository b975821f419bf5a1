package jobs

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// onEach runs jobs of one kind on both engines. submit asks for one; stop ends the
// worker and says how.
func onEach(t *testing.T, run func(context.Context, *Run) error, f func(t *testing.T, j *Jobs, submit func() string, stop func() error)) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			j := noops(t, engine, run)
			ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
			ended := make(chan error, 1)
			go func() { ended <- j.Run(ctx) }()
			running(j)
			submit := func() string {
				t.Helper()
				job, err := j.Submit(ctx, everything, Ask{Kind: "nothing", RequestedBy: "anna"})
				if err != nil {
					t.Fatal(err)
				}
				return job.ID
			}
			f(t, j, submit, func() error { cancel(); return <-ended })
		})
	}
}

// An attempt that another process has overtaken ends by itself, although it
// writes nothing: what it calls must not be called twice. Its end changes
// nothing, and the job is done by the next attempt.
func TestOvertakenAttemptEnds(t *testing.T) {
	var began atomic.Int32
	onEach(t, func(ctx context.Context, r *Run) error {
		began.Add(1)
		if r.row.attempts == 1 {
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), errLost) {
				t.Errorf("ended because of %v", context.Cause(ctx))
			}
			return ctx.Err()
		}
		return nil
	}, func(t *testing.T, j *Jobs, submit func() string, stop func() error) {
		id := submit()
		testkit.Eventually(t, "the first attempt runs", func() bool {
			job, err := j.Job(t.Context(), everything, id)
			return err == nil && job.State == internalapi.JobRunning
		})
		// What another process does that takes it over.
		if _, err := j.db.Writer().ExecContext(t.Context(), `UPDATE jobs SET attempts = attempts + 1 WHERE id = $1`, id); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "another attempt has done the job", func() bool {
			job, err := j.Job(t.Context(), everything, id)
			return err == nil && job.State == internalapi.JobCompleted && job.Attempts == 3
		})
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// The engine may give a process a job that it has already, after it was taken
// for dead. The earlier one ends, and a person can cancel the later one.
func TestSameJobTwiceInOneProcess(t *testing.T) {
	onEach(t, func(ctx context.Context, r *Run) error {
		<-ctx.Done()
		return ctx.Err()
	}, func(t *testing.T, j *Jobs, _ func() string, stop func() error) {
		r, err := j.insert(t.Context(), nil, Ask{Kind: "nothing", RequestedBy: "anna"}, unbounded())
		if err != nil {
			t.Fatal(err)
		}
		id := r.id
		j.engine.begin(id)
		attempt := func(n int) {
			t.Helper()
			testkit.Eventually(t, "the attempt runs", func() bool {
				job, err := j.Job(t.Context(), everything, id)
				return err == nil && job.State == internalapi.JobRunning && job.Attempts == n
			})
		}
		attempt(1)
		again := make(chan error, 1)
		go func() { again <- j.engine.work(context.WithoutCancel(t.Context()), id) }()
		attempt(2)
		if _, err := j.Cancel(t.Context(), everything, id); err != nil {
			t.Fatal(err)
		}
		if err := <-again; err != nil {
			t.Errorf("the later one: %v", err)
		}
		if job, err := j.Job(t.Context(), everything, id); err != nil || job.State != internalapi.JobCancelled || job.Attempts != 2 {
			t.Errorf("%+v %v", job, err)
		}
		testkit.Eventually(t, "neither is left", func() bool { return !j.engine.has(id) })
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A kind that panics has failed, once.
func TestPanicFailsTheJob(t *testing.T) {
	onEach(t, func(context.Context, *Run) error { panic("out of ideas") },
		func(t *testing.T, j *Jobs, submit func() string, stop func() error) {
			id := submit()
			testkit.Eventually(t, "the job has failed", func() bool {
				job, err := j.Job(t.Context(), everything, id)
				return err == nil && job.State == internalapi.JobFailed && job.Attempts == 1 && !strings.Contains(job.Error, "ideas")
			})
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
}

// While the engine's database stands still, people can ask for jobs, and the
// worker stops when it is told to.
func TestEngineThatStandsStill(t *testing.T) {
	t.Parallel()
	j := noops(t, sqldb.SQLite, func(context.Context, *Run) error { return nil })
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	running(j)
	other, err := sql.Open("sqlite", "file:"+filepath.Join(j.config.Dir, "engine.db")+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	job, err := j.Submit(ctx, everything, Ask{Kind: "nothing", RequestedBy: "anna"})
	if err != nil || job.State != internalapi.JobQueued {
		t.Errorf("%+v %v", job, err)
	}
	cancel()
	<-ended // with an error or not: it ends
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
	// The next start finds the job.
	ctx, cancel = context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	j.engine = newEngine(j)
	go func() { ended <- j.Run(ctx) }()
	testkit.Eventually(t, "the job is done after the next start", func() bool {
		job, err = j.Job(t.Context(), everything, job.ID)
		return err == nil && job.State == internalapi.JobCompleted
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
