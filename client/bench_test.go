package client_test

import (
	"net/http"
	"testing"

	"github.com/hybridapps/tandem/client"
)

// newBenchService is a service half with a warm cache.
func newBenchService(b *testing.B) *client.ServiceTokens {
	b.Helper()
	p, err := client.NewProvider(client.ProviderConfig{Issuer: "https://erp.test/id", Transport: fixedProvider{}})
	if err != nil {
		b.Fatal(err)
	}
	s, err := client.NewServiceTokens(client.ServiceConfig{Provider: p, ApplicationURI: appURI, Credential: client.ServiceSecret("x")})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Token(b.Context()); err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkServiceTokenCached is the price of a token that is held: at most 30
// ns and no allocation.
func BenchmarkServiceTokenCached(b *testing.B) {
	s := newBenchService(b)
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Token(ctx); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkServiceTokenCachedAlone is the same for a single caller.
func BenchmarkServiceTokenCachedAlone(b *testing.B) {
	s := newBenchService(b)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Token(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// fixedProvider answers discovery and token requests with constants.
type fixedProvider struct{}

func (fixedProvider) RoundTrip(req *http.Request) (*http.Response, error) {
	body := `{"issuer":"https://erp.test/id","token_endpoint":"https://erp.test/token","jwks_uri":"https://erp.test/jwks"}`
	if req.Method == http.MethodPost {
		body = `{"access_token":"a","token_type":"Bearer","expires_in":3600}`
	}
	return jsonResponse(body), nil
}
