package client

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/seal"
)

const (
	maxCredential     = 64 << 10
	assertionLifetime = time.Minute
)

// UserCredential authenticates the front end's half of an application: for the
// user flow and for nothing else. The zero value is a public client, which has
// none (PKCE protects it).
type UserCredential struct{ user *credential }

// ServiceCredential authenticates the back end's half of an application: for
// client credentials and for nothing else. The zero value is refused.
type ServiceCredential struct{ service *credential }

// UserSecret is a client secret of the front end.
func UserSecret(secret string) UserCredential {
	return UserCredential{&credential{last: hide(proof{secret: secret})}}
}

// ServiceSecret is a client secret of the back end.
func ServiceSecret(secret string) ServiceCredential {
	return ServiceCredential{&credential{last: hide(proof{secret: secret})}}
}

// ReadUserCredential reads the front end's credential from a file: a secret as
// text, or a private key in JWK or PEM for private_key_jwt (RFC 7523). The file
// is read again for each token request, so that a new credential takes effect
// without a restart; while it cannot be read the last good one is used. A file
// with a private key that others than its owner can read is refused.
func ReadUserCredential(file string) (UserCredential, error) {
	c, err := readCredential(file)
	return UserCredential{c}, err
}

// ReadServiceCredential reads the back end's credential from a file, like
// [ReadUserCredential].
func ReadServiceCredential(file string) (ServiceCredential, error) {
	c, err := readCredential(file)
	return ServiceCredential{c}, err
}

// String hides the credential.
func (UserCredential) String() string { return "client.UserCredential(hidden)" }

// String hides the credential.
func (ServiceCredential) String() string { return "client.ServiceCredential(hidden)" }

// credential is a secret or a private key.
type credential struct {
	file string // empty when it is not from a file
	mu   sync.Mutex
	last hidden[proof]
}

// proof is the secret or the key of this moment.
type proof struct {
	secret string
	key    jose.JSONWebKey
}

func readCredential(file string) (*credential, error) {
	p, err := readProof(file)
	if err != nil {
		return nil, err
	}
	return &credential{file: file, last: hide(p)}, nil
}

func readProof(file string) (proof, error) {
	f, err := os.Open(file)
	if err != nil {
		return proof{}, fmt.Errorf("credential: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCredential+1))
	if err != nil {
		return proof{}, fmt.Errorf("credential: %w", err)
	}
	p, err := parseProof(bytes.TrimSpace(text))
	if err != nil {
		return proof{}, fmt.Errorf("credential %s: %w", file, err)
	}
	if p.key.Key == nil {
		return p, nil
	}
	info, err := f.Stat()
	if err == nil {
		err = seal.CheckPrivate(file, info)
	}
	if err != nil {
		return proof{}, fmt.Errorf("credential: %w", err)
	}
	return p, nil
}

func parseProof(text []byte) (proof, error) {
	switch {
	case len(text) == 0:
		return proof{}, errors.New("the file is empty")
	case len(text) > maxCredential:
		return proof{}, errors.New("too large to be a credential")
	case text[0] == '{':
		var key jose.JSONWebKey
		if json.Unmarshal(text, &key) != nil || !key.Valid() {
			return proof{}, errors.New("not a JSON Web Key")
		}
		return proofOfKey(key)
	case bytes.HasPrefix(text, []byte("-----BEGIN")):
		key, err := parsePEM(text)
		if err != nil {
			return proof{}, err
		}
		return proofOfKey(jose.JSONWebKey{Key: key})
	}
	if bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return proof{}, errors.New("neither a secret on one line nor a private key in JWK or PEM")
	}
	return proof{secret: string(text)}, nil
}

func parsePEM(text []byte) (crypto.PrivateKey, error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil, errors.New("no private key in the PEM text (PKCS #8, PKCS #1 or SEC 1, not encrypted)")
		}
		for _, parse := range []func([]byte) (any, error){
			x509.ParsePKCS8PrivateKey,
			func(b []byte) (any, error) { return x509.ParsePKCS1PrivateKey(b) },
			func(b []byte) (any, error) { return x509.ParseECPrivateKey(b) },
		} {
			if key, err := parse(block.Bytes); err == nil {
				return key, nil
			}
		}
	}
}

func proofOfKey(key jose.JSONWebKey) (proof, error) {
	if key.IsPublic() {
		return proof{}, errors.New("this is a public key; the private one is needed")
	}
	switch k := key.Key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < 2048 {
			return proof{}, errors.New("the RSA key has fewer than 2048 bits")
		}
	case *ecdsa.PrivateKey, ed25519.PrivateKey:
	default:
		return proof{}, errors.New("the key is neither RSA, ECDSA nor Ed25519")
	}
	return proof{key: key}, nil
}

// current is the proof to use at this moment.
func (c *credential) current() proof {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file != "" {
		if p, err := readProof(c.file); err == nil {
			c.last = hide(p)
		}
	}
	return c.last()
}

// authenticate adds the proof of the client to a token request (RFC 6749
// section 2.3, OpenID Connect Core section 9). A nil credential is that of a
// public client.
func (c *credential) authenticate(form url.Values, h http.Header, clientID string, m *oauth.Metadata, now time.Time) error {
	if c == nil {
		form.Set("client_id", clientID)
		return nil
	}
	p := c.current()
	if p.secret == "" {
		text, err := p.assertion(clientID, m, now)
		if err != nil {
			return err
		}
		form.Set("client_id", clientID)
		form.Set("client_assertion_type", oauth.AssertionTypeJWT)
		form.Set("client_assertion", text)
		return nil
	}
	// client_secret_basic is the default where nothing is announced (OpenID
	// Connect Discovery section 3).
	methods := m.TokenAuthMethods
	if slices.Contains(methods, oauth.AuthSecretPost) && !slices.Contains(methods, oauth.AuthSecretBasic) {
		form.Set("client_id", clientID)
		form.Set("client_secret", p.secret)
		return nil
	}
	req := http.Request{Header: h}
	req.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(p.secret))
	return nil
}

// assertion proves possession of the private key (RFC 7523 section 2.2). Its
// audience is the issuer: a server that lends another's token endpoint gets an
// assertion that is good for nobody else.
func (p proof) assertion(clientID string, m *oauth.Metadata, now time.Time) (string, error) {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: p.algorithm(m.TokenAuthAlgorithms), Key: p.key},
		(&jose.SignerOptions{}).WithType("JWT"),
	)
	if err != nil {
		return "", fmt.Errorf("private key: %w", err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": clientID, "sub": clientID, "aud": m.Issuer, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(assertionLifetime).Unix(),
	})
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(claims)
	if err != nil {
		return "", fmt.Errorf("private key: %w", err)
	}
	return jws.CompactSerialize()
}

func (p proof) algorithm(announced []string) jose.SignatureAlgorithm {
	if p.key.Algorithm != "" {
		return jose.SignatureAlgorithm(p.key.Algorithm)
	}
	switch k := p.key.Key.(type) {
	case *ecdsa.PrivateKey:
		return jose.SignatureAlgorithm("ES" + strings.NewReplacer("P-521", "512", "P-", "").Replace(k.Curve.Params().Name))
	case ed25519.PrivateKey:
		return jose.EdDSA
	}
	if slices.Contains(announced, string(jose.PS256)) && !slices.Contains(announced, string(jose.RS256)) {
		return jose.PS256
	}
	return jose.RS256
}

// empty reports whether a secret that is no secret was given.
func (c *credential) empty() bool {
	p := c.last()
	return p.secret == "" && p.key.Key == nil
}
