package clients

import (
	"context"
	"net"
	"os/exec"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
)

// listens runs a program of others until the test ends. It returns the root of the address
// that the program was given when somebody listens there, and what it writes.
func listens(t *testing.T, program func(ctx context.Context, address string) *exec.Cmd) (root string, log *testkit.Buffer) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close() // it takes an address, and no listener
	ctx, stop := context.WithCancel(context.Background())
	cmd := program(ctx, address)
	log = new(testkit.Buffer)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		stop()
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed, or its log says why
		close(ended)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	testkit.Eventually(t, cmd.Path+" listens", func() bool {
		select {
		case <-ended:
			t.Fatal(cmd.Path, " ended: ", log.String())
		default:
		}
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
	return "http://" + address, log
}
