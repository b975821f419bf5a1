package data

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// Applications keeps Trusted Applications and their credentials; it implements
// [registry.AppStore]. Triggers number each change, see [Changes].
type Applications struct{ db *sqldb.DB }

// NewApplications keeps applications in the instance's database.
func NewApplications(db *sqldb.DB) *Applications { return &Applications{db} }

// application is a row of the table; its credentials are in another.
type application struct {
	tandem.TrustedApp
	deletedAt time.Time // zero while it exists
}

var applications = sqldb.NewTable("applications", func(a *application, column sqldb.Column) {
	column("id", &a.ID)
	column("application_uri", &a.ApplicationURI)
	column("name", &a.Name)
	column("is_enabled", &a.Enabled)
	column("client_type", &a.ClientType)
	column("internal_users", &a.InternalUsers)
	column("external_users", &a.ExternalUsers)
	column("redirect_uris", linesField(&a.RedirectURIs))
	column("post_logout_redirect_uris", linesField(&a.PostLogoutRedirectURIs))
	column("backchannel_logout_uri", &a.BackchannelLogoutURI)
	column("system_user_allowed", &a.SystemUserAllowed)
	column("system_user_id", &a.SystemUserID)
	column("scope", scopeField(&a.Scope))
	column("user_scope", (*nullableScope)(&a.UserScope))
	column("service_scope", (*nullableScope)(&a.ServiceScope))
	column("access_tokens", &a.AccessTokens)
	column("device_flow", &a.DeviceFlow)
	column("first_party", &a.FirstParty)
	column("pushed_requests_only", &a.PushedRequestsOnly)
	column("bound_tokens_only", &a.BoundTokensOnly)
	column("proof_nonce", &a.ProofNonce)
	column("fapi", &a.FAPI)
	column("id_token_algorithm", &a.IDTokenAlgorithm)
	column("resource", &a.Resource)
	column("resource_scopes", scopeField(&a.ResourceScopes))
	column("accepts_from", linesField(&a.AcceptsFrom))
	column("companion_of", &a.CompanionOf)
	column("devices_uri", &a.DevicesURI)
	column("secret_hash", &a.SecretHash)
	column("basic_authentication", &a.BasicAuthentication)
	column("notes", &a.Notes)
	column("owner", &a.Owner)
	column("source", &a.Source)
	column("created_by", &a.CreatedBy)
	column("created_at", sqldb.TimeField(&a.CreatedAt))
	column("changed_at", sqldb.TimeField(&a.ChangedAt))
	column("deleted_at", sqldb.TimeField(&a.deletedAt))
	column("version", &a.Version)
})

// Create implements [registry.AppStore].
func (s *Applications) Create(ctx context.Context, a tandem.TrustedApp) (tandem.TrustedApp, error) {
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := claimApplication(ctx, tx, a.ApplicationURI, a.CreatedAt); err != nil {
			return err
		}
		if err := claimResource(ctx, tx, nil, &a, a.CreatedAt); err != nil {
			return err
		}
		a.Version = 1
		_, err := tx.ExecContext(ctx, applications.Insert, applications.Values(&application{TrustedApp: a})...)
		if err != nil {
			return err
		}
		for i := range a.Credentials {
			if err := insertCredential(ctx, tx, a.ID, &a.Credentials[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return a, err
}

// claimApplication takes an ApplicationURI for an application that comes to be.
func claimApplication(ctx context.Context, tx *sql.Tx, uri string, now time.Time) error {
	if err := claimName(ctx, tx, uri, applicationName, now); err != nil {
		return err
	}
	var there int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM applications WHERE deleted_at = 0 AND application_uri = $1`, uri).Scan(&there)
	if err == nil && there > 0 {
		err = taken(uri, applicationName)
	}
	return err
}

// ByURI implements [registry.AppStore].
func (s *Applications) ByURI(ctx context.Context, uri string) (tandem.TrustedApp, error) {
	found, err := s.query(ctx, s.db.Reader(), `WHERE deleted_at = 0 AND application_uri = $1`, uri)
	if err != nil {
		return tandem.TrustedApp{}, err
	}
	if len(found) == 0 {
		return tandem.TrustedApp{}, noApplication(uri)
	}
	return found[0].TrustedApp, nil
}

func noApplication(uri string) error {
	return tandem.Errorf(tandem.CodeNotFound, "there is no application %q", uri)
}

// Page implements [registry.AppStore].
func (s *Applications) Page(ctx context.Context, f registry.Filter, after string, limit int) (page []registry.ListedApp, err error) {
	var w where
	w.when(!f.Trash, "deleted_at = 0")
	w.when(f.Trash, inTrash)
	// Of several with one ApplicationURI the last: a page begins after one.
	w.when(f.Trash, `NOT EXISTS (SELECT 1 FROM applications later WHERE later.application_uri = applications.application_uri
		AND later.name <> '' AND later.deleted_at > applications.deleted_at)`)
	w.add("application_uri > ?", after)
	w.when(f.ClientType != "", "client_type = ?", string(f.ClientType))
	w.when(f.SystemUserID != "", "system_user_id = ?", f.SystemUserID)
	w.when(f.Disabled, "NOT is_enabled")
	w.when(f.Text != "", s.db.Contains("lower(application_uri || ' ' || name)", "?"), lowerASCII(f.Text))
	err = s.db.Snapshot(ctx, func(tx *sql.Tx) error {
		found, err := s.query(ctx, tx, w.text()+` ORDER BY application_uri LIMIT `+strconv.Itoa(limit), w.args...)
		if err != nil || len(found) == 0 {
			return err
		}
		logins, err := systemUsers(ctx, tx, found)
		page = sqldb.Each(found, func(a *application) registry.ListedApp {
			return registry.ListedApp{TrustedApp: a.TrustedApp, SystemUser: logins[a.SystemUserID], DeletedAt: a.deletedAt}
		})
		return err
	})
	return page, err
}

// systemUsers are the logins of the applications' System Users, by id.
func systemUsers(ctx context.Context, q querier, of []application) (map[string]string, error) {
	ids := sqldb.Each(of, func(a *application) any { return a.SystemUserID })
	rows, err := q.QueryContext(ctx, listedUsers.Select+`WHERE id IN (`+placeholders(1, len(ids))+`)`, ids...)
	logins := map[string]string{}
	return logins, listedUsers.Range(rows, err, func(u *tandem.User) error {
		logins[u.ID] = u.Login
		return nil
	})
}

// Update implements [registry.AppStore].
func (s *Applications) Update(ctx context.Context, uri string, now time.Time,
	change func(old tandem.TrustedApp) (tandem.TrustedApp, error),
) (tandem.TrustedApp, error) {
	var a tandem.TrustedApp
	err := s.change(ctx, uri, now, func(tx *sql.Tx, old tandem.TrustedApp, at time.Time) error {
		var err error
		if a, err = change(old); err != nil {
			return err
		}
		a.ID, a.ApplicationURI, a.CreatedAt, a.Credentials = old.ID, old.ApplicationURI, old.CreatedAt, old.Credentials
		a.ChangedAt, a.Version = at, old.Version+1
		if err := claimResource(ctx, tx, &old, &a, at); err != nil {
			return err
		}
		if a.SecretHash != old.SecretHash {
			a.SecretUsedAt, a.SecretUsedFrom = time.Time{}, ""
			if _, err := tx.ExecContext(ctx, `DELETE FROM classic_secret_uses WHERE application_id = $1`, old.ID); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, applications.Update, applications.Values(&application{TrustedApp: a})...)
		return err
	})
	return a, err
}

// change runs f on an application that nobody else can change meanwhile, and
// counts the version.
func (s *Applications) change(ctx context.Context, uri string, now time.Time,
	f func(tx *sql.Tx, old tandem.TrustedApp, at time.Time) error,
) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		found, err := s.query(ctx, tx, `WHERE deleted_at = 0 AND application_uri = $1`+s.db.ForUpdate(), uri)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return noApplication(uri)
		}
		old := found[0].TrustedApp
		at := later(now, old.ChangedAt)
		if err := f(tx, old, at); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE applications SET changed_at = $2, version = $3 WHERE id = $1`,
			old.ID, sqldb.Micros(at), old.Version+1)
		return err
	})
}

// later is the time, or, where a clock is behind, the moment after the change
// before.
func later(now, before time.Time) time.Time {
	if now.After(before) {
		return now
	}
	return before.Add(time.Microsecond)
}

// Delete implements [registry.AppStore].
func (s *Applications) Delete(ctx context.Context, uri string, now time.Time, by string) error {
	return s.change(ctx, uri, now, func(tx *sql.Tx, old tandem.TrustedApp, at time.Time) error {
		if err := revokeAll(ctx, tx, old.ID, at, by); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE applications SET deleted_at = $2, is_enabled = $3, secret_hash = '' WHERE id = $1`,
			old.ID, sqldb.Micros(at), false); err != nil {
			return err
		}
		if _, err := endReferences(ctx, tx, "application_id = $3", old.ID, by, at); err != nil {
			return err
		}
		if err := forgetConsents(ctx, tx, "application_id", old.ID); err != nil {
			return err
		}
		if err := claimResource(ctx, tx, &old, nil, at); err != nil {
			return err
		}
		return releaseName(ctx, tx, old.ApplicationURI, applicationName, at)
	})
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// query reads applications and their credentials.
func (s *Applications) query(ctx context.Context, q querier, where string, args ...any) ([]application, error) {
	found, err := applications.All(q.QueryContext(ctx, applications.Select+where, args...))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	ids := sqldb.Each(found, func(a *application) any { return a.ID })
	of, err := credentialsOf(ctx, q, `application_id IN (`+placeholders(1, len(ids))+`)`, ids...)
	for i := range found {
		found[i].Credentials = of[found[i].ID]
	}
	if err != nil {
		return nil, err
	}
	return found, readSecretUses(ctx, q, found)
}
