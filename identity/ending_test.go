package identity_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// dead are stores of a process that has died.
type dead struct{}

var errDead = errors.New("the process has died")

func (dead) EndSignIn(context.Context, string) error                          { return errDead }
func (dead) EndUser(context.Context, string) error                            { return errDead }
func (dead) Revoke(context.Context, registry.RevokedToken) error              { return errDead }
func (dead) CloseByKey(context.Context, string, tandem.EndReason) error       { return errDead }
func (dead) CloseOf(_ context.Context, _, _ string, _ tandem.EndReason) error { return errDead }

// open are API sessions that are still to be closed.
type open map[string]bool

func (o open) CloseByKey(_ context.Context, key string, _ tandem.EndReason) error {
	delete(o, key)
	return nil
}

func (open) CloseOf(_ context.Context, _, _ string, _ tandem.EndReason) error { return nil }

// D23: what a person's sign-ins gave is refused from the moment at which they have ended,
// even if the process that ended them dies in the next; who ends them again closes what is
// still open.
func TestD23_EndingThatDies(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		r := s.start()
		given := r.redeem(r.browser().authorize("anna", "scope", "openid offline_access read").Get("code"))
		sid, _ := claims(t, given.AccessToken)["sid"].(string)
		sessions := open{sid: true}
		dying := *s.ending
		dying.Families, dying.Revocations, dying.Sessions = dead{}, dead{}, dead{}
		if err := dying.User(t.Context(), by, &s.anna, "test"); !errors.Is(err, errDead) {
			t.Fatal(err)
		}
		s.refresh()
		for i, r := range s.replicas {
			if a := r.get(userinfo, given.AccessToken); a.Code != http.StatusUnauthorized {
				t.Errorf("replica %d: the access token is good: %d", i, a.Code)
			}
			if a := r.renew(given.RefreshToken); a.Error != "invalid_grant" {
				t.Errorf("replica %d: the refresh token is good: %s", i, a.got())
			}
		}
		again := *s.ending
		again.Sessions = sessions
		if err := again.User(t.Context(), by, &s.anna, "test"); err != nil || len(sessions) > 0 {
			t.Errorf("once more: %v, open are %v", err, sessions)
		}
	})
}
