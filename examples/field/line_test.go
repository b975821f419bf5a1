package main

import (
	"io"
	"net"
	"sync"
	"testing"
)

// line is the network between phones and the cloud: connections go through it, and it can be
// cut, at once or after so many bytes more that the phone has sent.
type line struct {
	listen net.Listener
	to     string

	mu    sync.Mutex
	open  map[net.Conn]bool
	isCut bool
	left  int64 // bytes until it is cut; negative for never
}

func newLine(t *testing.T) *line {
	t.Helper()
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	free := listen()
	defer free.Close()
	l := &line{listen: listen(), to: free.Addr().String(), open: map[net.Conn]bool{}, left: -1}
	t.Cleanup(func() { l.listen.Close(); l.cut(true) })
	go l.serve()
	return l
}

func (l *line) address() string { return l.listen.Addr().String() }

func (l *line) serve() {
	for {
		phone, err := l.listen.Accept()
		if err != nil {
			return
		}
		go l.carry(phone)
	}
}

func (l *line) carry(phone net.Conn) {
	defer phone.Close()
	cloud, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer cloud.Close()
	l.mu.Lock()
	if l.isCut {
		l.mu.Unlock()
		return
	}
	l.open[phone] = true
	l.mu.Unlock()
	go func() { _, _ = io.Copy(phone, cloud); phone.Close() }()
	_, _ = io.Copy(cloud, io.TeeReader(phone, l))
	l.mu.Lock()
	delete(l.open, phone)
	l.mu.Unlock()
}

// Write counts what the phone sends.
func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left >= 0 {
		if l.left -= int64(len(p)); l.left < 0 {
			l.isCut = true
			l.drop()
			return 0, net.ErrClosed
		}
	}
	return len(p), nil
}

// drop ends all connections; it is called with the lock.
func (l *line) drop() {
	for c := range l.open {
		c.Close()
	}
}

// cut takes the line away, or gives it back.
func (l *line) cut(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isCut = on; on {
		l.drop()
	}
}

// cutAfter cuts it when the phone has sent so many bytes more.
func (l *line) cutAfter(n int64) { l.mu.Lock(); defer l.mu.Unlock(); l.left = n }

func (l *line) wasCut() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.left < 0 }
