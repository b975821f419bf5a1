package prove

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/hybridapps/tandem/oauth"
)

// unregistered is a scope that nobody has.
const unregistered = "tandem.prove.unregistered"

// i2: nothing of the user flow yields a service token.
func (r *run) i2(ctx context.Context) {
	r.core(ctx, "I2", "asks for client credentials", r.asService(nil))
	r.core(ctx, "I2", "asks for them with the back end's scope", func(ctx context.Context) (outcome, error) {
		t, err := r.serviceToken(ctx)
		if err != nil {
			return outcome{}, err
		}
		scope := r.scopeOf(ctx, r.back(), t)
		if len(scope) == 0 {
			scope = []string{unregistered}
		}
		return r.asService(url.Values{"scope": {strings.Join(scope, " ")}})(ctx)
	})
	r.core(ctx, "I2", "asks for them with a scope of nobody's", r.asService(url.Values{"scope": {unregistered}}))
	r.extra(ctx, "I2", "asks for them with a person's code and refresh token beside", func(ctx context.Context) (outcome, error) {
		t, err := r.refreshable(ctx)
		if err != nil {
			return outcome{}, err
		}
		beside := url.Values{"refresh_token": {t.RefreshToken}}
		if r.spare != "" {
			beside.Set("code", r.spare)
		}
		return r.asService(beside)(ctx)
	})
	r.extra(ctx, "I2", "a public application asks for them", r.publicService)
	if r.provider.grants(grantTokenExchange) {
		r.extra(ctx, "I2", "exchanges a person's token", func(ctx context.Context) (outcome, error) {
			return r.exchange(ctx, r.front(), "a person's token was exchanged for one of nobody")
		})
	}
}

// first refreshes with the back end's scope before anything else: the next refresh
// brings back the scope of the grant.
func (r *run) first(ctx context.Context) {
	r.extra(ctx, "I2", "refreshes with the back end's scope", r.refreshAsService)
}

// asService is client credentials with the user credential, and more beside. The control
// is that each credential is good for its own flow.
func (r *run) asService(more url.Values) func(context.Context) (outcome, error) {
	return func(ctx context.Context) (outcome, error) {
		if err := r.bothWork(ctx); err != nil {
			return outcome{}, err
		}
		a, err := r.token(ctx, r.front(), oauth.GrantClientCredentials, more)
		if err != nil {
			return outcome{}, err
		}
		return r.refused(a, "the user credential got a service token")
	}
}

func (r *run) publicService(ctx context.Context) (outcome, error) {
	public, there := r.other()
	if !there {
		return outcome{}, errors.New("no public application is known: give --public-application-uri")
	}
	if _, err := r.serviceToken(ctx); err != nil {
		return outcome{}, err
	}
	a, err := r.token(ctx, public, oauth.GrantClientCredentials, nil)
	if err != nil {
		return outcome{}, err
	}
	return r.refused(a, "a public application got a service token")
}

// refreshAsService asks in a refresh for what the back end has: it is refused, or the
// token is the person's.
func (r *run) refreshAsService(ctx context.Context) (outcome, error) {
	t, err := r.refreshable(ctx)
	if err != nil {
		return outcome{}, err
	}
	service, err := r.serviceToken(ctx)
	if err != nil {
		return outcome{}, err
	}
	scope := r.scopeOf(ctx, r.back(), service)
	if len(scope) == 0 {
		return outcome{}, errors.New("the back end's token has no scope")
	}
	a, ok, err := r.refresh(ctx, t, scope...)
	if err != nil {
		return outcome{}, err
	}
	if !ok {
		return r.refused(a, "")
	}
	c, err := r.about(ctx, r.front(), t.AccessToken)
	if err != nil {
		return outcome{}, err
	}
	person, err := r.subject(ctx)
	if err != nil {
		return outcome{}, err
	}
	if c.text("sub") != person {
		return r.fails(a, "a refresh gave a token that is not the person's"), nil
	}
	return r.holds(a), nil
}
