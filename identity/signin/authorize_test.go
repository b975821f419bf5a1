package signin_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
)

func TestAuthorizationCode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.user("anna", tandem.InternalUser)
	b := s.browser()

	page := b.follow(b.get(authorizeURL()))
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "Acme Portal") || !strings.Contains(page.body, "portal.example") {
		t.Fatalf("the sign-in page does not say where it leads: %d\n%s", page.StatusCode, page.body)
	}
	answer := b.submit(page, " Anna ", password)
	to, q := answer.to()
	if answer.StatusCode != http.StatusSeeOther || to != back {
		t.Fatalf("%d to %s", answer.StatusCode, to)
	}
	if q.Get("state") != "st4te &=?#" || q.Get("iss") != s.URL+"/id" {
		t.Errorf("state %q, iss %q", q.Get("state"), q.Get("iss"))
	}
	got, _ := s.codes.grant(q.Get("code"))
	want := token.CodeGrant{
		ApplicationURI: portal, UserID: anna, SignInID: got.SignInID, AuthTime: s.clock.Now(), Authentication: token.ByPassword(), RedirectURI: back,
		Scope: tandem.Scope{"openid", "profile", "read"}, Nonce: "n0nce", CodeChallenge: oauth.Challenge(verifier),
	}
	if !cmp.Equal(got, want) || got.SignInID == "" {
		t.Errorf("the code is for\n%s", cmp.Diff(want, got))
	}
	if e := s.audit.Of(tandem.AuditSignIn); len(e) != 1 || e[0].Actor != "anna" || e[0].SignInID != got.SignInID || e[0].ApplicationURI != portal {
		t.Errorf("audit: %+v", e)
	}

	// Signed in already: the next application asks nothing and shares the sid.
	s.clock.Advance(time.Hour)
	again := b.follow(b.get(authorizeURL("client_id", field, "redirect_uri", "http://127.0.0.1:9999/callback")))
	to, q = again.to()
	if g, ok := s.codes.grant(q.Get("code")); !ok || to != "http://127.0.0.1:9999/callback" || g.SignInID != got.SignInID || !g.AuthTime.Equal(got.AuthTime) {
		t.Errorf("single sign-on: to %s, %+v", to, g)
	}
}

func TestResponseModes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	b := s.browser()
	b.granted("anna")

	t.Run("query keeps the registered query", func(t *testing.T) {
		a := b.get(authorizeURL("redirect_uri", "https://portal.example/other?x=1"))
		if !strings.HasPrefix(a.Header.Get("Location"), "https://portal.example/other?x=1&code=") {
			t.Error(a.Header.Get("Location"))
		}
	})
	t.Run("fragment", func(t *testing.T) {
		a := b.get(authorizeURL("response_mode", "fragment"))
		if !strings.HasPrefix(a.Header.Get("Location"), back+"#code=") {
			t.Error(a.Header.Get("Location"))
		}
	})
	t.Run("form_post", func(t *testing.T) {
		a := b.get(authorizeURL("response_mode", "form_post"))
		action, fields := a.form()
		if action != back || fields.Get("code") == "" || fields.Get("state") != "st4te &=?#" || fields.Get("iss") != s.URL+"/id" {
			t.Errorf("to %s with %v", action, fields)
		}
		csp := a.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "form-action 'self' https://portal.example;") || !strings.Contains(csp, "script-src 'self'") || strings.Contains(csp, "unsafe") {
			t.Error(csp)
		}
	})
	t.Run("headers", func(t *testing.T) { // Form Post Response Mode, sections 2 and 5
		h := b.get(authorizeURL("response_mode", "form_post")).Header
		if h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("Cache-Control") != "no-store" {
			t.Error(h)
		}
	})
	t.Run("a refused request object says how the refusal travels", func(t *testing.T) {
		object := func(payload string) string {
			return "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + "."
		}
		inside := func(payload string, more ...string) *shown {
			return b.get(authorizeURL(append([]string{"state", "", "request", object(payload)}, more...)...))
		}
		to, fields := inside(`{"response_mode":"form_post","state":"of the object","redirect_uri":"https://evil.example/"}`).form()
		if to != back || fields.Get("error") != "request_not_supported" || fields.Get("state") != "of the object" || fields.Get("iss") != s.URL+"/id" {
			t.Errorf("to %s with %v", to, fields)
		}
		// The parameters outside are stronger, and what cannot be read says nothing.
		if _, got := inside(`{"response_mode":"form_post","state":"x"}`, "response_mode", "query", "state", "outside").to(); got.Get("state") != "outside" {
			t.Error(got)
		}
		for _, payload := range []string{`{"response_mode":"web_message"}`, `{"response_mode":1}`, `{"state":"a\nb"}`, `[]`, `{`, ``} {
			if to, got := inside(payload).to(); to != back || got.Get("error") != "request_not_supported" || got.Has("state") {
				t.Errorf("%s: to %s with %v", payload, to, got)
			}
		}
	})
	t.Run("errors use the mode too", func(t *testing.T) {
		_, fields := b.get(authorizeURL("response_mode", "form_post", "response_type", "token")).form()
		if fields.Get("error") != "unsupported_response_type" || fields.Get("iss") == "" {
			t.Error(fields)
		}
	})
}

// Every error that has a safe place to go carries error, state and iss there
// (C18, C20, C21).
func TestC18C20C21_RefusedRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	b := s.browser()
	b.granted("anna")
	long := strings.Repeat("x", 70_000)
	tests := []struct {
		name   string
		change []string
		want   string
	}{
		{"no response type", []string{"response_type", ""}, "invalid_request"},
		{"no such response type", []string{"response_type", "none"}, "unsupported_response_type"},
		{"unknown mode", []string{"response_mode", "web_message"}, "invalid_request"},
		{"plain challenge", []string{"code_challenge_method", "plain"}, "invalid_request"},
		{"method left out, which means plain", []string{"code_challenge_method", ""}, "invalid_request"},
		{"method in lower case", []string{"code_challenge_method", "s256"}, "invalid_request"},
		{"challenge left out", []string{"code_challenge", ""}, "invalid_request"},
		{"challenge short", []string{"code_challenge", "abc"}, "invalid_request"},
		{"challenge long", []string{"code_challenge", strings.Repeat("a", 44)}, "invalid_request"},
		{"challenge alphabet", []string{"code_challenge", strings.Repeat("+", 43)}, "invalid_request"},
		{"request object", []string{"request", "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"},
		{"huge request object", []string{"request", long[:60_000]}, "request_not_supported"},
		{"remote request object", []string{"request_uri", "http://169.254.169.254/latest"}, "request_uri_not_supported"},
		{"registration", []string{"registration", "{}"}, "invalid_request"},
		{"prompt none with more", []string{"prompt", "none login"}, "invalid_request"},
		{"prompt unknown", []string{"prompt", "create"}, "invalid_request"},
		{"max_age negative", []string{"max_age", "-1"}, "invalid_request"},
		{"max_age with a word after it", []string{"max_age", "99999999999999999999x"}, "invalid_request"},
		{"max_age with a sign", []string{"max_age", "+1"}, "invalid_request"},
		{"max_age with a fraction", []string{"max_age", "1.5"}, "invalid_request"},
		{"scope sec", []string{"scope", "openid sec"}, "invalid_scope"},
		{"scope unknown", []string{"scope", "openid admin"}, "invalid_scope"},
		{"scope in upper case", []string{"scope", "READ"}, "invalid_scope"},
		{"scope with quotes", []string{"scope", `openid "read"`}, "invalid_scope"},
		{"state oversized", []string{"state", long[:9000]}, "invalid_request"},
		{"nonce oversized", []string{"nonce", long[:3000]}, "invalid_request"},
		{"nonce with a line break", []string{"nonce", "a\r\nSet-Cookie: x=1"}, "invalid_request"},
		{"state not UTF-8", []string{"state", "\xff\xfe"}, "invalid_request"},
		{"a resource of others", []string{"resource", "https://other.example/api"}, "invalid_target"},
		{"a part of the API", []string{"resource", s.URL + "/api/domain/odata/Crm_Customers"}, "invalid_target"},
		{"a resource with a fragment", []string{"resource", s.URL + "/api/domain/odata/#x"}, "invalid_target"},
		{"hint of nobody", []string{"id_token_hint", "eyJ"}, "invalid_request"},
		{"unknown parameter oversized", []string{"x", long[:600]}, "invalid_request"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := authorizeParams(test.change...)
			a := b.get("/id/connect/authorize?" + q.Encode())
			to, got := a.to()
			if to != back || got.Get("error") != test.want || got.Get("iss") != s.URL+"/id" || got.Has("code") {
				t.Errorf("%d to %s with %v", a.StatusCode, to, got)
			}
			if state := q.Get("state"); len(state) < 100 && state != "\xff\xfe" && got.Get("state") != state {
				t.Errorf("state came back as %q", got.Get("state"))
			}
		})
	}
	for name := range authorizeParams() {
		if name == "client_id" || name == "redirect_uri" {
			continue
		}
		t.Run("repeated "+name, func(t *testing.T) {
			_, got := b.get(authorizeURL() + "&" + name + "=other").to()
			if got.Get("error") != "invalid_request" || got.Has("code") {
				t.Error(got)
			}
		})
	}
	t.Run("public without PKCE", func(t *testing.T) {
		_, got := b.get(authorizeURL("client_id", field, "redirect_uri", "http://127.0.0.1/callback", "code_challenge", "", "code_challenge_method", "")).to()
		if got.Get("error") != "invalid_request" {
			t.Error(got)
		}
	})
	t.Run("nobody may sign in", func(t *testing.T) {
		s.apps.change(field, func(a *tandem.TrustedApp) { a.InternalUsers, a.ExternalUsers = false, false })
		_, got := b.get(authorizeURL("client_id", field, "redirect_uri", "http://127.0.0.1/callback")).to()
		if got.Get("error") != "unauthorized_client" {
			t.Error(got)
		}
	})
}

// A parameter without a value counts as omitted (RFC 6749 section 3.1), also one that is
// refused when it has a value.
func TestC21_ParametersWithoutAValueAreOmitted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	b := s.browser()
	b.granted("anna")
	all := authorizeParams()
	for _, name := range []string{"request", "request_uri", "registration", "dpop_jkt", "resource", "claims", "prompt", "max_age", "response_mode", "acr_values", "id_token_hint"} {
		all.Set(name, "")
	}
	for how, query := range map[string]string{
		"all that nobody needs":         all.Encode(),
		"one beside one with a value":   authorizeParams().Encode() + "&state=",
		"none of PKCE, as confidential": strings.ReplaceAll(authorizeParams("code_challenge", "", "code_challenge_method", "").Encode()+"&code_challenge=&code_challenge_method=", "+", "%20"),
	} {
		if _, q := b.get("/id/connect/authorize?" + query).to(); q.Get("code") == "" {
			t.Errorf("%s: %v", how, q)
		}
		form, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, q := b.follow(b.post("/id/connect/authorize", form)).to(); q.Get("code") == "" {
			t.Errorf("%s, as a form: %v", how, q)
		}
	}
	// What is needed is missed, as if it had never been there.
	if _, q := b.get("/id/connect/authorize?" + authorizeParams("response_type", "").Encode() + "&response_type=").to(); q.Get("error") != "invalid_request" {
		t.Errorf("no response type: %v", q)
	}
}

// What is wrong with the client or its redirect URI never redirects (C19).
func TestC19_RedirectsNowhereElse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	b := s.browser()
	b.granted("anna")
	for _, uri := range []string{
		"https://portal.example/signin-callback/", "https://portal.example/signin-callback?x", "https://portal.example/signin-callback#",
		"https://portal.example/signin-callback%2F", "https://portal.example/signin-callbac%6B", "https://portal.example//signin-callback",
		"https://portal.example/a/../signin-callback", "https://portal.example/./signin-callback", "https://PORTAL.example/signin-callback",
		"https://portal.example:443/signin-callback", "https://portal.example./signin-callback", "http://portal.example/signin-callback",
		"https://portal.example@evil.example/signin-callback", "https://user:pw@portal.example/signin-callback", "https://evil.example/signin-callback",
		"https://portal.example.evil.example/signin-callback", "https://evil.example\\@portal.example/signin-callback",
		"https://evil.example/https://portal.example/signin-callback", "https:/portal.example/signin-callback", "https:portal.example/signin-callback",
		"//portal.example/signin-callback", "/signin-callback", "signin-callback", "javascript:alert(1)//https://portal.example/signin-callback",
		"data:text/html,x", "vbscript:x", "https://portal.example/signin-callback\x00", "https://portal.example/signin-callback\r\nSet-Cookie: a=b",
		" https://portal.example/signin-callback", "https://portal.example/signin-callback ", "\thttps://portal.example/signin-callback",
		"https://portal.example/signin-callback?next=https://evil.example", "https://portal.example/SIGNIN-CALLBACK", "https://portal.example\u3002/signin-callback",
		"https://pоrtal.example/signin-callback", "*", "https://*.example/signin-callback", "https://portal.example/*", "null", "about:blank",
		"https://portal.example/signin-callback;x", "https://portal.example/signin-callback?", "https://portal.example/signin-callback&x=1",
		"https://portal.example/signin-callback,https://evil.example/", "http://127.0.0.1/callback", "http://localhost/callback",
		"https://portal.example/" + strings.Repeat("a", 4000),
	} {
		a := b.get(authorizeURL("redirect_uri", uri))
		if a.StatusCode != http.StatusBadRequest || a.Header.Get("Location") != "" || strings.Contains(a.body, `href="`+uri) {
			t.Errorf("%q: %d to %q", uri, a.StatusCode, a.Header.Get("Location"))
		}
	}
	for name, target := range map[string]string{
		"unknown client":         authorizeURL("client_id", "com.example/none"),
		"client in another case": authorizeURL("client_id", "com.example/Portal"),
		"client with a space":    authorizeURL("client_id", portal+" "),
		"client oversized":       authorizeURL("client_id", strings.Repeat("a", 300)),
		"no client":              authorizeURL("client_id", ""),
		"no redirect URI":        authorizeURL("redirect_uri", ""),
		"two clients":            authorizeURL() + "&client_id=" + url.QueryEscape(field),
		"two redirect URIs":      authorizeURL() + "&redirect_uri=" + url.QueryEscape("https://evil.example/"),
		"damaged query":          authorizeURL() + "&x=%zz",
		"semicolons":             authorizeURL() + ";x=1",
	} {
		if a := b.get(target); a.StatusCode != http.StatusBadRequest || a.Header.Get("Location") != "" {
			t.Errorf("%s: %d to %q", name, a.StatusCode, a.Header.Get("Location"))
		}
	}
	for name, change := range map[string]func(*tandem.TrustedApp){
		"disabled":    func(a *tandem.TrustedApp) { a.Enabled = false },
		"placeholder": func(a *tandem.TrustedApp) { a.Enabled, a.ClientType = true, tandem.ClientNone },
	} {
		s.apps.change(portal, change)
		if a := b.get(authorizeURL()); a.StatusCode != http.StatusBadRequest || a.Header.Get("Location") != "" {
			t.Errorf("%s application: %d to %q", name, a.StatusCode, a.Header.Get("Location"))
		}
	}
}

// An edit between the request and the sign-in is honoured (F34).
func TestF34_EditsDuringSignInAreHonoured(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*tandem.TrustedApp){
		"disabled":         func(a *tandem.TrustedApp) { a.Enabled = false },
		"redirect removed": func(a *tandem.TrustedApp) { a.RedirectURIs = []string{"https://portal.example/new"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.user("anna", tandem.InternalUser)
			b := s.browser()
			page := b.follow(b.get(authorizeURL()))
			s.apps.change(portal, change)
			if a := b.submit(page, "anna", password); a.StatusCode != http.StatusBadRequest || len(s.codes.m) != 0 {
				t.Errorf("%d to %q", a.StatusCode, a.Header.Get("Location"))
			}
		})
	}
}

func TestI5_ExternalUsersGetNoAPIScope(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("paul", tandem.ExternalCommunityUser)
	s.user("anna", tandem.InternalUser)
	for scope, want := range map[string]tandem.Scope{
		"openid profile read update offline_access": {"openid", "profile", "offline_access"},
		"openid DomainApi email":                    {"openid", "email"},
	} {
		if g := s.browser().granted("paul", "scope", scope); !cmp.Equal(g.Scope, want) {
			t.Errorf("asked for %s, got %v", scope, g.Scope)
		}
	}
	for _, scope := range []string{"read update", "", "DomainApi"} {
		to, q := s.browser().signIn("paul", password, "scope", scope).to()
		if to != back || q.Get("error") != "invalid_scope" {
			t.Errorf("asked for %q: %v", scope, q)
		}
	}
	// An internal user who asks for nothing gets what the flow allows.
	if g := s.browser().granted("anna", "scope", ""); !cmp.Equal(g.Scope, tandem.Scope{"read", "update"}) {
		t.Errorf("nothing asked for, got %v", g.Scope)
	}
	s.apps.change(portal, func(a *tandem.TrustedApp) { a.UserScope = tandem.Scope{"read"} })
	if g := s.browser().granted("anna", "scope", "DomainApi"); !cmp.Equal(g.Scope, tandem.Scope{"read"}) {
		t.Errorf("narrowed flow, got %v", g.Scope)
	}
	if _, q := s.browser().get(authorizeURL("scope", "openid update")).to(); q.Get("error") != "invalid_scope" {
		t.Errorf("outside the user flow: %v", q)
	}
}

func TestUserTypeNotAdmittedIsAccessDenied(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("paul", tandem.ExternalCommunityUser)
	a := s.browser().signIn("paul", password, "client_id", field, "redirect_uri", "http://127.0.0.1:7/callback")
	if to, q := a.to(); to != "http://127.0.0.1:7/callback" || q.Get("error") != "access_denied" || q.Get("state") == "" {
		t.Errorf("%s %v", to, q)
	}
}

func TestPromptAndMaxAge(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.user("anna", tandem.InternalUser)
	bert := s.user("bert", tandem.InternalUser)
	b := s.browser()

	if _, q := b.get(authorizeURL("prompt", "none")).to(); q.Get("error") != "login_required" {
		t.Fatalf("nobody signed in, prompt=none: %v", q)
	}
	first := b.granted("anna")
	s.clock.Advance(10 * time.Minute)
	asks := func(change ...string) bool {
		t.Helper()
		a := b.follow(b.get(authorizeURL(change...)))
		return strings.Contains(a.body, `name="password"`)
	}
	for _, quiet := range [][]string{{"prompt", "none"}, {"prompt", "consent"}, {"max_age", "601"}, {"max_age", "2147483648"}, {"max_age", "99999999999999999999"}, {"ui_locales", "bg en"}, {"acr_values", "x"},
		{"id_token_hint", hint(anna, "x", portal)}} {
		if asks(quiet...) {
			t.Errorf("%v asked for a sign-in", quiet)
		}
		if got := errorOf(b.get(authorizeURL(quiet...))); got != "" {
			t.Errorf("%v: %s", quiet, got)
		}
	}
	for _, loud := range [][]string{{"prompt", "login"}, {"prompt", "select_account"}, {"prompt", "login consent"}, {"max_age", "0"}, {"max_age", "599"},
		{"id_token_hint", hint(bert, "x", portal)}} {
		if !asks(loud...) {
			t.Errorf("%v did not ask for a sign-in", loud)
		}
		if _, q := b.get(authorizeURL("prompt", "none", loud[0], loud[1])).to(); loud[0] != "prompt" && q.Get("error") != "login_required" {
			t.Errorf("%v with prompt=none: %v", loud, q)
		}
	}
	s.clock.Advance(-20 * time.Minute) // as if the sign-in were of a clock that ran ahead
	if !asks("max_age", "3600") {
		t.Error("a sign-in of the future was young enough")
	}
	s.clock.Advance(20 * time.Minute)

	// The same person again: the sid stays, the time of authentication moves.
	for _, loud := range [][]string{{"prompt", "login"}, {"max_age", "0"}} {
		s.clock.Advance(time.Second)
		g := b.granted("anna", loud...)
		if g.SignInID != first.SignInID || !g.AuthTime.Equal(s.clock.Now()) {
			t.Errorf("%v: sid kept %v, auth_time %v", loud, g.SignInID == first.SignInID, g.AuthTime)
		}
	}

	// The hint named Bert, and Anna signed in.
	if _, q := b.signIn("anna", password, "id_token_hint", hint(bert, "x", portal)).to(); q.Get("error") != "login_required" {
		t.Errorf("the wrong person signed in: %v", q)
	}
	page := b.follow(b.get(authorizeURL("id_token_hint", hint(bert, "x", portal))))
	if _, fields := page.form(); fields.Get("login") != "bert" {
		t.Errorf("the hint did not fill the form: %v", fields)
	}
	page = b.follow(b.get(authorizeURL("prompt", "login", "login_hint", "Someone")))
	if _, fields := page.form(); fields.Get("login") != "Someone" {
		t.Errorf("login_hint did not fill the form: %v", fields)
	}

	// Another person with the same browser: what Anna's applications hold goes on.
	g := b.granted("bert", "prompt", "select_account")
	if g.SignInID == first.SignInID || g.UserID != bert || s.ended.both(first.SignInID) {
		t.Errorf("after Bert took over: %+v, Anna ended: %v", g, s.ended.both(first.SignInID))
	}
}

// changed is the text with another character near its end.
func changed(text string) string {
	at, other := len(text)-4, "A"
	if text[at] == 'A' {
		other = "B"
	}
	return text[:at] + other + text[at+1:]
}

// A cross-site POST is legal at the authorization endpoint: it goes on as a
// GET of our own, without what it carried showing in the URL (I13).
func TestCrossSitePostToAuthorize(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.user("anna", tandem.InternalUser)
	b := s.browser()
	b.granted("anna")
	secret := hint(anna, "x", portal)
	a := s.browser().post("/id/connect/authorize", authorizeParams("id_token_hint", secret), "Origin", "https://portal.example", "Sec-Fetch-Site", "cross-site")
	to := a.Header.Get("Location")
	if a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/id/connect/authorize/resume?request=") || strings.Contains(to, "hint") {
		t.Fatalf("%d to %s", a.StatusCode, to)
	}
	if _, q := b.get(to).to(); q.Get("code") == "" || q.Get("state") != "st4te &=?#" {
		t.Errorf("resumed: %v", q)
	}
	for name, target := range map[string]string{"changed": changed(to), "empty": "/id/connect/authorize/resume", "other": "/id/connect/authorize/resume?request=abc"} {
		if a := b.get(target); a.StatusCode != http.StatusBadRequest || a.Header.Get("Location") != "" {
			t.Errorf("%s: %d to %s", name, a.StatusCode, a.Header.Get("Location"))
		}
	}
	s.clock.Advance(61 * time.Minute)
	if a := b.get(to); a.StatusCode != http.StatusBadRequest {
		t.Errorf("an hour later: %d", a.StatusCode)
	}
	if a := b.post("/id/connect/authorize?client_id=x", authorizeParams()); a.StatusCode != http.StatusBadRequest {
		t.Errorf("half in the query: %d", a.StatusCode)
	}
	if a := b.post("/id/connect/authorize", url.Values{"x": {strings.Repeat("x", 80_000)}}); a.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d", a.StatusCode)
	}
}

// What a caller adds to the request or the form changes nothing (A6).
func TestA6_SmuggledClaimsAreIgnored(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.user("anna", tandem.InternalUser)
	s.user("root", tandem.InternalUser)
	smuggled := []string{
		"sub", "root", "id", "1", "user_id", "1", "user_type", "SystemUserNoLogin", "is_admin", "true", "db", "other", "sid", "chosen",
		"client_system_user", "svc.portal", "claims", `{"id_token":{"user_type":{"value":"SystemUserNoLogin"},"is_admin":{"value":true}}}`, "auth_time", "9999999999",
		"login", "root", "username", "root", "audience", "DomainAPI", "acr", "high",
	}
	b := s.browser()
	page := b.follow(b.get(authorizeURL(smuggled...)))
	action, fields := page.form()
	for i := 0; i+1 < len(smuggled); i += 2 {
		fields.Set(smuggled[i], smuggled[i+1])
	}
	fields.Set("login", "anna")
	fields.Set("password", password)
	_, q := b.follow(b.post(action, fields)).to()
	g, ok := s.codes.grant(q.Get("code"))
	if !ok || g.UserID != anna || g.SignInID == "chosen" || !g.AuthTime.Equal(s.clock.Now()) || !cmp.Equal(g.Scope, tandem.Scope{"openid", "profile", "read"}) {
		t.Errorf("granted %+v", g)
	}
}

// Two tabs, two pending requests: each answer carries its own state (C20).
func TestC20_TabsKeepTheirState(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	b := s.browser()
	one := b.follow(b.get(authorizeURL("state", "one", "nonce", "n1")))
	two := b.follow(b.get(authorizeURL("state", "two", "nonce", "n2")))
	for want, page := range map[string]*shown{"two": two, "one": one} {
		_, q := b.submit(page, "anna", password).to()
		g, _ := s.codes.grant(q.Get("code"))
		if q.Get("state") != want || g.Nonce != "n"+map[string]string{"one": "1", "two": "2"}[want] {
			t.Errorf("tab %s got state %q and nonce %q", want, q.Get("state"), g.Nonce)
		}
	}
	// What the application keeps there may be long, and comes back as it was, on the
	// way through the sign-in page and straight, in addresses that servers take.
	for name, state := range map[string]string{
		"2 KiB": strings.Repeat("a", 2049), "marks": strings.Repeat("<&>", 1500), "quotes": strings.Repeat(`"\`, 4096),
		"most": strings.Repeat("z", 8192), "Cyrillic": strings.Repeat("щ", 3000),
	} {
		b := s.browser()
		first := b.get(authorizeURL("state", state, "resource", s.URL+"/api/domain/odata"))
		if to := first.Header.Get("Location"); len(to) > 28_000 {
			t.Errorf("%s: the sign-in page's address has %d bytes", name, len(to))
		}
		_, q := b.submit(b.follow(first), "anna", password).to()
		_, again := b.get(authorizeURL("state", state)).to()
		if q.Get("state") != state || again.Get("state") != state || q.Get("code") == "" {
			t.Errorf("%s: state came back with %d and %d bytes of %d, error %s", name, len(q.Get("state")), len(again.Get("state")), len(state), q.Get("error"))
		}
	}
}

// Who registers an application finds out why its requests are refused: by the
// log, and by the page where the address is on their own machine.
func TestRefusedRequestsAreTold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	b := s.browser()
	const mine = "http://localhost:8090/signin-callback"
	for range 3 {
		if a := b.get(authorizeURL("redirect_uri", mine)); a.StatusCode != http.StatusBadRequest || !strings.Contains(a.body, mine) || !strings.Contains(a.body, portal) {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	for name, uri := range map[string]string{"elsewhere": "https://evil.example/cb", "alike": "http://localhost.evil.example/cb", "no URL": "localhost:8090/cb"} {
		if a := b.get(authorizeURL("redirect_uri", uri)); a.StatusCode != http.StatusBadRequest || strings.Contains(a.body, uri) {
			t.Errorf("%s is on the page: %d", name, a.StatusCode)
		}
	}
	if a := b.get(authorizeURL("redirect_uri", "http://127.0.0.1/<script>alert(1)</script>")); strings.Contains(a.body, "<script>") {
		t.Error("the address is on the page as it is")
	}
	b.get(authorizeURL("client_id", "com.example/unknown"))
	b.get(authorizeURL("scope", "sec"))
	b.get(authorizeURL("prompt", "none"))
	log := s.log.String()
	for _, want := range []string{mine, "com.example/unknown", "redirect_uri=" + back + " reason=\"invalid_scope", "https://evil.example/cb"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not tell of %s:\n%s", want, log)
		}
	}
	if n := strings.Count(log, "redirect_uri="+mine); n != 1 {
		t.Errorf("the same request is told %d times in a minute", n)
	}
	if strings.Contains(log, "login_required") {
		t.Error("an answer to prompt=none is told as a refusal")
	}
	s.clock.Advance(2 * time.Minute)
	b.get(authorizeURL("redirect_uri", mine))
	if !strings.Contains(s.log.String(), "count=2") {
		t.Errorf("the repeats are not counted:\n%s", s.log.String())
	}
}

// A sign-in page that was open for too long leads back to its application.
func TestOldSignInPageStartsAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	for name, c := range map[string]struct {
		change []string
		again  string
	}{
		"an application":                {nil, `href="https://portal.example/"`},
		"a program on their device":     {[]string{"client_id", field, "redirect_uri", "http://127.0.0.1:4711/callback"}, ""},
		"one that is switched off":      {nil, ""},
		"its address was taken from it": {nil, ""},
	} {
		b := s.browser()
		page := b.follow(b.get(authorizeURL(c.change...)))
		s.clock.Advance(75 * time.Minute)
		switch name {
		case "one that is switched off":
			s.apps.change(portal, func(a *tandem.TrustedApp) { a.Enabled = false })
		case "its address was taken from it":
			s.apps.change(portal, func(a *tandem.TrustedApp) { a.RedirectURIs = nil })
		}
		a := b.submit(page, "anna", password)
		if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.body, "start") || c.again != "" && !strings.Contains(a.body, c.again) ||
			c.again == "" && strings.Contains(a.body, "Start again") {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
		s.apps.change(portal, func(a *tandem.TrustedApp) { a.Enabled, a.RedirectURIs = true, []string{back} })
	}
}

// The issuer's own address has a page, with the way in or out.
func TestLandingPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	b := s.browser()
	for _, path := range []string{"/id", "/id/"} {
		if a := b.get(path); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "Sign in</a>") || !strings.Contains(a.body, s.URL+"/id/.well-known/openid-configuration") {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	b.granted("anna")
	if a := b.get("/id"); !strings.Contains(a.body, "anna") || !strings.Contains(a.body, "Sign out</a>") {
		t.Errorf("signed in: %s", a.body)
	}
	if a := b.get("/id/nothing"); a.StatusCode != http.StatusNotFound {
		t.Errorf("/id/nothing: %d", a.StatusCode)
	}
}
