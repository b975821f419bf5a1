package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// defaultLifetime is assumed of an access token whose response does not tell.
const defaultLifetime = 5 * time.Minute

// errUnusable is among the causes of an answer of success that gives nothing to work with:
// it spent what was asked with, or would come again.
var errUnusable = errors.New("the token answer is unusable")

// tokenEndpoint makes token requests for one half of an application.
type tokenEndpoint struct {
	provider       *Provider
	applicationURI string
	credential     *credential
	clock          tandem.Clock
	// proofs make proofs of possession; nil for none.
	proofs *proofs
}

// tokenResponse is a good response of the token endpoint (RFC 6749 section 5.1).
type tokenResponse struct {
	access  *accessToken
	refresh string
	idToken string
}

// attemptTimeout bounds one attempt at a request that may be made twice: both
// must reach the server within the ten seconds in which it gives a replaced
// refresh token's successor again.
const attemptTimeout = 4 * time.Second

// request makes a token request. With again, a request whose answer got lost is
// made once more: it must be one that the server lets repeat.
func (e *tokenEndpoint) request(ctx context.Context, form url.Values, again bool) (*tokenResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	m, err := e.provider.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	limit := requestTimeout
	if again {
		limit = attemptTimeout
	}
	res, fresh, body, err := e.attempt(ctx, &m, form, limit)
	if err == nil && fresh && wantsNonce(res.StatusCode, body) {
		res, _, body, err = e.attempt(ctx, &m, form, limit)
	}
	if again && ctx.Err() == nil && lost(res, err) {
		// For example a connection that the server closed when it restarted.
		res, _, body, err = e.attempt(ctx, &m, form, limit)
	}
	if err != nil {
		return nil, fail(tandem.CodeUnavailable, err, "the identity server %s does not answer: %v", e.provider.issuer, err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, e.refused(res, body)
	}
	response, err := e.read(res, body)
	if err != nil {
		return nil, fail(tandem.CodeUnavailable, errors.Join(errUnusable, err), "the identity server %s gave an unusable token answer: %v", e.provider.issuer, err)
	}
	return response, nil
}

// lost reports whether the server may have done what was asked although no answer
// of it came: the connection broke, or a proxy gave up.
func lost(res *http.Response, err error) bool {
	return err != nil || res.StatusCode == http.StatusBadGateway || res.StatusCode == http.StatusGatewayTimeout
}

// attempt makes the request once and reads its answer; of the nonce it tells what post does.
func (e *tokenEndpoint) attempt(ctx context.Context, m *oauth.Metadata, form url.Values, limit time.Duration) (*http.Response, bool, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	res, fresh, err := e.post(ctx, m, m.TokenEndpoint, form)
	if err != nil {
		return nil, false, nil, err
	}
	defer res.Body.Close()
	body, err := readLimited(res.Body, maxTokenResponse)
	return res, fresh, body, err
}

// post sends a form to an endpoint that the client authenticates at. It reports beside the
// answer whether it has another nonce than the request's proof.
func (e *tokenEndpoint) post(ctx context.Context, m *oauth.Metadata, address string, form url.Values) (*http.Response, bool, error) {
	values := url.Values{}
	for name, v := range form {
		values[name] = v
	}
	header := http.Header{}
	if err := e.credential.authenticate(values, header, e.applicationURI, m, e.clock.Now()); err != nil {
		return nil, false, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		return nil, false, err
	}
	nonce, err := e.proofs.add(header, http.MethodPost, req.URL, "")
	if err != nil {
		return nil, false, err
	}
	req.Header = header
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	header.Set("Accept", "application/json")
	res, err := e.provider.http.Do(req)
	if err != nil {
		return nil, false, withoutURL(err)
	}
	return res, e.proofs.heard(req.URL, res.Header, nonce), nil
}

// read takes what is needed from a good response. Its text appears in no error.
func (e *tokenEndpoint) read(res *http.Response, body []byte) (*tokenResponse, error) {
	if kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); kind != "application/json" {
		return nil, errors.New("it is not JSON")
	}
	var a struct {
		AccessToken  string      `json:"access_token"`
		TokenType    string      `json:"token_type"`
		ExpiresIn    json.Number `json:"expires_in"` // some send a string
		RefreshToken string      `json:"refresh_token"`
		IDToken      string      `json:"id_token"`
		Scope        string      `json:"scope"`
	}
	if json.Unmarshal(body, &a) != nil {
		return nil, errors.New("its JSON has unexpected types")
	}
	if want := e.proofs.scheme(); !strings.EqualFold(a.TokenType, want) {
		return nil, fmt.Errorf("its token_type is not %s", want)
	}
	for name, token := range map[string]string{"access_token": a.AccessToken, "refresh_token": a.RefreshToken, "id_token": a.IDToken} {
		if len(token) > maxToken || strings.ContainsFunc(token, func(r rune) bool { return r < ' ' || r > '~' }) {
			return nil, fmt.Errorf("its %s is malformed", name)
		}
		// A refresh token may have spaces (RFC 6749 appendix A.17); in a header or a
		// JWT there is no place for one.
		if name != "refresh_token" && strings.Contains(token, " ") {
			return nil, fmt.Errorf("its %s is malformed", name)
		}
	}
	if a.AccessToken == "" {
		return nil, errors.New("it has no access_token")
	}
	lifetime := defaultLifetime
	if seconds, err := a.ExpiresIn.Float64(); err == nil && seconds > 0 {
		lifetime = time.Duration(min(seconds, 366*24*3600) * float64(time.Second))
	}
	t := newAccessToken(a.AccessToken)
	t.scope, t.issuedAt = tandem.ParseScope(a.Scope), e.clock.Now()
	t.expiresAt = t.issuedAt.Add(lifetime)
	return &tokenResponse{access: t, refresh: a.RefreshToken, idToken: a.IDToken}, nil
}

// refused makes the error of a response that is no success. It keeps the
// protocol's words as an *oauth.Error, and nothing else of the body.
func (e *tokenEndpoint) refused(res *http.Response, body []byte) error {
	refusal := oauth.ParseError(res.StatusCode, body)
	wait := retryAfter(res.Header, e.clock.Now())
	if refusal == nil || res.StatusCode >= 500 {
		refusal = &oauth.Error{Code: oauth.TemporarilyUnavailable, Status: res.StatusCode, RetryAfter: wait}
		if res.StatusCode == http.StatusTooManyRequests {
			return fail(tandem.CodeThrottled, refusal, "the identity server %s asks to slow down", e.provider.issuer)
		}
		return fail(tandem.CodeUnavailable, refusal, "the identity server %s answers %d", e.provider.issuer, res.StatusCode)
	}
	refusal.RetryAfter = wait
	refusal.Description = printable(refusal.Description)
	code, mend := tandem.CodeUnauthorized, ""
	switch refusal.Code {
	case oauth.InvalidClient:
		mend = "; check that the application " + e.applicationURI + " is registered and enabled, " +
			"and that the credential is this half's own and has not expired"
	case oauth.UnauthorizedClient:
		code, mend = tandem.CodeForbidden, "; allow this flow in the registration of "+e.applicationURI+
			", and check that the credential is of the right half"
	case oauth.InvalidScope:
		code, mend = tandem.CodeForbidden, "; ask for less, or add the scope to the registration of "+e.applicationURI
	case oauth.SlowDown, oauth.TemporarilyUnavailable:
		code = tandem.CodeThrottled
	case oauth.ServerError:
		code = tandem.CodeUnavailable
	case oauth.InvalidGrant:
	default:
		code = tandem.CodeInvalid
	}
	return fail(code, refusal, "the identity server refused: %v%s", refusal, mend)
}

// refusal is the protocol's error code of err; empty when it has none.
func refusal(err error) oauth.ErrorCode {
	var e *oauth.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// printable keeps a text from outside to one short line.
func printable(s string) string {
	return tandem.Clip(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s), 300)
}

// retryAfter reads the header of that name (RFC 9110 section 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(0, min(seconds, 24*3600))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(at.Sub(now), 24*time.Hour))
	}
	return 0
}
