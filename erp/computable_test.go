package erp

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tellNothing are attributes that rules put and that tell nothing of another attribute: times,
// who it was, numbers, defaults.
var tellNothing = []string{
	"AccessKey", "CreationUser", "EntityName", "FromParty", "LinesUpdateUser", "MasterDocument", "OwnerParty", "ResponsibleParty", "UpdateTimeUtc", "UpdateUser",
	"CreatedByUser", "DataExchange", "ExchangeLog", "ExchangeMessage", "Payload", "RepositoryName", // of the log of exchanges
}

// TestWhatIsCopiedIsComputable reads the declarations: each attribute that is taken from
// another, or put by a rule, is known to tell of it, so that the audit finds what is hidden
// in one place and shown in the other.
func TestWhatIsCopiedIsComputable(t *testing.T) {
	t.Parallel()
	m := NewModel().Model
	computable := Computable(m)
	known := map[string]bool{}
	for of, by := range computable {
		for _, way := range append(slices.Clone(by), of) {
			for part := range strings.SplitSeq(way, " + ") {
				set, name, _ := strings.Cut(part, ".")
				s := m.Set(set)
				if s == nil || s.Property(name) == nil {
					t.Fatalf("there is no %s", part)
				}
				if p := s.Property(name); declared(p) != part {
					t.Errorf("%s is declared as %s", part, declared(p))
				}
				known[name] = true
			}
		}
	}
	copies := 0
	take := func(at token.Position, name, reference, property string) {
		copies++
		if !slices.Contains(taken, struct{ name, reference, property string }{name, reference, property}) {
			t.Errorf("%s: Computable does not know that %s is taken from %s.%s", at, name, reference, property)
		}
	}
	files := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				method, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				at, args := files.Position(call.Pos()), texts(call.Args)
				switch {
				case (method.Sel.Name == "Take" || method.Sel.Name == "Follow") && len(call.Args) == 3 && len(args) == 3:
					take(at, args[0], args[1], args[2])
				case (method.Sel.Name == "Take" || method.Sel.Name == "Follow") && len(call.Args) == 3:
					n := copies
					listed(f, args, func(name, reference, property string) { take(at, name, reference, property) })
					if n == copies {
						t.Errorf("%s: it cannot be read what is taken", at)
					}
				case method.Sel.Name == "Put" && len(call.Args) == 2 && len(args) > 0 && !plain(call.Args[1]):
					if !known[args[0]] && !slices.Contains(tellNothing, args[0]) {
						t.Errorf("%s: does %s tell of another attribute? Say so in Computable, or here that it does not", at, args[0])
					}
				}
				return true
			})
		}
	}
	if copies < 15 {
		t.Errorf("%d copies were read", copies)
	}
}

// texts are the arguments that are literal texts.
func texts(args []ast.Expr) (all []string) {
	for _, a := range args {
		if lit, ok := a.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err := strconv.Unquote(lit.Value)
			if err == nil {
				all = append(all, text)
			}
		}
	}
	return all
}

// listed are the copies of a loop: lists of three, or from name to property where the
// reference stands in the call.
func listed(f *ast.FuncDecl, args []string, each func(name, reference, property string)) {
	ast.Inspect(f, func(n ast.Node) bool {
		list, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		for _, e := range list.Elts {
			switch e := e.(type) {
			case *ast.CompositeLit:
				if three := texts(e.Elts); len(three) == 3 {
					each(three[0], three[1], three[2])
				}
			case *ast.KeyValueExpr:
				if pair := texts([]ast.Expr{e.Key, e.Value}); len(pair) == 2 && len(args) == 1 {
					each(pair[0], args[0], pair[1])
				}
			}
		}
		return true
	})
}

// plain reports whether a value is made of no other attribute: null, a number, a truth.
func plain(value ast.Expr) bool {
	if call, ok := value.(*ast.CallExpr); ok {
		value = call.Fun
	}
	name, ok := value.(*ast.SelectorExpr)
	return ok && slices.Contains([]string{"NullValue", "IntValue", "BoolValue"}, name.Sel.Name)
}
