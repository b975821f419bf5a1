package token

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/keyalg"
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
	t, err := v.open(text, accessTypes, accessUses)
	if err != nil {
		return nil, err
	}
	c, err := readAccess(t)
	if err != nil || c.common().ID == "" || c.common().ClientID == "" {
		return nil, bad(tandem.RuleTokenKind, nil)
	}
	common := c.common()
	if common.Issuer != v.Issuer {
		return nil, bad(tandem.RuleTokenIssuer, nil)
	}
	if t.names.hasAny(confirmation) && common.Confirmation.KeyThumbprint == "" {
		return nil, errBadToken // bound in a way that we do not know
	}
	p, err := c.principal(t.names, v.Issuer)
	if err == nil && p.Service != nil && p.Resource != "" {
		err = bad(tandem.RuleTokenKind, nil) // there are none (invariant I3)
	}
	if err == nil {
		err = v.current(common, p)
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

// confirmation is the claim by which a token is bound (RFC 7800).
var confirmation = []string{"cnf"}

// accessClaims are those of an access token, of either kind: one of them is set.
type accessClaims struct {
	user    *oauth.UserAccessClaims
	service *oauth.ServiceAccessClaims
	// subject is that of a service token, nil for none.
	subject *string
}

// readAccess reads the claims once, by the kind that their names say; whether they are
// those of the kind is for principal.
func readAccess(t *compact) (c accessClaims, err error) {
	if t.names.hasAny(serviceRequired) {
		var read struct {
			oauth.ServiceAccessClaims
			Subject *string `json:"sub"`
		}
		err = json.Unmarshal(t.payload, &read)
		return accessClaims{service: &read.ServiceAccessClaims, subject: read.Subject}, err
	}
	c.user = new(oauth.UserAccessClaims)
	return c, json.Unmarshal(t.payload, c.user)
}

func (c *accessClaims) common() *oauth.AccessClaims {
	if c.service != nil {
		return &c.service.AccessClaims
	}
	return &c.user.AccessClaims
}

// principal is whom a token of the issuer speaks for, if its claims are those of the kind
// that it says it is of (invariants I3, I4 and I7).
func (c *accessClaims) principal(n names, issuer string) (*tandem.Principal, error) {
	common := c.common()
	p := &tandem.Principal{
		ApplicationURI: common.ClientID, TokenID: common.ID, Scope: tandem.Scope(common.Scope),
		IssuedAt: time.Unix(common.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(common.ExpiresAt, 0).UTC(),
		KeyThumbprint: common.Confirmation.KeyThumbprint, Resource: resourceOf(issuer, common.Audience),
	}
	switch {
	case common.Kind == oauth.KindUser && c.user != nil:
		p.User = userOf(c.user, n)
	case common.Kind == oauth.KindService && c.service != nil:
		p.Service = c.serviceOf(n)
	}
	if p.User == nil && p.Service == nil {
		return nil, bad(tandem.RuleTokenKind, nil)
	}
	return p, nil
}

func userOf(c *oauth.UserAccessClaims, n names) *tandem.UserIdentity {
	if !n.hasAll(userRequired) || n.hasAny(serviceOnly) || c.Subject == "" || c.UserID == "" || c.SignInID == "" || !tandem.UserType(c.UserType).CanSignIn() {
		return nil
	}
	return &tandem.UserIdentity{
		ID: c.UserID, Login: c.Subject, Type: tandem.UserType(c.UserType), Admin: c.Admin, SignInID: c.SignInID, GrantID: c.GrantID,
		UserinfoClaims: c.UserinfoClaims, AuthTime: time.Unix(c.AuthTime, 0).UTC(), ContextClass: c.ContextClass, Methods: c.Methods,
		IdentityProvider: c.IdentityProvider, Tenant: c.Tenant,
	}
}

// serviceOf takes a token that names nobody as its subject, or its client (RFC 9068 section
// 2.2): no person has that name, as the two draw from one pool (invariant I7).
func (c *accessClaims) serviceOf(n names) *tandem.ServiceIdentity {
	s := c.service
	itself := !n.hasAny(subject) || n.has("sub") && c.subject != nil && *c.subject == s.ClientID
	if !n.hasAll(serviceRequired) || n.hasAny(userOnly) || !itself || s.SystemUser == "" || s.SystemUserID == "" ||
		tandem.UserType(s.SystemUserType) != tandem.SystemUserNoLogin || !oauth.ValidServiceInstance(s.Instance) {
		return nil
	}
	return &tandem.ServiceIdentity{SystemUserID: s.SystemUserID, SystemUserLogin: s.SystemUser, Instance: s.Instance}
}

var subject = []string{"sub"}

// The types of tokens in their header. Access tokens may have that of any JWT, as the
// instance was told: what a token is says the use of its key, which signs nothing else.
var (
	accessTypes = []string{oauth.TypeAccessToken, oauth.TypeJWT}
	idTypes     = []string{oauth.TypeIDToken}
)

// open checks the form, header and signature of one of our tokens, which is of one of the
// types and for one of the uses.
func (v *Verifier) open(text string, types []string, uses []KeyUse) (*compact, error) {
	if IsRefreshToken(text) {
		return nil, bad(tandem.RuleTokenKind, nil)
	}
	t, err := readCompact(text)
	if err != nil {
		return nil, bad(tandem.RuleTokenMalformed, nil)
	}
	at := slices.IndexFunc(uses, func(use KeyUse) bool { return use.Algorithm() == t.Algorithm })
	if at < 0 || !slices.Contains(types, t.Type) {
		return nil, bad(tandem.RuleTokenKind, nil)
	}
	use := uses[at]
	key, ok := v.Keys.verifier(t.KeyID, use, v.Clock.Now())
	switch {
	case !ok && v.Keys.has(t.KeyID): // of another use
		return nil, bad(tandem.RuleTokenKind, nil)
	case !ok:
		return nil, bad(tandem.RuleTokenSignature, nil)
	}
	if keyalg.Verify(use.Algorithm(), key.public.Key, t.input, t.signature) != nil {
		return nil, bad(tandem.RuleTokenSignature, nil)
	}
	return t, nil
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
	t, err := v.open(text, idTypes, idUses)
	if err != nil {
		return Hint{}, err
	}
	var c oauth.IDClaims
	if json.Unmarshal(t.payload, &c) != nil || c.Kind != oauth.KindID || c.Issuer != v.Issuer || len(c.Audience) != 1 ||
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
