package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(examples{m}) }

// bubble runs a test on a clock of its own, where waiting takes no time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

// network is an internet in memory: hosts with handlers, and nothing else.
type network struct {
	mu    sync.Mutex
	hosts map[string]http.Handler
	// down hosts do not answer; lose loses the answer of the next n requests.
	down map[string]bool
	lose map[string]int
	seen []*http.Request
}

func newNetwork() *network {
	return &network{hosts: map[string]http.Handler{}, down: map[string]bool{}, lose: map[string]int{}}
}

func (n *network) set(f func()) { n.mu.Lock(); defer n.mu.Unlock(); f() }

// RoundTrip implements http.RoundTripper.
func (n *network) RoundTrip(req *http.Request) (*http.Response, error) {
	n.mu.Lock()
	h, down := n.hosts[req.URL.Host], n.down[req.URL.Host]
	lost := n.lose[req.URL.Host] > 0
	if lost {
		n.lose[req.URL.Host]--
	}
	n.seen = append(n.seen, req)
	n.mu.Unlock()
	if h == nil || down {
		return nil, fmt.Errorf("no route to %s", req.URL.Host)
	}
	in := req.Clone(req.Context())
	in.RequestURI, in.Host, in.RemoteAddr = req.URL.RequestURI(), req.URL.Host, "192.0.2.1:1"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, in)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if lost {
		return nil, fmt.Errorf("connection reset by %s", req.URL.Host)
	}
	res := w.Result()
	res.Request = req
	return res, nil
}

// sentTo lists the Authorization headers that a host received.
func (n *network) sentTo(host string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []string
	for _, r := range n.seen {
		if r.URL.Host == host {
			out = append(out, r.Header.Get("Authorization"))
		}
	}
	return out
}

type signers struct {
	rsa, otherRSA *rsa.PrivateKey
	ec            *ecdsa.PrivateKey
}

var signingKeys = sync.OnceValue(func() signers {
	a, err1 := rsa.GenerateKey(rand.Reader, 2048)
	b, err2 := rsa.GenerateKey(rand.Reader, 2048)
	c, err3 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err1 != nil || err2 != nil || err3 != nil {
		panic("no keys")
	}
	return signers{a, b, c}
})

// The registration that every fake provider has.
const (
	appURI        = "com.acme/portal"
	userSecret    = "user-secret-of-the-front-end"
	serviceSecret = "service-secret-of-the-back-end"
	annaID        = "0f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f10"
)

// fake is an OpenID provider with an API beside it, and hooks for misbehaviour.
// Its defaults behave like Tandem.
type fake struct {
	t      *testing.T
	net    *network
	host   string
	issuer string

	mu sync.Mutex
	// user and userType are who signs in.
	user, userType string
	grants         map[string]*fakeGrant // by code and by refresh token
	revoked        string                // the last token that was given back
	apiTokens      map[string]bool       // those that the API takes
	serial         int
	sessions       []url.Values // end-session requests

	lifetime, idLifetime time.Duration

	// Hooks; nil means the default.
	onMetadata  func(m map[string]any)
	onKeys      func() []jose.JSONWebKey
	onToken     func(w http.ResponseWriter, r *http.Request) bool // true: handled
	onAnswer    func(grant string, a map[string]any)
	onIDClaims  func(c map[string]any)
	signID      func(c map[string]any) string
	onCallback  func(q url.Values)
	onSignedOut func(q url.Values)
	userinfo    map[string]any
	atUserinfo  []*http.Request
	onAPI       http.HandlerFunc

	discoveries, keyFetches, tokenRequests, refreshes, revocations, apiCalls atomic.Int64
}

type fakeGrant struct {
	user, userType, sid, nonce, challenge, redirect, scope string
	used                                                   bool
	usedAt                                                 time.Time
	next                                                   string
	dead                                                   *bool
}

func newFake(t *testing.T, net *network, host string) *fake {
	f := &fake{
		t: t, net: net, host: host, issuer: "https://" + host + "/id", user: "anna", userType: "InternalUser",
		grants: map[string]*fakeGrant{}, apiTokens: map[string]bool{}, lifetime: time.Hour, idLifetime: 5 * time.Minute,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /id/.well-known/openid-configuration", f.metadata)
	mux.HandleFunc("GET /id/jwks", f.jwks)
	mux.HandleFunc("GET /id/connect/authorize", f.authorize)
	mux.HandleFunc("POST /id/connect/token", f.token)
	mux.HandleFunc("POST /id/connect/revocation", func(_ http.ResponseWriter, r *http.Request) {
		f.revocations.Add(1)
		f.with(func() { f.revoked = r.PostFormValue("token") })
	})
	mux.HandleFunc("POST /id/connect/endsession", f.endSession)
	mux.HandleFunc("/id/connect/userinfo", f.tellUserinfo)
	mux.HandleFunc("/api/", f.api)
	mux.HandleFunc("GET /sys/auto-discovery", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"Host":%q,"DbName":null,"WebSites":[{"Type":"ID"},{"Type":"DomainAPI","AdditionalProperties":{"ODataServiceRoot":"https://%s/api/domain/odata/"}}]}`, host, host)
	})
	net.hosts[host] = mux
	return f
}

// with changes the fake while it may be in use.
func (f *fake) with(change func()) { f.mu.Lock(); defer f.mu.Unlock(); change() }

func (f *fake) provider() *client.Provider {
	p, err := client.NewProvider(client.ProviderConfig{Issuer: f.issuer, Transport: f.net})
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

func (f *fake) metadata(w http.ResponseWriter, _ *http.Request) {
	f.discoveries.Add(1)
	m := map[string]any{
		"issuer": f.issuer, "authorization_endpoint": f.issuer + "/connect/authorize", "token_endpoint": f.issuer + "/connect/token",
		"revocation_endpoint": f.issuer + "/connect/revocation", "end_session_endpoint": f.issuer + "/connect/endsession",
		"userinfo_endpoint": f.issuer + "/connect/userinfo", "jwks_uri": f.issuer + "/jwks", "id_token_signing_alg_values_supported": []string{"RS256"},
		"authorization_response_iss_parameter_supported": true,
	}
	f.mu.Lock()
	hook := f.onMetadata
	f.mu.Unlock()
	if hook != nil {
		hook(m)
	}
	writeJSON(w, http.StatusOK, m)
}

func (f *fake) jwks(w http.ResponseWriter, _ *http.Request) {
	f.keyFetches.Add(1)
	keys := []jose.JSONWebKey{{Key: &signingKeys().rsa.PublicKey, KeyID: "r1", Algorithm: "RS256", Use: "sig"}, {Key: &signingKeys().ec.PublicKey, KeyID: "e1", Algorithm: "ES256", Use: "sig"}}
	f.mu.Lock()
	if f.onKeys != nil {
		keys = f.onKeys()
	}
	f.mu.Unlock()
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: keys})
}

func (f *fake) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f.mu.Lock()
	f.serial++
	code, no := fmt.Sprintf("code-%d", f.serial), false
	f.grants[code] = &fakeGrant{
		user: f.user, userType: f.userType, sid: fmt.Sprintf("sid-%d", f.serial), nonce: q.Get("nonce"),
		challenge: q.Get("code_challenge"), redirect: q.Get("redirect_uri"), scope: q.Get("scope"), dead: &no,
	}
	answer := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {f.issuer}}
	if f.onCallback != nil {
		f.onCallback(answer)
	}
	f.mu.Unlock()
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+answer.Encode(), http.StatusFound)
}

func (f *fake) token(w http.ResponseWriter, r *http.Request) {
	f.tokenRequests.Add(1)
	f.mu.Lock()
	hook := f.onToken
	f.mu.Unlock()
	if hook != nil && hook(w, r) {
		return
	}
	_ = r.ParseForm()
	id, secret, _ := r.BasicAuth()
	if id, _ = url.QueryUnescape(id); id != appURI {
		refuse(w, 401, oauth.InvalidClient)
		return
	}
	grant := r.PostForm.Get("grant_type")
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case grant == "client_credentials" && secret == serviceSecret:
		f.answer(w, grant, map[string]any{"access_token": f.access("service", map[string]any{"client_system_user": "svc.portal"}), "token_type": "Bearer", "expires_in": int(f.lifetime / time.Second), "scope": "read update"})
	case grant == "authorization_code" && secret == userSecret:
		g := f.grants[r.PostForm.Get("code")]
		if g == nil || g.used || g.redirect != r.PostForm.Get("redirect_uri") || !oauth.VerifierMatches(r.PostForm.Get("code_verifier"), g.challenge) {
			refuse(w, 400, oauth.InvalidGrant)
			return
		}
		g.used = true
		f.userAnswer(w, grant, g)
	case grant == "refresh_token" && secret == userSecret:
		f.refreshes.Add(1)
		g := f.grants[r.PostForm.Get("refresh_token")]
		if g == nil || *g.dead {
			refuse(w, 400, oauth.InvalidGrant)
			return
		}
		if g.used && time.Since(g.usedAt) > 10*time.Second {
			*g.dead = true // replay ends the family
			refuse(w, 400, oauth.InvalidGrant)
			return
		}
		f.userAnswer(w, grant, g)
	default:
		refuse(w, 401, oauth.InvalidClient)
	}
}

// userAnswer gives tokens for a grant, and the same successor to a retry.
func (f *fake) userAnswer(w http.ResponseWriter, kind string, g *fakeGrant) {
	scope := g.scope
	if g.userType == "ExternalCommunityUser" {
		scope = "openid profile offline_access"
	}
	a := map[string]any{
		"access_token": f.access("user", map[string]any{"sub": g.user}), "token_type": "Bearer",
		"expires_in": int(f.lifetime / time.Second), "scope": scope,
		"id_token": f.idToken(map[string]any{
			"sub": g.user, "id": annaID, "sid": g.sid, "nonce": g.nonce, "name": "Anna", "user_type": g.userType,
			"auth_time": time.Now().Unix(), "token_kind": "id",
		}),
	}
	if strings.Contains(scope, "offline_access") {
		if g.next == "" {
			f.serial++
			g.next = fmt.Sprintf("refresh-%d", f.serial)
			next := *g
			next.next, next.used = "", false
			f.grants[g.next] = &next
		}
		a["refresh_token"] = g.next
	}
	if kind == "refresh_token" && !g.used {
		g.used, g.usedAt = true, time.Now()
	}
	f.answer(w, kind, a)
}

func (f *fake) answer(w http.ResponseWriter, grant string, a map[string]any) {
	if f.onAnswer != nil {
		f.onAnswer(grant, a)
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, a)
}

// access makes an access token that the API takes.
func (f *fake) access(kind string, claims map[string]any) string {
	f.serial++
	c := map[string]any{"iss": f.issuer, "aud": "DomainAPI", "token_kind": kind, "jti": fmt.Sprint(f.serial), "exp": time.Now().Add(f.lifetime).Unix()}
	maps.Copy(c, claims)
	t := sign(jose.ES256, jose.JSONWebKey{Key: signingKeys().ec, KeyID: "e1"}, c, "at+jwt")
	f.apiTokens[t] = true
	return t
}

// idToken makes an ID token with the given claims over the usual ones.
func (f *fake) idToken(claims map[string]any) string {
	c := map[string]any{"iss": f.issuer, "aud": appURI, "iat": time.Now().Unix(), "exp": time.Now().Add(f.idLifetime).Unix()}
	maps.Copy(c, claims)
	if f.onIDClaims != nil {
		f.onIDClaims(c)
	}
	if f.signID != nil {
		return f.signID(c)
	}
	return sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().rsa, KeyID: "r1"}, c, "JWT")
}

func (f *fake) endSession(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	f.with(func() { f.sessions = append(f.sessions, r.PostForm) })
	back := r.PostForm.Get("post_logout_redirect_uri")
	state := url.Values{"state": {r.PostForm.Get("state")}}
	f.with(func() {
		if f.onSignedOut != nil {
			f.onSignedOut(state)
		}
	})
	http.Redirect(w, r, back+"?"+state.Encode(), http.StatusSeeOther)
}

// tellUserinfo tells who has the token, in the header or in the body.
func (f *fake) tellUserinfo(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.atUserinfo = append(f.atUserinfo, r)
	token := r.PostForm.Get("access_token")
	if token == "" {
		token = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	if !f.apiTokens[token] {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	claims := map[string]any{"sub": f.user, "name": "Anna", "email": "anna@example.com", "email_verified": true}
	maps.Copy(claims, f.userinfo)
	writeJSON(w, http.StatusOK, claims)
}

// api answers 401 to tokens that it does not (or no longer) take.
func (f *fake) api(w http.ResponseWriter, r *http.Request) {
	f.apiCalls.Add(1)
	f.mu.Lock()
	good, hook := f.apiTokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")], f.onAPI
	f.mu.Unlock()
	if !good {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": map[string]any{"code": 0, "type": "invalid_token", "message": "bad token"}})
		return
	}
	if hook != nil {
		hook(w, r)
		return
	}
	w.Header().Set("Tandem-Session", "session-1")
	w.Header().Set("Tandem-Slot", "3")
	writeJSON(w, http.StatusOK, map[string]any{"value": []any{}})
}

// revokeAPITokens makes the API refuse all tokens issued so far.
func (f *fake) revokeAPITokens() { f.with(func() { clear(f.apiTokens) }) }

func sign(alg jose.SignatureAlgorithm, key any, claims map[string]any, typ string) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	jws, err := signer.Sign(text)
	if err != nil {
		panic(err)
	}
	out, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return out
}

func refuse(w http.ResponseWriter, status int, code oauth.ErrorCode) {
	oauth.WriteError(w, &oauth.Error{Code: code, Status: status, Description: "as the fake sees it"}, false)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
