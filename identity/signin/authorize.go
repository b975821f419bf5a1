package signin

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// authorize is the authorization endpoint (RFC 6749 section 3.1): it checks
// the request, sees who is signed in, and answers the application or asks the
// person to sign in.
func (h *Handler) authorize(w http.ResponseWriter, r *http.Request) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, "invalid_request", "The address that brought you here is damaged.", "Open the application again and start there.")
		return
	}
	if req, ok := h.accept(w, r, q); ok {
		h.proceed(w, r, req)
	}
}

// authorizePost takes the request as a form, which OpenID Connect Core section
// 3.1.2.1 allows from any site. Browsers send no SameSite=Lax cookie with it,
// so the request goes on as a GET of our own, sealed: what it held, an ID
// token hint above all, stays out of the URL.
func (h *Handler) authorizePost(w http.ResponseWriter, r *http.Request) {
	form, ok := h.readForm(w, r)
	if !ok {
		return
	}
	if r.URL.RawQuery != "" {
		h.fail(w, r, http.StatusBadRequest, "invalid_request", "The application sent its request half as a form and half in the address.", "Tell the application's developer.")
		return
	}
	req, ok := h.accept(w, r, form)
	if !ok {
		return
	}
	h.redirectSealed(w, r, "/id/connect/authorize/resume", req)
}

// resume goes on with a sealed request.
func (h *Handler) resume(w http.ResponseWriter, r *http.Request) {
	req, ok := h.openRequest(r.URL.Query().Get("request"))
	if !ok {
		h.failStale(w, r)
		return
	}
	// The application may have changed since.
	app, ok := h.application(w, r, req.ApplicationURI, req.RedirectURI)
	if !ok {
		return
	}
	req.ApplicationName = app.Name
	h.proceed(w, r, req)
}

func (h *Handler) redirectSealed(w http.ResponseWriter, r *http.Request, path string, req *authorizationRequest) {
	text, err := h.sealed(req, placeRequest)
	if err != nil {
		h.failInternal(w, r, err)
		return
	}
	noStore(w.Header())
	http.Redirect(w, r, path+"?request="+text, http.StatusSeeOther)
}

func (h *Handler) openRequest(text string) (*authorizationRequest, bool) {
	var req authorizationRequest
	if !h.opened(text, placeRequest, &req) || !h.fresh(req.At, requestLifetime) {
		return nil, false
	}
	return &req, true
}

func (h *Handler) failStale(w http.ResponseWriter, r *http.Request) {
	h.fail(w, r, http.StatusBadRequest, "invalid_request", "This page has been open for too long, or its address is not complete.", "Open the application again and start there.")
}

// accept checks a new request. What is wrong with the client or its redirect
// URI is shown here: there is nowhere safe to send it. All else goes back to
// the application.
func (h *Handler) accept(w http.ResponseWriter, r *http.Request, q url.Values) (*authorizationRequest, bool) {
	for _, name := range []string{"client_id", "redirect_uri"} {
		switch values := q[name]; {
		case len(values) == 0 || values[0] == "":
			h.failApplication(w, r, fmt.Sprintf("The application that sent you here left out %s.", name))
			return nil, false
		default:
			if problem := checkParameter(name, values); problem != "" {
				h.failApplication(w, r, fmt.Sprintf("The application that sent you here made a mistake: %s %s.", name, problem))
				return nil, false
			}
		}
	}
	app, ok := h.application(w, r, q.Get("client_id"), q.Get("redirect_uri"))
	if !ok {
		return nil, false
	}
	req := &authorizationRequest{
		ApplicationURI: app.ApplicationURI, ApplicationName: app.Name, RedirectURI: q.Get("redirect_uri"), At: h.Now().Unix(),
	}
	refusal := req.parse(q, &app.TrustedApp)
	if refusal == nil && !app.InternalUsers && !app.ExternalUsers {
		refusal = oauth.Refuse(oauth.UnauthorizedClient, "nobody may sign in through this application: allow internal or external users")
	}
	if refusal == nil {
		_, refusal = token.UserScope(app, req.Scope) // whoever signs in
	}
	if hint := q.Get("id_token_hint"); refusal == nil && hint != "" {
		who, err := h.Hints.VerifyHint(r.Context(), hint)
		if err != nil {
			refusal = oauth.Refuse(oauth.InvalidRequest, "id_token_hint is not an ID token of this server")
		}
		req.HintUserID = who.UserID
	}
	if refusal != nil {
		h.refuse(w, r, req, refusal)
		return nil, false
	}
	return req, true
}

// application finds an application that may use the authorization endpoint and
// has registered the redirect URI.
func (h *Handler) application(w http.ResponseWriter, r *http.Request, uri, redirectURI string) (*registry.App, bool) {
	app, ok := h.Applications.App(uri)
	switch {
	case !ok || !app.Enabled || app.ClientType == tandem.ClientNone:
		h.failApplication(w, r, "The application that sent you here is not known, or it is switched off.")
	case !MatchRedirectURI(&app.TrustedApp, redirectURI):
		h.failApplication(w, r, "The application wants you sent to an address that it has not registered, so you stay here.")
	default:
		return app, true
	}
	return nil, false
}

func (h *Handler) failApplication(w http.ResponseWriter, r *http.Request, problem string) {
	h.fail(w, r, http.StatusBadRequest, "invalid_request", problem, "Nothing was done. Tell the people who run the application.")
}

// refuse sends an error to the application (RFC 6749 section 4.1.2.1).
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, req *authorizationRequest, e *oauth.Error) {
	h.answer(w, r, req, field{"error", string(e.Code)}, field{"error_description", e.Description})
}

// proceed answers a checked request, or asks the person to sign in first.
func (h *Handler) proceed(w http.ResponseWriter, r *http.Request, req *authorizationRequest) {
	who, err := h.current(r)
	if err != nil {
		h.failInternal(w, r, err)
		return
	}
	if who == nil || !req.satisfiedBy(&who.SignIn, h.Now()) {
		if req.hasPrompt(promptNone) {
			h.refuse(w, r, req, oauth.Refuse(oauth.LoginRequired, "the person has to sign in"))
			return
		}
		if req.LoginHint == "" && req.HintUserID != "" {
			if hinted, err := h.Users.ByID(r.Context(), req.HintUserID); err == nil {
				req.LoginHint = hinted.Login
			}
		}
		h.redirectSealed(w, r, "/id/account/signin", req)
		return
	}
	if req.HintUserID != "" && req.HintUserID != who.UserID {
		h.refuse(w, r, req, oauth.Refuse(oauth.LoginRequired, "another person signed in than the one id_token_hint names"))
		return
	}
	h.grant(w, r, req, who)
}

// grant gives the application a code for the person (RFC 6749 section 4.1.2).
func (h *Handler) grant(w http.ResponseWriter, r *http.Request, req *authorizationRequest, who *signedIn) {
	ctx := r.Context()
	app, ok := h.application(w, r, req.ApplicationURI, req.RedirectURI)
	if !ok {
		return
	}
	if !app.AllowsUserType(who.Account.Type) {
		h.refuse(w, r, req, oauth.Refuse(oauth.AccessDenied, "users of type %s may not sign in through this application", who.Account.Type))
		return
	}
	scope, refusal := token.UserScope(app, req.Scope)
	if refusal == nil {
		scope, refusal = token.ForUser(scope, who.Account.Type)
	}
	if refusal != nil {
		h.refuse(w, r, req, refusal)
		return
	}
	code, err := h.Codes.Issue(ctx, token.CodeGrant{
		ApplicationURI: app.ApplicationURI, RedirectURI: req.RedirectURI, UserID: who.UserID, SignInID: who.ID,
		AuthTime: who.AuthTime, Scope: scope, Nonce: req.Nonce, CodeChallenge: req.Challenge,
	})
	if err != nil {
		h.failInternal(w, r, err)
		return
	}
	h.answer(w, r, req, field{"code", code})
}
