package isolation_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestE2_E12_ScopeAndRightAreBothNeeded: neither a scope without the right nor a right
// without the scope is enough, each is told apart, a change acts on tokens that are held,
// and no token says anything of rights.
func TestE2_E12_ScopeAndRightAreBothNeeded(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Demo: true}, func(t *testing.T, s *system) {
		const sets, group = "General_Currencies_Currencies", "Feed"
		back := s.CreateUser(signin.NewUser{Login: "svc.feed", Type: tandem.SystemUserNoLogin})
		s.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.SystemUserID = back.ID })
		full, reads := s.ServiceToken(), s.ServiceToken("read")
		admin := s.Platform.Permissions
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			s.Refresh()
		}
		check := func(what, token, method string, status int, kind string) {
			t.Helper()
			body := ""
			if method == "POST" {
				body = `{"CurrencySign":"` + strings.ToUpper(what[:3]) + `","Name":"x"}`
			}
			if got, text := s.API(method, sets, token, body); got != status || !strings.Contains(text, kind) {
				t.Errorf("%s: %s: %d %s, want %d %s", what, method, got, text, status, kind)
			}
		}
		check("no right", full, "GET", 403, "PermissionDenied")
		check("neither", reads, "POST", 403, "insufficient_scope")
		_, err := admin.CreateGroup(t.Context(), tandemtest.By, group, "")
		must(err)
		must(admin.AddMember(t.Context(), tandemtest.By, group, "svc.feed"))
		_, err = admin.Grant(t.Context(), tandemtest.By, group, permission.Target{Set: sets}, "read", false)
		must(err)
		check("right to read", full, "GET", 200, "value")
		check("scope without right", full, "POST", 403, "PermissionDenied")
		_, err = admin.Grant(t.Context(), tandemtest.By, group, permission.Target{Set: sets}, "create", false)
		must(err)
		check("right without scope", reads, "POST", 403, "insufficient_scope")
		check("both", full, "POST", 201, "BOT")
		must(admin.Revoke(t.Context(), tandemtest.By, group, permission.Target{Set: sets}))
		check("taken away", full, "GET", 403, "PermissionDenied")
		for _, token := range []string{full, s.SignIn("anna").Access, s.SignIn("anna").ID} {
			claims := payload(t, token)
			for _, word := range []string{group, "group", "permission", "rights", permission.SetKeyID(sets), sets} {
				if strings.Contains(claims, word) {
					t.Errorf("a token tells of rights: %s", claims)
				}
			}
		}
		refused := s.Record(tandem.AuditPermissionRefused)
		if len(refused) == 0 || refused[0].Actor != "svc.feed" || !strings.Contains(refused[0].Detail, "no right to") {
			t.Errorf("the record has %v", refused)
		}
	})
}

// payload are the claims of a token, as they are signed.
func payload(t *testing.T, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
