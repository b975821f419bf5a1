package signin

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/words"
)

// pathFactors is the page of a person's second factors.
const pathFactors = "/profile/security/second-factor"

// factorsPage shows a person's second factors.
func (h *Handler) factorsPage(w http.ResponseWriter, r *http.Request) error {
	who, err := h.current(r)
	if err != nil {
		return err
	}
	if who == nil {
		return h.SignIn(w, r, r.URL.RequestURI(), false)
	}
	if r.URL.Query().Get("add") != "" {
		switch ok, err := h.recently(r, who); {
		case err != nil:
			return err
		case !ok:
			return h.SignIn(w, r, pathFactors+"?add=1", true)
		}
		return h.showNewFactor(w, r, http.StatusOK, who, "", words.Text{})
	}
	if text := r.URL.Query().Get("held"); text != "" {
		return h.resumeForm(w, r, who, text)
	}
	return h.showFactors(w, r, http.StatusOK, who, words.Text{})
}

// heldFactors is a form of the page that waits for its person to prove who they are.
type heldFactors struct {
	Do string `json:"do"`
	ID string `json:"id,omitempty"`
	At int64  `json:"at"`
}

// heldLifetime is how long such a form waits.
const heldLifetime = 30 * time.Minute

// heldForm is where to go on with a form when its person has proved who they are. A new
// factor is begun anew: what its page asked for is too old by then.
func (h *Handler) heldForm(who *signedIn, form url.Values) string {
	if form.Get("do") == "add" {
		return pathFactors + "?add=1"
	}
	text, err := h.sealed(heldFactors{form.Get("do"), tandem.Clip(form.Get("id"), shown), h.Clock.Now().Unix()}, placeHeld+who.ID)
	if err != nil {
		return pathFactors
	}
	return pathFactors + "?held=" + text
}

// resumeForm shows a form that has waited. Nothing happens before its person says so.
func (h *Handler) resumeForm(w http.ResponseWriter, r *http.Request, who *signedIn, text string) error {
	var held heldFactors
	if !h.opened(text, placeHeld+who.ID, &held) || !h.fresh(held.At, heldLifetime) {
		return h.showFactors(w, r, http.StatusBadRequest, who, words.T("This page was open for too long. Please try again."))
	}
	csrf, err := h.csrf(w, r)
	if err != nil {
		return err
	}
	factors, _, err := h.Factors.of(r.Context(), who.UserID)
	if err != nil {
		return err
	}
	p := page{Title: words.T("Go on?"), own: who.Account.Locale, CSRF: csrf, Held: held.Do}
	for i := range factors {
		if factors[i].ID == held.ID {
			p.Factors = append(p.Factors, rowOf(&factors[i]))
		}
	}
	if held.Do == "remove" && len(p.Factors) == 0 {
		return h.showFactors(w, r, http.StatusBadRequest, who, goneFactor)
	}
	return h.render(w, r, http.StatusOK, "go_on.html", p)
}

// recently reports whether the person has just proved who they are, and by their second
// factor where they have one.
func (h *Handler) recently(r *http.Request, who *signedIn) (bool, error) {
	has, err := h.Factors.has(r.Context(), who.UserID)
	return site.Sensitive.Met(who.AuthTime, h.Clock.Now()) && (!has || who.Authentication.ACR() == token.TwoFactorContext), err
}

// factorRow is a second factor as its page shows it.
type factorRow struct {
	ID, Name         string
	Kind             words.Text
	Made, Used, From string
}

func (h *Handler) showFactors(w http.ResponseWriter, r *http.Request, status int, who *signedIn, problem words.Text) error {
	csrf, err := h.csrf(w, r)
	if err != nil {
		return err
	}
	factors, left, err := h.Factors.of(r.Context(), who.UserID)
	if err != nil {
		return err
	}
	p := page{Title: words.T("Second factor"), own: who.Account.Locale, Problem: problem, Login: who.Account.Login, Name: who.Account.Name, CSRF: csrf, CodesLeft: left, Demanded: who.Account.SecondFactorRequired}
	for i := range factors {
		p.Factors = append(p.Factors, rowOf(&factors[i]))
	}
	if len(factors) > 0 {
		if p.RecoveryUsed, err = h.recoveryUsed(r, who.UserID); err != nil {
			return err
		}
	}
	return h.render(w, r, status, "factors.html", p)
}

const minuteForm = "2 Jan 2006 15:04 UTC"

func rowOf(f *Factor) factorRow {
	row := factorRow{ID: f.ID, Name: f.Name, Kind: words.T("Authenticator app"), Made: f.CreatedAt.UTC().Format(minuteForm), From: f.UsedFrom}
	if f.Kind == FactorPasskey {
		row.Kind = words.T("Passkey")
	}
	if !f.UsedAt.IsZero() {
		row.Used = f.UsedAt.UTC().Format(minuteForm)
	}
	return row
}

// recoveryUsed is when a recovery code was used last; empty for never.
func (h *Handler) recoveryUsed(r *http.Request, userID string) (string, error) {
	all, err := h.Factors.Store.FactorsOf(r.Context(), userID)
	var last time.Time
	for i := range all {
		if all[i].Kind == FactorRecovery && all[i].UsedAt.After(last) {
			last = all[i].UsedAt
		}
	}
	if last.IsZero() {
		return "", err
	}
	return last.UTC().Format(minuteForm), err
}

func (h *Handler) showNewFactor(w http.ResponseWriter, r *http.Request, status int, who *signedIn, app string, problem words.Text) error {
	csrf, err := h.csrf(w, r)
	if err != nil {
		return err
	}
	e, err := h.enrol(w, r, &who.Account, app)
	if err != nil {
		return err
	}
	return h.render(w, r, status, "enrolment.html", page{
		Title: words.T("Add a second factor"), own: who.Account.Locale, Problem: problem, Login: who.Account.Login, Name: who.Account.Name, CSRF: csrf, Enrol: e,
	})
}

// changeFactors takes a form of the page.
func (h *Handler) changeFactors(w http.ResponseWriter, r *http.Request) error {
	form, err := h.ownForm(w, r)
	if err != nil {
		return err
	}
	if err := once(form); err != nil {
		return err
	}
	who, err := h.current(r)
	if err != nil {
		return err
	}
	if who == nil {
		return h.SignIn(w, r, pathFactors, false)
	}
	if !h.csrfValid(r, form.Get("csrf")) {
		return h.showFactors(w, r, http.StatusBadRequest, who, words.T("This page was open for too long. Please try again."))
	}
	recent, err := h.recently(r, who)
	if err != nil {
		return err
	}
	if !recent {
		h.refuse(w, r, "", tandem.Facts{Rule: tandem.RuleStepUp, UserType: who.Account.Type}, "step_up", who.Account.Login+" has to sign in anew before their second factors are changed")
		return h.SignIn(w, r, h.heldForm(who, form), true)
	}
	return h.factorDeed(w, r, who, form)
}

// factorDeed does what a form asks for.
func (h *Handler) factorDeed(w http.ResponseWriter, r *http.Request, who *signedIn, form url.Values) error {
	ctx, acc := r.Context(), &who.Account
	switch form.Get("do") {
	case "add":
		_, codes, err := h.makeFactor(r, acc, form)
		if problem, ok := enrolmentProblem(err, form); ok {
			return h.showNewFactor(w, r, http.StatusBadRequest, who, form.Get("app"), problem)
		}
		if err != nil {
			return err
		}
		if codes == nil {
			return goOn(w, r, pathFactors)
		}
		return h.showCodes(w, r, who, codes)
	case "remove":
		switch only, err := h.onlyPasskey(ctx, acc, form.Get("id")); {
		case err != nil:
			return err
		case only:
			return h.showFactors(w, r, http.StatusConflict, who, words.T("This is your only way to sign in: ask an administrator for a password before you remove it."))
		}
		one, last, err := h.Factors.remove(ctx, acc, form.Get("id"))
		if problem, ok := enrolmentProblem(err, form); ok {
			return h.showFactors(w, r, http.StatusBadRequest, who, problem)
		}
		if err == nil { // to the end: there is nothing to remove a second time
			ctx, cancel := toTheEnd(ctx)
			defer cancel()
			by := tandem.By{Login: acc.Login, Via: tandem.ViaProfile, From: netaddr.Host(r.RemoteAddr)}
			err = errors.Join(h.factorChanged(r.WithContext(ctx), acc, "removed a second factor of user ", one, FactorRemoved),
				h.Accounts.endFactor(ctx, by, &acc.User, one.Kind, last, who.ID))
		}
		if err != nil {
			return err
		}
		return goOn(w, r, pathFactors)
	case "codes":
		switch has, err := h.Factors.has(ctx, acc.ID); {
		case err != nil:
			return err
		case !has:
			return h.showFactors(w, r, http.StatusBadRequest, who, words.T("Recovery codes come with a second factor: add one first."))
		}
		codes, err := h.Factors.newCodes(ctx, acc.ID)
		if err == nil {
			err = h.factorChanged(r, acc, "made new recovery codes of user ", Factor{}, RecoveryMade)
		}
		if err != nil {
			return err
		}
		return h.showCodes(w, r, who, codes)
	}
	return badRequest(tandem.RuleForm, words.T("The form does not say what to do."), words.Text{})
}

// showCodes shows recovery codes, the only time.
func (h *Handler) showCodes(w http.ResponseWriter, r *http.Request, who *signedIn, codes []string) error {
	return h.render(w, r, http.StatusOK, "recovery_codes.html", page{Title: words.T("Your recovery codes"), own: who.Account.Locale, Recovery: codes})
}
