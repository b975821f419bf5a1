package signin

import (
	"net/http"
)

// signOutForm shows who is signed in and offers to sign out.
func (h *Handler) signOutForm(w http.ResponseWriter, r *http.Request) {
	who, err := h.current(r)
	if err != nil {
		h.failInternal(w, r, err)
		return
	}
	if who == nil {
		h.showSignedOut(w, r)
		return
	}
	h.confirm(w, r, who, &logoutRequest{})
}

// confirm asks the person whether to sign out.
func (h *Handler) confirm(w http.ResponseWriter, r *http.Request, who *signedIn, req *logoutRequest) {
	csrf, err := h.csrf(w, r)
	if err != nil {
		h.failInternal(w, r, err)
		return
	}
	req.At = h.Now().Unix()
	sealed, err := h.sealed(req, placeLogout)
	if err != nil {
		h.failInternal(w, r, err)
		return
	}
	p := page{Title: "You are signed in", Login: who.Account.Login, Name: who.Account.Name, CSRF: csrf, Request: sealed}
	if req.ApplicationURI != "" {
		p.Title = "Sign out?"
		if app, ok := h.Applications.App(req.ApplicationURI); ok {
			p.Application = app.Name
		}
	}
	var targets []string
	if source := cspSource(req.RedirectURI); source != "" {
		targets = append(targets, source)
	}
	h.render(w, r, http.StatusOK, "confirm.html", p, targets...)
}

// signOut takes the confirmation: it ends the identity session and all that
// came of it, and goes where the application asked to.
func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) {
	form, ok := h.readForm(w, r)
	if !ok || !h.ownSite(w, r) {
		return
	}
	var req logoutRequest
	if !h.csrfValid(r, form.Get("csrf")) || !h.opened(form.Get("request"), placeLogout, &req) || !h.fresh(req.At, formLifetime) {
		h.fail(w, r, http.StatusBadRequest, "invalid_request", "This form was open for too long, or your browser did not send back its cookie.", "You are still signed in. Go back and try again.")
		return
	}
	who, err := h.current(r)
	if err != nil {
		h.failInternal(w, r, err)
		return
	}
	if who != nil {
		if err := h.Ending.SignIn(r.Context(), who.ID, who.Account.Login, "signed out"); err != nil {
			h.failInternal(w, r, err)
			return
		}
	}
	h.forget(w)
	h.leave(w, r, &req)
}

func (h *Handler) showSignedOut(w http.ResponseWriter, r *http.Request) {
	h.render(w, r, http.StatusOK, "signedout.html", page{Title: "Signed out"})
}
