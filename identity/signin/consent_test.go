package signin_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/token"
)

// others makes the portal an application of others, whose people are asked.
func others(t *testing.T) *site {
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	s.user("paul", tandem.ExternalCommunityUser)
	s.apps.change(portal, func(a *tandem.TrustedApp) { a.FirstParty = false })
	return s
}

// decide presses a button of the consent page.
func (b *browser) decide(page *shown, button string, change ...string) *shown {
	b.s.t.Helper()
	action, fields := page.form()
	if !strings.HasSuffix(action, "/consent") {
		b.s.t.Fatalf("no consent page: %d to %q\n%s", page.StatusCode, page.Header.Get("Location"), page.body)
	}
	for i := 0; i+1 < len(change); i += 2 {
		fields.Set(change[i], change[i+1])
	}
	fields.Set(button, "1")
	return b.follow(b.post(action, fields))
}

// press presses a button of whatever page it is.
func (b *browser) press(page *shown, button string) *shown {
	b.s.t.Helper()
	action, fields := page.form()
	fields.Set(button, "1")
	return b.follow(b.post(action, fields))
}

// asked reports whether an authorization request leads to the consent page.
func (b *browser) asked(change ...string) bool {
	b.s.t.Helper()
	action, _ := b.follow(b.get(authorizeURL(change...))).form()
	return strings.HasSuffix(action, "/consent")
}

func (s *site) code(a *shown) (g token.CodeGrant, ok bool) {
	_, q := a.to()
	return s.codes.grant(q.Get("code"))
}

func errorOf(a *shown) string {
	_, q := a.to()
	return q.Get("error")
}

func TestConsent(t *testing.T) {
	t.Parallel()
	s := others(t)
	b := s.browser()
	page := b.signIn("anna", password)
	for _, want := range []string{"Acme Portal", portal, "portal.example", "ANNA (anna)", "know who you are", "see your name", "read what you may read", "Allow", "Cancel"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page.body, "change what") || strings.Contains(page.body, "when you are away") {
		t.Error("the page says more than was asked for")
	}
	h := page.Header
	if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://portal.example") || !strings.Contains(csp, "frame-ancestors 'none'") || h.Get("Cache-Control") != "no-store" {
		t.Errorf("headers of the page: %v", h)
	}
	if len(s.codes.m) != 0 {
		t.Fatal("a code before the person was asked")
	}
	answer := b.decide(page, "allow")
	if g, ok := s.code(answer); !ok || g.Scope.String() != "openid profile read" {
		t.Fatalf("allowed, and: %q %+v", answer.Header.Get("Location"), g)
	}
	if e := s.audit.Of(tandem.AuditConsentGiven); len(e) != 1 || e[0].Actor != "anna" || e[0].ApplicationURI != portal || !strings.Contains(e[0].Facts, "openid profile read") {
		t.Errorf("on record: %+v", e)
	}
	for name, r := range map[string]struct {
		change []string
		ask    bool
	}{
		"the same":                        {nil, false},
		"less":                            {[]string{"scope", "openid"}, false},
		"the e-mail address with profile": {[]string{"scope", "openid email"}, false},
		"a claim of the same":             {[]string{"claims", `{"userinfo":{"email":null,"name":null}}`}, false},
		"more":                            {[]string{"scope", "openid profile read update"}, true},
		"everything":                      {[]string{"scope", ""}, true},
		"offline access":                  {[]string{"scope", "openid read offline_access"}, true},
		"the same, and to be asked":       {[]string{"prompt", "consent"}, true},
	} {
		if b.asked(r.change...) != r.ask {
			t.Errorf("%s: asked %v, want %v", name, !r.ask, r.ask)
		}
	}
	// More is added to what was allowed.
	b.decide(b.follow(b.get(authorizeURL("scope", "openid update"))), "allow")
	if b.asked("scope", "openid profile read update") {
		t.Error("asked for what was allowed in two parts")
	}
	if !b.asked("scope", "openid offline_access") {
		t.Error("more was allowed than was asked for")
	}
}

func TestConsentOfClaimsOneByOne(t *testing.T) {
	t.Parallel()
	s := others(t)
	b := s.browser()
	b.decide(b.signIn("anna", password, "scope", "openid"), "allow")
	if !b.asked("scope", "openid", "claims", `{"id_token":{"email":null}}`) || b.asked("scope", "openid", "claims", `{"id_token":{"preferred_username":null}}`) {
		t.Error("a claim tells what a scope would, and only then the person is asked")
	}
	page := b.follow(b.get(authorizeURL("scope", "openid", "claims", `{"id_token":{"email":null}}`)))
	if !strings.Contains(page.body, "see your e-mail address") {
		t.Error(page.body)
	}
}

func TestConsentIsRefused(t *testing.T) {
	t.Parallel()
	s := others(t)
	b := s.browser()
	page := b.signIn("anna", password)
	a := b.decide(page, "cancel")
	if _, q := a.to(); q.Get("error") != "access_denied" || q.Get("state") != "st4te &=?#" || len(s.codes.m) != 0 {
		t.Errorf("cancelled: %s", a.Header.Get("Location"))
	}
	if e := s.audit.Of(tandem.AuditAuthorizationRefused); len(e) != 1 || !strings.Contains(e[0].Facts, string(tandem.RuleConsentDenied)) {
		t.Errorf("on record: %+v", e)
	}
	if got := errorOf(b.get(authorizeURL("prompt", "none"))); got != "consent_required" {
		t.Errorf("prompt=none: %q", got)
	}
	if len(s.audit.Of(tandem.AuditConsentGiven)) != 0 {
		t.Error("a consent is on record")
	}
}

// What is typed into the browser allows nothing: a form of somebody else's, of another
// browser, one that is old, and what has changed since it was shown.
func TestConsentIsThePersonsOwn(t *testing.T) {
	t.Parallel()
	s := others(t)
	anna := s.browser()
	page := anna.signIn("anna", password)
	nothing := func(t *testing.T, a *shown) {
		t.Helper()
		if _, ok := s.code(a); ok || len(s.audit.Of(tandem.AuditConsentGiven)) != 0 {
			t.Errorf("allowed: %d to %q", a.StatusCode, a.Header.Get("Location"))
		}
	}
	t.Run("another site", func(t *testing.T) {
		action, fields := page.form()
		fields.Set("allow", "1")
		a := anna.post(action, fields, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
		if nothing(t, a); a.StatusCode != http.StatusForbidden {
			t.Error(a.StatusCode)
		}
	})
	t.Run("another person", func(t *testing.T) {
		paul := s.browser()
		paul.signIn("paul", password, "scope", "openid", "client_id", portal)
		action, fields := page.form()
		fields.Set("allow", "1")
		nothing(t, paul.follow(paul.post(action, fields)))
	})
	t.Run("nobody", func(t *testing.T) {
		action, fields := page.form()
		fields.Set("allow", "1")
		b := s.browser()
		nothing(t, b.follow(b.post(action, fields)))
	})
	t.Run("altered", func(t *testing.T) {
		nothing(t, anna.decide(page, "allow", "request", "AAAA"))
		nothing(t, anna.decide(page, "allow", "csrf", "AAAA"))
		_, in := page.form()
		q, err := url.Parse(page.Request.URL.String())
		if err != nil {
			t.Fatal(err)
		}
		nothing(t, anna.decide(page, "allow", "request", q.Query().Get("request"))) // sealed for another place
		nothing(t, anna.get("/id/account/consent?request="+url.QueryEscape(in.Get("request"))))
	})
	t.Run("an application that may have more by now", func(t *testing.T) {
		b := s.browser()
		all := b.signIn("anna", password, "scope", "")
		s.apps.change(portal, func(a *tandem.TrustedApp) { a.Scope = tandem.Scope{"read"} })
		less := b.follow(b.get(authorizeURL("scope", "")))
		s.apps.change(portal, func(a *tandem.TrustedApp) { a.Scope = tandem.Scope{"read", "update"} })
		again := b.decide(less, "allow")
		if nothing(t, again); !strings.Contains(again.body, "change what you may change") {
			t.Error("the person was not asked for the rest")
		}
		s.apps.change(portal, func(a *tandem.TrustedApp) { a.Enabled = false })
		defer s.apps.change(portal, func(a *tandem.TrustedApp) { a.Enabled = true })
		if a := b.decide(all, "allow"); a.StatusCode != http.StatusBadRequest {
			t.Error(a.StatusCode)
		}
	})
	t.Run("old", func(t *testing.T) {
		s.clock.Advance(2 * time.Hour)
		a := anna.decide(page, "allow")
		if nothing(t, a); !strings.Contains(a.body, "too long") {
			t.Error(a.body)
		}
	})
}

// Somebody who has to sign in for the request does so first, and is asked afterwards.
func TestConsentComesAfterTheSignIn(t *testing.T) {
	t.Parallel()
	s := others(t)
	b := s.browser()
	b.decide(b.signIn("anna", password), "allow")
	page := b.follow(b.get(authorizeURL("prompt", "login consent")))
	if !strings.Contains(page.body, `name="password"`) {
		t.Fatalf("no sign-in page: %s", page.body)
	}
	page = b.submit(page, "anna", password)
	if _, ok := s.code(b.decide(page, "allow")); !ok {
		t.Error("no code")
	}
	// A person of the outside is asked for what they can give alone.
	paul := s.browser().signIn("paul", password, "scope", "openid read")
	if !strings.Contains(paul.body, "know who you are") || strings.Contains(paul.body, "read what") {
		t.Error(paul.body)
	}
}

func TestApplicationsOfTheFirstPartyAskNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.user("anna", tandem.InternalUser)
	b := s.browser()
	b.granted("anna")
	if got, err := data.NewConsents(s.db).Granted(t.Context(), id, s.clock.Now()); err != nil || len(got) != 0 {
		t.Errorf("recorded: %+v, %v", got, err)
	}
	if !b.asked("prompt", "consent") {
		t.Error("prompt=consent asks, whoever wants it")
	}
	page := b.follow(b.get(authorizeURL("prompt", "consent")))
	if _, ok := s.code(b.decide(page, "allow")); !ok {
		t.Error("no code")
	}
	if kinds := s.audit.Of(tandem.AuditConsentGiven); len(kinds) != 1 {
		t.Errorf("on record: %+v", kinds)
	}
	if !slices.Contains(tandem.AuditKinds, tandem.AuditConsentGiven) {
		t.Error("the kind is not listed")
	}
}
