package client_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/client"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutToken ends the first sign-in at the fake.
func logoutToken(f *fake, change map[string]any, typ string) string {
	return sign(jose.RS256, rsaKey(), logoutClaims(f, change), typ)
}

func logoutClaims(f *fake, change map[string]any) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{
		"iss": f.issuer, "aud": appURI, "iat": now, "exp": now + 120, "jti": "j1", "sid": "sid-1",
		"events": map[string]any{logoutEvent: map[string]any{}},
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// tell posts a logout token as the provider does: without cookies or origin.
func tell(t *testing.T, a *app, token string) int {
	t.Helper()
	return newBrowser(t, a.net).send("POST", a.url+"/backchannel-logout", url.Values{"logout_token": {token}}).status
}

func TestE29_BackChannelLogoutEndsTheSignIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a, b := world(t)
		other := a.signIn(a.net)
		token := logoutToken(f, nil, "logout+jwt")
		if status := tell(t, a, token); status != 200 || a.signedIn(b) || !a.signedIn(other) {
			t.Errorf("status %d, signed in: %v, the other: %v", status, a.signedIn(b), a.signedIn(other))
		}
		if status := tell(t, a, token); status != 200 || !a.signedIn(other) { // a provider that did not hear us
			t.Errorf("a repetition answered %d", status)
		}
	})
}

func TestE29_LogoutTokensThatAreRefused(t *testing.T) {
	set := func(name string, value any) func(f *fake) string {
		return func(f *fake) string { return logoutToken(f, map[string]any{name: value}, "logout+jwt") }
	}
	for name, token := range map[string]func(f *fake) string{
		"of another issuer":      set("iss", "https://evil.test/id"),
		"of another application": set("aud", "com.acme/other"),
		"without an audience":    set("aud", nil),
		"expired":                set("exp", 946684799),
		"without an end":         set("exp", nil),
		"old":                    set("iat", 946684800-3600),
		"of the future":          set("iat", 946684800+3600),
		"without a time":         set("iat", nil),
		"without an id":          set("jti", nil),
		"without a sign-in":      set("sid", nil),
		"about a person only":    func(f *fake) string { return logoutToken(f, map[string]any{"sid": nil, "sub": "anna"}, "logout+jwt") },
		"without the event":      set("events", nil),
		"of another event":       set("events", map[string]any{"x": map[string]any{}}),
		"with a nonce":           set("nonce", "n"),
		"an ID token":            func(f *fake) string { return f.idToken(goodClaims(f)) },
		"an access token":        func(f *fake) string { return logoutToken(f, nil, "at+jwt") },
		"of another key": func(f *fake) string {
			return sign(jose.RS256, jose.JSONWebKey{Key: signingKeys().otherRSA, KeyID: "r1"}, goodClaims(f), "logout+jwt")
		},
		"alg none": func(f *fake) string { return unsigned(`{"alg":"none","typ":"logout+jwt"}`, goodClaims(f)) },
		"nothing":  func(*fake) string { return "" },
		"too much": func(*fake) string { return strings.Repeat("x", 100<<10) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f, a, b := world(t)
				if status := tell(t, a, token(f)); status != 400 || !a.signedIn(b) {
					t.Errorf("status %d, signed in: %v", status, a.signedIn(b))
				}
			})
		})
	}
}

func TestBackChannelLogoutThatCannotBeCheckedMayComeAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &hostileStore{SessionStore: client.NewMemoryStore()}
		f, a, b := world(t, func(c *client.UserConfig) { c.Sessions = h })
		later(2 * time.Hour) // the keys must be fetched again
		f.with(func() { f.onKeys = func() []jose.JSONWebKey { return nil } })
		a2 := f.app("second.test") // knows no keys yet
		if status := tell(t, a2, logoutToken(f, nil, "")); status != http.StatusServiceUnavailable {
			t.Errorf("status %d, want 503", status)
		}
		f.with(func() { f.onKeys = nil })
		if status := tell(t, a, logoutToken(f, nil, "JWT")); status != 200 || a.signedIn(b) {
			t.Errorf("status %d", status)
		}
	})
}
