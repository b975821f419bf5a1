package prove

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
)

// outsider is an external person with what a sign-in gave, and the sessions that were open
// before it, where one can look inside.
type outsider struct {
	tokens *tokens
	before []tandem.Session
}

// i5: external users take no slot.
func (r *run) i5(ctx context.Context) {
	r.core(ctx, "I5", "an external sign-in asks for the API's scope", r.externalScope)
	r.core(ctx, "I5", "an external person's token calls the API", r.externalCalls)
	r.extra(ctx, "I5", "forged headers name an administrator", r.forgedHeaders)
	r.extra(ctx, "I5", "external sign-ins take slots", r.externalSlots)
}

// outsider signs the external person in.
func (r *run) outsider(ctx context.Context) (*outsider, error) {
	return r.external.get(func() (*outsider, error) {
		if r.config.External.Login == "" {
			return nil, errors.New("no external account is known: give --external-sign-in and --external-password-file")
		}
		who, err := newForms(r, r.config.External)
		if err != nil {
			return nil, err
		}
		o := &outsider{}
		if in := r.config.Inside; in != nil {
			if o.before, _, err = in.OpenSessions(ctx); err != nil {
				return nil, err
			}
		}
		c, err := r.authorize(ctx, who, "I5 external", []string{tandem.ScopeOpenID, tandem.ScopeRead, tandem.ScopeUpdate})
		if err == nil {
			o.tokens, err = r.redeem(ctx, c)
		}
		if err != nil {
			return nil, fmt.Errorf("the external sign-in: %w", err)
		}
		return o, nil
	})
}

func (r *run) externalScope(ctx context.Context) (outcome, error) {
	insider, err := r.mainTokens(ctx)
	if err != nil {
		return outcome{}, err
	}
	inside, err := r.about(ctx, r.front(), insider.AccessToken)
	if err != nil {
		return outcome{}, err
	}
	scope := r.scopeOf(ctx, r.front(), insider)
	if !slices.Contains(scope, tandem.ScopeRead) {
		return outcome{}, fmt.Errorf("an internal person was not granted read either, but %s", list(scope))
	}
	o, err := r.outsider(ctx)
	if err != nil {
		return outcome{}, err
	}
	for _, granted := range r.scopeOf(ctx, r.front(), o.tokens) {
		if granted == tandem.ScopeRead || granted == tandem.ScopeUpdate {
			return r.fails(o.tokens.answer, "an external person was granted %s", granted), nil
		}
	}
	outside, err := r.about(ctx, r.front(), o.tokens.AccessToken)
	if err != nil {
		return outcome{}, err
	}
	more := without(audience(inside), audience(outside))
	if len(more) == 0 {
		return r.fails(o.tokens.answer, "an external person's token has the API's audience: %s", list(audience(outside))), nil
	}
	return r.holds(o.tokens.answer), nil
}

// audience is the claim aud in either of its forms.
func audience(c claims) []string {
	switch v := c["aud"].(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, fmt.Sprint(one))
		}
		return all
	}
	return nil
}

func (r *run) externalCalls(ctx context.Context) (outcome, error) {
	if _, err := r.apiWorks(ctx); err != nil {
		return outcome{}, err
	}
	o, err := r.outsider(ctx)
	if err != nil {
		return outcome{}, err
	}
	a, err := r.api(ctx, http.MethodGet, "", o.tokens.AccessToken, "external person's token")
	if err != nil {
		return outcome{}, err
	}
	if a.header.Get("Tandem-Session") != "" {
		return r.fails(a, "an external person's call opened a session"), nil
	}
	return r.refused(a, "the API answered an external person")
}

// forgedHeaders claims to be somebody, as a proxy in front of other systems would.
func (r *run) forgedHeaders(ctx context.Context) (outcome, error) {
	o, err := r.outsider(ctx)
	if err != nil {
		return outcome{}, err
	}
	if r.config.OData == "" {
		return outcome{}, errors.New("the address of the domain API is not known: give --odata")
	}
	h := bearer(o.tokens.AccessToken)
	for _, name := range []string{"X-User", "X-User-Id", "X-Remote-User", "X-Forwarded-User", "Remote-User"} {
		h.Set(name, "admin")
	}
	h.Set("X-User-Type", "InternalUser")
	a, err := r.wire.do(ctx, &call{method: http.MethodGet, url: r.config.OData, header: h, as: "external person's token, and headers that name an administrator"})
	if err != nil {
		return outcome{}, err
	}
	return r.refused(a, "the API believed a header")
}

// externalSlots looks whether the external person holds a slot, after the sign-in and the
// calls of the attempts before.
func (r *run) externalSlots(ctx context.Context) (outcome, error) {
	in, err := r.inside()
	if err != nil {
		return outcome{}, err
	}
	o, err := r.outsider(ctx)
	if err != nil {
		return outcome{}, err
	}
	after, _, err := in.OpenSessions(ctx)
	if err != nil {
		return outcome{}, err
	}
	for i := range after {
		s := &after[i]
		known := slices.ContainsFunc(o.before, func(b tandem.Session) bool { return b.ID == s.ID })
		if !known && strings.EqualFold(s.User, r.config.External.Login) {
			return r.fails(o.tokens.answer, "the external person holds a slot"), nil
		}
	}
	return r.holds(o.tokens.answer), nil
}
