package signin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/site/words"
)

// What the page of the second factor says. No reason for a no is given away.
var (
	wrongCode    = words.T("This code is not right, or it was used before. Wait for the next one, or use a recovery code.")
	wrongPasskey = words.T("This passkey did not work here. Try again, or sign in another way.")
	nothingCode  = words.T("Type the code that your app shows, or a recovery code.")
)

// factorStep asks who has a second factor for it, unless they have proved two already.
func (h *Handler) factorStep() step {
	return step{
		needed: func(ctx context.Context, p *pending, acc *Account) (bool, error) {
			if level(p.How.ACR()) >= level(token.TwoFactorContext) {
				return false, nil
			}
			return h.Factors.has(ctx, acc.ID)
		},
		show: h.showFactor,
	}
}

func (h *Handler) showFactor(w http.ResponseWriter, r *http.Request, status int, p *pending, acc *Account, problem words.Text) error {
	text, err := h.sealPending(w, r, p)
	if err != nil {
		return err
	}
	passkey, err := h.askPerson(r.Context(), h.formCookie(w, r), acc)
	if err != nil {
		return err
	}
	factors, _, err := h.Factors.of(r.Context(), acc.ID)
	if err != nil {
		return err
	}
	shown := page{Title: words.T("One more step"), own: acc.Locale, Problem: problem, Login: acc.Login, Name: acc.Name, Pending: text, Passkey: passkey, Request: p.Request}
	for i := range factors {
		shown.Codes = shown.Codes || factors[i].Kind == FactorTOTP
	}
	return h.render(w, r, status, "second_factor.html", shown, p.req.targets()...)
}

// secondFactorForm begins to raise the sign-in of the browser for a request that asks for
// more than it has: the person proves the rest, and keeps their sign-in.
func (h *Handler) secondFactorForm(w http.ResponseWriter, r *http.Request) error {
	text := r.URL.Query().Get("request")
	req, err := h.openRequest(r, text)
	if err != nil {
		return err
	}
	who, err := h.current(r)
	if err != nil {
		return err
	}
	if who == nil {
		return h.redirectSealed(w, r, pathSignIn, req)
	}
	p := &pending{
		UserID: who.UserID, Version: who.Account.Version, How: who.Authentication, SignInID: who.ID, Keep: who.Keep, Request: text, req: req,
		At: h.Clock.Now().Unix(),
	}
	if needed, err := h.factorStep().needed(r.Context(), p, &who.Account); err != nil || needed {
		if err != nil {
			return err
		}
		return h.showFactor(w, r, http.StatusOK, p, &who.Account, words.Text{})
	}
	return h.redirectSealed(w, r, pathResume, req)
}

// secondFactor takes the form: a code, or the answer of a passkey.
func (h *Handler) secondFactor(w http.ResponseWriter, r *http.Request) error {
	form, p, acc, err := h.pendingForm(w, r)
	if err != nil {
		return err
	}
	if h.Factors == nil {
		return h.proceedSignIn(w, r, p)
	}
	ctx, from := r.Context(), netaddr.Host(r.RemoteAddr)
	if answer := form.Get("credential"); answer != "" && h.Factors.party != nil {
		var methods []string
		wait, err := h.tryFactor(ctx, h.factorAttempt(r, acc), func() (err error) {
			_, methods, err = h.checkPasskey(ctx, h.cookieValue(r, formCookie), form.Get("challenge"), answer, from, acc)
			return err
		})
		if wait > 0 {
			h.throttled(w, r, signInFields{req: p.req})
			return h.showFactor(w, r, http.StatusTooManyRequests, p, acc, retryAfter(w, wait))
		}
		if wrong, ok := isWrongFactor(err); ok {
			return errors.Join(h.factorFailed(r, acc, p.req, wrong), h.showFactor(w, r, http.StatusUnauthorized, p, acc, wrongPasskey))
		}
		if err != nil {
			return err
		}
		p.How = p.How.And(methods...)
		return h.proceedSignIn(w, r, p)
	}
	if form.Get("code") == "" {
		return h.showFactor(w, r, http.StatusBadRequest, p, acc, nothingCode)
	}
	var kind FactorKind
	wait, err := h.tryFactor(ctx, h.factorAttempt(r, acc), func() (err error) {
		kind, err = h.Factors.checkCode(ctx, acc.ID, form.Get("code"), from)
		return err
	})
	if wait > 0 {
		h.throttled(w, r, signInFields{req: p.req})
		return h.showFactor(w, r, http.StatusTooManyRequests, p, acc, retryAfter(w, wait))
	}
	if wrong, ok := isWrongFactor(err); ok {
		return errors.Join(h.factorFailed(r, acc, p.req, wrong), h.showFactor(w, r, http.StatusUnauthorized, p, acc, wrongCode))
	}
	if err != nil {
		return err
	}
	p.How, p.Recovery = p.How.And(token.MethodOTP), kind == FactorRecovery
	if p.Recovery {
		if err := h.Accounts.notify(ctx, &acc.User, RecoveryUsed); err != nil {
			return err
		}
	}
	return h.proceedSignIn(w, r, p)
}

// factorAttempt is what a proof of a person's factor counts against. Only who has proved the
// password comes so far, so that wrong ones are counted for the account from anywhere; a
// device that the person has signed in with is counted by itself, so that nobody who has
// learned the password makes its owner wait there.
func (h *Handler) factorAttempt(r *http.Request, acc *Account) attempt {
	key := LoginKey(acc.Login)
	if device, known := h.device(r); known && device.knows(key) {
		return newFactorAttempt(&acc.User, key, device.ID)
	}
	return newFactorAttempt(&acc.User, key, "")
}

// newFactorAttempt is one with a known device, or with any other where that is empty.
func newFactorAttempt(u *tandem.User, key, device string) attempt {
	kind := strings.TrimSuffix(KindFactor, ":")
	return attempt{keys: []string{byPair: counterKey(kind, key, device)}, of: u, known: device != ""}
}

// passkeyAttempt is what a passkey alone counts against: the account that the answer says it
// is of, as with a password. All that is of no account is one account for this: who sends it
// invents as many names as they like.
func (h *Handler) passkeyAttempt(r *http.Request, answer string) (attempt, error) {
	var says struct {
		Response struct {
			UserHandle protocol.URLEncodedBase64 `json:"userHandle"`
		} `json:"response"`
	}
	key := ""
	if len(answer) <= maxCredential && json.Unmarshal([]byte(answer), &says) == nil {
		if id, err := uuid.FromBytes(says.Response.UserHandle); err == nil {
			acc, err := h.Users.ByID(r.Context(), id.String())
			if err != nil && !errors.Is(err, tandem.ErrNotFound) {
				return attempt{}, err
			}
			key = LoginKey(acc.Login)
		}
	}
	return h.attemptOf(r, "passkey ", key), nil
}

// tryFactor checks a proof when it is the attempt's turn, or says how long to wait before
// one may be tried.
func (h *Handler) tryFactor(ctx context.Context, try attempt, check func() error) (time.Duration, error) {
	counted, err := h.throttle.begin(ctx, try)
	if err != nil || counted.wait > 0 {
		return counted.wait, err
	}
	if counted.slow {
		turn, cancel := context.WithTimeout(ctx, hashTimeout)
		defer cancel()
		leave, err := h.throttle.hold(turn, try)
		if err != nil {
			ctx, cancel := toTheEnd(ctx)
			defer cancel()
			return 0, errors.Join(err, h.throttle.abandoned(ctx, try))
		}
		defer leave()
	}
	err = check()
	if _, wrong := isWrongFactor(err); wrong {
		if counted.tell {
			if failed := h.Accounts.notify(ctx, try.of, FactorsWrong); failed != nil {
				h.Log.WarnContext(ctx, "a person was not told of wrong second factors", "error", failed)
			}
		}
		return 0, err
	}
	if err != nil {
		return 0, errors.Join(err, h.throttle.abandoned(ctx, try))
	}
	return 0, h.throttle.succeeded(ctx, try)
}

// factorFailed puts a wrong second factor, or passkey, on record. acc may be nil.
func (h *Handler) factorFailed(r *http.Request, acc *Account, req *authorizationRequest, wrong *errFactor) error {
	e := tandem.AuditEvent{Kind: tandem.AuditSignInFailed, Detail: wrong.why}
	facts := tandem.Facts{Rule: wrong.rule}
	if acc != nil {
		e.Actor, facts.UserType, facts.UserVersion = acc.Login, acc.Type, acc.Version
	}
	if req != nil {
		e.ApplicationURI = req.ApplicationURI
	}
	e.Facts = facts.JSON()
	return h.record(r.Context(), r, e)
}

// passkeySignIn takes the answer of a passkey instead of login and password: the device
// has asked for its person, which makes two factors.
func (h *Handler) passkeySignIn(w http.ResponseWriter, r *http.Request) error {
	form, err := h.ownForm(w, r)
	if err != nil {
		return err
	}
	if err := once(form); err != nil {
		return err
	}
	f := signInFields{keep: form.Get("keep") != "", request: form.Get("request")}
	if f.request != "" {
		if f.req, err = h.openRequest(r, f.request); err != nil {
			return err
		}
	}
	if !h.csrfValid(r, form.Get("csrf")) {
		return h.showSignIn(w, r, http.StatusBadRequest, f, formTooOld)
	}
	if h.Factors == nil || h.Factors.party == nil {
		return errors.Join(h.factorFailed(r, nil, f.req, &errFactor{tandem.RulePasskey, "there are no passkeys for an issuer without a name"}),
			h.showSignIn(w, r, http.StatusBadRequest, f, wrongPasskey))
	}
	try, err := h.passkeyAttempt(r, form.Get("credential"))
	if err != nil {
		return err
	}
	var acc *Account
	var methods []string
	wait, err := h.tryFactor(r.Context(), try, func() (err error) {
		acc, methods, err = h.checkPasskey(r.Context(), h.cookieValue(r, formCookie), form.Get("challenge"), form.Get("credential"), netaddr.Host(r.RemoteAddr), nil)
		if err == nil && !acc.canSignIn() {
			err = wrongFactor(ruleOfClosed(acc), "the account may not sign in")
		}
		return err
	})
	if wait > 0 {
		h.throttled(w, r, f)
		return h.showSignIn(w, r, http.StatusTooManyRequests, f, retryAfter(w, wait))
	}
	if wrong, ok := isWrongFactor(err); ok {
		return errors.Join(h.factorFailed(r, acc, f.req, wrong), h.showSignIn(w, r, http.StatusUnauthorized, f, wrongPasskey))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		w.Header().Set("Retry-After", "1")
		return h.showSignIn(w, r, http.StatusServiceUnavailable, f, tooBusy)
	}
	if err != nil {
		return err
	}
	how := token.Authentication{Methods: append(methods, token.MethodMulti), Context: token.TwoFactorContext}
	return h.proceedSignIn(w, r, h.begun(f, acc, how))
}

// ruleOfClosed is why an account may not sign in at all.
func ruleOfClosed(acc *Account) tandem.Rule {
	if !acc.Enabled {
		return tandem.RuleUserDisabled
	}
	return tandem.RuleUserType
}

// raise sends a person to prove more, where the request asks for more than the sign-in
// has and they have something to prove it with. done says that it has answered.
func (h *Handler) raise(w http.ResponseWriter, r *http.Request, req *authorizationRequest, who *signedIn) (done bool, err error) {
	context, essential := req.raised(who)
	if context == "" {
		return false, nil
	}
	has, err := h.Factors.has(r.Context(), who.UserID)
	switch {
	case err != nil:
		return true, err
	case has && !req.hasPrompt(oauth.PromptNone):
		return true, h.redirectSealed(w, r, pathSecondFactor, req)
	case has && essential:
		return true, &refusal{req, oauth.Refuse(oauth.LoginRequired, "the person has to prove a second factor")}
	case essential:
		return true, &refusal{req, token.Refuse(tandem.RuleContext, oauth.UnmetAuthenticationRequirements, "the person has no second factor, and the request demands acr %s", context)}
	}
	return false, nil
}
