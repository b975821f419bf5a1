package prove

import (
	"context"
	"net/http"
)

// controls are what has been seen to work, by the token that it worked with: a control
// of several attempts is made once.
type controls struct {
	userinfo, api string
	refreshes     bool // the front end has used a refresh token
}

// bothWork is the control of what is looked for everywhere: both credentials are good.
// One that is wrong stands nowhere, and nothing that comes of it.
func (r *run) bothWork(ctx context.Context) error {
	if _, err := r.mainTokens(ctx); err != nil {
		return err
	}
	_, err := r.serviceToken(ctx)
	return err
}

// refreshWorks is the control of attempts at refreshing: the front end refreshes.
func (r *run) refreshWorks(ctx context.Context) (*tokens, error) {
	t, err := r.refreshable(ctx)
	if err != nil || r.controls.refreshes {
		return t, err
	}
	if a, ok, err := r.refresh(ctx, t); err != nil || !ok {
		return nil, r.orUncontrolled(err, "a refresh with the user credential", a)
	}
	return t, nil
}

// userinfoWorks is the control of attempts at userinfo: the person's token opens it.
func (r *run) userinfoWorks(ctx context.Context) (*tokens, error) {
	t, err := r.mainTokens(ctx)
	if err != nil || r.controls.userinfo == t.AccessToken {
		return t, err
	}
	a, err := r.userinfo(ctx, t.AccessToken, "user token")
	if err != nil {
		return nil, err
	}
	if !a.ok() {
		return nil, r.uncontrolled("userinfo with a person's token", a)
	}
	r.controls.userinfo = t.AccessToken
	return t, nil
}

// apiWorks is the control of attempts at the API: the person's token is answered.
func (r *run) apiWorks(ctx context.Context) (*tokens, error) {
	t, err := r.mainTokens(ctx)
	if err != nil || r.controls.api == t.AccessToken {
		return t, err
	}
	a, err := r.api(ctx, http.MethodGet, "", t.AccessToken, "user token")
	if err != nil {
		return nil, err
	}
	if !a.ok() {
		return nil, r.uncontrolled("a call with a person's token", a)
	}
	r.controls.api = t.AccessToken
	return t, nil
}
