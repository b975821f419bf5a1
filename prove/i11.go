package prove

import (
	"context"
	"errors"
	"net/url"
)

// i11: a back-end instance has one session.
func (r *run) i11(ctx context.Context) {
	r.core(ctx, "I11", "new tokens open new sessions", func(ctx context.Context) (outcome, error) {
		if r.config.OData == "" {
			return outcome{}, errors.New("the address of the domain API is not known: give --odata")
		}
		sessions := map[string]bool{}
		first, err := r.serviceToken(ctx)
		if err != nil {
			return outcome{}, err
		}
		second, err := r.serviceOf(ctx, nil)
		if err != nil {
			return outcome{}, err
		}
		var last *answer
		for _, t := range []*tokens{first, second} {
			id, a, err := r.session(ctx, t.AccessToken, "service token")
			if err != nil {
				return outcome{}, err
			}
			if id == "" {
				return outcome{}, errors.New("the API does not say in which session a call runs")
			}
			sessions[id], last = true, a
		}
		r.another = second
		if len(sessions) != 1 {
			return r.fails(last, "two tokens of one instance ran in two sessions"), nil
		}
		t, err := r.serviceOf(ctx, url.Values{"service_instance": {openerPrefix + "other"}})
		if err != nil {
			return outcome{}, err
		}
		other, a, err := r.session(ctx, t.AccessToken, "service token of another instance")
		if err != nil {
			return outcome{}, err
		}
		if sessions[other] {
			return r.fails(a, "two instances share a session"), nil
		}
		return r.holds(last), nil
	})
}
