package signin

import (
	"context"
	"crypto/sha256"
	"errors"
	"html/template"
	"net/http"
	"net/url"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/site/words"
)

// What pages that make a factor say.
var (
	wrongFirstCode  = words.T("This code is not the one that the app should show now. Look at the time of your device, then type the next code.")
	wrongNewPasskey = words.T("No passkey was made: the device's answer does not fit, or the page was open for too long. Try again.")
	passkeyKnown    = words.T("This device has a passkey for you already.")
	factorLimits    = words.T("Use a name of at most %d bytes, and no more than %d second factors.", MaxFactorName, MaxFactors)
	lastFactor      = words.T("A second factor is demanded of your account: add another one before you remove the last.")
	goneFactor      = words.T("This second factor is not there any more.")
)

// newApp is an authenticator app that is about to be added: sealed into the form, so that
// nothing is kept of an app that nobody confirms.
type newApp struct {
	UserID string `json:"u"`
	Secret []byte `json:"s"`
	At     int64  `json:"at"`
}

// enrolling is what a page shows that makes a factor.
type enrolling struct {
	// Picture and Secret are what an app reads, as QR code and as text.
	Picture template.HTML
	Secret  string
	// App is the sealed newApp, Passkey asks for a new passkey; nil where there can be none.
	App     string
	Passkey *askedPasskey
}

// enrol makes what a page shows. app is the sealed newApp of a form that comes again;
// empty for a new one.
func (h *Handler) enrol(w http.ResponseWriter, r *http.Request, acc *Account, app string) (*enrolling, error) {
	form := h.formCookie(w, r)
	secret, ok := h.openApp(app, form, acc)
	if !ok {
		secret = randomBytes(totpSecret)
		var err error
		if app, err = h.sealed(newApp{acc.ID, secret, h.Clock.Now().Unix()}, placeNewApp+form); err != nil {
			return nil, err
		}
	}
	key, err := h.Factors.totpURL(acc.Login, secret)
	if err != nil {
		return nil, err
	}
	e := &enrolling{Secret: key.Secret(), App: app}
	if e.Picture, err = picture(key.URL()); err != nil {
		return nil, err
	}
	e.Passkey, err = h.askNew(r.Context(), form, acc)
	return e, err
}

func (h *Handler) openApp(app, form string, acc *Account) ([]byte, bool) {
	var n newApp
	if app == "" || !h.opened(app, placeNewApp+form, &n) || n.UserID != acc.ID || !h.fresh(n.At, formLifetime) {
		return nil, false
	}
	return n.Secret, true
}

// makeFactor makes the factor that a form brings: a passkey, or an app with its first
// code. It returns the recovery codes that come with the first factor of a person.
func (h *Handler) makeFactor(r *http.Request, acc *Account, form url.Values) (made Factor, codes []string, err error) {
	cookie := h.cookieValue(r, formCookie)
	if answer := form.Get("credential"); answer != "" && h.Factors.party != nil {
		made, err = h.newPasskey(r.Context(), cookie, form.Get("challenge"), answer, form.Get("name"), acc)
	} else {
		made, err = h.newAuthenticator(cookie, form, acc)
	}
	if err != nil {
		return made, nil, err
	}
	codes, err = h.Factors.add(r.Context(), made)
	if err != nil {
		return made, nil, err
	}
	return made, codes, h.factorChanged(r, acc, "added a second factor to user ", made, FactorAdded)
}

// newAuthenticator takes the first code of an app. It is used up by that.
func (h *Handler) newAuthenticator(cookie string, form url.Values, acc *Account) (Factor, error) {
	secret, ok := h.openApp(form.Get("app"), cookie, acc)
	if !ok {
		return Factor{}, wrongFactor(tandem.RuleRequestExpired, "the form was open for too long")
	}
	name, err := factorName(form.Get("name"), "Authenticator app")
	if err != nil {
		return Factor{}, err
	}
	at, right, err := interval(secret, typedCode(form.Get("code")), h.Clock.Now())
	if err == nil && !right {
		err = wrongFactor(tandem.RuleFactor, "the first code of a new authenticator app is wrong")
	}
	if err != nil {
		return Factor{}, err
	}
	one := h.Factors.made(acc.ID, FactorTOTP, name, secret)
	one.Counter = at
	return one, nil
}

// factorChanged puts on record what a person did to their second factors, and tells them of
// it by mail.
func (h *Handler) factorChanged(r *http.Request, acc *Account, what string, one Factor, notice Notice) error {
	by := tandem.By{Login: acc.Login, Via: tandem.ViaProfile, From: netaddr.Host(r.RemoteAddr)}
	f := tandem.Facts{Subject: subjectOf(acc), UserVersion: acc.Version}
	if one.ID != "" {
		f.After = tandem.Attributes{"second_factor": string(one.Kind) + " " + one.ID}
	}
	e := by.Recorded(what+acc.Login, f)
	e.At = h.Clock.Now()
	return errors.Join(h.Audit.Record(r.Context(), e), h.Accounts.notify(r.Context(), &acc.User, notice))
}

// enrolmentProblem is what is wrong with a form in words, where it is the person's to mend.
func enrolmentProblem(err error, form url.Values) (text words.Text, ok bool) {
	if wrong, is := isWrongFactor(err); is && wrong.rule != "" {
		if form.Get("credential") != "" {
			return wrongNewPasskey, true
		}
		return wrongFirstCode, true
	}
	switch tandem.ErrorCode(err) {
	case tandem.CodeConflict:
		return passkeyKnown, true
	case tandem.CodeInvalid:
		return factorLimits, true
	case tandem.CodeForbidden:
		return lastFactor, true
	case tandem.CodeNotFound:
		return goneFactor, true
	}
	return words.Text{}, false
}

// enrolmentStep has people make a second factor of whom one is demanded.
func (h *Handler) enrolmentStep() step {
	return step{
		needed: func(ctx context.Context, p *pending, acc *Account) (bool, error) {
			if h.Factors == nil || !acc.SecondFactorRequired || level(p.How.ACR()) >= level(token.TwoFactorContext) {
				return false, nil
			}
			has, err := h.Factors.has(ctx, acc.ID)
			return !has, err
		},
		show: func(w http.ResponseWriter, r *http.Request, status int, p *pending, acc *Account, problem words.Text) error {
			return h.showEnrolment(w, r, status, p, acc, "", problem)
		},
	}
}

func (h *Handler) showEnrolment(w http.ResponseWriter, r *http.Request, status int, p *pending, acc *Account, app string, problem words.Text) error {
	text, err := h.sealPending(w, r, p)
	if err != nil {
		return err
	}
	e, err := h.enrol(w, r, acc, app)
	if err != nil {
		return err
	}
	return h.render(w, r, status, "enrolment.html", page{
		Title: words.T("Add a second factor"), own: acc.Locale, Problem: problem, Login: acc.Login, Name: acc.Name, Pending: text, Request: p.Request, Enrol: e,
	}, p.req.targets()...)
}

// enrolment takes the form of the step: the person has proved two factors then.
func (h *Handler) enrolment(w http.ResponseWriter, r *http.Request) error {
	form, p, acc, err := h.pendingForm(w, r)
	if err != nil {
		return err
	}
	if level(p.How.ACR()) >= level(token.TwoFactorContext) {
		if err := h.finishOnce(r.Context(), form.Get("pending")); err != nil {
			return err
		}
	}
	needed, err := h.enrolmentStep().needed(r.Context(), p, acc)
	if err != nil {
		return err
	}
	if !needed || form.Get("done") != "" { // else who has learned a password made a factor beside the owner's
		return h.proceedSignIn(w, r, p)
	}
	made, codes, err := h.makeFactor(r, acc, form)
	if problem, ok := enrolmentProblem(err, form); ok {
		var failed error
		if wrong, is := isWrongFactor(err); is {
			failed = h.factorFailed(r, acc, p.req, wrong)
		}
		return errors.Join(failed, h.showEnrolment(w, r, http.StatusBadRequest, p, acc, form.Get("app"), problem))
	}
	if err != nil {
		return err
	}
	method := token.MethodOTP
	if made.Kind == FactorPasskey {
		method = token.MethodUser
	}
	p.How = p.How.And(method)
	text, err := h.sealPending(w, r, p)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "recovery_codes.html", page{
		Title: words.T("Your recovery codes"), own: acc.Locale, Pending: text, Request: p.Request, Recovery: codes,
	}, p.req.targets()...)
}

// finishOnce takes a pending sign-in that lacks no proof, once: who finds its page in a
// browser after its person has signed out gets in with nothing else.
func (h *Handler) finishOnce(ctx context.Context, pending string) error {
	first, err := h.Factors.Once.UseAssertion(ctx, sha256.Sum256([]byte("pending|"+pending)), h.Clock.Now().Add(pendingLifetime+2*clocksDiffer))
	if err == nil && !first {
		used := errOutsideState()
		used.rule = tandem.RuleRequestExpired
		return used
	}
	return err
}
