package platform

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/hybridapps/tandem/internal/netaddr"
)

// door is the way out to a URL that an administrator named: to its host and nowhere else,
// by no proxy and no redirect, and to no address that the host should not have.
type door struct {
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
	return &http.Client{
		Timeout: d.timeout,
		Transport: &http.Transport{
			DialContext: d.out().DialContext, TLSHandshakeTimeout: d.timeout, ResponseHeaderTimeout: d.timeout, DisableKeepAlives: true,
			MaxResponseHeaderBytes: d.answer, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: d.roots},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (d door) out() netaddr.Door {
	return netaddr.Door{Networks: d.networks, Flag: d.flag, Timeout: d.timeout}
}
