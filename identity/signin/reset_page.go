package signin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/site/words"
)

// What the pages say.
var (
	notTwice   = words.T("The two passwords are not the same.")
	noPassword = words.T("Type the new password twice.")
)

// noReset is the page for a link that gives nothing. It says nothing of whose it was.
func noReset() error {
	p := badRequest(tandem.RuleUserReset, words.T("This link was used, its time is over, or there is a newer password."),
		words.T("Ask for a new one, or sign in."))
	p.again = pathSignIn
	return p
}

// resetForm shows the form of a link. It uses nothing up: programs that look at mail
// follow links, too.
func (h *Handler) resetForm(w http.ResponseWriter, r *http.Request) error {
	link := r.URL.Query().Get("link")
	_, acc, err := h.Accounts.resetOf(r.Context(), link)
	if errors.Is(err, errNoReset) {
		return h.noResetAfterThrottle(w, r)
	}
	if err != nil {
		return err
	}
	return h.showReset(w, r, http.StatusOK, resetFields{link: link}, &acc, words.Text{})
}

// changeFirst lets somebody who has proved who they are set another password, because the
// one that they have was chosen for them. Then they sign in with it: they are signed in
// with nothing before.
func (h *Handler) changeFirst(w http.ResponseWriter, r *http.Request, request string, acc *Account) error {
	by := tandem.By{Login: acc.Login, Via: tandem.ViaReset, From: netaddr.Host(r.RemoteAddr)}
	path, _, err := h.Accounts.NewReset(r.Context(), by, acc.Login, forcedReset)
	if err != nil {
		return err
	}
	_, link, _ := strings.Cut(path, "?link=")
	return h.showReset(w, r, http.StatusOK, resetFields{link: link, request: request, must: true}, acc, words.Text{})
}

// newPasswordStep is for who signs in by a password that somebody else has chosen. It
// comes after the second factor.
func (h *Handler) newPasswordStep() step {
	return step{
		needed: func(_ context.Context, p *pending, acc *Account) (bool, error) {
			return acc.MustChangePassword && slices.Contains(p.How.AMR(), token.MethodPassword), nil
		},
		show: func(w http.ResponseWriter, r *http.Request, _ int, p *pending, acc *Account, _ words.Text) error {
			return h.changeFirst(w, r, p.Request, acc)
		},
	}
}

// resetFields is the form as it was sent. request is the sealed authorization request of
// who is in the middle of a sign-in.
type resetFields struct {
	link, request string
	must          bool
}

// noResetAfterThrottle counts links that were never given against who tries them.
func (h *Handler) noResetAfterThrottle(w http.ResponseWriter, r *http.Request) error {
	wait, err := h.throttle.limited(r.Context(), "reset", netaddr.Network(r.RemoteAddr), maxGuessedLinks)
	if err != nil {
		return err
	}
	if wait > 0 {
		return h.waits(w, wait)
	}
	return noReset()
}

func (h *Handler) showReset(w http.ResponseWriter, r *http.Request, status int, f resetFields, acc *Account, problem words.Text) error {
	csrf, err := h.csrf(w, r)
	if err != nil {
		return err
	}
	return h.render(w, r, status, "reset.html", page{
		Title: words.T("New password"), Problem: problem, Login: acc.Login, Link: f.link, Request: f.request, Must: f.must, CSRF: csrf, own: acc.Locale,
	})
}

// reset takes the form of a link.
func (h *Handler) reset(w http.ResponseWriter, r *http.Request) error {
	form, err := h.ownForm(w, r)
	if err != nil {
		return err
	}
	f, password := resetFields{link: form.Get("link"), request: form.Get("request"), must: form.Get("must") != ""}, form.Get("password")
	link := f.link
	_, acc, err := h.Accounts.resetOf(r.Context(), link)
	switch {
	case errors.Is(err, errNoReset):
		return h.noResetAfterThrottle(w, r)
	case err != nil:
		return err
	case !h.csrfValid(r, form.Get("csrf")):
		return h.showReset(w, r, http.StatusBadRequest, f, &acc, formTooOld)
	case password == "":
		return h.showReset(w, r, http.StatusBadRequest, f, &acc, noPassword)
	case password != form.Get("again"):
		return h.showReset(w, r, http.StatusBadRequest, f, &acc, notTwice)
	}
	ctx, cancel := context.WithTimeout(r.Context(), hashTimeout)
	defer cancel()
	before, err := h.Accounts.Remaining(ctx, acc.Login)
	if err != nil {
		return err
	}
	_, err = h.Accounts.useReset(ctx, netaddr.Host(r.RemoteAddr), link, password)
	var weak weakError
	switch {
	case errors.As(err, &weak):
		h.weakRefused(w, r, &acc)
		return h.showReset(w, r, http.StatusBadRequest, f, &acc, weak.Text)
	case errors.Is(err, errNoReset):
		return noReset()
	case errors.Is(err, context.DeadlineExceeded):
		w.Header().Set("Retry-After", "1")
		return h.showReset(w, r, http.StatusServiceUnavailable, f, &acc, tooBusy)
	case err != nil:
		return err
	}
	return h.showResetDone(w, r, f, &acc, &before)
}

// showResetDone also shows by what else somebody comes in to the account, who may not be its
// person: they are to look whether all of it is theirs.
func (h *Handler) showResetDone(w http.ResponseWriter, r *http.Request, f resetFields, acc *Account, before *Remains) error {
	remains, err := h.Accounts.Remaining(r.Context(), acc.Login)
	if err != nil { // the password is changed all the same
		h.Log.WarnContext(r.Context(), "what remains of an account cannot be shown", "error", err)
	}
	p := page{Title: words.T("Your password is changed"), Request: f.request, own: acc.Locale, CodesLeft: remains.Codes, Unlinked: slices.ContainsFunc(before.Links, func(l federation.Link) bool { return l.Own(&acc.User) })}
	for i := range remains.Factors {
		p.Factors = append(p.Factors, rowOf(&remains.Factors[i]))
	}
	for i := range remains.Links {
		p.Links = append(p.Links, h.linkRowOf(r, &remains.Links[i]))
	}
	return h.render(w, r, http.StatusOK, "reset_done.html", p)
}

// linkRow is an account at an outside provider as a page shows it.
type linkRow struct{ Provider, Email, Made string }

func (h *Handler) linkRowOf(r *http.Request, l *federation.Link) linkRow {
	row := linkRow{l.ProviderID, l.Email, l.CreatedAt.UTC().Format(minuteForm)}
	if p, err := h.Links.Store.Provider(r.Context(), l.ProviderID); err == nil {
		row.Provider = p.Name
	}
	return row
}

// weakRefused puts on record that a new password was not taken.
func (h *Handler) weakRefused(w http.ResponseWriter, r *http.Request, acc *Account) {
	h.refuse(w, r, "", tandem.Facts{Rule: tandem.RuleUserWeak, UserType: acc.Type, UserVersion: acc.Version}, string(oauth.InvalidRequest), "a new password of "+acc.Login+" was not taken")
}

// waits is the page for who has to wait.
func (h *Handler) waits(w http.ResponseWriter, wait time.Duration) error {
	return &problem{status: http.StatusTooManyRequests, code: string(oauth.SlowDown), rule: tandem.RuleThrottle, text: retryAfter(w, wait)}
}
