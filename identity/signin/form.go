package signin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"
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

// sealed turns a value into text that only this server can make or read, good
// for one place.
func (h *Handler) sealed(v any, place string) (string, error) {
	// Without the escapes of HTML, which make some texts six times as long: it
	// goes into addresses.
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(h.Box.Seal(text.Bytes(), place)), nil
}

// opened is the reverse of sealed; false for anything that it did not make for
// this place.
func (h *Handler) opened(text, place string, v any) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return false
	}
	plain, err := h.Box.Open(b, place)
	return err == nil && json.Unmarshal(plain, v) == nil
}

// The places that sealed texts are for.
const (
	placeRequest = "authorization request"
	placePushed  = "pushed authorization request"
	placeLogout  = "logout request"
	placeDevice  = "device"
	placeCSRF    = "form|" // and the form cookie
)

type csrfToken struct {
	At int64 `json:"at"` // Unix seconds
}

// csrf makes the token of a form, bound to the browser's form cookie, which it
// sets when there is none.
func (h *Handler) csrf(w http.ResponseWriter, r *http.Request) (string, error) {
	value := h.cookieValue(r, formCookie)
	if value == "" {
		value = newCookieValue()
		h.setCookie(w, formCookie, value, 0)
	}
	return h.sealed(csrfToken{h.Clock.Now().Unix()}, placeCSRF+value)
}

// csrfValid reports whether the form came from a page that this server gave to
// this browser, not too long ago.
func (h *Handler) csrfValid(r *http.Request, token string) bool {
	var t csrfToken
	value := h.cookieValue(r, formCookie)
	return value != "" && h.opened(token, placeCSRF+value, &t) && h.fresh(t.At, formLifetime)
}

// fresh reports whether a time in Unix seconds is within the lifetime.
func (h *Handler) fresh(at int64, lifetime time.Duration) bool {
	age := h.Clock.Now().Sub(time.Unix(at, 0))
	return age > -clocksDiffer && age < lifetime
}

// ownSite refuses a form that another site made the browser send: by
// Sec-Fetch-Site, or by Origin where a browser has not got that.
func (h *Handler) ownSite(r *http.Request) error {
	if err := h.crossSite.Check(r); err != nil {
		return &problem{status: http.StatusForbidden, code: "cross_site", text: "This form was sent by another site, so nothing was done.", hint: startAgain}
	}
	return nil
}
