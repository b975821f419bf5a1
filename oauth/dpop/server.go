package dpop

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem/internal/keyalg"
)

// Seen reports whether the id of a proof is seen for the first time, and remembers it
// until the time. Of any number of calls at once exactly one is told so.
type Seen func(ctx context.Context, id [sha256.Size]byte, until time.Time) (first bool, err error)

// Server checks the proofs of requests.
type Server struct {
	// Base is where clients see the server: scheme and host of all its addresses.
	Base string
	Seen Seen
	// Nonces are those that proofs may be asked to have; nil takes any.
	Nonces *Nonces
	Now    func() time.Time

	keys keys
}

// Proof is the proof of a request; nil where it has none. accessToken is the token
// that comes with it, empty where none does. An [*Error] says what is wrong.
func (s *Server) Proof(r *http.Request, accessToken string) (*Proof, error) {
	p, err := s.Look(r, accessToken)
	if err != nil || p == nil {
		return nil, err
	}
	if err := s.Use(r.Context(), p); err != nil {
		return nil, err
	}
	return p, nil
}

// Look is Proof for who uses the proof up later: nothing is remembered.
func (s *Server) Look(r *http.Request, accessToken string) (*Proof, error) {
	headers := r.Header.Values(Header)
	switch len(headers) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, bad("is there more than once")
	}
	p, err := verify(headers[0], Request{Method: r.Method, URL: s.Base + r.URL.EscapedPath(), AccessToken: accessToken}, s.Now(), &s.keys)
	if err != nil {
		return nil, err
	}
	if p.Nonce != "" && s.Nonces != nil && !s.Nonces.Valid(p.Nonce, s.Now()) {
		return nil, &Error{Reason: "has a nonce that is not one of ours, or is too old: use the one of the header " + NonceHeader, Nonce: true}
	}
	return p, nil
}

// Use uses a proof up; nil is none.
func (s *Server) Use(ctx context.Context, p *Proof) error {
	if p == nil {
		return nil
	}
	id, until := p.Once()
	first, err := s.Seen(ctx, id, until)
	if err == nil && !first {
		err = ErrUsed
	}
	return err
}

// Demands are what a client's proofs have to be beyond what every proof has to.
type Demands struct {
	// Nonce wants a nonce of the server: the maker cannot have made the proof ahead.
	Nonce bool
	// FAPI wants an algorithm of the FAPI 2.0 Security Profile.
	FAPI bool
}

// Met says why a proof is not as demanded, by an [*Error]; nil is no proof.
func (d Demands) Met(p *Proof) error {
	switch {
	case p == nil:
	case d.FAPI && !keyalg.FAPI(p.Algorithm):
		return bad("is signed with " + string(p.Algorithm) + ", which the FAPI 2.0 Security Profile does not take: use PS256, ES256 or EdDSA")
	case d.Nonce && p.Nonce == "":
		return ErrNoNonce
	}
	return nil
}

// ErrNoNonce is the [*Error] of a proof without a nonce, where one is needed.
var ErrNoNonce error = &Error{Reason: "must have the nonce of the header " + NonceHeader, Nonce: true}

// ErrUsed is the [*Error] of a proof that was used before.
var ErrUsed error = bad("was used before: make one for each request")

// Once is by what a proof is known that may be used once (RFC 9449 section 11.1), and until
// when: later it is refused for its age.
func (p *Proof) Once() (id [sha256.Size]byte, until time.Time) {
	return sha256.Sum256([]byte("dpop\x00" + p.Thumbprint + "\x00" + p.ID)), p.IssuedAt.Add(Lifetime + Skew)
}

// Check says whether a request may use its token, which is bound to the key with the
// thumbprint; empty is one that is bound to none. scheme is that of the Authorization
// header (RFC 9449 section 7.1), and what the client's proofs have to be. An [*Error]
// says why not.
func (s *Server) Check(r *http.Request, scheme, accessToken, thumbprint string, d Demands) error {
	bound, told := thumbprint != "", strings.EqualFold(scheme, Scheme)
	switch {
	case !bound && told:
		return &Error{Reason: "the token is bound to no key: send it as Bearer", Token: true}
	case !bound:
		return nil
	case !told:
		return &Error{Reason: "the token is bound to a key: send it with the scheme DPoP and a proof by that key", Token: true}
	}
	p, err := s.Look(r, accessToken)
	switch {
	case err != nil:
		return err
	case p == nil:
		return bad("is missing: the token is bound to a key")
	}
	if err := d.Met(p); err != nil {
		return err
	}
	if p.Thumbprint != thumbprint { // before it is used up: who has not the key has nothing remembered
		return bad("is by another key than the one that the token is bound to")
	}
	return s.Use(r.Context(), p)
}

// Tell tells who sent a proof the newest nonce, whatever becomes of the request (RFC 9449
// sections 8.2 and 9): h is the header of the answer. Clients keep one nonce for all of an
// origin, so each answer to a proof has it.
func (s *Server) Tell(h http.Header, r *http.Request) {
	if s != nil && s.Nonces != nil && len(r.Header.Values(Header)) > 0 {
		h.Set(NonceHeader, s.Nonces.Now(s.Now()))
	}
}

// Nonces are made of the time and a key that all replicas have, so that none has to
// remember any (RFC 9449 section 8).
type Nonces struct {
	Key []byte

	newest atomic.Pointer[nonces]
}

// nonces are those of a period and of the one before it.
type nonces struct {
	period     int64
	now, older string
}

// nonceEvery is how often there is a new nonce; one is good until there are two newer.
const nonceEvery = 2 * time.Minute

// Now is the newest nonce.
func (n *Nonces) Now(now time.Time) string { return n.of(now).now }

// Valid reports whether a nonce is one of the last two.
func (n *Nonces) Valid(nonce string, now time.Time) bool {
	good := n.of(now)
	return hmac.Equal([]byte(nonce), []byte(good.now)) || hmac.Equal([]byte(nonce), []byte(good.older))
}

// of are the nonces of a time, which are made once in a period.
func (n *Nonces) of(now time.Time) *nonces {
	period := now.Unix() / int64(nonceEvery.Seconds())
	made := n.newest.Load()
	if made == nil || made.period != period {
		made = &nonces{period, n.at(period), n.at(period - 1)}
		n.newest.Store(made)
	}
	return made
}

func (n *Nonces) at(period int64) string {
	mac := hmac.New(sha256.New, n.Key)
	mac.Write(binary.BigEndian.AppendUint64([]byte("dpop nonce"), uint64(period)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// MaxRecent is how many ids a [Recent] remembers for sure.
const MaxRecent = 100_000

// Recent remembers ids in memory, for a server to which a proof comes once more only by
// the same way. It is bounded: of more than [MaxRecent] within their time the oldest are
// forgotten. The zero value is ready.
type Recent struct {
	mu       sync.Mutex
	new, old map[[sha256.Size]byte]struct{}
	turned   time.Time
}

// First is a [Seen].
func (s *Recent) First(_ context.Context, id [sha256.Size]byte, until time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.new == nil || len(s.new) >= MaxRecent || until.Sub(s.turned) > 2*(Lifetime+Skew) {
		s.old, s.new, s.turned = s.new, map[[sha256.Size]byte]struct{}{}, until
	}
	if _, there := s.new[id]; there {
		return false, nil
	}
	if _, there := s.old[id]; there {
		return false, nil
	}
	s.new[id] = struct{}{}
	return true, nil
}
