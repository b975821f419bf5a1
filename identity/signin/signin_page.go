package signin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/site/words"
)

// hashTimeout bounds the wait for a turn to compute a password's hash.
const hashTimeout = 10 * time.Second

// What the form says. Every reason not to let somebody in has the same text
// and takes the same time, so that nobody learns which logins exist.
var (
	wrongPassword = words.T("The login or the password is not right, or this account may not sign in.")
	formTooOld    = words.T("This form was open for too long, or your browser did not send back its cookie. " +
		"Please try again; if this appears once more, allow cookies for this site.")
	nothingTyped = words.T("Type your login and your password.")
	tooBusy      = words.T("Too many people are signing in at this moment. Please try again.")
)

// signInForm shows the sign-in form, for a sealed authorization request or by
// itself.
func (h *Handler) signInForm(w http.ResponseWriter, r *http.Request) error {
	if text := r.URL.Query().Get("request"); text != "" {
		req, err := h.openRequest(r, text)
		if err != nil {
			return err
		}
		if p, err := h.hinted(r, req); err != nil {
			return err
		} else if p != "" {
			return goOn(w, r, pathOutside+"?"+url.Values{"provider": {p}, "request": {text}}.Encode())
		}
		return h.showSignIn(w, r, http.StatusOK, signInFields{login: req.LoginHint, request: text, req: req}, words.Text{})
	}
	who, err := h.current(r)
	if err != nil {
		return err
	}
	if who != nil {
		return goOn(w, r, pathSignOut)
	}
	return h.showSignIn(w, r, http.StatusOK, signInFields{}, words.Text{})
}

// signInFields is the sign-in form as it was sent.
type signInFields struct {
	login, password string
	keep            bool
	// request is the sealed authorization request, req the same opened; both
	// empty when the person came by themselves.
	request string
	req     *authorizationRequest
}

func (h *Handler) showSignIn(w http.ResponseWriter, r *http.Request, status int, f signInFields, problem words.Text) error {
	csrf, err := h.csrf(w, r)
	if err != nil {
		return err
	}
	p := page{Title: words.T("Sign in"), Problem: problem, Login: f.login, Keep: f.keep, CSRF: csrf, Request: f.request, Forgot: h.Accounts.Notifier != nil}
	if p.Outside, err = h.outsideProviders(r); err != nil {
		return err
	}
	if f.req != nil {
		if f.req.Fresh {
			p.Hint = words.T("This needs somebody who has just signed in. Please prove once more that it is you.")
		}
		if app, ok := h.Applications.App(f.req.ApplicationURI); ok {
			p.Application = app.Name
		}
		if u, err := url.Parse(f.req.RedirectURI); err == nil {
			p.ReturnHost = cmp.Or(u.Host, u.Scheme)
		}
	}
	if p.Passkey, err = h.askAnybody(h.formCookie(w, r)); err != nil {
		return err
	}
	return h.render(w, r, status, "signin.html", p, f.req.targets()...)
}

// signIn takes the form.
func (h *Handler) signIn(w http.ResponseWriter, r *http.Request) error {
	form, err := h.ownForm(w, r)
	if err != nil {
		return err
	}
	if err := once(form); err != nil {
		return err
	}
	f := signInFields{
		login:    strings.TrimSpace(form.Get("login")), // telephones like to add one
		password: form.Get("password"),
		keep:     form.Get("keep") != "",
		request:  form.Get("request"),
	}
	if f.request != "" {
		if f.req, err = h.openRequest(r, f.request); err != nil {
			return err
		}
	}
	if f.req != nil && form.Get("cancel") != "" {
		return h.cancelled(f.req)
	}
	if !h.csrfValid(r, form.Get("csrf")) {
		return h.showSignIn(w, r, http.StatusBadRequest, f, formTooOld)
	}
	if f.login == "" || f.password == "" {
		return h.showSignIn(w, r, http.StatusBadRequest, f, nothingTyped)
	}
	acc, wait, err := h.authenticate(r, f)
	switch {
	case errors.Is(err, errWrongPassword):
		return h.showSignIn(w, r, http.StatusUnauthorized, f, wrongPassword)
	case errors.Is(err, context.DeadlineExceeded):
		w.Header().Set("Retry-After", "1")
		return h.showSignIn(w, r, http.StatusServiceUnavailable, f, tooBusy)
	case err != nil:
		return err
	case wait > 0:
		h.throttled(w, r, f)
		return h.showSignIn(w, r, http.StatusTooManyRequests, f, retryAfter(w, wait))
	default:
		return h.proceedSignIn(w, r, h.begun(f, &acc, token.ByPassword()))
	}
}

// retryAfter says how long to wait, in the header and for the page.
func retryAfter(w http.ResponseWriter, wait time.Duration) words.Text {
	seconds := int((wait + time.Second - 1) / time.Second)
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return words.T("There were too many attempts. Wait %d s, then try again.", seconds)
}

// throttled puts on record that somebody has to wait.
func (h *Handler) throttled(w http.ResponseWriter, r *http.Request, f signInFields) {
	application := ""
	if f.req != nil {
		application = f.req.ApplicationURI
	}
	h.refuse(w, r, application, tandem.Facts{Rule: tandem.RuleThrottle}, string(oauth.SlowDown), "a sign-in has to wait, after too many that failed")
}

var errWrongPassword = errors.New("wrong login or password")

// authenticate proves the person by login and password, or says how long they
// have to wait before they may try.
func (h *Handler) authenticate(r *http.Request, f signInFields) (acc Account, wait time.Duration, err error) {
	ctx := r.Context()
	key := LoginKey(f.login)
	try := h.attemptOf(r, "", key)
	counted, err := h.throttle.begin(ctx, try)
	if err != nil || counted.wait > 0 {
		return Account{}, counted.wait, err
	}
	acc, err = h.Users.ByLogin(ctx, f.login)
	known := err == nil
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return Account{}, 0, err
	}
	right, renew, err := h.verify(ctx, acc.PasswordHash, f.password, try, counted.slow)
	if err != nil {
		// The password was never looked at. The caller may be gone already.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hashTimeout)
		defer cancel()
		return Account{}, 0, errors.Join(err, h.throttle.abandoned(ctx, try))
	}
	if !right || !acc.canSignIn() {
		return Account{}, 0, h.failed(r, f, &acc, known, right)
	}
	if err := h.throttle.succeeded(ctx, try); err != nil {
		return Account{}, 0, err
	}
	if renew {
		err = h.renewHash(ctx, &acc, f.password)
	}
	return acc, 0, err
}

// attemptOf is what a try to sign in as the login counts against; each kind of proof, by
// its prefix, has counters of its own, but for those of addresses.
func (h *Handler) attemptOf(r *http.Request, kind, key string) attempt {
	if device, known := h.device(r); known && device.knows(key) {
		return newDeviceAttempt(kind+key, device.ID)
	}
	return newAttempt(kind+key, netaddr.Network(r.RemoteAddr))
}

// verify looks at the password when it is the attempt's turn.
func (h *Handler) verify(ctx context.Context, hash, password string, try attempt, slow bool) (right, renew bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, hashTimeout)
	defer cancel()
	if slow {
		leave, err := h.throttle.hold(ctx, try)
		if err != nil {
			return false, false, err
		}
		defer leave()
	}
	return h.Passwords.Verify(ctx, hash, password)
}

// failed records a failed sign-in. A login that nobody has is not repeated:
// now and then it is a password typed into the wrong field.
func (h *Handler) failed(r *http.Request, f signInFields, acc *Account, known, right bool) error {
	e := tandem.AuditEvent{Kind: tandem.AuditSignInFailed, Actor: acc.Login}
	facts := tandem.Facts{UserType: acc.Type, UserVersion: acc.Version}
	switch {
	case !known:
		e.Detail, facts.Rule = "unknown login", tandem.RuleUserUnknown
	case !right:
		e.Detail, facts.Rule = "wrong password", tandem.RuleUserPassword
	case !acc.Enabled:
		e.Detail, facts.Rule = "the user is disabled", tandem.RuleUserDisabled
	default:
		e.Detail, facts.Rule = "users of type "+string(acc.Type)+" never sign in", tandem.RuleUserType
	}
	e.Facts = facts.JSON()
	if f.req != nil {
		e.ApplicationURI = f.req.ApplicationURI
	}
	return errors.Join(errWrongPassword, h.record(r.Context(), r, e))
}

// renewHash stores the password's hash with today's costs.
func (h *Handler) renewHash(ctx context.Context, acc *Account, password string) error {
	// Also one that was made before today's rules for passwords: it goes on as it is.
	hash, err := h.Passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	*acc, err = h.Users.Update(ctx, acc.ID, func(old Account) (Account, error) {
		if old.PasswordHash == acc.PasswordHash { // else it was changed meanwhile
			old.PasswordHash = hash
		}
		return old, nil
	})
	return err
}
