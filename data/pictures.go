package data

import (
	"context"
	"database/sql"
	"time"

	"github.com/hybridapps/tandem/identity"
	"github.com/hybridapps/tandem/sqldb"
)

// Pictures keeps the pictures that people have uploaded of themselves; it implements
// [identity.Pictures]. They are deleted with the account.
type Pictures struct{ db *sqldb.DB }

// NewPictures keeps them in the instance's database.
func NewPictures(db *sqldb.DB) *Pictures { return &Pictures{db} }

// Picture implements [identity.Pictures].
func (s *Pictures) Picture(ctx context.Context, userID string, large bool) (p identity.Picture, err error) {
	column := "small"
	if large {
		column = "large"
	}
	err = s.db.Reader().QueryRowContext(ctx, `SELECT `+column+`, changed_at FROM user_pictures WHERE user_id = $1`, userID).
		Scan(&p.PNG, sqldb.TimeField(&p.ChangedAt))
	return p, sqldb.NotFound(err, "the account has no picture of its own")
}

// SetPicture keeps both sizes of a picture, in the place of the one before; nothing for
// both takes it away.
func (s *Pictures) SetPicture(ctx context.Context, userID string, small, large []byte, at time.Time) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := deletePicture(ctx, tx, userID); err != nil || len(small) == 0 {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO user_pictures (user_id, small, large, changed_at) VALUES ($1, $2, $3, $4)`,
			userID, small, large, sqldb.Micros(at))
		return err
	})
}

func deletePicture(ctx context.Context, tx *sql.Tx, userID string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM user_pictures WHERE user_id = $1`, userID)
	return err
}
