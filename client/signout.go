package client

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// revokeTimeout bounds how long a sign-out waits for the provider to take the
// refresh token back.
const revokeTimeout = 3 * time.Second

// SignOut ends the session (POST /signout; cross-origin requests are refused)
// and answers a page that posts the ID token to the provider's end-session
// endpoint. Without a session here there is no ID token, but perhaps a sign-in
// at the provider, which then asks the person. The page works without JavaScript
// too.
func (t *UserTokens) SignOut() http.Handler {
	return t.crossOrigin.Handler(http.HandlerFunc(t.signOut))
}

func (t *UserTokens) signOut(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Signing out is a POST.", http.StatusMethodNotAllowed)
		return
	}
	noStore(w)
	st, err := t.endCookie(w, r)
	if err != nil {
		t.problem(w, r, http.StatusServiceUnavailable,
			"Your session cannot be read at the moment. You are not signed out; please try again shortly.", err)
		return
	}
	m, err := t.config.Provider.Metadata(r.Context())
	if err != nil {
		t.problem(w, r, http.StatusServiceUnavailable, "You are signed out here, but the sign-in server cannot be reached: "+
			"your sign-in there may still live. Please sign out once more in a moment.", err)
		return
	}
	idToken := ""
	if st != nil {
		if err := t.revoke(r.Context(), &m, st.refresh, "refresh_token"); err != nil { // the end-session endpoint comes after
			t.log.WarnContext(r.Context(), "the refresh token was not revoked", "error", err)
		}
		idToken = st.idToken
	}
	if m.EndSessionEndpoint == "" {
		http.Redirect(w, r, t.config.SignedOutURL, http.StatusSeeOther)
		return
	}
	t.signOutPage(w, r, &m, idToken)
}

// endCookie ends the session of the request's cookie and returns it; nil when
// there was none.
func (t *UserTokens) endCookie(w http.ResponseWriter, r *http.Request) (*userState, error) {
	cookie, err := r.Cookie(t.cookie)
	if err != nil {
		return nil, nil
	}
	key, ok := keyOf(cookie.Value)
	if !ok {
		return nil, nil
	}
	st, err := t.load(r.Context(), key)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return nil, err
	}
	if err := t.config.Sessions.Delete(r.Context(), key); err != nil {
		return nil, err
	}
	t.saw(key, ended) // not before: who is told to try again still has a session to end
	t.setCookie(w, t.cookie, "", -1)
	return st, nil
}

// revoke gives a token back (RFC 7009), so that nothing is left of it even if the browser
// never gets to the end-session endpoint. There is nothing to do where there is no token, or
// where the provider takes none back.
func (t *UserTokens) revoke(ctx context.Context, m *oauth.Metadata, token, kind string) error {
	if token == "" || m.RevocationEndpoint == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	res, _, err := t.endpoint.post(ctx, m, m.RevocationEndpoint, url.Values{"token": {token}, "token_type_hint": {kind}})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxTokenResponse)) // to keep the connection
	if res.StatusCode != http.StatusOK {
		return tandem.Errorf(tandem.CodeUnavailable, "the identity server did not take the token back: it answered %d", res.StatusCode)
	}
	return nil
}

// signOutPage takes the browser to the provider (OpenID Connect RP-Initiated
// Logout section 2) with a form: in a URL the ID token would get into logs and
// histories (invariant I13).
func (t *UserTokens) signOutPage(w http.ResponseWriter, r *http.Request, m *oauth.Metadata, idToken string) {
	form := SignOutForm{Action: m.EndSessionEndpoint, Fields: url.Values{"client_id": {t.config.ApplicationURI}}}
	if idToken != "" {
		form.Fields.Set("id_token_hint", idToken)
	}
	targets := "'self'"
	if u, err := url.Parse(m.EndSessionEndpoint); err == nil {
		targets += " " + webOrigin(u)
	}
	script := "'self'"
	if t.signedOut != nil {
		state := rand.Text()
		form.Fields.Set("state", state)
		t.setCookie(w, t.cookie+signOutSuffix, oauth.Challenge(state), int(signOutLifetime/time.Second))
		form.Fields.Set("post_logout_redirect_uri", t.config.PostLogoutRedirectURL)
		// Redirects that follow a form are checked too.
		targets += " " + webOrigin(t.signedOut)
		script += " " + webOrigin(t.signedOut)
		address := *t.signedOut
		address.RawQuery = "submit.js"
		form.Script = address.String()
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src "+script+
		"; style-src 'self'; img-src 'self'; form-action "+targets+"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "text/html; charset=utf-8")
	if t.config.SignOutPage != nil {
		t.config.SignOutPage(w, r, form)
		return
	}
	_ = pages.ExecuteTemplate(w, "signout", form) // who has gone away cannot be told
}

// The sign-out that this browser began, by the hash of the state that it went to the
// provider with: what is in an address is never in a cookie, too (invariant I13).
const (
	signOutSuffix   = "-out"
	signOutLifetime = 30 * time.Minute
)

// ofThisSignOut reports whether an answer is to the sign-out that this browser began
// (RP-Initiated Logout section 3), and forgets it: each is answered once.
func (t *UserTokens) ofThisSignOut(w http.ResponseWriter, r *http.Request) bool {
	c, err := r.Cookie(t.cookie + signOutSuffix)
	if err != nil {
		return false
	}
	t.setCookie(w, c.Name, "", -1)
	return subtle.ConstantTimeCompare([]byte(c.Value), []byte(oauth.Challenge(r.URL.Query().Get("state")))) == 1
}

// SignedOut is where the provider sends the browser after a sign-out (GET
// /signout-callback). An answer without the state of the sign-out that the browser began
// says nothing about it, and is shown as such. It also serves the script of the sign-out
// page.
func (t *UserTokens) SignedOut() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "submit.js" {
			h := w.Header()
			h.Set("Content-Type", "text/javascript; charset=utf-8")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Cache-Control", "public, max-age=86400")
			_, _ = io.WriteString(w, submitScript) // who has gone away cannot be told
			return
		}
		noStore(w)
		if !t.ofThisSignOut(w, r) {
			t.problem(w, r, http.StatusBadRequest, "You are signed out here. Whether you are at the sign-in server, too, is not known: "+
				"what came back is no answer to a sign-out that this browser began.", nil)
			return
		}
		http.Redirect(w, r, t.config.SignedOutURL, http.StatusSeeOther)
	})
}
