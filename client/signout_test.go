package client_test

import (
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hybridapps/tandem/client"
)

var sameOrigin = []string{"Sec-Fetch-Site", "same-origin"}

// form reads the sign-out page like somebody who presses its button.
func form(t *testing.T, body string) (action string, fields url.Values) {
	t.Helper()
	m := regexp.MustCompile(`<form method="post" action="([^"]+)"`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no form: %s", body)
	}
	fields = url.Values{}
	for _, f := range regexp.MustCompile(`name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		fields.Set(f[1], strings.NewReplacer("&#43;", "+", "&amp;", "&").Replace(f[2]))
	}
	return m[1], fields
}

func TestSignOutEndToEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		p := b.send("POST", a.url+"/signout", nil, sameOrigin...)
		if p.status != 200 || a.signedIn(b) {
			t.Fatalf("status %d, signed in: %v", p.status, a.signedIn(b))
		}
		action, fields := form(t, p.body)
		if action != f.issuer+"/connect/endsession" || !strings.Contains(p.body, "<button") {
			t.Errorf("no way on without JavaScript: %s", p.body)
		}
		csp := p.header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "form-action 'self' https://erp.test https://app.test", "script-src 'self' https://app.test", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("CSP %q has no %q", csp, part)
			}
		}
		if strings.Contains(csp, "unsafe") || p.header.Get("Cache-Control") != "no-store" || p.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("headers %v", p.header)
		}
		// The script that presses the button.
		src := regexp.MustCompile(`<script src="([^"]+)"></script>`).FindStringSubmatch(p.body)
		if src == nil || strings.Count(p.body, "<script") != 1 {
			t.Fatalf("scripts in %s", p.body)
		}
		if s := b.send("GET", src[1], nil); !strings.HasPrefix(s.header.Get("Content-Type"), "text/javascript") || !strings.Contains(s.body, "submit()") {
			t.Errorf("script %s: %s", src[1], s.body)
		}
		// The provider takes the hint in the body and sends the browser back.
		end := b.send("POST", action, fields)
		if back := b.open(end.next(t)); back.url.Path != "/bye" {
			t.Errorf("ended at %s", back.url)
		}
		got := f.sessions[0]
		id, err := client.NewIDTokenVerifier(f.provider(), appURI).Verify(t.Context(), got.Get("id_token_hint"))
		if err != nil || id.Login != "anna" || got.Get("client_id") != appURI || got.Get("post_logout_redirect_uri") != a.url+"/signout-callback" {
			t.Errorf("end-session request %v, %v", got, err)
		}
		for _, r := range b.net.seen { // I13
			if strings.Contains(r.URL.String(), got.Get("id_token_hint")) {
				t.Errorf("the ID token is in the URL %s", r.URL.Path)
			}
		}
		if f.revocations.Load() != 1 {
			t.Error("the refresh token was not given back")
		}
		if n, _, _ := a.tokens.Count(t.Context()); n != 0 {
			t.Error("the row is still there")
		}
	})
}

func TestSignOutIsGuardedAgainstOtherSites(t *testing.T) {
	for name, header := range map[string][]string{
		"F30 cross-site":       {"Sec-Fetch-Site", "cross-site"},
		"F30 a sibling":        {"Sec-Fetch-Site", "same-site"},
		"F30 an old browser":   {"Origin", "https://evil.test"},
		"F30 an opaque origin": {"Origin", "null"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				_, a, b := world(t)
				if p := b.send("POST", a.url+"/signout", nil, header...); p.status != 403 || !a.signedIn(b) {
					t.Errorf("status %d, signed in: %v", p.status, a.signedIn(b))
				}
			})
		})
	}
	t.Run("GET", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, a, b := world(t)
			b.send("GET", a.url+"/signout", nil)
			w := &recorder{header: http.Header{}}
			a.tokens.SignOut().ServeHTTP(w, request(t, "GET", a.url+"/signout", "", false))
			if w.status != http.StatusMethodNotAllowed || !a.signedIn(b) {
				t.Errorf("status %d, signed in: %v", w.status, a.signedIn(b))
			}
		})
	})
}

type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }

func TestSignOutWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(f *fake)
		before func(b *browser, a *app)
		want   int // 303 home, or 200 with the page
	}{
		"nobody signed in":        {nil, func(b *browser, a *app) { b.send("POST", a.url+"/signout", nil, sameOrigin...) }, 200},
		"no end-session endpoint": {func(f *fake) { f.onMetadata = func(m map[string]any) { delete(m, "end_session_endpoint") } }, nil, 303},
		"no revocation endpoint":  {func(f *fake) { f.onMetadata = func(m map[string]any) { delete(m, "revocation_endpoint") } }, nil, 200},
		"the provider is down":    {nil, func(b *browser, _ *app) { b.net.set(func() { b.net.down["erp.test"] = true }) }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				net := newNetwork()
				f := newFake(t, net, "erp.test")
				if c.change != nil {
					c.change(f)
				}
				a := f.app("app.test")
				b := a.signIn(net)
				if c.before != nil {
					c.before(b, a)
				}
				p := b.send("POST", a.url+"/signout", nil, sameOrigin...)
				if p.status != c.want || a.signedIn(b) || c.want == 303 && p.header.Get("Location") != "/bye" {
					t.Errorf("status %d to %s, signed in: %v", p.status, p.header.Get("Location"), a.signedIn(b))
				}
			})
		})
	}
}

// TestSignOutWithoutASessionHere: the sign-in at the provider may live on, and
// only the provider can end it. It asks the person, since nothing proves who asks.
func TestSignOutWithoutASessionHere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		later(client.DefaultIdleTimeout + time.Minute)
		p := b.send("POST", a.url+"/signout", nil, sameOrigin...)
		action, fields := form(t, p.body)
		if p.status != 200 || action != f.issuer+"/connect/endsession" || fields.Get("client_id") != appURI || fields.Has("id_token_hint") {
			t.Errorf("%d: %s with %v", p.status, action, fields)
		}
		if back := b.open(b.send("POST", action, fields).next(t)); back.url.Path != "/bye" {
			t.Errorf("ended at %s", back.url)
		}
		// While nobody knows the provider's address, nobody is told to be signed out there.
		stranger := newFake(t, b.net, "gone.test").app("app.test")
		b.net.set(func() { b.net.down["gone.test"] = true })
		if p := b.send("POST", stranger.url+"/signout", nil, sameOrigin...); p.status != 503 || !strings.Contains(p.body, "may still live") {
			t.Errorf("%d: %s", p.status, p.body)
		}
	})
}

func TestSignOutPageIsTheAppsOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		own := template.Must(template.New("").Parse(`own <form method="post" action="{{.Action}}">{{range $n, $v := .Fields}}<input type="hidden" name="{{$n}}" value="{{index $v 0}}">{{end}}<button></button></form>{{.Script}}`))
		f, a, b := world(t, func(c *client.UserConfig) {
			c.SignOutPage = func(w http.ResponseWriter, _ *http.Request, form client.SignOutForm) { _ = own.Execute(w, form) }
		})
		p := b.send("POST", a.url+"/signout", nil, sameOrigin...)
		action, fields := form(t, p.body)
		if !strings.HasPrefix(p.body, "own ") || action != f.issuer+"/connect/endsession" || fields.Get("id_token_hint") == "" || !strings.Contains(p.body, "submit.js") {
			t.Errorf("page %s", p.body)
		}
	})
}

func TestE29_RefreshInFlightDoesNotBringTheSessionBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		cookies := b.cookies(a.url)
		release := make(chan struct{})
		f.with(func() { f.onToken = func(http.ResponseWriter, *http.Request) bool { <-release; return false } })
		later(2 * time.Hour)
		var wg sync.WaitGroup
		var err error
		wg.Go(func() {
			req := request(t, "GET", a.url+"/", "", false)
			for name, value := range cookies {
				req.AddCookie(&http.Cookie{Name: name, Value: value})
			}
			var s *client.UserSession
			if s, err = a.tokens.Session(req); err == nil {
				_, err = s.Token(t.Context())
			}
		})
		synctest.Wait()
		b.send("POST", a.url+"/signout", nil, sameOrigin...)
		close(release)
		wg.Wait()
		plant(t, b, a.url, cookies)
		if err == nil || a.signedIn(b) {
			t.Errorf("the refresh gave %v, signed in: %v", err, a.signedIn(b))
		}
		if n, _, _ := a.tokens.Count(t.Context()); n != 0 {
			t.Error("the row is back")
		}
	})
}

func TestI6_SignOutLeavesTheServiceHalfAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		s := f.service()
		before := mustService(t, s).Raw()
		b.send("POST", a.url+"/signout", nil, sameOrigin...)
		if mustService(t, s).Raw() != before {
			t.Error("the service token changed")
		}
	})
}
