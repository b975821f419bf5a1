package signin

import (
	"cmp"
	"net/http"
	"net/url"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/site/words"
)

// consentQuestion is what the form of the consent page carries, sealed: what was asked, and
// of whom.
type consentQuestion struct {
	Request  authorizationRequest `json:"r"`
	SignInID string               `json:"sid"`
	// Shown is the scope that the person saw.
	Shown tandem.Scope `json:"shown"`
	At    int64        `json:"at"`
}

const placeConsent = "consent"

// askConsent sends the person to the consent page, or says that they have to be asked.
func (h *Handler) askConsent(w http.ResponseWriter, r *http.Request, req *authorizationRequest) error {
	if req.hasPrompt(oauth.PromptNone) {
		return &refusal{req, token.Refuse(tandem.RuleConsentRequired, oauth.ConsentRequired, "the person has to allow the application this first")}
	}
	return h.redirectSealed(w, r, pathConsent, req)
}

// consentForm shows what an application wants to do in the person's name.
func (h *Handler) consentForm(w http.ResponseWriter, r *http.Request) error {
	req, err := h.openRequest(r, r.URL.Query().Get("request"))
	if err != nil {
		return err
	}
	return req.failed(h.question(w, r, req, func(who *signedIn, app *registry.App, scope tandem.Scope) error {
		ask, err := h.mustAsk(r.Context(), app, req, who.UserID, scope)
		if err != nil {
			return err
		}
		if !ask { // allowed meanwhile, in another window
			return h.grant(w, r, req, who)
		}
		return h.showConsent(w, r, req, who, app, scope)
	}))
}

// question finds out who is asked about which scope, as it is now, and has then. Where
// nobody is signed in as the request demands, it begins there.
func (h *Handler) question(
	w http.ResponseWriter, r *http.Request, req *authorizationRequest, then func(who *signedIn, app *registry.App, scope tandem.Scope) error,
) error {
	app, err := h.application(req.ApplicationURI, req.RedirectURI) // which may have changed since
	if err != nil {
		return err
	}
	req.ApplicationName = app.Name
	who, err := h.current(r)
	if err != nil {
		return err
	}
	if who == nil || !req.satisfiedBy(who, h.Clock.Now()) || !req.meant(who.UserID, who.Account.Login) {
		return h.proceed(w, r, req)
	}
	if done, err := h.raise(w, r, req, who); done { // nobody comes by this page past a step
		return err
	}
	scope, _, cause := token.UserGrant(app, who.Account.Type, req.Scope)
	if cause != nil {
		return &refusal{req, cause}
	}
	return then(who, app, req.consentScope(scope))
}

func (h *Handler) showConsent(w http.ResponseWriter, r *http.Request, req *authorizationRequest, who *signedIn, app *registry.App, scope tandem.Scope) error {
	csrf, err := h.csrf(w, r)
	if err != nil {
		return err
	}
	sealed, err := h.sealed(consentQuestion{*req, who.ID, scope, h.Clock.Now().Unix()}, placeConsent)
	if err != nil {
		return err
	}
	p := page{
		Title: words.T("Allow access?"), own: who.Account.Locale, Application: cmp.Or(app.Name, app.ApplicationURI), ApplicationURI: app.ApplicationURI,
		Name: who.Account.Name, Login: who.Account.Login, May: ScopeWords(scope, who.Account.Type, h.Applications), CSRF: csrf, Request: sealed,
	}
	// The redirect that follows the form is part of its action to the browser.
	var targets []string
	if source := cspSource(req.RedirectURI); source != "" {
		targets = append(targets, source)
	}
	if u, err := url.Parse(req.RedirectURI); err == nil {
		p.ReturnHost = cmp.Or(u.Host, u.Scheme)
	}
	return h.render(w, r, http.StatusOK, "consent.html", p, targets...)
}

// consent takes what the person decided. A scope is allowed whole or not at all: the
// application asked for what it needs, and OAuth has no word for the half of it.
func (h *Handler) consent(w http.ResponseWriter, r *http.Request) error {
	form, err := h.ownForm(w, r)
	if err != nil {
		return err
	}
	var q consentQuestion
	if !h.opened(form.Get("request"), placeConsent, &q) {
		return badRequest(tandem.RuleForm, words.T("The form is not complete."), startAgain)
	}
	speak(r, q.Request.Locales)
	if !h.fresh(q.At, requestLifetime) || !h.fresh(q.Request.At, requestLifetime) {
		return h.tooOld(&q.Request)
	}
	req := &q.Request
	if form.Get("allow") == "" {
		return &refusal{req, token.Refuse(tandem.RuleConsentDenied, oauth.AccessDenied, "the person did not allow the application what it asked for")}
	}
	return req.failed(h.question(w, r, req, func(who *signedIn, app *registry.App, scope tandem.Scope) error {
		// Another person by now, an application that may have more, a form of another
		// browser: they are asked again.
		if who.ID != q.SignInID || !scope.Within(q.Shown) || !h.csrfValid(r, form.Get("csrf")) {
			return h.showConsent(w, r, req, who, app, scope)
		}
		if err := h.allow(r.Context(), netaddr.Host(r.RemoteAddr), app, who, scope); err != nil {
			return err
		}
		req.allowed = true
		return h.grant(w, r, req, who)
	}))
}
