package data

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// Refresh keeps refresh families; it implements [token.FamilyStore].
type Refresh struct{ db *sqldb.DB }

// NewRefresh keeps families in the instance's database.
func NewRefresh(db *sqldb.DB) *Refresh { return &Refresh{db} }

var families = sqldb.NewTable("refresh_families", func(f *token.Family, column sqldb.Column) {
	column("id", &f.ID)
	column("application_uri", &f.ApplicationURI)
	column("user_id", &f.UserID)
	column("user_type", &f.UserType)
	column("sign_in_id", &f.SignInID)
	column("auth_time", sqldb.TimeField(&f.AuthTime))
	column("authentication", authenticationField(&f.Authentication))
	column("scope", scopeField(&f.Scope))
	column("claims", claimsField(&f.Claims))
	column("key_thumbprint", &f.KeyThumbprint)
	column("secret", (*bytesField)(&f.Secret))
	column("created_at", sqldb.TimeField(&f.CreatedAt))
	column("expires_at", sqldb.TimeField(&f.ExpiresAt))
	column("generation", &f.Generation)
	column("rotated_at", sqldb.TimeField(&f.RotatedAt))
	column("ended_at", sqldb.TimeField(&f.EndedAt))
	column("end_reason", &f.EndReason)
})

func insertFamily(ctx context.Context, tx *sql.Tx, f *token.Family) error {
	_, err := tx.ExecContext(ctx, families.Insert, families.Values(f)...)
	return err
}

// Family implements [token.FamilyStore]. On PostgreSQL and on SQLite alike a
// reader sees what was committed before it asked: the loser of a race finds
// the winner's work.
func (s *Refresh) Family(ctx context.Context, id string) (token.Family, error) {
	stmt, err := s.db.ReadStmt(ctx, families.Select+`WHERE id = $1`)
	if err != nil {
		return token.Family{}, err
	}
	f, err := families.One(stmt.QueryRowContext(ctx, id))
	if err == nil && f.EndedAt.IsZero() {
		f.EndedAt, err = endedAt(ctx, s.db, id)
	}
	return f, sqldb.NotFound(err, "there is no such refresh family")
}

// Rotate implements [token.FamilyStore].
func (s *Refresh) Rotate(ctx context.Context, id string, generation int64, at time.Time, secret []byte) (bool, error) {
	stmt, err := s.db.WriteStmt(ctx, `UPDATE refresh_families SET generation = generation + 1, rotated_at = $3, secret = $4
		WHERE id = $1 AND generation = $2 AND ended_at = 0 AND expires_at > $3`)
	if err != nil {
		return false, err
	}
	return sqldb.Changed(stmt.ExecContext(ctx, id, generation, sqldb.Micros(at), secret))
}

// EndFamily implements [token.FamilyStore].
func (s *Refresh) EndFamily(ctx context.Context, id string, at, tokensUntil time.Time, reason string) error {
	return s.db.WriteAgain(ctx, func(tx *sql.Tx) error { return endFamily(ctx, tx, id, at, tokensUntil, reason) })
}

// endFamily ends the grant with the id, which may have no family.
func endFamily(ctx context.Context, tx *sql.Tx, id string, at, tokensUntil time.Time, reason string) error {
	_, err := tx.ExecContext(ctx, `UPDATE refresh_families SET ended_at = $2, end_reason = $3, secret = $4 WHERE id = $1 AND ended_at = 0`,
		id, sqldb.Micros(at), reason, []byte{})
	if err != nil {
		return err
	}
	e := ended{RevokedToken: registry.RevokedToken{ID: id, RevokedAt: at, ExpiresAt: tokensUntil}}
	err = tx.QueryRowContext(ctx, `SELECT expires_at FROM refresh_families WHERE id = $1`, id).Scan(sqldb.TimeField(&e.keptUntil))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	_, err = end(ctx, tx, e)
	return err
}

// All that ends grants takes rows in one order: codes, families, and then what
// remembers the ends, each kind by its key; sign-ins come after families. Unused codes come first, as one that is
// being redeemed is locked until its family can be seen.

// EndSignIn implements [token.FamilyStore]. Of a sign-in that has ended there is nothing left:
// that is looked for first.
func (s *Refresh) EndSignIn(ctx context.Context, signInID string, at time.Time, reason string) error {
	stmt, err := s.db.ReadStmt(ctx, `SELECT 1 WHERE EXISTS (SELECT 1 FROM refresh_families WHERE sign_in_id = $1 AND ended_at = 0)
		OR EXISTS (SELECT 1 FROM authorization_codes WHERE sign_in_id = $1 AND used_at = 0)`)
	if err != nil {
		return err
	}
	var one int
	switch err := stmt.QueryRowContext(ctx, signInID).Scan(&one); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
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

func (s *Refresh) endWhere(ctx context.Context, column, value string, at time.Time, reason string) error {
	return s.db.WriteAgain(ctx, func(tx *sql.Tx) error { return endGrants(ctx, s.db, tx, column, value, at, reason) })
}

// endGrants takes one of the three column names above. What remembers the ends is
// written from the rows, before they say so.
func endGrants(ctx context.Context, db *sqldb.DB, tx *sql.Tx, column, value string, at time.Time, reason string) error {
	if _, err := takeUnusedCodes(ctx, db, tx, at, column+` = $1`, value); err != nil {
		return err
	}
	if err := db.LockInOrder(ctx, tx, "refresh_families", "id", column+` = $1 AND ended_at = 0`, value); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO revoked_tokens (token_id, revoked_at, expires_at, kept_until)
		SELECT id, CAST($2 AS BIGINT), 0, expires_at FROM refresh_families WHERE `+column+` = $1 AND ended_at = 0 ORDER BY id`+endedAgain,
		value, sqldb.Micros(at))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, endFamilies(column), value, sqldb.Micros(at), reason, []byte{})
	return err
}

func endFamilies(column string) string {
	return `UPDATE refresh_families SET ended_at = $2, end_reason = $3, secret = $4 WHERE ` + column + ` = $1 AND ended_at = 0`
}

// takeUnusedCodes makes those that the condition selects unusable; took says that there
// were any.
func takeUnusedCodes(ctx context.Context, db *sqldb.DB, tx *sql.Tx, at time.Time, condition string, args ...any) (took bool, err error) {
	condition += unused
	if err := db.LockInOrder(ctx, tx, "authorization_codes", "hash", condition, args...); err != nil {
		return false, err
	}
	return sqldb.Changed(tx.ExecContext(ctx, useCodes(condition, len(args)), append(args, sqldb.Micros(at))...))
}

const unused = ` AND used_at = 0`

// useCodes makes those that the condition with n arguments selects unusable.
func useCodes(condition string, n int) string {
	return `UPDATE authorization_codes SET used_at = $` + strconv.Itoa(n+1) + ` WHERE ` + condition
}

// PurgeFamilies implements [token.FamilyStore].
func (s *Refresh) PurgeFamilies(ctx context.Context, before time.Time) error {
	return purge(ctx, s.db, sqldb.Micros(before), oldFamilies)
}
