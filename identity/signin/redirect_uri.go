package signin

import (
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
)

// MatchRedirectURI reports whether the application has registered the redirect
// URI: byte for byte (RFC 9700 section 2.1), with one exception. A public
// application on the person's own device listens on whatever port is free, so
// with the hosts 127.0.0.1 and [::1] the port, and only the port, may differ
// (RFC 8252 section 7.3). The name localhost is not in the exception: it is
// resolved, and need not be this device. Schemes of an application's own
// (com.acme.field:/callback) are compared byte for byte like all others.
func MatchRedirectURI(app *registry.App, uri string) bool {
	_, ok := registeredURI(app, uri)
	return ok
}

// registeredURI is the registered redirect URI that a given one is, or stands for.
func registeredURI(app *registry.App, uri string) (registered string, ok bool) {
	if slices.Contains(app.RedirectURIs, uri) {
		return uri, true
	}
	if app.ClientType != tandem.ClientPublic {
		return "", false
	}
	host, rest, ok := splitLoopback(uri)
	at := slices.IndexFunc(app.RedirectURIs, func(registered string) bool {
		h, r, loopback := splitLoopback(registered)
		return ok && loopback && h == host && r == rest
	})
	if at < 0 {
		return "", false
	}
	return app.RedirectURIs[at], true
}

// splitLoopback takes a URI on a loopback address apart into the host, with
// its scheme, and what follows the port. It works on bytes: a parser would
// forgive, and what is forgiven here a browser may read differently.
func splitLoopback(uri string) (host, rest string, ok bool) {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(uri, host)
		if !ok {
			continue
		}
		if port, found := strings.CutPrefix(rest, ":"); found {
			digits := len(port) - len(strings.TrimLeft(port, "0123456789"))
			if digits == 0 || digits > 5 || port[0] == '0' || (digits == 5 && port[:5] > "65535") {
				return "", "", false
			}
			rest = port[digits:]
		}
		if rest != "" && rest[0] != '/' && rest[0] != '?' {
			return "", "", false // the host goes on: 127.0.0.1.example, 127.0.0.1@example
		}
		return host, rest, true
	}
	return "", "", false
}
