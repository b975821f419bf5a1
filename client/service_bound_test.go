package client_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestServiceTokensAreBoundToAKey: with a key everything that the back end does is proved,
// tokens, their renewal, calls, writes, and what it asks about its people; nothing goes as a
// bearer's, and its token is of no use to anybody else. The person's half is as it was.
func TestServiceTokensAreBoundToAKey(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Demo: true})
			evidence := in.SignIn("anna").ID
			wire := &counting{}
			provider, err := client.NewProvider(client.ProviderConfig{Issuer: in.Issuer, Transport: wire})
			if err != nil {
				t.Fatal(err)
			}
			half := func(key *dpop.Key) *client.ServiceTokens {
				s, err := client.NewServiceTokens(client.ServiceConfig{
					Provider: provider, ApplicationURI: tandemtest.Portal, Credential: client.ServiceSecret(in.ServiceSecret), DPoP: key, Clock: in.Clock.Now,
				})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.BoundTokensOnly, a.ProofNonce = true, true })
			if _, err := half(nil).Token(t.Context()); err == nil || !strings.Contains(err.Error(), string(oauth.InvalidRequest)) {
				t.Errorf("without a key: %v", err)
			}
			bound := half(boundKey(t))
			api := client.ServiceOData(provider.ODataRoot, bound)
			ev, err := client.NewEvidence(client.EvidenceConfig{Provider: provider, ApplicationURI: tandemtest.Portal, Service: bound, Clock: in.Clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			var raw []string
			for range 2 {
				if n, err := api.Count(t.Context(), "General_Products_Products", client.Query{}); err != nil || n == 0 {
					t.Errorf("a call: %d, %v", n, err)
				}
				if err := api.Do(t.Context(), http.MethodPost, "General_Products_ProductGroups", map[string]any{"Code": "B" + strings.Repeat("x", len(raw)), "Name": map[string]string{"EN": "bound"}}, nil); err != nil {
					t.Errorf("a write: %v", err)
				}
				if _, err := ev.Verify(t.Context(), evidence); len(raw) == 0 && err != nil {
					t.Errorf("a question: %v", err)
				}
				token, err := bound.Token(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				raw = append(raw, token.Raw())
				in.Advance(61 * time.Minute) // the nonce of before is too old, too
			}
			if raw[0] == raw[1] {
				t.Error("the token was not renewed")
			}
			if wire.borne.Load() != 0 || wire.proved.Load() < 8 {
				t.Errorf("%d requests with a proof, %d as a bearer's", wire.proved.Load(), wire.borne.Load())
			}
			token, err := bound.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if status, text := in.API("GET", "GetVersion()", token.Raw(), ""); status != http.StatusUnauthorized {
				t.Errorf("a thief: %d %s", status, text)
			}
		})
	}
}

// TestServiceTokensThatAreNotBound: a provider that takes no notice of the proof is found out
// at once, and its token goes nowhere.
func TestServiceTokensThatAreNotBound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake(t, newNetwork(), "erp.test")
		var called atomic.Int64
		f.before(func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/api/") {
				called.Add(1)
			}
			return false
		})
		s, err := client.NewServiceTokens(client.ServiceConfig{Provider: f.provider(), ApplicationURI: appURI, Credential: client.ServiceSecret(serviceSecret), DPoP: boundKey(t)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.ServiceOData(f.provider().ODataRoot, s).Count(t.Context(), "A", client.Query{}); err == nil || !strings.Contains(err.Error(), "token_type is not DPoP") {
			t.Errorf("%v", err)
		}
		if called.Load() != 0 {
			t.Error("the API was called")
		}
	})
}
