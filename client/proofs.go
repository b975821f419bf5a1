package client

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
)

// proofs makes proofs of possession for one half (RFC 9449). A nil one makes none.
type proofs struct {
	key   *dpop.Key
	clock tandem.Clock

	mu sync.Mutex
	// nonces are what each origin told last.
	nonces map[string]string
}

// maxNonces bounds the origins whose nonce is known.
const maxNonces = 64

func newProofs(key *dpop.Key, clock tandem.Clock) *proofs {
	if key == nil {
		return nil
	}
	return &proofs{key: key, clock: clock, nonces: map[string]string{}}
}

// scheme is the token_type that is expected, and the scheme of the Authorization header.
func (p *proofs) scheme() string {
	if p == nil {
		return oauth.TokenTypeBearer
	}
	return dpop.Scheme
}

// add puts a proof into the header of a request that carries the token; empty for none. It
// returns the nonce in the proof, for heard.
func (p *proofs) add(header http.Header, method string, u *url.URL, token string) (string, error) {
	if p == nil {
		return "", nil
	}
	at := *u
	at.RawQuery, at.Fragment = "", ""
	if method == "" {
		method = http.MethodGet
	}
	p.mu.Lock()
	nonce := p.nonces[origin(u)]
	p.mu.Unlock()
	text, err := p.key.Proof(dpop.Request{Method: method, URL: at.String(), AccessToken: token}, nonce, p.clock.Now())
	if err != nil {
		return "", err
	}
	header.Set(dpop.Header, text)
	return nonce, nil
}

// heard remembers the nonce of an answer, and reports whether it is another one than used,
// that of the request's own proof: what is remembered, a request beside it may have learned.
func (p *proofs) heard(u *url.URL, header http.Header, used string) bool {
	nonce := header.Get(dpop.NonceHeader)
	if p == nil || nonce == "" || len(nonce) > maxToken {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	of := origin(u)
	if _, known := p.nonces[of]; !known && len(p.nonces) >= maxNonces {
		clear(p.nonces)
	}
	p.nonces[of] = nonce
	return nonce != used
}

// wantsNonce reports whether a refusal of the token endpoint asks for a proof with its nonce
// (RFC 9449 section 8). Nothing was done then, so that the request is made again.
func wantsNonce(status int, body []byte) bool {
	var refusal struct {
		Error oauth.ErrorCode `json:"error"`
	}
	return status == http.StatusBadRequest && bytes.Contains(body, []byte(oauth.UseDPoPNonce)) &&
		json.Unmarshal(body, &refusal) == nil && refusal.Error == oauth.UseDPoPNonce
}

// challengesNonce is wantsNonce for an API (section 9).
func challengesNonce(res *http.Response) bool {
	return res.StatusCode == http.StatusUnauthorized &&
		strings.Contains(strings.Join(res.Header.Values("WWW-Authenticate"), ","), `error="`+string(oauth.UseDPoPNonce)+`"`)
}
