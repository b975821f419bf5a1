package webapp

import (
	"context"
	"embed"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/sqldb"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations is the web app's own schema timeline.
var Migrations = sqldb.Migrations(migrationFiles)

// MigrationTable keeps the schema version of the web app's database.
const MigrationTable = "webapp_schema"

// SessionStore keeps the sessions of signed-in people in the web app's own
// database, for all its replicas. Nothing of it stays in memory, so that
// memory does not grow with the number of people.
type SessionStore struct{ db *sqldb.DB }

var _ client.SessionStore = (*SessionStore)(nil)

// NewSessionStore keeps sessions in db, whose schema has been migrated.
func NewSessionStore(db *sqldb.DB) *SessionStore { return &SessionStore{db} }

// Create implements [client.SessionStore].
func (s *SessionStore) Create(ctx context.Context, row client.StoredSession) error {
	_, err := s.exec(ctx, `INSERT INTO webapp_sessions (key, sealed, version, user_id, sign_in_id, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		row.Key[:], row.Sealed, row.Version, row.UserID, row.SignInID, sqldb.Micros(row.CreatedAt), sqldb.Micros(row.ExpiresAt))
	return err
}

// ByID implements [client.SessionStore].
func (s *SessionStore) ByID(ctx context.Context, key client.SessionKey) (client.StoredSession, error) {
	row := client.StoredSession{Key: key}
	stmt, err := s.db.ReadStmt(ctx, `SELECT sealed, version, user_id, sign_in_id, created_at, expires_at FROM webapp_sessions WHERE key = $1`)
	if err != nil {
		return row, err
	}
	var created, expires int64
	err = stmt.QueryRowContext(ctx, key[:]).Scan(&row.Sealed, &row.Version, &row.UserID, &row.SignInID, &created, &expires)
	if err != nil {
		return client.StoredSession{}, sqldb.NotFound(err, "this session has ended; sign in again")
	}
	row.CreatedAt, row.ExpiresAt = sqldb.Time(created), sqldb.Time(expires)
	return row, nil
}

// Save implements [client.SessionStore]. The condition on the version is part
// of the one statement: of two replicas that renew at once, one wins.
func (s *SessionStore) Save(ctx context.Context, row client.StoredSession) (bool, error) {
	n, err := s.exec(ctx, `UPDATE webapp_sessions SET sealed = $2, version = $3, user_id = $4, sign_in_id = $5, renewing_until = 0
		WHERE key = $1 AND version = $6`,
		row.Key[:], row.Sealed, row.Version, row.UserID, row.SignInID, row.Version-1)
	return n == 1, err
}

// Touch implements [client.SessionStore].
func (s *SessionStore) Touch(ctx context.Context, key client.SessionKey, expiresAt time.Time) error {
	_, err := s.exec(ctx, `UPDATE webapp_sessions SET expires_at = $2 WHERE key = $1`, key[:], sqldb.Micros(expiresAt))
	return err
}

// Delete implements [client.SessionStore].
func (s *SessionStore) Delete(ctx context.Context, key client.SessionKey) error {
	_, err := s.exec(ctx, `DELETE FROM webapp_sessions WHERE key = $1`, key[:])
	return err
}

// DeleteSignIn implements [client.SessionStore].
func (s *SessionStore) DeleteSignIn(ctx context.Context, signInID string) error {
	if signInID == "" {
		return nil // sessions without a sign-in id are nobody's sign-in
	}
	_, err := s.exec(ctx, `DELETE FROM webapp_sessions WHERE sign_in_id = $1`, signInID)
	return err
}

// Purge implements [client.SessionStore].
func (s *SessionStore) Purge(ctx context.Context, now time.Time) (int, error) {
	if _, err := s.purge(ctx, "webapp_ended_sign_ins", now); err != nil {
		return 0, err
	}
	return s.purge(ctx, "webapp_sessions", now)
}

// Count implements [client.SessionStore].
func (s *SessionStore) Count(ctx context.Context, now time.Time) (sessions, people int, err error) {
	stmt, err := s.db.ReadStmt(ctx, `SELECT count(*), count(DISTINCT user_id) FROM webapp_sessions WHERE expires_at > $1`)
	if err != nil {
		return 0, 0, err
	}
	err = stmt.QueryRowContext(ctx, sqldb.Micros(now)).Scan(&sessions, &people)
	return sessions, people, err
}

// purge removes the rows of a table that expired at or before now.
func (s *SessionStore) purge(ctx context.Context, table string, now time.Time) (int, error) {
	n, err := s.db.Purge(ctx, sqldb.Purge{Table: table, Column: "expires_at", Before: sqldb.Micros(now) + 1})
	return int(n), err
}

func (s *SessionStore) exec(ctx context.Context, query string, args ...any) (int64, error) {
	stmt, err := s.db.WriteStmt(ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
