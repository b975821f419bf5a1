package prove_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/prove"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestHalvesWithKeys: both halves prove themselves with private keys, one in PEM and
// one in JWK, and the report tells neither.
func TestHalvesWithKeys(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.ServiceScope = tandem.Scope{tandem.ScopeRead} }) // so that there is more than it has
	front, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	frontDER, err := x509.MarshalPKCS8PrivateKey(front)
	if err != nil {
		t.Fatal(err)
	}
	public, back, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	backJWK, err := jose.JSONWebKey{Key: back, KeyID: "b"}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for flow, key := range map[tandem.Flow]any{tandem.FlowUser: front.Public(), tandem.FlowService: public} {
		text, err := jose.JSONWebKey{Key: key}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := in.Platform.Apps.AddCredential(t.Context(), tandemtest.By, tandemtest.Portal, registry.NewCredential{Flow: flow, PublicKey: text}); err != nil {
			t.Fatal(err)
		}
	}
	frontPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: frontDER}))
	report, got := rows(t, prove.Config{
		Issuer: in.Issuer, Application: tandemtest.Portal, UserSecret: frontPEM, ServiceSecret: string(backJWK), RedirectURI: tandemtest.RedirectURI,
		Person: prove.Person{Login: "anna", Password: tandemtest.Password}, Only: []string{"I1", "I2", "I3", "I10", "I13"}, Pace: time.Millisecond,
	})
	for id, row := range got {
		if report.Options.Asked(id) && row.Verdict != prove.Holds {
			t.Errorf("%s %s: %s", id, row.Verdict, row.Why)
		}
	}
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var jwk struct{ D string }
	if err := json.Unmarshal(backJWK, &jwk); err != nil || jwk.D == "" {
		t.Fatal(err, jwk)
	}
	if testkit.HasToken(string(text)) {
		t.Errorf("the report has a token: %s", text)
	}
	for _, secret := range []string{jwk.D, strings.Split(frontPEM, "\n")[1]} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the report has %.12q", secret)
		}
	}
}

func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	publicJWK, err := jose.JSONWebKey{Key: public}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, credential := range []string{"{", "{}", string(publicJWK), `{"kty":"oct","k":"c2VjcmV0"}`, "-----BEGIN", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		c := prove.Config{
			Issuer: "https://id.example", Application: "app", UserSecret: "a secret", ServiceSecret: credential, RedirectURI: smallRedirect,
			Person: prove.Person{Login: "anna", Password: smallPassword},
		}
		if _, err := prove.Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "the service credential: it is no private key") {
			t.Errorf("%q: %v", credential, err)
		}
	}
}
