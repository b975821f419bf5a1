package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
	"github.com/hybridapps/tandem/tandemtest"
)

// Applications in a real browser, each at an origin of its own, with the
// libraries that most of them use: sign-in, calls across origins, renewal,
// revocation. The second finds the person signed in, the third binds all to a key.
func TestBrowserClients(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("node_modules/oidc-client-ts"); err != nil {
		t.Skip("oidc-client-ts and react-oidc-context are NOT TESTED: their packages are not installed; run npm ci in e2e/clients, or make test")
	}
	browser := chromium.Open(t)
	ctx, cancel := context.WithTimeout(browser, testkit.Patience)
	defer cancel()
	in := tandemtest.Start(t, tandemtest.Options{Demo: true})
	do := func(what string, steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	do("open the first", chromedp.Navigate(application(t, in, "browser-oidc-client-ts.mjs")))
	do("sign in", chromedp.WaitVisible(chromedp.CSS("#login")), chromedp.SendKeys(chromedp.CSS("#login"), "anna"),
		chromedp.SendKeys(chromedp.CSS("#password"), tandemtest.Password), chromedp.Submit(chromedp.CSS("#password")))
	result(t, ctx, map[string]any{
		"sub": "anna", "name": "Anna Intern", "scope": "openid profile offline_access read", "api": 200.0, "version": "4.0",
		"renewed": 200.0, "revoked": "invalid_grant", "authorize": "closed",
	})

	do("open the second", chromedp.Navigate(application(t, in, "browser-react-oidc-context.mjs")))
	do("press its button", chromedp.WaitVisible(chromedp.CSS("#sign-in")), chromedp.Click(chromedp.CSS("#sign-in")))
	result(t, ctx, map[string]any{"sub": "anna", "scope": "openid profile read", "api": 200.0})

	in.UpdateApp(tandemtest.Field, func(a *tandem.TrustedApp) { a.BoundTokensOnly = true })
	do("open the third", chromedp.Navigate(application(t, in, "browser-oidc-client-ts-dpop.mjs")))
	result(t, ctx, map[string]any{
		"sub": "anna", "type": "DPoP", "scope": "openid profile offline_access read", "key": true, "exported": "closed", "name": "Anna Intern", "api": 200.0,
		"bearer": 401.0, "renewed": 200.0, "sameKey": true, "nonce": true, "stolen": "invalid_request", "removed": true,
	})
}

// application serves a script with its libraries, on a page of an origin of its
// own, and returns the origin.
func application(t *testing.T, in *tandemtest.Instance, script string) string {
	t.Helper()
	bundle := filepath.Join(t.TempDir(), script)
	out, err := exec.CommandContext(t.Context(), "node_modules/.bin/esbuild", script, "--bundle", "--format=esm",
		`--define:process.env.NODE_ENV="production"`, "--outfile="+bundle).CombinedOutput()
	if err != nil {
		t.Fatalf("esbuild: %v\n%s", err, out)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /app.mjs", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		http.ServeFile(w, r, bundle)
	})
	return page(t, mux, map[string]string{"issuer": in.Issuer, "odata": in.OData, "clientId": tandemtest.Field}, "")
}

// page serves a page that has the task, and runs /app.mjs after the scripts that
// are said, and returns the origin.
func page(t *testing.T, mux *http.ServeMux, task map[string]string, scripts string) string {
	t.Helper()
	text, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><title>application</title><body><script>task = %s</script>%s`+
			`<script type="module" src="/app.mjs"></script>`, text, scripts)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// result waits for what the page's script writes down at its end.
func result(t *testing.T, ctx context.Context, want map[string]any) {
	t.Helper()
	var shown string
	testkit.Eventually(t, "the page has a result", func() bool {
		var err error // the page has just gone
		shown, err = chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("#result")?.textContent ?? ""`))
		return err == nil && shown != ""
	})
	var got map[string]any
	if err := json.Unmarshal([]byte(shown), &got); err != nil {
		t.Fatalf("%v in %s", err, shown)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
