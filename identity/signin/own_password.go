package signin

import (
	"context"
	"errors"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/site/words"
)

// ChangePassword changes the password of who is signed in with the request's browser, who
// proves to know the old one: wrong ones are counted, and recorded, as those at the
// sign-in are. All other sign-ins of theirs end, and with everywhere this one, too. The
// problem is for the person; strength says how hard the new password is to guess.
func (h *Handler) ChangePassword(w http.ResponseWriter, r *http.Request, old, password string, everywhere bool) (strength, problem words.Text, err error) {
	who, err := h.current(r)
	if err != nil {
		return strength, problem, err
	}
	if who == nil {
		return strength, words.T("You are not signed in any more."), nil
	}
	acc, wait, err := h.authenticate(r, signInFields{login: who.Account.Login, password: old})
	switch {
	case errors.Is(err, errWrongPassword):
		return strength, words.T("The old password is not right."), nil
	case errors.Is(err, context.DeadlineExceeded):
		return strength, tooBusy, nil
	case err != nil:
		return strength, problem, err
	case wait > 0:
		h.throttled(w, r, signInFields{})
		return strength, retryAfter(w, wait), nil
	}
	keep := who.ID
	if everywhere {
		keep = ""
	}
	ctx, cancel := context.WithTimeout(r.Context(), hashTimeout)
	defer cancel()
	by := tandem.By{Login: acc.Login, Via: tandem.ViaProfile, From: netaddr.Host(r.RemoteAddr)}
	_, err = h.Accounts.newPassword(ctx, by, acc, password, keep, func(context.Context) error { return nil })
	var weak weakError
	switch {
	case errors.As(err, &weak):
		h.weakRefused(w, r, &acc)
		return strength, weak.Text, nil
	case errors.Is(err, errNoReset):
		return strength, words.T("The password was changed meanwhile."), nil
	case errors.Is(err, context.DeadlineExceeded):
		return strength, tooBusy, nil
	}
	return StrengthOf(password).Words(), problem, err
}
