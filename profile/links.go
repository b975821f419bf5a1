package profile

import (
	"context"
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/words"
)

// Link is an account elsewhere with which a person signs in here.
type Link struct {
	// Provider is the outside provider's name, ProviderID its id, Subject who the person is
	// there, and Email the address that it told, if any.
	Provider, ProviderID, Subject, Email string
	// ByEmail says that it was found by a verified address.
	ByEmail         bool
	Since, LastUsed time.Time
}

// Outside is an outside provider that a person can be linked to. Start is where that
// begins; empty while they have not just proved who they are.
type Outside struct{ Name, Start string }

// Links are people's own links to outside providers.
type Links interface {
	OfUser(ctx context.Context, u *tandem.User) ([]Link, error)
	// Offered are the providers that admit the person of the request.
	Offered(w http.ResponseWriter, r *http.Request, u *tandem.User) ([]Outside, error)
	// End ends a link, with all sign-ins by that provider but the one that asks;
	// [tandem.ErrNotFound] for one that there is not.
	End(ctx context.Context, by tandem.By, who *site.Person, providerID, subject string) error
	// Only reports whether the person could not sign in any more without the link: by no
	// password, passkey or other link that is of use now.
	Only(ctx context.Context, u *tandem.User, providerID, subject string) (bool, error)
}

type linksPage struct {
	Links   []Link
	Offered []Outside
	// Proved says that the person has just proved who they are.
	Proved bool
}

// mountLinks adds the page of links.
func (s *Site) mountLinks(mux *http.ServeMux) {
	mux.Handle("GET "+pathLinks, s.page(everybody, s.links))
	mux.Handle("POST "+pathLinks+"/prove", s.deed(everybody, site.View, s.proveForLinks))
	mux.Handle("POST "+pathLinks+"/end", s.deed(everybody, site.Sensitive, s.endLink))
}

// links shows with which accounts elsewhere the person signs in. Whoever has one of those
// signs in as them, so that a new one wants a proof of the moment.
func (s *Site) links(v *visit) error { return v.showLinks(http.StatusOK, words.Text{}) }

func (v *visit) showLinks(status int, problem words.Text) error {
	all, err := v.s.Links.OfUser(v.r.Context(), &v.who.User)
	if err != nil {
		return err
	}
	offered, err := v.s.Links.Offered(v.w, v.r, &v.who.User)
	if err != nil {
		return err
	}
	d := linksPage{all, offered, len(offered) > 0 && offered[0].Start != ""}
	return v.render(status, "links", &site.Page{Title: words.T("Ways to sign in"), Problem: problem, D: d})
}

// proveForLinks has the person prove who they are, and leads back to the page, which has the
// ways to begin then. They are links and no forms, because they lead to other sites.
func (s *Site) proveForLinks(v *visit) error { return s.People.SignIn(v.w, v.r, pathLinks, true) }

// endLink ends a link, unless the person could not sign in any more.
func (s *Site) endLink(v *visit) error {
	ctx, u := v.r.Context(), &v.who.User
	provider, subject := v.form.Get("provider"), v.form.Get("subject")
	only, err := s.Links.Only(ctx, u, provider, subject)
	if err != nil {
		return err
	}
	if only {
		return v.showLinks(http.StatusConflict, words.T("This is your only way to sign in: ask an administrator for a password before you end it."))
	}
	if err := s.Links.End(ctx, v.by(), v.who, provider, subject); err != nil {
		return err
	}
	return v.done(pathLinks, words.T("Ended. Other devices that were signed in with it are signed out."))
}
