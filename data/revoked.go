package data

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// Revoked keeps the ids of access tokens, grants and sign-ins that ended before their time; it
// implements [identity.Revocations]. Triggers number what access tokens are refused
// for, see [Changes].
type Revoked struct{ db *sqldb.DB }

// NewRevoked keeps them in the instance's database.
func NewRevoked(db *sqldb.DB) *Revoked { return &Revoked{db} }

type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// ended is a row of the table: what has ended and must not come back. Access
// tokens are refused for its id until ExpiresAt; the row itself is kept for
// longer where an old row of another table would be of use for longer.
type ended struct {
	registry.RevokedToken
	keptUntil time.Time
}

var endings = sqldb.NewTable("revoked_tokens", func(e *ended, column sqldb.Column) {
	column("token_id", &e.ID)
	column("revoked_at", sqldb.TimeField(&e.RevokedAt))
	column("expires_at", sqldb.TimeField(&e.ExpiresAt))
	column("kept_until", sqldb.TimeField(&e.keptUntil))
})

// endedAgain is for one that is there already: it counts as it is, unless access
// tokens must now be refused for longer.
const endedAgain = ` ON CONFLICT (token_id) DO UPDATE SET revoked_at = excluded.revoked_at, expires_at = excluded.expires_at,
	kept_until = CASE WHEN excluded.kept_until > revoked_tokens.kept_until THEN excluded.kept_until ELSE revoked_tokens.kept_until END
	WHERE excluded.expires_at > revoked_tokens.expires_at`

// end remembers that something has ended; new reports whether it is the first time.
func end(ctx context.Context, on executor, e ended) (first bool, err error) {
	if e.keptUntil.Before(e.ExpiresAt) {
		e.keptUntil = e.ExpiresAt
	}
	return sqldb.Changed(on.ExecContext(ctx, endings.Insert+endedAgain, endings.Values(&e)...))
}

// endedAt is when the thing with the id ended, where its own row does not say so:
// somebody has put an old row back. It is zero when it has not.
func endedAt(ctx context.Context, db *sqldb.DB, id string) (time.Time, error) {
	stmt, err := db.ReadStmt(ctx, `SELECT revoked_at FROM revoked_tokens WHERE token_id = $1`)
	if err != nil {
		return time.Time{}, err
	}
	var at time.Time
	err = stmt.QueryRowContext(ctx, id).Scan(sqldb.TimeField(&at))
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return at, err
}

// Revoke implements [identity.Revocations]. Of what is refused for that long already it
// writes nothing.
func (s *Revoked) Revoke(ctx context.Context, t registry.RevokedToken) error {
	stmt, err := s.db.ReadStmt(ctx, `SELECT 1 FROM revoked_tokens WHERE token_id = $1 AND expires_at >= $2`)
	if err != nil {
		return err
	}
	var one int
	if err := stmt.QueryRowContext(ctx, t.ID, sqldb.Micros(t.ExpiresAt)).Scan(&one); !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	_, err = end(ctx, s.db.Writer(), ended{RevokedToken: t})
	return err
}

// Purge deletes what expired before the time.
func (s *Revoked) Purge(ctx context.Context, before time.Time) error {
	return purge(ctx, s.db, sqldb.Micros(before), oldEndings)
}
