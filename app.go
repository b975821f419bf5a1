package tandem

import (
	"slices"
	"time"
)

// MaxApplicationURI is the longest ApplicationURI, in bytes.
const MaxApplicationURI = 254

// ClientType says how an application can authenticate.
type ClientType string

// The client types. The names are those of ERP.net's Trusted Applications.
const (
	// ClientConfidential applications hold credentials.
	ClientConfidential ClientType = "Confidential"
	// ClientPublic applications hold none: PKCE is required, and they never
	// act as a System User.
	ClientPublic ClientType = "Public"
	// ClientNone is a placeholder that cannot authenticate at all.
	ClientNone ClientType = "None"
)

// AccessTokensPolicy says who may issue reference tokens for an application.
type AccessTokensPolicy string

// The policies for reference tokens; the default is [AccessTokensNone].
const (
	AccessTokensNone               AccessTokensPolicy = "None"
	AccessTokensAuthenticatedUsers AccessTokensPolicy = "AuthenticatedUsers"
	AccessTokensAdministratorsOnly AccessTokensPolicy = "AdministratorsOnly"
)

// TrustedApp is a Trusted Application: the one registration of a hybrid app.
// Its two halves share this record and nothing else.
type TrustedApp struct {
	// ID is a GUID that never changes.
	ID string
	// ApplicationURI is the OAuth client_id, in reverse-host style
	// (com.acme/portal), compared byte for byte.
	ApplicationURI string
	Name           string
	// Enabled is the kill switch: while it is off no token is issued and live
	// tokens are refused, on every replica, within five seconds.
	Enabled    bool
	ClientType ClientType
	// InternalUsers and ExternalUsers say who may sign in through it
	// (ImpersonateAsInternalUserAllowed, ImpersonateAsCommunityUserAllowed).
	InternalUsers, ExternalUsers bool
	// RedirectURIs and PostLogoutRedirectURIs are matched byte for byte
	// (ImpersonateLoginUrl, ImpersonateLogoutUrl).
	RedirectURIs, PostLogoutRedirectURIs []string
	// BackchannelLogoutURI is empty when the application has none.
	BackchannelLogoutURI string
	// SystemUserAllowed permits the client credentials flow, as the user with
	// SystemUserID.
	SystemUserAllowed bool
	SystemUserID      string
	// Scope is the most that either flow may be granted.
	Scope Scope
	// UserScope and ServiceScope narrow Scope for one flow; nil means Scope.
	UserScope, ServiceScope Scope
	AccessTokens            AccessTokensPolicy
	// DeviceFlow lets a confidential application use the device flow.
	DeviceFlow bool
	// FirstParty applications need no consent page.
	FirstParty bool
	// PushedRequestsOnly takes authorization requests that were pushed alone
	// (require_pushed_authorization_requests, RFC 9126 section 6).
	PushedRequestsOnly bool
	// BoundTokensOnly issues tokens to clients alone that prove a key
	// (dpop_bound_access_tokens, RFC 9449 section 5.2).
	BoundTokensOnly bool
	// ProofNonce wants the server's newest nonce in each DPoP proof of the application's
	// (RFC 9449 section 8), so that none can have been made ahead.
	ProofNonce bool
	// FAPI holds the application to the FAPI 2.0 Security Profile: both of the above,
	// PKCE, response_type code alone, and private_key_jwt that is addressed to the
	// issuer and signed with PS256, ES256 or EdDSA.
	FAPI bool
	// IDTokenAlgorithm is what ID tokens are signed with, one of [IDTokenAlgorithms];
	// empty means RS256, and ES256 with FAPI, which forbids RS256.
	IDTokenAlgorithm string
	// Resource is the resource of the application's own that people's tokens can be for
	// (RFC 8707): an absolute URI without a fragment, compared byte for byte, and the
	// only audience of such a token. Empty for none; confidential applications alone
	// have one.
	Resource string
	// ResourceScopes are the scopes of the resource: each name is of one resource in the
	// instance, and none of the instance's own.
	ResourceScopes Scope
	// AcceptsFrom are the ApplicationURIs of those that may ask for tokens for the
	// resource; its owner only where it is among them.
	AcceptsFrom []string
	// CompanionOf is the ApplicationURI of the registration that this one is the other
	// half of, as a public app on phones is of the cloud API behind it; empty for none.
	// It gives nothing, and is for who looks at both.
	CompanionOf string
	// DevicesURI is the page of the application where people see the devices that keep data
	// for it, and have them deleted; empty for none. A person's own site leads there.
	DevicesURI string
	// SecretHash is the classic ApplicationSecretHash, base64(SHA-256(secret)).
	// It works for both flows and is a finding of the audit.
	SecretHash string
	// BasicAuthentication is the legacy switch, off by default and a finding
	// of the audit when on.
	BasicAuthentication bool
	Notes               string
	// Owner is who answers for it: a login, or an e-mail address; may be empty.
	Owner string
	// Source is the door through which it was registered, and CreatedBy who did it, as
	// [By.Login] has it; empty for what is older than this is known.
	Source    Via
	CreatedBy string
	// Credentials are all, also those that were revoked; see [TrustedApp.Live].
	Credentials []Credential
	// SecretUsedAt is when the secret of SecretHash was last used, to the minute, and
	// SecretUsedFrom the address of then.
	SecretUsedAt   time.Time
	SecretUsedFrom string
	CreatedAt      time.Time
	ChangedAt      time.Time
	// Version counts changes, for optimistic updates.
	Version int64
}

// IDTokenAlgorithms are those that ID tokens can be signed with (RFC 7518 section 3.1,
// RFC 8037 section 3.1), the usual one first.
var IDTokenAlgorithms = []string{"RS256", "ES256", "EdDSA"}

// FlowScope is the most that a flow of the application may be granted: the
// flow's own narrower scope where there is one, never more than Scope
// (invariant I10). Scopes of registered resources belong to people: the service flow has
// none of them (invariants I2 and I3).
func (a *TrustedApp) FlowScope(f Flow) Scope {
	narrow := a.UserScope
	if f == FlowService {
		narrow = a.ServiceScope
	}
	limit := a.Scope
	if narrow != nil {
		limit = a.Scope.Intersect(narrow)
	}
	if f == FlowService {
		limit = limit.Without(IsResourceScope)
	}
	return limit
}

// Live are the credentials that were not revoked, expired ones among them.
func (a *TrustedApp) Live() []Credential {
	return slices.DeleteFunc(slices.Clone(a.Credentials), func(c Credential) bool { return c.Revoked() })
}

// AllowsUserType reports whether a person of this type may sign in through
// the application.
func (a *TrustedApp) AllowsUserType(t UserType) bool {
	switch t {
	case InternalUser:
		return a.InternalUsers
	case ExternalCommunityUser:
		return a.ExternalUsers
	}
	return false
}

// Flow is one of the two halves' OAuth 2.0 flows.
type Flow string

// The two flows.
const (
	// FlowUser is the authorization code flow and what follows from it.
	FlowUser Flow = "user"
	// FlowService is the client credentials flow.
	FlowService Flow = "service"
)

// CredentialKind is how a credential proves the application.
type CredentialKind string

// The kinds of credential.
const (
	// CredentialSecret is a generated secret of at least 256 bits; its SHA-256
	// is stored, and a slow hash would only slow down the token endpoint.
	CredentialSecret CredentialKind = "secret"
	// CredentialPublicKey verifies a private_key_jwt assertion (RFC 7523).
	CredentialPublicKey CredentialKind = "public_key"
)

// Credential authenticates one half of an application: it works for its own
// flow and for no other (invariants I1 and I2).
type Credential struct {
	ID string
	// Name is what people tell it by; may be empty.
	Name string
	Kind CredentialKind
	Flow Flow
	// SecretHash is SHA-256 of the secret; empty for a public key.
	SecretHash []byte
	// PublicKey is a JWK in JSON; empty for a secret.
	PublicKey []byte
	CreatedAt time.Time
	// CreatedBy made it, as [By.Login] has it; empty where nobody knows.
	CreatedBy string
	// NotBefore and ExpiresAt bound its use; a zero ExpiresAt means never.
	NotBefore, ExpiresAt time.Time
	// LastUsedAt is kept to the minute, LastUsedFrom is the address of then.
	LastUsedAt   time.Time
	LastUsedFrom string
	// RevokedAt is when somebody ended it, RevokedBy who. It stays listed, and is never
	// good again.
	RevokedAt time.Time
	RevokedBy string
	// SuccessorOf is the id of the one in whose place it came.
	SuccessorOf string
}

// Revoked reports whether somebody has ended it.
func (c *Credential) Revoked() bool { return !c.RevokedAt.IsZero() }

// UsableAt reports whether the credential is not revoked and its time bounds include t.
func (c *Credential) UsableAt(t time.Time) bool {
	return !c.Revoked() && !t.Before(c.NotBefore) && (c.ExpiresAt.IsZero() || t.Before(c.ExpiresAt))
}
