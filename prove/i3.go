package prove

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// i3: a service token is nobody.
func (r *run) i3(ctx context.Context) {
	r.core(ctx, "I3", "comes with a refresh or ID token", func(ctx context.Context) (outcome, error) {
		t, err := r.serviceToken(ctx)
		if err != nil {
			return outcome{}, err
		}
		return r.nothingBeside(t.answer, &t.TokenResponse), nil
	})
	for _, scope := range []string{tandem.ScopeOpenID, tandem.ScopeProfile, tandem.ScopeOfflineAccess} {
		r.core(ctx, "I3", "is asked for with "+scope, func(ctx context.Context) (outcome, error) { return r.serviceScope(ctx, scope) })
	}
	r.core(ctx, "I3", "opens userinfo", r.serviceUserinfo)
	r.extra(ctx, "I3", "opens /profile/me", r.serviceProfile)
	r.extra(ctx, "I3", "ends a sign-in as id_token_hint", func(ctx context.Context) (outcome, error) {
		t, err := r.serviceToken(ctx)
		if err != nil {
			return outcome{}, err
		}
		return r.hint(ctx, t.AccessToken, "a service token")
	})
	r.extra(ctx, "I3", "names a person", r.serviceClaims)
}

// nothingBeside decides about an answer to client credentials.
func (r *run) nothingBeside(a *answer, t *oauth.TokenResponse) outcome {
	switch {
	case t.RefreshToken != "":
		return r.fails(a, "a service token came with a refresh token")
	case t.IDToken != "":
		return r.fails(a, "a service token came with an ID token")
	}
	return r.holds(a)
}

// serviceScope asks for a scope of people: it must be refused, or left out.
func (r *run) serviceScope(ctx context.Context, scope string) (outcome, error) {
	if _, err := r.serviceToken(ctx); err != nil {
		return outcome{}, err
	}
	a, err := r.token(ctx, r.back(), oauth.GrantClientCredentials, url.Values{"scope": {scope}})
	if err != nil {
		return outcome{}, err
	}
	t, err := r.granted(a, "", []string{scope})
	if err != nil {
		return r.refused(a, "")
	}
	if o := r.nothingBeside(a, &t.TokenResponse); o.verdict == Fails {
		return o, nil
	}
	for _, granted := range r.scopeOf(ctx, r.back(), t) {
		if granted == scope {
			return r.fails(a, "%s was granted to a service token", scope), nil
		}
	}
	if scope == tandem.ScopeOpenID {
		// What opens userinfo with openid may not without it.
		if u, err := r.userinfo(ctx, t.AccessToken, "service token"); err == nil && u.ok() {
			return r.fails(u, "a service token that was asked for with openid opens userinfo"), nil
		}
	}
	return r.holds(a), nil
}

func (r *run) serviceUserinfo(ctx context.Context) (outcome, error) {
	if _, err := r.userinfoWorks(ctx); err != nil {
		return outcome{}, err
	}
	service, err := r.serviceToken(ctx)
	if err != nil {
		return outcome{}, err
	}
	a, err := r.userinfo(ctx, service.AccessToken, "service token")
	if err != nil {
		return outcome{}, err
	}
	return r.refused(a, "userinfo answers a service token")
}

// serviceProfile tries our own page of a person.
func (r *run) serviceProfile(ctx context.Context) (outcome, error) {
	instance, ours := strings.CutSuffix(r.config.Issuer, oauth.PathIssuer)
	if !ours || r.config.OData == "" {
		return outcome{}, errors.New("only an instance has it")
	}
	ask := func(t *tokens, as string) (*answer, error) {
		return r.wire.do(ctx, &call{method: http.MethodGet, url: instance + "/profile/me", header: bearer(t.AccessToken), as: as})
	}
	t, err := r.mainTokens(ctx)
	if err != nil {
		return outcome{}, err
	}
	a, err := ask(t, "user token")
	if err != nil {
		return outcome{}, err
	}
	if !a.ok() {
		return outcome{}, r.uncontrolled("/profile/me with a person's token", a)
	}
	if t, err = r.serviceToken(ctx); err != nil {
		return outcome{}, err
	}
	if a, err = ask(t, "service token"); err != nil {
		return outcome{}, err
	}
	return r.refused(a, "/profile/me answers a service token")
}

// hint sends a token that is no ID token to the sign-out, without a cookie: the
// person's sign-in must go on.
func (r *run) hint(ctx context.Context, token, what string) (outcome, error) {
	if r.provider.EndSessionEndpoint == "" {
		return outcome{}, errors.New("the provider has no sign-out")
	}
	t, err := r.userinfoWorks(ctx)
	if err != nil {
		return outcome{}, err
	}
	stays, err := r.stays(ctx)
	if err != nil {
		return outcome{}, err
	}
	a, err := r.wire.do(ctx, &call{method: http.MethodPost, url: r.provider.EndSessionEndpoint, form: url.Values{"id_token_hint": {token}}, as: what})
	if err != nil {
		return outcome{}, err
	}
	alive, known := false, false
	if stays {
		alive, known, err = r.signedIn(ctx)
	}
	if !known && err == nil { // what is left to see it by
		var after *answer
		after, err = r.userinfo(ctx, t.AccessToken, "user token")
		alive = err == nil && after.status != http.StatusUnauthorized
	}
	switch {
	case err != nil:
		return outcome{}, err
	case !alive:
		return r.fails(a, "%s ended the person's sign-in", what), nil
	}
	return r.holds(a), nil
}

// stays says whether the provider keeps the person signed in, and lets one see it: the
// control of what must not end a sign-in, or must.
func (r *run) stays(ctx context.Context) (bool, error) {
	if f, ok := r.user.(*forms); ok && f.silent {
		return true, nil
	}
	if _, err := r.mainTokens(ctx); err != nil {
		return false, err
	}
	alive, known, err := r.signedIn(ctx)
	return alive && known, err
}

// signedIn says whether the person's browser is signed in, by a request that may ask
// nobody (OpenID Connect Core section 3.1.2.1); known is false where that is not told.
func (r *run) signedIn(ctx context.Context) (alive, known bool, err error) {
	request, _ := r.request("signed in", []string{tandem.ScopeOpenID})
	request.Set("prompt", oauth.PromptNone)
	back, known, err := r.user.quiet(ctx, r.at(request), request.Get("state"))
	r.secrets.NoteNumbered("code", back.Get("code"))
	switch {
	case err != nil || !known:
		return false, false, nil // such as a page that asks all the same
	case back.Get("code") != "":
		return true, true, nil
	}
	return false, back.Get("error") == "login_required", nil
}

// serviceClaims looks at the token: its sub may be the client id (RFC 9068 section
// 2.2), and nobody else's.
func (r *run) serviceClaims(ctx context.Context) (outcome, error) {
	t, err := r.serviceToken(ctx)
	if err != nil {
		return outcome{}, err
	}
	c, err := r.about(ctx, r.back(), t.AccessToken)
	if err != nil {
		return outcome{}, err
	}
	for _, name := range []string{"sid", "email", "auth_time", "name"} {
		if _, there := c[name]; there {
			return r.fails(t.answer, "a service token has the claim %s", name), nil
		}
	}
	if sub, there := c["sub"]; there && sub != r.back().id {
		return r.fails(t.answer, "a service token has a sub that is not its client id: %s", fmt.Sprint(sub)), nil
	}
	return r.holds(t.answer), nil
}
