package signin

import (
	"context"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/hybridapps/tandem"
)

// Account is a user with what only the sign-in needs to know of them.
type Account struct {
	tandem.User
	// PasswordHash is an argon2id PHC string; empty means that the account has
	// no password and so cannot sign in with one.
	PasswordHash string
	// PasswordChangedAt is zero while there has never been a password.
	PasswordChangedAt time.Time
	// MustChangePassword lets the person sign in by the password only to set another.
	MustChangePassword bool
}

// canSignIn reports whether the account may sign in at all: it is enabled and
// of a type that signs in. System Users never do, with or without a password.
func (a *Account) canSignIn() bool { return a.Enabled && a.Type.CanSignIn() }

// Users keeps accounts. Reads of an account that does not exist return
// [tandem.ErrNotFound].
type Users interface {
	// Create fails with [tandem.CodeConflict] when the login, without its case, is
	// that of another user or of an application (invariant I7), or the e-mail address
	// by another user; also when two run at the same moment.
	Create(ctx context.Context, a Account) error
	ByID(ctx context.Context, id string) (Account, error)
	// ByLogin compares by [LoginKey].
	ByLogin(ctx context.Context, login string) (Account, error)
	// ByEmail finds the one user with the e-mail address, without regard to the case of
	// Latin letters.
	ByEmail(ctx context.Context, email string) (Account, error)
	// Page is at most limit users that the filter chooses, by login without its
	// case, after the one with the login; an empty one is before all.
	Page(ctx context.Context, f Filter, after string, limit int) ([]tandem.User, error)
	// Update runs change in a transaction that no other change of the account
	// can enter, counts the version and returns what it stored. The id and the
	// login never change.
	Update(ctx context.Context, id string, change func(old Account) (Account, error)) (Account, error)
	// Delete switches an account off for good, forgets what it says about the
	// person, and gives the login back. Of all of these methods only ByID finds it
	// then: what refers to it still does.
	Delete(ctx context.Context, id string, at time.Time) error
}

// Filter chooses users. What is empty chooses all.
type Filter struct {
	// Text is part of the login, the name or the e-mail address, without regard to
	// the case of Latin letters.
	Text string
	Type tandem.UserType
	// Admin chooses administrators, Disabled those that are switched off.
	Admin, Disabled bool
}

// Bounds of an account's fields, in bytes.
const (
	MaxLogin = 64
	MaxName  = 254
	MaxEmail = 254
)

// loginSyntax admits nothing beyond ASCII, so that no login merely looks like
// another.
var loginSyntax = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$`)

// LoginKey is what logins are compared by: they keep their case for people to
// read, and no two differ by it alone.
func LoginKey(login string) string { return strings.ToLower(login) }

func validateLogin(login string) error {
	if !loginSyntax.MatchString(login) {
		return invalid("login %q: use 1 to %d letters, digits and . _ @ + - and begin with a letter or digit",
			tandem.Clip(login, shown), MaxLogin)
	}
	return nil
}

// validateUser checks everything about the user but the login.
func validateUser(u *tandem.User) error {
	switch u.Type {
	case tandem.InternalUser, tandem.ExternalCommunityUser, tandem.SystemUserNoLogin:
	default:
		return invalid("user type %q: use %s, %s or %s", tandem.Clip(string(u.Type), shown),
			tandem.InternalUser, tandem.ExternalCommunityUser, tandem.SystemUserNoLogin)
	}
	if u.Admin && u.Type != tandem.InternalUser {
		return invalid("%s cannot be an administrator: only a user of type %s can", u.Login, tandem.InternalUser)
	}
	if u.SecondFactorRequired && !u.Type.CanSignIn() {
		return invalid("%s is a %s, which never signs in: no second factor can be demanded of it", u.Login, u.Type)
	}
	if len(u.Name) > MaxName || tandem.HasControl(u.Name) {
		return invalid("name: use at most %d bytes of printable text", MaxName)
	}
	if u.Email != "" {
		a, err := mail.ParseAddress(u.Email)
		if err != nil || a.Address != u.Email || len(u.Email) > MaxEmail {
			return invalid("e-mail address %q: write it like anna@example.com, at most %d bytes", tandem.Clip(u.Email, shown), MaxEmail)
		}
	}
	if u.Locale != "" {
		if _, err := language.Parse(u.Locale); err != nil {
			return invalid("locale %q: use a language tag such as en or bg-BG", tandem.Clip(u.Locale, shown))
		}
	}
	return validateZone(u.Zoneinfo)
}

// validateZone takes the names that the zone database has, and none that means
// this machine's.
func validateZone(name string) error {
	if name == "" {
		return nil
	}
	if _, err := time.LoadLocation(name); err != nil || name == "Local" || len(name) > MaxName {
		return invalid("time zone %q: use a name such as Europe/Sofia or UTC", tandem.Clip(name, shown))
	}
	return nil
}
