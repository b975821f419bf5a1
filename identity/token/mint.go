package token

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

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
	// Format is how access tokens are written; empty means as ERP.net does.
	Format oauth.AccessFormat
	// PlainType gives access tokens the typ JWT in the place of at+jwt, for resource
	// servers that take no other.
	PlainType bool
	Lifetimes Lifetimes
	// Picture is the URL where a person's picture is, for whoever has a token of theirs.
	Picture string
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
	// KeyID is the key that signed it, Audience the APIs that it is for, beside the
	// issuer itself, with spaces between.
	KeyID, Audience string
}

// UserToken is what a token for a person says.
type UserToken struct {
	User           *tandem.User
	ApplicationURI string
	Scope          tandem.Scope
	// SignInID is the claim sid, AuthTime when the person proved who they are, and
	// Authentication how.
	SignInID       string
	AuthTime       time.Time
	Authentication Authentication
	// GrantID is the claim grant_id: what the application was given by one code.
	// With it all access tokens of a grant can be revoked.
	GrantID string
	// Claims are what the application asked for one by one.
	Claims AskedClaims
	// KeyThumbprint is that of the key that the access token is bound to; empty for none.
	KeyThumbprint string
	// Resource is the registered resource that the access token is for, and for nothing
	// else; empty for a token of the instance's own APIs.
	Resource string
	// IDAlgorithm is what the ID token is signed with, one of [tandem.IDTokenAlgorithms];
	// empty means the first.
	IDAlgorithm string
	// FAPI signs with an algorithm of the FAPI 2.0 Security Profile, whatever the instance
	// signs other access tokens with.
	FAPI bool
}

// ServiceToken is what a token for a back end says. There is no place for a
// person in it (invariant I3).
type ServiceToken struct {
	SystemUser     *tandem.User
	ApplicationURI string
	Scope          tandem.Scope
	// Instance is the claim service_instance; empty for the single default one.
	Instance string
	// KeyThumbprint is that of the key that the token is bound to; empty for none.
	KeyThumbprint string
	// FAPI is that of [UserToken].
	FAPI bool
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
func (m *Minter) access(kind oauth.TokenKind, app string, scope tandem.Scope, key string, api bool) (oauth.AccessClaims, Minted) {
	now, life := m.Clock.Now(), m.Lifetimes.access()
	minted := Minted{ID: NewTokenID(), Lifetime: life, ExpiresAt: time.Unix(now.Unix(), 0).Add(life)}
	if api {
		minted.Audience = AudienceDomainAPI
		if m.Audiences != nil {
			minted.Audience = strings.Join(m.Audiences, " ")
		}
	}
	return oauth.AccessClaims{
		RegisteredClaims: oauth.RegisteredClaims{
			Issuer: m.Issuer, Audience: m.audience(api),
			IssuedAt: now.Unix(), NotBefore: now.Unix(), ExpiresAt: minted.ExpiresAt.Unix(), ID: minted.ID,
		},
		Kind: kind, ClientID: app, Scope: oauth.Scope(scope), Confirmation: oauth.Confirmation{KeyThumbprint: key},
	}, minted
}

func (m *Minter) accessHeader(key *signingKey) string {
	if m.PlainType {
		return key.plainHeader
	}
	return key.header
}

// forAPI reports whether the scope lets a token do anything at an API: without
// read or update it is for the issuer alone.
func forAPI(scope tandem.Scope) bool {
	return scope.Has(tandem.ScopeRead) || scope.Has(tandem.ScopeUpdate)
}

// UserAccess makes a person's access token (RFC 9068). An external user's has
// no API audience of the instance (invariant I5).
func (m *Minter) UserAccess(t UserToken) (Minted, error) {
	key, err := m.Keys.accessSigner(m.Clock.Now(), t.FAPI)
	if err != nil {
		return Minted{}, err
	}
	access, minted := m.access(oauth.KindUser, t.ApplicationURI, t.Scope, t.KeyThumbprint, t.User.Type == tandem.InternalUser && forAPI(t.Scope))
	if t.Resource != "" {
		access.Audience, minted.Audience = oauth.Audience{t.Resource}, t.Resource
	}
	claims := oauth.UserAccessClaims{
		AccessClaims: access, UserClaims: Claims(t.User, t.Scope),
		AuthTime: t.AuthTime.Unix(), ContextClass: t.Authentication.ACR(), Methods: t.Authentication.AMR(),
		IdentityProvider: t.Authentication.Provider, Tenant: t.Authentication.Tenant,
		SignInID: t.SignInID, GrantID: t.GrantID, Database: m.Database, UserinfoClaims: t.Claims.Userinfo,
	}
	minted.KeyID = key.ID
	minted.JWT, err = key.signAs(m.accessHeader(key), func(b []byte) []byte { return claims.AppendJSON(b, m.Format) })
	return minted, err
}

// ServiceAccess makes a back end's access token.
func (m *Minter) ServiceAccess(t ServiceToken) (Minted, error) {
	key, err := m.Keys.accessSigner(m.Clock.Now(), t.FAPI)
	if err != nil {
		return Minted{}, err
	}
	access, minted := m.access(oauth.KindService, t.ApplicationURI, t.Scope, t.KeyThumbprint, forAPI(t.Scope))
	claims := oauth.ServiceAccessClaims{
		AccessClaims: access,
		SystemUser:   t.SystemUser.Login, SystemUserType: string(t.SystemUser.Type), SystemUserID: t.SystemUser.ID,
		Database: m.Database, Instance: t.Instance,
	}
	minted.KeyID = key.ID
	minted.JWT, err = key.signAs(m.accessHeader(key), func(b []byte) []byte { return claims.AppendJSON(b, m.Format) })
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
	key, err := m.Keys.signer(idUse(t.IDAlgorithm), now)
	if err != nil {
		return Minted{}, err
	}
	minted := Minted{ID: NewTokenID(), Lifetime: life, ExpiresAt: time.Unix(now.Unix(), 0).Add(life)}
	person := PersonalClaims{UserClaims: idClaims(t.User, t.Scope)}
	person.Add(t.User, t.Claims.IDToken, m.Picture)
	claims := oauth.IDClaims{
		RegisteredClaims: oauth.RegisteredClaims{
			Issuer: m.Issuer, Audience: oauth.Audience{t.ApplicationURI},
			IssuedAt: now.Unix(), ExpiresAt: minted.ExpiresAt.Unix(), ID: minted.ID,
		},
		UserClaims: person.UserClaims, PreferredUsername: person.PreferredUsername, UpdatedAt: person.UpdatedAt, Picture: person.Picture, Kind: oauth.KindID,
		AuthTime: t.AuthTime.Unix(), Nonce: bound.Nonce,
		AccessTokenHash: key.halfHash(bound.AccessToken), CodeHash: key.halfHash(bound.Code), StateHash: key.halfHash(bound.State),
		ContextClass: t.Authentication.ACR(), Methods: t.Authentication.AMR(), IdentityProvider: t.Authentication.IDP(), Tenant: t.Authentication.Tenant,
		SignInID: t.SignInID, Database: m.Database,
	}
	minted.KeyID = key.ID
	minted.JWT, err = key.sign(claims.AppendJSON)
	return minted, err
}

// halfHash is a claim such as at_hash: the left half of the hash of the text, by the hash
// that the key's algorithm signs with (OpenID Connect Core section 3.3.2.11): SHA-512 for
// Ed25519, else SHA-256. It is empty without a text.
func (key *signingKey) halfHash(text string) string {
	if text == "" {
		return ""
	}
	if key.Use.Algorithm() == jose.EdDSA {
		sum := sha512.Sum512([]byte(text))
		return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	}
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// Claims are what the scope lets an application know of a person: always who
// they are, the rest with profile, the e-mail address also with email. The
// access token and userinfo say the same.
func Claims(u *tandem.User, scope tandem.Scope) oauth.UserClaims {
	c := idClaims(u, scope)
	if scope.Has(tandem.ScopeProfile) || scope.Has(tandem.ScopeEmail) {
		c.SetEmail(u.Email, u.EmailVerified)
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
