package client

import (
	"time"

	"github.com/hybridapps/tandem"
)

// UserToken is the access token of a signed-in person. It hides itself from
// fmt, encoding and log/slog.
type UserToken struct{ t *accessToken }

// ServiceToken is the access token of the application itself, which acts as its
// System User. It hides itself from fmt, encoding and log/slog.
type ServiceToken struct{ t *accessToken }

// APIToken is either kind of access token. Functions over it work for both
// halves; a value is always of exactly one.
type APIToken interface{ UserToken | ServiceToken }

// accessToken is behind a pointer so that fmt does not reach it inside of other
// structs either.
type accessToken struct {
	raw       string
	scope     tandem.Scope
	expiresAt time.Time
}

// Raw is the token itself, for an Authorization header that this package cannot
// send. It must go nowhere else.
func (t UserToken) Raw() string { return t.t.get().raw }

// ExpiresAt is when the token ends; zero for the zero UserToken.
func (t UserToken) ExpiresAt() time.Time { return t.t.get().expiresAt }

// Scope is what was granted.
func (t UserToken) Scope() tandem.Scope { return t.t.get().scope }

// String hides the token.
func (UserToken) String() string { return "client.UserToken(hidden)" }

// Raw is the token itself, for an Authorization header that this package cannot
// send. It must go nowhere else.
func (t ServiceToken) Raw() string { return t.t.get().raw }

// ExpiresAt is when the token ends; zero for the zero ServiceToken.
func (t ServiceToken) ExpiresAt() time.Time { return t.t.get().expiresAt }

// Scope is what was granted.
func (t ServiceToken) Scope() tandem.Scope { return t.t.get().scope }

// String hides the token.
func (ServiceToken) String() string { return "client.ServiceToken(hidden)" }

var noToken accessToken

func (t *accessToken) get() *accessToken {
	if t == nil {
		return &noToken
	}
	return t
}
