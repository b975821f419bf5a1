package conformance

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// basic are the modules of the Basic plan, which the plans for form_post and for the
// Hybrid profile have, too.
var basic = modules[*flow]{
	"oidcc-server":                oidccServer,
	"oidcc-response-type-missing": responseTypeMissing,
	"oidcc-idtoken-signature":     idTokenSignature,
	"oidcc-idtoken-unsigned": func(t *testing.T, f *flow) {
		if f.has("id_token_signing_alg_values_supported", "none") {
			t.Error("unsigned ID tokens are offered")
		}
	},
	"oidcc-userinfo-get":                                        userinfo("GET", false),
	"oidcc-userinfo-post-header":                                userinfo("POST", false),
	"oidcc-userinfo-post-body":                                  userinfo("POST", true),
	"oidcc-ensure-request-without-nonce-succeeds-for-code-flow": withoutNonce,
	"oidcc-scope-profile": scope("profile", map[string]any{
		"name": "Anna Intern", "preferred_username": "anna", "updated_at": aNumber,
	}),
	"oidcc-scope-email":   scope("email", map[string]any{"email": "anna@example.com", "email_verified": true, "name": nil, "preferred_username": nil}),
	"oidcc-scope-address": scope("address", nil),
	"oidcc-scope-phone":   scope("phone", nil),
	"oidcc-scope-all": scope("profile email", map[string]any{
		"name": "Anna Intern", "preferred_username": "anna", "updated_at": aNumber, "email": "anna@example.com", "email_verified": true,
	}),
	"oidcc-alternate-happy-flow": func(t *testing.T, f *flow) {
		f.with("state", "", "scope", "email openid profile").signIn()
	},
	"oidcc-display-page":   happyWith("display", "page"),
	"oidcc-display-popup":  happyWith("display", "popup"),
	"oidcc-ui-locales":     happyWith("ui_locales", "se"),
	"oidcc-claims-locales": happyWith("claims_locales", "se"),
	"oidcc-login-hint":     happyWith("login_hint", "anna@example.com"),
	"oidcc-prompt-login":   promptLogin,
	"oidcc-prompt-none-not-logged-in": func(t *testing.T, f *flow) {
		f.refused(f.with("prompt", "none").authorize(), "login_required", "interaction_required")
	},
	"oidcc-prompt-none-logged-in":                          promptNone,
	"oidcc-max-age-1":                                      maxAge1,
	"oidcc-max-age-10000":                                  maxAge10000,
	"oidcc-ensure-request-with-unknown-parameter-succeeds": happyWith("extra", "foobar"),
	"oidcc-id-token-hint":                                  idTokenHint,
	"oidcc-ensure-request-with-acr-values-succeeds":        acrValues,
	"oidcc-codereuse":                                      codeReuse(0),
	"oidcc-codereuse-30seconds":                            codeReuse(30 * time.Second),
	"oidcc-ensure-registered-redirect-uri": func(t *testing.T, f *flow) {
		f.onPage(f.with("redirect_uri", f.client.redirect+"/other").authorize())
	},
	"oidcc-ensure-post-request-succeeds": func(t *testing.T, f *flow) {
		page := f.browser.Get(f.URL + "/id/account/signin")
		f.redeem(f.must(f.goOn(f.browser.Post(page, f.at(t, "authorization_endpoint"), f.request))))
	},
	"oidcc-server-client-secret-post": func(t *testing.T, f *flow) {
		r := f.must(f.authorize())
		a := f.askAs(f.client, true, "grant_type", "authorization_code", "code", r.Get("code"), "redirect_uri", f.client.redirect)
		f.idToken(a.get("id_token"), f.request.Get("nonce"))
	},
	"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported": func(t *testing.T, f *flow) {
		f.refused(f.with("request_uri", "https://client.example/request.jwt").authorize(), "request_uri_not_supported")
	},
	"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported": func(t *testing.T, f *flow) {
		f.refused(f.with("request", unsigned(f.request)).authorize(), "request_not_supported")
	},
	"oidcc-ensure-request-object-with-redirect-uri": func(t *testing.T, f *flow) {
		object := unsigned(f.request)
		f.refused(f.with("request", object, "redirect_uri", "").authorize(), "request_not_supported", "invalid_request")
	},
	"oidcc-claims-essential": func(t *testing.T, f *flow) {
		told, a := f.with("claims", `{"userinfo":{"name":{"essential":true}}}`).signIn()
		if c := f.userinfo("GET", a.get("access_token"), false); c["name"] != "Anna Intern" || c["email"] != nil || c["preferred_username"] != nil {
			t.Errorf("userinfo, asked for the name: %v", c)
		}
		if told["name"] != nil { // for which userinfo was asked
			t.Errorf("the ID token: %v", told)
		}
	},
	"oidcc-refresh-token": refreshToken,
	"oidcc-ensure-request-with-valid-pkce-succeeds": func(t *testing.T, f *flow) {
		f.verifier = strings.Repeat("valid-verifier.", 4)
		f.with("code_challenge", oauth.Challenge(f.verifier), "code_challenge_method", "S256").signIn()
	},
}

// TestCodeAndHybrid runs them in three ways: the plans oidcc-basic, oidcc-formpost-basic
// and oidcc-hybrid, of which the last one has only what code id_token is about.
func TestCodeAndHybrid(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			p := newOP(t, tandemtest.Options{Engine: engine})
			for _, as := range profiles {
				t.Run(as.name, func(t *testing.T) {
					basic.run(t, func(t *testing.T) *flow { return p.flow(t, as) })
				})
			}
		})
	}
}

func oidccServer(t *testing.T, f *flow) {
	c, a := f.signIn()
	if got := f.userinfo("GET", a.get("access_token"), false); got["sub"] != c["sub"] {
		t.Errorf("userinfo tells of %v, the ID token of %v", got["sub"], c["sub"])
	}
}

// responseTypeMissing: without a response type it goes back as for code, in the query.
func responseTypeMissing(t *testing.T, f *flow) {
	f.profile.responseType = oauth.ResponseTypeCode
	f.refused(f.with("response_type", "").authorize(), "invalid_request", "unsupported_response_type")
}

func userinfo(method string, inBody bool) func(*testing.T, *flow) {
	return func(t *testing.T, f *flow) {
		c, a := f.signIn()
		if got := f.userinfo(method, a.get("access_token"), inBody); got["sub"] != c["sub"] {
			t.Errorf("userinfo: %v", got)
		}
	}
}

// withoutNonce: in the Hybrid profile the nonce is required (OpenID Connect Core section
// 3.3.2.11), where the suite has oidcc-ensure-request-without-nonce-fails.
func withoutNonce(t *testing.T, f *flow) {
	f.with("nonce", "")
	if f.profile.responseType == oauth.ResponseTypeCodeIDToken {
		f.refused(f.authorize(), "invalid_request")
		return
	}
	if c, _ := f.signIn(); c["nonce"] != nil {
		t.Errorf("a nonce from nowhere: %v", c["nonce"])
	}
}

// aNumber stands for any.
var aNumber any = "<a number>"

// scope asks for standard claims; nil is one that must not be there. What discovery does not
// offer the suites do not ask for. An e-mail address is at userinfo alone, as an access token
// comes with each ID token (OpenID Connect Core section 5.4); the name is in both with profile.
func scope(words string, want map[string]any) func(*testing.T, *flow) {
	return func(t *testing.T, f *flow) {
		for _, word := range strings.Fields(words) {
			if f.has("scopes_supported", word) == (want == nil) {
				t.Fatalf("scopes_supported and %s do not agree", word)
			}
		}
		if want == nil {
			return
		}
		told, a := f.with("scope", "openid "+words).signIn()
		got := f.userinfo("GET", a.get("access_token"), false)
		for name, value := range want {
			if _, number := got[name].(float64); value == aNumber && number {
				continue
			}
			if got[name] != value {
				t.Errorf("userinfo has the %s %v, want %v: %v", name, got[name], value, got)
			}
		}
		if told["email"] != nil || told["email_verified"] != nil || told["name"] != want["name"] {
			t.Errorf("the ID token: %v", told)
		}
	}
}

// idTokenSignature: RS256 is what a client gets that has registered for nothing else, by the
// key of the key set that kid names. signIn looks at both, and here they are looked at by
// themselves.
func idTokenSignature(t *testing.T, f *flow) {
	_, a := f.signIn()
	head := headerOf(t, a.get("id_token"))
	named := f.keys().Key(fmt.Sprint(head["kid"]))
	if head["alg"] != "RS256" || len(named) != 1 || named[0].Algorithm != "RS256" || !named[0].IsPublic() {
		t.Errorf("%v, by %v", head, named)
	}
}

// headerOf is the header of a JWT.
func headerOf(t *testing.T, text string) (head map[string]any) {
	t.Helper()
	first, _, _ := strings.Cut(text, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(first)
	if err == nil {
		err = json.Unmarshal(decoded, &head)
	}
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// acrValues: the ID token says which of the values it was, and it is one that was proved.
func acrValues(t *testing.T, f *flow) {
	for _, values := range []string{"1 2", "2 1", "1", "2", "urn:mace:incommon:iap:silver"} {
		f.reset()
		if c, _ := f.with("acr_values", values).signIn(); c["acr"] != "1" {
			t.Errorf("acr_values %s: acr %v of somebody with a password", values, c["acr"])
		}
	}
}

func happyWith(name, value string) func(*testing.T, *flow) {
	return func(t *testing.T, f *flow) { f.with(name, value).signIn() }
}

func promptLogin(t *testing.T, f *flow) {
	first, _ := f.signIn()
	f.Clock.Advance(2 * time.Second)
	second, _ := f.reset().with("prompt", "login").signIn()
	if !f.asked || second["auth_time"].(float64) <= first["auth_time"].(float64) || second["sub"] != first["sub"] {
		t.Errorf("asked: %t; auth_time %v, then %v", f.asked, first["auth_time"], second["auth_time"])
	}
}

func promptNone(t *testing.T, f *flow) {
	first, _ := f.signIn()
	second, _ := f.reset().with("prompt", "none").signIn()
	if f.asked || second["sub"] != first["sub"] || second["auth_time"] != first["auth_time"] {
		t.Errorf("asked: %t; %v, then %v", f.asked, first, second)
	}
}

func maxAge1(t *testing.T, f *flow) {
	first, _ := f.signIn()
	f.Clock.Advance(2 * time.Second)
	second, _ := f.reset().with("max_age", "1").signIn()
	if !f.asked || second["auth_time"].(float64) <= first["auth_time"].(float64) {
		t.Errorf("asked: %t; auth_time %v, then %v", f.asked, first["auth_time"], second["auth_time"])
	}
}

func maxAge10000(t *testing.T, f *flow) {
	first, _ := f.with("max_age", "10000").signIn()
	f.Clock.Advance(2 * time.Second)
	second, _ := f.reset().with("max_age", "10000").signIn()
	if f.asked || first["auth_time"] == nil || second["auth_time"] != first["auth_time"] {
		t.Errorf("asked: %t; auth_time %v, then %v", f.asked, first["auth_time"], second["auth_time"])
	}
}

func idTokenHint(t *testing.T, f *flow) {
	first, a := f.signIn()
	second, _ := f.reset().with("prompt", "none", "id_token_hint", a.get("id_token")).signIn()
	if f.asked || second["sub"] != first["sub"] {
		t.Errorf("asked: %t; %v, then %v", f.asked, first["sub"], second["sub"])
	}
}

// codeReuse: the second time it is refused, and what the first one gave ends.
func codeReuse(after time.Duration) func(*testing.T, *flow) {
	return func(t *testing.T, f *flow) {
		r := f.must(f.authorize())
		a := f.redeem(r)
		f.Clock.Advance(after)
		again := f.ask("grant_type", "authorization_code", "code", r.Get("code"), "redirect_uri", f.client.redirect)
		if again.status != http.StatusBadRequest || again.get("error") != "invalid_grant" {
			t.Errorf("the code again: %d %v", again.status, again.body)
		}
		f.Refresh()
		status, _, text := f.fetch(t, "GET", f.at(t, "userinfo_endpoint"), http.Header{"Authorization": {"Bearer " + a.get("access_token")}}, nil)
		if status != http.StatusUnauthorized {
			t.Errorf("the first access token goes on: %d %s", status, text)
		}
	}
}

func refreshToken(t *testing.T, f *flow) {
	first, a := f.with("scope", "openid offline_access", "prompt", "").signIn()
	refresh := a.get("refresh_token")
	second := f.ask("grant_type", "refresh_token", "refresh_token", refresh)
	if second.status != http.StatusOK {
		t.Fatalf("renewed: %d %v", second.status, second.body)
	}
	if text := second.get("id_token"); text != "" {
		c := f.idToken(text, "") // which need not have it (OpenID Connect Core section 12.2)
		if c["sub"] != first["sub"] || c["auth_time"] != first["auth_time"] {
			t.Errorf("the ID token of the renewal: %v, want as %v", c, first)
		}
	}
	f.userinfo("GET", second.get("access_token"), false)
	stolen := f.askAs(f.op.client[1], false, "grant_type", "refresh_token", "refresh_token", second.get("refresh_token"))
	if stolen.get("error") != "invalid_grant" {
		t.Errorf("another client renews: %d %v", stolen.status, stolen.body)
	}
}
