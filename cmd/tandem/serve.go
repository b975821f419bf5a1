package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/platform"
)

// serving are the flags of programs that listen.
type serving struct {
	TLSCert string `name:"tls-cert" help:"Certificate to serve HTTPS with (PEM)." placeholder:"FILE"`
	TLSKey  string `name:"tls-key" help:"Its private key (PEM)." placeholder:"FILE"`
	TLSDev  bool   `name:"tls-dev" help:"Serve HTTPS with a certificate of a local authority, kept in the data folder (dev-ca.pem)."`
	CAFile  string `name:"ca-file" help:"Further certificate authorities to trust, such as another's dev-ca.pem (PEM)." placeholder:"FILE"`

	TrustedProxy   []string `help:"Network of proxies whose Forwarded or X-Forwarded-For is believed; may be repeated." placeholder:"CIDR"`
	MaxConnections int      `help:"Connections at a time; one address that is no proxy may have a quarter." default:"4096" placeholder:"N"`

	Drain time.Duration `help:"How long to serve on after SIGTERM, with /readyz at 503, until load balancers have turned away." default:"${drain}" placeholder:"TIME"`
	// ListenFD is the listener that a supervisor opened and handed down.
	ListenFD uint `name:"listen-fd" hidden:""`
}

// check refuses flags that do not go together and a certificate that cannot be
// used, before anything is made.
func (s *serving) check() error {
	if _, err := netaddr.ParseProxies(s.TrustedProxy...); err != nil {
		return usage("--trusted-proxy %w", err)
	}
	switch {
	case s.Drain < 0 || s.Drain > platform.MaxDrain:
		return usage("--drain %s: use 0s to %s", s.Drain, platform.MaxDrain)
	case s.MaxConnections < 4:
		return usage("--max-connections %d: use 4 or more", s.MaxConnections)
	case (s.TLSCert == "") != (s.TLSKey == ""):
		return usage("--tls-cert and --tls-key go together")
	case s.TLSDev && s.TLSCert != "":
		return usage("--tls-dev makes its own certificate: leave out --tls-cert and --tls-key")
	case s.TLSCert == "":
		return nil
	}
	_, err := platform.TLSConfig(s.TLSCert, s.TLSKey, nil)
	return err
}

func (s *serving) https() bool { return s.TLSDev || s.TLSCert != "" }

// options are how the program called name is served at the listener. A
// certificate of the development authority also names the further hosts.
func (s *serving) options(r *run, l net.Listener, log *slog.Logger, name string, hosts ...string) (o platform.ServeOptions, err error) {
	o = platform.ServeOptions{Listener: l, Log: log, Connections: s.MaxConnections, Drain: s.Drain}
	if o.Proxies, err = netaddr.ParseProxies(s.TrustedProxy...); err != nil {
		return o, err
	}
	o.TLS, err = s.tls(r, log, name, hosts...)
	return o, err
}

// tls is the configuration for the program called name; nil for plain HTTP. A
// certificate of the development authority also names the further hosts.
func (s *serving) tls(r *run, log *slog.Logger, name string, hosts ...string) (*tls.Config, error) {
	cert, key := s.TLSCert, s.TLSKey
	if s.TLSDev {
		var err error
		if cert, key, err = devCertificate(r.Data, name, hosts...); err != nil {
			return nil, err
		}
	}
	if cert == "" {
		return nil, nil
	}
	return platform.TLSConfig(cert, key, log)
}

// devCertificate makes a certificate for a program, of the data folder's
// development authority.
func devCertificate(dir, name string, hosts ...string) (cert, key string, err error) {
	if err := makeFolder(dir); err != nil {
		return "", "", err
	}
	ca, err := loadDevCA(dir)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(dir, "dev-"+name+".pem"), filepath.Join(dir, "dev-"+name+".key")
	return cert, key, ca.issue(cert, key, hosts...)
}

// trusted is the file with the authorities to trust beside the system's; empty
// for none.
func (s *serving) trusted(r *run) string {
	if s.CAFile == "" && s.TLSDev {
		return devCAFile(r.Data)
	}
	return s.CAFile
}

// listen opens the listener, or takes the one that a supervisor handed down.
func (s *serving) listen(flag, address string) (net.Listener, error) {
	if s.ListenFD == 0 {
		return openListener(flag, address)
	}
	file := os.NewFile(uintptr(s.ListenFD), "listener")
	defer file.Close() // FileListener has its own
	l, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("listener handed down: %w", err)
	}
	return l, nil
}

func openListener(flag, address string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return nil, usage("%s %q: use HOST:PORT, or :0 for a free port", flag, address)
	}
	l, err := net.Listen("tcp", listenAddress(address))
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %s; end the program that does, or choose another address with %s",
			address, reason(err), flag)
	}
	return l, nil
}

// listenAddress keeps a bare ":0" on this machine: only an address says that
// others are meant to reach it.
func listenAddress(address string) string {
	if strings.HasPrefix(address, ":") {
		return "127.0.0.1" + address
	}
	return address
}

// reason is the innermost text of a network error.
func reason(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

// publicURL is the root that browsers and clients use: the one given, or that
// of the listener on this machine.
func publicURL(flag, given string, l net.Listener, https bool) (string, error) {
	scheme := "http"
	if https {
		scheme = "https"
	}
	if given == "" {
		_, port, err := net.SplitHostPort(l.Addr().String())
		return scheme + "://localhost:" + port, err
	}
	root, err := platform.RootURL(given)
	if err != nil {
		return "", usage("%s: %w", flag, err)
	}
	if https && !strings.HasPrefix(root, "https:") {
		return "", usage("%s is http, but HTTPS is served: use https", flag)
	}
	return root, nil
}

// hostOf is the host name of a URL.
func hostOf(root string) string {
	u, err := url.Parse(root)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// serve runs a program until it is told to end. After SIGTERM it drains, until a
// second signal; Ctrl-C is somebody who waits.
func serve(ctx context.Context, p platform.Program, o platform.ServeOptions) error {
	o.Log.Info("listening", "address", o.Listener.Addr().String())
	hurry := make(chan os.Signal, 1)
	signal.Notify(hurry, os.Interrupt)
	defer signal.Stop(hurry)
	defer context.AfterFunc(ctx, func() {
		signal.Notify(hurry, syscall.SIGTERM)
		if o.Drain > 0 {
			o.Log.Info("draining", "for", o.Drain)
		}
	})()
	o.Hurry = hurry
	err := platform.Serve(ctx, p, o)
	if err == nil && ctx.Err() != nil {
		o.Log.Info("ended")
	}
	return err
}

// programLog is the log of a program that runs on: on standard error.
func (r *run) programLog(name string) *slog.Logger {
	log := r.logger(r.stderr, slog.LevelDebug)
	if r.LogFormat == "json" {
		log = log.With("program", name)
	}
	slog.SetDefault(log) // for the libraries that use it
	return log
}
