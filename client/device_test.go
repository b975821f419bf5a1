package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/tandemtest"
)

// counting counts requests that carry a proof, and those that carry a bearer's token.
type counting struct{ proved, borne, revocation atomic.Int64 }

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("DPoP") != "" {
		c.proved.Add(1)
	}
	if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		c.borne.Add(1)
	}
	if status := c.revocation.Load(); status != 0 && strings.HasSuffix(r.URL.Path, "/revocation") {
		return &http.Response{StatusCode: int(status), Body: http.NoBody, Header: http.Header{}, Request: r}, nil
	}
	return http.DefaultTransport.RoundTrip(r)
}

func boundKey(t *testing.T) *dpop.Key {
	t.Helper()
	key, err := dpop.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func decide(t *testing.T, in *tandemtest.Instance, c *client.DeviceCode, button string) {
	t.Helper()
	b := in.Browser()
	b.SignIn(c.VerificationURIComplete, "anna", tandemtest.Password)
	page := b.Get(c.VerificationURIComplete)
	if done := b.Submit(page, url.Values{button: {"1"}}); done.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", done.StatusCode, done.Text)
	}
}

// TestDeviceSignIn: a program without a browser is signed in by its person elsewhere, with
// tokens that are bound to its key, which it renews and gives back.
func TestDeviceSignIn(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Demo: true})
	wire := &counting{}
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: in.Issuer, Transport: wire})
	if err != nil {
		t.Fatal(err)
	}
	d, err := client.NewDeviceSignIn(client.DeviceConfig{Provider: provider, ApplicationURI: tandemtest.Field, DPoP: boundKey(t), Clock: in.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	code, err := d.Begin(t.Context())
	if err != nil || code.UserCode == "" || !strings.HasPrefix(code.VerificationURI, in.URL) {
		t.Fatalf("%+v, %v", code, err)
	}
	waiting, stop := context.WithCancel(t.Context())
	stop()
	if _, err := d.Wait(waiting, code); !errors.Is(err, context.Canceled) {
		t.Errorf("while nobody waits: %v", err)
	}
	decide(t, in, code, "allow")
	s, err := d.Wait(t.Context(), code)
	if err != nil || s.Identity().Login != "anna" {
		t.Fatalf("%+v, %v", s, err)
	}
	n, err := client.UserOData(provider.ODataRoot, s).Count(t.Context(), "General_Products_Products", client.Query{})
	if err != nil || n == 0 || wire.borne.Load() != 0 || wire.proved.Load() < 2 {
		t.Errorf("%d products, %v; %d proofs, %d bearer's tokens", n, err, wire.proved.Load(), wire.borne.Load())
	}
	first, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := in.API("GET", "General_Products_Products?$top=1", first.Raw(), ""); status != http.StatusUnauthorized {
		t.Errorf("its token without its key: %d", status)
	}
	in.Clock.Advance(first.ExpiresAt().Sub(in.Clock.Now()))
	in.Refresh()
	second, err := s.Token(t.Context())
	if err != nil || second.Raw() == first.Raw() {
		t.Fatalf("not renewed: %v", err)
	}
	if _, err := s.Userinfo(t.Context()); err != nil {
		t.Errorf("userinfo: %v", err)
	}
	if err := d.SignOut(t.Context(), s); err != nil {
		t.Error(err)
	}
	in.Clock.Advance(second.ExpiresAt().Sub(in.Clock.Now()))
	if _, err := s.Token(t.Context()); tandem.ErrorCode(err) != tandem.CodeUnauthorized {
		t.Errorf("after the sign-out: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// TestDeviceSignOutSaysWhatIsLeft: the session is over at once for whoever has it; that the
// provider took its tokens back is not said where it did not.
func TestDeviceSignOutSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Demo: true})
	wire := &counting{}
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: in.Issuer, Transport: wire})
	if err != nil {
		t.Fatal(err)
	}
	for _, scope := range []tandem.Scope{{"openid", "offline_access", "read"}, {"openid", "read"}} {
		for _, refused := range []int{0, 401, 503} {
			d, err := client.NewDeviceSignIn(client.DeviceConfig{Provider: provider, ApplicationURI: tandemtest.Field, Scope: scope, Clock: in.Clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			code, err := d.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			decide(t, in, code, "allow")
			s, err := d.Wait(t.Context(), code)
			if err != nil {
				t.Fatal(err)
			}
			token, err := s.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			wire.revocation.Store(int64(refused))
			if err := d.SignOut(t.Context(), s); (err == nil) != (refused == 0) {
				t.Errorf("%s, answered %d: %v", scope, refused, err)
			}
			_, tokenErr := s.Token(t.Context())
			_, idErr := s.IDToken(t.Context())
			if !errors.Is(tokenErr, client.ErrSignedOut) || !errors.Is(idErr, client.ErrSignedOut) {
				t.Errorf("%s: after the sign-out: %v, %v", scope, tokenErr, idErr)
			}
			in.Refresh()
			if status, _ := in.API("GET", "General_Products_Products?$top=1", token.Raw(), ""); (status == http.StatusUnauthorized) != (refused == 0) {
				t.Errorf("%s, answered %d: the token is answered %d", scope, refused, status)
			}
		}
	}
}

// TestDeviceSignInIsRefused by its person, or in time.
func TestDeviceSignInIsRefused(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: in.Issuer})
	if err != nil {
		t.Fatal(err)
	}
	d, err := client.NewDeviceSignIn(client.DeviceConfig{Provider: provider, ApplicationURI: tandemtest.Field, Clock: in.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	code, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	decide(t, in, code, "deny")
	if _, err := d.Wait(t.Context(), code); !errors.Is(err, client.ErrDeviceDenied) {
		t.Errorf("denied: %v", err)
	}
	if code, err = d.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	in.Clock.Advance(code.ExpiresAt.Sub(in.Clock.Now()))
	if _, err := d.Wait(t.Context(), code); !errors.Is(err, client.ErrDeviceExpired) {
		t.Errorf("expired: %v", err)
	}
	if _, err := client.NewDeviceSignIn(client.DeviceConfig{Provider: provider}); err == nil {
		t.Error("of no application")
	}
	for _, c := range []client.UserConfig{{Resource: "not absolute"}, {DPoP: boundKey(t), UserinfoInBody: true}, {DPoP: boundKey(t), Parameters: url.Values{"dpop_jkt": {"x"}}},
		{Resource: "https://a.example", Parameters: url.Values{"resource": {"x"}}}} {
		c.Provider, c.ApplicationURI, c.RedirectURL = provider, tandemtest.Field, "http://127.0.0.1/callback"
		if _, err := client.NewUserTokens(c); err == nil {
			t.Errorf("taken: %+v", c)
		}
	}
}

// TestUserTokensForAResourceAndAKey: people's tokens are for the API that was named, and
// bound to the key; the API asks for its nonce in the proof, and gets it, also for a write.
func TestUserTokensForAResourceAndAKey(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: in.Issuer})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	defer web.Close()
	worker, err := in.Platform.Accounts.Show(t.Context(), tandemtest.SystemUser)
	if err != nil {
		t.Fatal(err)
	}
	in.CreateApp(tandem.TrustedApp{
		ApplicationURI: "com.example/visits", Enabled: true, ClientType: tandem.ClientConfidential, Scope: tandem.Scope{"read"}, SystemUserAllowed: true, SystemUserID: worker.ID,
		Resource: web.URL + "/api", ResourceScopes: tandem.Scope{"visits"}, AcceptsFrom: []string{tandemtest.Portal},
	})
	in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) {
		a.Scope = append(a.Scope, "visits")
		a.RedirectURIs = append(a.RedirectURIs, web.URL+"/signin-callback")
	})
	server, err := client.NewResourceServer(client.ResourceServerConfig{
		Provider: provider, Resource: web.URL + "/api", AcceptsFrom: []string{tandemtest.Portal}, BoundOnly: true, NonceKey: []byte(strings.Repeat("n", 32)), Clock: in.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	var did atomic.Int64
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		c, err := server.Verify(r, "visits")
		if err != nil {
			server.Refuse(w, err)
			return
		}
		did.Add(1)
		_, _ = w.Write([]byte(c.Subject))
	})
	users, err := client.NewUserTokens(client.UserConfig{
		Provider: provider, ApplicationURI: tandemtest.Portal, Credential: client.UserSecret(in.UserSecret), RedirectURL: web.URL + "/signin-callback",
		Scope: tandem.Scope{"openid", "offline_access", "visits"}, Resource: web.URL + "/api", DPoP: boundKey(t), APIOrigins: []string{web.URL}, Clock: in.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	users.Mount(mux)
	called := make(chan error, 1)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		s, err := users.Session(r)
		for _, method := range []string{"GET", "POST"} {
			var req *http.Request
			if err == nil {
				req, err = http.NewRequestWithContext(r.Context(), method, web.URL+"/api/today", strings.NewReader("{}"))
			}
			var res *http.Response
			if err == nil {
				res, err = s.Client().Do(req)
			}
			if err == nil {
				if res.StatusCode != http.StatusOK {
					err = errors.New(method + " " + res.Status + " " + res.Header.Get("WWW-Authenticate"))
				}
				res.Body.Close()
			}
		}
		called <- err
	})
	in.Browser().SignIn(web.URL+"/signin", "anna", tandemtest.Password)
	select {
	case err := <-called:
		if err != nil || did.Load() != 2 {
			t.Errorf("%v; the API did %d", err, did.Load())
		}
	default:
		t.Error("nobody came back signed in")
	}
}
