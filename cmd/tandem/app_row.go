package main

import (
	"context"
	"errors"
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
	SystemUserAllowed  bool                      `json:"system_user_allowed"`
	SystemUser         string                    `json:"system_user,omitempty"`
	Scope              string                    `json:"scope"`
	UserScope          string                    `json:"user_scope,omitempty"`
	ServiceScope       string                    `json:"service_scope,omitempty"`
	AccessTokens       tandem.AccessTokensPolicy `json:"access_tokens"`
	DeviceFlow         bool                      `json:"device_flow"`
	FirstParty         bool                      `json:"first_party"`
	SecretHash         string                    `json:"application_secret_hash,omitempty"`
	BasicAuthorization bool                      `json:"basic_authentication_allowed"`
	Notes              string                    `json:"notes"`
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
	return newAppRow(app, systemUser), nil
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
		SecretHash: app.SecretHash, BasicAuthorization: app.BasicAuthentication, Notes: app.Notes,
		Credentials: credentialRows(app.Credentials),
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
		{"backchannel_logout_uri", a.BackchannelLogout}, {"system_user", a.SystemUser}, {"scope", a.Scope},
		{"user_scope", a.UserScope}, {"service_scope", a.ServiceScope}, {"access_tokens", string(a.AccessTokens)},
		{"device_flow", yes(a.DeviceFlow)}, {"first_party", yes(a.FirstParty)}, {"notes", a.Notes},
		{"created", a.CreatedAt.String()}, {"changed", a.ChangedAt.String()},
	}
	if a.SecretHash != "" {
		fields = append(fields, field{"credential", "ApplicationSecretHash (both halves, classic secret)"})
	}
	for _, c := range a.Credentials {
		fields = append(fields, field{"credential", c.ID + " (" + string(c.Flow) + ", " + string(c.Kind) + ")"})
	}
	return fields
}
