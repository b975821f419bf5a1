package data

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/sqldb"
)

// Sealed keeps the tree over the record and its heads, in the database of the events;
// it implements [sealing.Store].
type Sealed struct {
	*Instance
	db *sqldb.DB
}

var _ sealing.Store = (*Sealed)(nil)

// NewSealed keeps the tree in the instance's database.
func NewSealed(db *sqldb.DB) *Sealed { return &Sealed{NewInstance(db), db} }

var recordEpochs = sqldb.NewTable("record_epochs", func(e *sealing.Epoch, column sqldb.Column) {
	column("epoch", &e.N)
	column("after_id", &e.After)
	column("verifier", &e.Key)
	column("began_at", sqldb.TimeField(&e.At))
	column("ended", &e.Ended)
})

var recordHeads = sqldb.NewTable("record_checkpoints", func(h *sealing.Head, column sqldb.Column) {
	column("epoch", &h.Epoch)
	column("seq", &h.Seq)
	column("size", &h.Size)
	column("last_id", &h.Last)
	column("at", sqldb.TimeField(&h.At))
	column("closed", &h.Closed)
	column("note", &h.Note)
})

// Epochs implements [sealing.Store].
func (s *Sealed) Epochs(ctx context.Context) ([]sealing.Epoch, error) {
	return recordEpochs.All(s.db.Reader().QueryContext(ctx, recordEpochs.Select+`ORDER BY epoch`))
}

// NewestHead implements [sealing.Store].
func (s *Sealed) NewestHead(ctx context.Context, epoch int64) (sealing.Head, error) {
	return newestHead(s.db.Reader().QueryRowContext(ctx, newestHeadQuery, epoch), epoch)
}

var newestHeadQuery = recordHeads.Select + `WHERE epoch = $1 ORDER BY seq DESC LIMIT 1`

func newestHead(row *sql.Row, epoch int64) (sealing.Head, error) {
	h, err := recordHeads.One(row)
	if errors.Is(err, sql.ErrNoRows) {
		return sealing.Head{Epoch: epoch}, nil
	}
	return h, err
}

// Heads implements [sealing.Store].
func (s *Sealed) Heads(ctx context.Context, epoch, after int64) ([]sealing.Head, error) {
	return recordHeads.All(s.db.Reader().QueryContext(ctx, recordHeads.Select+`WHERE epoch = $1 AND seq > $2 ORDER BY seq`, epoch, after))
}

// Tile implements [sealing.Store].
func (s *Sealed) Tile(ctx context.Context, epoch int64, level int, n int64) (sealing.Tile, error) {
	t := sealing.Tile{Level: level, N: n}
	err := s.db.Reader().QueryRowContext(ctx, `SELECT hashes FROM record_tiles WHERE epoch = $1 AND level = $2 AND n = $3`, epoch, level, n).Scan(&t.Hashes)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return t, err
}

// Tiles implements [sealing.Store].
func (s *Sealed) Tiles(ctx context.Context, epoch int64, level int, n int64, limit int) (tiles []sealing.Tile, err error) {
	rows, err := s.db.Reader().QueryContext(ctx,
		`SELECT n, hashes FROM record_tiles WHERE epoch = $1 AND level = $2 AND n >= $3 ORDER BY n LIMIT $4`, epoch, level, n, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		t := sealing.Tile{Level: level}
		if err := rows.Scan(&t.N, &t.Hashes); err != nil {
			return nil, err
		}
		tiles = append(tiles, t)
	}
	return tiles, rows.Err()
}

// Extent implements [sealing.Store].
func (s *Sealed) Extent(ctx context.Context, epoch int64) (n int64, err error) {
	err = s.db.Reader().QueryRowContext(ctx,
		`SELECT n * 256 + length(hashes) / 32 FROM record_tiles WHERE epoch = $1 AND level = 0 ORDER BY n DESC LIMIT 1`, epoch).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return n, err
}

// exactRow reads an event of the record as it is stored: a type that the program never
// writes there, which SQLite takes, makes the row an odd one.
type exactRow struct {
	row    sealing.Row
	values []any
}

func newExactRow() *exactRow {
	r := &exactRow{}
	for _, v := range auditEvents.Values(&r.row.Event) {
		if text, ok := v.(*string); ok {
			r.values = append(r.values, &exactText{text, &r.row.Odd})
		} else {
			r.values = append(r.values, &exactTime{&r.row.Event.At, &r.row.Odd})
		}
	}
	return r
}

type exactText struct {
	text *string
	odd  *bool
}

// Scan implements [sql.Scanner].
func (e *exactText) Scan(stored any) error {
	text, ok := stored.(string)
	if !ok {
		text = fmt.Sprintf("%T %v", stored, stored)
	}
	*e.text, *e.odd = text, *e.odd || !ok || !utf8.ValidString(text)
	return nil
}

type exactTime struct {
	at  *time.Time
	odd *bool
}

// Scan implements [sql.Scanner].
func (e *exactTime) Scan(stored any) error {
	micros, ok := stored.(int64)
	*e.at, *e.odd = sqldb.Time(micros), *e.odd || !ok
	return nil
}

// bounds are the conditions of a range.
func bounds(r sealing.Range) (where string, args []any) {
	from := ` WHERE id >= $1`
	if r.After {
		from = ` WHERE id > $1`
	}
	where, args = from, []any{r.From}
	add := func(id string) {
		args = append(args, id)
		where += ` AND id < $` + strconv.Itoa(len(args))
	}
	if r.Until != "" {
		add(r.Until)
	}
	if !r.Before.IsZero() {
		add(sqldb.FirstID(r.Before))
	}
	return where, args
}

// Rows implements [sealing.Store].
func (s *Sealed) Rows(ctx context.Context, r sealing.Range, limit int) ([]sealing.Row, error) {
	where, args := bounds(r)
	args = append(args, limit)
	stmt, err := s.db.ReadStmt(ctx, `SELECT `+auditEvents.Columns+` FROM audit_events`+where+` ORDER BY id LIMIT $`+strconv.Itoa(len(args)))
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all, scanned := make([]sealing.Row, 0, min(limit, 256)), newExactRow()
	for rows.Next() {
		scanned.row = sealing.Row{}
		if err := rows.Scan(scanned.values...); err != nil {
			return nil, err
		}
		all = append(all, scanned.row)
	}
	return all, rows.Err()
}

// Event implements [sealing.Store].
func (s *Sealed) Event(ctx context.Context, id string) (sealing.Row, error) {
	r := newExactRow()
	err := s.db.Reader().QueryRowContext(ctx, auditEvents.Select+`WHERE id = $1`, strings.ToLower(id)).Scan(r.values...)
	return r.row, sqldb.NotFound(err, "the record has no event %q: take the id from tandem record list -o json", id)
}

// CountRows implements [sealing.Store].
func (s *Sealed) CountRows(ctx context.Context, r sealing.Range) (n int64, err error) {
	where, args := bounds(r)
	err = s.db.Reader().QueryRowContext(ctx, `SELECT COUNT(*) FROM audit_events`+where, args...).Scan(&n)
	return n, err
}

// Open implements [sealing.Store].
func (s *Sealed) Open(ctx context.Context, at time.Time) error {
	_, err := s.db.Writer().ExecContext(ctx, recordEpochs.Insert+` ON CONFLICT (epoch) DO NOTHING`,
		recordEpochs.Values(&sealing.Epoch{N: 1, At: at})...)
	return err
}

// Seal implements [sealing.Store].
func (s *Sealed) Seal(ctx context.Context, n sealing.Sealing) error {
	// Prepared before the transaction, which holds SQLite's one connection.
	upsert, err := s.db.WriteStmt(ctx, upsertTile)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		epoch, err := s.goesOnFrom(ctx, tx, n.Old)
		if err != nil {
			return err
		}
		if epoch.Key != "" && epoch.Key != n.Key {
			return sealing.ErrKey
		}
		if epoch.Key == "" {
			if _, err := tx.ExecContext(ctx, `UPDATE record_epochs SET verifier = $2 WHERE epoch = $1`, epoch.N, n.Key); err != nil {
				return err
			}
		}
		stmt := tx.StmtContext(ctx, upsert)
		for _, t := range n.Tiles {
			if _, err := stmt.ExecContext(ctx, epoch.N, t.Level, t.N, t.Hashes); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, recordHeads.Insert+` ON CONFLICT (epoch, seq) DO UPDATE SET size = excluded.size,
			last_id = excluded.last_id, at = excluded.at, closed = excluded.closed, note = excluded.note`, recordHeads.Values(&n.New)...)
		return err
	})
}

const upsertTile = `INSERT INTO record_tiles (epoch, level, n, hashes) VALUES ($1, $2, $3, $4)
	ON CONFLICT (epoch, level, n) DO UPDATE SET hashes = excluded.hashes`

// goesOnFrom locks the epoch, and sees that its newest head is the one given.
func (s *Sealed) goesOnFrom(ctx context.Context, tx *sql.Tx, head sealing.Head) (sealing.Epoch, error) {
	epoch, err := recordEpochs.One(tx.QueryRowContext(ctx, recordEpochs.Select+`WHERE epoch = $1 AND NOT ended`+s.db.ForUpdate(), head.Epoch))
	if errors.Is(err, sql.ErrNoRows) {
		return epoch, sealing.ErrOvertaken
	}
	if err != nil {
		return epoch, err
	}
	newest, err := newestHead(tx.QueryRowContext(ctx, newestHeadQuery, head.Epoch), head.Epoch)
	if err == nil && (newest.Seq != head.Seq || newest.Size != head.Size || newest.Closed != head.Closed) {
		err = sealing.ErrOvertaken
	}
	return epoch, err
}

// Close implements [sealing.Store].
func (s *Sealed) Close(ctx context.Context, h sealing.Head) error {
	closed, err := sqldb.Changed(s.db.Writer().ExecContext(ctx,
		`UPDATE record_checkpoints SET closed = TRUE WHERE epoch = $1 AND seq = $2 AND size = $3`, h.Epoch, h.Seq, h.Size))
	if err == nil && !closed {
		err = sealing.ErrOvertaken
	}
	return err
}

// Restart implements [sealing.Store].
func (s *Sealed) Restart(ctx context.Context, last sealing.Head, next sealing.Epoch, e tandem.AuditEvent) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := s.goesOnFrom(ctx, tx, last); err != nil {
			return err
		}
		return restartRecord(ctx, tx, s.db.Engine, next, e)
	})
}

func restartRecord(ctx context.Context, tx *sql.Tx, engine sqldb.Engine, next sealing.Epoch, e tandem.AuditEvent) error {
	if _, err := tx.ExecContext(ctx, `UPDATE record_epochs SET ended = TRUE WHERE epoch < $1`, next.N); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, recordEpochs.Insert, recordEpochs.Values(&next)...); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, insertAudit[engine][1], auditEvents.Values(&e)...)
	return err
}
