// Package keyalg says what a public key of somebody else's may be used with.
package keyalg

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"

	"github.com/go-jose/go-jose/v4"
)

// MaxRSABits bounds what the verification of a signature may cost.
const MaxRSABits = 4096

// Ed25519 is the newer name of EdDSA with a key on Ed25519 (RFC 9864 section 2.2): what
// browsers and newer libraries call it.
const Ed25519 = jose.SignatureAlgorithm("Ed25519")

// All are the JWS algorithms that some key may be used with.
var All = []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.PS256, jose.RS256, Ed25519}

// Names are those of All, for metadata and challenges.
func Names() []string {
	names := make([]string, len(All))
	for i, a := range All {
		names[i] = string(a)
	}
	return names
}

// FAPI reports whether the FAPI 2.0 Security Profile lets a JWT be signed with the algorithm,
// which is one of All (section 5.4.1).
func FAPI(algorithm jose.SignatureAlgorithm) bool { return algorithm != jose.RS256 }

// Of are the JWS algorithms that a client's public key may be used
// with: the key decides, not the token (RFC 8725 section 3.1). None for a key
// that is too weak or of a kind that is not taken.
func Of(key any) []jose.SignatureAlgorithm {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return []jose.SignatureAlgorithm{jose.ES256}
		}
	case ed25519.PublicKey:
		return []jose.SignatureAlgorithm{jose.EdDSA, Ed25519}
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= 2048 && bits <= MaxRSABits {
			return []jose.SignatureAlgorithm{jose.RS256, jose.PS256}
		}
	}
	return nil
}
