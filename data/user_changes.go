package data

import (
	"context"
	"database/sql"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// noteUserChange tells those who follow the accounts of a change, inside the
// transaction that makes it and at its end: the counter's row stays locked
// until the commit, so that nobody sees a number before a smaller one.
func noteUserChange(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := tx.ExecContext(ctx, `UPDATE change_counters SET last = last + 1 WHERE name = 'users'`)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO user_changes (user_id, change) SELECT $1, last FROM change_counters WHERE name = 'users'
		ON CONFLICT (user_id) DO UPDATE SET change = excluded.change`, id)
	return err
}

// userChanges are accounts that changed.
type userChanges struct {
	// IDs are those of all of them, Users those that still exist.
	IDs   []any
	Users []tandem.User
	// Upto is the number of the newest change among them, Last that of the
	// newest there is.
	Upto, Last int64
}

// maxUserChanges is how many changes are read at a time.
const maxUserChanges = 500

// changes are the first [maxUserChanges] accounts that changed after the change
// with the number.
func (s *Users) changes(ctx context.Context, after int64) (found userChanges, err error) {
	last, err := s.db.ReadStmt(ctx, `SELECT last FROM change_counters WHERE name = 'users'`)
	if err != nil {
		return found, err
	}
	if err := last.QueryRowContext(ctx).Scan(&found.Last); err != nil || found.Last <= after {
		return found, err
	}
	rows, err := s.db.Reader().QueryContext(ctx,
		`SELECT user_id, change FROM user_changes WHERE change > $1 ORDER BY change LIMIT $2`, after, maxUserChanges)
	if err != nil {
		return found, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id, &found.Upto); err != nil {
			return found, err
		}
		found.IDs = append(found.IDs, id)
	}
	if err := rows.Err(); err != nil {
		return found, err
	}
	if len(found.IDs) == 0 {
		found.Upto = found.Last
		return found, nil
	}
	// What changes meanwhile is read in its new state, now and once more.
	all, err := users.All(s.db.Reader().QueryContext(ctx, users.Select+`WHERE id IN (`+placeholders(1, len(found.IDs))+`)`, found.IDs...))
	found.Users = sqldb.Each(all, func(a *signin.Account) tandem.User { return a.User })
	return found, err
}
