package platform_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/hybridapps/tandem/tandemtest"
)

// Auto-discovery names the database as tokens and the profile do: an app compares them.
func TestAutoDiscoveryNamesTheDatabaseOfTokens(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		ask := func(address, token string, into any) {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
			must(t, err)
			if token != "" {
				req.Header.Set("Authorization", "Bearer "+token)
			}
			res, text := send(t, req)
			if res.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d %s", address, res.StatusCode, text)
			}
			must(t, json.Unmarshal([]byte(text), into))
		}
		var me struct{ Instance struct{ Database string } }
		ask(in.URL+"/profile/me", in.SignIn("anna").Access, &me)
		var found struct{ DbName *string }
		for _, path := range []string{"/tools/auto-discovery", "/sys/auto-discovery"} {
			ask(in.URL+path, "", &found)
			if found.DbName == nil || *found.DbName != me.Instance.Database || me.Instance.Database == "" {
				t.Errorf("%s names %v, and the profile %q", path, found.DbName, me.Instance.Database)
			}
		}
	})
}
