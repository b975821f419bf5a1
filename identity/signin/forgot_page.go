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
	// mailsOfDay are how many an account gets in a day, and mailsOfNetwork how many of those
	// one network may ask for: who knows a login fills nobody's mailbox, and leaves some to
	// others.
	mailsOfDay     = 10
	mailsOfNetwork = 5
	// maxGuessedLinks are the wrong links that one address may open within the window. None
	// can be guessed: this only sheds load.
	maxGuessedLinks = 100
)

// Who makes links that are asked for by mail: of a device that the person is known from they
// are counted apart, as wrong passwords are, so that nobody else can use them up.
const (
	forgotBy       = "tandem:forgot"
	forgotByDevice = "tandem:forgot-device"
)

// forgotten is a login of which a link is asked for, on a page in the language. device is
// the one that it is known from; empty for any other.
type forgotten struct{ login, from, network, device, language string }

// bounds are those of the mails for it.
func (f *forgotten) bounds(window time.Duration) []bound {
	key := LoginKey(f.login)
	all := []bound{
		{counterKey("mail of", key, f.device), window, mailsOfAccount},
		{counterKey(KindFactor+"mail of", key, f.device), factorWindow, mailsOfDay},
	}
	if f.device == "" {
		all = append(all, bound{counterKey(KindFactor+"mail of", key, "network "+f.network), factorWindow, mailsOfNetwork})
	}
	return all
}

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
	f := forgotten{login: tandem.Clip(login, MaxLogin+1), from: netaddr.Host(r.RemoteAddr), network: netaddr.Network(r.RemoteAddr), language: language}
	if device, known := h.device(r); known && device.knows(LoginKey(f.login)) {
		f.device = device.ID
	}
	select {
	case h.asked <- f:
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
	wait, err := h.throttle.bounded(ctx, f.bounds(h.throttle.Window)...)
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
	by := tandem.By{Login: forgotBy, Via: tandem.ViaReset, From: f.from}
	if f.device != "" {
		by.Login = forgotByDevice
	}
	path, _, err := h.Accounts.newReset(ctx, by, acc.Login, MailedReset, h.Accounts.Resets.AddIfRoom)
	if errors.Is(err, errEnoughResets) { // in the mailbox, each as good as one more
		return nil
	}
	if err != nil {
		return err
	}
	if acc.Locale == "" { // else they have chosen
		acc.Locale, path = f.language, page{Locales: f.language}.To(path)
	}
	return h.Accounts.Notifier.Reset(ctx, &acc.User, path)
}

// bound is how many of something there may be within a window, which begins with the first.
type bound struct {
	key    string
	window time.Duration
	most   int
}

// limited counts one of something that nobody may do more often than most times within
// the window, and says how long to wait where it was too often.
func (t *throttle) limited(ctx context.Context, kind, of string, most int) (wait time.Duration, err error) {
	return t.bounded(ctx, bound{counterKey(kind, of, ""), t.Window, most})
}

// bounded is limited for several bounds: what one of them refuses counts for none.
func (t *throttle) bounded(ctx context.Context, bounds ...bound) (wait time.Duration, err error) {
	keys := make([]string, len(bounds))
	for i := range bounds {
		keys[i] = bounds[i].key
	}
	err = t.counters.Update(ctx, keys, func(c []Attempts) {
		now := t.clock.Now()
		for i, b := range bounds {
			rules := t.Throttling
			rules.Window = b.window
			if c[i].settle(now, &rules); c[i].Failures >= b.most {
				wait = max(wait, time.Second, c[i].LastAt.Add(b.window).Sub(now))
			}
		}
		if wait > 0 {
			return
		}
		for i := range c {
			if c[i].Failures++; c[i].Failures == 1 {
				c[i].LastAt, c[i].BlockedUntil = now, now
			}
		}
	})
	return wait, err
}
