package prove

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/hybridapps/tandem/oauth"
)

// i1: a service credential does nothing of the user flow.
func (r *run) i1(ctx context.Context) {
	r.core(ctx, "I1", "redeems a code", r.asBack(r.serviceRedeems))
	r.core(ctx, "I1", "refreshes a person's token", r.asBack(r.serviceRefreshes))
	r.extra(ctx, "I1", "revokes a person's refresh token", r.asBack(r.serviceRevokes))
	r.extra(ctx, "I1", "introspects a person's token", r.asBack(r.serviceIntrospects))
	r.extra(ctx, "I1", "pushes an authorization request", r.asBack(r.servicePushes))
	if r.provider.DeviceEndpoint != "" {
		r.extra(ctx, "I1", "begins a device sign-in", r.asBack(r.serviceDevice))
	}
	if r.provider.grants(grantTokenExchange) {
		r.extra(ctx, "I1", "exchanges a person's token", r.asBack(func(ctx context.Context) (outcome, error) {
			return r.exchange(ctx, r.back(), "the service credential got a token for a person's")
		}))
	}
}

// asBack has the control of what the service credential must not do: it is good for its
// own flow. One that is wrong, or over, is refused everywhere.
func (r *run) asBack(f func(context.Context) (outcome, error)) func(context.Context) (outcome, error) {
	return func(ctx context.Context) (outcome, error) {
		if err := r.bothWork(ctx); err != nil {
			return outcome{}, err
		}
		return f(ctx)
	}
}

func (r *run) serviceRedeems(ctx context.Context) (outcome, error) {
	if _, err := r.mainTokens(ctx); err != nil { // the control: the front end redeems one
		return outcome{}, err
	}
	c, err := r.authorize(ctx, r.user, "I1 code", r.userScope())
	if err != nil {
		return outcome{}, err
	}
	a, err := r.token(ctx, r.back(), oauth.GrantAuthorizationCode, r.codeForm(c))
	if err != nil {
		return outcome{}, err
	}
	if !a.ok() {
		r.spare = c.code
	}
	return r.refused(a, "the service credential redeemed a person's code")
}

func (r *run) serviceRefreshes(ctx context.Context) (outcome, error) {
	t, err := r.refreshWorks(ctx)
	if err != nil {
		return outcome{}, err
	}
	a, err := r.token(ctx, r.back(), oauth.GrantRefreshToken, url.Values{"refresh_token": {t.RefreshToken}})
	if err != nil {
		return outcome{}, err
	}
	if renewed, err := r.granted(a, "", nil); err == nil && renewed.RefreshToken != "" {
		t.RefreshToken = renewed.RefreshToken // so that what follows can be tried
	}
	o, err := r.refused(a, "the service credential refreshed a person's token")
	if err != nil || o.verdict == Fails || r.provider.RevocationEndpoint != "" { // the revocation looks what became of it
		return o, err
	}
	return r.unharmed(ctx, t, o, "after the attempt")
}

// unharmed is the aftermath of an attempt: the person's refresh token must still work.
func (r *run) unharmed(ctx context.Context, t *tokens, o outcome, when string) (outcome, error) {
	a, ok, err := r.refresh(ctx, t)
	if err != nil || ok {
		return o, err
	}
	r.forget()
	return r.fails(a, "%s the person's refresh token no longer works", when), nil
}

func (r *run) serviceRevokes(ctx context.Context) (outcome, error) {
	t, err := r.refreshable(ctx)
	if err != nil {
		return outcome{}, err
	}
	a, err := r.post(ctx, r.provider.RevocationEndpoint, r.back(), url.Values{"token": {t.RefreshToken}})
	if err != nil {
		return outcome{}, err
	}
	return r.unharmed(ctx, t, r.holds(a), "after a refresh and a revocation with the service credential")
}

func (r *run) serviceIntrospects(ctx context.Context) (outcome, error) {
	t, err := r.mainTokens(ctx)
	if err != nil {
		return outcome{}, err
	}
	active, _, a, err := r.introspect(ctx, r.front(), t.AccessToken)
	if err != nil {
		return outcome{}, err
	}
	if !active {
		return outcome{}, r.uncontrolled("introspection with the user credential", a)
	}
	if active, _, a, err = r.introspect(ctx, r.back(), t.AccessToken); err != nil {
		return outcome{}, err
	}
	if active && r.config.ServiceApplication != "" {
		return r.holds(a), errors.New("the provider tells every client about every token, which RFC 7662 leaves to it")
	}
	if active {
		return r.fails(a, "the service credential learned about a person's access token"), nil
	}
	return r.holds(a), nil
}

func (r *run) servicePushes(ctx context.Context) (outcome, error) {
	push := func(as client) (*answer, error) {
		q, _ := r.request("I1 pushed", r.userScope())
		return r.post(ctx, r.provider.PushedEndpoint, as, q)
	}
	a, err := push(r.front())
	if err != nil {
		return outcome{}, err
	}
	if !a.ok() {
		return outcome{}, r.uncontrolled("a pushed request with the user credential", a)
	}
	if a, err = push(r.back()); err != nil {
		return outcome{}, err
	}
	return r.refused(a, "the service credential pushed a request for a person's sign-in")
}

func (r *run) serviceDevice(ctx context.Context) (outcome, error) {
	begin := func(as client) (*answer, error) {
		return r.post(ctx, r.provider.DeviceEndpoint, as, url.Values{"scope": {"openid"}, "client_id": {as.id}})
	}
	a, err := begin(r.front())
	if err != nil {
		return outcome{}, err
	}
	if !a.ok() {
		return outcome{}, r.uncontrolled("a device sign-in with the user credential", a)
	}
	if a, err = begin(r.back()); err != nil {
		return outcome{}, err
	}
	return r.refused(a, "the service credential began a device sign-in")
}

// exchange tries RFC 8693 with the person's access token. Where the other half may not
// do it either, a refusal shows nothing of the halves, and yet nothing is got.
func (r *run) exchange(ctx context.Context, as client, what string) (outcome, error) {
	t, err := r.mainTokens(ctx)
	if err != nil {
		return outcome{}, err
	}
	a, err := r.token(ctx, as, grantTokenExchange, url.Values{"subject_token": {t.AccessToken}, "subject_token_type": {typeAccessToken}})
	if err != nil {
		return outcome{}, err
	}
	got, err := r.granted(a, "", nil)
	if err != nil {
		return r.refused(a, what)
	}
	c, err := r.about(ctx, as, got.AccessToken)
	if err != nil {
		return outcome{}, fmt.Errorf("what the exchange gave cannot be looked at: %w", err)
	}
	person, err := r.subject(ctx)
	if err != nil {
		return outcome{}, err
	}
	// The front end may exchange a person's token for another of that person.
	if (c.text("sub") == person) != (as.name == r.front().name) {
		return r.fails(a, "%s", what), nil
	}
	return r.holds(a), nil
}

// subject is who the person is to the provider.
func (r *run) subject(ctx context.Context) (string, error) {
	t, err := r.mainTokens(ctx)
	if err != nil {
		return "", err
	}
	if sub := claimsOf(t.IDToken).text("sub"); sub != "" {
		return sub, nil
	}
	return "", errors.New("the provider gave no ID token that says who the person is")
}
