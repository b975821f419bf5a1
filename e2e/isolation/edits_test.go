package isolation_test

import (
	"crypto/rand"
	"maps"
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
	each(t, tandemtest.Options{}, func(t *testing.T, s *system) {
		for _, c := range []struct {
			name, login string
			edit        func(a *tandem.TrustedApp)
			in, writes  bool // what is left: the sign-in, and that orders can be written
		}{
			{"nothing", "anna", func(*tandem.TrustedApp) {}, true, true},
			{"disabled", "anna", func(a *tandem.TrustedApp) { a.Enabled = false }, false, false},
			{"internal users not admitted", "anna", func(a *tandem.TrustedApp) { a.InternalUsers = false }, false, false},
			{"external users not admitted", "paul", func(a *tandem.TrustedApp) { a.ExternalUsers = false }, false, false},
			{"redirect URI taken away", "anna", func(a *tandem.TrustedApp) { a.RedirectURIs = []string{tandemtest.RedirectURI} }, false, false},
			{"scope of people narrowed", "anna", func(a *tandem.TrustedApp) { a.UserScope = tandem.Scope{tandem.ScopeRead} }, true, false},
			{"scope narrowed", "anna", func(a *tandem.TrustedApp) { a.Scope = tandem.Scope{tandem.ScopeRead} }, true, false},
		} {
			t.Run(c.name, func(t *testing.T) { editedMeanwhile(t, s.during(t), c.login, c.edit, c.in, c.writes) })
		}
	})
}

// editedMeanwhile changes the application while somebody signs in, and back at the end.
func editedMeanwhile(t *testing.T, s *system, login string, edit func(a *tandem.TrustedApp), in, writes bool) {
	earlier := s.tap.all(kindUser)
	b := s.stranger()
	page := b.open("/signin")
	// The browser follows no further than to the callback.
	held := &holding{path: "/signin-callback"}
	b.Client.Transport = held
	back := b.Submit(page, url.Values{"login": {login}, "password": {tandemtest.Password}})
	if held.held == "" {
		t.Fatalf("the callback did not come: %d at %s", back.StatusCode, back.Request.URL.Redacted())
	}
	var was tandem.TrustedApp
	s.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { was = *a; edit(a) })
	defer s.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { *a = was })
	held.path = ""
	if after := b.Get(held.held); after.StatusCode >= 500 && in {
		t.Fatalf("the callback: %d %s", after.StatusCode, after.Text)
	}
	if got := b.signedIn(); got != in {
		t.Errorf("signed in: %v, want %v", got, in)
	}
	tokens := s.tap.all(kindUser)
	maps.DeleteFunc(tokens, func(token string, _ secret) bool { _, known := earlier[token]; return known })
	if login != "paul" && (len(tokens) > 0) != in {
		t.Errorf("%d tokens were given out", len(tokens))
	}
	for token, noted := range tokens {
		sign := rand.Text()[:3]
		status, text := s.API("POST", "General_Currencies_Currencies", token, `{"CurrencySign":"`+sign+`","Name":"Euro"}`)
		if login != "paul" && (status == 201) != writes {
			t.Errorf("a %s writes: %d %s", noted.kind, status, text)
		}
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
