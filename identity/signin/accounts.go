package signin

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/paging"
)

// Accounts administers users: what the commands and the Instance Manager do.
// Errors that are a [tandem.Error] are for the person who asked.
type Accounts struct {
	Users     Users
	Passwords *Passwords
	Ending    *Ending
	Audit     tandem.Auditor
	// Actor is recorded as who did it, such as "command line".
	Actor string
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// NewUser is what a user is created from.
type NewUser struct {
	Login  string
	Type   tandem.UserType
	Name   string // defaults to the login
	Email  string // the administrator vouches for it: it counts as verified
	Locale string // a BCP 47 tag
	// Zoneinfo is an IANA name of a time zone.
	Zoneinfo string
	Admin    bool
	// Password may be empty: the account cannot sign in until it has one. A
	// System User never has one.
	Password string
}

// Create adds an enabled user. A login that another user or any application
// has is refused, also when both are made at the same moment (invariant I7).
func (a *Accounts) Create(ctx context.Context, n NewUser) (tandem.User, error) {
	now := a.Clock.Now()
	acc := Account{User: tandem.User{
		ID: uuid.NewString(), Login: n.Login, Name: strings.TrimSpace(n.Name), Email: n.Email, EmailVerified: n.Email != "",
		Locale: n.Locale, Zoneinfo: n.Zoneinfo, Type: n.Type, Admin: n.Admin, Enabled: true, CreatedAt: now, ChangedAt: now,
	}, Version: 1}
	if acc.Name == "" {
		acc.Name = acc.Login
	}
	if err := validateLogin(acc.Login); err != nil {
		return tandem.User{}, err
	}
	if err := validateUser(&acc.User); err != nil {
		return tandem.User{}, err
	}
	if n.Password != "" {
		if err := a.setPassword(ctx, &acc, n.Password); err != nil {
			return tandem.User{}, err
		}
	}
	if err := a.Users.Create(ctx, acc); err != nil {
		return tandem.User{}, err
	}
	return acc.User, a.record(ctx, "created user %s of type %s", acc.Login, acc.Type)
}

// setPassword puts a new password's hash into the account.
func (a *Accounts) setPassword(ctx context.Context, acc *Account, password string) error {
	if !acc.Type.CanSignIn() {
		return invalid("%s is a %s, which never signs in: it cannot have a password", acc.Login, acc.Type)
	}
	hash, err := a.Passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	acc.PasswordHash, acc.PasswordChangedAt = hash, a.Clock.Now()
	return nil
}

// List are the users that the filter chooses, by login.
func (a *Accounts) List(ctx context.Context, f Filter) iter.Seq2[tandem.User, error] {
	return paging.All(func(after *tandem.User, limit int) ([]tandem.User, error) {
		if after == nil {
			after = &tandem.User{}
		}
		return a.Users.Page(ctx, f, after.Login, limit)
	})
}

// Show returns one user.
func (a *Accounts) Show(ctx context.Context, login string) (tandem.User, error) {
	acc, err := a.Users.ByLogin(ctx, login)
	return acc.User, err
}

// Enable lets the user work again, within five seconds and everywhere.
func (a *Accounts) Enable(ctx context.Context, login string) (tandem.User, error) {
	return a.change(ctx, login, "enabled", func(acc *Account) error { acc.Enabled = true; return nil })
}

// Disable ends all of the user's sign-ins and refresh families at once; live
// access tokens are refused within five seconds, on every replica.
func (a *Accounts) Disable(ctx context.Context, login string) (tandem.User, error) {
	u, err := a.change(ctx, login, "disabled", func(acc *Account) error { acc.Enabled = false; return nil })
	if err != nil {
		return tandem.User{}, err
	}
	return u, a.Ending.User(ctx, &u, "user disabled")
}

// SetPassword gives the user a new password and ends all their sign-ins and
// refresh families: whoever knew the old one is out.
func (a *Accounts) SetPassword(ctx context.Context, login, password string) (tandem.User, error) {
	acc, err := a.Users.ByLogin(ctx, login)
	if err != nil {
		return tandem.User{}, err
	}
	// Hashed before the transaction: on SQLite it would hold up every writer.
	if err := a.setPassword(ctx, &acc, password); err != nil {
		return tandem.User{}, err
	}
	u, err := a.change(ctx, login, "set the password of", func(old *Account) error {
		old.PasswordHash, old.PasswordChangedAt = acc.PasswordHash, acc.PasswordChangedAt
		return nil
	})
	if err != nil {
		return tandem.User{}, err
	}
	return u, a.Ending.User(ctx, &u, "password changed")
}

// Update changes name, e-mail address, language, time zone, type or administrator right. A
// changed type or a lost right ends the user's sign-ins, so that no token says
// what is no longer true.
func (a *Accounts) Update(ctx context.Context, login string, change func(u *tandem.User)) (tandem.User, error) {
	var before tandem.User
	u, err := a.change(ctx, login, "updated", func(acc *Account) error {
		before = acc.User
		change(&acc.User)
		acc.ID, acc.Login, acc.Enabled = before.ID, before.Login, before.Enabled
		if !acc.Type.CanSignIn() {
			acc.PasswordHash = ""
		}
		return validateUser(&acc.User)
	})
	if err != nil {
		return tandem.User{}, err
	}
	if u.Type != before.Type || (before.Admin && !u.Admin) {
		return u, a.Ending.User(ctx, &u, "user type or rights changed")
	}
	return u, nil
}

// EndSignIns ends all sign-ins and refresh families of a user, who may sign in
// again at once.
func (a *Accounts) EndSignIns(ctx context.Context, login string) (tandem.User, error) {
	acc, err := a.Users.ByLogin(ctx, login)
	if err != nil {
		return tandem.User{}, err
	}
	if err := a.Ending.User(ctx, &acc.User, "ended by an administrator"); err != nil {
		return tandem.User{}, err
	}
	return acc.User, a.record(ctx, "ended the sign-ins of user %s", acc.Login)
}

// Delete ends what [Accounts.Disable] ends, and removes the account: its login is
// free, and nothing is known about the person any more but the id, which the
// record and the ERP keep.
func (a *Accounts) Delete(ctx context.Context, login string) error {
	u, err := a.Disable(ctx, login)
	if err != nil {
		return err
	}
	if err := a.Users.Delete(ctx, u.ID, a.Clock.Now()); err != nil {
		return err
	}
	return a.record(ctx, "deleted user %s (id %s)", u.Login, u.ID)
}

func (a *Accounts) change(ctx context.Context, login, verb string, f func(*Account) error) (tandem.User, error) {
	acc, err := a.Users.ByLogin(ctx, login)
	if err != nil {
		return tandem.User{}, err
	}
	acc, err = a.Users.Update(ctx, acc.ID, func(old Account) (Account, error) {
		err := f(&old)
		old.ChangedAt = a.Clock.Now()
		return old, err
	})
	if err != nil {
		return tandem.User{}, err
	}
	return acc.User, a.record(ctx, "%s user %s", verb, acc.Login)
}

func (a *Accounts) record(ctx context.Context, format string, args ...any) error {
	return a.Audit.Record(ctx, tandem.AuditEvent{
		At: a.Clock.Now(), Kind: tandem.AuditAdministration, Actor: a.Actor, Detail: fmt.Sprintf(format, args...),
	})
}
