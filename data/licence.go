package data

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// SetLicence implements [session.Store].
func (s *Sessions) SetLicence(ctx context.Context, l tandem.Licence, now time.Time) ([]session.Stored, error) {
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
	ended, err := s.expireAll(ctx, now)
	if err != nil {
		return ended, err
	}
	expired := ended
	err = s.locked(ctx, func(tx *sql.Tx, layout string) (err error) {
		ended = expired
		if layout == string(text) {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE licence SET layout = $1, moves = moves + 1 WHERE id = 1`, string(text)); err != nil {
			return err
		}
		// What is overdue must not take a slot from what is not.
		late, err := endIn(ctx, tx, endOverdue, isOverdue, overdue(now))
		if err != nil {
			return err
		}
		displaced, err := reassign(ctx, tx, l, now)
		ended = slices.Concat(expired, late, displaced)
		return err
	})
	if err != nil {
		return expired, err
	}
	return ended, nil
}

// expireAll ends all that is overdue, part by part, while nobody waits for it.
func (s *Sessions) expireAll(ctx context.Context, now time.Time) (ended []session.Stored, err error) {
	for {
		part, err := s.Expire(ctx, now)
		ended = append(ended, part...)
		if err != nil || len(part) < session.MaxEnded {
			return ended, err
		}
	}
}

// maxMoves is how many sessions one statement ends or gives other slots.
const maxMoves = 1000

// slotMove is a session that gets another slot, or its slot in another way.
type slotMove struct {
	id       string
	slot     int
	reserved bool
}

// reassign gives the open sessions slots of the licence, the last used first,
// and ends those that find none. Who can stay where they are do. However many they
// are, it takes a few statements: all who open sessions wait for it.
func reassign(ctx context.Context, tx *sql.Tx, l tandem.Licence, now time.Time) ([]session.Stored, error) {
	open, err := sessions.All(tx.QueryContext(ctx, sessions.Select+`WHERE ended_at = 0 ORDER BY last_request_at DESC, slot`))
	if err != nil {
		return nil, err
	}
	over, moves := assign(l, sqldb.Each(open, func(s *sessionRow) tandem.Session { return s.Session }))
	var ended []session.Stored
	for ids := range slices.Chunk(over, maxMoves) {
		some, err := endIn(ctx, tx, endForReason+endUntold, `id IN (`+placeholders(3, len(ids))+`)`,
			append([]any{string(session.EndLicence), now.UnixMicro()}, ids...))
		if err != nil {
			return nil, err
		}
		ended = append(ended, some...)
	}
	// Numbers below zero first, so that no two meet in a slot on the way.
	for part := range slices.Chunk(moves, maxMoves) {
		ids := sqldb.Each(part, func(m *slotMove) any { return m.id })
		if _, err := tx.ExecContext(ctx, `UPDATE sessions SET slot = -slot WHERE id IN (`+placeholders(1, len(ids))+`)`, ids...); err != nil {
			return nil, err
		}
	}
	for part := range slices.Chunk(moves, maxMoves) {
		if err := move(ctx, tx, part); err != nil {
			return nil, err
		}
	}
	return ended, nil
}

func move(ctx context.Context, tx *sql.Tx, part []slotMove) error {
	rows, args := make([]string, len(part)), make([]any, 0, 3*len(part))
	for i, m := range part {
		rows[i] = fmt.Sprintf("(CAST($%d AS TEXT), CAST($%d AS BIGINT), CAST($%d AS BOOLEAN))", 3*i+1, 3*i+2, 3*i+3)
		args = append(args, m.id, m.slot, m.reserved)
	}
	_, err := tx.ExecContext(ctx, `WITH t (id, slot, reserved) AS (VALUES `+strings.Join(rows, ", ")+`)
		UPDATE sessions SET slot = t.slot, reserved = t.reserved FROM t WHERE sessions.id = t.id`, args...)
	return err
}

// assign says which sessions, the first that come first, the licence has no slot for, and
// which get another one.
func assign(l tandem.Licence, open []tandem.Session) (over []any, moves []slotMove) {
	shared := session.SharedSlots(l)
	left := map[session.Range]int{shared: shared.Last} // slots that nobody was admitted to yet
	admitted := make([]session.Range, len(open))       // the zero range is no one's
	taken := make(map[int]bool, len(open))
	for i, o := range open {
		r := shared
		if own := session.ReservedSlots(l, o.User); own.First <= own.Last {
			if _, known := left[own]; !known {
				left[own] = own.Last - own.First + 1
			}
			if left[own] > 0 {
				r = own
			}
		}
		if left[r] <= 0 {
			over = append(over, o.ID)
			continue
		}
		left[r]--
		admitted[i] = r
		if r.First <= o.Slot && o.Slot <= r.Last {
			taken[o.Slot] = true
		}
	}
	next := map[session.Range]int{} // all slots of the range below are taken
	for i, o := range open {
		r := admitted[i]
		if r == (session.Range{}) {
			continue
		}
		slot, reserved := o.Slot, r != shared
		if slot < r.First || slot > r.Last {
			for slot = max(r.First, next[r]); taken[slot]; {
				slot++
			}
			next[r] = slot + 1
		}
		if slot != o.Slot || reserved != o.Reserved {
			moves = append(moves, slotMove{o.ID, slot, reserved})
		}
	}
	return over, moves
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
