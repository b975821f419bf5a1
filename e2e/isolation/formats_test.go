package isolation_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestI7_I3_BothFormatsAtOnce changes how access tokens are written and signed while tokens
// are out: those of before go on, at every replica, and a back end's token that names its
// client as the subject is nobody, wherever people are expected.
func TestI7_I3_BothFormatsAtOnce(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{}, func(t *testing.T, s *system) {
		changed := s.ReplicaWith(t, platform.AccessTokens{Format: oauth.FormatRFC9068, Algorithm: "RS256", Type: oauth.TypeJWT})
		replicas := []*tandemtest.Instance{s.Instance, changed}
		tokens := map[string]string{
			"old user": s.SignIn("anna").Access, "old service": s.ServiceToken(), "new user": changed.SignIn("anna").Access, "new service": changed.ServiceToken(),
		}
		if h := headerOf(t, tokens["new service"]); h["alg"] != "ES256" || h["typ"] != "JWT" {
			t.Errorf("before its key was published the new setting signs with %v", h)
		}
		s.Refresh()
		published := s.send("GET", s.URL+oauth.PathJWKS, "", nil).Text
		s.Clock.Advance(token.PublishLead)
		s.Refresh()
		changed.Refresh()
		tokens["RS256 user"], tokens["RS256 service"] = changed.SignIn("anna").Access, changed.ServiceToken()
		h := headerOf(t, tokens["RS256 service"])
		if h["alg"] != "RS256" || !strings.Contains(published, h["kid"].(string)) {
			t.Errorf("signed with %v, and published before was %s", h, published)
		}
		for name, text := range tokens {
			claims := claimsOf(t, text)
			scope, asText := claims["scope"].(string)
			if fresh := !strings.HasPrefix(name, "old"); asText != fresh || asText && !slices.Contains(strings.Fields(scope), "read") {
				t.Errorf("%s: scope %v", name, claims["scope"])
			}
			service := strings.HasSuffix(name, "service")
			if sub, there := claims["sub"]; service && (there == strings.HasPrefix(name, "old") || there && sub != tandemtest.Portal) {
				t.Errorf("%s: sub %v", name, sub)
			}
			for _, in := range replicas {
				takes(t, in, name, text, service)
			}
		}
		noNames(t, s)
		serverByRFC(t, s, changed)
	})
}

// takes tries a token at every door of a replica.
func takes(t *testing.T, in *tandemtest.Instance, name, text string, service bool) {
	t.Helper()
	if status, body := in.API("GET", "General_Currencies_Currencies?$top=1", text, ""); status != http.StatusOK {
		t.Errorf("%s at the API: %d %s", name, status, body)
	}
	want := http.StatusOK
	secret := in.UserSecret
	if service {
		want, secret = http.StatusForbidden, in.ServiceSecret
	}
	for _, path := range []string{oauth.PathUserinfo, "/profile/me"} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", in.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+text)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s at %s: %d, want %d", name, path, res.StatusCode, want)
		}
	}
	res, err := http.PostForm(in.URL+oauth.PathIntrospection, url.Values{"client_id": {tandemtest.Portal}, "client_secret": {secret}, "token": {text}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var told map[string]any
	if err := json.NewDecoder(res.Body).Decode(&told); err != nil || told["active"] != true || (told["id"] == nil) != service || (told["client_system_user"] != nil) != service {
		t.Errorf("%s at introspection: %v %v", name, told, err)
	}
}

// noNames: whatever the format, no account has the name of an application, nor the other
// way round, so that sub is never ambiguous.
func noNames(t *testing.T, s *system) {
	t.Helper()
	for _, login := range []string{tandemtest.Portal, strings.ToUpper(tandemtest.Portal)} {
		if _, err := s.Platform.Accounts.Create(t.Context(), tandemtest.By, signin.NewUser{Login: login, Type: tandem.InternalUser, Password: tandemtest.Password}); err == nil {
			t.Errorf("an account %s: %v", login, err)
		}
	}
	for _, uri := range []string{"anna", "Anna", tandemtest.SystemUser} {
		if _, _, err := s.Platform.Apps.Create(t.Context(), tandemtest.By, tandem.TrustedApp{ApplicationURI: uri, Enabled: true, ClientType: tandem.ClientPublic}); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf("an application %s: %v", uri, err)
		}
	}
}

// serverByRFC: the SDK's resource server takes no back end for a person, also where sub says
// who it is.
func serverByRFC(t *testing.T, s *system, changed *tandemtest.Instance) {
	t.Helper()
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: s.Issuer})
	if err != nil {
		t.Fatal(err)
	}
	server, err := client.NewResourceServer(client.ResourceServerConfig{
		Provider: provider, Resource: token.ResourcesAudience(s.Issuer), AcceptsFrom: []string{tandemtest.Portal}, Unmarked: true, Clock: s.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := server.Verify(calling(t, changed.ServiceToken())); err == nil {
		t.Errorf("a back end is taken for %+v", c)
	}
	if c, err := server.Verify(calling(t, changed.SignIn("anna").Access)); err != nil || c.Subject != "anna" {
		t.Errorf("anna is taken for %+v, %v", c, err)
	}
}

// headerOf and claimsOf are the parts of a JWT.
func headerOf(t *testing.T, jwt string) map[string]any { return partOf(t, jwt, 0) }

func claimsOf(t *testing.T, jwt string) map[string]any { return partOf(t, jwt, 1) }

func partOf(t *testing.T, jwt string, i int) (part map[string]any) {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[i])
	if err == nil {
		err = json.Unmarshal(text, &part)
	}
	if err != nil {
		t.Fatal(err)
	}
	return part
}
