package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/hybridapps/tandem/oauth"
)

// SignIn sends a browser to the provider (GET /signin?return_to=/path). The
// request's state, nonce and PKCE verifier are in a sealed short-lived cookie
// of their own, so that several tabs can sign in at once. Afterwards the
// browser comes back to return_to, which can only be a path of this host. A
// browser that has the app open under another name of its host is led to that of
// the RedirectURL first.
func (t *UserTokens) SignIn() http.Handler { return http.HandlerFunc(t.signIn) }

func (t *UserTokens) signIn(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "Sign-in begins with a GET.", http.StatusMethodNotAllowed)
		return
	}
	if t.elsewhere(w, r) {
		return
	}
	returnTo := t.returnTo(r.URL.Query().Get("return_to"))
	if id := r.URL.Query().Get(formParameter); id != "" {
		key, ok := keyOf(id)
		r = t.withSession(r)
		if ok && UserSessionOf(r.Context()) != nil {
			t.showForm(w, r, key)
			return
		}
		if ok {
			returnTo = t.formURL(id)
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
	defer cancel()
	m, err := t.config.Provider.Metadata(ctx)
	if err == nil && m.AuthorizationEndpoint == "" {
		err = errors.New("the provider has no authorization_endpoint")
	}
	if err != nil {
		status, message := noProvider(err)
		t.problem(w, r, status, message, err)
		return
	}
	state, s := newSignIn(returnTo, t.clock.Now())
	if err := t.rememberSignIn(w, r, state, s); err != nil {
		t.problem(w, r, http.StatusInternalServerError, "The sign-in cannot be started.", err)
		return
	}
	noStore(w)
	http.Redirect(w, r, t.authorizationURL(&m, state, s), http.StatusSeeOther)
}

// atHost marks a sign-in that was led to the app's own host once. Behind a proxy
// that changes the Host header it would be led there for ever.
const atHost = "at_host"

// elsewhere leads a browser that opened the app under another name of its host
// (127.0.0.1 for localhost) to that of RedirectURL: the cookie that is set here
// would not come back there.
func (t *UserTokens) elsewhere(w http.ResponseWriter, r *http.Request) bool {
	q := r.URL.Query()
	if strings.EqualFold(r.Host, t.callback.Host) || r.Host == "" || q.Has(atHost) {
		return false
	}
	q.Set(atHost, "1")
	path, _, _ := strings.Cut(t.config.SignInURL, "?")
	to := url.URL{Scheme: t.callback.Scheme, Host: t.callback.Host, Path: path, RawQuery: q.Encode()}
	noStore(w)
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
	return true
}

// authorizationURL is the authorization request (OpenID Connect Core section
// 3.1.2.1) with PKCE (RFC 7636).
func (t *UserTokens) authorizationURL(m *oauth.Metadata, state string, s signIn) string {
	q := url.Values{}
	for name, values := range t.config.Parameters {
		q[name] = values
	}
	q.Set("response_type", oauth.ResponseTypeCode)
	q.Set("client_id", t.config.ApplicationURI)
	q.Set("redirect_uri", t.config.RedirectURL)
	q.Set("scope", t.config.Scope.String())
	q.Set("state", state)
	q.Set("nonce", s.Nonce)
	q.Set("code_challenge", oauth.Challenge(s.Verifier))
	q.Set("code_challenge_method", oauth.ChallengeS256)
	if t.config.Resource != "" {
		q.Set("resource", t.config.Resource)
	}
	if t.config.DPoP != nil { // the code is of no use without the key either
		q.Set("dpop_jkt", t.config.DPoP.Thumbprint)
	}
	u, err := url.Parse(m.AuthorizationEndpoint)
	if err != nil { // checked when it was discovered
		return m.AuthorizationEndpoint
	}
	for name, values := range u.Query() { // RFC 6749 section 3.1: a query stays
		if !q.Has(name) {
			q[name] = values
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}
