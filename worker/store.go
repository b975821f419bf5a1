package worker

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

const migrationTable = "worker_schema"

// job is a row of the jobs table.
type job struct {
	id          string
	kind        internalapi.JobKind
	state       internalapi.JobState
	progress    int
	note        string
	result      string
	failure     string
	requestedBy string
	args        jobArgs
	attempts    int
	createdAt   time.Time
	startedAt   time.Time
	finishedAt  time.Time
	runAt       time.Time
	failures    int
	cancelling  bool
	owner       string
	leaseUntil  time.Time
	checkpoint  string
	file        string
	fileExpires time.Time
	version     int64
}

// jobArgs are what a job was asked to do.
type jobArgs struct {
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Format string `json:"format,omitempty"`
	// Files are the uploaded files of an import, as stored in the job's
	// folder, in the order of the upload.
	Files []uploadedFile `json:"files,omitempty"`
	// OnBehalf is who asked; it is told to the API with each call.
	OnBehalf *onBehalf `json:"on_behalf,omitempty"`
}

type uploadedFile struct {
	Name   string `json:"name"`   // as the person called it
	Stored string `json:"stored"` // in the job's folder
	Size   int64  `json:"size"`
}

// onBehalf is the evidence of who asked, without the token.
type onBehalf struct {
	UserID   string    `json:"user_id"`
	Login    string    `json:"login"`
	SignInID string    `json:"sid"`
	IssuedAt time.Time `json:"iat"`
}

const jobColumns = `id, kind, state, progress, note, result, error, requested_by, args, attempts, created_at, started_at,
	finished_at, run_at, failures, cancelling, owner, lease_until, checkpoint, file, file_expires_at, version`

type scanner interface{ Scan(...any) error }

func scanJob(row scanner) (*job, error) {
	var j job
	var args string
	var created, started, finished, run, lease, expires int64
	err := row.Scan(&j.id, &j.kind, &j.state, &j.progress, &j.note, &j.result, &j.failure, &j.requestedBy, &args, &j.attempts,
		&created, &started, &finished, &run, &j.failures, &j.cancelling, &j.owner, &lease, &j.checkpoint, &j.file, &expires, &j.version)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(args), &j.args); err != nil {
		return nil, fmt.Errorf("arguments of job %s: %w", j.id, err)
	}
	j.createdAt, j.startedAt, j.finishedAt = sqldb.Time(created), sqldb.Time(started), sqldb.Time(finished)
	j.runAt, j.leaseUntil, j.fileExpires = sqldb.Time(run), sqldb.Time(lease), sqldb.Time(expires)
	return &j, nil
}

// wire is the job as the internal API shows it.
func (j *job) wire() internalapi.Job {
	out := internalapi.Job{
		ID: j.id, Kind: j.kind, State: j.state, Progress: j.progress, Note: j.note, Error: j.failure,
		RequestedBy: j.requestedBy, CreatedAt: j.createdAt, Attempts: j.attempts,
		StartedAt: pointer(j.startedAt), FinishedAt: pointer(j.finishedAt),
	}
	if j.result != "" {
		var r internalapi.JobResult
		if json.Unmarshal([]byte(j.result), &r) == nil {
			out.Result = &r
		}
	}
	return out
}

func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func (w *Worker) job(ctx context.Context, id string) (*job, error) {
	stmt, err := w.db.ReadStmt(ctx, `SELECT `+jobColumns+` FROM jobs WHERE id = $1`)
	if err != nil {
		return nil, err
	}
	j, err := scanJob(stmt.QueryRowContext(ctx, id))
	return j, sqldb.NotFound(err, "there is no job %q", clip(id))
}

func jobIn(ctx context.Context, tx *sql.Tx, id, lock string) (*job, error) {
	j, err := scanJob(tx.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM jobs WHERE id = $1`+lock, id))
	return j, sqldb.NotFound(err, "there is no job %q", clip(id))
}

func (w *Worker) jobs(ctx context.Context, p internalapi.Page) (internalapi.JobPage, error) {
	page := internalapi.JobPage{Jobs: []internalapi.Job{}}
	stmt, err := w.db.ReadStmt(ctx, `SELECT `+jobColumns+` FROM jobs ORDER BY id DESC LIMIT $1 OFFSET $2`)
	if err != nil {
		return page, err
	}
	rows, err := stmt.QueryContext(ctx, p.Top+1, p.Skip)
	if err != nil {
		return page, err
	}
	defer rows.Close()
	for rows.Next() {
		j, err := scanJob(rows)
		if err != nil {
			return page, err
		}
		page.Jobs = append(page.Jobs, j.wire())
	}
	if page.More = len(page.Jobs) > p.Top; page.More {
		page.Jobs = page.Jobs[:p.Top]
	}
	return page, rows.Err()
}

// insertJob adds a queued job in the transaction; with an active key that is
// taken, it answers with the job that holds it.
func (w *Worker) insertJob(ctx context.Context, tx *sql.Tx, j *job) (*job, error) {
	var key any
	if j.kind == internalapi.JobSyncStock {
		key = string(j.kind)
		held, err := scanJob(tx.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM jobs WHERE active_key = $1`, key))
		if err == nil {
			return held, nil
		} else if err != sql.ErrNoRows { //nolint:errorlint // database/sql returns it bare
			return nil, err
		}
	}
	args, err := json.Marshal(j.args)
	if err != nil {
		return nil, err
	}
	if j.id == "" {
		j.id = newID()
	}
	j.state, j.createdAt, j.version = internalapi.JobQueued, w.now(), 1
	result, err := tx.ExecContext(ctx, `INSERT INTO jobs (id, kind, state, progress, note, result, error, requested_by, args, attempts,
			created_at, started_at, finished_at, active_key, run_at, dispatched_at, failures, cancelling, owner, lease_until, checkpoint,
			file, file_expires_at, version)
		VALUES ($1, $2, $3, 0, '', '', '', $4, $5, 0, $6, 0, 0, $7, $6, 0, 0, FALSE, '', 0, '', '', 0, 1)
		ON CONFLICT (active_key) DO NOTHING`,
		j.id, string(j.kind), string(j.state), j.requestedBy, string(args), sqldb.Micros(j.createdAt), key)
	if err != nil {
		return nil, err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return j, err
	}
	// Another replica was faster, and has committed.
	return scanJob(tx.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM jobs WHERE active_key = $1`, key))
}

// Limits of the queue.
const (
	// MaxWaiting is how many jobs may wait at once, MaxWaitingImports how many
	// of them may be imports, which keep files.
	MaxWaiting, MaxWaitingImports = 100, 10
)

// addJob queues a job that a person asked for.
func (w *Worker) addJob(ctx context.Context, j *job) (*job, error) {
	var out *job
	err := w.db.Write(ctx, func(tx *sql.Tx) error {
		var all, imports int
		err := tx.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN kind = $1 THEN 1 ELSE 0 END), 0) FROM jobs WHERE state = $2`,
			string(internalapi.JobImport), string(internalapi.JobQueued)).Scan(&all, &imports)
		if err != nil {
			return err
		}
		if all >= MaxWaiting || j.kind == internalapi.JobImport && imports >= MaxWaitingImports {
			return &tandem.Error{Code: tandem.CodeThrottled, Message: "too many jobs wait already; cancel some, or try again later"}
		}
		out, err = w.insertJob(ctx, tx, j)
		return err
	})
	if err != nil {
		return nil, err
	}
	w.wake()
	w.watch.changed(out.id)
	return out, nil
}

// counts are how many jobs wait and run.
func (w *Worker) counts(ctx context.Context) (queued, running int, err error) {
	stmt, err := w.db.ReadStmt(ctx, `SELECT COALESCE(SUM(CASE WHEN state = 'queued' THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN state = 'running' THEN 1 ELSE 0 END), 0) FROM jobs WHERE state IN ('queued', 'running')`)
	if err != nil {
		return 0, 0, err
	}
	err = stmt.QueryRowContext(ctx).Scan(&queued, &running)
	return queued, running, err
}

func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
