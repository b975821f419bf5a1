package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// A job that somebody asks for is at first in the hand of the process that was
// asked: it begins it as soon as it has a slot, and most jobs are over before it
// would be worth while to tell the durable engine of them. Only one that goes on,
// waits for long or has to be tried again becomes a workflow.
//
// Until then the row says in whose hand it is (held_by), and who looks for jobs that
// nobody runs leaves it alone for as long as that process lives: see adopt.

// handOverAfter is how long a job is in the hand of a process before the engine is
// told of it, too.
const handOverAfter = time.Second

// hand is a job in the hand of this process.
type hand struct {
	// open is closed when the process has tried. Then final says that the job has
	// ended, and lost that another process has it.
	open        chan struct{}
	final, lost bool
}

// reserve takes a job in the hand before its row is there, so that no look of this
// process finds it unattended. It is nil when the process does not run jobs, or not
// this kind: then the engine is asked; and when it has the job already, so that who asks
// twice with one id does not take it out of the hand.
func (e *engine) reserve(id string, kind internalapi.JobKind) *execution {
	if e.jobs.config.Kinds[kind].Alone {
		return nil // its turn is not only a matter of this process
	}
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.durable == nil || e.here[id] != nil {
		return nil
	}
	x := &execution{end: func(error) {}, hand: &hand{open: make(chan struct{})}}
	e.here[id] = x
	return x
}

// take runs a job that was reserved and written down.
func (e *engine) take(x *execution, r *row) {
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.durable == nil { // the worker stops; another one, or the next, finds the row
		close(x.hand.open)
		delete(e.here, r.id)
		return
	}
	ctx := e.working
	e.begins.Go(func() { e.runInHand(ctx, x, r) })
}

func (e *engine) runInHand(ctx context.Context, x *execution, r *row) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	e.lock.Lock()
	x.end = end
	e.lock.Unlock()
	over := time.AfterFunc(handOverAfter, func() { e.begin(r.id) })
	final, err := e.turn(ctx, r, x)
	lost := errors.Is(err, errLost)
	if err != nil && !lost && ctx.Err() == nil {
		e.log.Error("the worker cannot run a job", "job", r.id, "error", err)
	}
	x.hand.final, x.hand.lost = final, lost
	e.leave(r.id, x)
	close(x.hand.open)
	if over.Stop() && !final && !lost && ctx.Err() == nil {
		e.begin(r.id) // it goes on later
	}
}

// waitForHand is for the workflow of a job that is in the hand of this process: it
// goes on where that has come to an end without the job.
func (e *engine) waitForHand(ctx context.Context, id string) (final bool, err error) {
	e.lock.Lock()
	x := e.here[id]
	e.lock.Unlock()
	if x == nil || x.hand == nil {
		return false, nil
	}
	select {
	case <-x.hand.open:
		if x.hand.lost {
			return false, errLost
		}
		return x.hand.final, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// claimInHand begins the first attempt at a job of this process; false when somebody
// was faster, or has cancelled it. What else is in the row cannot have changed.
func (j *Jobs) claimInHand(ctx context.Context, r *row) (bool, error) {
	stmt, err := j.db.WriteStmt(ctx, `UPDATE jobs SET state = 'running', attempts = 1, started_at = $1, version = version + 1
		WHERE id = $2 AND state = 'queued' AND attempts = 0`)
	if err != nil {
		return false, err
	}
	now := j.clock.Now()
	changed, err := sqldb.Changed(stmt.ExecContext(ctx, sqldb.Micros(now), r.id))
	if !changed || err != nil {
		return false, err
	}
	r.state, r.attempts, r.startedAt = internalapi.JobRunning, 1, now
	j.watch.changed(r.id)
	return true, nil
}

// heldBy is the process that will run a job which is asked for now; empty where the
// engine is asked.
func heldBy(x *execution, executor string) string {
	if x == nil {
		return ""
	}
	return executor
}

// holders are the unfinished jobs and the processes that have them in their hand.
func (j *Jobs) holders(ctx context.Context) (map[string]string, error) {
	stmt, err := j.db.ReadStmt(ctx, `SELECT id, held_by FROM jobs WHERE state IN ('queued', 'running')`)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	held := map[string]string{}
	for rows.Next() {
		var id, by string
		if err := rows.Scan(&id, &by); err != nil {
			return nil, err
		}
		held[id] = by
	}
	return held, rows.Err()
}
