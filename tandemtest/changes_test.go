package tandemtest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// What a process has changed itself is so for it when the answer leaves, and an
// application that another process has registered a moment ago is known.
func TestOwnChangesHoldAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine})
		client := func(form url.Values) url.Values {
			form.Set("client_id", tandemtest.Portal)
			form.Set("client_secret", in.UserSecret)
			return form
		}
		post := func(path string, form url.Values) int {
			t.Helper()
			res, err := http.PostForm(in.Issuer+path, form)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			return res.StatusCode
		}
		for name, revoke := range map[string]func(anna tandemtest.Tokens){
			"access token":  func(anna tandemtest.Tokens) { post("/connect/revocation", client(url.Values{"token": {anna.Access}})) },
			"refresh token": func(anna tandemtest.Tokens) { post("/connect/revocation", client(url.Values{"token": {anna.Refresh}})) },
			"replay": func(anna tandemtest.Tokens) {
				in.RefreshTokens(in.RefreshTokens(anna.Refresh).Refresh)
				post("/connect/token", client(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {anna.Refresh}}))
			},
			"account": func(tandemtest.Tokens) {
				if _, err := in.Platform.Accounts.Disable(t.Context(), tandemtest.By, "anna"); err != nil {
					t.Fatal(err)
				}
			},
		} {
			if _, err := in.Platform.Accounts.Enable(t.Context(), tandemtest.By, "anna"); err != nil {
				t.Fatal(err)
			}
			anna := in.SignIn("anna")
			if status := post("/connect/userinfo", url.Values{"access_token": {anna.Access}}); status != 200 {
				t.Fatalf("%s: userinfo says %d before", name, status)
			}
			revoke(anna)
			if status := post("/connect/userinfo", url.Values{"access_token": {anna.Access}}); status != 401 {
				t.Errorf("%s: userinfo says %d after", name, status)
			}
		}

		admin, err := platform.OpenAdministration(t.Context(), in.Store())
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		robot, err := admin.Accounts.Show(t.Context(), tandemtest.SystemUser)
		if err != nil {
			t.Fatal(err)
		}
		_, secrets, err := admin.Apps.Create(t.Context(), tandemtest.By, tandem.TrustedApp{
			ApplicationURI: "com.example/new", Enabled: true, ClientType: tandem.ClientConfidential,
			SystemUserAllowed: true, SystemUserID: robot.ID, Scope: tandem.Scope{"read"},
		})
		if err != nil {
			t.Fatal(err)
		}
		in.Clock.Advance(time.Second) // no other miss has just looked
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"com.example/new"}, "client_secret": {secrets.Service}}
		if status, text := in.TokenRequest(form); status != 200 {
			t.Errorf("a new application: %d %s", status, text)
		}
	})
}

// An instance that was set up with a clock two days ahead works as soon as the
// clock is right: tokens are signed, taken, renewed, and switches reach them.
func TestClockThatWasAhead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		clock := &tandemtest.Clock{}
		clock.Advance(48 * time.Hour)
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Clock: clock})
		in.CreateApp(tandem.TrustedApp{
			ApplicationURI: "com.example/ahead", Enabled: true, ClientType: tandem.ClientPublic, InternalUsers: true,
			RedirectURIs: []string{tandemtest.RedirectURI}, Scope: tandem.Scope{"read"},
		})
		before := in.SignIn("anna")
		in.Advance(-48 * time.Hour)
		if err := in.Platform.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		anna := in.SignIn("anna")
		for name, token := range map[string]string{"user": anna.Access, "service": in.ServiceToken(), "renewed": in.RefreshTokens(anna.Refresh).Access} {
			if status, text := in.API("GET", "GetVersion()", token, ""); status != 200 {
				t.Errorf("%s: %d %s", name, status, text)
			}
		}
		// What was given out for the future is no good, and no danger.
		if status, text := in.API("GET", "GetVersion()", before.Access, ""); status != 401 {
			t.Errorf("a token of two days ahead: %d %s", status, text)
		}
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {before.Refresh}, "client_id": {tandemtest.Portal}, "client_secret": {in.UserSecret}}
		if status, text := in.TokenRequest(form); status != 400 || !strings.Contains(text, "invalid_grant") {
			t.Errorf("a refresh token of two days ahead: %d %s", status, text)
		}
		keys, err := in.Platform.Keys.Rotate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		soon := 0
		for _, k := range keys {
			if k.State == "next" && k.ActivateAt.Before(in.Clock.Now().Add(time.Hour)) {
				soon++
			}
		}
		if soon != 4 {
			t.Errorf("%d keys sign soon after a rotation: %+v", soon, keys)
		}
		admin, err := platform.OpenAdministration(t.Context(), in.Store())
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		if _, err := admin.Accounts.Disable(t.Context(), tandemtest.By, "anna"); err != nil {
			t.Fatal(err)
		}
		in.Refresh()
		if status, text := in.API("GET", "GetVersion()", anna.Access, ""); status != 401 {
			t.Errorf("a disabled person: %d %s", status, text)
		}
	})
}
