package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
)

// Limits of what is read from a provider.
const (
	maxDocument      = 1 << 20 // discovery, keys
	maxTokenResponse = 256 << 10
	maxToken         = 16 << 10 // one token, in bytes
	requestTimeout   = 30 * time.Second
	discoveryTimeout = 5 * time.Second
	connectTimeout   = 5 * time.Second
	// pageTimeout bounds what a sign-in's page may wait for the provider.
	pageTimeout = 8 * time.Second
)

// How long the server may be silent in a call of the API: until its response
// begins, and between the parts of one. People wait for the calls made as them;
// an Import answers when it is done.
const (
	userPatience    = 8 * time.Second
	servicePatience = time.Minute
	importPatience  = 10 * time.Minute
)

type patienceKey struct{}

// Patient lets the calls of the API that are made with ctx wait for a silent
// server for up to d, instead of 8 seconds in a call as a person and a minute in
// one as the application.
func Patient(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, patienceKey{}, d)
}

// patienceOf is what [Patient] has put into ctx, or usual.
func patienceOf(ctx context.Context, usual time.Duration) time.Duration {
	if d, ok := ctx.Value(patienceKey{}).(time.Duration); ok {
		return d
	}
	return usual
}

// Transport makes an HTTP transport with time limits that trusts the system's
// certificate authorities and, when caFile is not empty, those in that PEM
// file (a development authority).
func Transport(caFile string) (*http.Transport, error) {
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		ResponseHeaderTimeout:  importPatience, // calls have shorter ones of their own
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    32,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
	if caFile == "" {
		return t, nil
	}
	text, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate in PEM found", caFile)
	}
	t.TLSClientConfig.RootCAs = roots
	return t, nil
}

// pickTransport is rt, or fallback when it is nil. One that does not verify
// certificates is refused.
func pickTransport(rt, fallback http.RoundTripper) (http.RoundTripper, error) {
	if rt == nil {
		rt = fallback
	}
	if rt == nil {
		return Transport("")
	}
	if t, ok := rt.(*http.Transport); ok && t.TLSClientConfig != nil && t.TLSClientConfig.InsecureSkipVerify {
		return nil, errors.New("the Transport does not verify TLS certificates (InsecureSkipVerify): " +
			"whoever is between could read every token; name the authority with Transport(caFile) instead")
	}
	return rt, nil
}

// httpClient follows no redirect: where a request with a credential or a token
// goes is never the response's choice.
func httpClient(rt http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     rt,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// secureURL reads an absolute URL that tokens and credentials may go to: https,
// or http on a loopback host.
func secureURL(text string) (*url.URL, error) { return netaddr.SecureURL(text) }

// origin is the scheme and host with its port, in one form.
func origin(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(host, port)
}

// webOrigin is the origin as browsers write it, without a usual port.
func webOrigin(u *url.URL) string {
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// getJSON fetches a document of the provider.
func getJSON(ctx context.Context, c *http.Client, address string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	res, err := c.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("unexpected answer %s", res.Status)
	}
	body, err := readLimited(res.Body, maxDocument)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return errors.New("the answer is not the JSON expected")
	}
	return nil
}

func readLimited(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("the answer is larger than %d bytes", limit)
	}
	return body, nil
}

// withoutURL leaves the address out of an error of package http: it may hold
// what a person searched for.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// failure is an error for a person that keeps its cause for errors.As, such as
// the *oauth.Error of a token endpoint. As text, for a log, it has both.
type failure struct {
	shown *tandem.Error
	cause error
}

func (f *failure) Error() string {
	if f.cause == nil || strings.Contains(f.shown.Message, f.cause.Error()) {
		return f.shown.Message
	}
	return f.shown.Message + ": " + f.cause.Error()
}

func (f *failure) Unwrap() []error { return []error{f.shown, f.cause} }

func fail(code tandem.Code, cause error, format string, args ...any) error {
	return &failure{tandem.Errorf(code, format, args...), cause}
}
