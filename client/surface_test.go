package client_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden file of the public surface anew")

// TestSurface keeps the public surface as it is until somebody means to change
// it: go test ./client -run TestSurface -update. Every exported name needs a
// comment.
func TestSurface(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	packages, err := parser.ParseDir(fset, ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	p := doc.New(packages["client"], "github.com/hybridapps/tandem/client", 0)
	style := printer.Config{Mode: printer.UseSpaces | printer.TabIndent, Tabwidth: 8} // as gofmt
	var out bytes.Buffer
	show := func(comment, name string, decl ast.Decl) {
		if strings.TrimSpace(comment) == "" {
			t.Errorf("%s has no comment", name)
		}
		if f, ok := decl.(*ast.FuncDecl); ok {
			f.Body, f.Doc = nil, nil
		}
		if err := style.Fprint(&out, fset, withoutComments(decl)); err != nil {
			t.Fatal(err)
		}
		out.WriteString("\n\n")
	}
	values := func(vs []*doc.Value) {
		for _, v := range vs {
			show(v.Doc+commentsInside(v.Decl), strings.Join(v.Names, ", "), v.Decl)
		}
	}
	funcs := func(fs []*doc.Func) {
		for _, f := range fs {
			show(f.Doc, f.Name, f.Decl)
		}
	}
	values(p.Consts)
	values(p.Vars)
	funcs(p.Funcs)
	for _, typ := range p.Types {
		show(typ.Doc, typ.Name, typ.Decl)
		values(typ.Consts)
		values(typ.Vars)
		funcs(typ.Funcs)
		funcs(typ.Methods)
	}
	const golden = "testdata/surface.golden"
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), out.String()); d != "" {
		t.Errorf("the public surface changed (-golden +now); if that is meant, run go test ./client -run TestSurface -update\n%s", d)
	}
}

func withoutComments(decl ast.Decl) ast.Decl {
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			n.Doc = nil
		case *ast.TypeSpec:
			n.Doc, n.Comment = nil, nil
		case *ast.ValueSpec:
			n.Doc, n.Comment = nil, nil
		case *ast.Field:
			n.Doc, n.Comment = nil, nil
		}
		return true
	})
	return decl
}

func commentsInside(decl *ast.GenDecl) string {
	var out strings.Builder
	for _, s := range decl.Specs {
		if v, ok := s.(*ast.ValueSpec); ok {
			out.WriteString(v.Doc.Text() + v.Comment.Text())
		}
	}
	return out.String()
}
