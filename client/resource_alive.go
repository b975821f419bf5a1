package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

const (
	// AliveKept is for how long an answer of the provider to [ResourceServer.Alive] is
	// used, counted from when it was asked: with what a replica of the provider takes to
	// hear of a change, never more than five seconds.
	AliveKept = 2 * time.Second
	// aliveAskIn bounds one question.
	aliveAskIn = 4 * time.Second
)

// ErrTokenEnded is what [ResourceServer.Alive] says of a token that is good no more: it was
// revoked, or its person, sign-in or application was ended.
var ErrTokenEnded error = tandem.Errorf(tandem.CodeUnauthorized, "the token was ended at the provider; get a new one")

// liveKey is the SHA-256 of a token, so that none is kept.
type liveKey [sha256.Size]byte

// Alive asks the provider whether the caller of the context may still act, at its
// introspection endpoint (RFC 7662) with the back end's own credential. A token that was
// verified offline is good until it expires, whatever became of its person meanwhile: so
// ask before an effect, such as a write to the ERP, and not before a read.
//
// An answer is used for [AliveKept], and those who need it at the same time share one
// question. It fails closed: without an answer within four seconds the error is one with
// [tandem.CodeUnavailable]; [ErrTokenEnded] is a no.
func (s *ResourceServer) Alive(ctx context.Context) error {
	c := CallerOf(ctx)
	if c == nil {
		return tandem.Errorf(tandem.CodeInternal, "nobody calls: Middleware does not stand before this handler")
	}
	return s.AliveCaller(ctx, c)
}

// AliveCaller is Alive for a caller whom [ResourceServer.Verify] returned.
func (s *ResourceServer) AliveCaller(ctx context.Context, c *Caller) error {
	_, err := s.life(ctx, c)
	return err
}

// Groups are the names of the groups that a caller is in, as of at most [AliveKept] ago:
// an API that lets members of a group do more asks for them then. The errors are those of
// [ResourceServer.Alive]. Providers other than Tandem tell of none.
func (s *ResourceServer) Groups(ctx context.Context, c *Caller) ([]string, error) {
	told, err := s.life(ctx, c)
	return slices.Clone(told.groups), err
}

// life is what the provider says of a token: what its end was, and the groups of its person.
type life struct {
	ended  error
	groups []string
}

func (s *ResourceServer) life(ctx context.Context, c *Caller) (life, error) {
	if s.config.Service == nil {
		return life{}, tandem.Errorf(tandem.CodeInternal, "the resource server has no Service to ask the provider with")
	}
	told, err := s.alive.get(ctx, liveKey(sha256.Sum256([]byte(c.token()))), func(ctx context.Context) (life, error) {
		answer, err := s.config.Service.introspect(ctx, url.Values{"token": {c.token()}, "token_type_hint": {"access_token"}})
		switch {
		case err != nil:
			return life{}, fail(tandem.CodeUnavailable, err, "the provider %s cannot be asked whether a token is alive; try again shortly: %v",
				s.config.Provider.issuer, err)
		case !s.confirms(&answer, c):
			return life{ended: ErrTokenEnded}, nil
		}
		return life{groups: answer.Groups}, nil
	})
	if err == nil {
		err = told.value.ended
	}
	return told.value, err
}

// confirms reports whether an answer is a yes, about this token and nobody else's.
func (s *ResourceServer) confirms(told *oauth.Introspection, c *Caller) bool {
	return told.Active && (told.ClientID == "" || told.ClientID == c.ApplicationURI) && (told.Subject == "" || told.Subject == c.Subject) &&
		(told.ID == "" || told.ID == c.TokenID) && (len(told.Audience) == 0 || slices.Contains(told.Audience, s.config.Resource))
}

// errNoIntrospection is for providers without the endpoint.
var errNoIntrospection = errors.New("it has no introspection endpoint")
