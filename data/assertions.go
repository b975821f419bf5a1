package data

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/hybridapps/tandem/sqldb"
)

// Assertions remembers client assertions until they expire; it implements
// [token.AssertionStore].
type Assertions struct{ db *sqldb.DB }

// NewAssertions remembers them in the instance's database.
func NewAssertions(db *sqldb.DB) *Assertions { return &Assertions{db} }

// UseAssertion implements [token.AssertionStore].
func (s *Assertions) UseAssertion(ctx context.Context, id [sha256.Size]byte, expires time.Time) (bool, error) {
	stmt, err := s.db.WriteStmt(ctx, `INSERT INTO client_assertions (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`)
	if err != nil {
		return false, err
	}
	return sqldb.Changed(stmt.ExecContext(ctx, id[:], sqldb.Micros(expires)))
}

// PurgeAssertions implements [token.AssertionStore].
func (s *Assertions) PurgeAssertions(ctx context.Context, before time.Time) error {
	return purge(ctx, s.db, sqldb.Micros(before), oldAssertions)
}

// ClientFailures counts failed client authentications, for all replicas
// together; it implements [identity.FailureCounters].
type ClientFailures struct{ db *sqldb.DB }

// NewClientFailures counts in the instance's database.
func NewClientFailures(db *sqldb.DB) *ClientFailures { return &ClientFailures{db} }

// CountFailure implements [identity.FailureCounters].
func (s *ClientFailures) CountFailure(ctx context.Context, key string, minute int64) (failures int64, err error) {
	err = s.db.Writer().QueryRowContext(ctx, `INSERT INTO client_failures (key, minute, failures) VALUES ($1, $2, 1)
		ON CONFLICT (key, minute) DO UPDATE SET failures = client_failures.failures + 1 RETURNING failures`, key, minute).Scan(&failures)
	return failures, err
}

// ForgetFailures implements [identity.FailureCounters].
func (s *ClientFailures) ForgetFailures(ctx context.Context, key string) error {
	_, err := s.db.Writer().ExecContext(ctx, `DELETE FROM client_failures WHERE key = $1`, key)
	return err
}

// PurgeFailures implements [identity.FailureCounters].
func (s *ClientFailures) PurgeFailures(ctx context.Context, beforeMinute int64) error {
	return purge(ctx, s.db, beforeMinute, oldFailures)
}
