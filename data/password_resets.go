package data

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// PasswordResets keeps one-time links by their hashes; it implements [signin.Resets].
type PasswordResets struct{ db *sqldb.DB }

// NewPasswordResets keeps links in the instance's database.
func NewPasswordResets(db *sqldb.DB) *PasswordResets { return &PasswordResets{db} }

var passwordResets = sqldb.NewTable("password_resets", func(l *signin.Reset, column sqldb.Column) {
	column("hash", (*hashField)(&l.Hash))
	column("user_id", &l.UserID)
	column("replaces", sqldb.TimeField(&l.Replaces))
	column("created_by", &l.CreatedBy)
	column("created_at", sqldb.TimeField(&l.CreatedAt))
	column("expires_at", sqldb.TimeField(&l.ExpiresAt))
})

// Add implements [signin.Resets]. Anybody can ask for a link by mail: those end none that
// an administrator gave.
func (s *PasswordResets) Add(ctx context.Context, l signin.Reset) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, passwordResets.Insert, passwordResets.Values(&l)...); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM password_resets WHERE user_id = $1 AND created_by = $3 AND hash NOT IN (
			SELECT hash FROM password_resets WHERE user_id = $1 AND created_by = $3 ORDER BY created_at DESC, hash LIMIT $2)`,
			l.UserID, signin.MaxResets, l.CreatedBy)
		return err
	})
}

// AddIfRoom implements [signin.Resets]. The user's row keeps those apart who count at the
// same time.
func (s *PasswordResets) AddIfRoom(ctx context.Context, l signin.Reset) (added bool, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		var id string
		if err := tx.QueryRowContext(ctx, `SELECT id FROM users WHERE id = $1`+s.db.ForUpdate(), l.UserID).Scan(&id); err != nil {
			return sqldb.NotFound(err, "there is no user with the id %s", l.UserID)
		}
		var there int
		err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM password_resets WHERE user_id = $1 AND created_by = $2 AND expires_at > $3`,
			l.UserID, l.CreatedBy, sqldb.Micros(l.CreatedAt)).Scan(&there)
		if added = there < signin.MaxResets; err != nil || !added {
			return err
		}
		_, err = tx.ExecContext(ctx, passwordResets.Insert, passwordResets.Values(&l)...)
		return err
	})
	return added, err
}

// Find implements [signin.Resets].
func (s *PasswordResets) Find(ctx context.Context, hash [sha256.Size]byte, now time.Time) (signin.Reset, error) {
	l, err := passwordResets.One(s.db.Reader().QueryRowContext(ctx, passwordResets.Select+`WHERE hash = $1 AND expires_at > $2`, hash[:], sqldb.Micros(now)))
	return l, sqldb.NotFound(err, "there is no such link")
}

// Take implements [signin.Resets].
func (s *PasswordResets) Take(ctx context.Context, hash [sha256.Size]byte, now time.Time) error {
	taken, err := sqldb.Changed(s.db.Writer().ExecContext(ctx, `DELETE FROM password_resets WHERE hash = $1 AND expires_at > $2`, hash[:], sqldb.Micros(now)))
	if err == nil && !taken {
		return tandem.Errorf(tandem.CodeNotFound, "there is no such link")
	}
	return err
}

// EndUser implements [signin.Resets].
func (s *PasswordResets) EndUser(ctx context.Context, userID string) error {
	_, err := s.db.Writer().ExecContext(ctx, `DELETE FROM password_resets WHERE user_id = $1`, userID)
	return err
}

// Purge implements [signin.Resets].
func (s *PasswordResets) Purge(ctx context.Context, before time.Time) error {
	return purge(ctx, s.db, sqldb.Micros(before), sqldb.Purge{Table: "password_resets", Column: "expires_at"})
}
