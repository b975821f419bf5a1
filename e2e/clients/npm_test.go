package clients

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/tandemtest"
)

// Both flows with npm's openid-client, a certified relying party; the script
// says what it did, step by step.
func TestOpenIDClient(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("openid-client is NOT TESTED: there is no node; run make test, which installs it")
	}
	if _, err := os.Stat("node_modules/openid-client"); err != nil {
		t.Skip("openid-client is NOT TESTED: its package is not installed; run npm ci in e2e/clients, or make test")
	}
	in := tandemtest.Start(t, tandemtest.Options{})
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := jose.JSONWebKey{Key: private, KeyID: "npm"}
	public, err := json.Marshal(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := in.Platform.Apps.AddCredential(t.Context(), "test", tandemtest.Portal, registry.NewCredential{Flow: tandem.FlowService, PublicKey: public}); err != nil {
		t.Fatal(err)
	}
	in.Refresh()
	task, err := json.Marshal(map[string]any{
		"issuer": in.Issuer, "odata": in.OData, "clientId": tandemtest.Portal, "userSecret": in.UserSecret, "serviceSecret": in.ServiceSecret,
		"serviceKey": key, "redirectUri": tandemtest.RedirectURI, "postLogoutRedirectUri": tandemtest.PostLogoutRedirectURI,
		"publicId": tandemtest.Field, "publicRedirectUri": "http://127.0.0.1:65000/callback", "login": "anna", "password": tandemtest.Password,
	})
	if err != nil {
		t.Fatal(err)
	}
	shows(t, exec.CommandContext(t.Context(), node, "openid-client.mjs", string(task)), map[string]map[string]any{
		"discovery":                          {"pkce": true, "issuer": in.Issuer},
		"code":                               {"sub": "anna", "kind": "id", "scope": "openid profile offline_access read", "expires": 3600.0, "refresh": true},
		"userinfo":                           {"name": "Anna Intern", "email": "anna@example.com"},
		"api":                                {"status": 200.0, "inUse": 1.0},
		"refresh":                            {"rotated": true, "sub": "anna", "scope": "openid profile offline_access read"},
		"narrowed":                           {"scope": "read"},
		"mix-up":                             {"refused": true},
		"replay":                             {"error": "invalid_grant"},
		"after replay":                       {"error": "invalid_grant"},
		"revoked":                            {"error": "invalid_grant"},
		"signed out":                         {"to": tandemtest.PostLogoutRedirectURI + "?state=bye", "error": "invalid_grant"},
		"public":                             {"sub": "anna", "scope": "openid read"},
		"service basic":                      {"scope": "read update", "refresh": false, "id": false, "status": 200.0},
		"service post":                       {"scope": "read update", "refresh": false, "id": false, "status": 200.0},
		"service key":                        {"scope": "read"},
		"front end asks for a service token": {"error": "unauthorized_client"},
		"openid for a service":               {"error": "invalid_scope"},
		"back end renews":                    {"error": "unauthorized_client"},
		"end":                                {},
	})
}
