package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Signer is where private signing keys are made and kept. [Software] keeps them in
// the key store, hsm.Signer in a hardware security module.
type Signer interface {
	// Make makes a key that signs with the algorithm. saved is what Open finds it by;
	// the key store keeps it, sealed. [errors.ErrUnsupported] says that the place has no
	// such keys: [Keys] makes them in software then.
	Make(algorithm jose.SignatureAlgorithm) (key crypto.Signer, saved []byte, err error)
	// Open finds a key that Make made, in this process or in another one.
	// [errors.ErrUnsupported] says that it was made elsewhere.
	Open(saved []byte) (crypto.Signer, error)
	// Forget destroys a key that verifies nothing any more. One that is gone already is
	// no error, and one that was made elsewhere is left alone.
	Forget(saved []byte) error
}

// Software makes keys in memory, and saves them whole, in PKCS #8.
type Software struct{}

var _ Signer = Software{}

// Make implements [Signer].
func (Software) Make(algorithm jose.SignatureAlgorithm) (key crypto.Signer, saved []byte, err error) {
	switch algorithm {
	case jose.RS256:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.EdDSA:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case jose.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		err = fmt.Errorf("a key for %s: %w", algorithm, errors.ErrUnsupported)
	}
	if err != nil {
		return nil, nil, err
	}
	saved, err = x509.MarshalPKCS8PrivateKey(key)
	return key, saved, err
}

// derSequence is what every key in PKCS #8 begins with, and nothing else that is saved.
const derSequence = 0x30

// Open implements [Signer].
func (Software) Open(saved []byte) (crypto.Signer, error) {
	if len(saved) == 0 || saved[0] != derSequence {
		return nil, errors.ErrUnsupported
	}
	parsed, err := x509.ParsePKCS8PrivateKey(saved)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T cannot sign", parsed)
	}
	return key, nil
}

// Forget implements [Signer]: what is deleted from the key store is gone.
func (Software) Forget([]byte) error { return nil }

// make makes a key where keys are made, or in software where that place has none for
// the algorithm.
func (k *Keys) make(algorithm jose.SignatureAlgorithm) (crypto.Signer, []byte, error) {
	if k.Signer != nil {
		key, saved, err := k.Signer.Make(algorithm)
		if !errors.Is(err, errors.ErrUnsupported) {
			return key, saved, err
		}
	}
	return Software{}.Make(algorithm)
}

// errNoModule is how a process is set up, and says nothing of the key.
var errNoModule = errors.New("it is kept in a hardware security module: name that one, with --pkcs11-module and --pkcs11-token")

// open opens a key wherever it is kept.
func (k *Keys) open(saved []byte) (crypto.Signer, error) {
	key, err := Software{}.Open(saved)
	if !errors.Is(err, errors.ErrUnsupported) {
		return key, err
	}
	if k.Signer != nil {
		if key, err = k.Signer.Open(saved); !errors.Is(err, errors.ErrUnsupported) {
			return key, err
		}
	}
	return nil, errNoModule
}

// algorithmOf is what a key signs with; empty for one that is not used here.
func algorithmOf(public crypto.PublicKey) jose.SignatureAlgorithm {
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			return jose.ES256
		}
	case *rsa.PublicKey:
		return jose.RS256
	case ed25519.PublicKey:
		return jose.EdDSA
	}
	return ""
}
