package federation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/hybridapps/tandem/internal/netaddr"
)

// Limits of what is read from a provider.
const (
	connectWithin = 3 * time.Second
	answerWithin  = 5 * time.Second
	maxAnswer     = 512 << 10
	maxHeaders    = 64 << 10
)

// Network says where outside providers may be, and how they are found.
type Network struct {
	// Networks are private ones that they may be in. An address of a private network or of
	// a link is refused otherwise, whoever names it, and one of this machine where the
	// issuer does not name it. By a proxy of the environment (HTTPS_PROXY) the proxy decides.
	Networks []netip.Prefix
	// Roots are the authorities that their certificates may be of; nil means the system's.
	Roots *x509.CertPool
	// Resolver finds the addresses of their names; nil means the system's.
	Resolver *net.Resolver
}

// outward is a context for go-oidc and x/oauth2, which take their HTTP client from it: one
// with limits, which follows no redirect. Where a secret goes is never the answer's choice.
func (rp *RelyingParty) outward(ctx context.Context) context.Context {
	rp.once.Do(func() {
		rp.http = &http.Client{
			Transport: bounded{rp.Network.transport()}, Timeout: answerWithin + connectWithin,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	})
	return oidc.ClientContext(ctx, rp.http)
}

// transport leads to providers and not into the network of this server: what a discovery
// document names is the word of somebody else.
func (n *Network) transport() http.RoundTripper {
	out := netaddr.Door{Networks: n.Networks, Flag: "--provider-network", Resolver: n.Resolver, Timeout: connectWithin}
	t := &http.Transport{
		DialContext: out.DialContext, TLSHandshakeTimeout: connectWithin, ResponseHeaderTimeout: answerWithin, MaxResponseHeaderBytes: maxHeaders,
		IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: n.Roots},
	}
	by := t.Clone()
	by.Proxy = http.ProxyFromEnvironment
	by.DialContext = (&net.Dialer{Timeout: connectWithin}).DialContext
	return &leading{direct: t, proxied: by, out: out}
}

// leading leads to hosts straight away, or by the proxy that the operator has set for
// everything that goes out: names are that one's to resolve and to allow.
type leading struct {
	direct, proxied *http.Transport
	out             netaddr.Door
}

// RoundTrip implements [http.RoundTripper].
func (l *leading) RoundTrip(r *http.Request) (*http.Response, error) {
	proxy, err := http.ProxyFromEnvironment(r)
	switch {
	case err != nil:
		return nil, err
	case proxy == nil:
		return l.direct.RoundTrip(r)
	}
	if ip, err := netip.ParseAddr(r.URL.Hostname()); err == nil {
		if err := l.out.Allows(r.URL.Hostname(), netip.AddrPortFrom(ip, 0).String()); err != nil {
			return nil, err
		}
	}
	return l.proxied.RoundTrip(r)
}

// bounded bounds the bodies of answers: whoever reads them reads them whole.
type bounded struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = http.MaxBytesReader(nil, res.Body, maxAnswer)
	}
	return res, err
}
