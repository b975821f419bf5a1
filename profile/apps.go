package profile

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/words"
)

// Grant is an application that may do something in a person's name.
type Grant struct {
	ApplicationURI, Name string
	// Asked says that the person was asked and allowed it. Else it is of the first party.
	Asked bool
	// May says what, each word to continue "It may then".
	May []words.Text
	// DevicesURI is its page of the devices that keep data for it; empty for none.
	DevicesURI string
	// Since is when it was first allowed, LastUsed when the application was last given
	// something by it.
	Since, LastUsed time.Time
}

// Grants are what people allow applications.
type Grants interface {
	// OfUser are those of a person, the last used first.
	OfUser(ctx context.Context, u *tandem.User) ([]Grant, error)
	// Withdraw ends all that an application has of a person; [tandem.ErrNotFound] where it
	// has nothing.
	Withdraw(ctx context.Context, by tandem.By, u *tandem.User, applicationURI string) error
}

type appsPage struct{ Grants []Grant }

// mountApps adds the page of applications.
func (s *Site) mountApps(mux *http.ServeMux) {
	mux.Handle("GET "+pathApps, s.page(everybody, s.apps))
	mux.Handle("POST "+pathApps+"/withdraw", s.deed(everybody, site.Change, s.withdraw))
}

// apps shows which applications may do what in the person's name.
func (s *Site) apps(v *visit) error {
	all, err := s.Grants.OfUser(v.r.Context(), &v.who.User)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "apps", words.T("Applications"), appsPage{all})
}

// withdraw takes back what the person has allowed an application.
func (s *Site) withdraw(v *visit) error {
	err := s.Grants.Withdraw(v.r.Context(), v.by(), &v.who.User, v.form.Get("application"))
	if errors.Is(err, tandem.ErrNotFound) {
		return v.done(pathApps, words.T("The application had nothing of yours any more."))
	}
	if err != nil {
		return err
	}
	return v.done(pathApps, words.T("Withdrawn. The application can do nothing in your name any more; it asks you again when you next sign in to it."))
}
