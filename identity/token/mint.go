package token

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// AudienceDomainAPI is the audience of tokens for the domain API.
const AudienceDomainAPI = "DomainAPI"

// Minter makes signed tokens. It decides nothing: what goes into a token was
// decided before.
type Minter struct {
	// Issuer is the issuer's URL, https://{instance}/id.
	Issuer string
	Keys   *Keys
	// Audiences are the instance's APIs; nil means [AudienceDomainAPI] alone.
	Audiences []string
	// Database is the id of the instance, claim db.
	Database string
	// ScopeForm is how the claim scope is written.
	ScopeForm oauth.ScopeForm
	Lifetimes Lifetimes
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// Minted is a signed token.
type Minted struct {
	JWT string
	// ID is its jti.
	ID        string
	ExpiresAt time.Time
	// Lifetime is how long it lives from its issue.
	Lifetime time.Duration
}

// UserToken is what a token for a person says.
type UserToken struct {
	User           *tandem.User
	ApplicationURI string
	Scope          tandem.Scope
	// SignInID is the claim sid, AuthTime when the person proved who they are.
	SignInID string
	AuthTime time.Time
	// GrantID is the claim grant_id: what the application was given by one code.
	// With it all access tokens of a grant can be revoked.
	GrantID string
}

// ServiceToken is what a token for a back end says. There is no place for a
// person in it (invariant I3).
type ServiceToken struct {
	SystemUser     *tandem.User
	ApplicationURI string
	Scope          tandem.Scope
	// Instance is the claim service_instance; empty for the single default one.
	Instance string
}

// ResourcesAudience is the audience that every access token of the issuer has;
// it is good for userinfo.
func ResourcesAudience(issuer string) string { return issuer + "/resources" }

func (m *Minter) audience(api bool) oauth.Audience {
	resources := ResourcesAudience(m.Issuer)
	switch {
	case !api:
		return oauth.Audience{resources}
	case m.Audiences == nil:
		return oauth.Audience{AudienceDomainAPI, resources}
	}
	return append(append(make(oauth.Audience, 0, len(m.Audiences)+1), m.Audiences...), resources)
}

// access makes the claims that both kinds of access token have.
func (m *Minter) access(kind oauth.TokenKind, app string, scope tandem.Scope, api bool) (oauth.AccessClaims, Minted) {
	now, life := m.Clock.Now(), m.Lifetimes.access()
	minted := Minted{ID: NewTokenID(), Lifetime: life, ExpiresAt: time.Unix(now.Unix(), 0).Add(life)}
	return oauth.AccessClaims{
		RegisteredClaims: oauth.RegisteredClaims{
			Issuer: m.Issuer, Audience: m.audience(api),
			IssuedAt: now.Unix(), NotBefore: now.Unix(), ExpiresAt: minted.ExpiresAt.Unix(), ID: minted.ID,
		},
		Kind: kind, ClientID: app, Scope: oauth.Scope(scope),
	}, minted
}

// forAPI reports whether the scope lets a token do anything at an API: without
// read or update it is for the issuer alone.
func forAPI(scope tandem.Scope) bool {
	return scope.Has(tandem.ScopeRead) || scope.Has(tandem.ScopeUpdate)
}

// UserAccess makes a person's access token (RFC 9068). An external user's has
// no API audience (invariant I5).
func (m *Minter) UserAccess(t UserToken) (Minted, error) {
	key, err := m.Keys.signer(UseAccess, m.Clock.Now())
	if err != nil {
		return Minted{}, err
	}
	access, minted := m.access(oauth.KindUser, t.ApplicationURI, t.Scope, t.User.Type == tandem.InternalUser && forAPI(t.Scope))
	claims := oauth.UserAccessClaims{
		AccessClaims: access, UserClaims: Claims(t.User, t.Scope),
		AuthTime: t.AuthTime.Unix(), SignInID: t.SignInID, GrantID: t.GrantID, Database: m.Database,
	}
	minted.JWT, err = key.sign(func(b []byte) []byte { return claims.AppendJSON(b, m.ScopeForm) })
	return minted, err
}

// ServiceAccess makes a back end's access token.
func (m *Minter) ServiceAccess(t ServiceToken) (Minted, error) {
	key, err := m.Keys.signer(UseAccess, m.Clock.Now())
	if err != nil {
		return Minted{}, err
	}
	access, minted := m.access(oauth.KindService, t.ApplicationURI, t.Scope, forAPI(t.Scope))
	claims := oauth.ServiceAccessClaims{
		AccessClaims: access,
		SystemUser:   t.SystemUser.Login, SystemUserType: string(t.SystemUser.Type), SystemUserID: t.SystemUser.ID,
		Database: m.Database, Instance: t.Instance,
	}
	minted.JWT, err = key.sign(func(b []byte) []byte { return claims.AppendJSON(b, m.ScopeForm) })
	return minted, err
}

// Bound is what an ID token is bound to. Texts that are empty were not there.
type Bound struct {
	// Nonce is that of the authorization request; there is none on a refresh
	// (OpenID Connect Core section 12.2).
	Nonce string
	// AccessToken goes with a token of the token endpoint, Code and State with one
	// of the authorization endpoint.
	AccessToken, Code, State string
}

// IDToken makes the ID token that goes with an access token (OpenID Connect
// Core section 3.1.3.3) or with a code (section 3.3.2.11).
func (m *Minter) IDToken(t UserToken, bound Bound) (Minted, error) {
	now, life := m.Clock.Now(), m.Lifetimes.id()
	key, err := m.Keys.signer(UseID, now)
	if err != nil {
		return Minted{}, err
	}
	minted := Minted{ID: NewTokenID(), Lifetime: life, ExpiresAt: time.Unix(now.Unix(), 0).Add(life)}
	claims := oauth.IDClaims{
		RegisteredClaims: oauth.RegisteredClaims{
			Issuer: m.Issuer, Audience: oauth.Audience{t.ApplicationURI},
			IssuedAt: now.Unix(), ExpiresAt: minted.ExpiresAt.Unix(), ID: minted.ID,
		},
		UserClaims: idClaims(t.User, t.Scope), Kind: oauth.KindID,
		AuthTime: t.AuthTime.Unix(), Nonce: bound.Nonce,
		AccessTokenHash: halfHash(bound.AccessToken), CodeHash: halfHash(bound.Code), StateHash: halfHash(bound.State),
		ContextClass: PasswordContext, Methods: []string{passwordMethod}, IdentityProvider: localProvider,
		SignInID: t.SignInID, Database: m.Database,
	}
	minted.JWT, err = key.sign(claims.AppendJSON)
	return minted, err
}

// halfHash is a claim such as at_hash: the left half of the SHA-256 of the text
// (OpenID Connect Core section 3.3.2.11). It is empty without one.
func halfHash(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// How people prove who they are: by password, to this server. There is no other
// way to sign in.
const (
	// PasswordContext is the acr of one factor that is no more than a password
	// (ISO/IEC 29115, level 1).
	PasswordContext = "1"
	passwordMethod  = "pwd"   // amr (RFC 8176 section 2)
	localProvider   = "local" // idp, by IdentityServer's name
)

// Claims are what the scope lets an application know of a person: always who
// they are, the rest with profile, the e-mail address also with email. The
// access token and userinfo say the same.
func Claims(u *tandem.User, scope tandem.Scope) oauth.UserClaims {
	c := idClaims(u, scope)
	if scope.Has(tandem.ScopeProfile) || scope.Has(tandem.ScopeEmail) {
		c.Email, c.EmailVerified = u.Email, u.EmailVerified
	}
	return c
}

// idClaims are those of an ID token. The e-mail address is at userinfo, as every
// ID token comes with an access token (OpenID Connect Core section 5.4).
func idClaims(u *tandem.User, scope tandem.Scope) oauth.UserClaims {
	c := oauth.UserClaims{Subject: u.Login, UserID: u.ID, UserType: string(u.Type), Admin: u.Admin}
	if scope.Has(tandem.ScopeProfile) {
		c.Name, c.Locale, c.Zoneinfo = u.Name, u.Locale, u.Zoneinfo
	}
	return c
}
