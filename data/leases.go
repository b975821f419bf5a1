package data

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

// Leases say which replica does what one of them does for all. A lease ends by
// itself when who holds it does not take it again, so that another goes on.
//
// The time is the database's, whatever the clocks of the replicas say. A replica
// that stands still for longer than its term may believe that it holds what another
// has taken: what must never be done twice says so in its own statement, too.
type Leases struct{ db *sqldb.DB }

// NewLeases keeps leases in the instance's database.
func NewLeases(db *sqldb.DB) *Leases { return &Leases{db} }

// Lease is one lease.
type Lease struct {
	// Name is what is done, Holder who does it.
	Name, Holder string
	// Until is when it ends; in the past when nobody holds it, and then when it was
	// held last. Now is the time of the database at which that was read.
	Until, Now time.Time
}

// Held reports whether somebody holds the lease.
func (l *Lease) Held() bool { return l.Until.After(l.Now) }

// databaseTime is what the database's clock says, in microseconds.
func databaseTime(engine sqldb.Engine) string {
	if engine == sqldb.PostgreSQL {
		return `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	}
	return `CAST(unixepoch('subsec') * 1000000 AS INTEGER)`
}

// Take takes a lease that is free, or prolongs the holder's own, for the term from
// now on. It reports false when another holds it.
func (s *Leases) Take(ctx context.Context, name, holder string, term time.Duration) (bool, error) {
	now := databaseTime(s.db.Engine)
	return sqldb.Changed(s.db.Writer().ExecContext(ctx, `INSERT INTO leases (name, holder, held_until) VALUES ($1, $2, `+now+` + $3)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
		WHERE leases.holder = excluded.holder OR leases.held_until <= `+now, name, holder, term.Microseconds()))
}

// Release ends the holder's lease, so that another need not wait for its end.
func (s *Leases) Release(ctx context.Context, name, holder string) error {
	now := databaseTime(s.db.Engine)
	_, err := s.db.Writer().ExecContext(ctx,
		`UPDATE leases SET held_until = `+now+` WHERE name = $1 AND holder = $2 AND held_until > `+now, name, holder)
	return err
}

// Show is a lease that somebody has or had; [tandem.ErrNotFound] when nobody ever did.
func (s *Leases) Show(ctx context.Context, name string) (Lease, error) {
	var l Lease
	err := s.db.Reader().QueryRowContext(ctx, s.query()+` WHERE name = $1`, name).Scan(l.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		err = tandem.ErrNotFound
	}
	return l, err
}

// List returns the leases whose names begin with the prefix, held or not, by name.
func (s *Leases) List(ctx context.Context, prefix string) (all []Lease, err error) {
	rows, err := s.db.Reader().QueryContext(ctx, s.query()+` WHERE name >= $1 AND substr(name, 1, length($1)) = $1 ORDER BY name`, prefix)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var l Lease
		if err := rows.Scan(l.fields()...); err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, rows.Err()
}

func (s *Leases) query() string {
	return `SELECT name, holder, held_until, ` + databaseTime(s.db.Engine) + ` FROM leases`
}

func (l *Lease) fields() []any {
	return []any{&l.Name, &l.Holder, sqldb.TimeField(&l.Until), sqldb.TimeField(&l.Now)}
}
