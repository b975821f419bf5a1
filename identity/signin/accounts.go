package signin

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/internal/paging"
	"github.com/hybridapps/tandem/registry"
)

// Accounts administers users: what the commands and the Instance Manager do.
// Errors that are a [tandem.Error] are for the person who asked. Who does it is told
// with each change, for the record.
type Accounts struct {
	Users     Users
	Passwords *Passwords
	Ending    *Ending
	// Factors are people's second factors; nil knows none.
	Factors *Factors
	Resets  Resets
	// Tokens are people's personal access tokens; nil has none.
	Tokens *registry.ReferenceTokens
	// Links are their accounts at outside providers; nil has none.
	Links *federation.Admin
	// Notifier tells people by mail; nil tells nobody.
	Notifier Notifier
	Audit    tandem.Auditor
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
	// MustChangePassword makes the password good for one sign-in, in which the person
	// sets another.
	MustChangePassword bool
}

// Create adds an enabled user. A login that another user or any application
// has is refused, also when both are made at the same moment (invariant I7).
func (a *Accounts) Create(ctx context.Context, by tandem.By, n NewUser) (tandem.User, error) {
	now := a.Clock.Now()
	acc := Account{User: tandem.User{
		ID: uuid.NewString(), Login: n.Login, Name: strings.TrimSpace(n.Name), Email: n.Email, EmailVerified: n.Email != "",
		Locale: n.Locale, Zoneinfo: n.Zoneinfo, Type: n.Type, Admin: n.Admin, Enabled: true, CreatedAt: now, ChangedAt: now,
		CreatedBy: by.Login,
		Version:   1,
	}}
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
		if err := a.setPassword(ctx, by, &acc, n.Password); err != nil {
			return tandem.User{}, err
		}
		acc.MustChangePassword = n.MustChangePassword
	}
	if err := a.Users.Create(ctx, acc); err != nil {
		return tandem.User{}, err
	}
	return acc.User, a.record(ctx, by, fmt.Sprintf("created user %s of type %s", acc.Login, acc.Type), nil, &acc)
}

// setPassword puts a new password's hash into the account.
func (a *Accounts) setPassword(ctx context.Context, by tandem.By, acc *Account, password string) error {
	if !acc.Type.CanSignIn() {
		return invalid("%s is a %s, which never signs in: it cannot have a password", acc.Login, acc.Type)
	}
	hash, err := a.Passwords.Hash(ctx, &acc.User, password)
	if err != nil {
		return err
	}
	acc.PasswordHash, acc.PasswordChangedAt, acc.PasswordOrigin = hash, a.Clock.Now(), tandem.PasswordOf(by, acc.Login)
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
func (a *Accounts) Enable(ctx context.Context, by tandem.By, login string) (tandem.User, error) {
	return a.change(ctx, by, login, "enabled", func(acc *Account) error { acc.Enabled = true; return nil })
}

// Disable ends all of the user's sign-ins and refresh families at once; live
// access tokens are refused within five seconds, on every replica.
func (a *Accounts) Disable(ctx context.Context, by tandem.By, login string) (tandem.User, error) {
	return a.change(ctx, by, login, "disabled", func(acc *Account) error { acc.Enabled = false; return nil },
		func(ctx context.Context, u *tandem.User) error {
			return errors.Join(a.Resets.EndUser(ctx, u.ID), a.Ending.User(ctx, by, u, "user disabled"))
		})
}

// SetPassword gives the user a new password and ends all their sign-ins, refresh families,
// personal access tokens and the links to outside providers that they made themselves:
// whoever knew the old one comes in by none of it. Their second factors stay, of which a
// passkey signs in alone, and so do the links that others made: see [Accounts.Remaining].
func (a *Accounts) SetPassword(ctx context.Context, by tandem.By, login, password string) (tandem.User, error) {
	return a.setPasswordOf(ctx, by, login, password, false)
}

// SetPasswordOnce does what [Accounts.SetPassword] does, with a password that is good for
// one sign-in, in which the person sets another: what an administrator chose is then known
// to nobody else.
func (a *Accounts) SetPasswordOnce(ctx context.Context, by tandem.By, login, password string) (tandem.User, error) {
	return a.setPasswordOf(ctx, by, login, password, true)
}

func (a *Accounts) setPasswordOf(ctx context.Context, by tandem.By, login, password string, mustChange bool) (tandem.User, error) {
	acc, err := a.Users.ByLogin(ctx, login)
	if err != nil {
		return tandem.User{}, err
	}
	// Hashed before the transaction: on SQLite it would hold up every writer.
	if err := a.setPassword(ctx, by, &acc, password); err != nil {
		return tandem.User{}, err
	}
	return a.change(ctx, by, login, "set the password of", func(old *Account) error {
		old.PasswordHash, old.PasswordChangedAt, old.PasswordOrigin = acc.PasswordHash, acc.PasswordChangedAt, acc.PasswordOrigin
		old.MustChangePassword = mustChange
		return nil
	}, func(ctx context.Context, u *tandem.User) error {
		return errors.Join(a.Resets.EndUser(ctx, u.ID), a.Ending.User(ctx, by, u, "password changed"), a.endMade(ctx, by, u),
			a.notify(ctx, u, PasswordChanged))
	})
}

// endMade ends what somebody may have made in the place of a user, and what they could come
// in by without the password: personal access tokens, and links to accounts of their own.
func (a *Accounts) endMade(ctx context.Context, by tandem.By, u *tandem.User) error {
	err := a.endTokens(ctx, by, u)
	if a.Links != nil {
		err = errors.Join(err, a.Links.UnlinkOwn(ctx, by, u))
	}
	return err
}

// endTokens ends the personal access tokens of somebody in whose place another may have
// made some.
func (a *Accounts) endTokens(ctx context.Context, by tandem.By, u *tandem.User) error {
	if a.Tokens == nil {
		return nil
	}
	_, err := a.Tokens.RevokeOf(ctx, by, u.ID)
	return err
}

// Update changes name, e-mail address, language, time zone, type, administrator right, and
// whether a second factor is demanded. A changed type or right ends the user's sign-ins, so
// that no token says what is not true, and that nobody is an administrator by a sign-in that
// no administrator may come by; so does a second factor that is demanded from now on. A
// changed address ends the links for a new password.
func (a *Accounts) Update(ctx context.Context, by tandem.By, login string, change func(u *tandem.User)) (tandem.User, error) {
	var before tandem.User
	return a.change(ctx, by, login, "updated", func(acc *Account) error {
		before = acc.User
		change(&acc.User)
		acc.ID, acc.Login, acc.Enabled, acc.CreatedBy, acc.LastSignInAt = before.ID, before.Login, before.Enabled, before.CreatedBy, before.LastSignInAt
		acc.PasswordOrigin = before.PasswordOrigin
		if !acc.Type.CanSignIn() {
			acc.PasswordHash, acc.PasswordOrigin, acc.MustChangePassword = "", "", false
		}
		return validateUser(&acc.User)
	}, func(ctx context.Context, u *tandem.User) (err error) {
		switch {
		case u.Type != before.Type || u.Admin != before.Admin:
			err = a.Ending.User(ctx, by, u, "user type or rights changed")
		case u.SecondFactorRequired && !before.SecondFactorRequired:
			err = a.Ending.User(ctx, by, u, "second factor demanded")
		}
		if u.Email != before.Email { // a link that was mailed is in the old mailbox
			err = errors.Join(err, a.Resets.EndUser(ctx, u.ID))
		}
		return err
	})
}

// EndSignIns ends all sign-ins, refresh families and personal access tokens of a user,
// who may sign in again at once.
func (a *Accounts) EndSignIns(ctx context.Context, by tandem.By, login string) (tandem.User, error) {
	acc, err := a.Users.ByLogin(ctx, login)
	if err != nil {
		return tandem.User{}, err
	}
	err = errors.Join(a.Ending.User(ctx, by, &acc.User, "ended by an administrator"), a.endTokens(ctx, by, &acc.User))
	if err != nil {
		return tandem.User{}, err
	}
	return acc.User, a.record(ctx, by, "ended the sign-ins of user "+acc.Login, &acc, &acc)
}

// SignIns are the sign-ins of a user with the applications that they have reached, the last
// seen first; those that hold nothing any more only when all are asked for.
func (a *Accounts) SignIns(ctx context.Context, login string, all bool) ([]Known, error) {
	acc, err := a.Users.ByLogin(ctx, login)
	if err != nil {
		return nil, err
	}
	return a.Ending.SignIns.OfUser(ctx, acc.ID, a.Clock.Now(), all)
}

// SecondFactors are the second factors of a user, the oldest first, without their secrets,
// and how many recovery codes are left.
func (a *Accounts) SecondFactors(ctx context.Context, login string) ([]Factor, int, error) {
	acc, err := a.Users.ByLogin(ctx, login)
	if err != nil {
		return nil, 0, err
	}
	all, codes, err := a.Factors.of(ctx, acc.ID)
	for i := range all {
		all[i].Secret = nil
	}
	return all, codes, err
}

// Remains are what somebody comes in by beside their password, or instead of it.
type Remains struct {
	// Factors are the second factors, the oldest first, without their secrets; Codes is how
	// many recovery codes are left.
	Factors []Factor
	Codes   int
	Links   []federation.Link
}

// None reports whether there is nothing of it.
func (r *Remains) None() bool { return len(r.Factors) == 0 && r.Codes == 0 && len(r.Links) == 0 }

// Remaining is what a new password of the user leaves.
func (a *Accounts) Remaining(ctx context.Context, login string) (r Remains, err error) {
	if r.Factors, r.Codes, err = a.SecondFactors(ctx, login); err == nil && a.Links != nil {
		r.Links, err = a.Links.Links(ctx, login)
	}
	return r, err
}

// ResetFactors removes all second factors of a user who has lost them, recovery codes
// among them, and ends their sign-ins: whoever has the factors is out. Where one is
// demanded they make a new one at the next sign-in.
func (a *Accounts) ResetFactors(ctx context.Context, by tandem.By, login string) (tandem.User, error) {
	acc, err := a.Users.ByLogin(ctx, login)
	if err != nil {
		return tandem.User{}, err
	}
	if a.Factors == nil {
		return acc.User, nil
	}
	n, err := a.Factors.Store.DeleteFactors(ctx, acc.ID)
	if err != nil {
		return tandem.User{}, err
	}
	ctx, cancel := toTheEnd(ctx)
	defer cancel()
	err = errors.Join(a.stopBegun(ctx, &acc.User), a.Ending.User(ctx, by, &acc.User, "second factors reset"),
		a.record(ctx, by, fmt.Sprintf("removed the %d second factors of user %s", n, acc.Login), &acc, &acc))
	if n > 0 {
		err = errors.Join(err, a.notify(ctx, &acc.User, FactorRemoved))
	}
	return acc.User, err
}

// EndOutside ends the sign-ins of a user that came by an outside provider, but the one to
// keep, and those that are in the middle.
func (a *Accounts) EndOutside(ctx context.Context, by tandem.By, u *tandem.User, providerID, keep string) error {
	return errors.Join(a.stopBegun(ctx, u),
		a.Ending.Those(ctx, by, u, keep, "outside account unlinked", func(s *SignIn) bool { return s.Authentication.Provider == providerID }))
}

// endFactor does the same for sign-ins by a kind of second factor of which one was removed,
// or by any, as there was no other one.
func (a *Accounts) endFactor(ctx context.Context, by tandem.By, u *tandem.User, kind FactorKind, last bool, keep string) error {
	return errors.Join(a.stopBegun(ctx, u), a.Ending.Those(ctx, by, u, keep, "second factor removed", func(s *SignIn) bool {
		return provedBy(&s.Authentication, kind) || last && provedBy(&s.Authentication, FactorTOTP)
	}))
}

// stopBegun lets no sign-in of a user come to its end that is in the middle: the account has
// changed.
func (a *Accounts) stopBegun(ctx context.Context, u *tandem.User) error {
	_, err := a.Users.Update(ctx, u.ID, func(old Account) (Account, error) { return old, nil })
	return err
}

// Delete ends what [Accounts.Disable] ends, and removes the account: its login is
// free, and nothing is known about the person any more but the id, which the ERP
// keeps, and what the record has of the time before, for as long as that is kept.
func (a *Accounts) Delete(ctx context.Context, by tandem.By, login string) error {
	u, err := a.Disable(ctx, by, login)
	if err != nil {
		return err
	}
	if err := a.Users.Delete(ctx, u.ID, a.Clock.Now()); err != nil {
		return err
	}
	// What was known of the person is not put on record: it is to be forgotten.
	gone := &Account{User: u}
	return a.record(ctx, by, fmt.Sprintf("deleted user %s (id %s)", u.Login, u.ID), gone, gone)
}

// change changes an account, puts it on record, and does what follows from it: all of it,
// whatever fails, and though who asked has gone. The same deed again changes nothing, so
// that what was left out would be left out for good.
func (a *Accounts) change(
	ctx context.Context, by tandem.By, login, verb string, f func(*Account) error, follows ...func(context.Context, *tandem.User) error,
) (tandem.User, error) {
	acc, err := a.Users.ByLogin(ctx, login)
	if err != nil {
		return tandem.User{}, err
	}
	var was Account
	acc, err = a.Users.Update(ctx, acc.ID, func(old Account) (Account, error) {
		was = old
		err := f(&old)
		old.ChangedAt = a.Clock.Now()
		return old, err
	})
	if err != nil {
		return tandem.User{}, err
	}
	ctx, cancel := toTheEnd(ctx)
	defer cancel()
	errs := []error{a.record(ctx, by, verb+" user "+acc.Login, &was, &acc)}
	for _, do := range follows {
		errs = append(errs, do(ctx, &acc.User))
	}
	return acc.User, errors.Join(errs...)
}

// record tells what was done to an account, and what it was before; nil for one that
// is new.
func (a *Accounts) record(ctx context.Context, by tandem.By, what string, before, after *Account) error {
	f := tandem.Facts{Subject: subjectOf(after)}
	f.Changed(attributes(before), attributes(after))
	e := by.Recorded(what, f)
	e.At = a.Clock.Now()
	return a.Audit.Record(ctx, e)
}

func subjectOf(a *Account) tandem.Subject {
	return tandem.Subject{Kind: "user", ID: a.ID, Name: a.Login}
}

// attributes are those of an account as its JSON has them. A password has the time it
// was set at, so that it is seen to have changed.
func attributes(a *Account) tandem.Attributes {
	if a == nil {
		return nil
	}
	of := tandem.Attributes{
		"name": a.Name, "email": a.Email, "email_verified": a.EmailVerified, "locale": a.Locale, "zoneinfo": a.Zoneinfo,
		"user_type": string(a.Type), "is_admin": a.Admin, "is_enabled": a.Enabled, "password": tandem.SetOrUnset(a.PasswordHash != ""),
		"password_origin": string(a.PasswordOrigin), "second_factor_required": a.SecondFactorRequired, "password_must_change": a.MustChangePassword,
	}
	if !a.PasswordChangedAt.IsZero() {
		of["password_changed_at"] = a.PasswordChangedAt.UTC().Format(time.RFC3339Nano)
	}
	return of
}
