package data

import (
	"context"
	"database/sql"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/sqldb"
)

// OutsideProviders keeps OpenID providers of others and who their subjects are; it
// implements [federation.Store].
type OutsideProviders struct{ db *sqldb.DB }

// NewOutsideProviders keeps them in the instance's database.
func NewOutsideProviders(db *sqldb.DB) *OutsideProviders { return &OutsideProviders{db} }

var _ federation.Store = (*OutsideProviders)(nil)

var outsideProviders = sqldb.NewTable("outside_providers", func(p *federation.Provider, column sqldb.Column) {
	column("id", &p.ID)
	column("name", &p.Name)
	column("issuer", &p.Issuer)
	column("client_id", &p.ClientID)
	column("secret", (*bytesField)(&p.Secret))
	column("secret_set_at", sqldb.TimeField(&p.SecretSetAt))
	column("scope", scopeField(&p.Scope))
	column("tenant_claim", &p.TenantClaim)
	column("tenants", linesField(&p.Tenants))
	column("allow_internal", &p.Internal)
	column("allow_external", &p.External)
	column("by_email", &p.ByEmail)
	column("domains", linesField(&p.Domains))
	column("trust_mfa", &p.TrustMFA)
	column("enabled", &p.Enabled)
	column("created_at", sqldb.TimeField(&p.CreatedAt))
	column("changed_at", sqldb.TimeField(&p.ChangedAt))
	column("created_by", &p.CreatedBy)
	column("version", &p.Version)
})

var outsideLinks = sqldb.NewTable("outside_links", func(l *federation.Link, column sqldb.Column) {
	column("provider_id", &l.ProviderID)
	column("issuer", &l.Issuer)
	column("subject", &l.Subject)
	column("user_id", &l.UserID)
	column("email", &l.Email)
	column("created_at", sqldb.TimeField(&l.CreatedAt))
	column("created_by", &l.CreatedBy)
	column("last_used_at", sqldb.TimeField(&l.LastUsedAt))
})

// AddProvider implements [federation.Store].
func (s *OutsideProviders) AddProvider(ctx context.Context, p federation.Provider, most int) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		var there int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM outside_providers`).Scan(&there); err != nil {
			return err
		}
		if there >= most {
			return tandem.Errorf(tandem.CodeConflict, "there are %d outside providers, as many as can be: delete one that nobody needs", there)
		}
		added, err := sqldb.Changed(tx.ExecContext(ctx, outsideProviders.Insert+` ON CONFLICT DO NOTHING`, outsideProviders.Values(&p)...))
		if err == nil && !added {
			err = tandem.Errorf(tandem.CodeConflict, "there is an outside provider %s: change it (tandem provider update %[1]s), or choose another id", p.ID)
		}
		return err
	})
}

// Provider implements [federation.Store].
func (s *OutsideProviders) Provider(ctx context.Context, id string) (federation.Provider, error) {
	stmt, err := s.db.ReadStmt(ctx, outsideProviders.Select+`WHERE id = $1`)
	if err != nil {
		return federation.Provider{}, err
	}
	p, err := outsideProviders.One(stmt.QueryRowContext(ctx, id))
	return p, noProvider(err, id)
}

func noProvider(err error, id string) error {
	return sqldb.NotFound(err, "there is no outside provider %q: see tandem provider list", tandem.Clip(id, 80))
}

// Providers implements [federation.Store].
func (s *OutsideProviders) Providers(ctx context.Context) ([]federation.Provider, error) {
	stmt, err := s.db.ReadStmt(ctx, outsideProviders.Select+`ORDER BY lower(name), id`)
	if err != nil {
		return nil, err
	}
	return outsideProviders.All(stmt.QueryContext(ctx))
}

// UpdateProvider implements [federation.Store].
func (s *OutsideProviders) UpdateProvider(
	ctx context.Context, id string, change func(old federation.Provider) (federation.Provider, error),
) (changed federation.Provider, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		old, err := outsideProviders.One(tx.QueryRowContext(ctx, outsideProviders.Select+`WHERE id = $1`+s.db.ForUpdate(), id))
		if err != nil {
			return noProvider(err, id)
		}
		if changed, err = change(old); err != nil {
			return err
		}
		changed.ID, changed.Version = old.ID, old.Version+1
		_, err = tx.ExecContext(ctx, outsideProviders.Update, outsideProviders.Values(&changed)...)
		return err
	})
	if err != nil {
		return federation.Provider{}, err
	}
	return changed, nil
}

// DeleteProvider implements [federation.Store].
func (s *OutsideProviders) DeleteProvider(ctx context.Context, id string) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{"outside_links", "outside_links_ended"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE provider_id = $1`, id); err != nil {
				return err
			}
		}
		gone, err := sqldb.Changed(tx.ExecContext(ctx, `DELETE FROM outside_providers WHERE id = $1`, id))
		if err == nil && !gone {
			err = noProvider(sql.ErrNoRows, id)
		}
		return err
	})
}

// AddLink implements [federation.Store]. The user's row keeps those who count at the same
// time apart, and a link from outliving its user.
func (s *OutsideProviders) AddLink(ctx context.Context, l federation.Link, most int) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		var id string
		err := tx.QueryRowContext(ctx, `SELECT id FROM users WHERE id = $1 AND login NOT LIKE '%#%'`+s.db.ForUpdate(), l.UserID).Scan(&id)
		if err != nil {
			return sqldb.NotFound(err, "there is no user with the id %s", l.UserID)
		}
		var there int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM outside_links WHERE user_id = $1`, l.UserID).Scan(&there); err != nil {
			return err
		}
		if there >= most {
			return tandem.Errorf(tandem.CodeConflict, "the account has %d links to outside providers, as many as can be: end one first", there)
		}
		added, err := sqldb.Changed(tx.ExecContext(ctx, outsideLinks.Insert+` ON CONFLICT DO NOTHING`, outsideLinks.Values(&l)...))
		if err == nil && !added {
			err = tandem.Errorf(tandem.CodeConflict, "this subject of the outside provider %s is linked to an account already", l.ProviderID)
		}
		if err == nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM outside_links_ended WHERE provider_id = $1 AND subject = $2 AND user_id = $3`, l.ProviderID, l.Subject, l.UserID)
		}
		return err
	})
}

const thisLink = `WHERE provider_id = $1 AND issuer = $2 AND subject = $3`

// LinkOf implements [federation.Store].
func (s *OutsideProviders) LinkOf(ctx context.Context, providerID, issuer, subject string) (federation.Link, error) {
	stmt, err := s.db.ReadStmt(ctx, outsideLinks.Select+thisLink)
	if err != nil {
		return federation.Link{}, err
	}
	l, err := outsideLinks.One(stmt.QueryRowContext(ctx, providerID, issuer, subject))
	return l, sqldb.NotFound(err, "the subject is linked to no account")
}

// LinksOfUser implements [federation.Store].
func (s *OutsideProviders) LinksOfUser(ctx context.Context, userID string) ([]federation.Link, error) {
	return outsideLinks.All(s.db.Reader().QueryContext(ctx, outsideLinks.Select+`WHERE user_id = $1 ORDER BY created_at, provider_id, subject`, userID))
}

// Unlink implements [federation.Store].
func (s *OutsideProviders) Unlink(ctx context.Context, userID, providerID, subject string, at time.Time) (there bool, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		there, err = sqldb.Changed(tx.ExecContext(ctx,
			`DELETE FROM outside_links WHERE user_id = $1 AND provider_id = $2 AND subject = $3`, userID, providerID, subject))
		if err == nil && there {
			_, err = tx.ExecContext(ctx, `INSERT INTO outside_links_ended (provider_id, subject, user_id, ended_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
				providerID, subject, userID, sqldb.Micros(at))
		}
		return err
	})
	return there, err
}

// LinkEnded implements [federation.Store].
func (s *OutsideProviders) LinkEnded(ctx context.Context, userID, providerID, subject string) (bool, error) {
	var n int
	err := s.db.Reader().QueryRowContext(ctx, `SELECT COUNT(*) FROM outside_links_ended WHERE provider_id = $1 AND subject = $2 AND user_id = $3`,
		providerID, subject, userID).Scan(&n)
	return n > 0, err
}

// LinkUsed implements [federation.Store].
func (s *OutsideProviders) LinkUsed(ctx context.Context, l federation.Link, at time.Time) error {
	there, err := sqldb.Changed(s.db.Writer().ExecContext(ctx, `UPDATE outside_links SET last_used_at = $4 `+thisLink+` AND user_id = $5`,
		l.ProviderID, l.Issuer, l.Subject, sqldb.Micros(at), l.UserID))
	if err == nil && !there {
		err = tandem.Errorf(tandem.CodeNotFound, "the subject is linked to no account")
	}
	return err
}
