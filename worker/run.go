package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// maxJobTime ends a job that never ends.
const maxJobTime = 6 * time.Hour

// tickEvery is how often the worker looks for what is due when nobody wakes it.
const tickEvery = time.Second

// Run runs jobs and schedules until ctx ends; then it gives the jobs that run
// back to the queue and returns. It is called once.
func (w *Worker) Run(ctx context.Context) error {
	workers := river.NewWorkers()
	river.AddWorker(workers, &runWorker{worker: w})
	queue, err := river.NewClient(w.driver(), &river.Config{
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: w.config.Concurrency}},
		Workers:              workers,
		Logger:               w.quiet(),
		FetchCooldown:        20 * time.Millisecond,
		FetchPollInterval:    time.Second,
		JobTimeout:           maxJobTime,
		RescueStuckJobsAfter: maxJobTime + time.Hour,
		MaxAttempts:          1, // our rows say when to try again
	})
	if err != nil {
		return fmt.Errorf("the worker's queue: %w", err)
	}
	w.river = queue
	if err := w.begin(ctx); err != nil {
		return err
	}
	// The queue gets a context of its own: it is stopped below, in order.
	if err := queue.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("the worker's queue: %w", err)
	}
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		w.tick(ctx)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-w.woken:
		}
	}
	w.cancelAll(errStopping)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 4*time.Second)
	defer cancel()
	if err := queue.StopAndCancel(stop); err != nil {
		return fmt.Errorf("the worker's queue did not stop in time: %w", err)
	}
	return nil
}

// begin prepares a start: jobs that River was told about are told again, since
// that may have been lost with the process that told it.
func (w *Worker) begin(ctx context.Context) error {
	if err := w.delaySchedules(ctx); err != nil {
		return err
	}
	if err := w.reclaim(ctx); err != nil {
		return err
	}
	_, err := w.db.Writer().ExecContext(ctx, `UPDATE jobs SET dispatched_at = 0 WHERE state = 'queued'`)
	return err
}

// tick does what is due. A failure is logged and tried again with the next.
func (w *Worker) tick(ctx context.Context) {
	for _, part := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"start scheduled jobs", w.runSchedules},
		{"take over jobs", w.reclaim},
		{"hand jobs to the queue", w.dispatch},
		{"delete old files and jobs", w.clean},
	} {
		if err := part.do(ctx); err != nil && ctx.Err() == nil {
			w.log.Error("cannot "+part.what, "error", err)
		}
	}
}

// wake makes the next tick come at once.
func (w *Worker) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// dispatch tells River about the jobs that may run. That a job is told twice
// does no harm: the second one finds it taken.
func (w *Worker) dispatch(ctx context.Context) error {
	now := w.now()
	rows, err := w.db.Reader().QueryContext(ctx, `SELECT id FROM jobs
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
		if _, err := w.db.Writer().ExecContext(ctx, `UPDATE jobs SET dispatched_at = $1 WHERE id = $2 AND state = 'queued'`, sqldb.Micros(now), id); err != nil {
			return err
		}
		if _, err := w.river.Insert(ctx, runArgs{id}, nil); err != nil {
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
	worker *Worker
}

// Work implements river.Worker. What a job comes to is in our row; an error
// here only means that the row could not be reached.
func (r *runWorker) Work(ctx context.Context, j *river.Job[runArgs]) error {
	return r.worker.execute(ctx, j.Args.JobID)
}

var (
	errStopping  = errors.New("the worker stops")
	errCancelled = errors.New("cancelled")
)

// execute runs one job from claim to outcome.
func (w *Worker) execute(ctx context.Context, id string) error {
	j, err := w.claim(ctx, id)
	if err != nil || j == nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w.lock.Lock()
	w.running[id] = cancel
	w.lock.Unlock()
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		w.keepLease(ctx, id, cancel)
	}()
	if j.cancelling {
		cancel(errCancelled)
	}
	run := &run{w: w, job: j}
	err = run.perform(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	w.lock.Lock()
	delete(w.running, id)
	w.lock.Unlock()
	cancel(nil)
	<-kept
	return run.settle(context.WithoutCancel(ctx), err)
}

// keepLease renews the lease until ctx ends, and cancels it when the lease is
// lost or a person asked for that.
func (w *Worker) keepLease(ctx context.Context, id string, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(renewEvery)
	defer ticker.Stop()
	until := w.now().Add(leaseFor)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		cancelling, err := w.renew(ctx, id)
		switch {
		case err == nil && cancelling:
			cancel(errCancelled)
		case err == nil:
			until = w.now().Add(leaseFor)
		case errors.Is(err, errLeaseLost) || w.now().After(until):
			cancel(errLeaseLost)
		}
	}
}

// cancelRunning cancels a job that runs here.
func (w *Worker) cancelRunning(id string, cause error) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if cancel := w.running[id]; cancel != nil {
		cancel(cause)
	}
}

func (w *Worker) cancelAll(cause error) {
	w.lock.Lock()
	defer w.lock.Unlock()
	for _, cancel := range w.running {
		cancel(cause)
	}
}

// cancelJob asks a job to stop.
func (w *Worker) cancelJob(ctx context.Context, id string) (*job, error) {
	now := sqldb.Micros(w.now())
	_, err := w.db.Writer().ExecContext(ctx, `UPDATE jobs SET cancelling = TRUE,
			state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END,
			active_key = CASE WHEN state = 'queued' THEN NULL ELSE active_key END,
			finished_at = CASE WHEN state = 'queued' THEN $1 ELSE finished_at END,
			note = CASE WHEN state = 'queued' THEN '' ELSE 'stopping' END, version = version + 1
		WHERE id = $2 AND state IN ('queued', 'running')`, now, id)
	if err != nil {
		return nil, err
	}
	w.cancelRunning(id, errCancelled)
	w.watch.changed(id)
	j, err := w.job(ctx, id)
	if err == nil && j.state == internalapi.JobCancelled {
		w.dropUploads(id)
	}
	return j, err
}
