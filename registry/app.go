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
	AccessTokens             tandem.AccessTokensPolicy
	RedirectURIs             []string
	PostLogoutRedirectURIs   []string
	SystemUserID             string
	Credentials              []Credential
	CreatedAt                time.Time
	Version                  int64

	userFlow, serviceFlow tandem.Scope
	classicSecret         []byte

	Enabled, InternalUsers, ExternalUsers, SystemUserAllowed bool
	// DeviceFlow lets a confidential application use the device flow.
	DeviceFlow bool
	// FirstParty applications need no consent of the person.
	FirstParty bool
	// PushedOnly, BoundOnly and FAPI are what the application binds itself to, see
	// [tandem.TrustedApp]; FAPI implies the others.
	PushedOnly, BoundOnly, FAPI bool
	// ProofNonce wants a nonce in each proof.
	ProofNonce bool
	// IDTokenAlgorithm is one of [tandem.IDTokenAlgorithms].
	IDTokenAlgorithm string
	// Resource is what it owns that people's tokens can be for; nil for most.
	Resource *Resource
}

// Credential is a [tandem.Credential] as authentication needs it.
type Credential struct {
	ID   string
	Kind tandem.CredentialKind
	Flow tandem.Flow
	// Proof is the SHA-256 of a secret, or a public key as JWK.
	Proof []byte

	notBefore, expiresAt int64 // microseconds since 1970; 0 means always and never
	revoked              bool
}

// Revoked reports whether somebody has ended it. It is here so that who still tries it
// can be told from who guesses.
func (c *Credential) Revoked() bool { return c.revoked }

// UsableAt reports whether the credential is not revoked and its time bounds include t.
func (c *Credential) UsableAt(t time.Time) bool {
	now := t.UnixMicro()
	return !c.revoked && now >= c.notBefore && (c.expiresAt == 0 || now < c.expiresAt)
}

// BeginsAfter reports whether the credential is not good yet at t.
func (c *Credential) BeginsAfter(t time.Time) bool { return t.UnixMicro() < c.notBefore }

// NewApp works out what every call asks of an application, and leaves out what
// none does.
func NewApp(a tandem.TrustedApp) *App {
	if a.AccessTokens == "" {
		a.AccessTokens = tandem.AccessTokensNone
	}
	if a.FAPI || a.BoundTokensOnly { // which reference tokens are not, whatever they were before
		a.AccessTokens = tandem.AccessTokensNone
	}
	app := &App{
		ID: a.ID, ApplicationURI: a.ApplicationURI, Name: a.Name, ClientType: a.ClientType, AccessTokens: a.AccessTokens,
		RedirectURIs: slices.Clone(a.RedirectURIs), PostLogoutRedirectURIs: slices.Clone(a.PostLogoutRedirectURIs),
		SystemUserID: a.SystemUserID, CreatedAt: a.CreatedAt, Version: a.Version,
		userFlow: appScopes(a.FlowScope(tandem.FlowUser)), serviceFlow: appScopes(a.FlowScope(tandem.FlowService)),
		Enabled: a.Enabled, InternalUsers: a.InternalUsers, ExternalUsers: a.ExternalUsers, SystemUserAllowed: a.SystemUserAllowed, DeviceFlow: a.DeviceFlow,
		FirstParty: a.FirstParty,
		PushedOnly: a.PushedRequestsOnly || a.FAPI, BoundOnly: a.BoundTokensOnly || a.FAPI, ProofNonce: a.ProofNonce, FAPI: a.FAPI, IDTokenAlgorithm: idTokenAlgorithm(&a),
	}
	if sum, err := base64.StdEncoding.DecodeString(a.SecretHash); err == nil && len(sum) == sha256.Size {
		app.classicSecret = sum
	}
	if a.Resource != "" {
		app.Resource = &Resource{
			URI: a.Resource, Scopes: slices.Clone(a.ResourceScopes), AcceptsFrom: slices.Clone(a.AcceptsFrom), Owner: a.ApplicationURI, Name: a.Name, Enabled: a.Enabled,
		}
	}
	known := recognized(a.Credentials)
	app.Credentials = make([]Credential, len(known))
	for i := range known {
		app.Credentials[i] = newCredential(&known[i])
	}
	return app
}

func idTokenAlgorithm(a *tandem.TrustedApp) string {
	switch {
	case a.IDTokenAlgorithm != "":
		return a.IDTokenAlgorithm
	case a.FAPI:
		return "ES256"
	}
	return tandem.IDTokenAlgorithms[0]
}

// recognized are the live credentials, and of those that were revoked the newest few:
// each is compared with what a client proves itself with.
func recognized(all []tandem.Credential) []tandem.Credential {
	var revoked []time.Time
	for i := range all {
		if all[i].Revoked() {
			revoked = append(revoked, all[i].RevokedAt)
		}
	}
	if len(revoked) <= MaxCredentials {
		return all
	}
	slices.SortFunc(revoked, time.Time.Compare)
	oldest := revoked[len(revoked)-MaxCredentials]
	return slices.DeleteFunc(slices.Clone(all), func(c tandem.Credential) bool { return c.Revoked() && c.RevokedAt.Before(oldest) })
}

func newCredential(c *tandem.Credential) Credential {
	made := Credential{
		ID: c.ID, Kind: c.Kind, Flow: c.Flow, Proof: c.SecretHash, notBefore: micros(c.NotBefore), expiresAt: micros(c.ExpiresAt), revoked: c.Revoked(),
	}
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

// AllowsPAT reports whether the person may make and use personal access tokens: no
// person of the outside may.
func (a *App) AllowsPAT(u *tandem.User) bool {
	switch a.AccessTokens {
	case tandem.AccessTokensAuthenticatedUsers:
		return u.Type == tandem.InternalUser
	case tandem.AccessTokensAdministratorsOnly:
		return u.Type == tandem.InternalUser && u.Admin
	}
	return false
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

// ReferenceScope is the most that a reference token of the kind may have: of registered
// resources there are JWTs alone.
func (a *App) ReferenceScope(kind tandem.ReferenceKind) tandem.Scope {
	return a.FlowScope(kind.Flow()).Without(tandem.IsResourceScope)
}

// FlowScope is the most that the flow may be granted, as
// [tandem.TrustedApp.FlowScope] but without allocating.
func (a *App) FlowScope(f tandem.Flow) tandem.Scope {
	if f == tandem.FlowService {
		return a.serviceFlow
	}
	return a.userFlow
}
