package prove

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/oauth"
)

// assertionLives is how long a client's assertion is good.
const assertionLives = time.Minute

// isKey says that a credential is a private key, in JWK or PEM, and no secret.
func isKey(credential string) bool {
	return strings.HasPrefix(credential, "{") || strings.HasPrefix(credential, "-----BEGIN")
}

// clientKey reads a private key with which a client proves itself (private_key_jwt,
// OpenID Connect Core section 9).
func clientKey(credential string) (jose.SigningKey, error) {
	var key any
	if strings.HasPrefix(credential, "{") {
		var jwk jose.JSONWebKey
		if jwk.UnmarshalJSON([]byte(credential)) != nil || !jwk.Valid() || jwk.IsPublic() {
			return jose.SigningKey{}, errors.New("it is no private key in JWK")
		}
		key = jwk.Key
	} else if block, _ := pem.Decode([]byte(credential)); block != nil {
		for _, parse := range []func([]byte) (any, error){
			x509.ParsePKCS8PrivateKey,
			func(b []byte) (any, error) { return x509.ParsePKCS1PrivateKey(b) },
			func(b []byte) (any, error) { return x509.ParseECPrivateKey(b) },
		} {
			if parsed, err := parse(block.Bytes); err == nil {
				key = parsed
			}
		}
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return jose.SigningKey{Algorithm: jose.RS256, Key: k}, nil
	case ed25519.PrivateKey:
		return jose.SigningKey{Algorithm: jose.EdDSA, Key: k}, nil
	case *ecdsa.PrivateKey:
		algorithm := map[int]jose.SignatureAlgorithm{256: jose.ES256, 384: jose.ES384, 521: jose.ES512}[k.Curve.Params().BitSize]
		if algorithm != "" {
			return jose.SigningKey{Algorithm: algorithm, Key: k}, nil
		}
	}
	return jose.SigningKey{}, errors.New("it is no private key of RSA, ECDSA or Ed25519, in JWK or PEM (PKCS #8, PKCS #1 or SEC 1, not encrypted)")
}

// assert adds an assertion of the client to a form (RFC 7523 section 2.2). Its audience
// is the issuer.
func (r *run) assert(as client, form url.Values) error {
	key, err := clientKey(as.secret)
	if err != nil {
		return fmt.Errorf("the %s: %w", as.name, err)
	}
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return fmt.Errorf("the %s: %w", as.name, err)
	}
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": as.id, "sub": as.id, "aud": r.provider.Issuer, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(assertionLives).Unix(),
	})
	if err != nil {
		return err
	}
	jws, err := signer.Sign(claims)
	if err != nil {
		return fmt.Errorf("the %s: %w", as.name, err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		return err
	}
	r.secrets.NoteNumbered("assertion", text)
	form.Set("client_id", as.id)
	form.Set("client_assertion_type", oauth.AssertionTypeJWT)
	form.Set("client_assertion", text)
	return nil
}
