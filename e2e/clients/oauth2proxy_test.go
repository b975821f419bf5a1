package clients

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// oauth2Proxy is where scripts/test-setup.sh puts the program.
const oauth2Proxy = "oauth2-proxy/target/oauth2-proxy"

// TestOAuth2Proxy: oauth2-proxy, as it is, stands before a site that knows nothing of
// sign-ins, and tells it who is there for as long as the instance says so.
func TestOAuth2Proxy(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(oauth2Proxy); err != nil {
		t.Skip("oauth2-proxy is NOT TESTED: it is not built; run make test, which builds it")
	}
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			// However long a machine takes for several renewals at once, they are no replay.
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Lifetimes: token.Lifetimes{RefreshRetry: testkit.Patience}})
			site := protect(t, in, "com.example/intranet")
			behind := protect(t, in, "com.example/archive", "--backend-logout-url="+in.URL+oauth.PathEndSession+"?id_token_hint={id_token}")
			site.signsInAndRenews(t)
			// Disabling comes last: it ends what anna does anywhere.
			for _, end := range []struct {
				name string
				site *protected
				by   func(t *testing.T, b *tandemtest.Browser)
			}{
				{"signed out through the proxy", site, site.signOut},
				{"signed out by the proxy, behind the browser", behind, behind.signOutBehind},
				{"signed out at the instance", site, site.signOutThere},
				{"disabled", site, site.disable},
			} {
				end.site.ends(t, end.name, end.by)
			}
		})
	}
}

// protected is a site behind oauth2-proxy.
type protected struct {
	in *tandemtest.Instance
	// root is where the proxy listens, log what it writes.
	root string
	log  *testkit.Buffer
}

// seen is what the site knows of a request.
type seen struct{ Path, User, Email, Name, Token string }

// protect runs a site and, before it, oauth2-proxy as the application that is named, with
// these flags beside the usual ones.
func protect(t *testing.T, in *tandemtest.Instance, application string, flags ...string) *protected {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(seen{
			r.URL.Path, r.Header.Get("X-Forwarded-User"), r.Header.Get("X-Forwarded-Email"),
			r.Header.Get("X-Forwarded-Preferred-Username"), r.Header.Get("X-Forwarded-Access-Token"),
		})
	}))
	t.Cleanup(upstream.Close)
	p := &protected{in: in}
	p.root, p.log = listens(t, func(ctx context.Context, address string) *exec.Cmd {
		root := "http://" + address
		secrets := in.CreateApp(tandem.TrustedApp{
			ApplicationURI: application, Enabled: true, ClientType: tandem.ClientConfidential, InternalUsers: true, FirstParty: true,
			RedirectURIs: []string{root + "/oauth2/callback"}, PostLogoutRedirectURIs: []string{root + "/"}, Scope: tandem.Scope{"read"},
		})
		return exec.CommandContext(ctx, oauth2Proxy, append([]string{
			"--http-address=" + address, "--redirect-url=" + root + "/oauth2/callback", "--upstream=" + upstream.URL,
			"--provider=oidc", "--insecure-oidc-skip-nonce=false", "--oidc-issuer-url=" + in.Issuer, "--code-challenge-method=S256",
			"--client-id=" + application, "--client-secret=" + secrets.User, "--scope=openid email profile offline_access read",
			"--email-domain=*", "--pass-access-token", "--whitelist-domain=" + strings.TrimPrefix(in.URL, "http://"),
			"--cookie-secret=" + rand.Text()[:16], "--cookie-secure=false", "--request-logging=false",
			// It counts whole seconds: a session is renewed as soon as it is of another one.
			"--cookie-refresh=1ns",
		}, flags...)...)
	})
	return p
}

// open returns what the site says of the browser's person, or nil where the proxy shows
// its own sign-in page.
func (p *protected) open(t *testing.T, b *tandemtest.Browser) *seen {
	t.Helper()
	page := b.Get(p.root + "/orders")
	if page.StatusCode == http.StatusForbidden && strings.Contains(page.Text, `action="/oauth2/start"`) {
		return nil
	}
	return p.said(t, page)
}

func (p *protected) said(t *testing.T, page *tandemtest.Page) *seen {
	t.Helper()
	var s seen
	if err := json.Unmarshal([]byte(page.Text), &s); err != nil || page.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s\n%s", page.Request.URL, page.StatusCode, page.Text, p.log)
	}
	return &s
}

func (p *protected) start() string { return p.root + "/oauth2/start?rd=%2Forders" }

// signIn signs anna in with a new browser.
func (p *protected) signIn(t *testing.T) (*tandemtest.Browser, *seen) {
	t.Helper()
	b := p.in.Browser()
	if s := p.open(t, b); s != nil {
		t.Fatalf("without a sign-in: %+v", s)
	}
	return b, p.said(t, b.SignIn(p.start(), "anna", tandemtest.Password))
}

func (p *protected) api(t *testing.T, token string) int {
	t.Helper()
	status, _ := p.in.API("GET", "GetLicenceUsage", token, "")
	return status
}

func (p *protected) signsInAndRenews(t *testing.T) {
	asks, err := p.in.Browser().Client.Get(p.start())
	if err != nil {
		t.Fatal(err)
	}
	asks.Body.Close()
	if q := location(t, &tandemtest.Page{Response: asks}); q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" {
		t.Errorf("it asks with %v", q)
	}
	b, first := p.signIn(t)
	if want := (seen{"/orders", "anna", "anna@example.com", "anna", first.Token}); *first != want {
		t.Errorf("the site sees %+v", first)
	}
	if status := p.api(t, first.Token); status != http.StatusOK {
		t.Errorf("the site's call of the API: %d", status)
	}
	p.in.Advance(2 * time.Hour)
	if status := p.api(t, first.Token); status != http.StatusUnauthorized {
		t.Errorf("after the token's time: %d", status)
	}
	var renewed *seen
	testkit.Eventually(t, "the session is renewed", func() bool {
		renewed = p.open(t, b)
		return renewed == nil || renewed.Token != first.Token
	})
	if renewed == nil || renewed.User != "anna" || renewed.Email != "anna@example.com" {
		t.Fatalf("the site sees %+v after renewal\n%s", renewed, p.log)
	}
	if status := p.api(t, renewed.Token); status != http.StatusOK {
		t.Errorf("with the renewed token: %d", status)
	}
	p.manyAtOnce(t, b)
}

// manyAtOnce opens parts of a page at once, as browsers do: the proxy renews the one session
// for each of them, with the same refresh token, and that is no replay.
func (p *protected) manyAtOnce(t *testing.T, b *tandemtest.Browser) {
	t.Helper()
	renewals := func() int { return strings.Count(p.log.String(), "Refreshing session") }
	testkit.Eventually(t, "several requests at once have renewed the session", func() bool {
		before := renewals()
		var parts errgroup.Group
		for range 3 {
			parts.Go(func() error {
				res, err := b.Client.Get(p.root + "/part")
				if err != nil {
					return err
				}
				defer res.Body.Close()
				if res.StatusCode != http.StatusOK {
					return errors.New(res.Status)
				}
				return nil
			})
		}
		if err := parts.Wait(); err != nil {
			t.Fatalf("one of several requests at once: %v\n%s", err, p.log)
		}
		return renewals() > before+1
	})
	before := renewals()
	testkit.Eventually(t, "the session goes on", func() bool {
		if p.open(t, b) == nil {
			t.Fatalf("signed out by several requests at once\n%s", p.log)
		}
		return renewals() > before
	})
}

// ends signs anna in, ends that, and expects that her browser gets no further, neither with
// what it has nor without a password.
func (p *protected) ends(t *testing.T, name string, end func(t *testing.T, b *tandemtest.Browser)) {
	t.Helper()
	b, before := p.signIn(t)
	end(t, b)
	testkit.Eventually(t, name+": the token that the site has is refused", func() bool {
		return p.api(t, before.Token) == http.StatusUnauthorized
	})
	testkit.Eventually(t, name+": the sign-in page is shown", func() bool { return p.open(t, b) == nil })
	if _, _, ok := b.Get(p.start()).Form(url.Values{"password": nil}); !ok {
		t.Errorf("%s: signed in again without a password", name)
	}
}

// signOut is RP-initiated logout: the proxy sends the browser there, with the ID token.
func (p *protected) signOut(t *testing.T, b *tandemtest.Browser) {
	out := p.in.URL + oauth.PathEndSession + "?id_token_hint={id_token}&post_logout_redirect_uri=" + url.QueryEscape(p.root+"/")
	page := b.Get(p.root + "/oauth2/sign_out?rd=" + url.QueryEscape(out))
	if page.Request.URL.String() != p.root+"/" || page.StatusCode != http.StatusForbidden {
		t.Errorf("signed out to %s, %d %s", page.Request.URL, page.StatusCode, page.Text)
	}
}

// signOutBehind leaves it to the proxy to tell the instance.
func (p *protected) signOutBehind(t *testing.T, b *tandemtest.Browser) {
	if page := b.Get(p.root + "/oauth2/sign_out"); page.StatusCode != http.StatusForbidden {
		t.Errorf("signed out: %d %s", page.StatusCode, page.Text)
	}
}

// signOutThere is where the proxy hears of nothing until it renews.
func (p *protected) signOutThere(t *testing.T, b *tandemtest.Browser) {
	page := b.Get(p.in.URL + oauth.PathEndSession)
	b.Submit(page, nil)
	p.renewalIsRefused(t, b)
}

func (p *protected) disable(t *testing.T, b *tandemtest.Browser) {
	if _, err := p.in.Platform.Accounts.Disable(t.Context(), tandemtest.By, "anna"); err != nil {
		t.Fatal(err)
	}
	p.renewalIsRefused(t, b)
}

// renewalIsRefused expects that the proxy lets go of the person when it renews, and why.
func (p *protected) renewalIsRefused(t *testing.T, b *tandemtest.Browser) {
	t.Helper()
	before := len(p.log.String())
	testkit.Eventually(t, "the proxy lets go of the person", func() bool { return p.open(t, b) == nil })
	testkit.Eventually(t, "it says why", func() bool { return strings.Contains(p.log.String()[before:], "invalid_grant") })
}
