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

var signingKeys = sqldb.NewTable("signing_keys", func(k *token.StoredKey, column sqldb.Column) {
	column("id", &k.ID)
	column("key_use", &k.Use)
	column("generation", &k.Generation)
	column("sealed", &k.Sealed)
	column("created_at", sqldb.TimeField(&k.CreatedAt))
	column("activate_at", sqldb.TimeField(&k.ActivateAt))
})

// Keys implements [token.KeyStore].
func (s *Keys) Keys(ctx context.Context) ([]token.StoredKey, error) {
	stmt, err := s.db.ReadStmt(ctx, signingKeys.Select)
	if err != nil {
		return nil, err
	}
	return signingKeys.All(stmt.QueryContext(ctx))
}

// AddKey implements [token.KeyStore].
func (s *Keys) AddKey(ctx context.Context, k token.StoredKey) (bool, error) {
	return sqldb.Changed(s.db.Writer().ExecContext(ctx,
		signingKeys.Insert+` ON CONFLICT (key_use, generation) DO NOTHING`, signingKeys.Values(&k)...))
}

// DeleteKey implements [token.KeyStore].
func (s *Keys) DeleteKey(ctx context.Context, id string) error {
	_, err := s.db.Writer().ExecContext(ctx, `DELETE FROM signing_keys WHERE id = $1`, id)
	return err
}

var publishedKeys = sqldb.NewTable("published_keys", func(k *token.PublishedKey, column sqldb.Column) {
	column("id", &k.ID)
	column("key_use", &k.Use)
	column("sealed", &k.Sealed)
	column("published_at", sqldb.TimeField(&k.PublishedAt))
})

// PublishKey implements [token.KeyStore].
func (s *Keys) PublishKey(ctx context.Context, k token.PublishedKey) error {
	_, err := s.db.Writer().ExecContext(ctx, publishedKeys.Insert+` ON CONFLICT (id) DO NOTHING`, publishedKeys.Values(&k)...)
	return err
}

// PublishedKey implements [token.KeyStore].
func (s *Keys) PublishedKey(ctx context.Context, id string) (token.PublishedKey, error) {
	k, err := publishedKeys.One(s.db.Reader().QueryRowContext(ctx, publishedKeys.Select+`WHERE id = $1`, id))
	return k, sqldb.NotFound(err, "there is no signing key %s", id)
}
