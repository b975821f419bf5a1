package federation_test

import (
	"crypto/sha512"
	"encoding/base64"
	"maps"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/internal/testkit/fakeprovider"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestProviderSignsByEd25519: EdDSA has a newer name (RFC 9864), and a provider that announces
// the one may sign by the other, with the same hash of its access token.
func TestProviderSignsByEd25519(t *testing.T) {
	t.Parallel()
	sum := sha512.Sum512([]byte(fakeprovider.AccessToken))
	right := map[string]any{"at_hash": base64.RawURLEncoding.EncodeToString(sum[:32])}
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine})
			for _, c := range []struct {
				name, announced, alg string
				claims               map[string]any
				foreign, good        bool
			}{
				{"the newer name", "Ed25519", "Ed25519", nil, false, true},
				{"the newer name of the older one", "EdDSA", "Ed25519", nil, false, true},
				{"with at_hash", "Ed25519", "Ed25519", right, false, true},
				{"another at_hash", "Ed25519", "Ed25519", map[string]any{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, false, false},
				{"not announced", "ES256", "Ed25519", nil, false, false},
				{"by another key", "Ed25519", "Ed25519", nil, true, false},
				{"by no name of it", "Ed25519", "ED25519", nil, false, false},
				{"for another client", "Ed25519", "Ed25519", map[string]any{"aud": "somebody"}, false, false},
			} {
				w := &world{t, in, fakeprovider.New(t, in.Clock.Now)}
				w.fake.Metadata = func(m map[string]any) { m["id_token_signing_alg_values_supported"] = []string{"RS256", c.announced} }
				by := w.fake
				if c.foreign {
					by = fakeprovider.New(t, in.Clock.Now)
				}
				w.fake.Twist(twist{
					Claims: func(of map[string]any) { maps.Copy(of, c.claims) },
					Sign:   func(of map[string]any) string { return by.SignedByEd25519(c.alg, of) },
				})
				w.register("acme", w.fake.URL, func(p *federation.Provider) { p.Internal = true })
				w.link("anna", "s-1")
				a := w.attempt(w.Browser())
				if c.good && a.code() == "" {
					t.Errorf("%s: %d %s", c.name, a.page.StatusCode, w.newest())
				}
				if !c.good {
					w.refused(a, tandem.RuleOutsideToken)
				}
				if err := w.Platform.Outside.Delete(t.Context(), tandemtest.By, "acme"); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
