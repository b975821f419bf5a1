package signin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/site/words"
	"github.com/hybridapps/tandem/usage"
)

// authorize is the authorization endpoint (RFC 6749 section 3.1): it checks
// the request, sees who is signed in, and responds to the application or asks
// the person to sign in.
func (h *Handler) authorize(w http.ResponseWriter, r *http.Request) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return badRequest(tandem.RuleForm, words.T("The address that brought you here is damaged."), startAgain)
	}
	req, err := h.acceptFromBrowser(r, q)
	if err != nil {
		return err
	}
	return req.failed(h.proceed(w, r, req))
}

// authorizePost takes the request as a form, which OpenID Connect Core section
// 3.1.2.1 allows from any site. Browsers send no SameSite=Lax cookie with it,
// so the request goes on as a GET of our own, sealed: what it held, an ID
// token hint above all, stays out of the URL.
func (h *Handler) authorizePost(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	if r.URL.RawQuery != "" {
		return badRequest(tandem.RuleForm, words.T("The application sent its request half as a form and half in the address."), words.T("Tell the application's developer."))
	}
	req, err := h.acceptFromBrowser(r, form)
	if err != nil {
		return err
	}
	return req.failed(h.redirectSealed(w, r, pathResume, req))
}

// resume goes on with a sealed request.
func (h *Handler) resume(w http.ResponseWriter, r *http.Request) error {
	req, err := h.openRequest(r, r.URL.Query().Get("request"))
	if err != nil {
		return err
	}
	if req.Device != "" {
		return goOn(w, r, oauth.PathDevice+"?"+url.Values{"user_code": {req.Device}}.Encode())
	}
	if req.ReturnTo != "" {
		return goOn(w, r, req.ReturnTo)
	}
	// The application may have changed since.
	app, err := h.application(req.ApplicationURI, req.RedirectURI)
	if err != nil {
		return err
	}
	req.ApplicationName = app.Name
	return req.failed(h.proceed(w, r, req))
}

func (h *Handler) redirectSealed(w http.ResponseWriter, r *http.Request, path string, req *authorizationRequest) error {
	text, err := h.sealed(req, placeRequest)
	if err != nil {
		return err
	}
	speak(r, req.Locales)
	return goOn(w, r, path+"?request="+text)
}

// openRequest is the reverse, for a request that is not too old.
func (h *Handler) openRequest(r *http.Request, text string) (*authorizationRequest, error) {
	var req authorizationRequest
	if !h.opened(text, placeRequest, &req) {
		return nil, badRequest(tandem.RuleForm, words.T("The address of this page is not complete."), startAgain)
	}
	speak(r, req.Locales)
	if !h.fresh(req.At, requestLifetime) {
		return nil, h.tooOld(&req)
	}
	return &req, nil
}

// tooOld is for a sign-in page that was open for so long that the application
// does not wait any more. It leads to the application, where it has a place:
// the root of where the sign-in would have gone back to.
func (h *Handler) tooOld(req *authorizationRequest) *problem {
	p := badRequest(tandem.RuleRequestExpired, words.T("This page has been open for too long. Nothing is lost: start the sign-in again."), startAgain)
	if req.ReturnTo != "" {
		p.again = pathProfile
		return p
	}
	app, err := h.application(req.ApplicationURI, req.RedirectURI)
	if err != nil {
		return p
	}
	p.application = app.Name
	u, err := netaddr.CanonicalURL(req.RedirectURI)
	if err != nil || app.ClientType == tandem.ClientPublic && netaddr.IsLoopback(u.Hostname()) {
		return p // on the person's device, where it listens for one answer only
	}
	p.again = u.Scheme + "://" + u.Host + "/"
	return p
}

// acceptFromBrowser checks a new request that came through the browser, where
// everybody may read and change it: some applications push theirs (RFC 9126 section 5).
func (h *Handler) acceptFromBrowser(r *http.Request, q url.Values) (*authorizationRequest, error) {
	req, err := h.accept(r, given(q))
	if err != nil || req.Pushed != nil {
		return req, err
	}
	if app, ok := h.Applications.App(req.ApplicationURI); ok && app.PushedOnly {
		return nil, &refusal{req, token.Refuse(tandem.RuleRequestPushed, oauth.InvalidRequest, "the application pushes its requests: bring a request_uri")}
	}
	return req, nil
}

// given are the parameters that have a value: one without counts as omitted (RFC 6749
// section 3.1).
func given(q url.Values) url.Values {
	with := make(url.Values, len(q))
	for name, values := range q {
		if values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" }); len(values) > 0 {
			with[name] = values
		}
	}
	return with
}

// accept checks a new request. What is wrong with the client or its redirect
// URI is a [problem]: there is nowhere safe to send it. All else is a [refusal],
// which goes back to the application.
func (h *Handler) accept(r *http.Request, q url.Values) (*authorizationRequest, error) {
	if strings.HasPrefix(q.Get("request_uri"), oauth.PushedPrefix) {
		return h.pushed(r, q)
	}
	for _, name := range []string{"client_id", "redirect_uri"} {
		about := asked{q.Get("client_id"), q.Get("redirect_uri")}
		if values := q[name]; len(values) == 0 || values[0] == "" {
			return nil, badApplication(tandem.RuleParameter, about, words.T("The application that sent you here left out %s.", name))
		} else if wrong := checkParameter(name, values); !wrong.Empty() {
			return nil, badApplication(tandem.RuleParameter, about, words.T("The application that sent you here made a mistake: %s %s.", name, wrong))
		}
	}
	app, err := h.application(q.Get("client_id"), q.Get("redirect_uri"))
	if err != nil {
		return nil, err
	}
	req := &authorizationRequest{
		ApplicationURI:  app.ApplicationURI,
		ApplicationName: app.Name,
		RedirectURI:     q.Get("redirect_uri"),
		At:              h.Clock.Now().Unix(),
	}
	cause := req.parse(q, app)
	if cause == nil {
		var scope tandem.Scope
		if scope, cause = h.targets().Ask(app, req.Scope, q["resource"]); cause == nil {
			req.Scope = scope
		}
	}
	if cause == nil {
		cause = token.MaySignIn(app, req.Scope) // whoever signs in
	}
	if hint := q.Get("id_token_hint"); cause == nil && hint != "" {
		who, err := h.Hints.VerifyHint(r.Context(), hint)
		if err != nil {
			cause = token.Refuse(tandem.RuleHint, oauth.InvalidRequest, "id_token_hint is not an ID token of this server")
		}
		req.HintUserID = who.UserID
	}
	if cause != nil {
		return nil, &refusal{req, cause}
	}
	return req, nil
}

// targets are what tokens can be asked for (RFC 8707).
func (h *Handler) targets() *token.Targets {
	return &token.Targets{Issuer: h.Issuer, API: h.API, Registered: h.Applications}
}

// application finds an application that may use the authorization endpoint and
// has registered the redirect URI.
func (h *Handler) application(uri, redirectURI string) (*registry.App, error) {
	app, ok := h.Applications.App(uri)
	var rule tandem.Rule
	switch {
	case !ok:
		rule = tandem.RuleAppUnknown
	case !app.Enabled:
		rule = tandem.RuleAppDisabled
	case app.ClientType == tandem.ClientNone:
		rule = tandem.RuleAppType
	case !MatchRedirectURI(app, redirectURI):
		return nil, notRegistered(uri, redirectURI)
	default:
		return app, nil
	}
	return nil, badApplication(rule, asked{uri, redirectURI}, words.T("The application that sent you here is not known, or it is switched off."))
}

// notRegistered names the address where it is on this machine: then who reads
// the page is who develops the application.
func notRegistered(uri, redirectURI string) *problem {
	about := asked{uri, redirectURI}
	u, err := netaddr.CanonicalURL(redirectURI)
	if err != nil || !netaddr.IsLoopback(u.Hostname()) {
		return badApplication(tandem.RuleRedirect, about, words.T("The application wants you sent to an address that it has not registered, so you stay here."))
	}
	p := badApplication(tandem.RuleRedirect, about, words.T("The application %s wants you sent to %s, which it has not registered, so you stay here.",
		tandem.Clip(uri, shown), tandem.Clip(redirectURI, 200)))
	p.hint = words.T("If you develop it, add that address to its redirect URIs, byte for byte.")
	return p
}

func badApplication(rule tandem.Rule, about asked, text words.Text) *problem {
	p := badRequest(rule, text, words.T("Nothing was done. Tell the people who run the application."))
	p.about = &about
	return p
}

// proceed responds to a checked request, or asks the person to sign in first.
func (h *Handler) proceed(w http.ResponseWriter, r *http.Request, req *authorizationRequest) error {
	who, err := h.current(r)
	if err != nil {
		return err
	}
	elsewhere, err := h.otherProvider(r, req, who)
	if err != nil {
		return err
	}
	if who == nil || elsewhere || !req.satisfiedBy(who, h.Clock.Now()) {
		if req.hasPrompt(oauth.PromptNone) {
			return &refusal{req, oauth.Refuse(oauth.LoginRequired, "the person has to sign in")}
		}
		if req.LoginHint == "" && req.HintUserID != "" {
			if hinted, err := h.Users.ByID(r.Context(), req.HintUserID); err == nil {
				req.LoginHint = hinted.Login
			}
		}
		return h.redirectSealed(w, r, pathSignIn, req)
	}
	if !req.meant(who.UserID, who.Account.Login) {
		return &refusal{req, oauth.Refuse(oauth.LoginRequired, "another person signed in than the one id_token_hint, or sub in claims, names")}
	}
	if done, err := h.raise(w, r, req, who); done {
		return err
	}
	return h.grant(w, r, req, who)
}

// grant gives the application a code for the person (RFC 6749 section 4.1.2).
func (h *Handler) grant(w http.ResponseWriter, r *http.Request, req *authorizationRequest, who *signedIn) error {
	app, err := h.application(req.ApplicationURI, req.RedirectURI)
	if err != nil {
		return err
	}
	scope, dropped, cause := token.UserGrant(app, who.Account.Type, req.Scope)
	if cause != nil {
		return &refusal{req, cause}
	}
	if ask, err := h.mustAsk(r.Context(), app, req, who.UserID, req.consentScope(scope)); err != nil {
		return err
	} else if ask {
		return h.askConsent(w, r, req)
	}
	if err := h.usePushed(r, req); err != nil {
		return err
	}
	if err := h.used(r.Context(), app, who.UserID); err != nil {
		return err
	}
	if err := h.SignIns.Reach(r.Context(), who.ID, app.ID, h.Clock.Now()); err != nil {
		return err
	}
	code, err := h.Codes.Issue(r.Context(), token.CodeGrant{
		ApplicationURI: app.ApplicationURI,
		RedirectURI:    req.RedirectURI,
		UserID:         who.UserID,
		SignInID:       who.ID,
		AuthTime:       who.AuthTime,
		Authentication: req.told(who),
		Scope:          scope,
		Claims:         req.Claims,
		Nonce:          req.Nonce,
		CodeChallenge:  req.Challenge,
		KeyThumbprint:  req.KeyThumbprint,
	}, app.FAPI)
	if err != nil {
		return err
	}
	registered, _ := registeredURI(app, req.RedirectURI)
	h.Used.Count(app.ID, tandem.FlowUser, usage.Redirect, usage.RedirectName(registered))
	if err := h.codeIssued(r, app, req, who, scope, dropped); err != nil {
		return err
	}
	fields := []field{{"code", code}}
	if req.IDToken {
		idToken, err := h.idToken(r, app, req, who, scope, code)
		if err != nil {
			return err
		}
		fields = append(fields, field{"id_token", idToken})
	}
	return h.respond(w, r, req, fields...)
}

// idToken makes the ID token of a response that has one beside the code (OpenID
// Connect Core section 3.3.2.11). It is on record before it leaves.
func (h *Handler) idToken(r *http.Request, app *registry.App, req *authorizationRequest, who *signedIn, scope tandem.Scope, code string) (string, error) {
	minted, err := h.IDTokens.IDToken(token.UserToken{
		User: &who.Account.User, ApplicationURI: req.ApplicationURI, Scope: scope, SignInID: who.ID, AuthTime: who.AuthTime,
		Authentication: req.told(who), Claims: req.Claims, IDAlgorithm: app.IDTokenAlgorithm,
	}, token.Bound{Nonce: req.Nonce, Code: code, State: req.State})
	if err != nil {
		return "", err
	}
	return minted.JWT, h.record(r.Context(), r, tandem.AuditEvent{
		Kind: tandem.AuditTokenIssued, ApplicationURI: req.ApplicationURI, Actor: who.Account.Login,
		SignInID: who.ID, TokenID: minted.ID, Detail: "ID token with a code, scope " + scope.String(),
		Facts: (&tandem.Facts{
			Grant: oauth.ResponseTypeCodeIDToken, Scope: scope.String(), UserVersion: who.Account.Version, UserType: who.Account.Type,
			Expires: minted.ExpiresAt.Unix(), KeyID: minted.KeyID, AMR: who.Authentication.Words(), ACR: req.told(who).ACR(),
		}).JSON(),
	})
}
