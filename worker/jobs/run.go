package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// Run is one attempt at a job, as the kind's function sees it.
type Run struct {
	// Result is what the job did so far. It is kept however the job ends.
	Result internalapi.JobResult

	jobs *Jobs
	row  *row
	// folder is where the attempt has its files.
	folder string
	// file is what the job made, and expires when that goes.
	file    string
	expires time.Time
	size    int64
	saved   time.Time // when progress was last written
}

// ID is the job's.
func (r *Run) ID() string { return r.row.id }

// Asker is who asked for the job; nil where no person did.
func (r *Run) Asker() (*Asker, error) {
	var a arguments
	err := r.Args(&a)
	return a.OnBehalf, err
}

// Args reads the job's arguments.
func (r *Run) Args(into any) error {
	if err := json.Unmarshal([]byte(r.row.args), into); err != nil {
		return fmt.Errorf("arguments of job %s: %w", r.row.id, err)
	}
	return nil
}

// Checkpoint reads what an earlier attempt saved, and leaves into alone where
// there is nothing.
func (r *Run) Checkpoint(into any) error {
	if r.row.checkpoint == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(r.row.checkpoint), into); err != nil {
		return fmt.Errorf("checkpoint of job %s: %w", r.row.id, err)
	}
	return nil
}

// Uploads is the folder of what the job was given; it goes when the job ends.
func (r *Run) Uploads() string { return filepath.Join(r.folder, partUpload) }

// Made is the folder for the file that the job makes.
func (r *Run) Made() string { return filepath.Join(r.folder, partExport) }

// open brings what the job was given to this machine, and gives what takes it
// away again. Each attempt has a folder of its own, as one that was taken over may
// still go on in its own.
func (r *Run) open(ctx context.Context) (leave func(), err error) {
	files := &r.jobs.files
	r.folder = filepath.Join(files.dir, r.row.id)
	if files.shared == nil {
		return func() {}, nil
	}
	own := filepath.Join(files.dir, attemptFolder(r.row.id, r.row.attempts))
	leave = func() { _ = os.RemoveAll(own) }
	if r.row.disk > 0 {
		found, err := files.shared.fetch(ctx, r.row.id, partUpload, filepath.Join(own, partUpload))
		if err != nil {
			leave()
			return nil, ofDatabase(ctx, err)
		}
		if !found { // given to an older program, which left it in the folder
			return func() {}, nil
		}
	}
	r.folder = own
	return leave, nil
}

func attemptFolder(id string, attempt int) string { return fmt.Sprintf("%s.%d", id, attempt) }

// Keep says which file of the folder [Run.Made] people can download, and what
// they are told about it. It is refused when the owner would have more than
// [MaxDisk]; then the file is to be deleted. Afterwards all workers have it. Files of the
// folder that are kept beside it are nobody's to download: see [Jobs.OpenBeside].
func (r *Run) Keep(ctx context.Context, name string, f internalapi.ResultFile, beside ...string) error {
	size := f.Size
	for _, other := range beside {
		info, err := os.Stat(filepath.Join(r.Made(), other))
		if err != nil {
			return err
		}
		size += info.Size()
	}
	if owner := r.row.owner.String; owner != "" {
		kept, err := r.jobs.kept(ctx, owner)
		if err != nil {
			return ofDatabase(ctx, err)
		}
		if kept-r.row.disk+size > MaxDisk {
			return tooMuchKept(size)
		}
	}
	if shared := r.jobs.files.shared; shared != nil {
		put := func(query string, args ...any) error {
			return r.Write(ctx, func(tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, query, args...)
				return err
			})
		}
		for _, one := range append(beside, name) {
			err := shared.put(put, r.row.id, partExport, filepath.Join(r.Made(), one), sqldb.Micros(r.jobs.clock.Now()))
			if err != nil {
				return err
			}
		}
	}
	r.file, r.expires, r.size, r.Result.File = name, f.ExpiresAt, size, &f
	return nil
}

// progressEvery is the least time between two writes of a job's progress.
const progressEvery = 200 * time.Millisecond

// Progress tells how far the job is, in per cent, and what it does.
func (r *Run) Progress(ctx context.Context, percent int, note string) error {
	percent = max(r.row.progress, min(percent, 99))
	now := r.jobs.clock.Now()
	if percent == r.row.progress && note == r.row.note || now.Sub(r.saved) < progressEvery && note == r.row.note {
		return nil
	}
	r.saved, r.row.progress, r.row.note = now, percent, note
	result, err := r.jobs.db.Writer().ExecContext(ctx, `UPDATE jobs SET progress = $1, note = CASE WHEN cancelling THEN note ELSE $2 END,
		version = version + 1 WHERE id = $3 AND state = 'running' AND attempts = $4`, percent, note, r.row.id, r.row.attempts)
	if err := oneRow(result, err); err != nil {
		return ofDatabase(ctx, err)
	}
	r.jobs.watch.changed(r.row.id)
	return nil
}

// Write runs f in a transaction of the worker's database that commits only
// while the job is this attempt's: one that was taken over changes nothing.
func (r *Run) Write(ctx context.Context, f func(tx *sql.Tx) error) error {
	return ofDatabase(ctx, r.jobs.db.Write(ctx, func(tx *sql.Tx) error {
		held, err := tx.ExecContext(ctx, `UPDATE jobs SET version = version + 1
			WHERE id = $1 AND state = 'running' AND attempts = $2`, r.row.id, r.row.attempts)
		if err := oneRow(held, err); err != nil {
			return err
		}
		return f(tx)
	}))
}

// databaseError is a failure of the worker's own database in the middle of an
// attempt. The job is as it was, and worth another attempt.
type databaseError struct{ error }

func (e databaseError) Unwrap() error { return e.error }

// ofDatabase marks a failure of the worker's database, unless it is the attempt's
// own end, or words for a person about what was written.
func ofDatabase(ctx context.Context, err error) error {
	var known *tandem.Error
	if err == nil || ctx.Err() != nil || errors.Is(err, errLost) || errors.As(err, &known) && known.Code != tandem.CodeUnavailable {
		return err
	}
	return databaseError{err}
}

// maxDatabaseFaults is how often an attempt may fail with the worker's database
// before the job has failed: one that is away for a minute is no reason to.
const maxDatabaseFaults = 6

// databaseFault is what such a failure means, after that many in a row before it.
func databaseFault(failures int) Fault {
	if failures >= maxDatabaseFaults {
		return Fault{}
	}
	return Fault{Wait: min(time.Second<<failures, 30*time.Second), Reason: "the worker lost its database"}
}

// Save writes how far the job has come, for the next attempt if this one
// breaks, together with the report of what came before: so that nothing is told
// twice. What is saved also ends a row of failures.
func (r *Run) Save(ctx context.Context, checkpoint any, report []internalapi.ReportRow, percent int, note string) error {
	text, err := json.Marshal(checkpoint)
	if err != nil {
		return err
	}
	percent = max(r.row.progress, min(percent, 99))
	err = r.Write(ctx, func(tx *sql.Tx) error {
		if err := addReport(ctx, tx, r.row.id, report); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE jobs SET checkpoint = $1, progress = $2, note = CASE WHEN cancelling THEN note ELSE $3 END,
			failures = 0 WHERE id = $4`, string(text), percent, note, r.row.id)
		return err
	})
	if err != nil {
		return err
	}
	r.row.progress, r.row.note, r.row.failures = percent, note, 0
	r.jobs.watch.changed(r.row.id)
	return nil
}

// Restart drops the checkpoint and the report of earlier attempts, for a job that
// begins from its beginning again and may say everything anew.
func (r *Run) Restart(ctx context.Context) error {
	err := r.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM job_report WHERE job_id = $1`, r.row.id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE jobs SET checkpoint = '' WHERE id = $1`, r.row.id)
		return err
	})
	if err == nil {
		r.row.checkpoint = ""
	}
	return err
}

// oneRow turns an update that hit no row into errLost.
func oneRow(result sql.Result, err error) error {
	if changed, err := sqldb.Changed(result, err); changed || err != nil {
		return err
	}
	return errLost
}

// claim begins the next attempt at a job that is due; nil when it is not, has
// ended, or is to run alone while another one of its kind comes first. Attempts are
// numbered, and only the latest may write: so an attempt that another process has
// taken for dead changes nothing any more.
func (j *Jobs) claim(ctx context.Context, id string) (*row, error) {
	key, free, err := j.alone(ctx, id)
	if err != nil || !free {
		return nil, err
	}
	stmt, err := j.db.WriteStmt(ctx, `UPDATE jobs SET state = 'running', attempts = attempts + 1, note = '', version = version + 1,
			started_at = CASE WHEN started_at = 0 THEN $1 ELSE started_at END, active_key = COALESCE($2, active_key)
		WHERE id = $3 AND state IN ('queued', 'running') AND run_at <= $1 RETURNING `+table.Columns)
	if err != nil {
		return nil, err
	}
	r, err := table.One(stmt.QueryRowContext(ctx, sqldb.Micros(j.clock.Now()), key, id))
	if errors.Is(err, sql.ErrNoRows) || sqldb.IsUnique(err) {
		return nil, nil // in the second case another one began since
	}
	if err == nil {
		j.watch.changed(id)
	}
	return &r, err
}

// alone gives the active key that a job has while it runs, so that no other one of
// its kind does; NULL for kinds of which several may. free says that it is the next
// one; while it is not, its note says what it waits for.
func (j *Jobs) alone(ctx context.Context, id string) (key sql.NullString, free bool, err error) {
	r, err := j.row(ctx, id)
	if tandem.ErrorCode(err) == tandem.CodeNotFound {
		return key, false, nil
	}
	if err != nil || !j.config.Kinds[r.kind].Alone {
		return key, err == nil, err
	}
	key = sql.NullString{String: string(r.kind), Valid: true}
	first, err := j.before(ctx, r)
	if err != nil || len(first) > 0 {
		return key, false, errors.Join(err, j.noteWait(ctx, r, first))
	}
	return key, true, nil
}

// before are the jobs of the kind that come before this one: that runs, and those
// that were asked for earlier, also while they wait for another attempt.
func (j *Jobs) before(ctx context.Context, r *row) ([]row, error) {
	stmt, err := j.db.ReadStmt(ctx, table.Select+`WHERE kind = $1 AND state IN ('queued', 'running') AND id <> $2
		AND (active_key IS NOT NULL OR created_at < $3 OR created_at = $3 AND id < $2) ORDER BY created_at, id`)
	if err != nil {
		return nil, err
	}
	return table.All(stmt.QueryContext(ctx, string(r.kind), r.id, sqldb.Micros(r.createdAt)))
}

// noteWait says in a job's note which ones it waits for.
func (j *Jobs) noteWait(ctx context.Context, r *row, first []row) error {
	if len(first) == 0 {
		return nil
	}
	note := fmt.Sprintf("waits until the one that %s asked for has ended", first[0].requestedBy)
	if n := len(first) - 1; n > 0 {
		note += fmt.Sprintf(", and %d more", n)
	}
	stmt, err := j.db.WriteStmt(ctx, `UPDATE jobs SET note = $1, version = version + 1
		WHERE id = $2 AND state = 'queued' AND note <> $1 AND run_at <= $3`)
	if err != nil {
		return err
	}
	changed, err := sqldb.Changed(stmt.ExecContext(ctx, note, r.id, sqldb.Micros(j.clock.Now())))
	if changed {
		j.watch.changed(r.id)
	}
	return err
}

// settle writes down what the attempt came to, and gives the job's state.
func (r *Run) settle(ctx context.Context, failure error) (internalapi.JobState, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if errors.Is(failure, errLost) {
		r.jobs.log.Warn("a job was taken over while it ran", "job", r.row.id)
		return r.row.state, failure
	}
	after := *r.row
	r.outcome(&after, failure)
	stmt, err := r.jobs.db.WriteStmt(ctx, `UPDATE jobs SET state = $1, progress = $2, note = $3, result = $4, error = $5,
			run_at = $6, failures = $7, finished_at = $8, active_key = $9, file = $10, file_expires_at = $11, disk = $12,
			version = version + 1
		WHERE id = $13 AND state = 'running' AND attempts = $14`)
	if err != nil {
		return r.row.state, err
	}
	done, err := stmt.ExecContext(ctx, string(after.state), after.progress, after.note, after.result, after.failure, sqldb.Micros(after.runAt),
		after.failures, sqldb.Micros(after.finishedAt), after.activeKey, after.file, sqldb.Micros(after.fileExpires), after.disk,
		r.row.id, r.row.attempts)
	if err := oneRow(done, err); err != nil {
		return r.row.state, err
	}
	if after.state.Final() {
		r.jobs.files.dropUploads(ctx, r.row.id, r.row.disk > 0)
	}
	r.jobs.watch.changed(r.row.id)
	r.jobs.log.Info("job", "job", after.id, "kind", string(after.kind), "state", string(after.state),
		"note", after.note, "attempt", after.attempts)
	return after.state, nil
}

// outcome is the row after the attempt.
func (r *Run) outcome(after *row, failure error) {
	now := r.jobs.clock.Now()
	after.state, after.note = internalapi.JobQueued, ""
	switch {
	case failure == nil:
		after.state, after.progress = internalapi.JobCompleted, 100
	case errors.Is(failure, errCancelled):
		after.state = internalapi.JobCancelled
	case errors.Is(failure, errStopping), errors.Is(failure, context.Canceled):
		after.runAt, after.note = now, "the worker stopped; the job goes on"
	case errors.Is(failure, errAdrift):
		after.runAt, after.note = now, "the worker lost its database; the job goes on"
	default:
		r.failed(after, failure)
	}
	if !after.state.Final() {
		if r.jobs.config.Kinds[after.kind].Alone {
			after.activeKey = sql.NullString{} // its place in the queue is what keeps the others
		}
		return
	}
	after.finishedAt, after.activeKey = now, sql.NullString{}
	after.file, after.fileExpires, after.disk = r.file, r.expires, r.size
	if r.Result.Summary != "" || len(r.Result.Steps) > 0 || r.Result.File != nil {
		text, err := json.Marshal(&r.Result)
		if err != nil {
			r.jobs.log.Error("the result of a job is lost", "job", after.id, "error", err)
		}
		after.result = string(text)
	}
}

// failed lets the job wait for its next attempt, or ends it.
func (r *Run) failed(after *row, failure error) {
	var fault Fault
	if errors.As(failure, new(databaseError)) {
		r.jobs.log.Warn("a job lost the worker's database", "job", after.id, "error", failure)
		fault = databaseFault(after.failures)
	} else {
		fault = r.jobs.config.Classify(failure, after.failures)
	}
	if fault.Wait > 0 {
		after.runAt, after.failures = r.jobs.clock.Now().Add(fault.Wait), after.failures+1
		after.note = fmt.Sprintf("%s; next try at %s", fault.Reason, after.runAt.UTC().Truncate(time.Second).Format("15:04:05Z"))
		return
	}
	after.state, after.failure = internalapi.JobFailed, fault.Message
	if fault.Message == "" {
		r.jobs.log.Error("a job failed", "job", after.id, "kind", string(after.kind), "error", failure)
		after.failure = "internal error; the worker's log says more about job " + after.id
	}
}
