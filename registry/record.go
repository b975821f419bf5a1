package registry

import (
	"context"
	"time"

	"github.com/hybridapps/tandem"
)

// Kinds of what is administered here, as the record names them.
const (
	subjectApplication = "application"
	subjectCredential  = "credential"
)

// record puts on record what was done to an application: what it was before and is
// now, of which either may be nil.
func (t *TrustedApps) record(ctx context.Context, by tandem.By, what string, before, after *tandem.TrustedApp) error {
	f, of := tandem.Facts{}, after
	if of == nil {
		of = before
	}
	f.Subject = tandem.Subject{Kind: subjectApplication, ID: of.ID, Name: of.ApplicationURI}
	was, err := t.attributes(ctx, before)
	if err != nil {
		return err
	}
	is, err := t.attributes(ctx, after)
	if err != nil {
		return err
	}
	f.Changed(was, is)
	return t.recordFacts(ctx, by, of.ApplicationURI, what, f)
}

func (t *TrustedApps) recordFacts(ctx context.Context, by tandem.By, applicationURI, what string, f tandem.Facts) error {
	e := by.Recorded(what, f)
	e.At, e.ApplicationURI = t.Clock.Now(), applicationURI
	return t.Audit.Record(ctx, e)
}

// attributes are those of an application as its JSON has them, with the hash of its
// classic secret as set or unset. The System User is named by the login.
func (t *TrustedApps) attributes(ctx context.Context, a *tandem.TrustedApp) (tandem.Attributes, error) {
	if a == nil {
		return nil, nil
	}
	systemUser, err := t.loginOf(ctx, a.SystemUserID)
	return tandem.Attributes{
		"name": a.Name, "is_enabled": a.Enabled, "client_type": string(a.ClientType),
		"impersonate_as_internal_user_allowed": a.InternalUsers, "impersonate_as_community_user_allowed": a.ExternalUsers,
		"redirect_uris": list(a.RedirectURIs), "post_logout_redirect_uris": list(a.PostLogoutRedirectURIs),
		"backchannel_logout_uri": a.BackchannelLogoutURI, "system_user_allowed": a.SystemUserAllowed, "system_user": systemUser,
		"scope": a.Scope.String(), "user_scope": narrower(a.UserScope), "service_scope": narrower(a.ServiceScope),
		"access_tokens": string(a.AccessTokens), "device_flow": a.DeviceFlow, "first_party": a.FirstParty,
		"pushed_requests_only": a.PushedRequestsOnly, "bound_tokens_only": a.BoundTokensOnly, "proof_nonce": a.ProofNonce, "fapi": a.FAPI, "id_token_algorithm": a.IDTokenAlgorithm,
		"resource": a.Resource, "resource_scopes": a.ResourceScopes.String(), "accepts_from": list(a.AcceptsFrom), "companion_of": a.CompanionOf, "devices_uri": a.DevicesURI,
		"application_secret_hash": tandem.SetOrUnset(a.SecretHash != ""), "basic_authentication_allowed": a.BasicAuthentication, "notes": a.Notes,
		"owner": a.Owner,
	}, err
}

// loginOf is the login of a System User, or the id of one that is gone.
func (t *TrustedApps) loginOf(ctx context.Context, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	u, err := t.Accounts.UserByID(ctx, id)
	if tandem.ErrorCode(err) == tandem.CodeNotFound {
		return id, nil
	}
	return u.Login, err
}

// list keeps none and an empty one from looking different.
func list(uris []string) []string {
	if uris == nil {
		return []string{}
	}
	return uris
}

// narrower tells no narrower scope from an empty one.
func narrower(s tandem.Scope) any {
	if s == nil {
		return nil
	}
	return s.String()
}

// recordCredential puts on record what was done to a credential; before is nil for a new
// one.
func (t *TrustedApps) recordCredential(ctx context.Context, by tandem.By, applicationURI, what string, before, after *tandem.Credential) error {
	f := tandem.Facts{Subject: tandem.Subject{Kind: subjectCredential, ID: after.ID, Name: after.Name}}
	f.Changed(credentialAttributes(before), credentialAttributes(after))
	return t.recordFacts(ctx, by, applicationURI, what, f)
}

// credentialAttributes are those of a credential, which has no secret among them.
func credentialAttributes(c *tandem.Credential) tandem.Attributes {
	if c == nil {
		return nil
	}
	return tandem.Attributes{
		"name": c.Name, "flow": string(c.Flow), "kind": string(c.Kind), "not_before": timeWord(c.NotBefore), "expires_at": timeWord(c.ExpiresAt),
		"revoked_at": timeWord(c.RevokedAt), "successor_of": c.SuccessorOf,
	}
}

// timeWord is empty for no time.
func timeWord(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
