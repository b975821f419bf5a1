package identity_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/keyalg"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
)

// Each member of the discovery document is tried for what it says; one that nobody tries
// fails.
func TestDiscoveryIsTrue(t *testing.T) {
	t.Parallel()
	d := &discovered{site: newSite(t)}
	d.replica = d.one()
	w := d.fetch(oauth.PathDiscovery)
	d.must(json.Unmarshal(w.Body.Bytes(), &d.doc))
	if other := d.fetch(oauth.PathMetadata); other.Body.String() != w.Body.String() {
		t.Error("RFC 8414's document is another one")
	}
	for _, path := range []string{oauth.PathDiscovery, oauth.PathMetadata, oauth.PathJWKS} {
		a := d.fetch(path)
		tag := a.Header().Get("ETag")
		if a.Code != http.StatusOK || a.Header().Get("Content-Type") != "application/json" || tag == "" {
			t.Errorf("%s: %d %v", path, a.Code, a.Header())
		}
		if b := d.fetch(path, "If-None-Match", tag); b.Code != http.StatusNotModified || b.Body.Len() > 0 {
			t.Errorf("%s, known already: %d", path, b.Code)
		}
	}
	var members map[string]json.RawMessage
	d.must(json.Unmarshal(w.Body.Bytes(), &members))
	probes := d.probes()
	for name := range members {
		if probes[name] == nil {
			t.Errorf("nobody tries what discovery says by %s", name)
		}
	}
	for name, probe := range probes {
		if members[name] == nil {
			t.Errorf("discovery does not say %s", name)
		}
		t.Run(name, probe)
	}
}

// discovered is what a program knows that has read the discovery document, and no more.
type discovered struct {
	*site
	*replica
	doc oauth.Metadata
}

// at is the path of an endpoint, which is of this server.
func (d *discovered) at(t *testing.T, endpoint string) string {
	t.Helper()
	path, ok := strings.CutPrefix(endpoint, root)
	if !ok {
		t.Fatalf("the endpoint %q is not of this server", endpoint)
	}
	return path
}

// probes try each member of the document.
func (d *discovered) probes() map[string]func(t *testing.T) {
	doc, s, r := &d.doc, d.site, d.replica
	return map[string]func(t *testing.T){
		"issuer": func(t *testing.T) {
			if doc.Issuer != issuer || claims(t, r.signIn("anna").IDToken)["iss"] != doc.Issuer {
				t.Error(doc.Issuer)
			}
		},
		"authorization_endpoint": func(t *testing.T) {
			_, query, _ := strings.Cut(authorizeURL(), "?")
			if r.browser().authorizeRaw("anna", d.at(t, doc.AuthorizationEndpoint)+"?"+query) == "" {
				t.Error("no code came of it")
			}
		},
		"pushed_authorization_request_endpoint": func(t *testing.T) {
			u, err := url.Parse(authorizeURL())
			s.must(err)
			pairs := []string{"client_secret", s.portalSecrets.User}
			for name, values := range u.Query() {
				pairs = append(pairs, name, values[0])
			}
			if a := r.post(d.at(t, doc.PushedEndpoint), pairs...); a.Code != http.StatusCreated || !strings.Contains(a.Body.String(), "request_uri") {
				t.Errorf("%d %s", a.Code, a.Body)
			}
		},
		"device_authorization_endpoint": func(t *testing.T) {
			if a := r.post(d.at(t, doc.DeviceEndpoint), "client_id", field, "scope", "read"); a.Code != http.StatusOK || !strings.Contains(a.Body.String(), "user_code") {
				t.Errorf("%d %s", a.Code, a.Body)
			}
		},
		"token_endpoint": func(t *testing.T) {
			if a := r.post(d.at(t, doc.TokenEndpoint), "grant_type", "client_credentials", "client_id", portal, "client_secret", s.portalSecrets.Service); a.got() != "ok" {
				t.Error(a.Body)
			}
		},
		"userinfo_endpoint": func(t *testing.T) {
			if w := d.fetch(d.at(t, doc.UserinfoEndpoint), "Authorization", "Bearer "+r.signIn("anna").AccessToken); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"sub":"anna"`) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		},
		"end_session_endpoint": func(t *testing.T) {
			given := r.signIn("anna")
			w := d.fetch(d.at(t, doc.EndSessionEndpoint) + "?id_token_hint=" + given.IDToken)
			if w.Code != http.StatusOK || r.renew(given.RefreshToken).got() == "ok" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		},
		"revocation_endpoint": func(t *testing.T) {
			given := r.signIn("anna")
			a := r.post(d.at(t, doc.RevocationEndpoint), "client_id", portal, "client_secret", s.portalSecrets.User, "token", given.RefreshToken)
			if a.Code != http.StatusOK || r.renew(given.RefreshToken).got() == "ok" {
				t.Errorf("%d %s", a.Code, a.Body)
			}
		},
		"introspection_endpoint": func(t *testing.T) {
			if !d.asks(t, r.signIn("anna").AccessToken, "client_id", portal, "client_secret", s.portalSecrets.User) {
				t.Error("a good token is not active")
			}
		},
		"jwks_uri": func(t *testing.T) {
			var set jose.JSONWebKeySet
			s.must(json.Unmarshal(d.fetch(d.at(t, doc.JWKSURI)).Body.Bytes(), &set))
			kid := header(t, r.signIn("anna").IDToken)["kid"].(string)
			if len(set.Key(kid)) != 1 {
				t.Errorf("the key %s is not in it", kid)
			}
		},
		"scopes_supported": func(t *testing.T) {
			wanted := strings.Join(doc.ScopesSupported, " ")
			if all := r.signIn("anna", "scope", wanted); all.Scope != wanted {
				t.Errorf("of the scopes %v only %q can be had", doc.ScopesSupported, all.Scope)
			}
		},
		"claims_supported": d.claimsSupported,
		"claims_parameter_supported": func(t *testing.T) {
			given := r.signIn("anna", "scope", "openid", "claims", `{"id_token":{"name":null}}`)
			if doc.ClaimsParameterSupported != (claims(t, given.IDToken)["name"] != nil) {
				t.Errorf("asked for the name: %v", claims(t, given.IDToken))
			}
		},
		"acr_values_supported": func(t *testing.T) {
			// That the second value can be had shows signin.TestSecondFactor.
			if told := claims(t, r.signIn("anna").IDToken); !slices.Equal(doc.ACRValuesSupported, []string{told["acr"].(string), "2"}) {
				t.Errorf("acr %v of %v", told["acr"], doc.ACRValuesSupported)
			}
			// The first is had by a password; the second could be, by who has a factor; another never.
			for value, want := range map[string]string{"1": "", "2": "unmet_authentication_requirements", "3": "unmet_authentication_requirements", "0": "unmet_authentication_requirements"} {
				q := r.browser().authorize("anna", "claims", `{"id_token":{"acr":{"essential":true,"value":"`+value+`"}}}`)
				if q.Get("error") != want || (q.Get("code") == "") == (want == "") {
					t.Errorf("acr %s is demanded: %v", value, q)
				}
			}
		},
		"response_types_supported": func(t *testing.T) {
			for _, responseType := range doc.ResponseTypesSupported {
				got := inFragment(t, r.browser().respond("anna", "response_type", responseType, "response_mode", "fragment"))
				for _, word := range strings.Fields(responseType) {
					if got.Get(word) == "" {
						t.Errorf("response_type %s gives %v", responseType, got)
					}
				}
			}
		},
		"response_modes_supported": func(t *testing.T) {
			b := r.browser()
			b.authorize("anna")
			came := map[string]func(to *url.URL, body string) bool{
				"query": func(to *url.URL, _ string) bool { return to.Query().Get("code") != "" && to.Fragment == "" },
				"fragment": func(to *url.URL, _ string) bool {
					q, _ := url.ParseQuery(to.Fragment)
					return to.RawQuery == "" && q.Get("code") != ""
				},
				"form_post": func(to *url.URL, body string) bool {
					for _, m := range postedField.FindAllStringSubmatch(body, -1) {
						if m[1] == "code" {
							return to.String() == "" && m[2] != "" && strings.Contains(body, `action="`+back+`"`)
						}
					}
					return false
				},
			}
			for _, mode := range doc.ResponseModesSupported {
				w := b.do("GET", authorizeURL("response_mode", mode), nil)
				to, err := url.Parse(w.Header().Get("Location"))
				if err != nil || came[mode] == nil || !came[mode](to, w.Body.String()) {
					t.Errorf("response_mode %s: %d %v %s", mode, w.Code, to, w.Body)
				}
			}
			if q := b.authorize("anna", "response_mode", "web_message"); q.Get("error") != "invalid_request" {
				t.Errorf("one that is not told: %v", q)
			}
		},
		"authorization_response_iss_parameter_supported": func(t *testing.T) {
			if q := r.browser().authorize("anna"); doc.IssParameterSupported != (q.Get("iss") == issuer) {
				t.Errorf("the answer is of %q", q.Get("iss"))
			}
		},
		"grant_types_supported": d.grants,
		"subject_types_supported": func(t *testing.T) {
			one, other := claims(t, r.signIn("anna").IDToken)["sub"], claims(t, d.redeemInField(t, r.code("anna", inField...)).IDToken)["sub"]
			if !slices.Equal(doc.SubjectTypesSupported, []string{"public"}) || one != other || one == nil {
				t.Errorf("%v: %v and %v", doc.SubjectTypesSupported, one, other)
			}
		},
		"prompt_values_supported": func(t *testing.T) {
			b := r.browser()
			b.authorize("anna")
			does := map[string]func(location, body string) bool{
				"none":           func(location, _ string) bool { return strings.Contains(location, "code=") },
				"login":          func(location, body string) bool { return location == "" && strings.Contains(body, `name="password"`) },
				"select_account": func(location, body string) bool { return location == "" && strings.Contains(body, `name="password"`) },
				"consent":        func(location, body string) bool { return location == "" && strings.Contains(body, `name="allow"`) },
			}
			for _, prompt := range doc.PromptValuesSupported {
				if w := b.do("GET", authorizeURL("prompt", prompt), nil); does[prompt] == nil || !does[prompt](w.Header().Get("Location"), w.Body.String()) {
					t.Errorf("prompt %s: %d %q %s", prompt, w.Code, w.Header().Get("Location"), w.Body)
				}
			}
			if w := r.browser().do("GET", authorizeURL("prompt", "none"), nil); !strings.Contains(w.Header().Get("Location"), "error=login_required") {
				t.Errorf("none, of nobody: %q", w.Header().Get("Location"))
			}
			if w := b.do("GET", authorizeURL("prompt", "create"), nil); !strings.Contains(w.Header().Get("Location"), "error=invalid_request") {
				t.Errorf("one that is not told: %d %q", w.Code, w.Header().Get("Location"))
			}
		},
		"code_challenge_methods_supported": func(t *testing.T) {
			if !slices.Equal(doc.CodeChallengeMethods, []string{"S256"}) {
				t.Fatalf("%v", doc.CodeChallengeMethods)
			}
			if a := d.redeemInField(t, r.code("anna", inField...)); a.got() != "ok" {
				t.Error(a.Body)
			}
			if a := r.post(d.at(t, doc.TokenEndpoint), "grant_type", "authorization_code", "client_id", field, "code", r.code("anna", inField...), "redirect_uri", device, "code_verifier", verifier+"x"); a.got() == "ok" {
				t.Error("another verifier is taken")
			}
			if q := r.browser().authorize("anna", "code_challenge", verifier, "code_challenge_method", "plain"); q.Get("error") != "invalid_request" {
				t.Errorf("plain: %v", q)
			}
		},
		"id_token_signing_alg_values_supported": func(t *testing.T) {
			for _, alg := range doc.IDTokenSigningAlgorithms {
				s.change(portal, func(a *tandem.TrustedApp) { a.IDTokenAlgorithm = alg })
				if h := header(t, r.signIn("anna").IDToken); h["alg"] != alg {
					t.Errorf("ID tokens are signed with %v, not %s", h["alg"], alg)
				}
			}
		},
		"token_endpoint_auth_methods_supported": func(t *testing.T) {
			d.authMethods(t, doc.TokenAuthMethods, "none", d.takenAtToken)
		},
		"revocation_endpoint_auth_methods_supported": func(t *testing.T) {
			d.authMethods(t, doc.RevocationAuthMethods, "none", d.takenAtRevocation)
		},
		"introspection_endpoint_auth_methods_supported": func(t *testing.T) {
			d.authMethods(t, doc.IntrospectionAuthMethods, "Bearer", d.takenAtIntrospection)
			if d.takenAtIntrospection(t, d.proof(t, "none")) {
				t.Error("who proves nothing may ask")
			}
		},
		"token_endpoint_auth_signing_alg_values_supported": func(t *testing.T) {
			d.authAlgorithms(t, doc.TokenAuthAlgorithms, d.takenAtToken)
		},
		"revocation_endpoint_auth_signing_alg_values_supported": func(t *testing.T) {
			d.authAlgorithms(t, doc.RevocationAuthAlgorithms, d.takenAtRevocation)
		},
		"introspection_endpoint_auth_signing_alg_values_supported": func(t *testing.T) {
			d.authAlgorithms(t, doc.IntrospectionAuthAlgorithms, d.takenAtIntrospection)
		},
		"sign_in_introspection_supported": func(t *testing.T) {
			sid := claims(t, r.signIn("anna").IDToken)["sid"].(string)
			if doc.SignInIntrospection != d.asks(t, sid, "client_id", portal, "client_secret", s.portalSecrets.Service) {
				t.Error("a sid is not active")
			}
		},
		// What is told, and that it names the sign-in, is tried where it is sent: ./platform.
		"backchannel_logout_supported": func(t *testing.T) {
			told := d.logoutToken(t)
			events, _ := told["events"].(map[string]any)
			event, is := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any)
			if doc.BackchannelLogoutSupported != is || len(events) != 1 || len(event) != 0 {
				t.Errorf("%v", told)
			}
		},
		"backchannel_logout_session_supported": func(t *testing.T) {
			if told := d.logoutToken(t); doc.BackchannelLogoutSessionSupported != (told["sid"] == "sid") || told["sub"] != "anna" {
				t.Errorf("%v", told)
			}
		},
		"ui_locales_supported": func(t *testing.T) {
			for _, tag := range doc.UILocalesSupported {
				if w := d.fetch("/id/account/signin?ui_locales=" + tag); w.Header().Get("Content-Language") != tag {
					t.Errorf("ui_locales %s is answered in %q", tag, w.Header().Get("Content-Language"))
				}
			}
			if len(doc.UILocalesSupported) < 3 {
				t.Errorf("languages %v", doc.UILocalesSupported)
			}
		},
		"dpop_signing_alg_values_supported": func(t *testing.T) {
			for _, alg := range doc.DPoPAlgorithms {
				req := r.request(d.at(t, doc.TokenEndpoint), r.service()...)
				req.Header.Set(dpop.Header, d.proofBy(t, alg))
				if a := r.send(req); a.got() != "ok" || a.TokenType != oauth.TokenTypeDPoP {
					t.Errorf("%s: %s", alg, a.Body)
				}
			}
		},
		"request_parameter_supported": func(t *testing.T) {
			if q := r.browser().authorize("anna", "request", "a.b.c"); doc.RequestParameterSupported || q.Get("error") != "request_not_supported" {
				t.Errorf("%v", q)
			}
		},
		"request_uri_parameter_supported": func(t *testing.T) {
			if q := r.browser().authorize("anna", "request_uri", "https://portal.example/request"); doc.RequestURIParameterSupported || q.Get("error") != "request_uri_not_supported" {
				t.Errorf("%v", q)
			}
		},
	}
}

// claimsSupported compares what is told with what is named.
func (d *discovered) claimsSupported(t *testing.T) {
	all := d.signIn("anna", "scope", strings.Join(d.doc.ScopesSupported, " "))
	told := claims(t, all.IDToken)
	d.must(json.Unmarshal(d.fetch(oauth.PathUserinfo, "Authorization", "Bearer "+all.AccessToken).Body.Bytes(), &told))
	hybrid := inFragment(t, d.browser().respond("anna", "response_type", "code id_token", "response_mode", "fragment"))
	maps.Copy(told, claims(t, hybrid.Get("id_token")))
	// tid is of people whom an outside provider authenticated.
	outside, err := d.minter.IDToken(token.UserToken{User: &d.anna, ApplicationURI: portal, Scope: tandem.Scope{"openid"}, SignInID: "s", AuthTime: d.clock.Now(),
		Authentication: token.Authentication{Provider: "https://login.example", Tenant: "acme"}}, token.Bound{})
	d.must(err)
	maps.Copy(told, claims(t, outside.JWT))
	if got, want := slices.Sorted(maps.Keys(told)), slices.Sorted(slices.Values(d.doc.ClaimsSupported)); !slices.Equal(got, want) {
		t.Errorf("ID token and userinfo have %v, and named are %v", got, want)
	}
}

func (d *discovered) grants(t *testing.T) {
	r := d.replica
	grants := map[string]func() *answer{
		"authorization_code": func() *answer { return r.redeem(r.code("anna")) },
		"refresh_token":      func() *answer { return r.renew(r.signIn("anna").RefreshToken) },
		"client_credentials": func() *answer { return r.serve() },
		oauth.GrantDeviceCode: func() *answer {
			_, codes := r.begin("read")
			r.browser().decide("anna", codes.UserCode, "allow")
			return r.poll(codes.DeviceCode)
		},
	}
	if len(d.doc.GrantTypesSupported) != len(grants) {
		t.Errorf("grants %v", d.doc.GrantTypesSupported)
	}
	for _, g := range d.doc.GrantTypesSupported {
		if a := grants[g](); a.got() != "ok" {
			t.Errorf("%s: %s", g, a.Body)
		}
	}
}

// redeemInField redeems a code as the public application does.
func (d *discovered) redeemInField(t *testing.T, code string) *answer {
	return d.post(d.at(t, d.doc.TokenEndpoint), "grant_type", "authorization_code", "client_id", field, "code", code, "redirect_uri", device, "code_verifier", verifier)
}

func (d *discovered) logoutToken(t *testing.T) map[string]any {
	algorithm := d.doc.IDTokenSigningAlgorithms[0]
	told, err := d.minter.Logout(token.LogoutToken{ApplicationURI: portal, Subject: "anna", SignInID: "sid", Algorithm: algorithm})
	d.must(err)
	// What each must have (OpenID Connect Back-Channel Logout section 2.4), by a key that is published.
	head, c := header(t, told.JWT), claims(t, told.JWT)
	var set jose.JSONWebKeySet
	d.must(json.Unmarshal(d.fetch(oauth.PathJWKS).Body.Bytes(), &set))
	kid, _ := head["kid"].(string)
	jws, err := jose.ParseSigned(told.JWT, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
	d.must(err)
	if keys := set.Key(kid); head["typ"] != "logout+jwt" || len(keys) != 1 {
		t.Fatalf("%v, by %v", head, keys)
	} else if _, err := jws.Verify(keys[0].Key); err != nil {
		t.Error(err)
	}
	if jti, _ := c["jti"].(string); c["iss"] != d.doc.Issuer || c["aud"] != portal || jti == "" || c["iat"] == nil || c["exp"] == nil || c["nonce"] != nil {
		t.Errorf("%v", c)
	}
	return c
}

// asks reports whether a token is active, for who proves themselves by the pairs.
func (d *discovered) asks(t *testing.T, text string, pairs ...string) bool {
	a := d.post(d.at(t, d.doc.IntrospectionEndpoint), append(pairs, "token", text)...)
	return a.Code == http.StatusOK && object(t, a)["active"] == true
}

// shown is how a client proves itself: by a header, or by pairs of the form.
type shown struct {
	header string
	pairs  []string
}

func (d *discovered) proof(t *testing.T, method string) shown {
	switch method {
	case "client_secret_post":
		return shown{"", []string{"client_id", portal, "client_secret", d.portalSecrets.User}}
	case "client_secret_basic":
		return shown{basic(portal, d.portalSecrets.User), nil}
	case "private_key_jwt":
		return shown{"", []string{"client_assertion_type", assertionType, "client_assertion", d.assertion(d.userKey, portal)}}
	case "none":
		return shown{"", []string{"client_id", field}}
	case "Bearer": // of a back end
		return shown{"Bearer " + d.serve().AccessToken, nil}
	}
	t.Fatalf("nobody tries the method %s", method)
	return shown{}
}

func (d *discovered) as(who shown, path string, pairs ...string) *answer {
	req := d.request(path, append(pairs, who.pairs...)...)
	if who.header != "" {
		req.Header.Set("Authorization", who.header)
	}
	return d.send(req)
}

// public reports whether that is the application that proves nothing.
func (who shown) public() bool { return slices.Contains(who.pairs, field) }

func (d *discovered) takenAtToken(t *testing.T, who shown) bool {
	change, redirect := []string(nil), back
	if who.public() {
		change, redirect = inField, device
	}
	return d.as(who, d.at(t, d.doc.TokenEndpoint), "grant_type", "authorization_code", "code", d.code("anna", change...), "redirect_uri", redirect, "code_verifier", verifier).got() == "ok"
}

// takenAtRevocation revokes a token that is nobody's, which is as good as any to who proves
// themselves.
func (d *discovered) takenAtRevocation(t *testing.T, who shown) bool {
	a := d.as(who, d.at(t, d.doc.RevocationEndpoint), "token", "nobody's")
	return a.Code == http.StatusOK && strings.TrimSpace(a.Body.String()) == "{}" && a.Header().Get("Content-Type") == "application/json"
}

func (d *discovered) takenAtIntrospection(t *testing.T, who shown) bool {
	a := d.as(who, d.at(t, d.doc.IntrospectionEndpoint), "token", "nobody's")
	return a.Code == http.StatusOK && object(t, a)["active"] == false
}

// authMethods tries each method at an endpoint: three kinds of proof, and what else it takes.
func (d *discovered) authMethods(t *testing.T, methods []string, more string, taken func(*testing.T, shown) bool) {
	t.Helper()
	want := []string{"client_secret_basic", "client_secret_post", "private_key_jwt", more}
	if !slices.Equal(slices.Sorted(slices.Values(methods)), slices.Sorted(slices.Values(want))) {
		t.Errorf("%v, want %v", methods, want)
	}
	for _, m := range methods {
		if !taken(t, d.proof(t, m)) {
			t.Errorf("%s is not taken", m)
		}
	}
}

// authAlgorithms tries an assertion by each algorithm at an endpoint.
func (d *discovered) authAlgorithms(t *testing.T, algorithms []string, taken func(*testing.T, shown) bool) {
	t.Helper()
	if len(algorithms) == 0 {
		t.Error("no algorithm is named")
	}
	for _, alg := range algorithms {
		key := jose.JSONWebKey{Key: privateKey(t, alg), KeyID: rand.Text()}
		d.addKey(portal, tandem.FlowUser, key)
		d.refresh()
		now := d.clock.Now().Unix()
		text := d.sign(key, jose.SignatureAlgorithm(alg), map[string]any{"iss": portal, "sub": portal, "aud": issuer, "iat": now, "exp": now + 60, "jti": rand.Text()})
		if !taken(t, shown{"", []string{"client_assertion_type", assertionType, "client_assertion", text}}) {
			t.Errorf("an assertion by %s is not taken", alg)
		}
	}
}

// proofBy makes a DPoP proof for the token endpoint by an algorithm.
func (d *discovered) proofBy(t *testing.T, algorithm string) string {
	t.Helper()
	private, signs := privateKey(t, algorithm), jose.SignatureAlgorithm(algorithm)
	if signs == keyalg.Ed25519 {
		signs = jose.EdDSA
	}
	key, err := dpop.KeyOf(private, signs)
	d.must(err)
	text, err := key.Proof(dpop.Request{Method: "POST", URL: d.doc.TokenEndpoint}, "", d.clock.Now())
	d.must(err)
	if signs != jose.SignatureAlgorithm(algorithm) {
		text = d.renamed(text, private.(ed25519.PrivateKey))
	}
	return text
}

// privateKey makes a key that signs by the algorithm.
func privateKey(t *testing.T, algorithm string) (key crypto.Signer) {
	t.Helper()
	var err error
	switch algorithm {
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA", "Ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "RS256", "PS256":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		t.Fatalf("nobody tries the algorithm %s", algorithm)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// docs/protocol.md, for people, leaves out nothing of the document for programs.
func TestProtocolPageHasWhatDiscoveryHas(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := newSite(t).one().handler.Metadata()
	words := slices.Concat(doc.ScopesSupported, doc.ClaimsSupported, doc.TokenAuthMethods, doc.GrantTypesSupported)
	for _, endpoint := range []string{doc.AuthorizationEndpoint, doc.PushedEndpoint, doc.TokenEndpoint, doc.UserinfoEndpoint, doc.EndSessionEndpoint,
		doc.RevocationEndpoint, doc.IntrospectionEndpoint, doc.JWKSURI} {
		words = append(words, oauth.PathIssuer+strings.TrimPrefix(endpoint, issuer))
	}
	for _, word := range words {
		if !strings.Contains(string(page), "`"+word+"`") {
			t.Errorf("docs/protocol.md does not name %s", word)
		}
	}
}
