package platform_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestWhoIsGoneIsInNoGroup: a deleted account leaves its groups, on every replica, and a dry
// run tells of those alone who may act.
func TestWhoIsGoneIsInNoGroup(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		admin := in.Platform.Permissions
		g, err := admin.CreateGroup(t.Context(), tandemtest.By, "Leaving", "")
		must(t, err)
		for _, login := range []string{"gone", "away", "stays"} {
			in.CreateUser(signin.NewUser{Login: login, Type: tandem.InternalUser})
			in.Grant("Leaving", login)
		}
		version, err := admin.Store.Version(t.Context())
		must(t, err)
		must(t, in.Platform.Accounts.Delete(t.Context(), tandemtest.By, "gone"))
		now, err := admin.Store.Version(t.Context())
		must(t, err)
		if now == version {
			t.Error("no replica is told that somebody left a group")
		}
		_, err = in.Platform.Accounts.Disable(t.Context(), tandemtest.By, "away")
		must(t, err)
		members, err := admin.Members(t.Context(), g.ID, "", 10)
		must(t, err)
		var logins []string
		for _, u := range members {
			logins = append(logins, u.Login)
		}
		if !slices.Equal(logins, []string{"away", "stays"}) {
			t.Errorf("the members are %q", logins)
		}
		told := func(do func(a *permission.Admin) error) (all []string) {
			t.Helper()
			effect, err := admin.Rehearse(t.Context(), time.Time{}, do)
			must(t, err)
			for _, a := range effect.Affected {
				all = append(all, a.Logins...)
			}
			return all
		}
		got := told(func(a *permission.Admin) error {
			return a.Revoke(t.Context(), tandemtest.By, "Everybody", permission.Target{Set: "Crm_Invoicing_Invoices"})
		})
		if slices.ContainsFunc(got, func(login string) bool { return strings.Contains(login, "#") || login == "away" || login == "gone" }) ||
			!slices.Contains(got, "stays") {
			t.Errorf("a dry run tells of %q", got)
		}
	})
}
