package signin

import (
	"net/http"
)

// signOutForm shows who is signed in and offers to sign out.
func (h *Handler) signOutForm(w http.ResponseWriter, r *http.Request) error {
	who, err := h.current(r)
	if err != nil {
		return err
	}
	if who == nil {
		return h.showSignedOut(w)
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
	p := page{Title: "You are signed in", Login: who.Account.Login, Name: who.Account.Name, CSRF: csrf, Request: sealed}
	status := http.StatusOK
	if req.refused {
		status, p.Title, p.Problem = http.StatusBadRequest, "Sign out?", req.reason
	} else {
		p.Hint = req.reason
	}
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
	return h.render(w, status, "confirm.html", p, targets...)
}

// signOut takes the confirmation: it ends the identity session and all that
// came of it, and goes where the application asked to.
func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	if err := h.ownSite(r); err != nil {
		return err
	}
	var req logoutRequest
	if !h.csrfValid(r, form.Get("csrf")) || !h.opened(form.Get("request"), placeLogout, &req) || !h.fresh(req.At, formLifetime) {
		return badRequest("This form was open for too long, or your browser did not send back its cookie.",
			"You are still signed in. Go back and try again.")
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
	return h.leave(w, &req)
}

func (h *Handler) showSignedOut(w http.ResponseWriter) error {
	return h.render(w, http.StatusOK, "signedout.html", page{Title: "Signed out"})
}
