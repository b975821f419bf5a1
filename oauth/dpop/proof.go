package dpop

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/internal/keyalg"
)

// Header carries the proof, NonceHeader what the server wants to see in the next one.
const (
	Header      = "DPoP"
	NonceHeader = "DPoP-Nonce"
	// Scheme is that of an Authorization header with a token that is bound to a key,
	// and the token_type of one (RFC 9449 sections 5 and 7.1).
	Scheme = "DPoP"
)

// Bounds of a proof.
const (
	// MaxProof is the longest proof that is looked at, in bytes.
	MaxProof = 4 << 10
	// MaxID is the longest jti, in bytes.
	MaxID = 256
	// Lifetime is how old a proof may be, Skew how far its maker's clock may be ahead:
	// proofs are made for one request at the moment.
	Lifetime = time.Minute
	Skew     = 15 * time.Second
)

// AlgorithmNames are the algorithms that a proof may be signed with, for metadata and
// challenges: asymmetric ones alone (RFC 9449 section 11.6).
func AlgorithmNames() []string { return keyalg.Names() }

// Request is what a proof is made for.
type Request struct {
	// Method is the HTTP method. URL is the address as the client sees it; its query
	// and fragment do not count.
	Method, URL string
	// AccessToken is the token that comes with it; empty where none does.
	AccessToken string
}

// Proof is a proof that is right by itself.
type Proof struct {
	// Thumbprint is the key's, by SHA-256 (RFC 7638), as in the claim cnf of a token.
	Thumbprint string
	// Algorithm is what it is signed with.
	Algorithm jose.SignatureAlgorithm
	// ID is the jti, Nonce the server's nonce; empty where there is none.
	ID, Nonce string
	IssuedAt  time.Time
}

// Error is a proof that proves nothing: what is wrong, for who develops the client.
type Error struct {
	Reason string
	// Nonce says that a proof with a nonce of the server would do.
	Nonce bool
	// Token says that nothing is wrong with a proof: it is the token that came by the wrong
	// scheme. Reason is a whole sentence then.
	Token bool
}

// Error implements error.
func (e *Error) Error() string {
	if e.Token {
		return e.Reason
	}
	return "the DPoP proof " + e.Reason
}

func bad(reason string) *Error { return &Error{Reason: reason} }

// claims are those of a proof (RFC 9449 section 4.2).
type claims struct {
	ID        string   `json:"jti"`
	Method    string   `json:"htm"`
	URL       string   `json:"htu"`
	IssuedAt  *float64 `json:"iat"`
	ExpiresAt *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	TokenHash string   `json:"ath"`
	Nonce     string   `json:"nonce"`
}

// Verify checks a proof for a request (RFC 9449 section 4.3), but not whether it came
// before, nor its nonce. The error is an [*Error].
func Verify(text string, r Request, now time.Time) (*Proof, error) {
	return verify(text, r, now, new(keys))
}

func verify(text string, r Request, now time.Time, seen *keys) (*Proof, error) {
	if len(text) > MaxProof {
		return nil, bad("is too long")
	}
	part := strings.Split(text, ".")
	if len(part) != 3 {
		return nil, errForm()
	}
	payload, err := decoded(part[1])
	signature, err2 := decoded(part[2])
	if err != nil || err2 != nil {
		return nil, errForm()
	}
	key := seen.find(part[0])
	if key == nil {
		var err error
		if key, err = readHeader(part[0]); err != nil {
			return nil, err
		}
	}
	if keyalg.Verify(key.algorithm, key.public, text[:len(part[0])+1+len(part[1])], signature) != nil {
		return nil, bad("is not signed by the key in its header")
	}
	seen.keep(part[0], key)
	var c claims
	if json.Unmarshal(payload, &c) != nil {
		return nil, bad("has claims that cannot be read")
	}
	if problem := c.problem(r, now); problem != "" {
		return nil, bad(problem)
	}
	return &Proof{Thumbprint: key.thumbprint, Algorithm: key.algorithm, ID: c.ID, Nonce: c.Nonce, IssuedAt: time.Unix(int64(*c.IssuedAt), 0)}, nil
}

// problem says what is wrong with the claims; empty when nothing is.
func (c *claims) problem(r Request, now time.Time) string {
	at := float64(now.UnixMilli()) / 1000
	switch {
	case c.ID == "" || len(c.ID) > MaxID:
		return "must have an id (jti) of at most 256 bytes"
	case c.Method != r.Method:
		return "is for another method (htm)"
	case !sameURL(c.URL, r.URL):
		return "is for another address (htu)"
	case c.IssuedAt == nil || math.Abs(*c.IssuedAt) > 1<<40:
		return "must say when it was made (iat)"
	case *c.IssuedAt > at+Skew.Seconds() || c.NotBefore != nil && *c.NotBefore > at+Skew.Seconds():
		return "is of the future: look at the clock"
	case *c.IssuedAt < at-Lifetime.Seconds() || c.ExpiresAt != nil && *c.ExpiresAt <= at-Skew.Seconds():
		return "is too old: make one for each request"
	case r.AccessToken != "" && c.TokenHash != Hash(r.AccessToken):
		return "is for another access token (ath)"
	}
	return ""
}

// Hash is the claim ath of a token (RFC 9449 section 4.2).
func Hash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ValidThumbprint reports whether the text has the form of a thumbprint by SHA-256.
func ValidThumbprint(text string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(b) == sha256.Size && !strings.ContainsAny(text, "\r\n")
}

// sameURL compares two addresses without query and fragment, normalized (RFC 9449
// section 4.3 point 9, RFC 3986 sections 6.2.2 and 6.2.3).
func sameURL(told, is string) bool {
	if told == is && !strings.ContainsAny(is, "?#") { // as clients send it; ours is an address of our own
		return true
	}
	a, ok := normal(told)
	b, ok2 := normal(is)
	return ok && ok2 && a == b
}

func normal(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return "", false
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", false
	}
	path := u.Path // decoded, so that it does not matter what was escaped
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path, true
}

// header is the JOSE header of a proof.
type header struct {
	Type      string                  `json:"typ"`
	Algorithm jose.SignatureAlgorithm `json:"alg"`
	Key       json.RawMessage         `json:"jwk"`
	Critical  json.RawMessage         `json:"crit"` // nothing is known that could be
}

// readHeader is the key of a proof by its first part.
func readHeader(part string) (*provingKey, error) {
	head, err := decoded(part)
	var h header
	if err != nil || json.Unmarshal(head, &h) != nil || !slices.Contains(keyalg.All, h.Algorithm) || h.Critical != nil {
		return nil, errForm()
	}
	if h.Type != "dpop+jwt" {
		return nil, bad("must have the type dpop+jwt")
	}
	key := h.key()
	if key == nil {
		return nil, bad("must have the public key that it is signed with in its header jwk")
	}
	return key, nil
}

// key is the public key in the header; nil where there is none that fits. A private one is
// not even read, which for RSA costs much.
func (h *header) key() *provingKey {
	var secret struct {
		D, K, Oth, P, Q, Qi, X5c json.RawMessage
	}
	if len(h.Key) == 0 || json.Unmarshal(h.Key, &secret) != nil || secret.D != nil || secret.K != nil || secret.Oth != nil ||
		secret.P != nil || secret.Q != nil || secret.Qi != nil || secret.X5c != nil {
		return nil
	}
	var key jose.JSONWebKey
	if key.UnmarshalJSON(h.Key) != nil || !key.IsPublic() || !fits(key.Key, h.Algorithm) {
		return nil
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil
	}
	return &provingKey{h.Algorithm, key.Key, base64.RawURLEncoding.EncodeToString(sum)}
}

func errForm() error {
	return bad("is no JWS in compact form by one of " + strings.Join(AlgorithmNames(), ", "))
}

// decoded decodes base64url without padding (RFC 7515 section 2); the decoder by itself
// would pass over line breaks.
func decoded(part string) ([]byte, error) {
	if strings.ContainsAny(part, "\r\n") {
		return nil, errForm()
	}
	return base64.RawURLEncoding.Strict().DecodeString(part)
}

// fits reports whether a key is one for the algorithm, and strong enough.
func fits(key any, algorithm jose.SignatureAlgorithm) bool {
	return slices.Contains(keyalg.Of(key), algorithm)
}
