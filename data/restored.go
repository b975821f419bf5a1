package data

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/sqldb"
)

// Facts about the backup that an instance was restored from, in microseconds.
const (
	factBackup   = "backup at"
	factRestored = "restored at"
)

// Restored says from when the data of an instance is that came from a backup.
type Restored struct {
	// Backup is when it was taken, Restored when the instance began anew from it;
	// zero where it never was.
	Backup, Restored time.Time
	// What ended with it.
	Sessions, SignIns, Families int64
	// WithFactors are the accounts with second factors, and Outside the outside providers:
	// what these have is sealed with the instance's key of then.
	WithFactors, Outside int64
}

// MarkRestored begins a new life of an instance whose databases came from a backup.
// What happened between the backup and now is not known here: a refresh token that
// is the newest here may have been used, a session may have ended, an access token
// may have been revoked, a consent withdrawn, a link for a new password used. So nothing of
// it goes on: sessions, sign-ins, codes, links and refresh families end, people are asked again, and the signing keys go, with which every token of before
// is refused. backup is when it was taken; zero means at the newest event of the
// record that does not tell of a restore. Nothing may run on the databases meanwhile. It can be repeated.
func MarkRestored(ctx context.Context, identity *sqldb.DB, by tandem.By, backup, now time.Time) (r Restored, err error) {
	if backup.IsZero() {
		err = identity.Reader().QueryRowContext(ctx, `SELECT at FROM audit_events WHERE kind NOT IN ($1, $2) ORDER BY id DESC LIMIT 1`,
			string(tandem.AuditRestored), string(tandem.AuditRestarted)).Scan(sqldb.TimeField(&backup))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return r, err
		}
	}
	r.Backup, r.Restored = backup, now
	err = identity.Write(ctx, func(tx *sql.Tx) error {
		return identity.Unbounded(ctx, tx, func(ctx context.Context) error { return markRestored(ctx, tx, identity.Engine, by, &r) })
	})
	return r, err
}

func markRestored(ctx context.Context, tx *sql.Tx, engine sqldb.Engine, by tandem.By, r *Restored) (err error) {
	ended, err := endIn(ctx, tx, endForReason, `slot >= $3`, []any{string(tandem.EndRestored), sqldb.Micros(r.Restored), 0})
	if err != nil {
		return err
	}
	r.Sessions = int64(len(ended))
	if err := tx.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM sign_ins WHERE ended_at = 0), (SELECT COUNT(*) FROM refresh_families WHERE ended_at = 0),
		(SELECT COUNT(DISTINCT user_id) FROM second_factors), (SELECT COUNT(*) FROM outside_providers)`).
		Scan(&r.SignIns, &r.Families, &r.WithFactors, &r.Outside); err != nil {
		return err
	}
	if err := tellRestored(ctx, tx, r.Restored); err != nil {
		return err
	}
	if err := clearTables(ctx, tx, engine, "consents", "sign_in_apps", "sign_ins", "refresh_families", "authorization_codes", "device_codes",
		"pushed_requests", "password_resets", "signing_keys"); err != nil {
		return err
	}
	// Mail that waited then was sent long ago, and has links in it that are of no use.
	if _, err := tx.ExecContext(ctx, `DELETE FROM deliveries WHERE kind = $1`, DeliveryMail); err != nil {
		return err
	}
	for name, at := range map[string]time.Time{factBackup: r.Backup, factRestored: r.Restored} {
		_, err := tx.ExecContext(ctx, `INSERT INTO instance (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			name, strconv.FormatInt(sqldb.Micros(at), 10))
		if err != nil {
			return err
		}
	}
	if err := restartRestored(ctx, tx, engine, by, r); err != nil {
		return err
	}
	if _, err := endReferences(ctx, tx, "id > $3", "", "the restore from a backup", r.Restored); err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	event := tandem.AuditEvent{ID: id.String(), At: r.Restored, Kind: tandem.AuditRestored, Actor: by.Login, RemoteAddr: by.From, Detail: fmt.Sprintf(
		"from the backup of %s: %d sessions, %d sign-ins and %d refresh families ended, and all tokens are refused",
		r.Backup.UTC().Format(time.RFC3339), r.Sessions, r.SignIns, r.Families)}
	_, err = tx.ExecContext(ctx, insertAudit[engine][1], auditEvents.Values(&event)...)
	return err
}

// clearTables deletes all of tables, which SQLite does at once. One that refers to
// another comes before it.
func clearTables(ctx context.Context, tx *sql.Tx, engine sqldb.Engine, tables ...string) error {
	if engine == sqldb.PostgreSQL {
		_, err := tx.ExecContext(ctx, `TRUNCATE `+strings.Join(tables, ", "))
		return err
	}
	for _, table := range tables {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table); err != nil {
			return err
		}
	}
	return nil
}

// restartRestored begins a new epoch of the sealed record: the old life may have gone on
// from the backup's last head, and no tree may go on from it in two ways.
func restartRestored(ctx context.Context, tx *sql.Tx, engine sqldb.Engine, by tandem.By, r *Restored) error {
	last, err := recordEpochs.One(tx.QueryRowContext(ctx, recordEpochs.Select+`ORDER BY epoch DESC LIMIT 1`))
	if errors.Is(err, sql.ErrNoRows) {
		return nil // nothing was sealed
	}
	if err != nil {
		return err
	}
	head, err := newestHead(tx.QueryRowContext(ctx, newestHeadQuery, last.N), last.N)
	if err != nil {
		return err
	}
	reason := "restored from the backup of " + r.Backup.UTC().Format(time.RFC3339)
	next, event, err := sealing.RestartEvent(last, head, by, reason, r.Restored)
	if err != nil {
		return err
	}
	return restartRecord(ctx, tx, engine, next, event)
}

// Restored says from which backup the instance was restored last; zero for none.
func (s *Instance) Restored(ctx context.Context) (r Restored, err error) {
	for name, at := range map[string]*time.Time{factBackup: &r.Backup, factRestored: &r.Restored} {
		value, err := s.fact(ctx, name)
		if errors.Is(err, sql.ErrNoRows) {
			return Restored{}, nil
		}
		if err != nil {
			return Restored{}, err
		}
		micros, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return Restored{}, err
		}
		*at = sqldb.Time(micros)
	}
	return r, nil
}
