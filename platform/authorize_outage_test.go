package platform_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestFailuresAtAuthorizeGoBack: what fails here while an accepted request is answered goes
// back to the application (RFC 6749 section 4.1.2.1) in the mode that it asked for, with its
// state and who says so: without a person at the browser, too, at the address to which a
// sign-in leads back, and after the consent.
func TestFailuresAtAuthorizeGoBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Log: quiet})
		b, first := in.Browser(), newAsk(in)
		back := b.Submit(b.Get(first.address()), url.Values{"login": {"anna"}, "password": {tandemtest.Password}})
		first.code(t, back)
		resume := back.Request.URL.String()
		consent := b.Get(newAsk(in, "prompt", "consent").address())

		check := func(what string, page *tandemtest.Page, want string) {
			t.Helper()
			q := newAsk(in).answer(page)
			if at, _, _ := strings.Cut(page.Header.Get("Location"), "?"); at != tandemtest.RedirectURI || page.StatusCode != http.StatusSeeOther || q.Get("error") != want ||
				q.Get("state") != "st" || q.Get("iss") != in.Issuer || q.Get("code") != "" || strings.Contains(q.Get("error_description"), "SQL") {
				t.Errorf("%s: %d %v %s", what, page.StatusCode, q, page.Text)
			}
		}
		all := func(want string) {
			t.Helper()
			check("a request", b.Get(newAsk(in).address()), want)
			check("a request without a person", b.Get(newAsk(in, "prompt", "none").address()), want)
			check("a sign-in that leads back", b.Get(resume), want)
			check("a consent", b.Submit(consent, url.Values{"allow": {"1"}}), want)
			posted := b.Get(newAsk(in, "response_mode", "form_post").address())
			action, fields, ok := posted.Form(url.Values{})
			if !ok || action != tandemtest.RedirectURI || fields.Get("error") != want || fields.Get("state") != "st" || fields.Get("iss") != in.Issuer {
				t.Errorf("in a form: %d %s %v", posted.StatusCode, action, fields)
			}
		}
		exec := func(statement string) {
			t.Helper()
			_, err := in.Platform.DB.Writer().ExecContext(t.Context(), statement)
			must(t, err)
		}
		exec(`ALTER TABLE sign_in_apps RENAME TO away`)
		all("server_error")
		exec(`ALTER TABLE away RENAME TO sign_in_apps`)

		mend := fullDisk(t, in)
		if engine == sqldb.PostgreSQL {
			mend()
			mend = readOnly(t, in)
		}
		service := url.Values{"grant_type": {"client_credentials"}, "client_id": {tandemtest.Portal}, "client_secret": {in.ServiceSecret}}
		testkit.Eventually(t, "no token", func() bool { status, _ := in.TokenRequest(service); return status != http.StatusOK })
		in.Clock.Advance(2 * time.Minute) // the browser's sign-in is to be noted as seen
		all("temporarily_unavailable")
		mend()
		testkit.Eventually(t, "a code again", func() bool {
			return newAsk(in).answer(b.Get(newAsk(in).address())).Get("code") != ""
		})
	})
}
