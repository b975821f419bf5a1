package client_test

import (
	"bytes"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// exports finds the compiler's export data of the package and all it imports.
func exports(t *testing.T) map[string]string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", ".")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, file, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			files[name] = file
		}
	}
	return files
}

const program = `package main

import (
	"context"

	"github.com/hybridapps/tandem/client"
)

type order struct{ DocumentNo string }

func asPerson(client.UserToken)                      {}
func asService(client.ServiceToken)                  {}
func forPeople(*client.OData[client.UserToken])      {}
func forTheService(*client.OData[client.ServiceToken]) {}

func main() {
	var (
		ctx      context.Context
		people   *client.UserTokens
		session  *client.UserSession
		service  *client.ServiceTokens
		person   client.UserToken
		itself   client.ServiceToken
		provider *client.Provider
	)
	_, _, _, _, _, _, _ = ctx, people, session, service, person, itself, provider
	HERE
}
`

// TestI8_MixingTheHalvesDoesNotCompile compiles wrong programs. Each differs
// from a right one by the half alone.
func TestI8_MixingTheHalvesDoesNotCompile(t *testing.T) {
	t.Parallel()
	files := exports(t)
	fset := token.NewFileSet()
	imports := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
	compile := func(statement string) error {
		file, err := parser.ParseFile(fset, "main.go", strings.Replace(program, "HERE", statement, 1), 0)
		if err != nil {
			return err
		}
		_, err = (&types.Config{Importer: imports}).Check("main", fset, []*ast.File{file}, nil)
		return err
	}
	for name, c := range map[string]struct{ right, wrong string }{
		"a service token where a person's is wanted": {
			`asPerson(person)`, `asPerson(itself)`,
		},
		"a person's token where the service's is wanted": {
			`asService(itself)`, `asService(person)`,
		},
		"one token assigned to the other": {
			`person = person`, `person = itself`,
		},
		"one token converted to the other": {
			`_ = client.UserToken(person)`, `_ = client.ServiceToken(person)`,
		},
		"the two compared": {
			`_ = person == person`, `_ = person == itself`,
		},
		"the service credential in the front end": {
			`_ = client.UserConfig{Credential: client.UserSecret("x")}`, `_ = client.UserConfig{Credential: client.ServiceSecret("x")}`,
		},
		"the front end's credential in the service": {
			`_ = client.ServiceConfig{Credential: client.ServiceSecret("x")}`, `_ = client.ServiceConfig{Credential: client.UserSecret("x")}`,
		},
		"one credential converted to the other": {
			`_ = client.UserCredential(client.UserSecret("x"))`, `_ = client.UserCredential(client.ServiceSecret("x"))`,
		},
		"a credential from a file of the wrong half": {
			`var c client.UserCredential; c, _ = client.ReadUserCredential("f"); _ = c`, `var c client.UserCredential; c, _ = client.ReadServiceCredential("f"); _ = c`,
		},
		"the OData of the service from a person's session": {
			`_ = client.ServiceOData(provider.ODataRoot, service)`, `_ = client.ServiceOData(provider.ODataRoot, session)`,
		},
		"the OData of a person from the service": {
			`_ = client.UserOData(provider.ODataRoot, session)`, `_ = client.UserOData(provider.ODataRoot, service)`,
		},
		"a person's OData where the service's is wanted": {
			`forTheService(client.ServiceOData(provider.ODataRoot, service))`, `forTheService(client.UserOData(provider.ODataRoot, session))`,
		},
		"the service's OData where a person's is wanted": {
			`forPeople(client.UserOData(provider.ODataRoot, session))`, `forPeople(client.ServiceOData(provider.ODataRoot, service))`,
		},
		"one OData converted to the other": {
			`_ = (*client.OData[client.UserToken])(client.UserOData(provider.ODataRoot, session))`, `_ = (*client.OData[client.ServiceToken])(client.UserOData(provider.ODataRoot, session))`,
		},
		"a read with the other's type named": {
			`_, _ = client.Get[order, client.UserToken](ctx, client.UserOData(provider.ODataRoot, session), "", client.Query{})`,
			`_, _ = client.Get[order, client.UserToken](ctx, client.ServiceOData(provider.ODataRoot, service), "", client.Query{})`,
		},
		"an OData of neither half": {
			`var o client.OData[client.UserToken]; _ = o`, `var o client.OData[string]; _ = o`,
		},
		"one HTTP client for the other": {
			`var c *client.UserClient = session.Client(); _ = c`, `var c *client.UserClient = service.Client(); _ = c`,
		},
		"the service speaking with an ID token": {
			`_, _ = session.IDToken(ctx)`, `_, _ = service.IDToken(ctx)`,
		},
		"the service signing people in": {
			`_ = people.SignIn()`, `_ = service.SignIn()`,
		},
		"a token made from text": {
			`_ = client.ServiceToken{}`, `_ = client.ServiceToken{"eyJ"}`,
		},
		"a person as evidence without a token": {
			`_ = client.OnBehalfOf(ctx, client.IDToken{})`, `_ = client.OnBehalfOf(ctx, person)`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := compile(c.right); err != nil {
				t.Errorf("the right program does not compile: %v", err)
			}
			var e types.Error
			err := compile(c.wrong)
			if !errors.As(err, &e) {
				t.Fatalf("it compiles: %s (%v)", c.wrong, err)
			}
			at := e.Fset.Position(e.Pos).Line
			if want := 1 + strings.Count(program[:strings.Index(program, "HERE")], "\n"); at != want {
				t.Errorf("the error is in line %d, not %d: %v", at, want, err)
			}
		})
	}
}
