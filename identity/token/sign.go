package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
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
	payload, text := scratch.Get().(*[]byte), scratch.Get().(*[]byte)
	defer scratch.Put(payload)
	defer scratch.Put(text)
	*payload = claims((*payload)[:0])

	b := append((*text)[:0], key.header...)
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
	default:
		return "", fmt.Errorf("token: cannot sign with a %T", key.private)
	}
	*text = b
	return string(b), nil
}
