package platform

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/oauth"
)

// The answers that pages of other origins may read (the CORS protocol of the
// Fetch Standard). None of them looks at a cookie, so browsers are never told to
// send one. All else stays closed: the authorization endpoint and the sign-in are
// for navigation.
var (
	// publicPaths may be read by every page.
	publicPaths = map[string]bool{
		oauth.PathDiscovery: true, oauth.PathMetadata: true, oauth.PathJWKS: true, "/tools/auto-discovery": true, "/sys/auto-discovery": true, api.MetadataPath: true,
	}
	// sharedPaths may be used by pages of enabled applications, with a token or
	// for one; everything under [api.DomainPath] too.
	sharedPaths = map[string]bool{oauth.PathToken: true, oauth.PathRevocation: true, oauth.PathUserinfo: true, "/profile/me": true,
		"/profile/me/picture": true, "/profile/me/picture/64": true, "/profile/me/picture/128": true}
)

const (
	// corsMethods are those of the Domain API, which has the most.
	corsMethods = "GET, HEAD, POST, PATCH, PUT, DELETE"
	// corsExposed are the headers of an answer that a page may read, beside
	// those that it always may.
	corsExposed = "OData-Version, Location, Retry-After, WWW-Authenticate, ETag, X-Request-Id, Tandem-Request-Id, DPoP-Nonce"
	// corsMaxAge is for how long a browser need not ask again. It is short: an
	// origin that is taken from a registration stops.
	corsMaxAge = time.Minute
	// maxCORSHeaders bounds Access-Control-Request-Headers, in bytes.
	maxCORSHeaders = 1 << 10
)

// shareAcrossOrigins lets pages of other origins read what they may. It stands
// before authentication: a preflight request carries no token.
func shareAcrossOrigins(allows func(origin string) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		public := publicPaths[r.URL.Path]
		if !public && !sharedPaths[r.URL.Path] && !strings.HasPrefix(r.URL.Path, api.DomainPath) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		given := r.Header.Values("Origin")
		allowed := len(given) == 1 && (public || allows(given[0]))
		switch {
		case public:
			h.Set("Access-Control-Allow-Origin", "*")
		default:
			h.Add("Vary", "Origin")
			if allowed {
				h.Set("Access-Control-Allow-Origin", given[0])
			}
		}
		if r.Method == http.MethodOptions && len(given) > 0 && r.Header.Get("Access-Control-Request-Method") != "" {
			preflight(w, r, public, allowed)
			return
		}
		if allowed {
			h.Set("Access-Control-Expose-Headers", corsExposed)
		}
		next.ServeHTTP(w, r)
	})
}

// preflight answers whether the request that follows may be sent. The headers
// that the page asks for may all be: what they mean is for the endpoint.
func preflight(w http.ResponseWriter, r *http.Request, public, allowed bool) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if !allowed {
		http.Error(w, "no enabled application has a redirect URI of this origin: add one of it to the application", http.StatusForbidden)
		return
	}
	methods := corsMethods
	if public {
		methods = "GET, HEAD"
	}
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Max-Age", strconv.Itoa(int(corsMaxAge/time.Second)))
	h.Add("Vary", "Access-Control-Request-Headers")
	if asked := strings.Join(r.Header.Values("Access-Control-Request-Headers"), ","); headerNames(asked) {
		h.Set("Access-Control-Allow-Headers", asked)
	}
	w.WriteHeader(http.StatusNoContent)
}

// headerNames reports whether the text is a list of names of headers (RFC 9110
// section 5.1), and not longer than any page needs.
func headerNames(text string) bool {
	other := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_, ", r))
	}
	return text != "" && len(text) <= maxCORSHeaders && !strings.ContainsFunc(text, other)
}
