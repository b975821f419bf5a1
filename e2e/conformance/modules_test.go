package conformance

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
)

// modules are tests by the names of the suites' modules.
type modules[T any] map[string]func(*testing.T, T)

// run runs all, each with something new to try.
func (m modules[T]) run(t *testing.T, begin func(*testing.T) T) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(m)) {
		t.Run(name, func(t *testing.T) { m[name](t, begin(t)) })
	}
}

// elsewhere are the sources with the modules that need a server of the client's, too, and the
// tests there.
var elsewhere = map[string]struct{ source, test string }{
	"oidcc-backchannel-logout-discovery-endpoint-verification": {"../../platform/logouts_test.go", "TestBackchannelRPInitiatedLogout"},
	"oidcc-backchannel-rp-initiated-logout":                    {"../../platform/logouts_test.go", "TestBackchannelRPInitiatedLogout"},
}

// triesIn reports whether the test of a source runs what has the name: as a subtest whose
// function does something, be it of t.Run or of a table that is run. What is in a comment, or
// in a function that is never called, runs nothing.
func triesIn(t *testing.T, source, test, name string) (tries bool) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	named := func(e ast.Expr) bool {
		text, ok := e.(*ast.BasicLit)
		return ok && text.Kind == token.STRING && text.Value == `"`+name+`"`
	}
	does := func(e ast.Expr) bool {
		f, ok := e.(*ast.FuncLit)
		return ok && len(f.Body.List) > 0
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != test || f.Recv != nil {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				tries = tries || named(n.Key) && does(n.Value)
			case *ast.CallExpr:
				run, ok := n.Fun.(*ast.SelectorExpr)
				tries = tries || ok && run.Sel.Name == "Run" && len(n.Args) == 2 && named(n.Args[0]) && does(n.Args[1])
			}
			return true
		})
	}
	return tries
}

// ofRelyingParties begins the names of modules that ./client tries, and holds against the
// same list.
const ofRelyingParties = "oidcc-client-"

// notOurs are modules of other ecosystems.
var notOurs = map[string]string{
	"fapi2-security-profile-final-australia-connectid-": "of the profile ConnectID Australia",
	"fapi2-security-profile-final-brazil-":              "of the profile of Open Finance Brazil",
}

// TestEveryModuleIsTried holds the tests against the list of the plans.
func TestEveryModuleIsTried(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/modules.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tried := map[string]bool{}
	for name, at := range elsewhere {
		tried[name] = triesIn(t, at.source, at.test, name)
		if triesIn(t, at.source, at.test, name+"-not") || triesIn(t, at.source, "TestNothing", name) {
			t.Error("a test is found that there is not")
		}
	}
	for _, plan := range []modules[*flow]{basic, config, logout} {
		for name := range plan {
			tried[name] = true
		}
	}
	for name := range fapi {
		tried[fapiPrefix+name] = true
	}
	n := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		name := lines.Text()
		if name == "" || strings.HasPrefix(name, "#") || strings.HasPrefix(name, ofRelyingParties) {
			continue
		}
		n++
		other := slices.ContainsFunc(slices.Collect(maps.Keys(notOurs)), func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		if !tried[name] && !other {
			t.Errorf("no test for the module %s", name)
		}
		delete(tried, name)
	}
	for name := range tried {
		t.Errorf("%s is no module of the plans", name)
	}
	if n < 100 {
		t.Errorf("the list has only %d modules", n)
	}
}

// unsigned is a request object that nobody has signed (OpenID Connect Core section 6.1).
func unsigned(params url.Values) string {
	claims := map[string]string{}
	for name := range params {
		claims[name] = params.Get(name)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(text) + "."
}
