package api

import (
	"crypto/sha256"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/hybridapps/tandem"
)

// tokenCache remembers verified tokens by their SHA-256, so that a token's
// signature is checked once and not at every call. It holds no token.
//
// An entry is good until the token expires, and only for the generation of
// keys that it was verified with: a removed key no longer verifies. Failures
// are never remembered.
type tokenCache struct {
	entries *otter.Cache[[sha256.Size]byte, verified]
}

type verified struct {
	principal  *tandem.Principal
	generation uint64
}

func newTokenCache(size int) *tokenCache {
	return &tokenCache{otter.Must(&otter.Options[[sha256.Size]byte, verified]{MaximumSize: size})}
}

func tokenHash(raw string) [sha256.Size]byte { return sha256.Sum256([]byte(raw)) }

// get returns the principal of a token that was verified before, or nil.
func (c *tokenCache) get(key [sha256.Size]byte, generation uint64, now time.Time) *tandem.Principal {
	v, ok := c.entries.GetIfPresent(key)
	if !ok {
		return nil
	}
	if v.generation != generation || !now.Before(v.principal.ExpiresAt) {
		c.entries.Invalidate(key)
		return nil
	}
	return v.principal
}

func (c *tokenCache) put(key [sha256.Size]byte, generation uint64, p *tandem.Principal) {
	c.entries.Set(key, verified{p, generation})
}
