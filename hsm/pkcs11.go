//go:build pkcs11

package hsm

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/ThalesGroup/crypto11"
	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/identity/token"
)

// Signer makes and opens keys in a module; it implements [token.Signer]. ES256 and
// RS256 keys are made there. PKCS#11 has EdDSA since version 3.0 only, which few modules
// have, so those keys stay in software.
type Signer struct {
	config Config
	mu     sync.Mutex
	module *crypto11.Context
	// turns bounds what is in the module at the same time, so that one that hangs keeps no
	// more than that many goroutines.
	turns chan struct{}
}

var _ token.Signer = (*Signer)(nil)

// New returns a signer that begins to work with the module when it is first used. Close
// ends that.
func New(c Config) *Signer { return &Signer{config: c, turns: make(chan struct{}, MaxSessions)} }

// reach is the module, at work. Where that fails the next call tries again.
func (s *Signer) reach() (*crypto11.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.module != nil {
		return s.module, nil
	}
	if err := s.config.Validate(); err != nil {
		return nil, err
	}
	module, err := within(Patience, func() (*crypto11.Context, error) {
		return crypto11.Configure(&crypto11.Config{
			Path: s.config.Module, TokenLabel: s.config.Token, Pin: s.config.PIN, MaxSessions: MaxSessions, PoolWaitTimeout: Timeout,
		})
	})
	if err != nil {
		return nil, fmt.Errorf("PKCS#11 module %s, token %q: %w", s.config.Module, s.config.Token, err)
	}
	s.module = module
	return module, nil
}

// Close ends the sessions with the module. Keys that it opened sign no more.
func (s *Signer) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.module == nil {
		return nil
	}
	module := s.module
	s.module = nil
	return module.Close()
}

// label is what administrators of the module see of a key.
const label = "tandem signing key"

// saved names a key in the module by its CKA_ID. It is no key: what is beside the
// module is of no use without it.
var saved = []byte("pkcs11:id=")

// idBytes is the length of a CKA_ID that is made here.
const idBytes = 20

// Make implements [token.Signer].
func (s *Signer) Make(algorithm jose.SignatureAlgorithm) (crypto.Signer, []byte, error) {
	module, err := s.reach()
	if err != nil {
		return nil, nil, err
	}
	id := make([]byte, idBytes)
	rand.Read(id) //nolint:errcheck // never fails
	var generate func() (crypto.Signer, error)
	switch algorithm {
	case jose.ES256:
		generate = func() (crypto.Signer, error) {
			return module.GenerateECDSAKeyPairWithLabel(id, []byte(label), elliptic.P256())
		}
	case jose.RS256:
		generate = func() (crypto.Signer, error) {
			return module.GenerateRSAKeyPairWithLabel(id, []byte(label), 2048)
		}
	default:
		return nil, nil, fmt.Errorf("a key for %s in the module: %w", algorithm, errors.ErrUnsupported)
	}
	inner, err := within(Patience, generate)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key for %s in the module: %w", algorithm, err)
	}
	return &key{inner, s}, hex.AppendEncode(bytes.Clone(saved), id), nil
}

// Open implements [token.Signer].
func (s *Signer) Open(text []byte) (crypto.Signer, error) {
	found, err := s.find(text)
	if err != nil {
		return nil, err
	}
	return &key{found, s}, nil
}

// Forget implements [token.Signer].
func (s *Signer) Forget(text []byte) error {
	found, err := s.find(text)
	switch {
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, errGone):
		return nil
	case err != nil:
		return err
	}
	_, err = within(Patience, func() (struct{}, error) { return struct{}{}, found.Delete() })
	return err
}

var errGone = errors.New("the module has no such key")

// find finds the key that was saved as the text.
func (s *Signer) find(text []byte) (crypto11.Signer, error) {
	digits, ok := bytes.CutPrefix(text, saved)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	id, err := hex.DecodeString(string(digits))
	if err != nil || len(id) != idBytes {
		return nil, errors.New("what is stored names no key of a module")
	}
	module, err := s.reach()
	if err != nil {
		return nil, err
	}
	found, err := within(Patience, func() (crypto11.Signer, error) { return module.FindKeyPair(id, nil) })
	if err == nil && found == nil {
		return nil, errGone
	}
	return found, err
}

// key is a key in the module.
type key struct {
	crypto.Signer
	in *Signer
}

// Sign implements [crypto.Signer]. A module that stands still is waited for no longer
// than [Timeout].
func (k *key) Sign(source io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	turn := time.NewTimer(Timeout)
	defer turn.Stop()
	select {
	case k.in.turns <- struct{}{}:
	case <-turn.C:
		return nil, ErrSlow
	}
	return within(Timeout, func() ([]byte, error) {
		defer func() { <-k.in.turns }()
		return k.Signer.Sign(source, digest, opts)
	})
}

// within calls the module, and gives it up when it takes too long: the call goes on
// then, as C cannot be interrupted.
func within[T any](limit time.Duration, call func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		value, err := call()
		done <- answer{value, err}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case a := <-done:
		return a.value, a.err
	case <-timer.C:
		var none T
		return none, ErrSlow
	}
}
