package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
)

// startsWithin is far more than a start takes, also beside all other tests on a slow machine.
const startsWithin = 5 * time.Minute

// program is what the benchmarks of processes run.
var program testkit.Program

func TestMain(m *testing.M) {
	code := m.Run()
	program.Remove()
	os.Exit(code)
}

// system is a running `tandem up`: three processes and the one that started them.
type system struct {
	cmd *exec.Cmd
	log bytes.Buffer // read when the process has ended
	// took is the time from the start to the moment at which all three answer.
	took time.Duration

	Instance, Webapp string
	Users            []struct{ Login, Password string }
	Applications     []struct {
		URI    string `json:"application_uri"`
		Secret string `json:"service_secret"`
	}
}

// serviceSecret is the secret of one of the demo's applications for the service
// flow.
func (s *system) serviceSecret(b *testing.B, application string) string {
	for _, a := range s.Applications {
		if a.URI == application {
			return a.Secret
		}
	}
	b.Fatalf("the demo has no application %s", application)
	return ""
}

// up starts the system on free ports and waits until everything answers.
func up(b *testing.B, dir, db string) *system {
	b.Helper()
	file, err := program.File()
	if err != nil {
		b.Fatal(err)
	}
	s := &system{}
	s.cmd = exec.Command(file, "up", "--data", dir, "--listen", "127.0.0.1:0", "--webapp-listen", "127.0.0.1:0", "--worker-listen", "127.0.0.1:0")
	s.cmd.Env = append(os.Environ(), "TANDEM_DB="+db)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.stop(b) })
	for {
		if s.read(filepath.Join(dir, "demo.json"), began) {
			s.took = time.Since(began)
			return s
		}
		if time.Since(began) > startsWithin {
			s.stop(b)
			b.Fatalf("tandem up is not ready:\n%s", s.log.String())
		}
		time.Sleep(time.Millisecond)
	}
}

// read reads demo.json, which is written when all three have answered: one that
// is older belongs to an earlier start.
func (s *system) read(file string, began time.Time) bool {
	info, err := os.Stat(file)
	if err != nil || info.ModTime().Before(began) {
		return false
	}
	text, err := os.ReadFile(file)
	return err == nil && json.Unmarshal(text, s) == nil
}

// stop ends all four processes. Ending twice does nothing.
func (s *system) stop(b *testing.B) {
	if s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(os.Interrupt)
	if err := s.cmd.Wait(); err != nil && !isInterrupt(err) {
		b.Errorf("tandem up: %v\n%s", err, s.log.String())
	}
}

func isInterrupt(err error) bool {
	exit, ok := err.(*exec.ExitError)
	if !ok {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signal() == syscall.SIGINT
}

// process is the id of one of the three processes.
func (s *system) process(b *testing.B, name string) string {
	b.Helper()
	if runtime.GOOS != "linux" {
		b.Skip("what a process takes is read from /proc")
	}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.cmd.Process.Pid))
	var children []string // each thread has those that it started
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		children = append(children, strings.Fields(string(text))...)
	}
	for _, pid := range children {
		command, err := os.ReadFile("/proc/" + pid + "/cmdline")
		if args := strings.Split(string(command), "\x00"); err == nil && len(args) > 1 && args[1] == name {
			return pid
		}
	}
	b.Fatalf("no process %s", name)
	return ""
}

// resident is the memory of one of the processes in MiB, now and at its most.
func (s *system) resident(b *testing.B, name string) (now, most float64) {
	b.Helper()
	status, err := os.ReadFile("/proc/" + s.process(b, name) + "/status")
	if err != nil {
		b.Fatal(err)
	}
	return kib(b, status, "VmRSS:") / 1024, kib(b, status, "VmHWM:") / 1024
}

// run runs a command to its end, and returns its memory at its most in MiB, as it was seen
// every few milliseconds: what the system tells of a process that has ended begins with
// the memory of the one that started it.
func run(b *testing.B, cmd *exec.Cmd) (most float64) {
	b.Helper()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if err == nil && bytes.Contains(status, []byte("VmHWM:")) { // a process that has ended has none
			most = max(most, kib(b, status, "VmHWM:")/1024)
		}
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				b.Fatal(err)
			}
			return most
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// tick is the unit of time in /proc, in microseconds.
const tick = 1e6 / 100

// cpu is the user and system time that a process has used so far, in
// microseconds (proc(5), fields 14 and 15 of stat).
func cpu(b *testing.B, pid string) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		b.Fatal(err)
	}
	// The second field is the name of the program, which may hold spaces.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var sum float64
	for _, field := range fields[14-3 : 16-3] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += n * tick
	}
	return sum
}

func kib(b *testing.B, status []byte, field string) float64 {
	for line := range strings.Lines(string(status)) {
		if parts := strings.Fields(line); len(parts) == 3 && parts[0] == field {
			n, err := strconv.ParseFloat(parts[1], 64)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatalf("no %s", field)
	return 0
}
