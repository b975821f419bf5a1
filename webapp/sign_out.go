package webapp

import (
	"net/http"

	"github.com/hybridapps/tandem/client"
)

// signOutPage takes the sign-out on to the identity server. It posts, because
// the ID token must not get into a URL (I13); the token is the person's own.
func (a *App) signOutPage(w http.ResponseWriter, r *http.Request, form client.SignOutForm) {
	a.render(w, r, http.StatusOK, "signing_out", "layout", page{Title: "Signing out", Plain: true, Narrow: true, D: form})
}

// goodbye is where a sign-out ends.
func (a *App) goodbye(w http.ResponseWriter, r *http.Request) {
	v := a.visitOf(w, r)
	if v.session != nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	a.render(w, r, http.StatusOK, "signed_out", "layout", page{Title: "Signed out", Plain: true, Narrow: true})
}
