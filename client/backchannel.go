package client

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

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
		err = t.endSignIn(r.Context(), signInID)
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

const (
	// overFor is how long replicas remember that a sign-in has ended: longer than a code
	// may be redeemed.
	overFor = 10 * time.Minute
	// overSkew is how far the clocks of replicas may be apart.
	overSkew = 2 * time.Second
)

// endSignIn ends all sessions of a sign-in. It is noted first: one that is redeemed meanwhile
// finds the note after it has kept its session.
func (t *UserTokens) endSignIn(ctx context.Context, signInID string) error {
	now := t.clock.Now()
	t.over.put(signInID, now)
	if store, ok := t.config.Sessions.(EndedSignIns); ok {
		if err := store.EndSignIn(ctx, signInID, now, now.Add(overFor)); err != nil {
			return err
		}
	}
	return t.config.Sessions.DeleteSignIn(ctx, signInID)
}

// endedSince reports whether the provider has ended a sign-in since a time.
func (t *UserTokens) endedSince(ctx context.Context, signInID string, began time.Time) (bool, error) {
	if at, over := t.over.get(signInID); over && !at.Before(began) {
		return true, nil
	}
	store, ok := t.config.Sessions.(EndedSignIns)
	if !ok || signInID == "" {
		return false, nil
	}
	at, err := store.SignInEnded(ctx, signInID)
	return !at.IsZero() && !at.Before(began.Add(-overSkew)), err
}

// readLogoutToken verifies a logout token (section 2.6) and returns the sign-in
// that it ends. One that comes again within its minutes ends nothing more.
func (t *UserTokens) readLogoutToken(ctx context.Context, raw string) (string, error) {
	typ, _, err := t.verifier.prepare(ctx, raw)
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
