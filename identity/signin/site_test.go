package signin_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
)

// The accounts and applications of every test site.
const (
	password = "correct horse"
	portal   = "com.example/portal" // confidential, for both kinds of people
	field    = "com.example/field"  // public
	back     = "https://portal.example/signin-callback"
	after    = "https://portal.example/signed-out"
)

// site is an identity server's browser part on a real listener and a real
// database.
type site struct {
	*httptest.Server
	t        *testing.T
	h        *signin.Handler
	db       *sqldb.DB
	users    *data.Users
	accounts *signin.Accounts
	clock    *testkit.Clock
	apps     *apps
	codes    *codes
	hints    hints
	audit    *testkit.Record
	log      *testkit.Buffer
	ended    *ended
}

// apps is a registry that tests can change.
type apps struct {
	mu sync.Mutex
	m  map[string]tandem.TrustedApp
}

func (a *apps) App(uri string) (*registry.App, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	app, ok := a.m[uri]
	return registry.NewApp(app), ok
}

// Nobody has registered a resource here.
func (a *apps) Resource(string) (*registry.Resource, bool)   { return nil, false }
func (a *apps) ResourceOf(string) (*registry.Resource, bool) { return nil, false }

func (a *apps) change(uri string, f func(*tandem.TrustedApp)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	app := a.m[uri]
	f(&app)
	a.m[uri] = app
}

// codes keeps what each code was issued for.
type codes struct {
	mu sync.Mutex
	m  map[string]token.CodeGrant
}

func (c *codes) Issue(_ context.Context, g token.CodeGrant, _ bool) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	code := rand.Text()
	c.m[code] = g
	return code, nil
}

func (c *codes) grant(code string) (token.CodeGrant, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g, ok := c.m[code]
	return g, ok
}

// hints verifies tokens of the form "hint USER SID APPLICATION".
type hints struct{}

func (hints) VerifyHint(_ context.Context, text string) (token.Hint, error) {
	var h token.Hint
	if n, _ := fmt.Sscanf(text, "hint %s %s %s", &h.UserID, &h.SignInID, &h.ApplicationURI); n != 3 {
		return token.Hint{}, errors.New("not a hint")
	}
	return h, nil
}

func hint(userID, sid, app string) string { return "hint " + userID + " " + sid + " " + app }

// ended notes whose families and API sessions were ended.
type ended struct {
	mu                sync.Mutex
	families, session []string
	// failing is how often the families are not to be reached.
	failing int
	// meanwhile, if not nil, happens when they are to be ended.
	meanwhile func()
}

func (e *ended) EndSignIn(ctx context.Context, sid string) error {
	if e.meanwhile != nil {
		e.meanwhile()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failing > 0 {
		e.failing--
		return errors.New("the store is away")
	}
	e.families = append(e.families, sid)
	return nil
}

func (e *ended) EndUser(context.Context, string) error { return nil }

func (e *ended) CloseByKey(_ context.Context, key string, _ tandem.EndReason) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.session = append(e.session, key)
	return nil
}

func (e *ended) CloseOf(_ context.Context, userID, applicationURI string, _ tandem.EndReason) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.session = append(e.session, userID+" "+applicationURI)
	return nil
}

func (e *ended) both(sid string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	has := func(list []string) bool {
		for _, s := range list {
			if s == sid {
				return true
			}
		}
		return false
	}
	return has(e.families) && has(e.session)
}

// cheap costs make tests fast; what they prove does not depend on them.
var cheap = signin.PasswordParams{Memory: 8, Time: 1, Threads: 1}

func newSite(t *testing.T) *site { return newSiteOn(t, datatest.Open(t, sqldb.SQLite), true) }

func newSiteOn(t *testing.T, db *sqldb.DB, tls bool) *site { return newSiteAt(t, db, tls, "127.0.0.1") }

// newSiteAt is a site under a name: localhost, for passkeys, which no address has.
func newSiteAt(t *testing.T, db *sqldb.DB, tls bool, name string) *site {
	s := &site{
		t: t, db: db, users: data.NewUsers(db), audit: &testkit.Record{}, ended: &ended{}, codes: &codes{m: map[string]token.CodeGrant{}},
		clock: testkit.NewClock(), log: &testkit.Buffer{},
	}
	passwords := signin.NewPasswords(cheap, 4)
	ending := &signin.Ending{SignIns: data.NewSignIns(db), Families: s.ended, Sessions: s.ended, Audit: s.audit, Clock: s.clock.Now}
	box, err := seal.New("sign-in", make([]byte, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	factors := &signin.Factors{Store: data.NewFactors(db), Once: data.NewAssertions(db), Box: box, Clock: s.clock.Now}
	s.accounts = &signin.Accounts{Factors: factors, Users: s.users, Passwords: passwords, Ending: ending, Resets: data.NewPasswordResets(db), Audit: s.audit, Clock: s.clock.Now}
	confidential := tandem.TrustedApp{
		ID: "1", ApplicationURI: portal, Name: "Acme Portal", Enabled: true, ClientType: tandem.ClientConfidential,
		InternalUsers: true, ExternalUsers: true, FirstParty: true, RedirectURIs: []string{back, "https://portal.example/other?x=1"},
		PostLogoutRedirectURIs: []string{after}, Scope: tandem.Scope{"read", "update"},
	}
	public := confidential
	public.ID, public.ApplicationURI, public.Name, public.ClientType = "2", field, "Field", tandem.ClientPublic
	public.RedirectURIs, public.ExternalUsers = []string{"http://127.0.0.1/callback"}, false
	s.apps = &apps{m: map[string]tandem.TrustedApp{portal: confidential, field: public}}

	mux := http.NewServeMux()
	if s.Server = httptest.NewServer(mux); tls {
		s.Server.Close()
		s.Server = httptest.NewTLSServer(mux)
	}
	t.Cleanup(s.Server.Close)
	s.URL = strings.Replace(s.URL, "127.0.0.1", name, 1)
	s.h = &signin.Handler{
		Issuer: s.URL + "/id", API: s.URL + "/api/domain/odata/", Applications: s.apps, Users: s.users, SignIns: ending.SignIns, Consents: data.NewConsents(db), Passwords: passwords,
		Attempts: data.NewThrottle(db), Codes: s.codes, Pushed: data.NewPushedRequests(db), Hints: s.hints, Ending: ending, Factors: factors, Accounts: s.accounts, Audit: s.audit, Refusals: audit.NewRefusals(s.audit, s.clock.Now), Box: box,
		Log: slog.New(slog.NewTextHandler(io.MultiWriter(t.Output(), s.log), nil)), Clock: s.clock.Now,
		Throttling: signin.Throttling{AddressDelay: time.Millisecond},
	}
	if err := s.h.Mount(mux); err != nil {
		t.Fatal(err)
	}
	return s
}

// user creates an account with the common password and returns its id.
func (s *site) user(login string, kind tandem.UserType) string {
	s.t.Helper()
	n := signin.NewUser{Login: login, Type: kind, Name: strings.ToUpper(login)}
	if kind.CanSignIn() {
		n.Password = password
	}
	u, err := s.accounts.Create(s.t.Context(), by, n)
	if err != nil {
		s.t.Fatal(err)
	}
	return u.ID
}

// browser is one browser: it has cookies, does not follow redirects by itself
// and reads forms.
type browser struct {
	s *site
	*http.Client
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c := *s.Client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{s, &c}
}

// shown is an answer as the browser has it.
type shown struct {
	*http.Response
	body string
}

func (b *browser) do(req *http.Request) *shown {
	b.s.t.Helper()
	res, err := b.Do(req)
	if err != nil {
		b.s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	// A 401 must name a way to authenticate (RFC 9110 section 15.5.2): all of them.
	if res.StatusCode == http.StatusUnauthorized && res.Header.Get("WWW-Authenticate") == "" {
		b.s.t.Errorf("%s %s: 401 without WWW-Authenticate", req.Method, req.URL.Path)
	}
	return &shown{res, string(body)}
}

func (b *browser) get(path string, header ...string) *shown {
	b.s.t.Helper()
	return b.do(b.request("GET", path, nil, header))
}

func (b *browser) post(path string, form url.Values, header ...string) *shown {
	b.s.t.Helper()
	return b.do(b.request("POST", path, form, header))
}

func (b *browser) request(method, path string, form url.Values, header []string) *http.Request {
	b.s.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.s.URL + path
	}
	req, err := http.NewRequestWithContext(b.s.t.Context(), method, path, strings.NewReader(form.Encode()))
	if err != nil {
		b.s.t.Fatal(err)
	}
	if method == "POST" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", b.s.URL)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

// follow follows redirects within the site and returns the first answer that
// is a page or leads away.
func (b *browser) follow(a *shown) *shown {
	b.s.t.Helper()
	for range 10 {
		to := a.Header.Get("Location")
		if to == "" {
			return a
		}
		u, err := a.Request.URL.Parse(to)
		if err != nil {
			b.s.t.Fatal(err)
		}
		if u.Host != a.Request.URL.Host {
			return a
		}
		a = b.get(u.String())
	}
	b.s.t.Fatal("the site redirects in a circle")
	return nil
}

// form reads the page's only form: its fields, filled as they are.
func (a *shown) form() (action string, fields url.Values) {
	root, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		return "", nil
	}
	fields = url.Values{}
	for n := range root.Descendants() {
		attr := map[string]string{}
		for _, at := range n.Attr {
			attr[at.Key] = at.Val
		}
		switch {
		case n.Data == "form":
			action = attr["action"]
		case n.Data == "input" && attr["type"] != "checkbox":
			fields.Set(attr["name"], attr["value"])
		}
	}
	return action, fields
}

// to is where the answer redirects, in parts.
func (a *shown) to() (address string, q url.Values) {
	u, err := url.Parse(a.Header.Get("Location"))
	if err != nil {
		return "", nil
	}
	q = u.Query()
	u.RawQuery = ""
	return u.String(), q
}

// authorizeURL is an authorization request of the portal with changes: name,
// value pairs; an empty value leaves the parameter out.
func authorizeURL(change ...string) string {
	return "/id/connect/authorize?" + authorizeParams(change...).Encode()
}

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B

func authorizeParams(change ...string) url.Values {
	q := url.Values{
		"client_id": {portal}, "redirect_uri": {back}, "response_type": {"code"}, "scope": {"openid profile read"},
		"state": {"st4te &=?#"}, "nonce": {"n0nce"},
		"code_challenge": {oauth.Challenge(verifier)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(change); i += 2 {
		if q.Set(change[i], change[i+1]); change[i+1] == "" {
			q.Del(change[i])
		}
	}
	return q
}

// signIn goes through an authorization request and the form as a person does,
// and returns the answer that leads back to the application.
func (b *browser) signIn(login, pass string, change ...string) *shown {
	b.s.t.Helper()
	return b.submit(b.follow(b.get(authorizeURL(change...))), login, pass)
}

func (b *browser) submit(page *shown, login, pass string) *shown {
	b.s.t.Helper()
	action, fields := page.form()
	if action == "" {
		b.s.t.Fatalf("no form on the page: %d %s", page.StatusCode, page.body)
	}
	fields.Set("login", login)
	fields.Set("password", pass)
	return b.follow(b.post(action, fields))
}

// granted signs in and returns what the code is for.
func (b *browser) granted(login string, change ...string) token.CodeGrant {
	b.s.t.Helper()
	_, q := b.signIn(login, password, change...).to()
	g, ok := b.s.codes.grant(q.Get("code"))
	if !ok {
		b.s.t.Fatalf("%s got no code: %v", login, q)
	}
	return g
}
