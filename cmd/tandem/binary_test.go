package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
)

// binary is the program as users have it: built once for all tests.
var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	var program testkit.Program
	defer program.Remove()
	var err error
	if binary, err = program.File(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// environment is a clean one, with the variables given.
func environment(variables ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "TANDEM_") {
			env = append(env, v)
		}
	}
	return append(env, variables...)
}

// answer is what a command did.
type answer struct {
	code           int
	stdout, stderr string
}

// tandem runs a command in an empty folder; variables are those of the
// environment.
func tandem(t *testing.T, variables []string, args ...string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = &stdout, &stderr, environment(variables...), t.TempDir()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return answer{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// done runs a command that must succeed.
func done(t *testing.T, args ...string) string {
	t.Helper()
	a := tandem(t, nil, args...)
	if a.code != 0 {
		t.Fatalf("tandem %s: exit %d: %s", strings.Join(args, " "), a.code, a.stderr)
	}
	return a.stdout
}

// read runs a command with -o json and reads what it shows.
func read[T any](t *testing.T, args ...string) T {
	t.Helper()
	var v T
	text := done(t, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("tandem %s: %v: %s", strings.Join(args, " "), err, text)
	}
	return v
}
