package data

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/sqldb"
)

// Refresh keeps refresh families; it implements [token.FamilyStore].
type Refresh struct{ db *sqldb.DB }

// NewRefresh keeps families in the instance's database.
func NewRefresh(db *sqldb.DB) *Refresh { return &Refresh{db} }

func insertFamily(ctx context.Context, tx *sql.Tx, f *token.Family) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO refresh_families (id, application_uri, user_id, user_type, sign_in_id, auth_time, scope,
		secret, created_at, expires_at, generation, rotated_at, token_id, token_expires_at, ended_at, end_reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, '')`,
		f.ID, f.ApplicationURI, f.UserID, string(f.UserType), f.SignInID, sqldb.Micros(f.AuthTime), f.Scope.String(),
		f.Secret, sqldb.Micros(f.CreatedAt), sqldb.Micros(f.ExpiresAt), f.Generation, sqldb.Micros(f.RotatedAt),
		f.TokenID, sqldb.Micros(f.TokenExpiresAt))
	return err
}

// Family implements [token.FamilyStore].
func (s *Refresh) Family(ctx context.Context, id string) (token.Family, error) {
	f := token.Family{ID: id}
	// On PostgreSQL and on SQLite alike a reader sees what was committed before
	// it asked: the loser of a race finds the winner's work.
	stmt, err := s.db.ReadStmt(ctx, `SELECT application_uri, user_id, user_type, sign_in_id, auth_time, scope, secret, created_at,
		expires_at, generation, rotated_at, token_id, token_expires_at, ended_at, end_reason FROM refresh_families WHERE id = $1`)
	if err != nil {
		return f, err
	}
	var userType, scope string
	var auth, created, expires, rotated, tokenExpires, ended int64
	err = stmt.QueryRowContext(ctx, id).Scan(&f.ApplicationURI, &f.UserID, &userType, &f.SignInID, &auth, &scope, &f.Secret, &created,
		&expires, &f.Generation, &rotated, &f.TokenID, &tokenExpires, &ended, &f.EndReason)
	f.UserType, f.Scope, f.AuthTime = tandem.UserType(userType), tandem.ParseScope(scope), sqldb.Time(auth)
	f.CreatedAt, f.ExpiresAt, f.RotatedAt = sqldb.Time(created), sqldb.Time(expires), sqldb.Time(rotated)
	f.TokenExpiresAt, f.EndedAt = sqldb.Time(tokenExpires), sqldb.Time(ended)
	return f, sqldb.NotFound(err, "there is no such refresh family")
}

// Rotate implements [token.FamilyStore].
func (s *Refresh) Rotate(ctx context.Context, id string, generation int64, at time.Time, tokenID string, expires time.Time) (bool, error) {
	return s.update(ctx, `UPDATE refresh_families SET generation = generation + 1, rotated_at = $3, token_id = $4, token_expires_at = $5
		WHERE id = $1 AND generation = $2 AND ended_at = 0 AND expires_at > $3`,
		id, generation, sqldb.Micros(at), tokenID, sqldb.Micros(expires))
}

// Gave implements [token.FamilyStore].
func (s *Refresh) Gave(ctx context.Context, id string, generation int64, tokenID string, expires time.Time) (bool, error) {
	return s.update(ctx, `UPDATE refresh_families SET token_id = $3, token_expires_at = $4
		WHERE id = $1 AND generation = $2 AND ended_at = 0`,
		id, generation, tokenID, sqldb.Micros(expires))
}

func (s *Refresh) update(ctx context.Context, query string, args ...any) (bool, error) {
	stmt, err := s.db.WriteStmt(ctx, query)
	if err != nil {
		return false, err
	}
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// EndFamily implements [token.FamilyStore].
func (s *Refresh) EndFamily(ctx context.Context, id string, at time.Time, reason string, revoke bool) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error { return endFamily(ctx, tx, id, at, reason, revoke) })
}

func endFamily(ctx context.Context, tx *sql.Tx, id string, at time.Time, reason string, revoke bool) error {
	var tokenID string
	var expires int64
	err := tx.QueryRowContext(ctx, `UPDATE refresh_families SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at = 0
		RETURNING token_id, token_expires_at`, id, sqldb.Micros(at), reason).Scan(&tokenID, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // it has ended before
	}
	if err != nil || !revoke {
		return err
	}
	return revokeToken(ctx, tx, tokenID, at, expires)
}

// The three ways to end many families begin with the unused codes: a code
// that is being redeemed is locked until its family can be seen.

// EndSignIn implements [token.FamilyStore].
func (s *Refresh) EndSignIn(ctx context.Context, signInID string, at time.Time, reason string) error {
	return s.endWhere(ctx, "sign_in_id", signInID, at, reason)
}

// EndUser implements [token.FamilyStore].
func (s *Refresh) EndUser(ctx context.Context, userID string, at time.Time, reason string) error {
	return s.endWhere(ctx, "user_id", userID, at, reason)
}

// EndApplication implements [token.FamilyStore].
func (s *Refresh) EndApplication(ctx context.Context, applicationURI string, at time.Time, reason string) error {
	return s.endWhere(ctx, "application_uri", applicationURI, at, reason)
}

// endWhere takes one of the three column names above.
func (s *Refresh) endWhere(ctx context.Context, column, value string, at time.Time, reason string) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE authorization_codes SET used_at = $2 WHERE `+column+` = $1 AND used_at = 0`, value, sqldb.Micros(at))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE refresh_families SET ended_at = $2, end_reason = $3 WHERE `+column+` = $1 AND ended_at = 0`,
			value, sqldb.Micros(at), reason)
		return err
	})
}

// PurgeFamilies implements [token.FamilyStore].
func (s *Refresh) PurgeFamilies(ctx context.Context, before time.Time) error {
	_, err := s.db.Writer().ExecContext(ctx, `DELETE FROM refresh_families WHERE expires_at < $1`, sqldb.Micros(before))
	return err
}
