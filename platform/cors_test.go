package platform_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// F30: pages of other origins read what is for everybody, and with a token what
// is for applications, when theirs is a registered, enabled one. Preflight
// requests need no token; nothing else is open; nothing asks for cookies.
func TestF30_OtherOrigins(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Log: quiet})
		const spa = "com.acme/spa"
		in.CreateApp(tandem.TrustedApp{
			ApplicationURI: spa, Enabled: true, ClientType: tandem.ClientPublic, InternalUsers: true, Scope: tandem.Scope{"read", "update"},
			RedirectURIs: []string{"https://SPA.example:443/callback", "https://spa.example:8443/cb", "http://127.0.0.1/callback", "com.acme.spa:/callback"},
		})
		in.CreateApp(tandem.TrustedApp{
			ApplicationURI: "com.acme/web", Enabled: true, ClientType: tandem.ClientConfidential, InternalUsers: true, RedirectURIs: []string{"http://127.0.0.2:81/cb", "http://localhost:82/cb"},
		})
		token := in.SignIn("anna").Access
		ask := func(method, path, origin string, header ...string) http.Header {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), method, in.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if origin != "" {
				req.Header.Set("Origin", origin)
			}
			for i := 0; i+1 < len(header); i += 2 {
				req.Header.Set(header[i], header[i+1])
			}
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s %s asks for cookies", method, path)
			}
			res.Header.Set("Status", res.Status)
			return res.Header
		}
		preflight := func(path, origin string) http.Header {
			return ask("OPTIONS", path, origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type,odata-version")
		}
		const (
			orders = "/api/domain/odata/General_Products_Products"
			nobody = "00000000-0000-0000-0000-000000000001"
		)
		shared := []string{"/id/connect/token", "/id/connect/revocation", "/id/connect/userinfo", "/profile/me", orders, "/api/domain/odata/$metadata", "/api/domain/odata/"}
		for _, path := range shared {
			for origin, want := range map[string]bool{
				"https://spa.example": true, "https://spa.example:8443": true, "http://127.0.0.1": true, "http://127.0.0.1:5173": true, "http://127.0.0.2:81": true, "http://localhost:82": true,
				"https://portal.example": false, "https://spa.example:8444": false, "http://spa.example": false, "https://spa.example.evil.example": false, "https://evil-spa.example": false,
				"https://SPA.example": false, "https://spa.example:443": false, "https://spa.example/": false, "null": false, "com.acme.spa:": false, "com.acme.spa://": false,
				"http://[::1]:5173": false, "http://localhost:5173": false, "http://127.0.0.2:82": false, "https://127.0.0.1:5173": false, "http://127.0.0.1:99999": false, "http://127.0.0.1:05173": false, "*": false,
			} {
				h := preflight(path, origin)
				status := map[bool]string{true: "204", false: "403"}[want]
				if got := h.Get("Access-Control-Allow-Origin"); (got == origin) != want || !want && got != "" || !strings.HasPrefix(h.Get("Status"), status) {
					t.Errorf("preflight of %s from %s: %s, allowed %q", path, origin, h.Get("Status"), got)
				}
				if want && (h.Get("Access-Control-Allow-Headers") != "authorization,content-type,odata-version" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "PATCH")) {
					t.Errorf("preflight of %s: %v", path, h)
				}
			}
			// The answer itself, also one that refuses.
			for _, bearer := range []string{"Bearer " + token, "Bearer x", ""} {
				h := ask("GET", path, "https://spa.example", "Authorization", bearer)
				if h.Get("Access-Control-Allow-Origin") != "https://spa.example" || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
					t.Errorf("%s with %q: %v", path, bearer, h)
				}
				for _, name := range []string{"OData-Version", "Location", "Retry-After", "WWW-Authenticate", "ETag"} {
					if !strings.Contains(h.Get("Access-Control-Expose-Headers"), name) {
						t.Errorf("%s does not expose %s: %v", path, name, h)
					}
				}
				for _, origin := range []string{"https://evil.example", "null", ""} {
					h := ask("GET", path, origin, "Authorization", bearer)
					if h.Get("Access-Control-Allow-Origin") != "" || h.Get("Access-Control-Expose-Headers") != "" || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
						t.Errorf("%s from %q: %v", path, origin, h)
					}
				}
			}
		}
		for _, path := range []string{"/id/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/id", "/id/.well-known/openid-configuration/jwks", "/tools/auto-discovery", "/sys/auto-discovery"} {
			for _, origin := range []string{"https://anybody.example", "null"} {
				if h := ask("GET", path, origin); h.Get("Access-Control-Allow-Origin") != "*" || !strings.HasPrefix(h.Get("Status"), "200") {
					t.Errorf("%s: %v", path, h)
				}
				if h := preflight(path, origin); h.Get("Access-Control-Allow-Origin") != "*" || !strings.HasPrefix(h.Get("Status"), "204") {
					t.Errorf("preflight of %s: %v", path, h)
				}
			}
		}
		for _, path := range []string{"/", "/id", "/api", "/id/connect/authorize", "/id/account/signin", "/id/connect/endsession", "/healthz", "/metrics", "/tools/ver", "/api/domain/odata/../../../id/connect/authorize"} {
			for _, h := range []http.Header{ask("GET", path, "https://spa.example"), preflight(path, "https://spa.example")} {
				for name := range h {
					if strings.HasPrefix(name, "Access-Control-") && !strings.Contains(path, "..") {
						t.Errorf("%s has %s", path, name)
					}
				}
			}
		}

		// Whatever method the API serves at an address, a page may send: HEAD of GET, and
		// PUT of a file's bytes.
		served := map[string]bool{}
		for _, path := range []string{
			"", "$batch", "General_Products_Products", "General_Products_Products(" + nobody + ")", "General_Products_Products(" + nobody + ")/GetOrCreateExtensibleDataObject",
			"Systems_Core_ObjectFiles(" + nobody + ")/EmbeddedFileContents/$value", "Crm_Sales_SalesOrders(" + nobody + ")/Lines",
		} {
			allow := ask("OPTIONS", "/api/domain/odata/"+path, "https://spa.example", "Authorization", "Bearer "+token).Get("Allow")
			for _, method := range strings.Split(allow, ", ") {
				served[method] = allow != ""
			}
		}
		delete(served, "")
		for method := range served {
			if method != "OPTIONS" && !slices.Contains(strings.Split(preflight(orders, "https://spa.example").Get("Access-Control-Allow-Methods"), ", "), method) {
				t.Errorf("the API serves %s, and no page may send it", method)
			}
		}
		if !served["PUT"] || !served["PATCH"] || !served["DELETE"] {
			t.Errorf("the addresses tried serve only %v", served)
		}

		// Taken from the registration, or disabled with it: it stops at once.
		allowed := func(origin string) bool {
			return preflight(orders, origin).Get("Access-Control-Allow-Origin") != "" || ask("GET", orders, origin).Get("Access-Control-Allow-Origin") != ""
		}
		in.UpdateApp(spa, func(a *tandem.TrustedApp) { a.RedirectURIs = a.RedirectURIs[1:] })
		if allowed("https://spa.example") || !allowed("https://spa.example:8443") {
			t.Error("an origin that was taken from the registration is allowed, or another one is not")
		}
		in.UpdateApp(spa, func(a *tandem.TrustedApp) { a.Enabled = false })
		if allowed("https://spa.example:8443") {
			t.Error("an origin of a disabled application is allowed")
		}
		in.UpdateApp(spa, func(a *tandem.TrustedApp) { a.Enabled = true })
		if !allowed("https://spa.example:8443") {
			t.Error("an origin of an application that was enabled again is not allowed")
		}
	})
}
