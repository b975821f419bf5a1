package data

import (
	"context"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// heldUntil is until when a session holds its slot: one that is open until it would expire.
const heldUntil = `CASE WHEN ended_at = 0 THEN expires_at ELSE ended_at END`

var heldSlots = sqldb.NewTable("sessions", func(h *session.Held, column sqldb.Column) {
	column("kind", &h.Kind)
	column("absolute_expires_at", sqldb.TimeField(&h.Absolute))
	column("opened_at", sqldb.TimeField(&h.From))
	column(heldUntil, sqldb.TimeField(&h.Until))
	column("1", &h.N)
})

// heldIn counts those that were open all the time, of each flow, and reads by indexes those
// that were opened or ended in the span, or would have expired in it.
var heldIn = `SELECT kind, MAX(absolute_expires_at), CAST($1 AS BIGINT), CAST($2 AS BIGINT), COUNT(*) FROM sessions
		WHERE ended_at = 0 AND opened_at <= $1 AND expires_at >= $2 GROUP BY kind, absolute_expires_at = 0
	UNION ALL ` + heldSlots.Select + `WHERE ended_at = 0 AND opened_at > $1 AND opened_at < $2 AND expires_at >= $2
	UNION ALL ` + heldSlots.Select + `WHERE ended_at = 0 AND expires_at > $1 AND expires_at < $2 AND opened_at < $2
	UNION ALL ` + heldSlots.Select + `WHERE ended_at <> 0 AND ended_at > $1 AND opened_at < $2`

// Held are the slots that sessions held at any moment of a span, those that are still
// open until they would expire. Sessions that ended more than [session.Keep] ago are not
// known any more.
func (s *Sessions) Held(ctx context.Context, from, until time.Time) ([]session.Held, error) {
	return heldSlots.All(s.db.Reader().QueryContext(ctx, heldIn, sqldb.Micros(from), sqldb.Micros(until)))
}

// heldReserved is a reserved slot that a session held.
type heldReserved struct {
	user        string
	from, until time.Time
}

var reservedSlots = sqldb.NewTable("sessions", func(h *heldReserved, column sqldb.Column) {
	column("user_login", &h.user)
	column("opened_at", sqldb.TimeField(&h.from))
	column(heldUntil, sqldb.TimeField(&h.until))
})

// heldReserved are the reserved slots that were held at or after a time.
func (s *Sessions) heldReserved(ctx context.Context, since time.Time) ([]heldReserved, error) {
	return reservedSlots.All(s.db.Reader().QueryContext(ctx, reservedSlots.Select+`WHERE ended_at = 0 AND reserved
		UNION ALL `+reservedSlots.Select+`WHERE ended_at <> 0 AND ended_at > $1 AND reserved`, sqldb.Micros(since)))
}

// openOf are the open sessions that a person has through an application.
const openOf = `SELECT id FROM sessions WHERE ended_at = 0 AND user_id = $1 AND application_uri = $2 AND kind = '` + string(tandem.SessionUser) + `' AND expires_at > $3`

// OpenOf implements [session.Store].
func (s *Sessions) OpenOf(ctx context.Context, userID, applicationURI string, now time.Time) ([]string, error) {
	return sqldb.List[string](s.db.Reader().QueryContext(ctx, openOf, userID, applicationURI, sqldb.Micros(now)))
}
