package client_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// backchannelModule begins the names of the plan's modules.
const backchannelModule = "oidcc-client-test-rp-backchannel-rpinitlogout"

// TestBackchannelLogoutModules are the modules of the OpenID Foundation's plan
// oidcc-client-back-channel-logout-rp-basic, by their names.
func TestBackchannelLogoutModules(t *testing.T) {
	good := func(f *fake) map[string]any {
		now := time.Now().Unix()
		return map[string]any{
			"iss": f.issuer, "aud": appURI, "iat": now, "exp": now + 120, "jti": "j1", "sid": "sid-1", "sub": "anna",
			"events": map[string]any{logoutEvent: map[string]any{}},
		}
	}
	modules := map[string]struct {
		token func(f *fake) string
		ends  bool
	}{
		"":            {func(f *fake) string { return logoutToken(f, good(f), "logout+jwt") }, true},
		"-alg-none":   {func(f *fake) string { return unsigned(`{"alg":"none","typ":"logout+jwt"}`, good(f)) }, false},
		"-no-event":   {func(f *fake) string { return logoutToken(f, map[string]any{"events": nil}, "logout+jwt") }, false},
		"-with-nonce": {func(f *fake) string { return logoutToken(f, map[string]any{"nonce": "n"}, "logout+jwt") }, false},
		"-wrong-alg": {func(f *fake) string {
			return sign(jose.HS256, jose.JSONWebKey{Key: []byte("the application's own secret, 32 bytes"), KeyID: "r1"}, good(f), "logout+jwt")
		}, false},
		"-wrong-aud": {func(f *fake) string { return logoutToken(f, map[string]any{"aud": appURI + "1"}, "logout+jwt") }, false},
		"-wrong-event": {func(f *fake) string {
			return logoutToken(f, map[string]any{"events": map[string]any{logoutEvent + "x": map[string]any{}}}, "logout+jwt")
		}, false},
		"-wrong-iss": {func(f *fake) string { return logoutToken(f, map[string]any{"iss": f.issuer + "x"}, "logout+jwt") }, false},
	}
	holdAgainstList(t, func(yield func(string) bool) {
		for name := range modules {
			if !yield(backchannelModule + name) {
				return
			}
		}
	}, func(name string) bool { return strings.HasPrefix(name, backchannelModule) })
	for name, m := range modules {
		t.Run(backchannelModule+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f, a, b := world(t)
				status := tell(t, a, m.token(f))
				if want := map[bool]int{true: 200, false: 400}[m.ends]; status != want || a.signedIn(b) == m.ends {
					t.Errorf("status %d, signed in: %v", status, a.signedIn(b))
				}
			})
		})
	}
}
