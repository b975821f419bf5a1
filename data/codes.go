package data

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/sqldb"
)

// Codes keeps authorization codes by their hashes; it implements
// [token.CodeStore].
type Codes struct{ db *sqldb.DB }

// NewCodes keeps codes in the instance's database.
func NewCodes(db *sqldb.DB) *Codes { return &Codes{db} }

// AddCode implements [token.CodeStore].
func (s *Codes) AddCode(ctx context.Context, c token.StoredCode) error {
	_, err := s.db.Writer().ExecContext(ctx, `INSERT INTO authorization_codes
		(hash, application_uri, user_id, sign_in_id, auth_time, redirect_uri, scope, nonce, code_challenge,
		issued_at, expires_at, used_at, family_id, token_id, token_expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, '', '', 0)`,
		c.Hash[:], c.ApplicationURI, c.UserID, c.SignInID, sqldb.Micros(c.AuthTime), c.RedirectURI, c.Scope.String(),
		c.Nonce, c.CodeChallenge, sqldb.Micros(c.IssuedAt), sqldb.Micros(c.ExpiresAt))
	return err
}

// Code implements [token.CodeStore].
func (s *Codes) Code(ctx context.Context, hash [sha256.Size]byte) (token.StoredCode, error) {
	c := token.StoredCode{Hash: hash}
	stmt, err := s.db.ReadStmt(ctx, `SELECT application_uri, user_id, sign_in_id, auth_time, redirect_uri, scope, nonce,
		code_challenge, issued_at, expires_at, used_at FROM authorization_codes WHERE hash = $1`)
	if err != nil {
		return c, err
	}
	var scope string
	var auth, issued, expires, used int64
	err = stmt.QueryRowContext(ctx, hash[:]).Scan(&c.ApplicationURI, &c.UserID, &c.SignInID, &auth, &c.RedirectURI, &scope,
		&c.Nonce, &c.CodeChallenge, &issued, &expires, &used)
	c.Scope = tandem.ParseScope(scope)
	c.AuthTime, c.IssuedAt, c.ExpiresAt, c.UsedAt = sqldb.Time(auth), sqldb.Time(issued), sqldb.Time(expires), sqldb.Time(used)
	return c, sqldb.NotFound(err, "there is no such authorization code")
}

// UseCode implements [token.CodeStore]: one UPDATE settles every race, and a
// replay that comes meanwhile waits for the commit, so that it finds the
// family it must end.
func (s *Codes) UseCode(ctx context.Context, hash [sha256.Size]byte, at time.Time, given token.Given) (first bool, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		familyID := ""
		if given.Family != nil {
			familyID = given.Family.ID
		}
		res, err := tx.ExecContext(ctx, `UPDATE authorization_codes SET used_at = $2, family_id = $3, token_id = $4, token_expires_at = $5
			WHERE hash = $1 AND used_at = 0`, hash[:], sqldb.Micros(at), familyID, given.TokenID, sqldb.Micros(given.ExpiresAt))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if first = n == 1; err != nil || !first || given.Family == nil {
			return err
		}
		return insertFamily(ctx, tx, given.Family)
	})
	return first, err
}

// TakeBackCode implements [token.CodeStore].
func (s *Codes) TakeBackCode(ctx context.Context, hash [sha256.Size]byte, at time.Time) (gave bool, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		var familyID, tokenID string
		var expires int64
		err := tx.QueryRowContext(ctx, `SELECT family_id, token_id, token_expires_at FROM authorization_codes WHERE hash = $1`+s.db.ForUpdate(), hash[:]).
			Scan(&familyID, &tokenID, &expires)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		gave = tokenID != ""
		if err := revokeToken(ctx, tx, tokenID, at, expires); err != nil || familyID == "" {
			return err
		}
		return endFamily(ctx, tx, familyID, at, token.EndCodeReplayed, true)
	})
	return gave, err
}

// PurgeCodes implements [token.CodeStore].
func (s *Codes) PurgeCodes(ctx context.Context, before time.Time) error {
	_, err := s.db.Writer().ExecContext(ctx, `DELETE FROM authorization_codes WHERE issued_at < $1`, sqldb.Micros(before))
	return err
}
