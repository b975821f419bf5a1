package platform_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/tandemtest"
)

// An application may want the server's nonce in each of its proofs: the first without one is
// told it, at the token endpoint, at the API and at the profile.
func TestProofsNeedTheNonce(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		key, err := dpop.NewKey()
		must(t, err)
		ask := func(method, address, token, nonce string, form url.Values) (status int, next, said string) {
			t.Helper()
			plain, _, _ := strings.Cut(address, "?")
			proof, err := key.Proof(dpop.Request{Method: method, URL: plain, AccessToken: token}, nonce, in.Clock.Now())
			must(t, err)
			req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
			must(t, err)
			req.Header.Set(dpop.Header, proof)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if token != "" {
				req.Header.Set("Authorization", "DPoP "+token)
			}
			res, text := send(t, req)
			return res.StatusCode, res.Header.Get(dpop.NonceHeader), text + res.Header.Get("WWW-Authenticate")
		}
		asService := url.Values{"client_id": {tandemtest.Portal}, "client_secret": {in.ServiceSecret}, "grant_type": {"client_credentials"}}
		if status, _, said := ask("POST", in.URL+oauth.PathToken, "", "", asService); status != 200 {
			t.Errorf("who wants no nonce: %d %s", status, said)
		}
		in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.ProofNonce = true })
		status, nonce, said := ask("POST", in.URL+oauth.PathToken, "", "", asService)
		if status != 400 || nonce == "" || !strings.Contains(said, "use_dpop_nonce") {
			t.Fatalf("without a nonce: %d %q %s", status, nonce, said)
		}
		status, _, said = ask("POST", in.URL+oauth.PathToken, "", nonce, asService)
		var given oauth.TokenResponse
		if status == 200 {
			must(t, json.NewDecoder(strings.NewReader(said)).Decode(&given))
		}
		if given.AccessToken == "" || given.TokenType != oauth.TokenTypeDPoP {
			t.Fatalf("with the nonce: %d %s", status, said)
		}
		products := in.OData + "General_Products_Products?$top=1"
		if status, next, said := ask("GET", products, given.AccessToken, "", nil); status != 401 || next == "" || !strings.Contains(said, "use_dpop_nonce") {
			t.Errorf("the API without a nonce: %d %q %s", status, next, said)
		}
		if status, _, said := ask("GET", products, given.AccessToken, nonce, nil); status != 200 {
			t.Errorf("the API with the nonce: %d %s", status, said)
		}
		if status, next, said := ask("GET", in.URL+"/profile/me", given.AccessToken, "", nil); status != 401 || next == "" || !strings.Contains(said, "use_dpop_nonce") {
			t.Errorf("the profile without a nonce: %d %q %s", status, next, said)
		}
		// Who proves no key is asked for no nonce.
		if in.ServiceToken("read") == "" {
			t.Error("no token that is bound to none")
		}
	})
}
