package platform_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestProtectedResourceMetadata goes the way of a client that knows nothing but the address
// of the API: its refusal leads to the metadata, that to the issuer, and that to a token
// which the API takes (RFC 9728).
func TestProtectedResourceMetadata(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		get := func(address, token string, into any) *http.Response {
			req, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
			must(t, err)
			if token != "" {
				req.Header.Set("Authorization", "Bearer "+token)
			}
			res, text := send(t, req)
			if into != nil {
				must(t, json.Unmarshal([]byte(text), into))
			}
			return res
		}
		call := in.OData + "General_Products_Products?$top=1"
		refusals := map[string]*http.Response{
			"no token": get(call, "", nil), "a bad token": get(call, "x", nil), "scope": postTo(t, call, in.ServiceToken("read")),
		}
		address := ""
		for name, res := range refusals {
			m := regexp.MustCompile(`resource_metadata="([^"]+)"`).FindStringSubmatch(res.Header.Get("WWW-Authenticate"))
			if res.StatusCode < 401 || m == nil {
				t.Fatalf("%s: %d %v", name, res.StatusCode, res.Header)
			}
			address = m[1]
		}
		var m oauth.ResourceMetadata
		res := get(address, "", &m)
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" || res.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
		if !strings.HasPrefix(call, m.Resource) || oauth.ResourceMetadataURL(m.Resource) != address {
			t.Errorf("the metadata at %s is of %s", address, m.Resource)
		}
		if strings.Join(m.DPoPAlgorithms, " ") != strings.Join(dpop.AlgorithmNames(), " ") || strings.Join(m.BearerMethods, " ") != "header" || m.BoundOnly {
			t.Errorf("%+v", m)
		}
		if get(m.Documentation, "", nil).StatusCode != 200 {
			t.Errorf("there is nothing at %s", m.Documentation)
		}
		var issuer oauth.Metadata
		get(m.AuthorizationServers[0]+"/.well-known/openid-configuration", "", &issuer)
		res, err := http.PostForm(issuer.TokenEndpoint, url.Values{"grant_type": {"client_credentials"}, "client_id": {tandemtest.Portal}, "client_secret": {in.ServiceSecret},
			"scope": {strings.Join(m.ScopesSupported, " ")}})
		must(t, err)
		defer res.Body.Close()
		var token oauth.TokenResponse
		must(t, json.NewDecoder(res.Body).Decode(&token))
		if token.Scope != strings.Join(m.ScopesSupported, " ") {
			t.Errorf("of %v there is %q", m.ScopesSupported, token.Scope)
		}
		if res := get(call, token.AccessToken, nil); res.StatusCode != 200 {
			t.Errorf("the token that this leads to: %d", res.StatusCode)
		}
	})
}

func postTo(t *testing.T, address, token string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", address, strings.NewReader("{}"))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, _ := send(t, req)
	return res
}
