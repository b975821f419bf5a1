package client_test

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/client"
)

// signEd25519 signs as the newer libraries do, by the name of RFC 9864.
func signEd25519(key ed25519.PrivateKey, header, claims map[string]any) string {
	h := map[string]any{"alg": "Ed25519", "kid": "ed", "typ": "JWT"}
	maps.Copy(h, header)
	var text string
	for _, part := range []map[string]any{h, claims} {
		b, _ := json.Marshal(part)
		text += base64.RawURLEncoding.EncodeToString(b) + "."
	}
	text = text[:len(text)-1]
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
}

// A provider that names its EdDSA as RFC 9864 has it: people sign in and out by it, and its
// access tokens are taken, where the application expects EdDSA by either name.
func TestTokensByTheNewerNameOfEdDSA(t *testing.T) {
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, expected := range []string{"EdDSA", "Ed25519"} {
		for _, published := range []string{"EdDSA", "Ed25519", ""} {
			t.Run(expected+" of a key for "+published, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					net := newNetwork()
					f := newFake(t, net, "erp.test")
					f.onKeys = func() []jose.JSONWebKey {
						return []jose.JSONWebKey{{Key: &signingKeys().rsa.PublicKey, KeyID: "r1", Use: "sig"}, {Key: public, KeyID: "ed", Algorithm: published, Use: "sig"}}
					}
					p, err := client.NewProvider(client.ProviderConfig{Issuer: f.issuer, Transport: f.net, SigningAlgorithms: []string{expected}})
					if err != nil {
						t.Fatal(err)
					}
					var claims map[string]any
					f.signID = func(c map[string]any) string { claims = c; return "" }
					f.onAnswer = func(_ string, a map[string]any) {
						sum := sha512.Sum512([]byte(a["access_token"].(string)))
						claims["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:32])
						a["id_token"] = signEd25519(key, nil, claims)
					}
					a := f.app("app.test", func(c *client.UserConfig) { c.Provider = p })
					b := a.signIn(net)
					logout := logoutClaims(f, nil)
					if status := tell(t, a, signEd25519(key, map[string]any{"typ": "logout+jwt"}, logout)); status != 200 || a.signedIn(b) {
						t.Errorf("a logout token: %d, signed in: %v", status, a.signedIn(b))
					}
					v := client.NewIDTokenVerifier(p, appURI)
					good := signEd25519(key, nil, goodClaims(f))
					if _, err := v.Verify(t.Context(), good); err != nil {
						t.Error(err)
					}
					if _, err := client.NewIDTokenVerifier(f.provider(), appURI).Verify(t.Context(), good); err == nil {
						t.Error("taken where RS256 is expected")
					}
					other := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
					for name, raw := range map[string]string{
						"by another key":            signEd25519(other, nil, goodClaims(f)),
						"named as the RSA key":      signEd25519(key, map[string]any{"kid": "r1"}, goodClaims(f)),
						"with a critical extension": signEd25519(key, map[string]any{"crit": []string{"exp"}, "exp": 1}, goodClaims(f)),
						"altered":                   good[:len(good)-4] + "AAAA",
					} {
						if _, err := v.Verify(t.Context(), raw); err == nil {
							t.Errorf("%s: taken", name)
						}
					}
					f.onAnswer = func(_ string, a map[string]any) {
						claims["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
						a["id_token"] = signEd25519(key, nil, claims)
					}
					if p := newBrowser(t, net).open(a.url + "/signin?return_to=/me"); p.status == 200 {
						t.Errorf("signed in with another's access token: %s", p.body)
					}
				})
			})
		}
	}
	bubble(t, func(t *testing.T) {
		g := guard(t, nil)
		g.onKeys = func() []jose.JSONWebKey {
			return []jose.JSONWebKey{{Key: public, KeyID: "ed", Algorithm: "EdDSA", Use: "sig"}}
		}
		r := httptest.NewRequest("GET", fieldAPI, nil)
		r.Header.Set("Authorization", "Bearer "+signEd25519(key, map[string]any{"typ": "at+jwt"}, g.claims(nil)))
		w := httptest.NewRecorder()
		if g.api.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Errorf("an access token: %d %s", w.Code, w.Body)
		}
	})
}
