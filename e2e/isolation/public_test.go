package isolation_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/tandemtest"
)

// A public application never acts as a System User, however it says who it is; nor does one
// that became public, with the credentials that it had before (A2).
func TestA2_APublicApplicationHasNoServiceFlow(t *testing.T) {
	t.Parallel()
	onBoth(t, tandemtest.Options{}, func(t *testing.T, in *tandemtest.Instance) {
		basic := func(id, secret string) string {
			return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
		}
		refused := func(application string, tries map[string][2]any) {
			t.Helper()
			for name, try := range tries {
				form, header := try[0].(url.Values), try[1].(string)
				form.Set("grant_type", "client_credentials")
				for _, scope := range []string{"", "read", "read update"} {
					if form.Set("scope", scope); scope == "" {
						form.Del("scope")
					}
					headers := []string{"Content-Type", "application/x-www-form-urlencoded"}
					if header != "" {
						headers = append(headers, "Authorization", header)
					}
					status, text := ask(t, "POST", in.URL+oauth.PathToken, form.Encode(), headers...)
					if status != http.StatusBadRequest && status != http.StatusUnauthorized || strings.Contains(text, "access_token") ||
						!strings.Contains(text, "unauthorized_client") && !strings.Contains(text, "invalid_client") && !strings.Contains(text, "invalid_request") {
						t.Errorf("%s, %s, scope %q: %d %s", application, name, scope, status, text)
					}
				}
			}
		}
		id := func(application string, more ...string) url.Values {
			form := url.Values{"client_id": {application}}
			for i := 0; i < len(more); i += 2 {
				form.Set(more[i], more[i+1])
			}
			return form
		}
		const jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
		user := in.SignIn("anna")
		ways := func(application string) map[string][2]any {
			return map[string][2]any{
				"its name":            {id(application), ""},
				"an empty secret":     {id(application, "client_secret", ""), ""},
				"another's secret":    {id(application, "client_secret", in.ServiceSecret+"x"), ""},
				"Basic, empty":        {url.Values{}, basic(application, "")},
				"Basic, and its name": {id(application), basic(application, "")},
				"Basic, a secret":     {url.Values{}, basic(application, "secret")},
				"an assertion":        {id(application, "client_assertion_type", jwt, "client_assertion", user.ID), ""},
				"an empty assertion":  {id(application, "client_assertion_type", jwt, "client_assertion", ""), ""},
				"a user's token":      {id(application, "client_secret", user.Access), ""},
				"the System User":     {id(application, "username", tandemtest.SystemUser, "client_system_user", tandemtest.SystemUser), ""},
			}
		}
		refused(tandemtest.Field, ways(tandemtest.Field))

		if in.ServiceToken() == "" {
			t.Fatal("the back end gets no token as long as its application is confidential")
		}
		// Past the administration, which wants the credentials revoked first.
		in.Clock.Advance(1)
		_, err := in.Platform.Apps.Store.Update(t.Context(), tandemtest.Portal, in.Clock.Now(), func(a tandem.TrustedApp) (tandem.TrustedApp, error) {
			a.ClientType = tandem.ClientPublic
			return a, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		in.Refresh()
		all := ways(tandemtest.Portal)
		all["the secret it had"] = [2]any{id(tandemtest.Portal, "client_secret", in.ServiceSecret), ""}
		all["Basic, the secret it had"] = [2]any{url.Values{}, basic(tandemtest.Portal, in.ServiceSecret)}
		all["the front end's secret"] = [2]any{id(tandemtest.Portal, "client_secret", in.UserSecret), ""}
		refused(tandemtest.Portal, all)
	})
}
