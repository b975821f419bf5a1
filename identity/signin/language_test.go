package signin_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
)

// TestPagesSpeakTheLanguageAskedFor goes through the pages as an application, a browser
// and a person ask for a language: in this order, and English without any of them.
func TestPagesSpeakTheLanguageAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	expect := func(name string, a *shown, tag string, texts ...string) {
		t.Helper()
		if got := a.Header.Get("Content-Language"); got != tag || !strings.Contains(a.body, `<html lang="`+tag+`"`) {
			t.Errorf("%s: Content-Language %q, %.120s", name, got, a.body)
		}
		for _, text := range texts {
			if !strings.Contains(a.body, text) {
				t.Errorf("%s: nothing of %q in %s", name, text, a.body)
			}
		}
	}
	b := s.browser()
	expect("nothing asked", b.follow(b.get(authorizeURL())), "en", "Sign in")
	expect("the browser's", b.follow(b.get("/id/account/signin", "Accept-Language", "fr, bg;q=0.9, en;q=0.5")), "bg", "Вход")
	expect("the application's", b.follow(b.get(authorizeURL("ui_locales", "fr de"))), "de", "<title>Anmelden", "um mit <strong>Acme Portal</strong> fortzufahren")

	page := b.follow(b.get(authorizeURL("ui_locales", "bg")))
	_, fields := page.form()
	wrong := b.submit(page, "anna", "wrong")
	expect("a wrong password", wrong, "bg", "Потребителското име или паролата не са верни")
	if fields.Set("csrf", "old"); fields.Get("ui_locales") != "bg" {
		t.Errorf("the form forgets the language: %v", fields)
	}
	expect("a damaged request", b.post("/id/account/signin", url.Values{"request": {"x"}, "ui_locales": {"de"}}), "de", "Das hat nicht geklappt")
	expect("an unknown application", b.get("/id/connect/authorize?client_id=x&redirect_uri=https://x.example/&ui_locales=bg"), "bg", "не е познато")
	expect("form_post", b.follow(b.get(authorizeURL("ui_locales", "de", "prompt", "none", "response_mode", "form_post"))), "de", "Zurück zu <strong>Acme Portal</strong>")
	expect("a device", b.get("/id/device?ui_locales=de"), "de", "Gerät verbinden")

	device := b.follow(b.get("/id/device?user_code=BCDF-GHJK&ui_locales=bg"))
	expect("signing in for a device", device, "bg", "Парола")
	b.signIn("anna", password)
	expect("signing out", b.get("/id/connect/endsession?client_id="+url.QueryEscape(portal)+"&ui_locales=bg"), "bg", "иска да излезете")
	expect("a mistake", b.get("/id/connect/endsession?post_logout_redirect_uri=https://x.example/&ui_locales=de"), "de", "client_id und id_token_hint fehlen")

	if _, err := s.accounts.Update(t.Context(), by, "anna", func(u *tandem.User) { u.Locale = "bg-BG" }); err != nil {
		t.Fatal(err)
	}
	expect("the person's own", b.get("/id", "Accept-Language", "de"), "bg", "Влезли сте като <strong>ANNA</strong>")
	posted := b.get("/id/account/signout?ui_locales=de")
	action, fields := posted.form()
	expect("signed out", b.follow(b.post(action, fields)), "de", "Sie sind abgemeldet")
}
