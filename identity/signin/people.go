package signin

import (
	"net/http"

	"github.com/hybridapps/tandem/site"
)

// Current implements [site.People].
func (h *Handler) Current(r *http.Request) (*site.Person, error) {
	who, err := h.current(r)
	if who == nil || err != nil {
		return nil, err
	}
	return &site.Person{User: who.Account.User, SignInID: who.ID, AuthTime: who.AuthTime, IdentityProvider: who.Authentication.Provider, Tenant: who.Authentication.Tenant}, nil
}

// SignIn implements [site.People]. The address to return to travels sealed, as an
// authorization request does; one that is not of the sites leads to the profile.
func (h *Handler) SignIn(w http.ResponseWriter, r *http.Request, returnTo string, fresh bool) error {
	if !site.MayReturn(returnTo) {
		returnTo = pathProfile
	}
	req := &authorizationRequest{ReturnTo: returnTo, Fresh: fresh, Locales: locales(r), At: h.Clock.Now().Unix()}
	who, err := h.current(r)
	if err != nil {
		return err
	}
	if who != nil {
		req.LoginHint = who.Account.Login
	}
	return h.redirectSealed(w, r, pathSignIn, req)
}

// pathProfile is the first page of the profile site.
const pathProfile = "/profile/"
