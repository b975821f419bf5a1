package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
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
		// No randomness makes the nonce one of RFC 6979, which FIPS 186-5 approves. It
		// needs no source that might be bad, and costs a fifth less.
		signature, err := signES256(nil, private, digest[:])
		if err != nil {
			return "", err
		}
		b = base64.RawURLEncoding.AppendEncode(b, signature)
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

// signElsewhere signs with a key that is not in memory.
func signElsewhere(key crypto.Signer, digest []byte) ([]byte, error) {
	if algorithmOf(key.Public()) == jose.ES256 {
		return signES256(rand.Reader, key, digest)
	}
	return key.Sign(rand.Reader, digest, crypto.SHA256)
}

// signES256 signs with a key of P-256. Of what comes in ASN.1 (SEC 1 appendix C.5) a JWS has
// the two numbers only.
func signES256(random io.Reader, key crypto.Signer, digest []byte) ([]byte, error) {
	pair, err := key.Sign(random, digest, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	in, both := cryptobyte.String(pair), cryptobyte.String(nil)
	signature := make([]byte, 2*p256Bytes)
	ok := in.ReadASN1(&both, cbasn1.SEQUENCE) && in.Empty()
	for _, half := range [][]byte{signature[:p256Bytes], signature[p256Bytes:]} {
		var n []byte
		ok = ok && both.ReadASN1Integer(&n) && len(n) <= p256Bytes && len(n) > 0 && (len(n) > 1 || n[0] != 0)
		if ok {
			copy(half[p256Bytes-len(n):], n)
		}
	}
	if !ok || !both.Empty() {
		return nil, errors.New("what came is no ECDSA signature")
	}
	return signature, nil
}
