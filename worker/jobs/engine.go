package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

const (
	// maxJobTime ends an attempt that never ends.
	maxJobTime = 6 * time.Hour
	// lookEvery is how often a process looks for jobs that nobody runs, and for
	// schedules that another one has changed; cancelsEvery how often for jobs of
	// its own that are to stop.
	lookEvery, cancelsEvery = 5 * time.Second, 2 * time.Second
	// aloneEvery is how often a job that is to run alone looks whether it may.
	aloneEvery = 250 * time.Millisecond
	// stopIn is how long a stop may take.
	stopIn = 4 * time.Second
)

var (
	errNotStarted = errors.New("the worker's engine does not start")
	errStopping   = errors.New("the worker stops")
	errCancelled  = errors.New("cancelled")
	// errAdrift ends the attempts of a process that cannot show that it lives:
	// another one may take its jobs over.
	errAdrift = errors.New("the worker lost its database")
	// errLost ends an attempt at a job that another one has taken over.
	errLost = errors.New("another worker has taken the job over")
)

// engine runs the jobs of this process. Each is a workflow of the durable
// engine, see durable.go: that one remembers which process has it, and hands it
// to another when that has died. The rows say what people see, when the next
// attempt is due, and which attempt counts.
type engine struct {
	jobs  *Jobs
	db    *sqldb.DB
	log   *slog.Logger
	clock tandem.Clock
	// executor names this process for as long as it lives.
	executor string
	// slots are taken by the attempts that run.
	slots chan struct{}
	woken chan struct{}

	// begins are those that [engine.begin] and [engine.take] have started.
	begins sync.WaitGroup

	lock sync.Mutex
	// durable is there while jobs are run, and working is what they run within.
	durable *durable
	working context.Context
	// here are the jobs whose workflow is in this process.
	here map[string]*execution
}

// execution is a job's workflow in this process, or a job in its hand.
type execution struct {
	// end ends the workflow, cancel the attempt that runs; that is nil between
	// two attempts.
	end, cancel context.CancelCauseFunc
	// attempt is its number.
	attempt int
	// hand is nil for workflows.
	hand *hand
}

func newEngine(j *Jobs) *engine {
	return &engine{
		jobs: j, db: j.db, log: j.log, clock: j.clock,
		executor: uuid.Must(uuid.NewV7()).String(),
		slots:    make(chan struct{}, j.config.Concurrency),
		woken:    make(chan struct{}, 1),
		here:     map[string]*execution{},
	}
}

// run is [Jobs.Run].
func (e *engine) run(ctx context.Context) error {
	err := e.serve(ctx)
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, errNotStarted)) {
		return nil // stopped while it was starting
	}
	return err
}

func (e *engine) serve(ctx context.Context) error {
	if err := e.jobs.Schedules.delay(ctx); err != nil {
		return err
	}
	alive, err := holdAlive(ctx, e.db, e.jobs.config.Dir, e.executor)
	if err != nil {
		return fmt.Errorf("the worker's sign of life: %w", err)
	}
	defer alive.release()
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	d, err := openDurable(ctx, e, alive, func(id string) error { return e.work(work, id) })
	if err != nil {
		return fmt.Errorf("%w: %w", errNotStarted, err)
	}
	e.setDurable(d, work)
	var kept sync.WaitGroup
	kept.Go(func() { e.keepLooking(ctx, d, alive) })
	kept.Go(func() { e.keepCleaning(ctx, d) })
	<-ctx.Done()
	e.setDurable(nil, nil)
	stop(errStopping)
	err = d.close(stopIn) // also ends what waits for the engine
	kept.Wait()
	if err != nil {
		return fmt.Errorf("the worker's engine did not stop in time: %w", err)
	}
	return e.waitForBegins(stopIn)
}

// waitForBegins waits until what [engine.begin] and [engine.take] have started is
// over, but not for a job that does not end when it is told to.
func (e *engine) waitForBegins(within time.Duration) error {
	if err := inTime(within, func() error { e.begins.Wait(); return nil }); err != nil {
		return errors.New("a job of the worker did not stop in time")
	}
	return nil
}

// keepLooking does what is due, again and again until ctx ends.
func (e *engine) keepLooking(ctx context.Context, d *durable, alive alive) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-e.woken:
		}
		timer.Reset(e.look(ctx, d, alive))
	}
}

func (e *engine) setDurable(d *durable, working context.Context) {
	e.lock.Lock()
	defer e.lock.Unlock()
	e.durable, e.working = d, working
}

// look does what is due and takes no long time, and says when to look again. A failure
// is logged and tried again with the next look.
func (e *engine) look(ctx context.Context, d *durable, alive alive) time.Duration {
	for _, part := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"show that it lives", func(ctx context.Context) error { return e.keepAlive(ctx, alive) }},
		{"start scheduled jobs", e.jobs.Schedules.start},
		{"find jobs that nobody runs", func(ctx context.Context) error { return e.adopt(ctx, d, alive) }},
		{"find jobs to cancel", e.cancels},
	} {
		if err := part.do(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("the worker cannot "+part.what, "error", err)
		}
	}
	next, err := e.jobs.Schedules.soonest(ctx)
	if err != nil || next > lookEvery {
		next = lookEvery
	}
	e.lock.Lock()
	defer e.lock.Unlock()
	if len(e.here) > 0 {
		next = min(next, cancelsEvery)
	}
	return max(next, 10*time.Millisecond)
}

// wake makes the next look come at once.
func (e *engine) wake() {
	select {
	case e.woken <- struct{}{}:
	default:
	}
}

// keepAlive shows that this process lives. One that cannot stops what it does
// before another one takes it over.
func (e *engine) keepAlive(ctx context.Context, alive alive) error {
	err := alive.keep(ctx)
	if err != nil {
		e.lock.Lock()
		defer e.lock.Unlock()
		for _, x := range e.here {
			if x.cancel != nil {
				x.cancel(errAdrift)
			}
		}
	}
	return err
}

// begin gives a job that was queued to the durable engine, and does not wait for
// it: an engine whose database is away tries for as long as it takes. When it
// cannot be done, the job is found by a later look.
func (e *engine) begin(id string) {
	e.lock.Lock()
	defer e.lock.Unlock()
	d := e.durable
	if d == nil {
		return
	}
	e.begins.Go(func() {
		if err := d.begin(id); err != nil {
			e.log.Warn("a job begins later", "job", id, "error", err)
		}
	})
}

const unfinishedJobs = `SELECT id FROM jobs WHERE state IN ('queued', 'running')`

// cancels stops the attempts here that a person cancelled at another process, and
// those that another process has taken over: their writes are refused, and their
// calls must not go on.
func (e *engine) cancels(ctx context.Context) error {
	running := map[string]execution{} // as they were before the rows are read
	e.lock.Lock()
	for id, x := range e.here {
		if x.cancel != nil {
			running[id] = *x
		}
	}
	e.lock.Unlock()
	if len(running) == 0 {
		return nil
	}
	stmt, err := e.db.ReadStmt(ctx, table.Select+`WHERE state IN ('queued', 'running')`)
	if err != nil {
		return err
	}
	rows, err := table.All(stmt.QueryContext(ctx))
	if err != nil {
		return err
	}
	unfinished := map[string]*row{}
	for i := range rows {
		unfinished[rows[i].id] = &rows[i]
	}
	for id, x := range running {
		switch r := unfinished[id]; {
		case r == nil || r.attempts > x.attempt:
			x.cancel(errLost)
		case r.cancelling:
			x.cancel(errCancelled)
		}
	}
	return nil
}

// cancel stops a job that runs here.
func (e *engine) cancel(id string) {
	e.lock.Lock()
	defer e.lock.Unlock()
	if x := e.here[id]; x != nil && x.cancel != nil {
		x.cancel(errCancelled)
	}
}

func (e *engine) has(id string) bool {
	e.lock.Lock()
	defer e.lock.Unlock()
	return e.here[id] != nil
}

// work is the workflow of a job: attempts, until one is the last. ctx ends when
// the worker stops.
func (e *engine) work(ctx context.Context, id string) error {
	if final, err := e.waitForHand(ctx, id); final || err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	x := &execution{end: end}
	e.enter(id, x)
	defer e.leave(id, x)
	for {
		final, err := e.turn(ctx, &row{id: id}, x)
		switch {
		case final || errors.Is(err, errLost):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			e.log.Error("the worker cannot run a job", "job", id, "error", err)
			pause(ctx, time.Second)
		}
	}
}

// enter notes that the workflow is here. One that the engine has given to this
// process before, and again after it was taken for dead, ends.
func (e *engine) enter(id string, x *execution) {
	e.lock.Lock()
	defer e.lock.Unlock()
	if before := e.here[id]; before != nil {
		before.end(errLost)
	}
	e.here[id] = x
}

func (e *engine) leave(id string, x *execution) {
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.here[id] == x {
		delete(e.here, id)
	}
}

// note remembers the attempt that runs; cancel is nil when it has ended.
func (e *engine) note(x *execution, attempt int, cancel context.CancelCauseFunc) {
	e.lock.Lock()
	defer e.lock.Unlock()
	x.attempt, x.cancel = attempt, cancel
}

// turn makes the next attempt when it is due and has a slot. final says that
// there is none after it. Of a job in the hand r is the row, of others the id.
func (e *engine) turn(ctx context.Context, r *row, x *execution) (final bool, err error) {
	id := r.id
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	r, err = e.claim(ctx, r, x)
	if r != nil {
		defer func() { <-e.slots }()
		return e.attempt(ctx, x, &Run{jobs: e.jobs, row: r})
	}
	<-e.slots // it has ended, or waits for its time
	if err != nil {
		return false, err
	}
	r, err = e.jobs.row(ctx, id)
	if tandem.ErrorCode(err) == tandem.CodeNotFound || err == nil && r.state.Final() {
		return true, nil
	}
	if err == nil {
		least := retryEvery
		if e.jobs.config.Kinds[r.kind].Alone {
			least = aloneEvery
		}
		pause(ctx, max(r.runAt.Sub(e.clock.Now()), least))
	}
	return false, err
}

func (e *engine) claim(ctx context.Context, r *row, x *execution) (*row, error) {
	if x.hand == nil {
		return e.jobs.claim(ctx, r.id)
	}
	if got, err := e.jobs.claimInHand(ctx, r); !got {
		return nil, err
	}
	return r, nil
}

// attempt makes one attempt at a job, and writes down what it came to.
func (e *engine) attempt(ctx context.Context, x *execution, run *Run) (final bool, err error) {
	attempt, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	e.note(x, run.row.attempts, cancel)
	if run.row.cancelling {
		cancel(errCancelled)
	}
	limited, done := context.WithTimeout(attempt, maxJobTime)
	defer done()
	failure := e.jobs.perform(limited, run)
	if failure != nil && attempt.Err() != nil {
		failure = context.Cause(attempt)
	}
	e.note(x, run.row.attempts, nil)
	for {
		state, err := run.settle(context.WithoutCancel(ctx), failure)
		if err == nil || errors.Is(err, errLost) || ctx.Err() != nil {
			return state.Final(), err
		}
		e.log.Error("the worker cannot write down what a job came to", "job", run.row.id, "error", err)
		pause(ctx, time.Second)
	}
}

// pause waits, but not for longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
