package platform_test

import (
	"bytes"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestI13_NoSecretInLogsOrDatabases goes through everything that hands out a
// secret, with the log at its most talkative, and then looks for each of them.
func TestI13_NoSecretInLogsOrDatabases(t *testing.T) {
	t.Parallel()
	var log testkit.Buffer
	h := tandemtest.StartHybrid(t, tandemtest.Options{
		Demo: true,
		Log:  slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	secrets := map[string]string{
		"user secret": h.UserSecret, "service secret": h.ServiceSecret, "password": tandemtest.Password,
	}
	keep := func(name, value string) {
		if len(value) < 16 {
			t.Fatalf("%s is %q: nothing to look for", name, value)
		}
		secrets[name] = value
	}

	b := h.Browser()
	code := b.Authorize("anna", tandemtest.Password)
	keep("code", code.Code)
	keep("PKCE verifier", code.Verifier)
	tokens := h.Redeem(code)
	keep("access token", tokens.Access)
	keep("ID token", tokens.ID)
	keep("refresh token", tokens.Refresh)
	keep("second refresh token", h.RefreshTokens(tokens.Refresh).Refresh)
	keep("service token", h.ServiceToken())
	// Whole tokens that this test does not hold: each starts like these. Fewer
	// bytes would be found by chance in what is encrypted.
	for _, kind := range []string{"access token", "ID token", "service token"} {
		secrets["start of every "+kind] = secrets[kind][:12]
	}
	for _, token := range []string{tokens.Access, secrets["service token"], "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm5hIn0."} {
		h.API("GET", "General_Products_Products?$top=1", token, "")
	}
	// What is refused is logged and recorded too.
	h.TokenRequest(url.Values{"grant_type": {"client_credentials"}, "client_id": {tandemtest.Portal}, "client_secret": {h.UserSecret}})
	h.TokenRequest(url.Values{"grant_type": {"refresh_token"}, "client_id": {tandemtest.Portal}, "client_secret": {h.ServiceSecret}, "refresh_token": {tokens.Refresh}})
	h.Browser().SignIn(h.WebApp+"/signin", "anna", "not her password, but secret too")
	secrets["wrong password"] = "not her password"
	get(t, h.URL+"/id/connect/endsession?id_token_hint="+tokens.ID)

	web := h.Browser()
	h.SignInToWebApp(web, "anna")
	paul := h.Browser()
	h.SignInToWebApp(paul, "paul")
	for _, browser := range []*tandemtest.Browser{b, web, paul} {
		for _, site := range []string{h.URL + "/id/", h.WebApp} {
			at, err := url.Parse(site)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range browser.Client.Jar.Cookies(at) {
				keep("cookie "+c.Name+" of "+site, c.Value)
			}
		}
	}

	if text := log.String(); len(text) < 1000 || !strings.Contains(text, "path=/id/connect/token") {
		t.Fatalf("the log says too little for this test: %s", text)
	}
	found := func(where string, text []byte) {
		for name, secret := range secrets {
			for _, form := range []string{secret, url.QueryEscape(secret)} {
				if bytes.Contains(text, []byte(form)) {
					t.Errorf("the %s is in the %s", name, where)
				}
			}
		}
	}
	found("log", []byte(log.String()))
	for _, dir := range []string{filepath.Dir(strings.TrimPrefix(h.Store().DB, "sqlite:")), h.Dir} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || d.Name() == "credential" {
				return err
			}
			text, err := os.ReadFile(path)
			found(d.Name(), text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range h.Record("") {
		found("record: "+string(e.Kind), []byte(e.Detail+e.Actor+e.ApplicationURI+e.SignInID+e.TokenID))
	}
}
