package identity_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/keyalg"
	"github.com/hybridapps/tandem/oauth"
)

const assertionType = oauth.AssertionTypeJWT

// assertion is a client assertion as a good client makes it.
func (s *site) assertion(key jose.JSONWebKey, app string, change ...func(map[string]any)) string {
	s.t.Helper()
	now := s.clock.Now().Unix()
	c := map[string]any{"iss": app, "sub": app, "aud": issuer, "iat": now, "exp": now + 60, "jti": uuid.NewString()}
	for _, f := range change {
		f(c)
	}
	return s.sign(key, jose.ES256, c)
}

func (s *site) sign(key jose.JSONWebKey, alg jose.SignatureAlgorithm, claims map[string]any, extra ...any) string {
	s.t.Helper()
	if alg == keyalg.Ed25519 {
		return s.renamed(s.sign(key, jose.EdDSA, claims, extra...), key.Key.(ed25519.PrivateKey))
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	for i := 0; i+1 < len(extra); i += 2 {
		options = options.WithHeader(jose.HeaderKey(extra[i].(string)), extra[i+1])
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// renamed is a JWT signed by EdDSA with the newer name of the algorithm, signed anew: the
// library signs by the older one alone.
func (s *site) renamed(text string, key ed25519.PrivateKey) string {
	s.t.Helper()
	part := strings.Split(text, ".")
	head, err := base64.RawURLEncoding.DecodeString(part[0])
	if err != nil {
		s.t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString(bytes.Replace(head, []byte(jose.EdDSA), []byte(keyalg.Ed25519), 1)) + "." + part[1]
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(input)))
}

func serviceToken(u *tandem.User, app, scope string) token.ServiceToken {
	return token.ServiceToken{SystemUser: u, ApplicationURI: app, Scope: tandem.ParseScope(scope)}
}

func newInternal(login string) signin.NewUser {
	return signin.NewUser{Login: login, Type: tandem.InternalUser}
}

// claims reads a token's claims without believing them.
func claims(t *testing.T, text string) map[string]any {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %q", text)
	}
	return decode(t, parts[1])
}

// header reads a token's header.
func header(t *testing.T, text string) map[string]any {
	t.Helper()
	first, _, _ := strings.Cut(text, ".")
	return decode(t, first)
}

func decode(t *testing.T, part string) (m map[string]any) {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sameBut compares claims but for some.
func sameBut(a, b map[string]any, but ...string) bool {
	a, b = maps.Clone(a), maps.Clone(b)
	for _, name := range but {
		delete(a, name)
		delete(b, name)
	}
	return reflect.DeepEqual(a, b)
}

// join makes a compact JWS of its decoded parts.
func join(header, payload, signature []byte) string {
	e := base64.RawURLEncoding.EncodeToString
	return e(header) + "." + e(payload) + "." + e(signature)
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
