package platform

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/hybridapps/tandem/internal/netaddr"
)

// Limits of the HTTP servers. There is no bound on a whole response, because
// exports and event streams are long: each write has its own. Those of bodies
// are in [BodyLimits].
const (
	maxHeader         = 32 << 10
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	// progressTimeout is the default of ServeOptions.Progress. drainTimeout is
	// how long the rest of a body that no handler wanted may take.
	progressTimeout = time.Minute
	drainTimeout    = 5 * time.Second
	// graceTimeout is how long requests may go on when the server ends;
	// lastTimeout how long they have after their contexts ended too.
	graceTimeout = 1500 * time.Millisecond
	lastTimeout  = 500 * time.Millisecond
)

// Program is one of the three programs of a system: an [Instance], a web app or
// a worker.
type Program interface {
	Handler() http.Handler
	// Run works in the background until ctx ends.
	Run(ctx context.Context) error
	// Ready says why the program cannot answer now.
	Ready(ctx context.Context) error
	Close() error
}

// ServeOptions are how a program is served.
type ServeOptions struct {
	Listener net.Listener
	// TLS is nil for plain HTTP.
	TLS *tls.Config
	// Metrics, when set, gets a listener of its own for Instance.Metrics.
	Metrics        net.Listener
	MetricsHandler http.Handler
	Log            *slog.Logger
	// Proxies are those whose word about where a request came from is believed.
	Proxies netaddr.Proxies
	// Connections are how many may be open at a time; zero means
	// [DefaultConnections]. One address that is no proxy may have a quarter.
	Connections int
	// Progress is how long one read of a body, or one write of an answer, may
	// take; zero means a minute.
	Progress time.Duration
	// Bodies bound the time that a body may take; zero means the defaults.
	Bodies BodyLimits
	// Drain is how long the server goes on when it is told to end, so that load
	// balancers learn of it: /readyz says 503, and every answer ends its
	// connection. Zero, the default, is for one process that nobody stands in for.
	Drain time.Duration
	// Hurry ends the drain early; nil means never.
	Hurry <-chan os.Signal
}

func (o *ServeOptions) defaults() {
	if o.Connections == 0 {
		o.Connections = DefaultConnections
	}
	if o.Progress == 0 {
		o.Progress = progressTimeout
	}
	o.Bodies.defaults()
}

// Serve runs a program until ctx ends or its server fails, and closes it. The
// end comes in order: load balancers are told, then there are no new connections,
// running requests finish, background work writes back what it has, and the
// stores are closed.
func Serve(ctx context.Context, p Program, o ServeOptions) error {
	o.defaults()
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ran := make(chan error, 1)
	go func() { ran <- p.Run(background) }()

	failed := make(chan error, 2)
	going := &drain{}
	servers := []*server{startServer(o, o.Listener, o.TLS, going.handler(p.Handler()), failed)}
	if o.Metrics != nil {
		servers = append(servers, startServer(o, o.Metrics, nil, o.MetricsHandler, failed))
	}
	until := func(end <-chan struct{}) error {
		select {
		case <-end:
			return nil
		case err := <-failed:
			return err
		case err := <-ran:
			ran <- nil
			return cmp.Or(err, errors.New("the background work ended by itself"))
		}
	}
	err := until(ctx.Done())
	if err == nil && o.Drain > 0 {
		err = until(going.begin(o.Drain, o.Hurry))
	}
	for _, s := range servers {
		s.stop()
	}
	stop()
	return errors.Join(err, <-ran, p.Close())
}

type server struct {
	*http.Server
	cancel context.CancelFunc
}

func startServer(o ServeOptions, l net.Listener, t *tls.Config, h http.Handler, failed chan<- error) *server {
	// The requests' base context is our own: a request in the middle may finish
	// when the program is told to end.
	base, cancel := context.WithCancel(context.Background())
	l = limitConnections(l, &o)
	// There is no ReadTimeout: it bounds a body of any size with one time.
	s := &server{cancel: cancel, Server: &http.Server{
		Handler: fromProxies(o.Proxies, progressing(&o, h)), MaxHeaderBytes: maxHeader, ReadHeaderTimeout: readHeaderTimeout,
		WriteTimeout: o.Progress, IdleTimeout: idleTimeout,
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    log.New(serverLog{o.Log}, "", 0),
	}}
	s.TLSConfig = t
	go func() {
		var err error
		if t != nil {
			err = s.ServeTLS(l, "", "")
		} else {
			err = s.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
		}
	}()
	return s
}

// stop lets requests finish for a while, then ends their contexts, which ends
// event streams, and in the end their connections.
func (s *server) stop() {
	defer s.cancel()
	grace, cancel := context.WithTimeout(context.Background(), graceTimeout)
	defer cancel()
	if s.Shutdown(grace) == nil {
		return
	}
	s.cancel()
	last, cancelLast := context.WithTimeout(context.Background(), lastTimeout)
	defer cancelLast()
	if s.Shutdown(last) != nil {
		_ = s.Close() // nothing is left to wait for
	}
}

// serverLog turns the HTTP server's own lines, such as failed TLS handshakes,
// into debug lines: any scanner causes them.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	if strings.HasPrefix(text, "http: panic") {
		l.log.Error("a request panicked", "panic", text)
	} else {
		l.log.Debug("http server", "said", text)
	}
	return len(line), nil
}

// securityHeaders adds what every response of an https program has. On this
// machine's own name it would reach the programs on all other ports too.
func securityHeaders(root string, next http.Handler) http.Handler {
	u, err := url.Parse(root)
	if err != nil || u.Scheme != "https" || netaddr.IsLoopback(u.Hostname()) {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		next.ServeHTTP(w, r)
	})
}
