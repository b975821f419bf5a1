package tus

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/sqldb"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// schemaTable keeps the version of the tables.
const schemaTable = "tus_schema"

// State is how far an upload is.
type State string

// The states.
const (
	Open     State = "open"     // not all has come
	Complete State = "finished" // all is there, and what it is to be
	Taken    State = "taken"    // its bytes were taken away; only its key is remembered
)

// Upload is a file on its way.
type Upload struct {
	// ID is random and names it in its address. Key is its owner's name for it.
	ID, Owner, Key string
	State          State
	// Length and Offset are in bytes: of the whole, and of what is there.
	Length, Offset int64
	// SHA256 is what the whole has to have, in hexadecimal.
	SHA256 string
	// Group is what it belongs to, see [Config.Group].
	Group string
	// Metadata is what its creation said of it. Nothing of it was checked but key and
	// sha256: a name of a file may be any text.
	Metadata             map[string]string
	CreatedAt, ExpiresAt time.Time

	raw      string // the metadata as they were sent
	restarts int64
}

var uploads = sqldb.NewTable("tus_uploads", func(u *Upload, column sqldb.Column) {
	column("id", &u.ID)
	column("owner", &u.Owner)
	column("upload_key", &u.Key)
	column("state", &u.State)
	column("length", &u.Length)
	column("noted", &u.Offset)
	column("sha256", &u.SHA256)
	column("grouped", &u.Group)
	column("metadata", &u.raw)
	column("restarts", &u.restarts)
	column("created_at", sqldb.TimeField(&u.CreatedAt))
	column("expires_at", sqldb.TimeField(&u.ExpiresAt))
})

// store is the SQL of uploads.
type store struct{ db *sqldb.DB }

func (s store) migrate(ctx context.Context) error {
	if err := s.db.Migrate(ctx, sqldb.Migrations(migrationFiles), schemaTable); err != nil {
		return fmt.Errorf("the tables of uploads: %w", err)
	}
	return nil
}

type asking interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func one(ctx context.Context, in asking, where string, args ...any) (*Upload, error) {
	u, err := uploads.One(in.QueryRowContext(ctx, uploads.Select+where, args...))
	if err != nil {
		return nil, sqldb.NotFound(err, "There is no such upload.")
	}
	u.Metadata, err = parseMetadata(u.raw)
	return &u, err
}

func (s store) byID(ctx context.Context, owner, id string) (*Upload, error) {
	return one(ctx, s.db.Reader(), `WHERE id = $1 AND owner = $2`, id, owner)
}

func (s store) byKey(ctx context.Context, owner, key string) (*Upload, error) {
	return one(ctx, s.db.Reader(), `WHERE owner = $1 AND upload_key = $2`, owner, key)
}

// errThere undoes a creation whose key is there.
var errThere = errors.New("tus: the key is there")

// create writes a new upload within the limits, or gives the one that has the key.
func (s store) create(ctx context.Context, c *Config, u *Upload, now time.Time) (created bool, stale string, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		// The row of the day is what two creations of one owner wait for.
		var bytes, number int64
		err := tx.QueryRowContext(ctx, `INSERT INTO tus_days (owner, day, bytes, uploads) VALUES ($1, $2, $3, 1)
			ON CONFLICT (owner, day) DO UPDATE SET bytes = tus_days.bytes + excluded.bytes, uploads = tus_days.uploads + 1 RETURNING bytes, uploads`,
			u.Owner, day(now), u.Length).Scan(&bytes, &number)
		if err != nil {
			return err
		}
		there, err := one(ctx, tx, `WHERE owner = $1 AND upload_key = $2`, u.Owner, u.Key)
		switch {
		case err == nil && !there.over(now):
			*u = *there
			return errThere
		case err == nil:
			stale = there.ID
			if _, err := tx.ExecContext(ctx, `DELETE FROM tus_uploads WHERE id = $1`, stale); err != nil {
				return err
			}
		case !isNotFound(err):
			return err
		}
		if err := s.limits(ctx, tx, c, u, bytes, number, now); err != nil {
			return err
		}
		u.ID, u.State, u.CreatedAt, u.ExpiresAt = uuid.NewString(), Open, now, now.Add(c.Expires)
		_, err = tx.ExecContext(ctx, uploads.Insert, uploads.Values(u)...)
		return err
	})
	if errors.Is(err, errThere) || sqldb.IsUnique(err) { // two days, two creations at once
		found, err := s.byKey(ctx, u.Owner, u.Key)
		if err == nil {
			*u = *found
		}
		return false, "", err
	}
	return err == nil, stale, err
}

// limits refuses what would be too much; bytes and number are those of the day, this
// upload's included.
func (s store) limits(ctx context.Context, tx *sql.Tx, c *Config, u *Upload, bytes, number int64, now time.Time) error {
	tomorrow := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now)
	tooMany := func(wait time.Duration, reason string, most int64, format string) error {
		r := Refuse(http.StatusTooManyRequests, "too_many", format, most).because(reason, map[string]any{"most": most})
		r.RetryAfter = wait
		return r
	}
	if bytes > c.MaxDay {
		return tooMany(tomorrow, "files_day_megabytes", c.MaxDay>>20, "You have sent %d MB today, which is as much as a person may; the next day begins at 00:00 UTC.")
	}
	if number > c.MaxCreated {
		return tooMany(tomorrow, "files_day", c.MaxCreated, "You have created %d uploads today, which is as many as a person may; the next day begins at 00:00 UTC.")
	}
	var open int64
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM tus_uploads WHERE owner = $1 AND state = 'open' AND expires_at > $2`, u.Owner,
		sqldb.Micros(now)).Scan(&open); err != nil {
		return err
	}
	if open >= c.MaxOpen {
		return tooMany(time.Minute, "files_open", open, "%d of your uploads are not finished, which is as many as a person may have; finish or delete one.")
	}
	if u.Group == "" {
		return nil
	}
	var grouped int64
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM tus_uploads WHERE owner = $1 AND grouped = $2 AND (state <> 'open' OR expires_at > $3)`, u.Owner,
		u.Group, sqldb.Micros(now)).Scan(&grouped); err != nil {
		return err
	}
	if grouped >= c.MaxGroup {
		return Refuse(http.StatusUnprocessableEntity, "refused", "You have sent %[2]d files for this %[1]s, which is as many as it may have.", c.Group, grouped).
			because("files_of_visit", map[string]any{"most": grouped})
	}
	return nil
}

// note writes down what is on the disk.
func (s store) note(ctx context.Context, id string, offset, restarts int64) error {
	_, err := s.db.Writer().ExecContext(ctx, `UPDATE tus_uploads SET noted = $1, restarts = $2 WHERE id = $3 AND state = 'open'`, offset, restarts, id)
	return err
}

// become sets a state and until when it is kept.
func (s store) become(ctx context.Context, id string, state State, noted int64, until time.Time) error {
	_, err := s.db.Writer().ExecContext(ctx, `UPDATE tus_uploads SET state = $1, noted = $2, expires_at = $3 WHERE id = $4`, state, noted,
		sqldb.Micros(until), id)
	return err
}

func (s store) remove(ctx context.Context, id string) error {
	_, err := s.db.Writer().ExecContext(ctx, `DELETE FROM tus_uploads WHERE id = $1`, id)
	return err
}

// over reports whether the time of an upload has passed.
func (u *Upload) over(now time.Time) bool { return !u.ExpiresAt.After(now) }

func day(now time.Time) string { return now.UTC().Format(time.DateOnly) }
