package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
)

// run is one attempt at a job.
type run struct {
	w      *Worker
	job    *job
	result internalapi.JobResult
	// file is what the job made, and expires when that goes.
	file    string
	expires time.Time
	saved   time.Time // when progress was last written
}

func (r *run) perform(ctx context.Context) error {
	if b := r.job.args.OnBehalf; b != nil {
		ctx = client.OnBehalfOf(ctx, client.IDToken{UserID: b.UserID, Login: b.Login, Subject: b.Login, SignInID: b.SignInID, IssuedAt: b.IssuedAt})
	}
	switch r.job.kind {
	case internalapi.JobSyncStock:
		return r.syncStock(ctx)
	case internalapi.JobImport:
		return r.importFiles(ctx)
	case internalapi.JobExportOrders:
		return r.exportOrders(ctx)
	}
	return &tandem.Error{Code: tandem.CodeInvalid, Message: fmt.Sprintf("this worker does not know jobs of the kind %q", r.job.kind)}
}

// progressEvery is the least time between two writes of a job's progress.
const progressEvery = 200 * time.Millisecond

// progress tells how far the job is, in per cent, and what it does.
func (r *run) progress(ctx context.Context, percent int, note string) error {
	percent = max(r.job.progress, min(percent, 99))
	now := r.w.now()
	if percent == r.job.progress && note == r.job.note || now.Sub(r.saved) < progressEvery && note == r.job.note {
		return nil
	}
	r.saved, r.job.progress, r.job.note = now, percent, note
	result, err := r.w.db.Writer().ExecContext(ctx, `UPDATE jobs SET progress = $1, note = CASE WHEN cancelling THEN note ELSE $2 END, version = version + 1
		WHERE id = $3 AND state = 'running' AND owner = $4`, percent, note, r.job.id, r.w.owner)
	if err := oneRow(result, err); err != nil {
		return err
	}
	r.w.watch.changed(r.job.id)
	return nil
}

type affected interface{ RowsAffected() (int64, error) }

// oneRow turns an update that hit no row into errLeaseLost.
func oneRow(result affected, err error) error {
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return errLeaseLost
}

// settle writes down what the attempt came to.
func (r *run) settle(ctx context.Context, failure error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	j := r.job
	now := r.w.now()
	runAt, note, text := j.runAt, "", ""
	state := internalapi.JobQueued
	progress := j.progress
	wait, reason := r.w.retry(failure, j.failures)
	switch {
	case failure == nil:
		state, progress = internalapi.JobCompleted, 100
		r.w.paused.Store(nil)
	case errors.Is(failure, errLeaseLost):
		r.w.log.Warn("a job was taken over while it ran", "job", j.id)
		return nil
	case errors.Is(failure, errCancelled):
		state = internalapi.JobCancelled
	case errors.Is(failure, errStopping), errors.Is(failure, context.Canceled):
		runAt, note = now, "the worker stopped; the job goes on"
	case wait > 0:
		runAt, j.failures = now.Add(wait), j.failures+1
		note = fmt.Sprintf("%s; next try at %s", reason, runAt.UTC().Truncate(time.Second).Format("15:04:05Z"))
	default:
		state, text = internalapi.JobFailed, r.w.explain(j, failure)
	}
	result, file, active := "", "", any(nil)
	finished := now
	switch {
	case !state.Final():
		finished = time.Time{}
		if j.kind == internalapi.JobSyncStock {
			active = string(j.kind)
		}
	default:
		file = r.file
		if r.result.Summary != "" || len(r.result.Steps) > 0 || r.result.File != nil {
			b, err := json.Marshal(&r.result)
			if err != nil {
				return err
			}
			result = string(b)
		}
	}
	done, err := r.w.db.Writer().ExecContext(ctx, `UPDATE jobs SET state = $1, progress = $2, note = $3, result = $4, error = $5, run_at = $6,
			dispatched_at = 0, failures = $7, finished_at = $8, active_key = $9, file = $10, file_expires_at = $11,
			owner = '', lease_until = 0, version = version + 1
		WHERE id = $12 AND state = 'running' AND owner = $13`,
		string(state), progress, note, result, text, sqldb.Micros(runAt), j.failures, sqldb.Micros(finished), active,
		file, sqldb.Micros(r.expires), j.id, r.w.owner)
	if err := oneRow(done, err); err != nil {
		if errors.Is(err, errLeaseLost) {
			return nil
		}
		return fmt.Errorf("write down the outcome of job %s: %w", j.id, err)
	}
	if state.Final() {
		r.w.dropUploads(j.id)
	}
	r.w.watch.changed(j.id)
	r.w.log.Info("job", "job", j.id, "kind", string(j.kind), "state", string(state), "note", note, "attempt", j.attempts)
	r.w.wake()
	return nil
}

// explain is the error of a failed job, for a person.
func (w *Worker) explain(j *job, err error) string {
	var e *tandem.Error
	var api *client.APIError
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return diskFull + ", then start it again"
	case errors.As(err, &api):
		return api.Message
	case errors.As(err, &e):
		return e.Message
	}
	w.log.Error("a job failed", "job", j.id, "kind", string(j.kind), "error", err)
	return "internal error; the worker's log says more about job " + j.id
}

const diskFull = "the worker's disk is full; free some space"

// Reasons why the worker cannot work, as [internalapi.Status] tells them.
const (
	pausedDisabled = "paused: the application is disabled"
	pausedLicence  = "paused: no free licence"
)

// Waits before the next try: they grow with each failure in a row.
const (
	maxPause = 5 * time.Second  // so that work goes on within seconds of the mending
	maxWait  = 30 * time.Second // for a server that does not answer
	// maxServerFaults is how often an answer of 500 is worth another try.
	maxServerFaults = 6
)

// retry says how long to wait before the failed attempt is repeated, and why;
// zero means never.
func (w *Worker) retry(err error, failures int) (time.Duration, string) {
	if err == nil {
		return 0, ""
	}
	grow := func(most time.Duration) time.Duration { return min(time.Second<<min(failures, 10), most) }
	var api *client.APIError
	var protocol *oauth.Error
	var e *tandem.Error
	pause := func(reason string) (time.Duration, string) {
		w.paused.Store(&reason)
		return grow(maxPause), reason
	}
	switch {
	case errors.As(err, &api) && api.LicenceFull():
		return pause(pausedLicence)
	case errors.As(err, &api) && api.Status == 401:
		return pause(pausedDisabled)
	case errors.As(err, &api) && (api.Status == 429 || api.Status == 502 || api.Status == 503 || api.Status == 504):
		return max(grow(maxWait), min(api.RetryAfter, time.Minute)), "the ERP is busy"
	case errors.As(err, &api) && api.Status >= 500 && failures < maxServerFaults:
		return grow(maxWait), "the ERP has a fault"
	case errors.As(err, &api):
		return 0, ""
	case errors.As(err, &protocol) && (protocol.Code == oauth.InvalidClient || protocol.Code == oauth.UnauthorizedClient):
		return pause(pausedDisabled)
	case errors.As(err, &protocol) && protocol.Code == oauth.InvalidScope:
		return 0, ""
	case errors.As(err, &protocol):
		return grow(maxWait), "the identity server is busy"
	case errors.As(err, &e) && (e.Code == tandem.CodeUnavailable || e.Code == tandem.CodeThrottled):
		return grow(maxWait), "the ERP does not answer"
	case isNetwork(err):
		return grow(maxWait), "the ERP does not answer"
	}
	return 0, ""
}
