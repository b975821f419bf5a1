package data

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

const credentialColumns = `id, kind, flow, secret_hash, public_key, created_at, not_before, expires_at, last_used_at`

func insertCredential(ctx context.Context, tx *sql.Tx, applicationID string, c *tandem.Credential) error {
	hash := c.SecretHash
	if hash == nil {
		hash = []byte{} // NULL is not empty
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO credentials (application_id, `+credentialColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		applicationID, c.ID, string(c.Kind), string(c.Flow), hash, string(c.PublicKey),
		sqldb.Micros(c.CreatedAt), sqldb.Micros(c.NotBefore), sqldb.Micros(c.ExpiresAt), sqldb.Micros(c.LastUsedAt))
	return err
}

func credentialsOf(ctx context.Context, q querier, applicationID string) ([]tandem.Credential, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+credentialColumns+` FROM credentials WHERE application_id = $1 ORDER BY created_at, id`, applicationID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []tandem.Credential
	for rows.Next() {
		var c tandem.Credential
		var kind, flow, key string
		var created, notBefore, expires, used int64
		if err := rows.Scan(&c.ID, &kind, &flow, &c.SecretHash, &key, &created, &notBefore, &expires, &used); err != nil {
			return nil, err
		}
		c.Kind, c.Flow = tandem.CredentialKind(kind), tandem.Flow(flow)
		if key != "" {
			c.PublicKey = []byte(key)
		}
		c.CreatedAt, c.NotBefore, c.ExpiresAt, c.LastUsedAt = sqldb.Time(created), sqldb.Time(notBefore), sqldb.Time(expires), sqldb.Time(used)
		all = append(all, c)
	}
	return all, rows.Err()
}

// AddCredential implements [registry.AppStore].
func (s *Applications) AddCredential(ctx context.Context, uri string, now time.Time, check func(tandem.TrustedApp) error, c tandem.Credential) error {
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
		res, err := tx.ExecContext(ctx, `DELETE FROM credentials WHERE application_id = $1 AND id = $2`, old.ID, id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return &tandem.Error{Code: tandem.CodeNotFound, Message: fmt.Sprintf("application %q has no credential %s", uri, id)}
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
