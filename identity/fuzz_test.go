package identity_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/oauth"
)

// No body makes the token endpoint fail, and none that the right secret is not
// in gives a token.
func FuzzTokenRequest(f *testing.F) {
	r, secrets := fuzzSite(f)
	full := "grant_type=client_credentials&client_id=" + portal + "&client_secret=" + secrets
	for _, body := range []string{"", full, full + "&scope=read", full + "&client_id=x", "grant_type=refresh_token&refresh_token=x&client_id=com.example/field",
		"grant_type=authorization_code&code=%00&client_id=com.example%2Ffield", "%zz", "a=b;c=d", strings.Repeat("&", 1000), "=&=", "grant%5Ftype=client_credentials"} {
		f.Add(body, "")
		f.Add(body, "Basic Og==")
	}
	f.Fuzz(func(t *testing.T, body, authorization string) {
		req := httptest.NewRequest("POST", oauth.PathToken, strings.NewReader(body))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if authorization != "" {
			req.Header["Authorization"] = []string{authorization}
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		switch w.Code {
		case http.StatusOK:
			if !strings.Contains(body, secrets) && authorization == "" {
				t.Errorf("%q gives a token", body)
			}
		case http.StatusBadRequest, http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
		default:
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	})
}

// No query, cookie or form makes the browser's part fail, and none leads to an
// address that is not registered (C19, C22).
func FuzzBrowserRequests(f *testing.F) {
	r, _ := fuzzSite(f)
	good := strings.TrimPrefix(authorizeURL(), "/id/connect/authorize?")
	page := httptest.NewRecorder()
	r.ServeHTTP(page, httptest.NewRequest("GET", "/id/account/signin", nil))
	form := page.Result().Cookies()[0].Name
	for _, query := range []string{"", good, good + "&redirect_uri=https://evil.example", strings.Replace(good, "portal.example", "evil.example", 1), "%zz", "request=AAAA", "a;b", "post_logout_redirect_uri=//evil.example"} {
		f.Add(query, "")
		f.Add(query, strings.Replace(form, "form", "identity", 1)+"="+strings.Repeat("A", 43)+"; "+form+"=x")
	}
	f.Fuzz(func(t *testing.T, query, cookie string) {
		for _, request := range [][2]string{
			{"GET", "/id/connect/authorize"}, {"POST", "/id/connect/authorize"}, {"GET", "/id/connect/authorize/resume"}, {"GET", "/id/connect/endsession"},
			{"POST", "/id/connect/endsession"}, {"GET", "/id/account/signin"}, {"POST", "/id/account/signin"}, {"POST", "/id/account/signout"},
		} {
			req := httptest.NewRequest(request[0], request[1], strings.NewReader(query))
			if request[0] == "GET" {
				req.URL.RawQuery = query
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Cookie", cookie)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			if w.Code >= 500 {
				t.Errorf("%v with %q: %d", request, query, w.Code)
			}
			to := w.Header().Get("Location")
			if to != "" && !strings.HasPrefix(to, "/id/") && !strings.HasPrefix(to, back) && !strings.HasPrefix(to, after) && !strings.HasPrefix(to, "http://127.0.0.1") {
				t.Errorf("%v with %q leads to %q", request, query, to)
			}
		}
	})
}

// fuzzSite is a site for fuzzing, and the portal's service secret.
func fuzzSite(f *testing.F) (*replica, string) {
	s := newSite(f)
	return s.one(), s.portalSecrets.Service
}
