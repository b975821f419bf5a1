package words_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"
	"unicode"

	"go.yaml.in/yaml/v3"
	"golang.org/x/net/html"

	"github.com/hybridapps/tandem/site/words"
)

// TestEveryTextIsTranslated reads the sources and the templates of everybody who speaks
// through this package, and compares what they say with the translations.
func TestEveryTextIsTranslated(t *testing.T) {
	t.Parallel()
	used := collect(t)
	if len(used) < 50 {
		t.Fatalf("only %d texts were found: is the search broken?", len(used))
	}
	for _, tag := range words.Tags()[1:] {
		b, err := os.ReadFile(tag + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		var said map[string]string
		if err := yaml.Unmarshal(b, &said); err != nil {
			t.Fatal(err)
		}
		for _, text := range slices.Sorted(maps.Keys(used)) {
			switch translated := said[text]; {
			case translated == "":
				t.Errorf("%s: not in %s.yaml: %q", used[text], tag, text)
			case shape(translated) != shape(text):
				t.Errorf("%s.yaml: %q has other verbs or elements than %q", tag, translated, text)
			}
		}
		for text := range said {
			if used[text] == "" {
				t.Errorf("%s.yaml: nobody says %q", tag, text)
			}
		}
	}
}

var shapes = regexp.MustCompile(`%(\[\d+\])?[a-z]|</?[a-z]+[^>]*>`)

// shape is what a translation must not change: the verbs and the elements, in any order
// where the verbs are numbered.
func shape(text string) string {
	parts := shapes.FindAllString(strings.ReplaceAll(text, "%%", ""), -1)
	for i, p := range parts {
		parts[i] = regexp.MustCompile(`\[\d+\]`).ReplaceAllString(p, "")
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// TestTemplatesHoldNoBareText finds what a template says past the translations.
func TestTemplatesHoldNoBareText(t *testing.T) {
	t.Parallel()
	_, templates := speakers(t)
	for _, path := range templates {
		if strings.HasPrefix(path, forEmployees) && !speaks(t, path) {
			continue
		}
		for _, tree := range trees(t, path) {
			var page strings.Builder
			for _, text := range nodesOf[*parse.TextNode](tree) {
				page.Write(text.Text)
				page.WriteString("\x00")
			}
			z := html.NewTokenizer(strings.NewReader(page.String()))
			for z.Next() != html.ErrorToken {
				token := z.Token()
				said := []string{}
				if token.Type == html.TextToken {
					said = append(said, token.Data)
				}
				for _, a := range token.Attr {
					if slices.Contains([]string{"alt", "title", "placeholder", "aria-label", "summary", "label"}, a.Key) {
						said = append(said, a.Val)
					}
				}
				for _, text := range said {
					text = strings.NewReplacer("Tandem", "", "XXXX-XXXX", "").Replace(text)
					if strings.ContainsFunc(text, unicode.IsLetter) {
						t.Errorf("%s says %q in English alone: use .Say", path, strings.TrimSpace(text))
					}
				}
			}
		}
	}
}

// forEmployees is where pages that say nothing through this package are in English: those of
// employees.
const forEmployees = "../../webapp/templates/"

// speaks reports whether a template says anything through this package.
func speaks(t *testing.T, path string) bool {
	t.Helper()
	for _, tree := range trees(t, path) {
		for _, command := range nodesOf[*parse.CommandNode](tree) {
			if name := command.Args[0].String(); name == "Say" || name == "Tell" {
				return true
			}
		}
	}
	return false
}

// collect finds every text that is said, and where.
func collect(t *testing.T) map[string]string {
	t.Helper()
	used := map[string]string{}
	sources, templates := speakers(t)
	for _, path := range sources {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			from, _ := f.X.(*ast.Ident)
			if f.Sel.Name != "Say" && f.Sel.Name != "SayHTML" && (f.Sel.Name != "T" || from == nil || from.Name != "words") {
				return true
			}
			where := fset.Position(call.Pos()).String()
			text, ok := literal(call.Args[0])
			if !ok {
				t.Errorf("%s: %s needs a literal, for its translations to be found", where, f.Sel.Name)
				return true
			}
			used[text] = where
			return true
		})
	}
	for _, path := range templates {
		for _, tree := range trees(t, path) {
			for _, command := range nodesOf[*parse.CommandNode](tree) {
				words := strings.Split(strings.Trim(command.Args[0].String(), "."), ".")
				if name := words[len(words)-1]; name != "Say" && name != "SayHTML" {
					continue
				}
				if len(command.Args) < 2 {
					t.Errorf("%s: %s says nothing", path, command)
					continue
				}
				text, ok := command.Args[1].(*parse.StringNode)
				if !ok {
					t.Errorf("%s: %s needs a literal: use .Tell for what code puts into words", path, command)
					continue
				}
				used[text.Text] = path
			}
		}
	}
	return used
}

func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		a, ok := literal(e.X)
		b, also := literal(e.Y)
		return a + b, ok && also
	}
	return "", false
}

// speakers are the rooms that import this package: their sources, and their templates.
func speakers(t *testing.T) (sources, templates []string) {
	t.Helper()
	rooms := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != "../.." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(b), `tandem/site/words"`) {
			rooms[filepath.Dir(path)] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range rooms {
		code, err := filepath.Glob(filepath.Join(room, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, slices.DeleteFunc(code, func(path string) bool { return strings.HasSuffix(path, "_test.go") })...)
		found, err := filepath.Glob(filepath.Join(room, "templates", "*.html"))
		if err != nil {
			t.Fatal(err)
		}
		templates = append(templates, found...)
	}
	return sources, templates
}

func trees(t *testing.T, path string) map[string]*parse.Tree {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]*parse.Tree{}
	tree := parse.New(path)
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(string(b), "", "", set); err != nil {
		t.Fatal(err)
	}
	return set
}

// nodesOf are the nodes of a kind, in the order of the text.
func nodesOf[N parse.Node](tree *parse.Tree) (found []N) {
	var walk func(n parse.Node)
	list := func(l *parse.ListNode) {
		if l != nil {
			for _, n := range l.Nodes {
				walk(n)
			}
		}
	}
	branch := func(b *parse.BranchNode) { walk(b.Pipe); list(b.List); list(b.ElseList) }
	walk = func(n parse.Node) {
		if n, ok := n.(N); ok {
			found = append(found, n)
		}
		switch n := n.(type) {
		case *parse.ListNode:
			list(n)
		case *parse.ActionNode:
			walk(n.Pipe)
		case *parse.IfNode:
			branch(&n.BranchNode)
		case *parse.WithNode:
			branch(&n.BranchNode)
		case *parse.RangeNode:
			branch(&n.BranchNode)
		case *parse.TemplateNode:
			if n.Pipe != nil {
				walk(n.Pipe)
			}
		case *parse.PipeNode:
			for _, c := range n.Cmds {
				walk(c)
			}
		case *parse.CommandNode:
			for _, a := range n.Args {
				walk(a)
			}
		}
	}
	list(tree.Root)
	return found
}

func TestChoose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ asked, own, accept, want string }{
		{"", "", "", "en"},
		{"de", "bg", "en", "de"},
		{"de-AT fr", "", "", "de"},
		{"fr de", "", "", "de"},
		{"fr", "bg-BG", "de", "bg"},
		{"fr", "fr", "de-CH;q=0.3, bg;q=0.9", "bg"},
		{"fr", "", "fr-FR, ja", "en"},
		{"", "", "fr, en-GB;q=0.8, de;q=0.7", "en"},
		{"!! de", "!", ";;;", "de"},
		{"", "", "*", "en"},
		{strings.Repeat("fr ", 1000) + "de", "", strings.Repeat("fr,", 10000) + "de", "en"},
	} {
		if got := words.Choose(c.asked, c.own, c.accept).Tag(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	if got := fmt.Sprint(words.Tags()); got != "[en de bg]" {
		t.Error(got)
	}
	for i, n := range words.Names() {
		if n.Tag != words.Tags()[i] {
			t.Errorf("the name of %s is in another place", n.Tag)
		}
	}
}

func FuzzChoose(f *testing.F) {
	f.Add("de en", "bg", "de;q=0.5,*")
	f.Add("x-private", "und", "------------")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if l := words.Choose(a, b, c); !slices.Contains(words.Tags(), l.Tag()) {
			t.Errorf("%q", l.Tag())
		}
	})
}

func TestSay(t *testing.T) {
	t.Parallel()
	de := words.Choose("de", "", "")
	if got := de.SayHTML("You are signed in as <strong>%s</strong>", "<b>&"); got != "Sie sind angemeldet als <strong>&lt;b&gt;&amp;</strong>" {
		t.Error(got)
	}
	inner := words.T("The application made a mistake: %s %s.", "state", words.T("is longer than %d bytes", 3))
	if got := de.Tell(inner); got != "Die Anwendung hat einen Fehler gemacht: state ist länger als 3 Bytes." {
		t.Error(got)
	}
	if got := inner.String(); got != "The application made a mistake: state is longer than 3 bytes." {
		t.Error(got)
	}
	if got := (words.Language{}).Say("100 %"); got != "100 %" {
		t.Error(got)
	}
	if !(words.Text{}).Empty() || de.Tell(words.Text{}) != "" {
		t.Error("nothing says something")
	}
}
