package profile_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
	"github.com/hybridapps/tandem/oauth"
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

// TestPagesAreAccessible looks at the pages of the sign-in and of the profile as axe-core
// does, in each language: on a wide screen, and on a phone in the dark.
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile("../e2e/clients/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Skip("the pages are not audited: run make test, which installs axe-core")
	}
	ctx := chromium.Open(t)
	in := tandemtest.Start(t, tandemtest.Options{})
	in.SetAccessTokens(tandem.AccessTokensAuthenticatedUsers)
	in.PAT("anna", "read")
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		ctx, late := context.WithTimeout(ctx, testkit.Patience)
		defer late()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatal(err)
		}
	}
	look := func(name string) {
		t.Helper()
		do(chromedp.Evaluate[chromedp.Void](string(axe) + ";undefined"))
		for _, screen := range []struct {
			name, rules string
			adjust      []chromedp.Action[chromedp.Void]
		}{
			{"wide", "", []chromedp.Action[chromedp.Void]{chromedp.EmulateViewport(1280, 900), chromium.Scheme("light")}},
			{"phone dark", chromium.SmallAndDark, []chromedp.Action[chromedp.Void]{chromedp.EmulateViewport(320, 640, chromedp.EmulateMobile), chromium.Scheme("dark")}},
		} {
			do(screen.adjust...)
			ctx, late := context.WithTimeout(ctx, testkit.Patience)
			wrong, err := chromedp.Run(ctx, chromedp.Evaluate[string](audited+"("+screen.rules+")", chromedp.EvalAwaitPromise))
			if err == nil && wrong == "" {
				wrong, err = chromedp.Run(ctx, chromedp.Evaluate[string](reached))
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if wrong != "" {
				t.Errorf("%s, %s:\n%s", name, screen.name, wrong)
			}
			chromium.Keep(t, ctx, name+" "+screen.name)
			late()
		}
	}
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
