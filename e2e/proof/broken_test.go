package proof

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/prove"
)

// program is what a person would run, and what proves here.
var program testkit.Program

// TestMain removes the program at the end.
func TestMain(m *testing.M) {
	code := m.Run()
	program.Remove()
	os.Exit(code)
}

// breakVariable names the invariant that a broken program breaks.
const breakVariable = "BROKEN_ON_PURPOSE"

// sideBySide is how many systems run at a time: mostly they wait.
const sideBySide = 5

// TestABrokenCheckFailsItsRowAndNoOther proves the prover: the program is built with
// one check broken for each invariant, of which each run chooses one.
func TestABrokenCheckFailsItsRowAndNoOther(t *testing.T) {
	t.Parallel()
	broken := brokenProgram(t)
	fresh := filepath.Join(t.TempDir(), "fresh")
	runBroken(t, broken, "", fresh).stop() // makes the demo once for all
	slots := make(chan struct{}, sideBySide)
	var running sync.WaitGroup
	for _, invariant := range append([]string{""}, invariants()...) {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			verdictsOfBroken(t, broken, invariant, fresh)
		})
	}
	running.Wait()
}

// invariants are I1 to I14.
func invariants() (ids []string) {
	for n := 1; n <= 14; n++ {
		ids = append(ids, fmt.Sprint("I", n))
	}
	return ids
}

// verdictsOfBroken runs the system with one invariant broken, none for "", and proves it.
func verdictsOfBroken(t *testing.T, broken, invariant, fresh string) {
	dir := filepath.Join(t.TempDir(), "data "+invariant)
	if err := os.CopyFS(dir, os.DirFS(fresh)); err != nil {
		t.Error(err)
		return
	}
	if err := private(dir); err != nil {
		t.Error(err)
		return
	}
	s := runBroken(t, broken, invariant, dir)
	if s == nil {
		return
	}
	defer s.stop()
	report, text := proveIt(t, "--data", dir, "--disturb")
	if report == nil {
		t.Errorf("broken %q: %s", invariant, text)
		return
	}
	for i := range report.Rows {
		row, want := &report.Rows[i], prove.Holds
		if row.ID == invariant {
			want = prove.Fails
		}
		if row.Verdict != want {
			t.Errorf("with %q broken %s %s, and should be %q: %s", invariant, row.ID, row.Verdict, want, row.Why)
		}
	}
}

// private gives copied files the modes that the program gives them.
func private(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
}

// proveIt runs the prover and reads its report; without one it says why.
func proveIt(t *testing.T, args ...string) (*prove.Report, string) {
	t.Helper()
	file, err := program.File()
	if err != nil {
		return nil, err.Error()
	}
	cmd := exec.CommandContext(t.Context(), file, append([]string{"prove", "-o", "json", "--within", "5m"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &stdout, &stderr, t.TempDir()
	err = cmd.Run()
	report := new(prove.Report)
	if json.Unmarshal(stdout.Bytes(), report) != nil || len(report.Rows) == 0 {
		return nil, fmt.Sprintf("%v: %s", err, stderr.String())
	}
	if failed := report.Count(prove.Fails) > 0; failed != (err != nil) {
		return nil, fmt.Sprintf("%d rows fail, and the command ends with %v", report.Count(prove.Fails), err)
	}
	return report, ""
}

// brokenProgram builds the program with all breakages: copies of the files that are
// patched stand in for them, and nothing of it is in the product.
func brokenProgram(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := map[string]string{}
	put := func(file string, text []byte) {
		copied := filepath.Join(dir, fmt.Sprint(len(replace), ".go"))
		if err := os.WriteFile(copied, text, 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, file)] = copied
	}
	files := map[string][]byte{}
	for _, b := range breakages {
		text, read := files[b.file]
		if !read {
			if text, err = os.ReadFile(filepath.Join(root, b.file)); err != nil {
				t.Fatal(err)
			}
		}
		if n := bytes.Count(text, []byte(b.old)); n != 1 {
			t.Fatalf("%s: what is to be broken for %s is in %s %d times: say in breakages_test.go where the check is now", b.invariant, b.old, b.file, n)
		}
		files[b.file] = bytes.Replace(text, []byte(b.old), []byte(b.new), 1)
	}
	for file, text := range files {
		put(file, text)
		helper := filepath.Join(filepath.Dir(file), "zz_broken_on_purpose.go")
		if _, there := replace[filepath.Join(root, helper)]; !there {
			put(helper, helperOf(text))
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "broken")
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", broken, "./cmd/tandem")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the broken program: %v\n%s", err, out)
	}
	return broken
}

// helperOf is brokenOnPurpose for the package of a file.
func helperOf(text []byte) []byte {
	at := bytes.Index(text, []byte("\npackage ")) // after the comment of the package, if it has one
	clause, _, _ := strings.Cut(string(text[at+1:]), "\n")
	return fmt.Appendf(nil, "%s\n\nimport \"os\"\n\nvar brokenInvariant = os.Getenv(%q)\n\nfunc brokenOnPurpose(invariant string) bool { return brokenInvariant == invariant }\n", clause, breakVariable)
}

// system is a running `tandem up`.
type system struct {
	cmd  *exec.Cmd
	log  testkit.Log // prove looks through it
	done chan struct{}
}

// runBroken starts the system and waits until demo.json is there; nil when it does not
// start, which fails the test.
func runBroken(t *testing.T, broken, invariant, dir string) *system {
	t.Helper()
	s := &system{log: testkit.NewLog(t), done: make(chan struct{})}
	demo := filepath.Join(dir, "demo.json")
	before, _ := os.Stat(demo)
	s.cmd = exec.Command(broken, "up", "--data", dir, "--listen", "127.0.0.1:0", "--webapp-listen", "127.0.0.1:0", "--worker-listen", "127.0.0.1:0")
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Env = s.log.File, s.log.File, append(os.Environ(), breakVariable+"="+invariant)
	if err := s.cmd.Start(); err != nil {
		t.Error(err)
		return nil
	}
	go func() { defer close(s.done); _ = s.cmd.Wait() }()
	deadline := time.Now().Add(testkit.Patience)
	for {
		now, err := os.Stat(demo)
		if err == nil && (before == nil || !os.SameFile(before, now)) {
			return s
		}
		select {
		case <-s.done:
			t.Errorf("broken %q did not start:\n%s", invariant, s.log.String())
			return nil
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.stop()
			t.Errorf("broken %q is not ready:\n%s", invariant, s.log.String())
			return nil
		}
	}
}

// stop ends the system.
func (s *system) stop() {
	if s == nil {
		return
	}
	_ = s.cmd.Process.Signal(os.Interrupt)
	<-s.done
}

// Each invariant has a breakage.
func TestEachInvariantIsBroken(t *testing.T) {
	t.Parallel()
	var ids []string
	for _, b := range breakages {
		ids = append(ids, b.invariant)
	}
	if !slices.Equal(ids, invariants()) {
		t.Errorf("broken are %v", ids)
	}
}
