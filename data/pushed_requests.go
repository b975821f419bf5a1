package data

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// PushedRequests keeps authorization requests that applications push; it
// implements [signin.PushedRequests].
type PushedRequests struct{ db *sqldb.DB }

// NewPushedRequests keeps them in the instance's database.
func NewPushedRequests(db *sqldb.DB) *PushedRequests { return &PushedRequests{db} }

var pushedRequests = sqldb.NewTable("pushed_requests", func(p *signin.PushedRequest, column sqldb.Column) {
	column("hash", (*hashField)(&p.Hash))
	column("application_uri", &p.ApplicationURI)
	column("request", &p.Request)
	column("expires_at", sqldb.TimeField(&p.ExpiresAt))
	column("used_at", sqldb.TimeField(&p.UsedAt))
})

// AddPushed implements [signin.PushedRequests].
func (s *PushedRequests) AddPushed(ctx context.Context, p signin.PushedRequest) error {
	_, err := s.db.Writer().ExecContext(ctx, pushedRequests.Insert, pushedRequests.Values(&p)...)
	return err
}

// Pushed implements [signin.PushedRequests].
func (s *PushedRequests) Pushed(ctx context.Context, hash [sha256.Size]byte) (signin.PushedRequest, error) {
	p, err := pushedRequests.One(s.db.Reader().QueryRowContext(ctx, pushedRequests.Select+`WHERE hash = $1`, hash[:]))
	return p, sqldb.NotFound(err, "there is no such pushed request")
}

// UsePushed implements [signin.PushedRequests]: one UPDATE settles every race.
func (s *PushedRequests) UsePushed(ctx context.Context, hash [sha256.Size]byte, at time.Time) (first bool, err error) {
	return sqldb.Changed(s.db.Writer().ExecContext(ctx, `UPDATE pushed_requests SET used_at = $2 WHERE hash = $1 AND used_at = 0`, hash[:], sqldb.Micros(at)))
}

// PurgePushed implements [signin.PushedRequests].
func (s *PushedRequests) PurgePushed(ctx context.Context, before time.Time) error {
	return purge(ctx, s.db, sqldb.Micros(before), oldPushed)
}
