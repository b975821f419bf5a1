package platform_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
)

func TestDemoIsMadeOnceAndMended(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		ctx := t.Context()
		a, err := platform.OpenAdministration(ctx, platform.StoreConfig{
			DB: datatest.URL(t, engine), KeyFile: filepath.Join(t.TempDir(), "instance.key"), Log: quiet,
			Passwords: signin.PasswordParams{Memory: 8, Time: 1, Threads: 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		ensure := func(c platform.DemoConfig) *platform.Demo {
			t.Helper()
			d, err := a.EnsureDemo(ctx, c)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		passwords := func(d *platform.Demo) map[string]string {
			m := map[string]string{}
			for _, u := range d.Users {
				m[u.Login] = u.Password
			}
			return m
		}

		first := ensure(platform.DemoConfig{WebApp: "http://localhost:8081"})
		known := platform.DemoConfig{
			WebApp: "http://localhost:8081", Passwords: passwords(first), UserSecret: first.UserSecret, ServiceSecret: first.ServiceSecret,
		}
		again := ensure(known)
		if again.UserSecret != first.UserSecret || again.ServiceSecret != first.ServiceSecret || again.Portal.Version != first.Portal.Version {
			t.Error("the second time changed the portal")
		}
		for login, password := range passwords(again) {
			if password == "" || password != known.Passwords[login] {
				t.Errorf("the second time changed the password of %s", login)
			}
		}

		// Somebody adds an address and changes a password; the web app moves.
		_, err = a.Apps.Update(ctx, "test", platform.DemoPortal, func(app *tandem.TrustedApp) error {
			app.RedirectURIs = append(app.RedirectURIs, "https://portal.example/signin-callback", "http://127.0.0.1:9/callback")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Accounts.SetPassword(ctx, "anna", "of her own choice"); err != nil {
			t.Fatal(err)
		}
		known.WebApp = "http://localhost:4711"
		moved := ensure(known)
		want := []string{"http://localhost:4711/signin-callback", "https://portal.example/signin-callback", "http://127.0.0.1:9/callback"}
		if !slices.Equal(moved.Portal.RedirectURIs, want) {
			t.Errorf("redirect URIs %v", moved.Portal.RedirectURIs)
		}
		if p := passwords(moved); p["anna"] != "" || p["paul"] != known.Passwords["paul"] {
			t.Errorf("anna's own password is shown as %q, paul's as %q", p["anna"], p["paul"])
		}

		// It stays theirs at all later starts, which know only that it is.
		known.Passwords = passwords(moved)
		if p := passwords(ensure(known)); p["anna"] != "" {
			t.Errorf("anna's own password was replaced by %q", p["anna"])
		}
		// Everything that was known is lost: nothing old works any more.
		lost := ensure(platform.DemoConfig{WebApp: known.WebApp})
		if lost.UserSecret == first.UserSecret || lost.ServiceSecret == first.ServiceSecret || passwords(lost)["anna"] == "" {
			t.Error("lost secrets were not replaced")
		}
		app, err := a.Apps.Get(ctx, platform.DemoPortal)
		if err != nil || len(app.Credentials) != 2 {
			t.Errorf("the portal has %d credentials (%v), want the two new ones", len(app.Credentials), err)
		}
	})
}
