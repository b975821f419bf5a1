package client

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/keyalg"
	"github.com/hybridapps/tandem/oauth"
)

// accessClaims are the claims of an access token that are looked at. Types are loose where
// providers differ.
type accessClaims struct {
	Issuer          string           `json:"iss"`
	Audience        oauth.Audience   `json:"aud"`
	Subject         string           `json:"sub"`
	ClientID        string           `json:"client_id"`
	AuthorizedParty string           `json:"azp"`
	Scope           oauth.Scope      `json:"scope"`
	IssuedAt        float64          `json:"iat"`
	NotBefore       float64          `json:"nbf"`
	ExpiresAt       float64          `json:"exp"`
	ID              string           `json:"jti"`
	Kind            *oauth.TokenKind `json:"token_kind"`
	Confirmation    json.RawMessage  `json:"cnf"`
	UserID          string           `json:"id"`
	UserType        string           `json:"user_type"`
	SignInID        string           `json:"sid"`
	Name            string           `json:"name"`
	Email           string           `json:"email"`
	SystemUser      json.RawMessage  `json:"client_system_user"`
	Nonce           json.RawMessage  `json:"nonce"`
	AccessTokenHash json.RawMessage  `json:"at_hash"`
}

// verifyToken checks the token by itself. What exactly is wrong with a forged one helps
// nobody but who forges; what an honest client can mend is said.
func (s *ResourceServer) verifyToken(ctx context.Context, raw string) (*Caller, error) {
	payload, typ, err := s.signed(ctx, raw)
	if err != nil {
		return nil, err
	}
	var c accessClaims
	if json.Unmarshal(payload, &c) != nil {
		return nil, errNotAccess
	}
	// An instance may give its access tokens the typ of any JWT (--access-token-typ): then
	// its claim has to say what they are, which ID tokens have as "id", or not at all.
	if typ != oauth.TypeAccessToken && !s.config.Unmarked && (c.Kind == nil || *c.Kind != oauth.KindUser) {
		return nil, errNotAccess
	}
	if c.ClientID == "" && s.config.Unmarked {
		c.ClientID = c.AuthorizedParty
	}
	if err := s.about(&c); err != nil {
		return nil, err
	}
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	caller := &Caller{
		Subject: c.Subject, UserID: c.UserID, UserType: tandem.UserType(c.UserType), Name: c.Name, Email: c.Email,
		ApplicationURI: c.ClientID, SignInID: c.SignInID, Scope: tandem.Scope(c.Scope), TokenID: c.ID, KeyThumbprint: key,
		IssuedAt: unixTime(c.IssuedAt), ExpiresAt: unixTime(c.ExpiresAt), token: hide(raw),
	}
	if caller.UserID == "" {
		caller.UserID = c.Subject
	}
	return caller, nil
}

// errNotAccess is the one refusal of what is no access token of the provider.
var errNotAccess = invalid("the text is no access token of the provider, or was altered")

// signed is the payload of a token that a key of the provider signed, and its type: that of
// access tokens (RFC 9068 section 4), or of any JWT. Keys in its header are not looked at.
func (s *ResourceServer) signed(ctx context.Context, raw string) ([]byte, string, error) {
	jws, typ, err := parseCompact(raw, s.algorithms)
	if err != nil || typ != oauth.TypeAccessToken && !strings.EqualFold(typ, oauth.TypeJWT) && !s.config.Unmarked {
		return nil, "", errNotAccess
	}
	header := jws.Signatures[0].Header
	keys, err := s.config.Provider.keys.find(ctx, header.KeyID, header.Algorithm)
	if err != nil {
		var known *tandem.Error
		if errors.As(err, &known) {
			return nil, "", err
		}
		return nil, "", fail(tandem.CodeUnavailable, err, "the keys of %s cannot be had: %v", s.config.Provider.issuer, err)
	}
	token := liveKey(sha256.Sum256([]byte(raw)))
	before, seen := s.proven.get(token)
	for _, k := range keys {
		if seen && before.Equal(k.Key) { // the same bytes and the same key, which is still trusted
			return jws.UnsafePayloadWithoutVerification(), typ, nil
		}
		if payload, err := keyalg.SignedBy(jws, raw, k); err == nil {
			if key, ok := k.Key.(publicKey); ok {
				s.proven.put(token, key)
			}
			return payload, typ, nil
		}
	}
	return nil, "", errNotAccess
}

// publicKey is what all public keys of the standard library are.
type publicKey interface {
	Equal(other crypto.PublicKey) bool
}

// about checks whom the token is of and for (RFC 9068 section 4), and that it is a
// person's: of the kinds of token there are, one alone may be taken here.
func (s *ResourceServer) about(c *accessClaims) error {
	now := float64(s.clock.Now().UnixMilli()) / 1000
	skew := s.skew.Seconds()
	switch {
	case c.Issuer != s.config.Provider.issuer:
		return invalid("the token is of another issuer")
	case c.Kind != nil && *c.Kind != oauth.KindUser, c.SystemUser != nil, c.Nonce != nil, c.AccessTokenHash != nil, c.Subject == "", c.Subject == c.ClientID:
		return invalid("the token is of another kind: this API takes people's access tokens")
	case !slices.Contains(c.Audience, s.config.Resource):
		return invalid("the token is for another audience: ask for one with resource=" + s.config.Resource)
	case !slices.Contains(s.config.AcceptsFrom, c.ClientID):
		return invalid("the token was issued to an application that this API does not take tokens of")
	case !(c.ExpiresAt > 0 && c.ExpiresAt < 1e11) || now >= c.ExpiresAt+skew:
		return invalid("the token has expired")
	case now < c.NotBefore-skew || now < c.IssuedAt-skew:
		return invalid("the token is from the future: clocks differ")
	}
	return nil
}

// key is the thumbprint of the key that the token is bound to; empty for none. A token that
// is bound in a way that is not known here is good for nobody.
func (c *accessClaims) key() (string, error) {
	if c.Confirmation == nil {
		return "", nil
	}
	var by oauth.Confirmation
	if json.Unmarshal(c.Confirmation, &by) != nil || by.KeyThumbprint == "" {
		return "", invalid("the token is bound to a key in a way that this API cannot check")
	}
	return by.KeyThumbprint, nil
}
