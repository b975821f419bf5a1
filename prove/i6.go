package prove

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// i6: each half ends alone, and both with the application. It is tried last, as it ends
// the person's sign-in.
func (r *run) i6(ctx context.Context) {
	r.core(ctx, "I6", "the back end revokes its token: the person goes on", r.revokeService)
	r.extra(ctx, "I6", "one half's session is closed: the other's stays", r.closeSessions)
}

// i6End is the rest: what ends more than a token.
func (r *run) i6End(ctx context.Context) {
	if r.config.Inside != nil {
		r.extra(ctx, "I6", "the application is switched off and on", r.switchOff)
	}
	r.core(ctx, "I6", "the person signs out: the back end goes on", r.signOut)
}

// revokeService ends a service token; the control is that it is dead.
func (r *run) revokeService(ctx context.Context) (outcome, error) {
	t, err := r.living(ctx)
	if err != nil {
		return outcome{}, err
	}
	service := r.another // which I11 has seen alive
	if service == nil {
		if service, err = r.serviceOf(ctx, nil); err != nil {
			return outcome{}, err
		}
		if lives, a, err := r.lives(ctx, service.AccessToken, "service token"); err != nil || !lives {
			return outcome{}, r.orUncontrolled(err, "a service token before its revocation", a)
		}
	}
	a, err := r.post(ctx, r.provider.RevocationEndpoint, r.back(), url.Values{"token": {service.AccessToken}})
	if err != nil {
		return outcome{}, err
	}
	if !a.ok() {
		return outcome{}, r.uncontrolled("revoking a service token", a)
	}
	dead, err := within(ctx, func() (bool, error) {
		lives, _, err := r.lives(ctx, service.AccessToken, "revoked service token")
		return !lives, err
	})
	if err != nil || !dead {
		return outcome{}, r.orUncontrolled(err, "revoking a service token", a)
	}
	return r.unharmed(ctx, t, r.holds(a), "after the back end revoked its own token")
}

// lives says whether a service token is good, by the API or by introspection.
func (r *run) lives(ctx context.Context, token, as string) (bool, *answer, error) {
	if r.config.OData != "" {
		a, err := r.api(ctx, http.MethodGet, "", token, as)
		if err == nil && !a.ok() && a.status != http.StatusUnauthorized {
			err = r.uncontrolled("a call with the "+as, a)
		}
		return err == nil && a.ok(), a, err
	}
	if r.provider.IntrospectionEndpoint == "" {
		return false, nil, errors.New("nobody tells whether a service token lives: the provider has no introspection, and no API is known")
	}
	active, _, a, err := r.introspect(ctx, r.back(), token)
	return active, a, err
}

// session calls the API and says in which session.
func (r *run) session(ctx context.Context, token, as string) (string, *answer, error) {
	a, err := r.api(ctx, http.MethodGet, "", token, as)
	if err != nil {
		return "", nil, err
	}
	if !a.ok() {
		return "", a, r.uncontrolled("a call with the "+as, a)
	}
	return a.header.Get("Tandem-Session"), a, nil
}

// closeSessions closes a session of each half, and looks whether one of the other's is
// still there.
func (r *run) closeSessions(ctx context.Context) (outcome, error) {
	in, err := r.inside()
	if err != nil {
		return outcome{}, err
	}
	id, full, err := in.Open(ctx, r.back().id, openerPrefix+"close")
	switch {
	case err != nil:
		return outcome{}, err
	case full:
		return outcome{}, errors.New("the licence is full")
	}
	user, err := r.openOf(ctx, in, tandem.SessionUser)
	if err != nil {
		return outcome{}, err
	}
	if user == "" {
		return outcome{}, errors.New("the person has no open session any more")
	}
	if err := in.CloseSession(ctx, id); err != nil {
		return outcome{}, err
	}
	if user, err = r.openOf(ctx, in, tandem.SessionUser); err != nil {
		return outcome{}, err
	}
	o := outcome{verdict: Holds, sent: Plain("close a session of each half"), answered: Plain("the other half's stayed")}
	if user == "" {
		o.verdict, o.why, o.answered = Fails, "with the back end's session the person's was closed", Plain("both are gone")
		return o, nil
	}
	again, _, err := in.Open(ctx, r.back().id, openerPrefix+"stay")
	if err != nil {
		return outcome{}, err
	}
	if err := in.CloseSession(ctx, user); err != nil {
		return outcome{}, err
	}
	left, err := r.openOf(ctx, in, tandem.SessionService)
	if err != nil {
		return outcome{}, err
	}
	if left == "" {
		o.verdict, o.why, o.answered = Fails, "with the person's session the back end's was closed", Plain("both are gone")
	}
	return o, in.CloseSession(ctx, again)
}

// openOf is an open session of one half of the application, the person's or the back
// end's; empty where there is none.
func (r *run) openOf(ctx context.Context, in Inside, kind tandem.SessionKind) (string, error) {
	open, _, err := in.OpenSessions(ctx)
	for i := range open {
		s := &open[i]
		app := r.config.Application
		if kind == tandem.SessionService {
			app = r.back().id
		}
		if s.Kind == kind && s.ApplicationURI == app && (kind == tandem.SessionService || strings.EqualFold(s.User, r.config.Person.Login)) {
			return s.ID, nil
		}
	}
	return "", err
}

// alive are tokens of the person that the API answers: the main ones, unless they have
// been ended on purpose.
func (r *run) alive(ctx context.Context) (*tokens, error) {
	if !r.ended {
		return r.apiWorks(ctx)
	}
	if t, err := r.narrow(ctx); err == nil {
		if a, err := r.api(ctx, http.MethodGet, "", t.AccessToken, "user token"); err == nil && a.ok() {
			return t, nil
		}
	}
	t, err := r.fresh(ctx, "I6", r.userScope())
	if err != nil {
		return nil, err
	}
	a, err := r.api(ctx, http.MethodGet, "", t.AccessToken, "user token")
	if err != nil || !a.ok() {
		return nil, r.orUncontrolled(err, "a call with a person's token", a)
	}
	return t, nil
}

// switchOff disables the application: both halves must die within five seconds, and
// both come back.
func (r *run) switchOff(ctx context.Context) (o outcome, err error) {
	in, err := r.disturbing()
	if err != nil {
		return outcome{}, err
	}
	t, err := r.alive(ctx) // the control: both are at work
	if err != nil {
		return outcome{}, err
	}
	s, err := r.serviceToken(ctx)
	if err != nil {
		return outcome{}, err
	}
	if err := in.SetEnabled(ctx, r.config.Application, false); err != nil {
		return outcome{}, err
	}
	defer func() {
		err = errors.Join(err, in.SetEnabled(context.WithoutCancel(ctx), r.config.Application, true))
		if err == nil && o.verdict == Holds {
			o, err = r.switchedOn(ctx, t, o)
		}
	}()
	if err := sleep(ctx, settles); err != nil {
		return outcome{}, err
	}
	for _, half := range []struct{ token, name string }{{t.AccessToken, "user token"}, {s.AccessToken, "service token"}} {
		var last *answer
		dead, err := within(ctx, func() (bool, error) {
			last, err = r.api(ctx, http.MethodGet, "", half.token, half.name+" of a disabled application")
			return err == nil && (last.status == http.StatusUnauthorized || last.status == http.StatusForbidden), err
		})
		if err != nil {
			return outcome{}, err
		}
		if !dead {
			return r.fails(last, "the %s still works six seconds after the application was disabled", half.name), nil
		}
		o = r.holds(last)
	}
	a, err := r.token(ctx, r.back(), oauth.GrantClientCredentials, nil)
	if err != nil {
		return outcome{}, err
	}
	if a.ok() {
		return r.fails(a, "a disabled application got a service token"), nil
	}
	return o, nil
}

// settles is how long a change usually takes to reach every replica: looking before
// would cost requests.
const settles = 2500 * time.Millisecond

// switchedOn looks whether both halves work again: the back end gets a token, and the
// person's still works, or they can sign in.
func (r *run) switchedOn(ctx context.Context, t *tokens, o outcome) (outcome, error) {
	if err := sleep(ctx, settles); err != nil {
		return outcome{}, err
	}
	var last *answer
	back, err := within(ctx, func() (bool, error) {
		a, err := r.token(ctx, r.back(), oauth.GrantClientCredentials, nil)
		last = a
		return err == nil && a.ok(), err
	})
	if err != nil {
		return outcome{}, err
	}
	if !back {
		return r.fails(last, "enabled again, the back end gets no token"), nil
	}
	service, err := r.granted(last, "a service token", nil)
	if err != nil {
		return outcome{}, err
	}
	r.service.value = service
	if a, err := r.api(ctx, http.MethodGet, "", t.AccessToken, "user token"); err == nil && a.ok() {
		return o, nil
	}
	if _, err := r.fresh(ctx, "I6 enabled again", r.userScope()); err != nil {
		return outcome{Fails, "enabled again, the person cannot sign in: " + err.Error(), o.sent, o.answered}, nil
	}
	return o, nil
}

// signOut signs the person out. The control is that the sign-in has ended: a request
// that may ask nobody gets no code.
func (r *run) signOut(ctx context.Context) (outcome, error) {
	if r.provider.EndSessionEndpoint == "" {
		return outcome{}, errors.New("the provider has no sign-out")
	}
	t, err := r.mainTokens(ctx)
	if err != nil {
		return outcome{}, err
	}
	service, before, err := r.atWork(ctx)
	if err != nil {
		return outcome{}, err
	}
	if err := r.leave(ctx, t); err != nil {
		return outcome{}, err
	}
	return r.serviceGoesOn(ctx, service, before)
}

// atWork is a service token that is seen to be alive, and the session in which it works
// at our API. It is nil where nobody tells: then only new ones can be asked for.
func (r *run) atWork(ctx context.Context) (service *tokens, session string, err error) {
	if r.config.OData != "" {
		if service, err = r.serviceToken(ctx); err != nil {
			return nil, "", err
		}
		session, _, err = r.session(ctx, service.AccessToken, "service token")
		return service, session, err
	}
	if service, err = r.serviceOf(ctx, nil); err != nil || r.provider.IntrospectionEndpoint == "" {
		return nil, "", err
	}
	active, _, _, err := r.introspect(ctx, r.back(), service.AccessToken)
	if !active {
		service = nil
	}
	return service, "", err
}

// leave signs out, and makes sure of it.
func (r *run) leave(ctx context.Context, t *tokens) error {
	q := url.Values{"client_id": {r.config.Application}}
	if t.IDToken != "" {
		q.Set("id_token_hint", t.IDToken)
	}
	if r.config.PostLogout != "" {
		q.Set("post_logout_redirect_uri", r.config.PostLogout)
	}
	separator := "?"
	if strings.Contains(r.provider.EndSessionEndpoint, "?") {
		separator = "&"
	}
	stays, err := r.stays(ctx)
	if err != nil {
		return err
	}
	var ends func() (bool, error)
	if !stays {
		ends = r.seesEnd(ctx, t)
	}
	if _, err := r.user.signOut(ctx, r.provider.EndSessionEndpoint+separator+q.Encode()); err != nil {
		return err
	}
	if stays {
		alive, _, err := r.signedIn(ctx) // a page that asks is as good as an answer that says so
		if alive {
			err = errors.New("the sign-out did not end the sign-in, so that it shows nothing of the other half")
		}
		return err
	}
	dead, err := within(ctx, ends)
	if err == nil && !dead {
		return errors.New("nobody sees whether the sign-out took effect, and the token goes on")
	}
	return err
}

// seesEnd is by what one sees that a sign-in has ended, where nobody sees the browser: the
// ID token, where the provider tells of it, else the access token. It may be good for
// longer than the sign-in.
func (r *run) seesEnd(ctx context.Context, t *tokens) func() (bool, error) {
	if r.provider.IntrospectionEndpoint != "" && t.IDToken != "" {
		if active, _, _, err := r.introspect(ctx, r.front(), t.IDToken); err == nil && active {
			return func() (bool, error) {
				active, _, _, err := r.introspect(ctx, r.front(), t.IDToken)
				return !active, err
			}
		}
	}
	return func() (bool, error) {
		a, err := r.userinfo(ctx, t.AccessToken, "token of who signed out")
		return err == nil && a.status == http.StatusUnauthorized, err
	}
}

// serviceGoesOn looks at the back end after the person has left.
func (r *run) serviceGoesOn(ctx context.Context, service *tokens, before string) (outcome, error) {
	a, err := r.token(ctx, r.back(), oauth.GrantClientCredentials, nil)
	if err != nil {
		return outcome{}, err
	}
	if !a.ok() {
		return r.fails(a, "after a person signed out the back end gets no token"), nil
	}
	o := r.holds(a)
	if r.config.OData != "" {
		now, a, err := r.session(ctx, service.AccessToken, "service token")
		switch {
		case a == nil && err != nil:
			return outcome{}, err
		case err != nil:
			return r.fails(a, "a person's sign-out ended the service token"), nil
		case now != before:
			return r.fails(a, "a person's sign-out ended the back end's session"), nil
		}
		return r.holds(a), nil
	}
	if service == nil {
		return o, nil
	}
	active, _, a, err := r.introspect(ctx, r.back(), service.AccessToken)
	if err != nil {
		return outcome{}, err
	}
	if !active && a.ok() {
		return r.fails(a, "a person's sign-out ended the service token"), nil
	}
	return o, nil
}
