package data

import (
	"context"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

var seenAddresses = sqldb.NewTable("session_addresses", func(s *session.Seen, column sqldb.Column) {
	column("session_id", &s.SessionID)
	column("address", &s.Address)
	column("first_at", sqldb.TimeField(&s.At))
})

// AddSeen implements [session.Store]. They are few: each costs a statement.
func (s *Sessions) AddSeen(ctx context.Context, seen []session.Seen) error {
	stmt, err := s.db.WriteStmt(ctx, `INSERT INTO session_addresses (session_id, address, first_at)
		SELECT s.id, CAST($2 AS TEXT), CAST($3 AS BIGINT) FROM sessions s WHERE s.id = $1 AND s.remote_addr <> $2
		AND (SELECT COUNT(*) FROM session_addresses a WHERE a.session_id = s.id) < $4 ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	for i := range seen {
		one := &seen[i]
		if _, err := stmt.ExecContext(ctx, one.SessionID, one.Address, sqldb.Micros(one.At), session.MaxAddresses-1); err != nil {
			return err
		}
	}
	return nil
}

// ListSeen implements [session.Store].
func (s *Sessions) ListSeen(ctx context.Context, sessionID string) ([]session.Seen, error) {
	return seenAddresses.All(s.db.Reader().QueryContext(ctx, seenAddresses.Select+`WHERE session_id = $1 ORDER BY first_at, address`, sessionID))
}

// ByID implements [session.Store].
func (s *Sessions) ByID(ctx context.Context, id string) (session.Stored, error) {
	found, err := sessions.One(s.db.Reader().QueryRowContext(ctx, sessions.Select+`WHERE id = $1`, id))
	return found.Stored, sqldb.NotFound(err, "there is no session %s", tandem.Clip(id, 40))
}
