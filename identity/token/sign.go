package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// The compact serialization of a JWS (RFC 7515 section 7.1) is put together
// here and not by go-jose: the header of a key never changes, and making it
// anew with encoding/json costs a third of an ES256 signature. Verification is
// go-jose's.

// p256Bytes is the size of either half of an ES256 signature (RFC 7518 section
// 3.4).
const p256Bytes = 32

var scratch = sync.Pool{New: func() any {
	b := make([]byte, 0, 2048)
	return &b
}}

// sign makes the JWT of the claim set that claims appends.
func (key *signingKey) sign(claims func([]byte) []byte) (string, error) {
	return key.signAs(key.header, claims)
}

// signAs makes a JWT with another header.
func (key *signingKey) signAs(header string, claims func([]byte) []byte) (string, error) {
	payload, text := scratch.Get().(*[]byte), scratch.Get().(*[]byte)
	defer scratch.Put(payload)
	defer scratch.Put(text)
	*payload = claims((*payload)[:0])

	b := append((*text)[:0], header...)
	b = append(b, '.')
	b = base64.RawURLEncoding.AppendEncode(b, *payload)
	digest := sha256.Sum256(b)
	b = append(b, '.')
	switch private := key.private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		if err != nil {
			return "", err
		}
		var signature [2 * p256Bytes]byte
		r.FillBytes(signature[:p256Bytes])
		s.FillBytes(signature[p256Bytes:])
		b = base64.RawURLEncoding.AppendEncode(b, signature[:])
	case *rsa.PrivateKey:
		signature, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
		if err != nil {
			return "", err
		}
		b = base64.RawURLEncoding.AppendEncode(b, signature)
	case ed25519.PrivateKey:
		b = base64.RawURLEncoding.AppendEncode(b, ed25519.Sign(private, b[:len(b)-1]))
	default:
		signature, err := signElsewhere(private, digest[:])
		if err != nil {
			return "", fmt.Errorf("sign with the key %s: %w", key.ID, err)
		}
		b = base64.RawURLEncoding.AppendEncode(b, signature)
	}
	*text = b
	return string(b), nil
}

// signElsewhere signs with a key that is not in memory. ECDSA comes as ASN.1 from there
// (SEC 1 appendix C.5), of which a JWS has the two numbers only.
func signElsewhere(key crypto.Signer, digest []byte) ([]byte, error) {
	signature, err := key.Sign(rand.Reader, digest, crypto.SHA256)
	if err != nil || algorithmOf(key.Public()) != jose.ES256 {
		return signature, err
	}
	var pair struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(signature, &pair); err != nil || len(rest) > 0 || max(pair.R.BitLen(), pair.S.BitLen()) > 8*p256Bytes ||
		min(pair.R.Sign(), pair.S.Sign()) < 1 {
		return nil, errors.New("what came is no ECDSA signature")
	}
	signature = make([]byte, 2*p256Bytes)
	pair.R.FillBytes(signature[:p256Bytes])
	pair.S.FillBytes(signature[p256Bytes:])
	return signature, nil
}
