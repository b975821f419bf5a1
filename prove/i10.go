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
	r.core(ctx, "I10", "the back end asks for more than is registered", r.serviceMore)
	r.extra(ctx, "I10", "the back end asks for a scope of nobody's", func(ctx context.Context) (outcome, error) {
		if _, err := r.serviceToken(ctx); err != nil {
			return outcome{}, err
		}
		return r.serviceAsks(ctx, unregistered)
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
		return r.serviceAsks(ctx, unregistered, scope[0], scope[0])
	})
	r.extra(ctx, "I10", "a sign-in asks for more than is registered", r.authorizeMore)
}

// beyond are the scopes that the provider knows and a grant has not. One that nobody
// knows is refused whether there is a limit or not.
func (r *run) beyond(granted []string) []string {
	rest := without(r.provider.ScopesSupported, granted)
	return slices.DeleteFunc(rest, func(scope string) bool { return scope == tandem.ScopeOpenID || scope == tandem.ScopeOfflineAccess })
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
	larger, known := unregistered, r.beyond(granted)
	if len(known) > 0 {
		larger = known[len(known)-1]
	}
	t.asked = append(slices.Clone(granted), larger)
	a, ok, err := r.refresh(ctx, t, t.asked...)
	if err != nil {
		return outcome{}, err
	}
	if !ok {
		o, err := r.refused(a, "")
		if err == nil && len(known) == 0 {
			err = errors.New("the provider names no scope that the grant has not, and that it refuses one of nobody's shows no limit")
		}
		return o, err
	}
	if more := without(r.scopeOf(ctx, r.front(), t), granted); len(more) > 0 {
		return r.fails(a, "a refresh grew the scope by %s", list(more)), nil
	}
	return r.holds(a), nil
}

// maxBeyond is how many scopes are tried that the back end has not.
const maxBeyond = 3

// serviceMore asks for a scope that the provider knows and the back end was not given
// when it asked for nothing. Elsewhere one that is given for the asking may be registered
// for it, which nobody tells; ours gives all that is registered to who asks for nothing.
func (r *run) serviceMore(ctx context.Context) (outcome, error) {
	t, err := r.serviceToken(ctx)
	if err != nil {
		return outcome{}, err
	}
	has := r.scopeOf(ctx, r.back(), t)
	beyond := slices.DeleteFunc(r.beyond(has), ofPeople)
	if len(beyond) == 0 {
		return r.serviceNarrowed(ctx, has)
	}
	for _, scope := range beyond[:min(maxBeyond, len(beyond))] {
		o, err := r.serviceAsks(ctx, scope)
		if err != nil || o.verdict == Holds || r.config.OData != "" {
			return o, err
		}
	}
	return outcome{}, errors.New("the back end is given each scope that it asks for, and whether they are registered nobody tells")
}

// ofPeople says that a scope is about a person (OpenID Connect Core section 5.4), which a
// back end is none: that is I3's.
func ofPeople(scope string) bool {
	return tandem.IsProtocolScope(scope) || scope == "address" || scope == "phone"
}

// serviceAsks asks for a scope that is not the back end's, with others beside: it must be
// refused, or left out.
func (r *run) serviceAsks(ctx context.Context, beyond string, beside ...string) (outcome, error) {
	scope := append(beside, beyond)
	a, err := r.token(ctx, r.back(), oauth.GrantClientCredentials, url.Values{"scope": {strings.Join(scope, " ")}})
	if err != nil {
		return outcome{}, err
	}
	t, err := r.granted(a, "", scope)
	if err != nil {
		return r.refused(a, "")
	}
	if slices.Contains(r.scopeOf(ctx, r.back(), t), beyond) {
		return r.fails(a, "the back end was granted %s, which is not registered for it", beyond), nil
	}
	return r.holds(a), nil
}

// serviceNarrowed takes a scope from a back end that has all there are, and gives it back.
// The control is that what it keeps it can ask for.
func (r *run) serviceNarrowed(ctx context.Context, has []string) (o outcome, err error) {
	in, err := r.disturbing()
	if err != nil || len(has) < 2 {
		return outcome{}, errors.Join(errors.New("the provider names no scope that the back end has not"), err)
	}
	kept, taken := has[:len(has)-1], has[len(has)-1]
	was, err := in.ServiceScope(ctx, r.back().id, kept)
	if err != nil {
		return outcome{}, err
	}
	asks := func(verdict Verdict) (bool, error) {
		var err error
		o, err = r.serviceAsks(ctx, taken)
		return o.verdict == verdict, err
	}
	defer func() {
		decided := o
		_, restored := in.ServiceScope(context.WithoutCancel(ctx), r.back().id, was)
		if restored == nil && err == nil { // what comes next needs it
			if err = sleep(ctx, settles); err == nil {
				_, err = within(ctx, func() (bool, error) { return asks(Fails) })
			}
		}
		o, err = decided, errors.Join(err, restored)
	}()
	if err := sleep(ctx, settles); err != nil {
		return outcome{}, err
	}
	if _, err := within(ctx, func() (bool, error) { return asks(Holds) }); err != nil || o.verdict == Fails {
		return o, err
	}
	control, err := r.serviceOf(ctx, url.Values{"scope": {strings.Join(kept, " ")}})
	if err != nil {
		return outcome{}, err
	}
	if lost := without(kept, r.scopeOf(ctx, r.back(), control)); len(lost) > 0 {
		return outcome{}, r.uncontrolled("asking for the scope that is left", control.answer)
	}
	return o, nil
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
