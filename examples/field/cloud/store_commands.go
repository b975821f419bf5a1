package cloud

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
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
	// newDevice is how many other devices a person has where this one is not known, with those that
	// are gone, and without them.
	newDevice = `SELECT COUNT(*), COALESCE(SUM(CASE WHEN gone THEN 0 ELSE 1 END), 0) FROM devices
		WHERE user_id = $1 AND NOT EXISTS (SELECT 1 FROM devices AS d WHERE d.user_id = $1 AND d.device = $2)`
	// sums are how many commands a person has sent on a day and has waiting, when the last one
	// of the device came, in microseconds, whether one of the visit waits, and which one of it
	// was refused without the device's knowing.
	sums = `SELECT (SELECT CAST(COALESCE(SUM(counted), 0) AS BIGINT) FROM devices WHERE user_id = $1 AND counted_on = $3),
		(SELECT COUNT(*) FROM (SELECT 1 FROM commands WHERE user_id = $1 AND state = 'accepted' LIMIT 2001) AS x),
		COALESCE((SELECT received_at FROM commands WHERE user_id = $1 AND device = $2 ORDER BY seq DESC LIMIT 1), 0),
		(SELECT COUNT(*) FROM (SELECT 1 FROM commands WHERE user_id = $1 AND visit = $4 AND state = 'accepted' LIMIT 1) AS y),
		COALESCE((SELECT command FROM untold WHERE user_id = $1 AND visit = $4 AND device = $2 LIMIT 1), '')`
	moveDevice = `UPDATE devices SET last_seq = $3, counted = CASE WHEN counted_on = $4 THEN counted + 1 ELSE 1 END, counted_on = $4, gone = FALSE, last_seen = $5, login = $6
		WHERE user_id = $1 AND device = $2`
	nextCommand = `SELECT id, held_by FROM commands WHERE state = 'accepted' AND user_id = $1 AND visit = $2 AND type <> 'file.attach' ORDER BY received_at, seq LIMIT 1`
	thisCommand = `SELECT id, held_by FROM commands WHERE state = 'accepted' AND user_id = $1 AND id = $2`
	endCommand  = `UPDATE commands SET state = $3, answer = $4, note = '', final_at = $5 WHERE user_id = $1 AND id = $2 AND state = 'accepted'`
	// holdLater gives those their final answer that the device has sent behind a refused one.
	holdLater = `UPDATE commands SET state = 'held', answer = $5, note = '', final_at = $6
		WHERE state = 'accepted' AND user_id = $1 AND visit = $2 AND device = $3 AND seq > $4 AND type <> 'file.attach'`
	noteUntold  = `INSERT INTO untold (user_id, visit, device, command) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`
	noteTold    = `DELETE FROM untold WHERE user_id = $1 AND visit = $2 AND device = $3 AND command = $4`
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
	statements := []string{s.lastSeq(), newDevice, seeDevice, oneCommand, sums, noteTold, commands.Insert, moveDevice}
	err = s.write(ctx, statements, func(tx writing) error {
		before = nil
		last, err := s.lockDevice(ctx, tx, k)
		if err != nil {
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
		if k.seq != last+1 {
			r := problem(409, wire.OutOfOrder, wire.ExpectedOther, wire.Args{"expected": last + 1})
			r.answer.Expected = last + 1
			return r
		}
		today := k.receivedAt.UTC().Truncate(24 * time.Hour)
		if err := s.mayCome(ctx, tx, k, today); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, commands.Insert, commands.Values(k)...); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, moveDevice, k.userID, k.device, k.seq, today.Format(time.DateOnly), sqldb.Micros(k.receivedAt), k.login)
		return err
	})
	return before, err
}

// lockDevice is the number of the last command of a device, whose row is there after it.
func (s *store) lockDevice(ctx context.Context, tx writing, k *command) (last int64, err error) {
	err = tx.QueryRowContext(ctx, s.lastSeq(), k.userID, k.device).Scan(&last)
	if !errors.Is(err, sql.ErrNoRows) {
		return last, err
	}
	if err := s.seen(ctx, tx, k.userID, k.device, k.login, k.receivedAt); err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, s.lastSeq(), k.userID, k.device).Scan(&last)
	return last, err
}

// mayCome refuses what is too much of one person. It puts the command behind those that the
// device has sent before, and says whether it is the only one of its visit.
func (s *store) mayCome(ctx context.Context, tx writing, k *command, today time.Time) error {
	var sent, open, latest, ofVisit int64
	var behind string
	if err := tx.QueryRowContext(ctx, sums, k.userID, k.device, today.Format(time.DateOnly), k.visit).Scan(&sent, &open, &latest, &ofVisit, &behind); err != nil {
		return err
	}
	if sent >= maxDay {
		r := problem(429, wire.TooMany, wire.DayFull, wire.Args{"sent": sent})
		r.retryAfter = today.Add(24 * time.Hour).Sub(k.receivedAt)
		return r
	}
	if open >= maxOpen {
		r := problem(429, wire.TooMany, wire.QueueFull, wire.Args{"waiting": open})
		r.retryAfter = 30 * time.Second
		return r
	}
	if after := time.UnixMicro(latest + 1); k.receivedAt.Before(after) { // the clock was set back
		k.receivedAt = after
	}
	if k.state == stateHeld { // by a try of this transaction that was undone
		k.state, k.answer, k.finalAt = stateAccepted, "", time.Time{}
	}
	if k.alone = ofVisit == 0; behind == "" || k.kind == fileAttach || k.state != stateAccepted {
		return nil
	}
	if err := k.end(heldBehind(behind), k.receivedAt); err != nil {
		return err
	}
	return s.told(ctx, tx, k, behind)
}

// heldBehind is the answer to what was sent behind a command that was refused, by a device
// that did not know: the person decides about that one first.
func heldBehind(refused string) *refusal {
	r := problem(http.StatusConflict, wire.Held, wire.HeldBack, nil)
	r.answer.Behind = refused
	return r
}

// told notes that a device has heard of a refusal.
func (s *store) told(ctx context.Context, in executor, k *command, refused string) error {
	_, err := in.ExecContext(ctx, noteTold, k.userID, k.visit, k.device, refused)
	return err
}

// hold keeps what a refusal means for its visit: what the device has sent behind it is not
// booked, and what it sends before it knows is not, either. Files change no visit; one that
// is refused leaves alone what may be at work beside it.
func (s *store) hold(ctx context.Context, tx writing, k *command) error {
	if _, err := tx.ExecContext(ctx, noteUntold, k.userID, k.visit, k.device, k.id); err != nil || k.kind == fileAttach {
		return err
	}
	var later command
	if err := later.end(heldBehind(k.id), k.finalAt); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, holdLater, k.userID, k.visit, k.device, k.seq, later.answer, sqldb.Micros(later.finalAt))
	return err
}

// open are the commands of a lane that wait, in their order.
func (s *store) open(ctx context.Context, l lane) ([]command, error) {
	return commands.All(s.reads(ctx, commands.Select+` WHERE state = 'accepted' AND user_id = $1 AND visit = $2 AND (type = 'file.attach') = $3
		ORDER BY received_at, seq LIMIT 200`, l.userID, l.visit, l.files))
}

// isNext reports whether a command is still in the hand that took it, and the first of its
// lane that waits. Files do not wait for each other.
func (s *store) isNext(ctx context.Context, k *command, now time.Time) (bool, error) {
	if k.alone && k.dueAt.After(now) {
		return true, nil
	}
	query, args := nextCommand, []any{k.userID, k.visit}
	if k.kind == fileAttach {
		query, args = thisCommand, []any{k.userID, k.id}
	}
	var id, by string
	err := s.first(ctx, query, args, &id, &by)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return id == k.id && by == k.heldBy, err
}

// maxDue is how many lanes are looked up at a time.
const maxDue = 32

// dueCommands are lanes whose first command is due: one that waits holds back all after it.
// People take turns, so that nobody's many lanes keep others waiting.
const dueCommands = `SELECT user_id, visit FROM (
		SELECT user_id, visit, due_at, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY due_at, visit) AS turn FROM (
			SELECT user_id, visit, due_at, ROW_NUMBER() OVER (PARTITION BY user_id, visit ORDER BY received_at, seq) AS place
				FROM commands WHERE state = 'accepted' AND type <> 'file.attach') AS waiting
			WHERE place = 1 AND due_at <= $1) AS lanes
	ORDER BY turn, due_at, visit LIMIT $2`

// dueFiles are lanes with a file that is due: files do not wait for each other.
const dueFiles = `SELECT user_id, visit FROM (
		SELECT user_id, visit, MIN(due_at) AS due_at, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY MIN(due_at), visit) AS turn
			FROM commands WHERE state = 'accepted' AND type = 'file.attach' AND due_at <= $1 GROUP BY user_id, visit) AS lanes
	ORDER BY turn, due_at, visit LIMIT $2`

// due are lanes that have something to do, those first whose turn it is.
func (s *store) due(ctx context.Context, files bool, now time.Time) (lanes []lane, err error) {
	query := dueCommands
	if files {
		query = dueFiles
	}
	rows, err := s.reads(ctx, query, sqldb.Micros(now), maxDue)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		l := lane{files: files}
		if err := rows.Scan(&l.userID, &l.visit); err != nil {
			return nil, err
		}
		lanes = append(lanes, l)
	}
	return lanes, rows.Err()
}

// take takes what is due of a lane in hand, unless another replica was faster.
func (s *store) take(ctx context.Context, l lane, by string, now, until time.Time) (bool, error) {
	taken, err := s.db.Writer().ExecContext(ctx, `UPDATE commands SET held_by = $4, due_at = $5
		WHERE state = 'accepted' AND user_id = $1 AND visit = $2 AND (type = 'file.attach') = $3 AND due_at <= $6`,
		l.userID, l.visit, l.files, by, sqldb.Micros(until), sqldb.Micros(now))
	if err != nil {
		return false, err
	}
	n, err := taken.RowsAffected()
	return n > 0, err
}

// letGo gives back a command that was taken in hand and not tried.
func (s *store) letGo(ctx context.Context, k *command, now time.Time) error {
	_, err := s.db.Writer().ExecContext(ctx, `UPDATE commands SET held_by = '', due_at = $4
		WHERE user_id = $1 AND id = $2 AND state = 'accepted' AND held_by = $3`, k.userID, k.id, k.heldBy, sqldb.Micros(now))
	return err
}

// releaseAll gives back what a replica had in hand that has ended.
func (s *store) releaseAll(ctx context.Context, by string) error {
	_, err := s.db.Writer().ExecContext(ctx, `UPDATE commands SET held_by = '', due_at = 0 WHERE state = 'accepted' AND held_by = $1`, by)
	return err
}

// waits notes why a command is not booked yet.
func (s *store) waits(ctx context.Context, k *command, note string, failed bool, due time.Time) error {
	if failed {
		k.tries++
	}
	k.note, k.dueAt, k.heldBy = note, due, ""
	_, err := s.db.Writer().ExecContext(ctx, `UPDATE commands SET note = $3, tries = $4, due_at = $5, held_by = '', tried_from = $6, tried_until = $7
		WHERE user_id = $1 AND id = $2 AND state = 'accepted'`,
		k.userID, k.id, note, k.tries, sqldb.Micros(due), sqldb.Micros(k.triedFrom), sqldb.Micros(k.triedUntil))
	return err
}

// errEnded is of a command that has its final answer by another replica.
var errEnded = errors.New("the command has its answer already")

// trying notes that changes are about to be sent, for who finds the command after a kill.
func (s *store) trying(ctx context.Context, k *command) error {
	open, err := sqldb.Changed(s.db.Writer().ExecContext(ctx, `UPDATE commands SET tried_from = $3, tried_until = $4 WHERE user_id = $1 AND id = $2 AND state = 'accepted'`,
		k.userID, k.id, sqldb.Micros(k.triedFrom), sqldb.Micros(k.triedUntil)))
	if err == nil && !open {
		err = errEnded
	}
	return err
}

// finish keeps the final answer of a command, and what it has done to the visit: in one
// transaction, so that no version of ours is ever taken for somebody else's. Nothing is
// changed where it has an answer already.
func (s *store) finish(ctx context.Context, k *command, v *visit, made *chainLink) (changed bool, err error) {
	err = s.write(ctx, []string{endCommand, keepCopy, extendChain, noteUntold, holdLater}, func(tx writing) error {
		changed, err = sqldb.Changed(tx.ExecContext(ctx, endCommand, k.userID, k.id, k.state, k.answer, sqldb.Micros(k.finalAt)))
		if err != nil || !changed {
			return err
		}
		if v != nil {
			if err := s.keepVisit(ctx, tx, v); err != nil {
				return err
			}
		}
		if k.refused() {
			return s.hold(ctx, tx, k)
		}
		if made == nil {
			return nil
		}
		_, err = tx.ExecContext(ctx, extendChain, k.visit, k.userID, k.device, made.from, made.to, sqldb.Micros(k.finalAt))
		return err
	})
	return changed, err
}

// chainLink is one step of a chain: a version, and the one that a command has made of it.
type chainLink struct{ from, to int64 }

// newLink is nil where the ERP has not told what was made.
func newLink(from, to int64) *chainLink {
	if to == 0 {
		return nil
	}
	return &chainLink{from, to}
}

// madeByOthers reports whether another device is known to have made a version.
func (s *store) madeByOthers(ctx context.Context, k *command, version int64) (bool, error) {
	var n int64
	err := s.first(ctx, `SELECT COUNT(*) FROM chains WHERE visit = $1 AND version = $2 AND NOT (user_id = $3 AND device = $4)`,
		[]any{k.visit, version, k.userID, k.device}, &n)
	return n > 0, err
}

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
	var known, others int64 // none where it is there already
	if err := in.QueryRowContext(ctx, newDevice, userID, device).Scan(&known, &others); err != nil {
		return err
	}
	if known >= maxKnown {
		return problem(429, wire.TooMany, wire.SignInsFull, wire.Args{"known": known})
	}
	if others >= maxDevices {
		return problem(429, wire.TooMany, wire.DevicesFull, wire.Args{"most": maxDevices, "days": int(keepDevices / (24 * time.Hour))})
	}
	_, err := in.ExecContext(ctx, seeDevice, userID, device, login, sqldb.Micros(at))
	return err
}

// asking is a transaction.
type asking interface {
	executor
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
