package data

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// SignIns keeps identity sessions; it implements [signin.SignIns].
type SignIns struct{ db *sqldb.DB }

// NewSignIns keeps identity sessions in the instance's database.
func NewSignIns(db *sqldb.DB) *SignIns { return &SignIns{db} }

const signInColumns = `id, cookie_hash, user_id, auth_time, amr, keep, created_at, last_seen_at, expires_at, ended_at`

// Create implements [signin.SignIns].
func (s *SignIns) Create(ctx context.Context, in signin.SignIn) error {
	_, err := s.db.Writer().ExecContext(ctx, `INSERT INTO sign_ins (`+signInColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		in.ID, in.CookieHash[:], in.UserID, sqldb.Micros(in.AuthTime), strings.Join(in.AMR, " "), in.Keep,
		sqldb.Micros(in.CreatedAt), sqldb.Micros(in.LastSeenAt), sqldb.Micros(in.ExpiresAt), sqldb.Micros(in.EndedAt))
	return err
}

// ByID implements [signin.SignIns].
func (s *SignIns) ByID(ctx context.Context, id string) (signin.SignIn, error) {
	return s.one(ctx, `SELECT `+signInColumns+` FROM sign_ins WHERE id = $1`, id)
}

// ByCookie implements [signin.SignIns].
func (s *SignIns) ByCookie(ctx context.Context, hash [sha256.Size]byte) (signin.SignIn, error) {
	return s.one(ctx, `SELECT `+signInColumns+` FROM sign_ins WHERE cookie_hash = $1`, hash[:])
}

func (s *SignIns) one(ctx context.Context, query string, arg any) (signin.SignIn, error) {
	stmt, err := s.db.ReadStmt(ctx, query)
	if err != nil {
		return signin.SignIn{}, err
	}
	var in signin.SignIn
	var hash []byte
	var amr string
	var auth, created, seen, expires, ended int64
	err = stmt.QueryRowContext(ctx, arg).Scan(&in.ID, &hash, &in.UserID, &auth, &amr, &in.Keep, &created, &seen, &expires, &ended)
	if err != nil {
		return signin.SignIn{}, sqldb.NotFound(err, "there is no such sign-in")
	}
	copy(in.CookieHash[:], hash)
	in.AMR = strings.Fields(amr)
	in.AuthTime, in.CreatedAt, in.LastSeenAt = sqldb.Time(auth), sqldb.Time(created), sqldb.Time(seen)
	in.ExpiresAt, in.EndedAt = sqldb.Time(expires), sqldb.Time(ended)
	return in, nil
}

// Renew implements [signin.SignIns].
func (s *SignIns) Renew(ctx context.Context, in signin.SignIn) error {
	res, err := s.db.Writer().ExecContext(ctx, `UPDATE sign_ins SET cookie_hash = $2, auth_time = $3, amr = $4, keep = $5, last_seen_at = $6, expires_at = $7
		WHERE id = $1 AND ended_at = 0`,
		in.ID, in.CookieHash[:], sqldb.Micros(in.AuthTime), strings.Join(in.AMR, " "), in.Keep, sqldb.Micros(in.LastSeenAt), sqldb.Micros(in.ExpiresAt))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return &tandem.Error{Code: tandem.CodeNotFound, Message: "there is no such sign-in"}
}

// Touch implements [signin.SignIns]. The time never goes back.
func (s *SignIns) Touch(ctx context.Context, id string, at time.Time) error {
	_, err := s.db.Writer().ExecContext(ctx, `UPDATE sign_ins SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2`, id, sqldb.Micros(at))
	return err
}

// End implements [signin.SignIns].
func (s *SignIns) End(ctx context.Context, id string, at time.Time) (bool, error) {
	res, err := s.db.Writer().ExecContext(ctx, `UPDATE sign_ins SET ended_at = $2 WHERE id = $1 AND ended_at = 0`, id, sqldb.Micros(at))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// EndUser implements [signin.SignIns].
func (s *SignIns) EndUser(ctx context.Context, userID string, at time.Time) ([]string, error) {
	var ids []string
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		ids = nil
		rows, err := tx.QueryContext(ctx, `UPDATE sign_ins SET ended_at = $2 WHERE user_id = $1 AND ended_at = 0 RETURNING id`, userID, sqldb.Micros(at))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	return ids, err
}

// Purge implements [signin.SignIns].
func (s *SignIns) Purge(ctx context.Context, before time.Time) error {
	_, err := s.db.Writer().ExecContext(ctx, `DELETE FROM sign_ins WHERE expires_at < $1 OR (ended_at <> 0 AND ended_at < $1)`, sqldb.Micros(before))
	return err
}
