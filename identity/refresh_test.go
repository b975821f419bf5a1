package identity_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// Each use of a refresh token replaces it; use of a replaced one, outside the
// retry window, ends the whole family with every access token of it (D23, I9).
func TestD23_I9_ReplayEndsTheFamily(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r, second := s.one(), s.start()
		first := r.signIn("anna")
		bystander := r.signIn("anna") // another family of the same person and application
		chain := []*answer{first}
		for i := range 4 {
			s.clock.Advance(time.Minute)
			next := s.replicas[i%2].renew(chain[i].RefreshToken)
			if next.got() != "ok" || next.RefreshToken == chain[i].RefreshToken || next.RefreshToken == "" {
				t.Fatalf("renewal %d: %s", i, next.Body)
			}
			if got, want := claims(t, next.AccessToken), claims(t, first.AccessToken); !sameBut(got, want, "jti", "iat", "nbf", "exp") {
				t.Errorf("renewal %d changed the claims: %v, were %v", i, got, want)
			}
			chain = append(chain, next)
		}
		newest := chain[len(chain)-1]
		s.clock.Advance(11 * time.Second)
		if a := second.renew(chain[3].RefreshToken); a.got() != "invalid_grant" || a.AccessToken != "" {
			t.Errorf("the replaced token gives %s", a.got())
		}
		s.refresh()
		for name, replica := range map[string]*replica{"first replica": r, "second replica": second} {
			if a := replica.renew(newest.RefreshToken); a.got() != "invalid_grant" {
				t.Errorf("%s: the newest token gives %s after the replay", name, a.got())
			}
			for i, given := range chain {
				if replica.admits(given.AccessToken) == nil {
					t.Errorf("%s: access token %d of %d lives", name, i, len(chain))
				}
			}
			if err := replica.admits(bystander.AccessToken); err != nil {
				t.Errorf("%s: another family's access token: %v", name, err)
			}
		}
		if a := r.renew(bystander.RefreshToken); a.got() != "ok" {
			t.Errorf("another family ended too: %s", a.got())
		}
		events := s.audit.Of(tandem.AuditRefreshReplayed)
		if len(events) != 1 || events[0].SignInID != claims(t, first.AccessToken)["sid"] || events[0].ApplicationURI != portal {
			t.Errorf("record: %+v", events)
		}
		// An old one, replayed at once after a renewal, is a replay as well.
		old := r.signIn("anna")
		middle := r.renew(old.RefreshToken)
		last := r.renew(middle.RefreshToken)
		if r.renew(old.RefreshToken).got() != "invalid_grant" || r.renew(last.RefreshToken).got() != "invalid_grant" {
			t.Error("a token two generations old was taken")
		}
	})
}

// A retry within 10 s gets the same successor, on whichever replica (D23).
func TestD23_RetryGetsTheSameSuccessor(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r, second := s.one(), s.start()
		given := r.signIn("anna")
		first := r.renew(given.RefreshToken)
		for range 10 {
			s.clock.Advance(time.Second)
			for _, replica := range s.replicas {
				if a := replica.renew(given.RefreshToken); a.got() != "ok" || a.RefreshToken != first.RefreshToken || a.AccessToken == first.AccessToken {
					t.Fatalf("retry: %s, the same successor: %v", a.got(), a.RefreshToken == first.RefreshToken)
				}
			}
		}
		if a := second.renew(first.RefreshToken); a.got() != "ok" || a.RefreshToken == first.RefreshToken {
			t.Errorf("the successor: %s", a.got())
		}
		// The retry is over once the successor has been used.
		if a := r.renew(given.RefreshToken); a.got() != "invalid_grant" {
			t.Errorf("after the successor was used: %s", a.got())
		}
	})
}

// Two replicas asked at the same moment give one successor, and no fork
// (D23).
func TestD23_RefreshesAtOnce(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		s.start()
		token := s.one().signIn("anna").RefreshToken
		for round := range 5 {
			results := make([]*answer, 8)
			var wg sync.WaitGroup
			for i := range results {
				wg.Go(func() { results[i] = s.replicas[i%2].renew(token) })
			}
			wg.Wait()
			for _, a := range results {
				if a.got() != "ok" || a.RefreshToken != results[0].RefreshToken {
					t.Fatalf("round %d: %s, the same successor: %v", round, a.got(), a.RefreshToken == results[0].RefreshToken)
				}
			}
			token = results[0].RefreshToken
		}
	})
}

// Scope is narrowed for one access token, and never grows (D23, I10).
func TestD23_I10_ScopeOfARefresh(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	token := r.signIn("anna", "scope", "openid offline_access read").RefreshToken
	for _, step := range []struct{ ask, want, scope string }{
		{"", "ok", "openid offline_access read"},
		{"read", "ok", "read"},
		{"openid", "ok", "openid"},
		{"update", "invalid_scope", ""},
		{"read update", "invalid_scope", ""},
		{"openid profile", "invalid_scope", ""}, // a protocol scope outside the grant is outside as well
		{"sec", "invalid_scope", ""},
		{"admin", "invalid_scope", ""},
		{`"`, "invalid_scope", ""},
		{"", "ok", "openid offline_access read"}, // the grant was never narrowed
	} {
		a := r.renew(token, "scope", step.ask)
		if a.got() != step.want || a.Scope != step.scope || (a.IDToken != "") != strings.Contains(a.Scope, "openid") {
			t.Errorf("%q: %s with %q, want %s with %q", step.ask, a.got(), a.Scope, step.want, step.scope)
		}
		if a.got() == "ok" {
			token = a.RefreshToken
		}
	}
	// The application lost update, and gets no more of it; given back, the old
	// grant has it again, and not more.
	wide := r.signIn("anna").RefreshToken
	s.change(portal, func(a *tandem.TrustedApp) { a.UserScope = tandem.Scope{"read"} })
	a := r.renew(wide)
	if a.Scope != "openid profile offline_access read" {
		t.Errorf("narrowed application: %q", a.Scope)
	}
	if b := r.renew(a.RefreshToken, "scope", "read update"); b.got() != "invalid_scope" {
		t.Errorf("asked for what is gone: %s", b.got())
	}
	s.change(portal, func(a *tandem.TrustedApp) { a.UserScope = nil })
	if b := r.renew(a.RefreshToken); b.Scope != "openid profile offline_access read update" {
		t.Errorf("given back: %q", b.Scope)
	}
	// Without offline_access there is nothing to renew.
	if a := r.signIn("anna", "scope", "openid read"); a.RefreshToken != "" {
		t.Error("a refresh token that nobody asked for")
	}
}

// A refresh token is its application's and its holder's, byte for byte (I9),
// and lives as long as its kind of application allows, rotated or not.
func TestI9_RefreshTokenIsBound(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	given := r.signIn("anna")
	token := given.RefreshToken
	for name, change := range map[string][]string{
		"another client":   {"client_id", stranger, "client_secret", s.otherSecret.User},
		"a public client":  {"client_id", field, "client_secret", ""},
		"changed":          {"refresh_token", flipAt(token, len(token)-5)},
		"changed family":   {"refresh_token", flipAt(token, 8)},
		"changed number":   {"refresh_token", flipAt(token, 36)},
		"cut short":        {"refresh_token", token[:len(token)-1]},
		"longer":           {"refresh_token", token + "A"},
		"the access token": {"refresh_token", given.AccessToken},
		"the ID token":     {"refresh_token", given.IDToken},
		"no MAC":           {"refresh_token", token[:5] + base64.RawURLEncoding.EncodeToString(make([]byte, 56))},
	} {
		if a := r.renew(token, change...); a.got() != "invalid_grant" {
			t.Errorf("%s: %s", name, a.got())
		}
	}
	if a := r.renew(token); a.got() != "ok" {
		t.Fatalf("none of them may end it: %s", a.got())
	}

	public := r.post("/id/connect/token", "grant_type", "authorization_code", "code", r.code("anna", inField...), "redirect_uri", device, "code_verifier", verifier, "client_id", field)
	renewPublic := func(token string) *answer {
		return r.post("/id/connect/token", "grant_type", "refresh_token", "refresh_token", token, "client_id", field)
	}
	token = r.signIn("anna").RefreshToken
	for range 23 {
		s.clock.Advance(time.Hour)
		token = r.renew(token).RefreshToken
		public = renewPublic(public.RefreshToken)
	}
	s.clock.Advance(59 * time.Minute)
	if public = renewPublic(public.RefreshToken); public.got() != "ok" {
		t.Fatalf("public, before a day: %s", public.got())
	}
	s.clock.Advance(time.Minute)
	if a := renewPublic(public.RefreshToken); a.got() != "invalid_grant" {
		t.Errorf("public, after a day: %s", a.got())
	}
	s.clock.Advance(29*24*time.Hour - time.Second)
	s.refresh()
	a := r.renew(token)
	if a.got() != "ok" {
		t.Fatalf("confidential, before 30 days: %s", a.got())
	}
	s.clock.Advance(time.Second)
	if a := r.renew(a.RefreshToken); a.got() != "invalid_grant" {
		t.Errorf("confidential, after 30 days: %s", a.got())
	}
}

func flipAt(s string, i int) string {
	c := byte('A')
	if s[i] == c {
		c = 'B'
	}
	return s[:i] + string(c) + s[i+1:]
}

// A grant ends with what it hangs on, on every replica, and the service half
// goes on (D23, E29, I6).
func TestD23_I6_GrantsEndWithWhatTheyHangOn(t *testing.T) {
	t.Parallel()
	const grant, client = "invalid_grant", "Unauthorized invalid_client"
	for name, test := range map[string]struct {
		change          func(t *testing.T, s *site, idToken string)
		renew, service  string
		accessTokenDies bool
	}{
		"nothing": {func(*testing.T, *site, string) {}, "ok", "ok", false},
		"signed out by the application": {func(_ *testing.T, s *site, idToken string) {
			s.one().browser().do("GET", "/id/connect/endsession?id_token_hint="+idToken, nil)
		}, grant, "ok", true},
		"password changed": {func(t *testing.T, s *site, _ string) {
			s.must2(s.accounts.SetPassword(t.Context(), by, "anna", "another password"))
		}, grant, "ok", true},
		"user disabled": {func(t *testing.T, s *site, _ string) { s.must2(s.accounts.Disable(t.Context(), by, "anna")) }, grant, "ok", true},
		"disabled and enabled": {func(t *testing.T, s *site, _ string) {
			s.must2(s.accounts.Disable(t.Context(), by, "anna"))
			s.must2(s.accounts.Enable(t.Context(), by, "anna"))
		}, grant, "ok", true},
		"no administrator any more": {func(t *testing.T, s *site, _ string) {
			s.must2(s.accounts.Update(t.Context(), by, "anna", func(u *tandem.User) { u.Admin = false }))
		}, grant, "ok", true},
		"another type of user": {func(t *testing.T, s *site, _ string) {
			s.must2(s.accounts.Update(t.Context(), by, "anna", func(u *tandem.User) { u.Type, u.Admin = tandem.ExternalCommunityUser, false }))
		}, grant, "ok", true},
		"another type, past the administration": {func(t *testing.T, s *site, _ string) {
			s.must2(s.users.Update(t.Context(), s.anna.ID, func(a signin.Account) (signin.Account, error) {
				a.Type, a.Admin, a.ChangedAt = tandem.ExternalCommunityUser, false, s.clock.Now()
				return a, nil
			}))
		}, grant, "ok", true},
		"internal users refused": {func(_ *testing.T, s *site, _ string) {
			s.change(portal, func(a *tandem.TrustedApp) { a.InternalUsers = false })
		}, grant, "ok", true},
		"application disabled": {func(_ *testing.T, s *site, _ string) {
			s.change(portal, func(a *tandem.TrustedApp) { a.Enabled = false })
		}, client, client, true},
		"disabled and enabled again": {func(_ *testing.T, s *site, _ string) {
			s.change(portal, func(a *tandem.TrustedApp) { a.Enabled = false })
			s.change(portal, func(a *tandem.TrustedApp) { a.Enabled = true })
		}, "ok", "ok", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.start()
			given := s.one().signIn("anna")
			s.clock.Advance(time.Second)
			test.change(t, s, given.IDToken)
			s.refresh()
			for i, r := range s.replicas {
				if err := r.admits(given.AccessToken); (err != nil) != test.accessTokenDies {
					t.Errorf("replica %d: the access token: %v", i, err)
				}
				if a := r.serve(); a.got() != test.service {
					t.Errorf("replica %d: service token: %s", i, a.got())
				}
				if a := r.renew(given.RefreshToken); a.got() != test.renew {
					t.Errorf("replica %d: refresh: %s, want %s", i, a.got(), test.renew)
				}
			}
		})
	}
}

// A deleted application takes its grants along; one registered with the same
// name inherits nothing (F34).
func TestSuccessorOfAnApplicationInheritsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	given, code, service := r.signIn("anna"), r.code("anna"), r.serve()
	old, err := s.apps.Get(t.Context(), portal)
	s.must(err)
	s.clock.Advance(2 * time.Second)
	s.must(s.apps.Delete(t.Context(), by, portal))
	secrets := s.register(old)
	s.refresh()
	front := []string{"client_secret", secrets.User}
	for name, a := range map[string]*answer{"refresh": r.renew(given.RefreshToken, front...), "code": r.redeem(code, front...)} {
		if a.got() != "invalid_grant" {
			t.Errorf("%s: %s", name, a.got())
		}
	}
	if a := r.serve(); a.Code != http.StatusUnauthorized {
		t.Errorf("the old secret: %s", a.got())
	}
	for name, jwt := range map[string]string{"user": given.AccessToken, "service": service.AccessToken} {
		if r.admits(jwt) == nil {
			t.Errorf("the %s token of the predecessor lives", name)
		}
	}
	if a := r.serve("client_secret", secrets.Service); a.got() != "ok" || r.admits(a.AccessToken) != nil {
		t.Errorf("the successor: %s", a.Body)
	}
}

// What a replica gave out that had not heard of the end of an application is nothing to
// the one that comes back in its name.
func TestARestoredApplicationInheritsNothing(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		late := s.start()
		s.must(s.apps.Delete(t.Context(), by, portal))
		a := late.post(oauth.PathToken, late.redemption(late.code("anna"))...) // it has not heard yet
		s.clock.Advance(10 * time.Second)
		s.refresh()
		_, err := s.apps.Restore(t.Context(), by, portal)
		s.must(err)
		s.change(portal, func(a *tandem.TrustedApp) { a.Enabled = true })
		_, secret, err := s.apps.AddCredential(t.Context(), by, portal, registry.NewCredential{Flow: tandem.FlowUser})
		s.must(err)
		s.refresh()
		again := late.post(oauth.PathToken, "grant_type", "refresh_token", "refresh_token", a.RefreshToken, "client_id", portal, "client_secret", secret)
		if a.got() != "ok" || again.got() != "invalid_grant" {
			t.Errorf("before: %s; the refresh token of before: %s", a.got(), again.Body)
		}
	})
}
