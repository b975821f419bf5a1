package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
)

const (
	fieldAPI = "https://field.acme.com/field-api"
	fieldApp = "com.acme/field"
)

// guarded is an API behind a resource server, and the provider whose tokens it takes.
type guarded struct {
	*fake
	server *client.ResourceServer
	api    http.Handler
	// told is what the provider says of tokens, asked how often it was.
	told  atomic.Pointer[string]
	asked atomic.Int64
}

func guard(t *testing.T, change func(c *client.ResourceServerConfig)) *guarded {
	t.Helper()
	g := &guarded{fake: newFake(t, newNetwork(), "erp.acme.com")}
	g.onMetadata = func(m map[string]any) {
		m["introspection_endpoint"], m["introspection_endpoint_auth_methods_supported"] = g.issuer+"/connect/introspect", []string{"Bearer"}
	}
	inner := g.net.hosts[g.host]
	g.net.hosts[g.host] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/id/connect/introspect" {
			inner.ServeHTTP(w, r)
			return
		}
		g.asked.Add(1)
		if body := g.told.Load(); body != nil {
			_, _ = w.Write([]byte(*body))
		} else {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	p := g.provider()
	service, err := client.NewServiceTokens(client.ServiceConfig{Provider: p, ApplicationURI: appURI, Credential: client.ServiceSecret(serviceSecret)})
	if err != nil {
		t.Fatal(err)
	}
	c := client.ResourceServerConfig{
		Provider: p, Resource: fieldAPI, AcceptsFrom: []string{fieldApp}, Scopes: []string{"visits"}, Name: "Field", Service: service,
	}
	if change != nil {
		change(&c)
	}
	if g.server, err = client.NewResourceServer(c); err != nil {
		t.Fatal(err)
	}
	g.api = g.server.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if err := g.server.Alive(r.Context()); err != nil {
				g.server.Refuse(w, err)
				return
			}
		}
		writeJSON(w, http.StatusOK, client.CallerOf(r.Context()))
	}), "visits")
	return g
}

func (g *guarded) say(answer map[string]any) {
	text, _ := json.Marshal(answer)
	body := string(text)
	g.told.Store(&body)
}

// claims of a token that is right, with changes; nil takes one away.
func (g *guarded) claims(change map[string]any) map[string]any {
	now := time.Now()
	c := map[string]any{
		"iss": g.issuer, "aud": fieldAPI, "sub": "nina", "id": annaID, "client_id": fieldApp, "token_kind": "user", "user_type": "ExternalCommunityUser",
		"scope": []string{"openid", "visits"}, "sid": "s1", "jti": "t1", "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range change {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

func (g *guarded) signed(change map[string]any) string {
	return sign(jose.ES256, jose.JSONWebKey{Key: signingKeys().ec, KeyID: "e1"}, g.claims(change), "at+jwt")
}

func (g *guarded) call(method string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, fieldAPI+"/visits?day=1", nil)
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	g.api.ServeHTTP(w, r)
	return w
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// What is right, of each family of providers.
func TestResourceServerKnowsWhoCalls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := guard(t, nil)
		for name, token := range map[string]string{
			"as ERP.net writes it":    g.signed(nil),
			"as RFC 9068 has it":      g.signed(map[string]any{"scope": "openid visits", "aud": []string{fieldAPI}, "token_kind": nil}),
			"RS256":                   sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().rsa, KeyID: "r1"}, g.claims(nil), "application/at+jwt"),
			"a clock four s ahead":    g.signed(map[string]any{"iat": time.Now().Unix() + 4, "nbf": time.Now().Unix() + 4}),
			"typ JWT, as a user's":    sign(jose.ES256, jose.JSONWebKey{Key: signingKeys().ec, KeyID: "e1"}, g.claims(nil), "JWT"),
			"expired four s ago":      g.signed(map[string]any{"exp": time.Now().Unix() - 4}),
			"for another, besides us": g.signed(map[string]any{"aud": []string{"https://other.example", fieldAPI}}),
		} {
			w := g.call("GET", bearer(token))
			var c client.Caller
			if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil || w.Code != 200 || c.Subject != "nina" || c.UserID != annaID || !c.External() ||
				c.ApplicationURI != fieldApp || !c.Scope.Has("visits") || c.TokenID != "t1" || c.SignInID != "s1" {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		if client.CallerOf(t.Context()) != nil {
			t.Error("somebody calls where nobody does")
		}
		other := guard(t, func(c *client.ResourceServerConfig) { c.Unmarked = true })
		keycloak := sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().rsa, KeyID: "r1"}, g.claims(map[string]any{"client_id": nil, "azp": fieldApp, "token_kind": nil, "id": nil, "scope": "visits"}), "JWT")
		if w := other.call("GET", bearer(keycloak)); w.Code != 200 || !strings.Contains(w.Body.String(), `"UserID":"nina"`) {
			t.Errorf("another provider's: %d %s", w.Code, w.Body)
		}
	})
}

// A token that was verified once is good only as long as its key is: another key with the
// same name verifies nothing that the one before it did.
func TestD24_SeenTokenEndsWithItsKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := guard(t, nil)
		token := g.signed(nil)
		for range 2 {
			if w := g.call("GET", bearer(token)); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		if w := g.call("GET", bearer(token[:len(token)-4]+"AAAA")); w.Code != 401 {
			t.Errorf("another signature of the same token: %d %s", w.Code, w.Body)
		}
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		g.mu.Lock()
		g.onKeys = func() []jose.JSONWebKey {
			return []jose.JSONWebKey{{Key: &other.PublicKey, KeyID: "e1", Algorithm: "ES256", Use: "sig"}}
		}
		g.mu.Unlock()
		time.Sleep(11 * time.Minute)
		if w := g.call("GET", bearer(token)); w.Code != 401 {
			t.Errorf("its key is another one: %d %s", w.Code, w.Body)
		}
	})
}

// Every other token is refused, and nothing of it is believed (D24, A4, A5).
func TestA4_A5_D24_I7_ResourceServerRefuses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := guard(t, nil)
		good := g.signed(nil)
		parts := strings.Split(good, ".")
		es := jose.JSONWebKey{Key: signingKeys().ec, KeyID: "e1"}
		own := jose.SigningKey{Algorithm: jose.RS256, Key: signingKeys().otherRSA}
		embedded, err := jose.NewSigner(own, (&jose.SignerOptions{EmbedJWK: true}).WithType("at+jwt"))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(g.claims(nil))
		jws, err := embedded.Sign(text)
		if err != nil {
			t.Fatal(err)
		}
		withKey, _ := jws.CompactSerialize()
		refused := map[string]string{
			"an ID token":                  sign(jose.ES256, es, g.claims(map[string]any{"aud": fieldApp, "nonce": "n", "token_kind": "id"}), "JWT"),
			"an ID token for the resource": sign(jose.ES256, es, g.claims(map[string]any{"nonce": "n"}), "at+jwt"),
			"typ JWT, of no kind":          sign(jose.ES256, es, g.claims(map[string]any{"token_kind": nil}), "JWT"),
			"typ JWT, kind in capitals":    sign(jose.ES256, es, g.claims(map[string]any{"token_kind": "USER"}), "JWT"),
			"typ JWT, a service token":     sign(jose.ES256, es, g.claims(map[string]any{"token_kind": "service", "client_system_user": "svc"}), "JWT"),
			"an ID token, of us":           sign(jose.ES256, es, g.claims(map[string]any{"token_kind": "id"}), "JWT"),
			"an ID token, of no kind":      sign(jose.ES256, es, g.claims(map[string]any{"token_kind": nil, "nonce": "n", "at_hash": "h"}), "JWT"),
			"an ID token, its nonce alone": sign(jose.ES256, es, g.claims(map[string]any{"nonce": "n"}), "JWT"),
			"an ID token, its hash alone":  sign(jose.ES256, es, g.claims(map[string]any{"at_hash": "h"}), "JWT"),
			"of another type":              sign(jose.ES256, es, g.claims(nil), "logout+jwt"),
			"a DomainAPI token":            g.signed(map[string]any{"aud": []string{"DomainAPI", g.issuer + "/resources"}}),
			"another resource's":           g.signed(map[string]any{"aud": fieldAPI + "/"}),
			"the resource in capitals":     g.signed(map[string]any{"aud": strings.ToUpper(fieldAPI)}),
			"no audience":                  g.signed(map[string]any{"aud": nil}),
			"a service token":              g.signed(map[string]any{"token_kind": "service", "sub": nil, "client_system_user": "svc"}),
			"one with sub = client_id":     g.signed(map[string]any{"token_kind": nil, "sub": fieldApp}),
			"a System User with a sub":     g.signed(map[string]any{"client_system_user": "svc"}),
			"another application's":        g.signed(map[string]any{"client_id": "com.acme/other"}),
			"no application's":             g.signed(map[string]any{"client_id": nil, "azp": fieldApp}),
			"another issuer's":             g.signed(map[string]any{"iss": "https://elsewhere.example/id"}),
			"expired":                      g.signed(map[string]any{"exp": time.Now().Unix() - 6}),
			"without an end":               g.signed(map[string]any{"exp": nil}),
			"from the future":              g.signed(map[string]any{"nbf": time.Now().Unix() + 60}),
			"issued in the future":         g.signed(map[string]any{"iat": time.Now().Unix() + 60}),
			"nobody's":                     g.signed(map[string]any{"sub": nil}),
			"bound, as a bearer's":         g.signed(map[string]any{"cnf": map[string]any{"jkt": strings.Repeat("a", 43)}}),
			"bound to a certificate":       g.signed(map[string]any{"cnf": map[string]any{"x5t#S256": "a"}}),
			"with a key of its own":        withKey,
			"signed by another key":        sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().otherRSA, KeyID: "r1"}, g.claims(nil), "at+jwt"),
			"another key's id":             sign(jose.ES256, jose.JSONWebKey{Key: signingKeys().ec, KeyID: "r1"}, g.claims(nil), "at+jwt"),
			"HS256 by the public key":      sign(jose.HS256, []byte("0123456789abcdef0123456789abcdef"), g.claims(nil), "at+jwt"),
			"none":                         "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + parts[1] + ".",
			"altered":                      parts[0] + "." + parts[1][:len(parts[1])-4] + "AAAA." + parts[2],
			"without its signature":        parts[0] + "." + parts[1] + ".",
			"a reference token":            "enrt_" + strings.Repeat("A", 64),
			"a refresh token":              "tdrt_" + strings.Repeat("A", 75),
			"huge":                         strings.Repeat("a", 1<<20),
		}
		for name, token := range refused {
			w := g.call("GET", bearer(token))
			challenge := w.Header().Get("WWW-Authenticate")
			if w.Code != 401 || strings.Contains(w.Body.String(), "nina") ||
				!strings.Contains(challenge, `resource_metadata="https://field.acme.com/.well-known/oauth-protected-resource/field-api"`) || !strings.Contains(challenge, `error="inval`) {
				t.Errorf("%s: %d %s %s", name, w.Code, challenge, w.Body)
			}
		}
		for name, test := range map[string]struct {
			header http.Header
			status int
			code   string
		}{
			"nothing":       {http.Header{}, 401, ""},
			"Basic":         {http.Header{"Authorization": {"Basic YTpi"}}, 401, ""},
			"two":           {http.Header{"Authorization": {"Bearer " + good, "Bearer " + good}}, 400, "invalid_request"},
			"another scope": {bearer(g.signed(map[string]any{"scope": "openid tours"})), 403, "insufficient_scope"},
			"no scope":      {bearer(g.signed(map[string]any{"scope": nil})), 403, "insufficient_scope"},
		} {
			w := g.call("GET", test.header)
			challenges := strings.Join(w.Header().Values("WWW-Authenticate"), "; ")
			if w.Code != test.status || test.code == "" && (strings.Contains(challenges, "error") || !strings.Contains(challenges, "DPoP algs=")) ||
				test.code != "" && !strings.Contains(challenges, `error="`+test.code+`"`) || test.status == 403 && !strings.Contains(challenges, `scope="visits"`) {
				t.Errorf("%s: %d %s %s", name, w.Code, challenges, w.Body)
			}
		}
		r := httptest.NewRequest("GET", fieldAPI+"/visits?access_token="+good, nil)
		if _, err := g.server.Verify(r); err == nil {
			t.Error("a token in the address is taken")
		}
	})
}

// A token that is bound to a key needs a proof, which is good once (D24, RFC 9449).
func TestD24_ResourceServerWantsTheKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, nonce := range [][]byte{nil, []byte("a key that all replicas have")} {
			g := guard(t, func(c *client.ResourceServerConfig) { c.NonceKey, c.BoundOnly = nonce, true })
			key, err := dpop.NewKey()
			if err != nil {
				t.Fatal(err)
			}
			token := g.signed(map[string]any{"cnf": map[string]any{"jkt": key.Thumbprint}})
			given := ""
			prove := func(by *dpop.Key, method, url, token string) string {
				proof, err := by.Proof(dpop.Request{Method: method, URL: url, AccessToken: token}, given, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				return proof
			}
			with := func(scheme, token, proof string) http.Header {
				return http.Header{"Authorization": {scheme + " " + token}, "Dpop": {proof}}
			}
			if nonce != nil {
				w := g.call("GET", with("DPoP", token, prove(key, "GET", fieldAPI+"/visits", token)))
				given = w.Header().Get("DPoP-Nonce")
				if w.Code != 401 || given == "" || !strings.Contains(w.Header().Get("WWW-Authenticate"), `DPoP algs="ES256 EdDSA PS256 RS256 Ed25519", error="use_dpop_nonce"`) {
					t.Errorf("without a nonce: %d %v", w.Code, w.Header())
				}
			}
			good := with("DPoP", token, prove(key, "GET", fieldAPI+"/visits", token))
			if w := g.call("GET", good); w.Code != 200 {
				t.Fatalf("with a proof: %d %s", w.Code, w.Body)
			}
			other, err := dpop.NewKey()
			if err != nil {
				t.Fatal(err)
			}
			for name, header := range map[string]http.Header{
				"the proof again":       good,
				"another key":           with("DPoP", token, prove(other, "GET", fieldAPI+"/visits", token)),
				"another method":        with("DPoP", token, prove(key, "POST", fieldAPI+"/visits", token)),
				"another address":       with("DPoP", token, prove(key, "GET", fieldAPI+"/orders", token)),
				"another token":         with("DPoP", token, prove(key, "GET", fieldAPI+"/visits", g.signed(nil))),
				"as a bearer's":         with("Bearer", token, prove(key, "GET", fieldAPI+"/visits", token)),
				"no proof":              {"Authorization": {"DPoP " + token}},
				"a token that is loose": bearer(g.signed(nil)),
				"a loose one as DPoP":   with("DPoP", g.signed(nil), prove(key, "GET", fieldAPI+"/visits", g.signed(nil))),
			} {
				if w := g.call("GET", header); w.Code != 401 || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "DPoP ") {
					t.Errorf("%s: %d %v", name, w.Code, w.Header())
				}
			}
		}
	})
}

// The address of a proof is the one that was asked for, whatever of it the code in front has
// taken away.
func TestD24_ProofsAreForTheWholeAddress(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := guard(t, func(c *client.ResourceServerConfig) { c.BoundOnly = true })
		key, err := dpop.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		token := g.signed(map[string]any{"cnf": map[string]any{"jkt": key.Thumbprint}})
		for _, c := range []struct{ stripped, path string }{
			{"/field-api", "/field-api/"}, {"/field-api", "/field-api/visits"}, {"/a", "/a/a"}, {"", "/field-api/visits"}, {"/field-api", "/field-api/a%2Fb"},
		} {
			for address, want := range map[string]int{c.path: 200, strings.TrimPrefix(c.path, c.stripped) + "?": 401} {
				if c.stripped == "" && want == 401 {
					continue
				}
				proof, err := key.Proof(dpop.Request{Method: "GET", URL: "https://field.acme.com" + strings.TrimSuffix(address, "?"), AccessToken: token}, "", time.Now())
				if err != nil {
					t.Fatal(err)
				}
				r := httptest.NewRequest("GET", c.path, nil)
				r.Host = "field.acme.com"
				r.Header = http.Header{"Authorization": {"DPoP " + token}, "Dpop": {proof}}
				w := httptest.NewRecorder()
				http.StripPrefix(c.stripped, g.api).ServeHTTP(w, r)
				if w.Code != want {
					t.Errorf("%s without %s, a proof for %s: %d, want %d: %s", c.path, c.stripped, address, w.Code, want, w.Body)
				}
			}
		}
	})
}

// Before an effect the provider is asked: once for all who wait, seldom, and nobody acts
// without its yes (I6).
func TestI6_ResourceServerAsksBeforeAnEffect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := guard(t, nil)
		token := bearer(g.signed(nil))
		yes := map[string]any{"active": true, "client_id": fieldApp, "sub": "nina", "jti": "t1", "aud": []string{fieldAPI}}
		g.say(yes)
		if w := g.call("GET", token); w.Code != 200 || g.asked.Load() != 0 {
			t.Errorf("a read asks: %d, %d times", w.Code, g.asked.Load())
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if w := g.call("POST", token); w.Code != 200 {
					t.Errorf("alive: %d %s", w.Code, w.Body)
				}
			})
		}
		wg.Wait()
		if n := g.asked.Load(); n != 1 {
			t.Errorf("20 at once asked %d times", n)
		}
		g.say(map[string]any{"active": false})
		time.Sleep(client.AliveKept + time.Millisecond) // the bubble's clock
		if w := g.call("POST", token); w.Code != 401 || !strings.Contains(w.Header().Get("WWW-Authenticate"), "invalid_token") {
			t.Errorf("ended: %d %s", w.Code, w.Body)
		}
		// An answer about somebody else is no yes.
		for name, value := range map[string]any{"client_id": "com.acme/other", "sub": "anna", "jti": "t2", "aud": "DomainAPI"} {
			time.Sleep(client.AliveKept + time.Millisecond)
			wrong := maps.Clone(yes)
			wrong[name] = value
			g.say(wrong)
			if w := g.call("POST", token); w.Code != 401 {
				t.Errorf("an answer with another %s: %d", name, w.Code)
			}
		}
		// Without an answer nobody acts, and that is not kept.
		time.Sleep(client.AliveKept + time.Millisecond)
		g.told.Store(nil)
		if w := g.call("POST", token); w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("unanswered: %d %v", w.Code, w.Header())
		}
		g.say(yes)
		if w := g.call("POST", token); w.Code != 200 {
			t.Errorf("answered again: %d %s", w.Code, w.Body)
		}
		synctest.Wait()
		if err := g.server.Alive(t.Context()); tandem.ErrorCode(err) != tandem.CodeInternal {
			t.Errorf("without a caller: %v", err)
		}
		// While keys cannot be had it says so, and does not call the token bad.
		fresh := guard(t, nil)
		fresh.net.set(func() { fresh.net.down[fresh.host] = true })
		if w := fresh.call("GET", token); w.Code != 503 {
			t.Errorf("without keys: %d %s", w.Code, w.Body)
		}
	})
}

// The document says what is so (RFC 9728 section 2).
func TestResourceServerMetadata(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := guard(t, nil)
		w := httptest.NewRecorder()
		g.server.Metadata().ServeHTTP(w, httptest.NewRequest("GET", g.server.MetadataPath(), nil))
		var m oauth.ResourceMetadata
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || m.Resource != fieldAPI || m.AuthorizationServers[0] != g.issuer || m.ScopesSupported[0] != "visits" ||
			m.BearerMethods[0] != "header" || m.Name != "Field" || len(m.DPoPAlgorithms) == 0 || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%v %s", w.Header(), w.Body)
		}
		if g.server.MetadataPath() != "/.well-known/oauth-protected-resource/field-api" {
			t.Error(g.server.MetadataPath())
		}
	})
}

func TestResourceServerConfig(t *testing.T) {
	t.Parallel()
	p := newFake(t, newNetwork(), "erp.acme.com").provider()
	for name, c := range map[string]client.ResourceServerConfig{
		"no provider":     {Resource: fieldAPI, AcceptsFrom: []string{fieldApp}},
		"no resource":     {Provider: p, AcceptsFrom: []string{fieldApp}},
		"a fragment":      {Provider: p, Resource: fieldAPI + "#x", AcceptsFrom: []string{fieldApp}},
		"takes nobody":    {Provider: p, Resource: fieldAPI},
		"an urn, no URL":  {Provider: p, Resource: "urn:field", AcceptsFrom: []string{fieldApp}},
		"none":            {Provider: p, Resource: fieldAPI, AcceptsFrom: []string{fieldApp}, SigningAlgorithms: []string{"none"}},
		"a shared secret": {Provider: p, Resource: fieldAPI, AcceptsFrom: []string{fieldApp}, SigningAlgorithms: []string{"HS256"}},
		"a long skew":     {Provider: p, Resource: fieldAPI, AcceptsFrom: []string{fieldApp}, Skew: time.Hour},
		"a short key":     {Provider: p, Resource: fieldAPI, AcceptsFrom: []string{fieldApp}, NonceKey: []byte("x")},
	} {
		if _, err := client.NewResourceServer(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := client.NewResourceServer(client.ResourceServerConfig{Provider: p, Resource: "urn:field", URL: "https://field.acme.com", AcceptsFrom: []string{fieldApp}}); err != nil {
		t.Error(err)
	}
}

// FuzzResourceServer: no header and no token makes it panic, and none is taken.
func FuzzResourceServer(f *testing.F) {
	t := &testing.T{}
	g := guard(t, nil)
	good := g.signed(nil)
	for _, text := range []string{"", "Bearer", "Bearer ", "Bearer a.b.c", "DPoP " + good, "bearer " + good[:len(good)-1], "Basic YTpi", "Bearer " + good + "=", "Bearer ..", "Bearer \x00"} {
		f.Add(text, "")
	}
	f.Add("DPoP "+good, good)
	f.Fuzz(func(t *testing.T, authorization, proof string) {
		if strings.Contains(authorization, good) && strings.HasPrefix(strings.ToLower(authorization), "bearer") {
			return
		}
		r := httptest.NewRequest("GET", fieldAPI, nil)
		r.Header["Authorization"], r.Header["Dpop"] = []string{authorization}, []string{proof}
		c, err := g.server.Verify(r)
		var refusal *oauth.Error
		if c != nil || !errors.As(err, &refusal) {
			t.Errorf("%q, %q: %v, %v", authorization, proof, c, err)
		}
	})
}
