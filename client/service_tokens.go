package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
)

// Distances between token requests that fail.
const (
	firstBackoff  = 250 * time.Millisecond // after the second failure in a row
	maxBackoff    = 5 * time.Second
	maxRetryAfter = time.Minute
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
	// DPoP is a key that the token is bound to (RFC 9449): who steals it, from a log or a
	// proxy, can do nothing with it. Replicas may share the key or have one each. A provider
	// that gives a token that is not bound is refused. Nil binds none.
	DPoP *dpop.Key
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
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// ServiceTokens is the back end's half of an application: it holds one service
// token and renews it. It is safe for concurrent use.
type ServiceTokens struct {
	clock tandem.Clock
	held  atomic.Pointer[accessToken]
	// fresh is the held token until it is to be renewed; a timer takes it away
	// then. Reading a clock would cost more than everything else on the way.
	// With a clock of the configuration there is none.
	fresh    atomic.Pointer[accessToken]
	timed    bool
	endpoint tokenEndpoint
	form     url.Values
	calls    *authorised
	log      *slog.Logger

	mu     sync.Mutex
	timer  *time.Timer // of fresh
	flight *flight[*accessToken]
	// forced says that the next token replaces one that the API refused.
	forced bool
	// failures in a row; no request before notBefore, because of lastErr.
	failures  int
	notBefore time.Time
	lastErr   error
}

// NewServiceTokens checks the configuration. It makes no request.
func NewServiceTokens(c ServiceConfig) (*ServiceTokens, error) {
	if c.Provider == nil {
		return nil, errors.New("service tokens: no Provider")
	}
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("service tokens: "+format, args...))
	}
	if c.ApplicationURI == "" {
		fault("no ApplicationURI")
	}
	if c.Credential.service == nil || c.Credential.service.empty() {
		fault("no Credential: a public client has no service tokens")
	}
	for _, s := range c.Scope {
		if tandem.IsProtocolScope(s) {
			fault("the scope %s is for people; a service never has it", s) // invariant I3
		}
	}
	if !oauth.ValidServiceInstance(c.ServiceInstance) {
		fault("ServiceInstance: want at most %d letters, digits, dots, underscores and hyphens", oauth.MaxServiceInstance)
	}
	origins, err := apiOrigins(c.Provider, c.APIOrigins)
	if err != nil {
		fault("%w", err)
	}
	rt, err := pickTransport(c.Transport, c.Provider.transport)
	if err != nil {
		fault("%w", err)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	bound := newProofs(c.DPoP, c.Clock) // one for both, as nonces are an origin's
	form := url.Values{"grant_type": {oauth.GrantClientCredentials}}
	if len(c.Scope) > 0 {
		form.Set("scope", c.Scope.String())
	}
	if c.ServiceInstance != "" {
		form.Set("service_instance", c.ServiceInstance)
	}
	s := &ServiceTokens{
		clock: c.Clock, timed: c.Clock == nil, form: form, log: logger(c.Log),
		endpoint: tokenEndpoint{provider: c.Provider, applicationURI: c.ApplicationURI, credential: c.Credential.service, clock: c.Clock, proofs: bound},
	}
	s.calls = &authorised{
		http: httpClient(rt), origins: origins, observe: c.Observe, clock: s.clock,
		token: s.get, rejected: s.rejected, onBehalf: true, patience: servicePatience, proofs: bound,
	}
	return s, nil
}

// Token is the service token: from memory without a lock while it is good. Of
// any number of callers one request is made; ahead of expiry it is renewed in
// the background, at a time that differs from replica to replica. A failure is
// given to those who waited for it and to nobody else; after it the next
// requests keep the distance that the server asks for (Retry-After) or that
// grows with each failure, up to five seconds. The context ends the caller's
// own wait only.
func (s *ServiceTokens) Token(ctx context.Context) (ServiceToken, error) {
	t, err := s.get(ctx)
	return ServiceToken{t}, err
}

func (s *ServiceTokens) get(ctx context.Context) (*accessToken, error) {
	if t := s.fresh.Load(); t != nil {
		return t, nil
	}
	return s.renewed(ctx)
}

// hold makes t the token to use; nil is none. The caller holds the lock.
func (s *ServiceTokens) hold(t *accessToken) {
	s.held.Store(t)
	s.fresh.Store(nil)
	if s.timer != nil {
		s.timer.Stop()
	}
	if t == nil || !s.timed {
		return
	}
	s.fresh.Store(t)
	s.timer = time.AfterFunc(t.renewAt.Sub(s.clock.Now()), func() { s.fresh.CompareAndSwap(t, nil) })
}

// renewed is the way of those who find no token, or one that is to be renewed.
func (s *ServiceTokens) renewed(ctx context.Context) (*accessToken, error) {
	for {
		s.mu.Lock()
		t, now := s.held.Load(), s.clock.Now()
		if t != nil && now.Before(t.usableUntil) {
			// Another has renewed it, or it is good enough while one renews it.
			if !now.Before(t.renewAt) && s.flight == nil && !now.Before(s.notBefore) {
				s.take(ctx)
			}
			s.mu.Unlock()
			return t, nil
		}
		f, wait := s.flight, s.notBefore.Sub(now)
		if f == nil && wait <= 0 {
			f = s.take(ctx)
		}
		lastErr := s.lastErr
		s.mu.Unlock()
		if f != nil {
			return f.wait(ctx)
		}
		if end, ok := ctx.Deadline(); ok && end.Sub(tandem.SystemTime()) < wait {
			return nil, fmt.Errorf("no token request for another %v, because of: %w", wait.Round(time.Millisecond), lastErr)
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// take begins the one token request. It belongs to no caller: who gives up
// leaves it to the others. The caller holds the lock.
func (s *ServiceTokens) take(ctx context.Context) *flight[*accessToken] {
	f := newFlight[*accessToken]()
	s.flight = f
	forced := s.forced
	go func() {
		t, err := s.request(context.WithoutCancel(ctx))
		s.mu.Lock()
		s.flight = nil
		if err == nil {
			t.forced, s.forced = forced, false
			s.failures, s.lastErr, s.notBefore = 0, nil, time.Time{}
			s.hold(t)
		} else {
			s.failed(err)
		}
		s.mu.Unlock()
		f.land(t, err)
	}()
	return f
}

// failed keeps the distance to the next request, and nothing that a later
// caller would be answered with.
func (s *ServiceTokens) failed(err error) {
	s.failures++
	s.lastErr = err
	var wait time.Duration
	if s.failures > 1 {
		wait = min(firstBackoff<<min(s.failures-2, 10), maxBackoff)
		wait -= rand.N(wait/5 + 1)
	}
	var e *oauth.Error
	if errors.As(err, &e) {
		wait = max(wait, min(e.RetryAfter, maxRetryAfter))
	}
	s.notBefore = s.clock.Now().Add(wait)
	s.log.Warn("service token request failed",
		"application", s.endpoint.applicationURI, "failures", s.failures, "retry_in", wait, "error", err)
}

func (s *ServiceTokens) request(ctx context.Context) (*accessToken, error) {
	response, err := s.endpoint.request(ctx, s.form, true)
	if err != nil {
		return nil, err
	}
	t := response.access // a refresh or ID token has no place here (invariant I3)
	var claims struct {
		Kind       oauth.TokenKind `json:"token_kind"`
		SystemUser string          `json:"client_system_user"`
	}
	peek(t.raw(), &claims)
	if claims.Kind != "" && claims.Kind != oauth.KindService {
		// Invariant I7.
		return nil, tandem.Errorf(tandem.CodeUnavailable, "the identity server gave a token of another kind than asked for; it is not used")
	}
	t.identity = claims.SystemUser
	t.plan(rand.Float64() / 10)
	return t, nil
}

// rejected drops a token that the API refused and gets another one. All whose
// token was the same share that renewal.
func (s *ServiceTokens) rejected(ctx context.Context, t *accessToken, wait bool) *accessToken {
	s.mu.Lock()
	if held := s.held.Load(); held == t {
		if !t.replaceable(s.clock.Now()) {
			s.mu.Unlock()
			return nil
		}
		s.hold(nil)
		s.forced = true
	}
	s.mu.Unlock()
	if !wait {
		return nil
	}
	other, err := s.get(ctx)
	if err != nil || other == t {
		return nil
	}
	return other
}

// Client makes API calls as the application.
func (s *ServiceTokens) Client() *ServiceClient { return &ServiceClient{s} }

// Status tells diagnostics whether a live token is held, whom it acts as (empty
// where the token does not say), and until when. It makes no request.
func (s *ServiceTokens) Status() (held bool, systemUser string, expiresAt time.Time) {
	t := s.held.Load()
	if t == nil || !s.clock.Now().Before(t.expiresAt) {
		return false, "", time.Time{}
	}
	return true, t.identity, t.expiresAt
}

// ServiceClient makes API calls with the service token. It is an
// [http.RoundTripper] too, for libraries that want one.
type ServiceClient struct{ tokens *ServiceTokens }

// Do sends the request with the service token. It goes to the API's origins
// only (see [ServiceConfig]); redirects are not followed. A response of 401 is
// treated like [UserClient.Do] does. With a context of [OnBehalfOf] the request
// says for whom it is made.
func (c *ServiceClient) Do(req *http.Request) (*http.Response, error) {
	return c.tokens.calls.do(req, "")
}

// RoundTrip is Do.
func (c *ServiceClient) RoundTrip(req *http.Request) (*http.Response, error) { return c.Do(req) }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
