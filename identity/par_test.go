package identity_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
)

// push sends an authorization request of the portal's front end beforehand, with
// changes, and returns the answer.
func (r *replica) push(change ...string) *answer {
	r.s.t.Helper()
	u, err := url.Parse(authorizeURL())
	if err != nil {
		r.s.t.Fatal(err)
	}
	pairs := []string{"client_secret", r.s.portalSecrets.User}
	for name, values := range u.Query() {
		pairs = append(pairs, name, values[0])
	}
	return r.post(oauth.PathPushed, with(pairs, change...)...)
}

// pushed is the request_uri of a request that is right.
func (r *replica) pushed(change ...string) string {
	r.s.t.Helper()
	a := r.push(change...)
	var got oauth.PushedResponse
	if err := json.Unmarshal(a.Body.Bytes(), &got); err != nil || a.Code != http.StatusCreated {
		r.s.t.Fatalf("%d %s", a.Code, a.Body)
	}
	if !strings.HasPrefix(got.RequestURI, oauth.PushedPrefix) || got.ExpiresIn != 90 || a.Header().Get("Cache-Control") != "no-store" {
		r.s.t.Errorf("%+v %v", got, a.Header())
	}
	return got.RequestURI
}

func bring(client, uri string, more ...string) string {
	q := url.Values{"client_id": {client}, "request_uri": {uri}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return oauth.PathAuthorize + "?" + q.Encode()
}

// location reads where a response leads.
func location(t *testing.T, w *httptest.ResponseRecorder) *url.URL {
	t.Helper()
	u, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return u
}

// A pushed request is what counts, whatever the browser adds; it is brought again as
// often as the browser likes until it has given one code (RFC 9126 sections 2 and 4;
// fapi2 …-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds,
// …-par-attempt-reuse-request_uri, …-par-attempt-to-use-expired-request_uri,
// …-par-attempt-to-use-request_uri-for-different-client).
func TestPushedRequests(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r, other := s.one(), s.start()
		uri := other.pushed("scope", "openid read")
		b := r.browser()
		if w := b.do("GET", bring(portal, uri), nil); !strings.Contains(w.Body.String(), `name="password"`) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		b.authorize("anna") // signs in, for something else
		u := location(t, b.do("GET", bring(portal, uri, "scope", "openid read update", "redirect_uri", "https://evil.example/", "response_type", "token", "state", "x"), nil))
		if !strings.HasPrefix(u.String(), back+"?") || u.Query().Get("state") != "st4te &=?#" {
			t.Fatalf("to %s", u)
		}
		if given := r.redeem(u.Query().Get("code")); given.got() != "ok" || given.Scope != "openid read" {
			t.Errorf("%s with scope %q", given.got(), given.Scope)
		}
		expired := r.pushed()
		s.clock.Advance(100 * time.Second)
		for name, w := range map[string]*httptest.ResponseRecorder{
			"again":           b.do("GET", bring(portal, uri), nil),
			"again elsewhere": other.browser().do("GET", bring(portal, uri), nil),
			"too late":        b.do("GET", bring(portal, expired), nil),
			"another client":  b.do("GET", bring(field, r.pushed()), nil),
			"no client":       b.do("GET", oauth.PathAuthorize+"?request_uri="+url.QueryEscape(r.pushed()), nil),
			"nobody's":        b.do("GET", bring(portal, oauth.PushedPrefix+"x"), nil),
			"twice":           b.do("GET", bring(portal, uri)+"&request_uri="+url.QueryEscape(r.pushed()), nil),
		} {
			if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" || !strings.Contains(w.Body.String(), "invalid_request_uri") {
				t.Errorf("%s: %d %s", name, w.Code, w.Header().Get("Location"))
			}
		}
	})
}

// Of many browsers at the same moment, on two replicas, one gets a code.
func TestPushedRequestsAtOnce(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		s.start()
		browsers := make([]*browser, 32)
		first := s.one().browser()
		first.authorize("anna")
		for i := range browsers {
			browsers[i] = s.replicas[i%2].browser()
			browsers[i].cookies = maps.Clone(first.cookies)
		}
		uri := s.one().pushed()
		codes, lost := 0, 0
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, b := range browsers {
			wg.Go(func() {
				w := b.do("GET", bring(portal, uri), nil)
				mu.Lock()
				defer mu.Unlock()
				switch u, _ := url.Parse(w.Header().Get("Location")); {
				case u.Query().Get("code") != "":
					codes++
				case u.Query().Get("error") == "invalid_request_uri", w.Code == http.StatusBadRequest:
					lost++
				default:
					t.Errorf("%d %s", w.Code, u)
				}
			})
		}
		wg.Wait()
		if codes != 1 || lost != len(browsers)-1 {
			t.Errorf("%d codes and %d refusals", codes, lost)
		}
	})
}

// What is wrong with a pushed request is told to who pushes it, and nothing is kept.
func TestPushedRequestsAreChecked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	for name, test := range map[string]struct {
		change []string
		want   string
	}{
		"the back end's secret":     {[]string{"client_secret", s.portalSecrets.Service}, "unauthorized_client"},
		"a wrong secret":            {[]string{"client_secret", "x"}, "invalid_client"},
		"no secret":                 {[]string{"client_secret", ""}, "invalid_client"},
		"nobody's redirect URI":     {[]string{"redirect_uri", "https://evil.example/"}, "invalid_request"},
		"no redirect URI":           {[]string{"redirect_uri", ""}, "invalid_request"},
		"a request_uri":             {[]string{"request_uri", oauth.PushedPrefix + "x"}, "invalid_request"},
		"a request object":          {[]string{"request", "e30.e30."}, "request_not_supported"},
		"no such response type":     {[]string{"response_type", "token"}, "unsupported_response_type"},
		"a plain challenge":         {[]string{"code_challenge_method", "plain"}, "invalid_request"},
		"a scope that is reserved":  {[]string{"scope", "openid sec"}, "invalid_scope"},
		"a resource of others":      {[]string{"resource", "https://other.example/"}, "invalid_target"},
		"an ID token in the query":  {hybrid("response_mode", "query"), "invalid_request"},
		"a hint that is no token":   {[]string{"id_token_hint", "x"}, "invalid_request"},
		"a public one without PKCE": {append([]string{"client_secret", "", "code_challenge", ""}, inField...), "invalid_request"},
	} {
		if a := r.push(test.change...); !strings.HasSuffix(a.got(), test.want) {
			t.Errorf("%s: %s, not %s", name, a.got(), test.want)
		}
	}
	kept := 0
	if err := s.db.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM pushed_requests`).Scan(&kept); err != nil || kept != 0 {
		t.Errorf("%d are kept: %v", kept, err)
	}
	if a := r.push(append([]string{"client_secret", ""}, inField...)...); a.Code != http.StatusCreated {
		t.Errorf("a public application with PKCE: %s", a.Body)
	}
	if a := r.post(oauth.PathPushed, "client_assertion_type", assertionType, "client_assertion", s.assertion(s.userKey, portal), "redirect_uri", back,
		"response_type", "code", "scope", "openid"); a.Code != http.StatusCreated {
		t.Errorf("with private_key_jwt: %s", a.Body)
	}
	for _, method := range []string{"GET", "PUT"} { // fapi2 …-par-attempt-invalid-http-method
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, oauth.PathPushed, nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	if events := s.audit.Of(tandem.AuditTokenRefused); len(events) == 0 {
		t.Error("no refusal is on record")
	}
}

// A parameter without a value counts as omitted here, too (RFC 6749 section 3.1).
func TestPushedParametersWithoutAValueAreOmitted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	u, err := url.Parse(authorizeURL())
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("client_secret", s.portalSecrets.User)
	body := q.Encode() + "&request=&request_uri=&registration=&dpop_jkt=&resource=&state="
	req := httptest.NewRequest("POST", oauth.PathPushed, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if w := r.send(req); w.Code != http.StatusCreated {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Whoever knows the name of a public application can push in it, and what is pushed is
// kept: so one network does not fill the disk with it, and keeps nobody else from it.
func TestPushedRequestsOfAnybodyAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	public := append([]string{"client_secret", ""}, inField...)
	pushed := 0
	for range identity.MaxClientFailures + 20 {
		if a := r.push(public...); a.Code == http.StatusCreated {
			pushed++
		} else if a.Code != http.StatusTooManyRequests || a.Header().Get("Retry-After") == "" {
			t.Fatalf("%d %s", a.Code, a.Body)
		}
	}
	kept := 0
	if err := s.db.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM pushed_requests`).Scan(&kept); err != nil || kept != pushed || kept > identity.MaxClientFailures {
		t.Errorf("%d are kept of %d: %v", kept, pushed, err)
	}
	r.pushed() // one that proves itself goes on
	s.clock.Advance(2 * identity.ClientBlock)
	s.clock.Advance(time.Minute)
	if a := r.push(public...); a.Code != http.StatusCreated {
		t.Errorf("a minute later: %d %s", a.Code, a.Body)
	}
}
