package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

func rsaKey() jose.JSONWebKey { return jose.JSONWebKey{Key: signingKeys().rsa, KeyID: "r1"} }

func unsigned(header string, claims map[string]any) string {
	text, _ := json.Marshal(claims)
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
}

func goodClaims(f *fake) map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": f.issuer, "aud": appURI, "sub": "anna", "id": annaID, "sid": "sid-1", "name": "Anna", "email": "anna@example.com",
		"user_type": "InternalUser", "is_admin": true, "locale": "de", "token_kind": "id",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "auth_time": now.Add(-time.Hour).Unix(),
	}
}

func TestIDTokenOfTandem(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		now := time.Now().UTC()
		got, err := client.NewIDTokenVerifier(f.provider(), appURI).Verify(t.Context(), sign(jose.RS256, rsaKey(), goodClaims(f), "JWT"))
		want := client.IDToken{
			Subject: "anna", Login: "anna", UserID: annaID, Name: "Anna", Email: "anna@example.com",
			UserType: tandem.InternalUser, Admin: true, SignInID: "sid-1", Locale: "de",
			IssuedAt: now, ExpiresAt: now.Add(5 * time.Minute), AuthTime: now.Add(-time.Hour),
		}
		if err != nil || got != want {
			t.Errorf("%+v %v, want %+v", got, err, want)
		}
	})
}

func TestIDTokenOfAnotherProvider(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "login.test")
		text := sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().rsa}, map[string]any{
			"iss": f.issuer, "aud": []string{appURI, "other"}, "azp": appURI, "sub": "5f1c", "preferred_username": "anna",
			"iat": time.Now().Unix(), "exp": time.Now().Unix() + 300, "is_admin": "true",
		}, "")
		got, err := client.NewIDTokenVerifier(f.provider(), appURI).Verify(t.Context(), text)
		if err != nil || got.Subject != "5f1c" || got.Login != "anna" || got.UserID != "5f1c" || got.Admin || !got.AuthTime.IsZero() {
			t.Errorf("%+v %v", got, err)
		}
	})
}

// TestD24_IDTokensThatAreRefused tries every wrong thing, one at a time.
func TestD24_IDTokensThatAreRefused(t *testing.T) {
	strange, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, value any) func(f *fake) string {
		return func(f *fake) string {
			c := goodClaims(f)
			if c[name] = value; value == nil {
				delete(c, name)
			}
			return sign(jose.RS256, rsaKey(), c, "JWT")
		}
	}
	for name, make := range map[string]func(f *fake) string{
		"of another audience": set("aud", "com.acme/other"),
		"without an audience": set("aud", nil),
		"of several, no azp":  set("aud", []string{appURI, "com.acme/other"}),
		"of another azp":      set("azp", "com.acme/other"),
		"of another issuer":   set("iss", "https://evil.test/id"),
		"without an issuer":   set("iss", nil),
		"expired":             set("exp", 946684800-1),
		"without an end":      set("exp", nil),
		"without a beginning": set("iat", nil),
		"issued in the future": func(f *fake) string {
			c := goodClaims(f)
			c["iat"], c["exp"] = 946684800+3600, 946684800+3900
			return sign(jose.RS256, rsaKey(), c, "JWT")
		},
		"ends before it begins":      set("iat", 946684800+3600),
		"not before a later time":    set("nbf", 946684800+3600),
		"without a subject":          set("sub", nil),
		"of another type of subject": set("sub", 5),
		"I7 of kind user":            set("token_kind", "user"),
		"I7 of kind service":         set("token_kind", "service"),
		"I7 typ at+jwt":              func(f *fake) string { return sign(jose.RS256, rsaKey(), goodClaims(f), "at+jwt") },
		"I7 typ application/at+jwt":  func(f *fake) string { return sign(jose.RS256, rsaKey(), goodClaims(f), "application/AT+JWT") },
		"a logout token":             func(f *fake) string { return sign(jose.RS256, rsaKey(), goodClaims(f), "logout+jwt") },
		"alg none":                   func(f *fake) string { return unsigned(`{"alg":"none"}`, goodClaims(f)) },
		"alg NoNe":                   func(f *fake) string { return unsigned(`{"alg":"NoNe"}`, goodClaims(f)) },
		"no header":                  func(f *fake) string { return unsigned(``, goodClaims(f)) },
		"without its signature":      func(f *fake) string { s := f.idToken(goodClaims(f)); return s[:strings.LastIndex(s, ".")+1] },
		"another's signature": func(f *fake) string {
			return sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().otherRSA, KeyID: "r1"}, goodClaims(f), "JWT")
		},
		"an algorithm not expected": func(f *fake) string {
			return sign(jose.ES256, jose.JSONWebKey{Key: signingKeys().ec, KeyID: "e1"}, goodClaims(f), "JWT")
		},
		"a key of another algorithm": func(f *fake) string {
			return sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().rsa, KeyID: "e1"}, goodClaims(f), "JWT")
		},
		"an unknown key": func(f *fake) string {
			return sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().otherRSA, KeyID: "x"}, goodClaims(f), "JWT")
		},
		"kid as a path": func(f *fake) string {
			return sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().otherRSA, KeyID: "../../dev/null"}, goodClaims(f), "JWT")
		},
		"HS256 with the public key": func(f *fake) string {
			der, _ := x509.MarshalPKIXPublicKey(&signingKeys().rsa.PublicKey)
			return sign(jose.HS256, der, goodClaims(f), "JWT")
		},
		"its own key in the header": func(f *fake) string {
			signer, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: strange}, &jose.SignerOptions{EmbedJWK: true})
			text, _ := json.Marshal(goodClaims(f))
			jws, _ := signer.Sign(text)
			s, _ := jws.CompactSerialize()
			return s
		},
		"critical extensions": func(f *fake) string {
			signer, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: rsaKey()}, (&jose.SignerOptions{}).WithCritical("x").WithHeader("x", 1))
			text, _ := json.Marshal(goodClaims(f))
			jws, _ := signer.Sign(text)
			s, _ := jws.CompactSerialize()
			return s
		},
		"JSON form": func(f *fake) string {
			jws, _ := jose.ParseSignedCompact(f.idToken(goodClaims(f)), []jose.SignatureAlgorithm{jose.RS256})
			return jws.FullSerialize()
		},
		"huge": func(f *fake) string {
			c := goodClaims(f)
			c["x"] = strings.Repeat("x", 32<<10)
			return sign(jose.RS256, rsaKey(), c, "JWT")
		},
		"changed after it was signed": func(f *fake) string {
			parts := strings.Split(f.idToken(goodClaims(f)), ".")
			c := goodClaims(f)
			c["sub"] = "admin"
			text, _ := json.Marshal(c)
			return parts[0] + "." + base64.RawURLEncoding.EncodeToString(text) + "." + parts[2]
		},
		"nested": func(f *fake) string {
			return sign(jose.RS256, rsaKey(), map[string]any{"jwt": f.idToken(goodClaims(f))}, "JWT")
		},
		"no JWT":  func(*fake) string { return "anna" },
		"nothing": func(*fake) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, newNetwork(), "erp.test")
				v := client.NewIDTokenVerifier(f.provider(), appURI)
				if _, err := v.Verify(t.Context(), f.idToken(goodClaims(f))); err != nil {
					t.Fatalf("the good one is refused: %v", err)
				}
				got, err := v.Verify(t.Context(), make(f))
				if tandem.ErrorCode(err) != tandem.CodeUnauthorized || got != (client.IDToken{}) {
					t.Errorf("%+v %v, want unauthorized", got, err)
				}
				if aboutTime := name == "expired" || name == "issued in the future"; aboutTime != strings.Contains(fmt.Sprint(err), "set the clock") {
					t.Errorf("a clock that is wrong is not named, or one is that is right: %v", err)
				}
			})
		})
	}
}

// What ID tokens are signed with is agreed, and not what the provider or a token
// says of itself.
func TestSigningAlgorithms(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		f.onMetadata = func(m map[string]any) {
			m["id_token_signing_alg_values_supported"] = []string{"RS256", "ES256", "HS256"}
		}
		signed := map[string]string{
			"RS256": sign(jose.RS256, rsaKey(), goodClaims(f), "JWT"),
			"ES256": sign(jose.ES256, jose.JSONWebKey{Key: signingKeys().ec, KeyID: "e1"}, goodClaims(f), "JWT"),
		}
		for _, expected := range [][]string{nil, {"RS256"}, {"ES256"}, {"ES256", "RS256"}, {"EdDSA"}} {
			p, err := client.NewProvider(client.ProviderConfig{Issuer: f.issuer, Transport: f.net, SigningAlgorithms: expected})
			if err != nil {
				t.Fatal(err)
			}
			for alg, raw := range signed {
				_, err := client.NewIDTokenVerifier(p, appURI).Verify(t.Context(), raw)
				if good := slices.Contains(expected, alg) || expected == nil && alg == "RS256"; good != (err == nil) {
					t.Errorf("%s where %v is expected: %v", alg, expected, err)
				} else if !good && (tandem.ErrorCode(err) != tandem.CodeUnauthorized || !strings.Contains(err.Error(), "not signed with ")) {
					t.Errorf("%s where %v is expected: the error says %v", alg, expected, err)
				}
			}
		}
		for _, wrong := range []string{"HS256", "none", "rs256", ""} {
			_, err := client.NewProvider(client.ProviderConfig{Issuer: f.issuer, Transport: f.net, SigningAlgorithms: []string{"RS256", wrong}})
			if err == nil || !strings.Contains(err.Error(), "ES256") {
				t.Errorf("%q may be expected: %v", wrong, err)
			}
		}
	})
}

func TestIDTokenSymmetricAlgorithmIsNeverAccepted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		f.onMetadata = func(m map[string]any) { m["id_token_signing_alg_values_supported"] = []string{"HS256", "none"} }
		v := client.NewIDTokenVerifier(f.provider(), appURI)
		for _, raw := range []string{sign(jose.HS256, []byte(strings.Repeat("k", 32)), goodClaims(f), "JWT"), unsigned(`{"alg":"none"}`, goodClaims(f))} {
			if _, err := v.Verify(t.Context(), raw); err == nil {
				t.Error("accepted because it is announced")
			}
		}
	})
}

func TestIDTokenWhenKeysCannotBeFetched(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		p := f.provider()
		if _, err := p.Metadata(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.net.set(func() { f.net.down["erp.test"] = true })
		if _, err := client.NewIDTokenVerifier(p, appURI).Verify(t.Context(), f.idToken(goodClaims(f))); tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Errorf("error %v, want unavailable: it may be good", err)
		}
	})
}

func TestD25_UnknownKeysCauseNoFlood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		v := client.NewIDTokenVerifier(f.provider(), appURI)
		for i := range 1000 {
			raw := sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().rsa, KeyID: fmt.Sprint("unknown-", i)}, map[string]any{"iss": f.issuer}, "JWT")
			if _, err := v.Verify(t.Context(), raw); err == nil {
				t.Fatal("accepted")
			}
		}
		if n := f.keyFetches.Load(); n > 3 {
			t.Errorf("%d fetches for 1000 unknown keys, want at most 3", n)
		}
		if _, err := v.Verify(t.Context(), f.idToken(goodClaims(f))); err != nil {
			t.Errorf("a good token during the flood: %v", err)
		}
	})
}

func TestD25_KeysRotate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		v := client.NewIDTokenVerifier(f.provider(), appURI)
		old := func() string { return f.idToken(goodClaims(f)) }
		if _, err := v.Verify(t.Context(), old()); err != nil {
			t.Fatal(err)
		}
		f.with(func() {
			f.onKeys = func() []jose.JSONWebKey {
				return []jose.JSONWebKey{{Key: &signingKeys().otherRSA.PublicKey, KeyID: "r2"}}
			}
		})
		renewed := sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().otherRSA, KeyID: "r2"}, goodClaims(f), "JWT")
		if _, err := v.Verify(t.Context(), renewed); err != nil {
			t.Errorf("the new key at once: %v", err)
		}
		if _, err := v.Verify(t.Context(), old()); err == nil {
			t.Error("the removed key still verifies though the new set was seen")
		}
	})
}

func TestD25_RemovedKeyIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		v := client.NewIDTokenVerifier(f.provider(), appURI)
		if _, err := v.Verify(t.Context(), f.idToken(goodClaims(f))); err != nil {
			t.Fatal(err)
		}
		f.with(func() {
			f.onKeys = func() []jose.JSONWebKey {
				return []jose.JSONWebKey{{Key: &signingKeys().otherRSA.PublicKey, KeyID: "r2"}}
			}
		})
		time.Sleep(10 * time.Minute)
		if _, err := v.Verify(t.Context(), f.idToken(goodClaims(f))); err == nil {
			t.Error("a key that was removed 10 minutes ago still verifies")
		}
	})
}

func TestKeySetIsReadLeniently(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		f.onKeys = func() []jose.JSONWebKey {
			return []jose.JSONWebKey{
				{Key: signingKeys().ec, KeyID: "private", Algorithm: "ES256"}, // a private part has no business here
				{Key: &signingKeys().rsa.PublicKey, KeyID: "enc", Use: "enc"},
				{Key: &signingKeys().rsa.PublicKey, KeyID: "r1"},
			}
		}
		v := client.NewIDTokenVerifier(f.provider(), appURI)
		if _, err := v.Verify(t.Context(), f.idToken(goodClaims(f))); err != nil {
			t.Error(err)
		}
		raw := sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().rsa, KeyID: "enc"}, goodClaims(f), "JWT")
		if _, err := v.Verify(t.Context(), raw); err == nil {
			t.Error("a key for encryption verified a signature")
		}
	})
}
