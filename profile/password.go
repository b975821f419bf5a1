package profile

import (
	"context"
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/words"
)

// Passwords changes people's own passwords. Attempts with a wrong old one are counted as
// those at the sign-in are.
type Passwords interface {
	// SetAt is when the person's password was set; zero for who has none.
	SetAt(ctx context.Context, userID string) (time.Time, error)
	// Change sets another and ends all other sign-ins, and with everywhere the one of the
	// request, too. The problem is for the person; strength says how hard the new password
	// is to guess.
	Change(w http.ResponseWriter, r *http.Request, old, password string, everywhere bool) (strength, problem words.Text, err error)
}

// passwordPage is what the page shows.
type passwordPage struct {
	SetAt time.Time
	// Chosen says that somebody else has set it.
	Chosen bool
	// Days is its age.
	Days int
	// Tokens are the personal access tokens that another password leaves alone.
	Tokens int
}

// password shows how old the person's password is, and lets them change it.
func (s *Site) password(v *visit) error { return v.showPassword(http.StatusOK, words.Text{}) }

func (v *visit) showPassword(status int, problem words.Text) error {
	at, err := v.s.Passwords.SetAt(v.r.Context(), v.who.ID)
	if err != nil {
		return err
	}
	tokens, err := v.s.Tokens.Live(v.r.Context(), v.who.ID)
	if err != nil {
		return err
	}
	d := passwordPage{SetAt: at, Tokens: tokens, Chosen: v.who.PasswordOrigin != "" && v.who.PasswordOrigin != tandem.PasswordOwn, Days: int(v.now().Sub(at) / (24 * time.Hour))}
	return v.render(status, "password", &site.Page{Title: words.T("Password"), Problem: problem, D: d})
}

// changePassword takes the form. It wants no newer sign-in: the old password is asked for.
func (s *Site) changePassword(v *visit) error {
	old, password := v.form.Get("old"), v.form.Get("password")
	switch {
	case old == "" || password == "":
		return v.showPassword(http.StatusBadRequest, words.T("Type the old password, and the new one twice."))
	case password != v.form.Get("again"):
		return v.showPassword(http.StatusBadRequest, words.T("The two passwords are not the same."))
	}
	everywhere := v.form.Get("keep") == ""
	strength, problem, err := s.Passwords.Change(v.w, v.r, old, password, everywhere)
	if err != nil {
		return err
	}
	if !problem.Empty() {
		status := http.StatusBadRequest
		if v.w.Header().Get("Retry-After") != "" {
			status = http.StatusTooManyRequests
		}
		return v.showPassword(status, problem)
	}
	return v.done(pathPassword, words.T("Your password is changed, and your other devices are signed out. Its strength: %s.", strength))
}

// mountPassword adds the page of the password.
func (s *Site) mountPassword(mux *http.ServeMux) {
	mux.Handle("GET "+pathPassword, s.page(everybody, s.password))
	mux.Handle("POST "+pathPassword, s.deed(everybody, site.View, s.changePassword))
}
