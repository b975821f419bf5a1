package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
)

// program is what a person would run.
var program testkit.Program

// TestMain removes the program at the end.
func TestMain(m *testing.M) {
	code := m.Run()
	program.Remove()
	os.Exit(code)
}

// demoFile is demo.json, as scripts read it.
type demoFile struct {
	Instance, Issuer, OData, Webapp, Worker, DB string
	Applications                                []struct {
		ApplicationURI string   `json:"application_uri"`
		ClientType     string   `json:"client_type"`
		UserSecret     string   `json:"user_secret"`
		ServiceSecret  string   `json:"service_secret"`
		RedirectURIs   []string `json:"redirect_uris"`
		SystemUser     string   `json:"system_user"`
		Scope          string
	}
	Users []struct {
		Login, Password string
		UserType        string `json:"user_type"`
		IsAdmin         bool   `json:"is_admin"`
	}
}

// system is a running `tandem up`.
type system struct {
	t    *testing.T
	dir  string
	args []string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	log  testkit.Buffer
	demo demoFile
}

// up starts the whole system in an empty folder on free ports and waits until
// it says that it is ready. It is stopped at the end of the test.
func up(t *testing.T, args ...string) *system {
	t.Helper()
	s := &system{t: t, dir: t.TempDir(), args: args}
	s.start()
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("the end of the log:\n%s", tail(s.log.String(), 60))
		}
	})
	return s
}

func tail(text string, lines int) string {
	all := strings.Split(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// start runs the program and reads demo.json once it is there.
func (s *system) start() {
	s.t.Helper()
	file, err := program.File()
	if err != nil {
		s.t.Fatal(err)
	}
	args := append([]string{"up", "--data", s.dir, "--listen", "127.0.0.1:0", "--webapp-listen", "127.0.0.1:0", "--worker-listen", "127.0.0.1:0"}, s.args...)
	s.cmd = exec.Command(file, args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1")
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan struct{})
	go func() { defer close(s.done); _ = s.cmd.Wait() }()
	s.await("demo.json", func() bool {
		text, err := os.ReadFile(filepath.Join(s.dir, "demo.json"))
		if errors.Is(err, fs.ErrNotExist) {
			return false
		}
		return err == nil && json.Unmarshal(text, &s.demo) == nil
	})
}

// await polls until what is there, and fails when the program ends first.
func (s *system) await(what string, there func() bool) {
	s.t.Helper()
	deadline := time.NewTimer(testkit.Patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !there() {
		select {
		case <-tick.C:
		case <-s.done:
			s.t.Fatalf("tandem ended while waiting for %s:\n%s", what, tail(s.log.String(), 40))
		case <-deadline.C:
			s.t.Fatalf("no %s after %s:\n%s", what, testkit.Patience, tail(s.log.String(), 40))
		}
	}
}

// stop interrupts the program as Ctrl-C does and waits for its end.
func (s *system) stop() {
	select {
	case <-s.done:
		return
	default:
	}
	_ = s.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-s.done:
	case <-time.After(testkit.Patience):
		_ = s.cmd.Process.Kill()
		<-s.done
		s.t.Error("tandem did not end after an interrupt")
	}
}

// tandem runs an administration command on the system's data.
func (s *system) tandem(args ...string) string {
	s.t.Helper()
	file, err := program.File()
	if err != nil {
		s.t.Fatal(err)
	}
	if strings.HasPrefix(s.demo.DB, "postgres:") {
		args = append(args, "--db", s.databaseFlag())
	}
	cmd := exec.Command(file, append(args, "--data", s.dir)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("tandem %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

func (s *system) databaseFlag() string {
	for i, arg := range s.args {
		if arg == "--db" {
			return s.args[i+1]
		}
	}
	return s.demo.DB
}

// password is a demo user's.
func (s *system) password(login string) string {
	s.t.Helper()
	for _, u := range s.demo.Users {
		if u.Login == login {
			return u.Password
		}
	}
	s.t.Fatalf("demo.json has no user %s", login)
	return ""
}

// children are the processes of the system by the command they run: instance,
// webapp, worker.
func (s *system) children() map[string]int {
	s.t.Helper()
	if runtime.GOOS != "linux" {
		s.t.Skip("finding the child processes needs /proc")
	}
	found := map[string]int{}
	parent := fmt.Sprintf("PPid:\t%d\n", s.cmd.Process.Pid)
	procs, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, status := range procs {
		text, err := os.ReadFile(status)
		if err != nil || !strings.Contains(string(text), parent) {
			continue
		}
		line, err := os.ReadFile(filepath.Join(filepath.Dir(status), "cmdline"))
		if err != nil {
			continue
		}
		args := strings.Split(string(line), "\x00")
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(filepath.Dir(status)), "%d", &pid); err == nil && len(args) > 1 {
			found[args[1]] = pid
		}
	}
	return found
}
