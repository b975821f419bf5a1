package client_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/seal"
)

func newBox(t *testing.T, n byte) *seal.Box {
	t.Helper()
	key := make([]byte, seal.KeySize)
	key[0] = n
	box, err := seal.New("sessions", key)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestSignInEndToEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		a := f.app("app.test")
		b := newBrowser(t, net)
		// Somebody who is not signed in is sent to sign in, and comes back.
		p := b.open("https://app.test/me")
		if p.url.Path != "/me" || p.body != "hello anna" {
			t.Fatalf("ended at %s: %s", p.url, p.body)
		}
		a.with(b, func(s *client.UserSession, r *http.Request) {
			id := s.Identity()
			if id.Login != "anna" || id.UserID != annaID || id.SignInID == "" || id.External() || id.Name != "Anna" || !s.SignedInAt().Equal(time.Now()) {
				t.Errorf("identity %+v", id)
			}
			if got := s.Scope().String(); got != "openid profile offline_access read update" {
				t.Errorf("scope %q", got)
			}
			res, err := s.Client().Do(request(t, "GET", apiURL, "", false).WithContext(r.Context()))
			if err != nil || res.StatusCode != 200 {
				t.Errorf("call as the person: %v %v", res, err)
			}
			res.Body.Close()
		})
		sessions, people, err := a.tokens.Count(t.Context())
		if err != nil || sessions != 1 || people != 1 {
			t.Errorf("Count: %d %d %v", sessions, people, err)
		}
	})
}

func TestAuthorizationRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		f.onMetadata = func(m map[string]any) { m["authorization_endpoint"] = f.issuer + "/connect/authorize?tenant=7" }
		a := f.app("app.test", func(c *client.UserConfig) {
			c.Scope = tandem.Scope{"profile"}
			c.Parameters = url.Values{"ui_locales": {"de"}}
		})
		u, err := url.Parse(newBrowser(t, net).send("GET", a.url+"/signin", nil).next(t))
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		for name, want := range map[string]string{
			"response_type": "code", "client_id": appURI, "redirect_uri": "https://app.test/signin-callback",
			"scope": "openid profile", "code_challenge_method": "S256", "ui_locales": "de", "tenant": "7",
		} {
			if q.Get(name) != want {
				t.Errorf("%s=%q, want %q", name, q.Get(name), want)
			}
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if len(q.Get(name)) < 22 { // 128 bits
				t.Errorf("%s=%q is too short", name, q.Get(name))
			}
		}
		if q.Has("client_secret") || q.Has("code_verifier") {
			t.Error("a secret in the URL")
		}
	})
}

func TestUserConfigFaults(t *testing.T) {
	t.Parallel()
	f := newFake(t, newNetwork(), "erp.test")
	for name, change := range map[string]func(*client.UserConfig){
		"no application":              func(c *client.UserConfig) { c.ApplicationURI = "" },
		"an empty secret":             func(c *client.UserConfig) { c.Credential = client.UserSecret("") },
		"no redirect URL":             func(c *client.UserConfig) { c.RedirectURL = "" },
		"a redirect URL without TLS":  func(c *client.UserConfig) { c.RedirectURL = "http://app.test/cb" },
		"a post-logout URL of theirs": func(c *client.UserConfig) { c.PostLogoutRedirectURL = "ftp://app.test" },
		"a foreign start page":        func(c *client.UserConfig) { c.SignedInURL = "https://evil.test/" },
		"a foreign end page":          func(c *client.UserConfig) { c.SignedOutURL = "//evil.test/" },
		"a state of its own":          func(c *client.UserConfig) { c.Parameters = url.Values{"state": {"x"}} },
		"an own redirect_uri":         func(c *client.UserConfig) { c.Parameters = url.Values{"redirect_uri": {"x"}} },
		"a store without a key":       func(c *client.UserConfig) { c.Box = nil },
		"a key without a store":       func(c *client.UserConfig) { c.Sessions = nil },
		"idle beyond absolute":        func(c *client.UserConfig) { c.IdleTimeout, c.AbsoluteTimeout = 2*time.Hour, time.Hour },
		"no provider":                 func(c *client.UserConfig) { c.Provider = nil },
		"an API without TLS":          func(c *client.UserConfig) { c.APIOrigins = []string{"http://api.test"} },
		"an API that is a path":       func(c *client.UserConfig) { c.APIOrigins = []string{"https://api.test/x"} },
	} {
		c := client.UserConfig{
			Provider: f.provider(), ApplicationURI: appURI, Credential: client.UserSecret("x"),
			RedirectURL: "https://app.test/cb", Sessions: client.NewMemoryStore(), Box: newBox(t, 1),
		}
		if _, err := client.NewUserTokens(c); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if _, err := client.NewUserTokens(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestCookies(t *testing.T) {
	for name, c := range map[string]struct {
		root, prefix string
		secure       bool
	}{
		"https":    {"https://app.test", "__Host-tandem-", true},
		"loopback": {"http://localhost:8081", "tandem-", false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				net := newNetwork()
				a := newFake(t, net, "erp.test").appAt(c.root)
				b := newBrowser(t, net)
				start := b.send("GET", a.url+"/signin", nil)
				callback := b.send("GET", b.until(start.next(t), c.root), nil)
				var names []string
				for _, p := range []*page{start, callback} {
					for _, k := range (&http.Response{Header: p.header}).Cookies() {
						names = append(names, k.Name)
						if !strings.HasPrefix(k.Name, c.prefix) || k.Path != "/" || k.Domain != "" || !k.HttpOnly || k.Secure != c.secure || k.SameSite != http.SameSiteLaxMode {
							t.Errorf("cookie %+v", k)
						}
					}
					if p.header.Get("Cache-Control") != "no-store" {
						t.Error("the answer may be stored")
					}
				}
				if len(names) != 4 { // of the sign-in, set and removed; of the session; of who was last
					t.Errorf("cookies %v", names)
				}
				if callback.header.Get("Referrer-Policy") != "no-referrer" {
					t.Error("the code may leak in Referer")
				}
				for name, value := range b.cookies(a.url) {
					if strings.HasSuffix(name, "-last") { // sealed
						continue
					}
					raw, err := base64.RawURLEncoding.DecodeString(value)
					if err != nil || len(raw) != 32 {
						t.Errorf("the session cookie %s has %d bytes, want 32 random ones", name, len(raw))
					}
				}
			})
		})
	}
}

func TestSeveralTabsSignInAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		a := newFake(t, net, "erp.test").app("app.test")
		b := newBrowser(t, net)
		var callbacks []string
		for i := range 3 {
			callbacks = append(callbacks, b.until(fmt.Sprintf("%s/signin?return_to=/tab%d", a.url, i), a.url+"/signin-callback"))
		}
		for i, c := range slices.Backward(callbacks) {
			if p := b.open(c); p.url.Path != fmt.Sprintf("/tab%d", i) {
				t.Errorf("tab %d ended at %s (%d)", i, p.url, p.status)
			}
		}
	})
}

func TestNumberOfSignInCookiesIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		a := newFake(t, net, "erp.test").app("app.test")
		b := newBrowser(t, net)
		var last string
		for range 50 {
			last = b.until(a.url+"/signin?return_to=/me", a.url+"/signin-callback")
		}
		if n := len(b.cookies(a.url)); n > 6 {
			t.Errorf("%d cookies of sign-ins that nobody finished", n)
		}
		if p := b.open(last); p.body != "hello anna" {
			t.Errorf("the last sign-in ended with %d", p.status)
		}
	})
}

// TestTheOldestSignInGoesFirst: tabs that somebody left at the sign-in page must
// not cost the ones that are in use, whatever the order of the cookies.
func TestTheOldestSignInGoesFirst(t *testing.T) {
	for abandoned := range 9 {
		t.Run(fmt.Sprint(abandoned), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				net := newNetwork()
				a := newFake(t, net, "erp.test").app("app.test")
				b := newBrowser(t, net)
				b.newestFirst = true // RFC 6265 section 5.4: servers should not rely on the order
				start := func(to string) string {
					later(time.Millisecond)
					return b.until(a.url+"/signin?return_to="+to, a.url+"/signin-callback")
				}
				for range abandoned {
					start("/old")
				}
				inUse := []string{start("/a"), start("/b"), start("/c")}
				for i, c := range inUse {
					if p := b.open(c); p.url.Path != []string{"/a", "/b", "/c"}[i] {
						t.Errorf("sign-in %d ended at %s (%d)", i, p.url, p.status)
					}
				}
			})
		})
	}
}

// TestSignInBeginsAtTheAppsOwnHost: a cookie that was set for 127.0.0.1 does not
// come back at localhost.
func TestSignInBeginsAtTheAppsOwnHost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		a := newFake(t, net, "erp.test").appAt("http://localhost:8081")
		for _, host := range []string{"127.0.0.1:8081", "[::1]:8081", "evil.test"} {
			net.set(func() { net.hosts[host] = net.hosts["localhost:8081"] })
			b := newBrowser(t, net)
			if p := b.open("http://" + host + "/signin?return_to=/me"); p.body != "hello anna" || p.url.Host != "localhost:8081" {
				t.Errorf("%s: ended at %s (%d)", host, p.url, p.status)
			}
		}
		// Behind a proxy that changes the Host header there is no circle.
		net.set(func() {
			own := net.hosts["localhost:8081"]
			net.hosts["localhost:8081"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Host = "10.0.0.7:3000"
				own.ServeHTTP(w, r)
			})
		})
		if p := newBrowser(t, net).open(a.url + "/signin?return_to=/me"); p.body != "hello anna" {
			t.Errorf("behind a proxy: ended at %s (%d)", p.url, p.status)
		}
	})
}

// edit changes the query of a callback.
func edit(t *testing.T, address string, change func(url.Values)) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	change(q)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestC20_CallbacksThatAreRefused(t *testing.T) {
	set := func(name string, values ...string) func(*testing.T, *browser, string) string {
		return func(t *testing.T, _ *browser, c string) string {
			return edit(t, c, func(q url.Values) { q[name] = values })
		}
	}
	for name, c := range map[string]struct {
		change   func(t *testing.T, b *browser, callback string) string
		redeemed bool // the code may have been sent
	}{
		"state missing":          {set("state"), false},
		"state empty":            {set("state", ""), false},
		"state foreign":          {set("state", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), false},
		"state not ours at all":  {set("state", "../../x\r\n"), false},
		"iss foreign (RFC 9207)": {set("iss", "https://evil.test/id"), false},
		"iss missing (RFC 9207)": {set("iss"), false},
		"iss empty":              {set("iss", ""), false},
		"iss twice":              {set("iss", "https://erp.test/id", "https://evil.test/id"), false},
		"code missing":           {set("code"), false},
		"code twice":             {set("code", "code-1", "code-2"), false},
		"code foreign":           {set("code", "code-99"), true},
		"error instead of code":  {set("error", "access_denied"), false},
		"damaged query":          {func(_ *testing.T, _ *browser, c string) string { return c + "&x=%zz" }, false},
		"cookie of another state": {func(t *testing.T, b *browser, c string) string {
			u, _ := url.Parse(c)
			var cs []*http.Cookie
			for name, value := range b.cookies(c) { // the same value under every name
				i := strings.LastIndex(name, "-")
				cs = append(cs, &http.Cookie{Name: name[:i+1] + "ABCDEFGHIJKL", Value: value, Path: "/", Secure: true})
			}
			b.jar.SetCookies(u, cs)
			return edit(t, c, func(q url.Values) { q.Set("state", "ABCDEFGHIJKLMNOPQRSTUVWXYZ") })
		}, false},
		"cookie changed": {func(_ *testing.T, b *browser, c string) string {
			u, _ := url.Parse(c)
			for name, value := range b.cookies(c) {
				b.jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value[:len(value)-4] + "AAAA", Path: "/", Secure: true}})
			}
			return c
		}, false},
		"half an hour later, by a browser that keeps it": {func(t *testing.T, b *browser, c string) string {
			kept := b.cookies(c)
			later(31 * time.Minute)
			plant(t, b, c, kept)
			return c
		}, false},
		"half an hour later": {func(_ *testing.T, _ *browser, c string) string { later(31 * time.Minute); return c }, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				net := newNetwork()
				f := newFake(t, net, "erp.test")
				a := f.app("app.test")
				b := newBrowser(t, net)
				callback := b.until(a.url+"/signin?return_to=/me", a.url+"/signin-callback")
				p := b.send("GET", c.change(t, b, callback), nil)
				if p.status < 400 || a.signedIn(b) {
					t.Errorf("status %d, signed in: %v", p.status, a.signedIn(b))
				}
				if f.tokenRequests.Load() > 0 && !c.redeemed {
					t.Error("the code was sent to the token endpoint")
				}
				if strings.Contains(p.body, "code-") || p.header.Get("Referrer-Policy") != "no-referrer" {
					t.Error("I13: the page gives the code away")
				}
			})
		})
	}
}

func TestC20_CallbackBelongsToItsBrowser(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		a := f.app("app.test")
		mallory, victim := newBrowser(t, net), newBrowser(t, net)
		callback := mallory.until(a.url+"/signin", a.url+"/signin-callback")
		victim.until(a.url+"/signin", a.url+"/signin-callback") // is signing in too
		if p := victim.send("GET", callback, nil); p.status != 400 || a.signedIn(victim) {
			t.Errorf("C22: the victim is signed in as somebody else: %d", p.status)
		}
	})
}

func TestC17_CallbackIsGoodOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		a := f.app("app.test")
		b := newBrowser(t, net)
		callback := b.until(a.url+"/signin?return_to=/me", a.url+"/signin-callback")
		thief := newBrowser(t, net) // with a copy of all cookies
		u, _ := url.Parse(a.url)
		for name, value := range b.cookies(a.url) {
			thief.jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
		}
		if p := b.open(callback); p.body != "hello anna" {
			t.Fatal(p.body)
		}
		if p := thief.send("GET", callback, nil); p.status != 400 {
			t.Errorf("a browser with a copy of its cookies: replay answered %d", p.status)
		}
		// A reload or a step back by who is signed in goes on to the page.
		if p := b.send("GET", callback, nil); p.status != 303 || p.header.Get("Location") != "/me" {
			t.Errorf("a reload answered %d to %s", p.status, p.header.Get("Location"))
		}
		forgotten := edit(t, callback, func(q url.Values) { q.Set("state", "ABCDEFGHIJKLMNOPQRSTUVWXYZ") })
		if p := b.send("GET", forgotten, nil); p.status != 303 || p.header.Get("Location") != "/" {
			t.Errorf("an old sign-in's answer: %d to %s", p.status, p.header.Get("Location"))
		}
		if n := f.tokenRequests.Load(); n != 1 {
			t.Errorf("%d token requests: a replay of the code would end what it gave", n)
		}
		if !a.signedIn(b) || a.signedIn(thief) {
			t.Error("who is signed in?")
		}
	})
}

func TestC20_MixUpOfTwoIssuers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		honest, evil := newFake(t, net, "erp.test"), newFake(t, net, "evil.test")
		// One web app offers both; same host, same box, same store.
		store := client.NewMemoryStore()
		share := func(c *client.UserConfig) { c.Sessions = store }
		a := honest.app("app.test", share)
		aMux := net.hosts["app.test"]
		e := evil.app("app.test", share)
		eMux := net.hosts["app.test"]
		to := func(m http.Handler) { net.set(func() { net.hosts["app.test"] = m }) }

		// The person begins at evil's; evil leads the browser to the honest
		// server and hopes to be handed the honest code.
		b := newBrowser(t, net)
		to(eMux)
		start := b.send("GET", e.url+"/signin", nil).next(t)
		stolen := b.until(strings.Replace(start, "https://evil.test/", "https://erp.test/", 1), e.url+"/signin-callback")
		if p := b.send("GET", stolen, nil); p.status != 400 {
			t.Errorf("RFC 9207: evil's callback took an answer of %s: %d", honest.issuer, p.status)
		}
		if evil.tokenRequests.Load() != 0 {
			t.Error("the honest code was sent to evil")
		}
		// The same without iss, at the honest callback: the state is not its.
		start = b.send("GET", e.url+"/signin", nil).next(t)
		stolen = b.until(strings.Replace(start, "https://evil.test/", "https://erp.test/", 1), e.url+"/signin-callback")
		to(aMux)
		if p := b.send("GET", stolen, nil); p.status != 400 || honest.tokenRequests.Load() != 0 {
			t.Errorf("the honest callback took a sign-in that was begun at evil's: %d", p.status)
		}
		// Sessions of one are none of the other, though they share a store.
		aUser := a.signIn(net)
		to(eMux)
		var cs []*http.Cookie
		u, _ := url.Parse(e.url)
		for _, value := range aUser.cookies(a.url) {
			for name := range e.signIn(net).cookies(e.url) {
				cs = append(cs, &http.Cookie{Name: name, Value: value, Path: "/", Secure: true})
			}
		}
		crossed := newBrowser(t, net)
		crossed.jar.SetCookies(u, cs)
		if e.signedIn(crossed) {
			t.Error("a session of the honest issuer is one at evil's")
		}
	})
}

func TestIssIsOptionalWhereItIsNotAnnounced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "login.test")
		f.onMetadata = func(m map[string]any) { delete(m, "authorization_response_iss_parameter_supported") }
		f.onCallback = func(q url.Values) { q.Del("iss") }
		f.app("app.test").signIn(net)
	})
}

func TestSignInWithIDTokensThatAreRefused(t *testing.T) {
	for name, break_ := range map[string]func(f *fake){
		"C20 nonce foreign":   func(f *fake) { f.onIDClaims = func(c map[string]any) { c["nonce"] = "another" } },
		"C20 nonce missing":   func(f *fake) { f.onIDClaims = func(c map[string]any) { delete(c, "nonce") } },
		"of another audience": func(f *fake) { f.onIDClaims = func(c map[string]any) { c["aud"] = "com.acme/other" } },
		"of another issuer":   func(f *fake) { f.onIDClaims = func(c map[string]any) { c["iss"] = "https://evil.test/id" } },
		"expired":             func(f *fake) { f.onIDClaims = func(c map[string]any) { c["exp"] = time.Now().Unix() - 1 } },
		"of kind user":        func(f *fake) { f.onIDClaims = func(c map[string]any) { c["token_kind"] = "user" } },
		"of another at_hash":  func(f *fake) { f.onIDClaims = func(c map[string]any) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" } },
		"alg none":            func(f *fake) { f.signID = func(c map[string]any) string { return unsigned(`{"alg":"none"}`, c) } },
		"HS256 with the secret": func(f *fake) {
			f.signID = func(c map[string]any) string {
				return sign(jose.HS256, []byte(strings.Repeat(userSecret, 2)), c, "JWT")
			}
		},
		"missing": func(f *fake) { f.onAnswer = func(_ string, a map[string]any) { delete(a, "id_token") } },
		"I7 a service token as access token": func(f *fake) {
			f.onAnswer = func(_ string, a map[string]any) { a["access_token"] = f.access("service", nil) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				net := newNetwork()
				f := newFake(t, net, "erp.test")
				break_(f)
				a := f.app("app.test")
				b := newBrowser(t, net)
				if p := b.open(a.url + "/signin"); p.status < 400 || a.signedIn(b) {
					t.Errorf("status %d, signed in: %v", p.status, a.signedIn(b))
				}
				if n, _, _ := a.tokens.Count(t.Context()); n != 0 {
					t.Error("a session was kept")
				}
			})
		})
	}
}

func TestSignInIsRedeemedByGETOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		a := f.app("app.test")
		b := newBrowser(t, net)
		callback := b.until(a.url+"/signin?return_to=/me", a.url+"/signin-callback")
		if p := b.send("HEAD", callback, nil); p.status != http.StatusMethodNotAllowed || f.tokenRequests.Load() != 0 {
			t.Errorf("HEAD answered %d", p.status)
		}
		if p := b.open(callback); p.body != "hello anna" {
			t.Errorf("GET answered %d", p.status)
		}
	})
}

func TestC22_SessionFixation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		a := f.app("app.test")
		mallory := a.signIn(net) // a session of the attacker's own …
		victim := newBrowser(t, net)
		u, _ := url.Parse(a.url)
		for name, value := range mallory.cookies(a.url) { // … planted with the victim
			victim.jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
		}
		f.with(func() { f.user = "victor" })
		if p := victim.open(a.url + "/signin?return_to=/me"); p.body != "hello victor" {
			t.Fatal(p.body)
		}
		if a.signedIn(mallory) {
			t.Error("the planted session lives on")
		}
		if !a.signedIn(victim) {
			t.Error("the victim is signed out")
		}
	})
}

func TestReturnTo(t *testing.T) {
	for to, want := range map[string]string{
		"/orders?page=2&q=a%20b":        "/orders?page=2&q=a%20b",
		"/":                             "/",
		"":                              "/start",
		"https://evil.test/":            "/start",
		"//evil.test/":                  "/start",
		"/\\evil.test/":                 "/start",
		"\\\\evil.test":                 "/start",
		"/%5C/evil.test":                "/start",
		"/%2F/evil.test":                "/start",
		"/\t/evil.test":                 "/start",
		"/\n/evil.test":                 "/start",
		"javascript:alert(1)":           "/start",
		"evil.test":                     "/start",
		"https:evil.test":               "/start",
		"/x\r\nSet-Cookie: a=b":         "/start",
		"/signin?return_to=/signin":     "/start",
		"/signin-callback?code=x":       "/start",
		"/" + strings.Repeat("x", 5000): "/start",
	} {
		t.Run(fmt.Sprintf("%.30q", to), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				net := newNetwork()
				a := newFake(t, net, "erp.test").app("app.test", func(c *client.UserConfig) { c.SignedInURL = "/start" })
				b := newBrowser(t, net)
				callback := b.until(a.url+"/signin?return_to="+url.QueryEscape(to), a.url+"/signin-callback")
				if got := b.send("GET", callback, nil).header.Get("Location"); got != want {
					t.Errorf("return_to %q leads to %q, want %q", to, got, want)
				}
			})
		})
	}
}

func TestSignInWhileTheProviderIsDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		a := f.app("app.test")
		b := newBrowser(t, net)
		net.down["erp.test"] = true
		if p := b.send("GET", a.url+"/signin", nil); p.status != 503 {
			t.Errorf("status %d, want 503", p.status)
		}
		net.set(func() { net.down["erp.test"] = false })
		callback := b.until(a.url+"/signin?return_to=/me", a.url+"/signin-callback")
		net.set(func() { net.down["erp.test"] = true })
		if p := b.send("GET", callback, nil); p.status != 503 || !strings.Contains(p.body, "/signin") {
			t.Errorf("status %d: %s", p.status, p.body)
		}
	})
}

func TestCodeIsNotSentTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		a := f.app("app.test")
		b := newBrowser(t, net)
		callback := b.until(a.url+"/signin?return_to=/me", a.url+"/signin-callback")
		net.set(func() { net.lose["erp.test"] = 1 })
		if p := b.send("GET", callback, nil); p.status != 503 || f.tokenRequests.Load() != 1 {
			t.Errorf("status %d after %d token requests", p.status, f.tokenRequests.Load())
		}
	})
}

func TestErrorPageIsTheAppsOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		a := newFake(t, net, "erp.test").app("app.test", func(c *client.UserConfig) {
			c.ErrorPage = func(w http.ResponseWriter, _ *http.Request, status int, message string) {
				w.WriteHeader(status)
				fmt.Fprintf(w, "own page: %s", message)
			}
		})
		if p := newBrowser(t, net).send("GET", a.url+"/signin-callback?state=x", nil); p.status != 400 || !strings.HasPrefix(p.body, "own page: This sign-in") {
			t.Errorf("%d %s", p.status, p.body)
		}
	})
}

func TestRequire(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		header []string
		want   int
	}{
		"a browser that navigates":   {"GET", []string{"Sec-Fetch-Mode", "navigate"}, 303},
		"an old browser":             {"GET", nil, 303},
		"a script":                   {"GET", []string{"Sec-Fetch-Mode", "cors"}, 401},
		"a program":                  {"GET", []string{"Accept", "*/*"}, 401},
		"a form of this site":        {"POST", []string{"Sec-Fetch-Site", "same-origin"}, 401},
		"F30 a form of another site": {"POST", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"F30 the same, old browser":  {"POST", []string{"Origin", "https://evil.test"}, 403},
		"F30 a sibling's form":       {"POST", []string{"Sec-Fetch-Site", "same-site"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				net := newNetwork()
				a := newFake(t, net, "erp.test").app("app.test")
				p := newBrowser(t, net).send(c.method, a.url+"/me?x=1", nil, c.header...)
				if p.status != c.want {
					t.Errorf("status %d, want %d", p.status, c.want)
				}
				if c.want == 303 && p.header.Get("Location") != "/signin?return_to=%2Fme%3Fx%3D1" {
					t.Errorf("leads to %s", p.header.Get("Location"))
				}
			})
		})
	}
}
