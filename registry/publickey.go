package registry

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/internal/keyalg"
)

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
	if len(keyalg.Of(key.Key)) == 0 {
		return nil, invalid("public key: use P-256, Ed25519, or RSA with 2048 to %d bits", keyalg.MaxRSABits)
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
