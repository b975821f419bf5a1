package internalapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
)

// MinChannelKey is the least size of a channel key, in bytes (256 bits).
const MinChannelKey = 32

// ChannelKey is the secret that the web app and its worker share, normally the
// content of a key file that only these two processes can read (mode 0600;
// package seal makes such files). The zero value accepts nothing and cannot be
// sent. It formats as a fixed word, so that no log shows it.
type ChannelKey struct{ text string }

// NewChannelKey makes a channel key of at least [MinChannelKey] random bytes.
func NewChannelKey(key []byte) (ChannelKey, error) {
	if len(key) < MinChannelKey {
		return ChannelKey{}, fmt.Errorf("channel key has %d bytes, needs at least %d random ones", len(key), MinChannelKey)
	}
	return ChannelKey{base64.RawURLEncoding.EncodeToString(key)}, nil
}

// String hides the key.
func (ChannelKey) String() string { return "(channel key)" }

// GoString hides the key from %#v.
func (ChannelKey) GoString() string { return "internalapi.ChannelKey{…}" }

// IsZero reports whether there is no key.
func (k ChannelKey) IsZero() bool { return k.text == "" }

// Authorize adds the key to a request.
func (k ChannelKey) Authorize(r *http.Request) { r.Header.Set(HeaderChannelKey, k.text) }

// Accepts reports whether the request carries this key exactly once. Hashes
// are compared in constant time, so that neither content nor length leaks.
func (k ChannelKey) Accepts(r *http.Request) bool {
	sent := r.Header.Values(HeaderChannelKey)
	if k.text == "" || len(sent) != 1 {
		return false
	}
	want, got := sha256.Sum256([]byte(k.text)), sha256.Sum256([]byte(sent[0]))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
