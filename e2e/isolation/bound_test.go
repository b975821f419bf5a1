package isolation_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestBoundTokensAreOfNoUseToThieves steals the service token and the proofs of a back
// end that has a key (RFC 9449): without the key the API lets nobody in, opens no session
// and takes no slot.
func TestBoundTokensAreOfNoUseToThieves(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{}, func(t *testing.T, s *system) {
		key, thief := key(t), key(t)
		const path = "General_Currencies_Currencies"
		now := s.Store().Clock.Now
		send := func(method, url, form, authorization string, proofs ...string) (int, http.Header, string) {
			req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(form))
			if err != nil {
				t.Fatal(err)
			}
			if form != "" {
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			if authorization != "" {
				req.Header.Set("Authorization", authorization)
			}
			for _, p := range proofs {
				req.Header.Add(dpop.Header, p)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			return res.StatusCode, res.Header, string(text)
		}
		prove := func(k *dpop.Key, method, url, token string, at time.Time) string {
			text, err := k.Proof(dpop.Request{Method: method, URL: url, AccessToken: token}, "", at)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {tandemtest.Portal}, "client_secret": {s.ServiceSecret}}.Encode()
		public := strings.TrimSuffix(s.Issuer, oauth.PathIssuer)
		_, _, answer := send("POST", s.URL+oauth.PathToken, form, "", prove(key, "POST", public+oauth.PathToken, "", now()))
		var got struct {
			Access string `json:"access_token"`
			Type   string `json:"token_type"`
		}
		if err := json.Unmarshal([]byte(answer), &got); err != nil || got.Type != "DPoP" {
			t.Fatalf("%v: %s", err, answer)
		}
		call, seen := s.OData+path, public+strings.TrimPrefix(s.OData, public)+path
		used := prove(key, "GET", seen, got.Access, now())
		before := len(s.Sessions(false))
		for name, test := range map[string]struct{ scheme, proof string }{
			"as a bearer's":        {"Bearer", ""},
			"without a proof":      {"DPoP", ""},
			"by his own key":       {"DPoP", prove(thief, "GET", seen, got.Access, now())},
			"for another path":     {"DPoP", prove(key, "GET", seen+"X", got.Access, now())},
			"for writing":          {"DPoP", prove(key, "POST", seen, got.Access, now())},
			"for another token":    {"DPoP", prove(key, "GET", seen, "another", now())},
			"made two minutes ago": {"DPoP", prove(key, "GET", seen, got.Access, now().Add(-2*time.Minute))},
		} {
			var proofs []string
			if test.proof != "" {
				proofs = []string{test.proof}
			}
			status, header, text := send("GET", call, "", test.scheme+" "+got.Access, proofs...)
			if status != http.StatusUnauthorized || !strings.HasPrefix(header.Get("WWW-Authenticate"), `DPoP realm="DomainAPI", algs="`) {
				t.Errorf("%s: %d %s %s", name, status, header.Get("WWW-Authenticate"), text)
			}
		}
		if after := len(s.Sessions(false)); after != before {
			t.Errorf("a thief opened %d sessions", after-before)
		}
		if status, _, text := send("GET", call+"?$top=1", "", "DPoP "+got.Access, used); status != http.StatusOK {
			t.Errorf("with its proof: %d %s", status, text)
		}
		if status, _, _ := send("GET", call+"?$top=1", "", "DPoP "+got.Access, used); status != http.StatusUnauthorized {
			t.Errorf("with a proof that was used: %d", status)
		}
		bearer := s.ServiceToken()
		if status, _, _ := send("GET", call, "", "DPoP "+bearer, prove(key, "GET", seen, bearer, now())); status != http.StatusUnauthorized {
			t.Errorf("a bearer's token as if it were bound: %d", status)
		}
	})
}

func key(t *testing.T) *dpop.Key {
	t.Helper()
	k, err := dpop.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}
