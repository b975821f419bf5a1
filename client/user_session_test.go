package client_test

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth"
)

// world is a provider with one web app and one signed-in browser.
func world(t *testing.T, change ...func(*client.UserConfig)) (*fake, *app, *browser) {
	t.Helper()
	net := newNetwork()
	f := newFake(t, net, "erp.test")
	a := f.app("app.test", change...)
	return f, a, a.signIn(net)
}

func TestUserTokenIsRenewedAheadInTheBackground(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		old := a.mustToken(b)
		later(47 * time.Minute)
		if a.mustToken(b); f.refreshes.Load() != 0 {
			t.Error("renewed too early")
		}
		release := make(chan struct{})
		f.with(func() { f.onToken = func(http.ResponseWriter, *http.Request) bool { <-release; return false } })
		later(2 * time.Minute)
		for range 20 {
			if a.mustToken(b) != old {
				t.Error("not the old token while one is renewed")
			}
		}
		close(release)
		synctest.Wait()
		if got := a.mustToken(b); got == old || f.refreshes.Load() != 1 {
			t.Errorf("renewed: %v, %d refreshes", got != old, f.refreshes.Load())
		}
	})
}

func TestUserTokenAtExpiryIsOneRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		old := a.mustToken(b)
		later(2 * time.Hour)
		release := make(chan struct{})
		f.with(func() { f.onToken = func(http.ResponseWriter, *http.Request) bool { <-release; return false } })
		var wg sync.WaitGroup
		for range 100 { // requests of the same browser, each with a session object
			wg.Go(func() {
				req := request(t, "GET", a.url+"/", "", false)
				for name, value := range b.cookies(a.url) {
					req.AddCookie(&http.Cookie{Name: name, Value: value})
				}
				s, err := a.tokens.Session(req)
				if err != nil {
					t.Error(err)
					return
				}
				if token, err := s.Token(t.Context()); err != nil || token.Raw() == old {
					t.Errorf("old token: %v, %v", token.Raw() == old, err)
				}
			})
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		if n := f.refreshes.Load(); n != 1 {
			t.Errorf("%d refreshes, want 1", n)
		}
	})
}

// replica is another process of the same web app: same store, same key.
func (a *app) replica(f *fake) *client.UserTokens {
	a.t.Helper()
	t, err := client.NewUserTokens(client.UserConfig{
		Provider: f.provider(), ApplicationURI: appURI, Credential: client.UserSecret(userSecret),
		RedirectURL: a.url + "/signin-callback", Sessions: a.store, Box: newBox(a.t, 1),
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return t
}

func (a *app) sessionAt(t *client.UserTokens, b *browser) (*client.UserSession, error) {
	req := request(a.t, "GET", a.url+"/", "", false)
	for name, value := range b.cookies(a.url) {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return t.Session(req)
}

func TestD23_TwoReplicasRenewAtOnce(t *testing.T) {
	for name, strict := range map[string]bool{"the server gives both the same": false, "the server refuses the second": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f, a, b := world(t)
				later(2 * time.Hour)
				both := make(chan struct{}, 2)
				var sent atomic.Int64
				f.with(func() {
					f.onToken = func(w http.ResponseWriter, _ *http.Request) bool {
						both <- struct{}{}
						for len(both) < 2 { // until the other has sent its request too
							time.Sleep(time.Millisecond)
						}
						if sent.Add(1) == 2 && strict {
							refuse(w, 400, oauth.InvalidGrant)
							return true
						}
						if strict {
							time.Sleep(100 * time.Millisecond) // the winner's answer is slower
						}
						return false
					}
				})
				var tokens [2]string
				var wg sync.WaitGroup
				for i := range tokens {
					s, err := a.sessionAt(a.replica(f), b)
					if err != nil {
						t.Fatal(err)
					}
					wg.Go(func() {
						token, err := s.Token(t.Context())
						if err != nil {
							t.Error(err)
						}
						tokens[i] = token.Raw()
					})
				}
				wg.Wait()
				if tokens[0] != tokens[1] || tokens[0] == "" {
					t.Error("the replicas do not agree on one token")
				}
				f.with(func() { f.onToken = nil })
				later(2 * time.Hour) // and the winner's refresh token is the one kept
				if _, err := a.token(b); err != nil {
					t.Errorf("the next renewal: %v", err)
				}
			})
		})
	}
}

func TestReplicaUsesWhatAnotherRenewed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		other := a.replica(f)
		stale, err := a.sessionAt(other, b)
		if err != nil {
			t.Fatal(err)
		}
		later(2 * time.Hour)
		renewed := a.mustToken(b)
		token, err := stale.Token(t.Context())
		if err != nil || token.Raw() != renewed || f.refreshes.Load() != 1 {
			t.Errorf("%v, same: %v, %d refreshes", err, token.Raw() == renewed, f.refreshes.Load())
		}
	})
}

func TestRefreshRefusedEndsTheSession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		f.with(func() {
			f.onToken = func(w http.ResponseWriter, _ *http.Request) bool { refuse(w, 400, oauth.InvalidGrant); return true }
		})
		later(2 * time.Hour)
		if _, err := a.token(b); !errors.Is(err, client.ErrSignedOut) || tandem.ErrorCode(err) != tandem.CodeUnauthorized {
			t.Errorf("error %v, want ErrSignedOut", err)
		}
		if a.signedIn(b) {
			t.Error("still signed in")
		}
		if n, _, _ := a.tokens.Count(t.Context()); n != 0 {
			t.Error("the row is still there")
		}
		if p := b.send("GET", a.url+"/me", nil); p.status != 303 {
			t.Errorf("the next page answers %d, want the way to sign in", p.status)
		}
	})
}

func TestOtherFailuresKeepTheSession(t *testing.T) {
	for name, c := range map[string]struct {
		fail func(f *fake)
		code tandem.Code
	}{
		"the network": {func(f *fake) { f.net.set(func() { f.net.down["erp.test"] = true }) }, tandem.CodeUnavailable},
		"a fault of theirs": {func(f *fake) {
			f.onToken = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(500); return true }
		}, tandem.CodeUnavailable},
		"too many requests": {func(f *fake) {
			f.onToken = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(429); return true }
		}, tandem.CodeThrottled},
		"disabled application": {func(f *fake) {
			f.onToken = func(w http.ResponseWriter, _ *http.Request) bool { refuse(w, 401, oauth.InvalidClient); return true }
		}, tandem.CodeUnauthorized},
		"a page in between": {func(f *fake) {
			f.onToken = func(w http.ResponseWriter, _ *http.Request) bool { _, _ = io.WriteString(w, "<html>"); return true }
		}, tandem.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f, a, b := world(t)
				later(50 * time.Minute)
				f.with(func() { c.fail(f) })
				if _, err := a.token(b); err != nil { // ahead of expiry nobody notices
					t.Errorf("ahead of expiry: %v", err)
				}
				synctest.Wait()
				later(time.Hour)
				if _, err := a.token(b); tandem.ErrorCode(err) != c.code || errors.Is(err, client.ErrSignedOut) {
					t.Errorf("after expiry: %v, want %s", err, c.code)
				}
				f.with(func() { f.onToken = nil; f.net.set(func() { f.net.down["erp.test"] = false }) })
				if _, err := a.token(b); err != nil {
					t.Errorf("when it is over: %v", err)
				}
			})
		})
	}
}

func TestRenewalAheadKeepsItsDistanceAfterAFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		f.with(func() {
			f.onToken = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true }
		})
		later(50 * time.Minute)
		before := f.tokenRequests.Load()
		for range 100 {
			a.mustToken(b)
			synctest.Wait()
		}
		if n := f.tokenRequests.Load() - before; n != 1 {
			t.Errorf("%d token requests within no time, want 1", n)
		}
		later(6 * time.Second)
		a.mustToken(b)
		synctest.Wait()
		if n := f.tokenRequests.Load() - before; n != 2 {
			t.Errorf("%d token requests, want 2", n)
		}
	})
}

func TestLostAnswerOfARefreshLosesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		a.mustToken(b)
		later(30 * time.Minute)
		a.mustToken(b)
		later(90 * time.Minute)
		if _, err := f.provider().Metadata(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.with(b, func(s *client.UserSession, r *http.Request) {
			if _, err := s.Token(r.Context()); err != nil {
				t.Fatal(err)
			}
		})
		later(59 * time.Minute) // metadata is fresh now
		f.net.set(func() { f.net.lose["erp.test"] = 1 })
		if _, err := a.token(b); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		later(2 * time.Hour)
		if _, err := a.token(b); err != nil {
			t.Errorf("the rotated token was lost: %v", err)
		}
	})
}

func TestWithoutRefreshToken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t, func(c *client.UserConfig) { c.Scope = tandem.Scope{"openid", "profile", "read"} })
		later(59*time.Minute + 55*time.Second)
		if _, err := a.token(b); err != nil {
			t.Errorf("before expiry: %v", err)
		}
		var held *client.UserSession
		a.with(b, func(s *client.UserSession, _ *http.Request) { held = s })
		later(10 * time.Second)
		if _, err := held.Token(t.Context()); !errors.Is(err, client.ErrSignedOut) {
			t.Errorf("after expiry: %v, want ErrSignedOut", err)
		}
		if p := b.send("GET", a.url+"/me", nil); p.status != 303 {
			t.Errorf("after expiry /me answers %d", p.status)
		}
		if f.refreshes.Load() != 0 {
			t.Error("refreshed without a refresh token")
		}
	})
}

func TestRefreshAboutAnotherPersonEndsTheSession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		f.with(func() { f.onIDClaims = func(c map[string]any) { c["sub"] = "mallory" } })
		later(2 * time.Hour)
		if _, err := a.token(b); !errors.Is(err, client.ErrSignedOut) {
			t.Errorf("error %v, want ErrSignedOut", err)
		}
		if a.signedIn(b) {
			t.Error("still signed in")
		}
	})
}

func TestRefreshWithABadIDTokenKeepsTheRest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		f.with(func() { f.onIDClaims = func(c map[string]any) { c["aud"] = "com.acme/other" } })
		later(2 * time.Hour)
		a.mustToken(b)
		a.with(b, func(s *client.UserSession, _ *http.Request) {
			if s.Identity().Login != "anna" {
				t.Errorf("identity %+v", s.Identity())
			}
		})
		f.with(func() { f.onIDClaims = nil })
		later(2 * time.Hour)
		a.mustToken(b) // the refresh token was kept
	})
}

func TestI9_RefreshTokenIsReplaced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		var sent []string
		f.with(func() {
			f.onToken = func(_ http.ResponseWriter, r *http.Request) bool {
				_ = r.ParseForm()
				sent = append(sent, r.PostForm.Get("refresh_token"))
				return false
			}
		})
		for range 3 {
			later(2 * time.Hour)
			a.mustToken(b)
		}
		if len(sent) != 3 || sent[0] == sent[1] || sent[1] == sent[2] {
			t.Errorf("sent %v", sent)
		}
	})
}

func TestF31_UserCallIsRepeatedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		f.revokeAPITokens()
		a.with(b, func(s *client.UserSession, r *http.Request) {
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					res, err := s.Client().Do(request(t, "GET", apiURL, "", false))
					if err != nil || res.StatusCode != 200 {
						t.Errorf("%v %v", res, err)
						return
					}
					res.Body.Close()
				})
			}
			wg.Wait()
		})
		if n := f.refreshes.Load(); n != 1 {
			t.Errorf("%d refreshes, want 1", n)
		}
		f.revokeAPITokens()
		f.with(func() { f.refreshes.Store(0) })
		a.with(b, func(s *client.UserSession, r *http.Request) {
			res, err := s.Client().Do(request(t, "POST", apiURL, "x", false))
			if err != nil || res.StatusCode != 401 {
				t.Fatalf("a POST was repeated: %v %v", res, err)
			}
			res.Body.Close()
		})
	})
}

func TestF31_APIThatRefusesPeopleCausesNoFlood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		f.net.hosts["erp.test"].(*http.ServeMux).HandleFunc("/api/broken/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) })
		for range 30 { // each in a request of its own
			a.with(b, func(s *client.UserSession, _ *http.Request) {
				res, err := s.Client().Do(request(t, "GET", "https://erp.test/api/broken/x", "", false))
				if err != nil || res.StatusCode != 401 {
					t.Fatalf("%v %v", res, err)
				}
				res.Body.Close()
			})
		}
		if n := f.refreshes.Load(); n != 1 {
			t.Errorf("%d refreshes for 30 calls, want 1", n)
		}
	})
}

func TestI1_UserCallsDoNotSayOnBehalfOf(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		got := "none"
		f.with(func() {
			f.onAPI = func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get(client.OnBehalfHeader) }
		})
		a.with(b, func(s *client.UserSession, r *http.Request) {
			ctx := client.OnBehalfOf(r.Context(), s.Identity())
			res, err := s.Client().Do(request(t, "GET", apiURL, "", false).WithContext(ctx))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
		})
		if got != "" {
			t.Errorf("sent %q", got)
		}
	})
}

func TestIdleAndAbsoluteEnd(t *testing.T) {
	limits := func(c *client.UserConfig) { c.IdleTimeout, c.AbsoluteTimeout = time.Hour, 3*time.Hour }
	t.Run("idle", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, a, b := world(t, limits)
			later(59 * time.Minute)
			if !a.signedIn(b) {
				t.Error("ended too early")
			}
			later(59 * time.Minute)
			if !a.signedIn(b) {
				t.Error("use did not move the end")
			}
			later(61 * time.Minute)
			if a.signedIn(b) {
				t.Error("still signed in")
			}
		})
	})
	t.Run("absolute", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, a, b := world(t, limits)
			for range 8 {
				later(20 * time.Minute)
				if !a.signedIn(b) {
					t.Fatal("ended too early")
				}
			}
			later(21 * time.Minute)
			if a.signedIn(b) {
				t.Error("still signed in")
			}
			if n, err := a.tokens.Purge(t.Context()); n != 1 || err != nil {
				t.Errorf("purged %d, %v", n, err)
			}
		})
	})
}
