package identity_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"

	"github.com/hybridapps/tandem/oauth"
)

// browser is a person's browser at one replica: it has cookies and follows
// redirects on the site.
type browser struct {
	r       *replica
	cookies map[string]string
}

func (r *replica) browser() *browser { return &browser{r, map[string]string{}} }

// do sends a request and follows redirects until a page, or until one leads
// away; it returns that answer.
func (b *browser) do(method, target string, form url.Values) *httptest.ResponseRecorder {
	b.r.s.t.Helper()
	for range 10 {
		req := httptest.NewRequestWithContext(b.r.s.t.Context(), method, target, strings.NewReader(form.Encode()))
		if method == "POST" {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		for name, value := range b.cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		w := httptest.NewRecorder()
		req.RemoteAddr = b.r.address
		b.r.ServeHTTP(w, req)
		for _, c := range w.Result().Cookies() {
			b.cookies[c.Name] = c.Value
		}
		to := w.Header().Get("Location")
		if !strings.HasPrefix(to, "/") {
			return w
		}
		method, target, form = "GET", to, nil
	}
	b.r.s.t.Fatal("the site redirects in a circle")
	return nil
}

// verifier is PKCE's of every request that names no other; RFC 7636 appendix B.
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

// authorizeURL is an authorization request of the portal with changes: pairs
// of names and values, where "" leaves the parameter out.
func authorizeURL(change ...string) string {
	q := url.Values{
		"client_id": {portal}, "redirect_uri": {back}, "response_type": {"code"}, "scope": {"openid profile offline_access read update"},
		"state": {"st4te &=?#"}, "nonce": {"n0nce"}, "code_challenge": {oauth.Challenge(verifier)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(change); i += 2 {
		if q.Set(change[i], change[i+1]); change[i+1] == "" {
			q.Del(change[i])
		}
	}
	return "/id/connect/authorize?" + q.Encode()
}

// inField makes an authorization request the public application's.
var inField = []string{"client_id", field, "redirect_uri", device}

var hiddenField = regexp.MustCompile(`name="(csrf|request)" value="([^"]*)"`)

// authorize goes through an authorization request as a person does, signing in
// where asked, and returns what came back to the application in the query.
func (b *browser) authorize(login string, change ...string) url.Values {
	b.r.s.t.Helper()
	w := b.respond(login, change...)
	u, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther {
		b.r.s.t.Fatalf("%s did not come back to the application: %d %s", login, w.Code, w.Body)
	}
	return u.Query()
}

// respond goes the same way up to the response.
func (b *browser) respond(login string, change ...string) *httptest.ResponseRecorder {
	b.r.s.t.Helper()
	w := b.do("GET", authorizeURL(change...), nil)
	if strings.Contains(w.Body.String(), `name="password"`) {
		form := url.Values{"login": {login}, "password": {password}}
		for _, m := range hiddenField.FindAllStringSubmatch(w.Body.String(), -1) {
			form.Set(m[1], m[2])
		}
		w = b.do("POST", "/id/account/signin", form)
	}
	return w
}

// code signs a person in and returns the authorization code.
func (r *replica) code(login string, change ...string) string {
	r.s.t.Helper()
	q := r.browser().authorize(login, change...)
	if q.Get("code") == "" {
		r.s.t.Fatalf("%s got no code: %v", login, q)
	}
	return q.Get("code")
}

// redeem exchanges a code as the portal's front end.
func (r *replica) redeem(code string, change ...string) *answer {
	r.s.t.Helper()
	return r.post("/id/connect/token", with([]string{
		"grant_type", "authorization_code", "code", code, "redirect_uri", back, "code_verifier", verifier,
		"client_id", portal, "client_secret", r.s.portalSecrets.User,
	}, change...)...)
}

// renew uses a refresh token as the portal's front end.
func (r *replica) renew(refreshToken string, change ...string) *answer {
	r.s.t.Helper()
	return r.post("/id/connect/token", with([]string{
		"grant_type", "refresh_token", "refresh_token", refreshToken, "client_id", portal, "client_secret", r.s.portalSecrets.User,
	}, change...)...)
}

// serve asks for a service token as the portal's back end.
func (r *replica) serve(change ...string) *answer {
	r.s.t.Helper()
	return r.post("/id/connect/token", with([]string{
		"grant_type", "client_credentials", "client_id", portal, "client_secret", r.s.portalSecrets.Service,
	}, change...)...)
}

// signIn signs a person in through the portal and returns their tokens.
func (r *replica) signIn(login string, change ...string) *answer {
	r.s.t.Helper()
	a := r.redeem(r.code(login, change...))
	if a.Code != http.StatusOK {
		r.s.t.Fatalf("%s got no tokens: %s", login, a.Body)
	}
	return a
}

// with changes parameters: an empty value leaves one out.
func with(pairs []string, change ...string) []string {
	var out []string
	for i := 0; i+1 < len(pairs); i += 2 {
		value := pairs[i+1]
		for j := 0; j+1 < len(change); j += 2 {
			if change[j] == pairs[i] {
				value = change[j+1]
			}
		}
		if value != "" {
			out = append(out, pairs[i], value)
		}
	}
	for j := 0; j+1 < len(change); j += 2 {
		known := false
		for i := 0; i+1 < len(pairs); i += 2 {
			known = known || pairs[i] == change[j]
		}
		if !known && change[j+1] != "" {
			out = append(out, change[j], change[j+1])
		}
	}
	return out
}
