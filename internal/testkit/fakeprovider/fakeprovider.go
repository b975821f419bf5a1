// Package fakeprovider is an OpenID provider for tests that does what it is told to, also
// what no provider should.
package fakeprovider

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ClientID and ClientSecret are what the client of every provider is called, and its secret.
const (
	ClientID     = "tandem"
	ClientSecret = "a secret + of: 100%"
)

// Provider is such a provider. Nobody has to type anything there.
type Provider struct {
	*httptest.Server
	// Metadata changes the discovery document; set it before the first request.
	Metadata func(m map[string]any)

	// Issuer is what it calls itself.
	Issuer string

	t   testing.TB
	mux *http.ServeMux
	key *rsa.PrivateKey
	ed  ed25519.PrivateKey
	now func() time.Time

	mu       sync.Mutex
	twist    Twist
	asked    url.Values // the last authorization request
	codes    map[string]url.Values
	redeemed int
}

// Twist is what is otherwise than it should be.
type Twist struct {
	// Claims change what the ID token says; Sign makes it otherwise than with the key.
	Claims func(c map[string]any)
	Sign   func(c map[string]any) string
	// Answer changes what goes back through the browser.
	Answer func(q url.Values)
	// Userinfo is what is told there.
	Userinfo map[string]any
}

// New runs a provider until the test ends; now is its clock.
func New(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	f := build(t, now)
	f.Server = httptest.NewServer(f.mux)
	f.Issuer = f.URL
	t.Cleanup(f.Close)
	return f
}

// NewTLS is New for one with https that calls itself by the name example.com, which its
// certificate is for; whoever comes has to find it.
func NewTLS(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	f := build(t, now)
	f.Server = httptest.NewTLSServer(f.mux)
	f.Issuer = strings.Replace(f.URL, "127.0.0.1", "example.com", 1)
	t.Cleanup(f.Close)
	return f
}

func build(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &Provider{t: t, key: key, ed: ed, now: now, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", f.discovery)
	mux.HandleFunc("/authorize", f.authorize)
	mux.HandleFunc("/token", f.token)
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: key.Public(), KeyID: "one", Algorithm: "RS256", Use: "sig"}, {Key: f.ed.Public(), KeyID: "two", Algorithm: "Ed25519", Use: "sig"},
		}})
	})
	mux.HandleFunc("/userinfo", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		writeJSON(w, f.twist.Userinfo)
	})
	f.mux = mux
	return f
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// Twist changes the provider for what follows; what is not set is as it should be.
func (f *Provider) Twist(t Twist) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.twist = t
}

// Asked is the last authorization request, and Redeemed how many codes were redeemed.
func (f *Provider) Asked() (request url.Values, redeemed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked, f.redeemed
}

func (f *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := map[string]any{
		"issuer": f.Issuer, "authorization_endpoint": f.Issuer + "/authorize", "token_endpoint": f.Issuer + "/token", "jwks_uri": f.Issuer + "/jwks",
		"userinfo_endpoint": f.Issuer + "/userinfo", "end_session_endpoint": f.Issuer + "/logout", "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic"},
	}
	if f.Metadata != nil {
		f.Metadata(m)
	}
	writeJSON(w, m)
}

func (f *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := r.URL.Query()
	f.asked = q
	code := rand.Text()
	f.codes[code] = q
	back := url.Values{"code": {code}, "state": {q.Get("state")}}
	if f.twist.Answer != nil {
		f.twist.Answer(back)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

// token redeems a code once, for the client with its secret and verifier.
func (f *Provider) token(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	secret, _ = url.QueryUnescape(secret) // RFC 6749 section 2.3.1
	q, ok := f.codes[r.PostFormValue("code")]
	delete(f.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || id != ClientID || secret != ClientSecret || base64.RawURLEncoding.EncodeToString(sum[:]) != q.Get("code_challenge") ||
		r.PostFormValue("redirect_uri") != q.Get("redirect_uri") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant"})
		return
	}
	f.redeemed++
	now := f.now().Unix()
	c := map[string]any{"iss": f.Issuer, "aud": ClientID, "sub": "s-1", "iat": now, "exp": now + 300, "nonce": q.Get("nonce")}
	if f.twist.Claims != nil {
		f.twist.Claims(c)
	}
	sign := f.Signed
	if f.twist.Sign != nil {
		sign = f.twist.Sign
	}
	writeJSON(w, map[string]any{"access_token": AccessToken, "token_type": "Bearer", "id_token": sign(c)})
}

// Signed is an ID token with the claims, signed as it should be; SignedWith one that is
// signed otherwise.
func (f *Provider) Signed(c map[string]any) string { return f.SignedWith(jose.RS256, f.key, c) }

// SignedWith is the same with another algorithm and key.
func (f *Provider) SignedWith(alg jose.SignatureAlgorithm, key any, c map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "one"))
	if err != nil {
		f.t.Error(err)
		return ""
	}
	text, _ := json.Marshal(c)
	jws, err := signer.Sign(text)
	if err != nil {
		f.t.Error(err)
		return ""
	}
	compact, _ := jws.CompactSerialize()
	return compact
}

// SignedByEd25519 is an ID token signed with the provider's key on Ed25519, by whatever its
// header calls that.
func (f *Provider) SignedByEd25519(alg string, c map[string]any) string {
	head, _ := json.Marshal(map[string]string{"alg": alg, "kid": "two"})
	text, _ := json.Marshal(c)
	input := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(text)
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(f.ed, []byte(input)))
}

// AccessToken is the one that it gives.
const AccessToken = "opaque"

// PublicModulus are bytes of the public key, for who takes it for a secret.
func (f *Provider) PublicModulus() []byte { return f.key.N.Bytes() }

// Unsigned is a token with the algorithm none.
func Unsigned(c map[string]any) string {
	text, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
}
