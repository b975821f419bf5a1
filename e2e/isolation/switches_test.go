package isolation_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// reaches is within which time a switch is known on every replica.
const reaches = 5 * time.Second

// TestA11_I6_SwitchesReachEveryReplica throws each switch in a process of its
// own, as an administrator's command does, and then calls two replicas until
// they refuse. No call that begins five seconds later may be answered.
func TestA11_I6_SwitchesReachEveryReplica(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine})
			replicas := []*tandemtest.Instance{in, in.Replica(t)}
			for _, c := range switches() {
				t.Run(c.name, func(t *testing.T) {
					admin, err := platform.OpenAdministration(t.Context(), in.Store())
					if err != nil {
						t.Fatal(err)
					}
					defer admin.Close()
					defer turnBack(t, in, admin)
					c.reachesAll(t, replicas, admin)
				})
			}
		})
	}
}

// turn is a switch that ends what some may do.
type turn struct {
	name          string
	off           func(ctx context.Context, a *platform.Administration) error
	user, service bool // whose live tokens die
}

func switches() []turn {
	app := func(change func(a *tandem.TrustedApp)) func(context.Context, *platform.Administration) error {
		return func(ctx context.Context, a *platform.Administration) error {
			_, err := a.Apps.Update(ctx, tandemtest.By, tandemtest.Portal, func(app *tandem.TrustedApp) error { change(app); return nil })
			return err
		}
	}
	return []turn{
		{"application disabled", app(func(a *tandem.TrustedApp) { a.Enabled = false }), true, true},
		{"client credentials no longer allowed", app(func(a *tandem.TrustedApp) { a.SystemUserAllowed, a.SystemUserID = false, "" }), false, true},
		{"internal users no longer admitted", app(func(a *tandem.TrustedApp) { a.InternalUsers = false }), true, false},
		{"System User disabled", func(ctx context.Context, a *platform.Administration) error {
			_, err := a.Accounts.Disable(ctx, tandemtest.By, tandemtest.SystemUser)
			return err
		}, false, true},
		{"user disabled", func(ctx context.Context, a *platform.Administration) error {
			_, err := a.Accounts.Disable(ctx, tandemtest.By, "anna")
			return err
		}, true, false},
		{"user became external", func(ctx context.Context, a *platform.Administration) error {
			_, err := a.Accounts.Update(ctx, tandemtest.By, "anna", func(u *tandem.User) { u.Type = tandem.ExternalCommunityUser })
			return err
		}, true, false},
	}
}

// turnBack lets everybody act again.
func turnBack(t *testing.T, in *tandemtest.Instance, a *platform.Administration) {
	t.Helper()
	_, err := a.Apps.Update(t.Context(), tandemtest.By, tandemtest.Portal, func(app *tandem.TrustedApp) error {
		service, err := a.Accounts.Show(t.Context(), tandemtest.SystemUser)
		app.Enabled, app.InternalUsers, app.SystemUserAllowed, app.SystemUserID = true, true, true, service.ID
		return err
	})
	for _, login := range []string{tandemtest.SystemUser, "anna"} {
		if err == nil {
			_, err = a.Accounts.Enable(t.Context(), tandemtest.By, login)
		}
	}
	if err == nil {
		_, err = a.Accounts.Update(t.Context(), tandemtest.By, "anna", func(u *tandem.User) { u.Type = tandem.InternalUser })
	}
	if err != nil {
		t.Fatal(err)
	}
	in.Refresh()
}

// reachesAll turns the switch off while both halves work at each replica.
func (c turn) reachesAll(t *testing.T, replicas []*tandemtest.Instance, admin *platform.Administration) {
	t.Helper()
	in := replicas[0]
	anna, service := in.SignIn("anna"), in.ServiceToken()
	for _, r := range replicas {
		for _, token := range []string{anna.Access, service} {
			if status, text := r.API("GET", "GetVersion()", token, ""); status != 200 {
				t.Fatalf("%d %s", status, text)
			}
		}
	}
	if err := c.off(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	changed := time.Now()
	for n, r := range replicas {
		who := fmt.Sprintf("replica %d", n)
		c.reaches(t, r, who+", a user token", anna.Access, c.user, changed)
		c.reaches(t, r, who+", a service token", service, c.service, changed)
		// No new token either. A user who became external keeps an identity, without an API.
		status, text := r.TokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {anna.Refresh}, "client_id": {tandemtest.Portal}, "client_secret": {in.UserSecret}})
		if c.user && status == 200 && strings.Contains(text, `"access_token"`) && strings.Contains(text, "read") {
			t.Errorf("replica %d gives a new user token: %s", n, text[:60])
		}
		status, text = r.TokenRequest(url.Values{"grant_type": {"client_credentials"}, "client_id": {tandemtest.Portal}, "client_secret": {in.ServiceSecret}})
		if c.service && status == 200 && strings.Contains(text, `"access_token"`) {
			t.Errorf("replica %d gives a new service token: %s", n, text[:60])
		}
	}
}

// reaches calls with a live token until it is refused, or once when it stays good.
func (c turn) reaches(t *testing.T, r *tandemtest.Instance, what, token string, dies bool, changed time.Time) {
	t.Helper()
	for {
		began := time.Now()
		status, text := r.API("GET", "GetVersion()", token, "")
		switch {
		case !dies && status != 200:
			t.Errorf("%s: refused as well as the other half: %d %s", what, status, text)
			return
		case !dies, status == 401, status == 403:
			return
		case began.Sub(changed) > reaches:
			t.Fatalf("%s: answered %v after the switch: %d %s", what, began.Sub(changed), status, text)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestI6_EachHalfEndsAlone signs anna out in the web app, then ends the service
// half, then both at once, and looks at who holds a session.
func TestI6_EachHalfEndsAlone(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{}, func(t *testing.T, s *system) {
		anna := s.signIn("anna")
		evidence := s.SignIn("anna", "openid").ID
		s.sync(s.rpc, evidence)
		holders := func() string {
			var all []string
			for _, row := range s.Sessions(false) {
				all = append(all, row.User)
			}
			return strings.Join(all, " ")
		}
		if got := holders(); got != "anna svc.portal" && got != "svc.portal anna" {
			t.Fatalf("sessions of %q", got)
		}
		service := s.serviceSession()

		out := anna.Submit(anna.open("/orders"), nil)
		if !strings.Contains(out.Text, "id_token_hint") {
			t.Fatalf("signing out: %d %s", out.StatusCode, out.Text)
		}
		end := anna.Submit(out, nil)
		if end.Request.URL.Path != "/goodbye" {
			t.Fatalf("the sign-out ended at %s: %s", end.Request.URL.Redacted(), end.Text)
		}
		if got := holders(); got != tandemtest.SystemUser || s.serviceSession() != service {
			t.Errorf("after anna's sign-out: sessions of %q", got)
		}
		s.sync(s.rpc, evidence) // and the worker works on, in the same session
		if s.serviceSession() != service {
			t.Error("anna's sign-out changed the worker's session")
		}

		// The reverse: the service half ends, anna works on.
		anna = s.signIn("anna")
		if err := s.Platform.Sessions.Close(t.Context(), tandemtest.By, service, "the other way round"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Platform.Accounts.Disable(t.Context(), tandemtest.By, tandemtest.SystemUser); err != nil {
			t.Fatal(err)
		}
		s.Refresh()
		if page := anna.open("/orders"); page.StatusCode != 200 || holders() != "anna" {
			t.Errorf("with the System User disabled anna gets %d, sessions of %q", page.StatusCode, holders())
		}
		if _, err := s.Platform.Accounts.Enable(t.Context(), tandemtest.By, tandemtest.SystemUser); err != nil {
			t.Fatal(err)
		}
		s.Refresh()
		s.sync(s.rpc, evidence)

		// Disabling the application ends both.
		s.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.Enabled = false })
		if got := holders(); got != "" {
			t.Errorf("a disabled application holds sessions of %q", got)
		}
		if page := anna.open("/orders"); page.StatusCode == 200 && strings.Contains(page.Text, `id="orders"`) {
			t.Error("a disabled application shows orders")
		}
		for _, row := range s.Sessions(false) {
			t.Errorf("%s opened a session of a disabled application", row.User)
		}
	})
}

// serviceSession is the id of the one service session that is open.
func (s *system) serviceSession() string {
	s.t.Helper()
	id := ""
	for _, row := range s.Sessions(false) {
		if row.Kind == tandem.SessionService {
			if id != "" {
				s.t.Errorf("two service sessions are open: %s and %s", id, row.ID)
			}
			id = row.ID
		}
	}
	return id
}

// TestI6_WhoMayNotActIsServedByNobody ends what somebody may do in each way, as
// an administrator's command does or in another browser, and then asks the web
// app, and the worker with evidence that is good by itself. Nothing that is asked
// five seconds later may be answered, least of all with the System User's rights.
func TestI6_WhoMayNotActIsServedByNobody(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Demo: true}, func(t *testing.T, s *system) {
		admin, err := platform.OpenAdministration(t.Context(), s.Store())
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		none := func(context.Context) error { return nil }
		disable := func(login string) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := admin.Accounts.Disable(ctx, tandemtest.By, login)
				return err
			}
		}
		enable := func(login string) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := admin.Accounts.Enable(ctx, tandemtest.By, login)
				return err
			}
		}
		for _, c := range []struct {
			name, login, page, path string
			end, mend               func(context.Context) error
		}{
			{"customer disabled", "paul", "/portal/orders", internalapi.PathPortalOrders, disable("paul"), enable("paul")},
			{"employee disabled", "anna", "/jobs", internalapi.PathJobs, disable("anna"), enable("anna")},
			{"sign-ins ended", "anna", "/jobs", internalapi.PathJobs, func(ctx context.Context) error {
				u, err := admin.Accounts.Show(ctx, "anna")
				if err == nil {
					err = admin.Ending.User(ctx, tandemtest.By, &u, "test")
				}
				return err
			}, none},
			{"customers not admitted", "paul", "/portal/orders", internalapi.PathPortalOrders, func(ctx context.Context) error {
				_, err := admin.Apps.Update(ctx, tandemtest.By, tandemtest.Portal, func(a *tandem.TrustedApp) error { a.ExternalUsers = false; return nil })
				return err
			}, func(ctx context.Context) error {
				_, err := admin.Apps.Update(ctx, tandemtest.By, tandemtest.Portal, func(a *tandem.TrustedApp) error { a.ExternalUsers = true; return nil })
				return err
			}},
			{"application disabled", "paul", "/portal/orders", internalapi.PathPortalOrders, func(ctx context.Context) error {
				return admin.Apps.Disable(ctx, tandemtest.By, tandemtest.Portal)
			}, none},
		} {
			s.Refresh()
			browser, evidence := s.signIn(c.login), s.SignIn(c.login).ID
			if a, page := s.askWorker("GET", c.path, evidence, nil), browser.open(c.page); a.StatusCode != 200 || page.StatusCode != 200 {
				t.Fatalf("%s: before it: %d %s, %d %s", c.name, a.StatusCode, a.Text, page.StatusCode, page.Text)
			}
			if err := c.end(t.Context()); err != nil {
				t.Fatal(err)
			}
			ended := time.Now()
			for what, served := range map[string]func() bool{
				"worker": func() bool { return s.askWorker("GET", c.path, evidence, nil).StatusCode == 200 },
				"web app": func() bool {
					return strings.HasPrefix(browser.open(c.page).Request.URL.Path, c.page) && browser.open(c.page).StatusCode == 200
				},
			} {
				for {
					began := time.Now()
					if !served() {
						break
					}
					if began.Sub(ended) > reaches {
						t.Fatalf("%s: the %s serves %s %v afterwards", c.name, what, c.login, began.Sub(ended))
					}
					time.Sleep(100 * time.Millisecond)
				}
			}
			if err := c.mend(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A sign-out in one browser ends what the worker does for that sign-in, also for
// who holds its ID token, and leaves the person's other sign-in alone.
func TestI6_SignOutElsewhereEndsEvidence(t *testing.T) {
	t.Parallel()
	s := start(t, tandemtest.Options{Engine: sqldb.SQLite})
	one, other := s.SignIn("anna"), s.SignIn("anna")
	for name, evidence := range map[string]string{"one": one.ID, "other": other.ID} {
		if a := s.askWorker("GET", internalapi.PathJobs, evidence, nil); a.StatusCode != 200 {
			t.Fatalf("%s: %d %s", name, a.StatusCode, a.Text)
		}
	}
	a := s.send("POST", s.Issuer+"/connect/endsession", url.Values{"id_token_hint": {one.ID}}.Encode(),
		map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}})
	if a.StatusCode >= 400 {
		t.Fatalf("sign-out: %d %s", a.StatusCode, a.Text)
	}
	testkit.Eventually(t, "the worker refuses", func() bool { return s.askWorker("GET", internalapi.PathJobs, one.ID, nil).StatusCode == 401 })
	if a := s.askWorker("GET", internalapi.PathJobs, other.ID, nil); a.StatusCode != 200 {
		t.Errorf("the other sign-in: %d %s", a.StatusCode, a.Text)
	}
}
