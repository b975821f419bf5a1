package tandem

import "time"

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
	// SecretHash is the classic ApplicationSecretHash, base64(SHA-256(secret)).
	// It works for both flows and is a finding of the audit.
	SecretHash string
	// BasicAuthentication is the legacy switch, off by default and a finding
	// of the audit when on.
	BasicAuthentication bool
	Notes               string
	Credentials         []Credential
	CreatedAt           time.Time
	ChangedAt           time.Time
	// Version counts changes, for optimistic updates.
	Version int64
}

// FlowScope is the most that a flow of the application may be granted: the
// flow's own narrower scope where there is one, never more than Scope
// (invariant I10).
func (a *TrustedApp) FlowScope(f Flow) Scope {
	narrow := a.UserScope
	if f == FlowService {
		narrow = a.ServiceScope
	}
	if narrow == nil {
		return a.Scope
	}
	return a.Scope.Intersect(narrow)
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
	ID   string
	Kind CredentialKind
	Flow Flow
	// SecretHash is SHA-256 of the secret; empty for a public key.
	SecretHash []byte
	// PublicKey is a JWK in JSON; empty for a secret.
	PublicKey []byte
	CreatedAt time.Time
	// NotBefore and ExpiresAt bound its use; a zero ExpiresAt means never.
	NotBefore, ExpiresAt time.Time
	// LastUsedAt is kept to the minute.
	LastUsedAt time.Time
}

// UsableAt reports whether the credential's time bounds include t.
func (c *Credential) UsableAt(t time.Time) bool {
	return !t.Before(c.NotBefore) && (c.ExpiresAt.IsZero() || t.Before(c.ExpiresAt))
}
