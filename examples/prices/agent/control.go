package agent

import (
	"context"
	"database/sql"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/jobs"
)

// What people do with a batch that is on its way, or that stands still.

// control pauses, resumes or cancels a batch for a person, or has it checked again.
func (a *Agent) control(ctx context.Context, p *person, id int64, what string) error {
	stuck, err := a.stuck(ctx, id)
	if err != nil {
		return err
	}
	err = a.store.change(ctx, id, func(tx *sql.Tx, b *batch) error {
		if err := a.manages(ctx, p, b); err != nil {
			return err
		}
		now := a.clock.Now()
		refused := tandem.Errorf(tandem.CodeConflict, "a batch that is %s cannot be told to %s", b.state, what)
		switch {
		case what == "pause" && b.state == wire.Running:
			b.wanted = wantPause
		case what == "resume" && b.state == wire.Paused:
			if err := a.writeOn(p, b); err != nil {
				return err
			}
		case (what == "resume" || what == "cancel") && b.state == wire.Failed && b.jobID == stuck:
			if err := a.unstick(ctx, tx, p, b, what); err != nil {
				return err
			}
		case what == "cancel" && b.state == wire.Running:
			b.wanted = wantCancel
		case what == "cancel" && b.state == wire.Paused:
			b.state, b.wanted, b.note, b.jobID = wire.Written, wantCancel, "", jobs.NewID()
		case what == "cancel" && (b.state == wire.Waiting || b.state == wire.Received || b.state == wire.Approved && b.startedAt.IsZero()):
			b.state, b.finishedAt, b.note, b.jobID = wire.Cancelled, now, "nothing was written", jobs.NewID() // a job at work finds it gone on
		case what == "check" && b.startedAt.IsZero() && (b.state == wire.Unusable || b.state == wire.Failed || b.state == wire.Waiting):
			b.state, b.note, b.jobID, b.finishedAt = wire.Received, "", jobs.NewID(), b.startedAt
		default:
			return refused
		}
		return a.store.event(ctx, tx, id, now, p.Login, what)
	})
	a.wake()
	return err
}

// writeOn has a batch written on that was begun: as the System User that began it, until
// an administrator says that the one of now may.
func (a *Agent) writeOn(p *person, b *batch) error {
	if self := a.self(); self != "" && b.systemUser != "" && self != b.systemUser && !p.Admin {
		return tandem.Errorf(tandem.CodeForbidden,
			"the application acts as %s now, and began this batch as %s: an administrator has to resume it", self, b.systemUser)
	}
	if p.Admin {
		b.systemUser = ""
	}
	b.state, b.note, b.jobID = wire.Approved, "", jobs.NewID()
	return nil
}

// stuck is the job of a batch that was begun and whose job gave up, so that it was never
// reconciled; empty for any other. One that does not balance had a job that ended well.
func (a *Agent) stuck(ctx context.Context, id int64) (jobID string, err error) {
	b, err := a.store.batch(ctx, id)
	if err != nil || b.state != wire.Failed || b.startedAt.IsZero() {
		return "", err
	}
	job, err := a.jobs.Job(ctx, everything, b.jobID)
	if tandem.ErrorCode(err) == tandem.CodeNotFound { // it was too long ago
		return "", nil
	}
	if err == nil && (job.State == internalapi.JobFailed || job.State == internalapi.JobCancelled) {
		jobID = b.jobID
	}
	return jobID, err
}

// unstick lets a batch go on whose job gave up: what is left is written, or all that is
// written reconciled. What a rollback has begun to take back stays as it is.
func (a *Agent) unstick(ctx context.Context, tx *sql.Tx, p *person, b *batch, what string) error {
	back, err := a.store.find(ctx, tx, `WHERE parent = $1 AND state NOT IN ('failed', 'refused', 'cancelled', 'unusable')`, b.id)
	if err != nil {
		return err
	}
	if len(back) > 0 {
		return tandem.Errorf(tandem.CodeConflict, "batch %d takes this one back, so it cannot be told to %s", back[0].id, what)
	}
	_, left, err := a.store.progress(ctx, tx, b.id)
	if err != nil {
		return err
	}
	b.finishedAt = time.Time{}
	if what == "cancel" {
		b.wanted = wantCancel
	}
	if left > 0 && b.wanted != wantCancel {
		return a.writeOn(p, b)
	}
	b.state, b.note, b.jobID = wire.Written, "", jobs.NewID()
	return nil
}
