package data

import (
	"context"
	"database/sql"
	"errors"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// Open implements [session.Store].
func (s *Sessions) Open(ctx context.Context, o session.Opening) (session.Opened, error) {
	var opened session.Opened
	err := s.locked(ctx, func(tx *sql.Tx, l *licenceRow) (err error) {
		opened = session.Opened{}
		if opened.Licence, err = parseLicence(l.layout); err != nil {
			return err
		}
		if opened.Licence.Slots == 0 {
			return errors.New("no licence has been set yet")
		}
		if opened.Expired, err = expire(ctx, tx, l, o.Session.LastRequestAt); err != nil {
			return err
		}
		opened.Stored, err = s.reuse(ctx, tx, o)
		if err == nil || !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := previous(ctx, tx, o.Session.Key, &opened); err != nil {
			return err
		}
		slot, reserved, err := freeSlot(ctx, tx, opened.Licence, o.Session.User)
		if err != nil || slot == 0 {
			return err
		}
		opened.Stored, opened.Fresh = session.Stored{Session: o.Session, RemoteAddr: o.RemoteAddr}, true
		opened.Slot, opened.Reserved = slot, reserved
		row := sessionRow{Stored: opened.Stored, expiresAt: opened.ExpiresAt(o.Idle)}
		_, err = tx.ExecContext(ctx, sessions.Insert, sessions.Values(&row)...)
		return err
	})
	if err != nil {
		return session.Opened{}, err
	}
	return opened, nil
}

// reuse counts the call in the open session with the key; sql.ErrNoRows says
// that there is none. Times never go back.
func (s *Sessions) reuse(ctx context.Context, tx *sql.Tx, o session.Opening) (session.Stored, error) {
	query := sessions.Select + `WHERE session_key = $1 AND ended_at = 0` + s.db.ForUpdate()
	found, err := sessions.One(tx.QueryRowContext(ctx, query, o.Session.Key))
	if err != nil {
		return session.Stored{}, err
	}
	found.Requests += o.Session.Requests
	if o.Session.LastRequestAt.After(found.LastRequestAt) {
		found.LastRequestAt = o.Session.LastRequestAt
	}
	_, err = tx.ExecContext(ctx, `UPDATE sessions SET requests = $2, last_request_at = $3, expires_at = $4 WHERE id = $1`,
		found.ID, found.Requests, sqldb.Micros(found.LastRequestAt), sqldb.Micros(found.ExpiresAt(o.Idle)))
	return found.Stored, err
}

// previous tells how the last session with the key ended.
func previous(ctx context.Context, tx *sql.Tx, key string, opened *session.Opened) error {
	var reason string
	var at int64
	err := tx.QueryRowContext(ctx, `SELECT end_reason, ended_at FROM sessions WHERE session_key = $1
		ORDER BY opened_at DESC, ended_change DESC LIMIT 1`, key).Scan(&reason, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	opened.Previous, opened.PreviousAt = tandem.EndReason(reason), sqldb.Time(at)
	return err
}

// freeSlot is the lowest free slot for the user: one reserved for the account
// or, when those are taken, a shared one; 0 when there is none.
func freeSlot(ctx context.Context, tx *sql.Tx, l tandem.Licence, login string) (slot int, reserved bool, err error) {
	slots, err := sqldb.List[int](tx.QueryContext(ctx, `SELECT slot FROM sessions WHERE ended_at = 0`))
	if err != nil {
		return 0, false, err
	}
	taken := make(map[int]bool, len(slots))
	for _, n := range slots {
		taken[n] = true
	}
	if n := lowest(session.ReservedSlots(l, login), taken); n > 0 {
		return n, true, nil
	}
	return lowest(session.SharedSlots(l), taken), false, nil
}

func lowest(r session.Range, taken map[int]bool) int {
	for n := r.First; n <= r.Last; n++ {
		if !taken[n] {
			return n
		}
	}
	return 0
}
