package federation

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Limits of what is read from a provider.
const (
	connectWithin = 3 * time.Second
	answerWithin  = 5 * time.Second
	maxAnswer     = 512 << 10
	maxHeaders    = 64 << 10
)

// outward is a context for go-oidc and x/oauth2, which take their HTTP client from it: one
// with limits, which follows no redirect. Where a secret goes is never the answer's choice.
func (rp *RelyingParty) outward(ctx context.Context) context.Context {
	rp.once.Do(func() {
		transport := rp.Transport
		if transport == nil {
			transport = &http.Transport{
				Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connectWithin}).DialContext, TLSHandshakeTimeout: connectWithin,
				ResponseHeaderTimeout: answerWithin, MaxResponseHeaderBytes: maxHeaders, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
			}
		}
		rp.http = &http.Client{
			Transport: bounded{transport}, Timeout: answerWithin + connectWithin,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	})
	return oidc.ClientContext(ctx, rp.http)
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
