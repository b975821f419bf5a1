package client

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
)

// ErrSignedOut is returned when the person must sign in again: the provider
// refused the refresh token, or there is none and the access token has ended.
var ErrSignedOut error = tandem.Errorf(tandem.CodeUnauthorized, "your sign-in has ended; please sign in again")

// minIDToken is how much life an ID token that is handed out should have left.
const minIDToken = 60 * time.Second

// UserSession is a signed-in person. It belongs to the request it was made for
// and is safe for concurrent use within it.
type UserSession struct {
	tokens *UserTokens
	calls  *authorised
	state  atomic.Pointer[userState]
	over   atomic.Bool // signed out: whoever still has it gets no token
}

// userState is an opened session. It is never changed: a renewal makes a new one.
type userState struct {
	key     SessionKey
	version int64
	// expiresAt is the row's: the end if the session is not used.
	expiresAt              time.Time
	createdAt, absoluteEnd time.Time
	access                 *accessToken
	refresh, idToken       string
	identity               IDToken
	// idTokenAt is when idToken came, by this clock.
	idTokenAt time.Time
}

// sameAccess reports whether other still has the same access token.
func (st *userState) sameAccess(other *userState) bool { return other.access.raw() == st.access.raw() }

// idTokenLives tells by how long the token lives from its arrival, so that it does
// not matter whether this clock and the provider's are the same.
func (st *userState) idTokenLives(now time.Time, left time.Duration) bool {
	lifetime := st.identity.ExpiresAt.Sub(st.identity.IssuedAt)
	return now.Add(left).Before(st.idTokenAt.Add(lifetime))
}

func (t *UserTokens) session(st *userState) *UserSession {
	s := &UserSession{tokens: t}
	s.state.Store(st)
	s.calls = &authorised{
		http: t.api, origins: t.origins, observe: t.config.Observe, clock: t.clock,
		token: s.access, rejected: s.rejected, patience: userPatience, proofs: t.endpoint.proofs,
	}
	return s
}

// Identity says who the person is, as of the last ID token.
func (s *UserSession) Identity() IDToken { return s.state.Load().identity }

// Scope is what the access token was granted; an external user has no API scope.
func (s *UserSession) Scope() tandem.Scope { return s.state.Load().access.scope }

// SignedInAt is when the session began.
func (s *UserSession) SignedInAt() time.Time { return s.state.Load().createdAt }

// Token is the person's access token. It is renewed in the background ahead of
// its expiry, and waited for only when it has ended. One renewal runs per
// session; of several replicas one wins and all use its result. When the
// provider refuses to renew, the session ends and the error is [ErrSignedOut];
// when it cannot be reached, the session stays and the error is a
// [tandem.Error] with [tandem.CodeUnavailable].
func (s *UserSession) Token(ctx context.Context) (UserToken, error) {
	t, err := s.access(ctx)
	return UserToken{t}, err
}

func (s *UserSession) access(ctx context.Context) (*accessToken, error) {
	st, now := s.state.Load(), s.tokens.clock.Now()
	switch {
	case s.over.Load():
		return nil, ErrSignedOut
	case now.Before(st.access.renewAt):
		return st.access, nil
	case now.Before(st.access.usableUntil):
		if st.refresh != "" {
			s.tokens.renewAhead(ctx, st.key, need{stale: st.sameAccess})
		}
		return st.access, nil
	case st.refresh == "" && now.Before(st.access.expiresAt):
		return st.access, nil
	}
	st, err := s.renewed(ctx, need{stale: st.sameAccess})
	if err != nil {
		return nil, err
	}
	return st.access, nil
}

// IDToken is the person's raw ID token, as evidence for a worker, with at least
// 60 seconds left: it is renewed by refresh. While the provider cannot be
// reached, one with less time left is returned as long as it lives.
func (s *UserSession) IDToken(ctx context.Context) (string, error) {
	st := s.state.Load()
	if s.over.Load() {
		return "", ErrSignedOut
	}
	if st.idTokenLives(s.tokens.clock.Now(), minIDToken) {
		return st.idToken, nil
	}
	if st.refresh == "" {
		if !st.idTokenLives(s.tokens.clock.Now(), 0) {
			return "", ErrSignedOut
		}
		return st.idToken, nil
	}
	next, err := s.renewed(ctx, need{stale: func(other *userState) bool {
		return !other.idTokenLives(s.tokens.clock.Now(), minIDToken)
	}})
	if err == nil {
		st = next
	} else if tandem.ErrorCode(err) == tandem.CodeUnauthorized {
		return "", err
	}
	if !st.idTokenLives(s.tokens.clock.Now(), 0) {
		if err == nil { // a provider that gives none on refresh
			err = ErrSignedOut
		}
		return "", err
	}
	return st.idToken, nil
}

// renewed waits for a renewal and keeps its result.
func (s *UserSession) renewed(ctx context.Context, n need) (*userState, error) {
	key := s.state.Load().key
	for {
		r, err := s.tokens.renew(ctx, key, n).wait(ctx)
		if err != nil {
			return nil, err
		}
		s.state.Store(r.state)
		// A flight that was in the air for another need may have found nothing
		// to do; the next one is for this need.
		if r.renewed || !n.stale(r.state) {
			return r.state, nil
		}
	}
}

// rejected renews a token that the API refused.
func (s *UserSession) rejected(ctx context.Context, t *accessToken, wait bool) *accessToken {
	st := s.state.Load()
	if st.access.raw() != t.raw() { // renewed meanwhile
		return st.access
	}
	if st.refresh == "" || !t.replaceable(s.tokens.clock.Now()) {
		return nil
	}
	n := need{stale: func(other *userState) bool { return other.access.raw() == t.raw() }, forced: true}
	if !wait {
		s.tokens.renewAhead(ctx, st.key, n)
		return nil
	}
	next, err := s.renewed(ctx, n)
	if err != nil || next.access.raw() == t.raw() {
		return nil
	}
	return next.access
}

// Client makes API calls as the person.
func (s *UserSession) Client() *UserClient { return &UserClient{s} }

// UserClient makes API calls with the user token of one session. It is an
// [http.RoundTripper] too, for libraries that want one.
type UserClient struct{ session *UserSession }

// Do sends the request with the user token. It goes to the API's origins only
// (see [UserConfig]); redirects are not followed. A response of 401 leads to one
// renewal, shared by all calls that used the same token, and to one repetition
// of a request that is safe to repeat: GET, HEAD, OPTIONS, PUT, DELETE, or one
// with an Idempotency-Key, whose body, if any, can be had again (GetBody).
func (c *UserClient) Do(req *http.Request) (*http.Response, error) {
	return c.session.calls.do(req, "")
}

// RoundTrip is Do.
func (c *UserClient) RoundTrip(req *http.Request) (*http.Response, error) { return c.Do(req) }
