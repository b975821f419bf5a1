package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
)

// DeviceConfig configures a [DeviceSignIn]. Provider and ApplicationURI are needed. The other
// fields mean what they mean in [UserConfig].
type DeviceConfig struct {
	Provider       *Provider
	ApplicationURI string
	// Credential is for confidential applications, which the provider lets use the flow
	// (tandem app update ID --device); the zero value is a public client.
	Credential UserCredential
	Scope      tandem.Scope
	Resource   string
	DPoP       *dpop.Key
	APIOrigins []string
	Transport  http.RoundTripper
	Observe    func(Call)
	Clock      tandem.Clock
}

// DeviceSignIn signs people in to a program without a browser (RFC 8628): it shows a code,
// and they decide with a browser elsewhere. It keeps nothing but in memory, and is safe for
// concurrent use.
type DeviceSignIn struct{ tokens *UserTokens }

// DeviceCode is what to show to the person.
type DeviceCode struct {
	// UserCode is what they type at VerificationURI; VerificationURIComplete has the code in
	// it already, for a link or a QR code, and may be empty.
	UserCode, VerificationURI, VerificationURIComplete string
	ExpiresAt                                          time.Time

	device   hidden[string]
	interval time.Duration
}

// How often the token endpoint is asked, where the provider does not say, and what it adds
// when asked to slow down (RFC 8628 sections 3.2 and 3.5).
const (
	deviceInterval = 5 * time.Second
	// minInterval holds whatever the provider says; maxInterval is that to which an outage
	// alone makes it longer.
	minInterval = time.Second
	maxInterval = time.Minute
	// maxDeviceLife bounds what a provider may say of how long a code lives.
	maxDeviceLife = time.Hour
)

// NewDeviceSignIn checks the configuration. It makes no request.
func NewDeviceSignIn(c DeviceConfig) (*DeviceSignIn, error) {
	t, err := NewUserTokens(UserConfig{
		Provider: c.Provider, ApplicationURI: c.ApplicationURI, Credential: c.Credential, Scope: c.Scope, Resource: c.Resource, DPoP: c.DPoP,
		APIOrigins: c.APIOrigins, Transport: c.Transport, Observe: c.Observe, Clock: c.Clock,
		RedirectURL: "http://127.0.0.1/", // there is none, and no handler is served
	})
	if err != nil {
		return nil, err
	}
	return &DeviceSignIn{t}, nil
}

// Begin asks the provider for a code.
func (d *DeviceSignIn) Begin(ctx context.Context) (*DeviceCode, error) {
	t := d.tokens
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	m, err := t.config.Provider.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	if m.DeviceEndpoint == "" {
		return nil, tandem.Errorf(tandem.CodeInvalid, "the provider %s does not sign devices in: it has no device_authorization_endpoint", m.Issuer)
	}
	res, _, err := t.endpoint.post(ctx, &m, m.DeviceEndpoint, t.forResource(url.Values{"scope": {t.config.Scope.String()}}))
	if err != nil {
		return nil, fail(tandem.CodeUnavailable, err, "the identity server %s does not answer: %v", m.Issuer, err)
	}
	defer res.Body.Close()
	body, err := readLimited(res.Body, maxTokenResponse)
	if err != nil {
		return nil, fail(tandem.CodeUnavailable, err, "the identity server %s does not answer: %v", m.Issuer, err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, t.endpoint.refused(res, body)
	}
	return readDeviceCode(body, t.clock.Now())
}

func readDeviceCode(body []byte, now time.Time) (*DeviceCode, error) {
	var a struct {
		Device   string  `json:"device_code"`
		User     string  `json:"user_code"`
		URI      string  `json:"verification_uri"`
		Complete string  `json:"verification_uri_complete"`
		Expires  float64 `json:"expires_in"`
		Interval float64 `json:"interval"`
	}
	if json.Unmarshal(body, &a) != nil || a.Device == "" || a.User == "" || !(a.Expires > 0) {
		return nil, tandem.Errorf(tandem.CodeUnavailable, "the identity server gave an unusable answer to a device")
	}
	for _, address := range []string{a.URI, a.Complete} {
		if _, err := secureURL(address); err != nil && (address != "" || a.URI == "") {
			return nil, tandem.Errorf(tandem.CodeUnavailable, "the identity server sends people to an address that is not safe: %v", err)
		}
	}
	c := &DeviceCode{
		UserCode: printable(a.User), VerificationURI: a.URI, VerificationURIComplete: a.Complete, device: hide(a.Device), interval: deviceInterval,
		ExpiresAt: now.Add(time.Duration(min(a.Expires, maxDeviceLife.Seconds()) * float64(time.Second))),
	}
	if a.Interval > 0 {
		c.interval = max(minInterval, time.Duration(min(a.Interval, maxDeviceLife.Seconds())*float64(time.Second)))
	}
	return c, nil
}

// Errors of [DeviceSignIn.Wait], beside those of the provider.
var (
	// ErrDeviceDenied says that the person did not want it.
	ErrDeviceDenied error = tandem.Errorf(tandem.CodeForbidden, "the person did not allow the device to be signed in")
	// ErrDeviceExpired says that nobody decided in time: begin again.
	ErrDeviceExpired error = tandem.Errorf(tandem.CodeUnauthorized, "the code has expired before somebody decided; begin again")
)

// Wait asks until the person has decided, the code expires or ctx ends, and returns their
// session, which renews its tokens like every other and lives in this process. It asks as
// often as the provider allows, and goes on, less often, when the provider cannot be reached.
func (d *DeviceSignIn) Wait(ctx context.Context, c *DeviceCode) (*UserSession, error) {
	t, interval := d.tokens, c.interval
	pause := interval
	for {
		left := c.ExpiresAt.Sub(t.clock.Now())
		if err := sleep(ctx, min(pause, left)); err != nil {
			return nil, err
		}
		if left <= pause || !t.clock.Now().Before(c.ExpiresAt) {
			return nil, ErrDeviceExpired
		}
		response, err := t.endpoint.request(ctx, t.forResource(url.Values{"grant_type": {oauth.GrantDeviceCode}, "device_code": {c.device()}}), false)
		if err == nil {
			return d.session(ctx, response)
		}
		switch refusal(err) {
		case oauth.AuthorizationPending:
		case oauth.SlowDown:
			interval += deviceInterval
		case oauth.AccessDenied:
			return nil, ErrDeviceDenied
		case oauth.ExpiredToken:
			return nil, ErrDeviceExpired
		default:
			code := tandem.ErrorCode(err)
			if ctx.Err() != nil || errors.Is(err, errUnusable) || code != tandem.CodeUnavailable && code != tandem.CodeThrottled {
				return nil, err
			}
			// RFC 8628 section 3.5: less often while it does not answer.
			interval = max(interval, min(2*interval, maxInterval))
		}
		pause = interval
		if e := (*oauth.Error)(nil); errors.As(err, &e) {
			pause = max(pause, e.RetryAfter)
		}
	}
}

// session keeps what the code gave.
func (d *DeviceSignIn) session(ctx context.Context, response *tokenResponse) (*UserSession, error) {
	t := d.tokens
	st, err := t.signedIn(ctx, response, "")
	if err != nil {
		return nil, err
	}
	_, st.key = newSessionID()
	// Nobody looks at it like at a page: it ends with its refresh token.
	st.expiresAt = st.absoluteEnd
	row, err := t.seal(st)
	if err == nil {
		err = t.config.Sessions.Create(ctx, row)
	}
	if err != nil {
		return nil, fmt.Errorf("keep the session: %w", err)
	}
	t.saw(st.key, 1)
	return t.session(st), nil
}

// SignOut ends the session here, and gives its tokens back to the provider (RFC 7009). An
// error says that this was not possible: the session is over here, while its tokens live
// until they expire, unless the person ends the sign-in at the provider.
func (d *DeviceSignIn) SignOut(ctx context.Context, s *UserSession) error {
	s.over.Store(true)
	st := s.state.Load()
	d.tokens.forget(ctx, st.key)
	m, err := d.tokens.config.Provider.Metadata(ctx)
	if err != nil {
		return err
	}
	if st.refresh == "" {
		return d.tokens.revoke(ctx, &m, st.access.raw(), "access_token")
	}
	return d.tokens.revoke(ctx, &m, st.refresh, "refresh_token")
}

// Close waits for renewals in flight.
func (d *DeviceSignIn) Close() error { return d.tokens.Close() }
