package registry_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/keyalg"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// C19: what can be registered can be matched byte for byte and goes to one
// place that nobody in between can read.
func TestC19_RedirectURIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, datatest.Open(t, sqldb.SQLite))
	register := func(uri string) error {
		_, err := w.apps.Update(t.Context(), by, portal, func(a *tandem.TrustedApp) error {
			a.RedirectURIs = []string{uri}
			return nil
		})
		return err
	}
	for _, uri := range []string{
		"https://portal.example/signin-callback", "https://portal.example", "https://portal.example:8443/cb?tenant=1&x=%20",
		"http://localhost:8080/cb", "http://127.0.0.1/cb", "http://127.9.9.9:1/cb", "http://[::1]:8080/cb", "https://xn--e1afmkfd.example/cb",
	} {
		if err := register(uri); err != nil {
			t.Errorf("%q is refused: %v", uri, err)
		}
	}
	for _, uri := range []string{
		"", "/cb", "cb", "//evil.example/cb", "https:/cb", "https:cb", "https://", "https:///cb", "https://:443/cb", "http://:8080/cb",
		"http://portal.example/cb", "http://localhost.evil.example/cb", "http://127.0.0.1.evil.example/cb", "http://0.0.0.0/cb", "http://10.0.0.1/cb", "http://127.1/cb",
		"ftp://portal.example/cb", "javascript:alert(1)", "data:text/html,x", "com.example.app:/cb", "com.example.app://cb", "file:///etc/passwd",
		"https://*.portal.example/cb", "https://portal.example/*", "https://portal.example/cb#f", "https://portal.example/cb#",
		"https://user@portal.example/cb", "https://user:pw@portal.example/cb", "https://portal.example\\@evil.example/cb", "https://portal.example/cb,https://evil.example/",
		"https://portal.example/c b", "https://portal.example/cb\r\nSet-Cookie: x=1", "https://portal.example/cb\n", "https://portal.example/\x00", "https://портал.example/cb",
		"https://portal.example/\"><script>", " https://portal.example/cb", "https://portal.example/%zz", "https://[::1/cb", "https://portal.example:port/cb",
		"https://portal.example;script-src'none'/cb", "https://'self'/cb", "https://[fe80::1%25eth0]/cb", "https://portal%2eexample/cb",
		"https://portal.example/" + strings.Repeat("x", registry.MaxURI),
	} {
		if err := register(uri); tandem.ErrorCode(err) != tandem.CodeInvalid {
			t.Errorf("%q is taken: %v", uri, err)
		} else if len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Errorf("%q: the error repeats it as it is: %q", uri, err)
		}
	}
	// A scheme of its own is a public application's alone, has a dot, and a path.
	public := tandem.TrustedApp{ApplicationURI: "com.acme/field", Enabled: true, ClientType: tandem.ClientPublic, InternalUsers: true}
	if _, _, err := w.apps.Create(t.Context(), by, public); err != nil {
		t.Fatal(err)
	}
	native := func(uri string) error {
		_, err := w.apps.Update(t.Context(), by, public.ApplicationURI, func(a *tandem.TrustedApp) error {
			a.RedirectURIs, a.PostLogoutRedirectURIs = []string{uri}, []string{uri}
			return nil
		})
		return err
	}
	for _, uri := range []string{"com.acme.field:/callback", "com.acme.field:/", "com.acme:/cb?tenant=1&x=%20", "org.x-y.app2:/a/b:c", "http://127.0.0.1/cb", "https://acme.example/cb"} {
		if err := native(uri); err != nil {
			t.Errorf("%q is refused: %v", uri, err)
		}
	}
	for _, uri := range []string{
		"acme:/callback", "myapp://callback", "com.acme.field://callback", "com.acme.field://", "com.acme.field:callback", "com.acme.field:", "com.acme.field:8080/cb", "Com.Acme.Field:/cb",
		"com..acme:/cb", ".com.acme:/cb", "com.acme.:/cb", "1com.acme:/cb", "com_acme.x:/cb", "com.acme:/cb#x", "com.acme:/cb#", "com.acme:/*", "com.acme:/c b", "com.acme:/cb\n", "com.acme:/\"x",
		"com.acme:/%zz", "com.acme:/п", "com.acme:\\cb", "com.acme:/\\evil.example", "javascript.x:alert(1)", "com.acme;x:/cb", "com.acme'x:/cb", "http://portal.example/cb", "http://10.0.0.1/cb",
		"com.acme:/" + strings.Repeat("x", registry.MaxURI),
	} {
		if err := native(uri); tandem.ErrorCode(err) != tandem.CodeInvalid {
			t.Errorf("%q is taken: %v", uri, err)
		}
	}
	// It does not become another kind of application's.
	if err := native("com.acme.field:/callback"); err != nil {
		t.Fatal(err)
	}
	_, err := w.apps.Update(t.Context(), by, public.ApplicationURI, func(a *tandem.TrustedApp) error { a.ClientType = tandem.ClientConfidential; return nil })
	w.refused(err, tandem.CodeInvalid, "made confidential")
	for name, change := range map[string]func(*tandem.TrustedApp){
		"too many": func(a *tandem.TrustedApp) {
			for range registry.MaxURIs + 1 {
				a.RedirectURIs = append(a.RedirectURIs, "https://portal.example/")
			}
		},
		"long notes": func(a *tandem.TrustedApp) { a.Notes = strings.Repeat("x", registry.MaxNotes+1) },
		"long name":  func(a *tandem.TrustedApp) { a.Name = strings.Repeat("x", registry.MaxName+1) },
	} {
		_, err := w.apps.Update(t.Context(), by, portal, func(a *tandem.TrustedApp) error { change(a); return nil })
		w.refused(err, tandem.CodeInvalid, name)
	}
}

func TestApplicationURIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, datatest.Open(t, sqldb.SQLite))
	create := func(uri string) error {
		a := w.profile()
		a.ApplicationURI = uri
		_, _, err := w.apps.Create(t.Context(), by, a)
		return err
	}
	for _, uri := range []string{"com.acme/portal", "com.acme/Portal", "a", "urn:acme:portal", strings.Repeat("x", tandem.MaxApplicationURI)} {
		if err := create(uri); err != nil {
			t.Errorf("%q is refused: %v", uri, err)
		}
	}
	for _, uri := range []string{
		"", " ", "com.acme/a b", "com.acme/портал", "/portal", ".acme", "a\nb", "a\x00", "a,b", "a;b", "a\"b", "a&b=c", "a?b", "a#b", "a%20b", "<a>",
		strings.Repeat("x", tandem.MaxApplicationURI+1), "com.acme/portal\n",
	} {
		if err := create(uri); tandem.ErrorCode(err) != tandem.CodeInvalid {
			t.Errorf("%q is taken: %v", uri, err)
		}
	}
}

func pemOf(t *testing.T, kind string, der []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func publicPEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	return pemOf(t, "PUBLIC KEY", der, err)
}

func jwk(t *testing.T, key any) []byte {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: "mine", Use: "sig"})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func ecKey(t *testing.T, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0") // to make the weak ones that are refused
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestParsePublicKey(t *testing.T) {
	p256, p384 := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P384())
	strong, weak := rsaKey(t, 2048), rsaKey(t, 1024)
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"P-256 PEM": publicPEM(t, p256.Public()), "P-256 JWK": jwk(t, p256.Public()), "RSA PEM": publicPEM(t, strong.Public()),
		"RSA JWK": jwk(t, strong.Public()), "Ed25519 PEM": publicPEM(t, edPublic), "Ed25519 JWK": append([]byte("\n "), jwk(t, edPublic)...),
	} {
		got, err := registry.ParsePublicKey(text)
		var key jose.JSONWebKey
		if err != nil || json.Unmarshal(got, &key) != nil || !key.IsPublic() || key.KeyID == "" || key.Use != "" || len(keyalg.Of(key.Key)) == 0 {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(p256)
	private := pemOf(t, "PRIVATE KEY", pkcs8, err)
	sec1, err := x509.MarshalECPrivateKey(p256)
	for name, text := range map[string][]byte{
		"PKCS #8":            private,
		"SEC 1":              pemOf(t, "EC PRIVATE KEY", sec1, err),
		"PKCS #1":            pemOf(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(strong), nil),
		"EC JWK":             jwk(t, p256),
		"RSA JWK":            jwk(t, strong),
		"Ed25519 JWK":        jwk(t, edPrivate),
		"a secret":           jwk(t, []byte("a symmetric key of some length....")),
		"encrypted":          pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: pkcs8}),
		"mislabelled":        pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkcs8}),
		"both, public first": append(publicPEM(t, p256.Public()), private...),
	} {
		if got, err := registry.ParsePublicKey(text); tandem.ErrorCode(err) != tandem.CodeInvalid || got != nil {
			t.Errorf("private key, %s: %s, %v", name, got, err)
		}
	}
	for name, text := range map[string][]byte{
		"P-384": publicPEM(t, p384.Public()), "RSA 1024": publicPEM(t, weak.Public()), "RSA 1024 JWK": jwk(t, weak.Public()),
		"RSA 8192": hugeRSA(t), "nothing": nil, "text": []byte("ssh-rsa AAAA"), "a number": []byte("7"), "null": []byte("null"), "an empty object": []byte("{}"),
		"another kind": []byte(`{"kty":"oct"}`), "off the curve": []byte(`{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`),
		"a broken block": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}),
	} {
		if got, err := registry.ParsePublicKey(text); tandem.ErrorCode(err) != tandem.CodeInvalid || got != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	if n := keyalg.Of(crypto.PublicKey("text")); n != nil {
		t.Errorf("a text is good for %v", n)
	}
}

// hugeRSA is a key whose signatures would take long to verify. It is made from
// a number that need not be a product of primes.
func hugeRSA(t *testing.T) []byte {
	t.Helper()
	k := rsaKey(t, 2048).PublicKey
	k.N.Lsh(k.N, 8192-2048).Add(k.N, k.N)
	k.N.SetBit(k.N, 0, 1)
	return publicPEM(t, &k)
}
