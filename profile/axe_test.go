package profile_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/site/words"
	"github.com/hybridapps/tandem/tandemtest"
)

// audited runs axe-core over the page that is open, and tells what is wrong by rule and
// element, and whether the page is wider than the screen. With rules it runs these alone.
const audited = `(async rules => {
	const found = await axe.run(document, { resultTypes: ["violations"], ...(rules && { runOnly: rules }) });
	const wrong = found.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 140)).join(" | "));
	const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
	if (wide > 1) wrong.push("sideways: " + wide + " pixels");
	return wrong.join("\n");
})`

// reached goes through the page as the tabulator key does, and tells what it does not
// come to: everything that can be pressed or filled can be reached.
const reached = `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")]
	.filter(e => e.tabIndex < 0 || e.disabled || getComputedStyle(e).visibility === "hidden").map(e => e.outerHTML.slice(0, 100)).join("\n")`

// pages is a browser with axe-core. seen are the pages of the sign-in that it has looked at.
type pages struct {
	t    *testing.T
	ctx  context.Context
	axe  string
	seen *sync.Map
}

func newPages(t *testing.T, seen *sync.Map) *pages {
	t.Helper()
	axe, err := os.ReadFile("../e2e/clients/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Skip("the pages are not audited: run make test, which installs axe-core")
	}
	return &pages{t, chromium.Open(t), string(axe), seen}
}

func (p *pages) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
	defer late()
	if err := chromedp.Do(ctx, steps...); err != nil {
		chromium.Keep(p.t, p.ctx, "failed")
		p.t.Fatal(err)
	}
}

// leads does what leads to another page, and waits for what is on it.
func (p *pages) leads(to string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
	defer late()
	if _, err := chromedp.RunResponse(ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
	p.do(chromedp.WaitVisible(chromedp.CSS(to)))
}

// look audits the page that is open, on a wide screen and on a phone in the dark.
func (p *pages) look(name string) {
	p.t.Helper()
	page, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.body.dataset.page || ""`))
	if err != nil {
		p.t.Fatal(err)
	}
	p.seen.Store(page, true)
	p.do(chromedp.Evaluate[chromedp.Void](p.axe + ";undefined"))
	for _, screen := range []struct {
		name, rules string
		adjust      []chromedp.Action[chromedp.Void]
	}{
		{"wide", "", []chromedp.Action[chromedp.Void]{chromedp.EmulateViewport(1280, 900), chromium.Scheme("light")}},
		{"phone dark", chromium.SmallAndDark, []chromedp.Action[chromedp.Void]{chromedp.EmulateViewport(320, 640, chromedp.EmulateMobile), chromium.Scheme("dark")}},
	} {
		p.do(screen.adjust...)
		ctx, late := context.WithTimeout(p.ctx, testkit.Patience)
		wrong, err := chromedp.Run(ctx, chromedp.Evaluate[string](audited+"("+screen.rules+")", chromedp.EvalAwaitPromise))
		if err == nil && wrong == "" {
			wrong, err = chromedp.Run(ctx, chromedp.Evaluate[string](reached))
		}
		if err != nil {
			p.t.Fatalf("%s: %v", name, err)
		}
		if wrong != "" {
			p.t.Errorf("%s, %s:\n%s", name, screen.name, wrong)
		}
		chromium.Keep(p.t, ctx, name+" "+screen.name)
		late()
	}
}

// lookIn is look at a page that has to be in the language.
func (p *pages) lookIn(tag, name string) {
	p.t.Helper()
	is, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.documentElement.lang`))
	if err != nil || is != tag {
		p.t.Errorf("%s is in %q, not %q: %v", name, is, tag, err)
	}
	p.look(name + " " + tag)
}

// TestPagesAreAccessible looks at the pages of the sign-in and of the profile as axe-core
// does, in each language: on a wide screen, and on a phone in the dark. No page of the
// sign-in is left out.
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	t.Run("all", func(t *testing.T) {
		t.Run("sign-in and profile", func(t *testing.T) { testPages(t, &seen) })
		t.Run("factors and passwords", func(t *testing.T) { testPagesOfFactorsAndPasswords(t, &seen) })
	})
	templates, err := filepath.Glob("../identity/signin/templates/*.html")
	if err != nil || len(templates) == 0 {
		t.Fatal(err)
	}
	if _, any := seen.Load("signin"); !any {
		t.Skip("the pages were not audited")
	}
	for _, file := range templates {
		page := strings.TrimSuffix(filepath.Base(file), ".html")
		if _, ok := seen.Load(page); !ok && page != "layout" {
			t.Errorf("nobody has looked at %s", page)
		}
	}
}

func testPages(t *testing.T, seen *sync.Map) {
	t.Parallel()
	p := newPages(t, seen)
	do, look := p.do, p.look
	in := tandemtest.Start(t, tandemtest.Options{})
	in.SetAccessTokens(tandem.AccessTokensAuthenticatedUsers)
	in.PAT("anna", "read")
	for _, tag := range words.Tags() {
		asked := "ui_locales=" + tag
		for _, path := range []string{"/id/account/signin?", "/id?", "/id/connect/authorize?client_id=x&", "/id/connect/endsession?post_logout_redirect_uri=x&"} {
			do(chromedp.Navigate(in.URL + path + asked))
			look(path + asked)
		}
		do(chromedp.Navigate(in.URL+"/id/account/signin?"+asked), chromedp.SendKeys(chromedp.CSS("#login"), "anna"),
			chromedp.SendKeys(chromedp.CSS("#password"), "wrong"), chromedp.Click(chromedp.CSS("button")), chromedp.WaitVisible(chromedp.CSS("#problem")))
		look("wrong password " + tag)
		do(chromedp.Navigate(in.URL+"/profile/"), chromedp.SendKeys(chromedp.CSS("#login"), "anna"),
			chromedp.SendKeys(chromedp.CSS("#password"), tandemtest.Password), chromedp.Click(chromedp.CSS("button")), chromedp.WaitVisible(chromedp.CSS("#language")))
		for _, path := range []string{"/profile/", "/profile/security/sessions", "/profile/security/tokens", "/profile/security/password", "/profile/security/second-factor", "/profile/security/links", "/profile/apps", "/profile/activity", "/profile/nowhere", "/id/account/signout", "/id/account/reset?link=none", "/id/device", "/id"} {
			do(chromedp.Navigate(in.URL + path + "?" + asked))
			look(path + " " + tag)
		}
		do(chromedp.Navigate(in.URL + "/id/connect/authorize?" + asked + "&" + url.Values{
			"client_id": {tandemtest.Portal}, "redirect_uri": {tandemtest.RedirectURI}, "response_type": {"code"}, "prompt": {"consent"},
			"scope": {"openid profile offline_access read update"},
		}.Encode()))
		look("consent " + tag)
		do(chromium.Scripts(false)) // which would send the page's form at once
		do(chromedp.Navigate(in.URL + "/id/connect/authorize?" + asked + "&" + url.Values{
			"client_id": {tandemtest.Portal}, "redirect_uri": {tandemtest.RedirectURI}, "response_type": {"code"}, "response_mode": {"form_post"}, "prompt": {"none"},
			"scope": {"openid profile offline_access read update"},
		}.Encode()))
		do(chromium.Scripts(true))
		look("on the way back by a form " + tag)
		for decision, button := range map[string]string{"yes": "button[name=allow]", "no": "button[name=deny]"} {
			do(chromedp.Navigate(in.URL + "/id/device?" + asked + "&user_code=" + deviceCode(t, in)))
			look("a device's code " + tag)
			do(chromedp.Click(chromedp.CSS(button)), chromedp.WaitNotPresent(chromedp.CSS(button)))
			look("a device is told " + decision + " " + tag)
		}
		do(chromedp.Navigate(in.URL + "/id/device?" + asked + "&user_code=WRNG-WRNG"))
		look("a device's code that is not right " + tag)
		do(chromedp.Navigate(in.URL+"/profile/security/tokens?"+asked), chromedp.SendKeys(chromedp.CSS("#name"), "a script"), chromedp.Click(chromedp.CSS("button.primary")),
			chromedp.WaitVisible(chromedp.CSS("#token")))
		look("a new token " + tag)
		do(chromedp.Navigate(in.URL+"/id/account/signout?"+asked), chromedp.Click(chromedp.CSS("button")), chromedp.WaitVisible(chromedp.CSS(".lead")))
		look("signed out " + tag)
	}
}

// testPagesOfFactorsAndPasswords looks in the same way at what people come to
// who have to make a second factor and to change their password, forgot it, or are sent to
// sign out by an application that does not prove whom it means.
func testPagesOfFactorsAndPasswords(t *testing.T, seen *sync.Map) {
	t.Parallel()
	p := newPages(t, seen)
	// Passkeys want a name, and mail is offered where a server of it is known: nothing is sent.
	in := tandemtest.Start(t, tandemtest.Options{Host: "localhost", Mail: platform.MailConfig{URL: "smtp://127.0.0.1:1", From: "tandem@example.com"}})
	p.do(chromium.Passkeys())
	for _, tag := range words.Tags() {
		login := "factors." + tag
		in.CreateUser(signin.NewUser{Login: login, Type: tandem.InternalUser, Locale: tag, MustChangePassword: true})
		if _, err := in.Platform.Accounts.Update(t.Context(), tandemtest.By, login, func(u *tandem.User) { u.SecondFactorRequired = true }); err != nil {
			t.Fatal(err)
		}
		const own = "three quiet otters"
		fill := func(id, text string) chromedp.Action[chromedp.Void] { return chromedp.SendKeys(chromedp.CSS(id), text) }
		press := func(selector string) chromedp.Action[chromedp.Void] { return chromedp.Click(chromedp.CSS(selector)) }

		p.do(chromium.Language(tag), chromedp.Navigate(in.URL+"/profile/security/second-factor"))
		p.leads("#again", fill("#login", login), fill("#password", tandemtest.Password+"\r"))
		p.lookIn(tag, "a change of password is demanded")
		p.leads("#problem", fill("#password", own), fill("#again", own+"s\r"))
		p.lookIn(tag, "two passwords that differ")
		p.leads("a.button", fill("#password", own), fill("#again", own+"\r"))
		p.lookIn(tag, "the password is changed")

		signIn := []chromedp.Action[chromedp.Void]{fill("#login", login), fill("#password", own+"\r")}
		p.leads("button[data-passkey=get]", press("a.button"))
		p.lookIn(tag, "signing in, also by a passkey")
		p.leads("button[data-passkey=create]", signIn...)
		p.lookIn(tag, "a factor is demanded")
		p.leads("#problem", fill("#code", "000000\r"))
		p.lookIn(tag, "a wrong first code")
		p.leads("#codes", press("button[data-passkey=create]"))
		p.lookIn(tag, "recovery codes")
		p.leads("section.factor", press("button[name=done]"))
		p.leads("#secret", press("a.button"))
		p.lookIn(tag, "another factor")
		p.leads("section.factor", fill("#code", p.appCode(in)+"\r"))
		p.lookIn(tag, "factors")

		in.Clock.Advance(11 * time.Minute)
		p.leads("button[data-passkey=get]", press("button[value=codes]"))
		p.lookIn(tag, "asked to prove once more")
		p.leads("#code", fill("#password", own+"\r"))
		p.leads("button[value=codes]", press("button[data-passkey=get]"))
		p.lookIn(tag, "going on with new recovery codes")

		p.do(chromedp.Navigate(in.URL + oauth.PathEndSession + "?" + url.Values{
			"client_id": {tandemtest.Portal}, "post_logout_redirect_uri": {tandemtest.PostLogoutRedirectURI}, "state": {"s"},
		}.Encode()))
		p.lookIn(tag, "asked to sign out without a hint")
		p.leads(`a[href^="`+tandemtest.PostLogoutRedirectURI+`"]`, press("button"))
		p.lookIn(tag, "signed out without a hint")

		p.leads("#login", press("a.button"))
		p.leads("button[data-passkey=get]", signIn...)
		p.lookIn(tag, "second factor")
		p.leads("#problem", fill("#code", "wrong\r"))
		p.lookIn(tag, "a wrong second factor")

		link, _, err := in.Platform.Accounts.NewReset(t.Context(), tandemtest.By, login, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		p.do(chromedp.Navigate(in.URL + link))
		p.lookIn(tag, "a link for a new password")
		p.leads("#problem", fill("#password", "password"), fill("#again", "password\r"))
		p.lookIn(tag, "a weak password")
		p.do(chromedp.Navigate(in.URL + "/id/account/forgot"))
		p.lookIn(tag, "forgotten")
		p.leads("a.button", fill("#login", "nobody\r"))
		p.lookIn(tag, "a mail is on its way")
	}
}

// appCode is what an authenticator app shows for the secret on the page.
func (p *pages) appCode(in *tandemtest.Instance) string {
	p.t.Helper()
	secret, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.getElementById("secret").textContent`))
	if err != nil {
		p.t.Fatal(err)
	}
	code, err := totp.GenerateCode(secret, in.Clock.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	return code
}

// deviceCode is the code that a device shows to the person (RFC 8628).
func deviceCode(t *testing.T, in *tandemtest.Instance) string {
	t.Helper()
	answer, err := http.PostForm(in.URL+oauth.PathDeviceAuthorization, url.Values{"client_id": {tandemtest.Field}, "scope": {"openid offline_access read"}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var codes oauth.DeviceResponse
	if err := json.NewDecoder(answer.Body).Decode(&codes); err != nil || codes.UserCode == "" {
		t.Fatalf("%d %v", answer.StatusCode, err)
	}
	return codes.UserCode
}
