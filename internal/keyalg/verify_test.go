package keyalg_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/internal/keyalg"
)

// TestD24_Signatures: what the library signs by each algorithm is verified, by its own key
// and algorithm alone, and no other text and no other signature is.
func TestD24_Signatures(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[jose.SignatureAlgorithm]crypto.Signer{jose.ES256: ecKey, jose.EdDSA: edKey, jose.RS256: rsaKey, jose.PS256: rsaKey}
	for algorithm, key := range keys {
		input, signature := signed(t, algorithm, key)
		if err := keyalg.Verify(algorithm, key.Public(), input, signature); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		if algorithm == jose.EdDSA {
			if err := keyalg.Verify(keyalg.Ed25519, key.Public(), input, signature); err != nil {
				t.Errorf("by its newer name: %v", err)
			}
		} else if keyalg.Verify(keyalg.Ed25519, key.Public(), input, signature) == nil {
			t.Errorf("%s is taken for Ed25519", algorithm)
		}
		for other, stranger := range keys {
			if other != algorithm && keyalg.Verify(other, key.Public(), input, signature) == nil {
				t.Errorf("%s is taken for %s", algorithm, other)
			}
			if !sameKey(stranger, key) && keyalg.Verify(algorithm, stranger.Public(), input, signature) == nil {
				t.Errorf("%s by the key of %s", algorithm, other)
			}
		}
		for at := range signature {
			wrong := append([]byte(nil), signature...)
			wrong[at] ^= 1
			if keyalg.Verify(algorithm, key.Public(), input, wrong) == nil {
				t.Errorf("%s with another byte %d", algorithm, at)
			}
		}
		for name, wrong := range map[string][]byte{"none": nil, "short": signature[1:], "long": append([]byte{0}, signature...), "zero": make([]byte, len(signature))} {
			if keyalg.Verify(algorithm, key.Public(), input, wrong) == nil {
				t.Errorf("%s with a signature: %s", algorithm, name)
			}
		}
		if keyalg.Verify(algorithm, key.Public(), input+"A", signature) == nil {
			t.Errorf("%s of another text", algorithm)
		}
	}
	input, signature := signed(t, jose.ES384, wide)
	for _, algorithm := range []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.HS256, "none", ""} {
		for _, key := range []any{wide.Public(), []byte("secret"), nil, ecKey} {
			if keyalg.Verify(algorithm, key, input, signature) == nil {
				t.Errorf("%q by a %T", algorithm, key)
			}
		}
	}
}

func sameKey(a, b crypto.Signer) bool {
	public, ok := a.Public().(interface{ Equal(x crypto.PublicKey) bool })
	return ok && public.Equal(b.Public())
}

func signed(t *testing.T, algorithm jose.SignatureAlgorithm, key any) (input string, signature []byte) {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(`{"sub":"anna"}`))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	dot := strings.LastIndexByte(text, '.')
	if signature, err = base64.RawURLEncoding.DecodeString(text[dot+1:]); err != nil {
		t.Fatal(err)
	}
	return text[:dot], signature
}
