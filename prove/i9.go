package prove

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem/oauth"
)

// retryWindow is how long a provider may give the same answer again to a client that
// did not get it: ours does so for 10 s.
const retryWindow = 12 * time.Second

// replaced is the first refresh token of the person's that was replaced by another.
type replaced struct {
	token string
	uses  int
	last  time.Time // when it was used last
}

func (f *replaced) used(token string) {
	if f.uses++; f.uses == 1 {
		f.token = token
	}
	f.last = time.Now()
}

// i9: a refresh token is bound, used once, and its family ends with a replay.
func (r *run) i9(ctx context.Context) {
	r.core(ctx, "I9", "a code is redeemed twice", r.codeTwice)
	r.extra(ctx, "I9", "a code is redeemed with another verifier", r.otherVerifier)
	r.extra(ctx, "I9", "another application uses a refresh token", r.otherUses)
	r.extra(ctx, "I9", "a refresh token is used again at once", r.retry)
}

// i9End ends the person's main tokens.
func (r *run) i9End(ctx context.Context) {
	r.core(ctx, "I9", "a replaced refresh token is used again", r.replay)
}

// codeTwice redeems a code twice: the second time it must be refused, and what the first
// gave must end (RFC 6749 section 4.1.2).
func (r *run) codeTwice(ctx context.Context) (outcome, error) {
	if _, err := r.mainTokens(ctx); err != nil {
		return outcome{}, err
	}
	c, err := r.authorize(ctx, r.user, "I9 code", r.userScope())
	if err != nil {
		return outcome{}, err
	}
	t, err := r.redeem(ctx, c)
	if err != nil {
		return outcome{}, err
	}
	before, err := r.userinfo(ctx, t.AccessToken, "access token")
	if err != nil {
		return outcome{}, err
	}
	if !before.ok() {
		return outcome{}, r.uncontrolled("userinfo with what the code gave", before)
	}
	a, err := r.token(ctx, r.front(), oauth.GrantAuthorizationCode, r.codeForm(c))
	if err != nil {
		return outcome{}, err
	}
	o, err := r.refused(a, "a code was redeemed twice")
	if err != nil || o.verdict == Fails {
		return o, err
	}
	var last *answer
	dead, err := within(ctx, func() (bool, error) {
		last, err = r.userinfo(ctx, t.AccessToken, "access token of the first redemption")
		return err == nil && last.status == http.StatusUnauthorized, err
	})
	if err != nil {
		return outcome{}, err
	}
	if !dead {
		return r.fails(last, "six seconds after its code was replayed the token still works"), nil
	}
	return o, nil
}

// otherVerifier redeems a code with a verifier that is not its own (RFC 7636 section
// 4.6).
func (r *run) otherVerifier(ctx context.Context) (outcome, error) {
	if _, err := r.mainTokens(ctx); err != nil {
		return outcome{}, err
	}
	c, err := r.authorize(ctx, r.user, "I9 verifier", r.userScope())
	if err != nil {
		return outcome{}, err
	}
	form := r.codeForm(c)
	other := oauth.NewVerifier()
	r.secrets.NoteNumbered("verifier", other)
	form.Set("code_verifier", other)
	a, err := r.token(ctx, r.front(), oauth.GrantAuthorizationCode, form)
	if err != nil {
		return outcome{}, err
	}
	return r.refused(a, "a code was redeemed with another verifier")
}

func (r *run) otherUses(ctx context.Context) (outcome, error) {
	other, there := r.other()
	if !there {
		return outcome{}, errors.New("no other application is known: give --public-application-uri")
	}
	t, err := r.refreshable(ctx)
	if err != nil {
		return outcome{}, err
	}
	a, err := r.token(ctx, other, oauth.GrantRefreshToken, url.Values{"refresh_token": {t.RefreshToken}})
	if err != nil {
		return outcome{}, err
	}
	return r.refused(a, "another application used the refresh token") // that it still works, the next use shows
}

// retry uses a token again at once: it is refused, or gives the same successor. The
// grant is not needed any more.
func (r *run) retry(ctx context.Context) (outcome, error) {
	t, err := r.narrow(ctx)
	if err != nil {
		return outcome{}, err
	}
	old := t.RefreshToken
	if old == "" {
		return outcome{}, errors.New("the provider gave no refresh token")
	}
	first, ok, err := r.refresh(ctx, t)
	if err != nil || !ok {
		return outcome{}, r.orUncontrolled(err, "using a refresh token", first)
	}
	if t.RefreshToken == old {
		return outcome{}, errors.New("the provider does not replace refresh tokens")
	}
	a, err := r.token(ctx, r.front(), oauth.GrantRefreshToken, url.Values{"refresh_token": {old}})
	if err != nil {
		return outcome{}, err
	}
	again, err := r.granted(a, "", nil)
	if err != nil {
		return r.refused(a, "")
	}
	if again.RefreshToken != t.RefreshToken {
		return r.fails(a, "a retry gave another refresh token than the first time: one was used twice"), nil
	}
	return r.holds(a), nil
}

// replay uses the person's first refresh token again, after two uses of the family and
// after the retry window: it must be refused, and the newest must be dead.
func (r *run) replay(ctx context.Context) (outcome, error) {
	t, err := r.living(ctx)
	if err != nil {
		return outcome{}, err
	}
	for r.replaced.uses < 2 {
		if a, ok, err := r.refresh(ctx, t); err != nil || !ok {
			return outcome{}, r.orUncontrolled(err, "using a refresh token", a)
		}
	}
	first := r.replaced.token
	r.ended = true
	if first == "" || first == t.RefreshToken {
		return r.fails(t.answer, "refresh tokens are not replaced"), nil
	}
	if err := sleep(ctx, retryWindow-time.Since(r.replaced.last)); err != nil {
		return outcome{}, err
	}
	a, err := r.token(ctx, r.front(), oauth.GrantRefreshToken, url.Values{"refresh_token": {first}})
	if err != nil {
		return outcome{}, err
	}
	o, err := r.refused(a, "a replaced refresh token still works")
	if err != nil || o.verdict == Fails {
		return o, err
	}
	if a, err = r.token(ctx, r.front(), oauth.GrantRefreshToken, url.Values{"refresh_token": {t.RefreshToken}}); err != nil {
		return outcome{}, err
	}
	return r.refused(a, "the replay was refused, and the newest refresh token lives on")
}
