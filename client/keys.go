package client

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/keyalg"
)

// keepKeys is how long keys are used before they are fetched again: for so long
// a key that the provider removed still verifies.
const keepKeys = 10 * time.Minute

// Unknown key ids lead to a new fetch, because keys rotate, but never to more
// than fetchBurst fetches within fetchWindow: anybody can invent key ids.
const (
	fetchBurst  = 3
	fetchWindow = 30 * time.Second
)

// keySet is the provider's public keys (RFC 7517 section 5). It implements
// [oidc.KeySet].
type keySet struct {
	provider *Provider
	kept     shared[[]jose.JSONWebKey]

	mu      sync.Mutex
	fetches [fetchBurst]time.Time // a ring of the latest
	next    int
}

// VerifySignature implements [oidc.KeySet]: it returns the payload of a JWS
// that a key of the provider signed, with an algorithm that is expected of it.
func (s *keySet) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	jws, _, err := parseCompact(raw, s.provider.algorithms)
	if err != nil {
		return nil, err
	}
	header := jws.Signatures[0].Header
	keys, err := s.find(ctx, header.KeyID, header.Algorithm)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if payload, err := keyalg.SignedBy(jws, raw, k); err == nil {
			return payload, nil
		}
	}
	return nil, errors.New("the signature is not the provider's")
}

// find returns the keys that a token with this header may have been signed
// with; none when the provider has no such key.
func (s *keySet) find(ctx context.Context, kid, alg string) ([]jose.JSONWebKey, error) {
	keys, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	if found := match(keys, kid, alg); len(found) > 0 || !s.mayFetch() {
		return found, nil
	}
	// Rotated since? Fetches at the same time are one here too.
	s.kept.expire()
	if keys, err = s.all(ctx); err != nil {
		return nil, err
	}
	return match(keys, kid, alg), nil
}

// all returns every key. Once it has, later calls fail only with their context:
// keys that cannot be fetched again stay in use.
func (s *keySet) all(ctx context.Context) ([]jose.JSONWebKey, error) {
	return s.kept.get(ctx, s.provider.clock, keepKeys, s.fetch)
}

func (s *keySet) mayFetch() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.provider.clock.Now().Sub(s.fetches[s.next]) >= fetchWindow
}

func (s *keySet) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	s.mu.Lock()
	s.fetches[s.next] = s.provider.clock.Now()
	s.next = (s.next + 1) % fetchBurst
	s.mu.Unlock()
	m, err := s.provider.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	var set struct{ Keys []json.RawMessage }
	if err := getJSON(ctx, s.provider.http, m.JWKSURI, &set); err != nil {
		return nil, s.unavailable(err)
	}
	var keys []jose.JSONWebKey
	for _, text := range set.Keys {
		var key jose.JSONWebKey
		// Keys of a type that is not understood are ignored (RFC 7517 section
		// 5), and so is what is no public key.
		if json.Unmarshal(text, &key) == nil && key.IsPublic() && key.Use != "enc" {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, s.unavailable(errors.New("the provider's key set has no usable key"))
	}
	return keys, nil
}

func (s *keySet) unavailable(err error) error {
	return fail(tandem.CodeUnavailable, err, "the keys of %s cannot be fetched: %v", s.provider.issuer, err)
}

func match(keys []jose.JSONWebKey, kid, alg string) []jose.JSONWebKey {
	var out []jose.JSONWebKey
	for _, k := range keys {
		if (kid == "" || k.KeyID == kid) && (k.Algorithm == "" || k.Algorithm == alg || isEdDSA(k.Algorithm) && isEdDSA(alg)) {
			out = append(out, k)
		}
	}
	return out
}
