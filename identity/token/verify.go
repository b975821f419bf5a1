package token

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// Verifier checks the issuer's own tokens: pure computation on the key ring.
// Whether their holder may still act is the registry's business.
type Verifier struct {
	// Issuer is the one issuer whose tokens are taken.
	Issuer string
	Keys   *Keys
	// Audience must be in an access token's aud; empty means
	// [AudienceDomainAPI]. Userinfo sets [ResourcesAudience].
	Audience string
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// errBadToken is the one refusal of a token: what exactly is wrong with it
// helps only who forges.
var errBadToken = tandem.Errorf(tandem.CodeUnauthorized, "the token is not valid here, or has expired")

// bad is errBadToken by a rule, of whom the token speaks for where that is known: for
// the record, and for nobody else.
func bad(rule tandem.Rule, of *tandem.Principal) *tandem.Error {
	e := errBadToken.By(rule)
	e.Of = of
	return e
}

// errWrongAudience is the one case that an honest caller meets and can mend.
var errWrongAudience = tandem.Errorf(tandem.CodeUnauthorized, "the token is for another audience")

// The claims that one kind of access token must have and the other must not
// (invariants I3, I4 and I7).
var (
	userOwn      = []string{"id", "sid", "user_type", "auth_time"}
	userRequired = append([]string{"sub"}, userOwn...)
	userOnly     = append([]string{
		"is_admin", "name", "email", "email_verified", "locale", "zoneinfo", "db", "idp", "tid", "nonce", "at_hash", "grant_id", "userinfo_claims",
	}, userOwn...)
	serviceRequired = []string{"client_system_user", "client_system_user_type", "client_system_user_id"}
	serviceOnly     = append([]string{"client_db", "service_instance"}, serviceRequired...)
)

// VerifyAccess checks an access token as RFC 9068 section 4 demands and says
// whom it speaks for: length, header (one of [AccessAlgorithms], typ at+jwt or JWT, a known key, no keys
// of its own, no crit), signature, issuer, audience, times, no repeated
// claims, and that its claims are those of the kind it says it is. Every
// refusal is a [tandem.Error] with [tandem.CodeUnauthorized].
func (v *Verifier) VerifyAccess(_ context.Context, text string) (*tandem.Principal, error) {
	audience := v.Audience
	if audience == "" {
		audience = AudienceDomainAPI
	}
	return v.verifyAccess(text, func(_ string, aud oauth.Audience) bool { return slices.Contains(aud, audience) })
}

// VerifyOwn is VerifyAccess for every access token of the issuer: one that is good for the
// issuer itself, or one for a registered resource.
func (v *Verifier) VerifyOwn(_ context.Context, text string) (*tandem.Principal, error) {
	return v.verifyAccess(text, func(resource string, aud oauth.Audience) bool {
		return resource != "" || slices.Contains(aud, ResourcesAudience(v.Issuer))
	})
}

// resourceOf is the registered resource that a token is for: it is the one audience, and
// none of the instance's own. Every other access token is for the issuer, too.
func resourceOf(issuer string, aud oauth.Audience) string {
	if len(aud) != 1 || aud[0] == AudienceDomainAPI || aud[0] == ResourcesAudience(issuer) {
		return ""
	}
	return aud[0]
}

func (v *Verifier) verifyAccess(text string, admits func(resource string, aud oauth.Audience) bool) (*tandem.Principal, error) {
	payload, err := v.open(text, accessTypes, accessUses)
	if err != nil {
		return nil, err
	}
	var names map[string]json.RawMessage
	var common oauth.AccessClaims
	if json.Unmarshal(payload, &names) != nil || json.Unmarshal(payload, &common) != nil || common.ID == "" || common.ClientID == "" {
		return nil, bad(tandem.RuleTokenKind, nil)
	}
	if common.Issuer != v.Issuer {
		return nil, bad(tandem.RuleTokenIssuer, nil)
	}
	if _, bound := names["cnf"]; bound && common.Confirmation.KeyThumbprint == "" {
		return nil, errBadToken // bound in a way that we do not know
	}
	p := &tandem.Principal{
		ApplicationURI: common.ClientID, TokenID: common.ID, Scope: tandem.Scope(common.Scope),
		IssuedAt: time.Unix(common.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(common.ExpiresAt, 0).UTC(),
		KeyThumbprint: common.Confirmation.KeyThumbprint, Resource: resourceOf(v.Issuer, common.Audience),
	}
	switch common.Kind {
	case oauth.KindUser:
		p.User, err = userOf(payload, names)
	case oauth.KindService:
		p.Service, err = serviceOf(payload, names)
	default:
		err = bad(tandem.RuleTokenKind, nil)
	}
	if err == nil && p.Service != nil && p.Resource != "" {
		err = bad(tandem.RuleTokenKind, nil) // there are none (invariant I3)
	}
	if err == nil {
		err = v.current(&common, p)
	}
	if err == nil && !admits(p.Resource, common.Audience) {
		wrong := errWrongAudience.By(tandem.RuleTokenAudience)
		wrong.Of = p
		err = wrong
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// current checks the times of a token that is whole.
func (v *Verifier) current(c *oauth.AccessClaims, p *tandem.Principal) error {
	now, skew := v.Clock.Now().Unix(), int64(Skew/time.Second)
	switch {
	case now >= c.ExpiresAt+skew:
		return bad(tandem.RuleTokenExpired, p)
	case now < c.NotBefore-skew || now < c.IssuedAt-skew:
		return bad(tandem.RuleTokenEarly, p)
	}
	return nil
}

func userOf(payload []byte, names map[string]json.RawMessage) (*tandem.UserIdentity, error) {
	var c oauth.UserAccessClaims
	if !hasAll(names, userRequired) || hasAny(names, serviceOnly) || json.Unmarshal(payload, &c) != nil {
		return nil, bad(tandem.RuleTokenKind, nil)
	}
	if c.Subject == "" || c.UserID == "" || c.SignInID == "" || !tandem.UserType(c.UserType).CanSignIn() {
		return nil, bad(tandem.RuleTokenKind, nil)
	}
	return &tandem.UserIdentity{
		ID: c.UserID, Login: c.Subject, Type: tandem.UserType(c.UserType), Admin: c.Admin, SignInID: c.SignInID, GrantID: c.GrantID,
		UserinfoClaims: c.UserinfoClaims, AuthTime: time.Unix(c.AuthTime, 0).UTC(), ContextClass: c.ContextClass, Methods: c.Methods,
		IdentityProvider: c.IdentityProvider, Tenant: c.Tenant,
	}, nil
}

func serviceOf(payload []byte, names map[string]json.RawMessage) (*tandem.ServiceIdentity, error) {
	var c oauth.ServiceAccessClaims
	if !hasAll(names, serviceRequired) || hasAny(names, userOnly) || json.Unmarshal(payload, &c) != nil {
		return nil, bad(tandem.RuleTokenKind, nil)
	}
	if c.SystemUser == "" || c.SystemUserID == "" || tandem.UserType(c.SystemUserType) != tandem.SystemUserNoLogin ||
		!oauth.ValidServiceInstance(c.Instance) || !ofItself(names, c.ClientID) {
		return nil, bad(tandem.RuleTokenKind, nil)
	}
	return &tandem.ServiceIdentity{SystemUserID: c.SystemUserID, SystemUserLogin: c.SystemUser, Instance: c.Instance}, nil
}

// ofItself reports whether a service token names nobody as its subject, or its client (RFC
// 9068 section 2.2). No person has that name: the two draw from one pool (invariant I7).
func ofItself(names map[string]json.RawMessage, clientID string) bool {
	text, there := names["sub"]
	if !there {
		return true
	}
	var subject *string
	return json.Unmarshal(text, &subject) == nil && subject != nil && *subject == clientID && clientID != ""
}

func hasAll(names map[string]json.RawMessage, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(n string) bool { _, ok := names[n]; return !ok })
}

func hasAny(names map[string]json.RawMessage, unwanted []string) bool {
	return slices.ContainsFunc(unwanted, func(n string) bool { _, ok := names[n]; return ok })
}

// The types of tokens in their header. Access tokens may have that of any JWT, as the
// instance was told: what a token is says the use of its key, which signs nothing else.
var (
	accessTypes = []string{oauth.TypeAccessToken, oauth.TypeJWT}
	idTypes     = []string{oauth.TypeIDToken}
)

// open checks the form, header and signature of one of our tokens, which is of one of the
// types and for one of the uses, and returns its payload.
func (v *Verifier) open(text string, types []string, uses []KeyUse) ([]byte, error) {
	if IsRefreshToken(text) {
		return nil, bad(tandem.RuleTokenKind, nil)
	}
	h, payload, err := readHeader(text)
	if err != nil {
		return nil, bad(tandem.RuleTokenMalformed, nil)
	}
	at := slices.IndexFunc(uses, func(use KeyUse) bool { return use.Algorithm() == h.Algorithm })
	if at < 0 || !slices.Contains(types, h.Type) {
		return nil, bad(tandem.RuleTokenKind, nil)
	}
	use := uses[at]
	key, ok := v.Keys.verifier(h.KeyID, use, v.Clock.Now())
	switch {
	case !ok && v.Keys.has(h.KeyID): // of another use
		return nil, bad(tandem.RuleTokenKind, nil)
	case !ok:
		return nil, bad(tandem.RuleTokenSignature, nil)
	}
	jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{use.Algorithm()})
	if err != nil {
		return nil, bad(tandem.RuleTokenMalformed, nil)
	}
	verified, err := jws.Verify(key.public)
	if err != nil || string(verified) != string(payload) {
		return nil, bad(tandem.RuleTokenSignature, nil)
	}
	return verified, nil
}

// Hint is what an ID token says to the sign-out page: who was signed in, with
// what. It is no proof of anything now.
type Hint struct {
	ApplicationURI          string // the audience
	UserID, Login, SignInID string

	AuthTime, IssuedAt, ExpiresAt time.Time
}

// VerifyIDToken checks one of our own ID tokens as [Verifier.VerifyHint] does,
// and that it has not expired.
func (v *Verifier) VerifyIDToken(ctx context.Context, text string) (Hint, error) {
	h, err := v.VerifyHint(ctx, text)
	if err == nil && !v.Clock.Now().Before(h.ExpiresAt.Add(Skew)) {
		return Hint{}, bad(tandem.RuleHint, nil)
	}
	return h, err
}

// VerifyHint checks an id_token_hint (OpenID Connect RP-Initiated Logout
// section 2): one of our own ID tokens, whole and rightly signed. It may have
// expired, as the applications keep it for the whole sign-in.
func (v *Verifier) VerifyHint(_ context.Context, text string) (Hint, error) {
	payload, err := v.open(text, idTypes, idUses)
	if err != nil {
		return Hint{}, err
	}
	var c oauth.IDClaims
	if json.Unmarshal(payload, &c) != nil || c.Kind != oauth.KindID || c.Issuer != v.Issuer || len(c.Audience) != 1 ||
		c.Subject == "" || c.UserID == "" || c.SignInID == "" {
		return Hint{}, bad(tandem.RuleHint, nil)
	}
	issued := time.Unix(c.IssuedAt, 0).UTC()
	now := v.Clock.Now()
	if now.Before(issued.Add(-Skew)) || now.After(issued.Add(hintLifetime)) {
		return Hint{}, bad(tandem.RuleHint, nil)
	}
	return Hint{
		ApplicationURI: c.Audience[0], UserID: c.UserID, Login: c.Subject, SignInID: c.SignInID,
		AuthTime: time.Unix(c.AuthTime, 0).UTC(), IssuedAt: issued, ExpiresAt: time.Unix(c.ExpiresAt, 0).UTC(),
	}, nil
}
