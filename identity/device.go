package identity

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// serveDevice is the device authorization endpoint (RFC 8628 section 3.1): a device that
// has no browser gets a code to show, and one to ask the token endpoint with.
func (h *Handler) serveDevice(w http.ResponseWriter, r *http.Request) {
	q := newRequest(r)
	q.flow, q.facts.Grant = tandem.FlowUser, grantDevice
	answer, err := h.beginDevice(w, q)
	if err != nil {
		h.fail(w, r, q, err)
		return
	}
	writeJSON(w, answer)
}

func (h *Handler) beginDevice(w http.ResponseWriter, q *request) (answer oauth.DeviceResponse, err error) {
	if err := h.Registry.Ready(); err != nil {
		return answer, err
	}
	var refusal *oauth.Error
	if q.form, refusal = readForm(w, q.http); refusal != nil {
		return answer, refusal
	}
	ctx := q.http.Context()
	if err := h.authenticate(ctx, q, nil); err != nil {
		return answer, err
	}
	if err := mayUseDevice(q); err != nil {
		return answer, err
	}
	if err := h.mayKeep(ctx, q, "device", "too many devices begin from here; wait and try again"); err != nil {
		return answer, err
	}
	asked, refusal := token.ReadScope(q.form.get("scope"))
	if refusal != nil {
		return answer, refusal
	}
	q.ask(asked)
	if asked.Scope, refusal = h.targets().Ask(q.app, asked.Scope, q.resources()); refusal != nil {
		return answer, refusal
	}
	if _, refusal := token.UserScope(q.app, asked.Scope); refusal != nil { // whoever agrees
		return answer, refusal
	}
	deviceCode, userCode, err := h.Devices.Begin(ctx, q.app.ApplicationURI, asked)
	if err != nil {
		return answer, err
	}
	page, shown := h.endpoint(oauth.PathDevice), token.ShowUserCode(userCode)
	answer = oauth.DeviceResponse{
		DeviceCode: deviceCode, UserCode: shown, VerificationURI: page, VerificationURIComplete: page + "?user_code=" + url.QueryEscape(shown),
		ExpiresIn: int64(h.Devices.Lifetimes.ForDevice() / time.Second), Interval: int64(token.DeviceInterval / time.Second),
	}
	q.facts.Limit = q.app.FlowScope(q.flow).String()
	return answer, h.note(q, tandem.AuditEvent{Kind: tandem.AuditRequestPushed, Detail: "a device waits for a person to decide"})
}

// grantDevice is the facts' word for what a device begins.
const grantDevice = "device_authorization"

// mayUseDevice checks that the application has the device flow: a public one, or a
// confidential one that was given it. The credential is that of the front end (invariant
// I2).
func mayUseDevice(q *request) error {
	if err := q.mayUse(tandem.FlowUser); err != nil {
		return err
	}
	if !AllowsDevice(q.app) {
		return token.Refuse(tandem.RuleDeviceFlow, oauth.UnauthorizedClient, "this application may not use the device flow")
	}
	return nil
}

// AllowsDevice reports whether people may sign in through the application on a device that
// has no browser.
func AllowsDevice(app *registry.App) bool {
	return app.ClientType == tandem.ClientPublic || app.ClientType == tandem.ClientConfidential && app.DeviceFlow
}

// deviceCode gives a device what a person has approved (RFC 8628 section 3.4), once: of
// two that ask at the same moment one gets it, and the other takes it back.
func (h *Handler) deviceCode(ctx context.Context, q *request) (*issued, error) {
	if err := mayUseDevice(q); err != nil {
		return nil, err
	}
	text := q.form.get("device_code")
	if text == "" {
		return nil, token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "device_code is missing")
	}
	hash, err := h.Devices.Poll(ctx, text, q.app.ApplicationURI)
	if err != nil {
		return nil, err
	}
	code, err := h.Codes.FindDevice(ctx, hash, q.app.ApplicationURI)
	q.signInID = code.SignInID
	if err != nil {
		return nil, err
	}
	given, err := h.redeem(ctx, q, code)
	if err == nil {
		given.detail = "user token for a device, scope " + given.response.Scope
	}
	return given, err
}
