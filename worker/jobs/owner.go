package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"math"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
)

// Reach says whether a caller may look into, change and stop what belongs to an
// owner: the id of a user, or empty for what the worker does of its own, which are
// the schedules and the jobs that they start.
type Reach func(owner string) bool

// reached is the job, if it is within reach; what is not allowed goes into the
// error. That there is such a job is told to everybody.
func (j *Jobs) reached(ctx context.Context, reach Reach, id, what string) (*row, error) {
	r, err := j.row(ctx, id)
	if err != nil || reach(r.owner.String) {
		return r, err
	}
	who := "administrators"
	if r.owner.String != "" {
		who = tandem.Clip(r.requestedBy, 60) + " and administrators"
	}
	return nil, tandem.Errorf(tandem.CodeForbidden, "this job is not yours: only %s may %s", who, what)
}

// shown is the job as the caller may see it. To others it tells that it ran, for
// whom and how it ended, but nothing of what it is about.
func (r *row) shown(reach Reach) internalapi.Job {
	out := r.wire()
	if out.Manage = reach(r.owner.String); !out.Manage {
		out.Note, out.Result, out.Error = "", nil, ""
	}
	return out
}

// Bounds of what one person may have of what is there for everybody.
const (
	// MaxDisk is how many bytes the files of one person's jobs may have: uploads
	// that wait, and exports that can be downloaded.
	MaxDisk = 1 << 30
)

// bounds are what an ask may find there before it is refused.
type bounds struct {
	waiting, ofKind       int // jobs that wait: of all, of its kind
	ofOwner, ofOwnersKind int // the same of its owner alone
	disk                  int64
}

// boundsOf are those of a job that a person asks for. Nobody has more than half
// of what may wait.
func (j *Jobs) boundsOf(ask *Ask) bounds {
	kind := j.config.Kinds[ask.Kind]
	b := bounds{waiting: MaxWaiting, ofKind: MaxWaiting, disk: MaxDisk}
	if kind.MaxWaiting > 0 {
		b.ofKind = kind.MaxWaiting
	}
	b.ofOwner, b.ofOwnersKind = (b.waiting+1)/2, (b.ofKind+1)/2
	return b
}

// unbounded are for what a schedule starts: its time must not pass in silence.
func unbounded() bounds {
	return bounds{math.MaxInt32, math.MaxInt32, math.MaxInt32, math.MaxInt32, math.MaxInt64}
}

// ownersOfBefore gives the jobs of an older program their owners, from what is
// kept of who asked.
func (j *Jobs) ownersOfBefore(ctx context.Context) error {
	before, err := j.ids(ctx, `SELECT id FROM jobs WHERE owner_id IS NULL`)
	if err != nil || len(before) == 0 {
		return err
	}
	return j.db.Write(ctx, func(tx *sql.Tx) error {
		for _, id := range before {
			r, err := table.One(tx.QueryRowContext(ctx, table.Select+`WHERE id = $1`, id))
			if err != nil {
				return err
			}
			var a arguments
			owner := ""
			if json.Unmarshal([]byte(r.args), &a) == nil && a.OnBehalf != nil {
				owner = a.OnBehalf.UserID
			}
			if _, err := tx.ExecContext(ctx, `UPDATE jobs SET owner_id = $1 WHERE id = $2`, owner, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// kept is how many bytes the files of an owner's jobs have.
func (j *Jobs) kept(ctx context.Context, owner string) (bytes int64, err error) {
	stmt, err := j.db.ReadStmt(ctx, `SELECT CAST(COALESCE(SUM(disk), 0) AS BIGINT) FROM jobs WHERE disk > 0 AND owner_id = $1`)
	if err != nil {
		return 0, err
	}
	err = stmt.QueryRowContext(ctx, owner).Scan(&bytes)
	return bytes, err
}

func tooMuchKept(size int64) error {
	return tandem.Errorf(tandem.CodeTooLarge, "your exports and the imports of yours that wait may have %d MB together, and there is no room for %d MB more; "+
		"cancel an import that waits, wait until an export of yours has expired, or choose a shorter period", MaxDisk>>20, (size+1<<20-1)>>20)
}

// beyond says which bound a job was refused for.
func (j *Jobs) beyond(ctx context.Context, ask *Ask, most bounds) error {
	if ask.Asker != nil {
		owner := ask.Asker.UserID
		kept, err := j.kept(ctx, owner)
		if err != nil {
			return err
		}
		if kept+ask.Disk > most.disk {
			return tooMuchKept(ask.Disk)
		}
		var own, ownSame int
		err = j.db.Reader().QueryRowContext(ctx, `SELECT COUNT(*), COUNT(CASE WHEN kind = $1 THEN 1 END) FROM jobs
			WHERE state = 'queued' AND owner_id = $2`, string(ask.Kind), owner).Scan(&own, &ownSame)
		if err != nil {
			return err
		}
		if own >= most.ofOwner || ownSame >= most.ofOwnersKind {
			return tandem.Errorf(tandem.CodeThrottled, "you have %d jobs that wait already; cancel some, or try again when they have been done", own)
		}
	}
	return tandem.Errorf(tandem.CodeThrottled, "too many jobs wait already; try again later")
}
