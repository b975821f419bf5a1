package platform_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestTokenByTheWrongScheme: a token that is bound to a key and comes as a bearer's, or the
// other way round, is an invalid token: no proof is wrong. The challenge names the scheme
// (RFC 6750 section 3.1, RFC 9449 section 7.1), at the API, userinfo and the profile alike.
func TestTokenByTheWrongScheme(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		key, err := dpop.NewKey()
		must(t, err)
		stranger, err := dpop.NewKey()
		must(t, err)
		c := d.Browser().Authorize("anna", tandemtest.Password)
		res, body := d.provedPost(key, oauth.PathToken, form("grant_type", "authorization_code", "code", c.Code, "redirect_uri", tandemtest.RedirectURI, "code_verifier", c.Verifier,
			"client_id", tandemtest.Portal, "client_secret", d.UserSecret))
		bound := between(body, `"access_token":"`, `"`)
		if res.StatusCode != http.StatusOK || bound == "" {
			t.Fatalf("%d %s", res.StatusCode, body)
		}
		plain := d.SignIn("anna").Access
		for _, address := range []string{d.OData + "GetVersion()", d.URL + oauth.PathUserinfo, d.URL + "/profile/me"} {
			ask := func(scheme, token string, proof string) (int, string) {
				t.Helper()
				req, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
				must(t, err)
				req.Header.Set("Authorization", scheme+" "+token)
				if proof != "" {
					req.Header.Set(dpop.Header, proof)
				}
				res, _ := send(t, req)
				return res.StatusCode, res.Header.Get("WWW-Authenticate")
			}
			proofOf := func(key *dpop.Key, token string) string {
				t.Helper()
				at, _, _ := strings.Cut(address, "?")
				proof, err := key.Proof(dpop.Request{Method: "GET", URL: at, AccessToken: token}, "", d.Clock.Now())
				must(t, err)
				return proof
			}
			for what, wrong := range map[string]struct{ scheme, token, proof, code string }{
				"bound, as a bearer's":          {"Bearer", bound, "", "invalid_token"},
				"bound, as a bearer's, proved":  {"Bearer", bound, proofOf(key, bound), "invalid_token"},
				"a bearer's, as if bound":       {"DPoP", plain, proofOf(key, plain), "invalid_token"},
				"bound, without a proof":        {"DPoP", bound, "", "invalid_dpop_proof"},
				"bound, proved by another key":  {"DPoP", bound, proofOf(stranger, bound), "invalid_dpop_proof"},
				"bound, proved for another one": {"DPoP", bound, proofOf(key, plain), "invalid_dpop_proof"},
			} {
				status, challenge := ask(wrong.scheme, wrong.token, wrong.proof)
				if status != http.StatusUnauthorized || !strings.HasPrefix(challenge, "DPoP ") || !strings.Contains(challenge, `error="`+wrong.code+`"`) {
					t.Errorf("%s, %s: %d %s", address, what, status, challenge)
				}
			}
			if status, challenge := ask("DPoP", bound, proofOf(key, bound)); status != http.StatusOK {
				t.Errorf("%s, as it should be: %d %s", address, status, challenge)
			}
		}
	})
}

// TestNonceIsToldWhateverIsWrong: each answer to a proof has the nonce, also that to a client
// which has not proved itself (RFC 9449 section 8.2): it tries again with the right secret.
func TestNonceIsToldWhateverIsWrong(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		key, err := dpop.NewKey()
		must(t, err)
		for _, path := range []string{oauth.PathToken, oauth.PathPushed} {
			for what, f := range map[string]url.Values{
				"a wrong secret":        form("grant_type", "client_credentials", "client_id", tandemtest.Portal, "client_secret", "wrong"),
				"an unknown client":     form("grant_type", "client_credentials", "client_id", "com.example/nobody", "client_secret", "wrong"),
				"no grant":              form(),
				"a parameter too often": {"grant_type": {"client_credentials", "client_credentials"}},
			} {
				res, body := d.provedPost(key, path, f)
				if res.StatusCode < 400 || res.Header.Get(dpop.NonceHeader) == "" {
					t.Errorf("%s, %s: %d %v %s", path, what, res.StatusCode, res.Header, body)
				}
			}
		}
	})
}
