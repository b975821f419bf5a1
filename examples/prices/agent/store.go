package agent

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"time"

	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/sqldb"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// schemaTable keeps the version of the agent's tables.
const schemaTable = "prices_schema"

// store is the agent's own database. Nobody else opens it.
type store struct{ db *sqldb.DB }

func (s *store) migrate(ctx context.Context) error {
	return s.db.Migrate(ctx, sqldb.Migrations(migrationFiles), schemaTable)
}

// batch is a row of batches.
type batch struct {
	id, parent                                              int64
	kind                                                    string
	state                                                   wire.State
	wanted, note, token                                     string
	fileName                                                string
	size                                                    int64
	sha256, connector, placedBy                             string
	byHand                                                  bool
	mapping                                                 string
	mappingVersion                                          int64
	currency, control, why                                  string
	receivedAt, checkedAt, decidedAt, startedAt, finishedAt time.Time
	decidedBy, evidence, reason, systemUser, jobID          string
}

var batches = sqldb.NewTable("batches", func(b *batch, column sqldb.Column) {
	column("id", &b.id)
	column("kind", &b.kind)
	column("parent", &b.parent)
	column("state", &b.state)
	column("wanted", &b.wanted)
	column("note", &b.note)
	column("token", &b.token)
	column("file_name", &b.fileName)
	column("size", &b.size)
	column("sha256", &b.sha256)
	column("connector", &b.connector)
	column("placed_by", &b.placedBy)
	column("by_hand", &b.byHand)
	column("mapping", &b.mapping)
	column("mapping_version", &b.mappingVersion)
	column("currency", &b.currency)
	column("control", &b.control)
	column("why", &b.why)
	column("received_at", sqldb.TimeField(&b.receivedAt))
	column("checked_at", sqldb.TimeField(&b.checkedAt))
	column("decided_at", sqldb.TimeField(&b.decidedAt))
	column("started_at", sqldb.TimeField(&b.startedAt))
	column("finished_at", sqldb.TimeField(&b.finishedAt))
	column("decided_by", &b.decidedBy)
	column("evidence", &b.evidence)
	column("reason", &b.reason)
	column("system_user", &b.systemUser)
	column("job_id", &b.jobID)
})

// reasons are why the batch waits for a person.
func (b *batch) reasons() (why []string) {
	_ = json.Unmarshal([]byte(cmp.Or(b.why, "[]")), &why) // it is the agent's own
	return why
}

func (b *batch) setReasons(why []string) {
	text, err := json.Marshal(why)
	if err == nil {
		b.why = string(text)
	}
}

// asking is where a query goes: the readers, or a transaction.
type asking interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (s *store) batch(ctx context.Context, id int64) (*batch, error) {
	return s.batchIn(ctx, s.db.Reader(), id, "")
}

// locked is a batch in a transaction that is going to change it.
func (s *store) locked(ctx context.Context, tx *sql.Tx, id int64) (*batch, error) {
	return s.batchIn(ctx, tx, id, s.db.ForUpdate())
}

func (s *store) batchIn(ctx context.Context, in asking, id int64, lock string) (*batch, error) {
	b, err := batches.One(in.QueryRowContext(ctx, batches.Select+`WHERE id = $1`+lock, id))
	return &b, sqldb.NotFound(err, "there is no batch %d", id)
}

func (s *store) find(ctx context.Context, in asking, where string, args ...any) ([]batch, error) {
	return batches.All(in.QueryContext(ctx, batches.Select+where, args...))
}

// save writes all of a batch that was read in the same transaction.
func (s *store) save(ctx context.Context, tx *sql.Tx, b *batch) error {
	_, err := tx.ExecContext(ctx, batches.Update, batches.Values(b)...)
	return err
}

// add writes a new batch, and gives it the next number. Numbers do not come again when
// batches were deleted; a version before counts those that are there.
func (s *store) add(ctx context.Context, tx *sql.Tx, b *batch) error {
	err := tx.QueryRowContext(ctx, `UPDATE batch_numbers SET last = 1 + (SELECT CASE WHEN COALESCE(MAX(id), 0) > batch_numbers.last
		THEN MAX(id) ELSE batch_numbers.last END FROM batches) RETURNING last`).Scan(&b.id)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, batches.Insert, batches.Values(b)...)
	return err
}

// change changes a batch in a transaction of its own; f is told how it stands.
func (s *store) change(ctx context.Context, id int64, f func(tx *sql.Tx, b *batch) error) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		b, err := s.locked(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := f(tx, b); err != nil {
			return err
		}
		return s.save(ctx, tx, b)
	})
}

// event notes what happened to a batch.
func (s *store) event(ctx context.Context, tx *sql.Tx, id int64, at time.Time, by, what string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO batch_events (batch_id, place, at, by_login, what)
		SELECT $1, COALESCE(MAX(place), 0) + 1, $2, $3, $4 FROM batch_events WHERE batch_id = $1`, id, sqldb.Micros(at), by, what)
	return err
}

// maxEvents is how many events of a batch are told, the last of them.
const maxEvents = 200

func (s *store) events(ctx context.Context, id int64) (all []wire.Event, err error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT at, by_login, what FROM (
		SELECT place, at, by_login, what FROM batch_events WHERE batch_id = $1 ORDER BY place DESC LIMIT $2) AS told ORDER BY place`, id, maxEvents)
	if err != nil {
		return nil, err
	}
	return scanEvents(rows)
}

func scanEvents(rows *sql.Rows) (all []wire.Event, err error) {
	defer rows.Close()
	for rows.Next() {
		var e wire.Event
		var at int64
		if err := rows.Scan(&at, &e.By, &e.What); err != nil {
			return nil, err
		}
		e.At = sqldb.Time(at)
		all = append(all, e)
	}
	return all, rows.Err()
}

// sqlTx is short for the files that speak no SQL.
type sqlTx = sql.Tx
