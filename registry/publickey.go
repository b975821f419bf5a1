package registry

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"

	"github.com/go-jose/go-jose/v4"
)

// maxRSABits bounds what the verification of a signature may cost.
const maxRSABits = 4096

// KeyAlgorithms are the JWS algorithms that a client's public key may be used
// with: the key decides, not the token (RFC 8725 section 3.1). None for a key
// that is too weak or of a kind that is not taken.
func KeyAlgorithms(key any) []jose.SignatureAlgorithm {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return []jose.SignatureAlgorithm{jose.ES256}
		}
	case ed25519.PublicKey:
		return []jose.SignatureAlgorithm{jose.EdDSA}
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= 2048 && bits <= maxRSABits {
			return []jose.SignatureAlgorithm{jose.RS256, jose.PS256}
		}
	}
	return nil
}

// ParsePublicKey reads a client's public key, a JWK or PEM ("PUBLIC KEY"), and
// returns it as a JWK with a key id. A private key is refused: it has been in
// the wrong place and should not be used at all.
func ParsePublicKey(text []byte) ([]byte, error) {
	text = bytes.TrimSpace(text)
	var key jose.JSONWebKey
	switch block, _ := pem.Decode(text); {
	case block != nil && bytes.Contains(text, []byte("PRIVATE KEY-----")): // in whichever of its blocks
		return nil, invalid("this is a private key: keep it with the application, make a new pair and add its public key")
	case block != nil:
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, invalid("public key: the PEM block %q cannot be read; use a block \"PUBLIC KEY\"", block.Type)
		}
		key.Key = public
	default:
		if err := json.Unmarshal(text, &key); err != nil {
			return nil, invalid("public key: neither a JWK nor PEM")
		}
		if !key.IsPublic() {
			return nil, invalid("this is a private or secret key: keep it with the application, make a new pair and add its public key")
		}
	}
	if len(KeyAlgorithms(key.Key)) == 0 {
		return nil, invalid("public key: use P-256, Ed25519, or RSA with 2048 to %d bits", maxRSABits)
	}
	if key.KeyID == "" {
		sum, err := key.Thumbprint(crypto.SHA256)
		if err != nil {
			return nil, err
		}
		key.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	}
	// What else the JWK says (a certificate chain, a use) is left behind.
	return json.Marshal(jose.JSONWebKey{Key: key.Key, KeyID: key.KeyID})
}
