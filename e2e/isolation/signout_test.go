package isolation_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/tandemtest"
)

// Whoever has no hint of a sign-in ends nothing of it, and is led nowhere that is not
// registered (E28): the cookie still signs in, and the refresh token is still good.
func TestE28_SignOutsThatEndNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, tandemtest.Options{}, func(t *testing.T, in *tandemtest.Instance) {
		anna := in.Browser()
		mine := in.Redeem(anna.Authorize("anna", tandemtest.Password))
		paul := in.SignIn("paul", "openid", "offline_access")
		part := strings.Split(mine.ID, ".")
		payload, err := base64.RawURLEncoding.DecodeString(part[1])
		if err != nil {
			t.Fatal(err)
		}
		encoded := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
		changed := encoded(strings.Replace(string(payload), `"aud"`, `"aud2"`, 1))
		evil, err := http.NewRequestWithContext(t.Context(), "GET", "https://evil.example/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		elsewhere := &tandemtest.Page{Response: &http.Response{Request: evil}}
		const home = tandemtest.PostLogoutRedirectURI
		for name, params := range map[string]url.Values{
			"nothing":                       {},
			"an application":                {"client_id": {tandemtest.Portal}},
			"an address":                    {"client_id": {tandemtest.Portal}, "post_logout_redirect_uri": {home}},
			"a hint that nobody signed":     {"id_token_hint": {encoded(`{"alg":"none"}`) + "." + part[1] + "."}},
			"a hint without its signature":  {"id_token_hint": {part[0] + "." + part[1] + "."}},
			"a changed hint":                {"id_token_hint": {part[0] + "." + changed + "." + part[2]}},
			"another's signature":           {"id_token_hint": {part[0] + "." + part[1] + "." + strings.Split(paul.ID, ".")[2]}},
			"a hint signed with the secret": {"id_token_hint": {encoded(`{"alg":"HS256"}`) + "." + part[1] + "." + part[2]}},
			"an access token":               {"id_token_hint": {mine.Access}},
			"a refresh token":               {"id_token_hint": {mine.Refresh}},
			"a service token":               {"id_token_hint": {in.ServiceToken()}},
			"NUL":                           {"id_token_hint": {"\x00"}, "post_logout_redirect_uri": {home + "\x00"}, "state": {"\x00"}},
			"no text":                       {"id_token_hint": {"\xff\xfe"}, "client_id": {"\xff"}},
			"the other application's":       {"id_token_hint": {mine.ID}, "client_id": {tandemtest.Field}, "post_logout_redirect_uri": {home}},
			"an unregistered address":       {"id_token_hint": {mine.ID}, "post_logout_redirect_uri": {"https://evil.example/"}},
			"a longer address":              {"id_token_hint": {mine.ID}, "post_logout_redirect_uri": {home + "/../x"}},
			"a sign-in address":             {"id_token_hint": {mine.ID}, "post_logout_redirect_uri": {tandemtest.RedirectURI}},
			"a script":                      {"id_token_hint": {mine.ID}, "post_logout_redirect_uri": {"javascript:alert(1)"}},
			"a hint twice":                  {"id_token_hint": {mine.ID, mine.ID}},
		} {
			for how, answer := range map[string]*tandemtest.Page{
				"GET":  anna.Get(in.URL + oauth.PathEndSession + "?" + params.Encode()),
				"POST": anna.Post(elsewhere, in.URL+oauth.PathEndSession, params),
			} {
				at := answer.Request.URL
				if answer.StatusCode >= 500 || !strings.HasPrefix(at.String(), in.URL+"/id/") || answer.Header.Get("Location") != "" {
					t.Errorf("%s %s: %d at %s, to %q", how, name, answer.StatusCode, at.Redacted(), answer.Header.Get("Location"))
				}
			}
			if me := anna.Get(in.URL + "/profile/me"); me.StatusCode != http.StatusOK || !strings.Contains(me.Text, "anna") {
				t.Fatalf("%s signed anna out: %d %s", name, me.StatusCode, me.Text)
			}
			mine.Refresh = in.RefreshTokens(mine.Refresh).Refresh
		}

		// With the hint all of it ends, and nothing of anybody else's.
		end := anna.Get(in.URL + oauth.PathEndSession + "?" + url.Values{"id_token_hint": {mine.ID}, "post_logout_redirect_uri": {home}}.Encode())
		if to := end.Request.URL.String() + end.Header.Get("Location"); !strings.Contains(to, home) {
			t.Errorf("the sign-out led to %s: %d", to, end.StatusCode)
		}
		if me := anna.Get(in.URL + "/profile/me"); me.StatusCode == http.StatusOK && strings.Contains(me.Text, `"anna"`) {
			t.Errorf("anna is still signed in: %s", me.Text)
		}
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {mine.Refresh}, "client_id": {tandemtest.Portal}, "client_secret": {in.UserSecret}}
		if status, text := in.TokenRequest(form); status != http.StatusBadRequest || !strings.Contains(text, "invalid_grant") {
			t.Errorf("the refresh token after the sign-out: %d %s", status, text)
		}
		in.RefreshTokens(paul.Refresh)
	})
}
