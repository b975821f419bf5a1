package data

import (
	"context"
	"database/sql"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

// inTrash are deleted applications that can be restored. A purge takes the name, which
// every other has.
const inTrash = `deleted_at <> 0 AND name <> ''`

// Deleted implements [registry.AppStore].
func (s *Applications) Deleted(ctx context.Context, idOrURI string) (tandem.TrustedApp, error) {
	found, err := s.query(ctx, s.db.Reader(), `WHERE `+inTrash+` AND (id = $1 OR application_uri = $1) ORDER BY deleted_at DESC LIMIT 1`, idOrURI)
	if err != nil {
		return tandem.TrustedApp{}, err
	}
	if len(found) == 0 {
		return tandem.TrustedApp{}, tandem.Errorf(tandem.CodeNotFound,
			"there is no deleted application %q that could be restored; tandem app list --trash shows them", tandem.Clip(idOrURI, 80))
	}
	return found[0].TrustedApp, nil
}

// Restore implements [registry.AppStore].
func (s *Applications) Restore(ctx context.Context, id string, now time.Time,
	change func(tandem.TrustedApp) tandem.TrustedApp,
) (a tandem.TrustedApp, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		found, err := s.query(ctx, tx, `WHERE `+inTrash+` AND id = $1`+s.db.ForUpdate(), id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return tandem.Errorf(tandem.CodeNotFound, "the application %s was restored or removed by somebody else", id)
		}
		old := found[0].TrustedApp
		if err := claimApplication(ctx, tx, old.ApplicationURI, now); err != nil {
			return err
		}
		if err := claimResource(ctx, tx, nil, &old, now); err != nil {
			return err
		}
		a = change(old)
		a.ID, a.ApplicationURI, a.Credentials = old.ID, old.ApplicationURI, old.Credentials
		a.Resource, a.ResourceScopes = old.Resource, old.ResourceScopes // as they were claimed
		a.ChangedAt, a.Version = later(now, old.ChangedAt), old.Version+1
		a.CreatedAt = a.ChangedAt // tokens of before are older than it
		_, err = tx.ExecContext(ctx, applications.Update, applications.Values(&application{TrustedApp: a})...)
		return err
	})
	return a, err
}

// purgeAtOnce is how many deleted applications are forgotten in a transaction.
const purgeAtOnce = 100

// PurgeDeleted implements [registry.AppStore]. The rows stay, so that replicas learn of
// them, without what they say. Names that were given back before go with it.
func (s *Applications) PurgeDeleted(ctx context.Context, before time.Time) error {
	if err := purge(ctx, s.db, sqldb.Micros(before), oldNames); err != nil {
		return err
	}
	for {
		gone, err := sqldb.List[string](s.db.Reader().QueryContext(ctx,
			`SELECT id FROM applications WHERE `+inTrash+` AND deleted_at < $1 ORDER BY deleted_at LIMIT $2`, sqldb.Micros(before), purgeAtOnce))
		if err != nil || len(gone) == 0 {
			return err
		}
		err = s.db.Write(ctx, func(tx *sql.Tx) error {
			ids := sqldb.Each(gone, func(id *string) any { return *id })
			_, err := tx.ExecContext(ctx, `UPDATE applications SET name = '', redirect_uris = '', post_logout_redirect_uris = '', backchannel_logout_uri = '',
				system_user_id = '', resource = '', resource_scopes = '', accepts_from = '', companion_of = '', devices_uri = '', notes = '', owner = '', created_by = '' WHERE `+inTrash+` AND id IN (`+placeholders(1, len(ids))+`)`, ids...)
			return err
		})
		if err != nil {
			return err
		}
	}
}
