package data

import (
	"context"
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

// someDue says whether there are any, without writing.
const someDue = `SELECT 1 FROM deliveries WHERE state = 'waiting' AND kind = $1 AND next_at <= $2 LIMIT 1`

// claimDue takes the oldest of each target, so that one that is slow keeps no other
// waiting. Of two replicas that ask at once the second sees the new time.
var claimDue = `UPDATE deliveries SET next_at = $3 WHERE state = 'waiting' AND next_at <= $2 AND id IN (
	SELECT id FROM (SELECT id, next_at, ROW_NUMBER() OVER (PARTITION BY target ORDER BY next_at, id) AS n
		FROM deliveries WHERE state = 'waiting' AND kind = $1 AND next_at <= $2) AS due
	WHERE n <= $4 ORDER BY next_at, id LIMIT $5) RETURNING ` + deliveries.Columns

// Claim gives those of a kind that are due to whoever asks, until the time: at most so
// many, and of each target at most ofEach. Whoever dies with them loses them to another
// then.
func (s *Deliveries) Claim(ctx context.Context, kind string, now, until time.Time, ofEach, limit int) ([]Delivery, error) {
	stmt, err := s.db.ReadStmt(ctx, someDue)
	if err != nil {
		return nil, err
	}
	some, err := sqldb.List[int64](stmt.QueryContext(ctx, kind, sqldb.Micros(now)))
	if err != nil || len(some) == 0 {
		return nil, err
	}
	return deliveries.All(s.db.Writer().QueryContext(ctx, claimDue, kind, sqldb.Micros(now), sqldb.Micros(until), ofEach, limit))
}

// Postpone lets all that wait for a target wait until the time.
func (s *Deliveries) Postpone(ctx context.Context, kind, target string, until time.Time) error {
	_, err := s.db.Writer().ExecContext(ctx,
		`UPDATE deliveries SET next_at = $3 WHERE kind = $1 AND target = $2 AND state = 'waiting' AND next_at < $3`, kind, target, sqldb.Micros(until))
	return err
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
