package signin_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
	"github.com/hybridapps/tandem/internal/testkit/passkey"
	"github.com/hybridapps/tandem/sqldb"
)

// addPasskey has the person who is signed in make a passkey.
func (b *browser) addPasskey(a *passkey.Authenticator) *shown {
	page := b.get(factorsPath + "?add=1")
	action, fields := page.form()
	fields.Set("credential", a.Create(passkey.Challenge(page.body)))
	return b.post(action, fields)
}

// byPasskey signs in by the answer that make makes to the challenge of the sign-in page.
func (b *browser) byPasskey(answer func(challenge string) string) *shown {
	page := b.follow(b.get(authorizeURL("prompt", "login")))
	_, fields := page.form()
	fields.Set("credential", answer(passkey.Challenge(page.body)))
	return b.follow(b.post("/id/account/passkey", fields))
}

func TestPasskeys(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteAt(t, db, false, "localhost")
		anna, bert := s.user("anna", tandem.InternalUser), s.user("bert", tandem.InternalUser)
		handle := func(id string) []byte { u := uuid.MustParse(id); return u[:] }
		b := s.browser()
		b.granted("anna")
		key := passkey.New(t, s.URL)
		key.Handle = handle(anna)
		if after := b.addPasskey(key); len(recoveryCodes(after)) == 0 {
			t.Fatalf("no passkey was made: %d %s", after.StatusCode, after.body)
		}
		counted := func(challenge string) string { key.Count++; return key.Get(challenge) }

		t.Run("alone is two factors", func(t *testing.T) {
			b := s.browser()
			_, q := b.byPasskey(counted).to()
			g, ok := s.codes.grant(q.Get("code"))
			if !ok || g.UserID != anna || g.Authentication.ACR() != "2" || !slices.Equal(g.Authentication.Methods, []string{"hwk", "user", "mfa"}) {
				t.Errorf("%v: %+v", q, g)
			}
		})
		t.Run("as the second factor", func(t *testing.T) {
			b := s.browser()
			page := b.signIn("anna", password)
			action, fields := page.form()
			fields.Set("credential", counted(passkey.Challenge(page.body)))
			_, q := b.follow(b.post(action, fields)).to()
			if g, ok := s.codes.grant(q.Get("code")); !ok || !slices.Equal(g.Authentication.Methods, []string{"pwd", "hwk", "user", "mfa"}) {
				t.Errorf("%v: %+v", q, g.Authentication)
			}
		})
		t.Run("a wrong one as the second factor is throttled with the codes", func(t *testing.T) {
			wrong := passkey.New(t, s.URL)
			wrong.Handle, wrong.ID = handle(anna), key.ID
			b, status := s.browser(), 0
			for range 12 {
				page := b.signIn("anna", password)
				action, fields := page.form()
				fields.Set("credential", wrong.Get(passkey.Challenge(page.body)))
				if status = b.post(action, fields).StatusCode; status != http.StatusUnauthorized {
					break
				}
			}
			if status != http.StatusTooManyRequests {
				t.Errorf("the last was answered with %d", status)
			}
			s.clock.Advance(16 * time.Minute)
		})
		t.Run("C22: what is refused", func(t *testing.T) {
			other := passkey.New(t, s.URL)
			other.Handle, other.ID = handle(anna), key.ID
			for name, answer := range map[string]func(string) string{
				"another key":           other.Get,
				"another challenge":     func(string) string { return counted(base64.RawURLEncoding.EncodeToString([]byte(rand.Text()))) },
				"another origin":        func(c string) string { k := *key; k.Origin = "https://evil.example"; k.Count += 9; return k.Get(c) },
				"another relying party": func(c string) string { k := *key; k.RP = "evil.example"; k.Count += 9; return k.Get(c) },
				"another person":        func(c string) string { k := *key; k.Handle = handle(bert); k.Count += 9; return k.Get(c) },
				"nobody":                func(c string) string { k := *key; k.Handle = []byte("x"); k.Count += 9; return k.Get(c) },
				"a device that did not ask for its person": func(c string) string { k := *key; k.Flags = passkey.UserPresent; k.Count += 9; return k.Get(c) },
				"no JSON":   func(string) string { return "{" },
				"empty":     func(string) string { return "" },
				"oversized": func(string) string { return strings.Repeat("x", 20_000) },
			} {
				if a := s.browser().byPasskey(answer); a.StatusCode != http.StatusUnauthorized || len(a.Header["Location"]) > 0 {
					t.Errorf("%s: %d to %s", name, a.StatusCode, a.Header.Get("Location"))
				}
			}
			if !s.failed(tandem.RulePasskey) {
				t.Error("nothing is on record")
			}
			last := s.browser().byPasskey(other.Get)
			for n := 0; n < 10 && last.StatusCode == http.StatusUnauthorized; n++ {
				last = s.browser().byPasskey(other.Get)
			}
			if last.StatusCode != http.StatusTooManyRequests || last.Header.Get("Retry-After") == "" {
				t.Errorf("after many: %d", last.StatusCode)
			}
			stranger := passkey.New(t, s.URL) // waits for nobody else's
			if a := s.browser().byPasskey(stranger.Get); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("another passkey: %d", a.StatusCode)
			}
			s.clock.Advance(16 * time.Minute)
		})
		t.Run("C22: guesses are counted for account and address, whatever passkey they say they are of", func(t *testing.T) {
			for name, handle := range map[string][]byte{"somebody": handle(anna), "nobody": nil} {
				last := 0
				for n := 0; n < 12 && last != http.StatusTooManyRequests; n++ {
					other := passkey.New(t, s.URL) // each has an id of its own
					if other.Handle = handle; handle == nil {
						u := uuid.New()
						other.Handle = u[:]
					}
					last = s.browser().byPasskey(other.Get).StatusCode
				}
				if last != http.StatusTooManyRequests {
					t.Errorf("%s: the last was answered with %d", name, last)
				}
			}
			hers := passkey.New(t, s.URL) // who shares the address waits for nobody else's
			hers.Handle = handle(bert)
			if a := s.browser().byPasskey(hers.Get); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("another person: %d", a.StatusCode)
			}
			if a := b.byPasskey(counted); a.StatusCode != http.StatusSeeOther {
				t.Errorf("anna, with a device that is known: %d %s", a.StatusCode, a.body)
			}
			s.clock.Advance(16 * time.Minute)
		})
		t.Run("a count that goes back", func(t *testing.T) {
			a := s.browser().byPasskey(func(c string) string { k := *key; k.Count--; return k.Get(c) })
			if a.StatusCode != http.StatusUnauthorized || !s.failed(tandem.RulePasskeyCount) {
				t.Errorf("%d", a.StatusCode)
			}
		})
		t.Run("an answer is good once, and in its browser", func(t *testing.T) {
			b, other := s.browser(), s.browser()
			page := b.follow(b.get(authorizeURL()))
			_, fields := page.form()
			fields.Set("credential", counted(passkey.Challenge(page.body)))
			if a := other.post("/id/account/passkey", fields); a.StatusCode != http.StatusBadRequest {
				t.Errorf("in another browser: %d", a.StatusCode)
			}
			if a := b.follow(b.post("/id/account/passkey", fields)); a.StatusCode != http.StatusSeeOther {
				t.Errorf("%d", a.StatusCode)
			}
			if a := b.post("/id/account/passkey", fields); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("twice: %d", a.StatusCode)
			}
		})
		t.Run("of a person who may not sign in", func(t *testing.T) {
			if _, err := s.accounts.Disable(t.Context(), by, "anna"); err != nil {
				t.Fatal(err)
			}
			if a := s.browser().byPasskey(counted); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("%d", a.StatusCode)
			}
			if _, err := s.accounts.Enable(t.Context(), by, "anna"); err != nil {
				t.Fatal(err)
			}
		})
		t.Run("is of one person", func(t *testing.T) {
			b := s.browser()
			b.granted("bert")
			if a := b.addPasskey(key); a.StatusCode != http.StatusBadRequest {
				t.Errorf("anna's passkey as bert's: %d", a.StatusCode)
			}
		})
	})
}

// A browser with an authenticator of its own makes a passkey, under the pages' own
// Content-Security-Policy, and signs in by it alone: with the keyboard.
func TestPasskeyInABrowser(t *testing.T) {
	t.Parallel()
	ctx, late := context.WithTimeout(chromium.Open(t), 3*testkit.Patience)
	defer late()
	s := newSiteAt(t, datatest.Open(t, sqldb.SQLite), false, "localhost")
	s.user("anna", tandem.InternalUser)
	run := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatal(err)
		}
	}
	run(
		chromium.Passkeys(),
		chromedp.Navigate(s.URL+factorsPath+"?add=1"),
		chromedp.SendKeys(chromedp.CSS("#login"), "anna"),
		chromedp.SendKeys(chromedp.CSS("#password"), password+"\r"),
		chromedp.SendKeys(chromedp.CSS("button[data-passkey=create]"), "\r"),
		chromedp.WaitVisible(chromedp.CSS("#codes")),
		chromedp.Navigate(s.URL+"/id/account/signout"),
		chromedp.Click(chromedp.CSS("button")),
		chromedp.Click(chromedp.CSS("a.button")),
		chromedp.SendKeys(chromedp.CSS("button[data-passkey=get]"), "\r"),
	)
	var e []tandem.AuditEvent
	testkit.Eventually(t, "both sign-ins are on record", func() bool { e = s.audit.Of(tandem.AuditSignIn); return len(e) == 2 })
	if last := e[1]; last.Actor != "anna" || !strings.Contains(last.Facts, `"acr":"2"`) {
		t.Errorf("on record: %+v", e)
	}
}

// TestOnlyPasskeyStays: who has no password cannot remove the passkey that they sign in with.
func TestOnlyPasskeyStays(t *testing.T) {
	t.Parallel()
	s := newSiteAt(t, datatest.Open(t, sqldb.SQLite), false, "localhost")
	anna := s.user("anna", tandem.InternalUser)
	b := s.browser()
	b.granted("anna")
	key := passkey.New(t, s.URL)
	u := uuid.MustParse(anna)
	key.Handle = u[:]
	b.addPasskey(key)
	b.byPasskey(func(challenge string) string { key.Count++; return key.Get(challenge) })
	set := func(hash string) {
		if _, err := s.users.Update(t.Context(), anna, func(a signin.Account) (signin.Account, error) { a.PasswordHash = hash; return a, nil }); err != nil {
			t.Fatal(err)
		}
	}
	remove := func() *shown {
		_, fields := b.get(factorsPath).form()
		fields.Set("do", "remove")
		return b.post(factorsPath, fields)
	}
	acc, err := s.users.ByID(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	set("")
	if a := remove(); a.StatusCode != http.StatusConflict || !strings.Contains(a.body, "your only way to sign in") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	set(acc.PasswordHash)
	if a := remove(); a.StatusCode != http.StatusSeeOther {
		t.Errorf("beside a password: %d %s", a.StatusCode, a.body)
	}
}
