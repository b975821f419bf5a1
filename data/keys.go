package data

import (
	"context"

	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/sqldb"
)

// Keys keeps signing keys, sealed; it implements [token.KeyStore].
type Keys struct{ db *sqldb.DB }

// NewKeys keeps keys in the instance's database.
func NewKeys(db *sqldb.DB) *Keys { return &Keys{db} }

// Keys implements [token.KeyStore].
func (s *Keys) Keys(ctx context.Context) ([]token.StoredKey, error) {
	stmt, err := s.db.ReadStmt(ctx, `SELECT id, key_use, generation, sealed, created_at, activate_at FROM signing_keys`)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []token.StoredKey
	for rows.Next() {
		var k token.StoredKey
		var use string
		var created, activate int64
		if err := rows.Scan(&k.ID, &use, &k.Generation, &k.Sealed, &created, &activate); err != nil {
			return nil, err
		}
		k.Use, k.CreatedAt, k.ActivateAt = token.KeyUse(use), sqldb.Time(created), sqldb.Time(activate)
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// AddKey implements [token.KeyStore].
func (s *Keys) AddKey(ctx context.Context, k token.StoredKey) (bool, error) {
	res, err := s.db.Writer().ExecContext(ctx, `INSERT INTO signing_keys (id, key_use, generation, sealed, created_at, activate_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key_use, generation) DO NOTHING`,
		k.ID, string(k.Use), k.Generation, k.Sealed, sqldb.Micros(k.CreatedAt), sqldb.Micros(k.ActivateAt))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// DeleteKey implements [token.KeyStore].
func (s *Keys) DeleteKey(ctx context.Context, id string) error {
	_, err := s.db.Writer().ExecContext(ctx, `DELETE FROM signing_keys WHERE id = $1`, id)
	return err
}
