package data

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// Applications keeps Trusted Applications and their credentials; it implements
// [registry.Apps] and [registry.AppStore].
type Applications struct{ db *sqldb.DB }

// NewApplications keeps applications in the instance's database.
func NewApplications(db *sqldb.DB) *Applications { return &Applications{db} }

const applicationColumns = `id, application_uri, name, is_enabled, client_type, internal_users, external_users,
	redirect_uris, post_logout_redirect_uris, backchannel_logout_uri, system_user_allowed, system_user_id,
	scope, user_scope, service_scope, access_tokens, device_flow, first_party, secret_hash, basic_authentication,
	notes, created_at, changed_at, deleted_at, version`

// Create implements [registry.AppStore].
func (s *Applications) Create(ctx context.Context, a tandem.TrustedApp) (tandem.TrustedApp, error) {
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := claimName(ctx, tx, a.ApplicationURI, applicationName); err != nil {
			return err
		}
		changed, err := changeTime(ctx, tx, a.ChangedAt)
		if err != nil {
			return err
		}
		a.ChangedAt, a.Version = changed, 1
		_, err = tx.ExecContext(ctx, `INSERT INTO applications (`+applicationColumns+`) VALUES
			($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, 0, $24)`,
			a.ID, a.ApplicationURI, a.Name, a.Enabled, string(a.ClientType), a.InternalUsers, a.ExternalUsers,
			lines(a.RedirectURIs), lines(a.PostLogoutRedirectURIs), a.BackchannelLogoutURI, a.SystemUserAllowed, a.SystemUserID,
			a.Scope.String(), nullScope(a.UserScope), nullScope(a.ServiceScope), string(a.AccessTokens), a.DeviceFlow, a.FirstParty,
			a.SecretHash, a.BasicAuthentication, a.Notes, sqldb.Micros(a.CreatedAt), sqldb.Micros(a.ChangedAt), a.Version)
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

// changeTime is the time of a change: later than every change before it, even
// when the clocks of two replicas differ, so that who polls misses none.
func changeTime(ctx context.Context, tx *sql.Tx, now time.Time) (time.Time, error) {
	var newest int64
	err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(changed_at), 0) FROM applications`).Scan(&newest)
	return sqldb.Time(max(sqldb.Micros(now), newest+1)), err
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
	return found[0].App, nil
}

func noApplication(uri string) error {
	return &tandem.Error{Code: tandem.CodeNotFound, Message: fmt.Sprintf("there is no application %q", uri)}
}

// List implements [registry.AppStore].
func (s *Applications) List(ctx context.Context) ([]tandem.TrustedApp, error) {
	found, err := s.query(ctx, s.db.Reader(), `WHERE deleted_at = 0 ORDER BY application_uri`)
	if err != nil {
		return nil, err
	}
	apps := make([]tandem.TrustedApp, len(found))
	for i := range found {
		apps[i] = found[i].App
	}
	return apps, nil
}

// ChangedSince implements [registry.Apps].
func (s *Applications) ChangedSince(ctx context.Context, since time.Time) ([]registry.AppChange, error) {
	return s.query(ctx, s.db.Reader(), `WHERE changed_at >= $1 ORDER BY changed_at`, sqldb.Micros(since))
}

// Update implements [registry.AppStore].
func (s *Applications) Update(ctx context.Context, uri string, now time.Time, change func(old tandem.TrustedApp) (tandem.TrustedApp, error)) (tandem.TrustedApp, error) {
	var a tandem.TrustedApp
	err := s.change(ctx, uri, now, func(tx *sql.Tx, old tandem.TrustedApp, at time.Time) error {
		var err error
		if a, err = change(old); err != nil {
			return err
		}
		a.ID, a.ApplicationURI, a.CreatedAt, a.Credentials = old.ID, old.ApplicationURI, old.CreatedAt, old.Credentials
		a.ChangedAt, a.Version = at, old.Version+1
		_, err = tx.ExecContext(ctx, `UPDATE applications SET name = $2, is_enabled = $3, client_type = $4, internal_users = $5,
			external_users = $6, redirect_uris = $7, post_logout_redirect_uris = $8, backchannel_logout_uri = $9,
			system_user_allowed = $10, system_user_id = $11, scope = $12, user_scope = $13, service_scope = $14,
			access_tokens = $15, device_flow = $16, first_party = $17, secret_hash = $18, basic_authentication = $19,
			notes = $20 WHERE id = $1`,
			a.ID, a.Name, a.Enabled, string(a.ClientType), a.InternalUsers, a.ExternalUsers,
			lines(a.RedirectURIs), lines(a.PostLogoutRedirectURIs), a.BackchannelLogoutURI, a.SystemUserAllowed, a.SystemUserID,
			a.Scope.String(), nullScope(a.UserScope), nullScope(a.ServiceScope), string(a.AccessTokens), a.DeviceFlow, a.FirstParty,
			a.SecretHash, a.BasicAuthentication, a.Notes)
		return err
	})
	return a, err
}

// change runs f on an application that nobody else can change meanwhile, and
// counts the version.
func (s *Applications) change(ctx context.Context, uri string, now time.Time, f func(tx *sql.Tx, old tandem.TrustedApp, at time.Time) error) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		found, err := s.query(ctx, tx, `WHERE deleted_at = 0 AND application_uri = $1`+s.db.ForUpdate(), uri)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return noApplication(uri)
		}
		at, err := changeTime(ctx, tx, now)
		if err != nil {
			return err
		}
		if err := f(tx, found[0].App, at); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE applications SET changed_at = $2, version = version + 1 WHERE id = $1`, found[0].App.ID, sqldb.Micros(at))
		return err
	})
}

// Delete implements [registry.AppStore].
func (s *Applications) Delete(ctx context.Context, uri string, now time.Time) error {
	return s.change(ctx, uri, now, func(tx *sql.Tx, old tandem.TrustedApp, at time.Time) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM credentials WHERE application_id = $1`, old.ID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE applications SET deleted_at = $2, is_enabled = $3, secret_hash = '' WHERE id = $1`,
			old.ID, sqldb.Micros(at), false); err != nil {
			return err
		}
		return releaseName(ctx, tx, old.ApplicationURI, applicationName)
	})
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// query reads applications and their credentials. The version tells whether
// one changed between the two readings; then the reader asks again soon
// anyway.
func (s *Applications) query(ctx context.Context, q querier, where string, args ...any) ([]registry.AppChange, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+applicationColumns+` FROM applications `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []registry.AppChange
	for rows.Next() {
		c, err := scanApplication(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i := range found {
		if found[i].Deleted {
			continue
		}
		if found[i].App.Credentials, err = credentialsOf(ctx, q, found[i].App.ID); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func scanApplication(rows *sql.Rows) (registry.AppChange, error) {
	var a tandem.TrustedApp
	var clientType, redirects, postLogouts, scope, policy string
	var userScope, serviceScope sql.NullString
	var created, changed, deleted int64
	err := rows.Scan(&a.ID, &a.ApplicationURI, &a.Name, &a.Enabled, &clientType, &a.InternalUsers, &a.ExternalUsers,
		&redirects, &postLogouts, &a.BackchannelLogoutURI, &a.SystemUserAllowed, &a.SystemUserID,
		&scope, &userScope, &serviceScope, &policy, &a.DeviceFlow, &a.FirstParty, &a.SecretHash, &a.BasicAuthentication,
		&a.Notes, &created, &changed, &deleted, &a.Version)
	if err != nil {
		return registry.AppChange{}, err
	}
	a.ClientType, a.AccessTokens = tandem.ClientType(clientType), tandem.AccessTokensPolicy(policy)
	a.RedirectURIs, a.PostLogoutRedirectURIs = unlines(redirects), unlines(postLogouts)
	a.Scope, a.UserScope, a.ServiceScope = tandem.ParseScope(scope), scopeOrNil(userScope), scopeOrNil(serviceScope)
	a.CreatedAt, a.ChangedAt = sqldb.Time(created), sqldb.Time(changed)
	return registry.AppChange{App: a, Deleted: deleted != 0}, nil
}

// lines keeps a list of URIs, which have no line breaks.
func lines(uris []string) string { return strings.Join(uris, "\n") }

func unlines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// nullScope keeps the difference between no narrower scope and an empty one.
func nullScope(s tandem.Scope) sql.NullString {
	return sql.NullString{String: s.String(), Valid: s != nil}
}

func scopeOrNil(s sql.NullString) tandem.Scope {
	if !s.Valid {
		return nil
	}
	if scope := tandem.ParseScope(s.String); scope != nil {
		return scope
	}
	return tandem.Scope{}
}
