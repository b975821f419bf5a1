package data

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/sqldb"
)

// SignInGrants tells what became of what sign-ins gave applications; it
// implements [identity.SignInGrants].
type SignInGrants struct{ db *sqldb.DB }

// NewSignInGrants reads the instance's database.
func NewSignInGrants(db *sqldb.DB) *SignInGrants { return &SignInGrants{db} }

// SignInGrant implements [identity.SignInGrants]. A sign-in gave something once
// a code of it was redeemed; with offline_access that is a refresh family, else
// an access token alone.
func (s *SignInGrants) SignInGrant(ctx context.Context, signInID, applicationURI string, at time.Time) (identity.SignInGrant, error) {
	stmt, err := s.db.ReadStmt(ctx, `SELECT s.user_id,
		CASE WHEN s.ended_at = 0 THEN COALESCE((SELECT revoked_at FROM revoked_tokens r WHERE r.token_id = s.id), 0) ELSE s.ended_at END,
		(SELECT COUNT(*) FROM refresh_families f WHERE f.sign_in_id = s.id AND f.application_uri = $2
			AND f.ended_at = 0 AND f.expires_at > $3 AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.token_id = f.id)),
		(SELECT COUNT(*) FROM refresh_families f WHERE f.sign_in_id = s.id AND f.application_uri = $2 AND f.end_reason = $4
			AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.token_id = f.id AND r.expires_at > 0)),
		(SELECT COUNT(*) FROM authorization_codes c WHERE c.sign_in_id = s.id AND c.application_uri = $2 AND c.grant_id <> ''
			AND NOT EXISTS (SELECT 1 FROM refresh_families f WHERE f.id = c.grant_id)
			AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.token_id = c.grant_id))
		FROM sign_ins s WHERE s.id = $1`)
	if err != nil {
		return identity.SignInGrant{}, err
	}
	var g identity.SignInGrant
	var ended time.Time
	var families, signedOut, alone int
	err = stmt.QueryRowContext(ctx, signInID, applicationURI, sqldb.Micros(at), token.EndSignedOut).
		Scan(&g.UserID, sqldb.TimeField(&ended), &families, &signedOut, &alone)
	if errors.Is(err, sql.ErrNoRows) || err == nil && families+signedOut+alone == 0 {
		return identity.SignInGrant{}, tandem.Errorf(tandem.CodeNotFound, "the sign-in gave the application nothing that could still be used")
	}
	g.Live = ended.IsZero() && families+alone > 0
	g.SignedOut = !g.Live && families+signedOut > 0
	return g, err
}

// SignInEnded implements [identity.SignInGrants].
func (s *SignInGrants) SignInEnded(ctx context.Context, signInID string) (bool, error) {
	stmt, err := s.db.ReadStmt(ctx, `SELECT (SELECT COUNT(*) FROM sign_ins WHERE id = $1 AND ended_at <> 0) + (SELECT COUNT(*) FROM revoked_tokens WHERE token_id = $1)`)
	if err != nil {
		return false, err
	}
	var n int
	err = stmt.QueryRowContext(ctx, signInID).Scan(&n)
	return n > 0, err
}
