package conformance

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// config are the modules of the Config plan.
var config = modules[*flow]{"oidcc-discovery-endpoint-verification": discovery}

// logout are those of RP-Initiated Logout.
var logout = modules[*flow]{
	"oidcc-rp-initiated-logout-discovery-endpoint-verification": func(t *testing.T, f *flow) { f.at(t, "end_session_endpoint") },
	"oidcc-rp-initiated-logout": func(t *testing.T, f *flow) {
		f.ends(true, "id_token_hint", hint, "post_logout_redirect_uri", f.client.postLogout, "state", "s t&ate")
	},
	"oidcc-rp-initiated-logout-no-state": func(t *testing.T, f *flow) {
		f.ends(true, "id_token_hint", hint, "post_logout_redirect_uri", f.client.postLogout)
	},
	"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri": func(t *testing.T, f *flow) {
		f.ends(false, "id_token_hint", hint, "post_logout_redirect_uri", "http://127.0.0.1/other", "state", "s")
	},
	"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": func(t *testing.T, f *flow) {
		f.ends(false, "id_token_hint", hint, "post_logout_redirect_uri", f.client.postLogout+"?a=b", "state", "s")
	},
	"oidcc-rp-initiated-logout-modified-id-token-hint": func(t *testing.T, f *flow) {
		for _, hint := range []string{modified, forgedHint} {
			f.ends(false, "id_token_hint", hint, "post_logout_redirect_uri", f.client.postLogout, "state", "s")
			f.reset()
		}
	},
	"oidcc-rp-initiated-logout-bad-id-token-hint": func(t *testing.T, f *flow) {
		f.ends(false, "id_token_hint", "no.id.token", "post_logout_redirect_uri", f.client.postLogout, "state", "s")
	},
	"oidcc-rp-initiated-logout-no-id-token-hint": func(t *testing.T, f *flow) {
		f.ends(false, "post_logout_redirect_uri", f.client.postLogout, "state", "s")
	},
	"oidcc-rp-initiated-logout-no-post-logout-redirect-uri": func(t *testing.T, f *flow) {
		f.ends(false, "id_token_hint", hint, "state", "s")
	},
	"oidcc-rp-initiated-logout-no-params":  func(t *testing.T, f *flow) { f.ends(false) },
	"oidcc-rp-initiated-logout-only-state": func(t *testing.T, f *flow) { f.ends(false, "state", "s") },
}

// TestLogout runs the plans for configuration and RP-Initiated Logout.
func TestLogout(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			p := newOP(t, tandemtest.Options{Engine: engine})
			begin := func(t *testing.T) *flow { return p.flow(t, profiles[0]) }
			config.run(t, begin)
			logout.run(t, begin)
		})
	}
}

// What stands for the ID token of the sign-in that is to end.
const hint, modified, forgedHint = "<hint>", "<hint with another signature>", "<hint with another payload>"

// ends signs in and out: back at the application, or on a page of the server that
// redirects nowhere. Whenever the person is signed out they are asked for their password
// the next time; where they were asked first, they say yes.
func (f *flow) ends(back bool, pairs ...string) {
	f.t.Helper()
	_, a := f.signIn()
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		value := pairs[i+1]
		switch value {
		case hint:
			value = a.get("id_token")
		case modified:
			parts := strings.Split(a.get("id_token"), ".")
			value = parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2]))
		case forgedHint: // about the same sign-in, and longer good
			parts := strings.Split(a.get("id_token"), ".")
			payload, err := base64.RawURLEncoding.DecodeString(parts[1])
			claims := map[string]any{}
			if err == nil {
				err = json.Unmarshal(payload, &claims)
			}
			claims["exp"] = f.Clock.Now().Add(time.Hour).Unix()
			if err == nil {
				payload, err = json.Marshal(claims)
			}
			if err != nil {
				f.t.Fatal(err)
			}
			value = parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2]
		}
		q.Set(pairs[i], value)
	}
	page := f.browser.Get(f.at(f.t, "end_session_endpoint") + "?" + q.Encode())
	location := page.Header.Get("Location")
	if back {
		want := f.client.postLogout
		if state := q.Get("state"); state != "" {
			want += "?state=" + url.QueryEscape(state)
		}
		if location != want {
			f.t.Errorf("back to %q, want %q: %d %s", location, want, page.StatusCode, shown(page))
		}
	} else {
		if location != "" {
			f.t.Fatalf("sent to %q, want a page", location)
		}
		if action, form, ok := page.Form(url.Values{"csrf": nil}); ok {
			delete(form, "csrf")
			_, form, _ = page.Form(nil)
			page = f.browser.Post(page, action, form)
		}
		if page.Header.Get("Location") != "" || page.StatusCode >= 500 {
			f.t.Errorf("after yes: %d %s", page.StatusCode, shown(page))
		}
	}
	if f.reset().with("prompt", "none"); f.authorize().Get("error") != "login_required" {
		f.t.Error("the person is still signed in")
	}
}

// discovery is what the Config plan looks at (OpenID Connect Discovery section 3).
func discovery(t *testing.T, f *flow) {
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint"} {
		if _, err := url.ParseRequestURI(f.at(t, name)); err != nil {
			t.Error(err)
		}
	}
	if f.at(t, "issuer") != f.Issuer {
		t.Errorf("issuer %s", f.at(t, "issuer"))
	}
	for name, value := range map[string]string{
		"response_types_supported": "code", "subject_types_supported": "public", "id_token_signing_alg_values_supported": "RS256",
		"scopes_supported": "openid", "claims_supported": "sub", "grant_types_supported": oauth.GrantAuthorizationCode,
	} {
		if !f.has(name, value) {
			t.Errorf("%s lacks %s: %v", name, value, f.meta[name])
		}
	}
	for _, key := range f.keys().Keys {
		if !key.IsPublic() || key.KeyID == "" || key.Use != "sig" {
			t.Errorf("the key set has %+v", key)
		}
	}
	status, header, _ := f.fetch(t, "GET", f.Issuer+"/.well-known/openid-configuration", nil, nil)
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "application/json") {
		t.Errorf("%d %v", status, header)
	}
}
