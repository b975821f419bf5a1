package signin

import (
	"cmp"
	"html/template"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/site/words"
)

// signOutForm shows who is signed in and offers to sign out.
func (h *Handler) signOutForm(w http.ResponseWriter, r *http.Request) error {
	who, err := h.current(r)
	if err != nil {
		return err
	}
	if who == nil {
		return h.showSignedOut(w, r, &logoutRequest{})
	}
	return h.confirm(w, r, who, &logoutRequest{})
}

// confirm asks the person whether to sign out.
func (h *Handler) confirm(w http.ResponseWriter, r *http.Request, who *signedIn, req *logoutRequest) error {
	csrf, err := h.csrf(w, r)
	if err != nil {
		return err
	}
	req.At = h.Clock.Now().Unix()
	sealed, err := h.sealed(req, placeLogout)
	if err != nil {
		return err
	}
	p := page{Title: words.T("You are signed in"), Login: who.Account.Login, Name: who.Account.Name, own: who.Account.Locale, CSRF: csrf, Request: sealed}
	status := http.StatusOK
	if req.refused {
		status, p.Title, p.Problem = http.StatusBadRequest, words.T("Sign out?"), req.reason
	} else {
		p.Hint = req.reason
	}
	if req.ApplicationURI != "" {
		p.Title = words.T("Sign out?")
		if app, ok := h.Applications.App(req.ApplicationURI); ok {
			p.Application = app.Name
		}
	}
	var targets []string
	if source := cspSource(req.RedirectURI); source != "" && req.Proven {
		targets = append(targets, source)
	}
	return h.render(w, r, status, "confirm.html", p, targets...)
}

// signOut takes the confirmation: it ends the identity session and all that
// came of it, and goes where the application asked to.
func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) error {
	form, err := h.ownForm(w, r)
	if err != nil {
		return err
	}
	var req logoutRequest
	if !h.csrfValid(r, form.Get("csrf")) || !h.opened(form.Get("request"), placeLogout, &req) || !h.fresh(req.At, formLifetime) {
		return badRequest(tandem.RuleRequestExpired, words.T("This form was open for too long, or your browser did not send back its cookie."),
			words.T("You are still signed in. Go back and try again."))
	}
	who, err := h.current(r)
	if err != nil {
		return err
	}
	if who != nil {
		if err := h.Ending.SignIn(r.Context(), who.ID, who.Account.Login, "signed out"); err != nil {
			return err
		}
	}
	h.forget(w)
	if who != nil {
		req.outside = who.Authentication.Provider
	}
	return h.leave(w, r, &req)
}

// showSignedOut tells who came from an outside provider that they are still signed in
// there, and where they can end that, too; and who wanted to go back to an application
// that did not prove itself, why they are not sent there.
func (h *Handler) showSignedOut(w http.ResponseWriter, r *http.Request, req *logoutRequest) error {
	p := page{Title: words.T("Signed out")}
	if req.outside != "" && h.Outside != nil {
		if at, err := h.Outside.Find(r.Context(), req.outside); err == nil {
			p.Name, p.Again = at.Name, h.Outside.SignOutAt(at.ID)
		}
	}
	if to := req.back(); to != "" {
		p.Hint, p.Back, p.Application = hintMissing, template.URL(to), req.ApplicationURI
		if app, ok := h.Applications.App(req.ApplicationURI); ok {
			p.Application = cmp.Or(app.Name, p.Application)
		}
	}
	return h.render(w, r, http.StatusOK, "signedout.html", p)
}
