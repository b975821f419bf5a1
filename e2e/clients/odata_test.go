package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
	"github.com/hybridapps/tandem/tandemtest"
)

// OData clients that know nothing of ours, each with the whole life of a row, in
// one system. Each is skipped alone where its packages are not installed.
func TestODataClients(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Demo: true})
	task, err := json.Marshal(map[string]string{"odata": in.OData, "token": in.ServiceToken()})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("odata2ts", func(t *testing.T) {
		if _, err := os.Stat("node_modules/@odata2ts"); err != nil {
			t.Skip("odata2ts is NOT TESTED: its packages are not installed; run npm ci in e2e/clients, or make test")
		}
		generatedClient(t, in, string(task))
	})
	t.Run("Olingo", func(t *testing.T) {
		if _, err := os.Stat("olingo/target/OlingoClient.class"); err != nil {
			t.Skip("Olingo is NOT TESTED: its packages are not installed; run make test, with a JDK and Maven")
		}
		olingo(t, in)
	})
	t.Run("OpenUI5", func(t *testing.T) {
		if _, err := os.Stat(openUI5); err != nil {
			t.Skip("OpenUI5 is NOT TESTED: its package is not installed; run npm ci in e2e/clients, or make test")
		}
		openUI5Model(t, in)
	})
}

// generatedClient lets odata2ts write a client from our $metadata, and runs it.
func generatedClient(t *testing.T, in *tandemtest.Instance, task string) {
	dir := t.TempDir()
	status, metadata := in.API("GET", "$metadata", in.ServiceToken(), "")
	if status != 200 {
		t.Fatal(status, metadata)
	}
	config, err := os.ReadFile("odata2ts.config.cjs")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"metadata.xml": metadata, "odata2ts.config.cjs": string(config), "tsconfig.json": "{}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	modules, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	run(t, dir, modules, filepath.Join(modules, ".bin", "odata2ts"), "--mode", "all", "--emit-mode", "ts")
	program := filepath.Join(dir, "odata2ts.mjs")
	run(t, ".", modules, "node_modules/.bin/esbuild", "odata2ts.mjs", "--bundle", "--platform=node", "--format=esm",
		"--alias:erp-service="+filepath.Join(dir, "erp", "ErpService.ts"), "--outfile="+program)
	shows(t, exec.CommandContext(t.Context(), "node", program, task), map[string]map[string]any{
		"read":    {"status": 200.0, "numbers": []any{"TENT-0703", "TENT-0702"}, "groups": []any{"TENT", "TENT"}, "more": true},
		"lines":   {"orders": 1.0, "lines": 1.0},
		"view":    {"rows": 2.0, "unit": "string", "one": true, "product": "string", "filtered": 1.0},
		"created": {"status": 201.0, "code": "TS", "same": true},
		"row":     {"name": map[string]any{"EN": "TypeScript", "BG": "Език"}, "version": 1.0},
		"patched": {"status": 204.0},
		"stale":   {"status": 412.0},
		"notes":   {"notes": "written by a generated client"},
		"wrong":   {"status": 400.0},
		"encoded": {"rows": 0.0},
		"import":  {"status": 200.0, "notes": "imported"},
		"version": {"version": "string"},
		"deleted": {"status": 204.0},
		"gone":    {"status": 404.0},
	})
}

// olingo runs Java's client in one machine, which begins fast rather than runs fast.
func olingo(t *testing.T, in *tandemtest.Instance) {
	java := exec.CommandContext(t.Context(), "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
		"-Dstdout.encoding=UTF-8", "-Dfile.encoding=UTF-8",
		"-cp", "olingo/target"+string(os.PathListSeparator)+"olingo/target/lib/*", "OlingoClient", in.OData, in.ServiceToken())
	shows(t, java, map[string]map[string]any{
		"metadata":         {"key": "Id", "sets": true, "base": "General_Contacts_Party"},
		"service document": {"products": true},
		"read":             {"rows": 2.0, "more": true, "number": "TENT-0703", "price": "EUR", "class": "B", "group": "TENT"},
		"lines":            {"lines": 1.0},
		"view":             {"rows": 2.0},
		"count":            {"number": true},
		"pages":            {"several": true, "same": true},
		"created":          {"status": 201.0, "code": "JAVA", "id": true},
		"row":              {"etag": `W/"1"`, "name": "Език"},
		"patched":          {"status": 204.0},
		"stale":            {"status": 412.0},
		"now":              {"notes": "written by Olingo", "parent": true},
		"deleted":          {"status": 204.0},
		"gone":             {"status": 404.0},
		"function":         {"status": 200.0},
		"action":           {"status": 204.0, "void": true, "reason": "tried by Olingo"},
	})
}

const openUI5 = "node_modules/@openui5/sap.ui.core/src"

// openUI5Model uses the V4 model in a browser, on a page of another origin.
func openUI5Model(t *testing.T, in *tandemtest.Instance) {
	browser := chromium.Open(t)
	ctx, cancel := context.WithTimeout(browser, testkit.Patience)
	defer cancel()
	mux := http.NewServeMux()
	mux.Handle("GET /resources/", http.StripPrefix("/resources/", http.FileServer(http.Dir(openUI5))))
	mux.HandleFunc("GET /app.mjs", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "browser-openui5.mjs") })
	at := page(t, mux, map[string]string{"odata": in.OData, "token": in.ServiceToken()}, `<script src="/resources/ui5loader.js"></script>`+
		`<script id="sap-ui-bootstrap" src="/resources/ui5loader-autoconfig.js" data-sap-ui-async="true"></script>`)
	if err := chromedp.Do(ctx, chromedp.Navigate(at)); err != nil {
		t.Fatal(err)
	}
	result(t, ctx, map[string]any{
		"type": "Erp.General_Products_Product_ABCClass", "list": []any{"TENT-0703", "TENT-0702", "TENT-0701", "TENT-0604"}, "count": true,
		"group": "TENT", "price": "EUR", "line": "string", "view": 3.0,
		"created": "UI5", "stale": 412.0, "patched": "written twice", "gone": 404.0,
	})
}

// run runs a tool in a folder; it finds the packages of modules.
func run(t *testing.T, dir, modules, tool string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "NODE_PATH="+modules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(tool), err, out)
	}
}

// shows runs a client, which prints a line of JSON for each of its steps.
func shows(t *testing.T, client *exec.Cmd, want map[string]map[string]any) {
	t.Helper()
	var out, complaints bytes.Buffer
	client.Stdout, client.Stderr = &out, &complaints
	if err := client.Run(); err != nil {
		t.Fatalf("%v after\n%s%s", err, &out, &complaints)
	}
	got := map[string]map[string]any{}
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		var step map[string]any
		if err := json.Unmarshal(lines.Bytes(), &step); err != nil {
			t.Fatalf("%v in %s", err, lines.Text())
		}
		name, _ := step["step"].(string)
		delete(step, "step")
		got[name] = step
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
