package identity_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
)

// A code works once. Its replay, at once, after 30 s or after the code has
// expired, takes back what it gave (C17, I9).
func TestC17_I9_ReplayTakesBackWhatTheCodeGave(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r, second := s.one(), s.start()
		for name, wait := range map[string]time.Duration{"at once": 0, "after 30 s": 30 * time.Second, "after it expired": time.Hour / 2} {
			before := len(s.audit.Of(tandem.AuditCodeReplayed))
			code := r.code("anna")
			given, other := r.redeem(code), r.signIn("anna")
			if given.got() != "ok" {
				t.Fatalf("%s: %s", name, given.Body)
			}
			s.clock.Advance(wait)
			if a := second.redeem(code); a.got() != "invalid_grant" || a.AccessToken != "" {
				t.Errorf("%s: the replay got %s", name, a.got())
			}
			s.refresh()
			for _, replica := range s.replicas {
				if err := replica.admits(given.AccessToken); err == nil {
					t.Errorf("%s: the access token lives", name)
				}
				if err := replica.admits(other.AccessToken); err != nil {
					t.Errorf("%s: another sign-in's token died: %v", name, err)
				}
			}
			if a := r.renew(given.RefreshToken); a.got() != "invalid_grant" {
				t.Errorf("%s: the refresh token gives %s", name, a.got())
			}
			events := s.audit.Of(tandem.AuditCodeReplayed)[before:]
			if len(events) != 1 || events[0].ApplicationURI != portal || events[0].SignInID != claims(t, given.AccessToken)["sid"] {
				t.Errorf("%s: record %+v", name, events)
			}
		}
		// A refresh between redemption and replay does not save the grant.
		code := r.code("anna")
		given := r.redeem(code)
		renewed := r.renew(given.RefreshToken)
		r.redeem(code)
		s.refresh()
		if a := r.renew(renewed.RefreshToken); a.got() != "invalid_grant" || r.admits(renewed.AccessToken) == nil || r.admits(given.AccessToken) == nil {
			t.Errorf("after a refresh: %s", a.got())
		}
	})
}

// Of many redeemers at the same moment, on two replicas, at most one gets
// tokens, and the others take them back (C17).
func TestC17_RedeemersAtOnce(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		s.start()
		for round := range 5 {
			code := s.one().code("anna")
			results := make([]*answer, 8)
			var wg sync.WaitGroup
			for i := range results {
				wg.Go(func() { results[i] = s.replicas[i%2].redeem(code) })
			}
			wg.Wait()
			s.refresh()
			won := 0
			for _, a := range results {
				switch a.got() {
				case "ok":
					won++
					if s.one().admits(a.AccessToken) == nil || s.one().renew(a.RefreshToken).Code == http.StatusOK {
						t.Errorf("round %d: the winner's tokens outlive the replays", round)
					}
				case "invalid_grant":
				default:
					t.Errorf("round %d: %s", round, a.got())
				}
			}
			if won != 1 {
				t.Errorf("round %d: %d of 8 redeemers won", round, won)
			}
		}
	})
}

// A code is bound to its client, redirect URI and challenge; one wrong proof by
// the right client uses it up, a stranger's does not (C18).
func TestC18_CodeIsBound(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	const bad = "invalid_grant"
	for name, test := range map[string]struct {
		authorize, redeem []string
		want              string
		survives          bool
	}{
		"as it should be":              {nil, nil, "ok", false},
		"no redirect URI":              {nil, []string{"redirect_uri", ""}, bad, false},
		"redirect URI with a slash":    {nil, []string{"redirect_uri", back + "/"}, bad, false},
		"redirect URI in another case": {nil, []string{"redirect_uri", strings.ToUpper(back)}, bad, false},
		"redirect URI escaped":         {nil, []string{"redirect_uri", strings.Replace(back, "-", "%2D", 1)}, bad, false},
		"no verifier":                  {nil, []string{"code_verifier", ""}, bad, false},
		"another verifier":             {nil, []string{"code_verifier", oauth.NewVerifier()}, bad, false},
		"the challenge as verifier":    {nil, []string{"code_verifier", oauth.Challenge(verifier)}, bad, false},
		"verifier too short":           {[]string{"code_challenge", oauth.Challenge(verifier[:42])}, []string{"code_verifier", verifier[:42]}, bad, false},
		"verifier too long":            {[]string{"code_challenge", oauth.Challenge(strings.Repeat("a", 129))}, []string{"code_verifier", strings.Repeat("a", 129)}, bad, false},
		"shortest verifier":            {[]string{"code_challenge", oauth.Challenge(verifier[:43])}, []string{"code_verifier", verifier[:43]}, "ok", false},
		"longest verifier":             {[]string{"code_challenge", oauth.Challenge(strings.Repeat("a", 128))}, []string{"code_verifier", strings.Repeat("a", 128)}, "ok", false},
		"alphabet of the verifier":     {[]string{"code_challenge", oauth.Challenge(strings.Repeat("+", 43))}, []string{"code_verifier", strings.Repeat("+", 43)}, bad, false},
		"confidential without PKCE":    {[]string{"code_challenge", "", "code_challenge_method", ""}, []string{"code_verifier", ""}, "ok", false},
		"challenge taken out":          {[]string{"code_challenge", "", "code_challenge_method", ""}, nil, bad, false},
		"another client":               {nil, []string{"client_id", stranger, "client_secret", s.otherSecret.User}, bad, true},
		"another client, public":       {nil, []string{"client_id", field, "client_secret", ""}, bad, true},
		"the back end":                 {nil, []string{"client_secret", s.portalSecrets.Service}, "unauthorized_client", true},
		"changed":                      {nil, []string{"code", strings.Repeat("A", 43)}, bad, true},
		"with a space":                 {nil, []string{"code", " "}, bad, true},
	} {
		code := r.code("anna", test.authorize...)
		a := r.redeem(code, test.redeem...)
		if a.got() != test.want {
			t.Errorf("%s: %s, want %s", name, a.got(), test.want)
		}
		again := r.redeem(code, with(nil, test.authorize...)...)
		if test.want != "ok" && (again.got() == "ok") != test.survives {
			t.Errorf("%s: afterwards the right request gets %s", name, again.got())
		}
	}
	// The public application: PKCE is required, in every way.
	for name, test := range map[string]struct {
		change []string
		want   string
	}{
		"right":           {nil, "ok"},
		"no verifier":     {[]string{"code_verifier", ""}, bad},
		"wrong verifier":  {[]string{"code_verifier", oauth.NewVerifier()}, bad},
		"other port":      {[]string{"redirect_uri", "http://127.0.0.1:9/callback"}, bad},
		"as confidential": {[]string{"client_id", portal, "client_secret", s.portalSecrets.User}, bad},
	} {
		code := r.code("anna", "client_id", field, "redirect_uri", "http://127.0.0.1:4711/callback")
		a := r.redeem(code, append([]string{"client_id", field, "redirect_uri", "http://127.0.0.1:4711/callback", "client_secret", ""}, test.change...)...)
		if a.got() != test.want {
			t.Errorf("public, %s: %s, want %s", name, a.got(), test.want)
		}
	}
	for name, change := range map[string][]string{
		"no challenge": {"code_challenge", "", "code_challenge_method", ""},
		"plain":        {"code_challenge", verifier, "code_challenge_method", "plain"},
		"no method":    {"code_challenge_method", ""},
		"too short":    {"code_challenge", "abc"},
	} {
		if q := r.browser().authorize("anna", append(change, inField...)...); q.Get("error") != "invalid_request" || q.Has("code") {
			t.Errorf("public, authorize with %s: %v", name, q)
		}
	}
}

// A code lives a minute, and not longer than what it was given for (C18, A11,
// F34).
func TestCodeDiesWithWhatItWasFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(t *testing.T, s *site)
		want   string
	}{
		"59 s":          {func(_ *testing.T, s *site) { s.clock.Advance(59 * time.Second) }, "ok"},
		"60 s":          {func(_ *testing.T, s *site) { s.clock.Advance(time.Minute) }, "invalid_grant"},
		"signed out":    {func(t *testing.T, s *site) { s.must(s.ending.User(t.Context(), by, &s.anna, "test")) }, "invalid_grant"},
		"user disabled": {func(t *testing.T, s *site) { s.must2(s.accounts.Disable(t.Context(), by, "anna")) }, "invalid_grant"},
		"password changed": {func(t *testing.T, s *site) {
			s.must2(s.accounts.SetPassword(t.Context(), by, "anna", "another password"))
		}, "invalid_grant"},
		"no internal users": {func(_ *testing.T, s *site) { s.change(portal, func(a *tandem.TrustedApp) { a.InternalUsers = false }) }, "invalid_grant"},
		"redirect URI gone": {func(_ *testing.T, s *site) {
			s.change(portal, func(a *tandem.TrustedApp) { a.RedirectURIs = []string{"https://portal.example.com/elsewhere"} })
		}, "invalid_grant"},
		"app disabled": {func(_ *testing.T, s *site) { s.change(portal, func(a *tandem.TrustedApp) { a.Enabled = false }) }, "Unauthorized invalid_client"},
		"app deleted": {func(t *testing.T, s *site) {
			s.clock.Advance(time.Millisecond)
			s.must(s.apps.Delete(t.Context(), by, portal))
			s.refresh()
		}, "Unauthorized invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			code := s.one().code("anna")
			test.change(t, s)
			if a := s.one().redeem(code); a.got() != test.want {
				t.Errorf("%s, want %s", a.got(), test.want)
			}
			if alarms := s.audit.Of(tandem.AuditCodeReplayed); len(alarms) != 0 {
				t.Errorf("recorded as a replay, although the code gave nothing: %+v", alarms)
			}
		})
	}
	// Scopes that the application lost meanwhile are left out.
	s := newSite(t)
	code := s.one().code("anna")
	s.change(portal, func(a *tandem.TrustedApp) { a.Scope = tandem.Scope{"read"} })
	if a := s.one().redeem(code); a.Scope != "openid profile offline_access read" {
		t.Errorf("scope %q", a.Scope)
	}
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) must2(_ any, err error) { s.t.Helper(); s.must(err) }

// The server's part of C20: every answer says whose it is and carries the
// state; the nonce is in the ID token; a code of instance A is nothing at B.
func TestC20_AnswersSayWhoseTheyAre(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	for name, change := range map[string][]string{
		"code": nil, "error": {"scope", "admin"}, "fragment": {"response_mode", "fragment"}, "nobody signed in": {"prompt", "none"},
	} {
		b := r.browser()
		w := b.do("GET", authorizeURL(change...), nil)
		if w.Code == http.StatusOK {
			b.authorize("anna")
			w = b.do("GET", authorizeURL(change...), nil)
		}
		u, err := url.Parse(w.Header().Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if name == "fragment" {
			if q, err = url.ParseQuery(u.EscapedFragment()); err != nil {
				t.Fatal(err)
			}
		}
		if q.Get("iss") != issuer || q.Get("state") != "st4te &=?#" || q.Has("code") == q.Has("error") {
			t.Errorf("%s: %v", name, q)
		}
	}
	if a := r.signIn("anna", "nonce", "mine"); claims(t, a.IDToken)["nonce"] != "mine" {
		t.Error("the nonce is not in the ID token")
	}
	if a := r.signIn("anna", "nonce", ""); claims(t, a.IDToken)["nonce"] != nil {
		t.Error("a nonce that nobody sent")
	}
	other := newSite(t)
	if a := other.one().redeem(r.code("anna")); a.got() != "invalid_grant" {
		t.Errorf("a code of another instance: %s", a.got())
	}
	if a := other.one().renew(r.signIn("anna").RefreshToken); a.got() != "invalid_grant" {
		t.Errorf("a refresh token of another instance: %s", a.got())
	}
	if err := other.one().admits(r.serve().AccessToken); tandem.ErrorCode(err) != tandem.CodeUnauthorized {
		t.Errorf("a token of another instance: %v", err)
	}
}
