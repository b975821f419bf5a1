package data

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/sqldb"
)

// Devices keeps what devices wait for a person to decide; it implements
// [token.DeviceStore].
type Devices struct{ db *sqldb.DB }

// NewDevices keeps them in the instance's database.
func NewDevices(db *sqldb.DB) *Devices { return &Devices{db} }

var _ token.DeviceStore = (*Devices)(nil)

var deviceCodes = sqldb.NewTable("device_codes", func(d *token.DeviceGrant, column sqldb.Column) {
	column("hash", (*hashField)(&d.Hash))
	column("user_hash", (*hashField)(&d.UserHash))
	column("application_uri", &d.ApplicationURI)
	column("scope", scopeField(&d.Scope))
	column("obsolete", &d.Obsolete)
	column("created_at", sqldb.TimeField(&d.CreatedAt))
	column("expires_at", sqldb.TimeField(&d.ExpiresAt))
	column("polled_at", sqldb.TimeField(&d.PolledAt))
	column("wait", (*int64)(&d.Wait))
	column("decided_at", sqldb.TimeField(&d.DecidedAt))
	column("approved", &d.Approved)
})

// AddDevice implements [token.DeviceStore].
func (s *Devices) AddDevice(ctx context.Context, d token.DeviceGrant) error {
	added, err := sqldb.Changed(s.db.Writer().ExecContext(ctx, deviceCodes.Insert+` ON CONFLICT DO NOTHING`, deviceCodes.Values(&d)...))
	if err == nil && !added {
		err = tandem.Errorf(tandem.CodeConflict, "this user code waits already")
	}
	return err
}

// DeviceByUserCode implements [token.DeviceStore].
func (s *Devices) DeviceByUserCode(ctx context.Context, userHash [sha256.Size]byte) (token.DeviceGrant, error) {
	d, err := deviceCodes.One(s.db.Reader().QueryRowContext(ctx, deviceCodes.Select+`WHERE user_hash = $1`, userHash[:]))
	return d, sqldb.NotFound(err, "there is no such user code")
}

// PollDevice implements [token.DeviceStore].
func (s *Devices) PollDevice(
	ctx context.Context, hash [sha256.Size]byte, applicationURI string, at time.Time, slower time.Duration,
) (d token.DeviceGrant, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		d, err = deviceCodes.One(tx.QueryRowContext(ctx, deviceCodes.Select+`WHERE hash = $1 AND application_uri = $2`+s.db.ForUpdate(), hash[:], applicationURI))
		if err != nil || !d.DecidedAt.IsZero() || !at.Before(d.ExpiresAt) { // then nobody waits
			return err
		}
		wait := d.Wait
		if !d.PolledAt.IsZero() && at.Sub(d.PolledAt) < wait {
			wait = min(wait+slower, time.Minute)
		}
		_, err := tx.ExecContext(ctx, `UPDATE device_codes SET polled_at = $2, wait = $3 WHERE hash = $1`, hash[:], sqldb.Micros(at), int64(wait))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = sqldb.NotFound(sql.ErrNoRows, "there is no such device code")
	}
	return d, err
}

// DecideDevice implements [token.DeviceStore]: one UPDATE settles every race.
func (s *Devices) DecideDevice(ctx context.Context, userHash [sha256.Size]byte, at time.Time, approved *token.StoredCode) (first bool, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		first, err = sqldb.Changed(tx.ExecContext(ctx, `UPDATE device_codes SET decided_at = $2, approved = $3
			WHERE user_hash = $1 AND decided_at = 0 AND expires_at > $2`, userHash[:], sqldb.Micros(at), approved != nil))
		if err != nil || !first || approved == nil {
			return err
		}
		// Whoever signs out waits, and makes the code unusable then; or has signed out.
		var in string
		err = tx.QueryRowContext(ctx, `SELECT id FROM sign_ins WHERE id = $1 AND ended_at = 0`+s.db.ForUpdate(), approved.SignInID).Scan(&in)
		if err != nil {
			return sqldb.NotFound(err, "the sign-in has ended")
		}
		_, err = tx.ExecContext(ctx, codes.Insert, codes.Values(&code{StoredCode: *approved})...)
		return err
	})
	return first, err
}

// oldDevices have expired.
var oldDevices = sqldb.Purge{Table: "device_codes", Column: "expires_at"}

// PurgeDevices implements [token.DeviceStore].
func (s *Devices) PurgeDevices(ctx context.Context, before time.Time) error {
	return purge(ctx, s.db, sqldb.Micros(before), oldDevices)
}
