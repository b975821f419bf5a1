package data

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// Throttle keeps the counters of failed sign-ins, for all replicas together;
// it implements [signin.AttemptCounters].
type Throttle struct{ db *sqldb.DB }

// NewThrottle keeps counters in the instance's database.
func NewThrottle(db *sqldb.DB) *Throttle { return &Throttle{db} }

// Update implements [signin.AttemptCounters].
func (s *Throttle) Update(ctx context.Context, keys []string, change func([]signin.Attempts)) error {
	// All transactions lock rows in the same order, so that none waits for
	// another in a circle.
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(keys[a], keys[b]) })

	return s.db.Write(ctx, func(tx *sql.Tx) error {
		counters := make([]signin.Attempts, len(keys))
		for _, i := range order {
			// The empty row comes first: only a row can be locked.
			var last, blocked int64
			err := tx.QueryRowContext(ctx, `INSERT INTO sign_in_attempts (key, failures, last_at, blocked_until) VALUES ($1, 0, 0, 0)
				ON CONFLICT (key) DO UPDATE SET key = excluded.key RETURNING failures, last_at, blocked_until`, keys[i]).
				Scan(&counters[i].Failures, &last, &blocked)
			if err != nil {
				return err
			}
			counters[i].LastAt, counters[i].BlockedUntil = sqldb.Time(last), sqldb.Time(blocked)
		}
		change(counters)
		for _, i := range order {
			c := counters[i]
			var err error
			if c == (signin.Attempts{}) {
				_, err = tx.ExecContext(ctx, `DELETE FROM sign_in_attempts WHERE key = $1`, keys[i])
			} else {
				_, err = tx.ExecContext(ctx, `UPDATE sign_in_attempts SET failures = $2, last_at = $3, blocked_until = $4 WHERE key = $1`,
					keys[i], c.Failures, sqldb.Micros(c.LastAt), sqldb.Micros(c.BlockedUntil))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Purge implements [signin.AttemptCounters].
func (s *Throttle) Purge(ctx context.Context, before, factorsBefore time.Time) error {
	others, factors := oldAttempts, oldAttempts
	others.And, others.Args = others.And+` AND key NOT LIKE $4`, []any{signin.KindFactor + "%"}
	factors.And, factors.Args = factors.And+` AND key LIKE $4`, []any{signin.KindFactor + "%"}
	return errors.Join(purge(ctx, s.db, sqldb.Micros(before), others), purge(ctx, s.db, sqldb.Micros(factorsBefore), factors))
}
