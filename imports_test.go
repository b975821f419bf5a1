package tandem_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/hybridapps/tandem"

// mayImport says which of our packages each may import: the arrows of
// docs/architecture.md. A name with /... means a package and what is below it.
// The root package, the glossary, may be imported by all but the leaves.
//
// Six rooms are not in the picture, because several parts stand on them:
// oauth (protocol words), sqldb (the two engines), seal (encryption at rest),
// assets (static files), registry (the server's live view of who may act) and
// internalapi (the wire between web app and worker). Of these only registry belongs to the server:
// client, webapp and worker never see it.
var mayImport = map[string][]string{
	// The glossary and the leaves, which know nothing of ours.
	"":           {},
	"oauth":      {"internal/jsontext"},
	"oauth/dpop": {"internal/keyalg"},
	"seal":       {},
	"assets/...": {},
	"api/odata":  {},
	"site/words": {},
	// The frame of the sites, and the sites.
	"site":         {".", "assets/...", "seal", "site/words"},
	"site/picture": {},
	"profile":      {".", "internal/netaddr", "oauth", "site/..."},
	"sqldb":        {"."},
	"permission":   {"."},
	"usage":        {"."},
	"registry":     {".", "internal/keyalg", "internal/netaddr", "internal/paging", "permission"},
	"erp/printout": {".", "internal/pdffont", "permission", "site/words"},
	"erp/base":     {"erp/model", "erp/query", "erp/write"},
	"erp/demo":     {".", "erp", "erp/model", "erp/query", "erp/write"},
	"session":      {".", "internal/paging"},
	"audit":        {".", "internal/flood", "internal/netaddr"},
	"audit/...":    {".", "audit/...", "internal/netaddr", "permission", "usage"},
	"internalapi":  {".", "internal/netaddr", "internal/patience"},
	// What several rooms do the same way: leaves.
	"internal/...": {},

	// The boxes of the server: never each other's, never the data box. Identity
	// asks the registry who may act; the API reads the entity model.
	"identity/...": {".", "oauth/...", "registry", "seal", "assets/...", "identity/...", "internal/flood", "internal/keyalg", "internal/netaddr", "internal/paging", "site/...", "usage"},
	"hsm":          {"identity/token"},
	"api":          {".", "api/odata", "erp/model", "erp/printout", "erp/query", "erp/write", "oauth/...", "internal/filetype", "internal/multiparts", "internal/netaddr", "permission"},
	// The data box implements the stores that the others declare.
	"data":          {".", "sqldb", "internal/filetype", "internal/netaddr", "api/odata", "audit/...", "erp/model", "erp/query", "erp/write", "identity/...", "permission", "registry", "session", "usage"},
	"data/datatest": {".", "data", "sqldb", "audit", "identity/...", "registry", "session", "internal/testkit/..."},

	// The SDK and its users: across the picture's arrows by HTTP only.
	"client":     {".", "oauth/...", "seal", "internal/keyalg", "internal/multiparts", "internal/netaddr", "internal/patience"},
	"webapp/...": {".", "oauth", "client", "internalapi", "seal", "assets/...", "site/words", "sqldb", "webapp/...", "internal/patience", "internal/quota"},
	// The prover is an outsider: no box of what it tries.
	"prove": {".", "assets/...", "client", "oauth", "internal/netaddr"},
	// The rooms of the worker: jobs knows none of the others.
	"worker":                {".", "oauth", "client", "internalapi", "sqldb", "worker/...", "internal/quota"},
	"worker/schema":         {"sqldb"},
	"worker/csvtext":        {},
	"worker/fault":          {".", "client", "oauth"},
	"worker/jobs":           {".", "internalapi", "sqldb", "internal/quota"},
	"worker/importer":       {".", "client", "internalapi", "worker/jobs", "worker/importer/..."},
	"worker/importer/...":   {".", "worker/importer/..."},
	"worker/stock":          {".", "client", "internal/recall", "internalapi", "sqldb", "worker/jobs"},
	"worker/export":         {".", "client", "internalapi", "worker/jobs", "worker/csvtext"},
	"worker/portal":         {".", "client", "internal/picture", "internalapi"},
	"worker/workertest/...": {"..."},

	// What builds and runs everything.
	"platform":   {"..."},
	"tandemtest": {"..."},
	"cmd/...":    {"..."},
	"e2e/...":    {"..."},
	"bench/...":  {"..."},
	// Examples are users of the SDK.
	"examples/...": {".", "oauth", "client", "examples/...", "tandemtest"},
	// The integration agent is an application of its own, with the kit for jobs.
	"examples/prices/...": {".", "assets/...", "client", "examples/prices/...", "examples/settings", "internal/pdffont", "internal/recall", "internalapi", "oauth", "seal", "sqldb",
		"webapp", "worker/csvtext", "worker/fault", "worker/importer/...", "worker/jobs"},
	// So is the field app, of a phone and a cloud.
	"examples/field/...": {".", "assets/...", "client", "examples/field/...", "examples/settings", "internal/pdffont", "internal/picture", "internalapi", "oauth/...", "sqldb",
		"worker/csvtext", "worker/fault", "worker/jobs"},
	"examples/field/fieldtest": {"..."},
	"scripts/...":              {},

	// Fixtures of tests, see fixtures.
	"internal/testkit/...": {".", "sqldb", "internal/testkit/..."},

	// The entity model is a line: model ← query ← write ← erp ← demo. Queries
	// speak the words of the grammar.
	"erp/model": {".", "internal/jsontext", "permission"},
	"erp/query": {".", "api/odata", "erp/model", "internal/jsontext", "permission"},
	"erp/write": {".", "erp/model", "erp/query", "internal/jsontext", "permission"},
	"erp":       {".", "erp/model", "erp/write", "permission"},

	// Of the rules over a snapshot the tree over the record knows nothing.
	"audit/sealing": {".", "internal/jsontext"},
}

// neverImported are packages that nobody may import, whatever the table says.
var neverImported = []string{"cmd/", "e2e", "bench"}

// fixtures are for tests, and for the packages made for tests: forTests.
const fixtures = "internal/testkit"

var forTests = []string{fixtures, "tandemtest", "data/datatest", "bench", "e2e", "worker/workertest", "examples/field/fieldtest"}

// speaksSQL are the packages that may use database/sql: the data box, the room
// of the engines, and the halves with a store each of their own.
var speaksSQL = []string{"data", "data/datatest", "sqldb", "webapp", "worker/jobs", "worker/stock", "examples/prices", "examples/field"}

// TestImports reads the sources, tests left out, and keeps the picture true:
// boxes meet in the glossary and in platform, and nowhere else.
func TestImports(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "artifacts") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		if dir == "." {
			dir = ""
		}
		rule, allowed := ruleOf(dir)
		if allowed == nil {
			t.Errorf("%s is in no row of the table: say in imports_test.go what %q may import", path, dir)
			return nil
		}
		seen[rule] = true
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			check(t, path, dir, imported, allowed)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) < 15 {
		t.Errorf("only %d rows of the table were met: are these the sources?", len(seen))
	}
}

// TestTheTableRefuses proves that the rules can fail.
func TestTheTableRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, imported string }{
		{"", module + "/oauth"}, {"oauth", module}, {"api/odata", module},
		{"client", module + "/identity/token"}, {"client", module + "/registry"}, {"client", "database/sql"},
		{"webapp", module + "/worker"}, {"worker", module + "/webapp"}, {"webapp", module + "/session"}, {"worker/importer/mapping", module + "/data"},
		{"identity", module + "/data"}, {"identity/signin", module + "/session"}, {"session", module + "/audit"}, {"api", module + "/session"},
		{"erp/model", module + "/erp/query"}, {"erp/query", module + "/erp/write"}, {"erp/write", module + "/erp"}, {"erp", module + "/erp/query"},
		{"api", "database/sql"}, {"data", module + "/platform"}, {"data", module + "/client"}, {"platform", module + "/cmd/tandem"},
		{"platform", module + "/internal/testkit"}, {"cmd/tandem", module + "/internal/testkit/chromium"},
	} {
		if _, allowed := ruleOf(c.from); allowed == nil || refusal(c.from, c.imported, allowed) == "" {
			t.Errorf("%q may import %s", c.from, c.imported)
		}
	}
}

func check(t *testing.T, path, dir, imported string, allowed []string) {
	t.Helper()
	if why := refusal(dir, imported, allowed); why != "" {
		t.Errorf("%s %s", path, why)
	}
}

// refusal says why a folder may not import a package; empty when it may.
func refusal(dir, imported string, allowed []string) string {
	if imported == "database/sql" && !within(dir, speaksSQL) {
		return "uses SQL: only " + strings.Join(speaksSQL, ", ") + " do"
	}
	ours, ok := strings.CutPrefix(imported, module)
	if !ok {
		return ""
	}
	ours = strings.TrimPrefix(ours, "/")
	if within(ours, neverImported) {
		return "imports " + imported + ", which nobody may"
	}
	if within(ours, []string{fixtures}) && !within(dir, forTests) {
		return "imports " + imported + ", which is for tests, and for " + strings.Join(forTests[1:], ", ") + ", only"
	}
	for _, a := range allowed {
		if matches(a, ours) {
			return ""
		}
	}
	return "imports " + imported + ": " + strconv.Quote(dir) + " may import " + strings.Join(allowed, ", ") + " only"
}

// ruleOf finds the row for a folder: its own, or the nearest with /... above.
func ruleOf(dir string) (rule string, allowed []string) {
	if a, ok := mayImport[dir]; ok {
		return dir, a
	}
	for above := dir; above != "." && above != ""; above = filepath.ToSlash(filepath.Dir(above)) {
		if a, ok := mayImport[above+"/..."]; ok {
			return above + "/...", a
		}
	}
	return "", nil
}

func matches(pattern, ours string) bool {
	switch {
	case pattern == "...":
		return true
	case pattern == ".":
		return ours == ""
	}
	if above, ok := strings.CutSuffix(pattern, "/..."); ok {
		return ours == above || strings.HasPrefix(ours, above+"/")
	}
	return ours == pattern
}

func within(dir string, prefixes []string) bool {
	for _, p := range prefixes {
		if dir == strings.TrimSuffix(p, "/") || strings.HasPrefix(dir, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return false
}
