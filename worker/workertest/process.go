package workertest

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"
)

// Variables that make the test's own program a worker, see [Main].
const (
	processIssuer = "TANDEM_WORKERTEST_ISSUER"
	processDB     = "TANDEM_WORKERTEST_DB"
	processDir    = "TANDEM_WORKERTEST_DIR"
)

// channelKey is the same for all workers of a test.
func channelKey() (internalapi.ChannelKey, error) {
	return internalapi.NewChannelKey([]byte(strings.Repeat("k", internalapi.MinChannelKey)))
}

// Process is a worker in a process of its own, which can be killed.
type Process struct {
	API *internalapi.Client
	PID int
	// Instance is its service instance, see [Fake.InstanceOf].
	Instance string
	// Kill ends it as kill -9 does, and waits.
	Kill func()
}

// Spawn starts a worker as a process, with the database at the address. The
// package's TestMain must be [Main].
func Spawn(t testing.TB, f *Fake, address, dir string) *Process {
	t.Helper()
	workerdb.Fill(t, address, dir)
	cmd := exec.Command(os.Args[0]) // the test's own program
	cmd.Env = append(os.Environ(), processIssuer+"="+f.Issuer, processDB+"="+address, processDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{PID: cmd.Process.Pid, Instance: instanceOf(cmd.Process.Pid), Kill: sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})}
	t.Cleanup(p.Kill)
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("a worker does not start: %v", err)
	}
	key, err := channelKey()
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	if p.API, err = internalapi.NewClient(strings.TrimSpace(url), key, transport); err != nil {
		t.Fatal(err)
	}
	p.API.Patience = testkit.Patience
	return p
}

func instanceOf(pid int) string { return fmt.Sprintf("p%d", pid) }

// runProcess is the program of [Spawn].
func runProcess(ctx context.Context) error {
	db, err := sqldb.Open(ctx, os.Getenv(processDB), sqldb.Options{})
	if err != nil {
		return err
	}
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: os.Getenv(processIssuer)})
	if err != nil {
		return err
	}
	key, err := channelKey()
	if err != nil {
		return err
	}
	w, err := worker.New(ctx, worker.Config{
		Provider:        provider,
		ApplicationURI:  ApplicationURI,
		Credential:      client.ServiceSecret("secret"),
		ServiceInstance: instanceOf(os.Getpid()),
		DB:              db,
		Dir:             os.Getenv(processDir),
		Log:             slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		ChannelKey:      key,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: w.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	fmt.Fprintf(os.Stdout, "http://%s\n", listener.Addr())
	return w.Run(ctx)
}
