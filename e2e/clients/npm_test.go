package clients

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/tandemtest"
)

// script runs one of the scripts beside this file against an instance, and expects what it
// says, step by step.
func script(t *testing.T, in *tandemtest.Instance, library string, more map[string]any, want map[string]map[string]any) {
	t.Helper()
	task := map[string]any{
		"issuer": in.Issuer, "odata": in.OData, "clientId": tandemtest.Portal, "userSecret": in.UserSecret, "serviceSecret": in.ServiceSecret,
		"redirectUri": tandemtest.RedirectURI, "postLogoutRedirectUri": tandemtest.PostLogoutRedirectURI,
		"publicId": tandemtest.Field, "publicRedirectUri": "http://127.0.0.1:65000/callback", "login": "anna", "password": tandemtest.Password,
	}
	maps.Copy(task, more)
	text, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	shows(t, exec.CommandContext(t.Context(), "node", library+".mjs", string(text)), want)
}

// installed skips a test whose library, or node, is not there.
func installed(t *testing.T, library string) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip(library + " is NOT TESTED: there is no node; run make test, which installs it")
	}
	if _, err := os.Stat("node_modules/" + library); err != nil {
		t.Skip(library + " is NOT TESTED: its package is not installed; run npm ci in e2e/clients, or make test")
	}
}

// Both flows with npm's openid-client, a certified relying party.
func TestOpenIDClient(t *testing.T) {
	t.Parallel()
	installed(t, "openid-client")
	in := tandemtest.Start(t, tandemtest.Options{})
	onP256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, on25519, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := []jose.JSONWebKey{{Key: onP256, KeyID: "npm"}, {Key: on25519, KeyID: "npm ed25519"}}
	for _, key := range keys {
		public, err := json.Marshal(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := in.Platform.Apps.AddCredential(t.Context(), tandemtest.By, tandemtest.Portal, registry.NewCredential{Flow: tandem.FlowService, PublicKey: public}); err != nil {
			t.Fatal(err)
		}
	}
	in.Refresh()
	script(t, in, "openid-client", map[string]any{"serviceKeys": keys}, map[string]map[string]any{
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
		"service key P-256":                  {"scope": "read"},
		"service key Ed25519":                {"scope": "read"},
		"front end asks for a service token": {"error": "unauthorized_client"},
		"openid for a service":               {"error": "invalid_scope"},
		"back end renews":                    {"error": "unauthorized_client"},
		"end":                                {},
	})
}

// Pushed requests, tokens bound to a key, and the nonces of its proofs, in both flows, with
// npm's oauth4webapi; and tokens as a resource server of its own validates them.
func TestOAuth4WebAPI(t *testing.T) {
	t.Parallel()
	installed(t, "oauth4webapi")
	in := tandemtest.Start(t, tandemtest.Options{})
	script(t, in, "oauth4webapi", nil, map[string]map[string]any{
		"discovery":                          {"pushed": true, "proofs": true, "iss": true},
		"pushed":                             {"tries": 1.0, "expires": 90.0, "iss": true},
		"code":                               {"tries": 2.0, "sub": "anna", "kind": "id", "scope": "openid profile offline_access read", "type": "dpop", "refresh": true},
		"pushed again":                       {"error": "OAUTH_INVALID_RESPONSE"},
		"code with another key":              {"error": "invalid_grant"},
		"code without a key":                 {"error": "invalid_grant"},
		"userinfo":                           {"name": "Anna Intern", "email": "anna@example.com"},
		"api":                                {"status": 200.0, "inUse": 1.0},
		"api wants its nonce":                {"tries": 2.0, "status": 200.0},
		"validated":                          {"sub": "anna", "client": tandemtest.Portal, "key": true},
		"api without the key":                {"error": "invalid_token"},
		"api with another key":               {"error": "invalid_dpop_proof"},
		"refresh":                            {"rotated": true, "type": "dpop", "sub": "anna"},
		"narrowed":                           {"scope": "read"},
		"introspected":                       {"active": true, "sub": "anna", "scope": "read", "type": "DPoP", "key": true},
		"introspected by the other half":     {"active": false},
		"revoked":                            {"error": "invalid_grant", "active": false},
		"service":                            {"scope": "read update", "type": "bearer", "refresh": false, "status": 200.0},
		"service with a key":                 {"scope": "read", "type": "dpop", "status": 200.0, "active": true},
		"service without its key":            {"error": "invalid_token"},
		"front end asks for a service token": {"error": "unauthorized_client"},
		"public":                             {"scope": "offline_access read", "type": "dpop", "stolen": "invalid_grant", "bare": "invalid_grant", "renewed": "dpop"},
		"end":                                {},
	})
}

// Both flows with npm's simple-oauth2, in each of the ways that it sends a secret.
func TestSimpleOAuth2(t *testing.T) {
	t.Parallel()
	installed(t, "simple-oauth2")
	want := map[string]map[string]any{"front end asks for a service token": {"error": "unauthorized_client"}, "end": {}}
	for _, way := range []string{"header", "header, not encoded", "form"} {
		want["code by "+way] = map[string]any{
			"state": way, "scope": "offline_access read", "id": false, "expired": false, "status": 200.0, "rotated": true, "renewed": 200.0,
		}
		want["revoked by "+way] = map[string]any{"refresh": "invalid_grant", "replay": "invalid_grant"}
		want["service by "+way] = map[string]any{"scope": "read update", "refresh": false, "status": 200.0}
	}
	script(t, tandemtest.Start(t, tandemtest.Options{}), "simple-oauth2", nil, want)
}
