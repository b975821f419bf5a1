package token

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/internal/keyalg"
	"github.com/hybridapps/tandem/oauth"
)

// MaxAssertionLifetime is how far ahead the exp of a client assertion may be:
// for that long its id must be remembered.
const MaxAssertionLifetime = 10 * time.Minute

// assertionSkew is how far a client's clock may be off, either way.
const assertionSkew = 10 * time.Second

// maxAssertionID is the longest jti of an assertion, in bytes.
const maxAssertionID = 256

// AssertionStore remembers the ids of client assertions until they expire.
type AssertionStore interface {
	// UseAssertion reports whether the id is seen for the first time. Of any
	// number of calls at once exactly one is told so.
	UseAssertion(ctx context.Context, id [sha256.Size]byte, expires time.Time) (first bool, err error)
	// PurgeAssertions deletes what expired before the time.
	PurgeAssertions(ctx context.Context, before time.Time) error
}

// ErrAssertion is a client assertion that proves nothing. What is wrong with
// it is not said.
var ErrAssertion = errors.New("token: the client assertion proves nothing")

// ErrAssertionClaims is an [ErrAssertion] that is rightly signed with the key: what it
// says is wrong.
var ErrAssertionClaims = fmt.Errorf("%w: it is for somebody else or another time", ErrAssertion)

// Assertion is a client assertion (RFC 7523) before its signature is checked.
type Assertion struct {
	// ClientID is whom it claims to be from.
	ClientID string
	text     *compact
	claims   assertionClaims
	// oneAudience says that aud is one text and not an array.
	oneAudience bool
}

type assertionClaims struct {
	Issuer    string         `json:"iss"`
	Subject   string         `json:"sub"`
	Audience  oauth.Audience `json:"aud"`
	ExpiresAt float64        `json:"exp"`
	NotBefore float64        `json:"nbf"`
	IssuedAt  float64        `json:"iat"`
	ID        string         `json:"jti"`
}

// ReadAssertion reads a client assertion far enough to know whose it claims to
// be.
func ReadAssertion(text string) (*Assertion, error) {
	t, err := readCompact(text)
	if err != nil || !slices.Contains(keyalg.All, t.Algorithm) {
		return nil, ErrAssertion
	}
	// A token made for another purpose must not pass for an assertion.
	if t.Type != "" && t.Type != "JWT" && t.Type != "client-authentication+jwt" {
		return nil, ErrAssertion
	}
	a := &Assertion{text: t}
	if json.Unmarshal(t.payload, &a.claims) != nil || a.claims.Subject == "" {
		return nil, ErrAssertion
	}
	a.ClientID = a.claims.Subject
	var raw struct {
		Audience json.RawMessage `json:"aud"`
	}
	a.oneAudience = json.Unmarshal(t.payload, &raw) == nil && len(raw.Audience) > 0 && raw.Audience[0] == '"'
	return a, nil
}

// FitsFAPI reports whether the assertion is one of the FAPI 2.0 Security Profile:
// addressed to the issuer by a text alone (section 5.3.2.1), and signed with an algorithm
// of it.
func (a *Assertion) FitsFAPI(issuer string) bool {
	return a.oneAudience && a.claims.Audience[0] == issuer && keyalg.FAPI(a.text.Algorithm)
}

// Verify checks the assertion against one public key, a JWK (RFC 7523 section 3):
// signature, iss and sub are the client, aud is one of the audiences, it lives,
// not for longer than [MaxAssertionLifetime], and it has an id. Use its id up
// with [Assertion.Use] after it.
func (a *Assertion) Verify(publicKey []byte, audiences []string, now time.Time) error {
	var key jose.JSONWebKey
	if json.Unmarshal(publicKey, &key) != nil || !key.IsPublic() {
		return ErrAssertion
	}
	if a.text.KeyID != "" && key.KeyID != "" && a.text.KeyID != key.KeyID {
		return ErrAssertion
	}
	// The key decides what algorithm it takes (RFC 8725 section 3.1).
	if keyalg.Verify(a.text.Algorithm, key.Key, a.text.input, a.text.signature) != nil {
		return ErrAssertion
	}
	c, skew, at := &a.claims, assertionSkew.Seconds(), float64(now.Unix())
	if c.Issuer != c.Subject || c.ID == "" || len(c.ID) > maxAssertionID {
		return ErrAssertionClaims
	}
	if !slices.ContainsFunc(c.Audience, func(aud string) bool { return slices.Contains(audiences, aud) }) {
		return ErrAssertionClaims
	}
	if at >= c.ExpiresAt+skew || c.ExpiresAt > at+MaxAssertionLifetime.Seconds()+skew || at < c.NotBefore-skew || at < c.IssuedAt-skew {
		return ErrAssertionClaims
	}
	return nil
}

// Use uses the verified assertion's id up; a second use is refused (RFC 7523
// section 3 point 7).
func (a *Assertion) Use(ctx context.Context, store AssertionStore) error {
	id := sha256.Sum256([]byte(a.ClientID + "\x00" + a.claims.ID))
	expires := time.Unix(int64(a.claims.ExpiresAt), 0).Add(2 * assertionSkew)
	first, err := store.UseAssertion(ctx, id, expires)
	if err == nil && !first {
		return ErrAssertion
	}
	return err
}
