package platform_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/tandemtest"
)

// routes are the addresses of the instance, by the methods that they take: each method that
// is not named is refused.
var routes = map[string][]string{
	"GET": {"/id/connect/authorize/resume", "/id/account/outside/start", "/id/account/outside/callback/acme"},
	"GET HEAD": {
		"/", "/api", "/api/", "/tools/auto-discovery", "/sys/auto-discovery", "/tools/ver", "/tools/server-info", "/tools/landing.css", "/healthz", "/readyz", "/metrics",
		"/id", "/id/", "/id/.well-known/openid-configuration", "/id/.well-known/openid-configuration/jwks", "/.well-known/oauth-authorization-server/id",
		"/profile", "/profile/", "/profile/activity", "/profile/apps", "/profile/resume", "/profile/security/links", "/profile/security/sessions",
		"/profile/me", "/profile/me/picture", "/profile/me/picture/64", "/profile/me/picture/128",
	},
	"GET HEAD POST": {
		"/id/account/signin", "/id/account/second-factor", "/id/account/reset", "/id/account/signout", "/id/device",
		"/profile/security/second-factor", "/profile/security/password", "/profile/security/tokens",
	},
	"GET POST": {"/id/connect/authorize", "/id/connect/endsession", "/id/connect/userinfo", "/id/account/consent"},
	"POST": {
		"/id/connect/token", "/id/connect/par", "/id/connect/deviceauthorization", "/id/connect/revocation", "/id/connect/introspect", "/id/account/passkey", "/id/account/enrolment",
		"/profile/language", "/profile/picture", "/profile/apps/withdraw", "/profile/security/links/prove", "/profile/security/links/end", "/profile/security/sessions/end",
		"/profile/security/sessions/end-others", "/profile/security/sessions/not-me", "/profile/security/tokens/revoke", "/profile/security/tokens/roll",
	},
	"GET HEAD OPTIONS": {
		"/api/domain/odata/", "/api/domain/odata/$metadata", "/api/domain/odata/GetVersion", "/api/domain/odata/GetAllowedSets", "/api/domain/odata/General_Products_Products/$count",
	},
	"OPTIONS POST":          {"/api/domain/odata/$batch", "/api/domain/odata/Import"},
	"GET HEAD OPTIONS POST": {"/api/domain/odata/General_Products_Products"},
	"DELETE GET HEAD OPTIONS PATCH": {
		"/api/domain/odata/General_Products_Products(00000000-0000-0000-0000-000000000001)",
	},
}

// Allow names the methods that an address takes, and no other (RFC 9110 section 10.2.1).
func TestAllowIsTrue(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	in.SetAccessTokens(tandem.AccessTokensAuthenticatedUsers)
	token, _ := in.PAT("anna", "read", "update")
	send := func(method, path string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, in.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(path, "/api/domain/") {
			req.Header.Set("X-Api-Key", token)
		}
		res, err := http.DefaultTransport.RoundTrip(req) // which follows no redirect
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	for want, paths := range routes {
		for _, path := range paths {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
				if want == "POST" && strings.HasPrefix(path, "/profile/") && (method == "GET" || method == "HEAD") {
					continue // who comes there by hand reads that there is no page
				}
				res := send(method, path)
				switch {
				case slices.Contains(strings.Fields(want), method):
					if res.StatusCode == http.StatusMethodNotAllowed {
						t.Errorf("%s %s is refused, though Allow names it", method, path)
					}
				case res.StatusCode != http.StatusMethodNotAllowed:
					t.Errorf("%s %s: %s, want 405", method, path, res.Status)
				default:
					allow := strings.Split(res.Header.Get("Allow"), ", ")
					slices.Sort(allow)
					if got := strings.Join(allow, " "); got != want {
						t.Errorf("%s %s: Allow names %q, want %q", method, path, got, want)
					}
				}
			}
		}
	}
	if res := send("PUT", "/profile/nowhere"); res.StatusCode != http.StatusNotFound {
		t.Errorf("PUT to no page: %s", res.Status)
	}
}
