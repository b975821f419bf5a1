package oauth_test

import (
	"testing"

	"github.com/hybridapps/tandem/oauth"
)

func TestBearerToken(t *testing.T) {
	t.Parallel()
	for credentials, want := range map[string]string{
		"Bearer abc": "abc", "bearer abc": "abc", "BEARER a b": "a b", "Bearer  abc": " abc", "Bearer ": "", "Bearer": "",
	} {
		if got, ok := oauth.BearerToken(credentials); !ok || got != want {
			t.Errorf("%q: %q, %v", credentials, got, ok)
		}
	}
	for _, credentials := range []string{"", "abc", "Basic abc", "Bearerabc", " Bearer abc", "Bearer\tabc"} {
		if got, ok := oauth.BearerToken(credentials); ok || got != "" {
			t.Errorf("%q: %q, %v", credentials, got, ok)
		}
	}
}
