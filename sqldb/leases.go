package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
)

// Leases say which process does what one of them does for all. A lease ends by
// itself when who holds it does not take it again, so that another goes on.
//
// The time is the database's, whatever the clocks of the processes say. A process
// that stands still for longer than its term may believe that it holds what another
// has taken: what must never be done twice says so in its own statement, too.
type Leases struct {
	db    *DB
	table string
}

// NewLeases keeps leases in a table with the texts name, which is its key, and holder,
// and with the time held_until.
func NewLeases(db *DB, table string) *Leases { return &Leases{db, table} }

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

// Now is an expression for the time of the database's clock, in microseconds.
func (e Engine) Now() string {
	if e == PostgreSQL {
		return `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	}
	return `CAST(unixepoch('subsec') * 1000000 AS INTEGER)`
}

// Take takes a lease that is free, or prolongs the holder's own, for the term from
// now on. It reports false when another holds it.
func (s *Leases) Take(ctx context.Context, name, holder string, term time.Duration) (bool, error) {
	now := s.db.Engine.Now()
	return Changed(s.db.Writer().ExecContext(ctx, `INSERT INTO `+s.table+` (name, holder, held_until) VALUES ($1, $2, `+now+` + $3)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
		WHERE `+s.table+`.holder = excluded.holder OR `+s.table+`.held_until <= `+now, name, holder, term.Microseconds()))
}

// Release ends the holder's lease, so that another need not wait for its end.
func (s *Leases) Release(ctx context.Context, name, holder string) error {
	now := s.db.Engine.Now()
	_, err := s.db.Writer().ExecContext(ctx,
		`UPDATE `+s.table+` SET held_until = `+now+` WHERE name = $1 AND holder = $2 AND held_until > `+now, name, holder)
	return err
}

// Show is a lease that somebody has or had; [tandem.ErrNotFound] when nobody ever did.
func (s *Leases) Show(ctx context.Context, name string) (Lease, error) {
	var l Lease
	err := s.db.Reader().QueryRowContext(ctx, `SELECT name, holder, held_until, `+s.db.Engine.Now()+` FROM `+s.table+` WHERE name = $1`, name).
		Scan(&l.Name, &l.Holder, TimeField(&l.Until), TimeField(&l.Now))
	if errors.Is(err, sql.ErrNoRows) {
		err = tandem.ErrNotFound
	}
	return l, err
}
