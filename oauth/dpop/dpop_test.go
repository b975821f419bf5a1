package dpop_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/oauth/dpop"
)

var now = time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)

var call = dpop.Request{Method: "POST", URL: "https://erp.example/id/connect/token"}

// proof makes one with changed claims: those that are nil are left out.
func proof(t testing.TB, private any, algorithm jose.SignatureAlgorithm, kind string, change map[string]any) string {
	t.Helper()
	claims := map[string]any{"jti": "one", "htm": call.Method, "htu": call.URL, "iat": now.Unix()}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: private}, (&jose.SignerOptions{EmbedJWK: true}).WithType(jose.ContentType(kind)))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
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

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// What a proof has to say is checked claim by claim (RFC 9449 section 4.3;
// fapi2-security-profile-final-dpop-negative-tests, -check-dpop-proof-nbf-exp,
// -ensure-dpopproof-with-iat-10seconds-before-succeeds, -after-succeeds).
func TestClaimsOfAProof(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	seconds := func(n int64) map[string]any { return map[string]any{"iat": now.Unix() + n} }
	for name, test := range map[string]struct {
		change map[string]any
		wrong  string // what is said of it; empty when it is right
	}{
		"as it should be":           {nil, ""},
		"10 s old":                  {seconds(-10), ""},
		"10 s ahead":                {seconds(10), ""},
		"with more than it needs":   {map[string]any{"x": []int{1}, "exp": now.Unix() + 5, "nbf": now.Unix() - 5}, ""},
		"with a query":              {map[string]any{"htu": call.URL + "?a=b#c"}, ""},
		"in another case":           {map[string]any{"htu": "HTTPS://ERP.example:443/id/connect/token"}, ""},
		"escaped":                   {map[string]any{"htu": "https://erp.example/id/connect/%74oken"}, ""},
		"too old":                   {seconds(-61), "too old"},
		"of the future":             {seconds(16), "future"},
		"expired by itself":         {map[string]any{"exp": now.Unix() - 20}, "too old"},
		"not yet by itself":         {map[string]any{"nbf": now.Unix() + 20}, "future"},
		"without a time":            {map[string]any{"iat": nil}, "iat"},
		"with a time like no other": {map[string]any{"iat": 1e300}, "iat"},
		"with a time as text":       {map[string]any{"iat": "now"}, "cannot be read"},
		"without an id":             {map[string]any{"jti": nil}, "jti"},
		"with a long id":            {map[string]any{"jti": strings.Repeat("x", 257)}, "jti"},
		"another method":            {map[string]any{"htm": "GET"}, "htm"},
		"the method in small":       {map[string]any{"htm": "post"}, "htm"},
		"no method":                 {map[string]any{"htm": nil}, "htm"},
		"another path":              {map[string]any{"htu": call.URL + "/"}, "htu"},
		"another host":              {map[string]any{"htu": "https://evil.example/id/connect/token"}, "htu"},
		"another port":              {map[string]any{"htu": "https://erp.example:444/id/connect/token"}, "htu"},
		"another scheme":            {map[string]any{"htu": "http://erp.example/id/connect/token"}, "htu"},
		"somebody before the host":  {map[string]any{"htu": "https://x@erp.example/id/connect/token"}, "htu"},
		"no address":                {map[string]any{"htu": nil}, "htu"},
		"a path alone":              {map[string]any{"htu": "/id/connect/token"}, "htu"},
	} {
		got, err := dpop.Verify(proof(t, key, jose.ES256, "dpop+jwt", test.change), call, now)
		if test.wrong == "" && (err != nil || got.ID != "one" || !dpop.ValidThumbprint(got.Thumbprint)) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
		var bad *dpop.Error
		if test.wrong != "" && (!errors.As(err, &bad) || !strings.Contains(bad.Reason, test.wrong)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A proof is bound to the access token that it comes with.
func TestProofsAreForOneToken(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	with := call
	with.AccessToken = "a token"
	for hash, right := range map[any]bool{nil: false, dpop.Hash("a token"): true, dpop.Hash("another"): false, dpop.Hash("a token") + "=": false} {
		if _, err := dpop.Verify(proof(t, key, jose.ES256, "dpop+jwt", map[string]any{"ath": hash}), with, now); (err == nil) != right {
			t.Errorf("ath %v: %v", hash, err)
		}
	}
}

// named is a proof whose algorithm is called Ed25519 (RFC 9864), with the public part of a
// key in its header, signed by another.
func named(t *testing.T, header crypto.Signer, by ed25519.PrivateKey) string {
	t.Helper()
	public, err := json.Marshal(jose.JSONWebKey{Key: header.Public()})
	if err != nil {
		t.Fatal(err)
	}
	part := strings.Split(proof(t, by, jose.EdDSA, "dpop+jwt", nil), ".")
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"dpop+jwt","alg":"Ed25519","jwk":`+string(public)+`}`)) + "." + part[1]
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(by, []byte(text)))
}

// Only a signature by the public key in the header counts, by an algorithm that is
// right for the key, and in a header that says what it is.
func TestSignaturesOfProofs(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, otherEd, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := ecKey(t, elliptic.P256())
	for _, right := range []string{
		proof(t, key, jose.ES256, "dpop+jwt", nil), proof(t, edKey, jose.EdDSA, "dpop+jwt", nil), named(t, edKey, edKey),
		proof(t, rsaKey, jose.PS256, "dpop+jwt", nil), proof(t, rsaKey, jose.RS256, "dpop+jwt", nil),
	} {
		if _, err := dpop.Verify(right, call, now); err != nil {
			t.Error(err)
		}
	}
	text := proof(t, key, jose.ES256, "dpop+jwt", nil)
	part := strings.Split(text, ".")
	header := func(json string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(json)) + "." + part[1] + "." + part[2]
	}
	public, err := json.Marshal(jose.JSONWebKey{Key: key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	private, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Split(proof(t, ecKey(t, elliptic.P256()), jose.ES256, "dpop+jwt", nil), ".")
	for name, wrong := range map[string]string{
		"Ed25519 by another key": named(t, edKey, otherEd),
		"Ed25519 with its key":   named(t, key, edKey),
		"nothing":                "",
		"no JWS":                 "x",
		"another type":           proof(t, key, jose.ES256, "JWT", nil),
		"another curve":          proof(t, ecKey(t, elliptic.P384()), jose.ES384, "dpop+jwt", nil),
		"a secret":               proof(t, []byte(strings.Repeat("k", 32)), jose.HS256, "dpop+jwt", nil),
		"unsigned":               header(`{"typ":"dpop+jwt","alg":"none","jwk":` + string(public) + `}`),
		"a private key":          header(`{"typ":"dpop+jwt","alg":"ES256","jwk":` + string(private) + `}`),
		"no key":                 header(`{"typ":"dpop+jwt","alg":"ES256"}`),
		"a key by name":          header(`{"typ":"dpop+jwt","alg":"ES256","kid":"1"}`),
		"another's signature":    part[0] + "." + part[1] + "." + other[2],
		"another's header":       other[0] + "." + part[1] + "." + part[2],
		"another's claims":       part[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"htm":"GET"}`)) + "." + part[2],
		"a crit nobody knows":    header(`{"typ":"dpop+jwt","alg":"ES256","crit":["x"],"x":1,"jwk":` + string(public) + `}`),
		"longer than a proof is": text + strings.Repeat("A", dpop.MaxProof),
	} {
		if p, err := dpop.Verify(wrong, call, now); err == nil {
			t.Errorf("%s is taken for a proof: %+v", name, p)
		}
	}
}

// server is one that remembers in memory.
func server() *dpop.Server {
	return &dpop.Server{Base: "https://erp.example", Seen: new(dpop.Recent).First, Nonces: &dpop.Nonces{Key: []byte("key")}, Now: func() time.Time { return now }}
}

// TestKeysAreRemembered: a key that is known is no reason to believe a signature, and is
// good for each algorithm that fits it and for no other.
func TestKeysAreRemembered(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s, key, other := server(), ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	n := 0
	next := func(private any, algorithm jose.SignatureAlgorithm) string {
		n++
		return proof(t, private, algorithm, "dpop+jwt", map[string]any{"jti": strings.Repeat("x", n)})
	}
	look := func(text string) error {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/id/connect/token", nil)
		r.Header.Set(dpop.Header, text)
		_, err := s.Look(r, "")
		return err
	}
	for range 2 {
		for _, right := range []string{next(key, jose.ES256), next(other, jose.ES256), next(rsaKey, jose.RS256), next(rsaKey, jose.PS256), next(rsaKey, jose.RS256)} {
			if err := look(right); err != nil {
				t.Error(err)
			}
		}
		mine, theirs := strings.Split(next(key, jose.ES256), "."), strings.Split(next(other, jose.ES256), ".")
		if look(mine[0]+"."+theirs[1]+"."+theirs[2]) == nil {
			t.Error("a signature by another key is taken for that of one that is known")
		}
		ps := strings.Split(next(rsaKey, jose.PS256), ".")
		head, err := base64.RawURLEncoding.DecodeString(ps[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, algorithm := range []string{"RS256", "ES256", "none", "HS256"} {
			as := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(head), "PS256", algorithm, 1)))
			if look(as+"."+ps[1]+"."+ps[2]) == nil {
				t.Errorf("a signature of PS256 is taken for %s", algorithm)
			}
		}
	}
}

// A token that is bound to a key comes with a proof by that key, one that is not comes
// as a bearer's (RFC 9449 section 7).
func TestTokensAndTheirKeys(t *testing.T) {
	t.Parallel()
	s := server()
	key, other := newKey(t), newKey(t)
	made := func(k *dpop.Key, path, token string) string {
		text, err := k.Proof(dpop.Request{Method: "GET", URL: "https://erp.example" + path, AccessToken: token}, "", now)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for name, test := range map[string]struct {
		scheme, bound string
		proofs        []string
		right         bool
	}{
		"a bearer's":                    {"Bearer", "", nil, true},
		"a bearer's with a proof":       {"Bearer", "", []string{made(key, "/a", "t")}, true},
		"a bearer's as if it were ours": {"DPoP", "", []string{made(key, "/a", "t")}, false},
		"bound":                         {"DPoP", key.Thumbprint, []string{made(key, "/a", "t")}, true},
		"bound, scheme in small":        {"dpop", key.Thumbprint, []string{made(key, "/a", "t")}, true},
		"bound, as a bearer's":          {"Bearer", key.Thumbprint, []string{made(key, "/a", "t")}, false},
		"without a proof":               {"DPoP", key.Thumbprint, nil, false},
		"with two":                      {"DPoP", key.Thumbprint, []string{made(key, "/a", "t"), made(key, "/a", "t")}, false},
		"by another key":                {"DPoP", key.Thumbprint, []string{made(other, "/a", "t")}, false},
		"for another token":             {"DPoP", key.Thumbprint, []string{made(key, "/a", "u")}, false},
		"for another path":              {"DPoP", key.Thumbprint, []string{made(key, "/b", "t")}, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/a?x=y", nil)
		for _, p := range test.proofs {
			r.Header.Add(dpop.Header, p)
		}
		if err := s.Check(r, test.scheme, "t", test.bound, dpop.Demands{}); (err == nil) != test.right {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Who has not the key of the token fills no memory: the proof of a stranger is not used up.
	kept := 0
	s.Seen = func(context.Context, [sha256.Size]byte, time.Time) (bool, error) { kept++; return true, nil }
	for _, by := range []*dpop.Key{other, key} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/a?x=y", nil)
		r.Header.Set(dpop.Header, made(by, "/a", "t"))
		if err := s.Check(r, "DPoP", "t", key.Thumbprint, dpop.Demands{}); (err == nil) != (by == key) {
			t.Error(err)
		}
	}
	if kept != 1 {
		t.Errorf("%d proofs are remembered, of two by two keys", kept)
	}
}

func newKey(t testing.TB) *dpop.Key {
	t.Helper()
	key, err := dpop.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Of any number of uses of a proof one is the first.
func TestProofsAreUsedOnce(t *testing.T) {
	t.Parallel()
	s := server()
	text, err := newKey(t).Proof(dpop.Request{Method: "GET", URL: "https://erp.example/a"}, "", now)
	if err != nil {
		t.Fatal(err)
	}
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			r := httptest.NewRequestWithContext(context.Background(), "GET", "/a", nil)
			r.Header.Set(dpop.Header, text)
			if p, err := s.Proof(r, ""); err == nil && p != nil {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 1 {
		t.Errorf("%d took it", taken.Load())
	}
}

// What is remembered is bounded, and kept for as long as a proof is good.
func TestRecent(t *testing.T) {
	t.Parallel()
	s := &dpop.Recent{}
	id := func(n int) [sha256.Size]byte { return sha256.Sum256([]byte{byte(n), byte(n >> 8), byte(n >> 16)}) }
	first := func(n int, at time.Time) bool {
		ok, err := s.First(t.Context(), id(n), at.Add(dpop.Lifetime))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !first(1, now) || first(1, now) || !first(2, now.Add(time.Minute)) || first(1, now.Add(dpop.Lifetime+dpop.Skew)) {
		t.Error("an id is forgotten too early")
	}
	for n := 3; n < dpop.MaxRecent; n++ {
		first(n, now)
	}
	if first(3, now) || first(dpop.MaxRecent-1, now) {
		t.Error("an id is forgotten although there is room")
	}
}

// A nonce is good for two periods at each replica, as all have the key, and a proof
// with one that is not is told to take another.
func TestNonces(t *testing.T) {
	t.Parallel()
	a, b, stranger := &dpop.Nonces{Key: []byte("key")}, &dpop.Nonces{Key: []byte("key")}, &dpop.Nonces{Key: []byte("another")}
	nonce := a.Now(now)
	if !b.Valid(nonce, now) || !b.Valid(nonce, now.Add(2*time.Minute)) || b.Valid(nonce, now.Add(4*time.Minute)) || b.Valid(nonce, now.Add(-3*time.Minute)) {
		t.Error("a nonce is good at other times than it should")
	}
	if stranger.Valid(nonce, now) || a.Valid("", now) || a.Valid(nonce+"x", now) {
		t.Error("nonces are taken that nobody made")
	}
	key, s := newKey(t), server()
	for nonce, right := range map[string]bool{"": true, a.Now(now): true, stranger.Now(now): false} {
		text, err := key.Proof(dpop.Request{Method: "GET", URL: "https://erp.example/"}, nonce, now)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Header.Set(dpop.Header, text)
		var bad *dpop.Error
		if _, err := s.Proof(r, ""); (err == nil) != right || !right && (!errors.As(err, &bad) || !bad.Nonce) {
			t.Errorf("nonce %q: %v", nonce, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	text, err := newKey(f).Proof(call, "nonce", now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, call.URL)
	f.Add("a.b.c", "https://")
	f.Fuzz(func(t *testing.T, text, url string) {
		p, err := dpop.Verify(text, dpop.Request{Method: "POST", URL: url}, now)
		if (p == nil) == (err == nil) {
			t.Errorf("%+v, %v", p, err)
		}
	})
}
