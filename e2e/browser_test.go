package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
)

// artifacts is where screenshots go, to be looked at.
const artifacts = "../artifacts"

// actionWithin bounds each thing a person does.
const actionWithin = testkit.Patience

// browser is one person's browser: its own cookies, nobody else's.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// open starts a browser with a window of the size given.
func open(t *testing.T, width, height int, options ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	b := &browser{t: t, ctx: chromium.Open(t, append(options, chromedp.WindowSize(width, height))...)}
	t.Cleanup(func() {
		if t.Failed() {
			b.shot("failed-" + strings.NewReplacer("/", "-", " ", "-").Replace(t.Name()))
		}
	})
	return b
}

// step is one thing a person does.
type step = chromedp.Action[chromedp.Void]

// do runs steps, all of them within actionWithin.
func (b *browser) do(what string, steps ...step) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, actionWithin)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v\n%s shows:\n%s", what, err, b.address(), b.text())
	}
}

// visit opens a page.
func (b *browser) visit(url string) {
	b.t.Helper()
	b.do("visit "+url, chromedp.Navigate(url))
}

// leads runs steps that lead to another page, and waits for that page.
func (b *browser) leads(what string, steps ...step) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, actionWithin)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v\n%s shows:\n%s", what, err, b.address(), b.text())
	}
}

// press clicks the link or button with the words given and waits for the page
// that follows.
func (b *browser) press(words string) {
	b.t.Helper()
	button := chromedp.Search(`//button[normalize-space()="` + words + `"] | //a[normalize-space()="` + words + `"] | //input[@type="submit" and @value="` + words + `"]`)
	b.do("find "+words, chromedp.WaitVisible(button))
	b.leads("press "+words, chromedp.Click(button))
}

// typed fills a field of a form, in place of what it held.
func (b *browser) typed(field, text string) {
	b.t.Helper()
	input := chromedp.CSS(field)
	b.do("find "+field, chromedp.WaitVisible(input))
	ask[string](b, `document.querySelector(`+quoted(field)+`).value = ""`)
	b.do("type into "+field, chromedp.SendKeys(input, text))
}

// sees waits until the page shows the words, also across redirects.
func (b *browser) sees(words string) {
	b.t.Helper()
	b.until("the page shows "+words, `document.body.innerText.toLowerCase().includes(`+quoted(strings.ToLower(words))+`)`)
}

// until waits for a condition of the page. The page may be replaced meanwhile.
func (b *browser) until(what, condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, actionWithin)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		// An error means that the page has just gone.
		if holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`!!(document.body && (`+condition+`))`)); err == nil && holds {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.t.Fatalf("never: %s\n%s shows:\n%s", what, b.address(), b.text())
		}
	}
}

// seesNot fails when the page shows the words.
func (b *browser) seesNot(words string) {
	b.t.Helper()
	if text := b.text(); strings.Contains(text, words) {
		b.t.Errorf("the page shows %q:\n%s", words, text)
	}
}

func quoted(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`", "${", "\\${").Replace(s) + "`"
}

// ask evaluates an expression in the page; it may await.
func ask[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, actionWithin)
	defer cancel()
	answer, err := chromedp.Run(ctx, chromedp.Evaluate[T](`(async () => (`+expression+`))()`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Errorf("%s: %v", expression, err)
	}
	return answer
}

// text is what the page shows.
func (b *browser) text() string {
	b.t.Helper()
	return ask[string](b, `document.body ? document.body.innerText : ""`)
}

// address is the URL of the page.
func (b *browser) address() string {
	b.t.Helper()
	return ask[string](b, `document.location.href`)
}

// shot keeps a picture of the whole page.
func (b *browser) shot(name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, actionWithin)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Logf("no picture %s: %v", name, err)
		return
	}
	if err := os.MkdirAll(artifacts, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(artifacts, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// signIn goes to the web app and signs in on the identity server's page.
func (b *browser) signIn(s *system, login string) {
	b.t.Helper()
	b.visit(s.demo.Webapp + "/")
	b.press("Sign in")
	b.typed("input[name=login]", login)
	b.typed("input[name=password]", s.password(login))
	b.leads("submit", chromedp.Submit(chromedp.CSS("input[name=password]")))
	b.sees("Sign out")
}
