package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
)

// accessAlgorithms are what access tokens may be signed with unless the configuration says
// something else: asymmetric ones alone.
var accessAlgorithms = []string{"ES256", "RS256", "PS256", "EdDSA"}

// DefaultSkew is how far the clock of the provider may differ from ours.
const DefaultSkew = 5 * time.Second

// ResourceServerConfig configures a [ResourceServer]. Provider, Resource and AcceptsFrom
// are needed.
type ResourceServerConfig struct {
	Provider *Provider
	// Resource is the URI that tokens have to be for, compared byte for byte: the one
	// that is registered at the provider (tandem app update ID --resource URI).
	Resource string
	// AcceptsFrom are the ApplicationURIs (client_id) whose tokens are taken.
	AcceptsFrom []string
	// URL is where clients see the server, scheme and host: what proofs of possession are
	// made for. Empty means that of Resource.
	URL string
	// Scopes are told by the metadata.
	Scopes []string
	// Name is what people call the API; it is told by the metadata.
	Name string
	// BoundOnly refuses tokens that are bound to no key (RFC 9449).
	BoundOnly bool
	// Seen remembers proofs, so that each is good once; nil remembers them in this
	// process. Replicas to which a stolen request could be sent again share one.
	Seen dpop.Seen
	// NonceKey makes proofs carry a nonce of the server, which no client can have made
	// ahead (RFC 9449 section 9): a secret that all replicas have. Nil asks for none.
	NonceKey []byte
	// Service is the back end's half, with whose credential the provider is asked whether
	// a token is alive: see [ResourceServer.Alive]. Nil asks nobody, and Alive fails.
	Service *ServiceTokens
	// Unmarked takes tokens that say neither by their type at+jwt nor by the claim token_kind
	// that they are access tokens, as some providers' do not (RFC 9068 section 2.1). Then the audience alone
	// tells an ID token apart: never set it where Resource is a client_id.
	Unmarked bool
	// SigningAlgorithms are those that access tokens may be signed with; nil means ES256,
	// RS256, PS256 and EdDSA, also by the newer name Ed25519. Algorithms with a shared secret, or none, are refused.
	SigningAlgorithms []string
	// Skew is how far the provider's clock may differ; zero means [DefaultSkew], and more
	// than a minute is refused.
	Skew time.Duration
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// ResourceServer verifies who calls an API of an application's own: people, by access
// tokens that are for this API and for nothing else (RFC 8707, RFC 9068). It asks nobody
// for that: the provider's keys are enough. Before something is done that cannot be undone
// ask [ResourceServer.Alive] besides.
//
// It takes tokens of Tandem and ERP.net, and of every provider that follows RFC 9068. It is
// safe for concurrent use.
type ResourceServer struct {
	config     ResourceServerConfig
	algorithms []string
	proofs     *dpop.Server
	skew       time.Duration
	clock      tandem.Clock
	metadata   string // the address of its document; empty for none
	alive      answers[liveKey, life]
	// proven are tokens whose signature was verified, by the key that did.
	proven recent[liveKey, publicKey]
}

// NewResourceServer checks the configuration. It makes no request.
func NewResourceServer(c ResourceServerConfig) (*ResourceServer, error) {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("resource server: "+format, args...))
	}
	if c.Provider == nil {
		return nil, errors.New("resource server: no Provider")
	}
	u, err := url.Parse(c.Resource)
	if c.Resource == "" || err != nil || !u.IsAbs() || strings.Contains(c.Resource, "#") {
		fault("Resource %q: use the absolute URI, without a fragment, that is registered at the provider", c.Resource)
		u = &url.URL{}
	}
	if len(c.AcceptsFrom) == 0 || slices.Contains(c.AcceptsFrom, "") {
		fault("AcceptsFrom: name the ApplicationURIs whose tokens are taken")
	}
	base := strings.TrimSuffix(c.URL, "/")
	if base == "" && u.Host != "" {
		base = u.Scheme + "://" + u.Host
	}
	if at, err := url.Parse(base); err != nil || at.Host == "" || at.Path != "" || at.Scheme != "https" && at.Scheme != "http" {
		fault("URL %q: use the scheme and host at which clients see the server, such as https://field.example.com", c.URL)
	}
	if c.SigningAlgorithms == nil {
		c.SigningAlgorithms = accessAlgorithms
	}
	algorithms, err := signingAlgorithms(c.SigningAlgorithms)
	if err != nil {
		fault("%w", err)
	}
	if c.Skew == 0 {
		c.Skew = DefaultSkew
	}
	if c.Skew < 0 || c.Skew > time.Minute {
		fault("Skew %v: use at most a minute", c.Skew)
	}
	if c.NonceKey != nil && len(c.NonceKey) < 16 {
		fault("NonceKey: use at least 16 random bytes")
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	s := &ResourceServer{
		config: c, algorithms: algorithms, skew: c.Skew, clock: c.Clock, metadata: oauth.ResourceMetadataURL(c.Resource),
		alive:  answers[liveKey, life]{keep: AliveKept, within: aliveAskIn, clock: c.Clock},
		proofs: &dpop.Server{Base: base, Seen: c.Seen, Now: c.Clock.Now},
	}
	if s.proofs.Seen == nil {
		s.proofs.Seen = new(dpop.Recent).First
	}
	if c.NonceKey != nil {
		s.proofs.Nonces = &dpop.Nonces{Key: c.NonceKey}
	}
	return s, nil
}

// Caller is whom an access token speaks for, and through which application. It is no token
// and may be logged.
type Caller struct {
	// Subject is the claim sub: the login in Tandem and ERP.net. UserID never changes
	// (claim id, a GUID); with other providers it is the Subject.
	Subject, UserID string
	// UserType is empty with other providers than Tandem and ERP.net.
	UserType tandem.UserType
	// Name and Email are there where the application asked for the scope profile.
	Name, Email string
	// ApplicationURI is the application that calls, SignInID the sign-in at the provider.
	ApplicationURI, SignInID string
	// Scope is what the token may do.
	Scope tandem.Scope
	// TokenID is the jti; KeyThumbprint that of the key that the token is bound to, empty
	// for a bearer's.
	TokenID, KeyThumbprint string
	IssuedAt, ExpiresAt    time.Time

	token hidden[string]
}

// External reports whether the person is an external (community) user.
func (c *Caller) External() bool { return c.UserType == tandem.ExternalCommunityUser }

type callerKey struct{}

// CallerOf is who calls, as [ResourceServer.Middleware] has verified it; nil where it does
// not stand before the handler.
func CallerOf(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}

// Middleware lets calls through whose token is for this API and has all of the scopes, and
// refuses others as RFC 6750 and RFC 9449 have it. The handler finds the caller with
// [CallerOf].
func (s *ResourceServer) Middleware(next http.Handler, scopes ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store") // what follows is for this person only
		c, err := s.Verify(r, scopes...)
		s.tellNonce(w)
		if err != nil {
			s.Refuse(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	})
}

// Verify says who makes the request. The error is an [oauth.Error] for a request that is
// refused, to be answered by [ResourceServer.Refuse]; one with [tandem.CodeUnavailable]
// means that the provider's keys could not be fetched.
//
// It checks the signature by a key of the provider, the issuer, the type and kind of the
// token, that it is for this API, which application it was issued to, its times, its
// scopes, and, where the token is bound to a key, the proof of it, which is good once.
func (s *ResourceServer) Verify(r *http.Request, scopes ...string) (*Caller, error) {
	scheme, raw, err := presented(r)
	if err != nil {
		return nil, err
	}
	c, err := s.verifyToken(r.Context(), raw)
	if err != nil {
		return nil, err
	}
	if err := s.held(r, scheme, raw, c); err != nil {
		return nil, err
	}
	for _, scope := range scopes {
		if !c.Scope.Has(scope) {
			needed := strings.Join(scopes, " ")
			return nil, &insufficientScope{&oauth.Error{
				Code: oauth.InsufficientScope, Status: http.StatusForbidden, Description: "the token needs the scope " + needed,
			}, needed}
		}
	}
	return c, nil
}

// insufficientScope tells the scopes by a parameter of their own, too (RFC 6750 section 3).
type insufficientScope struct {
	refusal *oauth.Error
	scope   string
}

// Error implements error, and Unwrap makes it an [oauth.Error].
func (e *insufficientScope) Error() string { return e.refusal.Error() }
func (e *insufficientScope) Unwrap() error { return e.refusal }

// presented is the token of a request. It has to be in the header: in an address it would
// end up in logs and histories (RFC 6750 section 5.3).
func presented(r *http.Request) (scheme, raw string, err error) {
	if r.URL.Query().Has("access_token") {
		return "", "", &oauth.Error{Code: oauth.InvalidRequest, Status: http.StatusBadRequest, Description: "an access token must never be in the address: send it in the Authorization header"}
	}
	switch values := r.Header.Values("Authorization"); len(values) {
	case 0:
		return "", "", &oauth.Error{Status: http.StatusUnauthorized} // has simply not authenticated (section 3.1)
	case 1:
		scheme, raw, ok := oauth.AccessToken(values[0])
		if raw = strings.TrimLeft(raw, " "); !ok || raw == "" {
			return "", "", &oauth.Error{Status: http.StatusUnauthorized}
		}
		return scheme, raw, nil
	}
	return "", "", &oauth.Error{Code: oauth.InvalidRequest, Status: http.StatusBadRequest, Description: "the Authorization header is there more than once"}
}

// held checks that the request is by whom its token is bound to.
func (s *ResourceServer) held(r *http.Request, scheme, raw string, c *Caller) error {
	if c.KeyThumbprint == "" && s.config.BoundOnly {
		return invalid("only tokens that are bound to a key are taken here (DPoP)")
	}
	if u, err := url.ParseRequestURI(r.RequestURI); err == nil { // of URL what stands before may have taken a part away
		whole := *r
		whole.URL = u
		r = &whole
	}
	err := s.proofs.Check(r, scheme, raw, c.KeyThumbprint, dpop.Demands{Nonce: s.proofs.Nonces != nil})
	var wrong *dpop.Error
	switch {
	case !errors.As(err, &wrong):
		return err
	case wrong.Token:
		return &oauth.Error{Code: oauth.InvalidToken, Status: http.StatusUnauthorized, Scheme: dpop.Scheme, Description: wrong.Error()}
	case wrong.Nonce:
		return &oauth.Error{Code: oauth.UseDPoPNonce, Status: http.StatusUnauthorized, Description: wrong.Error()}
	}
	return &oauth.Error{Code: oauth.InvalidDPoPProof, Status: http.StatusUnauthorized, Description: wrong.Error()}
}

func invalid(why string) *oauth.Error {
	return &oauth.Error{Code: oauth.InvalidToken, Status: http.StatusUnauthorized, Description: why}
}

func (s *ResourceServer) tellNonce(w http.ResponseWriter) {
	if s.proofs.Nonces != nil {
		w.Header().Set(dpop.NonceHeader, s.proofs.Nonces.Now(s.clock.Now()))
	}
}

// Refuse writes the response to an error of [ResourceServer.Verify] or
// [ResourceServer.Alive]: the challenge of RFC 6750 section 3 and RFC 9449 section 7.1,
// with the address of the metadata (RFC 9728 section 5.1), and the same as JSON.
func (s *ResourceServer) Refuse(w http.ResponseWriter, err error) {
	var refusal *oauth.Error
	if !errors.As(err, &refusal) {
		refusal = &oauth.Error{Code: oauth.TemporarilyUnavailable, Status: http.StatusServiceUnavailable, RetryAfter: 2 * time.Second,
			Description: "it cannot be found out now who calls; try again"}
		if errors.Is(err, ErrTokenEnded) {
			refusal = invalid(ErrTokenEnded.Error())
		}
	}
	s.tellNonce(w)
	if refusal.Status == http.StatusServiceUnavailable {
		oauth.WriteError(w, refusal, false)
		return
	}
	scope := ""
	var lacking *insufficientScope
	if errors.As(err, &lacking) {
		scope = lacking.scope
	}
	pairs := []string{"error", string(refusal.Code), "error_description", refusal.Description, "scope", scope, "resource_metadata", s.metadata}
	bound := oauth.ChallengeHeader(dpop.Scheme, append([]string{"algs", strings.Join(dpop.AlgorithmNames(), " ")}, pairs...)...)
	switch about := refusal.Code; {
	case refusal.Scheme == dpop.Scheme || about == oauth.InvalidDPoPProof || about == oauth.UseDPoPNonce || s.config.BoundOnly:
		w.Header().Set("WWW-Authenticate", bound)
	case about == "":
		w.Header().Set("WWW-Authenticate", oauth.ChallengeHeader(oauth.TokenTypeBearer, pairs...))
		w.Header().Add("WWW-Authenticate", bound)
	default:
		w.Header().Set("WWW-Authenticate", oauth.ChallengeHeader(oauth.TokenTypeBearer, pairs...))
	}
	if refusal.Code == "" {
		oauth.NoStore(w.Header())
		w.WriteHeader(refusal.Status)
		return
	}
	oauth.WriteError(w, refusal, false)
}
