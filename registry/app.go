package registry

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
)

// App is a Trusted Application as last read: what sign-ins and tokens need of it,
// with what every call asks worked out beforehand. It is shared: never change it.
type App struct {
	ID, ApplicationURI, Name string
	ClientType               tandem.ClientType
	RedirectURIs             []string
	PostLogoutRedirectURIs   []string
	SystemUserID             string
	Credentials              []Credential
	CreatedAt                time.Time
	Version                  int64

	userFlow, serviceFlow tandem.Scope
	classicSecret         []byte

	Enabled, InternalUsers, ExternalUsers, SystemUserAllowed bool
}

// Credential is a [tandem.Credential] as authentication needs it.
type Credential struct {
	ID   string
	Kind tandem.CredentialKind
	Flow tandem.Flow
	// Proof is the SHA-256 of a secret, or a public key as JWK.
	Proof []byte

	notBefore, expiresAt int64 // microseconds since 1970; 0 means always and never
}

// UsableAt reports whether the credential's time bounds include t.
func (c *Credential) UsableAt(t time.Time) bool {
	now := t.UnixMicro()
	return now >= c.notBefore && (c.expiresAt == 0 || now < c.expiresAt)
}

// NewApp works out what every call asks of an application, and leaves out what
// none does.
func NewApp(a tandem.TrustedApp) *App {
	app := &App{
		ID: a.ID, ApplicationURI: a.ApplicationURI, Name: a.Name, ClientType: a.ClientType,
		RedirectURIs: slices.Clone(a.RedirectURIs), PostLogoutRedirectURIs: slices.Clone(a.PostLogoutRedirectURIs),
		SystemUserID: a.SystemUserID, Credentials: make([]Credential, len(a.Credentials)), CreatedAt: a.CreatedAt, Version: a.Version,
		userFlow: appScopes(a.FlowScope(tandem.FlowUser)), serviceFlow: appScopes(a.FlowScope(tandem.FlowService)),
		Enabled: a.Enabled, InternalUsers: a.InternalUsers, ExternalUsers: a.ExternalUsers, SystemUserAllowed: a.SystemUserAllowed,
	}
	if sum, err := base64.StdEncoding.DecodeString(a.SecretHash); err == nil && len(sum) == sha256.Size {
		app.classicSecret = sum
	}
	for i := range a.Credentials {
		app.Credentials[i] = newCredential(&a.Credentials[i])
	}
	return app
}

func newCredential(c *tandem.Credential) Credential {
	made := Credential{ID: c.ID, Kind: c.Kind, Flow: c.Flow, Proof: c.SecretHash, notBefore: micros(c.NotBefore), expiresAt: micros(c.ExpiresAt)}
	if c.Kind == tandem.CredentialPublicKey {
		made.Proof = c.PublicKey
	}
	return made
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// AllowsUserType reports whether a person of this type may sign in through
// the application.
func (a *App) AllowsUserType(t tandem.UserType) bool {
	return t == tandem.InternalUser && a.InternalUsers || t == tandem.ExternalCommunityUser && a.ExternalUsers
}

// ClassicSecret is the SHA-256 of the one secret of ERP.net's records, which
// is good for both flows; nil when there is none.
func (a *App) ClassicSecret() []byte { return a.classicSecret }

// appScopes leaves out what an application never has by configuration, however
// it came to be in its record.
func appScopes(s tandem.Scope) tandem.Scope {
	return slices.DeleteFunc(slices.Clone(s), func(word string) bool {
		return meansNothing(word) || word == tandem.ScopeSec
	})
}

// FlowScope is the most that the flow may be granted, as
// [tandem.TrustedApp.FlowScope] but without allocating.
func (a *App) FlowScope(f tandem.Flow) tandem.Scope {
	if f == tandem.FlowService {
		return a.serviceFlow
	}
	return a.userFlow
}
