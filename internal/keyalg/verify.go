package keyalg

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"math/big"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// ErrSignature is a signature that is not the key's.
var ErrSignature = errors.New("keyalg: wrong signature")

// coordinate is the size of r and s in a signature of ES256 (RFC 7518 section 3.4).
const coordinate = 32

// Verify checks the signature of a compact JWS whose header has been read already: input is
// what was signed, the text up to its second dot. It is for who reads headers more strictly
// than the JOSE library, which would read header, payload and key a second and third time:
// that costs as much as the signature. An algorithm that is none of the key's is refused.
func Verify(algorithm jose.SignatureAlgorithm, key any, input string, signature []byte) error {
	if !slices.Contains(Of(key), algorithm) {
		return ErrSignature
	}
	ok, sum := false, sha256.Sum256([]byte(input))
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		ok = len(signature) == 2*coordinate &&
			ecdsa.Verify(k, sum[:], new(big.Int).SetBytes(signature[:coordinate]), new(big.Int).SetBytes(signature[coordinate:]))
	case ed25519.PublicKey:
		ok = ed25519.Verify(k, []byte(input), signature)
	case *rsa.PublicKey:
		if algorithm == jose.PS256 { // its salt is as long as the hash (RFC 7518 section 3.5)
			ok = rsa.VerifyPSS(k, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		} else {
			ok = rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], signature) == nil
		}
	}
	if !ok {
		return ErrSignature
	}
	return nil
}

// SignedBy is the payload of a JWS in compact form, whose text is raw, that the key has
// signed. The library does not know the newer name of EdDSA.
func SignedBy(jws *jose.JSONWebSignature, raw string, key jose.JSONWebKey) ([]byte, error) {
	signature := &jws.Signatures[0]
	if signature.Header.Algorithm != string(Ed25519) {
		return jws.Verify(key)
	}
	if _, critical := signature.Protected.ExtraHeaders["crit"]; critical {
		return nil, errors.New("its header demands what is not known (crit)")
	}
	if err := Verify(Ed25519, key.Key, raw[:strings.LastIndexByte(raw, '.')], signature.Signature); err != nil {
		return nil, err
	}
	return jws.UnsafePayloadWithoutVerification(), nil
}
