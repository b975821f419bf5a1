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

var revokedTokens = sqldb.NewTable("revoked_tokens", func(t *registry.RevokedToken, column sqldb.Column) {
	column("token_id", &t.ID)
	column("revoked_at", sqldb.TimeField(&t.RevokedAt))
	column("expires_at", sqldb.TimeField(&t.ExpiresAt))
})

type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// revoke remembers the token unless that is done already.
func revoke(ctx context.Context, on executor, t registry.RevokedToken) error {
	_, err := on.ExecContext(ctx, revokedTokens.Insert+` ON CONFLICT (token_id) DO NOTHING`, revokedTokens.Values(&t)...)
	return err
}

// revokeToken revokes an access token inside a transaction; an empty id is
// none.
func revokeToken(ctx context.Context, tx *sql.Tx, tokenID string, at, expires time.Time) error {
	if tokenID == "" {
		return nil
	}
	return revoke(ctx, tx, registry.RevokedToken{ID: tokenID, RevokedAt: at, ExpiresAt: expires})
}

// Revoke implements [identity.Revocations].
func (s *Revoked) Revoke(ctx context.Context, t registry.RevokedToken) error {
	return revoke(ctx, s.db.Writer(), t)
}

// RevokedSince implements [registry.Revocations].
func (s *Revoked) RevokedSince(ctx context.Context, since time.Time) ([]registry.RevokedToken, error) {
	stmt, err := s.db.ReadStmt(ctx, revokedTokens.Select+`WHERE revoked_at >= $1`)
	if err != nil {
		return nil, err
	}
	return revokedTokens.All(stmt.QueryContext(ctx, sqldb.Micros(since)))
}

// Purge deletes what expired before the time.
func (s *Revoked) Purge(ctx context.Context, before time.Time) error {
	return s.db.Purge(ctx, "revoked_tokens", "token_id", `expires_at < $1`, sqldb.Micros(before))
}
