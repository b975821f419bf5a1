package federation

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// clocksDiffer is by how much a provider's clock may.
const clocksDiffer = time.Minute

// Person is who somebody is at a provider: claims of a verified ID token.
type Person struct {
	Subject string
	// Email is empty without the provider's word that it has verified it. AskEmail asks for
	// what is not in the ID token; nil where it is, or where nobody is found by it.
	Email    string
	AskEmail func(ctx context.Context) (email string, err error)
	// Tenant is the claim of the provider's TenantClaim.
	Tenant  string
	Methods []string // amr
	// AuthTime is when they proved it; zero where the provider does not say.
	AuthTime time.Time
}

// Answer is what came back through the browser (OpenID Connect Core section 3.1.2.5), and
// what it has to fit.
type Answer struct {
	Nonce, Verifier string
	MaxAge          *time.Duration
	// Query are the parameters; each is there once.
	Query url.Values
}

// Finish checks the answer and redeems its code. The errors are by
// [tandem.RuleOutsideIssuer] for the answer of another provider,
// [tandem.RuleOutsideRefused] for a no of this one, [tandem.RuleOutsideToken] for an ID
// token that is not acceptable, [tandem.RuleOutsideStale] where the person proved too long
// ago who they are, and [tandem.RuleOutsideUnreachable].
func (rp *RelyingParty) Finish(ctx context.Context, p *Provider, a Answer) (Person, error) {
	ctx, cancel := context.WithTimeout(ctx, finishWithin)
	defer cancel()
	d, err := rp.discovered(ctx, p)
	if err != nil {
		return Person{}, err
	}
	// Before anything else of the answer is looked at: no code of one provider may go to
	// another (RFC 9207 section 2.4).
	if iss := a.Query.Get("iss"); iss != p.Issuer && (a.Query.Has("iss") || d.IssParameterSupported) {
		return Person{}, refused(tandem.RuleOutsideIssuer, "the answer that came for the outside provider %s is of the issuer %q", p.ID, tandem.Clip(iss, shown))
	}
	if code := a.Query.Get("error"); code != "" {
		return Person{}, refused(tandem.RuleOutsideRefused, "the outside provider %s answered %s: %s", p.ID, tandem.Clip(code, shown),
			tandem.Clip(a.Query.Get("error_description"), 200))
	}
	if a.Query.Get("code") == "" {
		return Person{}, refused(tandem.RuleOutsideRefused, "the outside provider %s answered without a code", p.ID)
	}
	config, err := rp.config(p, d)
	if err != nil {
		return Person{}, err
	}
	tokens, err := config.Exchange(rp.outward(ctx), a.Query.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return Person{}, exchangeFailed(p, err)
	}
	return rp.person(ctx, p, d, a, tokens)
}

func refused(rule tandem.Rule, format string, args ...any) error {
	return tandem.Errorf(tandem.CodeUnauthorized, format, args...).By(rule)
}

// exchangeFailed tells a no of the provider from its silence. What it says is not
// repeated: nobody knows what is in it.
func exchangeFailed(p *Provider, err error) error {
	var no *oauth2.RetrieveError
	switch {
	case errors.As(err, &no) && no.ErrorCode == string(oauth.InvalidClient):
		return refused(tandem.RuleOutsideRefused, "the outside provider %s does not know this server: set client id and secret with tandem provider update %[1]s", p.ID)
	case errors.As(err, &no) && no.ErrorCode != "":
		return refused(tandem.RuleOutsideRefused, "the outside provider %s refused the code: %s", p.ID, tandem.Clip(no.ErrorCode, shown))
	case errors.As(err, &no) && no.Response.StatusCode < http.StatusInternalServerError:
		return refused(tandem.RuleOutsideRefused, "the outside provider %s refused the code: %s", p.ID, no.Response.Status)
	case errors.As(err, &no):
		return unreachable(p, "did not redeem the code", errors.New(no.Response.Status))
	}
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err
	}
	return unreachable(p, "did not redeem the code", err)
}

// claims are those that are looked at.
type claims struct {
	AuthorizedParty string   `json:"azp"`
	Email           string   `json:"email"`
	EmailVerified   truth    `json:"email_verified"`
	AuthTime        float64  `json:"auth_time"`
	Methods         []string `json:"amr"`
}

// person verifies the ID token (OpenID Connect Core section 3.1.3.7).
func (rp *RelyingParty) person(ctx context.Context, p *Provider, d *discovered, a Answer, tokens *oauth2.Token) (Person, error) {
	raw, _ := tokens.Extra("id_token").(string)
	bad := func(why string) (Person, error) {
		return Person{}, refused(tandem.RuleOutsideToken, "the ID token of the outside provider %s is not acceptable: %s", p.ID, tandem.Clip(why, 300))
	}
	now := rp.Clock.Now()
	verifier := rp.verifier(rp.outward(ctx), d, oidc.Config{ClientID: p.ClientID, Now: func() time.Time { return now.Add(-clocksDiffer) }})
	if raw == "" {
		return bad("there is none")
	}
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return bad(err.Error())
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return bad("its claims have unexpected types")
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1:
		return bad("its nonce is not that of this sign-in")
	case id.Subject == "" || len(id.Subject) > MaxSubject || tandem.HasControl(id.Subject):
		return bad("it has no subject, or one that is too long")
	case len(id.Audience) > 1 && c.AuthorizedParty == "", c.AuthorizedParty != "" && c.AuthorizedParty != p.ClientID:
		return bad("it was issued to another client (azp)")
	case id.IssuedAt.Unix() <= 0 || id.IssuedAt.After(now.Add(clocksDiffer)):
		return bad("it has no time of issue (iat), or one of the future")
	case !isOf(id, raw, tokens.AccessToken):
		return bad("it is for another access token (at_hash)")
	}
	who := Person{Subject: id.Subject, Methods: c.Methods, AuthTime: unixTime(c.AuthTime), Tenant: tenant(id, p.TenantClaim)}
	if c.EmailVerified {
		who.Email = c.Email
	}
	if err := fresh(p, a.MaxAge, who.AuthTime, now); err != nil {
		return Person{}, err
	}
	if p.ByEmail && c.Email == "" && d.UserinfoEndpoint != "" {
		who.AskEmail = func(ctx context.Context) (string, error) { return rp.askUserinfo(ctx, p, d, id.Subject, tokens) }
	}
	return who, nil
}

// fresh checks what max_age asked for: the provider has to say when it was (OpenID Connect
// Core section 3.1.2.1).
func fresh(p *Provider, maxAge *time.Duration, at, now time.Time) error {
	if maxAge == nil {
		return nil
	}
	if age := now.Sub(at); at.IsZero() || age < -clocksDiffer || age > *maxAge+clocksDiffer {
		return refused(tandem.RuleOutsideStale, "the outside provider %s was asked for a sign-in of the last %s, and does not say that it was one", p.ID, *maxAge)
	}
	return nil
}

// askUserinfo asks for the e-mail address that some providers tell there alone. Its sub
// has to be the ID token's (OpenID Connect Core section 5.3.2).
func (rp *RelyingParty) askUserinfo(ctx context.Context, p *Provider, d *discovered, subject string, tokens *oauth2.Token) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, beginWithin)
	defer cancel()
	info, err := d.provider.UserInfo(rp.outward(ctx), oauth2.StaticTokenSource(tokens))
	switch {
	case err != nil:
		return "", unreachable(p, "does not say who the person is at userinfo", err)
	case info.Subject != subject:
		return "", refused(tandem.RuleOutsideToken, "userinfo of the outside provider %s is about another subject than its ID token", p.ID)
	case !info.EmailVerified:
		return "", nil
	}
	return info.Email, nil
}

// tenant is the text in a claim.
func tenant(id *oidc.IDToken, claim string) string {
	if claim == "" {
		return ""
	}
	all := map[string]any{}
	if err := id.Claims(&all); err != nil {
		return ""
	}
	text, _ := all[claim].(string)
	if len(text) > maxTenant || tandem.HasControl(text) {
		return ""
	}
	return text
}

// maxTenant is the longest tenant, in bytes.
const maxTenant = 128

func unixTime(seconds float64) time.Time {
	if seconds <= 0 || seconds > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// truth is true, or the text true, which some providers write.
type truth bool

// UnmarshalJSON implements [json.Unmarshaler]. What is neither is false.
func (t *truth) UnmarshalJSON(text []byte) error {
	*t = string(text) == "true" || string(text) == `"true"`
	return nil
}
