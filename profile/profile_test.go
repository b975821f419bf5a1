package profile_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestProfile goes through the profile site on the wired server, as people and as those
// who would like to be them. The parts share an instance for each engine, and come one
// after another.
func TestProfile(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine})
			for _, part := range []struct {
				name string
				test func(t *testing.T, in *tandemtest.Instance)
			}{
				{"whoever is not signed in comes back after it", testSignIn},
				{"the language", testLanguage},
				{"devices end with what they hold", testDevices},
				{"others", testOthers},
				{"F30 no form of another site", testF30},
				{"I3 no token opens a page", testTokensOpenNothing},
				{"tokens", testTokens},
				{"who has signed in long ago proves it again and goes on", testStepUp},
				{"applications", testApps},
				{"activity", testActivity},
				{"me", testMe},
				{"the picture", testPicture},
			} {
				t.Run(part.name, func(t *testing.T) { part.test(t, in) })
			}
		})
	}
}

func open(t *testing.T, in *tandemtest.Instance, login, path string) (*tandemtest.Browser, *tandemtest.Page) {
	t.Helper()
	b := in.Browser()
	page := b.SignIn(in.URL+path, login, tandemtest.Password)
	if page.StatusCode != http.StatusOK || page.Request.URL.Path != path {
		t.Fatalf("%s came to %s: %d %s", login, page.Request.URL, page.StatusCode, page.Text)
	}
	return b, page
}

// send sends the page's form for a path, with fields put into it.
func send(t *testing.T, b *tandemtest.Browser, page *tandemtest.Page, path string, fields url.Values) *tandemtest.Page {
	t.Helper()
	form := formOf(t, page, path)
	for name, values := range fields {
		form[name] = values
	}
	return b.Post(page, path, form)
}

var hidden = regexp.MustCompile(`<input type="hidden" name="form" value="([^"]+)"`)

// formOf has the token of the page's first form for the path.
func formOf(t *testing.T, page *tandemtest.Page, path string) url.Values {
	t.Helper()
	_, rest, ok := strings.Cut(page.Text, `action="`+path+`"`)
	found := hidden.FindStringSubmatch(rest)
	if !ok || found == nil {
		t.Fatalf("no form for %s in %s", path, page.Text)
	}
	return url.Values{"form": {found[1]}}
}

func has(t *testing.T, page *tandemtest.Page, status int, texts ...string) {
	t.Helper()
	if page.StatusCode != status {
		t.Errorf("%s: %d, not %d: %s", page.Request.URL.Path, page.StatusCode, status, page.Text)
	}
	for _, text := range texts {
		if !strings.Contains(page.Text, text) {
			t.Errorf("%s says nothing of %q: %s", page.Request.URL.Path, text, page.Text)
		}
	}
}

func testSignIn(t *testing.T, in *tandemtest.Instance) {
	b, page := open(t, in, "anna", "/profile/")
	has(t, page, 200, "Anna Intern", "anna@example.com", "internal user", "/profile/security/tokens")
	for name, want := range map[string]string{"X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "same-origin"} {
		if page.Header.Get(name) != want {
			t.Errorf("%s: %q", name, page.Header.Get(name))
		}
	}
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "default-src 'none'") {
		t.Error(csp)
	}
	has(t, b.Get(in.URL+"/profile/nowhere"), 404, "There is no page")
	for _, address := range []string{
		"/profile/?a=1&b=%2F+%26", "/profile/security/sessions?a=1", "/profile/security/password?a=1", "/profile/security/second-factor?a=1", "/profile/security/second-factor?add=1",
		"/profile/security/second-factor?held=x%3D", "/profile/security/links?a=1", "/profile/security/tokens?after=x", "/profile/apps?a=1", "/profile/activity?before=1&q=%26",
		"/profile/resume?held=x", "/profile/nowhere?a=1",
	} {
		if page := in.Browser().SignIn(in.URL+address, "anna", tandemtest.Password); page.Request.URL.RequestURI() != address {
			t.Errorf("%s leads to %s", address, page.Request.URL)
		}
	}
	if page := in.Browser().SignIn(in.URL+"/profile?a=1", "anna", tandemtest.Password); page.Request.URL.RequestURI() != "/profile/?a=1" {
		t.Errorf("/profile?a=1 leads to %s", page.Request.URL)
	}
	_, outside := open(t, in, "paul", "/profile/")
	if strings.Contains(outside.Text, "/profile/security/tokens") {
		t.Error("a person of the outside is shown tokens")
	}
	has(t, outside, 200, "external user")
	// A sign-in leads to these sites and nowhere else.
	b2 := in.Browser()
	b2.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if away := b2.Get(in.URL + "/profile//evil.example/"); strings.Contains(away.Header.Get("Location"), "evil") {
		t.Error(away.Header)
	}
}

func testLanguage(t *testing.T, in *tandemtest.Instance) {
	b, page := open(t, in, "anna", "/profile/")
	bulgarian := send(t, b, page, "/profile/language", url.Values{"language": {"bg"}})
	has(t, bulgarian, 200, `<html lang="bg"`, "Езикът Ви беше променен", "Вашият профил")
	has(t, send(t, b, bulgarian, "/profile/language", url.Values{"language": {"tlh"}}), 400, "Изберете един от езиците")
	has(t, send(t, b, bulgarian, "/profile/language", url.Values{"language": {""}}), 200, `<html lang="en"`)
	if e := in.Record(tandem.AuditAdministration)[0]; e.Actor != "anna" || !strings.Contains(e.Facts, `"via":"profile"`) {
		t.Errorf("%+v", e)
	}
}

func testDevices(t *testing.T, in *tandemtest.Instance) {
	far := in.SignIn("anna")
	b, page := open(t, in, "anna", "/profile/security/sessions")
	has(t, page, 200, "this device", "on Linux", "Sign out all others", "none")
	sids := regexp.MustCompile(`data-sid="([^"]+)"`).FindAllStringSubmatch(page.Text, -1)
	if len(sids) < 2 {
		t.Fatalf("%d devices: %s", len(sids), page.Text)
	}
	// Of the devices it is the one that has reached the portal.
	var sid string
	for _, s := range sids {
		card, _, _ := strings.Cut(page.Text[strings.Index(page.Text, s[0]):], "</section>")
		if strings.Contains(card, tandemtest.Portal) || strings.Contains(card, "Portal") {
			sid = s[1]
		}
	}
	if status := userinfo(t, in, far.Access); status != 200 {
		t.Fatalf("before: %d", status)
	}
	if sid == "" {
		t.Fatalf("no device has reached the portal: %s", page.Text)
	}
	has(t, send(t, b, page, "/profile/security/sessions/end", url.Values{"id": {sid}}), 200, "The device was signed out")
	in.Refresh()
	if status := userinfo(t, in, far.Access); status != 401 {
		t.Errorf("its access token: %d", status)
	}
	if status, text := in.TokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {far.Refresh},
		"client_id": {tandemtest.Portal}, "client_secret": {in.UserSecret}}); status != 400 {
		t.Errorf("its refresh token: %d %s", status, text)
	}
	// Twice, and somebody else's, is not found.
	has(t, send(t, b, page, "/profile/security/sessions/end", url.Values{"id": {sid}}), 404)
	admin, page2 := open(t, in, "admin", "/profile/security/sessions")
	theirs := regexp.MustCompile(`data-sid="([^"]+)"`).FindStringSubmatch(page2.Text)[1]
	has(t, send(t, b, page, "/profile/security/sessions/end", url.Values{"id": {theirs}}), 404)
	has(t, admin.Get(in.URL+"/profile/security/sessions"), 200)

	other, _ := open(t, in, "anna", "/profile/")
	page = b.Get(in.URL + "/profile/security/sessions")
	has(t, send(t, b, page, "/profile/security/sessions/end-others", nil), 200, "Other devices signed out")
	if out := other.Get(in.URL + "/profile/"); out.Request.URL.Path != "/id/account/signin" {
		t.Errorf("the other device is at %s", out.Request.URL)
	}
	has(t, b.Get(in.URL+"/profile/"), 200)

	// A sign-in that is idle, whose application goes on, is a device like others.
	idle := in.SignIn("anna")
	in.Advance(token.SignInIdle + 2*time.Hour)
	idle = in.RefreshTokens(idle.Refresh)
	b, page = open(t, in, "anna", "/profile/security/sessions")
	has(t, page, 200, "not used lately")
	has(t, send(t, b, page, "/profile/security/sessions/end-others", nil), 200, "Other devices signed out: ")
	in.Refresh()
	if status := userinfo(t, in, idle.Access); status != 401 {
		t.Errorf("the access token of an idle sign-in: %d", status)
	}
	if status, text := in.TokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {idle.Refresh},
		"client_id": {tandemtest.Portal}, "client_secret": {in.UserSecret}}); status != 400 {
		t.Errorf("the refresh token of an idle sign-in: %d %s (D23)", status, text)
	}
	if page = b.Get(in.URL + "/profile/security/sessions"); strings.Contains(page.Text, "not used lately") {
		t.Errorf("it is still there: %s", page.Text)
	}
}

func userinfo(t *testing.T, in *tandemtest.Instance, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", in.URL+"/id/connect/userinfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// testOthers are forms that somebody else made, or made the browser send.
func testOthers(t *testing.T, in *tandemtest.Instance) {
	b, page := open(t, in, "anna", "/profile/")
	_, admins := open(t, in, "admin", "/profile/")
	right := formOf(t, page, "/profile/language")
	right.Set("language", "de")
	for name, form := range map[string]url.Values{
		"no token":             {"language": {"de"}},
		"an invention":         {"language": {"de"}, "form": {"AAAA"}},
		"another person's":     {"language": {"de"}, "form": formOf(t, admins, "/profile/language")["form"]},
		"that of another form": {"language": {"de"}, "form": formOf(t, b.Get(in.URL+"/profile/security/sessions"), "/profile/security/sessions/end-others")["form"]},
	} {
		if got := b.Post(page, "/profile/language", form); got.StatusCode != 400 {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
	evil := *page
	evil.Response = &http.Response{Request: page.Request.Clone(t.Context())}
	evil.Response.Request.URL = &url.URL{Scheme: "http", Host: "evil.example"}
	if got := b.Post(&evil, in.URL+"/profile/language", right); got.StatusCode != 403 {
		t.Errorf("of another site: %d", got.StatusCode)
	}
	in.Advance(12*time.Hour + time.Minute) // the form is too old, and so is the sign-in
	if got := b.Post(page, "/profile/language", right); got.StatusCode == 200 && strings.Contains(got.Text, `lang="de"`) {
		t.Errorf("too old: %d %s", got.StatusCode, got.Text)
	}
}

// testTokensOpenNothing: a page is for whoever has signed in with the browser.
func testTokensOpenNothing(t *testing.T, in *tandemtest.Instance) {
	for name, token := range map[string]string{"user": in.SignIn("anna").Access, "service": in.ServiceToken()} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", in.URL+"/profile/security/tokens", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusSeeOther || !strings.Contains(res.Header.Get("Location"), "/id/account/signin") {
			t.Errorf("with a %s token: %d %v", name, res.StatusCode, res.Header)
		}
	}
}

var tokenText = regexp.MustCompile(`enrt_[0-9A-F]{64}`)

func testTokens(t *testing.T, in *tandemtest.Instance) {
	const path = "/profile/security/tokens"
	paul, home := open(t, in, "paul", "/profile/")
	has(t, paul.Get(in.URL+path), 403, "not for accounts like yours")
	if got := paul.Post(home, path, url.Values{"form": {"x"}}); got.StatusCode != 400 {
		t.Errorf("a form of the outside: %d", got.StatusCode)
	}
	in.SetAccessTokens(tandem.AccessTokensNone)
	b, page := open(t, in, "anna", path)
	has(t, page, 200, "No application admits tokens of yours")
	in.SetAccessTokens(tandem.AccessTokensAdministratorsOnly)
	has(t, b.Get(in.URL+path), 200, "No application admits tokens of yours")
	in.SetAccessTokens(tandem.AccessTokensAuthenticatedUsers)
	page = b.Get(in.URL + path)
	has(t, page, 200, "Make a token")

	want := url.Values{"name": {"a script"}, "application": {tandemtest.Portal}, "scope": {"read"}, "days": {"30"}}
	for name, change := range map[string]url.Values{
		"no purpose": {"name": {" "}}, "no scope": {"scope": nil}, "too much": {"scope": {"read", "sec"}}, "for ever": {"days": {"4000"}}, "elsewhere": {"application": {tandemtest.Field}},
	} {
		fields := url.Values{}
		for k, v := range want {
			fields[k] = v
		}
		for k, v := range change {
			fields[k] = v
		}
		if got := send(t, b, page, path, fields); got.StatusCode != 400 || tokenText.MatchString(got.Text) || !strings.Contains(got.Text, `id="problem"`) {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
	form := formOf(t, page, path)
	for k, v := range want {
		form[k] = v
	}
	made := b.Post(page, path, form)
	text := tokenText.FindString(made.Text)
	if made.StatusCode != 200 || text == "" || made.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", made.StatusCode, made.Text)
	}
	has(t, b.Post(page, path, form), 409, "This was done already")
	if status := me(t, in, text); status != 200 {
		t.Errorf("the new token: %d", status)
	}
	list := b.Get(in.URL + path)
	has(t, list, 200, "a script", "active")
	if tokenText.MatchString(list.Text) {
		t.Error("the list shows the token")
	}
	id := regexp.MustCompile(`data-token="([^"]+)"`).FindStringSubmatch(list.Text)[1]
	admin, theirs := open(t, in, "admin", path)
	adminMade := send(t, admin, theirs, path, want)
	if tokenText.FindString(adminMade.Text) == "" {
		t.Fatal(adminMade.Text)
	}
	foreign := send(t, admin, admin.Get(in.URL+path), path+"/revoke", url.Values{"id": {id}})
	has(t, foreign, 404, "You have no such token")

	rolled := send(t, b, list, path+"/roll", url.Values{"id": {id}, "overlap": {"0"}})
	next := tokenText.FindString(rolled.Text)
	if next == "" || me(t, in, next) != 200 || me(t, in, text) != 401 {
		t.Errorf("rolled: %d %q, %d, %d", rolled.StatusCode, next, me(t, in, next), me(t, in, text))
	}
	list = b.Get(in.URL + path)
	id = regexp.MustCompile(`data-token="([^"]+)"`).FindStringSubmatch(list.Text)[1]
	has(t, send(t, b, list, path+"/revoke", url.Values{"id": {id}}), 200, "The token was revoked")
	if status := me(t, in, next); status != 401 {
		t.Errorf("a revoked token: %d", status)
	}
}

func me(t *testing.T, in *tandemtest.Instance, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", in.URL+"/profile/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// testStepUp makes a token eleven minutes after the sign-in: the form waits until its
// person has signed in again, and nobody else can go on with it.
func testStepUp(t *testing.T, in *tandemtest.Instance) {
	const path = "/profile/security/tokens"
	in.SetAccessTokens(tandem.AccessTokensAuthenticatedUsers)
	b, page := open(t, in, "anna", path)
	in.Advance(11 * time.Minute)
	asked := send(t, b, page, path, url.Values{"name": {"late"}, "application": {tandemtest.Portal}, "scope": {"read"}, "days": {"30"}})
	has(t, asked, 200, "Please prove once more that it is you", `value="anna"`)
	if tokenText.MatchString(asked.Text) {
		t.Fatal("it was made without a new sign-in")
	}
	if _, form, ok := asked.Form(url.Values{"login": {"anna"}}); !ok || form.Get("request") == "" {
		t.Fatal(asked.Text)
	}
	held := b.Submit(asked, url.Values{"login": {"anna"}, "password": {tandemtest.Password}})
	has(t, held, 200, "Go on?", `value="late"`)
	if stranger, _ := open(t, in, "admin", "/profile/"); true {
		has(t, stranger.Get(in.URL+held.Request.URL.RequestURI()), 400, "somebody else began it")
	}
	made := b.Submit(held, url.Values{"name": {"late"}})
	if !tokenText.MatchString(made.Text) {
		t.Errorf("%d %s", made.StatusCode, made.Text)
	}
	// A change can be made for eight hours, and is asked for afterwards.
	in.Advance(7 * time.Hour)
	page = b.Get(in.URL + "/profile/")
	has(t, send(t, b, page, "/profile/language", url.Values{"language": {""}}), 200, "Your language was changed")
	in.Advance(2 * time.Hour)
	page = b.Get(in.URL + "/profile/")
	has(t, send(t, b, page, "/profile/language", url.Values{"language": {""}}), 200, "Please prove once more")
	cancelled := b.Submit(send(t, b, page, "/profile/language", url.Values{"language": {""}}), url.Values{"cancel": {"1"}})
	if cancelled.Request.URL.Path != "/profile/" {
		t.Errorf("cancelled, and at %s", cancelled.Request.URL)
	}
}

func testActivity(t *testing.T, in *tandemtest.Instance) {
	b := in.Browser()
	page := b.Get(in.URL + "/profile/")
	for range 3 {
		page = b.Submit(page, url.Values{"login": {"anna"}, "password": {"wrong"}})
	}
	pat, _ := in.PAT("anna")
	sat, _ := in.SAT()
	page = b.Submit(page, url.Values{"login": {"anna"}, "password": {tandemtest.Password}})
	has(t, page, 200, "Was this you?", "after several sign-ins that failed", "It also revokes your access tokens")
	has(t, b.Get(in.URL+"/profile/security/password"), 200, "Access tokens of yours that another password does not end")
	has(t, send(t, b, page, "/profile/security/sessions/not-me", nil), 200, "Other devices signed out", "access tokens revoked")
	in.Refresh()
	for what, c := range map[string]struct {
		token string
		want  int
	}{"PAT": {pat, 401}, "SAT": {sat, 200}} {
		if status, text := in.API("GET", "GetVersion()", c.token, ""); status != c.want {
			t.Errorf("the %s after it was not me: %d %s", what, status, text)
		}
	}
	if page := b.Get(in.URL + "/profile/security/password"); strings.Contains(page.Text, `id="tokens"`) {
		t.Errorf("tokens go on: %s", page.Text)
	}
	has(t, b.Get(in.URL+"/profile/activity"), 200, "You signed in", "A sign-in failed", "127.0.0.1")
	has(t, b.Get(in.URL+"/profile/activity?before=x"), 200)
	admin, _ := open(t, in, "admin", "/profile/activity")
	if list := admin.Get(in.URL + "/profile/activity"); strings.Contains(list.Text, "A sign-in failed") {
		t.Error("somebody sees what another did")
	}
	// Nor does who gets the login of somebody who has gone.
	for _, gone := range []bool{true, false} {
		in.CreateUser(signin.NewUser{Login: "again", Type: tandem.InternalUser})
		again, _ := open(t, in, "again", "/profile/activity")
		list := again.Get(in.URL + "/profile/activity").Text
		if n := strings.Count(list, "You signed in"); n != 1 {
			t.Errorf("again sees %d sign-ins", n)
		}
		if !gone {
			break
		}
		in.Advance(time.Minute)
		if err := in.Platform.Accounts.Delete(t.Context(), tandemtest.By, "again"); err != nil {
			t.Fatal(err)
		}
		in.Advance(time.Minute)
	}
}

// posts are the paths of all forms.
var posts = []string{
	"/profile/language", "/profile/picture", "/profile/security/sessions/end", "/profile/security/sessions/end-others", "/profile/security/sessions/not-me",
	"/profile/security/tokens", "/profile/security/tokens/revoke", "/profile/security/tokens/roll", "/profile/apps/withdraw", "/profile/security/password",
	"/profile/security/links/prove", "/profile/security/links/end",
}

// testF30 sends a person's browser to every form from other sites.
func testF30(t *testing.T, in *tandemtest.Instance) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	mounted := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			mounted += strings.Count(string(text), `mux.Handle("POST `)
		}
	}
	if mounted != len(posts) {
		t.Errorf("%d forms are mounted, and %d tried: name the new ones in posts", mounted, len(posts))
	}
	b, page := open(t, in, "anna", "/profile/")
	right := formOf(t, page, "/profile/language").Get("form")
	for _, path := range posts {
		for name, header := range map[string][]string{
			"cross-site": {"Sec-Fetch-Site", "cross-site"}, "a sibling": {"Sec-Fetch-Site", "same-site"}, "an old browser": {"Origin", "https://evil.example"},
			"an opaque origin": {"Origin", "null"}, "an origin that begins alike": {"Origin", in.URL + ".evil.example"},
		} {
			for _, kind := range []string{"application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=b"} {
				req, err := http.NewRequestWithContext(t.Context(), "POST", in.URL+path, strings.NewReader("language=de&form="+right))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set(header[0], header[1])
				req.Header.Set("Content-Type", kind)
				res, err := b.Client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.StatusCode != 403 {
					t.Errorf("%s, %s, %s: %d", path, name, kind, res.StatusCode)
				}
			}
		}
	}
	has(t, b.Get(in.URL+"/profile/"), 200, `<html lang="en"`)
}
