package client

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// maxLogoutRequest bounds the form that a provider posts, in bytes.
const maxLogoutRequest = 64 << 10

// BackChannelLogout is where the provider tells that a sign-in has ended (POST
// /backchannel-logout, OpenID Connect Back-Channel Logout section 2.5). It ends
// all sessions of that sign-in. Logout tokens must name it (claim sid).
func (t *UserTokens) BackChannelLogout() http.Handler { return http.HandlerFunc(t.backChannelLogout) }

func (t *UserTokens) backChannelLogout(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "A logout token comes with a POST.", http.StatusMethodNotAllowed)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxLogoutRequest)
	signInID, err := t.readLogoutToken(r.Context(), r.PostFormValue("logout_token"))
	if err == nil {
		t.over.put(signInID, t.clock.Now()) // first: a sign-in that comes back meanwhile sees it
		err = t.config.Sessions.DeleteSignIn(r.Context(), signInID)
	}
	if err == nil {
		oauth.NoStore(w.Header())
		return
	}
	t.log.WarnContext(r.Context(), "a back-channel logout was refused", "error", err)
	e := oauth.Refuse(oauth.InvalidRequest, "the logout token is not acceptable")
	if tandem.ErrorCode(err) != tandem.CodeUnauthorized { // not the token's fault
		e = &oauth.Error{Code: oauth.ServerError, Status: http.StatusServiceUnavailable}
	}
	oauth.WriteError(w, e, false)
}

// readLogoutToken verifies a logout token (section 2.6) and returns the sign-in
// that it ends. One that comes again within its minutes ends nothing more.
func (t *UserTokens) readLogoutToken(ctx context.Context, raw string) (string, error) {
	typ, err := t.verifier.prepare(ctx, raw)
	if err != nil {
		return "", err
	}
	if typ != typeLogoutToken && typ != "jwt" && typ != "" {
		return "", badIDToken(errors.New("it is not a logout token"))
	}
	token, err := NewIDTokenVerifier(t.config.Provider, t.config.ApplicationURI).oidc.VerifyLogout(ctx, raw)
	if err != nil {
		return "", cmp.Or(ctx.Err(), badIDToken(err))
	}
	now := t.verifier.provider.clock.Now()
	switch {
	case token.SessionID == "":
		return "", badIDToken(errors.New("it names no sign-in (sid)"))
	case token.IssuedAt.After(now.Add(clockSkew)), token.IssuedAt.Before(now.Add(-clockSkew)):
		return "", badIDToken(errors.New("it was not issued just now"))
	}
	return token.SessionID, nil
}
