package identity_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
)

// fapi holds the portal to the FAPI 2.0 Security Profile, with a key of the front end.
func (s *site) fapi() jose.JSONWebKey {
	key := newClientKey(s.t)
	s.addKey(portal, tandem.FlowUser, key)
	s.change(portal, func(a *tandem.TrustedApp) { a.FAPI = true })
	return key
}

// signed are parameters with a client assertion, changed.
func (s *site) signed(key jose.JSONWebKey, change func(map[string]any), pairs ...string) []string {
	if change == nil {
		change = func(map[string]any) {}
	}
	return append(pairs, "client_assertion_type", assertionType, "client_assertion", s.assertion(key, portal, change))
}

func requestURI(t *testing.T, a *answer) string {
	t.Helper()
	text, _ := object(t, a)["request_uri"].(string)
	if text == "" {
		t.Fatalf("nothing was pushed: %d %s", a.Code, a.Body)
	}
	return text
}

var pushedParameters = []string{
	"redirect_uri", back, "response_type", "code", "scope", "openid offline_access read", "state", "s", "code_challenge", oauth.Challenge(verifier), "code_challenge_method", "S256",
}

// The whole way of the FAPI 2.0 Security Profile: pushed, proved by a key, bound to
// another, and never RS256 (fapi2-security-profile-final-happy-flow, -refresh-token,
// -ensure-authorization-request-without-nonce-success,
// -par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted).
func TestFAPIHappyFlow(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		key := s.fapi()
		r := s.one()
		h := r.holding(newKey(t))
		ahead := func(c map[string]any) { c["nbf"] = s.clock.Now().Unix() + 8 }
		pushed := requestURI(t, r.post(oauth.PathPushed, s.signed(key, ahead, pushedParameters...)...))
		b := r.browser()
		w := b.do("GET", "/id/connect/authorize?client_id="+portal+"&request_uri="+url.QueryEscape(pushed), nil)
		code := b.signInOn(w, "anna")
		a := h.post(oauth.PathToken, s.signed(key, nil, "grant_type", "authorization_code", "code", code, "redirect_uri", back, "code_verifier", verifier)...)
		if a.got() != "ok" || a.TokenType != "DPoP" || header(t, a.IDToken)["alg"] != "ES256" {
			t.Fatalf("%s: ID token %v", a.Body, a.IDToken)
		}
		again := h.post(oauth.PathToken, s.signed(key, nil, "grant_type", "refresh_token", "refresh_token", a.RefreshToken)...)
		if again.got() != "ok" || bound(t, again.AccessToken) != h.key.Thumbprint {
			t.Errorf("renewed: %s", again.Body)
		}
	})
}

// A client of the profile keeps its refresh token (section 5.3.2.1): an answer that was
// lost costs nobody their sign-in, however late it is asked for again. What ends the
// grant ends it all the same, on every replica.
func TestFAPIRefreshTokensAreNotReplaced(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		key := s.fapi()
		r, second := s.one(), s.start()
		h := r.holding(newKey(t))
		pushed := requestURI(t, r.post(oauth.PathPushed, s.signed(key, nil, pushedParameters...)...))
		b := r.browser()
		code := b.signInOn(b.do("GET", "/id/connect/authorize?client_id="+portal+"&request_uri="+url.QueryEscape(pushed), nil), "anna")
		given := h.post(oauth.PathToken, s.signed(key, nil, "grant_type", "authorization_code", "code", code, "redirect_uri", back, "code_verifier", verifier)...)
		refresh := func(h *holding) *answer {
			return h.post(oauth.PathToken, s.signed(key, nil, "grant_type", "refresh_token", "refresh_token", given.RefreshToken)...)
		}
		elsewhere := second.holding(h.key)
		for range 3 {
			s.clock.Advance(15 * time.Second)
			for _, h := range []*holding{h, elsewhere} {
				if a := refresh(h); a.got() != "ok" || a.RefreshToken != given.RefreshToken {
					t.Fatalf("%s, the same: %v", a.Body, a.RefreshToken == given.RefreshToken)
				}
			}
		}
		if _, err := s.accounts.EndSignIns(t.Context(), by, "anna"); err != nil {
			t.Fatal(err)
		}
		if a := refresh(elsewhere); a.got() != "invalid_grant" {
			t.Errorf("after the end of the sign-in: %s", a.got())
		}
	})
}

// signInOn signs a person in on a page that is shown, and returns the code.
func (b *browser) signInOn(w interface{ Result() *http.Response }, login string) string {
	b.r.s.t.Helper()
	page := w.Result()
	text := new(strings.Builder)
	if err := page.Write(text); err != nil {
		b.r.s.t.Fatal(err)
	}
	form := url.Values{"login": {login}, "password": {password}}
	for _, m := range hiddenField.FindAllStringSubmatch(text.String(), -1) {
		form.Set(m[1], m[2])
	}
	u, err := url.Parse(b.do("POST", "/id/account/signin", form).Header().Get("Location"))
	if err != nil || u.Query().Get("code") == "" {
		b.r.s.t.Fatalf("no code: %v %v", u, err)
	}
	return u.Query().Get("code")
}

// What the profile forbids is refused, at the endpoint where it is seen first
// (fapi2-security-profile-final-ensure-unsigned-authorization-request-without-using-par-fails,
// -ensure-response-type-code-idtoken-fails, -par-ensure-pkce-required, -par-plain-pkce-rejected,
// -ensure-holder-of-key-required, -ensure-signed-client-assertion-with-RS256-fails,
// -ensure-client-assertion-with-wrong-aud-fails, -with-no-sub-fails,
// -with-exp-is-5-minutes-in-past-fails, -par-test-array-as-audience-fails,
// -par-test-par-endpoint-url-as-audience-fails, -par-test-token-endpoint-url-as-audience-fails,
// -par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails).
func TestFAPIRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	key := s.fapi()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaPair := jose.JSONWebKey{Key: private}
	s.addKey(portal, tandem.FlowUser, rsaPair)
	s.refresh()
	r := s.one()
	if got := r.browser().authorize("anna"); got.Get("error") != "invalid_request" {
		t.Errorf("through the browser: %v", got)
	}
	push := func(change func(map[string]any), params ...string) string {
		return r.post(oauth.PathPushed, s.signed(key, change, params...)...).got()
	}
	without := func(names ...string) []string {
		var left []string
		for i := 0; i < len(pushedParameters); i += 2 {
			if !strings.Contains(strings.Join(names, " "), pushedParameters[i]) {
				left = append(left, pushedParameters[i], pushedParameters[i+1])
			}
		}
		return left
	}
	for name, test := range map[string]struct {
		params []string
		want   string
	}{
		"code id_token": {append(without("response_type"), "response_type", "code id_token", "nonce", "n"), "unsupported_response_type"},
		"no PKCE":       {without("code_challenge", "code_challenge_method"), "invalid_request"},
		"plain PKCE":    {append(without("code_challenge", "code_challenge_method"), "code_challenge", verifier, "code_challenge_method", "plain"), "invalid_request"},
		"no redirect":   {without("redirect_uri"), "invalid_request"},
		"a request_uri": {append(without(), "request_uri", "urn:x"), "invalid_request"},
	} {
		if got := push(nil, test.params...); got != test.want {
			t.Errorf("%s: %s", name, got)
		}
	}
	now := s.clock.Now().Unix()
	for name, change := range map[string]func(map[string]any){
		"an array":              func(c map[string]any) { c["aud"] = []string{issuer} },
		"the token endpoint":    func(c map[string]any) { c["aud"] = issuer + "/connect/token" },
		"the PAR endpoint":      func(c map[string]any) { c["aud"] = issuer + "/connect/par" },
		"somebody else":         func(c map[string]any) { c["aud"] = "https://evil.example" },
		"no audience":           func(c map[string]any) { delete(c, "aud") },
		"no subject":            func(c map[string]any) { delete(c, "sub") },
		"expired 5 minutes ago": func(c map[string]any) { c["exp"] = now - 300 },
		"begins in over 60 s":   func(c map[string]any) { c["nbf"] = now + 65 },
		"made in over 60 s":     func(c map[string]any) { c["iat"] = now + 65 },
		"without an id":         func(c map[string]any) { delete(c, "jti") },
	} {
		if got := push(change, pushedParameters...); got != "Unauthorized invalid_client" {
			t.Errorf("assertion for %s: %s", name, got)
		}
	}
	c := map[string]any{"iss": portal, "sub": portal, "aud": issuer, "iat": now, "exp": now + 60, "jti": "1"}
	for alg, want := range map[jose.SignatureAlgorithm]string{jose.RS256: "Unauthorized invalid_client", jose.PS256: ""} {
		a := r.post(oauth.PathPushed, append([]string{"client_assertion_type", assertionType, "client_assertion", s.sign(rsaPair, alg, c)}, pushedParameters...)...)
		if got := a.got(); got != want && (want != "" || a.Code != http.StatusCreated) {
			t.Errorf("assertion by %s: %s", alg, got)
		}
	}
	if a := r.post(oauth.PathPushed, append([]string{"client_id", portal, "client_secret", s.portalSecrets.User}, pushedParameters...)...); a.got() != "Unauthorized invalid_client" {
		t.Errorf("with a secret: %s", a.Body)
	}
	if a := r.post(oauth.PathToken, s.signed(key, nil, "grant_type", "refresh_token", "refresh_token", "x")...); a.got() != "invalid_request" {
		t.Errorf("without a proof: %s", a.Body)
	}
}

// One can have of the profile what one wants: pushed requests alone, bound tokens alone,
// for both flows and for applications with secrets.
func TestPushedAndBoundOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	h := r.holding(newKey(t))
	code := r.code("anna")
	s.change(portal, func(a *tandem.TrustedApp) { a.BoundTokensOnly = true })
	for name, pairs := range map[string][]string{"service": r.service(), "user": r.redemption(code)} {
		if a := r.post(oauth.PathToken, pairs...); a.got() != "invalid_request" {
			t.Errorf("%s without a proof: %s", name, a.Body)
		}
		if a := h.post(oauth.PathToken, pairs...); a.got() != "ok" {
			t.Errorf("%s with a proof: %s", name, a.Body)
		}
	}
	s.change(portal, func(a *tandem.TrustedApp) { a.BoundTokensOnly, a.PushedRequestsOnly = false, true })
	if got := r.browser().authorize("anna"); got.Get("error") != "invalid_request" || got.Get("state") == "" {
		t.Errorf("through the browser: %v", got)
	}
	pushed := requestURI(t, r.post(oauth.PathPushed, append([]string{"client_id", portal, "client_secret", s.portalSecrets.User}, pushedParameters...)...))
	b := r.browser()
	b.signInOn(b.do("GET", "/id/connect/authorize?client_id="+portal+"&request_uri="+url.QueryEscape(pushed), nil), "anna")
}

// ID tokens are signed as their application asks, with keys that are published, and
// hashes that go with the algorithm; all serve as hints.
func TestIDTokenAlgorithms(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.one()
		for _, alg := range tandem.IDTokenAlgorithms {
			s.change(portal, func(a *tandem.TrustedApp) { a.IDTokenAlgorithm = alg })
			got := r.redeem(r.code("anna"))
			jws, err := jose.ParseSigned(got.IDToken, []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA})
			if err != nil || header(t, got.IDToken)["alg"] != alg {
				t.Fatalf("%s: %v %v", alg, header(t, got.IDToken), err)
			}
			var set jose.JSONWebKeySet
			if err := json.Unmarshal(r.get(oauth.PathJWKS, "").Body.Bytes(), &set); err != nil {
				t.Fatal(err)
			}
			kid, _ := header(t, got.IDToken)["kid"].(string)
			keys := set.Key(kid)
			if len(keys) != 1 || keys[0].Algorithm != alg {
				t.Fatalf("%s: published %v", alg, keys)
			}
			if _, err := jws.Verify(keys[0].Key); err != nil {
				t.Errorf("%s: %v", alg, err)
			}
			want := halfHash(got.AccessToken)
			if alg == "EdDSA" {
				sum := sha512.Sum512([]byte(got.AccessToken))
				want = base64.RawURLEncoding.EncodeToString(sum[:32])
			}
			if at := claims(t, got.IDToken)["at_hash"]; at != want {
				t.Errorf("%s: at_hash %v", alg, at)
			}
			if hinted := r.browser(); hinted.authorize("anna", "id_token_hint", got.IDToken).Get("code") == "" {
				t.Errorf("%s: no hint", alg)
			}
			if a := r.get(oauth.PathUserinfo, got.IDToken); a.Code != http.StatusUnauthorized {
				t.Errorf("%s: an ID token opens userinfo: %d", alg, a.Code)
			}
		}
	})
}

// Explain knows the ID tokens of each algorithm.
func TestIDTokensAreInspected(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	for _, alg := range tandem.IDTokenAlgorithms {
		s.change(portal, func(a *tandem.TrustedApp) { a.IDTokenAlgorithm = alg })
		in, err := r.keys.Inspect(t.Context(), r.redeem(r.code("anna")).IDToken)
		if err != nil || !in.Ours {
			t.Errorf("%s: ours %v, %v", alg, in.Ours, err)
		}
	}
}
