package data

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem/sqldb"
)

// Delivery is a message to another program, sent until it has arrived or there is no more
// hope. Its body never changes from one try to the next. Where it goes is known to whoever
// sends it, by its kind and target: an address may be a secret, or change.
type Delivery struct {
	ID, Kind, Body    string
	State             DeliveryState
	Tries             int
	LastError         string
	CreatedAt, NextAt time.Time
	// Target is the id of the application that it is for; empty for the one of its kind.
	Target string
	// TriedAt is when it was last tried; zero for never.
	TriedAt time.Time
}

// DeliveryState is where a delivery is.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryWaiting DeliveryState = "waiting"
	DeliveryDone    DeliveryState = "done"
	DeliveryFailed  DeliveryState = "failed"
)

// The kinds of delivery.
const (
	DeliveryAlert  = "alert"
	DeliveryLogout = "backchannel_logout"
	DeliveryMail   = "mail"
)

var deliveries = sqldb.NewTable("deliveries", func(d *Delivery, column sqldb.Column) {
	column("id", &d.ID)
	column("kind", &d.Kind)
	column("body", &d.Body)
	column("state", (*string)(&d.State))
	column("tries", &d.Tries)
	column("last_error", &d.LastError)
	column("created_at", sqldb.TimeField(&d.CreatedAt))
	column("next_at", sqldb.TimeField(&d.NextAt))
	column("target", &d.Target)
	column("tried_at", sqldb.TimeField(&d.TriedAt))
})

// Deliveries keeps what is to be told to others.
type Deliveries struct{ db *sqldb.DB }

// NewDeliveries keeps deliveries in the instance's database.
func NewDeliveries(db *sqldb.DB) *Deliveries { return &Deliveries{db} }

// Due are those of a kind that wait and whose time has come, the oldest first.
func (s *Deliveries) Due(ctx context.Context, kind string, now time.Time, limit int) ([]Delivery, error) {
	return deliveries.All(s.db.Reader().QueryContext(ctx,
		deliveries.Select+`WHERE state = 'waiting' AND kind = $1 AND next_at <= $2 ORDER BY next_at, id LIMIT $3`, kind, sqldb.Micros(now), limit))
}

// mayBeAsked are the targets with something due that is not held back, the one that has
// waited longest first. It goes from one target to the next by the index, however much waits
// for each.
const mayBeAsked = `WITH RECURSIVE t (target) AS (
		SELECT MIN(target) FROM deliveries WHERE state = 'waiting' AND kind = $1
		UNION ALL SELECT (SELECT MIN(d.target) FROM deliveries d WHERE d.state = 'waiting' AND d.kind = $1 AND d.target > t.target)
		FROM t WHERE t.target IS NOT NULL),
	b AS (SELECT t.target, CASE WHEN h.not_before > $2 THEN h.held_at ELSE 0 END AS held_at
		FROM t LEFT JOIN delivery_targets h ON h.kind = $1 AND h.target = t.target WHERE t.target IS NOT NULL),
	f AS (SELECT b.target, (SELECT MIN(d.next_at) FROM deliveries d
		WHERE d.state = 'waiting' AND d.kind = $1 AND d.target = b.target AND d.next_at > b.held_at AND d.next_at <= $2) AS first FROM b)
	SELECT target FROM f WHERE first IS NOT NULL ORDER BY first, target LIMIT $3`

// claimDue takes the oldest of a target that are not held back by now. Of two replicas that
// ask at once the second sees the new time.
var claimDue = `UPDATE deliveries SET next_at = $4 WHERE state = 'waiting' AND next_at <= $3 AND id IN (
	SELECT id FROM deliveries WHERE state = 'waiting' AND kind = $1 AND target = $2 AND next_at <= $3
		AND next_at > COALESCE((SELECT held_at FROM delivery_targets WHERE kind = $1 AND target = $2 AND not_before > $3), 0)
	ORDER BY next_at, id LIMIT $5) RETURNING ` + deliveries.Columns

// Claim gives those of a kind that are due to whoever asks, until the time: at most so
// many, and of each target the oldest, one after the other and at most ofEach, so that one
// that is slow keeps no other waiting. Whoever dies with them loses them to another then.
func (s *Deliveries) Claim(ctx context.Context, kind string, now, until time.Time, ofEach, limit int) (due []Delivery, err error) {
	ask, err := s.db.ReadStmt(ctx, mayBeAsked)
	if err != nil {
		return nil, err
	}
	targets, err := sqldb.List[string](ask.QueryContext(ctx, kind, sqldb.Micros(now), limit))
	if err != nil || len(targets) == 0 {
		return nil, err
	}
	claim, err := s.db.WriteStmt(ctx, claimDue)
	if err != nil {
		return nil, err
	}
	for _, target := range targets {
		var some []Delivery
		err := s.db.Again(ctx, func() (err error) {
			some, err = deliveries.All(claim.QueryContext(ctx, kind, target, sqldb.Micros(now), sqldb.Micros(until), min(ofEach, limit-len(due))))
			return err
		})
		if err != nil && len(due) > 0 { // what is claimed is had by nobody else
			return due, nil
		}
		if err != nil {
			return nil, err
		}
		slices.SortFunc(some, func(a, b Delivery) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID)) })
		if due = append(due, some...); len(due) == limit {
			break
		}
	}
	return due, nil
}

// holdTarget holds what waits for a target back.
const holdTarget = `INSERT INTO delivery_targets (kind, target, held_at, not_before) VALUES ($1, $2, $3, $4) ON CONFLICT (kind, target) DO UPDATE
	SET held_at = CASE WHEN delivery_targets.held_at < excluded.held_at THEN excluded.held_at ELSE delivery_targets.held_at END,
		not_before = CASE WHEN delivery_targets.not_before < excluded.not_before THEN excluded.not_before ELSE delivery_targets.not_before END`

// Postpone gives back what was claimed of one target and not delivered, and lets all that
// waits for it now wait until the time: that is one row for the target, and the rows that were
// claimed are as old as they were. What comes later is tried once before.
func (s *Deliveries) Postpone(ctx context.Context, claimed []Delivery, now, until time.Time) error {
	ids := make([]any, len(claimed))
	for i := range claimed {
		ids[i] = claimed[i].ID
	}
	these := `state = 'waiting' AND id IN (` + placeholders(1, len(ids)) + `)`
	return s.db.WriteAgain(ctx, func(tx *sql.Tx) error {
		if err := s.db.LockInOrder(ctx, tx, "deliveries", "id", these, ids...); err != nil { // replicas of before put off all, in any order
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE deliveries SET next_at = created_at WHERE `+these, ids...)
		if err == nil {
			_, err = tx.ExecContext(ctx, holdTarget, claimed[0].Kind, claimed[0].Target, sqldb.Micros(now), sqldb.Micros(until))
		}
		return err
	})
}

// Add keeps a delivery, unless as many of its kind wait already: then it reports false.
func (s *Deliveries) Add(ctx context.Context, d *Delivery, most int) (bool, error) {
	var waiting int
	err := s.db.Reader().QueryRowContext(ctx, `SELECT COUNT(*) FROM deliveries WHERE state = 'waiting' AND kind = $1`, d.Kind).Scan(&waiting)
	if err != nil || waiting >= most {
		return false, err
	}
	_, err = s.db.Writer().ExecContext(ctx, deliveries.Insert, deliveries.Values(d)...)
	return err == nil, err
}

// Tried keeps what came of a try.
func (s *Deliveries) Tried(ctx context.Context, d *Delivery) error {
	_, err := s.db.Writer().ExecContext(ctx, deliveries.Update, deliveries.Values(d)...)
	return err
}

// Last is what was tried last for a target; [tandem.ErrNotFound] for nothing.
func (s *Deliveries) Last(ctx context.Context, kind, target string) (Delivery, error) {
	d, err := deliveries.One(s.db.Reader().QueryRowContext(ctx,
		deliveries.Select+`WHERE target = $1 AND kind = $2 AND tried_at > 0 AND target <> '' ORDER BY tried_at DESC, id LIMIT 1`, target, kind))
	return d, sqldb.NotFound(err, "nothing was delivered to it")
}

// Waiting is how many of each kind wait.
func (s *Deliveries) Waiting(ctx context.Context) (map[string]int, error) {
	waiting := map[string]int{}
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT kind, COUNT(*) FROM deliveries WHERE state = 'waiting' GROUP BY kind`)
	return waiting, eachPair(rows, err, func(kind string, n int64) { waiting[kind] = int(n) })
}
