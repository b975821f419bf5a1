package data

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// Sessions keeps API sessions and the licence; it implements [session.Store].
//
// Whatever opens or ends a session, and whatever writes to several at once,
// first takes the lock of the licence's one row. So openings and endings come
// one after the other on all replicas, and no two transactions can wait for
// each other. Touches of a single session do without it.
type Sessions struct{ db *sqldb.DB }

// NewSessions keeps sessions in the instance's database.
func NewSessions(db *sqldb.DB) *Sessions { return &Sessions{db} }

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
})

// licenceRow is the locked licence.
type licenceRow struct {
	layout  string
	changes int64
}

// locked runs f while no other transaction opens or ends sessions, and keeps
// the number of changes that f counts.
func (s *Sessions) locked(ctx context.Context, f func(tx *sql.Tx, l *licenceRow) error) error {
	lock, err := s.db.WriteStmt(ctx, `SELECT layout, changes FROM licence WHERE id = 1`+s.db.ForUpdate())
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		var l licenceRow
		if err := tx.StmtContext(ctx, lock).QueryRowContext(ctx).Scan(&l.layout, &l.changes); err != nil {
			return err
		}
		before := l.changes
		if err := f(tx, &l); err != nil || l.changes == before {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE licence SET changes = $1 WHERE id = 1`, l.changes)
		return err
	})
}

// Touches may come late and in any order, and after the end: all calls count,
// but times never go back, and what has ended is not brought back.
const touchSession = `UPDATE sessions SET requests = requests + $4,
	last_request_at = CASE WHEN last_request_at < $2 THEN $2 ELSE last_request_at END,
	expires_at = CASE WHEN ended_at = 0 AND expires_at < $3 THEN $3 ELSE expires_at END
	WHERE id = $1`

// Touch implements [session.Store].
func (s *Sessions) Touch(ctx context.Context, touches []session.Touch) error {
	stmt, err := s.db.WriteStmt(ctx, touchSession)
	if err != nil {
		return err
	}
	return s.locked(ctx, func(tx *sql.Tx, _ *licenceRow) error {
		stmt := tx.StmtContext(ctx, stmt)
		for _, t := range touches {
			if _, err := stmt.ExecContext(ctx, t.ID, sqldb.Micros(t.At), sqldb.Micros(t.ExpiresAt), t.Requests); err != nil {
				return err
			}
		}
		return nil
	})
}

// TouchLive implements [session.Store].
func (s *Sessions) TouchLive(ctx context.Context, t session.Touch) (bool, error) {
	return s.changed(ctx, touchSession+` AND ended_at = 0 AND expires_at > $2`,
		t.ID, sqldb.Micros(t.At), sqldb.Micros(t.ExpiresAt), t.Requests)
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
func (s *Sessions) End(ctx context.Context, e session.Ending) ([]tandem.Session, error) {
	column, values := "id", e.IDs
	if len(values) == 0 {
		column, values = "session_key", []string{e.Key}
	}
	var ended []tandem.Session
	err := s.locked(ctx, func(tx *sql.Tx, l *licenceRow) error {
		ended = nil
		for _, value := range values {
			some, err := endSessions(ctx, tx, l, column+` = $4`, string(e.Reason), sqldb.Micros(e.Now), value)
			if err != nil {
				return err
			}
			ended = append(ended, some...)
		}
		if len(ended) > 0 || len(e.IDs) == 0 {
			return nil
		}
		return anyKnown(ctx, tx, e.IDs)
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// endSessions ends the open sessions that where selects; its placeholders begin at $4.
func endSessions(ctx context.Context, tx *sql.Tx, l *licenceRow, where, reason string, at int64, args ...any) ([]tandem.Session, error) {
	return endEach(ctx, tx, l, `end_reason = $1, ended_at = $2`, where, append([]any{reason, at, l.changes + 1}, args...))
}

// expire ends what is overdue, at the moment it ran out.
func expire(ctx context.Context, tx *sql.Tx, l *licenceRow, now time.Time) ([]tandem.Session, error) {
	return endEach(ctx, tx, l, `end_reason = CASE WHEN absolute_expires_at = expires_at THEN $1 ELSE $2 END, ended_at = expires_at`,
		`expires_at <= $4`, []any{string(tandem.EndAbsolute), string(tandem.EndIdle), l.changes + 1, sqldb.Micros(now)})
}

// endEach counts one change for all the sessions that it ends; $3 is its number.
func endEach(ctx context.Context, tx *sql.Tx, l *licenceRow, set, where string, args []any) ([]tandem.Session, error) {
	query := `UPDATE sessions SET ` + set + `, ended_change = $3 WHERE ended_at = 0 AND ` + where + ` RETURNING ` + sessions.Columns
	rows, err := sessions.All(tx.QueryContext(ctx, query, args...))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	l.changes++
	ended := sqldb.Each(rows, func(s *sessionRow) tandem.Session { return s.Session })
	slices.SortFunc(ended, func(a, b tandem.Session) int { return a.Slot - b.Slot })
	return ended, nil
}

// anyKnown returns [tandem.ErrNotFound] when no session ever had any of the ids.
func anyKnown(ctx context.Context, tx *sql.Tx, ids []string) error {
	for _, id := range ids {
		var one int
		err := tx.QueryRowContext(ctx, `SELECT 1 FROM sessions WHERE id = $1`, id).Scan(&one)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return tandem.Errorf(tandem.CodeNotFound, "there is no session %s", strings.Join(ids[:min(len(ids), 3)], ", "))
}

// Expire implements [session.Store].
func (s *Sessions) Expire(ctx context.Context, now time.Time) ([]tandem.Session, error) {
	// Asked on every round of every replica: look without a lock first.
	stmt, err := s.db.ReadStmt(ctx, `SELECT 1 FROM sessions WHERE ended_at = 0 AND expires_at <= $1 LIMIT 1`)
	if err != nil {
		return nil, err
	}
	var one int
	if err := stmt.QueryRowContext(ctx, sqldb.Micros(now)).Scan(&one); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil
		}
		return nil, err
	}
	var expired []tandem.Session
	err = s.locked(ctx, func(tx *sql.Tx, l *licenceRow) (err error) {
		expired, err = expire(ctx, tx, l, now)
		return err
	})
	return expired, err
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
func (s *Sessions) List(ctx context.Context, all bool, now time.Time) ([]session.Stored, error) {
	query, arg := `WHERE ended_at = 0 AND expires_at > $1 ORDER BY slot`, sqldb.Micros(now)
	if all {
		query, arg = `ORDER BY opened_at DESC, id LIMIT $1`, session.MaxList
	}
	stmt, err := s.db.ReadStmt(ctx, sessions.Select+query)
	if err != nil {
		return nil, err
	}
	rows, err := sessions.All(stmt.QueryContext(ctx, arg))
	return sqldb.Each(rows, func(s *sessionRow) session.Stored { return s.Stored }), err
}

// Forget implements [session.Store].
func (s *Sessions) Forget(ctx context.Context, before time.Time) error {
	return s.locked(ctx, func(tx *sql.Tx, _ *licenceRow) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE ended_at <> 0 AND ended_at < $1`, sqldb.Micros(before))
		return err
	})
}
