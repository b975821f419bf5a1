package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
)

// Key is the key of a client, which never leaves it. It is safe for concurrent use.
type Key struct {
	// Thumbprint is what tokens are bound to.
	Thumbprint string
	signer     jose.Signer
}

// NewKey makes a key: ECDSA on P-256.
func NewKey() (*Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return KeyOf(private, jose.ES256)
}

// KeyOf makes proofs with a private key that there is: *ecdsa.PrivateKey on P-256,
// ed25519.PrivateKey, or *rsa.PrivateKey of 2048 to 4096 bits.
func KeyOf(private crypto.Signer, algorithm jose.SignatureAlgorithm) (*Key, error) {
	public := jose.JSONWebKey{Key: private.Public()}
	if !fits(public.Key, algorithm) {
		return nil, bad("cannot be made with such a key and " + string(algorithm))
	}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: private}, options)
	if err != nil {
		return nil, err
	}
	return &Key{Thumbprint: base64.RawURLEncoding.EncodeToString(sum), signer: signer}, nil
}

// Proof makes a proof for one request, with the nonce that the server told last; empty
// where it told none.
func (k *Key) Proof(r Request, nonce string, now time.Time) (string, error) {
	c := map[string]any{"jti": uuid.NewString(), "htm": r.Method, "htu": r.URL, "iat": now.Unix()}
	if r.AccessToken != "" {
		c["ath"] = Hash(r.AccessToken)
	}
	if nonce != "" {
		c["nonce"] = nonce
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	jws, err := k.signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}
