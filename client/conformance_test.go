package client_test

import (
	"iter"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

// relying is an application at a provider in one module of a plan.
type relying struct {
	*testing.T
	f *fake
	a *app
	b *browser
}

func claim(name string, value any) func(f *fake) {
	return func(f *fake) {
		f.onIDClaims = func(c map[string]any) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
	}
}

// in wants the sign-in to end well, and out to be refused.
func (r *relying) in() {
	r.Helper()
	if p := r.b.open(r.a.url + "/signin?return_to=/me"); p.status != http.StatusOK || p.body != "hello anna" {
		r.Errorf("not signed in: %d %s", p.status, p.body)
	}
}

func (r *relying) out() {
	r.Helper()
	if p := r.b.open(r.a.url + "/signin?return_to=/me"); p.status < 400 || r.a.signedIn(r.b) {
		r.Errorf("signed in: %d %s", p.status, p.body)
	}
}

// userinfo signs in and asks there.
func (r *relying) userinfo() (u client.Userinfo, err error) {
	r.Helper()
	r.in()
	r.a.with(r.b, func(s *client.UserSession, req *http.Request) { u, err = s.Userinfo(req.Context()) })
	return u, err
}

// The modules of the OpenID Foundation's plans for relying parties, by their names: basic,
// configuration, refresh token, and RP-initiated logout.
func TestConformanceModules(t *testing.T) {
	withoutKid := func(f *fake) {
		f.signID = func(c map[string]any) string { return sign(jose.RS256, signingKeys().rsa, c, "JWT") }
	}
	rsaKey := jose.JSONWebKey{Key: &signingKeys().rsa.PublicKey, KeyID: "r1", Algorithm: "RS256", Use: "sig"}
	otherKey := jose.JSONWebKey{Key: &signingKeys().otherRSA.PublicKey, KeyID: "r2", Algorithm: "RS256", Use: "sig"}
	modules := map[string]struct {
		set  func(f *fake)
		test func(r *relying)
	}{
		"oidcc-client-test":             {nil, (*relying).in},
		"oidcc-client-test-invalid-iss": {claim("iss", "https://evil.test/id"), (*relying).out},
		"oidcc-client-test-missing-sub": {claim("sub", nil), (*relying).out},
		"oidcc-client-test-invalid-aud": {claim("aud", "com.acme/other"), (*relying).out},
		"oidcc-client-test-missing-iat": {claim("iat", nil), (*relying).out},
		"oidcc-client-test-kid-absent-single-jwks": {func(f *fake) {
			withoutKid(f)
			f.onKeys = func() []jose.JSONWebKey {
				return []jose.JSONWebKey{{Key: rsaKey.Key, Algorithm: "RS256", Use: "sig"}}
			}
		}, (*relying).in},
		"oidcc-client-test-kid-absent-multiple-jwks": {func(f *fake) {
			withoutKid(f)
			f.onKeys = func() []jose.JSONWebKey { return []jose.JSONWebKey{otherKey, rsaKey} }
		}, (*relying).in}, // Core section 10.1: any key that fits may be tried
		"oidcc-client-test-idtoken-sig-rs256": {nil, (*relying).in},
		"oidcc-client-test-idtoken-sig-none": {func(f *fake) {
			f.signID = func(c map[string]any) string { return unsigned(`{"alg":"none"}`, c) }
		}, (*relying).out},
		"oidcc-client-test-invalid-sig-rs256": {func(f *fake) {
			f.signID = func(c map[string]any) string {
				return sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().otherRSA, KeyID: "r1"}, c, "JWT")
			}
		}, (*relying).out},
		"oidcc-client-test-userinfo-bearer-header": {nil, func(r *relying) {
			u, err := r.userinfo()
			if got := r.f.atUserinfo[0]; err != nil || u.Subject != "anna" || got.Method != http.MethodGet || !strings.HasPrefix(got.Header.Get("Authorization"), "Bearer ") {
				r.Errorf("%+v %v", u, err)
			}
		}},
		"oidcc-client-test-userinfo-bearer-body": {nil, func(r *relying) {
			r.a = r.f.app("body.test", func(c *client.UserConfig) { c.UserinfoInBody = true })
			u, err := r.userinfo()
			if got := r.f.atUserinfo[0]; err != nil || u.Subject != "anna" || got.Method != http.MethodPost || got.Header.Get("Authorization") != "" || got.URL.RawQuery != "" {
				r.Errorf("%+v %v", u, err)
			}
		}},
		"oidcc-client-test-userinfo-invalid-sub": {func(f *fake) { f.userinfo = map[string]any{"sub": "mallory"} }, func(r *relying) {
			if u, err := r.userinfo(); tandem.ErrorCode(err) != tandem.CodeUnauthorized || u.Claims != nil {
				r.Errorf("%+v %v", u, err)
			}
		}},
		"oidcc-client-test-nonce-invalid": {claim("nonce", "another"), (*relying).out},
		"oidcc-client-test-scope-userinfo-claims": {nil, func(r *relying) {
			r.a = r.f.app("scope.test", func(c *client.UserConfig) { c.Scope = tandem.Scope{"openid", "profile", "email"} })
			if u, err := r.userinfo(); err != nil || u.Email != "anna@example.com" || !u.EmailVerified || u.Name != "Anna" || u.Claims["email"] != u.Email {
				r.Errorf("%+v %v", u, err)
			}
		}},
		"oidcc-client-test-client-secret-basic": {nil, func(r *relying) {
			basic := false
			r.f.onToken = func(_ http.ResponseWriter, req *http.Request) bool {
				id, secret, ok := req.BasicAuth()
				basic = ok && id == url.QueryEscape(appURI) && secret == userSecret
				return false
			}
			if r.in(); !basic {
				r.Error("no client_secret_basic")
			}
		}},
		"oidcc-client-test-discovery-openid-config": {nil, func(r *relying) {
			if r.in(); r.f.discoveries.Load() == 0 {
				r.Error("no discovery")
			}
		}},
		"oidcc-client-test-discovery-jwks-uri-keys": {nil, func(r *relying) {
			if r.in(); r.f.keyFetches.Load() == 0 {
				r.Error("the keys were not fetched")
			}
		}},
		"oidcc-client-test-discovery-issuer-mismatch": {func(f *fake) {
			f.onMetadata = func(m map[string]any) { m["issuer"] = "https://evil.test/id" }
		}, (*relying).out},
		"oidcc-client-test-signing-key-rotation-just-before-signing": {nil, func(r *relying) {
			r.in()
			r.f.with(func() {
				r.f.onKeys = func() []jose.JSONWebKey { return []jose.JSONWebKey{otherKey} }
				r.f.signID = func(c map[string]any) string {
					return sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().otherRSA, KeyID: "r2"}, c, "JWT")
				}
			})
			r.b = newBrowser(r.T, r.f.net)
			r.in()
		}},
		"oidcc-client-test-signing-key-rotation": {nil, func(r *relying) {
			r.in()
			r.f.with(func() { r.f.onKeys = func() []jose.JSONWebKey { return []jose.JSONWebKey{rsaKey, otherKey} } })
			later(11 * time.Minute)
			r.b = newBrowser(r.T, r.f.net)
			r.in()
			r.f.with(func() {
				r.f.signID = func(c map[string]any) string {
					return sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().otherRSA, KeyID: "r2"}, c, "JWT")
				}
			})
			r.b = newBrowser(r.T, r.f.net)
			r.in()
		}},
		"oidcc-client-test-refresh-token": {nil, func(r *relying) {
			r.in()
			later(2 * time.Hour)
			if _, err := r.a.token(r.b); err != nil || r.f.refreshes.Load() == 0 {
				r.Error(err)
			}
		}},
		"oidcc-client-test-refresh-token-invalid-issuer": {nil, func(r *relying) { r.refusedRefresh("iss", "https://evil.test/id") }},
		"oidcc-client-test-refresh-token-invalid-sub":    {nil, func(r *relying) { r.refusedRefresh("sub", "mallory") }},
		"oidcc-client-test-rp-init-logout": {nil, func(r *relying) {
			if p := r.signOut(); p.url.Path != "/bye" {
				r.Errorf("%d at %s", p.status, p.url)
			}
			if got := r.f.sessions[0]; got.Get("id_token_hint") == "" || got.Get("state") == "" || got.Get("post_logout_redirect_uri") == "" {
				r.Errorf("%v", got)
			}
		}},
		"oidcc-client-test-rp-init-logout-other-state": {func(f *fake) { f.onSignedOut = func(q url.Values) { q.Set("state", "another") } }, (*relying).foreignAnswer},
		"oidcc-client-test-rp-init-logout-no-state":    {func(f *fake) { f.onSignedOut = func(q url.Values) { q.Del("state") } }, (*relying).foreignAnswer},
	}
	holdAgainstList(t, maps.Keys(modules), func(name string) bool { return !strings.HasPrefix(name, backchannelModule) })
	for module, c := range modules {
		t.Run(module, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				net := newNetwork()
				f := newFake(t, net, "erp.test")
				if c.set != nil {
					c.set(f)
				}
				c.test(&relying{t, f, f.app("app.test"), newBrowser(t, net)})
			})
		})
	}
}

// holdAgainstList wants a test for each module of the list that is for relying parties and
// of this plan, and for no other.
func holdAgainstList(t *testing.T, tried iter.Seq[string], ofPlan func(name string) bool) {
	t.Helper()
	list, err := os.ReadFile("../e2e/conformance/testdata/modules.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(strings.Fields(string(list)), func(name string) bool {
		return !strings.HasPrefix(name, "oidcc-client-") || !ofPlan(name)
	})
	got := slices.Sorted(tried)
	if len(want) == 0 || !slices.Equal(slices.Sorted(slices.Values(want)), got) {
		t.Errorf("tried are %v, and in the list %v", got, want)
	}
}

// refusedRefresh wants the answer of a refresh not to be used.
func (r *relying) refusedRefresh(name string, value any) {
	r.Helper()
	r.in()
	r.f.with(func() { claim(name, value)(r.f) })
	later(2 * time.Hour)
	if token, err := r.a.token(r.b); err == nil {
		r.Errorf("the token %v was used", token)
	}
}

// signOut signs in and out again, as the page's form does.
func (r *relying) signOut() *page {
	r.Helper()
	r.in()
	p := r.b.send("POST", r.a.url+"/signout", nil, sameOrigin...)
	action, fields := form(r.T, p.body)
	return r.b.open(r.b.send("POST", action, fields).next(r.T))
}

// foreignAnswer wants a sign-out to be answered by a page that says so.
func (r *relying) foreignAnswer() {
	r.Helper()
	if p := r.signOut(); p.status != http.StatusBadRequest || r.a.signedIn(r.b) {
		r.Errorf("%d at %s: %s", p.status, p.url, p.body)
	}
}
