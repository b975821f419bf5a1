package prove_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/prove"
)

// idToken signs one.
func idToken(t *testing.T, key jose.JSONWebKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := json.Marshal(claims)
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The issuer's own signature says that the run talked to it, then and for this challenge.
func TestIDTokensAreTheIssuersWord(t *testing.T) {
	t.Parallel()
	newKey := func(id string) jose.JSONWebKey {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return jose.JSONWebKey{Key: private, KeyID: id}
	}
	key, other := newKey("one"), newKey("two")
	set := func(keys ...jose.JSONWebKey) []byte {
		var s jose.JSONWebKeySet
		for _, k := range keys {
			s.Keys = append(s.Keys, k.Public())
		}
		text, _ := json.Marshal(s)
		return text
	}
	r := sample()
	thumb, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	r.Target.JWKSThumbprints = []string{base64.RawURLEncoding.EncodeToString(thumb)}
	claims := func() map[string]any {
		return map[string]any{"iss": r.Target.Issuer, "aud": r.Target.Application, "nonce": prove.Nonce(r.Run, r.Challenge, "I1 code"), "iat": r.At.Unix()}
	}
	check := func(token string, jwks []byte) error {
		r.IDTokens = []prove.SignedNonce{{Probe: "I1 code", Token: token}}
		_, err := prove.CheckIDTokens(r, jwks)
		return err
	}
	good := idToken(t, key, claims())
	if err := check(good, set(other, key)); err != nil {
		t.Fatal(err)
	}
	of := claims()
	of["aud"], of["azp"] = []string{"com.acme/other", r.Target.Application}, r.Target.Application
	if err := check(idToken(t, key, of), set(key)); err != nil {
		t.Errorf("for several: %v", err)
	}
	for name, c := range map[string]struct {
		change func(map[string]any)
		want   string
	}{
		"another issuer":      {func(c map[string]any) { c["iss"] = "https://other.example" }, "of the issuer"},
		"another nonce":       {func(c map[string]any) { c["nonce"] = prove.Nonce(r.Run, "another challenge", "I1 code") }, "another run, challenge"},
		"another application": {func(c map[string]any) { c["aud"] = []string{"com.acme/other"} }, "not for the application"},
		"no application":      {func(c map[string]any) { delete(c, "aud") }, "not for the application"},
		"issued to another": {func(c map[string]any) {
			c["aud"], c["azp"] = []string{"com.acme/other", r.Target.Application}, "com.acme/other"
		}, "was issued to"},
		"another day": {func(c map[string]any) { c["iat"] = r.At.Add(-time.Hour).Unix() }, "not during the run"},
	} {
		changed := claims()
		c.change(changed)
		if err := check(idToken(t, key, changed), set(key)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"signed by another":      check(idToken(t, other, claims()), set(key)),
		"keys of another issuer": check(good, set(other)),
		"no keys":                check(good, []byte("nothing")),
		"no token":               check("nothing", set(key)),
	} {
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	r.IDTokens = nil
	if _, err := prove.CheckIDTokens(r, set(key)); err == nil || !strings.Contains(err.Error(), "--with-id-tokens") {
		t.Errorf("without tokens: %v", err)
	}
}
