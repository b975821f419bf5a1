package data

import (
	"context"
	"time"

	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// Untold implements [session.Store].
func (s *Sessions) Untold(ctx context.Context, before time.Time, limit int) ([]session.Stored, error) {
	stmt, err := s.db.ReadStmt(ctx, sessions.Select+`WHERE untold_since <> 0 AND untold_since < $1 ORDER BY untold_since LIMIT $2`)
	if err != nil {
		return nil, err
	}
	return storedSessions(stmt.QueryContext(ctx, sqldb.Micros(before), limit))
}

// Told implements [session.Store]. It takes the sessions in the order of their ids, as
// touches do.
func (s *Sessions) Told(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	args := sqldb.Each(ids, func(id *string) any { return *id })
	return s.db.Again(ctx, func() error {
		_, err := s.db.Writer().ExecContext(ctx, `UPDATE sessions SET untold_since = 0 WHERE id IN (SELECT id FROM sessions
			WHERE id IN (`+placeholders(1, len(ids))+`) AND untold_since <> 0 ORDER BY id`+s.db.ForUpdate()+`)`, args...)
		return err
	})
}
