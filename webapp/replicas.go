package webapp

import (
	"context"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
)

var (
	_ client.RenewalStore = (*SessionStore)(nil)
	_ client.EndedSignIns = (*SessionStore)(nil)
)

// EndSignIn implements [client.EndedSignIns].
func (s *SessionStore) EndSignIn(ctx context.Context, signInID string, at, until time.Time) error {
	_, err := s.exec(ctx, `INSERT INTO webapp_ended_sign_ins (sign_in_id, ended_at, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (sign_in_id) DO UPDATE SET ended_at = excluded.ended_at, expires_at = excluded.expires_at`,
		signInID, sqldb.Micros(at), sqldb.Micros(until))
	return err
}

// SignInEnded implements [client.EndedSignIns].
func (s *SessionStore) SignInEnded(ctx context.Context, signInID string) (time.Time, error) {
	stmt, err := s.db.ReadStmt(ctx, `SELECT COALESCE(MAX(ended_at), 0) FROM webapp_ended_sign_ins WHERE sign_in_id = $1`)
	if err != nil {
		return time.Time{}, err
	}
	var at int64
	if err := stmt.QueryRowContext(ctx, signInID).Scan(&at); err != nil || at == 0 {
		return time.Time{}, err
	}
	return sqldb.Time(at), nil
}

// ClaimRenewal implements [client.RenewalStore].
func (s *SessionStore) ClaimRenewal(ctx context.Context, key client.SessionKey, version int64, now, until time.Time) (bool, error) {
	n, err := s.exec(ctx, `UPDATE webapp_sessions SET renewing_until = $4 WHERE key = $1 AND version = $2 AND renewing_until <= $3`,
		key[:], version, sqldb.Micros(now), sqldb.Micros(until))
	return n == 1, err
}

// EndRenewal implements [client.RenewalStore].
func (s *SessionStore) EndRenewal(ctx context.Context, key client.SessionKey, version int64) error {
	_, err := s.exec(ctx, `UPDATE webapp_sessions SET renewing_until = 0 WHERE key = $1 AND version = $2`, key[:], version)
	return err
}

// knownText is sealed into the database, in its place.
const knownText, knownPlace = "the web app's key", "webapp_key|sealed|1"

// sameKey refuses a key that is not that of the other web apps of the database:
// each of them would sign out the people of the other ones. On SQLite there is one
// web app alone, and a new key only means to sign in again.
func (s *SessionStore) sameKey(ctx context.Context, box *seal.Box) error {
	if s.db.Engine == sqldb.SQLite {
		return nil
	}
	_, err := s.exec(ctx, `INSERT INTO webapp_key (id, sealed) VALUES (1, $1) ON CONFLICT (id) DO NOTHING`, box.Seal([]byte(knownText), knownPlace))
	if err != nil {
		return err
	}
	var sealed []byte
	if err := s.db.Reader().QueryRowContext(ctx, `SELECT sealed FROM webapp_key WHERE id = 1`).Scan(&sealed); err != nil {
		return err
	}
	if _, err := box.Open(sealed, knownPlace); !errors.Is(err, seal.ErrOpen) {
		return err
	}
	return tandem.Errorf(tandem.CodeInvalid, "the sessions in this database are sealed with another key: give all web apps of it the same key "+
		"(--webapp-key-file); if that key is lost, everybody signs in again: empty the tables webapp_sessions, webapp_forms and webapp_key, and start")
}
