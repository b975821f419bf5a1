package signin_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// unlike is what differs between two showings of the same form.
var unlike = regexp.MustCompile(`name="(csrf|request)" value="[^"]*"|value="[a-z.]*" autocomplete="username"`)

// Whatever the reason not to let somebody in, the answer is the same (C22).
func TestC22_NoReasonIsGivenAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	s.user("svc.portal", tandem.SystemUserNoLogin)
	s.user("gone", tandem.InternalUser)
	if _, err := s.accounts.Disable(t.Context(), by, "gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.accounts.Create(t.Context(), by, signin.NewUser{Login: "fresh", Type: tandem.InternalUser}); err != nil {
		t.Fatal(err)
	}
	var first string
	for _, try := range []struct{ name, login, password string }{
		{"wrong password", "anna", "not the password"},
		{"unknown login", "nobody", password},
		{"disabled, right password", "gone", password},
		{"system user", "svc.portal", password},
		{"no password set", "fresh", password},
		{"overlong password", "anna", strings.Repeat("x", 5000)},
		{"login of an application", portal, password},
		{"SQL", "anna' or '1'='1", password},
	} {
		a := s.browser().signIn(try.login, try.password)
		body := unlike.ReplaceAllString(a.body, "")
		if first == "" {
			first = body
		}
		if try.login != "anna' or '1'='1" && try.login != portal && body != first {
			t.Errorf("%s: the page differs:\n%s", try.name, a.body)
		}
		if a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, `role="alert"`) {
			t.Errorf("%s: %d", try.name, a.StatusCode)
		}
		if a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: 401 without a challenge", try.name)
		}
		if _, fields := a.form(); fields.Get("login") != try.login || fields.Get("password") != "" {
			t.Errorf("%s: the form came back with %q and password %q", try.name, fields.Get("login"), fields.Get("password"))
		}
	}
	// Only the administrator learns why; a login that nobody has is not
	// repeated, because it may be a password in the wrong field (I13).
	why := map[string]string{}
	for _, e := range s.audit.Of(tandem.AuditSignInFailed) {
		why[e.Detail] = e.Actor
	}
	for detail, actor := range map[string]string{"wrong password": "anna", "unknown login": "", "the user is disabled": "gone"} {
		if got, ok := why[detail]; !ok || got != actor {
			t.Errorf("record of %q: %q, %v", detail, got, ok)
		}
	}
}

// An unknown login costs as much work as a wrong password (C22). The work is
// argon2id's, which is told by the memory it takes: that can be measured on a
// busy machine, as time cannot. Not parallel, because memory is counted for the
// whole process.
func TestC22_NoReasonIsGivenAwayByWork(t *testing.T) {
	const kib = 4096
	passwords := signin.NewPasswords(signin.PasswordParams{Memory: kib, Time: 2, Threads: 1}, 1)
	hash, err := passwords.Hash(t.Context(), nil, password)
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string][2]string{
		"wrong": {hash, "wrong password"}, "right": {hash, password}, "unknown": {"", password}, "overlong": {hash, strings.Repeat("x", 5000)},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := passwords.Verify(t.Context(), try[0], try[1]); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if got := (after.TotalAlloc - before.TotalAlloc) >> 10; got < kib || got > kib+kib/4 {
			t.Errorf("%s: %d KiB of work, want about %d", name, got, kib)
		}
	}
}

// Forms count only when this server gave them to this browser (C22).
func TestC22_FormsOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	fresh := func() (*browser, url.Values) {
		b := s.browser()
		_, f := b.follow(b.get(authorizeURL())).form()
		f.Set("login", "anna")
		f.Set("password", password)
		return b, f
	}
	refused := func(name string, a *shown, status int) {
		t.Helper()
		if a.StatusCode != status || len(a.Cookies()) > 1 || strings.Contains(strings.Join(a.Header.Values("Set-Cookie"), ""), "identity") {
			t.Errorf("%s: %d, cookies %v", name, a.StatusCode, a.Cookies())
		}
	}
	for name, header := range map[string][]string{
		"cross-site":            {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
		"sibling host":          {"Sec-Fetch-Site", "same-site", "Origin", "https://sub.example"},
		"old browser, Origin":   {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		"sandboxed frame":       {"Sec-Fetch-Site", "", "Origin", "null"},
		"cross-site, no Origin": {"Sec-Fetch-Site", "cross-site", "Origin", ""},
	} {
		b, f := fresh()
		refused(name, b.post("/id/account/signin", f, header...), http.StatusForbidden)
	}
	b, f := fresh()
	f.Del("csrf")
	refused("no token", b.post("/id/account/signin", f), http.StatusBadRequest)
	_, f = fresh()
	refused("another browser's token", b.post("/id/account/signin", f), http.StatusBadRequest)
	refused("no cookie at all", s.browser().post("/id/account/signin", f), http.StatusBadRequest)
	b, f = fresh()
	f.Set("csrf", f.Get("request"))
	refused("the request in place of the token", b.post("/id/account/signin", f), http.StatusBadRequest)
	b, f = fresh()
	f.Set("request", f.Get("csrf"))
	refused("the token in place of the request", b.post("/id/account/signin", f), http.StatusBadRequest)
	b, f = fresh()
	f.Add("login", "bert")
	refused("login twice", b.post("/id/account/signin", f), http.StatusBadRequest)
	b, f = fresh()
	refused("in the query", b.post("/id/account/signin?"+f.Encode(), url.Values{}), http.StatusBadRequest)
	b, f = fresh()
	refused("as JSON", b.post("/id/account/signin", f, "Content-Type", "application/json"), http.StatusUnsupportedMediaType)
	b, f = fresh()
	s.clock.Advance(13 * time.Hour)
	refused("thirteen hours later", b.post("/id/account/signin", f), http.StatusBadRequest)

	b, f = fresh()
	a := b.follow(b.post("/id/account/signin", f, "Sec-Fetch-Site", "", "Origin", "")) // a script, or a very old browser
	if _, q := a.to(); q.Get("code") == "" {
		t.Errorf("without either header: %d", a.StatusCode)
	}
}

// A form that went stale can simply be sent again.
func TestStaleFormKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	b := s.browser()
	action, f := b.follow(b.get(authorizeURL())).form()
	f.Set("csrf", "gone")
	f.Set("login", "anna")
	f.Set("password", password)
	f.Set("keep", "1")
	again := b.post(action, f)
	if _, fields := again.form(); fields.Get("login") != "anna" || !strings.Contains(again.body, "checked") {
		t.Errorf("not kept: %s", again.body)
	}
	if _, q := b.submit(again, "anna", password).to(); q.Get("code") == "" {
		t.Error("the second form did not work")
	}
}

func TestEveryPageIsKeptFromFramesCachesAndScripts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	b := s.browser()
	signinPage := b.follow(b.get(authorizeURL()))
	pages := map[string]*shown{
		"sign-in": signinPage, "wrong": b.submit(signinPage, "anna", "wrong wrong"), "error": b.get("/id/connect/authorize"), "signed out": b.get("/id/account/signout"),
	}
	b.granted("anna")
	pages["confirm"] = b.get("/id/account/signout")
	pages["form_post"] = b.get(authorizeURL("response_mode", "form_post"))
	for name, a := range pages {
		csp := a.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "style-src 'self'", "img-src 'self' data:", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: CSP %q lacks %s", name, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") != (name == "form_post") {
			t.Errorf("%s: CSP %q", name, csp)
		}
		for header, want := range map[string]string{"X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff"} {
			if got := a.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
		if regexp.MustCompile(`<script[^>]*>[^<]|style=|onload|onclick`).MatchString(a.body) {
			t.Errorf("%s: something inline", name)
		}
	}
	// The redirect that follows the form must not be stopped by the CSP.
	for uri, want := range map[string]string{
		"http://127.0.0.1:4711/callback": "form-action 'self' http://127.0.0.1:4711",
		"http://[::1]:4711/callback":     "form-action 'self' http:", // CSP has no IPv6 addresses
	} {
		s.apps.change(field, func(a *tandem.TrustedApp) { a.RedirectURIs = []string{uri} })
		fresh := s.browser()
		a := fresh.follow(fresh.get(authorizeURL("client_id", field, "redirect_uri", uri)))
		if csp := a.Header.Get("Content-Security-Policy"); !strings.HasSuffix(csp, want) {
			t.Errorf("%s: CSP %q", uri, csp)
		}
	}
	for _, asset := range regexp.MustCompile(`/id/account/assets/[^"]+`).FindAllString(signinPage.body, -1) {
		a := b.get(asset)
		if a.StatusCode != http.StatusOK || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") || a.body == "" {
			t.Errorf("%s: %d %v", asset, a.StatusCode, a.Header)
		}
	}
	if a := b.get("/id/account/assets/signin.css"); a.StatusCode != http.StatusNotFound {
		t.Errorf("an asset without its hash: %d", a.StatusCode)
	}
}

// Names that applications and people choose are text, never markup.
func TestPagesEscapeNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.apps.change(portal, func(a *tandem.TrustedApp) { a.Name = `<img src=x onerror=alert(1)>` })
	a := s.browser()
	page := a.follow(a.get(authorizeURL("login_hint", `"><script>alert(1)</script>`)))
	if strings.Contains(page.body, "<img src=x") || strings.Contains(page.body, "<script>") {
		t.Error(page.body)
	}
	form := a.get(authorizeURL("response_mode", "form_post", "prompt", "none", "state", `"><script>alert(1)</script>`))
	if strings.Contains(form.body, "<script>alert") {
		t.Error(form.body)
	}
}

// The cookie of the identity session (C22: planting and fixation).
func TestC22_SessionCookie(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)

	sessionOf := func(a *shown) *http.Cookie {
		for _, c := range a.Cookies() {
			if strings.HasPrefix(c.Name, "__Host-tandem_identity_") {
				return c
			}
		}
		return nil
	}
	signIn := func(b *browser, keep string, header ...string) *http.Cookie {
		t.Helper()
		action, f := b.follow(b.get(authorizeURL("prompt", "login"))).form()
		f.Set("login", "anna")
		f.Set("password", password)
		f.Set("keep", keep)
		c := sessionOf(b.post(action, f, header...))
		if c == nil {
			t.Fatal("no session cookie")
		}
		return c
	}
	b := s.browser()
	c := signIn(b, "")
	if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 {
		t.Errorf("cookie %v", c)
	}
	if keep := signIn(b, "1"); keep.MaxAge != 30*24*3600 || keep.Value == c.Value {
		t.Errorf("kept cookie %v", keep)
	}
	// The old value of the same sign-in is dead.
	old := s.browser()
	if a := old.get(authorizeURL("prompt", "none"), "Cookie", c.Name+"="+c.Value); !strings.Contains(a.Header.Get("Location"), "login_required") {
		t.Errorf("the cookie from before the renewal still works: %s", a.Header.Get("Location"))
	}
	// A value planted before the sign-in opens nothing after it.
	planted := strings.Repeat("A", 43)
	victim := s.browser()
	got := signIn(victim, "", "Cookie", c.Name+"="+planted)
	if got.Value == planted {
		t.Error("a planted value became the session")
	}
	for _, value := range []string{planted, "", "x", strings.Repeat("A", 10_000), "'; DROP TABLE sign_ins; --"} {
		if a := old.get(authorizeURL("prompt", "none"), "Cookie", c.Name+"="+value); !strings.Contains(a.Header.Get("Location"), "login_required") {
			t.Errorf("value %.20q: %s", value, a.Header.Get("Location"))
		}
	}
	// What the database holds is a hash (I13).
	var hash []byte
	if err := s.db.Reader().QueryRowContext(t.Context(), `SELECT cookie_hash FROM sign_ins LIMIT 1`).Scan(&hash); err != nil || len(hash) != 32 || strings.Contains(string(hash), c.Value) {
		t.Errorf("%x, %v", hash, err)
	}
}

func TestIdentitySessionLifetimes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	alive := func(b *browser) bool {
		_, q := b.get(authorizeURL("prompt", "none")).to()
		return q.Get("code") != ""
	}
	sliding, kept := s.browser(), s.browser()
	sliding.granted("anna")
	action, f := kept.follow(kept.get(authorizeURL())).form()
	f.Set("login", "anna")
	f.Set("password", password)
	f.Set("keep", "1")
	kept.post(action, f)

	for range 10 { // 90 hours, never idle for 10
		s.clock.Advance(9 * time.Hour)
		if !alive(sliding) {
			t.Fatal("ended although in use")
		}
	}
	s.clock.Advance(10*time.Hour - time.Second)
	if !alive(sliding) {
		t.Error("ended a second before 10 idle hours")
	}
	s.clock.Advance(10 * time.Hour)
	if alive(sliding) {
		t.Error("lives after 10 idle hours")
	}
	s.clock.Advance(30*24*time.Hour - 110*time.Hour - time.Second)
	if !alive(kept) {
		t.Error("kept sign-in ended before 30 days")
	}
	s.clock.Advance(2 * time.Second)
	if alive(kept) {
		t.Error("kept sign-in lives after 30 days")
	}
	if err := s.h.Purge(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPasswordCostsAreRenewedAtSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.user("anna", tandem.InternalUser)
	older, err := signin.NewPasswords(signin.PasswordParams{Memory: 16, Time: 2, Threads: 1}, 1).Hash(t.Context(), nil, password)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.users.Update(t.Context(), id, func(a signin.Account) (signin.Account, error) { a.PasswordHash = older; return a, nil })
	if err != nil {
		t.Fatal(err)
	}
	s.browser().granted("anna")
	if a, err := s.users.ByID(t.Context(), id); err != nil || !strings.HasPrefix(a.PasswordHash, "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Errorf("%q, %v", a.PasswordHash, err)
	}
	s.browser().granted("anna")
}

// Guessing from one address: ten free, then waits that double to 15 s. A
// restart or another replica changes nothing, the counters are in the
// database.
func TestC22_GuessingIsThrottled(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db, true)
		s.user("anna", tandem.InternalUser)
		replica := newSiteOn(t, db, true)
		replica.clock = s.clock
		replica.h.Clock = s.clock.Now
		sites := []*site{s, replica}
		for i := range 10 {
			if a := sites[i%2].browser().signIn("anna", "wrong wrong"); a.StatusCode != http.StatusUnauthorized {
				t.Fatalf("failure %d: %d", i+1, a.StatusCode)
			}
		}
		for _, wait := range []string{"1", "2", "4", "8", "15", "15", "15"} {
			for range 3 { // trying again early changes nothing
				a := sites[0].browser().signIn("anna", password)
				if a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") != wait || !strings.Contains(a.body, `role="alert"`) {
					t.Fatalf("want a wait of %s: %d, %s", wait, a.StatusCode, a.Header.Get("Retry-After"))
				}
			}
			d, _ := time.ParseDuration(wait + "s")
			s.clock.Advance(d)
			if a := sites[0].browser().signIn("anna", "wrong wrong"); a.StatusCode != http.StatusUnauthorized {
				t.Fatalf("after the wait: %d", a.StatusCode)
			}
		}
		s.clock.Advance(15 * time.Second)
		s.browser().granted("anna")
		if a := s.browser().signIn("anna", "wrong wrong"); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("success did not reset: %d", a.StatusCode)
		}
	})
}

// A thousand guesses at the same moment find the same ten chances.
func TestC22_GuessingInParallelGainsNothing(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db, true)
		s.user("anna", tandem.InternalUser)
		var looked atomic.Int64
		var wg sync.WaitGroup
		for range 60 {
			b := s.browser()
			page := b.follow(b.get(authorizeURL()))
			wg.Go(func() {
				switch a := b.submit(page, "anna", "wrong wrong"); a.StatusCode {
				case http.StatusUnauthorized:
					looked.Add(1)
				case http.StatusTooManyRequests:
				default:
					t.Errorf("status %d", a.StatusCode)
				}
			})
		}
		wg.Wait()
		if looked.Load() != 10 {
			t.Errorf("%d guesses were looked at", looked.Load())
		}
	})
}

// Who guesses at many accounts makes others at the same address slower, and
// keeps nobody out who knows the password: not with one browser that has never
// signed in, and not with the one of somebody whose account is guessed at.
func TestC22_OneAddressIsNotShutOut(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db, true)
		s.user("anna", tandem.InternalUser)
		s.user("paul", tandem.ExternalCommunityUser)
		known := s.browser()
		known.granted("anna")
		var wg sync.WaitGroup
		for i := range 8 {
			b := s.browser()
			page := b.follow(b.get(authorizeURL()))
			wg.Go(func() {
				for j := range 15 {
					login := fmt.Sprintf("user%d", 15*i+j)
					if i == 0 {
						login = "anna"
					}
					b.submit(page, login, "wrong wrong")
				}
			})
		}
		wg.Wait()
		s.browser().granted("paul")
		if a := s.browser().signIn("anna", password); a.StatusCode != http.StatusTooManyRequests {
			t.Errorf("anna with an unknown browser, after ten guesses from here: %d", a.StatusCode)
		}
		known.granted("anna", "prompt", "login")
		// The known browser has ten chances of its own, and no more.
		for i := range 11 {
			want := http.StatusUnauthorized
			if i == 10 {
				want = http.StatusTooManyRequests
			}
			if a := known.signIn("anna", "wrong wrong", "prompt", "login"); a.StatusCode != want {
				t.Fatalf("guess %d with the known browser: %d, want %d", i+1, a.StatusCode, want)
			}
		}
		// It is known for anna alone.
		if a := known.signIn("paul", "wrong wrong", "prompt", "login"); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("paul with anna's browser: %d", a.StatusCode)
		}
		known.granted("paul", "prompt", "login")
	})
}

// What is no text is refused before any database sees it.
func TestFormsThatAreNoText(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db, true)
		b := s.browser()
		action, fields := b.follow(b.get(authorizeURL())).form()
		for _, text := range []string{"anna\x00", "\x00", "\xea\xe0"} {
			for _, name := range []string{"login", "password", "other", text} {
				f := maps.Clone(fields)
				f.Set("login", "anna")
				f.Set("password", password)
				f.Set(name, text)
				if a := b.post(action, f); a.StatusCode != http.StatusBadRequest {
					t.Errorf("%s %q: %d", name, text, a.StatusCode)
				}
			}
		}
	})
}

// Two instances on one machine share the browser's jar, and not their cookies.
func TestInstancesOnOneHostKeepTheirSignIns(t *testing.T) {
	t.Parallel()
	one, two := newSite(t), newSite(t)
	b := one.browser()
	for _, s := range []*site{one, two} {
		s.user("anna", tandem.InternalUser)
		b.s = s
		b.granted("anna")
	}
	for _, s := range []*site{one, two} {
		b.s = s
		if _, q := b.get(authorizeURL("prompt", "none")).to(); q.Get("code") == "" {
			t.Errorf("%s: %v", s.URL, q)
		}
	}
}

// Who does not want to sign in goes back to the application, which is told so (RFC
// 6749 section 4.1.2.1); whatever was typed is not looked at.
func TestCancel(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user("anna", tandem.InternalUser)
	for name, change := range map[string][]string{"query": nil, "form_post": {"response_mode", "form_post"}} {
		b := s.browser()
		action, fields := b.follow(b.get(authorizeURL(change...))).form()
		fields.Set("cancel", "1")
		fields.Set("login", "anna")
		fields.Set("password", password)
		a := b.post(action, fields)
		_, got := a.to()
		if change != nil {
			_, got = a.form()
		}
		if got.Get("error") != "access_denied" || got.Get("state") != "st4te &=?#" || got.Get("iss") != s.URL+"/id" || got.Get("code") != "" {
			t.Errorf("%s: %d %v", name, a.StatusCode, got)
		}
		if page := b.follow(b.get(authorizeURL())); !strings.Contains(page.body, `name="password"`) {
			t.Errorf("%s: signed in", name)
		}
	}
	if n := len(s.audit.Of(tandem.AuditSignIn)) + len(s.audit.Of(tandem.AuditSignInFailed)); n != 0 {
		t.Errorf("%d sign-ins are on record", n)
	}
	// Who came by themselves has nowhere to go back to, and no such button.
	if page := s.browser().get("/id/account/signin"); strings.Contains(page.body, "Cancel") {
		t.Error("a button without a request")
	}
}
