package profile

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/site/words"
)

// Accounts changes what a person may change of their own account.
type Accounts interface {
	// SetLocale changes the language that pages and applications speak to the person.
	SetLocale(ctx context.Context, by tandem.By, login, locale string) error
}

type overview struct {
	User      *tandem.User
	Languages []words.Name
	Language  string
	Kind      words.Text
	Unusual   []event
	// Tokens are the personal access tokens that "that was not me" ends.
	Tokens int
	// PictureVersion makes the browser ask anew after a change.
	PictureVersion int64
}

// overview is the first page: who one is here.
func (s *Site) overview(v *visit) error {
	u := &v.who.User
	d := overview{User: u, Languages: words.Names(), Language: words.Choose("", u.Locale, "").Tag(), Kind: kindWords(u)}
	if u.Locale == "" {
		d.Language = ""
	}
	d.PictureVersion = v.now().Unix() / 60
	var err error
	if d.Unusual, err = s.unusual(v); err != nil {
		return err
	}
	if len(d.Unusual) > 0 {
		if d.Tokens, err = s.Tokens.Live(v.r.Context(), u.ID); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, "overview", words.T("Your profile"), d)
}

// kindWords say what kind of account it is.
func kindWords(u *tandem.User) words.Text {
	switch {
	case u.Admin:
		return words.T("administrator")
	case u.Type == tandem.InternalUser:
		return words.T("internal user")
	}
	return words.T("external user")
}

// setLanguage changes the language, to one that pages have or to the browser's.
func (s *Site) setLanguage(v *visit) error {
	tag := v.form.Get("language")
	if tag != "" && !slices.Contains(words.Tags(), tag) {
		return &problem{http.StatusBadRequest, words.T("Choose one of the languages."), ""}
	}
	if err := s.Accounts.SetLocale(v.r.Context(), v.by(), v.who.Login, tag); err != nil {
		return err
	}
	return v.done(PathHome, words.T("Your language was changed."))
}

// unusualFor is how long something unusual is shown.
const unusualFor = 14 * 24 * time.Hour
