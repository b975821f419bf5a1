package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth"
)

func (f *fake) service(change ...func(*client.ServiceConfig)) *client.ServiceTokens {
	c := client.ServiceConfig{Provider: f.provider(), ApplicationURI: appURI, Credential: client.ServiceSecret(serviceSecret)}
	for _, ch := range change {
		ch(&c)
	}
	s, err := client.NewServiceTokens(c)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func mustService(t *testing.T, s *client.ServiceTokens) client.ServiceToken {
	t.Helper()
	token, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestServiceTokenIsCachedAndTells(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		s := f.service()
		if held, _, _ := s.Status(); held {
			t.Error("a token is held before the first request")
		}
		first := mustService(t, s)
		for range 100 {
			if mustService(t, s).Raw() != first.Raw() {
				t.Fatal("another token")
			}
		}
		if n := f.tokenRequests.Load(); n != 1 {
			t.Errorf("%d token requests, want 1", n)
		}
		held, user, expires := s.Status()
		if !held || user != "svc.portal" || !expires.Equal(time.Now().Add(time.Hour)) {
			t.Errorf("Status: %v %q %v", held, user, expires)
		}
		if got := first.Scope().String(); got != "read update" {
			t.Errorf("scope %q", got)
		}
	})
}

func TestServiceTokenAtExpiryIsOneRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		s := f.service()
		mustService(t, s)
		time.Sleep(2 * time.Hour) // long expired
		release := make(chan struct{})
		f.with(func() {
			f.onToken = func(http.ResponseWriter, *http.Request) bool { <-release; return false }
		})
		var wg sync.WaitGroup
		var wrong atomic.Int64
		for range 10_000 {
			wg.Go(func() {
				if token, err := s.Token(context.Background()); err != nil || !token.ExpiresAt().After(time.Now()) {
					wrong.Add(1)
				}
			})
		}
		synctest.Wait() // all of them are waiting
		close(release)
		wg.Wait()
		if n := f.tokenRequests.Load(); n != 2 || wrong.Load() != 0 {
			t.Errorf("%d token requests in all, want 2 (one at expiry); %d callers without a good token", n, wrong.Load())
		}
	})
}

func TestServiceTokenIsRenewedAheadInTheBackground(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		s := f.service()
		old := mustService(t, s).Raw()
		release := make(chan struct{})
		f.with(func() {
			f.onToken = func(http.ResponseWriter, *http.Request) bool { <-release; return false }
		})
		time.Sleep(41 * time.Minute) // 68 %: before any jitter
		if mustService(t, s); f.tokenRequests.Load() != 1 {
			t.Error("renewed too early")
		}
		time.Sleep(8 * time.Minute) // 82 %: after any jitter
		for range 50 {
			if mustService(t, s).Raw() != old { // and does not wait
				t.Fatal("not the old token while one is renewed")
			}
		}
		synctest.Wait()
		if n := f.tokenRequests.Load(); n != 2 {
			t.Errorf("%d token requests, want 2", n)
		}
		close(release)
		synctest.Wait()
		if mustService(t, s).Raw() == old {
			t.Error("the renewed token is not used")
		}
	})
}

func TestServiceTokensOfReplicasAreRenewedApart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		p := f.provider()
		var replicas []*client.ServiceTokens
		for range 40 {
			s := f.service(func(c *client.ServiceConfig) { c.Provider = p })
			mustService(t, s)
			replicas = append(replicas, s)
		}
		time.Sleep(41 * time.Minute)
		minutes := 0 // in which some replica renews
		for range 9 {
			time.Sleep(time.Minute)
			before := f.tokenRequests.Load()
			for _, s := range replicas {
				mustService(t, s)
			}
			if synctest.Wait(); f.tokenRequests.Load() > before {
				minutes++
			}
		}
		if minutes < 3 || f.tokenRequests.Load() != 80 {
			t.Errorf("renewals in %d different minutes, want them spread; %d requests, want 80", minutes, f.tokenRequests.Load())
		}
	})
}

func TestServiceTokenOnAClockOfTheConfiguration(t *testing.T) {
	t.Parallel()
	f := newFake(t, newNetwork(), "erp.test")
	var mu sync.Mutex
	now := time.Now()
	forward := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	s := f.service(func(c *client.ServiceConfig) {
		c.Clock = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	first := mustService(t, s)
	if forward(30 * time.Minute); mustService(t, s).Raw() != first.Raw() {
		t.Error("renewed too early")
	}
	if forward(2 * time.Hour); mustService(t, s).Raw() == first.Raw() {
		t.Error("the token ended on that clock and is still used")
	}
}

// The distance between requests that fail is kept on the clock of the
// configuration too.
func TestServiceTokenBackoffOnAClockOfTheConfiguration(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		now := time.Now()
		s := f.service(func(c *client.ServiceConfig) { c.Clock = func() time.Time { return now } })
		f.with(func() {
			f.onToken = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Retry-After", "30")
				w.WriteHeader(503)
				return true
			}
		})
		if _, err := s.Token(t.Context()); tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Fatalf("error %v, want unavailable", err)
		}
		f.with(func() { f.onToken = nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Token(ctx); err == nil {
			t.Error("a request before the time that the server asked for")
		}
		now = now.Add(31 * time.Second)
		began := time.Now()
		mustService(t, s)
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %v more although the clock says that the time is over", waited)
		}
	})
}

func TestServiceTokenFailureIsNotKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		s := f.service()
		f.with(func() {
			f.onToken = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true }
		})
		_, err := s.Token(t.Context())
		if tandem.ErrorCode(err) != tandem.CodeUnavailable {
			t.Fatalf("error %v, want unavailable", err)
		}
		f.with(func() { f.onToken = nil })
		began := time.Now()
		mustService(t, s)
		if time.Since(began) != 0 {
			t.Error("the try after a single failure waits")
		}
	})
}

func TestServiceTokenDisabledApplicationComesBackWithoutRestart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		s := f.service()
		f.with(func() {
			f.onToken = func(w http.ResponseWriter, _ *http.Request) bool { refuse(w, 401, oauth.InvalidClient); return true }
		})
		for range 20 {
			if _, err := s.Token(t.Context()); tandem.ErrorCode(err) != tandem.CodeUnauthorized {
				t.Fatalf("error %v, want unauthorized", err)
			}
		}
		f.with(func() { f.onToken = nil })
		began := time.Now()
		mustService(t, s)
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("took %v to come back, want at most 5 s", d)
		}
	})
}

func TestServiceTokenKeepsItsDistance(t *testing.T) {
	for name, c := range map[string]struct {
		retryAfter string
		min, max   time.Duration // from the third to the fourth request
	}{
		"growing by itself":        {"", 400 * time.Millisecond, 500 * time.Millisecond},
		"Retry-After in seconds":   {"7", 7 * time.Second, 7 * time.Second},
		"Retry-After without end":  {"99999999", time.Minute, time.Minute},
		"Retry-After as a date":    {"date", 9 * time.Second, 10 * time.Second},
		"Retry-After not readable": {"soon", 400 * time.Millisecond, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, newNetwork(), "erp.test")
				s := f.service()
				var at []time.Time
				f.onToken = func(w http.ResponseWriter, _ *http.Request) bool {
					at = append(at, time.Now())
					value := c.retryAfter
					if value == "date" {
						value = time.Now().Add(10 * time.Second).UTC().Format(http.TimeFormat)
					}
					w.Header().Set("Retry-After", value)
					refuse(w, 429, oauth.SlowDown)
					return true
				}
				for range 4 {
					if _, err := s.Token(t.Context()); tandem.ErrorCode(err) != tandem.CodeThrottled {
						t.Fatalf("error %v, want throttled", err)
					}
				}
				if d := at[3].Sub(at[2]); d < c.min || d > c.max {
					t.Errorf("distance %v, want %v to %v", d, c.min, c.max)
				}
				// Who cannot wait that long is told at once, and asks nothing.
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				began := time.Now()
				if _, err := s.Token(ctx); err == nil || time.Since(began) != 0 || len(at) != 4 {
					t.Errorf("with a short deadline: error %v after %v, %d requests", err, time.Since(began), len(at))
				}
			})
		})
	}
}

func TestServiceTokenCancellationIsTheCallersOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		s := f.service()
		release := make(chan struct{})
		f.onToken = func(http.ResponseWriter, *http.Request) bool { <-release; return false }
		ctx, cancel := context.WithCancel(t.Context())
		impatient, patient := make(chan error, 1), make(chan error, 1)
		go func() { _, err := s.Token(ctx); impatient <- err }() // begins the request
		synctest.Wait()
		go func() { _, err := s.Token(t.Context()); patient <- err }()
		synctest.Wait()
		cancel()
		if err := <-impatient; !errors.Is(err, context.Canceled) {
			t.Errorf("the one who gave up got %v", err)
		}
		close(release)
		if err := <-patient; err != nil {
			t.Errorf("the one who waited got %v", err)
		}
		if n := f.tokenRequests.Load(); n != 1 {
			t.Errorf("%d token requests, want 1", n)
		}
	})
}

func TestA9_CachesAreApart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		p := f.provider()
		warm := f.service(func(c *client.ServiceConfig) { c.Provider = p })
		mustService(t, warm)
		for name, change := range map[string]func(*client.ServiceConfig){
			"wrong secret":                   func(c *client.ServiceConfig) { c.Credential = client.ServiceSecret("guessed") },
			"the front end's secret":         func(c *client.ServiceConfig) { c.Credential = client.ServiceSecret(userSecret) },
			"another application, same rest": func(c *client.ServiceConfig) { c.ApplicationURI = "com.acme/other" },
		} {
			s := f.service(func(c *client.ServiceConfig) { c.Provider = p }, change)
			token, err := s.Token(t.Context())
			if err == nil || token.Raw() != "" {
				t.Errorf("%s: got a token", name)
			}
		}
		before := f.tokenRequests.Load()
		if mustService(t, warm); f.tokenRequests.Load() != before {
			t.Error("the strangers cooled the cache")
		}
	})
}

func TestI3_ServiceTokenIsNothingElse(t *testing.T) {
	t.Run("refresh and ID token of the answer are not taken", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			f := newFake(t, newNetwork(), "erp.test")
			f.onAnswer = func(_ string, a map[string]any) { a["refresh_token"], a["id_token"] = "r", "i" }
			s := f.service()
			mustService(t, s)
			time.Sleep(2 * time.Hour)
			mustService(t, s)
			if f.refreshes.Load() != 0 {
				t.Error("the service half refreshes")
			}
		})
	})
	t.Run("a user token is refused", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			f := newFake(t, newNetwork(), "erp.test")
			f.onAnswer = func(_ string, a map[string]any) {
				a["access_token"] = f.access("user", map[string]any{"sub": "anna"})
			}
			if _, err := f.service().Token(t.Context()); err == nil {
				t.Error("a token of kind user is taken for a service token")
			}
		})
	})
	t.Run("protocol scopes are refused", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, newNetwork(), "erp.test")
		for _, scope := range []string{"openid", "profile", "offline_access", "email"} {
			_, err := client.NewServiceTokens(client.ServiceConfig{
				Provider: f.provider(), ApplicationURI: appURI, Credential: client.ServiceSecret("x"), Scope: tandem.Scope{"read", scope},
			})
			if err == nil {
				t.Errorf("scope %s is accepted", scope)
			}
		}
	})
}

func TestServiceConfigTellsAllFaults(t *testing.T) {
	t.Parallel()
	f := newFake(t, newNetwork(), "erp.test")
	_, err := client.NewServiceTokens(client.ServiceConfig{Provider: f.provider(), ServiceInstance: "a b", APIOrigins: []string{"http://api.example"}})
	for _, part := range []string{"ApplicationURI", "Credential", "ServiceInstance", "APIOrigins"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not tell about %s", err, part)
		}
	}
	if _, err := client.NewServiceTokens(client.ServiceConfig{}); err == nil {
		t.Error("no Provider is no fault")
	}
}

func TestServiceTokenRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		var got []string
		f.onToken = func(_ http.ResponseWriter, r *http.Request) bool {
			_ = r.ParseForm()
			got = append(got, r.PostForm.Encode())
			return false
		}
		s := f.service(func(c *client.ServiceConfig) { c.Scope, c.ServiceInstance = tandem.Scope{"read"}, "replica-2" })
		mustService(t, s)
		if want := "grant_type=client_credentials&scope=read&service_instance=replica-2"; got[0] != want {
			t.Errorf("sent %q, want %q", got[0], want)
		}
	})
}

func TestTokenRequestIsMadeAgainWhenItsAnswerIsLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		p := f.provider()
		if _, err := p.Metadata(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := f.service(func(c *client.ServiceConfig) { c.Provider = p })
		f.net.set(func() { f.net.lose["erp.test"] = 1 })
		mustService(t, s)
		if n := f.tokenRequests.Load(); n != 2 {
			t.Errorf("%d token requests, want 2", n)
		}
	})
}

func TestTokenAnswersThatAreNotUsable(t *testing.T) {
	json := func(body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		}
	}
	for name, answer := range map[string]func(http.ResponseWriter){
		"not JSON": func(w http.ResponseWriter) {
			_, _ = w.Write([]byte(`{"access_token":"tok-secret","token_type":"Bearer"}`))
		},
		"broken JSON":          json(`{"access_token":"tok-secret"`),
		"no token":             json(`{"token_type":"Bearer"}`),
		"another type":         json(`{"access_token":"tok-secret","token_type":"mac"}`),
		"no type":              json(`{"access_token":"tok-secret"}`),
		"a token with a break": json(`{"access_token":"tok-secret\r\nX: y","token_type":"Bearer"}`),
		"a huge token":         json(`{"access_token":"tok-secret` + strings.Repeat("x", 20<<10) + `","token_type":"Bearer"}`),
		"a huge answer":        json(`{"access_token":"tok-secret","token_type":"Bearer","x":"` + strings.Repeat("x", 300<<10) + `"}`),
		"types of its own":     json(`{"access_token":["tok-secret"],"token_type":"Bearer"}`),
		"a redirect": func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://evil.test/token")
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"an error that repeats secrets": func(w http.ResponseWriter) {
			w.WriteHeader(500)
			_, _ = w.Write([]byte("tok-secret " + serviceSecret))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, newNetwork(), "erp.test")
				f.net.hosts["evil.test"] = http.NotFoundHandler()
				f.onToken = func(w http.ResponseWriter, _ *http.Request) bool { answer(w); return true }
				token, err := f.service().Token(t.Context())
				if err == nil || token.Raw() != "" {
					t.Fatal("it is used")
				}
				if strings.Contains(err.Error(), "tok-secret") || strings.Contains(err.Error(), serviceSecret) {
					t.Errorf("I13: the error repeats a secret: %v", err)
				}
				if len(f.net.sentTo("evil.test")) != 0 {
					t.Error("the credential followed a redirect")
				}
			})
		})
	}
}

func TestTokenLifetimes(t *testing.T) {
	for name, c := range map[string]struct {
		expiresIn any
		want      time.Duration
	}{
		"a number":   {600, 10 * time.Minute},
		"a string":   {"600", 10 * time.Minute},
		"not told":   {nil, 5 * time.Minute},
		"nonsense":   {-5, 5 * time.Minute},
		"absurd":     {1e18, 366 * 24 * time.Hour},
		"a fraction": {1.5, 1500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, newNetwork(), "erp.test")
				f.onAnswer = func(_ string, a map[string]any) {
					if a["expires_in"] = c.expiresIn; c.expiresIn == nil {
						delete(a, "expires_in")
					}
				}
				if got := time.Until(mustService(t, f.service()).ExpiresAt()); got != c.want {
					t.Errorf("lifetime %v, want %v", got, c.want)
				}
			})
		})
	}
}
