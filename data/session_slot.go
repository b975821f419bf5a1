package data

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// maxOpenings is how often an opening begins again because others were faster.
// They can be as many as there are replicas, since each opens one at a time.
const maxOpenings = 100

// dueFirstOr are the overdue sessions that an opening ends: as many as others wait for, and
// the one with its own key.
var dueFirstOr = `SELECT id FROM (` + dueFirst(``) + `) AS first UNION ALL
	SELECT id FROM sessions WHERE ended_at = 0 AND ` + isOverdue + ` AND session_key = $4`

// Open implements [session.Store]. Every step is one statement, and the unique
// indexes have the last word: between the steps nothing is locked, so a replica
// that stops in the middle keeps nobody waiting. When another one changed what a
// step was decided by, the step finds nothing to do, and the opening begins
// again.
func (s *Sessions) Open(ctx context.Context, o session.Opening) (session.Opened, error) {
	var opened session.Opened
	for range maxOpenings {
		expired, some, err := s.expire(ctx, o.Session.LastRequestAt, dueFirstOr, o.Session.Key)
		opened.Expired = append(opened.Expired, expired...)
		if err != nil {
			return opened, err
		}
		now, err := s.licenceNow(ctx) // what has just ended is in it
		if err != nil {
			return opened, err
		}
		if opened.Licence, err = parseLicence(now.layout); err != nil {
			return opened, err
		}
		if opened.Licence.Slots == 0 {
			return opened, errors.New("no licence has been set yet")
		}
		done, err := s.openOnce(ctx, o, now, &opened)
		if err == nil && done && opened.ID == "" && some { // of the others that are overdue one may be in the way
			own, shared := session.ReservedSlots(opened.Licence, o.Session.User), session.SharedSlots(opened.Licence)
			expired, some, err = s.expire(ctx, o.Session.LastRequestAt, dueFirst(` AND (slot BETWEEN $4 AND $5 OR slot BETWEEN $6 AND $7)`), slotArgs(own, shared)...)
			opened.Expired = append(opened.Expired, expired...)
			done = !some
		}
		if err != nil || done {
			return opened, err
		}
	}
	return opened, tandem.Errorf(tandem.CodeUnavailable, "too many sessions are opened at the same time; try again")
}

// licenceNow is the licence as it is kept, and what is known of the slots.
type licenceNow struct {
	layout string
	// changes is the number of the last ending, moves of the last time that open
	// sessions got other slots.
	changes, moves int64
	// freed is the lowest slot that was given back since the slots were looked at;
	// NULL when none was.
	freed sql.NullInt64
}

// licenceNow reads the licence, and lowers what is known of the slots by what has
// ended since.
func (s *Sessions) licenceNow(ctx context.Context) (now licenceNow, err error) {
	stmt, err := s.db.ReadStmt(ctx, `SELECT layout, changes, moves, (SELECT MIN(slot) FROM sessions WHERE ended_change > $1) FROM licence WHERE id = 1`)
	if err != nil {
		return now, err
	}
	since := s.taken.since()
	err = stmt.QueryRowContext(ctx, since).Scan(&now.layout, &now.changes, &now.moves, &now.freed)
	if err == nil {
		s.taken.freed(since, now)
	}
	return now, err
}

// openOnce finds the session with the key, or opens one; done is false when it
// must be tried again.
func (s *Sessions) openOnce(ctx context.Context, o session.Opening, now licenceNow, opened *session.Opened) (done bool, err error) {
	opened.Stored, err = s.reuse(ctx, o)
	if !errors.Is(err, sql.ErrNoRows) {
		if err == nil && !opened.Recorded { // it is to be told as it would have been
			err = s.previous(ctx, o.Session.Key, opened)
		}
		return err == nil, err
	}
	if err := s.previous(ctx, o.Session.Key, opened); err != nil {
		return false, err
	}
	opened.Stored = session.Stored{Session: o.Session, RemoteAddr: o.RemoteAddr}
	opened.Slot, opened.Reserved, err = s.takeSlot(ctx, opened, now, o)
	if err == nil {
		opened.Fresh = true
		return true, nil
	}
	opened.Stored = session.Stored{}
	if !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	return s.full(ctx, opened.Licence, now, o)
}

// reuseSession counts the call in the open session with the key. Times never go
// back.
var reuseSession = `UPDATE sessions SET requests = requests + $2,
	last_request_at = CASE WHEN last_request_at < $3 THEN $3 ELSE last_request_at END,
	expires_at = CASE WHEN expires_at >= $4 THEN expires_at
		WHEN absolute_expires_at <> 0 AND absolute_expires_at < $4 THEN absolute_expires_at ELSE $4 END
	WHERE session_key = $1 AND ended_at = 0 AND expires_at > $3 RETURNING ` + sessions.Columns

// reuse counts the call in the open session with the key; sql.ErrNoRows says
// that there is none.
func (s *Sessions) reuse(ctx context.Context, o session.Opening) (session.Stored, error) {
	stmt, err := s.db.WriteStmt(ctx, reuseSession)
	if err != nil {
		return session.Stored{}, err
	}
	found, err := sessions.One(stmt.QueryRowContext(ctx, o.Session.Key, o.Session.Requests,
		sqldb.Micros(o.Session.LastRequestAt), sqldb.Micros(o.Session.LastRequestAt.Add(o.Idle))))
	return found.Stored, err
}

// previous tells how the last session with the key ended.
func (s *Sessions) previous(ctx context.Context, key string, opened *session.Opened) error {
	stmt, err := s.db.ReadStmt(ctx, `SELECT end_reason, ended_at FROM sessions WHERE session_key = $1 AND ended_at <> 0
		ORDER BY opened_at DESC, ended_change DESC LIMIT 1`)
	if err != nil {
		return err
	}
	var reason string
	var at int64
	err = stmt.QueryRowContext(ctx, key).Scan(&reason, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	opened.Previous, opened.PreviousAt = tandem.EndReason(reason), sqldb.Time(at)
	return err
}

// IsRecorded implements [session.Store].
func (s *Sessions) IsRecorded(ctx context.Context, once [sha256.Size]byte) (bool, error) {
	stmt, err := s.db.ReadStmt(ctx, `SELECT COUNT(*) FROM client_assertions WHERE id = $1`)
	if err != nil {
		return false, err
	}
	var n int
	err = stmt.QueryRowContext(ctx, once[:]).Scan(&n)
	return n > 0, err
}

// freeSlot is the lowest slot between the numbers in the arguments first and last
// that no open session has; NULL when there is none. It is the first, or follows
// one that is taken: the index of the taken ones is read up to the first gap. (The
// comparison with NULL keeps planners from reading all of it for a join.)
func freeSlot(first, last string) string {
	taken := func(slot string) string {
		return `(SELECT t.slot FROM sessions t WHERE t.ended_at = 0 AND t.slot = ` + slot + `)`
	}
	first = `CAST(` + first + ` AS BIGINT)`
	return `CASE WHEN ` + first + ` <= ` + last + ` THEN CASE WHEN ` + taken(first) + ` IS NULL THEN ` + first + ` ELSE
		(SELECT s.slot + 1 FROM sessions s WHERE s.ended_at = 0 AND s.slot >= ` + first + ` AND s.slot < ` + last + `
		AND ` + taken(`s.slot + 1`) + ` IS NULL ORDER BY s.slot LIMIT 1) END END`
}

// slotArgs are the ranges of slots that an account may have, its own first.
func slotArgs(own, shared session.Range) []any {
	return []any{own.First, own.Last, shared.First, shared.Last}
}

// freeSlots are the slots that [slotArgs] as the first arguments allow.
var freeSlots = `(SELECT ` + freeSlot("$1", "$2") + ` AS own, ` + freeSlot("$3", "$4") + ` AS shared) f`

// takeSlotText adds a session with the lowest free slot. The licence's row is
// held for the statement alone: who makes another licence of it waits for
// sessions that are being added, and they for the new licence, which is then not
// the one in $5.
func (s *Sessions) takeSlotText() string {
	columns := strings.Split(sessions.Columns, ", ")
	values := make([]string, len(columns))
	n := 5
	for i, name := range columns {
		switch name {
		case "slot":
			values[i] = "COALESCE(f.own, f.shared)"
		case "reserved":
			values[i] = "f.own IS NOT NULL"
		default:
			n++
			values[i] = fmt.Sprintf("CAST($%d AS %s)", n, sessionType(name))
		}
	}
	return `INSERT INTO sessions (` + sessions.Columns + `) SELECT ` + strings.Join(values, ", ") + ` FROM licence l, ` + freeSlots +
		` WHERE l.id = 1 AND l.layout = $5 AND COALESCE(f.own, f.shared) IS NOT NULL` + s.db.ForKeyShare("l") +
		` ON CONFLICT DO NOTHING RETURNING slot, reserved`
}

// sessionType is the type of a column.
func sessionType(column string) string {
	switch column {
	case "multiplexed", "reserved", "recorded":
		return "BOOLEAN"
	case "slot", "opened_at", "last_request_at", "absolute_expires_at", "expires_at", "requests", "ended_at", "ended_change", "untold_since":
		return "BIGINT"
	}
	return "TEXT"
}

// takeSlot adds the session; sql.ErrNoRows says that it could not: another one
// has the key or the slot, or none is free, or the licence is another.
func (s *Sessions) takeSlot(ctx context.Context, opened *session.Opened, now licenceNow, o session.Opening) (slot int, reserved bool, err error) {
	stmt, err := s.db.WriteStmt(ctx, s.takeSlotText())
	if err != nil {
		return 0, false, err
	}
	own, shared := session.ReservedSlots(opened.Licence, o.Session.User), session.SharedSlots(opened.Licence)
	args := append(slotArgs(s.taken.after(own), s.taken.after(shared)), now.layout)
	row := sessionRow{Stored: opened.Stored, expiresAt: opened.ExpiresAt(o.Idle)}
	values := sessions.Values(&row)
	for i, name := range strings.Split(sessions.Columns, ", ") {
		if name != "slot" && name != "reserved" {
			args = append(args, values[i])
		}
	}
	if err = stmt.QueryRowContext(ctx, args...).Scan(&slot, &reserved); err != nil {
		return 0, false, err
	}
	if reserved {
		s.taken.upTo(now, own, slot)
	} else {
		s.taken.upTo(now, shared, slot)
	}
	return slot, reserved, nil
}

// full reports whether the licence is what was looked at and has no slot for the
// account, and the key no session; also that nothing has ended since, so that
// what was known as taken still is.
func (s *Sessions) full(ctx context.Context, l tandem.Licence, now licenceNow, o session.Opening) (full bool, err error) {
	stmt, err := s.db.ReadStmt(ctx, `SELECT f.own IS NULL AND f.shared IS NULL
		AND NOT EXISTS (SELECT 1 FROM sessions WHERE session_key = $6 AND ended_at = 0)
		FROM licence l, `+freeSlots+` WHERE l.id = 1 AND l.layout = $5 AND l.changes = $7 AND l.moves = $8`)
	if err != nil {
		return false, err
	}
	own, shared := s.taken.after(session.ReservedSlots(l, o.Session.User)), s.taken.after(session.SharedSlots(l))
	err = stmt.QueryRowContext(ctx, append(slotArgs(own, shared), now.layout, o.Session.Key, now.changes, now.moves)...).Scan(&full)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return full, err
}
