package site

import (
	"net/http"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
)

// Person is who is signed in with a browser.
type Person struct {
	tandem.User
	// SignInID is the sid: it stays when the same person signs in again.
	SignInID string
	// AuthTime is when they last proved who they are.
	AuthTime time.Time
	// IdentityProvider is the outside provider that they proved it to, and Tenant their
	// organisation there; empty for who signed in here.
	IdentityProvider, Tenant string
}

// People tells who is signed in; the sign-in of package identity/signin implements it.
type People interface {
	// Current is who is signed in with the request's browser; nil for nobody.
	Current(r *http.Request) (*Person, error)
	// SignIn leads the browser to the sign-in, and then to returnTo, a path and query for
	// which [MayReturn] holds. fresh is for somebody who is signed in and has to prove
	// once more who they are; they may be somebody else afterwards.
	SignIn(w http.ResponseWriter, r *http.Request, returnTo string, fresh bool) error
}

// maxReturn bounds a returnTo, in bytes: it travels in an address.
const maxReturn = 12 << 10

// MayReturn reports whether a sign-in may lead to the address: a path of these sites, and
// nothing that a browser could take for another host.
func MayReturn(to string) bool {
	return len(to) <= maxReturn && (strings.HasPrefix(to, "/profile/") || strings.HasPrefix(to, "/manage/")) &&
		!strings.Contains(to, `\`) && !tandem.HasControl(to)
}

// Level is how lately somebody must have signed in to do something.
type Level time.Duration

// The levels.
const (
	// View needs a live sign-in.
	View Level = 0
	// Change is for what can be changed back, and Sensitive for what makes a secret, or
	// cannot be taken back.
	Change    = Level(8 * time.Hour)
	Sensitive = Level(10 * time.Minute)
)

// clocksDiffer is by how much replicas' clocks may.
const clocksDiffer = time.Minute

// Met reports whether a sign-in at the time is lately enough.
func (l Level) Met(authTime, now time.Time) bool {
	age := now.Sub(authTime)
	return l == View || age > -clocksDiffer && age <= time.Duration(l)
}
