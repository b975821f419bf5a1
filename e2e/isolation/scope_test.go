package isolation_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestI10_ScopeOfPeopleIsNarrowerThanTheBackEnds narrows what people may, on
// the running system: from then on the web app only reads, also with a token
// from before, the back end still writes, and no refresh brings it back.
func TestI10_ScopeOfPeopleIsNarrowerThanTheBackEnds(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{}, func(t *testing.T, s *system) {
		currency := func(token, sign string) int {
			status, _ := s.API("POST", "General_Currencies_Currencies", token, `{"CurrencySign":"`+sign+`","Name":"x"}`)
			return status
		}
		before := s.SignIn("anna")
		if status := currency(before.Access, "AAA"); status != 201 {
			t.Fatalf("anna cannot write: %d", status)
		}
		s.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.UserScope = tandem.Scope{tandem.ScopeRead} })
		if status := currency(s.RefreshTokens(before.Refresh).Access, "BBB"); status != 403 {
			t.Errorf("a refreshed token writes: %d", status)
		}
		if status := currency(s.SignIn("anna", "openid", "read").Access, "CCC"); status != 403 {
			t.Errorf("a new token writes: %d", status)
		}
		if status := currency(s.ServiceToken(), "DDD"); status != 201 {
			t.Errorf("the back end cannot write: %d", status)
		}
		if status := currency(s.ServiceToken("read"), "EEE"); status != 403 {
			t.Errorf("a service token for reading writes: %d", status)
		}
		// Asking for more, and for what is the other flow's.
		for _, scope := range []string{"openid", "profile", "offline_access", "read update offline_access", "sec", "admin", "read openid"} {
			if status, text := s.TokenRequest(url.Values{"grant_type": {"client_credentials"}, "client_id": {tandemtest.Portal}, "client_secret": {s.ServiceSecret}, "scope": {scope}}); status != 400 || !strings.Contains(text, "invalid_scope") {
				t.Errorf("a service asks for %q: %d %s", scope, status, text)
			}
		}
		// Given back, the scope is there for new grants, and old ones stay narrow
		// only as far as they were granted.
		s.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.UserScope = nil })
		narrow := s.SignIn("anna", "openid", "offline_access", "read")
		if status := currency(s.RefreshTokens(narrow.Refresh).Access, "FFF"); status != 403 {
			t.Errorf("a grant for reading grew: %d", status)
		}
		if status := currency(s.SignIn("anna").Access, "GGG"); status != 201 {
			t.Errorf("anna cannot write again: %d", status)
		}
	})
}
