package data

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/sqldb"
)

// SignIns keeps identity sessions; it implements [signin.SignIns].
type SignIns struct {
	db *sqldb.DB
	// Idle is after how long without being used a sign-in is not live any more.
	Idle time.Duration
}

// NewSignIns keeps identity sessions in the instance's database.
func NewSignIns(db *sqldb.DB) *SignIns { return &SignIns{db: db, Idle: token.SignInIdle} }

var signIns = sqldb.NewTable("sign_ins", func(in *signin.SignIn, column sqldb.Column) {
	column("id", &in.ID)
	column("cookie_hash", (*hashField)(&in.CookieHash))
	column("user_id", &in.UserID)
	column("auth_time", sqldb.TimeField(&in.AuthTime))
	column("amr", wordsField(&in.Authentication.Methods))
	column("acr", &in.Authentication.Context)
	column("idp", &in.Authentication.Provider)
	column("tid", &in.Authentication.Tenant)
	column("keep", &in.Keep)
	column("created_at", sqldb.TimeField(&in.CreatedAt))
	column("last_seen_at", sqldb.TimeField(&in.LastSeenAt))
	column("expires_at", sqldb.TimeField(&in.ExpiresAt))
	column("ended_at", sqldb.TimeField(&in.EndedAt))
	column("created_from", &in.CreatedFrom)
	column("last_seen_from", &in.LastSeenFrom)
	column("user_agent", &in.UserAgent)
})

// Create implements [signin.SignIns].
func (s *SignIns) Create(ctx context.Context, in signin.SignIn) error {
	_, err := s.db.Writer().ExecContext(ctx, signIns.Insert, signIns.Values(&in)...)
	return err
}

// ByID implements [signin.SignIns].
func (s *SignIns) ByID(ctx context.Context, id string) (signin.SignIn, error) {
	return s.one(ctx, `WHERE id = $1`, id)
}

// ByCookie implements [signin.SignIns].
func (s *SignIns) ByCookie(ctx context.Context, hash [sha256.Size]byte) (signin.SignIn, error) {
	return s.one(ctx, `WHERE cookie_hash = $1`, hash[:])
}

func (s *SignIns) one(ctx context.Context, where string, arg any) (signin.SignIn, error) {
	stmt, err := s.db.ReadStmt(ctx, signIns.Select+where)
	if err != nil {
		return signin.SignIn{}, err
	}
	in, err := signIns.One(stmt.QueryRowContext(ctx, arg))
	if err == nil && in.EndedAt.IsZero() {
		in.EndedAt, err = endedAt(ctx, s.db, in.ID)
	}
	return in, sqldb.NotFound(err, "there is no such sign-in")
}

// Renew implements [signin.SignIns].
func (s *SignIns) Renew(ctx context.Context, in signin.SignIn) error {
	renewed, err := sqldb.Changed(s.db.Writer().ExecContext(ctx, `UPDATE sign_ins SET cookie_hash = $2, auth_time = $3, amr = $4, keep = $5,
		last_seen_at = $6, expires_at = $7, last_seen_from = $8, user_agent = $9, acr = $10, idp = $11, tid = $12 WHERE id = $1 AND ended_at = 0`,
		in.ID, in.CookieHash[:], sqldb.Micros(in.AuthTime), wordsField(&in.Authentication.Methods), in.Keep,
		sqldb.Micros(in.LastSeenAt), sqldb.Micros(in.ExpiresAt), in.LastSeenFrom, in.UserAgent,
		in.Authentication.Context, in.Authentication.Provider, in.Authentication.Tenant))
	if err != nil || renewed {
		return err
	}
	return tandem.Errorf(tandem.CodeNotFound, "there is no such sign-in")
}

// Touch implements [signin.SignIns]. The time never goes back.
func (s *SignIns) Touch(ctx context.Context, id string, at time.Time, from string) error {
	_, err := s.db.Writer().ExecContext(ctx, `UPDATE sign_ins SET last_seen_at = $2, last_seen_from = $3 WHERE id = $1 AND last_seen_at < $2`,
		id, sqldb.Micros(at), from)
	return err
}

// Reach implements [signin.SignIns]. The times never go back.
func (s *SignIns) Reach(ctx context.Context, id, applicationID string, at time.Time) error {
	_, err := s.db.Writer().ExecContext(ctx, `INSERT INTO sign_in_apps (sign_in_id, application_id, first_at, last_at) VALUES ($1, $2, $3, $3)
		ON CONFLICT (sign_in_id, application_id) DO UPDATE SET last_at = excluded.last_at WHERE sign_in_apps.last_at < excluded.last_at`,
		id, applicationID, sqldb.Micros(at))
	return err
}

// End implements [signin.SignIns].
func (s *SignIns) End(ctx context.Context, id string, at, tokensUntil time.Time) (bool, error) {
	var ended []string
	err := s.db.WriteAgain(ctx, func(tx *sql.Tx) (err error) {
		if err = endGrants(ctx, s.db, tx, "sign_in_id", id, at, token.EndSignedOut); err != nil {
			return err
		}
		ended, err = endSignIns(ctx, s.db, tx, "id", id, at, tokensUntil)
		return err
	})
	return len(ended) > 0, err
}

// endSignIns ends those of which the column has the value, for good: an old row
// that is put back counts as ended for as long as it could have lived, and access tokens are
// refused until the other time. The applications that they have reached are told.
func endSignIns(ctx context.Context, db *sqldb.DB, tx *sql.Tx, column, value string, at, tokensUntil time.Time) ([]string, error) {
	if err := db.LockInOrder(ctx, tx, "sign_ins", "id", column+` = $1 AND ended_at = 0`, value); err != nil {
		return nil, err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO revoked_tokens (token_id, revoked_at, expires_at, kept_until)
		SELECT id, CAST($2 AS BIGINT), CAST($3 AS BIGINT), CASE WHEN expires_at > $3 THEN expires_at ELSE CAST($3 AS BIGINT) END
		FROM sign_ins WHERE `+column+` = $1 AND ended_at = 0 ORDER BY id`+endedAgain, value, sqldb.Micros(at), sqldb.Micros(tokensUntil))
	if err != nil {
		return nil, err
	}
	ended, err := sqldb.List[string](tx.QueryContext(ctx,
		`UPDATE sign_ins SET ended_at = $2 WHERE `+column+` = $1 AND ended_at = 0 RETURNING id`, value, sqldb.Micros(at)))
	slices.Sort(ended)
	for _, id := range ended {
		if err == nil {
			err = tellSignIn(ctx, tx, id, at)
		}
	}
	return ended, err
}

// EndUser implements [signin.SignIns].
func (s *SignIns) EndUser(ctx context.Context, userID string, at, tokensUntil time.Time) ([]string, error) {
	var ids []string
	err := s.db.WriteAgain(ctx, func(tx *sql.Tx) (err error) {
		if err = endGrants(ctx, s.db, tx, "user_id", userID, at, token.EndUserClosed); err != nil {
			return err
		}
		ids, err = endSignIns(ctx, s.db, tx, "user_id", userID, at, tokensUntil)
		return err
	})
	return ids, err
}

// Purge implements [signin.SignIns].
func (s *SignIns) Purge(ctx context.Context, before time.Time) error {
	return purge(ctx, s.db, sqldb.Micros(before), expiredSignIns, endedSignIns)
}
