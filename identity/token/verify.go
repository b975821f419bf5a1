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

// errWrongAudience is the one case that an honest caller meets and can mend.
var errWrongAudience = tandem.Errorf(tandem.CodeUnauthorized, "the token is for another audience")

// The claims that one kind of access token must have and the other must not
// (invariants I3, I4 and I7).
var (
	userRequired = []string{"sub", "id", "sid", "user_type", "auth_time"}
	userOnly     = append([]string{
		"is_admin", "name", "email", "email_verified", "locale", "zoneinfo", "db", "idp", "tid", "nonce", "at_hash", "grant_id",
	}, userRequired...)
	serviceRequired = []string{"client_system_user", "client_system_user_type", "client_system_user_id"}
	serviceOnly     = append([]string{"client_db", "service_instance"}, serviceRequired...)
)

// VerifyAccess checks an access token as RFC 9068 section 4 demands and says
// whom it speaks for: length, header (ES256, typ at+jwt, a known key, no keys
// of its own, no crit), signature, issuer, audience, times, no repeated
// claims, and that its claims are those of the kind it says it is. Every
// refusal is a [tandem.Error] with [tandem.CodeUnauthorized].
func (v *Verifier) VerifyAccess(_ context.Context, text string) (*tandem.Principal, error) {
	payload, err := v.open(text, UseAccess, oauth.TypeAccessToken)
	if err != nil {
		return nil, err
	}
	var names map[string]json.RawMessage
	var common oauth.AccessClaims
	if json.Unmarshal(payload, &names) != nil || json.Unmarshal(payload, &common) != nil {
		return nil, errBadToken
	}
	now := v.Clock.Now().Unix()
	skew := int64(Skew / time.Second)
	if common.Issuer != v.Issuer || common.ID == "" || common.ClientID == "" ||
		now >= common.ExpiresAt+skew || now < common.NotBefore-skew || now < common.IssuedAt-skew {
		return nil, errBadToken
	}
	audience := v.Audience
	if audience == "" {
		audience = AudienceDomainAPI
	}
	if !slices.Contains(common.Audience, audience) {
		return nil, errWrongAudience
	}
	p := &tandem.Principal{
		ApplicationURI: common.ClientID, TokenID: common.ID, Scope: tandem.Scope(common.Scope),
		IssuedAt: time.Unix(common.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(common.ExpiresAt, 0).UTC(),
	}
	switch common.Kind {
	case oauth.KindUser:
		p.User, err = userOf(payload, names)
	case oauth.KindService:
		p.Service, err = serviceOf(payload, names)
	default:
		err = errBadToken
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

func userOf(payload []byte, names map[string]json.RawMessage) (*tandem.UserIdentity, error) {
	var c oauth.UserAccessClaims
	if !hasAll(names, userRequired) || hasAny(names, serviceOnly) || json.Unmarshal(payload, &c) != nil {
		return nil, errBadToken
	}
	if c.Subject == "" || c.UserID == "" || c.SignInID == "" || !tandem.UserType(c.UserType).CanSignIn() {
		return nil, errBadToken
	}
	return &tandem.UserIdentity{
		ID: c.UserID, Login: c.Subject, Type: tandem.UserType(c.UserType), Admin: c.Admin, SignInID: c.SignInID, GrantID: c.GrantID,
	}, nil
}

func serviceOf(payload []byte, names map[string]json.RawMessage) (*tandem.ServiceIdentity, error) {
	var c oauth.ServiceAccessClaims
	if !hasAll(names, serviceRequired) || hasAny(names, userOnly) || json.Unmarshal(payload, &c) != nil {
		return nil, errBadToken
	}
	if c.SystemUser == "" || c.SystemUserID == "" || tandem.UserType(c.SystemUserType) != tandem.SystemUserNoLogin ||
		!oauth.ValidServiceInstance(c.Instance) {
		return nil, errBadToken
	}
	return &tandem.ServiceIdentity{SystemUserID: c.SystemUserID, SystemUserLogin: c.SystemUser, Instance: c.Instance}, nil
}

func hasAll(names map[string]json.RawMessage, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(n string) bool { _, ok := names[n]; return !ok })
}

func hasAny(names map[string]json.RawMessage, unwanted []string) bool {
	return slices.ContainsFunc(unwanted, func(n string) bool { _, ok := names[n]; return ok })
}

// open checks the form, header and signature of one of our tokens and returns
// its payload.
func (v *Verifier) open(text string, use KeyUse, typ string) ([]byte, error) {
	h, payload, err := readHeader(text)
	if err != nil || h.Algorithm != use.Algorithm() || h.Type != typ {
		return nil, errBadToken
	}
	key, ok := v.Keys.verifier(h.KeyID, use, v.Clock.Now())
	if !ok {
		return nil, errBadToken
	}
	jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{use.Algorithm()})
	if err != nil {
		return nil, errBadToken
	}
	verified, err := jws.Verify(key.public)
	if err != nil || string(verified) != string(payload) {
		return nil, errBadToken
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
		return Hint{}, errBadToken
	}
	return h, err
}

// VerifyHint checks an id_token_hint (OpenID Connect RP-Initiated Logout
// section 2): one of our own ID tokens, whole and rightly signed. It may have
// expired, as the applications keep it for the whole sign-in.
func (v *Verifier) VerifyHint(_ context.Context, text string) (Hint, error) {
	payload, err := v.open(text, UseID, oauth.TypeIDToken)
	if err != nil {
		return Hint{}, err
	}
	var c oauth.IDClaims
	if json.Unmarshal(payload, &c) != nil || c.Kind != oauth.KindID || c.Issuer != v.Issuer || len(c.Audience) != 1 ||
		c.Subject == "" || c.UserID == "" || c.SignInID == "" {
		return Hint{}, errBadToken
	}
	issued := time.Unix(c.IssuedAt, 0).UTC()
	now := v.Clock.Now()
	if now.Before(issued.Add(-Skew)) || now.After(issued.Add(hintLifetime)) {
		return Hint{}, errBadToken
	}
	return Hint{
		ApplicationURI: c.Audience[0], UserID: c.UserID, Login: c.Subject, SignInID: c.SignInID,
		AuthTime: time.Unix(c.AuthTime, 0).UTC(), IssuedAt: issued, ExpiresAt: time.Unix(c.ExpiresAt, 0).UTC(),
	}, nil
}
