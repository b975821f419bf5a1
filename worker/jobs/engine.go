package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/schema"
)

// maxJobTime ends a job that never ends.
const maxJobTime = 6 * time.Hour

// tickEvery is how often the worker looks for what is due when nobody wakes it.
const tickEvery = time.Second

// engine decides which process runs what, and when.
type engine struct {
	jobs  *Jobs
	db    *sqldb.DB
	log   *slog.Logger
	clock tandem.Clock
	owner string
	river *river.Client[*sql.Tx]
	woken chan struct{}

	lock    sync.Mutex
	running map[string]context.CancelCauseFunc
}

func newEngine(j *Jobs) *engine {
	return &engine{
		jobs: j, db: j.db, log: j.log, clock: j.clock, owner: newOwner(),
		woken: make(chan struct{}, 1), running: map[string]context.CancelCauseFunc{},
	}
}

// migrate brings River's tables to their newest version.
func (e *engine) migrate(ctx context.Context) error {
	return e.db.Lock(ctx, schema.Table, func() error {
		m, err := rivermigrate.New(e.driver(), &rivermigrate.Config{Logger: e.quiet()})
		if err != nil {
			return err
		}
		if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
			return fmt.Errorf("the worker's database: the queue's tables: %w", err)
		}
		return nil
	})
}

func (e *engine) driver() riverdriver.Driver[*sql.Tx] {
	if e.db.Engine == sqldb.SQLite {
		return riversqlite.New(e.db.Writer())
	}
	return riverdatabasesql.New(e.db.Writer())
}

// quiet is the log for River, which tells much at level info.
func (e *engine) quiet() *slog.Logger { return slog.New(atLeastWarn{e.log.Handler()}) }

type atLeastWarn struct{ slog.Handler }

func (h atLeastWarn) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}
func (h atLeastWarn) WithAttrs(a []slog.Attr) slog.Handler {
	return atLeastWarn{h.Handler.WithAttrs(a)}
}
func (h atLeastWarn) WithGroup(g string) slog.Handler { return atLeastWarn{h.Handler.WithGroup(g)} }

// run is [Jobs.Run].
func (e *engine) run(ctx context.Context) error {
	workers := river.NewWorkers()
	river.AddWorker(workers, &runWorker{engine: e})
	queue, err := river.NewClient(e.driver(), &river.Config{
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: e.jobs.config.Concurrency}},
		Workers:              workers,
		Logger:               e.quiet(),
		FetchCooldown:        20 * time.Millisecond,
		FetchPollInterval:    time.Second,
		JobTimeout:           maxJobTime,
		RescueStuckJobsAfter: maxJobTime + time.Hour,
		MaxAttempts:          1, // our rows say when to try again
	})
	if err != nil {
		return fmt.Errorf("the worker's queue: %w", err)
	}
	e.river = queue
	if err := e.begin(ctx); err != nil {
		return err
	}
	// The queue gets a context of its own: it is stopped below, in order.
	if err := queue.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("the worker's queue: %w", err)
	}
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		e.tick(ctx)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-e.woken:
		}
	}
	e.cancelAll(errStopping)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 4*time.Second)
	defer cancel()
	if err := queue.StopAndCancel(stop); err != nil {
		return fmt.Errorf("the worker's queue did not stop in time: %w", err)
	}
	return nil
}

// begin prepares a start: jobs that River was told about are told again, since
// that may have been lost with the process that told it.
func (e *engine) begin(ctx context.Context) error {
	if err := e.jobs.Schedules.delay(ctx); err != nil {
		return err
	}
	if err := e.reclaim(ctx); err != nil {
		return err
	}
	_, err := e.db.Writer().ExecContext(ctx, `UPDATE jobs SET dispatched_at = 0 WHERE state = 'queued'`)
	return err
}

// tick does what is due. A failure is logged and tried again with the next.
func (e *engine) tick(ctx context.Context) {
	for _, part := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"start scheduled jobs", e.jobs.Schedules.start},
		{"take over jobs", e.reclaim},
		{"hand jobs to the queue", e.dispatch},
		{"delete old files and jobs", e.jobs.clean},
	} {
		if err := part.do(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("cannot "+part.what, "error", err)
		}
	}
}

// wake makes the next tick come at once.
func (e *engine) wake() {
	select {
	case e.woken <- struct{}{}:
	default:
	}
}

// dispatch tells River about the jobs that may run. That a job is told twice
// does no harm: the second one finds it taken.
func (e *engine) dispatch(ctx context.Context) error {
	now := e.clock.Now()
	rows, err := e.db.Reader().QueryContext(ctx, `SELECT id FROM jobs
		WHERE state = 'queued' AND run_at <= $1 AND dispatched_at < $2 ORDER BY id LIMIT 100`,
		sqldb.Micros(now), sqldb.Micros(now.Add(-redispatchAfter)))
	if err != nil {
		return err
	}
	defer rows.Close()
	var due []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		due = append(due, id)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, id := range due {
		_, err := e.db.Writer().ExecContext(ctx, `UPDATE jobs SET dispatched_at = $1 WHERE id = $2 AND state = 'queued'`, sqldb.Micros(now), id)
		if err != nil {
			return err
		}
		if _, err := e.river.Insert(ctx, runArgs{id}, nil); err != nil {
			return err
		}
	}
	return nil
}

// runArgs is the job that River sees: run our job.
type runArgs struct {
	JobID string `json:"job_id"`
}

// Kind implements river.JobArgs.
func (runArgs) Kind() string { return "tandem_job" }

type runWorker struct {
	river.WorkerDefaults[runArgs]
	engine *engine
}

// Work implements river.Worker. What a job comes to is in our row; an error
// here only means that the row could not be reached.
func (r *runWorker) Work(ctx context.Context, j *river.Job[runArgs]) error {
	return r.engine.execute(ctx, j.Args.JobID)
}

var (
	errStopping  = errors.New("the worker stops")
	errCancelled = errors.New("cancelled")
)

// execute runs one job from claim to outcome.
func (e *engine) execute(ctx context.Context, id string) error {
	j, err := e.claim(ctx, id)
	if err != nil || j == nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	e.lock.Lock()
	e.running[id] = cancel
	e.lock.Unlock()
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		e.keepLease(ctx, id, cancel)
	}()
	if j.cancelling {
		cancel(errCancelled)
	}
	run := &Run{jobs: e.jobs, row: j}
	err = e.jobs.perform(ctx, run)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	e.lock.Lock()
	delete(e.running, id)
	e.lock.Unlock()
	cancel(nil)
	<-kept
	return run.settle(context.WithoutCancel(ctx), err)
}

// keepLease renews the lease until ctx ends, and cancels it when the lease is
// lost or a person asked for that.
func (e *engine) keepLease(ctx context.Context, id string, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(renewEvery)
	defer ticker.Stop()
	until := e.clock.Now().Add(leaseFor)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		cancelling, err := e.renew(ctx, id)
		switch {
		case err == nil && cancelling:
			cancel(errCancelled)
		case err == nil:
			until = e.clock.Now().Add(leaseFor)
		case errors.Is(err, errLeaseLost) || e.clock.Now().After(until):
			cancel(errLeaseLost)
		}
	}
}

// cancel cancels a job that runs here.
func (e *engine) cancel(id string, cause error) {
	e.lock.Lock()
	defer e.lock.Unlock()
	if cancel := e.running[id]; cancel != nil {
		cancel(cause)
	}
}

func (e *engine) cancelAll(cause error) {
	e.lock.Lock()
	defer e.lock.Unlock()
	for _, cancel := range e.running {
		cancel(cause)
	}
}
