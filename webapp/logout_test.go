package webapp_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestE29_SignOutElsewhereEndsTheSession: what ends a sign-in at the identity server ends the
// session here, on every replica, without anybody opening a page.
func TestE29_SignOutElsewhereEndsTheSession(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{engine: engine})
			s.in.UpdateApp(appURI, func(a *tandem.TrustedApp) { a.BackchannelLogoutURI = s.url + "/backchannel-logout" })
			replica := s.replica()
			anna, _ := s.signIn("anna", "/two-halves")
			admin, _ := s.signIn("admin", "/two-halves")
			sessions := func() (n int) {
				if err := s.db.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM webapp_sessions`).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			if n := sessions(); n != 2 {
				t.Fatalf("%d sessions of two people", n)
			}
			if _, err := s.in.Platform.Accounts.EndSignIns(t.Context(), tandemtest.By, "anna"); err != nil {
				t.Fatal(err)
			}
			testkit.Eventually(t, "her session is gone", func() bool { return sessions() == 1 })
			for _, root := range []string{s.url, replica} {
				if page := anna.Get(root + "/two-halves"); !strings.Contains(page.Text, `name="password"`) {
					t.Errorf("%s still serves her: %d", root, page.StatusCode)
				}
				if page := admin.Get(root + "/two-halves"); strings.Contains(page.Text, `name="password"`) {
					t.Errorf("%s has signed the other one out: %d", root, page.StatusCode)
				}
			}
		})
	}
}
