package signin

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/words"
)

// How long what travels through a browser is good for.
const (
	// formLifetime is how long a form may stay open before it is sent.
	formLifetime = 12 * time.Hour
	// requestLifetime is how long an authorization request may wait for the
	// person to sign in.
	requestLifetime = time.Hour
	// clocksDiffer is by how much replicas' clocks may.
	clocksDiffer = time.Minute
)

// sealer is for what the pages carry through browsers.
func (h *Handler) sealer() site.Sealer { return site.Sealer{Box: h.Box, Clock: h.Clock} }

// sealed turns a value into text that only this server can make or read, good
// for one place.
func (h *Handler) sealed(v any, place string) (string, error) { return h.sealer().Seal(v, place) }

// opened is the reverse of sealed; false for anything that it did not make for
// this place.
func (h *Handler) opened(text, place string, v any) bool { return h.sealer().Open(text, place, v) }

// fresh reports whether a time in Unix seconds is within the lifetime.
func (h *Handler) fresh(at int64, lifetime time.Duration) bool { return h.sealer().Fresh(at, lifetime) }

// The places that sealed texts are for.
const (
	placeRequest = "authorization request"
	placePushed  = "pushed authorization request"
	placeLogout  = "logout request"
	placeDevice  = "device"
	placeOutside = "outside provider|" // and the id of the flow
	placePending = "pending sign-in|"  // and the form cookie
	// The following, too, end with the form cookie.
	placePasskey    = "passkey|"
	placeNewPasskey = "new passkey|"
	placeNewApp     = "new authenticator app|"
	placeHeld       = "held form of second factors|" // and the id of the sign-in
	placeCSRF       = "form|"                        // and the form cookie
)

type csrfToken struct {
	At int64 `json:"at"` // Unix seconds
}

// csrf makes the token of a form, bound to the browser's form cookie, which it
// sets when there is none.
func (h *Handler) csrf(w http.ResponseWriter, r *http.Request) (string, error) {
	return h.sealed(csrfToken{h.Clock.Now().Unix()}, placeCSRF+h.formCookie(w, r))
}

// formCookie is the value of the browser's form cookie, which it sets when there is none.
func (h *Handler) formCookie(w http.ResponseWriter, r *http.Request) string {
	value := h.cookieValue(r, formCookie)
	if value == "" {
		value = newCookieValue()
		h.setCookie(w, formCookie, value, 0)
		// The next who asks for it within the request gets the same.
		r.Header.Set("Cookie", strings.TrimSuffix(h.cookieName(formCookie)+"="+value+"; "+r.Header.Get("Cookie"), "; "))
	}
	return value
}

// csrfValid reports whether the form came from a page that this server gave to
// this browser, not too long ago.
func (h *Handler) csrfValid(r *http.Request, token string) bool {
	var t csrfToken
	value := h.cookieValue(r, formCookie)
	return value != "" && h.opened(token, placeCSRF+value, &t) && h.fresh(t.At, formLifetime)
}

// ownForm reads a form that one of our own pages sent.
func (h *Handler) ownForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	form, err := readForm(w, r)
	if err == nil {
		err = h.ownSite(r)
	}
	return form, err
}

// ownSite refuses a form that another site made the browser send: by
// Sec-Fetch-Site, or by Origin where a browser has not got that.
func (h *Handler) ownSite(r *http.Request) error {
	if err := h.crossSite.Check(r); err != nil {
		return &problem{status: http.StatusForbidden, code: "cross_site", rule: tandem.RuleCrossSite, text: words.T("This form was sent by another site, so nothing was done."), hint: startAgain}
	}
	return nil
}
