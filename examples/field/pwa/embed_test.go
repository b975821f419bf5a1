package pwa_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/examples/field/pwa"
)

var config = pwa.Config{Issuer: "https://id.example.com/id", ClientID: "com.example/field", Resource: "https://field.example.com/field-api/"}

func get(t *testing.T, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	pwa.Handler(config).ServeHTTP(w, r)
	return w
}

// shell is what the service worker has: path → hash.
func shell(t *testing.T) map[string]string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^const SHELL = (.*)$`).FindStringSubmatch(get(t, "/sw.js").Body.String())
	if found == nil {
		t.Fatal("the service worker has no list")
	}
	var list map[string]string
	if err := json.Unmarshal([]byte(found[1]), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// Figure: the shell is at most 150 KiB, as it is sent, with the service worker's own files.
func TestTheShellIsSmallAndListedByHash(t *testing.T) {
	t.Parallel()
	list := shell(t)
	sent := 0
	for path, hash := range list {
		w := get(t, path, "Accept-Encoding", "gzip, br")
		sent += w.Body.Len()
		var body io.Reader = w.Body
		if w.Header().Get("Content-Encoding") == "gzip" {
			unpacked, err := gzip.NewReader(body)
			if err != nil {
				t.Fatal(err)
			}
			body = unpacked
		}
		content, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); w.Code != 200 || base64.StdEncoding.EncodeToString(sum[:]) != hash {
			t.Errorf("%s: %d, and its content has another hash than the list says", path, w.Code)
		}
		if w := get(t, path, "If-None-Match", `"`+hash+`"`); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
			t.Errorf("%s again: %d", path, w.Code)
		}
	}
	sent += get(t, "/sw-sync.js", "Accept-Encoding", "gzip").Body.Len()
	t.Logf("%d files, %.1f KiB", len(list), float64(sent)/1024)
	if sent > 150<<10 {
		t.Errorf("the shell is %d bytes", sent)
	}
	for _, path := range []string{"/", "/config.json", "/manifest.webmanifest", "/main.js", "/vendor/oidc-client.js", "/icon-512.png"} {
		if list[path] == "" {
			t.Errorf("%s is not in the shell", path)
		}
	}
}

// A module that another imports and the shell lacks would be missed only without network.
func TestEveryImportIsInTheShell(t *testing.T) {
	t.Parallel()
	list := shell(t)
	imports := regexp.MustCompile(`(?m)(?:from|import) ?\(?['"](\.{0,2}/[^'"]+)['"]`)
	for path := range list {
		if filepath.Ext(path) != ".js" {
			continue
		}
		for _, found := range imports.FindAllStringSubmatch(get(t, path).Body.String(), -1) {
			to := found[1]
			if !strings.HasPrefix(to, "/") {
				to = filepath.Join(filepath.Dir(path), to)
			}
			if list[to] == "" {
				t.Errorf("%s imports %s, which is not there", path, to)
			}
		}
	}
}

// Security: no other origin but the identity server, no inline code, no markup from text.
func TestTheAppIsClosed(t *testing.T) {
	t.Parallel()
	w := get(t, "/callback?code=a&state=b")
	policy := w.Header().Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self' https://id.example.com https://field.example.com;",
		"frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'", "trusted-types field"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%q is not in %q", part, policy)
		}
	}
	page := w.Body.String()
	if w.Code != 200 || !strings.Contains(page, `src="/main.js"`) {
		t.Errorf("%d %s", w.Code, page)
	}
	if regexp.MustCompile(`(?i)<script(?:[^>]*[^>c])?>[^<]|<style| style=| on[a-z]+=|https?://`).MatchString(page) {
		t.Errorf("something of the page is inline or of elsewhere: %s", page)
	}
	for path, code := range map[string]int{"/sw.js": 200, "/sw-sync.js": 200, "/index.html": 404, "/../embed.go": 404, "/vendor/": 404, "/field-api/me": 404} {
		if w := get(t, path); w.Code != code || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	r := httptest.NewRecorder()
	if pwa.Handler(config).ServeHTTP(r, httptest.NewRequest(http.MethodPost, "/", nil)); r.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", r.Code)
	}
	var settings map[string]string
	if err := json.Unmarshal(get(t, "/config.json").Body.Bytes(), &settings); err != nil || settings["issuer"] != config.Issuer ||
		settings["client_id"] != config.ClientID || settings["resource"] != config.Resource || len(settings["version"]) != 12 || len(settings) != 4 {
		t.Errorf("config.json: %v %v", settings, err)
	}
}

// What is committed of others is what the script makes of their packages.
func TestTheLibraryIsWhatTheScriptMakes(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("the committed oidc-client.js is NOT COMPARED: there is no node; run make test, which installs it")
	}
	if _, err := os.Stat("../../../e2e/clients/node_modules/oidc-client-ts"); err != nil {
		t.Skip("the committed oidc-client.js is NOT COMPARED: its package is not installed; run npm ci in e2e/clients, or make test")
	}
	made := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "node", "vendor/build.mjs", made).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"oidc-client.js", "oidc-client.txt"} {
		want, err1 := os.ReadFile(filepath.Join(made, name))
		got, err2 := os.ReadFile(filepath.Join("app/vendor", name))
		if err1 != nil || err2 != nil || string(got) != string(want) {
			t.Errorf("app/vendor/%s is not what vendor/build.mjs makes: run go generate ./examples/field/pwa (%v %v)", name, err1, err2)
		}
	}
}
