package signin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/site/words"
)

// Devices finds what a device waits for, and decides; [token.Devices] implements it.
type Devices interface {
	// Find returns [tandem.ErrNotFound] for a user code that nothing waits under.
	Find(ctx context.Context, userCode string) (token.DeviceGrant, error)
	Deny(ctx context.Context, g token.DeviceGrant) (first bool, err error)
	Approve(ctx context.Context, g token.DeviceGrant, given token.CodeGrant) (first bool, err error)
}

// What the page of the device flow says.
var (
	noSuchCode   = words.T("This code is not right, or its time is over. Look at your device again.")
	deviceTooOld = words.T("This page was open for too long, or your browser did not send back its cookie. Please look at the code and try again.")
)

const (
	placeDecide = "device decision"
	// deviceThrottle and the person's id are whose attempts the typing of codes counts as:
	// no login has a space. Nobody waits for what others typed.
	deviceThrottle = "device code "
)

// deviceForm is the page of the device flow (RFC 8628 section 3.3): a person types the code
// that a device shows, or came with it in the address.
func (h *Handler) deviceForm(w http.ResponseWriter, r *http.Request) error {
	typed := r.URL.Query().Get("user_code")
	if typed == "" {
		return h.showDevice(w, r, http.StatusOK, "", words.Text{})
	}
	return h.deviceTyped(w, r, typed)
}

func (h *Handler) showDevice(w http.ResponseWriter, r *http.Request, status int, typed string, problem words.Text) error {
	csrf, err := h.csrf(w, r)
	if err != nil {
		return err
	}
	return h.render(w, r, status, "device.html", page{Title: words.T("Connect a device"), Problem: problem, Code: tandem.Clip(typed, shown), CSRF: csrf})
}

// devicePost takes a code that was typed, or what the person decided.
func (h *Handler) devicePost(w http.ResponseWriter, r *http.Request) error {
	form, err := h.ownForm(w, r)
	if err != nil {
		return err
	}
	if !h.csrfValid(r, form.Get("csrf")) {
		return h.showDevice(w, r, http.StatusBadRequest, "", deviceTooOld)
	}
	if form.Get("request") != "" {
		return h.decideDevice(w, r, form)
	}
	return h.deviceTyped(w, r, form.Get("user_code"))
}

// deviceTyped looks for what waits under a code, for a person who is signed in: nobody
// else learns whether there is something.
func (h *Handler) deviceTyped(w http.ResponseWriter, r *http.Request, typed string) error {
	who, err := h.current(r)
	if err != nil {
		return err
	}
	if who == nil {
		return h.redirectSealed(w, r, pathSignIn, &authorizationRequest{Device: tandem.Clip(typed, shown), Locales: locales(r), At: h.Clock.Now().Unix()})
	}
	g, app, wait, err := h.findDevice(r, who, typed)
	switch {
	case err != nil && !errors.Is(err, tandem.ErrNotFound):
		return err
	case wait > 0:
		h.refuse(w, r, "", tandem.Facts{Rule: tandem.RuleThrottle}, string(oauth.SlowDown), "a device's code has to wait, after too many that were wrong")
		return h.showDevice(w, r, http.StatusTooManyRequests, typed, retryAfter(w, wait))
	case err != nil:
		h.refuse(w, r, "", tandem.Facts{Rule: tandem.RuleDeviceUnknown}, string(oauth.InvalidGrant), "a code of a device was typed that nothing waits under")
		return h.showDevice(w, r, http.StatusBadRequest, typed, noSuchCode)
	}
	return h.confirmDevice(w, r, who, g, app, token.ReadUserCode(typed))
}

// findDevice is what waits under a code, and the application, or for how long one has to
// wait before one may try. Wrong codes are counted as wrong passwords are.
func (h *Handler) findDevice(r *http.Request, who *signedIn, typed string) (g token.DeviceGrant, app *registry.App, wait time.Duration, err error) {
	ctx := r.Context()
	try := newAttempt(deviceThrottle+who.UserID, netaddr.Network(r.RemoteAddr))
	counted, err := h.throttle.begin(ctx, try)
	if err != nil || counted.wait > 0 {
		return g, nil, counted.wait, err
	}
	code := token.ReadUserCode(typed)
	if code == "" {
		return g, nil, 0, tandem.ErrNotFound
	}
	if g, err = h.Devices.Find(ctx, code); err != nil {
		return g, nil, 0, err
	}
	app, ok := h.Applications.App(g.ApplicationURI)
	if !ok || !app.Enabled {
		return g, nil, 0, tandem.ErrNotFound
	}
	return g, app, 0, h.throttle.abandoned(ctx, try) // this one alone: who guesses can begin a device of their own
}

// deviceDecision is what the form of the confirmation carries, sealed: what is decided
// about, and who was asked.
type deviceDecision struct {
	UserCode string `json:"code"`
	SignInID string `json:"sid"`
	// Shown is the scope that the person saw.
	Shown tandem.Scope `json:"shown"`
	At    int64        `json:"at"`
}

// confirmDevice asks the person. The code is shown again, so that they compare it with
// their device's: somebody may have sent them the address of their own (RFC 8628 section
// 5.4).
func (h *Handler) confirmDevice(w http.ResponseWriter, r *http.Request, who *signedIn, g token.DeviceGrant, app *registry.App, code string) error {
	csrf, err := h.csrf(w, r)
	if err != nil {
		return err
	}
	asked := g.Scope
	if len(asked) == 0 {
		asked = app.FlowScope(tandem.FlowUser).Without(tandem.IsResourceScope)
	}
	sealed, err := h.sealed(deviceDecision{code, who.ID, asked, h.Clock.Now().Unix()}, placeDecide)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "device_confirm.html", page{
		Title: words.T("Connect this device?"), Application: app.Name, own: who.Account.Locale, Name: who.Account.Name, Login: who.Account.Login, Code: token.ShowUserCode(code),
		May: ScopeWords(asked, who.Account.Type, h.Applications), CSRF: csrf, Request: sealed,
	})
}

// decideDevice does what the person decided.
func (h *Handler) decideDevice(w http.ResponseWriter, r *http.Request, form url.Values) error {
	var d deviceDecision
	if !h.opened(form.Get("request"), placeDecide, &d) || !h.fresh(d.At, h.Lifetimes.ForDevice()) {
		return h.showDevice(w, r, http.StatusBadRequest, "", deviceTooOld)
	}
	who, err := h.current(r)
	if err != nil {
		return err
	}
	if who == nil || who.ID != d.SignInID { // another person by now
		return h.redirectSealed(w, r, pathSignIn, &authorizationRequest{Device: d.UserCode, Locales: locales(r), At: h.Clock.Now().Unix()})
	}
	g, err := h.Devices.Find(r.Context(), d.UserCode)
	if errors.Is(err, tandem.ErrNotFound) {
		return h.showDevice(w, r, http.StatusBadRequest, "", noSuchCode)
	}
	if err != nil {
		return err
	}
	app, ok := h.Applications.App(g.ApplicationURI)
	if !ok || !app.Enabled {
		return badApplication(tandem.RuleAppDisabled, asked{application: g.ApplicationURI}, words.T("The application on your device is switched off."))
	}
	if form.Get("allow") == "" {
		return h.denyDevice(w, r, who, g, app)
	}
	return h.allowDevice(w, r, who, g, app, &d)
}

func (h *Handler) denyDevice(w http.ResponseWriter, r *http.Request, who *signedIn, g token.DeviceGrant, app *registry.App) error {
	first, err := h.Devices.Deny(r.Context(), g)
	if err != nil {
		return err
	}
	if !first {
		return h.showDevice(w, r, http.StatusBadRequest, "", noSuchCode)
	}
	h.refuse(w, r, app.ApplicationURI, tandem.Facts{Rule: tandem.RuleDeviceDenied, UserType: who.Account.Type}, string(oauth.AccessDenied), who.Account.Login+" said no to a device")
	return h.render(w, r, http.StatusOK, "device_done.html", page{Title: words.T("Not connected"), own: who.Account.Locale, Application: app.Name})
}

// allowDevice gives the device what the person agreed to, on record before it can have it.
func (h *Handler) allowDevice(w http.ResponseWriter, r *http.Request, who *signedIn, g token.DeviceGrant, app *registry.App, d *deviceDecision) error {
	if !app.AllowsUserType(who.Account.Type) {
		return badApplication(tandem.RuleUserType, asked{application: app.ApplicationURI}, words.T("Accounts like yours may not sign in through %s.", app.Name))
	}
	scope, dropped, cause := token.UserGrant(app, who.Account.Type, g.Scope)
	if cause != nil {
		return badApplication(tandem.Rule(cause.Rule), asked{application: app.ApplicationURI}, words.T("%s asks for something that it may not have.", app.Name))
	}
	if !scope.Within(d.Shown) { // the application may have more by now
		return h.confirmDevice(w, r, who, g, app, d.UserCode)
	}
	ctx := r.Context()
	if !app.FirstParty { // the page has asked
		if err := h.allow(ctx, netaddr.Host(r.RemoteAddr), app, who, scope); err != nil {
			return err
		}
	}
	if err := h.SignIns.Reach(ctx, who.ID, app.ID, h.Clock.Now()); err != nil {
		return err
	}
	if err := h.codeIssued(r, app, &authorizationRequest{ApplicationURI: app.ApplicationURI, Scope: g.Scope, Obsolete: g.Obsolete}, who, scope, dropped); err != nil {
		return err
	}
	first, err := h.Devices.Approve(ctx, g, token.CodeGrant{
		ApplicationURI: app.ApplicationURI, UserID: who.UserID, SignInID: who.ID, AuthTime: who.AuthTime, Authentication: who.Authentication, Scope: scope,
	})
	if err != nil {
		return err
	}
	if !first {
		return h.showDevice(w, r, http.StatusBadRequest, "", noSuchCode)
	}
	return h.render(w, r, http.StatusOK, "device_done.html", page{Title: words.T("Connected"), own: who.Account.Locale, Application: app.Name, Login: who.Account.Login})
}
