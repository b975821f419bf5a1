package client

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
)

// ErrSignedOut is returned when the person must sign in again: the provider
// refused the refresh token, or there is none and the access token has ended.
var ErrSignedOut error = &tandem.Error{Code: tandem.CodeUnauthorized, Message: "your sign-in has ended; please sign in again"}

// UserSession is a signed-in person. It belongs to the request it was made for
// and is safe for concurrent use within it.
type UserSession struct{}

// Identity says who the person is, as of the last ID token.
func (s *UserSession) Identity() IDToken { return IDToken{} }

// Scope is what the access token was granted; an external user has no API scope.
func (s *UserSession) Scope() tandem.Scope { return nil }

// SignedInAt is when the session began.
func (s *UserSession) SignedInAt() time.Time { return time.Time{} }

// Token is the person's access token. It is renewed in the background ahead of
// its expiry, and waited for only when it has ended. One renewal runs per
// session; of several replicas one wins and all use its result. When the
// provider refuses to renew, the session ends and the error is [ErrSignedOut];
// when it cannot be reached, the session stays and the error is a
// [tandem.Error] with [tandem.CodeUnavailable].
func (s *UserSession) Token(ctx context.Context) (UserToken, error) {
	return UserToken{}, errors.ErrUnsupported
}

// IDToken is the person's raw ID token, as evidence for a worker, with at least
// 60 seconds left: it is renewed by refresh. While the provider cannot be
// reached, one with less time left is returned as long as it lives.
func (s *UserSession) IDToken(ctx context.Context) (string, error) {
	return "", errors.ErrUnsupported
}

// Client makes API calls as the person.
func (s *UserSession) Client() *UserClient { return &UserClient{} }

// UserClient makes API calls with the user token of one session. It is an
// [http.RoundTripper] too, for libraries that want one.
type UserClient struct{}

// Do sends the request with the user token. It goes to the API's origins only
// (see [UserConfig]); redirects are not followed. An answer of 401 leads to one
// renewal, shared by all calls that used the same token, and to one repetition
// of a request that is safe to repeat: GET, HEAD, OPTIONS, PUT, DELETE, or one
// with an Idempotency-Key, whose body, if any, can be had again (GetBody).
func (c *UserClient) Do(req *http.Request) (*http.Response, error) {
	return nil, errors.ErrUnsupported
}

// RoundTrip is Do.
func (c *UserClient) RoundTrip(req *http.Request) (*http.Response, error) { return c.Do(req) }
