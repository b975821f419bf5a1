// Package chromium opens a real browser for the tests of what only a browser
// can prove.
package chromium

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem/internal/testkit"
)

// Open starts a browser without a window, with a profile of its own that is
// gone after the test, and skips the test where there is none. The context runs
// chromedp's actions; bound them, with [testkit.Patience] for instance.
func Open(t testing.TB, options ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	file, ok := find()
	if !ok {
		t.Skip("the browser is not tested: install Chromium (Debian: chromium), or run make test")
	}
	all := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(file), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(testkit.Patience),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.DisableGPU,
	}
	// It calls nobody but the test, and needs no shared memory of a size.
	for _, flag := range []string{
		"disable-background-networking", "disable-breakpad", "disable-component-update", "disable-dev-shm-usage",
		"disable-extensions", "disable-quic", "disable-sync", "hide-scrollbars",
	} {
		all = append(all, chromedp.Flag(flag, true))
	}
	if os.Geteuid() == 0 {
		all = append(all, chromedp.NoSandbox)
	}
	// Not the test's own context, which ends before the cleanups run: they may
	// want a picture of the page.
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), append(all, options...)...)
	t.Cleanup(cancelAllocator)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // starts it, under the context that lives as long as the test
		t.Fatal(err)
	}
	return ctx
}

// find is where the browser is.
func find() (file string, ok bool) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if file, err := exec.LookPath(name); err == nil {
			return file, true
		}
	}
	return "", false
}
