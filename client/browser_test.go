package client_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/client"
)

// browser keeps cookies and follows redirects like one.
type browser struct {
	t   *testing.T
	net *network
	jar *cookiejar.Jar
	// newestFirst sends the cookies in the reverse of the usual order.
	newestFirst bool
}

func newBrowser(t *testing.T, net *network) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, net: net, jar: jar}
}

// page is what the browser shows in the end.
type page struct {
	status int
	url    *url.URL
	header http.Header
	body   string
}

// send makes one request and follows no redirect.
func (b *browser) send(method, address string, form url.Values, header ...string) *page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	cookies := b.jar.Cookies(req.URL)
	if b.newestFirst {
		slices.Reverse(cookies)
	}
	for _, c := range cookies {
		req.AddCookie(c)
	}
	res, err := b.net.RoundTrip(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.jar.SetCookies(req.URL, res.Cookies())
	return &page{res.StatusCode, req.URL, res.Header, string(body)}
}

// next is where the page redirects to.
func (p *page) next(t *testing.T) string {
	t.Helper()
	to, err := p.url.Parse(p.header.Get("Location"))
	if err != nil || p.header.Get("Location") == "" {
		t.Fatalf("%d from %s is no redirect: %s", p.status, p.url, p.body)
	}
	return to.String()
}

// open goes to an address and follows redirects.
func (b *browser) open(address string) *page {
	b.t.Helper()
	for range 10 {
		p := b.send("GET", address, nil)
		if p.header.Get("Location") == "" {
			return p
		}
		address = p.next(b.t)
	}
	b.t.Fatal("redirects without end")
	return nil
}

// until follows redirects from an address and stops before the first one that
// has the prefix.
func (b *browser) until(address, prefix string) string {
	b.t.Helper()
	for range 10 {
		if strings.HasPrefix(address, prefix) {
			return address
		}
		address = b.send("GET", address, nil).next(b.t)
	}
	b.t.Fatal("redirects without end")
	return ""
}

func (b *browser) cookies(address string) map[string]string {
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[string]string{}
	for _, c := range b.jar.Cookies(u) {
		out[c.Name] = c.Value
	}
	return out
}

// app is a web app with the user half: "/" for everybody, "/me" for those who
// are signed in.
type app struct {
	t      *testing.T
	net    *network
	url    string
	tokens *client.UserTokens
	store  client.SessionStore
	// do runs inside of a request to /do with the session.
	do func(s *client.UserSession, r *http.Request)
}

func (f *fake) app(host string, change ...func(*client.UserConfig)) *app {
	f.t.Helper()
	return f.appAt("https://"+host, change...)
}

func (f *fake) appAt(root string, change ...func(*client.UserConfig)) *app {
	f.t.Helper()
	a := &app{t: f.t, net: f.net, url: root, store: client.NewMemoryStore()}
	c := client.UserConfig{
		Provider: f.provider(), ApplicationURI: appURI, Credential: client.UserSecret(userSecret),
		RedirectURL: root + "/signin-callback", PostLogoutRedirectURL: root + "/signout-callback", SignedOutURL: "/bye",
		Sessions: a.store, Box: newBox(f.t, 1),
	}
	for _, ch := range change {
		ch(&c)
	}
	a.store = c.Sessions
	tokens, err := client.NewUserTokens(c)
	if err != nil {
		f.t.Fatal(err)
	}
	a.tokens = tokens
	mux := http.NewServeMux()
	tokens.Mount(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "public "+r.URL.Path) })
	mux.Handle("/me", tokens.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello "+client.UserSessionOf(r.Context()).Identity().Login)
	})))
	mux.Handle("/maybe", tokens.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s := client.UserSessionOf(r.Context()); s != nil {
			_, _ = io.WriteString(w, s.Identity().Login)
		}
	})))
	mux.Handle("/do", tokens.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		a.do(client.UserSessionOf(r.Context()), r)
	})))
	u, err := url.Parse(root)
	if err != nil {
		f.t.Fatal(err)
	}
	f.net.hosts[u.Host] = mux
	return a
}

// session signs a new person in and returns the browser.
func (a *app) signIn(net *network) *browser {
	a.t.Helper()
	b := newBrowser(a.t, net)
	if p := b.open(a.url + "/signin?return_to=/me"); p.status != 200 || !strings.HasPrefix(p.body, "hello ") {
		a.t.Fatalf("sign-in ended with %d at %s: %s", p.status, p.url, p.body)
	}
	return b
}

// with runs f with the browser's session, inside of a request.
func (a *app) with(b *browser, f func(s *client.UserSession, r *http.Request)) {
	a.t.Helper()
	ran := false
	a.do = func(s *client.UserSession, r *http.Request) { ran = true; f(s, r) }
	if p := b.send("GET", a.url+"/do", nil); !ran {
		a.t.Fatalf("no session: %d to %s", p.status, p.header.Get("Location"))
	}
}

// token is the browser's access token now.
func (a *app) token(b *browser) (raw string, err error) {
	a.t.Helper()
	a.with(b, func(s *client.UserSession, r *http.Request) {
		var token client.UserToken
		token, err = s.Token(r.Context())
		raw = token.Raw()
	})
	return raw, err
}

func (a *app) mustToken(b *browser) string {
	a.t.Helper()
	raw, err := a.token(b)
	if err != nil {
		a.t.Fatal(err)
	}
	return raw
}

// signedIn reports whether the browser has a session.
func (a *app) signedIn(b *browser) bool {
	a.t.Helper()
	return b.send("GET", a.url+"/maybe", nil).body != ""
}

func later(d time.Duration) { time.Sleep(d) } // on the clock of the bubble
