package data

import (
	"context"
	"database/sql"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

// credential is a row of the table.
type credential struct {
	tandem.Credential
	applicationID string
}

var credentials = sqldb.NewTable("credentials", func(c *credential, column sqldb.Column) {
	column("id", &c.ID)
	column("application_id", &c.applicationID)
	column("kind", &c.Kind)
	column("flow", &c.Flow)
	column("secret_hash", (*bytesField)(&c.SecretHash))
	column("public_key", jsonField(&c.PublicKey))
	column("created_at", sqldb.TimeField(&c.CreatedAt))
	column("not_before", sqldb.TimeField(&c.NotBefore))
	column("expires_at", sqldb.TimeField(&c.ExpiresAt))
	column("last_used_at", sqldb.TimeField(&c.LastUsedAt))
})

func insertCredential(ctx context.Context, tx *sql.Tx, applicationID string, c *tandem.Credential) error {
	_, err := tx.ExecContext(ctx, credentials.Insert, credentials.Values(&credential{*c, applicationID})...)
	return err
}

// credentialsOf reads credentials by the applications that they belong to.
func credentialsOf(ctx context.Context, q querier, where string, args ...any) (map[string][]tandem.Credential, error) {
	rows, err := q.QueryContext(ctx, credentials.Select+`WHERE `+where+` ORDER BY created_at, id`, args...)
	of := map[string][]tandem.Credential{}
	err = credentials.Range(rows, err, func(c *credential) error {
		of[c.applicationID] = append(of[c.applicationID], c.Credential)
		return nil
	})
	return of, err
}

// AddCredential implements [registry.AppStore].
func (s *Applications) AddCredential(ctx context.Context, uri string, now time.Time,
	check func(tandem.TrustedApp) error, c tandem.Credential,
) error {
	return s.change(ctx, uri, now, func(tx *sql.Tx, old tandem.TrustedApp, _ time.Time) error {
		if err := check(old); err != nil {
			return err
		}
		return insertCredential(ctx, tx, old.ID, &c)
	})
}

// RevokeCredential implements [registry.AppStore].
func (s *Applications) RevokeCredential(ctx context.Context, uri, id string, now time.Time) error {
	return s.change(ctx, uri, now, func(tx *sql.Tx, old tandem.TrustedApp, _ time.Time) error {
		deleted, err := sqldb.Changed(tx.ExecContext(ctx, `DELETE FROM credentials WHERE application_id = $1 AND id = $2`, old.ID, id))
		if err != nil || deleted {
			return err
		}
		return tandem.Errorf(tandem.CodeNotFound, "application %q has no credential %s", uri, id)
	})
}

// CredentialsUsed implements [identity.CredentialUses]. It is no change of the
// application: nobody needs to read it again for this.
func (s *Applications) CredentialsUsed(ctx context.Context, used map[string]time.Time) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		for id, at := range used {
			_, err := tx.ExecContext(ctx, `UPDATE credentials SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2`, id, sqldb.Micros(at))
			if err != nil {
				return err
			}
		}
		return nil
	})
}
