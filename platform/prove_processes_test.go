package platform_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/tandemtest"
)

// halves are the folders and processes of a system that does nothing.
type halves struct {
	t   *testing.T
	dir string
}

func newHalves(t *testing.T) *halves {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("processes are NOT TESTED: there is no /proc here")
	}
	h := &halves{t, t.TempDir()}
	for name, secret := range map[string]string{"webapp": "secret-of-the-front", "worker": "secret-of-the-back"} {
		must(t, os.Mkdir(filepath.Join(h.dir, name), 0o700))
		must(t, os.WriteFile(filepath.Join(h.dir, name, "credential"), []byte(secret+"\n"), 0o600))
	}
	return h
}

// start runs a program until the test ends. It writes to out.
func (h *halves) start(program string, out *os.File, environ ...string) {
	h.t.Helper()
	at := h.t.TempDir()
	must(h.t, os.WriteFile(filepath.Join(at, program), []byte("read wait\n"), 0o600))
	sh, err := exec.LookPath("sh")
	must(h.t, err)
	cmd := &exec.Cmd{Path: sh, Args: []string{"tandem", program, "--data", h.dir}, Dir: at, Env: append(environ, "A=b"), Stdout: out, Stderr: out}
	in, err := cmd.StdinPipe()
	must(h.t, err)
	must(h.t, cmd.Start())
	h.t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
}

// TestHalvesAreThoseOfTheApplication: every process of a half is looked at, and where the
// halves that run are another application's nothing is said of this one's.
func TestHalvesAreThoseOfTheApplication(t *testing.T) {
	t.Parallel()
	h := newHalves(t)
	ours := &platform.Insight{Dir: h.dir, Secrets: platform.DemoSecrets{User: "secret-of-the-front", Service: "secret-of-the-back"}}
	wants := func(i *platform.Insight, found, unseen string) {
		t.Helper()
		gotFound, gotUnseen, err := i.Halves(t.Context())
		if got := strings.Join(gotFound, ";"); err != nil || got != found {
			t.Errorf("found %q (%v), want %q", got, err, found)
		}
		if got := strings.Join(gotUnseen, ";"); got != unseen {
			t.Errorf("unseen %q, want %q", got, unseen)
		}
	}
	h.start("webapp", nil)
	wants(ours, "", "the process of the worker, which was not found")
	h.start("worker", nil)
	wants(ours, "", "")
	other := &platform.Insight{Dir: h.dir, Secrets: platform.DemoSecrets{User: "of another application", Service: "of its back end"}}
	wants(other, "", "a web app of this application: the one that runs has not its user secret;a worker of this application: the one that runs has not its service secret")
	wants(&platform.Insight{Dir: h.dir}, "", "a web app of this application: the one that runs has not its user secret;a worker of this application: the one that runs has not its service secret")
	h.start("worker", nil, "OTHER=secret-of-the-front") // one that leaks, between others
	h.start("worker", nil)
	wants(ours, "the worker has the user secret in its environment", "")
}

// TestLogsThatAreNotSeenAreTold: each program's log is looked through, and of one that is
// no file it is said.
func TestLogsThatAreNotSeenAreTold(t *testing.T) {
	t.Parallel()
	h := newHalves(t)
	in := tandemtest.Start(t, tandemtest.Options{})
	i := &platform.Insight{Administration: in.Platform.Administration, Dir: h.dir}
	search := func() (seen, unseen []string) {
		t.Helper()
		unseen, err := i.Search(t.Context(), func(where string, text io.Reader) error {
			if strings.HasPrefix(where, "the log") {
				seen = append(seen, where)
			}
			return nil
		})
		must(t, err)
		slices.Sort(seen)
		return seen, unseen
	}
	h.start("webapp", testkit.NewLog(t).File)
	if seen, unseen := search(); strings.Join(seen, ";") != "the log of the webapp" || strings.Join(unseen, ";") != "the log of the instance, whose process was not found" {
		t.Errorf("without an instance: seen %v, unseen %v", seen, unseen)
	}
	h.start("instance", testkit.NewLog(t).File)
	if seen, unseen := search(); len(seen) != 2 || len(unseen) != 0 {
		t.Errorf("in files: seen %v, unseen %v", seen, unseen)
	}
	read, write, err := os.Pipe()
	must(t, err)
	defer read.Close()
	defer write.Close()
	h.start("worker", write)
	if seen, unseen := search(); len(seen) != 2 || strings.Join(unseen, ";") != "the log of the worker, which is no file that can be read here" {
		t.Errorf("with a pipe: seen %v, unseen %v", seen, unseen)
	}
}
