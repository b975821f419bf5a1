package client

import (
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
)

// The two tokens, and the two credentials, differ in the name of their field: one
// cannot even be converted to the other.

// UserToken is the access token of a signed-in person. It hides itself from
// fmt, encoding and log/slog.
type UserToken struct{ user *accessToken }

// ServiceToken is the access token of the application itself, which acts as its
// System User. It hides itself from fmt, encoding and log/slog.
type ServiceToken struct{ service *accessToken }

// APIToken is either kind of access token. Functions over it work for both
// halves; a value is always of exactly one.
type APIToken interface{ UserToken | ServiceToken }

type accessToken struct {
	raw   hidden[string]
	scope tandem.Scope
	// identity is the login that it acts as, where known.
	identity            string
	issuedAt, expiresAt time.Time
	// renewAt is when to begin to renew it; usableUntil is a little before
	// expiresAt, so that a call does not arrive too late.
	renewAt, usableUntil time.Time
	// forced tokens were asked for because the API refused the one before;
	// accepted ones have been taken by the API.
	forced   bool
	accepted atomic.Bool
}

func newAccessToken(raw string) *accessToken {
	return &accessToken{raw: hide(raw)}
}

// forceAgain is how old a token that was itself forced must be to be replaced
// because the API refuses it too: two refusals in a row are not about tokens.
const forceAgain = 10 * time.Second

// replaceable reports whether it makes sense to renew the token because the API
// refused it.
func (t *accessToken) replaceable(now time.Time) bool {
	return !t.forced || t.accepted.Load() || now.Sub(t.issuedAt) >= forceAgain
}

// plan sets when to renew: after four fifths of the lifetime, earlier by up to
// the given share of it, so that replicas do not all come at once.
func (t *accessToken) plan(jitter float64) {
	lifetime := t.expiresAt.Sub(t.issuedAt)
	t.renewAt = t.issuedAt.Add(time.Duration(float64(lifetime) * (0.8 - jitter)))
	t.usableUntil = t.expiresAt.Add(-min(10*time.Second, lifetime/10))
}

// Raw is the token itself, for an Authorization header that this package cannot
// send. It must go nowhere else.
func (t UserToken) Raw() string { return t.user.get().raw() }

// ExpiresAt is when the token ends; zero for the zero UserToken.
func (t UserToken) ExpiresAt() time.Time { return t.user.get().expiresAt }

// Scope is what was granted.
func (t UserToken) Scope() tandem.Scope { return t.user.get().scope }

// String hides the token.
func (UserToken) String() string { return "client.UserToken(hidden)" }

// Raw is the token itself, for an Authorization header that this package cannot
// send. It must go nowhere else.
func (t ServiceToken) Raw() string { return t.service.get().raw() }

// ExpiresAt is when the token ends; zero for the zero ServiceToken.
func (t ServiceToken) ExpiresAt() time.Time { return t.service.get().expiresAt }

// Scope is what was granted.
func (t ServiceToken) Scope() tandem.Scope { return t.service.get().scope }

// SystemUser is the login that it acts as; empty where the token does not say.
func (t ServiceToken) SystemUser() string { return t.service.get().identity }

// String hides the token.
func (ServiceToken) String() string { return "client.ServiceToken(hidden)" }

func (t *accessToken) get() *accessToken {
	if t == nil {
		return newAccessToken("")
	}
	return t
}
