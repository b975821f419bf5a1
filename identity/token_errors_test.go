package identity_test

import (
	"cmp"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
)

// Each row of the specification's table of token-endpoint errors (also C21:
// repeated, oversized and malformed parameters).
func TestTokenEndpointErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	form := func(change ...string) *http.Request {
		return r.request(oauth.PathToken, with([]string{"grant_type", "client_credentials", "client_id", portal, "client_secret", s.portalSecrets.Service}, change...)...)
	}
	raw := func(body string, header ...string) *http.Request {
		req := httptest.NewRequest("POST", oauth.PathToken, strings.NewReader(body))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		return req
	}
	full := "grant_type=client_credentials&client_id=" + portal + "&client_secret=" + s.portalSecrets.Service
	tests := map[string]struct {
		req    *http.Request
		status int
		code   string
	}{
		"right":                 {form(), 200, ""},
		"content type with set": {raw(full, "Content-Type", "Application/x-www-form-urlencoded; charset=UTF-8"), 200, ""},
		"empty pairs":           {raw("&&" + full + "&&"), 200, ""},
		"unknown parameter":     {form("x", "y"), 200, ""},
		"value left out":        {raw(full + "&scope=&service_instance&resource=&client_id="), 200, ""},

		"unknown application": {form("client_id", "com.example/none"), 401, "invalid_client"},
		"wrong secret":        {form("client_secret", "wrong"), 401, "invalid_client"},
		"public with secret":  {form("client_id", field), 401, "invalid_client"},
		"no client":           {form("client_id", "", "client_secret", ""), 401, "invalid_client"},

		"credential of the other flow": {form("client_secret", s.portalSecrets.User), 400, "unauthorized_client"},
		"scope outside":                {form("scope", "read admin"), 400, "invalid_scope"},
		"no code":                      {form("grant_type", "authorization_code", "client_secret", s.portalSecrets.User), 400, "invalid_request"},
		"unknown code":                 {form("grant_type", "authorization_code", "client_secret", s.portalSecrets.User, "code", "x"), 400, "invalid_grant"},
		"no refresh token":             {form("grant_type", "refresh_token", "client_secret", s.portalSecrets.User), 400, "invalid_request"},
		"unknown refresh token":        {form("grant_type", "refresh_token", "client_secret", s.portalSecrets.User, "refresh_token", "x"), 400, "invalid_grant"},

		"password":           {form("grant_type", "password", "username", "anna", "password", password), 400, "unsupported_grant_type"},
		"implicit":           {form("grant_type", "implicit"), 400, "unsupported_grant_type"},
		"device code":        {form("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), 400, "unauthorized_client"},
		"JWT bearer":         {form("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), 400, "unsupported_grant_type"},
		"token exchange":     {form("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"), 400, "unsupported_grant_type"},
		"in upper case":      {form("grant_type", "CLIENT_CREDENTIALS"), 400, "unsupported_grant_type"},
		"no grant type":      {form("grant_type", ""), 400, "invalid_request"},
		"empty body":         {raw(""), 400, "invalid_request"},
		"repeated grant":     {raw(full + "&grant_type=client_credentials"), 400, "invalid_request"},
		"repeated client":    {raw(full + "&client_id=" + stranger), 400, "invalid_request"},
		"repeated secret":    {raw(full + "&client_secret=x"), 400, "invalid_request"},
		"repeated, escaped":  {raw(full + "&client%5Fsecret=x"), 400, "invalid_request"},
		"repeated unknown":   {raw(full + "&x=1&x=2"), 400, "invalid_request"},
		"bad escape":         {raw(full + "&x=%zz"), 400, "invalid_request"},
		"cut escape":         {raw(full + "&x=%a"), 400, "invalid_request"},
		"not UTF-8":          {raw(full + "&x=%ff%fe"), 400, "invalid_request"},
		"NUL":                {raw(full + "&x=%00"), 400, "invalid_request"},
		"line break":         {raw(full + "&service_instance=a%0d%0aSet-Cookie:x"), 400, "invalid_request"},
		"too many":           {raw(full + strings.Repeat("&", 3) + manyParameters(70)), 400, "invalid_request"},
		"long instance":      {form("service_instance", strings.Repeat("a", 65)), 400, "invalid_request"},
		"instance alphabet":  {form("service_instance", "a/b"), 400, "invalid_request"},
		"JSON":               {raw(`{"grant_type":"client_credentials"}`, "Content-Type", "application/json"), 400, "invalid_request"},
		"multipart":          {raw(full, "Content-Type", "multipart/form-data; boundary=x"), 400, "invalid_request"},
		"no content type":    {raw(full, "Content-Type", ""), 400, "invalid_request"},
		"two content types":  {raw(full, "Content-Type", "application/x-www-form-urlencoded, text/plain"), 400, "invalid_request"},
		"body over limit":    {raw(full + "&x=" + strings.Repeat("x", identity.MaxBody)), 413, "invalid_request"},
		"at the limit":       {raw(full + "&x=" + strings.Repeat("x", identity.MaxBody-len(full)-3)), 200, ""},
		"secret in the URL":  {httptest.NewRequest("POST", oauth.PathToken+"?"+full, nil), 400, "invalid_request"},
		"longest instance":   {form("service_instance", strings.Repeat("a", 64)), 200, ""},
		"scope over a limit": {form("scope", strings.Repeat("read ", 1000)), 400, "invalid_scope"},
	}
	described := regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]+$`) // RFC 6749 section 5.2
	for name, test := range tests {
		a := r.send(test.req)
		if a.Code != test.status || string(a.Error) != test.code {
			t.Errorf("%s: %d %s, want %d %s (%s)", name, a.Code, a.Error, test.status, test.code, a.Description)
		}
		if a.Header().Get("Cache-Control") != "no-store" || a.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: headers %v", name, a.Header())
		}
		if a.Code != 200 && !described.MatchString(a.Description) {
			t.Errorf("%s: description %q", name, a.Description)
		}
		if strings.Contains(a.Body.String(), s.portalSecrets.Service) || strings.Contains(a.Body.String(), password) {
			t.Errorf("%s: the answer repeats a secret", name)
		}
	}
	for _, method := range []string{"GET", "PUT", "DELETE", "PATCH"} {
		for _, path := range []string{oauth.PathToken, oauth.PathRevocation} {
			if a := r.send(httptest.NewRequest(method, path, nil)); a.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, a.Code)
			}
		}
	}
}

func manyParameters(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("&p" + strconv.Itoa(i) + "=1")
	}
	return b.String()
}

// An answer that says why a client failed would help to guess: every reason
// has the same words.
func TestC22_ClientErrorsGiveNothingAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.register(tandem.TrustedApp{ApplicationURI: "com.example/off", ClientType: tandem.ClientConfidential, InternalUsers: true})
	s.register(tandem.TrustedApp{ApplicationURI: "com.example/none", ClientType: tandem.ClientNone, Enabled: true})
	s.refresh()
	want := s.one().serve("client_secret", "wrong").Body.String()
	for name, change := range map[string][]string{
		"unknown":       {"client_id", "com.example/unknown"},
		"disabled":      {"client_id", "com.example/off"},
		"placeholder":   {"client_id", "com.example/none"},
		"public":        {"client_id", field},
		"no secret":     {"client_secret", ""},
		"another's":     {"client_id", stranger},
		"bad assertion": {"client_secret", "", "client_assertion_type", assertionType, "client_assertion", "x.y.z"},
	} {
		if a := s.one().serve(change...); a.Code != http.StatusUnauthorized || a.Body.String() != want {
			t.Errorf("%s: %d %s\nwant %s", name, a.Code, a.Body, want)
		}
	}
}

// Failures of one application from one address end in waits, and nowhere else;
// they are counted for all replicas together. A right secret passes all the
// while, and resets the count.
func TestClientFailuresAreThrottled(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r, second := s.one(), s.start()
		second.address = r.address
		const ahead = 6 * time.Hour
		s.clock.Advance(ahead)
		for i := range identity.MaxClientFailures {
			if a := s.replicas[i%2].serve("client_secret", "wrong"); a.Code != http.StatusUnauthorized {
				t.Fatalf("failure %d: %d", i+1, a.Code)
			}
		}
		// The replica that saw the last one knows at once; the other one when
		// it asks for the next time.
		second.serve("client_secret", "wrong")
		r.serve("client_secret", "wrong")
		for name, a := range map[string]*answer{"wrong": r.serve("client_secret", "wrong"), "other replica": second.serve("client_secret", "wrong"),
			"revocation": r.post(oauth.PathRevocation, "client_id", portal, "client_secret", "wrong", "token", "x")} {
			wait, err := strconv.Atoi(a.Header().Get("Retry-After"))
			if a.Code != http.StatusTooManyRequests || a.Error != "slow_down" {
				t.Errorf("%s: %d %s", name, a.Code, a.Body)
			}
			if err != nil || wait < 1 || wait > 15 {
				t.Errorf("%s: Retry-After %q", name, a.Header().Get("Retry-After"))
			}
			if got := a.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s: Cache-Control %q", name, got)
			}
		}
		for name, test := range map[string]struct {
			address string
			change  []string
		}{
			"another address":     {"192.0.2.2:1", nil},
			"another application": {r.address, []string{"client_id", stranger, "client_secret", s.otherSecret.Service}},
			"IPv6":                {"[2001:db8::1]:1", nil},
		} {
			elsewhere := *r
			elsewhere.address = test.address
			if a := elsewhere.serve(test.change...); a.Code != http.StatusOK {
				t.Errorf("%s: %d %s", name, a.Code, a.Body)
			}
		}
		// A clock that was ahead and is corrected prolongs nothing.
		s.clock.Advance(-ahead)
		if wait := r.serve("client_secret", "wrong").Header().Get("Retry-After"); wait != "15" {
			t.Errorf("after the clock was corrected: Retry-After %q", wait)
		}
		for _, replica := range s.replicas {
			if a := replica.serve(); a.Code != http.StatusOK {
				t.Fatalf("a right secret beside wrong ones: %d", a.Code)
			}
		}
		// After the success the count begins anew.
		if a := r.serve("client_secret", "wrong"); a.Code != http.StatusUnauthorized {
			t.Errorf("first failure after a success: %d", a.Code)
		}
		if a := r.serve(); a.Code != http.StatusOK {
			t.Errorf("after one failure: %d", a.Code)
		}
	})
}

// Inventing applications does not get around the count: strangers share one.
func TestInventedApplicationsShareACount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range identity.MaxClientFailures {
		s.one().serve("client_id", "com.example/"+strconv.Itoa(i))
	}
	if a := s.one().serve("client_id", "com.example/fresh"); a.Code != http.StatusTooManyRequests {
		t.Errorf("an invented application: %d", a.Code)
	}
	if a := s.one().serve(); a.Code != http.StatusOK {
		t.Errorf("a real one at the same address: %d", a.Code)
	}
}

// A token leaves only when its record is durable; a flood of refusals grows
// the record by a line a minute, with a count.
func TestNoTokenWithoutARecord(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	code := r.code("anna")
	given := r.signIn("anna")
	s.audit.Fail(errors.New("the disk is full at /secret/path"))
	for name, a := range map[string]*answer{"service": r.serve(), "code": r.redeem(code), "refresh": r.renew(given.RefreshToken)} {
		if a.Code != http.StatusInternalServerError || a.AccessToken != "" || a.Error != "server_error" || strings.Contains(a.Body.String(), "disk") {
			t.Errorf("%s: %d %s", name, a.Code, a.Body)
		}
	}
	s.audit.Fail(&tandem.Error{Code: tandem.CodeUnavailable, Message: "shutting down"})
	if a := r.serve(); a.Code != http.StatusServiceUnavailable || a.Error != "temporarily_unavailable" || a.Header().Get("Retry-After") == "" {
		t.Errorf("unavailable: %d %s", a.Code, a.Body)
	}
	s.audit.Fail(nil)
	if a := r.serve(); a.Code != http.StatusOK {
		t.Errorf("afterwards: %d", a.Code)
	}
	// The client that got no answer can try again with the same refresh token.
	if a := r.renew(given.RefreshToken); a.Code != http.StatusOK {
		t.Errorf("refresh again: %d %s", a.Code, a.Body)
	}

	before := len(s.audit.Of(tandem.AuditTokenRefused))
	for range 50 {
		r.serve("scope", "admin")
	}
	if n := len(s.audit.Of(tandem.AuditTokenRefused)) - before; n != 1 {
		t.Errorf("50 refusals of a kind made %d lines", n)
	}
	event := s.audit.Of(tandem.AuditTokenRefused)[before]
	want := tandem.AuditEvent{
		At: s.clock.Now(), Kind: tandem.AuditTokenRefused, ApplicationURI: portal, Flow: tandem.FlowService,
		RemoteAddr: "192.0.2.1", Detail: event.Detail, Facts: event.Facts,
	}
	if facts, err := tandem.ParseFacts(event.Facts); err != nil || facts.Rule != tandem.RuleScopeFlow || facts.Asked != "admin" || facts.Limit != "read update" {
		t.Errorf("the facts are %s: %v", event.Facts, err)
	}
	if event != want || !strings.Contains(event.Detail, "invalid_scope") {
		t.Errorf("recorded %+v, want %+v about invalid_scope", event, want)
	}
	// The rest is counted, and written down at the latest when the server ends.
	if err := s.refusals.Tell(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	all := s.audit.Of(tandem.AuditTokenRefused)
	if len(all) != before+2 || !strings.Contains(all[before+1].Detail, "49 times more") {
		t.Errorf("%+v", all[before:])
	}
}

// While the registry cannot follow the database nothing is decided.
func TestStaleRegistryGivesNoTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.db.Close()
	s.clock.Advance(5 * time.Second)
	if err := s.one().registry.Refresh(t.Context()); err == nil {
		t.Fatal("the database is closed, and the registry does not notice")
	}
	if a := s.one().serve(); a.Code != http.StatusServiceUnavailable || a.AccessToken != "" {
		t.Errorf("%d %s", a.Code, a.Body)
	}
}

// The parameter resource may be repeated, at both endpoints, and names what this
// server has (RFC 8707).
func TestResources(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	api := root + "/api/domain/odata"
	for name, test := range map[string]struct {
		resources []string
		want      string
	}{
		"the API":             {[]string{api}, "ok"},
		"both, and once more": {[]string{api + "/", issuer + "/resources", "DomainAPI", api}, "ok"},
		"empty":               {[]string{""}, "ok"},
		"somebody else's":     {[]string{"https://other.example"}, "invalid_target"},
		"one of two":          {[]string{api, "https://other.example"}, "invalid_target"},
		"not a URL":           {[]string{"domainapi"}, "invalid_target"},
		"in the clear":        {[]string{strings.Replace(api, "https", "http", 1)}, "invalid_target"},
	} {
		var more []string
		query := ""
		for _, resource := range test.resources {
			more = append(more, "resource", resource)
			query += "&resource=" + url.QueryEscape(resource)
		}
		service := r.post("/id/connect/token", append(more, "grant_type", "client_credentials", "client_id", portal, "client_secret", s.portalSecrets.Service)...)
		code := r.post("/id/connect/token", append(more, "grant_type", "authorization_code", "code", r.code("anna"), "redirect_uri", back, "code_verifier", verifier,
			"client_id", portal, "client_secret", s.portalSecrets.User)...)
		refresh := r.post("/id/connect/token", append(more, "grant_type", "refresh_token", "refresh_token", r.signIn("anna").RefreshToken,
			"client_id", portal, "client_secret", s.portalSecrets.User)...)
		for at, a := range map[string]*answer{"service": service, "code": code, "refresh": refresh} {
			if a.got() != test.want {
				t.Errorf("%s, %s: %s", name, at, a.got())
			} else if aud := claims(t, cmp.Or(a.AccessToken, r.serve().AccessToken))["aud"]; !slices.Equal(aud.([]any), []any{"DomainAPI", issuer + "/resources"}) {
				t.Errorf("%s, %s: for %v", name, at, aud)
			}
		}
		b := r.browser()
		b.authorize("anna")
		to, err := url.Parse(b.do("GET", authorizeURL()+query, nil).Header().Get("Location"))
		if err != nil || to.Query().Get("error") != strings.TrimPrefix(test.want, "ok") || to.Query().Has("code") != (test.want == "ok") || to.Query().Get("state") == "" {
			t.Errorf("%s, authorize: %s, %v", name, to, err)
		}
	}
	// Who has not proved itself learns nothing.
	if a := r.serve("client_secret", "wrong", "resource", "https://other.example"); a.Error != oauth.InvalidClient {
		t.Errorf("a wrong secret: %s", a.got())
	}
}
