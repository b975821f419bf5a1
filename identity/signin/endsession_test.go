package signin_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
)

func endURL(change ...string) string {
	return "/id/connect/endsession?" + endParams(change...).Encode()
}

func endParams(change ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(change); i += 2 {
		q.Set(change[i], change[i+1])
	}
	return q
}

// signedIn is a site with Anna signed in at one browser.
func signedInSite(t *testing.T) (s *site, b *browser, userID, sid string) {
	s = newSite(t)
	userID = s.user("anna", tandem.InternalUser)
	b = s.browser()
	return s, b, userID, b.granted("anna").SignInID
}

func (b *browser) alive() bool {
	b.s.t.Helper()
	_, q := b.get(authorizeURL("prompt", "none")).to()
	return q.Get("code") != ""
}

// crossSite posts a form of another site, to which the browser gives no cookie of ours, and
// follows the answer within the site with the cookies.
func (b *browser) crossSite(path string, form url.Values) *shown {
	b.s.t.Helper()
	a := b.s.browser().post(path, form, "Sec-Fetch-Site", "cross-site", "Origin", "https://portal.example")
	return b.follow(a)
}

// A valid hint of who is signed in signs out at once, everywhere (I6: of the
// person; the service half is not even known here).
func TestSignOutWithHint(t *testing.T) {
	t.Parallel()
	for name, post := range map[string]bool{"GET": false, "POST": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b, anna, sid := signedInSite(t)
			state := "a&b" + strings.Repeat("s", 4000)
			params := []string{"id_token_hint", hint(anna, sid, portal), "post_logout_redirect_uri", after, "state", state}
			var a *shown
			if post { // from another site: the browser sends no cookie
				a = b.crossSite("/id/connect/endsession", endParams(params...))
			} else {
				a = b.get(endURL(params...))
			}
			if to, q := a.to(); a.StatusCode != http.StatusSeeOther || to != after || q.Get("state") != state {
				t.Fatalf("%d to %s %v", a.StatusCode, to, q)
			}
			if b.alive() || !s.ended.both(sid) {
				t.Errorf("alive %v, families and session ended %v", b.alive(), s.ended.both(sid))
			}
			if e := s.audit.Of(tandem.AuditSignOut); len(e) != 1 || e[0].Actor != "anna" || e[0].SignInID != sid {
				t.Errorf("audit: %+v", e)
			}
			// Once more is harmless and ends in the same place.
			if to, _ := s.browser().get(endURL(params...)).to(); to != after {
				t.Errorf("second time: to %s", to)
			}
		})
	}
}

// A sign-in that is idle is ended by a hint as any other is: its applications renew
// without it.
func TestSignOutOfAnIdleSignIn(t *testing.T) {
	t.Parallel()
	for name, post := range map[string]bool{"GET": false, "POST": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b, anna, sid := signedInSite(t)
			s.clock.Advance(token.SignInIdle + time.Hour)
			params := []string{"id_token_hint", hint(anna, sid, portal), "post_logout_redirect_uri", after}
			var a *shown
			if post {
				a = b.crossSite("/id/connect/endsession", endParams(params...))
			} else {
				a = b.get(endURL(params...))
			}
			if to, _ := a.to(); to != after || !s.ended.both(sid) {
				t.Errorf("to %s, families and session ended %v", to, s.ended.both(sid))
			}
			if e := s.audit.Of(tandem.AuditSignOut); len(e) != 1 || e[0].SignInID != sid {
				t.Errorf("audit: %+v", e)
			}
		})
	}
}

// Any site can lead a browser here: without a hint of this sign-in the person
// is asked (E28).
func TestE28_SignOutNeedsAHintOrTheirWord(t *testing.T) {
	t.Parallel()
	s, b, anna, sid := signedInSite(t)
	for name, params := range map[string][]string{
		"nothing":          nil,
		"client only":      {"client_id", portal},
		"with redirect":    {"client_id", portal, "post_logout_redirect_uri", after},
		"unsigned hint":    {"id_token_hint", "eyJhbGciOiJub25lIn0.e30."},
		"foreign hint":     {"id_token_hint", "token of another issuer"},
		"hint of another":  {"id_token_hint", hint("somebody", "else", portal)},
		"an earlier one's": {"id_token_hint", hint(anna, "earlier", portal)},
	} {
		a := b.get(endURL(params...), "Sec-Fetch-Site", "cross-site")
		if a.StatusCode != http.StatusOK || a.Header.Get("Location") != "" || !strings.Contains(a.body, "You are signed in as") {
			t.Errorf("GET %s: %d to %s", name, a.StatusCode, a.Header.Get("Location"))
		}
		// A POST of another site ends nothing either: it becomes that GET.
		p := s.browser().post("/id/connect/endsession", endParams(params...), "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
		to := p.Header.Get("Location")
		if p.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/id/connect/endsession") || strings.Contains(to, "hint") {
			t.Errorf("POST %s: %d to %s", name, p.StatusCode, to)
		}
		if a := b.get(to); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "You are signed in as") {
			t.Errorf("POST %s, followed: %d", name, a.StatusCode)
		}
	}
	if !b.alive() || s.ended.both(sid) {
		t.Fatal("signed out without being asked")
	}

	page := b.get(endURL("client_id", portal, "post_logout_redirect_uri", after, "state", "s"))
	action, form := page.form()
	if csp := page.Header.Get("Content-Security-Policy"); !strings.HasSuffix(csp, "form-action 'self'") {
		t.Errorf("CSP %q", csp)
	}
	if !strings.Contains(page.body, "Acme Portal") {
		t.Error("the page does not say who asks")
	}
	for name, try := range map[string]func() *shown{
		"another site": func() *shown {
			return b.post(action, form, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
		},
		"no token":   func() *shown { return b.post(action, url.Values{"request": form["request"]}) },
		"no request": func() *shown { return b.post(action, url.Values{"csrf": form["csrf"]}) },
	} {
		if a := try(); a.StatusCode < 400 || !b.alive() {
			t.Errorf("%s: %d, alive %v", name, a.StatusCode, b.alive())
		}
	}
	// Who proved nothing is not followed: the way back is a link.
	a := b.post(action, form)
	if a.StatusCode != http.StatusOK || !strings.Contains(a.body, `href="`+after+`?state=s"`) || !strings.Contains(a.body, "id_token_hint is missing") || b.alive() || !s.ended.both(sid) {
		t.Errorf("confirmed: %d to %q, alive %v: %s", a.StatusCode, a.Header.Get("Location"), b.alive(), a.body)
	}
	if a := b.get("/id/account/signout"); !strings.Contains(a.body, "You are signed out") {
		t.Errorf("afterwards: %s", a.body)
	}
}

// Nobody is led to an address that is not registered for the application of
// the hint (E28).
func TestE28_PostLogoutAddresses(t *testing.T) {
	t.Parallel()
	s, b, anna, sid := signedInSite(t)
	mine := hint(anna, sid, portal)
	for name, params := range map[string][]string{
		"other host":        {"id_token_hint", mine, "post_logout_redirect_uri", "https://evil.example/"},
		"altered path":      {"id_token_hint", mine, "post_logout_redirect_uri", after + "/"},
		"altered query":     {"id_token_hint", mine, "post_logout_redirect_uri", after + "?x"},
		"other case":        {"id_token_hint", mine, "post_logout_redirect_uri", strings.ToUpper(after)},
		"a sign-in address": {"id_token_hint", mine, "post_logout_redirect_uri", back},
		"script":            {"id_token_hint", mine, "post_logout_redirect_uri", "javascript:alert(1)"},
		"no application":    {"post_logout_redirect_uri", after},
		"no usable hint":    {"id_token_hint", "of another server", "client_id", portal, "post_logout_redirect_uri", after},
		"unknown":           {"client_id", "com.example/none", "post_logout_redirect_uri", after},
		"another client":    {"id_token_hint", mine, "client_id", field, "post_logout_redirect_uri", after},
		"oversized state":   {"id_token_hint", mine, "post_logout_redirect_uri", after, "state", strings.Repeat("x", 9000)},
	} {
		for _, a := range []*shown{b.get(endURL(params...)), s.browser().post("/id/connect/endsession", endParams(params...)), s.browser().get(endURL(params...))} {
			if a.StatusCode != http.StatusBadRequest || a.Header.Get("Location") != "" || !strings.Contains(a.body, `role="alert"`) {
				t.Errorf("%s: %d to %s", name, a.StatusCode, a.Header.Get("Location"))
			}
		}
	}
	if a := b.get(endURL("id_token_hint", mine) + "&id_token_hint=x"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("two hints: %d", a.StatusCode)
	}
	if !b.alive() {
		t.Fatal("a refused request signed out")
	}
	// Without an address the person stays here.
	if a := b.get(endURL("id_token_hint", mine)); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "You are signed out") || b.alive() {
		t.Errorf("%d", a.StatusCode)
	}
	// Nobody signed in: nothing to ask, but who proved nothing is not followed.
	if a := s.browser().get(endURL("client_id", portal, "post_logout_redirect_uri", after, "state", "s")); a.StatusCode != http.StatusOK || a.Header.Get("Location") != "" ||
		!strings.Contains(a.body, `href="`+after+`?state=s"`) || !strings.Contains(a.body, "id_token_hint is missing") {
		t.Errorf("nobody signed in: %d to %q: %s", a.StatusCode, a.Header.Get("Location"), a.body)
	}
}

// A hint proves who asks also when its sign-in has ended, or is not the browser's: the
// application is followed, at once where nobody is signed in, else after the person's word.
func TestSignOutWithTheHintOfAnEndedSignIn(t *testing.T) {
	t.Parallel()
	s, b, anna, sid := signedInSite(t)
	params := []string{"id_token_hint", hint(anna, sid, portal), "post_logout_redirect_uri", after, "state", "s"}
	back := func(how string, a *shown) {
		t.Helper()
		if to, q := a.to(); to != after || q.Get("state") != "s" {
			t.Errorf("%s: %d to %s", how, a.StatusCode, a.Header.Get("Location"))
		}
	}
	back("the first time", b.get(endURL(params...)))
	back("once more", b.get(endURL(params...)))
	// A form of another site brings no cookie, so it goes on where that can be seen.
	posted := func() string {
		return s.browser().post("/id/connect/endsession", endParams(params...), "Sec-Fetch-Site", "cross-site").Header.Get("Location")
	}
	back("as a form", b.get(posted()))

	b.granted("anna")
	for how, page := range map[string]*shown{"GET": b.get(endURL(params...)), "POST": b.get(posted())} {
		if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "another sign-in than this one") || !strings.HasSuffix(page.Header.Get("Content-Security-Policy"), "form-action 'self' https://portal.example") {
			t.Errorf("%s while signed in again: %d %s", how, page.StatusCode, page.body)
		}
	}
	action, form := b.get(posted()).form()
	back("confirmed", b.post(action, form))
	// What no page of ours has sealed is nothing.
	if a := b.get(endURL("request", "x", "client_id", portal, "post_logout_redirect_uri", after)); a.Header.Get("Location") != "" {
		t.Errorf("a request that nobody sealed: to %s", a.Header.Get("Location"))
	}
}

// A hint ends the sign-in that it names also when the browser has another one, of the same
// person or of somebody else; about that one the person is asked, and both have ended when
// the application is told so.
func TestSignOutOfASignInThatTheBrowserHasNotAnyMore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.user("anna", tandem.InternalUser)
	s.user("bob", tandem.InternalUser)
	for name, c := range map[string]struct {
		login string
		post  bool
	}{
		"the same person, GET": {"anna", false}, "the same person, POST": {"anna", true},
		"another person, GET": {"bob", false}, "another person, POST": {"bob", true},
	} {
		first := s.browser()
		hinted := first.granted("anna").SignInID
		b := s.browser()
		own := b.granted(c.login).SignInID
		params := []string{"id_token_hint", hint(anna, hinted, portal), "post_logout_redirect_uri", after, "state", "s"}
		var page *shown
		if c.post {
			page = b.crossSite("/id/connect/endsession", endParams(params...))
		} else {
			page = b.get(endURL(params...))
		}
		if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "another sign-in than this one") || !strings.Contains(page.body, "("+c.login+")") {
			t.Errorf("%s: %d to %q: %s", name, page.StatusCode, page.Header.Get("Location"), page.body)
		}
		if first.alive() || !s.ended.both(hinted) {
			t.Errorf("%s: the sign-in of the hint goes on", name)
		}
		if !b.alive() || s.ended.both(own) {
			t.Errorf("%s: the browser's own ended without being asked about", name)
		}
		action, form := page.form()
		if to, q := b.post(action, form).to(); to != after || q.Get("state") != "s" {
			t.Errorf("%s: confirmed, to %q %v", name, to, q)
		}
		if b.alive() || !s.ended.both(own) {
			t.Errorf("%s: the browser's own goes on after the person's word", name)
		}
	}
}

// Who cannot be sent on is told why, and signs out there all the same.
func TestSignOutThatLeadsNowhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna := s.user("anna", tandem.InternalUser)
	for name, c := range map[string]struct {
		params []string
		why    string
	}{
		"no hint and no client": {[]string{"post_logout_redirect_uri", after, "state", "s"}, "client_id and id_token_hint are missing"},
		"unusable hint":         {[]string{"id_token_hint", "x", "post_logout_redirect_uri", after}, "is no ID token of this server"},
		"unusable, with client": {[]string{"id_token_hint", "x", "client_id", portal, "post_logout_redirect_uri", after}, "is no ID token of this server"},
		"not registered":        {[]string{"client_id", portal, "post_logout_redirect_uri", "https://evil.example/"}, "has not registered"},
		"hint of another":       {[]string{"id_token_hint", hint(anna, "x", portal), "client_id", field}, "of another application"},
		"repeated":              {[]string{"client_id", strings.Repeat("x", 600)}, "is longer than"},
		"no hint alone":         {[]string{"client_id", portal}, "id_token_hint is missing"},
		"unusable alone":        {[]string{"id_token_hint", "x"}, "is no ID token of this server"},
		"deleted, alone":        {[]string{"id_token_hint", hint(anna, "x", "com.example/gone"), "post_logout_redirect_uri", after, "state", "s"}, "is not known here any more"},
	} {
		b := s.browser()
		sid := b.granted("anna").SignInID
		for how, page := range map[string]*shown{
			"GET": b.get(endURL(c.params...)), "POST": b.post("/id/connect/endsession", endParams(c.params...)),
			"POST of another site": s.browser().post("/id/connect/endsession", endParams(c.params...)),
		} {
			if to := page.Header.Get("Location"); to != "" && strings.HasSuffix(name, "alone") {
				page = b.get(to) // goes on as a GET, without the hint
				if page.StatusCode != http.StatusOK || strings.Contains(to, "hint") {
					t.Errorf("%s, %s leads to %s: %d", name, how, to, page.StatusCode)
				}
			}
			if !strings.Contains(page.body, c.why) || !strings.Contains(page.body, "Sign out</") || strings.Contains(page.body, "evil.example") {
				t.Errorf("%s, %s: %d %s", name, how, page.StatusCode, page.body)
			}
		}
		action, form := b.get(endURL(c.params...)).form()
		if a := b.post(action, form); a.Header.Get("Location") != "" || !strings.Contains(a.body, "You are signed out") || b.alive() || !s.ended.both(sid) {
			t.Errorf("%s, confirmed: %d to %s, alive %v", name, a.StatusCode, a.Header.Get("Location"), b.alive())
		}
	}
}

// A sign-out that fails in the middle is whole when it is tried again, and one
// whose person has closed the page is brought to its end.
func TestSignOutIsNeverHalfDone(t *testing.T) {
	t.Parallel()
	s, b, _, sid := signedInSite(t)
	action, form := b.get("/id/account/signout").form()
	s.ended.failing = 1
	if a := b.post(action, form); a.StatusCode < 500 || !b.alive() {
		t.Fatalf("%d, alive %v", a.StatusCode, b.alive())
	}
	if a := b.post(action, form); a.StatusCode >= 400 || b.alive() || !s.ended.both(sid) {
		t.Errorf("once more: %d, alive %v, all ended %v", a.StatusCode, b.alive(), s.ended.both(sid))
	}

	s, b, _, sid = signedInSite(t)
	gone, leave := context.WithCancel(t.Context())
	s.ended.meanwhile = leave
	if err := s.accounts.Ending.SignIn(gone, sid, "anna", "signed out"); err != nil {
		t.Error(err)
	}
	if b.alive() || !s.ended.both(sid) {
		t.Errorf("the page was closed: alive %v, all ended %v", b.alive(), s.ended.both(sid))
	}
}

// Nobody is sent to an application that is disabled, whoever asks and whenever it became
// so; but its people sign out of what it knows of.
func TestSignOutThroughADisabledApplication(t *testing.T) {
	t.Parallel()
	for name, post := range map[string]bool{"GET": false, "POST": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b, anna, sid := signedInSite(t)
			params := []string{"id_token_hint", hint(anna, sid, portal), "post_logout_redirect_uri", after, "state", "s"}
			other := s.browser()
			other.granted("anna")
			earlier := other.get(endURL("id_token_hint", hint(anna, "earlier", portal), "post_logout_redirect_uri", after))
			s.apps.change(portal, func(a *tandem.TrustedApp) { a.Enabled = false })
			stays := func(what string, a *shown) {
				t.Helper()
				if a.StatusCode != http.StatusOK || strings.Contains(a.Header.Get("Location")+a.body, after) {
					t.Errorf("%s: %d to %q: %s", what, a.StatusCode, a.Header.Get("Location"), a.body)
				}
			}
			stays("nobody is signed in", s.browser().get(endURL("client_id", portal, "post_logout_redirect_uri", after)))
			action, form := earlier.form()
			stays("asked before", other.post(action, form))
			if post {
				stays("with a hint", b.crossSite("/id/connect/endsession", endParams(params...)))
			} else {
				stays("with a hint", b.get(endURL(params...)))
			}
			if !s.ended.both(sid) {
				t.Error("the sign-in of the hint goes on")
			}
		})
	}
}
