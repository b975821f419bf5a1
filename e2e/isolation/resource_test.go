package isolation_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestA7_D24_I5_AResourceTokenIsNothingToTheERP: what people inside and outside hold for an
// API of an application's own opens nothing of the instance, at no door, and takes no slot.
func TestA7_D24_I5_AResourceTokenIsNothingToTheERP(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{}, func(t *testing.T, s *system) {
		const resource = "https://visits.example/api"
		worker, err := s.Platform.Accounts.Show(t.Context(), tandemtest.SystemUser)
		if err != nil {
			t.Fatal(err)
		}
		secrets := s.CreateApp(tandem.TrustedApp{
			ApplicationURI: "com.example/visits", Enabled: true, ClientType: tandem.ClientConfidential, Scope: tandem.Scope{"read"},
			SystemUserAllowed: true, SystemUserID: worker.ID,
			Resource: resource, ResourceScopes: tandem.Scope{"visits"}, AcceptsFrom: []string{tandemtest.Field},
		})
		s.UpdateApp(tandemtest.Field, func(a *tandem.TrustedApp) { a.Scope = append(a.Scope, "visits") })
		server := resourceServer(t, s, resource, secrets.Service)
		for _, login := range []string{"anna", "paul"} {
			verifier := strings.Repeat("v", 43)
			page := s.Browser().SignIn(s.URL+oauth.PathAuthorize+"?"+url.Values{
				"client_id": {tandemtest.Field}, "redirect_uri": {tandemtest.FieldRedirectURI}, "response_type": {"code"}, "scope": {"openid offline_access visits"},
				"resource": {resource}, "code_challenge": {oauth.Challenge(verifier)}, "code_challenge_method": {"S256"},
			}.Encode(), login, tandemtest.Password)
			to, err := url.Parse(page.Header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			status, body := s.TokenRequest(url.Values{
				"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {tandemtest.FieldRedirectURI}, "code_verifier": {verifier},
				"client_id": {tandemtest.Field}, "resource": {resource},
			})
			_, token, _ := strings.Cut(body, `"access_token":"`)
			token, _, found := strings.Cut(token, `"`)
			if status != http.StatusOK || !found {
				t.Fatalf("%s: %d %s", login, status, body)
			}
			for _, call := range [][2]string{
				{"GET", "General_Products_Products?$top=1"}, {"GET", "GetVersion()"}, {"POST", setOrders}, {"POST", "$batch"}, {"GET", "Systems_Monitoring_CurrentSessions"},
			} {
				h := http.Header{"Authorization": {"Bearer " + token}}
				a := s.send(call[0], s.OData+call[1], "{}", h)
				if a.StatusCode != http.StatusUnauthorized || a.Header.Get("Tandem-Session") != "" {
					t.Errorf("%s at %s: %d %s", login, call[1], a.StatusCode, a.Text)
				}
			}
			known(t, server, login, token)
			for _, path := range []string{oauth.PathUserinfo, "/profile/me"} {
				if a := s.send("GET", s.URL+path, "", http.Header{"Authorization": {"Bearer " + token}}); a.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s at %s: %d %s", login, path, a.StatusCode, a.Text)
				}
			}
		}
		if all := s.Sessions(true); len(all) != 0 {
			t.Errorf("sessions were opened: %+v", all)
		}
		// What else people and back ends hold is nothing to the API of the application.
		anna := s.SignIn("anna")
		for name, token := range map[string]string{"access": anna.Access, "ID": anna.ID, "refresh": anna.Refresh, "service": s.ServiceToken()} {
			if c, err := server.Verify(calling(t, token)); err == nil {
				t.Errorf("the API takes a %s token: %+v", name, c)
			}
		}
	})
}

// resourceServer is the API of the application, by the SDK.
func resourceServer(t *testing.T, s *system, resource, secret string) *client.ResourceServer {
	t.Helper()
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: s.Issuer})
	if err != nil {
		t.Fatal(err)
	}
	service, err := client.NewServiceTokens(client.ServiceConfig{Provider: provider, ApplicationURI: "com.example/visits", Credential: client.ServiceSecret(secret), Clock: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	server, err := client.NewResourceServer(client.ResourceServerConfig{
		Provider: provider, Resource: resource, AcceptsFrom: []string{tandemtest.Field}, Service: service, Clock: s.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func calling(t *testing.T, token string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://visits.example/api/today", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// known: the API knows who calls, and the provider says that they still may.
func known(t *testing.T, server *client.ResourceServer, login, token string) {
	t.Helper()
	c, err := server.Verify(calling(t, token), "visits")
	if err != nil || c.Subject != login || c.ApplicationURI != tandemtest.Field {
		t.Fatalf("%s is %+v, %v", login, c, err)
	}
	if err := server.AliveCaller(t.Context(), c); err != nil {
		t.Errorf("%s: %v", login, err)
	}
}
