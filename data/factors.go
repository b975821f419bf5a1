package data

import (
	"context"
	"database/sql"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// Factors keeps people's second factors; it implements [signin.FactorStore].
type Factors struct{ db *sqldb.DB }

// NewFactors keeps them in the instance's database.
func NewFactors(db *sqldb.DB) *Factors { return &Factors{db} }

var _ signin.FactorStore = (*Factors)(nil)

var secondFactors = sqldb.NewTable("second_factors", func(f *signin.Factor, column sqldb.Column) {
	column("id", &f.ID)
	column("user_id", &f.UserID)
	column("kind", &f.Kind)
	column("name", &f.Name)
	column("secret", (*bytesField)(&f.Secret))
	column("handle", &f.Handle)
	column("counter", &f.Counter)
	column("created_at", sqldb.TimeField(&f.CreatedAt))
	column("used_at", sqldb.TimeField(&f.UsedAt))
	column("used_from", &f.UsedFrom)
})

// AddFactor implements [signin.FactorStore].
func (s *Factors) AddFactor(ctx context.Context, f signin.Factor) error {
	_, err := s.db.Writer().ExecContext(ctx, secondFactors.Insert, secondFactors.Values(&f)...)
	if sqldb.IsUnique(err) {
		return tandem.Errorf(tandem.CodeConflict, "this passkey is known already")
	}
	return err
}

// FactorsOf implements [signin.FactorStore].
func (s *Factors) FactorsOf(ctx context.Context, userID string) ([]signin.Factor, error) {
	return secondFactors.All(s.db.Reader().QueryContext(ctx, secondFactors.Select+`WHERE user_id = $1 ORDER BY created_at, id`, userID))
}

// UseFactor implements [signin.FactorStore]: one UPDATE settles every race.
func (s *Factors) UseFactor(ctx context.Context, id string, counter int64, at time.Time, from string) (bool, error) {
	return sqldb.Changed(s.db.Writer().ExecContext(ctx, `UPDATE second_factors SET counter = $2, used_at = $3, used_from = $4
		WHERE id = $1 AND (counter < $2 OR (counter = 0 AND $2 = 0))`, id, counter, sqldb.Micros(at), from))
}

// DeleteFactor implements [signin.FactorStore].
func (s *Factors) DeleteFactor(ctx context.Context, userID, id string) (bool, error) {
	return sqldb.Changed(s.db.Writer().ExecContext(ctx, `DELETE FROM second_factors WHERE user_id = $1 AND id = $2`, userID, id))
}

// ReplaceRecovery implements [signin.FactorStore].
func (s *Factors) ReplaceRecovery(ctx context.Context, userID string, codes []signin.Factor) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM second_factors WHERE user_id = $1 AND kind = $2`, userID, string(signin.FactorRecovery)); err != nil {
			return err
		}
		for i := range codes {
			if _, err := tx.ExecContext(ctx, secondFactors.Insert, secondFactors.Values(&codes[i])...); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteFactors implements [signin.FactorStore].
func (s *Factors) DeleteFactors(ctx context.Context, userID string) (int, error) {
	kinds, err := sqldb.List[string](s.db.Writer().QueryContext(ctx, `DELETE FROM second_factors WHERE user_id = $1 RETURNING kind`, userID))
	n := 0
	for _, kind := range kinds {
		if kind != string(signin.FactorRecovery) {
			n++
		}
	}
	return n, err
}
