package identity_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
)

// who asks the introspection endpoint: a client with a secret, or a back end
// with its service token.
func (s *site) introspectors() map[string][]string {
	return map[string][]string{
		"user secret":            {"client_id", portal, "client_secret", s.portalSecrets.User},
		"service secret":         {"client_id", portal, "client_secret", s.portalSecrets.Service},
		"service token":          {"bearer", s.one().serve().AccessToken},
		"stranger's user":        {"client_id", stranger, "client_secret", s.otherSecret.User},
		"stranger's service":     {"client_id", stranger, "client_secret", s.otherSecret.Service},
		"stranger's service too": {"bearer", s.one().serve("client_id", stranger, "client_secret", s.otherSecret.Service).AccessToken},
	}
}

// introspect asks about a token; who is one of introspectors.
func (r *replica) introspect(who []string, token string, more ...string) (*answer, map[string]any) {
	r.s.t.Helper()
	pairs := append([]string{"token", token}, more...)
	bearer := ""
	if who[0] == "bearer" {
		bearer = who[1]
	} else {
		pairs = append(pairs, who...)
	}
	req := r.request("/id/connect/introspect", pairs...)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	a := r.send(req)
	if a.Code != 200 {
		return a, nil
	}
	told := map[string]any{}
	r.s.must(json.Unmarshal(a.Body.Bytes(), &told))
	return a, told
}

// D27, I1: an application learns about its own tokens, each half about its own;
// evidence of who is signed in is for both; strangers learn nothing.
func TestD27_I1_IntrospectionTellsEachItsOwn(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.one()
		anna := r.signIn("anna")
		sid := claims(t, anna.IDToken)["sid"].(string)
		user, evidence := []string{"user secret"}, []string{"user secret", "service secret", "service token"}
		for _, c := range []struct {
			name, token string
			learn       []string
		}{
			{"access token", anna.AccessToken, user},
			{"refresh token", anna.RefreshToken, user},
			{"ID token", anna.IDToken, evidence},
			{"sid", sid, evidence},
			{"service token", r.serve().AccessToken, []string{"service secret", "service token"}},
			{"sid of nobody", "0f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f10", nil},
			{"user's id", s.anna.ID, nil},
			{"altered ID token", anna.IDToken[:len(anna.IDToken)-6] + "AAAAAA", nil},
			{"nonsense", "x", nil},
		} {
			for name, who := range s.introspectors() {
				a, told := r.introspect(who, c.token)
				if a.Code != 200 || a.Header().Get("Cache-Control") != "no-store" {
					t.Fatalf("%s by %s: %d %s", c.name, name, a.Code, a.Body)
				}
				learns := slices.Contains(c.learn, name)
				if told["active"] != learns || !learns && len(told) != 1 || learns && told["client_id"] != portal {
					t.Errorf("%s by %s: %s", c.name, name, a.Body)
				}
			}
		}
		// Who is nobody learns nothing, and a person's token is no credential.
		for name, c := range map[string]struct {
			who  []string
			want string
		}{
			"nobody":             {[]string{"client_id", portal}, "Unauthorized invalid_client"},
			"public application": {[]string{"client_id", field}, "Unauthorized invalid_client"},
			"wrong secret":       {[]string{"client_id", portal, "client_secret", "wrong"}, "Unauthorized invalid_client"},
			"user token":         {[]string{"bearer", anna.AccessToken}, "Forbidden insufficient_scope"},
			"ID token":           {[]string{"bearer", anna.IDToken}, "Unauthorized invalid_token"},
			"no token":           {[]string{"bearer", "x"}, "Unauthorized invalid_token"},
		} {
			a, told := r.introspect(c.who, sid)
			if a.got() != c.want || told != nil && (told["active"] != false || len(told) != 1) {
				t.Errorf("%s: %s %s", name, a.got(), a.Body)
			}
		}
		// A back end with its token and a secret, too, says two things of who it is.
		for name, c := range map[string]struct{ more, want string }{
			"client_secret=" + s.otherSecret.Service:        {"client_id=" + stranger, "invalid_request"},
			"client_secret=" + s.portalSecrets.Service:      {"client_id=" + portal, "invalid_request"},
			"client_assertion_type=" + assertionType:        {"client_assertion=x", "invalid_request"},
			"the client_id of another application=":         {"client_id=" + stranger, "invalid_request"},
			"nothing that is not known by the token itself": {"client_id=" + portal, "ok"},
		} {
			pairs := []string{}
			for _, pair := range []string{name, c.more} {
				if key, value, is := strings.Cut(pair, "="); is {
					pairs = append(pairs, key, value)
				}
			}
			if a, _ := r.introspect(s.introspectors()["service token"], sid, pairs...); a.got() != c.want {
				t.Errorf("with %v: %s %s", pairs, a.got(), a.Body)
			}
		}
		// A public application proves nothing, so it is not told of its own tokens either:
		// whoever has found one would learn whose it is, and in which groups they are.
		code := r.code("anna", append([]string{"scope", "openid offline_access read"}, inField...)...)
		mine := r.post(oauth.PathToken, "grant_type", oauth.GrantAuthorizationCode, "client_id", field, "code", code, "redirect_uri", device, "code_verifier", verifier)
		for name, text := range map[string]string{"access token": mine.AccessToken, "refresh token": mine.RefreshToken, "ID token": mine.IDToken} {
			if a, _ := r.introspect([]string{"client_id", field}, text); text == "" || a.got() != "Unauthorized invalid_client" {
				t.Errorf("%s of a public application: %s %s", name, a.got(), a.Body)
			}
		}
	})
}

// I6: what ends a person's right is told at once, on every replica; who has only
// signed out is told apart for what they left behind.
func TestI6_IntrospectionKnowsWhoMayAct(t *testing.T) {
	t.Parallel()
	type change func(s *site, sid, refresh string)
	account := func(do func(s *site)) change {
		return func(s *site, _, _ string) { do(s) }
	}
	for name, c := range map[string]struct {
		change        change
		scope         string // "" for all
		lives, person bool   // the sign-in, and the person of it
	}{
		"nothing":                  {func(*site, string, string) {}, "", true, true},
		"nothing, without offline": {func(*site, string, string) {}, "openid", true, true},
		"idle for long":            {func(s *site, _, _ string) { s.clock.Advance(20 * time.Hour); s.refresh() }, "", true, true},
		"user disabled": {account(func(s *site) {
			s.must2(s.accounts.Disable(s.t.Context(), by, "anna"))
		}), "", false, false},
		"disabled and enabled": {account(func(s *site) {
			s.must2(s.accounts.Disable(s.t.Context(), by, "anna"))
			s.must2(s.accounts.Enable(s.t.Context(), by, "anna"))
		}), "", false, false},
		"became external": {account(func(s *site) {
			s.must2(s.accounts.Update(s.t.Context(), by, "anna", func(u *tandem.User) { u.Type, u.Admin = tandem.ExternalCommunityUser, false }))
		}), "", false, false},
		"password changed": {account(func(s *site) {
			s.must2(s.accounts.SetPassword(s.t.Context(), by, "anna", "another long password"))
		}), "", false, false},
		"signed out": {func(s *site, sid, _ string) {
			s.must(s.ending.SignIn(s.t.Context(), sid, "anna", "test"))
		}, "", false, true},
		"signed out, without offline": {func(s *site, sid, _ string) {
			s.must(s.ending.SignIn(s.t.Context(), sid, "anna", "test"))
		}, "openid", false, false},
		"grant revoked": {func(s *site, _, refresh string) {
			s.one().post("/id/connect/revocation", "token", refresh, "client_id", portal, "client_secret", s.portalSecrets.User)
		}, "", false, false},
		"not admitted": {account(func(s *site) {
			s.change(portal, func(a *tandem.TrustedApp) { a.InternalUsers = false })
		}), "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			other := s.start()
			var pairs []string
			if c.scope != "" {
				pairs = []string{"scope", c.scope}
			}
			anna := s.one().signIn("anna", pairs...)
			sid := claims(t, anna.IDToken)["sid"].(string)
			c.change(s, sid, anna.RefreshToken)
			who := []string{"bearer", s.one().serve().AccessToken}
			for _, r := range []*replica{s.one(), other} {
				for about, want := range map[string]bool{"": c.lives, "sign_in": c.lives, "person": c.person} {
					a, told := r.introspect(who, sid, "about", about)
					if told["active"] != want {
						t.Errorf("about %q: %s, want %v", about, a.Body, want)
					}
				}
			}
			if _, told := s.one().introspect(who, anna.IDToken); told["active"] != (c.lives && name != "idle for long") {
				t.Errorf("the ID token: %v", told)
			}
		})
	}
	// Of a disabled application nobody hears anything.
	s := newSite(t)
	who := s.introspectors()
	sid := claims(t, s.one().signIn("anna").IDToken)["sid"].(string)
	s.change(portal, func(a *tandem.TrustedApp) { a.Enabled = false })
	for _, name := range slices.Sorted(maps.Keys(who)) {
		if a, told := s.one().introspect(who[name], sid); a.Code == 200 && told["active"] != false || a.Code == 200 && name == "service token" {
			t.Errorf("%s of a disabled application: %d %s", name, a.Code, a.Body)
		}
	}
}
