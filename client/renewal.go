package client

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

const (
	// renewalDistance is how long after a failure a renewal ahead of expiry
	// waits; one that somebody waits for does not.
	renewalDistance = 5 * time.Second
	// winnerGrace is how long a renewal that was refused waits for another
	// replica to store what it got with the same refresh token.
	winnerGrace = 300 * time.Millisecond
)

// renewal is what a flight brings: the session, and whether its tokens were
// renewed on the way, here or by another replica.
type renewal struct {
	state   *userState
	renewed bool
}

// need says why a session is to be renewed: stale reports whether a session
// still has what has to be replaced; forced, that the API refused its token.
type need struct {
	stale  func(*userState) bool
	forced bool
}

// renew joins the renewal of a session that is in flight, or begins one. It
// belongs to no caller: who gives up leaves it to the others.
func (t *UserTokens) renew(ctx context.Context, key SessionKey, n need) *flight[renewal] {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.flights[key]; f != nil {
		return f
	}
	f := newFlight[renewal]()
	t.flights[key] = f
	ctx = context.WithoutCancel(ctx)
	t.running.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, 2*requestTimeout)
		defer cancel()
		result, err := t.refresh(ctx, key, n)
		t.mu.Lock()
		delete(t.flights, key)
		t.mu.Unlock()
		f.land(result, err)
	})
	return f
}

// renewAhead begins a renewal that nobody waits for.
func (t *UserTokens) renewAhead(ctx context.Context, key SessionKey, n need) {
	if until, ok := t.resting.get(key); !ok || !t.clock.Now().Before(until) {
		t.renew(ctx, key, n)
	}
}

// refresh renews a session by its refresh token (RFC 6749 section 6).
func (t *UserTokens) refresh(ctx context.Context, key SessionKey, n need) (renewal, error) {
	st, err := t.reload(ctx, key)
	if err != nil {
		return renewal{}, err
	}
	if !n.stale(st) { // renewed meanwhile
		return renewal{state: st}, nil
	}
	if st.refresh == "" {
		return renewal{}, ErrSignedOut
	}
	if held := t.held(key); held != nil { // one version ahead of the row is enough
		if _, err := t.save(ctx, held); err != nil {
			return renewal{}, fail(tandem.CodeUnavailable, err, "sessions cannot be written at the moment")
		}
		if st, err = t.reload(ctx, key); err != nil {
			return renewal{}, err
		}
	}
	if st, err = t.claim(ctx, st, n); err != nil {
		return renewal{}, err
	}
	if !n.stale(st) { // another replica did it
		return renewal{st, true}, nil
	}
	result, err := t.renewHere(ctx, st, n)
	if err != nil {
		t.unclaim(ctx, st)
	}
	return result, err
}

// renewHere asks for new tokens and keeps them.
func (t *UserTokens) renewHere(ctx context.Context, st *userState, n need) (renewal, error) {
	response, err := t.endpoint.request(ctx, t.forResource(url.Values{"grant_type": {oauth.GrantRefreshToken}, "refresh_token": {st.refresh}}), true)
	if refusal(err) == oauth.InvalidGrant {
		return t.refreshRefused(ctx, st, err)
	}
	if err != nil {
		wait := renewalDistance
		var e *oauth.Error
		if errors.As(err, &e) {
			wait = max(wait, min(e.RetryAfter, maxRetryAfter))
		}
		t.resting.put(st.key, t.clock.Now().Add(wait))
		t.log.WarnContext(ctx, "a user token was not renewed", "error", err)
		return renewal{}, err
	}
	next, err := t.merge(ctx, st, response)
	if err != nil {
		t.log.ErrorContext(ctx, "the answer to a refresh is another's; the session ends", "error", err)
		return t.end(ctx, st)
	}
	next.access.forced = n.forced
	return t.keep(ctx, next)
}

// reload is load in the words of those who hold a session already.
func (t *UserTokens) reload(ctx context.Context, key SessionKey) (*userState, error) {
	st, err := t.load(ctx, key)
	switch {
	case errors.Is(err, tandem.ErrNotFound):
		return nil, ErrSignedOut
	case err != nil:
		return nil, fail(tandem.CodeUnavailable, err, "sessions cannot be read at the moment")
	}
	return st, nil
}

// merge is the session with what a refresh gave. Its error means that the
// response is about somebody else (OpenID Connect Core section 12.2).
func (t *UserTokens) merge(ctx context.Context, st *userState, response *tokenResponse) (*userState, error) {
	next := *st
	next.version++
	next.access = response.access
	if response.refresh != "" {
		next.refresh = response.refresh
	}
	if len(response.access.scope) == 0 {
		response.access.scope = st.access.scope
	}
	c := &idClaims{} // none to compare with
	if response.idToken != "" {
		var claimed struct {
			Issuer string `json:"iss"`
		}
		if peek(response.idToken, &claimed); claimed.Issuer != "" && claimed.Issuer != t.config.Provider.issuer {
			return nil, errors.New("the ID token of a refresh is of another issuer")
		}
		verified, err := t.verifier.claims(ctx, response.idToken)
		switch {
		case err != nil:
			// Its refresh token must not be lost for this; the old ID token is
			// good for as long as it lives.
			t.log.ErrorContext(ctx, "the ID token of a refresh is not used", "error", err)
		case verified.Subject != st.identity.Subject:
			return nil, errors.New("the ID token of a refresh is about another person")
		default:
			c = verified
			next.idToken, next.identity, next.idTokenAt = response.idToken, verified.identity(), response.access.issuedAt
		}
	}
	if err := checkUserToken(response.access, c); err != nil {
		return nil, err
	}
	next.access.plan(0)
	next.access.identity = next.identity.Login
	return &next, nil
}

// keep stores a renewed session, or holds it for a store that does not answer. When
// another replica was first, its result is the one that counts: the server gave both the
// same.
func (t *UserTokens) keep(ctx context.Context, next *userState) (renewal, error) {
	saved, err := t.save(ctx, next)
	switch {
	case err != nil && t.hold(next):
		t.log.WarnContext(ctx, "session store: a renewed token waits here until it is saved", "error", err)
		return renewal{next, true}, nil
	case err != nil:
		t.log.ErrorContext(ctx, "session store: a renewed token was not saved", "error", err)
		return renewal{}, fail(tandem.CodeUnavailable, err, "your session cannot be kept at the moment; please try again shortly")
	case saved:
		return renewal{next, true}, nil
	}
	winner, err := t.reload(ctx, next.key)
	return renewal{winner, true}, err
}

// refreshRefused ends a session whose refresh token is good no more, unless another
// replica used it and has the new one.
func (t *UserTokens) refreshRefused(ctx context.Context, st *userState, cause error) (renewal, error) {
	if err := sleep(ctx, winnerGrace); err != nil {
		return renewal{}, err
	}
	again, err := t.reload(ctx, st.key)
	if err != nil {
		return renewal{}, err
	}
	if again.version != st.version {
		return renewal{again, true}, nil
	}
	t.log.InfoContext(ctx, "the provider ended a sign-in", "error", cause)
	return t.end(ctx, st)
}

// end ends a session, if it is still the version that is known: a replica that
// renewed it meanwhile has the last word.
func (t *UserTokens) end(ctx context.Context, st *userState) (renewal, error) {
	over := *st
	over.version++
	over.absoluteEnd = st.createdAt
	over.access, over.refresh, over.idToken = newAccessToken(""), "", ""
	row, err := t.seal(&over)
	if err != nil {
		return renewal{}, err
	}
	saved, err := t.config.Sessions.Save(ctx, row)
	if err != nil {
		return renewal{}, fail(tandem.CodeUnavailable, err, "sessions cannot be written at the moment")
	}
	if !saved {
		winner, err := t.reload(ctx, st.key)
		return renewal{winner, true}, err
	}
	t.forget(ctx, st.key)
	return renewal{}, ErrSignedOut
}
