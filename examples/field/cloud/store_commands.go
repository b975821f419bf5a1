package cloud

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/sqldb"
)

const (
	// maxOpen is how many commands of a person may wait to be booked.
	maxOpen = 2000
	// maxDay is how many a person may send on a day (UTC).
	maxDay = 20_000
)

// The statements of each command.
var oneCommand = commands.Select + ` WHERE user_id = $1 AND id = $2`

const (
	seeDevice = `INSERT INTO devices (user_id, device, login, user_name, name, last_seq, waiting, storage_used, storage_quota, last_seen, wipe_asked_at, wipe_asked_by, gone)
		VALUES ($1, $2, $3, '', '', 0, 0, 0, 0, $4, 0, '', FALSE) ON CONFLICT (user_id, device) DO UPDATE SET gone = FALSE, last_seen = excluded.last_seen, login = excluded.login`
	countOpen = `SELECT COUNT(*) FROM (SELECT 1 FROM commands WHERE user_id = $1 AND state = 'accepted' LIMIT 2001) AS x`
	countDay  = `SELECT CAST(COALESCE(SUM(counted), 0) AS BIGINT) FROM devices WHERE user_id = $1 AND counted_on = $2`
	newDevice = `SELECT COUNT(*) FROM devices WHERE user_id = $1 AND NOT EXISTS (SELECT 1 FROM devices AS d WHERE d.user_id = $1 AND d.device = $2)`
	// lastReceived is in microseconds; lanes are in the order of received_at.
	lastReceived = `SELECT received_at FROM commands WHERE user_id = $1 AND device = $2 ORDER BY seq DESC LIMIT 1`
	moveDevice   = `UPDATE devices SET last_seq = $3, counted = CASE WHEN counted_on = $4 THEN counted + 1 ELSE 1 END, counted_on = $4
		WHERE user_id = $1 AND device = $2`
	endCommand  = `UPDATE commands SET state = $3, answer = $4, note = '', final_at = $5 WHERE user_id = $1 AND id = $2 AND state = 'accepted'`
	extendChain = `INSERT INTO chains (visit, user_id, device, root, version, changed_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (visit, user_id, device) DO UPDATE SET root = CASE WHEN chains.version = excluded.root THEN chains.root ELSE excluded.root END,
			version = excluded.version, changed_at = excluded.changed_at`
)

func (s *store) lastSeq() string {
	return `SELECT last_seq FROM devices WHERE user_id = $1 AND device = $2` + s.db.ForUpdate()
}

func (s *store) command(ctx context.Context, userID, id string) (*command, error) {
	rows, err := s.reads(ctx, oneCommand, userID, id)
	found, err := commands.All(rows, err)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// accept keeps a command whose turn it is. The row of its device is locked before anything
// is read, so that the same command that comes twice at once finds itself. Where the key was
// there before it returns what there is. The error is a refusal for one that is out of order.
func (s *store) accept(ctx context.Context, k *command) (before *command, err error) {
	statements := []string{oneCommand, newDevice, seeDevice, s.lastSeq(), countDay, countOpen, lastReceived, commands.Insert, moveDevice}
	err = s.write(ctx, statements, func(tx writing) error {
		before = nil
		if err := s.seen(ctx, tx, k.userID, k.device, k.login, k.receivedAt); err != nil {
			return err
		}
		known, err := commands.One(tx.QueryRowContext(ctx, oneCommand, k.userID, k.id))
		if err == nil {
			before = &known
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var last int64
		if err := tx.QueryRowContext(ctx, s.lastSeq(), k.userID, k.device).Scan(&last); err != nil {
			return err
		}
		if k.seq != last+1 {
			r := problem(409, wire.OutOfOrder, "send the command with number %d of this device first", last+1)
			r.answer.Expected = last + 1
			return r
		}
		today := k.receivedAt.UTC().Truncate(24 * time.Hour)
		var sent int64
		if err := tx.QueryRowContext(ctx, countDay, k.userID, today.Format(time.DateOnly)).Scan(&sent); err != nil {
			return err
		}
		if sent >= maxDay {
			r := problem(429, wire.TooMany, "%d commands came from you today, which is as many as a person may send; the next day begins at 00:00 UTC", sent)
			r.retryAfter = today.Add(24 * time.Hour).Sub(k.receivedAt)
			return r
		}
		var open int64
		if err := tx.QueryRowContext(ctx, countOpen, k.userID).Scan(&open); err != nil {
			return err
		}
		if open >= maxOpen {
			r := problem(429, wire.TooMany, "%d commands wait to be booked; send more when they are", open)
			r.retryAfter = 30 * time.Second
			return r
		}
		var latest int64
		err = tx.QueryRowContext(ctx, lastReceived, k.userID, k.device).Scan(&latest)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if after := time.UnixMicro(latest + 1); k.receivedAt.Before(after) { // the clock was set back
			k.receivedAt = after
		}
		if _, err := tx.ExecContext(ctx, commands.Insert, commands.Values(k)...); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, moveDevice, k.userID, k.device, k.seq, today.Format(time.DateOnly))
		return err
	})
	return before, err
}

// open are the commands of a lane that wait, in their order.
func (s *store) open(ctx context.Context, l lane) ([]command, error) {
	return commands.All(s.reads(ctx, commands.Select+` WHERE state = 'accepted' AND user_id = $1 AND visit = $2 AND (type = 'file.attach') = $3
		ORDER BY received_at, seq LIMIT 200`, l.userID, l.visit, l.files))
}

// due are lanes that have something to do.
func (s *store) due(ctx context.Context, now time.Time) (lanes []lane, err error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT user_id, visit, type = 'file.attach' FROM commands WHERE state = 'accepted'
		GROUP BY user_id, visit, type = 'file.attach' HAVING MIN(due_at) <= $1 ORDER BY MIN(due_at) LIMIT 200`, sqldb.Micros(now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var l lane
		if err := rows.Scan(&l.userID, &l.visit, &l.files); err != nil {
			return nil, err
		}
		lanes = append(lanes, l)
	}
	return lanes, rows.Err()
}

// waits notes why a command is not booked yet.
func (s *store) waits(ctx context.Context, k *command, note string, failed bool, due time.Time) error {
	if failed {
		k.tries++
	}
	k.note, k.dueAt = note, due
	_, err := s.db.Writer().ExecContext(ctx, `UPDATE commands SET note = $3, tries = $4, due_at = $5 WHERE user_id = $1 AND id = $2 AND state = 'accepted'`,
		k.userID, k.id, note, k.tries, sqldb.Micros(due))
	return err
}

// finish keeps the final answer of a command, and what it has done to the visit: in one
// transaction, so that no version of ours is ever taken for somebody else's.
func (s *store) finish(ctx context.Context, k *command, v *visit, made *chainLink) error {
	return s.write(ctx, []string{endCommand, keepCopy, extendChain}, func(tx writing) error {
		changed, err := sqldb.Changed(tx.ExecContext(ctx, endCommand, k.userID, k.id, k.state, k.answer, sqldb.Micros(k.finalAt)))
		if err != nil || !changed {
			return err
		}
		if v != nil {
			if err := s.keepVisit(ctx, tx, v); err != nil {
				return err
			}
		}
		if made == nil {
			return nil
		}
		_, err = tx.ExecContext(ctx, extendChain, k.visit, k.userID, k.device, made.from, made.to, sqldb.Micros(k.finalAt))
		return err
	})
}

// chainLink is one step of a chain: a version, and the one that a command has made of it.
type chainLink struct{ from, to int64 }

// chain is from which version to which a device has made all versions of a visit.
func (s *store) chain(ctx context.Context, k *command) (l chainLink, err error) {
	err = s.first(ctx, `SELECT root, version FROM chains WHERE visit = $1 AND user_id = $2 AND device = $3`, []any{k.visit, k.userID, k.device}, &l.from, &l.to)
	if errors.Is(err, sql.ErrNoRows) {
		return chainLink{}, nil
	}
	return l, err
}

// seen notes that a device is there. The error is a refusal where it is new and
// its person has too many.
func (s *store) seen(ctx context.Context, in asking, userID, device, login string, at time.Time) error {
	var others int64 // none where it is there already
	if err := in.QueryRowContext(ctx, newDevice, userID, device).Scan(&others); err != nil {
		return err
	}
	if others >= maxDevices {
		return problem(429, wire.TooMany, "a person has at most %d devices; use one that you have, or wait until one was not seen for %d days", maxDevices, keepDevices/(24*time.Hour))
	}
	_, err := in.ExecContext(ctx, seeDevice, userID, device, login, sqldb.Micros(at))
	return err
}

// asking is a transaction.
type asking interface {
	executor
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
