package data

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity"
	"github.com/hybridapps/tandem/registry"
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
	column("name", &c.Name)
	column("kind", &c.Kind)
	column("flow", &c.Flow)
	column("secret_hash", (*bytesField)(&c.SecretHash))
	column("public_key", jsonField(&c.PublicKey))
	column("created_at", sqldb.TimeField(&c.CreatedAt))
	column("created_by", &c.CreatedBy)
	column("not_before", sqldb.TimeField(&c.NotBefore))
	column("expires_at", sqldb.TimeField(&c.ExpiresAt))
	column("last_used_at", sqldb.TimeField(&c.LastUsedAt))
	column("last_used_from", &c.LastUsedFrom)
	column("revoked_at", sqldb.TimeField(&c.RevokedAt))
	column("revoked_by", &c.RevokedBy)
	column("successor_of", &c.SuccessorOf)
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

// ChangeCredentials implements [registry.AppStore].
func (s *Applications) ChangeCredentials(ctx context.Context, uri string, now time.Time,
	change func(tandem.TrustedApp) (registry.CredentialChange, error),
) error {
	return s.change(ctx, uri, now, func(tx *sql.Tx, old tandem.TrustedApp, _ time.Time) error {
		c, err := change(old)
		if err != nil {
			return err
		}
		for i := range c.New {
			if err := insertCredential(ctx, tx, old.ID, &c.New[i]); err != nil {
				return err
			}
		}
		for i := range c.Changed {
			if err := updateCredential(ctx, tx, old.ID, &c.Changed[i]); err != nil {
				return err
			}
		}
		return forgetOldest(ctx, tx, &old)
	})
}

// updateCredential leaves alone what a use changes, which may be a moment newer.
func updateCredential(ctx context.Context, tx *sql.Tx, applicationID string, c *tandem.Credential) error {
	_, err := tx.ExecContext(ctx, `UPDATE credentials SET name = $3, not_before = $4, expires_at = $5, revoked_at = $6, revoked_by = $7
		WHERE application_id = $1 AND id = $2`, applicationID, c.ID, c.Name, sqldb.Micros(c.NotBefore), sqldb.Micros(c.ExpiresAt),
		sqldb.Micros(c.RevokedAt), c.RevokedBy)
	return err
}

// revokeAll revokes all credentials of an application; they expire, too, for programs
// of the version before.
func revokeAll(ctx context.Context, tx *sql.Tx, applicationID string, at time.Time, by string) error {
	_, err := tx.ExecContext(ctx, `UPDATE credentials SET revoked_at = $2, revoked_by = $3,
		expires_at = CASE WHEN expires_at = 0 OR expires_at > $2 THEN $2 ELSE expires_at END
		WHERE application_id = $1 AND revoked_at = 0`, applicationID, sqldb.Micros(at), by)
	return err
}

// forgetOldest deletes the credentials that were revoked before the newest
// [registry.MaxRevoked] of the application.
func forgetOldest(ctx context.Context, tx *sql.Tx, a *tandem.TrustedApp) error {
	revoked := slices.DeleteFunc(slices.Clone(a.Credentials), func(c tandem.Credential) bool { return !c.Revoked() })
	if len(revoked) <= registry.MaxRevoked {
		return nil
	}
	slices.SortFunc(revoked, func(a, b tandem.Credential) int { return b.RevokedAt.Compare(a.RevokedAt) })
	for _, c := range revoked[registry.MaxRevoked:] {
		if _, err := tx.ExecContext(ctx, `DELETE FROM credentials WHERE id = $1`, c.ID); err != nil {
			return err
		}
	}
	return nil
}

// CredentialsUsed implements [identity.CredentialUses]. It is no change of the
// application: nobody needs to read it again for this. Replicas write in the same order,
// so that none waits for another that waits for it.
func (s *Applications) CredentialsUsed(ctx context.Context, used []identity.CredentialUse) error {
	used = slices.SortedFunc(slices.Values(used), func(a, b identity.CredentialUse) int {
		return cmp.Or(strings.Compare(a.ApplicationID, b.ApplicationID), strings.Compare(a.CredentialID, b.CredentialID), strings.Compare(a.From, b.From))
	})
	return s.db.WriteAgain(ctx, func(tx *sql.Tx) error {
		for _, u := range used {
			statement, id := `UPDATE credentials SET last_used_at = $2, last_used_from = $3 WHERE id = $1 AND last_used_at <= $2`, u.CredentialID
			if u.CredentialID == tandem.ClassicCredential {
				id = u.ApplicationID
				statement = `INSERT INTO classic_secret_uses (application_id, last_used_at, last_used_from)
					SELECT id, CAST($2 AS BIGINT), CAST($3 AS TEXT) FROM applications WHERE id = $1
					ON CONFLICT (application_id) DO UPDATE SET last_used_at = excluded.last_used_at, last_used_from = excluded.last_used_from
					WHERE classic_secret_uses.last_used_at <= excluded.last_used_at`
			}
			if _, err := tx.ExecContext(ctx, statement, id, sqldb.Micros(u.At), u.From); err != nil {
				return err
			}
			if err := placeUsed(ctx, tx, &u); err != nil {
				return err
			}
		}
		return nil
	})
}

// readSecretUses tells applications with a classic secret when it was used last.
func readSecretUses(ctx context.Context, q querier, of []application) error {
	index, ids := map[string]int{}, []any{}
	for i := range of {
		if of[i].SecretHash != "" {
			index[of[i].ID] = i
			ids = append(ids, of[i].ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := q.QueryContext(ctx, `SELECT application_id, last_used_at, last_used_from FROM classic_secret_uses
		WHERE application_id IN (`+placeholders(1, len(ids))+`)`, ids...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, from string
		var at time.Time
		if err := rows.Scan(&id, sqldb.TimeField(&at), &from); err != nil {
			return err
		}
		a := &of[index[id]]
		a.SecretUsedAt, a.SecretUsedFrom = at, from
	}
	return rows.Err()
}

// PurgeCredentials implements [registry.AppStore].
func (s *Applications) PurgeCredentials(ctx context.Context, before time.Time) error {
	return purge(ctx, s.db, sqldb.Micros(before), oldCredentials)
}
