package identity_test

import (
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// Every switch that is turned mid-life: no new service token, and live ones are
// refused on every replica; the person's tokens go on unless the application
// itself is off (A11, I6).
func TestA11_I6_SwitchesReachServiceTokens(t *testing.T) {
	t.Parallel()
	system := func(change func(*signin.Account)) func(*testing.T, *site) {
		return func(t *testing.T, s *site) {
			s.must2(s.users.Update(t.Context(), s.robot.ID, func(a signin.Account) (signin.Account, error) {
				change(&a)
				a.ChangedAt = s.clock.Now()
				return a, nil
			}))
		}
	}
	app := func(change func(*tandem.TrustedApp)) func(*testing.T, *site) {
		return func(_ *testing.T, s *site) { s.change(portal, change) }
	}
	const flow, client = "unauthorized_client", "Unauthorized invalid_client"
	for name, test := range map[string]struct {
		change    func(*testing.T, *site)
		want      string
		userLives bool
	}{
		"nothing":                 {func(*testing.T, *site) {}, "ok", true},
		"System User disabled":    {system(func(a *signin.Account) { a.Enabled = false }), flow, true},
		"System User of a type":   {system(func(a *signin.Account) { a.Type = tandem.InternalUser }), flow, true},
		"System User not allowed": {app(func(a *tandem.TrustedApp) { a.SystemUserAllowed = false }), flow, true},
		"another System User": {func(t *testing.T, s *site) {
			other := s.user(signin.NewUser{Login: "svc.other", Type: tandem.SystemUserNoLogin})
			s.change(portal, func(a *tandem.TrustedApp) { a.SystemUserID = other.ID })
		}, "ok", true},
		"scope shrunk":         {app(func(a *tandem.TrustedApp) { a.ServiceScope = tandem.Scope{"read"} }), "ok", true},
		"application disabled": {app(func(a *tandem.TrustedApp) { a.Enabled = false }), client, false},
		"application deleted": {func(t *testing.T, s *site) {
			s.must(s.apps.Delete(t.Context(), by, portal))
		}, client, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
				s := newSiteOn(t, db)
				s.start()
				service, anna := s.one().serve(), s.one().signIn("anna")
				s.clock.Advance(time.Second)
				test.change(t, s)
				s.refresh()
				for i, r := range s.replicas {
					if a := r.serve(); a.got() != test.want {
						t.Errorf("replica %d: %s, want %s", i, a.got(), test.want)
					}
					if err := r.admits(service.AccessToken); (err == nil) != (name == "nothing") {
						t.Errorf("replica %d: the live service token: %v", i, err)
					}
					if err := r.admits(anna.AccessToken); (err == nil) != test.userLives {
						t.Errorf("replica %d: the live user token: %v", i, err)
					}
				}
			})
		})
	}
}

// What has been removed comes back without a restart.
func TestA11_SwitchedOnAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	service := s.one().serve()
	for range 3 {
		s.change(portal, func(a *tandem.TrustedApp) { a.Enabled = false })
		if s.one().admits(service.AccessToken) == nil || s.one().serve().Code == 200 {
			t.Error("disabled, and works")
		}
		s.change(portal, func(a *tandem.TrustedApp) { a.Enabled = true })
		if s.one().admits(service.AccessToken) != nil || s.one().serve().Code != 200 {
			t.Error("enabled, and does not work")
		}
	}
}
