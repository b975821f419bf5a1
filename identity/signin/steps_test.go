package signin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// TestC22_NoStepIsSkipped: the sealed request of one page opens another only as far as its
// person has come.
func TestC22_NoStepIsSkipped(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db, true)
		for _, login := range []string{"anna", "bert", "cleo"} {
			s.user(login, tandem.InternalUser)
		}
		const essential = `{"id_token":{"acr":{"essential":true,"value":"2"}}}`
		// sealed is a request as the browser gets it.
		sealed := func(b *browser, change ...string) string {
			t.Helper()
			_, q := b.post("/id/connect/authorize", authorizeParams(change...)).to()
			if q.Get("request") == "" {
				t.Fatal("no request")
			}
			return q.Get("request")
		}
		t.Run("the consent page does not get around an essential acr", func(t *testing.T) {
			b := s.browser()
			b.granted("bert")
			if _, q := b.get("/id/account/consent?request=" + sealed(b, "claims", essential)).to(); q.Get("error") != "unmet_authentication_requirements" {
				t.Errorf("%v", q)
			}
		})
		t.Run("a second factor alone is no new sign-in", func(t *testing.T) {
			b := s.browser()
			b.granted("anna")
			secret, _, _ := b.enrol(b.get(factorsPath + "?add=1"))
			s.clock.Advance(2 * time.Minute)
			page := b.get("/id/account/second-factor?request=" + sealed(b, "prompt", "login"))
			if a := b.prove(page, s.shownCode(secret)); a.StatusCode != http.StatusOK || !strings.Contains(a.body, `name="password"`) {
				_, q := a.to()
				t.Errorf("%d %v", a.StatusCode, q)
			}
		})
		t.Run("a sign-in that was finished is not finished again after the sign-out", func(t *testing.T) {
			if _, err := s.accounts.Update(t.Context(), by, "cleo", func(u *tandem.User) { u.SecondFactorRequired = true }); err != nil {
				t.Fatal(err)
			}
			b := s.browser()
			_, _, after := b.enrol(b.signIn("cleo", password))
			action, fields := after.form()
			fields.Set("done", "1")
			if _, q := b.follow(b.post(action, fields)).to(); q.Get("code") == "" {
				t.Fatalf("the first time: %v", q)
			}
			out, form := b.get("/id/account/signout").form()
			b.post(out, form)
			if a := b.post(action, fields); a.StatusCode != http.StatusBadRequest {
				t.Errorf("again: %d to %s", a.StatusCode, a.Header.Get("Location"))
			}
			all := s.audit.All()
			if last := all[len(all)-1]; !strings.Contains(last.Facts, `"`+string(tandem.RuleRequestExpired)+`"`) {
				t.Errorf("on record is %+v", last)
			}
		})
	})
}
