package data

import (
	"context"
	"database/sql"
	"time"

	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// Revoked keeps the ids of access tokens that ended before their time; it
// implements [registry.Revocations] and [identity.Revocations].
type Revoked struct{ db *sqldb.DB }

// NewRevoked keeps them in the instance's database.
func NewRevoked(db *sqldb.DB) *Revoked { return &Revoked{db} }

// revokeToken revokes an access token inside a transaction; an empty id is
// none.
func revokeToken(ctx context.Context, tx *sql.Tx, tokenID string, at time.Time, expires int64) error {
	if tokenID == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, insertRevoked, tokenID, sqldb.Micros(at), expires)
	return err
}

const insertRevoked = `INSERT INTO revoked_tokens (token_id, revoked_at, expires_at) VALUES ($1, $2, $3) ON CONFLICT (token_id) DO NOTHING`

// Revoke implements [identity.Revocations].
func (s *Revoked) Revoke(ctx context.Context, t registry.RevokedToken) error {
	_, err := s.db.Writer().ExecContext(ctx, insertRevoked, t.ID, sqldb.Micros(t.RevokedAt), sqldb.Micros(t.ExpiresAt))
	return err
}

// RevokedSince implements [registry.Revocations].
func (s *Revoked) RevokedSince(ctx context.Context, since time.Time) ([]registry.RevokedToken, error) {
	stmt, err := s.db.ReadStmt(ctx, `SELECT token_id, revoked_at, expires_at FROM revoked_tokens WHERE revoked_at >= $1`)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, sqldb.Micros(since))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []registry.RevokedToken
	for rows.Next() {
		var t registry.RevokedToken
		var at, expires int64
		if err := rows.Scan(&t.ID, &at, &expires); err != nil {
			return nil, err
		}
		t.RevokedAt, t.ExpiresAt = sqldb.Time(at), sqldb.Time(expires)
		all = append(all, t)
	}
	return all, rows.Err()
}

// Purge deletes what expired before the time.
func (s *Revoked) Purge(ctx context.Context, before time.Time) error {
	_, err := s.db.Writer().ExecContext(ctx, `DELETE FROM revoked_tokens WHERE expires_at < $1`, sqldb.Micros(before))
	return err
}
