package federation_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// holder is somebody who is signed in, with the tokens of an application.
type holder struct {
	browser *tandemtest.Browser
	tokens  tandemtest.Tokens
}

// byAcme signs anna in through the provider.
func (w *world) byAcme() holder {
	w.Helper()
	b := w.Browser()
	return holder{b, w.tokens(w.attempt(b))}
}

func (w *world) byPassword() holder {
	w.Helper()
	b := w.Browser()
	return holder{b, w.Redeem(b.Authorize("anna", tandemtest.Password))}
}

// holds checks that somebody still has all of it, or nothing.
func (w *world) holds(h holder, what string, want bool) {
	w.Helper()
	w.Refresh()
	if status, _ := w.API("GET", "GetVersion()", h.tokens.Access, ""); (status == http.StatusOK) != want {
		w.Errorf("%s: a call with the access token: %d", what, status)
	}
	if page := h.browser.Get(w.URL + "/id/account/signin"); hasWords(page.Text, `name="password"`) == want {
		w.Errorf("%s: the browser gets %d %s", what, page.StatusCode, page.Request.URL.Path)
	}
	if status, _ := w.TokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {h.tokens.Refresh},
		"client_id": {tandemtest.Portal}, "client_secret": {w.UserSecret}}); (status == http.StatusOK) != want {
		w.Errorf("%s: a refresh: %d", what, status)
	}
}

var secretOf = regexp.MustCompile(`<code id="secret">([A-Z2-7]+)</code>`)

func (w *world) firstCode(secret string) url.Values {
	w.Helper()
	code, err := totp.GenerateCode(secret, w.Clock.Now())
	if err != nil {
		w.Fatal(err)
	}
	return url.Values{"code": {code}}
}

// enrol gives the person of the browser an authenticator app.
func (w *world) enrol(b *tandemtest.Browser) {
	w.Helper()
	page := b.Get(w.URL + "/profile/security/second-factor?add=1")
	secret := secretOf.FindStringSubmatch(page.Text)
	if secret == nil {
		w.Fatalf("%d %s", page.StatusCode, page.Text)
	}
	if made := b.Submit(page, w.firstCode(secret[1])); !hasWords(made.Text, "Your recovery codes") {
		w.Fatalf("%d %s", made.StatusCode, made.Text)
	}
}

// unlink ends the link on the profile site.
func (w *world) unlink(b *tandemtest.Browser, subject string) {
	w.Helper()
	page := b.Get(w.URL + linksPath)
	if done := b.Post(page, w.URL+linksPath+"/end", url.Values{"form": {formToken(page, "/end")}, "provider": {"acme"}, "subject": {subject}}); !hasWords(done.Text, "Ended.") {
		w.Fatalf("%d %s", done.StatusCode, done.Text)
	}
}

// TestUnlinkedSignInsEnd: whoever is unlinked is out with all that came by the link, whether
// an administrator does it or the person, whose own sign-in stays; sign-ins by a password
// stay, too. One that is in the middle does not come to its end.
func TestUnlinkedSignInsEnd(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine)
			w.fake.Twist(twist{Claims: func(c map[string]any) { c["sub"], c["auth_time"] = "s-1", w.Clock.Now().Unix() }})

			w.link("anna", "s-1")
			outside, password := w.byAcme(), w.byPassword()
			if err := w.Platform.Outside.Unlink(t.Context(), tandemtest.By, "anna", "acme", "s-1"); err != nil {
				t.Fatal(err)
			}
			w.holds(outside, "unlinked by an administrator", false)
			w.holds(password, "by a password, unlinked by an administrator", true)
			if e := w.Record(tandem.AuditSignOut); len(e) == 0 || e[0].Actor != "anna" || !hasWords(string(e[0].Facts), tandemtest.By.Login) {
				t.Errorf("the record: %+v", e)
			}

			w.link("anna", "s-1")
			outside, password = w.byAcme(), w.byPassword()
			w.unlink(password.browser, "s-1")
			w.holds(outside, "unlinked by the person", false)
			w.holds(password, "who unlinked", true)

			w.link("anna", "s-1")
			here, there := w.byAcme(), w.byAcme()
			w.unlink(here.browser, "s-1")
			w.holds(here, "who unlinked, and came by the link", true)
			w.holds(there, "another sign-in by the link", false)

			w.link("anna", "s-1")
			if _, err := w.Platform.Accounts.Update(t.Context(), tandemtest.By, "anna", func(u *tandem.User) { u.SecondFactorRequired = true }); err != nil {
				t.Fatal(err)
			}
			middle := w.attempt(w.Browser())
			secret := secretOf.FindStringSubmatch(middle.page.Text)
			if secret == nil {
				t.Fatalf("no second factor is demanded: %d %s", middle.page.StatusCode, middle.page.Text)
			}
			if err := w.Platform.Outside.Unlink(t.Context(), tandemtest.By, "anna", "acme", "s-1"); err != nil {
				t.Fatal(err)
			}
			if page := middle.browser.Submit(middle.page, w.firstCode(secret[1])); page.StatusCode != http.StatusBadRequest || !hasWords(page.Text, "The account was changed") {
				t.Errorf("a sign-in that was in the middle: %d %s", page.StatusCode, page.Text)
			}
		})
	}
}

// TestNewPasswordEndsOwnLinks: a new password by a link, or by an administrator, puts out whoever had
// linked an account of theirs in the name of its person. Links that administrators made stay, and
// the person is shown them, with their second factors. Who changes their own password keeps all.
func TestNewPasswordEndsOwnLinks(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine)
			as := func(subject string) {
				w.fake.Twist(twist{Claims: func(c map[string]any) { c["sub"], c["auth_time"] = subject, w.Clock.Now().Unix() }})
			}
			plant := func(password string) {
				as("thief")
				b := w.Browser()
				b.SignIn(w.URL+linksPath, "anna", password)
				if page := b.Get(w.URL + startOf(b.Get(w.URL+linksPath))); !hasWords(page.Text, "End it") {
					t.Fatalf("%d %s", page.StatusCode, page.Text)
				}
				if w.attempt(w.Browser()).code() == "" {
					t.Fatal("the planted link opens nothing")
				}
			}
			links := func() string {
				t.Helper()
				all, err := w.Platform.Outside.Links(t.Context(), "anna")
				if err != nil {
					t.Fatal(err)
				}
				subjects := ""
				for _, l := range all {
					subjects += l.Subject + " "
				}
				return subjects
			}
			ended := func(what string) {
				t.Helper()
				as("thief")
				w.refused(w.attempt(w.Browser()), tandem.RuleOutsideAccount)
				as("by-admin")
				if w.attempt(w.Browser()).code() == "" || links() != "by-admin " {
					t.Errorf("%s: an administrator's link has ended, or more is left: %s", what, links())
				}
			}
			w.link("anna", "by-admin")

			plant(tandemtest.Password)
			if _, err := w.Platform.Accounts.SetPassword(t.Context(), tandemtest.By, "anna", tandemtest.Password+" 2"); err != nil {
				t.Fatal(err)
			}
			ended("set by an administrator")

			plant(tandemtest.Password + " 2")
			own := w.Browser()
			own.SignIn(w.URL+"/profile/security/password", "anna", tandemtest.Password+" 2")
			page := own.Submit(own.Get(w.URL+"/profile/security/password"), url.Values{"old": {tandemtest.Password + " 2"}, "password": {tandemtest.Password + " 3"}, "again": {tandemtest.Password + " 3"}, "keep": {"1"}})
			if page.StatusCode != http.StatusOK || links() != "by-admin thief " {
				t.Errorf("changed by who knows it: %d, %s", page.StatusCode, links())
			}

			at, _, err := w.Platform.ResetLink(t.Context(), tandemtest.By, "anna", w.URL, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			b := w.Browser()
			w.enrol(own)
			done := b.Submit(b.Get(at), url.Values{"password": {tandemtest.Password + " 4"}, "again": {tandemtest.Password + " 4"}})
			if done.StatusCode != http.StatusOK || !hasWords(done.Text, "What else opens your account", "Acme login", "Authenticator app", "10 left", "link them again") {
				t.Errorf("%d %s", done.StatusCode, done.Text)
			}
			if links() != "by-admin " {
				t.Errorf("by a link: %s", links())
			}
			remains, err := w.Platform.Accounts.Remaining(t.Context(), "anna")
			if err != nil || len(remains.Factors) != 1 || remains.Codes != 10 || len(remains.Links) != 1 || remains.Factors[0].Secret != nil {
				t.Errorf("%+v, %v", remains, err)
			}
		})
	}
}
