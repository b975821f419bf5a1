package identity_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
)

// The discovery document says what is true, and nothing else: each endpoint
// answers, each grant and method of authentication works, and what is not
// named is refused.
func TestDiscoveryIsTrue(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	get := func(path string, header ...string) *httptest.ResponseRecorder {
		req := httptest.NewRequest("GET", path, nil)
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		return w
	}
	w := get(oauth.PathDiscovery)
	var doc oauth.Metadata
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if other := get(oauth.PathMetadata); other.Body.String() != w.Body.String() {
		t.Error("RFC 8414's document is another one")
	}
	for _, path := range []string{oauth.PathDiscovery, oauth.PathMetadata, oauth.PathJWKS} {
		a := get(path)
		tag := a.Header().Get("ETag")
		if a.Code != http.StatusOK || a.Header().Get("Content-Type") != "application/json" || tag == "" {
			t.Errorf("%s: %d %v", path, a.Code, a.Header())
		}
		if b := get(path, "If-None-Match", tag); b.Code != http.StatusNotModified || b.Body.Len() > 0 {
			t.Errorf("%s, known already: %d", path, b.Code)
		}
	}
	if doc.Issuer != issuer || !doc.IssParameterSupported || doc.RequestURIParameterSupported || doc.RequestParameterSupported || !doc.ClaimsParameterSupported {
		t.Errorf("%+v", doc)
	}
	for name, endpoint := range map[string]string{
		"authorization": doc.AuthorizationEndpoint, "token": doc.TokenEndpoint, "userinfo": doc.UserinfoEndpoint, "end session": doc.EndSessionEndpoint,
		"revocation": doc.RevocationEndpoint, "device": doc.DeviceEndpoint, "keys": doc.JWKSURI,
	} {
		path, ok := strings.CutPrefix(endpoint, root)
		if !ok {
			t.Errorf("%s endpoint %q is not of this server", name, endpoint)
		}
		if a := get(path); a.Code == http.StatusNotFound {
			t.Errorf("nobody answers at %s", endpoint)
		}
	}

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
	if len(doc.GrantTypesSupported) != len(grants) {
		t.Errorf("grants %v", doc.GrantTypesSupported)
	}
	for _, g := range doc.GrantTypesSupported {
		if a := grants[g](); a.got() != "ok" {
			t.Errorf("%s: %s", g, a.Body)
		}
	}
	methods := map[string]func(path string, more ...string) *answer{
		"client_secret_post": func(path string, more ...string) *answer {
			return r.post(path, append(more, "client_id", portal, "client_secret", s.portalSecrets.User)...)
		},
		"client_secret_basic": func(path string, more ...string) *answer {
			req := r.request(path, more...)
			req.Header.Set("Authorization", basic(portal, s.portalSecrets.User))
			return r.send(req)
		},
		"private_key_jwt": func(path string, more ...string) *answer {
			return r.post(path, append(more, "client_assertion_type", assertionType, "client_assertion", s.assertion(s.userKey, portal))...)
		},
		"none": func(path string, more ...string) *answer { return r.post(path, append(more, "client_id", field)...) },
	}
	if !slices.Equal(doc.TokenAuthMethods, doc.RevocationAuthMethods) || len(doc.TokenAuthMethods) != len(methods) {
		t.Errorf("methods %v and %v", doc.TokenAuthMethods, doc.RevocationAuthMethods)
	}
	for _, m := range doc.TokenAuthMethods {
		change, redirect := []string(nil), back
		if m == "none" {
			change, redirect = inField, device
		}
		a := methods[m](oauth.PathToken, "grant_type", "authorization_code", "code", r.code("anna", change...), "redirect_uri", redirect, "code_verifier", verifier)
		if a.got() != "ok" {
			t.Errorf("%s at the token endpoint: %s", m, a.Body)
		}
		for _, text := range []string{a.RefreshToken, a.RefreshToken, "nobody's"} {
			a := methods[m](oauth.PathRevocation, "token", text)
			if a.Code != http.StatusOK || strings.TrimSpace(a.Body.String()) != "{}" || a.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s at the revocation endpoint: %d %s", m, a.Code, a.Body)
			}
		}
	}
	all := r.signIn("anna", "scope", strings.Join(doc.ScopesSupported, " "))
	if all.Scope != strings.Join(doc.ScopesSupported, " ") {
		t.Errorf("of the scopes %v only %q can be had", doc.ScopesSupported, all.Scope)
	}
	told := claims(t, all.IDToken)
	var userinfo map[string]any
	if err := json.Unmarshal(get(oauth.PathUserinfo, "Authorization", "Bearer "+all.AccessToken).Body.Bytes(), &userinfo); err != nil {
		t.Fatal(err)
	}
	maps.Copy(told, userinfo)
	for _, responseType := range doc.ResponseTypesSupported {
		got := inFragment(t, r.browser().respond("anna", "response_type", responseType, "response_mode", "fragment"))
		for _, word := range strings.Fields(responseType) {
			if got.Get(word) == "" {
				t.Errorf("response_type %s gives %v", responseType, got)
			}
		}
		if id := got.Get("id_token"); id != "" {
			maps.Copy(told, claims(t, id))
		}
	}
	// tid is of people whom an outside provider authenticated.
	tenant, err := r.minter.IDToken(token.UserToken{User: &s.anna, ApplicationURI: portal, Scope: tandem.Scope{"openid"}, SignInID: "s", AuthTime: s.clock.Now(),
		Authentication: token.Authentication{Provider: "https://login.example", Tenant: "acme"}}, token.Bound{})
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(told, claims(t, tenant.JWT))
	if got, want := slices.Sorted(maps.Keys(told)), slices.Sorted(slices.Values(doc.ClaimsSupported)); !slices.Equal(got, want) {
		t.Errorf("ID token and userinfo have %v, and named are %v", got, want)
	}
	// That the second value can be had shows signin.TestSecondFactor.
	if !slices.Equal(doc.ACRValuesSupported, []string{told["acr"].(string), "2"}) {
		t.Errorf("acr %v of %v", told["acr"], doc.ACRValuesSupported)
	}
	for _, tag := range doc.UILocalesSupported {
		if w := get("/id/account/signin?ui_locales=" + tag); w.Header().Get("Content-Language") != tag {
			t.Errorf("ui_locales %s is answered in %q", tag, w.Header().Get("Content-Language"))
		}
	}
	if len(doc.UILocalesSupported) < 3 {
		t.Errorf("languages %v", doc.UILocalesSupported)
	}
	if h := header(t, all.IDToken); !slices.Contains(doc.IDTokenSigningAlgorithms, h["alg"].(string)) {
		t.Errorf("ID tokens are signed with %v", h["alg"])
	}
	b := r.browser()
	b.authorize("anna")
	for _, mode := range doc.ResponseModesSupported {
		w := b.do("GET", authorizeURL("response_mode", mode), nil)
		if !strings.Contains(w.Header().Get("Location")+w.Body.String(), "code") {
			t.Errorf("response_mode %s: %d", mode, w.Code)
		}
	}
	// What is told, and that it names the sign-in, is tried where it is sent: ./platform.
	if told, err := r.minter.Logout(token.LogoutToken{ApplicationURI: portal, SignInID: "sid", Algorithm: doc.IDTokenSigningAlgorithms[0]}); err != nil ||
		doc.BackchannelLogoutSupported != (claims(t, told.JWT)["events"] != nil) || doc.BackchannelLogoutSessionSupported != (claims(t, told.JWT)["sid"] == "sid") {
		t.Errorf("back-channel logout: %v", err)
	}
	for _, prompt := range doc.PromptValuesSupported {
		if w := b.do("GET", authorizeURL("prompt", prompt), nil); strings.Contains(w.Header().Get("Location"), "invalid_request") {
			t.Errorf("prompt %s is not known", prompt)
		}
	}
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
