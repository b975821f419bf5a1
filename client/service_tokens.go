package client

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
)

// ServiceConfig configures the back end's half. Provider, ApplicationURI and
// Credential are needed; a user credential cannot be given to it.
type ServiceConfig struct {
	Provider *Provider
	// ApplicationURI is the OAuth client_id.
	ApplicationURI string
	// Credential is the back end's own.
	Credential ServiceCredential
	// Scope is asked for; empty means all that the flow may have.
	Scope tandem.Scope
	// ServiceInstance tells replicas of one back end apart, so that each has an
	// API session of its own; empty means the single default instance.
	ServiceInstance string
	// APIOrigins ("https://api.example.com") may be sent the service token,
	// beside the issuer's own origin and the root of an [OData].
	APIOrigins []string
	// Transport makes the API calls; nil means the Provider's.
	Transport http.RoundTripper
	// Observe is told about each API call, in the caller's goroutine.
	Observe func(Call)
	// Log gets what no caller is told, such as a renewal in the background that
	// failed; nil discards it.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// ServiceTokens is the back end's half of an application: it holds one service
// token and renews it. It is safe for concurrent use.
type ServiceTokens struct{}

// NewServiceTokens checks the configuration. It makes no request.
func NewServiceTokens(c ServiceConfig) (*ServiceTokens, error) { return nil, errors.ErrUnsupported }

// Token is the service token: from memory without a lock while it is good. Of
// any number of callers one request is made; ahead of expiry it is renewed in
// the background, at a time that differs from replica to replica. A failure is
// given to those who waited for it and to nobody else; after it the next
// requests keep the distance that the server asks for (Retry-After) or that
// grows with each failure, up to five seconds. The context ends the caller's
// own wait only.
func (s *ServiceTokens) Token(ctx context.Context) (ServiceToken, error) {
	return ServiceToken{}, errors.ErrUnsupported
}

// Client makes API calls as the application.
func (s *ServiceTokens) Client() *ServiceClient { return &ServiceClient{} }

// Status tells diagnostics whether a live token is held, whom it acts as (empty
// where the token does not say), and until when. It makes no request.
func (s *ServiceTokens) Status() (held bool, systemUser string, expiresAt time.Time) {
	return false, "", time.Time{}
}

// ServiceClient makes API calls with the service token. It is an
// [http.RoundTripper] too, for libraries that want one.
type ServiceClient struct{}

// Do sends the request with the service token. It goes to the API's origins
// only (see [ServiceConfig]); redirects are not followed. An answer of 401 is
// treated like [UserClient.Do] does. With a context of [OnBehalfOf] the request
// says for whom it is made.
func (c *ServiceClient) Do(req *http.Request) (*http.Response, error) {
	return nil, errors.ErrUnsupported
}

// RoundTrip is Do.
func (c *ServiceClient) RoundTrip(req *http.Request) (*http.Response, error) { return c.Do(req) }
