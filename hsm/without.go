//go:build !pkcs11

package hsm

import (
	"crypto"
	"errors"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/identity/token"
)

var errWithout = errors.New("this program was built without PKCS#11: build it with -tags pkcs11, which needs a C compiler")

// Signer refuses to make and open keys, in a program without PKCS#11.
type Signer struct{}

var _ token.Signer = (*Signer)(nil)

// New returns a signer that says what is missing.
func New(Config) *Signer { return &Signer{} }

// Make implements [token.Signer].
func (*Signer) Make(jose.SignatureAlgorithm) (crypto.Signer, []byte, error) {
	return nil, nil, errWithout
}

// Open implements [token.Signer].
func (*Signer) Open([]byte) (crypto.Signer, error) { return nil, errWithout }

// Forget implements [token.Signer].
func (*Signer) Forget([]byte) error { return errWithout }

// Close ends nothing.
func (*Signer) Close() error { return nil }
