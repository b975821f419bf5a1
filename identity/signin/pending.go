package signin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/site/words"
)

// pendingLifetime is how long a person has for all steps of a sign-in after the first.
const pendingLifetime = 10 * time.Minute

// pending is a sign-in in the middle: somebody has proved something, and is not signed in
// yet. It travels sealed in the forms of the steps, bound to the browser's form cookie, so
// that nobody else's browser can go on with it and no other site can send it.
type pending struct {
	// UserID is the account, Version its at the first proof: a sign-in does not go on with an
	// account that was changed meanwhile.
	UserID  string `json:"u"`
	Version int64  `json:"v"`
	// Login is as it was typed; empty for who came without typing one.
	Login string `json:"l,omitempty"`
	// How is what was proved so far.
	How token.Authentication `json:"how"`
	// SignInID is the sign-in that is to be raised; empty for a new one.
	SignInID string `json:"sid,omitempty"`
	// Recovery says that the code was one on paper.
	Recovery bool `json:"rc,omitempty"`
	Keep     bool `json:"k,omitempty"`
	// Request is the sealed authorization request, empty when the person came by themselves;
	// req is the same opened.
	Request string `json:"r,omitempty"`
	req     *authorizationRequest
	At      int64 `json:"at"` // of the first proof, in Unix seconds
	// AuthTime is when an outside provider says that they proved it; zero for At.
	AuthTime int64 `json:"t,omitempty"`
}

// step is something between the first proof and the sign-in.
type step struct {
	// needed says whether the person has to go through it.
	needed func(ctx context.Context, p *pending, acc *Account) (bool, error)
	// show shows its page, whose form posts the pending sign-in to a path of its own.
	show func(w http.ResponseWriter, r *http.Request, status int, p *pending, acc *Account, problem words.Text) error
}

// steps are all steps, in their order. Each is asked again after each that was done.
func (h *Handler) steps() []step {
	return []step{h.factorStep(), h.newPasswordStep(), h.enrolmentStep()}
}

// begun is a pending sign-in after the first proof.
func (h *Handler) begun(f signInFields, acc *Account, how token.Authentication) *pending {
	return &pending{
		UserID: acc.ID, Version: acc.Version, Login: f.login, How: how, Keep: f.keep, Request: f.request, req: f.req, At: h.Clock.Now().Unix(),
	}
}

// proceedSignIn shows the first step that is needed, or signs the person in. It looks at the account
// anew: a step may have changed it.
func (h *Handler) proceedSignIn(w http.ResponseWriter, r *http.Request, p *pending) error {
	acc, err := h.pendingAccount(r.Context(), p)
	if err != nil {
		return err
	}
	for _, s := range h.steps() {
		needed, err := s.needed(r.Context(), p, acc)
		if err != nil {
			return err
		}
		if needed {
			return s.show(w, r, http.StatusOK, p, acc, words.Text{})
		}
	}
	return h.welcome(w, r, p, acc)
}

// pendingAccount is the account of a pending sign-in, as it was at the first proof.
func (h *Handler) pendingAccount(ctx context.Context, p *pending) (*Account, error) {
	acc, err := h.Users.ByID(ctx, p.UserID)
	if err != nil {
		return nil, err
	}
	if acc.Version != p.Version || !acc.canSignIn() {
		return nil, signInAgain(tandem.RuleUserChanged, words.T("The account was changed while you signed in, so nothing was done."))
	}
	return &acc, nil
}

func signInAgain(rule tandem.Rule, text words.Text) *problem {
	p := badRequest(rule, text, words.T("Please sign in again."))
	p.again = pathSignIn
	return p
}

// sealPending makes the text of a pending sign-in for a form, bound to the browser.
func (h *Handler) sealPending(w http.ResponseWriter, r *http.Request, p *pending) (string, error) {
	return h.sealed(p, placePending+h.formCookie(w, r))
}

// pendingForm reads a form of a step: what was typed, and the pending sign-in that it
// carries. A form with cancel in it is a sign-in that the person does not want.
func (h *Handler) pendingForm(w http.ResponseWriter, r *http.Request) (url.Values, *pending, *Account, error) {
	form, err := h.ownForm(w, r)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := once(form); err != nil {
		return nil, nil, nil, err
	}
	var p pending
	value := h.cookieValue(r, formCookie)
	if value == "" || !h.opened(form.Get("pending"), placePending+value, &p) || !h.fresh(p.At, pendingLifetime) {
		return nil, nil, nil, signInAgain(tandem.RuleRequestExpired, words.T("This sign-in was open for too long, or your browser did not send back its cookie."))
	}
	if p.Request != "" {
		if p.req, err = h.openRequest(r, p.Request); err != nil {
			return nil, nil, nil, err
		}
	}
	if form.Get("cancel") != "" {
		return nil, nil, nil, h.cancelled(p.req)
	}
	acc, err := h.pendingAccount(r.Context(), &p)
	return form, &p, acc, err
}

// once refuses a form that holds anything more than once.
func once(form url.Values) error {
	for name, values := range form {
		if len(values) > 1 {
			return badRequest(tandem.RuleForm, words.T("The form holds %s more than once.", tandem.Clip(name, shown)), words.Text{})
		}
	}
	return nil
}

// cancelled is where a person goes who does not want to sign in: back to who asked.
func (h *Handler) cancelled(req *authorizationRequest) error {
	switch {
	case req == nil:
		return &elsewhere{pathSignIn}
	case req.Device != "":
		return &elsewhere{oauth.PathDevice}
	case req.ReturnTo != "" && req.Fresh:
		return &elsewhere{pathProfile}
	case req.ReturnTo != "":
		return &elsewhere{oauth.PathIssuer}
	}
	return &refusal{req, token.Refuse(tandem.RuleUserCancelled, oauth.AccessDenied, "the person did not want to sign in")}
}

// targets are the origins to which the redirect after a form of the sign-in may lead: to
// the browser it is part of the form's action, so that the CSP has to name it.
func (req *authorizationRequest) targets() []string {
	if req == nil || req.RedirectURI == "" {
		return nil
	}
	if source := cspSource(req.RedirectURI); source != "" {
		return []string{source}
	}
	return nil
}

// welcome begins the identity session, or raises one, and sends the person on their way.
// It is on record before the browser has its cookie.
func (h *Handler) welcome(w http.ResponseWriter, r *http.Request, p *pending, acc *Account) error {
	ctx := r.Context()
	before, err := h.current(r)
	if err != nil {
		return err
	}
	if p.SignInID != "" && (before == nil || before.ID != p.SignInID) {
		return signInAgain(tandem.RuleUserChanged, words.T("You have signed out meanwhile, so nothing was done."))
	}
	s, value, err := h.begin(r, before, acc, p)
	if err != nil {
		return err
	}
	// A change of the account ends the sign-ins that are there: one that came between is
	// there by now, or sees the change.
	if _, changed := h.pendingAccount(ctx, p); changed != nil {
		return errors.Join(changed, h.Ending.SignIn(ctx, s.ID, acc.Login, "the account was changed during the sign-in"))
	}
	e := tandem.AuditEvent{Kind: tandem.AuditSignIn, Actor: acc.Login, SignInID: s.ID, Detail: p.words()}
	e.Facts = (&tandem.Facts{AMR: s.Authentication.Words(), ACR: s.Authentication.ACR(), UserType: acc.Type, UserVersion: acc.Version}).JSON()
	if p.req != nil {
		e.ApplicationURI = p.req.ApplicationURI
	}
	if err := h.record(ctx, r, e); err != nil {
		return err
	}
	h.keepCookie(w, value, s.Keep)
	if err := h.keepDevice(w, r, LoginKey(cmp.Or(p.Login, acc.Login))); err != nil {
		return err
	}
	if p.req == nil {
		return goOn(w, r, pathSignOut)
	}
	if p.SignInID == "" { // a sign-in that was raised is no new one, as prompt=login wants it
		p.req.SignedIn, p.req.SignedInAt = s.ID, h.Clock.Now().Unix()
	}
	return h.redirectSealed(w, r, pathResume, p.req)
}

// words say to the record how the person proved who they are.
func (p *pending) words() string {
	words := map[string]string{
		token.MethodPassword: "password", token.MethodOTP: "code", token.MethodHardware: "passkey", token.MethodSoftware: "passkey", token.MethodUser: "passkey",
	}
	var said []string
	for _, m := range p.How.AMR() {
		if word := words[m]; word != "" && !slices.Contains(said, word) {
			said = append(said, word)
		}
	}
	if p.How.Provider != "" {
		said = append(said, "provider "+p.How.Provider)
	}
	text := joinAnd(said)
	if p.Recovery {
		text += " (a recovery code)"
	}
	if p.SignInID != "" {
		text = "more proof, now " + text
	}
	return text
}

func joinAnd(words []string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		text := words[0]
		for _, w := range words[1 : n-1] {
			text += ", " + w
		}
		return text + " and " + words[n-1]
	}
}
