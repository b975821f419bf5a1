package data

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
)

// SetLicence implements [session.Store].
func (s *Sessions) SetLicence(ctx context.Context, l tandem.Licence, now time.Time) ([]tandem.Session, error) {
	if len(l.Reserved) == 0 {
		l.Reserved = nil
	}
	text, err := json.Marshal(l) // the keys of a map are sorted: equal licences have equal texts
	if err != nil {
		return nil, err
	}
	// Every replica says so at its start: look without the lock first.
	current, err := s.licenceNow(ctx)
	if err != nil || current.layout == string(text) {
		return nil, err
	}
	var ended []tandem.Session
	err = s.locked(ctx, func(tx *sql.Tx, layout string) (err error) {
		ended = nil
		if layout == string(text) {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE licence SET layout = $1, moves = moves + 1 WHERE id = 1`, string(text)); err != nil {
			return err
		}
		// What is overdue must not take a slot from what is not.
		if ended, err = endIn(ctx, tx, endOverdue, isOverdue, overdue(now)); err != nil {
			return err
		}
		displaced, err := reassign(ctx, tx, l, now)
		ended = append(ended, displaced...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// keptSession is an open session that stays open under another licence.
type keptSession struct {
	tandem.Session
	// wasReserved is what it was before; stays says that it keeps its slot.
	wasReserved, stays bool
}

// reassign gives the open sessions slots of the licence, the last used first,
// and ends those that find none. Who can stay where they are do.
func reassign(ctx context.Context, tx *sql.Tx, l tandem.Licence, now time.Time) ([]tandem.Session, error) {
	open, err := sessions.All(tx.QueryContext(ctx, sessions.Select+`WHERE ended_at = 0 ORDER BY last_request_at DESC, slot`))
	if err != nil {
		return nil, err
	}
	shared := session.SharedSlots(l).Last
	own := make(map[string]int, len(l.Reserved))
	for login, n := range l.Reserved {
		own[login] = n
	}
	var kept []keptSession
	var ended []tandem.Session
	for i := range open {
		o := keptSession{Session: open[i].Session, wasReserved: open[i].Reserved}
		switch {
		case own[o.User] > 0:
			own[o.User]--
			o.Reserved = true
		case shared > 0:
			shared--
			o.Reserved = false
		default:
			some, err := endIn(ctx, tx, endForReason, `id = $3`, []any{string(session.EndLicence), now.UnixMicro(), o.ID})
			if err != nil {
				return nil, err
			}
			ended = append(ended, some...)
			continue
		}
		kept = append(kept, o)
	}
	return ended, move(ctx, tx, l, kept)
}

// move puts the sessions within the ranges that they were admitted to. Those that
// are there stay.
func move(ctx context.Context, tx *sql.Tx, l tandem.Licence, kept []keptSession) error {
	slotsOf := func(k *keptSession) session.Range {
		if k.Reserved {
			return session.ReservedSlots(l, k.User)
		}
		return session.SharedSlots(l)
	}
	taken := make(map[int]bool, len(kept))
	for i := range kept {
		k := &kept[i]
		r := slotsOf(k)
		if k.stays = k.Slot >= r.First && k.Slot <= r.Last; k.stays {
			taken[k.Slot] = true
			continue
		}
		// Numbers below zero first, so that no two meet in a slot on the way.
		if _, err := tx.ExecContext(ctx, `UPDATE sessions SET slot = -slot WHERE id = $1`, k.ID); err != nil {
			return err
		}
	}
	for i := range kept {
		k := &kept[i]
		if k.stays && k.Reserved == k.wasReserved {
			continue
		}
		if !k.stays {
			k.Slot = lowest(slotsOf(k), taken)
			taken[k.Slot] = true
		}
		if _, err := tx.ExecContext(ctx, `UPDATE sessions SET slot = $2, reserved = $3 WHERE id = $1`, k.ID, k.Slot, k.Reserved); err != nil {
			return err
		}
	}
	return nil
}

// lowest is the lowest number of a range that is not taken; 0 when all are.
func lowest(r session.Range, taken map[int]bool) int {
	for n := r.First; n <= r.Last; n++ {
		if !taken[n] {
			return n
		}
	}
	return 0
}

func parseLicence(layout string) (tandem.Licence, error) {
	var l tandem.Licence
	if layout == "" {
		return l, nil
	}
	if err := json.Unmarshal([]byte(layout), &l); err != nil {
		return l, fmt.Errorf("read the licence in the database: %w", err)
	}
	return l, nil
}

// Licence is the one that counts; it has no slots before an instance has set one.
func (s *Sessions) Licence(ctx context.Context) (tandem.Licence, error) {
	now, err := s.licenceNow(ctx)
	if err != nil {
		return tandem.Licence{}, err
	}
	return parseLicence(now.layout)
}
