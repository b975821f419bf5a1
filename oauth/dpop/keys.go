package dpop

import "sync"

// provingKey is the public key of a proof. Which algorithms it takes, each verification asks.
type provingKey struct {
	public     any
	thumbprint string
}

// Bounds of keys: who makes a proof chooses its key.
const (
	maxKeys    = 4096
	maxKeyText = 1 << 10
)

// keys are those of proofs that were right, by their text, so that a client's key is read
// once and not with each of its requests. What a text says never changes: nothing here can be
// out of date. The zero value is ready, and bounded: when it is full the older half goes.
type keys struct {
	mu       sync.Mutex
	new, old map[string]*provingKey
}

// find is the key in a header; nil where there is none that fits.
func (k *keys) find(h *header) *provingKey {
	k.mu.Lock()
	key := k.new[string(h.Key)]
	if key == nil {
		key = k.old[string(h.Key)]
	}
	k.mu.Unlock()
	if key == nil {
		key = h.key()
	}
	return key
}

// keep remembers a key that a proof was signed with.
func (k *keys) keep(h *header, key *provingKey) {
	if len(h.Key) > maxKeyText {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.new[string(h.Key)] == key {
		return
	}
	if k.new == nil || len(k.new) >= maxKeys/2 {
		k.old, k.new = k.new, map[string]*provingKey{}
	}
	k.new[string(h.Key)] = key
}
