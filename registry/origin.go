package registry

import (
	"slices"
	"sync"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
)

// origins are where pages of applications come from, in the form in which
// browsers write an origin, each with the number of applications that have it.
type origins struct {
	lock  sync.RWMutex
	exact map[string]int
	// loopback holds hosts: a public application's page on a loopback address
	// may have any port (RFC 8252 section 7.3).
	loopback map[string]int
}

// replace counts the origins of an application in the place of those it had; nil
// is for none.
func (o *origins) replace(old, now *App) {
	if old != nil && now != nil && old.Enabled == now.Enabled && old.ClientType == now.ClientType &&
		slices.Equal(old.RedirectURIs, now.RedirectURIs) {
		return
	}
	o.lock.Lock()
	defer o.lock.Unlock()
	if o.exact == nil {
		o.exact, o.loopback = map[string]int{}, map[string]int{}
	}
	o.count(now, 1)
	o.count(old, -1)
}

// count adds n to what the redirect URIs of an enabled application say.
func (o *origins) count(app *App, n int) {
	if app == nil || !app.Enabled || app.ClientType == tandem.ClientNone {
		return
	}
	for _, uri := range app.RedirectURIs {
		u, err := netaddr.CanonicalURL(uri)
		if err != nil {
			continue // a scheme of its own has no origin
		}
		add(o.exact, u.Scheme+"://"+u.Host, n)
		if host := u.Hostname(); u.Scheme == "http" && app.ClientType == tandem.ClientPublic && (host == "127.0.0.1" || host == "::1") {
			add(o.loopback, host, n)
		}
	}
}

func add(counts map[string]int, key string, n int) {
	if counts[key] += n; counts[key] == 0 {
		delete(counts, key)
	}
}

func (o *origins) has(origin string) bool {
	if origin == "" {
		return false
	}
	o.lock.RLock()
	defer o.lock.RUnlock()
	if o.exact[origin] > 0 {
		return true
	}
	u, err := netaddr.CanonicalURL(origin)
	return err == nil && u.Scheme == "http" && o.loopback[u.Hostname()] > 0 && u.Scheme+"://"+u.Host == origin
}

// AllowsOrigin reports whether a page of the origin, as browsers write it in the
// header Origin, is one of an enabled application: the origin of one of its
// redirect URIs, with the exception for loopback addresses that these have.
func (r *Registry) AllowsOrigin(origin string) bool { return r.origins.has(origin) }
