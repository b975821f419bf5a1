package signin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/words"
)

func asError(err error) (*tandem.Error, bool) {
	var known *tandem.Error
	ok := errors.As(err, &known) && known.Rule != ""
	return known, ok
}

// enterOutside finds whose account it is, and goes on with the sign-in.
func (h *Handler) enterOutside(w http.ResponseWriter, r *http.Request, p *federation.Provider, who federation.Person, request string) error {
	acc, link, err := h.outsideAccount(r, p, who)
	if err != nil {
		return h.outsideRefused(r, p, &acc, request, err)
	}
	// The account was read before: from here on the end of the link changes it.
	if err := h.Links.Store.LinkUsed(r.Context(), link, h.Clock.Now()); err != nil {
		if errors.Is(err, tandem.ErrNotFound) {
			err = h.outsideRefused(r, p, &acc, request, notThis(tandem.RuleOutsideAccount, "the link to the subject %q of the outside provider %s has just been ended", who.Subject, p.ID))
		}
		return err
	}
	f := signInFields{request: request}
	if request != "" {
		if f.req, err = h.openRequest(r, request); err != nil {
			return err
		}
	}
	pending := h.begun(f, &acc, outsideAuthentication(p, who))
	pending.AuthTime = provedOutside(who.AuthTime, h.Clock.Now()).Unix()
	return h.proceedSignIn(w, r, pending)
}

// provedOutside is when the person proved to a provider who they are. One that does not say,
// or says a time of the future, may have asked nobody anything: that is too long ago for
// what wants somebody to have just signed in.
func provedOutside(said, now time.Time) time.Time {
	switch {
	case said.IsZero() || said.After(now.Add(clocksDiffer)):
		return now.Add(-time.Duration(site.Sensitive) - clocksDiffer)
	case said.After(now):
		return now
	}
	return said
}

// outsideAuthentication is what the tokens tell. The word of the provider for two factors
// counts where its administrator here says that it does.
func outsideAuthentication(p *federation.Provider, who federation.Person) token.Authentication {
	how := token.Authentication{Methods: []string{token.MethodFederated}, Context: token.PasswordContext, Provider: p.ID, Tenant: who.Tenant}
	if p.TrustMFA && slices.Contains(who.Methods, token.MethodMulti) {
		how = how.And()
	}
	return how
}

// outsideAccount is the account that the person is linked to, or, where the provider is
// trusted for that, the one with the e-mail address that it has verified; that is a link
// from then on. The error of a refusal comes with the account, where there is one.
func (h *Handler) outsideAccount(r *http.Request, p *federation.Provider, who federation.Person) (Account, federation.Link, error) {
	ctx := r.Context()
	if !p.AdmitsTenant(who.Tenant) {
		return Account{}, federation.Link{}, notThis(tandem.RuleOutsideTenant, "the subject %q of the outside provider %s is of the tenant %q, which is not admitted",
			who.Subject, p.ID, who.Tenant)
	}
	link, err := h.Links.Store.LinkOf(ctx, p.ID, p.Issuer, who.Subject)
	found := err == nil
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return Account{}, link, err
	}
	acc, err := h.linkedOrMailed(ctx, p, &who, link, found)
	if err != nil {
		return acc, link, err
	}
	switch byMail := !found || link.CreatedBy == federation.LinkedByEmail; {
	case !acc.Enabled:
		return acc, link, notThis(tandem.RuleUserDisabled, "the user is disabled; came from the outside provider %s", p.ID)
	case !acc.Type.CanSignIn() || !p.Admits(acc.Type):
		return acc, link, notThis(tandem.RuleUserType, "the outside provider %s signs in no users of type %s", p.ID, acc.Type)
	case acc.Admin && byMail:
		return acc, link, notThis(tandem.RuleOutsideAdmin, "an administrator has to be linked to the subject %q of the outside provider %s", who.Subject, p.ID)
	case found:
		return acc, link, nil
	}
	by := tandem.By{Login: federation.LinkedByEmail, Via: tandem.ViaPlatform, From: netaddr.Host(r.RemoteAddr)}
	link, err = h.Links.LinkUser(ctx, by, &acc.User, p, who.Subject, who.Email)
	return acc, link, err
}

func (h *Handler) linkedOrMailed(ctx context.Context, p *federation.Provider, who *federation.Person, link federation.Link, found bool) (Account, error) {
	if found {
		return h.Users.ByID(ctx, link.UserID)
	}
	if who.AskEmail != nil {
		var err error
		if who.Email, err = who.AskEmail(ctx); err != nil {
			return Account{}, err
		}
	}
	none := notThis(tandem.RuleOutsideAccount, "the subject %q of the outside provider %s is linked to no account", who.Subject, p.ID)
	if who.Email == "" || !p.Vouches(who.Email) {
		return Account{}, none
	}
	acc, err := h.Users.ByEmail(ctx, who.Email)
	if errors.Is(err, tandem.ErrNotFound) || err == nil && (acc.Email != who.Email || !acc.EmailVerified) {
		return Account{}, none
	}
	if err != nil {
		return Account{}, err
	}
	ended, err := h.Links.Store.LinkEnded(ctx, acc.ID, p.ID, who.Subject)
	if err == nil && ended { // an address undoes nothing that was done on purpose
		return Account{}, none
	}
	return acc, err
}

func notThis(rule tandem.Rule, format string, args ...any) error {
	return tandem.Errorf(tandem.CodeForbidden, format, args...).By(rule)
}

// outsideRefused is [Handler.outsideFailed] for somebody whose account may be known, and
// then on record.
func (h *Handler) outsideRefused(r *http.Request, p *federation.Provider, acc *Account, request string, err error) error {
	err = h.outsideFailed(r, p, request, err)
	var shown *problem
	if errors.As(err, &shown) && acc.Login != "" {
		shown.of = acc
	}
	return err
}

// placeLink is for the sealed links of the profile site that begin to link somebody.
const placeLink = "link to an outside provider|" // and the form cookie

// linkLifetime is how long a page may be open before its links are used.
const linkLifetime = 10 * time.Minute

// outsideLink says whose sign-in it was when a page was made, and to whom it leads.
type outsideLink struct {
	SignInID string `json:"s"`
	Provider string `json:"p"`
	At       int64  `json:"at"`
}

// LinkOutside is the address at which the person who is signed in links themselves to a
// subject of the provider; empty for who has not just proved who they are, by their second
// factor where they have one. It is good for this browser and this sign-in, for ten minutes.
func (h *Handler) LinkOutside(w http.ResponseWriter, r *http.Request, providerID string) (string, error) {
	who, err := h.current(r)
	if err != nil || who == nil {
		return "", err
	}
	if recent, err := h.recently(r, who); err != nil || !recent {
		return "", err
	}
	text, err := h.sealed(outsideLink{who.ID, providerID, h.Clock.Now().Unix()}, placeLink+h.formCookie(w, r))
	return onward(r, pathOutside+"?provider="+providerID+"&link="+text), err
}

// beginLink takes such an address: nobody else can make one, and no other site (attack C22).
func (h *Handler) beginLink(w http.ResponseWriter, r *http.Request, p *federation.Provider, text string, flow *outsideFlow) error {
	var l outsideLink
	who, err := h.current(r)
	if err != nil {
		return err
	}
	value := h.cookieValue(r, formCookie)
	if value == "" || !h.opened(text, placeLink+value, &l) || !h.fresh(l.At, linkLifetime) || l.Provider != p.ID || who == nil || who.ID != l.SignInID {
		return errOutsideState()
	}
	if recent, err := h.recently(r, who); err != nil || !recent {
		return errors.Join(err, h.proveForLink(w, r, who))
	}
	flow.Link = who.ID
	return h.beginOutside(w, r, p, flow, "", &authorizationRequest{})
}

// proveForLink has a person prove anew who they are: their page was open until their proof
// was too old, or they were away at the provider for so long.
func (h *Handler) proveForLink(w http.ResponseWriter, r *http.Request, who *signedIn) error {
	h.refuse(w, r, "", tandem.Facts{Rule: tandem.RuleStepUp, UserType: who.Account.Type}, "step_up", who.Account.Login+" has to sign in anew before they are linked to an outside provider")
	return h.SignIn(w, r, pathLinks, true)
}

// linkOutside links the person who is signed in to the subject that they proved to be.
func (h *Handler) linkOutside(w http.ResponseWriter, r *http.Request, p *federation.Provider, flow *outsideFlow, who federation.Person) error {
	me, err := h.current(r)
	if err != nil {
		return err
	}
	if me == nil || me.ID != flow.Link {
		return errOutsideState()
	}
	if recent, err := h.recently(r, me); err != nil || !recent {
		return errors.Join(err, h.proveForLink(w, r, me))
	}
	if !p.AdmitsTenant(who.Tenant) {
		return h.outsideRefused(r, p, &me.Account, "", notThis(tandem.RuleOutsideTenant, "the tenant %q of the outside provider %s is not admitted", who.Tenant, p.ID))
	}
	by := tandem.By{Login: me.Account.Login, Via: tandem.ViaProfile, From: netaddr.Host(r.RemoteAddr)}
	if _, err := h.Links.LinkUser(r.Context(), by, &me.Account.User, p, who.Subject, who.Email); err != nil {
		if code := tandem.ErrorCode(err); code == tandem.CodeConflict || code == tandem.CodeInvalid {
			return &problem{status: code.Status(), code: string(oauth.InvalidRequest), rule: tandem.RuleOutsideAccount, detail: err.Error(),
				text: words.T("You could not be linked: somebody is linked to this already, or it signs in no accounts like yours."), again: pathLinks}
		}
		return err
	}
	return goOn(w, r, pathLinks)
}

// pathLinks is the page of the profile site with the links.
const pathLinks = "/profile/security/links"
