package signin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// Nobody is sent to an address that was taken from the application while a page was open,
// nor to an application that was switched off, whatever way the flow ends (C19, F34).
func TestF34_NoRefusalGoesToAnAddressThatWasTaken(t *testing.T) {
	t.Parallel()
	s := others(t)
	taken := map[string]func(*tandem.TrustedApp){
		"the address was taken":           func(a *tandem.TrustedApp) { a.RedirectURIs = []string{"https://portal.example/new"} },
		"the application is switched off": func(a *tandem.TrustedApp) { a.Enabled = false },
	}
	ends := map[string]func(b *browser, mode string) (open, end func() *shown){
		"cancel at the sign-in": func(b *browser, mode string) (open, end func() *shown) {
			var page *shown
			return func() *shown { page = b.follow(b.get(authorizeURL("response_mode", mode))); return page },
				func() *shown { return b.press(page, "cancel") }
		},
		"no to the consent": func(b *browser, mode string) (open, end func() *shown) {
			var page *shown
			return func() *shown { page = b.signIn("anna", password, "response_mode", mode); return page },
				func() *shown { return b.decide(page, "no") }
		},
		"prompt=none after a form": func(b *browser, mode string) (open, end func() *shown) {
			var to string
			return func() *shown {
					a := b.post("/id/connect/authorize", authorizeParams("prompt", "none", "response_mode", mode))
					to = a.Header.Get("Location")
					return a
				},
				func() *shown { return b.get(to) }
		},
	}
	for why, take := range taken {
		for name, of := range ends {
			for _, mode := range []string{"query", "fragment", "form_post"} {
				app, _ := s.apps.App(portal)
				before := app.RedirectURIs
				open, end := of(s.browser(), mode)
				if a := open(); a.StatusCode >= 400 {
					t.Fatalf("%s: %d %s", name, a.StatusCode, a.body)
				}
				s.apps.change(portal, take)
				a := end()
				s.apps.change(portal, func(a *tandem.TrustedApp) { a.RedirectURIs, a.Enabled = before, true })
				if a.StatusCode != http.StatusBadRequest || a.Header.Get("Location") != "" || strings.Contains(a.body, "<form") {
					t.Errorf("%s, %s, %s: %d to %q", name, mode, why, a.StatusCode, a.Header.Get("Location"))
				}
			}
		}
	}
}

// The same of the address after a sign-out.
func TestF34_NoSignOutGoesToAnAddressThatWasTaken(t *testing.T) {
	t.Parallel()
	s, b, anna, _ := signedInSite(t)
	page := b.get(endURL("id_token_hint", hint(anna, "earlier", portal), "post_logout_redirect_uri", after))
	s.apps.change(portal, func(a *tandem.TrustedApp) { a.PostLogoutRedirectURIs = nil })
	action, form := page.form()
	if a := b.post(action, form); a.StatusCode != http.StatusOK || a.Header.Get("Location") != "" || strings.Contains(a.body, after) || b.alive() {
		t.Errorf("%d to %q: %s", a.StatusCode, a.Header.Get("Location"), a.body)
	}
}

// A HEAD does nothing where a GET does something (RFC 9110 section 9.2.1).
func TestHeadDoesNothing(t *testing.T) {
	t.Parallel()
	s, b, anna, sid := signedInSite(t)
	issued := len(s.codes.m)
	for _, path := range []string{
		authorizeURL(), s.browser().post("/id/connect/authorize", authorizeParams(), "Sec-Fetch-Site", "cross-site").Header.Get("Location"),
		endURL("id_token_hint", hint(anna, sid, portal)),
	} {
		a := b.do(b.request("HEAD", path, nil, nil))
		if a.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(a.Header.Get("Allow"), "GET") || a.Header.Get("Location") != "" {
			t.Errorf("%.40s: %d to %q", path, a.StatusCode, a.Header.Get("Location"))
		}
	}
	if len(s.codes.m) != issued || !b.alive() || s.ended.both(sid) {
		t.Error("a HEAD has given a code or signed out")
	}
	if a := s.browser().do(b.request("HEAD", "/id/account/signin", nil, nil)); a.StatusCode != http.StatusOK {
		t.Errorf("a page: %d", a.StatusCode)
	}
	mux := http.NewServeMux() // the same of what is there with providers of others alone
	other := &signin.Handler{Issuer: s.h.Issuer, Accounts: s.accounts, Outside: &federation.RelyingParty{}}
	if err := other.Mount(mux); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/id/account/outside/start?provider=acme", "/id/account/outside/callback/acme?code=c&state=s"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "HEAD", path, nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// between does something before a sign-in is kept.
type between struct {
	signin.SignIns
	then func()
}

func (b *between) Create(ctx context.Context, s signin.SignIn) error {
	if b.then != nil {
		b.then()
	}
	return b.SignIns.Create(ctx, s)
}

// D23: a sign-in with the old password that is under way while the password changes is none.
func TestD23_SignInDuringAChangeOfPassword(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db, true)
		anna := s.user("anna", tandem.InternalUser)
		slow := &between{SignIns: s.h.SignIns}
		s.h.SignIns = slow
		for name, change := range map[string]func() error{
			"the password": func() error {
				_, err := s.accounts.SetPassword(t.Context(), by, "anna", "another long password")
				return err
			},
			"switched off": func() error { _, err := s.accounts.Disable(t.Context(), by, "anna"); return err },
		} {
			b := s.browser()
			slow.then = func() {
				if err := change(); err != nil {
					t.Error(err)
				}
			}
			a := b.signIn("anna", password)
			slow.then = nil
			if _, ok := s.code(a); ok || b.alive() {
				t.Errorf("%s: signed in: %d", name, a.StatusCode)
			}
			all, err := s.h.SignIns.OfUser(t.Context(), anna, s.clock.Now(), false)
			if err != nil || len(all) != 0 {
				t.Errorf("%s: %d live sign-ins, %v", name, len(all), err)
			}
			if _, err := s.accounts.Enable(t.Context(), by, "anna"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.accounts.SetPassword(t.Context(), by, "anna", password); err != nil {
				t.Fatal(err)
			}
		}
	})
}
