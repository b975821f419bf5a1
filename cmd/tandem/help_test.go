package main

import (
	"debug/buildinfo"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func parser(t *testing.T) *kong.Kong {
	t.Helper()
	p, err := kong.New(new(commands), kong.Name("tandem"), kong.DefaultEnvars("TANDEM"), kong.Vars{"version": "x"},
		kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard), kong.ValueFormatter(showDefault))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each command has examples, and they are what it understands.
func TestExamples(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, leaf := range parser(t).Model.Leaves(true) {
		path := commandPath(leaf)
		known[path] = true
		if len(examples[path]) == 0 {
			t.Errorf("tandem %s has no example", path)
		}
		for _, line := range examples[path] {
			line, _, _ = strings.Cut(line, " > ")
			var args []string
			quoted := false
			for _, part := range strings.Split(line, `"`) {
				if quoted {
					args[len(args)-1] = part
				} else {
					args = append(args, strings.Fields(part)...)
					if strings.HasSuffix(part, " ") {
						args = append(args, "")
					}
				}
				quoted = !quoted
			}
			args = slices.DeleteFunc(args, func(a string) bool { return a == "" })
			if _, err := parser(t).Parse(args[1:]); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	for path := range examples {
		if !known[path] {
			t.Errorf("there is an example of %q, which is no command", path)
		}
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	root := parser(t).Model.Node
	for _, c := range []struct {
		words string
		want  []string
	}{
		{"acc", []string{"access"}},
		{"access external ", []string{"add", "list", "remove"}},
		{"user end", []string{"end-sign-ins"}},
		{"-- --data x app cr", []string{"create", "credential"}},
		{"user list -o ", []string{"json", "table", "yaml"}},
		{"instance --seed b", []string{"base"}},
		{"instance --licen", []string{"--licences"}},
		{"completion z", []string{"zsh"}},
		{"worker --mapping ", nil},
		{"nonsense", nil},
	} {
		if got := complete(root, strings.Split(c.words, " ")); !slices.Equal(got, c.want) {
			t.Errorf("%q becomes %q, want %q", c.words, got, c.want)
		}
	}
}

// The notices name every module that is linked, in its version: run `make
// licences` when this fails.
func TestLicencesAreCurrent(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The tests' own program has the modules of the command, and a few more.
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	linked := map[string]string{}
	for _, m := range info.Deps {
		linked[m.Path] = m.Version
	}
	_, list, _ := strings.Cut(licences, "are:\n\n")
	list, texts, _ := strings.Cut(list, "\n\n")
	named := 0
	for _, line := range strings.Split(list, "\n") {
		path, rest, _ := strings.Cut(line, " ")
		version, licence, _ := strings.Cut(rest, "  ")
		if path == "Go" {
			continue
		}
		if has, ok := linked[path]; ok && has != version || licence == "" {
			t.Errorf("%s is linked in %s", line, has)
		}
		if !strings.Contains(texts, "\n"+path+"\n") {
			t.Errorf("%s has no text", path)
		}
		named++
	}
	if named < 20 {
		t.Errorf("%d modules", named)
	}
}

func TestPasswordsOfDatabasesAreMasked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"postgres://tandem:s3cr%2Fet@db/x?sslmode=require":     "postgres://tandem:xxxxx@db/x?sslmode=require",
		"cannot reach postgresql://a:b@[::1]:5432/x: refused":  "cannot reach postgresql://a:xxxxx@[::1]:5432/x: refused",
		"postgres://tandem@db/x?password=s3cret&sslmode=allow": "postgres://tandem@db/x?password=xxxxx&sslmode=allow",
		"postgres://tandem@db/x":                               "postgres://tandem@db/x",
		"sqlite:/var/lib/a:b@c.db":                             "sqlite:/var/lib/a:b@c.db",
	} {
		if got := masked(text); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Whatever holds a secret can come from a file, by a flag or by the environment, so
// that it need not stand on a command line.
func TestSecretsComeFromFiles(t *testing.T) {
	t.Parallel()
	files := map[string]bool{}
	for _, leaf := range parser(t).Model.Leaves(true) {
		for _, group := range leaf.AllFlags(true) {
			for _, f := range group {
				secret := strings.Contains(f.Name, "secret") || strings.Contains(f.Name, "password") || f.Name == "db" || strings.HasSuffix(f.Name, "-db")
				fromFile := strings.HasSuffix(f.Name, "-file")
				switch {
				case fromFile:
					files[f.Name] = true
					if want := "TANDEM_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")); !slices.Contains(f.Envs, want) {
						t.Errorf("tandem %s: --%s is not %s in the environment", commandPath(leaf), f.Name, want)
					}
				case secret && f.Name != "secret-hash" && f.Name != "secrets-to" && f.Name != "no-classic-secret" && !hasFlag(leaf, f.Name+"-file"):
					t.Errorf("tandem %s: --%s can hold a secret, and there is no --%[2]s-file", commandPath(leaf), f.Name)
				}
			}
		}
	}
	for _, name := range []string{"db-file", "key-file", "credential-file", "channel-key-file", "password-file", "webapp-db-file", "webapp-key-file", "worker-db-file"} {
		if !files[name] {
			t.Errorf("there is no --%s", name)
		}
	}
}

func hasFlag(leaf *kong.Node, name string) bool {
	for _, group := range leaf.AllFlags(true) {
		if slices.ContainsFunc(group, func(f *kong.Flag) bool { return f.Name == name }) {
			return true
		}
	}
	return false
}
