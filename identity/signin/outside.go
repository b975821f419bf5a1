package signin

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/site/words"
)

const (
	pathOutside = pathAccount + "outside/start"
	// outsideCookie begins the names of cookies that each hold one sign-in that was begun
	// at an outside provider: several windows may have one each.
	outsideCookie = "tandem_outside_"
	// outsideLifetime is how long a person has at an outside provider.
	outsideLifetime = 15 * time.Minute
	// maxOutside is how many a browser may have begun: cookies have no endless room.
	maxOutside = 5
	// freshOutside is how long ago a person may have proved to an outside provider who they
	// are, for what wants them to prove it anew.
	freshOutside = time.Minute
)

// outsideFlow is a sign-in that was begun at an outside provider. It stays in the browser,
// sealed; the parameter state, which the provider sees, has its id and the request.
type outsideFlow struct {
	Provider string `json:"p"`
	Issuer   string `json:"i"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	// Request is the SHA-256 of the sealed authorization request in state.
	Request []byte         `json:"r"`
	MaxAge  *time.Duration `json:"ma,omitempty"`
	// Login says that the provider was asked to have the person prove anew who they are.
	Login bool `json:"l,omitempty"`
	// Link is the sign-in whose person links themselves; empty for one who signs in.
	Link string `json:"k,omitempty"`
	// Locales is ui_locales of who began it.
	Locales string `json:"ul,omitempty"`
	At      int64  `json:"at"`
}

// outsideProviders are the providers to offer under the form.
func (h *Handler) outsideProviders(r *http.Request) ([]federation.Provider, error) {
	if h.Outside == nil {
		return nil, nil
	}
	return h.Outside.Enabled(r.Context())
}

// hinted is the id of the provider that the application, or the person's address, leads to
// straight away; empty for none. With here the person wants the form.
func (h *Handler) hinted(r *http.Request, req *authorizationRequest) (id string, err error) {
	if h.Outside == nil || r.URL.Query().Has("here") || req.Provider == "" && req.Domain == "" && !strings.Contains(req.LoginHint, "@") {
		return "", nil
	}
	all, err := h.Outside.Enabled(r.Context())
	if err != nil {
		return "", err
	}
	_, domain, _ := strings.Cut(req.LoginHint, "@")
	for _, serves := range []func(p *federation.Provider) bool{
		func(p *federation.Provider) bool { return p.ID == req.Provider },
		func(p *federation.Provider) bool { return req.Domain != "" && p.Serves(req.Domain) },
		func(p *federation.Provider) bool { return domain != "" && p.Serves(domain) },
	} {
		for i := range all {
			if serves(&all[i]) && req.Provider != federation.Local {
				return all[i].ID, nil
			}
		}
	}
	return "", nil
}

// otherProvider reports whether the application asks for another provider than the one
// that authenticated the person. One that is not known is asked for in vain (acr_values
// are a wish: OpenID Connect Core section 3.1.2.1).
func (h *Handler) otherProvider(r *http.Request, req *authorizationRequest, who *signedIn) (bool, error) {
	if who == nil || req.Provider == "" || req.Provider == who.Authentication.IDP() || req.SignedIn == who.ID {
		return false, nil
	}
	if req.Provider == federation.Local || h.Outside == nil {
		return req.Provider == federation.Local, nil
	}
	_, err := h.Outside.Find(r.Context(), req.Provider)
	if known, ok := asError(err); ok && known.Rule == tandem.RuleOutsideUnknown {
		return false, nil
	}
	return err == nil, err
}

// outsideStart sends the browser to the provider that the person chose.
func (h *Handler) outsideStart(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	p, err := h.Outside.Find(r.Context(), q.Get("provider"))
	if err != nil {
		return h.outsideFailed(r, nil, "", err)
	}
	flow := outsideFlow{Provider: p.ID, Issuer: p.Issuer, Locales: locales(r), At: h.Clock.Now().Unix()}
	if q.Has("link") {
		return h.beginLink(w, r, &p, q.Get("link"), &flow)
	}
	request, req := q.Get("request"), &authorizationRequest{}
	if request != "" {
		if req, err = h.openRequest(r, request); err != nil {
			return err
		}
	}
	return h.beginOutside(w, r, &p, &flow, request, req)
}

// beginOutside asks the provider for what the application asked for, as far as that is
// the provider's: when the person proved it, and that they do it anew.
func (h *Handler) beginOutside(w http.ResponseWriter, r *http.Request, p *federation.Provider, flow *outsideFlow, request string, req *authorizationRequest) error {
	ask := federation.Ask{MaxAge: req.MaxAge, Locales: locales(r)}
	for _, word := range []string{oauth.PromptLogin, oauth.PromptSelectAccount} {
		if req.hasPrompt(word) {
			ask.Prompt = append(ask.Prompt, word)
		}
	}
	if flow.Link != "" { // the account that is signed in there may be another person's
		ask.Prompt = []string{oauth.PromptSelectAccount}
	}
	if req.Fresh { // somebody who is signed in proves it anew
		ask.Prompt, ask.MaxAge = []string{oauth.PromptLogin}, new(time.Duration)
		*ask.MaxAge = freshOutside
	}
	if strings.Contains(req.LoginHint, "@") {
		ask.LoginHint = req.LoginHint
	}
	id := newCookieValue()
	ask.State = id + "." + request
	begun, err := h.Outside.Begin(r.Context(), p, ask)
	if err != nil {
		return h.outsideFailed(r, p, request, err)
	}
	sum := sha256.Sum256([]byte(request))
	flow.Nonce, flow.Verifier, flow.Request = begun.Nonce, begun.Verifier, sum[:]
	flow.MaxAge, flow.Login = ask.MaxAge, slices.Contains(ask.Prompt, oauth.PromptLogin)
	value, err := h.sealed(flow, placeOutside+id)
	if err != nil {
		return err
	}
	h.makeRoom(w, r)
	h.setCookie(w, outsideCookie+id[:8], value, outsideLifetime)
	noStore(w.Header())
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, begun.URL, http.StatusSeeOther)
	return nil
}

// makeRoom forgets sign-ins that were begun, when there are too many.
func (h *Handler) makeRoom(w http.ResponseWriter, r *http.Request) {
	var names []string
	for _, c := range r.Cookies() {
		if strings.HasPrefix(strings.TrimPrefix(c.Name, "__Host-"), outsideCookie) && strings.HasSuffix(c.Name, h.cookieSuffix) {
			names = append(names, c.Name)
		}
	}
	if len(names) < maxOutside {
		return
	}
	for _, name := range names {
		h.setCookie(w, strings.TrimSuffix(strings.TrimPrefix(name, "__Host-"), h.cookieSuffix), "", -time.Second)
	}
}

// outsideCallback takes the answer of a provider.
func (h *Handler) outsideCallback(w http.ResponseWriter, r *http.Request) error {
	q, err := outsideAnswer(r)
	if err != nil {
		return err
	}
	flow, request, err := h.takeFlow(w, r, q.Get("state"))
	if err != nil {
		return err
	}
	p, err := h.Outside.Find(r.Context(), flow.Provider)
	if err != nil {
		return h.outsideFailed(r, nil, request, err)
	}
	if p.ID != r.PathValue("provider") || p.Issuer != flow.Issuer {
		return h.outsideFailed(r, &p, request, tandem.Errorf(tandem.CodeUnauthorized,
			"the answer came to the address of another outside provider than the %s that was asked", p.ID).By(tandem.RuleOutsideIssuer))
	}
	who, err := h.Outside.Finish(r.Context(), &p, federation.Answer{Nonce: flow.Nonce, Verifier: flow.Verifier, MaxAge: flow.MaxAge, Query: q})
	if err != nil {
		return h.outsideFailed(r, &p, request, err)
	}
	if flow.Login && !who.AuthTime.IsZero() && who.AuthTime.Unix() < flow.At-int64(clocksDiffer/time.Second) {
		return h.outsideFailed(r, &p, request, tandem.Errorf(tandem.CodeUnauthorized,
			"the outside provider %s was asked for a new sign-in, and tells of one of before", p.ID).By(tandem.RuleOutsideStale))
	}
	if flow.Link != "" {
		return h.linkOutside(w, r, &p, &flow, who)
	}
	return h.enterOutside(w, r, &p, who, request)
}

// maxAnswer bounds each parameter of an answer, in bytes.
const maxAnswer = 16 << 10

// outsideAnswer reads the parameters, of which each may be there once (RFC 6749 section 3.1).
func outsideAnswer(r *http.Request) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest(tandem.RuleForm, words.T("The address that brought you here is damaged."), startAgain)
	}
	for _, values := range q {
		if len(values) > 1 || len(values[0]) > maxAnswer || tandem.HasControl(values[0]) {
			return nil, badRequest(tandem.RuleParameter, words.T("The address that brought you here is damaged."), startAgain)
		}
	}
	return q, nil
}

// takeFlow opens what this browser began, once: the next answer with the same state finds
// nothing. The sealed request in state is the one that it was begun for.
func (h *Handler) takeFlow(w http.ResponseWriter, r *http.Request, state string) (flow outsideFlow, request string, err error) {
	id, request, _ := strings.Cut(state, ".")
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(id); err != nil || len(raw) != cookieBytes {
		return flow, "", errOutsideState()
	}
	if request != "" { // which tells the language, whatever is wrong with the rest
		h.openRequest(r, request)
	}
	name := outsideCookie + id[:8]
	c, err := r.Cookie(h.cookieName(name))
	if err != nil || !h.opened(c.Value, placeOutside+id, &flow) {
		return flow, "", errOutsideState()
	}
	speak(r, flow.Locales)
	h.setCookie(w, name, "", -time.Second)
	sum := sha256.Sum256([]byte(request))
	if !h.fresh(flow.At, outsideLifetime) || string(sum[:]) != string(flow.Request) {
		return flow, "", errOutsideState()
	}
	return flow, request, nil
}

func errOutsideState() *problem {
	p := badRequest(tandem.RuleOutsideState,
		words.T("This sign-in was begun in another browser, was open for too long, or is finished already."), startAgain)
	p.again = pathSignIn
	return p
}

// outsideFailed is the page for what goes wrong at an outside provider, with the way back
// to the form. What exactly it was is for the record.
func (h *Handler) outsideFailed(r *http.Request, p *federation.Provider, request string, err error) error {
	known, ok := asError(err)
	if !ok {
		return err
	}
	var name any = words.T("The provider")
	if p != nil {
		name = p.Name
	}
	shown := &problem{
		status: http.StatusForbidden, code: string(oauth.AccessDenied), rule: known.Rule, detail: known.Message,
		again: pathSignIn + "?" + url.Values{"request": {request}, "here": {"1"}}.Encode(),
	}
	if request == "" {
		shown.again = pathSignIn
	}
	switch known.Rule {
	case tandem.RuleOutsideUnknown:
		shown.text, shown.hint = words.T("This way to sign in does not exist, or it is switched off."), words.T("Sign in another way.")
	case tandem.RuleOutsideUnreachable:
		shown.status, shown.code = http.StatusServiceUnavailable, string(oauth.TemporarilyUnavailable)
		shown.text, shown.hint = words.T("%s does not answer at the moment.", name), words.T("Try again shortly, or sign in another way.")
	case tandem.RuleOutsideRefused:
		shown.text = words.T("%s did not sign you in.", name)
		shown.hint = words.T("If you did not want to, sign in another way. Else try again, or tell your administrator.")
	case tandem.RuleOutsideStale:
		shown.text = words.T("%s did not ask you anew who you are, as is necessary here.", name)
		shown.hint = words.T("Sign out there and try again, or sign in with your password.")
	case tandem.RuleOutsideIssuer, tandem.RuleOutsideToken:
		shown.text = words.T("What came back from %s is not as it should be, so nothing was done.", name)
		shown.hint = words.T("Try again. If it stays like this, tell your administrator.")
	default:
		shown.text = words.T("%s knows who you are, but there is no account here that you may use with it.", name)
		shown.hint = words.T("Sign in another way, or ask your administrator to link your account.")
	}
	return shown
}
