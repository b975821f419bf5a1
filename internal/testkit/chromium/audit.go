package chromium

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem/internal/testkit"
)

// audit runs axe-core over the page that is open, and tells what is wrong by rule
// and element; rules are all or those that a small, dark screen changes.
const audit = `(async rules => {
	const found = await axe.run(document, { resultTypes: ["violations"], ...(rules && { runOnly: rules }) });
	return found.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 140)).join(" | ")).join("\n");
})`

// SmallAndDark are the rules of axe-core whose answer a smaller screen and other colours may
// change: the others say of the same elements what they have said.
const SmallAndDark = `["color-contrast", "scrollable-region-focusable", "empty-table-header", "meta-viewport"]`

// Auditor looks at pages as axe-core does.
type Auditor struct{ axe string }

// NewAuditor reads axe-core from a folder of Node's packages, and skips the test where it is
// not installed.
func NewAuditor(t testing.TB, modules string) *Auditor {
	t.Helper()
	axe, err := os.ReadFile(filepath.Join(modules, "axe-core", "axe.min.js"))
	if err != nil {
		t.Skip("the pages are not audited: run make test, which installs axe-core")
	}
	return &Auditor{string(axe)}
}

// Look audits the page that is open, on a wide screen and on a phone in the dark.
func (a *Auditor) Look(t testing.TB, ctx context.Context, name string) {
	t.Helper()
	ctx, late := context.WithTimeout(ctx, testkit.Patience)
	defer late()
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](a.axe+";undefined")); err != nil {
		t.Fatal(err)
	}
	for _, screen := range []struct {
		name, rules, colours string
		width                int64
	}{{"wide", "", "light", 1280}, {"phone, dark", SmallAndDark, "dark", 360}} {
		size := chromedp.EmulateViewport(screen.width, 900)
		if screen.width < 1000 {
			size = chromedp.EmulateViewport(screen.width, 740, chromedp.EmulateMobile)
		}
		if err := chromedp.Do(ctx, size, Scheme(screen.colours)); err != nil {
			t.Fatal(err)
		}
		wrong, err := chromedp.Run(ctx, chromedp.Evaluate[string](audit+"("+screen.rules+")", chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if wrong != "" {
			t.Errorf("%s, %s:\n%s", name, screen.name, wrong)
		}
		Keep(t, ctx, name+" "+screen.name)
	}
}

// Scripts lets the scripts of pages that are opened from now on run, or not.
func Scripts(on bool) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		return chromedp.Void{}, err
	}
}

// Scheme makes the browser one of a person who prefers light or dark pages.
func Scheme(name string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return chromedp.Void{}, err
	}
}

// Keep writes a picture of the page into the folder TANDEM_TEST_PICTURES, for who
// wants to look at the pages.
func Keep(t testing.TB, ctx context.Context, name string) {
	t.Helper()
	folder := os.Getenv("TANDEM_TEST_PICTURES")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		name = strings.NewReplacer("/", "_", "?", "_", "&", "_", " ", "_", ",", "").Replace(name)
		err = os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}
