package signin_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/site/words"
)

// mailed are the links that people get by mail, and in which language.
type mailed chan [2]string

func (m mailed) Notify(context.Context, *tandem.User, signin.Notice) error { return nil }
func (m mailed) Reset(_ context.Context, u *tandem.User, path string) error {
	m <- [2]string{path, u.Locale}
	return nil
}

// speaking is a browser whose every page is looked at for the language.
func (s *site) speaking(tag string) (*browser, *testkit.Speaks) {
	b := s.browser()
	at := &testkit.Speaks{T: s.t, Next: b.Client.Transport, Tag: tag, Paths: []string{"/id", "/profile"}}
	b.Client.Transport = at
	return b, at
}

// fill sends the page's form with more in it, and follows.
func (b *browser) fill(page *shown, more ...string) *shown {
	b.s.t.Helper()
	action, fields := page.form()
	for i := 0; i < len(more); i += 2 {
		fields.Set(more[i], more[i+1])
	}
	return b.follow(b.post(action, fields))
}

// link is the first link of the page to the path.
func (a *shown) link(path string) string {
	_, rest, _ := strings.Cut(a.body, `href="`+path)
	rest, _, _ = strings.Cut(rest, `"`)
	return path + html.UnescapeString(rest)
}

// The language that a request asks for stays through each page, form, error and redirect
// until the browser is back at the application.
func TestTheLanguageStays(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"de", "bg"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			mail := make(mailed, 1)
			s.accounts.Notifier = mail
			devices := &token.Devices{Store: data.NewDevices(s.db), Key: make([]byte, 32), Clock: s.clock.Now}
			s.h.Devices = devices
			mux := http.NewServeMux()
			if err := s.h.Mount(mux); err != nil {
				t.Fatal(err)
			}
			s.Config.Handler = mux
			go s.h.SendForgotten(t.Context())
			for _, login := range []string{"anna", "bert", "cleo", "dora"} {
				s.user(login, tandem.InternalUser)
			}
			change := func(login string, f func(a *signin.Account)) {
				t.Helper()
				acc, err := s.users.ByLogin(t.Context(), login)
				if err == nil {
					_, err = s.users.Update(t.Context(), acc.ID, func(old signin.Account) (signin.Account, error) { f(&old); return old, nil })
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			change("anna", func(a *signin.Account) { a.Email, a.EmailVerified = "anna@example.com", true })
			// begun is an authorization request that asks for the language.
			begun := func(b *browser, change ...string) *shown {
				t.Helper()
				return b.follow(b.get(authorizeURL(append(change, "ui_locales", "xx "+tag)...)))
			}
			home := func(name string, a *shown, has string) {
				t.Helper()
				if to, q := a.to(); to != back || q.Get(has) == "" || q.Has("ui_locales") {
					t.Errorf("%s: %d to %s %v", name, a.StatusCode, to, q)
				}
			}
			in := words.Choose(tag, "", "")

			b, all := s.speaking(tag)
			page := begun(b)
			page = b.submit(page, "anna", "wrong")
			page = b.submit(page, "", "")
			page = b.fill(page, "csrf", "old", "login", "anna", "password", password)
			b.post("/id/account/passkey", func() url.Values { _, f := page.form(); return f }())
			home("cancelled", b.fill(page, "cancel", "1"), "error")
			home("signed in", b.submit(page, "anna", password), "code")
			begun(b, "response_mode", "form_post")

			// By a form, and pushed: the address has it then.
			b, _ = s.speaking(tag)
			home("posted", b.submit(b.follow(b.post("/id/connect/authorize", authorizeParams("ui_locales", tag))), "anna", password), "code")
			app, _ := s.apps.App(portal)
			req, err := http.NewRequestWithContext(t.Context(), "POST", "/id/connect/par", nil)
			if err != nil {
				t.Fatal(err)
			}
			pushed, err := s.h.Push(req, app, authorizeParams("ui_locales", tag, "prompt", "login"))
			if err != nil {
				t.Fatal(err)
			}
			at := "/id/connect/authorize?" + url.Values{"client_id": {portal}, "request_uri": {pushed.RequestURI}}.Encode()
			home("pushed", b.submit(b.follow(b.get(at)), "anna", password), "code")
			b.get(at) // used: an error page

			// A password that was forgotten.
			b, forgot := s.speaking(tag)
			begun(b)
			page = b.get("/id/account/forgot?ui_locales=" + tag)
			page = b.fill(page, "login", "")
			page = b.fill(page, "csrf", "old", "login", "anna")
			b.fill(page, "login", "anna")
			var link [2]string
			select {
			case link = <-mail:
			case <-time.After(testkit.Patience):
				t.Fatal("no mail was sent")
			}
			if link[1] != tag {
				t.Errorf("the mail is in %q", link[1])
			}
			b, _ = s.speaking(tag)
			page = b.get(link[0])
			page = b.fill(page, "csrf", "old")
			page = b.fill(page, "password", "")
			page = b.fill(page, "password", "another long one", "again", "x")
			page = b.fill(page, "password", "password", "again", "password")
			b.fill(page, "password", "another long one", "again", "another long one")
			b.get(link[0]) // used

			// One that somebody else has chosen.
			change("bert", func(a *signin.Account) { a.MustChangePassword = true })
			b, _ = s.speaking(tag)
			page = b.submit(begun(b), "bert", password)
			page = b.fill(page, "password", "another long one", "again", "x")
			page = b.fill(page, "password", "another long one", "again", "another long one")
			home("after another password", b.submit(b.follow(b.get(page.link("/id/account/signin"))), "bert", "another long one"), "code")

			// A second factor that is demanded, and then asked for.
			change("cleo", func(a *signin.Account) { a.SecondFactorRequired = true })
			b, factor := s.speaking(tag)
			page = b.submit(begun(b), "cleo", password)
			page = b.fill(page, "code", "000000")
			secret, _, made := b.enrol(page)
			home("after the first factor", b.fill(made, "done", "1"), "code")
			if a := b.fill(made, "done", "1"); a.StatusCode != http.StatusBadRequest {
				t.Errorf("finished twice: %d", a.StatusCode)
			}
			s.clock.Advance(2 * time.Minute)
			b, _ = s.speaking(tag)
			page = b.submit(begun(b), "cleo", password)
			b.fill(page, "pending", "damaged")
			page = b.fill(page, "code", "")
			page = b.fill(page, "code", "000000")
			home("not proved", b.fill(page, "cancel", "1"), "error")
			home("after the second factor", b.prove(page, s.shownCode(secret)), "code")
			s.clock.Advance(2 * time.Minute)

			// Raised, with more than the password.
			b, _ = s.speaking(tag)
			home("dora", b.submit(begun(b), "dora", password), "code")
			dora := b.follow(b.get(factorsPath + "?add=1&ui_locales=" + tag))
			secret, _, _ = b.enrol(b.fill(dora, "code", "000000"))
			b.get(factorsPath + "?ui_locales=" + tag)
			s.clock.Advance(20 * time.Minute)
			again := b.fill(b.get(factorsPath+"?ui_locales="+tag), "do", "codes")
			page = b.prove(b.submit(again, "dora", password), s.shownCode(secret))
			if _, fields := page.form(); fields.Get("csrf") == "" {
				t.Errorf("nothing to go on with: %d %s", page.StatusCode, page.body)
			}
			b.fill(page, "do", "codes")
			b.get(factorsPath + "?held=x&ui_locales=" + tag)
			s.clock.Advance(2 * time.Minute)
			b, _ = s.speaking(tag)
			page = b.follow(b.get(factorsPath + "?add=1&ui_locales=" + tag))
			b.prove(b.submit(page, "dora", password), s.shownCode(secret))
			s.clock.Advance(2 * time.Minute)
			page = begun(b, "claims", `{"id_token":{"acr":{"essential":true,"value":"2"}}}`, "prompt", "login")
			home("raised", b.prove(b.submit(page, "dora", password), s.shownCode(secret)), "code")

			// What an application asks to be allowed.
			s.apps.change(portal, func(a *tandem.TrustedApp) { a.FirstParty = false })
			b, consent := s.speaking(tag)
			page = b.submit(begun(b), "anna", "another long one")
			b.fill(page, "request", "damaged", "allow", "1")
			page = b.fill(page, "csrf", "old", "allow", "1")
			home("not allowed", b.fill(page, "allow", ""), "error")
			home("allowed", b.fill(page, "allow", "1"), "code")
			page = begun(b, "prompt", "login")
			s.clock.Advance(2 * time.Hour)
			page = b.submit(page, "anna", "another long one") // too late

			// A device.
			b, device := s.speaking(tag)
			code := func() string {
				t.Helper()
				_, code, err := devices.Begin(t.Context(), portal, token.Asked{Scope: tandem.Scope{"read"}})
				if err != nil {
					t.Fatal(err)
				}
				return code
			}
			page = b.fill(b.get("/id/device?ui_locales="+tag), "csrf", "old", "user_code", "x")
			page = b.submit(b.fill(page, "user_code", "BCDF-GHJK"), "anna", "another long one")
			b.fill(b.fill(page, "user_code", code()), "allow", "", "deny", "1")
			b.fill(b.follow(b.get("/id/device?"+url.Values{"user_code": {code()}, "ui_locales": {tag}}.Encode())), "allow", "1")

			// By themselves, and out again.
			b.follow(b.get("/id/account/signin?ui_locales=" + tag))
			b.get("/id?ui_locales=" + tag)
			page = b.follow(b.post("/id/connect/endsession", url.Values{"client_id": {portal}, "post_logout_redirect_uri": {after}, "ui_locales": {tag}}))
			b.fill(page, "csrf", "old")
			b.fill(page)
			b.get("/id/connect/endsession?post_logout_redirect_uri=https://x.example/&ui_locales=" + tag)
			b.post("/id/connect/endsession", url.Values{"post_logout_redirect_uri": {"https://x.example/"}, "ui_locales": {tag}})
			b.get("/id?ui_locales=" + tag)

			for name, want := range map[string]*testkit.Speaks{
				"Sign in": all, "Look into your mail": forgot, "Your recovery codes": factor, "Allow access?": consent, "Connected": device, "You are signed out": device,
			} {
				if !want.Pages()[in.Say(name)] {
					t.Errorf("the walk did not come by %q: %v", name, want.Pages())
				}
			}
		})
	}
}
