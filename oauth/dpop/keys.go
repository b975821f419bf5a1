package dpop

import (
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// provingKey is the public key of a proof, and the algorithm that its header names.
type provingKey struct {
	algorithm  jose.SignatureAlgorithm
	public     any
	thumbprint string
}

// Bounds of keys: who makes a proof chooses its key.
const (
	maxKeys   = 4096
	maxHeader = 2 << 10
)

// keys are those of proofs that were right, by the text of their headers, so that what a
// client's header says is read once and not with each of its requests. It never changes:
// nothing here can be out of date. The zero value is ready, and bounded: when it is full the
// older half goes.
type keys struct {
	mu       sync.Mutex
	new, old map[string]*provingKey
}

// find is the key of a header that was seen; nil of any other.
func (k *keys) find(header string) *provingKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.new[header]; key != nil {
		return key
	}
	return k.old[header]
}

// keep remembers a key that a proof was signed with.
func (k *keys) keep(header string, key *provingKey) {
	if len(header) > maxHeader {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.new[header] == key {
		return
	}
	if k.new == nil || len(k.new) >= maxKeys/2 {
		k.old, k.new = k.new, map[string]*provingKey{}
	}
	k.new[strings.Clone(header)] = key // not what it is a part of
}
