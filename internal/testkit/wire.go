package testkit

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Wire is the way to a server by TCP, which can stop: as a process that stands still, or a
// machine that vanished, it says nothing more and closes nothing. It can also hold the
// connections that there are, as a server whose processes hang.
type Wire struct {
	// URL is that of the server, by the wire.
	URL string
	// Stopped is closed when it stops.
	Stopped chan struct{}

	mu    sync.Mutex
	left  int // messages until it stops; negative: as many as come
	conns []net.Conn
	held  map[net.Conn]bool // by the client's end
}

// NewWire lays one to the server of a URL, for as long as the test takes.
func NewWire(t testing.TB, to string) *Wire {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{Stopped: make(chan struct{}), left: -1, held: map[net.Conn]bool{}}
	server := u.Host
	u.Host = l.Addr().String()
	w.URL = u.String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", server)
			if err != nil {
				c.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, c, s)
			w.held[c] = false
			w.mu.Unlock()
			go func() { _, _ = io.Copy(c, s) }()
			go w.pass(c, s)
		}
	}()
	t.Cleanup(func() { l.Close(); w.Cut() })
	return w
}

// pass hands on what the client says, a message at a time, until it stops.
func (w *Wire) pass(from, to net.Conn) {
	message := make([]byte, 1<<16)
	for {
		n, err := from.Read(message)
		w.mu.Lock()
		held := w.held[from]
		w.mu.Unlock()
		if err != nil {
			if held { // the server hears of that
				to.Close()
			}
			return
		}
		if held {
			continue
		}
		w.mu.Lock()
		stop := w.left == 0
		if stop {
			w.left = -2
			close(w.Stopped)
		}
		if w.left > 0 {
			w.left--
		}
		stop = stop || w.left == -2
		w.mu.Unlock()
		if stop {
			return // and nothing is closed
		}
		if _, err := to.Write(message[:n]); err != nil {
			return
		}
	}
}

// StopAfter stops it after so many messages of the client.
func (w *Wire) StopAfter(messages int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = messages
}

// Hold lets nothing more pass over the connections that there are, until the client closes
// them. Those that are made later are as before.
func (w *Wire) Hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.held {
		w.held[c] = true
	}
}

// Cut closes all connections.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
}
