package tandem_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem"
)

// ruleConstants are the names of the rules in the source.
func ruleConstants(t *testing.T) map[tandem.Rule]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "rules.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[tandem.Rule]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Rule" {
			t.Errorf("%s is a constant beside the rules", spec.Names[0].Name)
			return true
		}
		name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil || found[tandem.Rule(name)] {
			t.Errorf("%s has the name of another rule, or none: %v", spec.Names[0].Name, err)
		}
		found[tandem.Rule(name)] = true
		return true
	})
	return found
}

// Each rule has its words, and only rules have.
func TestRulesAreAll(t *testing.T) {
	t.Parallel()
	constants := ruleConstants(t)
	if len(constants) < 50 {
		t.Fatalf("found %d rules in the source", len(constants))
	}
	for _, m := range tandem.Rules {
		if !constants[m.Rule] {
			t.Errorf("%s is no rule, or is explained twice", m.Rule)
		}
		delete(constants, m.Rule)
		if m.Means == "" || strings.HasSuffix(m.Means, ".") {
			t.Errorf("%s means %q: one sentence without its end", m.Rule, m.Means)
		}
		if got, known := m.Rule.Meaning(); !known || got != m {
			t.Errorf("%s is not found", m.Rule)
		}
	}
	for rule := range constants {
		t.Errorf("%s has no meaning in Rules", rule)
	}
	if _, known := tandem.Rule("made.up").Meaning(); known {
		t.Error("a rule that there is not has a meaning")
	}
}

// fill sets every field to something of its type.
func fill(t *testing.T, v reflect.Value, text string) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() {
		case reflect.String:
			f.SetString(text + strconv.Itoa(i))
		case reflect.Int64:
			f.SetInt(int64(i) + 1)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Slice:
			f.Set(reflect.Append(f, reflect.Zero(f.Type().Elem())))
			fill(t, f.Index(0), text)
		case reflect.Struct:
			fill(t, f, text)
		case reflect.Map:
			f.Set(reflect.MakeMap(f.Type()))
			f.SetMapIndex(reflect.ValueOf(text), reflect.ValueOf(text).Convert(f.Type().Elem()))
		default:
			t.Fatalf("say how a field of the kind %s is filled", f.Kind())
		}
	}
}

// What is written by hand is what the tags say, for every field that there is.
func TestFactsAreWrittenWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var f, back, read tandem.Facts
		fill(t, reflect.ValueOf(&f).Elem(), rapid.String().Draw(rt, "text"))
		text := f.JSON()
		tags, err := json.Marshal(&f)
		if err != nil {
			t.Fatal(err)
		}
		if json.Unmarshal(tags, &back) != nil || json.Unmarshal([]byte(text), &read) != nil || !reflect.DeepEqual(read, back) {
			rt.Fatalf("wrote\n%s, want\n%s", text, tags)
		}
	})
	if text := (&tandem.Facts{}).JSON(); text != "{}" {
		t.Errorf("no facts are %s", text)
	}
	f := tandem.Facts{Grant: "client_credentials", Credential: "7f31c2d0-0000-0000-0000-000000000000", Auth: "client_secret_basic",
		Scope: "read update", Limit: "read update", AppVersion: 3, UserVersion: 1, Audience: "DomainAPI", Expires: 1796000000, KeyID: "sCDZ4kV9XJ3JZf0r5mY2N8m1z6xJZ0mJm4Wb8b5o3uE"}
	if text := f.JSON(); len(text) > 250 {
		t.Errorf("the facts of a service token are %d bytes: %s", len(text), text)
	}
}

func BenchmarkFacts(b *testing.B) {
	f := tandem.Facts{Grant: "client_credentials", Credential: "7f31c2d0-0000-0000-0000-000000000000", Auth: "client_secret_basic",
		Scope: "read update", Limit: "read update", AppVersion: 3, UserVersion: 1, Audience: "DomainAPI", Expires: 1796000000, KeyID: "sCDZ4kV9XJ3JZf0r5mY2N8m1z6xJZ0mJm4Wb8b5o3uE"}
	b.ReportAllocs()
	for b.Loop() {
		_ = f.JSON()
	}
}
