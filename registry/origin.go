package registry

import (
	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
)

// origins are where pages of applications come from, in the form in which
// browsers write an origin.
type origins struct {
	exact map[string]bool
	// loopback holds origins without a port: a public application's page on a
	// loopback address may have any (RFC 8252 section 7.3).
	loopback map[string]bool
}

// originsOf are those of the redirect URIs of the enabled applications.
func originsOf(apps map[string]*App) *origins {
	o := &origins{exact: map[string]bool{}, loopback: map[string]bool{}}
	for _, app := range apps {
		if !app.Enabled || app.ClientType == tandem.ClientNone {
			continue
		}
		for _, uri := range app.RedirectURIs {
			u, err := netaddr.CanonicalURL(uri)
			if err != nil {
				continue // a scheme of its own has no origin
			}
			o.exact[u.Scheme+"://"+u.Host] = true
			if host := u.Hostname(); u.Scheme == "http" && app.ClientType == tandem.ClientPublic && (host == "127.0.0.1" || host == "::1") {
				o.loopback[host] = true
			}
		}
	}
	return o
}

func (o *origins) has(origin string) bool {
	if o == nil || origin == "" {
		return false
	}
	if o.exact[origin] {
		return true
	}
	u, err := netaddr.CanonicalURL(origin)
	return err == nil && u.Scheme == "http" && o.loopback[u.Hostname()] && u.Scheme+"://"+u.Host == origin
}

// AllowsOrigin reports whether a page of the origin, as browsers write it in the
// header Origin, is one of an enabled application: the origin of one of its
// redirect URIs, with the exception for loopback addresses that these have.
func (r *Registry) AllowsOrigin(origin string) bool { return r.origins.Load().has(origin) }
