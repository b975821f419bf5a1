package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hybridapps/tandem"
)

// How programs are started again and ended.
const (
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 10 * time.Second
	// steadyAfter is how long a program must run for its backoff to begin
	// afresh.
	steadyAfter = 30 * time.Second
	// The halves are ended first, then the instance, which they may still need
	// to finish; together they have less than five seconds, and each as long as
	// it drains.
	halvesTimeout = 2500 * time.Millisecond
	allTimeout    = 4500 * time.Millisecond
)

// supervisor runs programs of this binary, each in a process of its own.
type supervisor struct {
	log      *slog.Logger
	lines    *lines
	children []*child
	drain    time.Duration // of each program
	// ending is closed when programs shall not be started again.
	ending chan struct{}
	// early gets the first program that ends before all have started.
	early   chan error
	started chan struct{}
	running sync.WaitGroup
}

func newSupervisor(log *slog.Logger, lines *lines, drain time.Duration) *supervisor {
	return &supervisor{
		log: log, lines: lines, drain: drain, ending: make(chan struct{}), early: make(chan error, 8), started: make(chan struct{}),
	}
}

// child is one program.
type child struct {
	name      string
	args, env []string
	listener  *os.File

	mu      sync.Mutex
	process *os.Process
	ended   chan struct{} // closed when it is not started again
}

// add adds a program. The listener is its file descriptor 3.
func (s *supervisor) add(name string, args, env []string, listener *os.File) {
	s.children = append(s.children, &child{name: name, args: args, env: env, listener: listener, ended: make(chan struct{})})
}

// start starts all programs and waits until ready says that they answer. A
// program that ends before is an error.
func (s *supervisor) start(ctx context.Context, ready func(context.Context) error) error {
	for _, c := range s.children {
		s.running.Go(func() { s.keep(c) })
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- ready(ctx) }()
	select {
	case err := <-s.early:
		return err
	case err := <-answered:
		close(s.started)
		return err
	}
}

// run returns when ctx ends. Meanwhile programs that end are started again.
func (s *supervisor) run(ctx context.Context) { <-ctx.Done() }

// keep runs a program, again and again, until the supervisor ends. The thread
// is kept too: the kernel's signal at the parent's death is bound to it.
func (s *supervisor) keep(c *child) {
	runtime.LockOSThread()
	defer close(c.ended)
	backoff := firstBackoff
	for {
		begun := tandem.SystemTime()
		last, err := s.once(c)
		select {
		case <-s.ending:
			return
		default:
		}
		select {
		case <-s.started:
		default:
			s.early <- fmt.Errorf("the %s did not start (%s): %s", c.name, how(err), last)
			return
		}
		if time.Since(begun) > steadyAfter {
			backoff = firstBackoff
		}
		s.log.Error("the "+c.name+" has ended; it is started again", "how", how(err), "in", backoff)
		select {
		case <-time.After(backoff):
		case <-s.ending:
			return
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

func how(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// once runs a program once and returns its last line.
func (s *supervisor) once(c *child) (last string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(self, c.args...)
	cmd.Env = append(cleanEnv(), c.env...)
	cmd.ExtraFiles = []*os.File{c.listener}
	cmd.SysProcAttr = processAttributes()
	out, in, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = in, in
	c.mu.Lock()
	select {
	case <-s.ending:
		c.mu.Unlock()
		return "", errors.Join(errors.New("ending"), in.Close())
	default:
	}
	err = cmd.Start()
	if err == nil {
		c.process = cmd.Process
	}
	c.mu.Unlock()
	if closeErr := in.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err.Error(), err
	}
	last = s.lines.copy(c.name, out)
	err = cmd.Wait()
	c.mu.Lock()
	c.process = nil
	c.mu.Unlock()
	return strings.TrimPrefix(last, "tandem: "), err
}

// cleanEnv is the environment without our own variables: each program gets
// what is its own and nothing else (invariant I8).
func cleanEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "TANDEM_") {
			env = append(env, v)
		}
	}
	return env
}

// stop ends all programs: first the halves, then the instance, and kills what
// does not end.
func (s *supervisor) stop() {
	close(s.ending)
	at := tandem.SystemTime()
	for _, c := range s.children[1:] {
		c.signal(syscall.SIGTERM)
	}
	for _, c := range s.children[1:] {
		c.wait(at.Add(s.drain + halvesTimeout))
	}
	s.children[0].signal(syscall.SIGTERM)
	for _, c := range s.children {
		if !c.wait(at.Add(2*s.drain + allTimeout)) {
			s.log.Error("the " + c.name + " does not end; it is killed")
			c.signal(syscall.SIGKILL)
		}
	}
	s.running.Wait()
}

// signal sends a signal to the process, if it runs.
func (c *child) signal(sig os.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process != nil {
		_ = c.process.Signal(sig) // it may just have ended
	}
}

// wait waits for the end of the program until the deadline.
func (c *child) wait(deadline time.Time) (ended bool) {
	select {
	case <-c.ended:
		return true
	case <-time.After(time.Until(deadline)):
		return false
	}
}
