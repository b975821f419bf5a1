package signin_test

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
)

func TestRedirectURILoopbackPort(t *testing.T) {
	t.Parallel()
	public := &tandem.TrustedApp{ClientType: tandem.ClientPublic, RedirectURIs: []string{
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
	app := &tandem.TrustedApp{ClientType: tandem.ClientPublic, RedirectURIs: []string{
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
