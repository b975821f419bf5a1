package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/quota"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// Config configures the jobs. DB, Dir, Kinds and Classify are needed.
type Config struct {
	// DB is the application's database. New makes the tables of jobs there.
	DB *sqldb.DB
	// Dir keeps the jobs' files, a folder for each in files/, and what the engine
	// needs on disk. Workers that share a database of SQLite share it too; on
	// PostgreSQL it is each worker's own, and nothing in it outlives its jobs.
	Dir string
	// Kinds are the jobs that there are.
	Kinds map[internalapi.JobKind]Kind
	// Classify says what a failed attempt means; failures are those in a row
	// before it.
	Classify func(err error, failures int) Fault
	// Schedules are those that an empty database begins with: name, kind and
	// spec. Their times are read in TimeZone, an IANA name.
	Schedules []internalapi.Schedule
	TimeZone  string
	// ScheduleDelay is how long after its start a worker waits before a
	// schedule starts a job; no start is postponed by more than twice as long.
	ScheduleDelay time.Duration
	// Concurrency is how many jobs run at once.
	Concurrency int
	// KeepJobs is how long the record of a job that ended is kept.
	KeepJobs time.Duration
	Log      *slog.Logger
	Clock    tandem.Clock
}

// Kind is one kind of job.
type Kind struct {
	// Run does the job. It may be run again after any break, by this process or
	// another, and must come to the same end. It returns soon after ctx ends.
	Run func(ctx context.Context, r *Run) error
	// Single says that at most one job of the kind waits or runs: who asks for
	// another gets that one.
	Single bool
	// Alone says that at most one job of the kind runs at a time, at all workers of
	// the database together, in the order in which they were asked for; the others
	// wait in the queue, and their notes say for what.
	Alone bool
	// MaxWaiting is how many of the kind may wait at once; zero means that only
	// the limit for all of them counts.
	MaxWaiting int
	// Scheduled makes the arguments of a job that a schedule starts: at is the time that
	// the schedule named, in its zone, also where the job begins later. Nil means that
	// there are none.
	Scheduled func(at time.Time) any
	// CatchUp says that a schedule's start is made up for that passed while no worker
	// ran: once, the first of them that was missed.
	CatchUp bool
}

// Fault says what a failed attempt means.
type Fault struct {
	// Wait is how long to wait before the next attempt; zero means that the job
	// has failed.
	Wait time.Duration
	// Reason is why it waits, for the job's note.
	Reason string
	// Message says to a person why the job has failed. Where it is empty the
	// error is logged and the person told so.
	Message string
}

// MaxWaiting is how many jobs may wait at once.
const MaxWaiting = 100

// Jobs are the jobs of one worker. Schedules start some of them.
type Jobs struct {
	Schedules *Schedules

	config Config
	db     *sqldb.DB
	log    *slog.Logger
	clock  tandem.Clock
	files  files
	watch  watchers
	engine *engine
}

// New makes the tables, the folder of the files, and the first schedules.
func New(ctx context.Context, c Config) (*Jobs, error) {
	if c.DB.Pooler {
		return nil, errPooler
	}
	j := &Jobs{config: c, db: c.DB, log: c.Log, clock: c.Clock, files: files{dir: filepath.Join(c.Dir, "files"), log: c.Log}}
	if c.DB.Engine == sqldb.PostgreSQL {
		j.files.shared = &pieces{c.DB}
	}
	if err := os.MkdirAll(j.files.dir, 0o700); err != nil {
		return nil, fmt.Errorf("the worker's folder: %w", err)
	}
	if err := MigrateTables(ctx, c.DB); err != nil {
		return nil, err
	}
	j.watch.streams = quota.Quota{Total: MaxStreams, Each: maxOwnStreams}
	j.engine = newEngine(j)
	j.Schedules = &Schedules{jobs: j, config: &j.config, db: c.DB, clock: c.Clock}
	if err := j.ownersOfBefore(ctx); err != nil {
		return nil, err
	}
	return j, j.Schedules.seed(ctx)
}

// errPooler refuses a pooler in between: which processes live is told by locks of sessions,
// which a pooler hands to others.
var errPooler = errors.New("jobs need the sessions of PostgreSQL, and a pooler stands in between: give the database of the jobs by the address of the server itself")

// Run runs jobs and schedules until ctx ends; then it gives the jobs that run
// back and returns. It is called once.
func (j *Jobs) Run(ctx context.Context) error { return j.engine.run(ctx) }

// Asker is the evidence of who asked for a job, without the token.
type Asker struct {
	UserID   string    `json:"user_id"`
	Login    string    `json:"login"`
	SignInID string    `json:"sid"`
	IssuedAt time.Time `json:"iat"`
}

// Ask asks for a job.
type Ask struct {
	// ID is what [NewID] gave; empty means a new one.
	ID   string
	Kind internalapi.JobKind
	// RequestedBy is shown to people: a login, or "schedule: NAME".
	RequestedBy string
	// Asker is who asked; nil where no person did.
	Asker *Asker
	// Args is what the kind's function gets, an object of JSON or nil.
	Args any
	// Disk is how many bytes the job was given, see [Jobs.Folder].
	Disk int64

	heldBy string
}

// Submit queues a job that a person asked for.
func (j *Jobs) Submit(ctx context.Context, reach Reach, ask Ask) (internalapi.Job, error) {
	given, err := j.files.share(ctx, ask.ID, j.clock.Now())
	if err != nil {
		return internalapi.Job{}, err
	}
	if given {
		ask.Disk = max(1, ask.Disk) // says that there is something, also where the files are empty
	}
	ask.ID = cmp.Or(ask.ID, NewID())
	x := j.engine.reserve(ask.ID, ask.Kind)
	ask.heldBy = heldBy(x, j.engine.executor)
	r, err := j.insert(ctx, nil, ask, j.boundsOf(&ask))
	if x != nil && (err != nil || r.id != ask.ID) {
		j.engine.leave(ask.ID, x)
	}
	if err != nil {
		return internalapi.Job{}, err
	}
	shown := r.shown(reach)
	switch {
	case x == nil:
		j.engine.begin(r.id)
	case r.id == ask.ID:
		j.engine.take(x, r)
	}
	j.watch.changed(r.id)
	return shown, nil
}

// Cancel asks a job to stop; a final job stays as it is.
func (j *Jobs) Cancel(ctx context.Context, reach Reach, id string) (internalapi.Job, error) {
	if _, err := j.reached(ctx, reach, id, "stop it"); err != nil {
		return internalapi.Job{}, err
	}
	_, err := j.db.Writer().ExecContext(ctx, `UPDATE jobs SET cancelling = TRUE,
			state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END,
			active_key = CASE WHEN state = 'queued' THEN NULL ELSE active_key END,
			finished_at = CASE WHEN state = 'queued' THEN $1 ELSE finished_at END,
			disk = CASE WHEN state = 'queued' THEN 0 ELSE disk END,
			note = CASE WHEN state = 'queued' THEN '' ELSE 'stopping' END, version = version + 1
		WHERE id = $2 AND state IN ('queued', 'running')`, sqldb.Micros(j.clock.Now()), id)
	if err != nil {
		return internalapi.Job{}, err
	}
	j.engine.cancel(id)
	j.watch.changed(id)
	job, err := j.Job(ctx, reach, id)
	if err == nil && job.State == internalapi.JobCancelled {
		j.files.dropUploads(ctx, id, true)
	}
	return job, err
}

// Watch returns a channel that gets a signal after each change of the job, and
// the function that ends it. Changes that another process makes have none.
// watcher is the user who looks.
func (j *Jobs) Watch(id, watcher string) (signal <-chan struct{}, stop func(), err error) {
	return j.watch.add(id, watcher)
}

// Folder is where what a job is given is put before it is submitted.
func (j *Jobs) Folder(id string) string { return j.files.folder(id, partUpload) }

// Forget deletes the files of a job that came to nothing before it was asked
// for.
func (j *Jobs) Forget(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetIn)
	defer cancel()
	j.files.dropUploads(ctx, id, true)
}

// forgetIn is how long it may take to forget files; what is left then is found
// later.
const forgetIn = 10 * time.Second

// perform runs the function of the job's kind. One that panics has failed.
func (j *Jobs) perform(ctx context.Context, r *Run) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	kind, known := j.config.Kinds[r.row.kind]
	if !known {
		return tandem.Errorf(tandem.CodeInvalid, "this worker does not know jobs of the kind %q", string(r.row.kind))
	}
	leave, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return kind.Run(ctx, r)
}
