package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/internal/patience"
	"github.com/hybridapps/tandem/oauth/dpop"
)

// authorised makes API calls with the tokens of one half. It is what
// [UserClient] and [ServiceClient] have in common; each gives it its own kind.
type authorised struct {
	http *http.Client
	// origins are those that a token may be sent to.
	origins []string
	// token is the access token to use now.
	token func(context.Context) (*accessToken, error)
	// rejected is told that the API responded 401 to the token. With wait it
	// returns another one to try, or nil when there is none.
	rejected func(ctx context.Context, t *accessToken, wait bool) *accessToken
	// onBehalf says that calls carry what OnBehalfOf put into their context.
	onBehalf bool
	observe  func(Call)
	clock    tandem.Clock
	// patience is how long the API may be silent, see [Patient].
	patience time.Duration
	// proofs make proofs of possession; nil for none.
	proofs *proofs
}

// apiOrigins are the issuer's origin and those configured.
func apiOrigins(p *Provider, configured []string) ([]string, error) {
	out := []string{p.issuerOrigin}
	for _, text := range configured {
		u, err := secureURL(text)
		if err != nil {
			return nil, fmt.Errorf("APIOrigins: %w", err)
		}
		if (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
			return nil, fmt.Errorf("APIOrigins: %q is more than an origin (https://HOST)", text)
		}
		out = append(out, origin(u))
	}
	return out, nil
}

// do sends the request with a token, and once more with another one if the
// first is refused and the request may be repeated. also is an origin that is
// allowed for this request, beside the configured ones.
func (a *authorised) do(req *http.Request, also string) (*http.Response, error) {
	if err := a.mayGo(req.URL, also); err != nil {
		closeBody(req)
		return nil, err
	}
	ctx := req.Context()
	t, err := a.token(ctx)
	if err == nil {
		err = mayAct(ctx, t)
	}
	if err != nil {
		closeBody(req) // fails closed: no token, no request
		return nil, err
	}
	res, err := a.send(req, t)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusUnauthorized {
		t.accepted.Store(true)
		return res, nil
	}
	if challengesNonce(res) { // the token is as good as it was; the next call knows the nonce
		return res, nil
	}
	repeat := repeatable(req)
	other := a.rejected(ctx, t, repeat)
	if other == nil || !repeat {
		return res, nil
	}
	if err := mayAct(ctx, other); err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	again := req.Clone(ctx)
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return res, nil
		}
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // to keep the connection
	_ = res.Body.Close()
	if res, err = a.send(again, other); err == nil && res.StatusCode != http.StatusUnauthorized {
		other.accepted.Store(true)
	}
	return res, err
}

// mayGo refuses every address that the token is not for.
func (a *authorised) mayGo(u *url.URL, also string) error {
	if u == nil || u.Host == "" || (u.Scheme != "https" && (u.Scheme != "http" || !netaddr.IsLoopback(u.Hostname()))) {
		return tandem.Errorf(tandem.CodeInvalid, "an API call needs an absolute https address")
	}
	if o := origin(u); o != also && !slices.Contains(a.origins, o) {
		return tandem.Errorf(tandem.CodeForbidden,
			"the token is not sent to %s: it is none of the API's origins; if it is, name it in APIOrigins", webOrigin(u))
	}
	return nil
}

// send sends the request with the token, and again where the API wants its nonce in the
// proof: it has done nothing then.
func (a *authorised) send(req *http.Request, t *accessToken) (*http.Response, error) {
	res, fresh, err := a.sendOnce(req, t)
	if err != nil || !fresh || !challengesNonce(res) {
		return res, err
	}
	again := req.Clone(req.Context())
	switch {
	case req.GetBody != nil:
		if again.Body, err = req.GetBody(); err != nil {
			return res, nil
		}
	case req.Body != nil && req.Body != http.NoBody:
		return res, nil
	}
	_ = res.Body.Close()
	res, _, err = a.sendOnce(again, t)
	return res, err
}

// ofTheCaller are the headers that say who calls and for whom: that is said here alone.
var ofTheCaller = []string{"Authorization", "X-Api-Key", "Api-Key", dpop.Header, OnBehalfHeader, NarrowHeader}

// sendOnce reports beside the answer whether it has another nonce than the request's proof.
func (a *authorised) sendOnce(req *http.Request, t *accessToken) (*http.Response, bool, error) {
	out := req.Clone(req.Context())
	out.Host = ""
	if out.Header == nil {
		out.Header = http.Header{}
	}
	for _, name := range ofTheCaller { // of whoever an application forwards
		out.Header.Del(name)
	}
	out.Header.Set("Authorization", a.proofs.scheme()+" "+t.raw())
	nonce, err := a.proofs.add(out.Header, out.Method, out.URL, t.raw())
	if err != nil {
		closeBody(req)
		return nil, false, err
	}
	onBehalf := ""
	if a.onBehalf {
		onBehalf = setOnBehalf(out)
	}
	at, began := a.clock.Now(), tandem.SystemTime()
	res, err := patience.Do(a.http, out, patienceOf(req.Context(), a.patience))
	fresh := err == nil && a.proofs.heard(out.URL, res.Header, nonce)
	if a.observe == nil {
		return res, fresh, err
	}
	call := Call{
		At: at, Method: out.Method, Path: out.URL.Path, Duration: tandem.SystemTime().Sub(began),
		Identity: t.identity, OnBehalfOf: onBehalf,
	}
	if err == nil {
		call.Status = res.StatusCode
		call.SessionID = res.Header.Get("Tandem-Session")
		call.Slot, _ = strconv.Atoi(res.Header.Get("Tandem-Slot")) // zero where it is none
	}
	a.observe(call)
	return res, fresh, err
}

// repeatable reports whether a request may be sent twice: its method has the
// same effect twice as once (RFC 9110 section 9.2.2), or the caller says so with
// an Idempotency-Key, and its body can be had again.
func repeatable(req *http.Request) bool {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return false
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	}
	return req.Header.Get("Idempotency-Key") != ""
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
