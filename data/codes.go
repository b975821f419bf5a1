package data

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// Codes keeps authorization codes by their hashes; it implements
// [token.CodeStore].
type Codes struct{ db *sqldb.DB }

// NewCodes keeps codes in the instance's database.
func NewCodes(db *sqldb.DB) *Codes { return &Codes{db} }

// code is a row of the table: a code and what its redemption gave.
type code struct {
	token.StoredCode
	grantID string
}

var codes = sqldb.NewTable("authorization_codes", func(c *code, column sqldb.Column) {
	column("hash", (*hashField)(&c.Hash))
	column("application_uri", &c.ApplicationURI)
	column("user_id", &c.UserID)
	column("sign_in_id", &c.SignInID)
	column("auth_time", sqldb.TimeField(&c.AuthTime))
	column("authentication", authenticationField(&c.Authentication))
	column("redirect_uri", &c.RedirectURI)
	column("scope", scopeField(&c.Scope))
	column("claims", claimsField(&c.Claims))
	column("nonce", &c.Nonce)
	column("code_challenge", &c.CodeChallenge)
	column("key_thumbprint", &c.KeyThumbprint)
	column("issued_at", sqldb.TimeField(&c.IssuedAt))
	column("expires_at", sqldb.TimeField(&c.ExpiresAt))
	column("used_at", sqldb.TimeField(&c.UsedAt))
	column("grant_id", &c.grantID)
})

// AddCode implements [token.CodeStore].
func (s *Codes) AddCode(ctx context.Context, c token.StoredCode) error {
	c.UsedAt = time.Time{}
	_, err := s.db.Writer().ExecContext(ctx, codes.Insert, codes.Values(&code{StoredCode: c})...)
	return err
}

// Code implements [token.CodeStore].
func (s *Codes) Code(ctx context.Context, hash [sha256.Size]byte) (token.StoredCode, error) {
	stmt, err := s.db.ReadStmt(ctx, codes.Select+`WHERE hash = $1`)
	if err != nil {
		return token.StoredCode{}, err
	}
	c, err := codes.One(stmt.QueryRowContext(ctx, hash[:]))
	return c.StoredCode, sqldb.NotFound(err, "there is no such authorization code")
}

// UseCode implements [token.CodeStore]: one UPDATE settles every race, and a
// replay that comes meanwhile waits for the commit, so that it finds the
// family it must end.
func (s *Codes) UseCode(ctx context.Context, hash [sha256.Size]byte, at time.Time, given token.Given) (first bool, err error) {
	err = s.db.WriteAgain(ctx, func(tx *sql.Tx) error {
		first, err = sqldb.Changed(tx.ExecContext(ctx, `UPDATE authorization_codes SET used_at = $2, grant_id = $3
			WHERE hash = $1 AND used_at = 0`, hash[:], sqldb.Micros(at), given.GrantID))
		if err != nil || !first {
			return err
		}
		if first, err = end(ctx, tx, usedCode(hash, at)); err != nil || !first || given.Family == nil {
			return err
		}
		return insertFamily(ctx, tx, given.Family)
	})
	return first, err
}

// keepUsed is for how long a used code stays used, whatever becomes of its row.
const keepUsed = 24 * time.Hour

func usedCode(hash [sha256.Size]byte, at time.Time) ended {
	return ended{RevokedToken: registry.RevokedToken{ID: "code:" + hex.EncodeToString(hash[:]), RevokedAt: at}, keptUntil: at.Add(keepUsed)}
}

// TakeBackCode implements [token.CodeStore].
func (s *Codes) TakeBackCode(ctx context.Context, hash [sha256.Size]byte, at, tokensUntil time.Time) (gave bool, err error) {
	err = s.db.WriteAgain(ctx, func(tx *sql.Tx) error {
		c, err := codes.One(tx.QueryRowContext(ctx, codes.Select+`WHERE hash = $1`+s.db.ForUpdate(), hash[:]))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if gave = c.grantID != ""; err != nil || !gave {
			return err
		}
		return endFamily(ctx, tx, c.grantID, at, tokensUntil, token.EndCodeReplayed)
	})
	return gave, err
}

// PurgeCodes implements [token.CodeStore].
func (s *Codes) PurgeCodes(ctx context.Context, before time.Time) error {
	return purge(ctx, s.db, sqldb.Micros(before), oldCodes)
}
