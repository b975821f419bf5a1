package signin_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/registry"
)

func TestRedirectURILoopbackPort(t *testing.T) {
	t.Parallel()
	public := &registry.App{ClientType: tandem.ClientPublic, RedirectURIs: []string{
		"http://127.0.0.1/callback", "http://[::1]:4000/cb?x=1", "http://localhost:4000/cb", "https://app.example/cb",
	}}
	confidential := *public
	confidential.ClientType = tandem.ClientConfidential
	tests := []struct {
		uri                  string
		public, confidential bool
	}{
		{"http://127.0.0.1/callback", true, true},
		{"http://127.0.0.1:1/callback", true, false},
		{"http://127.0.0.1:65535/callback", true, false},
		{"http://[::1]:9/cb?x=1", true, false},
		{"http://[::1]/cb?x=1", true, false},
		{"http://127.0.0.1:65536/callback", false, false},
		{"http://127.0.0.1:0/callback", false, false},
		{"http://127.0.0.1:080/callback", false, false},
		{"http://127.0.0.1:/callback", false, false},
		{"http://127.0.0.1:123456/callback", false, false},
		{"http://127.0.0.1:80:80/callback", false, false},
		{"http://127.0.0.1:80@evil.example/callback", false, false},
		{"http://127.0.0.1@evil.example/callback", false, false},
		{"http://127.0.0.1.evil.example/callback", false, false},
		{"http://127.0.0.1:8080.evil.example/callback", false, false},
		{"http://127.0.0.1:8080\\@evil.example/callback", false, false},
		{"http://127.0.0.1:8080/callback/", false, false},
		{"http://127.0.0.1:8080/callback?x=1", false, false},
		{"http://127.0.0.1:8080/CALLBACK", false, false},
		{"http://127.0.0.1:8080/%63allback", false, false},
		{"http://127.0.0.1:8080/a/../callback", false, false},
		{"http://127.0.0.1:8080/callback#", false, false},
		{"HTTP://127.0.0.1:8080/callback", false, false},
		{"https://127.0.0.1:8080/callback", false, false},
		{"http://127.0.0.2/callback", false, false},
		{"http://127.1:8080/callback", false, false},
		{"http://2130706433:8080/callback", false, false},
		{"http://0x7f.0.0.1:8080/callback", false, false},
		{"http://localhost:8080/callback", false, false},
		{"http://localhost:5000/cb", false, false},
		{"http://[::1]:9/callback", false, false},
		{"http://[0:0:0:0:0:0:0:1]:9/cb?x=1", false, false},
		{"http://[::ffff:127.0.0.1]:9/callback", false, false},
		{"https://app.example:444/cb", false, false},
	}
	for _, test := range tests {
		if got := signin.MatchRedirectURI(public, test.uri); got != test.public {
			t.Errorf("public %s: %v", test.uri, got)
		}
		if got := signin.MatchRedirectURI(&confidential, test.uri); got != test.confidential {
			t.Errorf("confidential %s: %v", test.uri, got)
		}
	}
}

// FuzzRedirectURI proves the one thing that matters: what matches is
// registered, or is the registered URI with another port on a loopback address.
func FuzzRedirectURI(f *testing.F) {
	app := &registry.App{ClientType: tandem.ClientPublic, RedirectURIs: []string{
		"http://127.0.0.1/callback", "http://[::1]/cb?x=1", "https://app.example/cb",
	}}
	for _, seed := range []string{"http://127.0.0.1:8080/callback", "http://127.0.0.1:80@evil/callback", "http://[::1]:1/cb?x=1",
		"https://app.example/cb", "http://127.0.0.1\\.evil.example/callback", "http://127.0.0.1:8080//callback", "//evil.example", "javascript:alert(1)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if !signin.MatchRedirectURI(app, uri) {
			return
		}
		for _, registered := range app.RedirectURIs {
			if uri == registered {
				return
			}
		}
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatalf("%q matched and is no URI", uri)
		}
		host, err := netip.ParseAddr(u.Hostname())
		if err != nil || !host.IsLoopback() || u.Scheme != "http" || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q matched and is not on loopback", uri)
		}
		without := strings.Replace(uri, ":"+u.Port()+"/", "/", 1)
		if without != app.RedirectURIs[0] && without != app.RedirectURIs[1] {
			t.Fatalf("%q matched and differs by more than the port", uri)
		}
	})
}

// A public application on a device may have a scheme of its own: the code goes
// there, byte for byte, and to nothing like it.
func TestC19_PrivateUseSchemes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	const own = "com.acme.field:/callback"
	s.apps.change(field, func(a *tandem.TrustedApp) {
		a.RedirectURIs, a.PostLogoutRedirectURIs = []string{own}, []string{"com.acme.field:/out"}
	})
	b := s.browser()
	page := b.follow(b.get(authorizeURL("client_id", field, "redirect_uri", own)))
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' com.acme.field:") || !strings.Contains(page.body, "com.acme.field") {
		t.Errorf("the sign-in page: %s", csp)
	}
	action, fields := page.form()
	fields.Set("login", "anna")
	fields.Set("password", password)
	resume := b.post(action, fields)
	to := b.get(resume.Header.Get("Location")).Header.Get("Location")
	if !strings.HasPrefix(to, own+"?code=") || !strings.Contains(to, "&iss=") {
		t.Errorf("went to %s", to)
	}
	for _, uri := range []string{"com.acme.field:/callback/", "com.acme.field:/Callback", "COM.acme.field:/callback", "com.acme.field://callback", "com.acme.field:/callback?x", "com.acme.field:callback"} {
		if a := b.get(authorizeURL("client_id", field, "redirect_uri", uri)); a.StatusCode != http.StatusBadRequest || a.Header.Get("Location") != "" {
			t.Errorf("%s: %d to %s", uri, a.StatusCode, a.Header.Get("Location"))
		}
	}
	refused := b.get(authorizeURL("client_id", field, "redirect_uri", own, "response_mode", "form_post")).Header.Get("Location")
	if !strings.HasPrefix(refused, own+"?error=invalid_request") {
		t.Errorf("form_post: %s", refused)
	}
	const afterwards = "com.acme.field:/out"
	out := b.get(endURL("id_token_hint", hint("somebody", "else", field), "post_logout_redirect_uri", afterwards))
	if csp := out.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "com.acme.field:") {
		t.Errorf("the sign-out page: %s", csp)
	}
	action, fields = b.get(endURL("client_id", field, "post_logout_redirect_uri", afterwards)).form()
	if out := b.post(action, fields); !strings.Contains(out.body, `href="`+afterwards+`"`) {
		t.Errorf("the way back: %s", out.body)
	}
}
