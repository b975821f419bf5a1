package platform

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/hybridapps/tandem/internal/netaddr"
)

// door is the way out to one URL that an administrator named: to its host and nowhere else,
// by no proxy and no redirect, and to no address that the host should not have.
type door struct {
	url string
	// networks are private ones that the host may be in, and flag is what allows them.
	networks []netip.Prefix
	flag     string
	// roots are the authorities that the host's certificate may be of; nil means the system's.
	roots *x509.CertPool
	// timeout bounds all of it, and answer the bytes that are read.
	timeout time.Duration
	answer  int64
}

// send sends the request and says why it was not taken: without the URL, which may be a
// secret.
func (d door) send(req *http.Request) error {
	res, err := d.client().Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, d.answer)); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("the answer is %s", res.Status)
	}
	return nil
}

func (d door) client() *http.Client {
	dialer := &net.Dialer{Timeout: d.timeout, Control: func(_, address string, _ syscall.RawConn) error { return d.allows(address) }}
	return &http.Client{
		Timeout: d.timeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: d.timeout, ResponseHeaderTimeout: d.timeout, DisableKeepAlives: true,
			MaxResponseHeaderBytes: d.answer, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: d.roots},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// carrierGrade is shared by the customers of a provider (RFC 6598), translated by gateways
// is RFC 6052: neither is the Internet.
var (
	carrierGrade = netip.MustParsePrefix("100.64.0.0/10")
	translated   = netip.MustParsePrefix("64:ff9b::/96")
)

// allows says why a resolved address is not one that may be reached. This machine's own
// may, where the URL names it.
func (d door) allows(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s is no address", address)
	}
	ip := at.Addr().Unmap().WithZone("")
	u, err := url.Parse(d.url)
	if err == nil && netaddr.IsLoopback(u.Hostname()) && ip.IsLoopback() {
		return nil
	}
	for _, n := range d.networks {
		if n.Contains(ip) {
			return nil
		}
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || carrierGrade.Contains(ip) || translated.Contains(ip) {
		return fmt.Errorf("%s is not an address of the Internet: allow its network with %s, if that is meant", ip, d.flag)
	}
	return nil
}
