package data

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

// claimResource gives back the resource that an application had and takes the one that it
// has now, with its scopes, inside the transaction that changes it; nil is for an
// application that is not there. Of any number at once one gets a name, and the others an
// error with [tandem.CodeConflict].
func claimResource(ctx context.Context, tx *sql.Tx, old, changed *tandem.TrustedApp, now time.Time) error {
	was, is := resourceOf(old), resourceOf(changed)
	if was.uri != is.uri {
		if was.uri != "" {
			if err := releaseName(ctx, tx, was.uri, resourceName, now); err != nil {
				return err
			}
		}
		if is.uri != "" {
			if err := claimName(ctx, tx, is.uri, resourceName, now); err != nil {
				return err
			}
		}
	}
	if was.scopes.Within(is.scopes) && is.scopes.Within(was.scopes) {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM resource_scopes WHERE application_id = $1`, was.id); err != nil {
		return err
	}
	for _, name := range is.scopes {
		claimed, err := sqldb.Changed(tx.ExecContext(ctx,
			`INSERT INTO resource_scopes (name, application_id) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, scopeKey(name), is.id))
		if err != nil {
			return err
		}
		if !claimed {
			return tandem.Errorf(tandem.CodeConflict, "the scope %q is of another resource: a scope is of one resource in the instance", name)
		}
	}
	return nil
}

// heldResource is what an application holds of names.
type heldResource struct {
	id, uri string
	scopes  tandem.Scope
}

func resourceOf(a *tandem.TrustedApp) heldResource {
	if a == nil {
		return heldResource{}
	}
	return heldResource{a.ID, a.Resource, a.ResourceScopes}
}

// scopeKey keeps scopes apart that people would take for the same.
func scopeKey(name string) string { return strings.ToLower(name) }

// ScopeOwner implements [registry.AppStore].
func (s *Applications) ScopeOwner(ctx context.Context, scope string) (applicationURI string, err error) {
	err = s.db.Reader().QueryRowContext(ctx, `SELECT application_uri FROM applications
		WHERE id = (SELECT application_id FROM resource_scopes WHERE name = $1)`, scopeKey(scope)).Scan(&applicationURI)
	return applicationURI, sqldb.NotFound(err, "there is no resource with the scope %q", scope)
}

// ReserveNames takes the names that the instance itself has in tokens, its issuer and
// audiences, so that no resource, application or account is called so. It returns those
// that somebody has already.
func (s *Instance) ReserveNames(ctx context.Context, names ...string) (taken []string, err error) {
	args := sqldb.Each(names, func(name *string) any { return scopeKey(*name) })
	held := `FROM principal_names WHERE name IN (` + placeholders(1, len(args)) + `) AND kind `
	var ours int
	err = s.db.Reader().QueryRowContext(ctx, `SELECT COUNT(*) `+held+`= 'instance'`, args...).Scan(&ours)
	if err != nil || ours == len(names) {
		return nil, err // as at every start but the first
	}
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		for _, name := range args {
			if _, err := tx.ExecContext(ctx, `INSERT INTO principal_names (name, kind) VALUES ($1, 'instance')
				ON CONFLICT (name) DO UPDATE SET kind = 'instance', holders = 1 WHERE principal_names.holders < 1`, name); err != nil {
				return err
			}
		}
		taken, err = sqldb.List[string](tx.QueryContext(ctx, `SELECT name `+held+`<> 'instance'`, args...))
		return err
	})
	return taken, err
}
