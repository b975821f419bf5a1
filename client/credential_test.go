package client_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth"
)

func writeFile(t *testing.T, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credential")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func pkcs8(t *testing.T, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// A private key that others can read is not used; a secret is, as it may come
// from anywhere.
func TestCredentialFilesOfOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content []byte
		good    bool
	}{"PEM": {pkcs8(t, signingKeys().ec), false}, "secret": {[]byte("secret"), true}} {
		file := writeFile(t, c.content)
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := client.ReadServiceCredential(file)
		if (err == nil) != c.good || err != nil && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrivateKeyJWT(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, err := x509.MarshalECPrivateKey(signingKeys().ec)
	if err != nil {
		t.Fatal(err)
	}
	jwk := func(k jose.JSONWebKey) []byte { text, _ := json.Marshal(k); return text }
	for name, c := range map[string]struct {
		content   []byte
		public    crypto.PublicKey
		alg       jose.SignatureAlgorithm
		kid       string
		announced []string
	}{
		"EC in PKCS 8":     {pkcs8(t, signingKeys().ec), &signingKeys().ec.PublicKey, jose.ES256, "", nil},
		"EC in SEC 1":      {pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ecDER}), &signingKeys().ec.PublicKey, jose.ES256, "", nil},
		"EC P-384":         {pkcs8(t, p384), &p384.PublicKey, jose.ES384, "", nil},
		"Ed25519":          {pkcs8(t, ed), ed.Public(), jose.EdDSA, "", nil},
		"RSA in PKCS 1":    {pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(signingKeys().rsa)}), &signingKeys().rsa.PublicKey, jose.RS256, "", nil},
		"RSA where PS256":  {pkcs8(t, signingKeys().rsa), &signingKeys().rsa.PublicKey, jose.PS256, "", []string{"PS256", "ES256"}},
		"JWK with its id":  {jwk(jose.JSONWebKey{Key: signingKeys().ec, KeyID: "k1"}), &signingKeys().ec.PublicKey, jose.ES256, "k1", nil},
		"JWK with its alg": {jwk(jose.JSONWebKey{Key: signingKeys().rsa, Algorithm: "PS512"}), &signingKeys().rsa.PublicKey, jose.PS512, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, newNetwork(), "erp.test")
				f.onMetadata = func(m map[string]any) {
					m["token_endpoint_auth_methods_supported"] = []string{oauth.AuthPrivateKeyJWT}
					m["token_endpoint_auth_signing_alg_values_supported"] = c.announced
				}
				var forms []url.Values
				f.onToken = func(w http.ResponseWriter, r *http.Request) bool {
					_ = r.ParseForm()
					if r.Header.Get("Authorization") != "" {
						t.Error("two methods of authentication")
					}
					forms = append(forms, r.PostForm)
					writeJSON(w, 200, map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60})
					return true
				}
				credential, err := client.ReadServiceCredential(writeFile(t, c.content))
				if err != nil {
					t.Fatal(err)
				}
				s := f.service(func(c *client.ServiceConfig) { c.Credential = credential })
				mustService(t, s)
				time.Sleep(2 * time.Minute)
				mustService(t, s)
				seen := map[any]bool{}
				for _, form := range forms {
					if form.Get("client_assertion_type") != oauth.AssertionTypeJWT || form.Get("client_id") != appURI || form.Has("client_secret") {
						t.Errorf("form %v", form)
					}
					jws, err := jose.ParseSignedCompact(form.Get("client_assertion"), []jose.SignatureAlgorithm{c.alg})
					if err != nil {
						t.Fatal(err)
					}
					text, err := jws.Verify(c.public)
					if err != nil || jws.Signatures[0].Header.KeyID != c.kid {
						t.Fatalf("%v, kid %q", err, jws.Signatures[0].Header.KeyID)
					}
					var claims map[string]any
					if err := json.Unmarshal(text, &claims); err != nil {
						t.Fatal(err)
					}
					if claims["iss"] != appURI || claims["sub"] != appURI || claims["aud"] != f.issuer {
						t.Errorf("claims %v", claims)
					}
					if life := claims["exp"].(float64) - claims["iat"].(float64); life <= 0 || life > 300 {
						t.Errorf("it lives %v s", life)
					}
					if seen[claims["jti"]] {
						t.Error("D26: an assertion is used twice")
					}
					seen[claims["jti"]] = true
				}
				if len(forms) != 2 {
					t.Errorf("%d requests", len(forms))
				}
			})
		})
	}
}

func TestClientSecretMethods(t *testing.T) {
	const odd = "a b+c%d:é/ü"
	for name, c := range map[string]struct {
		announced []string
		basic     bool
	}{
		"nothing announced": {nil, true},
		"both":              {[]string{oauth.AuthSecretPost, oauth.AuthSecretBasic}, true},
		"post only":         {[]string{oauth.AuthSecretPost}, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, newNetwork(), "erp.test")
				f.onMetadata = func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = c.announced }
				f.onToken = func(w http.ResponseWriter, r *http.Request) bool {
					_ = r.ParseForm()
					id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
					if c.basic {
						if id != "" || secret != "" {
							t.Error("two methods of authentication")
						}
						id, secret, _ = r.BasicAuth()
						id, _ = url.QueryUnescape(id) // RFC 6749 section 2.3.1
						secret, _ = url.QueryUnescape(secret)
					} else if r.Header.Get("Authorization") != "" {
						t.Error("two methods of authentication")
					}
					if id != appURI || secret != odd || r.URL.RawQuery != "" {
						t.Errorf("got %q %q", id, secret)
					}
					writeJSON(w, 200, map[string]any{"access_token": "a", "token_type": "bearer"})
					return true
				}
				mustService(t, f.service(func(c *client.ServiceConfig) { c.Credential = client.ServiceSecret(odd) }))
			})
		})
	}
}

func TestCredentialFileIsReadAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		file := writeFile(t, []byte("  "+serviceSecret+"\n"))
		credential, err := client.ReadServiceCredential(file)
		if err != nil {
			t.Fatal(err)
		}
		s := f.service(func(c *client.ServiceConfig) { c.Credential = credential })
		mustService(t, s)
		if err := os.Remove(file); err != nil { // while it is replaced
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		mustService(t, s)
		if err := os.WriteFile(file, []byte("revoked"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		if _, err := s.Token(t.Context()); err == nil {
			t.Error("the new credential is not used")
		}
	})
}

func TestCredentialFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	public, _ := json.Marshal(jose.JSONWebKey{Key: &signingKeys().ec.PublicKey})
	der, _ := x509.MarshalPKIXPublicKey(&signingKeys().ec.PublicKey)
	for name, content := range map[string]string{
		"empty":           "",
		"blank":           " \n\t\n",
		"a public JWK":    string(public),
		"a public PEM":    string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"a broken PEM":    "-----BEGIN PRIVATE KEY-----\nxx\n-----END PRIVATE KEY-----\n",
		"a broken JWK":    `{"kty":"EC","crv":"P-256"}`,
		"a symmetric JWK": `{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQ"}`,
		"several lines":   "one\ntwo",
		"binary":          "\x00\x01\x02",
		"huge":            strings.Repeat("x", 100<<10),
	} {
		if _, err := client.ReadUserCredential(writeFile(t, []byte(content))); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "c2VjcmV0") || strings.Contains(err.Error(), "one") && name == "several lines" && strings.Contains(err.Error(), "two") {
			t.Errorf("%s: I13: the error repeats it: %v", name, err)
		}
	}
	if _, err := client.ReadServiceCredential(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is no fault")
	}
}
