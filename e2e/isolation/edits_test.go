package isolation_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestF34_EditsBetweenAuthorizeAndToken changes the application after the
// sign-in and before the web app redeems its code.
func TestF34_EditsBetweenAuthorizeAndToken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, login string
		edit        func(s *system, a *tandem.TrustedApp)
		in, writes  bool // what is left: the sign-in, and that orders can be written
	}{
		{"nothing", "anna", func(*system, *tandem.TrustedApp) {}, true, true},
		{"disabled", "anna", func(_ *system, a *tandem.TrustedApp) { a.Enabled = false }, false, false},
		{"internal users not admitted", "anna", func(_ *system, a *tandem.TrustedApp) { a.InternalUsers = false }, false, false},
		{"external users not admitted", "paul", func(_ *system, a *tandem.TrustedApp) { a.ExternalUsers = false }, false, false},
		{"redirect URI taken away", "anna", func(_ *system, a *tandem.TrustedApp) { a.RedirectURIs = []string{tandemtest.RedirectURI} }, false, false},
		{"scope of people narrowed", "anna", func(_ *system, a *tandem.TrustedApp) { a.UserScope = tandem.Scope{tandem.ScopeRead} }, true, false},
		{"scope narrowed", "anna", func(_ *system, a *tandem.TrustedApp) { a.Scope = tandem.Scope{tandem.ScopeRead} }, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			each(t, tandemtest.Options{}, func(t *testing.T, s *system) {
				b := s.stranger()
				page := b.open("/signin")
				// The browser follows no further than to the callback.
				held := &holding{path: "/signin-callback"}
				b.Client.Transport = held
				back := b.Submit(page, url.Values{"login": {c.login}, "password": {tandemtest.Password}})
				if held.held == "" {
					t.Fatalf("the callback did not come: %d at %s", back.StatusCode, back.Request.URL.Redacted())
				}
				s.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { c.edit(s, a) })
				held.path = ""
				if after := b.Get(held.held); after.StatusCode >= 500 && c.in {
					t.Fatalf("the callback: %d %s", after.StatusCode, after.Text)
				}
				if in := b.signedIn(); in != c.in {
					t.Errorf("signed in: %v, want %v", in, c.in)
				}
				if !c.in || c.login == "paul" {
					return
				}
				for token, noted := range s.tap.all(kindUser) {
					status, text := s.API("POST", "General_Currencies_Currencies", token, `{"CurrencySign":"EUR","Name":"Euro"}`)
					if (status == 201) != c.writes {
						t.Errorf("a %s writes: %d %s", noted.kind, status, text)
					}
				}
			})
		})
	}
}

// holding is a browser's transport that keeps one address back.
type holding struct {
	navigating
	path, held string
}

func (h *holding) RoundTrip(r *http.Request) (*http.Response, error) {
	if h.path != "" && r.URL.Path == h.path {
		h.held = r.URL.String()
		return &http.Response{StatusCode: 200, Status: "200 OK", Proto: "HTTP/1.1", Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}
	return h.navigating.RoundTrip(r)
}
