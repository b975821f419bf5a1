package client_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

const apiURL = "https://erp.test/api/domain/odata/Crm_Sales_Customers"

// request makes a request whose body, if any, can be had again unless once.
func request(t *testing.T, method, address, body string, once bool) *http.Request {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
		if once {
			content = io.MultiReader(content)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, address, content)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestF31_OneRenewalAndOneRepetition(t *testing.T) {
	for name, c := range map[string]struct {
		method, body string
		once         bool
		key          bool
		wantStatus   int
		wantCalls    int64
	}{
		"GET":                             {"GET", "", false, false, 200, 2},
		"HEAD":                            {"HEAD", "", false, false, 200, 2},
		"OPTIONS":                         {"OPTIONS", "", false, false, 200, 2},
		"PUT whose body can be had":       {"PUT", "x", false, false, 200, 2},
		"PUT whose body is gone":          {"PUT", "x", true, false, 401, 1},
		"DELETE":                          {"DELETE", "", false, false, 200, 2},
		"POST":                            {"POST", "x", false, false, 401, 1},
		"POST without a body":             {"POST", "", false, false, 401, 1},
		"PATCH":                           {"PATCH", "x", false, false, 401, 1},
		"POST with an idempotency key":    {"POST", "x", false, true, 200, 2},
		"the same, whose body is gone":    {"POST", "x", true, true, 401, 1},
		"GET with a body that can be had": {"GET", "x", false, false, 200, 2},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, newNetwork(), "erp.test")
				var bodies []string
				f.onAPI = func(_ http.ResponseWriter, r *http.Request) {
					b, _ := io.ReadAll(r.Body)
					bodies = append(bodies, string(b))
				}
				s := f.service()
				mustService(t, s)
				f.revokeAPITokens()
				req := request(t, c.method, apiURL, c.body, c.once)
				if c.key {
					req.Header.Set("Idempotency-Key", "1")
				}
				res, err := s.Client().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				if res.StatusCode != c.wantStatus || f.apiCalls.Load() != c.wantCalls {
					t.Errorf("status %d after %d calls, want %d after %d", res.StatusCode, f.apiCalls.Load(), c.wantStatus, c.wantCalls)
				}
				if c.wantStatus == 200 && (len(bodies) != 1 || bodies[0] != c.body) {
					t.Errorf("the repetition carried %q", bodies)
				}
				if c.wantStatus == 401 && !strings.Contains(readAll(res), "invalid_token") {
					t.Error("the refusal's body is gone")
				}
				// The next call has a new token, whatever the first one was.
				next, err := s.Client().Do(request(t, "GET", apiURL, "", false))
				if err != nil {
					t.Fatal(err)
				}
				defer next.Body.Close()
				if next.StatusCode != 200 || f.tokenRequests.Load() != 2 {
					t.Errorf("next call: status %d, %d token requests", next.StatusCode, f.tokenRequests.Load())
				}
			})
		})
	}
}

func readAll(res *http.Response) string {
	b, _ := io.ReadAll(res.Body)
	return string(b)
}

func TestF31_RenewalIsSharedByAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		s := f.service()
		mustService(t, s)
		f.revokeAPITokens()
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				res, err := s.Client().Do(request(t, "GET", apiURL, "", false))
				if err != nil {
					t.Error(err)
					return
				}
				if res.StatusCode != 200 {
					t.Errorf("status %d", res.StatusCode)
				}
				res.Body.Close()
			})
		}
		wg.Wait()
		if n := f.tokenRequests.Load(); n != 2 {
			t.Errorf("%d token requests, want 2: the first and one renewal", n)
		}
	})
}

func TestF31_AnAPIThatRefusesEverythingCausesNoFlood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		f.net.hosts["erp.test"].(*http.ServeMux).HandleFunc("/api/broken/", func(w http.ResponseWriter, _ *http.Request) {
			f.apiCalls.Add(1)
			w.WriteHeader(401)
		})
		s := f.service()
		for range 50 {
			res, err := s.Client().Do(request(t, "GET", "https://erp.test/api/broken/x", "", false))
			if err != nil || res.StatusCode != 401 {
				t.Fatalf("%v %v", res, err)
			}
			res.Body.Close()
		}
		if n := f.tokenRequests.Load(); n != 2 {
			t.Errorf("%d token requests for 50 calls, want 2", n)
		}
		if n := f.apiCalls.Load(); n != 51 {
			t.Errorf("%d calls, want 51", n)
		}
		time.Sleep(11 * time.Second) // later it is worth a try again
		res, err := s.Client().Do(request(t, "GET", "https://erp.test/api/broken/x", "", false))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if n := f.tokenRequests.Load(); n != 3 {
			t.Errorf("%d token requests, want 3", n)
		}
	})
}

func TestRenewalThatFailsLeavesTheRefusal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		s := f.service()
		mustService(t, s)
		f.revokeAPITokens()
		f.with(func() {
			f.onToken = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true }
		})
		res, err := s.Client().Do(request(t, "GET", apiURL, "", false))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != 401 || !strings.Contains(readAll(res), "invalid_token") {
			t.Errorf("status %d", res.StatusCode)
		}
	})
}

func TestTokenGoesToTheAPIOnly(t *testing.T) {
	for name, c := range map[string]struct {
		address string
		goes    bool
	}{
		"the issuer's origin":     {"https://erp.test/api/x", true},
		"the same with its port":  {"https://erp.test:443/api/x", true},
		"the same in capitals":    {"https://ERP.test/api/x", true},
		"a configured origin":     {"https://api.test/x", true},
		"another host":            {"https://evil.test/api/x", false},
		"a host that looks alike": {"https://erp.test.evil.test/api/x", false},
		"a user that looks alike": {"https://erp.test@evil.test/api/x", false},
		"another port":            {"https://erp.test:8443/api/x", false},
		"without TLS":             {"http://erp.test/api/x", false},
		"a loopback nobody named": {"http://127.0.0.1/api/x", false},
		"no host":                 {"/api/x", false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				net := newNetwork()
				f := newFake(t, net, "erp.test")
				rest := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
				for _, host := range []string{"api.test", "erp.test:443", "ERP.test", "evil.test", "erp.test.evil.test", "erp.test:8443", "127.0.0.1"} {
					net.hosts[host] = rest
				}
				s := f.service(func(c *client.ServiceConfig) { c.APIOrigins = []string{"https://api.test/"} })
				req := request(t, "GET", c.address, "", false)
				res, err := s.Client().Do(req)
				if err == nil {
					res.Body.Close()
				}
				if (err == nil) != c.goes {
					t.Errorf("error %v, want it to go: %v", err, c.goes)
				}
				if !c.goes && len(net.sentTo(req.URL.Host)) > 0 && req.URL.Host != "erp.test" {
					t.Error("a request went out")
				}
			})
		})
	}
}

func TestTokenFollowsNoRedirect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork()
		f := newFake(t, net, "erp.test")
		net.hosts["evil.test"] = http.NotFoundHandler()
		f.onAPI = func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.test/steal", http.StatusTemporaryRedirect)
		}
		s := f.service()
		res, err := s.Client().Do(request(t, "GET", apiURL, "", false))
		if err != nil || res.StatusCode != http.StatusTemporaryRedirect {
			t.Fatalf("%v %v", res, err)
		}
		res.Body.Close()
		// A library's client that follows redirects by itself gets an error.
		res, err = (&http.Client{Transport: s.Client()}).Do(request(t, "GET", apiURL, "", false))
		if err == nil {
			res.Body.Close()
			t.Error("the redirect was followed")
		}
		if sent := net.sentTo("evil.test"); len(sent) != 0 {
			t.Errorf("evil.test was sent %d requests", len(sent))
		}
	})
}

func TestHostHeaderCannotLeadTheTokenAstray(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		req := request(t, "GET", apiURL, "", false)
		req.Host = "evil.test"
		req.Header = nil
		res, err := f.service().Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		for _, r := range f.net.seen {
			if r.Host != "" && r.Host != "erp.test" {
				t.Errorf("Host %q was sent", r.Host)
			}
		}
		if req.Header.Get("Authorization") != "" {
			t.Error("the caller's request was changed")
		}
	})
}

func TestNoTokenNoRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		f.onToken = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true }
		if res, err := f.service().Client().Do(request(t, "GET", apiURL, "", false)); err == nil {
			res.Body.Close()
			t.Error("a call without a token")
		}
		if f.apiCalls.Load() != 0 {
			t.Error("a request without a token went out")
		}
	})
}

func TestObserve(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		var calls []client.Call
		s := f.service(func(c *client.ServiceConfig) { c.Observe = func(c client.Call) { calls = append(calls, c) } })
		evidence := client.IDToken{UserID: annaID, SignInID: "sid-9", IssuedAt: time.Unix(1767225600, 0)}
		ctx := client.OnBehalfOf(t.Context(), evidence)
		began := time.Now()
		req := request(t, "GET", apiURL+"?$search=secret-word", "", false).WithContext(ctx)
		res, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		want := client.Call{
			At: began, Method: "GET", Path: "/api/domain/odata/Crm_Sales_Customers", Status: 200,
			Identity: "svc.portal", OnBehalfOf: annaID, SessionID: "session-1", Slot: 3,
		}
		if len(calls) != 1 || calls[0] != want {
			t.Errorf("observed %+v, want %+v", calls, want)
		}
		f.net.set(func() { f.net.down["erp.test"] = true })
		if res, err := s.Client().Do(req.Clone(ctx)); err == nil {
			res.Body.Close()
		}
		if len(calls) != 2 || calls[1].Status != 0 {
			t.Errorf("a call without an answer: %+v", calls[1:])
		}
	})
}

func TestOnBehalfOf(t *testing.T) {
	at := time.Unix(1767225600, 0)
	for name, c := range map[string]struct {
		evidence client.IDToken
		want     string
	}{
		"complete":            {client.IDToken{UserID: annaID, SignInID: "s1", IssuedAt: at}, annaID + ";sid=s1;iat=1767225600"},
		"no sign-in":          {client.IDToken{UserID: annaID, IssuedAt: at}, ""},
		"another kind of id":  {client.IDToken{UserID: "anna", SignInID: "s1", IssuedAt: at}, ""},
		"a header of its own": {client.IDToken{UserID: annaID, SignInID: "s1\r\nX-Evil: 1", IssuedAt: at}, ""},
		"another part":        {client.IDToken{UserID: annaID, SignInID: "s1;iat=1", IssuedAt: at}, ""},
		"no time":             {client.IDToken{UserID: annaID, SignInID: "s1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake(t, newNetwork(), "erp.test")
				got := ""
				f.onAPI = func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get(client.OnBehalfHeader) }
				res, err := f.service().Client().Do(request(t, "GET", apiURL, "", false).WithContext(client.OnBehalfOf(t.Context(), c.evidence)))
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if got != c.want {
					t.Errorf("header %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestCancelledCallEndsAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		s := f.service()
		release := make(chan struct{})
		f.onToken = func(http.ResponseWriter, *http.Request) bool { <-release; return false }
		done := make(chan error)
		go func() {
			_, err := s.Token(t.Context())
			done <- err
		}()
		synctest.Wait()
		close(release)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestSecretsHide(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		s := f.service()
		token := mustService(t, s)
		credential := client.ServiceSecret(serviceSecret)
		config := client.ServiceConfig{Credential: credential, Scope: tandem.Scope{"read"}}
		for _, text := range printed(token, &token, credential, client.UserSecret(userSecret), config, s, s.Client(), struct{ t client.ServiceToken }{token}) {
			if strings.Contains(text, token.Raw()) || strings.Contains(text, serviceSecret) || strings.Contains(text, userSecret) {
				t.Errorf("I13: printed %.200s", text)
			}
		}
	})
}

// TestAStoppedServerIsNotWaitedFor: a process that is stopped takes connections
// and never responds. People wait for seconds; an Import has a bound of its own.
func TestAStoppedServerIsNotWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		service := f.service()
		hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		f.with(func() { f.onAPI = hang })
		a.with(b, func(s *client.UserSession, r *http.Request) {
			person, app := client.UserOData(client.Root(apiURL), s), client.ServiceOData(client.Root(apiURL), service)
			for name, c := range map[string]struct {
				call func(context.Context) error
				most time.Duration
			}{
				"a read":    {func(ctx context.Context) error { return person.Do(ctx, "GET", "X", nil, nil) }, 8 * time.Second},
				"a write":   {func(ctx context.Context) error { return person.Do(ctx, "POST", "X", map[string]int{"a": 1}, nil) }, 8 * time.Second},
				"a service": {func(ctx context.Context) error { return app.Do(ctx, "GET", "X", nil, nil) }, time.Minute},
				"an import": {func(ctx context.Context) error { _, err := person.Import(ctx, client.ImportRequest{}); return err }, 10 * time.Minute},
				"a patient": {func(ctx context.Context) error {
					return person.Do(client.Patient(ctx, time.Hour), "GET", "X", nil, nil)
				}, time.Hour},
			} {
				began := time.Now()
				err := c.call(r.Context())
				if took := time.Since(began); took > c.most || took < c.most/2 || tandem.ErrorCode(err) != tandem.CodeUnavailable {
					t.Errorf("%s: %v after %s", name, err, took)
				}
			}
			f.with(func() {
				f.onAPI = func(w http.ResponseWriter, r *http.Request) { writeJSON(w, 200, map[string]any{"value": []any{}}) }
			})
			if err := person.Do(r.Context(), "GET", "X", nil, nil); err != nil {
				t.Errorf("and now it goes on: %v", err)
			}
		})
	})
}
