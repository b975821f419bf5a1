package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// connections is how many clients ask at the same time.
const connections = 16

// perRound is how many tokens each server gives in a round.
var perRound = testkit.Size(8000, 8*connections)

// BenchmarkClientCredentials gives service tokens over HTTP: the instance that
// `tandem up` starts, with everything on, on both databases, and the bare handler,
// in turn. One iteration is a round of all three; the figures are the medians of
// the rounds. cpu/bare is the server's user and system time per token, seen from
// outside, divided by that of the bare handler; rate/bare is tokens per second,
// likewise.
func BenchmarkClientCredentials(b *testing.B) {
	if os.Getenv(datatest.PostgresVariable) == "" {
		b.Logf("PostgreSQL is not measured: set %s", datatest.PostgresVariable)
	}
	servers := []*server{startBare(b), startUp(b, "sqlite", datatest.URL(b, sqldb.SQLite))}
	if os.Getenv(datatest.PostgresVariable) != "" {
		servers = append(servers, startUp(b, "postgres", datatest.URL(b, sqldb.PostgreSQL)))
	}
	// One thread loads: the rest of the machine is the servers'.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, s := range servers {
		s.round(b, perRound/4) // warm
	}
	b.ResetTimer()
	for b.Loop() {
		for _, s := range servers {
			s.measure(b)
		}
	}
	b.StopTimer()
	bare := servers[0]
	for _, s := range servers {
		b.ReportMetric(median(s.cpu), s.name+"-µs-cpu/token")
		b.ReportMetric(median(s.rate), s.name+"-tokens/s")
		if s != bare {
			b.ReportMetric(medianRatio(s.cpu, bare.cpu), s.name+"-cpu/bare")
			b.ReportMetric(medianRatio(s.rate, bare.rate), s.name+"-rate/bare")
		}
	}
	b.ReportMetric(0, "ns/op") // of three servers together it says nothing
}

// server is one running server, and what was measured of it.
type server struct {
	name, Address, Application, Secret string
	pid                                string

	cpu, rate []float64 // by round: µs per token, tokens per second
}

// startUp starts the whole system; its server is the instance.
func startUp(b *testing.B, name, db string) *server {
	b.Helper()
	const application = "com.example/integration"
	system := up(b, b.TempDir(), db)
	root, err := url.Parse(system.Instance)
	if err != nil {
		b.Fatal(err)
	}
	return &server{
		name: name, Address: root.Host, Application: application, Secret: system.serviceSecret(b, application),
		pid: system.process(b, "instance"),
	}
}

// startBare starts the yardstick, in a process of its own too.
func startBare(b *testing.B) *server {
	b.Helper()
	program := filepath.Join(b.TempDir(), "tokenserver")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", program, "./tokenserver").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	c := exec.Command(program)
	c.Stderr = b.Output()
	in, err := c.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close() // that ends it
		if err := c.Wait(); err != nil {
			b.Errorf("the bare server: %v", err)
		}
	})
	s := &server{name: "bare", pid: strconv.Itoa(c.Process.Pid)}
	if err := json.NewDecoder(out).Decode(s); err != nil {
		b.Fatalf("the bare server did not start: %v", err)
	}
	return s
}

func (s *server) measure(b *testing.B) {
	before, began := cpu(b, s.pid), time.Now()
	s.round(b, perRound)
	took := time.Since(began)
	s.cpu = append(s.cpu, (cpu(b, s.pid)-before)/float64(perRound))
	s.rate = append(s.rate, float64(perRound)/took.Seconds())
}

// round asks for n tokens over all connections.
func (s *server) round(b *testing.B, n int) {
	b.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.Application}, "client_secret": {s.Secret}}.Encode()
	request := fmt.Appendf(nil, "POST /id/connect/token HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		s.Address, len(form), form)
	var group sync.WaitGroup
	failed := make(chan error, connections)
	for range connections {
		group.Go(func() {
			if err := ask(s.Address, request, n/connections); err != nil {
				failed <- err
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		b.Fatalf("%s: %v", s.name, err)
	default:
	}
}

// ask sends a request n times over one connection. It is written on the bare
// connection, so that the loader takes as little of the machine as it can.
func ask(address string, request []byte, n int) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReaderSize(c, 8<<10)
	for range n {
		if _, err := c.Write(request); err != nil {
			return err
		}
		if err := answered(in); err != nil {
			return err
		}
	}
	return nil
}

// answered reads one answer and expects a token in it.
func answered(in *bufio.Reader) error {
	status, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(status), "HTTP/1.1 200 ") {
		return errors.New(strings.TrimSpace(string(status)))
	}
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if text, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(text)); err != nil {
				return err
			}
		}
	}
	start, err := in.Peek(17)
	if err != nil {
		return err
	}
	if string(start) != `{"access_token":"` {
		return fmt.Errorf("no token in the answer: %q", start)
	}
	_, err = in.Discard(length)
	return err
}

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return sorted[len(sorted)/2]
}

// medianRatio divides round by round: what the machine did besides in a round
// hit both.
func medianRatio(v, by []float64) float64 {
	ratios := make([]float64, len(v))
	for i := range v {
		ratios[i] = v[i] / by[i]
	}
	return median(ratios)
}
