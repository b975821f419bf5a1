package data

import (
	"context"
	"time"

	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

var heldSlots = sqldb.NewTable("sessions", func(h *session.Held, column sqldb.Column) {
	column("kind", &h.Kind)
	column("user_login", &h.User)
	column("reserved", &h.Reserved)
	column("absolute_expires_at", sqldb.TimeField(&h.Absolute))
	column("opened_at", sqldb.TimeField(&h.From))
	column("CASE WHEN ended_at = 0 THEN expires_at ELSE ended_at END", sqldb.TimeField(&h.Until))
})

// Held are the slots that sessions held at any moment of a span, those that are still
// open until they would expire. Sessions that ended more than [session.Keep] ago are not
// known any more.
func (s *Sessions) Held(ctx context.Context, from, until time.Time) ([]session.Held, error) {
	return heldSlots.All(s.db.Reader().QueryContext(ctx, heldSlots.Select+`WHERE ended_at = 0 AND expires_at > $1 AND opened_at < $2
		UNION ALL `+heldSlots.Select+`WHERE ended_at <> 0 AND ended_at > $1 AND opened_at < $2`, sqldb.Micros(from), sqldb.Micros(until)))
}
