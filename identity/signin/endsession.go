package signin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/site/words"
)

// logoutRequest is a checked logout request (OpenID Connect RP-Initiated
// Logout section 2). It travels sealed through the confirmation page.
type logoutRequest struct {
	ApplicationURI string `json:"c,omitempty"`
	// RedirectURI is registered for the application; empty means to stay here.
	RedirectURI string `json:"r,omitempty"`
	State       string `json:"st,omitempty"`
	// Proven says that a hint has shown who asks: only such a request is followed.
	Proven bool `json:"p,omitempty"`
	// Useless is why the hint proves nothing, a key of useless; empty for one that is there
	// and does, and for none.
	Useless string `json:"u,omitempty"`
	At      int64  `json:"at"`

	// hint is what the id_token_hint proved, or nil.
	hint *token.Hint
	// reason is why the person is asked, for them to read; empty with a hint of
	// theirs. refused says that the request is not as it should be: then it is
	// not followed, and leads nowhere.
	reason  words.Text
	refused bool
	// outside is the provider that authenticated who signed out; empty for this server.
	outside string
}

// endSession is the end-session endpoint. A valid hint ends the sign-in that it
// names at once, whatever browser brings it. About any other sign-in of the browser
// the person is asked, because any site can lead a browser here.
func (h *Handler) endSession(w http.ResponseWriter, r *http.Request) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return badRequest(tandem.RuleForm, words.T("The address that brought you here is damaged."), words.Text{})
	}
	req := h.sealedLogout(q.Get("request"))
	if req == nil {
		req = h.acceptLogout(r, given(q))
	}
	who, err := h.current(r)
	if err != nil {
		return err
	}
	switch {
	case req.refused:
		return h.refuseLogout(w, r, who, req)
	case req.hint != nil:
		if err := h.endHinted(r, req); err != nil {
			return err
		}
	}
	if who != nil && (req.hint == nil || req.hint.SignInID != who.ID) {
		return h.confirm(w, r, who, req)
	}
	if who != nil {
		h.forget(w)
	}
	return h.leave(w, r, req)
}

// endSessionPost takes the request as a form, from any site. Browsers send no
// SameSite=Lax cookie with it, so it ends the sign-in that a hint names and goes
// on as a GET, where the cookie can be seen and the person asked about another one.
func (h *Handler) endSessionPost(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	req := h.acceptLogout(r, given(form))
	if req.refused {
		who, err := h.current(r)
		if err != nil {
			return err
		}
		return h.refuseLogout(w, r, who, req)
	}
	if req.hint != nil {
		if err := h.endHinted(r, req); err != nil {
			return err
		}
	}
	// The hint stays behind: an ID token has no place in a URL of ours. That it proved
	// who asks does not, nor why it proved nothing.
	next, sealed := url.Values{}, req.Proven || req.Useless != ""
	if sealed {
		req.At = h.Clock.Now().Unix()
		text, err := h.sealed(req, placeLogout)
		if err != nil {
			return err
		}
		next.Set("request", text)
	}
	for _, f := range []field{
		{"client_id", req.ApplicationURI},
		{"post_logout_redirect_uri", req.RedirectURI},
		{"state", req.State},
	} {
		if f.Value != "" && !sealed {
			next.Set(f.Name, f.Value)
		}
	}
	if asked := tandem.Clip(form.Get("ui_locales"), shown); asked != "" {
		next.Set("ui_locales", asked)
	}
	target := oauth.PathEndSession
	if len(next) > 0 {
		target += "?" + next.Encode()
	}
	noStore(w.Header())
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}

// sealedLogout is the request that [Handler.endSessionPost] checked and sealed; nil for
// any other text.
func (h *Handler) sealedLogout(text string) *logoutRequest {
	var req logoutRequest
	if !h.opened(text, placeLogout, &req) || !req.Proven && req.Useless == "" || !h.fresh(req.At, requestLifetime) {
		return nil
	}
	if req.reason = useless[req.Useless]; req.Proven {
		req.reason = hintOfAnother // which has ended
	}
	return &req
}

// endHinted ends the sign-in that the hint names, and what came of it. One that is idle
// or expired is ended, too: applications renew what came of it.
func (h *Handler) endHinted(r *http.Request, req *logoutRequest) error {
	actor := ""
	if acc, err := h.Users.ByID(r.Context(), req.hint.UserID); err == nil {
		actor = acc.Login
	} else if !errors.Is(err, tandem.ErrNotFound) {
		return err
	}
	return h.Ending.SignIn(r.Context(), req.hint.SignInID, actor, "signed out through "+req.ApplicationURI)
}

// Why the person is asked, or the request is not followed.
var (
	hintMissing   = words.T("The application did not prove whose sign-in it means (id_token_hint is missing).")
	hintUnusable  = words.T("The application's proof of whose sign-in it means cannot be used: its id_token_hint is damaged, or is no ID token of this server.")
	hintOfAnother = words.T("The application means another sign-in than this one. That one has ended.")
	hintOfGone    = words.T("The application whose ID token this is is not known here any more, so that nobody knows whether you may be sent where it wants.")
	hintForeign   = words.T("The application presented the ID token of another application.")
	whoAsks       = words.T("The application did not say which one it is (client_id and id_token_hint are missing), so that nobody knows whether you may be sent where it wants.")
	notAnAddress  = words.T("The application wants you sent to an address that it has not registered for after the sign-out.")
)

// Why a hint proves nothing. The keys travel sealed.
const (
	uselessHint, uselessApplication = "hint", "application"
)

var useless = map[string]words.Text{uselessHint: hintUnusable, uselessApplication: hintOfGone}

// acceptLogout checks a logout request. It never redirects to an address that
// is not registered, byte for byte, for the application that the hint or
// client_id names, nor to any when the hint proves nothing.
func (h *Handler) acceptLogout(r *http.Request, q url.Values) *logoutRequest {
	req := &logoutRequest{ApplicationURI: q.Get("client_id"), RedirectURI: q.Get("post_logout_redirect_uri"), State: q.Get("state")}
	if reason := h.checkLogout(r, q, req); !reason.Empty() {
		return &logoutRequest{ApplicationURI: req.ApplicationURI, reason: reason, refused: true}
	}
	return req
}

// checkLogout fills in what the hint proves, and says why the request cannot be
// followed.
func (h *Handler) checkLogout(r *http.Request, q url.Values, req *logoutRequest) (refused words.Text) {
	for name, values := range q {
		if problem := checkParameter(strings.TrimPrefix(name, "post_logout_"), values); !problem.Empty() {
			return words.T("The application made a mistake: %s %s.", tandem.Clip(name, shown), problem)
		}
	}
	req.reason = hintMissing
	if text := q.Get("id_token_hint"); text != "" {
		hint, err := h.Hints.VerifyHint(r.Context(), text)
		switch {
		case err != nil && req.RedirectURI != "":
			return hintUnusable
		case err != nil: // as if there were none: the person is asked
			req.Useless = uselessHint
		case req.ApplicationURI != "" && req.ApplicationURI != hint.ApplicationURI:
			return hintForeign
		case req.RedirectURI != "" && !h.knows(hint.ApplicationURI):
			// It was deleted: its people sign out all the same, when they have read why that is all.
			req.ApplicationURI, req.RedirectURI, req.Useless = "", "", uselessApplication
		default:
			req.ApplicationURI, req.hint, req.Proven, req.reason = hint.ApplicationURI, &hint, true, hintOfAnother
		}
	}
	if req.Useless != "" {
		req.reason = useless[req.Useless]
	}
	if req.RedirectURI == "" {
		return words.Text{}
	}
	if req.ApplicationURI == "" {
		return whoAsks
	}
	registered, enabled := h.registeredAfter(req)
	switch {
	case !registered:
		return notAnAddress
	case !enabled:
		req.RedirectURI = "" // its people sign out all the same
	}
	return words.Text{}
}

// knows reports whether the application is registered.
func (h *Handler) knows(applicationURI string) bool {
	_, ok := h.Applications.App(applicationURI)
	return ok
}

// registeredAfter reports whether the application has registered the post-logout address,
// and whether it is enabled: nobody is sent to one that is not.
func (h *Handler) registeredAfter(req *logoutRequest) (registered, enabled bool) {
	app, ok := h.Applications.App(req.ApplicationURI)
	if !ok {
		return false, false
	}
	return slices.Contains(app.PostLogoutRedirectURIs, req.RedirectURI), app.Enabled
}

// refuseLogout says why a request is not followed, and lets the person sign out
// all the same. A form of another site comes without the cookie: then the
// button leads to where it can be seen.
func (h *Handler) refuseLogout(w http.ResponseWriter, r *http.Request, who *signedIn, req *logoutRequest) error {
	if who != nil {
		return h.confirm(w, r, who, req)
	}
	p := badRequest(tandem.RuleHint, req.reason, words.T("You have not been signed out."))
	if r.Method == http.MethodPost {
		p.signOut = true
	} else {
		p.hint = words.T("You are not signed in here, so there is nothing to sign out of.")
	}
	return p
}

// leave goes to the application's post-logout address, or says that the sign-out is
// done. Where no hint has shown who asks, the person goes there by a link, or not at all.
func (h *Handler) leave(w http.ResponseWriter, r *http.Request, req *logoutRequest) error {
	if registered, enabled := h.registeredAfter(req); !registered || !enabled { // any more
		req.RedirectURI = ""
	}
	if req.RedirectURI == "" || !req.Proven {
		return h.showSignedOut(w, r, req)
	}
	noStore(w.Header())
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", req.back())
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// back is the post-logout address with the state; empty for none.
func (req *logoutRequest) back() string {
	if req.RedirectURI == "" || req.State == "" {
		return req.RedirectURI
	}
	separator := "?"
	if strings.Contains(req.RedirectURI, "?") {
		separator = "&"
	}
	return req.RedirectURI + separator + "state=" + url.QueryEscape(req.State)
}
