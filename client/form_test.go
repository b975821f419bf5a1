package client_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/client"
)

var formHeaders = []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate"}

// tokenOf is a token for a form that the browser's person opens now.
func (a *app) tokenOf(b *browser) (token string) {
	a.t.Helper()
	a.with(b, func(s *client.UserSession, _ *http.Request) { token = s.FormToken() })
	return token
}

// signInLink is where the page "Please sign in" leads.
func signInLink(t *testing.T, p *page) string {
	t.Helper()
	m := regexp.MustCompile(`<a href="(/signin[^"]*)"`).FindStringSubmatch(p.body)
	if m == nil || p.status != http.StatusUnauthorized {
		t.Fatalf("%d, no way to sign in: %s", p.status, p.body)
	}
	return "https://app.test" + m[1]
}

// TestAFormIsKeptUntilItsPersonHasSignedInAgain: filled, signed out in another
// tab, sent. Nothing is done, nothing is lost, and nobody else sees it.
func TestAFormIsKeptUntilItsPersonHasSignedInAgain(t *testing.T) {
	for name, token := range map[string]bool{"with a token": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f, a, b := world(t)
				done := 0
				a.do = func(*client.UserSession, *http.Request) { done++ }
				typed := url.Values{"notes": {"grüß <b>Gott</b>\nzwei"}, "line": {"one", "two"}, "password": {"s3cret"}}
				if token {
					typed.Set(client.FormField, a.tokenOf(b))
				}
				a.do = func(*client.UserSession, *http.Request) { done++ }
				b.send("POST", a.url+"/signout", nil, sameOrigin...)
				to := signInLink(t, b.send("POST", a.url+"/do?draft=1", typed, formHeaders...))

				// Somebody else signs in in the same browser: not theirs.
				f.with(func() { f.user = "eve"; f.onIDClaims = func(c map[string]any) { c["id"] = "e" + annaID[1:] } })
				if p := b.open(to); p.status != 403 || strings.Contains(p.body, "zwei") {
					t.Errorf("another person sees it: %d %s", p.status, p.body)
				}
				b.send("POST", a.url+"/signout", nil, sameOrigin...)

				f.with(func() { f.user = "anna"; f.onIDClaims = nil })
				p := b.open(to)
				action, _ := form(t, p.body)
				for _, want := range []string{"grüß &lt;b&gt;Gott&lt;/b&gt;\nzwei", "one</textarea>", "two</textarea>", "<button>Send it now"} {
					if p.status != 200 || !strings.Contains(p.body, want) {
						t.Errorf("%d, no %q: %s", p.status, want, p.body)
					}
				}
				if action != "/do?draft=1" || strings.Contains(p.body, "s3cret") || done != 0 {
					t.Errorf("to %s, done %d times: %s", action, done, p.body)
				}
				if token && !strings.Contains(p.body, typed.Get(client.FormField)) {
					t.Error("the form lost its token")
				}
				if again := b.open(to); again.body != p.body {
					t.Errorf("a reload lost it: %s", again.body)
				}
				later(31 * time.Minute)
				if p := b.open(to); p.status != 404 {
					t.Errorf("after half an hour: %d", p.status)
				}
			})
		})
	}
}

func TestFormsThatAreNotKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		mine := a.tokenOf(b)
		elsewhere := f.app("other.test", func(c *client.UserConfig) { c.Box = newBox(t, 2) })
		foreign := elsewhere.tokenOf(elsewhere.signIn(b.net))
		f.app("app.test", func(c *client.UserConfig) { c.Sessions = a.store })
		b.send("POST", a.url+"/signout", nil, sameOrigin...)
		shared := newBrowser(t, b.net)
		for _, who := range []string{"anna", "eve"} {
			f.with(func() { f.onIDClaims = func(c map[string]any) { c["id"] = who } })
			shared.open(a.url + "/signin")
		}
		shared.send("POST", a.url+"/signout", nil, sameOrigin...)
		for name, c := range map[string]struct {
			b      *browser
			typed  url.Values
			header []string
		}{
			"a stranger's":                {newBrowser(t, b.net), url.Values{"a": {"1"}}, nil},
			"another application's token": {b, url.Values{"a": {"1"}, client.FormField: {foreign}}, nil},
			"a damaged token":             {b, url.Values{"a": {"1"}, client.FormField: {mine[1:]}}, nil},
			"too large":                   {b, url.Values{"a": {strings.Repeat("x", 200<<10)}, client.FormField: {mine}}, nil},
			"an upload":                   {b, url.Values{"a": {"1"}}, []string{"Content-Type", "multipart/form-data; boundary=x"}},
			"of a browser that two people sign in with": {shared, url.Values{"a": {"1"}}, nil},
		} {
			p := c.b.send("POST", a.url+"/me", c.typed, append(c.header, formHeaders...)...)
			if to := signInLink(t, p); to != "https://app.test/signin" || !strings.Contains(p.body, "nothing was done") {
				t.Errorf("%s: leads to %s: %s", name, to, p.body)
			}
		}
		// A script is told in its own way, and another site's form nothing at all.
		if p := b.send("POST", a.url+"/me", url.Values{"a": {"1"}}, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"); p.status != 401 ||
			strings.Contains(p.body, "<") {
			t.Errorf("a script gets %d %s", p.status, p.body)
		}
		if p := b.send("POST", a.url+"/me", url.Values{"a": {"1"}}, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"); p.status != 403 {
			t.Errorf("F30: another site's form gets %d", p.status)
		}
	})
}

// TestKeptFormsAreBounded: somebody who sends and sends pushes out their own.
func TestKeptFormsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, a, b := world(t)
		token := a.tokenOf(b)
		b.send("POST", a.url+"/signout", nil, sameOrigin...)
		var links []string
		for range client.MaxKeptForms + 2 {
			links = append(links, signInLink(t, b.send("POST", a.url+"/me", url.Values{client.FormField: {token}}, formHeaders...)))
		}

		b.open(a.url + "/signin")
		for i, to := range links {
			want := 200
			if i < 2 {
				want = 404
			}
			if p := b.open(to); p.status != want {
				t.Errorf("form %d of %d: %d", i, len(links), p.status)
			}
		}
		if n, err := a.tokens.Purge(t.Context()); n != 0 || err != nil {
			t.Errorf("Purge: %d, %v", n, err)
		}
	})
}

func TestFormToken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, a, b := world(t)
		one, two := a.tokenOf(b), a.tokenOf(b)
		first, ok1 := a.tokens.ReadFormToken(one)
		second, ok2 := a.tokens.ReadFormToken(two)
		if !ok1 || !ok2 || first.UserID != annaID || first.ID == second.ID || !first.OpenedAt.Equal(time.Now()) {
			t.Errorf("%+v %+v", first, second)
		}
		for _, bad := range []string{"", "x", one[:len(one)-1], strings.Repeat("A", 5000), b.cookies(a.url)["nothing"]} {
			if got, ok := a.tokens.ReadFormToken(bad); ok {
				t.Errorf("%.20q reads as %+v", bad, got)
			}
		}
		later(client.DefaultAbsoluteTimeout + time.Second)
		if _, ok := a.tokens.ReadFormToken(one); ok {
			t.Error("a token that is older than any session")
		}
	})
}
