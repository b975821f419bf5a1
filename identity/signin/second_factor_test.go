package signin_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

const factorsPath = "/profile/security/second-factor"

var (
	secretText   = regexp.MustCompile(`<code id="secret">([A-Z2-7]+)</code>`)
	recoveryText = regexp.MustCompile(`[a-z2-7]{4}(?:-[a-z2-7]{4}){3}`)
)

// code is the one that an app with the secret shows now.
func (s *site) shownCode(secret string) string {
	s.t.Helper()
	code, err := totp.GenerateCode(secret, s.clock.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return code
}

// enrol fills the form that adds an app, and returns its secret and the recovery codes.
func (b *browser) enrol(page *shown) (secret string, codes []string, after *shown) {
	b.s.t.Helper()
	found := secretText.FindStringSubmatch(page.body)
	if found == nil {
		b.s.t.Fatalf("no secret: %d %s", page.StatusCode, page.body)
	}
	if !strings.Contains(page.body, "<svg") || strings.Contains(page.Header.Get("Content-Security-Policy"), "unsafe") {
		b.s.t.Error("no picture, or an unsafe one")
	}
	action, fields := page.form()
	fields.Set("code", b.s.shownCode(found[1]))
	after = b.post(action, fields)
	return found[1], recoveryCodes(after), after
}

// recoveryCodes are those that a page shows, which has them as a file, too.
func recoveryCodes(a *shown) (codes []string) {
	for _, c := range recoveryText.FindAllString(a.body, -1) {
		if !slices.Contains(codes, c) {
			codes = append(codes, c)
		}
	}
	return codes
}

// withApp is a person who has an authenticator app, signed in nowhere. The code that added
// it is over.
func (s *site) withApp(login string) (secret string, codes []string) {
	s.t.Helper()
	b := s.browser()
	b.granted(login)
	secret, codes, _ = b.enrol(b.get(factorsPath + "?add=1"))
	if len(codes) != signin.RecoveryCodes {
		s.t.Fatalf("%d recovery codes", len(codes))
	}
	s.clock.Advance(2 * time.Minute)
	return secret, codes
}

// prove fills the form of the second factor.
func (b *browser) prove(page *shown, code string) *shown {
	b.s.t.Helper()
	action, fields := page.form()
	if !strings.HasSuffix(action, "/second-factor") {
		b.s.t.Fatalf("nobody asked for a second factor: %d %s", page.StatusCode, page.body)
	}
	fields.Set("code", code)
	return b.follow(b.post(action, fields))
}

func (s *site) failed(rule tandem.Rule) bool {
	for _, e := range s.audit.Of(tandem.AuditSignInFailed) {
		if strings.Contains(e.Facts, `"`+string(rule)+`"`) {
			return true
		}
	}
	return false
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db, true)
		for _, login := range []string{"anna", "bert", "cleo", "dora", "emil"} {
			s.user(login, tandem.InternalUser)
		}
		secret, codes := s.withApp("anna")

		t.Run("is asked for after the password, and told in the tokens", func(t *testing.T) {
			b := s.browser()
			page := b.signIn("anna", password)
			if page.StatusCode != http.StatusOK || len(b.Jar.Cookies(page.Request.URL)) == 0 {
				t.Fatalf("%d", page.StatusCode)
			}
			if _, q := b.get(authorizeURL("prompt", "none")).to(); q.Get("error") != "login_required" {
				t.Errorf("with the password alone: %v", q)
			}
			_, q := b.prove(page, s.shownCode(secret)).to()
			g, ok := s.codes.grant(q.Get("code"))
			if !ok || g.Authentication.ACR() != "2" || !slices.Equal(g.Authentication.Methods, []string{"pwd", "otp", "mfa"}) {
				t.Errorf("%v: %+v", q, g.Authentication)
			}
			e := s.audit.Of(tandem.AuditSignIn)
			if last := e[len(e)-1]; !strings.Contains(last.Facts, `"amr":"pwd otp mfa","acr":"2"`) {
				t.Errorf("on record: %s", last.Facts)
			}
		})
		t.Run("a code is good once, also at the same moment", func(t *testing.T) {
			s.clock.Advance(time.Minute)
			code := s.shownCode(secret)
			var in atomic.Int64
			var all sync.WaitGroup
			for range 8 {
				b := s.browser()
				page := b.signIn("anna", password)
				all.Go(func() {
					if _, q := b.prove(page, code).to(); q.Get("code") != "" {
						in.Add(1)
					}
				})
			}
			all.Wait()
			if in.Load() != 1 || !s.failed(tandem.RuleFactorUsed) {
				t.Errorf("one code let in %d", in.Load())
			}
			b := s.browser()
			if a := b.prove(b.signIn("anna", password), code); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("used again: %d", a.StatusCode)
			}
		})
		t.Run("a wrong one", func(t *testing.T) {
			s.clock.Advance(25 * time.Hour) // the throttle forgets
			b := s.browser()
			page := b.signIn("anna", password)
			for _, code := range []string{"000000", "12345", strings.Repeat("9", 40), "äöü"} {
				if a := b.prove(page, code); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, "not right") {
					t.Errorf("%q: %d", code, a.StatusCode)
				}
			}
			if a := b.prove(page, ""); a.StatusCode != http.StatusBadRequest || !s.failed(tandem.RuleFactor) {
				t.Errorf("none: %d", a.StatusCode)
			}
		})
		t.Run("a recovery code, once", func(t *testing.T) {
			s.clock.Advance(16 * time.Minute)
			b := s.browser()
			if _, q := b.prove(b.signIn("anna", password), strings.ToUpper(codes[3])).to(); q.Get("code") == "" {
				t.Errorf("refused: %v", q)
			}
			e := s.audit.Of(tandem.AuditSignIn)
			if last := e[len(e)-1]; !strings.Contains(last.Detail, "recovery code") {
				t.Errorf("on record: %s", last.Detail)
			}
			if a := b.get(factorsPath); !strings.Contains(a.body, "9 left") || !strings.Contains(a.body, "One was used on") {
				t.Errorf("the page does not tell: %s", a.body)
			}
			other := s.browser()
			if a := other.prove(other.signIn("anna", password), codes[3]); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("twice: %d", a.StatusCode)
			}
		})
		t.Run("C22: the pending sign-in is of one browser, one account version and ten minutes", func(t *testing.T) {
			s.clock.Advance(time.Minute)
			b, other := s.browser(), s.browser()
			page := b.signIn("anna", password)
			other.get("/id/account/signin")
			action, fields := page.form()
			fields.Set("code", s.shownCode(secret))
			if a := other.post(action, fields); a.StatusCode != http.StatusBadRequest {
				t.Errorf("in another browser: %d", a.StatusCode)
			}
			if a := b.post(action, fields, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); a.StatusCode != http.StatusForbidden {
				t.Errorf("from another site: %d", a.StatusCode)
			}
			if _, err := s.accounts.Update(t.Context(), by, "anna", func(u *tandem.User) { u.Name = "Anna" }); err != nil {
				t.Fatal(err)
			}
			if a := b.post(action, fields); a.StatusCode != http.StatusBadRequest {
				t.Errorf("a changed account: %d", a.StatusCode)
			}
			page = b.signIn("anna", password)
			s.clock.Advance(11 * time.Minute)
			if a := b.prove(page, s.shownCode(secret)); a.StatusCode != http.StatusBadRequest {
				t.Errorf("too late: %d", a.StatusCode)
			}
			if a := b.prove(b.signIn("anna", password), s.shownCode(secret)); a.StatusCode != http.StatusSeeOther {
				t.Errorf("a new one: %d", a.StatusCode)
			}
			page = b.signIn("anna", password, "prompt", "login")
			action, fields = page.form()
			fields.Set("cancel", "1")
			if _, q := b.post(action, fields).to(); q.Get("error") != "access_denied" {
				t.Errorf("cancelled: %v", q)
			}
		})
		t.Run("a sign-in is raised, and keeps its sid", func(t *testing.T) {
			b := s.browser()
			before := b.granted("bert")
			if _, q := b.get(authorizeURL("claims", `{"id_token":{"acr":{"essential":true,"value":"2"}}}`)).to(); q.Get("error") != "unmet_authentication_requirements" {
				t.Errorf("without a factor: %v", q)
			}
			if _, q := b.get(authorizeURL("acr_values", "2")).to(); q.Get("code") == "" {
				t.Errorf("without a factor, as wished: %v", q)
			}
			secret, _, _ := b.enrol(b.get(factorsPath + "?add=1"))
			s.clock.Advance(time.Minute)
			if _, q := b.get(authorizeURL("prompt", "none", "claims", `{"id_token":{"acr":{"essential":true,"value":"2"}}}`)).to(); q.Get("error") != "login_required" {
				t.Errorf("prompt=none: %v", q)
			}
			_, q := b.prove(b.follow(b.get(authorizeURL("acr_values", "2 1"))), s.shownCode(secret)).to()
			g, ok := s.codes.grant(q.Get("code"))
			if !ok || g.SignInID != before.SignInID || g.Authentication.ACR() != "2" || !g.AuthTime.Equal(before.AuthTime) {
				t.Errorf("%v: %+v, before %+v", q, g, before)
			}
			_, q = b.get(authorizeURL("claims", `{"id_token":{"acr":{"essential":true,"value":"1"}}}`)).to()
			if g, _ := s.codes.grant(q.Get("code")); g.Authentication.ACR() != "1" {
				t.Errorf("acr 1 is essential, and told is %s", g.Authentication.ACR())
			}
		})
		t.Run("is made at the next sign-in where it is demanded", func(t *testing.T) {
			if _, err := s.accounts.Update(t.Context(), by, "cleo", func(u *tandem.User) { u.SecondFactorRequired = true }); err != nil {
				t.Fatal(err)
			}
			b := s.browser()
			page := b.signIn("cleo", password)
			action, fields := page.form()
			fields.Set("code", "000000")
			if a := b.post(action, fields); a.StatusCode != http.StatusBadRequest || secretText.FindString(a.body) != secretText.FindString(page.body) {
				t.Errorf("a wrong first code: %d, and another secret", a.StatusCode)
			}
			_, codes, after := b.enrol(page)
			if len(codes) != signin.RecoveryCodes {
				t.Fatalf("%d recovery codes", len(codes))
			}
			action, fields = after.form()
			fields.Set("done", "1")
			_, q := b.follow(b.post(action, fields)).to()
			if g, ok := s.codes.grant(q.Get("code")); !ok || g.Authentication.ACR() != "2" {
				t.Errorf("%v: %+v", q, g.Authentication)
			}
			b2 := s.browser() // the form of before adds nothing beside the owner's
			if a := b2.signIn("cleo", password); !strings.Contains(a.body, "/second-factor") {
				t.Errorf("the second time: %s", a.body)
			}
			if _, err := s.accounts.Update(t.Context(), by, "svc", func(*tandem.User) {}); err == nil {
				t.Error("nobody is called svc")
			}
			s.user("svc", tandem.SystemUserNoLogin)
			if _, err := s.accounts.Update(t.Context(), by, "svc", func(u *tandem.User) { u.SecondFactorRequired = true }); tandem.ErrorCode(err) != tandem.CodeInvalid {
				t.Errorf("demanded of a System User: %v", err)
			}
		})
		t.Run("guessing is throttled, and locks nobody out who has signed in with the device", func(t *testing.T) {
			secret, _ := s.withApp("dora")
			owner := s.browser()
			owner.prove(owner.signIn("dora", password), s.shownCode(secret))
			s.clock.Advance(time.Minute)
			b := s.browser()
			page := b.signIn("dora", password)
			var waits bool
			for range 12 {
				if a := b.prove(page, "000000"); a.StatusCode == http.StatusTooManyRequests && a.Header.Get("Retry-After") != "" {
					waits = true
					break
				}
			}
			if !waits {
				t.Error("nobody waits")
			}
			stranger := s.browser()
			if a := stranger.prove(stranger.signIn("dora", password), "000000"); a.StatusCode != http.StatusTooManyRequests {
				t.Errorf("in another browser: %d", a.StatusCode)
			}
			if a := owner.prove(owner.signIn("dora", password, "prompt", "login"), s.shownCode(secret)); a.StatusCode != http.StatusSeeOther {
				t.Errorf("its owner: %d %s", a.StatusCode, a.body)
			}
		})
		t.Run("its page", func(t *testing.T) {
			s.withApp("emil")
			b := s.browser()
			if a := b.get(factorsPath); !strings.HasPrefix(a.Header.Get("Location"), "/id/account/signin") {
				t.Errorf("nobody is signed in: %d to %s", a.StatusCode, a.Header.Get("Location"))
			}
			if err := resetAll(s, "emil"); err != nil {
				t.Fatal(err)
			}
			b.granted("emil")
			secret, codes, _ := b.enrol(b.get(factorsPath + "?add=1"))
			page := b.get(factorsPath)
			_, fields := page.form()
			id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(page.body)[1]
			remove := url.Values{"csrf": {fields.Get("csrf")}, "do": {"remove"}, "id": {id}}
			if a := b.post(factorsPath, remove); !strings.HasPrefix(a.Header.Get("Location"), "/id/account/signin") {
				t.Errorf("removed without the factor: %d", a.StatusCode)
			}
			s.clock.Advance(time.Minute)
			asked := b.get(b.post(factorsPath, remove).Header.Get("Location"))
			resumed := b.prove(b.submit(asked, "emil", password), s.shownCode(secret))
			if to := resumed.Header.Get("Location"); to != "" {
				resumed = b.get(to)
			}
			if resumed.StatusCode != http.StatusOK || !strings.Contains(resumed.body, `value="`+id+`"`) || !strings.Contains(resumed.body, "Go on?") {
				t.Fatalf("after the proof the form is not there: %d %s", resumed.StatusCode, resumed.body)
			}
			other := s.browser()
			s.user("fred", tandem.InternalUser)
			other.granted("fred")
			if a := other.get(resumed.Request.URL.RequestURI()); strings.Contains(a.body, id) {
				t.Error("another person goes on with the form")
			}
			renewed := recoveryCodes(b.post(factorsPath, url.Values{"csrf": {fields.Get("csrf")}, "do": {"codes"}}))
			if len(renewed) != signin.RecoveryCodes || slices.Contains(renewed, codes[0]) {
				t.Errorf("new codes: %v", renewed)
			}
			old := s.browser()
			if a := old.prove(old.signIn("emil", password), codes[0]); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("an old recovery code: %d", a.StatusCode)
			}
			if a := b.post(factorsPath, remove, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); a.StatusCode != http.StatusForbidden {
				t.Errorf("from another site: %d", a.StatusCode)
			}
			if a := b.post(factorsPath, remove); a.StatusCode != http.StatusSeeOther {
				t.Errorf("remove: %d", a.StatusCode)
			}
			if all, left, err := s.accounts.SecondFactors(t.Context(), "emil"); err != nil || len(all) != 0 || left != 0 {
				t.Errorf("left: %v, %d, %v", all, left, err)
			}
		})
		t.Run("reset", func(t *testing.T) {
			b := s.browser()
			if err := resetAll(s, "anna"); err != nil {
				t.Fatal(err)
			}
			if g := b.granted("anna"); g.Authentication.ACR() != "1" {
				t.Errorf("%+v", g.Authentication)
			}
			e := s.audit.Of(tandem.AuditAdministration)
			if last := e[len(e)-1]; !strings.Contains(last.Detail, "removed the 1 second factors of user anna") || last.Actor != by.Login {
				t.Errorf("on record: %+v", last)
			}
		})
	})
}

func resetAll(s *site, login string) error {
	_, err := s.accounts.ResetFactors(s.t.Context(), by, login)
	return err
}

// told are the notices that people get.
type told struct {
	lock sync.Mutex
	all  []signin.Notice
}

func (t *told) Notify(_ context.Context, _ *tandem.User, n signin.Notice) error {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.all = append(t.all, n)
	return nil
}

func (t *told) Reset(context.Context, *tandem.User, string) error { return nil }

// Who has the password and guesses the second factor gets some hundred guesses in a week,
// and its owner is told of it, once a day; a device of the owner's waits seconds.
func TestC22_SecondFactorsAreNotGuessedUnheard(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	secret, _ := s.withApp("anna")
	notices := &told{}
	s.accounts.Notifier = notices
	owner := s.browser()
	owner.prove(owner.signIn("anna", password), s.shownCode(secret))
	guess := func(b *browser, page *shown) (looked bool, wait time.Duration) {
		a := b.prove(page, "000000")
		seconds, _ := strconv.Atoi(a.Header.Get("Retry-After"))
		return a.StatusCode == http.StatusUnauthorized, time.Duration(seconds) * time.Second
	}
	looked := 0
	thief := s.browser()
	for end := s.clock.Now().Add(7 * 24 * time.Hour); s.clock.Now().Before(end); {
		page := thief.signIn("anna", password)
		ok, wait := guess(thief, page)
		if ok {
			looked++
		}
		if wait > 15*time.Minute {
			t.Fatalf("a wait of %v", wait)
		}
		s.clock.Advance(wait)
	}
	if most := 20 + 7*24*4 + 1; looked > most || looked < 100 {
		t.Errorf("%d guesses in a week, want at most %d", looked, most)
	}
	if n := len(notices.all); n < 5 || n > 8 || slices.ContainsFunc(notices.all, func(n signin.Notice) bool { return n != signin.FactorsWrong }) {
		t.Errorf("told: %v", notices.all)
	}
	page := owner.signIn("anna", password, "prompt", "login")
	for range 14 {
		if _, wait := guess(owner, page); wait > 15*time.Second {
			t.Fatalf("the owner's device waits %v", wait)
		}
	}
}
