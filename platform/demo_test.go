package platform_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

func TestDemoIsMadeOnceAndMended(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		ctx := t.Context()
		a := administration(t, engine)
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
			Others: map[string]platform.DemoSecrets{}, Tokens: map[tandem.ReferenceKind]string{},
		}
		for _, token := range first.Tokens {
			known.Tokens[token.Kind] = token.Text
		}
		for _, o := range first.Others {
			known.Others[o.ApplicationURI] = o.Secrets
		}
		again := ensure(known)
		for i, o := range again.Others {
			if was := first.Others[i]; o.Secrets != known.Others[o.ApplicationURI] || o.Version != was.Version {
				t.Errorf("the second time changed %s", o.ApplicationURI)
			}
		}
		if again.UserSecret != first.UserSecret || again.ServiceSecret != first.ServiceSecret || again.Portal.Version != first.Portal.Version {
			t.Error("the second time changed the portal")
		}
		if len(first.Tokens) != 2 || first.Tokens[0].User != "anna" || first.Tokens[1].User != platform.DemoSystemUser || !slices.EqualFunc(first.Tokens, again.Tokens,
			func(a, b platform.DemoToken) bool { return a.Text == b.Text && a.ID == b.ID }) {
			t.Errorf("the reference tokens are %v, and the second time %v", first.Tokens, again.Tokens)
		}
		for login, password := range passwords(again) {
			if password == "" || password != known.Passwords[login] {
				t.Errorf("the second time changed the password of %s", login)
			}
		}
		demoSees(t, a)
		demoOrders(t, a)

		// Somebody adds an address and changes a password; the web app moves.
		_, err := a.Apps.Update(ctx, tandemtest.By, platform.DemoPortal, func(app *tandem.TrustedApp) error {
			app.RedirectURIs = append(app.RedirectURIs, "https://portal.example/signin-callback", "http://127.0.0.1:9/callback")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Accounts.SetPassword(ctx, tandemtest.By, "anna", "of her own choice"); err != nil {
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
		for i, token := range first.Tokens {
			if old, err := a.References.Get(ctx, token.ID); err != nil || old.RevokedAt.IsZero() || lost.Tokens[i].Text == token.Text {
				t.Errorf("a token that nobody knows is %+v: %v", old, err)
			}
		}
		// A portal that somebody has closed for them gets no new ones.
		closed := func(policy tandem.AccessTokensPolicy) {
			_, err := a.Apps.Update(ctx, tandemtest.By, platform.DemoPortal, func(app *tandem.TrustedApp) error { app.AccessTokens = policy; return nil })
			if err != nil {
				t.Fatal(err)
			}
		}
		closed(tandem.AccessTokensNone)
		if d := ensure(platform.DemoConfig{WebApp: known.WebApp, Passwords: passwords(lost), UserSecret: lost.UserSecret, ServiceSecret: lost.ServiceSecret}); len(d.Tokens) != 0 || d.Portal.AccessTokens != tandem.AccessTokensNone {
			t.Errorf("a closed portal has %v", d.Tokens)
		}
		closed(tandem.AccessTokensAuthenticatedUsers)
		if lost.UserSecret == first.UserSecret || lost.ServiceSecret == first.ServiceSecret || passwords(lost)["anna"] == "" {
			t.Error("lost secrets were not replaced")
		}
		for _, o := range lost.Others {
			if was := known.Others[o.ApplicationURI]; o.Secrets.Service == "" || o.Secrets.Service == was.Service || was.User != "" && o.Secrets.User == was.User {
				t.Errorf("lost secrets of %s were not replaced", o.ApplicationURI)
			}
		}
		app, err := a.Apps.Get(ctx, platform.DemoPortal)
		if err != nil || len(app.Live()) != 2 {
			t.Errorf("the portal has %d credentials (%v), want the two new ones", len(app.Live()), err)
		}

		// A demo of before the instance remembered: who knows a secret made it.
		if _, err := a.DB.Writer().ExecContext(ctx, `DELETE FROM instance WHERE name LIKE 'demo %'`); err != nil {
			t.Fatal(err)
		}
		_, err = a.EnsureDemo(ctx, platform.DemoConfig{WebApp: known.WebApp, Passwords: map[string]string{"anna": "not hers"}, UserSecret: "x"})
		if tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf("without a secret: %v", err)
		}
		ensure(platform.DemoConfig{WebApp: known.WebApp, Passwords: passwords(lost)})
		ensure(platform.DemoConfig{WebApp: known.WebApp})
		// What was made, deleted, and made again by somebody is theirs.
		if err := a.Apps.Delete(ctx, tandemtest.By, platform.DemoField); err != nil {
			t.Fatal(err)
		}
		_, _, err = a.Apps.Create(ctx, tandemtest.By, tandem.TrustedApp{ApplicationURI: platform.DemoField, ClientType: tandem.ClientPublic})
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.EnsureDemo(ctx, platform.DemoConfig{WebApp: known.WebApp})
		if tandem.ErrorCode(err) != tandem.CodeConflict || !strings.Contains(err.Error(), "application "+platform.DemoField) {
			t.Errorf("somebody's application in the place of the demo's: %v", err)
		}
	})
}

func administration(t *testing.T, engine sqldb.Engine) *platform.Administration {
	t.Helper()
	return administrationAt(t, engine, nil)
}

// administrationAt is administration by a clock.
func administrationAt(t *testing.T, engine sqldb.Engine, clock tandem.Clock) *platform.Administration {
	t.Helper()
	a, err := platform.OpenAdministration(t.Context(), platform.StoreConfig{
		DB: datatest.URL(t, engine), KeyFile: filepath.Join(t.TempDir(), "instance.key"), Log: quiet, Clock: clock,
		Passwords: signin.PasswordParams{Memory: 8, Time: 1, Threads: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// On a database where somebody has an account or application of a name that the
// demo uses, the demo changes nothing and says what is in its way: each of them.
func TestDemoLeavesWhatItHasNotMade(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		ctx := t.Context()
		a := administration(t, engine)
		refused := func(c platform.DemoConfig, names ...string) {
			t.Helper()
			_, err := a.EnsureDemo(ctx, c)
			if tandem.ErrorCode(err) != tandem.CodeConflict {
				t.Fatalf("want a refusal: %v", err)
			}
			for _, name := range names {
				if !strings.Contains(err.Error(), name) {
					t.Errorf("%v does not name %s", err, name)
				}
			}
		}
		const own = "of her own choice"
		for _, n := range []signin.NewUser{
			{Login: "admin", Type: tandem.InternalUser, Admin: true, Password: own}, {Login: "paul", Type: tandem.InternalUser, Password: own},
			{Login: platform.DemoSystemUser, Type: tandem.SystemUserNoLogin},
		} {
			if _, err := a.Accounts.Create(ctx, tandemtest.By, n); err != nil {
				t.Fatal(err)
			}
		}
		refused(platform.DemoConfig{}, "account admin", "account paul", "account svc.portal")
		// Secrets of another demo prove nothing.
		refused(platform.DemoConfig{Passwords: map[string]string{"admin": "x", "paul": ""}, UserSecret: "x", ServiceSecret: "y"}, "admin", "paul")
		for _, uri := range []string{platform.DemoPortal, platform.DemoField} {
			_, _, err := a.Apps.Create(ctx, tandemtest.By, tandem.TrustedApp{ApplicationURI: uri, Enabled: true, ClientType: tandem.ClientConfidential})
			if err != nil {
				t.Fatal(err)
			}
		}
		before, err := a.Apps.Get(ctx, platform.DemoPortal)
		if err != nil {
			t.Fatal(err)
		}
		refused(platform.DemoConfig{WebApp: "http://localhost:8081"}, "application "+platform.DemoPortal, "application "+platform.DemoField)
		after, err := a.Apps.Get(ctx, platform.DemoPortal)
		if err != nil || after.Version != before.Version {
			t.Errorf("the application was changed: %+v, %v", after, err)
		}
		users := 0
		for _, err := range a.Accounts.List(ctx, signin.Filter{}) {
			if users++; err != nil {
				t.Fatal(err)
			}
		}
		if users != 3 {
			t.Errorf("there are %d accounts, want the three of before", users)
		}
	})
}
