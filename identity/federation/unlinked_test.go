package federation_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

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
			secret := regexp.MustCompile(`<code id="secret">([A-Z2-7]+)</code>`).FindStringSubmatch(middle.page.Text)
			if secret == nil {
				t.Fatalf("no second factor is demanded: %d %s", middle.page.StatusCode, middle.page.Text)
			}
			if err := w.Platform.Outside.Unlink(t.Context(), tandemtest.By, "anna", "acme", "s-1"); err != nil {
				t.Fatal(err)
			}
			code, err := totp.GenerateCode(secret[1], w.Clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			if page := middle.browser.Submit(middle.page, url.Values{"code": {code}}); page.StatusCode != http.StatusBadRequest || !hasWords(page.Text, "The account was changed") {
				t.Errorf("a sign-in that was in the middle: %d %s", page.StatusCode, page.Text)
			}
		})
	}
}
