package dpop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"net/http/httptest"
	"testing"

	"github.com/hybridapps/tandem/oauth/dpop"
)

// BenchmarkProof is a proof by a key that has been seen, beside the signature in it alone.
func BenchmarkProof(b *testing.B) {
	b.Run("proof", func(b *testing.B) {
		s := server()
		text, err := newKey(b).Proof(call, s.Nonces.Now(now), now)
		if err != nil {
			b.Fatal(err)
		}
		r := httptest.NewRequestWithContext(b.Context(), call.Method, "/id/connect/token", nil)
		r.Header.Set(dpop.Header, text)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Look(r, ""); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("signature", func(b *testing.B) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		hash := sha256.Sum256([]byte("what is signed"))
		signature, err := ecdsa.SignASN1(rand.Reader, key, hash[:])
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if !ecdsa.VerifyASN1(&key.PublicKey, hash[:], signature) {
				b.Fatal("not verified")
			}
		}
	})
}
