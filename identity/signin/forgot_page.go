package signin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/site/words"
)

// Bounds of what people ask for by mail.
const (
	// maxForgotten are the requests that wait for the mail; further ones are refused,
	// whoever's they are.
	maxForgotten = 200
	// mailsOfAccount and mailsFromAddress are how many mails an account gets, and one
	// address may ask for, within the window of [Throttling]: what is beyond is not sent,
	// or refused. Who forgot their password has had some mails then.
	mailsOfAccount   = 3
	mailsFromAddress = 10
	// maxGuessedLinks are the wrong links that one address may open within the window. None
	// can be guessed: this only sheds load.
	maxGuessedLinks = 100
)

// forgotten is a login of which a link is asked for, on a page in the language.
type forgotten struct{ login, from, language string }

// forgotForm shows the form in which people ask for a link by mail.
func (h *Handler) forgotForm(w http.ResponseWriter, r *http.Request) error {
	return h.showForgot(w, r, http.StatusOK, r.URL.Query().Get("login"), words.Text{})
}

func (h *Handler) showForgot(w http.ResponseWriter, r *http.Request, status int, login string, problem words.Text) error {
	csrf, err := h.csrf(w, r)
	if err != nil {
		return err
	}
	return h.render(w, r, status, "forgot.html", page{Title: words.T("Forgot your password?"), Problem: problem, Login: tandem.Clip(login, MaxLogin), CSRF: csrf})
}

// forgot takes the form. The answer is the same, and takes as long, whether there is such
// an account or not: who it is is looked up behind it (C22).
func (h *Handler) forgot(w http.ResponseWriter, r *http.Request) error {
	form, err := h.ownForm(w, r)
	if err != nil {
		return err
	}
	login := strings.TrimSpace(form.Get("login"))
	switch {
	case !h.csrfValid(r, form.Get("csrf")):
		return h.showForgot(w, r, http.StatusBadRequest, login, formTooOld)
	case login == "":
		return h.showForgot(w, r, http.StatusBadRequest, login, words.T("Type your login."))
	}
	wait, err := h.throttle.limited(r.Context(), "mail from", netaddr.Network(r.RemoteAddr), mailsFromAddress)
	if err != nil {
		return err
	}
	if wait > 0 {
		return h.waits(w, wait)
	}
	// Its tag and not what was asked for: nobody writes into the mail of others.
	language := words.Choose(locales(r), "", r.Header.Get("Accept-Language")).Tag()
	select {
	case h.asked <- forgotten{tandem.Clip(login, MaxLogin+1), netaddr.Host(r.RemoteAddr), language}:
	default:
		w.Header().Set("Retry-After", "60")
		return &problem{status: http.StatusServiceUnavailable, code: string(oauth.TemporarilyUnavailable), rule: tandem.RuleThrottle,
			text: words.T("Too many people ask for mail at this moment. Please try again.")}
	}
	return h.render(w, r, http.StatusOK, "forgot_done.html", page{Title: words.T("Look into your mail")})
}

// SendForgotten makes the links that people have asked for by mail, until ctx ends.
func (h *Handler) SendForgotten(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-h.asked:
			if err := h.sendForgotten(ctx, f); err != nil && ctx.Err() == nil {
				h.Log.WarnContext(ctx, "a link for a new password cannot be sent now", "error", err)
			}
		}
	}
}

func (h *Handler) sendForgotten(ctx context.Context, f forgotten) error {
	ctx, cancel := context.WithTimeout(ctx, hashTimeout)
	defer cancel()
	wait, err := h.throttle.limited(ctx, "mail of", LoginKey(f.login), mailsOfAccount)
	if err != nil || wait > 0 {
		return err
	}
	acc, err := h.Users.ByLogin(ctx, f.login)
	if errors.Is(err, tandem.ErrNotFound) || err == nil && (!acc.canSignIn() || acc.Email == "" || !acc.EmailVerified) {
		return nil
	}
	if err != nil {
		return err
	}
	by := tandem.By{Login: "tandem:forgot", Via: tandem.ViaReset, From: f.from}
	path, _, err := h.Accounts.NewReset(ctx, by, acc.Login, MailedReset)
	if err != nil {
		return err
	}
	if acc.Locale == "" { // else they have chosen
		acc.Locale, path = f.language, page{Locales: f.language}.To(path)
	}
	return h.Accounts.Notifier.Reset(ctx, &acc.User, path)
}

// limited counts one of something that nobody may do more often than most times within
// the window, and says how long to wait where it was too often.
func (t *throttle) limited(ctx context.Context, kind, of string, most int) (wait time.Duration, err error) {
	err = t.counters.Update(ctx, []string{counterKey(kind, of, "")}, func(c []Attempts) {
		now := t.clock.Now()
		c[0].settle(now, &t.Throttling)
		if c[0].Failures >= most {
			wait = max(time.Second, c[0].LastAt.Add(t.Window).Sub(now))
			return
		}
		c[0].Failures++
		c[0].LastAt, c[0].BlockedUntil = now, now
	})
	return wait, err
}
