package client

import (
	"cmp"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/keyalg"
	"github.com/hybridapps/tandem/oauth"
)

// clockSkew is how far a provider's clock may be ahead of ours, and at a sign-in
// also behind it.
const clockSkew = 5 * time.Minute

// IDToken says who a person is and when and how they signed in: the claims of
// a verified ID token. It is no token and may be kept and logged.
type IDToken struct {
	// Subject is the claim sub: the login in Tandem and ERP.net, some other
	// identifier elsewhere.
	Subject string
	// Login is preferred_username where the provider sends it, else Subject.
	Login string
	// UserID is the stable id of the user (claim id, a GUID), else Subject.
	UserID string
	// Name needs the scope profile. Email is empty with providers that tell it at
	// userinfo alone, as Tandem does (OpenID Connect Core section 5.4).
	Name, Email string
	// UserType is empty with other providers than Tandem and ERP.net.
	UserType tandem.UserType
	Admin    bool
	// SignInID is the claim sid: the sign-in at the provider.
	SignInID string
	// Locale is a BCP 47 tag, Zoneinfo an IANA name of a time zone; empty where the
	// provider does not know.
	Locale, Zoneinfo    string
	IssuedAt, ExpiresAt time.Time
	// AuthTime is when the person proved who they are; zero where not told.
	AuthTime time.Time
}

// External reports whether the person is an external (community) user.
func (t IDToken) External() bool { return t.UserType == tandem.ExternalCommunityUser }

// IDTokenVerifier verifies ID tokens of one application, for example in a
// worker that takes them from its web app as evidence of who asks.
type IDTokenVerifier struct {
	provider       *Provider
	applicationURI string
	oidc           *oidc.IDTokenVerifier
	// leeway is how long after its expiry a token is still taken: none of it where a
	// token comes as evidence, clockSkew where it comes from the provider itself.
	leeway time.Duration
}

// NewIDTokenVerifier makes a verifier of the ID tokens that the provider issues
// to the application. It makes no request.
func NewIDTokenVerifier(p *Provider, applicationURI string) *IDTokenVerifier {
	return newIDTokenVerifier(p, applicationURI, 0)
}

func newIDTokenVerifier(p *Provider, applicationURI string, leeway time.Duration) *IDTokenVerifier {
	return &IDTokenVerifier{p, applicationURI, oidc.NewVerifier(p.issuer, p.keys, &oidc.Config{
		ClientID: applicationURI, SupportedSigningAlgs: p.algorithms, Now: func() time.Time { return p.clock.Now().Add(-leeway) },
	}), leeway}
}

// Verify checks signature, issuer, audience, lifetime and kind of the raw token
// (OpenID Connect Core section 3.1.3.7). An access token does not pass, nor does
// an algorithm that is not expected of the provider, a symmetric one, or none.
// The error of a token that does not pass is a [tandem.Error] with
// [tandem.CodeUnauthorized]; [tandem.CodeUnavailable] means that the provider's
// keys could not be fetched.
func (v *IDTokenVerifier) Verify(ctx context.Context, raw string) (IDToken, error) {
	c, err := v.claims(ctx, raw)
	if err != nil {
		return IDToken{}, err
	}
	return c.identity(), nil
}

// idClaims are the claims that are looked at. Types are loose where providers
// differ.
type idClaims struct {
	Subject         string          `json:"sub"`
	Audience        oauth.Audience  `json:"aud"`
	AuthorizedParty string          `json:"azp"`
	IssuedAt        float64         `json:"iat"`
	ExpiresAt       float64         `json:"exp"`
	AuthTime        float64         `json:"auth_time"`
	Nonce           string          `json:"nonce"`
	Kind            oauth.TokenKind `json:"token_kind"`
	SignInID        string          `json:"sid"`
	UserID          string          `json:"id"`
	Username        string          `json:"preferred_username"`
	Name            string          `json:"name"`
	Email           string          `json:"email"`
	Locale          string          `json:"locale"`
	Zoneinfo        string          `json:"zoneinfo"`
	UserType        string          `json:"user_type"`
	Admin           any             `json:"is_admin"`

	verified *oidc.IDToken
	// algorithm is what it is signed with.
	algorithm string
}

// isOf reports whether the ID token says that it came with the access token (OpenID Connect
// Core section 3.1.3.6), where it says anything of that.
func (c *idClaims) isOf(access string) bool {
	switch {
	case c.verified == nil || c.verified.AccessTokenHash == "":
		return true
	case c.algorithm == string(keyalg.Ed25519):
		sum := sha512.Sum512([]byte(access))
		return c.verified.AccessTokenHash == base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	}
	return c.verified.VerifyAccessToken(access) == nil
}

// asymmetric are the algorithms whose verification needs no secret.
var asymmetric = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
	oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA, string(keyalg.Ed25519),
}

func (v *IDTokenVerifier) claims(ctx context.Context, raw string) (*idClaims, error) {
	typ, algorithm, err := v.prepare(ctx, raw)
	if err != nil {
		return nil, err
	}
	if typ == oauth.TypeAccessToken || typ == typeLogoutToken {
		return nil, badIDToken(errors.New("it is not an ID token"))
	}
	verified, err := v.oidc.Verify(ctx, raw)
	var expired *oidc.TokenExpiredError
	if errors.As(err, &expired) && expired.Expiry.IsZero() {
		return nil, badIDToken(errors.New("it does not say when it expires (exp)"))
	}
	if expired != nil {
		return nil, badIDToken(fmt.Errorf("it expired at %s, and this machine's clock says %s; if that is wrong, set the clock",
			expired.Expiry.UTC().Format(time.RFC3339), v.provider.clock.Now().UTC().Format(time.RFC3339)))
	}
	if err != nil {
		return nil, cmp.Or(ctx.Err(), badIDToken(err))
	}
	c := &idClaims{verified: verified, algorithm: algorithm}
	if err := verified.Claims(c); err != nil {
		return nil, badIDToken(errors.New("its claims have unexpected types"))
	}
	if err := c.check(v.applicationURI, v.provider.clock.Now()); err != nil {
		return nil, badIDToken(err)
	}
	return c, nil
}

// prepare makes sure that the provider's keys are there, without which no token
// can be told bad, and returns the token's own type (RFC 8725 section 3.11) and algorithm.
func (v *IDTokenVerifier) prepare(ctx context.Context, raw string) (typ, algorithm string, err error) {
	if _, err := v.provider.keys.all(ctx); err != nil {
		return "", "", err
	}
	jws, typ, err := parseCompact(raw, v.provider.algorithms)
	if err != nil {
		return "", "", badIDToken(err)
	}
	return typ, jws.Signatures[0].Header.Algorithm, nil
}

// signingAlgorithms checks what was configured. EdDSA by a key on Ed25519, the only one that
// is known here, has a newer name (RFC 9864 section 2.2): who takes the one takes the other.
func signingAlgorithms(configured []string) ([]string, error) {
	if len(configured) == 0 {
		return []string{oidc.RS256}, nil // the one that every provider must have
	}
	for _, alg := range configured {
		if !slices.Contains(asymmetric, alg) {
			return nil, fmt.Errorf("signing algorithm %q: use %s", alg, strings.Join(asymmetric, ", "))
		}
	}
	all := slices.Clone(configured)
	for _, name := range []string{oidc.EdDSA, string(keyalg.Ed25519)} {
		if slices.ContainsFunc(configured, isEdDSA) && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all, nil
}

// isEdDSA reports whether it is one of the two names.
func isEdDSA(alg string) bool { return alg == oidc.EdDSA || alg == string(keyalg.Ed25519) }

// check is what go-oidc leaves to its caller.
func (c *idClaims) check(applicationURI string, now time.Time) error {
	switch {
	case c.Subject == "":
		return errors.New("it has no subject")
	// OpenID Connect Core section 3.1.3.7 points 4 and 5.
	case len(c.Audience) > 1 && c.AuthorizedParty == "", c.AuthorizedParty != "" && c.AuthorizedParty != applicationURI:
		return errors.New("it was issued to another application")
	case c.Kind != "" && c.Kind != oauth.KindID:
		return errors.New("it is not an ID token") // invariant I7
	case c.ExpiresAt <= c.IssuedAt:
		return errors.New("it expires before it was issued")
	case unixTime(c.IssuedAt).IsZero():
		return errors.New("it does not say when it was issued (iat)")
	case unixTime(c.IssuedAt).After(now.Add(clockSkew)):
		return fmt.Errorf("it was issued in the future, at %s, while this machine's clock says %s; set the clock",
			unixTime(c.IssuedAt).Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}

func (c *idClaims) identity() IDToken {
	t := IDToken{
		Subject: c.Subject, Login: c.Username, UserID: c.UserID,
		Name: c.Name, Email: c.Email, UserType: tandem.UserType(c.UserType), Locale: c.Locale, Zoneinfo: c.Zoneinfo,
		Admin: c.Admin == true, SignInID: c.SignInID,
		IssuedAt: unixTime(c.IssuedAt), ExpiresAt: unixTime(c.ExpiresAt), AuthTime: unixTime(c.AuthTime),
	}
	if t.Login == "" {
		t.Login = t.Subject
	}
	if t.UserID == "" {
		t.UserID = t.Subject
	}
	return t
}

// typeLogoutToken is the type of logout tokens (OpenID Connect Back-Channel
// Logout section 2.4).
const typeLogoutToken = "logout+jwt"

// parseCompact reads a JWS in compact form, the only one that ID tokens have,
// and its type.
func parseCompact(raw string, algs []string) (*jose.JSONWebSignature, string, error) {
	if len(raw) > maxToken {
		return nil, "", fmt.Errorf("it has more than %d bytes", maxToken)
	}
	accepted := make([]jose.SignatureAlgorithm, len(algs))
	for i, alg := range algs {
		accepted[i] = jose.SignatureAlgorithm(alg)
	}
	jws, err := jose.ParseSignedCompact(raw, accepted)
	if err != nil {
		return nil, "", fmt.Errorf("it is not signed with %s, as is expected of the provider", strings.Join(algs, " or "))
	}
	typ, _ := jws.Signatures[0].Header.ExtraHeaders[jose.HeaderType].(string)
	return jws, strings.TrimPrefix(strings.ToLower(typ), "application/"), nil
}

func badIDToken(cause error) error {
	return fail(tandem.CodeUnauthorized, cause, "the ID token is not acceptable: %v", cause)
}

func unixTime(seconds float64) time.Time {
	if seconds <= 0 || seconds > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// peek reads the claims of a JWT that came from the token endpoint itself,
// without verifying it: the API does. It does nothing for opaque tokens.
func peek(raw string, into any) {
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
		jose.ES256, jose.ES384, jose.ES512, jose.EdDSA, keyalg.Ed25519,
	})
	if err == nil {
		_ = json.Unmarshal(jws.UnsafePayloadWithoutVerification(), into) // what is not there stays empty
	}
}
