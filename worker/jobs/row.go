package jobs

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// row is a row of the jobs table.
type row struct {
	id          string
	kind        internalapi.JobKind
	state       internalapi.JobState
	progress    int
	note        string
	result      string // JSON, or empty
	failure     string
	requestedBy string
	args        string // JSON
	attempts    int
	createdAt   time.Time
	startedAt   time.Time
	finishedAt  time.Time
	// activeKey is held by at most one job; it is not set once the job has
	// ended.
	activeKey   sql.NullString
	runAt       time.Time
	failures    int
	cancelling  bool
	checkpoint  string // JSON, or empty
	file        string
	fileExpires time.Time
	version     int64
	// owner is the user whose job it is; empty where it is the worker's own.
	owner sql.NullString
	// disk is how many bytes its files have.
	disk int64
	// heldBy is the process that has it in its hand, see hand.go.
	heldBy string
}

// table is the jobs table.
var table = sqldb.NewTable("jobs", func(r *row, column sqldb.Column) {
	column("id", &r.id)
	column("kind", &r.kind)
	column("state", &r.state)
	column("progress", &r.progress)
	column("note", &r.note)
	column("result", &r.result)
	column("error", &r.failure)
	column("requested_by", &r.requestedBy)
	column("args", &r.args)
	column("attempts", &r.attempts)
	column("created_at", sqldb.TimeField(&r.createdAt))
	column("started_at", sqldb.TimeField(&r.startedAt))
	column("finished_at", sqldb.TimeField(&r.finishedAt))
	column("active_key", &r.activeKey)
	column("run_at", sqldb.TimeField(&r.runAt))
	column("failures", &r.failures)
	column("cancelling", &r.cancelling)
	column("checkpoint", &r.checkpoint)
	column("file", &r.file)
	column("file_expires_at", sqldb.TimeField(&r.fileExpires))
	column("version", &r.version)
	column("owner_id", &r.owner)
	column("disk", &r.disk)
	column("held_by", &r.heldBy)
})

// arguments is what every kind's arguments may have beside their own.
type arguments struct {
	OnBehalf *Asker `json:"on_behalf,omitempty"`
}

// setArguments keeps who asked and what for in one object.
func (r *row) setArguments(ask *Ask) error {
	all := map[string]json.RawMessage{}
	for _, part := range []any{ask.Args, arguments{ask.Asker}} {
		if part == nil {
			continue
		}
		text, err := json.Marshal(part)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &all); err != nil {
			return fmt.Errorf("arguments of a job: %w", err)
		}
	}
	text, err := json.Marshal(all)
	r.args = string(text)
	return err
}

// wire is the job as the internal API shows it.
func (r *row) wire() internalapi.Job {
	out := internalapi.Job{
		ID: r.id, Kind: r.kind, State: r.state, Progress: r.progress, Note: r.note, Error: r.failure,
		RequestedBy: r.requestedBy, CreatedAt: r.createdAt, Attempts: r.attempts,
		StartedAt: internalapi.When(r.startedAt), FinishedAt: internalapi.When(r.finishedAt),
	}
	if r.result != "" {
		var result internalapi.JobResult
		if json.Unmarshal([]byte(r.result), &result) == nil {
			out.Result = &result
		}
	}
	return out
}

// NewID is an id for a job; ids grow with time.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// Job is one job as it stands.
func (j *Jobs) Job(ctx context.Context, reach Reach, id string) (internalapi.Job, error) {
	job, _, err := j.Version(ctx, reach, id)
	return job, err
}

// Version is a job as it stands, and the number of its changes so far.
func (j *Jobs) Version(ctx context.Context, reach Reach, id string) (job internalapi.Job, version int64, err error) {
	r, err := j.row(ctx, id)
	if err != nil {
		return job, 0, err
	}
	return r.shown(reach), r.version, nil
}

func (j *Jobs) row(ctx context.Context, id string) (*row, error) {
	stmt, err := j.db.ReadStmt(ctx, table.Select+`WHERE id = $1`)
	if err != nil {
		return nil, err
	}
	r, err := table.One(stmt.QueryRowContext(ctx, id))
	return &r, sqldb.NotFound(err, "there is no job %q", tandem.Clip(id, 60))
}

// orders are the orders of the list by their words.
var orders = map[string]string{
	"": "id DESC", "-created": "id DESC", "created": "id",
	"kind": "kind, id DESC", "-kind": "kind DESC, id DESC", "state": "state, id DESC", "-state": "state DESC, id DESC",
	"requested_by": "requested_by, id DESC", "-requested_by": "requested_by DESC, id DESC",
}

// List is a page of the jobs.
func (j *Jobs) List(ctx context.Context, reach Reach, q internalapi.JobQuery) (internalapi.JobPage, error) {
	page := internalapi.JobPage{Jobs: []internalapi.Job{}}
	order, known := orders[q.Sort]
	if !known {
		return page, tandem.Errorf(tandem.CodeInvalid, "jobs are sorted by created, kind, state or requested_by, and not by %q", tandem.Clip(q.Sort, 60))
	}
	stmt, err := j.db.ReadStmt(ctx, table.Select+`WHERE created_at >= $3 AND created_at < $4 ORDER BY `+order+` LIMIT $1 OFFSET $2`)
	if err != nil {
		return page, err
	}
	until := int64(math.MaxInt64)
	if !q.Until.IsZero() {
		until = sqldb.Micros(q.Until)
	}
	rows, err := table.All(stmt.QueryContext(ctx, q.Top+1, q.Skip, sqldb.Micros(q.From), until))
	if err != nil {
		return page, err
	}
	for i := range rows[:min(q.Top, len(rows))] {
		page.Jobs = append(page.Jobs, rows[i].shown(reach))
	}
	page.More = len(rows) > q.Top
	return page, nil
}

// Counts are how many jobs wait and run.
func (j *Jobs) Counts(ctx context.Context) (queued, running int, err error) {
	stmt, err := j.db.ReadStmt(ctx, `SELECT COALESCE(SUM(CASE WHEN state = 'queued' THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN state = 'running' THEN 1 ELSE 0 END), 0) FROM jobs WHERE state IN ('queued', 'running')`)
	if err != nil {
		return 0, 0, err
	}
	err = stmt.QueryRowContext(ctx).Scan(&queued, &running)
	return queued, running, err
}

// insert adds a queued job, in the transaction if there is one, unless that would
// go beyond a bound. Of a single kind it gives the job that is there.
func (j *Jobs) insert(ctx context.Context, tx *sql.Tx, ask Ask, most bounds) (*row, error) {
	for range 2 { // the one of a single kind may end in between
		if r, err := j.tryInsert(ctx, tx, &ask, most); r != nil || err != nil {
			return r, err
		}
	}
	return nil, j.beyond(ctx, &ask, most)
}

// insertJob adds a row unless it would go beyond a bound; the parameters of the
// bounds follow those of the row.
var insertJob = fmt.Sprintf(`INSERT INTO jobs (%s) SELECT %s FROM (
		SELECT COUNT(*) AS n, COUNT(CASE WHEN kind = $2 THEN 1 END) AS same, COUNT(CASE WHEN owner_id = $%d THEN 1 END) AS own,
			COUNT(CASE WHEN kind = $2 AND owner_id = $%[3]d THEN 1 END) AS own_same
		FROM jobs WHERE state = 'queued') AS waiting, (
		SELECT CAST(COALESCE(SUM(disk), 0) AS BIGINT) AS bytes FROM jobs WHERE disk > 0 AND owner_id = $%[3]d) AS kept
	WHERE n < $%[4]d AND same < $%[5]d AND own < $%[6]d AND own_same < $%[7]d AND bytes <= $%[8]d ON CONFLICT (active_key) DO NOTHING`,
	table.Columns, placeholders(columns), columns-2, columns+1, columns+2, columns+3, columns+4, columns+5)

// columns is how many the table has; the last but two is the owner.
var columns = len(table.Values(new(row)))

// tryInsert gives nil when the job was not added and there is none in its place.
func (j *Jobs) tryInsert(ctx context.Context, tx *sql.Tx, ask *Ask, most bounds) (*row, error) {
	r, err := j.newRow(ask)
	if err != nil {
		return nil, err
	}
	stmt, err := j.stmt(ctx, tx, insertJob)
	if err != nil {
		return nil, err
	}
	result, err := stmt.ExecContext(ctx, append(table.Values(r),
		most.waiting, most.ofKind, most.ofOwner, most.ofOwnersKind, most.disk-r.disk)...)
	if err != nil {
		return nil, err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return r, err
	}
	if r.activeKey.Valid {
		if stmt, err = j.stmt(ctx, tx, table.Select+`WHERE active_key = $1`); err != nil {
			return nil, err
		}
		if held, err := table.One(stmt.QueryRowContext(ctx, r.activeKey)); !errors.Is(err, sql.ErrNoRows) {
			return &held, err
		}
	}
	return nil, nil
}

// newRow is the row of a job that was asked for now.
func (j *Jobs) newRow(ask *Ask) (*row, error) {
	now := j.clock.Now()
	r := &row{
		id: cmp.Or(ask.ID, NewID()), kind: ask.Kind, state: internalapi.JobQueued, requestedBy: ask.RequestedBy,
		createdAt: now, runAt: now, version: 1, owner: sql.NullString{Valid: true}, disk: ask.Disk, heldBy: ask.heldBy,
	}
	if ask.Asker != nil {
		r.owner.String = ask.Asker.UserID
	}
	if j.config.Kinds[ask.Kind].Single {
		r.activeKey = sql.NullString{String: string(ask.Kind), Valid: true}
	}
	return r, r.setArguments(ask)
}

// placeholders are $1 to $n.
func placeholders(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = "$" + strconv.Itoa(i+1)
	}
	return strings.Join(all, ", ")
}

// stmt is a prepared statement for writing, in the transaction if there is one.
func (j *Jobs) stmt(ctx context.Context, tx *sql.Tx, query string) (*sql.Stmt, error) {
	if tx != nil {
		return tx.PrepareContext(ctx, query) // closed with the transaction
	}
	return j.db.WriteStmt(ctx, query)
}

// ids are the jobs that a query finds.
func (j *Jobs) ids(ctx context.Context, query string, args ...any) ([]string, error) {
	stmt, err := j.db.ReadStmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return sqldb.List[string](stmt.QueryContext(ctx, args...))
}
