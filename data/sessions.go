package data

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// Sessions keeps API sessions and the licence; it implements [session.Store].
//
// Everything is one statement, so that on PostgreSQL nothing is locked while a
// replica does something else, or nothing at all any more. What is opened twice
// the unique indexes refuse; endings are numbered by the licence's one row, whose
// lock orders them. Only a licence that differs from the one before takes a
// transaction: it holds that row, and openings wait for it, a second at most when the
// replica stands still.
type Sessions struct {
	db    *sqldb.DB
	taken slotsTaken
}

// NewSessions keeps sessions in the instance's database.
func NewSessions(db *sqldb.DB) *Sessions { return &Sessions{db: db} }

// sessionRow is a row of the table.
type sessionRow struct {
	session.Stored
	expiresAt   time.Time // the earlier of idle and absolute expiry
	endedChange int64     // the licence's number of changes when it ended
}

var sessions = sqldb.NewTable("sessions", func(s *sessionRow, column sqldb.Column) {
	column("id", &s.ID)
	column("session_key", &s.Key)
	column("kind", &s.Kind)
	column("user_login", &s.User)
	column("user_id", &s.UserID)
	column("application_uri", &s.ApplicationURI)
	column("service_instance", &s.ServiceInstance)
	column("slot", &s.Slot)
	column("reserved", &s.Reserved)
	column("remote_addr", &s.RemoteAddr)
	column("multiplexed", &s.Multiplexed)
	column("opened_at", sqldb.TimeField(&s.OpenedAt))
	column("last_request_at", sqldb.TimeField(&s.LastRequestAt))
	column("absolute_expires_at", sqldb.TimeField(&s.AbsoluteExpiresAt))
	column("expires_at", sqldb.TimeField(&s.expiresAt))
	column("requests", &s.Requests)
	column("ended_at", sqldb.TimeField(&s.EndedAt))
	column("end_reason", &s.EndReason)
	column("ended_change", &s.endedChange)
	column("closed_by", &s.ClosedBy)
	column("recorded", &s.Recorded)
	column("untold_since", sqldb.TimeField(&s.UntoldSince))
})

// locked runs f while no other transaction opens, ends or touches sessions. f keeps nothing
// of a run before.
func (s *Sessions) locked(ctx context.Context, f func(tx *sql.Tx, layout string) error) error {
	lock, err := s.db.WriteStmt(ctx, `SELECT layout FROM licence WHERE id = 1`+s.db.ForUpdate())
	if err != nil {
		return err
	}
	return s.db.WriteAgain(ctx, func(tx *sql.Tx) error {
		if s.db.Engine == sqldb.PostgreSQL {
			if _, err := tx.ExecContext(ctx, `SET LOCAL idle_in_transaction_session_timeout = '1s'`); err != nil {
				return err
			}
		}
		var layout string
		if err := tx.StmtContext(ctx, lock).QueryRowContext(ctx).Scan(&layout); err != nil {
			return err
		}
		if err := s.db.LockInOrder(ctx, tx, "sessions", "id", `ended_at = 0`); err != nil { // as Touch does
			return err
		}
		return f(tx, layout)
	})
}

// Touches may come late and in any order, and after the end: all calls count,
// but times never go back, and what has ended is not brought back.
const touchSession = `UPDATE sessions SET requests = requests + $4,
	last_request_at = CASE WHEN last_request_at < $2 THEN $2 ELSE last_request_at END,
	expires_at = CASE WHEN ended_at = 0 AND expires_at < $3 THEN $3 ELSE expires_at END,
	recorded = recorded OR $5
	WHERE id = $1`

// maxTouches is how many sessions one statement touches.
const maxTouches = 200

// Touch implements [session.Store].
func (s *Sessions) Touch(ctx context.Context, touches []session.Touch) (left []session.Touch, err error) {
	all := sumTouches(touches)
	for len(all) > 0 {
		some := all[:min(len(all), maxTouches)]
		var args []any
		for _, t := range some {
			args = append(args, t.ID, sqldb.Micros(t.At), sqldb.Micros(t.ExpiresAt), t.Requests, t.Recorded)
		}
		err := s.db.Again(ctx, func() error {
			_, err := s.db.Writer().ExecContext(ctx, s.touchText(len(some)), args...)
			return err
		})
		if err != nil {
			return all, err
		}
		all = all[len(some):]
	}
	return nil, nil
}

// sumTouches makes one touch of those of the same session.
func sumTouches(touches []session.Touch) []session.Touch {
	at := make(map[string]int, len(touches))
	var all []session.Touch
	for _, t := range touches {
		i, known := at[t.ID]
		if !known {
			at[t.ID] = len(all)
			all = append(all, t)
			continue
		}
		sum := &all[i]
		sum.Requests += t.Requests
		sum.Recorded = sum.Recorded || t.Recorded
		if t.At.After(sum.At) {
			sum.At = t.At
		}
		if t.ExpiresAt.After(sum.ExpiresAt) {
			sum.ExpiresAt = t.ExpiresAt
		}
	}
	return all
}

// touchText touches n sessions, in the order of their ids: two replicas that touch
// the same ones then wait one for the other, and not each for the other.
func (s *Sessions) touchText(n int) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("(CAST($%d AS TEXT), CAST($%d AS BIGINT), CAST($%d AS BIGINT), CAST($%d AS BIGINT), CAST($%d AS BOOLEAN))", 5*i+1, 5*i+2, 5*i+3, 5*i+4, 5*i+5)
	}
	return `WITH t (id, at, until, n, recorded) AS (VALUES ` + strings.Join(rows, ", ") + `),
		l AS (SELECT id FROM sessions WHERE id IN (SELECT id FROM t) ORDER BY id` + s.db.ForUpdate() + `)
		UPDATE sessions SET requests = requests + t.n,
		last_request_at = CASE WHEN last_request_at < t.at THEN t.at ELSE last_request_at END,
		expires_at = CASE WHEN ended_at = 0 AND expires_at < t.until THEN t.until ELSE expires_at END,
		recorded = sessions.recorded OR t.recorded
		FROM t JOIN l ON l.id = t.id WHERE sessions.id = t.id`
}

// TouchLive implements [session.Store].
func (s *Sessions) TouchLive(ctx context.Context, t session.Touch) (bool, error) {
	return s.changed(ctx, touchSession+` AND ended_at = 0 AND expires_at > $2`,
		t.ID, sqldb.Micros(t.At), sqldb.Micros(t.ExpiresAt), t.Requests, t.Recorded)
}

// MarkMultiplexed implements [session.Store].
func (s *Sessions) MarkMultiplexed(ctx context.Context, id string) (bool, error) {
	return s.changed(ctx, `UPDATE sessions SET multiplexed = TRUE WHERE id = $1 AND NOT multiplexed`, id)
}

// changed runs a statement on one session and reports whether it matched.
func (s *Sessions) changed(ctx context.Context, query string, args ...any) (bool, error) {
	stmt, err := s.db.WriteStmt(ctx, query)
	if err != nil {
		return false, err
	}
	return sqldb.Changed(stmt.ExecContext(ctx, args...))
}

// End implements [session.Store].
func (s *Sessions) End(ctx context.Context, e session.Ending) ([]session.Stored, error) {
	args := []any{string(e.Reason), sqldb.Micros(e.Now)}
	where := `session_key = $3`
	if len(e.IDs) == 0 {
		args = append(args, e.Key)
	} else {
		where = `id IN (` + placeholders(3, len(e.IDs)) + `)`
		for _, id := range e.IDs {
			args = append(args, id)
		}
	}
	args = append(args, e.By)
	ended, err := s.endWhere(ctx, endForReason+endUntold+`, closed_by = $`+strconv.Itoa(len(args)), where, args)
	if err != nil || len(ended) > 0 || len(e.IDs) == 0 {
		return ended, err
	}
	return nil, s.anyKnown(ctx, e.IDs)
}

// placeholders are n of them from the number first.
func placeholders(first, n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = "$" + strconv.Itoa(first+i)
	}
	return strings.Join(all, ", ")
}

// What an ending sets, by the arguments $1 and $2: for a reason at a time, or
// because it is overdue, at the moment it ran out.
const (
	endForReason = `end_reason = $1, ended_at = $2`
	endOverdue   = `end_reason = CASE WHEN absolute_expires_at = expires_at THEN $1 ELSE $2 END, ended_at = expires_at` + endUntoldOverdue
	isOverdue    = `expires_at <= $3`
	// What is put on record of each session afterwards says so in the same statement.
	endUntold        = `, untold_since = $2`
	endUntoldOverdue = `, untold_since = $3`
)

func overdue(now time.Time) []any {
	return []any{string(tandem.EndAbsolute), string(tandem.EndIdle), sqldb.Micros(now)}
}

// errNoChange undoes a transaction that had nothing to do.
var errNoChange = errors.New("nothing has changed")

// endWhere ends the open sessions that where selects, as one change.
func (s *Sessions) endWhere(ctx context.Context, set, where string, args []any) (ended []session.Stored, err error) {
	if s.db.Engine == sqldb.SQLite { // which has no statement that changes two tables
		err = s.db.Write(ctx, func(tx *sql.Tx) (err error) {
			if ended, err = endIn(ctx, tx, set, where, args); err == nil && len(ended) == 0 {
				err = errNoChange
			}
			return err
		})
		if errors.Is(err, errNoChange) {
			err = nil
		}
		return ended, err
	}
	text := `WITH b AS (UPDATE licence SET changes = changes + 1 WHERE id = 1 AND EXISTS (
			SELECT 1 FROM sessions WHERE ended_at = 0 AND ` + where + `) RETURNING changes)
		UPDATE sessions SET ` + set + `, ended_change = b.changes FROM b WHERE ended_at = 0 AND ` + where + ` RETURNING ` + sessions.Columns
	err = s.db.Again(ctx, func() error {
		rows, err := sessions.All(s.db.Writer().QueryContext(ctx, text, args...))
		ended = bySlot(rows)
		return err
	})
	return ended, err
}

// endIn does the same inside a transaction.
func endIn(ctx context.Context, tx *sql.Tx, set, where string, args []any) ([]session.Stored, error) {
	if _, err := tx.ExecContext(ctx, `UPDATE licence SET changes = changes + 1 WHERE id = 1`); err != nil {
		return nil, err
	}
	rows, err := sessions.All(tx.QueryContext(ctx, `UPDATE sessions SET `+set+`, ended_change = (SELECT changes FROM licence WHERE id = 1)
		WHERE ended_at = 0 AND `+where+` RETURNING `+sessions.Columns, args...))
	return bySlot(rows), err
}

func bySlot(rows []sessionRow) []session.Stored {
	ended := sqldb.Each(rows, func(s *sessionRow) session.Stored { return s.Stored })
	slices.SortFunc(ended, func(a, b session.Stored) int { return a.Slot - b.Slot })
	return ended
}

// anyKnown returns [tandem.ErrNotFound] when no session ever had any of the ids.
func (s *Sessions) anyKnown(ctx context.Context, ids []string) error {
	for _, id := range ids {
		var one int
		err := s.db.Reader().QueryRowContext(ctx, `SELECT 1 FROM sessions WHERE id = $1`, id).Scan(&one)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return tandem.Errorf(tandem.CodeNotFound, "there is no session %s", strings.Join(ids[:min(len(ids), 3)], ", "))
}

// Expire implements [session.Store].
func (s *Sessions) Expire(ctx context.Context, now time.Time) ([]session.Stored, error) {
	ended, _, err := s.expire(ctx, now, dueFirst(``))
	return ended, err
}

// dueFirst are the sessions that one statement ends: of the overdue ones that also the
// condition selects those that were due first.
func dueFirst(and string) string {
	return `SELECT id FROM sessions WHERE ended_at = 0 AND ` + isOverdue + and + ` ORDER BY expires_at LIMIT ` + strconv.Itoa(session.MaxEnded)
}

// expire ends the overdue sessions whose ids are selected; $4 and on are the args. It says
// whether there were any: another replica may have ended them.
func (s *Sessions) expire(ctx context.Context, now time.Time, ids string, args ...any) (ended []session.Stored, some bool, err error) {
	// Asked at every opening and on every round of every replica: look first.
	all := append(overdue(now), args...)
	// (The arguments 1 and 2 are for the ending: they are named for PostgreSQL to know their types.)
	stmt, err := s.db.ReadStmt(ctx, `SELECT 1 FROM (`+ids+`) AS due WHERE COALESCE($1, $2) <> '' LIMIT 1`)
	if err != nil {
		return nil, false, err
	}
	var one int
	if err := stmt.QueryRowContext(ctx, all...).Scan(&one); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return nil, false, err
	}
	// What stands in the sub-select alone PostgreSQL does not ask again of a row that it had to
	// wait for, which may have been touched meanwhile.
	ended, err = s.endWhere(ctx, endOverdue, isOverdue+` AND id IN (`+ids+`)`, all)
	return ended, true, err
}

// EndedSince implements [session.Store].
func (s *Sessions) EndedSince(ctx context.Context, change int64) (ids []string, last int64, err error) {
	// The number is read first: an ending that commits in between may be told
	// twice, but never skipped.
	stmt, err := s.db.ReadStmt(ctx, `SELECT changes FROM licence WHERE id = 1`)
	if err != nil {
		return nil, 0, err
	}
	if err := stmt.QueryRowContext(ctx).Scan(&last); err != nil || change < 0 || last == change {
		return nil, last, err
	}
	if stmt, err = s.db.ReadStmt(ctx, `SELECT id FROM sessions WHERE ended_change > $1`); err != nil {
		return nil, 0, err
	}
	ids, err = sqldb.List[string](stmt.QueryContext(ctx, change))
	return ids, last, err
}

// List implements [session.Store].
func (s *Sessions) List(ctx context.Context, now time.Time) ([]session.Stored, error) {
	stmt, err := s.db.ReadStmt(ctx, sessions.Select+`WHERE ended_at = 0 AND expires_at > $1 ORDER BY slot`)
	if err != nil {
		return nil, err
	}
	return storedSessions(stmt.QueryContext(ctx, sqldb.Micros(now)))
}

func storedSessions(found *sql.Rows, err error) ([]session.Stored, error) {
	rows, err := sessions.All(found, err)
	return sqldb.Each(rows, func(s *sessionRow) session.Stored { return s.Stored }), err
}

// Count implements [session.Store].
func (s *Sessions) Count(ctx context.Context, now time.Time) ([]session.Count, error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT kind, CASE WHEN reserved THEN user_login ELSE '' END AS own, COUNT(*)
		FROM sessions WHERE ended_at = 0 AND expires_at > $1 GROUP BY kind, own`, sqldb.Micros(now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var counts []session.Count
	for rows.Next() {
		var c session.Count
		if err := rows.Scan(&c.Kind, &c.Reserved, &c.N); err != nil {
			return nil, err
		}
		counts = append(counts, c)
	}
	return counts, rows.Err()
}

// Page implements [session.Store].
func (s *Sessions) Page(ctx context.Context, f session.Filter, after *tandem.Session, limit int, now time.Time) ([]session.Stored, error) {
	var w where
	order := "slot"
	switch {
	case f.All:
		order = "opened_at DESC, id DESC"
		if after != nil {
			w.add("(opened_at, id) < (?, ?)", sqldb.Micros(after.OpenedAt), after.ID)
		}
	default:
		w.add("ended_at = 0")
		w.add("expires_at > ?", sqldb.Micros(now))
		if after != nil {
			w.add("slot > ?", after.Slot)
		}
	}
	w.when(f.User != "", "user_login = ?", f.User)
	w.when(f.ApplicationURI != "", "application_uri = ?", f.ApplicationURI)
	w.when(f.Kind != "", "kind = ?", string(f.Kind))
	return storedSessions(s.db.Reader().QueryContext(ctx, sessions.Select+w.text()+` ORDER BY `+order+` LIMIT `+strconv.Itoa(limit), w.args...))
}

// Forget implements [session.Store].
func (s *Sessions) Forget(ctx context.Context, before time.Time) error {
	return purge(ctx, s.db, sqldb.Micros(before), oldSessions)
}
