package platform

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
)

// DefaultConnections is how many connections a server has open at a time.
const DefaultConnections = 4096

// connectionLog is how often it is told that connections were turned away.
const connectionLog = time.Minute

// limitedListener turns connections away when there are too many: in all, and
// of one address that is no proxy. They are closed at once; to let them wait
// would let who holds the others keep everybody out.
type limitedListener struct {
	net.Listener
	all, each int
	proxies   netaddr.Proxies
	log       *slog.Logger

	mu     sync.Mutex
	open   int
	by     map[string]int
	turned int // away since it was told
	told   time.Time
}

func limitConnections(l net.Listener, o *ServeOptions) net.Listener {
	return &limitedListener{
		Listener: l, all: o.Connections, each: max(1, o.Connections/4), proxies: o.Proxies, log: o.Log, by: map[string]int{},
	}
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := c.RemoteAddr().String()
		if counted, ok := l.enter(address); ok {
			return &limitedConn{Conn: c, leave: sync.OnceFunc(func() { l.leave(counted) })}, nil
		}
		c.Close() // nothing was read or written
	}
}

// enter counts a connection, under the returned key.
func (l *limitedListener) enter(address string) (key string, ok bool) {
	if !l.proxies.Contains(address) {
		key = netaddr.Network(address)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.all || key != "" && l.by[key] >= l.each {
		l.turned++
		if now := tandem.SystemTime(); now.Sub(l.told) >= connectionLog {
			l.log.Warn("connections turned away: too many are open", "count", l.turned, "open", l.open,
				"from", netaddr.Host(address), "open_from_there", l.by[key])
			l.told, l.turned = now, 0
		}
		return "", false
	}
	l.open++
	if key != "" {
		l.by[key]++
	}
	return key, true
}

func (l *limitedListener) leave(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if key == "" {
		return
	}
	if l.by[key]--; l.by[key] == 0 {
		delete(l.by, key)
	}
}

type limitedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite ends one direction, so that who still writes can read the answer.
func (c *limitedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// fromProxies gives every request the address of its client in the place of
// the proxy's, so that limits, records and logs all see the same one.
func fromProxies(proxies netaddr.Proxies, next http.Handler) http.Handler {
	if len(proxies) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = proxies.Client(r)
		next.ServeHTTP(w, r)
	})
}
