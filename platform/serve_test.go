package platform_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/platform"
)

// program is a program that notes in which order it ends.
type program struct {
	handler http.HandlerFunc
	run     func(ctx context.Context) error
	mu      sync.Mutex
	steps   []string
}

func (p *program) step(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = append(p.steps, name)
}

func (p *program) Handler() http.Handler { return p.handler }

func (p *program) Run(ctx context.Context) error {
	if p.run != nil {
		return p.run(ctx)
	}
	<-ctx.Done()
	p.step("background ended")
	return nil
}

func (p *program) Ready(context.Context) error { return nil }

func (p *program) Close() error {
	p.step("stores closed")
	return nil
}

func served(t *testing.T, p *program) (url string, stop func() error) {
	t.Helper()
	return servedWith(t, p, platform.ServeOptions{})
}

func servedWith(t *testing.T, p *program, o platform.ServeOptions) (url string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	ended := make(chan error, 1)
	o.Listener, o.Log = l, quiet
	go func() { ended <- platform.Serve(ctx, p, o) }()
	return "http://" + l.Addr().String(), func() error { cancel(); return <-ended }
}

func TestRunningRequestsFinishBeforeTheEnd(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	p := &program{}
	p.handler = func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-finish
		p.step("request done")
		_, _ = w.Write([]byte("whole"))
	}
	url, stop := served(t, p)
	body := make(chan string, 1)
	go func() {
		_, text := get(t, url)
		body <- text
	}()
	<-begun
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	close(finish)
	if text := <-body; text != "whole" {
		t.Errorf("the running request got %q", text)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := strings.Join(p.steps, ", "); got != "request done, background ended, stores closed" {
		t.Errorf("ended in the order: %s", got)
	}
}

func TestStreamsAreEnded(t *testing.T) {
	t.Parallel()
	p := &program{}
	p.handler = func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("data: 1\n\n"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		p.step("stream ended")
	}
	url, stop := served(t, p)
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || line != "data: 1\n" {
		t.Fatal(line, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if got := strings.Join(p.steps, ", "); got != "stream ended, background ended, stores closed" {
		t.Errorf("ended in the order: %s", got)
	}
}

func TestFailingBackgroundWorkEndsTheProgram(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	p := &program{handler: http.NotFound, run: func(context.Context) error { return broken }}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	err = platform.Serve(t.Context(), p, platform.ServeOptions{Listener: l, Log: quiet})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(p.steps, ", "); got != "stores closed" {
		t.Errorf("ended in the order: %s", got)
	}
}

func TestLimitsOfTheServer(t *testing.T) {
	t.Parallel()
	url, _ := served(t, &program{handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }})
	if status, _ := get(t, url, "X-Long", strings.Repeat("x", 64<<10)); status != 431 {
		t.Errorf("64 KiB of header got %d", status)
	}
	if status, _ := get(t, url, "X-Long", strings.Repeat("x", 8<<10)); status != 204 {
		t.Errorf("8 KiB of header got %d", status)
	}
}

func TestLongRequestsLiveAndStalledOnesDoNot(t *testing.T) {
	t.Parallel()
	const progress = 200 * time.Millisecond
	bodies := make(chan error, 1)
	p := &program{}
	p.handler = func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/stalled" {
			bodies <- err
			return
		}
		select {
		case <-r.Context().Done():
			w.WriteHeader(500)
		case <-time.After(3 * progress): // longer than one write may take
			_, _ = io.WriteString(w, "still here")
		}
	}
	url, _ := servedWith(t, p, platform.ServeOptions{Progress: progress})
	for name, body := range map[string]io.Reader{"with a body": strings.NewReader("hello"), "without": nil} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", url, body)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(name, err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(text) != "still here" {
			t.Errorf("a long request %s got %d %q (%v)", name, res.StatusCode, text, err)
		}
	}

	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /stalled HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"); err != nil {
		t.Fatal(err)
	}
	if err := <-bodies; err == nil {
		t.Error("a body that never came was read to its end")
	}
}

// A body that drips is ended, however lively it is.
func TestBodiesThatDripAreEnded(t *testing.T) {
	t.Parallel()
	read := make(chan error, 10)
	p := &program{handler: func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		read <- err
	}}
	o := platform.ServeOptions{Bodies: platform.BodyLimits{Grace: 200 * time.Millisecond, Rate: 1 << 20}}
	url, _ := servedWith(t, p, o)
	drip := func(head, drop string) error {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, head); err != nil {
			t.Fatal(err)
		}
		patience := time.After(testkit.Patience)
		for {
			select {
			case err := <-read:
				return err
			case <-patience:
				return errors.New("the body is held for ever")
			case <-time.After(5 * time.Millisecond):
				_, _ = io.WriteString(conn, drop) // fails when the server has had enough
			}
		}
	}
	for name, head := range map[string]string{
		"with a length": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
		"in chunks":     "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		drop := "x"
		if name == "in chunks" {
			drop = "1\r\nx\r\n"
		}
		if err := drip(head, drop); err == nil || !strings.Contains(err.Error(), "too slowly") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// One address has a quarter of the connections, a proxy all that are left, and
// who is turned away learns it at once. What is closed makes room.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	ok := func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) }
	proxies, err := netaddr.ParseProxies("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		o    platform.ServeOptions
		want int
	}{"an address": {platform.ServeOptions{Connections: 20}, 5}, "a proxy": {platform.ServeOptions{Connections: 20, Proxies: proxies}, 20}} {
		t.Run(name, func(t *testing.T) {
			url, _ := servedWith(t, &program{handler: ok}, test.o)
			var open []net.Conn
			defer func() {
				for _, c := range open {
					c.Close()
				}
			}()
			try := func() bool {
				c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				open = append(open, c)
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // fails on a connection that was turned away
				res, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					return false
				}
				res.Body.Close()
				return true
			}
			for i := range test.want {
				if !try() {
					t.Fatalf("connection %d was turned away", i+1)
				}
			}
			if try() {
				t.Errorf("connection %d was let in", test.want+1)
			}
			open[0].Close()
			testkit.Eventually(t, "room for one more", try)
		})
	}
}

// Everything behind the server sees the client's address, as the proxy tells.
func TestHandlersSeeTheClientBehindAProxy(t *testing.T) {
	t.Parallel()
	proxies, err := netaddr.ParseProxies("127.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	p := func() *program {
		return &program{handler: func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, netaddr.Host(r.RemoteAddr)) }}
	}
	url, _ := servedWith(t, p(), platform.ServeOptions{Proxies: proxies})
	if _, got := get(t, url, "X-Forwarded-For", "1.2.3.4, 203.0.113.9"); got != "203.0.113.9" {
		t.Errorf("behind a proxy: %s", got)
	}
	url, _ = served(t, p())
	if _, got := get(t, url, "X-Forwarded-For", "203.0.113.9"); got != "127.0.0.1" {
		t.Errorf("a stranger's word was believed: %s", got)
	}
}
