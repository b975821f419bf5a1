package prove

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/hybridapps/tandem"
)

// nowhere is an entity that never existed.
const nowhere = "General_Products_Products(00000000-0000-4000-8000-000000000000)"

// i4: a user token does what its person may.
func (r *run) i4(ctx context.Context) {
	r.core(ctx, "I4", "a user token names a System User", r.userClaims)
	r.extra(ctx, "I4", "a person calls on behalf of another", r.userOnBehalf)
	r.extra(ctx, "I4", "writes without the scope update", r.writeWithoutScope)
}

// userClaims looks at the person's token.
func (r *run) userClaims(ctx context.Context) (outcome, error) {
	t, err := r.mainTokens(ctx)
	if err != nil {
		return outcome{}, err
	}
	c, err := r.about(ctx, r.front(), t.AccessToken)
	if err != nil {
		return outcome{}, err
	}
	person, err := r.subject(ctx)
	if err != nil {
		return outcome{}, err
	}
	for name := range c {
		if strings.HasPrefix(name, "client_system_user") {
			return r.fails(t.answer, "a user token has the claim %s", name), nil
		}
	}
	switch sub := c.text("sub"); sub {
	case person:
		return r.holds(t.answer), nil
	case "":
		return outcome{}, errors.New("the access token does not say whose it is")
	default:
		return r.fails(t.answer, "a user token is for %s, and its ID token for %s", sub, person), nil
	}
}

func (r *run) userOnBehalf(ctx context.Context) (outcome, error) {
	t, err := r.apiWorks(ctx)
	if err != nil {
		return outcome{}, err
	}
	h := bearer(t.AccessToken)
	h["Tandem-On-Behalf-Of"] = []string{"00000000-0000-4000-8000-000000000000"}
	a, err := r.wire.do(ctx, &call{method: http.MethodGet, url: r.config.OData, header: h, as: "user token, on behalf of another"})
	if err != nil {
		return outcome{}, err
	}
	return r.refused(a, "a person called on behalf of another")
}

// orUncontrolled is the error, or the one of a control that did not work.
func (r *run) orUncontrolled(err error, what string, a *answer) error {
	if err != nil {
		return err
	}
	return r.uncontrolled(what, a)
}

// writeWithoutScope writes to what never existed: with the scope that is not found,
// without it it is refused before.
func (r *run) writeWithoutScope(ctx context.Context) (outcome, error) {
	t, err := r.mainTokens(ctx)
	if err != nil {
		return outcome{}, err
	}
	write := func(token, as string) (*answer, error) {
		if r.config.OData == "" {
			return nil, errors.New("the address of the domain API is not known: give --odata")
		}
		h := bearer(token)
		h.Set("Content-Type", "application/json")
		return r.wire.do(ctx, &call{method: http.MethodPatch, url: r.config.OData + nowhere, header: h, body: `{"Name":{"EN":"prove"}}`, as: as})
	}
	a, err := write(t.AccessToken, "user token with update")
	if err != nil {
		return outcome{}, err
	}
	if a.status != http.StatusNotFound {
		return outcome{}, r.uncontrolled("a write with the scope, to what never existed, answered with 404,", a)
	}
	narrow, err := r.narrow(ctx)
	if err != nil {
		return outcome{}, err
	}
	if a, err = write(narrow.AccessToken, "user token with read alone"); err != nil {
		return outcome{}, err
	}
	if err := neither(a); err == nil && a.status != http.StatusForbidden {
		return r.fails(a, "a write without the scope update was not refused for it"), nil
	}
	return r.holds(a), neither(a)
}

// narrow are tokens of a grant with less than the application may have.
func (r *run) narrow(ctx context.Context) (*tokens, error) {
	return r.narrowed.get(func() (*tokens, error) {
		if _, err := r.mainTokens(ctx); err != nil {
			return nil, err
		}
		scope := []string{tandem.ScopeOpenID}
		if r.supports(tandem.ScopeOfflineAccess) {
			scope = append(scope, tandem.ScopeOfflineAccess)
		}
		if r.config.OData != "" {
			scope = append(scope, tandem.ScopeRead)
		}
		return r.fresh(ctx, "narrow", scope)
	})
}
