package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
)

// appRow is an application in JSON: the names of demo.json and every attribute.
type appRow struct {
	ID                 string                    `json:"id"`
	ApplicationURI     string                    `json:"application_uri"`
	Name               string                    `json:"name"`
	Enabled            bool                      `json:"is_enabled"`
	ClientType         tandem.ClientType         `json:"client_type"`
	UserSecret         string                    `json:"user_secret,omitempty"`
	ServiceSecret      string                    `json:"service_secret,omitempty"`
	InternalUsers      bool                      `json:"impersonate_as_internal_user_allowed"`
	ExternalUsers      bool                      `json:"impersonate_as_community_user_allowed"`
	RedirectURIs       []string                  `json:"redirect_uris"`
	PostLogoutURIs     []string                  `json:"post_logout_redirect_uris"`
	LoginURL           string                    `json:"impersonate_login_url"`
	LogoutURL          string                    `json:"impersonate_logout_url"`
	BackchannelLogout  string                    `json:"backchannel_logout_uri,omitempty"`
	BackchannelLast    *toldRow                  `json:"backchannel_last_delivery,omitempty"`
	SystemUserAllowed  bool                      `json:"system_user_allowed"`
	SystemUser         string                    `json:"system_user,omitempty"`
	Scope              string                    `json:"scope"`
	UserScope          string                    `json:"user_scope,omitempty"`
	ServiceScope       string                    `json:"service_scope,omitempty"`
	AccessTokens       tandem.AccessTokensPolicy `json:"access_tokens"`
	DeviceFlow         bool                      `json:"device_flow"`
	FirstParty         bool                      `json:"first_party"`
	PushedOnly         bool                      `json:"pushed_requests_only"`
	BoundOnly          bool                      `json:"bound_tokens_only"`
	ProofNonce         bool                      `json:"proof_nonce"`
	FAPI               bool                      `json:"fapi"`
	IDTokenAlgorithm   string                    `json:"id_token_algorithm,omitempty"`
	Resource           string                    `json:"resource,omitempty"`
	ResourceScopes     string                    `json:"resource_scopes,omitempty"`
	AcceptsFrom        []string                  `json:"accepts_from,omitempty"`
	CompanionOf        string                    `json:"companion_of,omitempty"`
	Devices            string                    `json:"devices_uri,omitempty"`
	SecretHash         string                    `json:"application_secret_hash,omitempty"`
	BasicAuthorization bool                      `json:"basic_authentication_allowed"`
	Notes              string                    `json:"notes"`
	Owner              string                    `json:"owner"`
	Source             tandem.Via                `json:"source"`
	CreatedBy          string                    `json:"created_by"`
	DeletedAt          *stamp                    `json:"deleted_at,omitempty"`
	Credentials        []credentialRow           `json:"credentials"`
	CreatedAt          stamp                     `json:"creation_time_utc"`
	ChangedAt          stamp                     `json:"changed_at"`
	Version            int64                     `json:"row_version"`
}

func appRowOf(ctx context.Context, a *platform.Administration, app tandem.TrustedApp) (appRow, error) {
	systemUser := ""
	if app.SystemUserID != "" {
		u, err := a.Apps.Accounts.UserByID(ctx, app.SystemUserID)
		if err != nil && !errors.Is(err, tandem.ErrNotFound) {
			return appRow{}, err
		}
		systemUser = u.Login
	}
	row := newAppRow(app, systemUser)
	told, err := a.LastTold(ctx, app.ID)
	if errors.Is(err, tandem.ErrNotFound) {
		return row, nil
	}
	row.BackchannelLast = &toldRow{stamp{told.At}, told.Tries, told.Error}
	return row, err
}

// toldRow is how an application was last told of the end of a sign-in.
type toldRow struct {
	At    stamp  `json:"at"`
	Tries int    `json:"tries"`
	Error string `json:"error,omitempty"`
}

func (r *toldRow) String() string {
	switch {
	case r == nil:
		return ""
	case r.Error == "":
		return r.At.String() + ", taken"
	}
	return r.At.String() + ", not taken at try " + strconv.Itoa(r.Tries) + ": " + r.Error
}

func newAppRow(app tandem.TrustedApp, systemUser string) appRow {
	return appRow{
		ID: app.ID, ApplicationURI: app.ApplicationURI, Name: app.Name, Enabled: app.Enabled, ClientType: app.ClientType,
		InternalUsers: app.InternalUsers, ExternalUsers: app.ExternalUsers,
		RedirectURIs: list(app.RedirectURIs), PostLogoutURIs: list(app.PostLogoutRedirectURIs),
		LoginURL: strings.Join(app.RedirectURIs, ","), LogoutURL: strings.Join(app.PostLogoutRedirectURIs, ","),
		BackchannelLogout: app.BackchannelLogoutURI, SystemUserAllowed: app.SystemUserAllowed, SystemUser: systemUser,
		Scope: app.Scope.String(), UserScope: app.UserScope.String(), ServiceScope: app.ServiceScope.String(),
		AccessTokens: app.AccessTokens, DeviceFlow: app.DeviceFlow, FirstParty: app.FirstParty,
		PushedOnly: app.PushedRequestsOnly, BoundOnly: app.BoundTokensOnly, ProofNonce: app.ProofNonce, FAPI: app.FAPI, IDTokenAlgorithm: app.IDTokenAlgorithm,
		Resource: app.Resource, ResourceScopes: app.ResourceScopes.String(), AcceptsFrom: app.AcceptsFrom, CompanionOf: app.CompanionOf, Devices: app.DevicesURI,
		SecretHash: app.SecretHash, BasicAuthorization: app.BasicAuthentication, Notes: app.Notes,
		Owner: app.Owner, Source: app.Source, CreatedBy: app.CreatedBy,
		Credentials: credentialRows(&app),
		CreatedAt:   stamp{app.CreatedAt}, ChangedAt: stamp{app.ChangedAt}, Version: app.Version,
	}
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func (a *appRow) fields() []field {
	fields := []field{
		{"application_uri", a.ApplicationURI}, {"name", a.Name}, {"is_enabled", yes(a.Enabled)}, {"client_type", string(a.ClientType)},
		{"internal users", yes(a.InternalUsers)}, {"external users", yes(a.ExternalUsers)},
		{"redirect_uris", strings.Join(a.RedirectURIs, " ")}, {"post_logout_redirect_uris", strings.Join(a.PostLogoutURIs, " ")},
		{"backchannel_logout_uri", a.BackchannelLogout}, {"backchannel_last_delivery", a.BackchannelLast.String()}, {"system_user", a.SystemUser}, {"scope", a.Scope},
		{"user_scope", a.UserScope}, {"service_scope", a.ServiceScope}, {"access_tokens", string(a.AccessTokens)},
		{"device_flow", yes(a.DeviceFlow)}, {"first_party", yes(a.FirstParty)}, {"pushed_requests_only", yes(a.PushedOnly)},
		{"bound_tokens_only", yes(a.BoundOnly)}, {"proof_nonce", yes(a.ProofNonce)}, {"fapi", yes(a.FAPI)}, {"id_token_algorithm", a.IDTokenAlgorithm}, {"notes", a.Notes},
		{"resource", a.Resource}, {"resource_scopes", a.ResourceScopes}, {"accepts_from", strings.Join(a.AcceptsFrom, " ")}, {"companion_of", a.CompanionOf}, {"devices_uri", a.Devices},
		{"owner", a.Owner}, {"source", string(a.Source)}, {"created", then(a.CreatedAt, a.CreatedBy)}, {"changed", a.ChangedAt.String()},
	}
	revoked := 0
	for _, c := range a.Credentials {
		if c.State == credentialRevoked {
			revoked++
			continue
		}
		fields = append(fields, field{"credential", c.words()})
	}
	if revoked > 0 {
		fields = append(fields, field{"revoked credentials", strconv.Itoa(revoked) + " in the last 400 days: tandem app credential list " + a.ApplicationURI})
	}
	return fields
}

// words tell of a credential in a line.
func (c *credentialRow) words() string {
	if c.ID == tandem.ClassicCredential {
		return lastUsed("ApplicationSecretHash (both halves, classic secret)", c)
	}
	words := c.ID + " (" + string(c.Flow) + ", " + string(c.Kind)
	if c.Name != "" {
		words += ", " + c.Name
	}
	if c.State == credentialActive {
		return lastUsed(words+")", c)
	}
	return words + ", " + c.State + ")"
}

func lastUsed(words string, c *credentialRow) string {
	if c.LastUsedAt.IsZero() {
		return words
	}
	return words + ", last used " + then(c.LastUsedAt, c.LastUsedFrom)
}
