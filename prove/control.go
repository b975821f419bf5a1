package prove

import (
	"context"
	"net/http"
)

// controls are what has been seen to work, by the token that it worked with: a control
// of several attempts is made once.
type controls struct{ userinfo, api string }

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
