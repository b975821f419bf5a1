package client

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// Callback is where the provider sends the browser back (GET /signin-callback).
// It checks state and issuer (RFC 9207), redeems the code, verifies the ID
// token and its nonce, and begins a session under a new id.
func (t *UserTokens) Callback() http.Handler { return http.HandlerFunc(t.comeBack) }

func (t *UserTokens) comeBack(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet { // a HEAD must not redeem the code
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "The sign-in comes back with a GET.", http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || repeated(q) {
		t.problem(w, r, http.StatusBadRequest, "The answer of the sign-in server is damaged. Please sign in again.", err)
		return
	}
	s, ok := t.recallSignIn(w, r, q.Get("state"))
	if !ok {
		t.notThisSignIn(w, r, q.Get("state"))
		return
	}
	code, status, message, err := t.readCallback(r.Context(), q)
	if message != "" {
		t.problem(w, r, status, message, err)
		return
	}
	began := t.clock.Now()
	st, err := t.redeem(r.Context(), code, s)
	if err != nil {
		status, message := http.StatusBadGateway, "The sign-in could not be completed. Please sign in again."
		if tandem.ErrorCode(err) == tandem.CodeUnavailable {
			status, message = noProvider(err)
		}
		t.problem(w, r, status, message, err)
		return
	}
	err = t.begin(w, r, st, began)
	if errors.Is(err, errOverAlready) {
		t.problem(w, r, http.StatusForbidden, "You signed out while this sign-in was completed. Please sign in again.", err)
		return
	}
	if err != nil {
		t.problem(w, r, http.StatusServiceUnavailable, "Your session cannot be kept at the moment. Please try again shortly.", err)
		return
	}
	noStore(w)
	w.Header().Set("Referrer-Policy", "no-referrer") // the address holds the code
	http.Redirect(w, r, s.ReturnTo, http.StatusSeeOther)
}

// notThisSignIn answers a callback that belongs to no sign-in of this browser:
// a reload, a step back in the browser's history, a stranger's link. Somebody who
// is signed in goes on to where this sign-in led, if it was one of theirs.
// Nothing of the query is used otherwise.
func (t *UserTokens) notThisSignIn(w http.ResponseWriter, r *http.Request, state string) {
	if s, err := t.Session(r); err == nil && s != nil {
		to, known := t.used.get(state)
		if !known {
			to = t.config.SignedInURL
		}
		noStore(w)
		w.Header().Set("Referrer-Policy", "no-referrer")
		http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // G710: sealed by us, or configured
		return
	}
	t.problem(w, r, http.StatusBadRequest,
		"This sign-in was not started in this browser, has already been used or took too long. Please sign in again.", nil)
}

// readCallback takes the code from the response, or says what to show and log.
func (t *UserTokens) readCallback(ctx context.Context, q url.Values) (code string, status int, message string, err error) {
	m, err := t.config.Provider.Metadata(ctx)
	if err != nil {
		status, message := noProvider(err)
		return "", status, message, err
	}
	// RFC 9207 section 2.4: a response of another issuer is refused, and so is
	// one without iss from a provider that always sends it.
	if iss := q.Get("iss"); iss != m.Issuer && (q.Has("iss") || m.IssParameterSupported) {
		return "", http.StatusBadRequest, "The answer is not from the sign-in server that was asked. Please sign in again.",
			errors.New("callback: iss is missing or another's")
	}
	if problem := q.Get("error"); problem != "" {
		err := oauth.Refuse(oauth.ErrorCode(printable(problem)), "%s", printable(q.Get("error_description")))
		if err.Code == oauth.AccessDenied {
			return "", http.StatusForbidden, "The sign-in was cancelled, or you may not use this application.", err
		}
		return "", http.StatusBadGateway, "The sign-in server refused the sign-in. Please try again.", err
	}
	if code = q.Get("code"); code == "" {
		return "", http.StatusBadRequest, "The answer of the sign-in server is incomplete. Please sign in again.", errors.New("callback: no code")
	}
	return code, 0, "", nil
}

// redeem exchanges the code for tokens and verifies who signed in.
func (t *UserTokens) redeem(ctx context.Context, code string, s signIn) (*userState, error) {
	// Not again when the response is lost: a code is good once, and its second
	// use would end what the first gave.
	response, err := t.endpoint.request(ctx, t.forResource(url.Values{
		"grant_type": {oauth.GrantAuthorizationCode}, "code": {code},
		"redirect_uri": {t.config.RedirectURL}, "code_verifier": {s.Verifier},
	}), false)
	if err != nil {
		return nil, err
	}
	return t.signedIn(ctx, response, s.Nonce)
}

// forResource adds what the tokens are for to a token request (RFC 8707 section 2.2).
func (t *UserTokens) forResource(form url.Values) url.Values {
	if t.config.Resource != "" {
		form.Set("resource", t.config.Resource)
	}
	return form
}

// signedIn is the session that an answer of the token endpoint begins. An empty nonce is
// compared with none: that of a device has none.
func (t *UserTokens) signedIn(ctx context.Context, response *tokenResponse, nonce string) (*userState, error) {
	if response.idToken == "" {
		return nil, errors.New("the token answer has no ID token")
	}
	c, err := t.verifier.claims(ctx, response.idToken)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(nonce)) != 1 {
		return nil, badIDToken(errors.New("its nonce is not that of this sign-in"))
	}
	if err := checkUserToken(response.access, c); err != nil {
		return nil, err
	}
	if len(response.access.scope) == 0 { // RFC 6749 section 5.1: as asked for
		response.access.scope = t.config.Scope
	}
	now := t.clock.Now()
	st := &userState{
		access: response.access, refresh: response.refresh, idToken: response.idToken, identity: c.identity(), idTokenAt: now,
		createdAt: now, absoluteEnd: now.Add(t.config.AbsoluteTimeout), version: 1,
	}
	st.access.plan(0)
	st.access.identity = st.identity.Login
	return st, nil
}

// checkUserToken refuses an access token that was not issued along with the ID
// token, or is of another kind.
func checkUserToken(access *accessToken, c *idClaims) error {
	if !c.isOf(access.raw()) {
		return badIDToken(errors.New("it belongs to another access token"))
	}
	var claims struct {
		Kind oauth.TokenKind `json:"token_kind"`
	}
	peek(access.raw(), &claims)
	if claims.Kind != "" && claims.Kind != oauth.KindUser {
		// Invariant I7.
		return tandem.Errorf(tandem.CodeUnauthorized, "the identity server gave a token of another kind than asked for; it is not used")
	}
	return nil
}

// begin stores the session under a new id. What the browser had before, perhaps
// because somebody planted it, is over (session fixation).
// The provider may have ended the sign-in since it began to be redeemed here: then nobody
// would end the session.
func (t *UserTokens) begin(w http.ResponseWriter, r *http.Request, st *userState, began time.Time) error {
	if old, err := r.Cookie(t.cookie); err == nil {
		if key, ok := keyOf(old.Value); ok {
			t.forget(r.Context(), key)
		}
	}
	id, key := newSessionID()
	st.key = key
	st.expiresAt = t.idleEnd(st)
	row, err := t.seal(st)
	if err != nil {
		return err
	}
	if err := t.config.Sessions.Create(r.Context(), row); err != nil {
		return err
	}
	over, err := t.endedSince(r.Context(), st.identity.SignInID, began)
	if over || err != nil {
		t.forget(r.Context(), key)
		return cmp.Or(err, errOverAlready)
	}
	t.saw(key, 1)
	t.setCookie(w, t.cookie, id, 0)
	t.rememberPerson(w, r, st.identity.UserID)
	return nil
}

var errOverAlready = errors.New("the provider ended the sign-in while it was redeemed")

// repeated reports whether a parameter comes twice (RFC 6749 section 3.1).
func repeated(q url.Values) bool {
	for _, values := range q {
		if len(values) > 1 {
			return true
		}
	}
	return false
}
