package prove

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// i10: scope never grows.
func (r *run) i10(ctx context.Context) {
	r.core(ctx, "I10", "a refresh asks for more than was granted", r.refreshMore)
	r.core(ctx, "I10", "the back end asks for more than is registered", func(ctx context.Context) (outcome, error) {
		return r.serviceMore(ctx, []string{unregistered})
	})
	r.extra(ctx, "I10", "the back end asks for a scope twice", func(ctx context.Context) (outcome, error) {
		t, err := r.serviceToken(ctx)
		if err != nil {
			return outcome{}, err
		}
		scope := r.scopeOf(ctx, r.back(), t)
		if len(scope) == 0 {
			return outcome{}, errors.New("the back end's token has no scope")
		}
		return r.serviceMore(ctx, []string{scope[0], scope[0], unregistered})
	})
	r.extra(ctx, "I10", "a sign-in asks for more than is registered", r.authorizeMore)
}

// larger is a scope that the narrow grant has not: one that the provider knows, where
// there is one.
func (r *run) larger(granted []string) string {
	for _, scope := range []string{tandem.ScopeUpdate, tandem.ScopeProfile, tandem.ScopeEmail} {
		if slices.Contains(r.provider.ScopesSupported, scope) && !slices.Contains(granted, scope) {
			return scope
		}
	}
	return unregistered
}

// refreshMore narrows a grant in a refresh, and asks then for more than it ever had
// (RFC 6749 section 6).
func (r *run) refreshMore(ctx context.Context) (outcome, error) {
	t, err := r.narrow(ctx)
	if err != nil {
		return outcome{}, err
	}
	if t.RefreshToken == "" {
		return outcome{}, errors.New("the provider gave no refresh token")
	}
	granted := r.scopeOf(ctx, r.front(), t)
	if a, ok, err := r.refresh(ctx, t, tandem.ScopeOpenID); err != nil || !ok {
		return outcome{}, r.orUncontrolled(err, "a refresh that asks for less", a)
	}
	t.asked = append(slices.Clone(granted), r.larger(granted))
	a, ok, err := r.refresh(ctx, t, t.asked...)
	if err != nil {
		return outcome{}, err
	}
	if !ok {
		return r.refused(a, "")
	}
	if more := without(r.scopeOf(ctx, r.front(), t), granted); len(more) > 0 {
		return r.fails(a, "a refresh grew the scope by %s", list(more)), nil
	}
	return r.holds(a), nil
}

// serviceMore asks for a scope that is not the back end's: refused, or left out.
func (r *run) serviceMore(ctx context.Context, scope []string) (outcome, error) {
	if _, err := r.serviceToken(ctx); err != nil {
		return outcome{}, err
	}
	a, err := r.token(ctx, r.back(), oauth.GrantClientCredentials, url.Values{"scope": {strings.Join(scope, " ")}})
	if err != nil {
		return outcome{}, err
	}
	t, err := r.granted(a, "", scope)
	if err != nil {
		return r.refused(a, "")
	}
	if slices.Contains(r.scopeOf(ctx, r.back(), t), unregistered) {
		return r.fails(a, "the back end was granted a scope that is not registered"), nil
	}
	return r.holds(a), nil
}

// authorizeMore asks for a scope of nobody's in a sign-in: refused, or left out.
func (r *run) authorizeMore(ctx context.Context) (outcome, error) {
	if _, err := r.mainTokens(ctx); err != nil {
		return outcome{}, err
	}
	q, c := r.request("I10 more", []string{tandem.ScopeOpenID, unregistered})
	back, err := r.user.authorize(ctx, r.at(q), q.Get("state"))
	if err != nil {
		return outcome{}, err
	}
	sent := r.secrets.Show("GET authorize scope=" + q.Get("scope"))
	if back.Get("error") != "" {
		return outcome{verdict: Holds, sent: sent, answered: r.secrets.Show(back.Get("error"))}, nil
	}
	c.code = back.Get("code")
	r.secrets.NoteNumbered("code", c.code)
	t, err := r.redeem(ctx, c)
	if err != nil {
		return outcome{}, err
	}
	if slices.Contains(r.scopeOf(ctx, r.front(), t), unregistered) {
		return r.fails(t.answer, "a sign-in granted a scope that is not registered"), nil
	}
	return r.holds(t.answer), nil
}
