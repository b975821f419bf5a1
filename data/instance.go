package data

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

// Instance keeps facts about the instance.
type Instance struct{ db *sqldb.DB }

// NewInstance keeps facts in the instance's database.
func NewInstance(db *sqldb.DB) *Instance { return &Instance{db} }

// NewLeases keeps what one replica does for all of them in the instance's database.
func NewLeases(db *sqldb.DB) *sqldb.Leases { return sqldb.NewLeases(db, "leases") }

// ID is the id of the instance, which its tokens carry. It is made at the
// first call and never changes; replicas that start together agree on one.
func (s *Instance) ID(ctx context.Context) (string, error) {
	id, err := s.fact(ctx, "id")
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	if err := s.setFact(ctx, "id", uuid.NewString()); err != nil {
		return "", err
	}
	return s.fact(ctx, "id") // ours, or that of the replica that came first
}

// Recall is a fact that was remembered; [tandem.ErrNotFound] when none of the
// name was.
func (s *Instance) Recall(ctx context.Context, name string) (value string, err error) {
	value, err = s.fact(ctx, name)
	if errors.Is(err, sql.ErrNoRows) {
		err = tandem.ErrNotFound
	}
	return value, err
}

// Remember keeps a fact, in the place of one of the same name.
func (s *Instance) Remember(ctx context.Context, name, value string) error {
	_, err := s.db.Writer().ExecContext(ctx,
		`INSERT INTO instance (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

func (s *Instance) fact(ctx context.Context, name string) (value string, err error) {
	err = s.db.Reader().QueryRowContext(ctx, `SELECT value FROM instance WHERE name = $1`, name).Scan(&value)
	return value, err
}

// setFact keeps the value of a fact that has none yet.
func (s *Instance) setFact(ctx context.Context, name, value string) error {
	_, err := s.db.Writer().ExecContext(ctx, `INSERT INTO instance (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, value)
	return err
}

// Writable asks whether the database takes something new, as a token's record is.
func (s *Instance) Writable() *sqldb.Writable {
	return sqldb.NewWritable(s.db, `INSERT INTO instance (name, value) VALUES ($1, $2)`, `DELETE FROM instance WHERE name = $1`)
}
