package data

import (
	"context"
	"database/sql"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// Changes tells replicas what has changed; it implements [registry.Changes]. Each
// kind of change has a counter, whose row a change locks until its commit.
type Changes struct{ db *sqldb.DB }

// NewChanges reads the instance's database.
func NewChanges(db *sqldb.DB) *Changes { return &Changes{db} }

// Newest implements [registry.Changes].
func (s *Changes) Newest(ctx context.Context) (m registry.Marks, err error) {
	stmt, err := s.db.ReadStmt(ctx, `SELECT (SELECT last FROM change_counters WHERE name = 'applications'),
		(SELECT last FROM change_counters WHERE name = 'users'), (SELECT last FROM change_counters WHERE name = 'revocations'),
		(SELECT last FROM change_counters WHERE name = 'permissions'), (SELECT last FROM change_counters WHERE name = 'reference_tokens')`)
	if err != nil {
		return m, err
	}
	err = stmt.QueryRowContext(ctx).Scan(&m.Apps, &m.Users, &m.Revocations, &m.Permissions, &m.References)
	return m, err
}

// appChange is a row of the table as the registry needs it.
type appChange struct {
	application
	change int64
}

var appChanges = sqldb.NewTable("applications", func(a *appChange, column sqldb.Column) {
	column("id", &a.ID)
	column("application_uri", &a.ApplicationURI)
	column("name", &a.Name)
	column("is_enabled", &a.Enabled)
	column("client_type", &a.ClientType)
	column("internal_users", &a.InternalUsers)
	column("external_users", &a.ExternalUsers)
	column("redirect_uris", linesField(&a.RedirectURIs))
	column("post_logout_redirect_uris", linesField(&a.PostLogoutRedirectURIs))
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
	column("secret_hash", &a.SecretHash)
	column("created_at", sqldb.TimeField(&a.CreatedAt))
	column("deleted_at", sqldb.TimeField(&a.deletedAt))
	column("version", &a.Version)
	column("change", &a.change)
})

// How many changes are told at a time.
const (
	appPage     = 500
	revokedPage = 2000
)

// appsAfter says nothing of deleted ones: a planner who knows little of the table would
// look for those first, and sort all rows for each page.
const appsAfter = `WHERE change > $1 ORDER BY change LIMIT $2`

// AppsAfter implements [registry.Changes]. An application and its credentials are
// of the same moment.
func (s *Changes) AppsAfter(ctx context.Context, change int64, tell func(registry.AppChange)) (registry.Part, error) {
	var page []appChange
	var of map[string][]tandem.Credential
	err := s.db.Snapshot(ctx, func(tx *sql.Tx) (err error) {
		page, err = appChanges.All(tx.QueryContext(ctx, appChanges.Select+appsAfter, change, appPage))
		if err != nil || len(page) == 0 {
			return err
		}
		ids := sqldb.Each(page, func(a *appChange) any { return a.ID })
		of, err = credentialsOf(ctx, tx, `application_id IN (`+placeholders(1, len(ids))+`)`, ids...)
		return err
	})
	part := registry.Part{Last: change, More: len(page) == appPage}
	if err != nil {
		return part, err
	}
	for i := range page {
		a := &page[i]
		a.Credentials, part.Last = of[a.ID], a.change
		if deleted := !a.deletedAt.IsZero(); !deleted || change > 0 {
			tell(registry.AppChange{App: a.TrustedApp, Deleted: deleted})
		}
	}
	return part, nil
}

// UsersAfter implements [registry.Changes].
func (s *Changes) UsersAfter(ctx context.Context, change int64, tell func(id string)) error {
	stmt, err := s.db.ReadStmt(ctx, `SELECT user_id FROM user_changes WHERE change > $1`)
	if err != nil {
		return err
	}
	ids, err := sqldb.List[string](stmt.QueryContext(ctx, change))
	for _, id := range ids {
		tell(id)
	}
	return err
}

// RevokedAfter implements [registry.Changes]. The last condition makes the index
// fit.
func (s *Changes) RevokedAfter(ctx context.Context, change int64, at time.Time, tell func(registry.RevokedToken)) (registry.Part, error) {
	part := registry.Part{Last: change}
	stmt, err := s.db.ReadStmt(ctx, revocations.Select+revokedAfter)
	if err != nil {
		return part, err
	}
	page, err := revocations.All(stmt.QueryContext(ctx, change, sqldb.Micros(at), revokedPage))
	if err != nil {
		return part, err
	}
	for i := range page {
		tell(page[i].RevokedToken)
		part.Last = page[i].change
	}
	part.More = len(page) == revokedPage
	return part, nil
}

// revocation is a row of the table as the registry needs it.
type revocation struct {
	registry.RevokedToken
	change int64
}

var revocations = sqldb.NewTable("revoked_tokens", func(t *revocation, column sqldb.Column) {
	column("token_id", &t.ID)
	column("revoked_at", sqldb.TimeField(&t.RevokedAt))
	column("expires_at", sqldb.TimeField(&t.ExpiresAt))
	column("change", &t.change)
})

const revokedAfter = `WHERE change > $1 AND expires_at > $2 AND change > 0 ORDER BY change LIMIT $3`
