package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
)

// How long the links are good that give somebody a new password.
const (
	// DefaultReset is the time of a link that an administrator gives, unless they say
	// otherwise, and MaxReset the longest there is.
	DefaultReset = 24 * time.Hour
	MaxReset     = 7 * 24 * time.Hour
	// forcedReset is that of one that somebody gets who has to change their password.
	forcedReset = 10 * time.Minute
	// MailedReset is the time of one that a person asked for by mail.
	MailedReset = time.Hour
	// MaxResets are the links that one person may have at a time of one who made them: the
	// oldest of those ends with one more.
	MaxResets = 5
)

// resetBytes is the size of what a link is known by: 256 bits.
const resetBytes = 32

// Reset is a link that gives its person a new password, once.
type Reset struct {
	// Hash is the SHA-256 of what stands in the link.
	Hash   [sha256.Size]byte
	UserID string
	// Replaces is when the password was set that it was made for: a link ends when that
	// is changed.
	Replaces             time.Time
	CreatedBy            string
	CreatedAt, ExpiresAt time.Time
}

// Resets keeps links. Reads of one that there is not, or whose time is over, return
// [tandem.ErrNotFound].
type Resets interface {
	// Add also ends the oldest of the person, and of who made this one, beyond [MaxResets].
	Add(ctx context.Context, l Reset) error
	// AddIfRoom ends none for it, and returns whether there was room: anybody can ask for
	// links by mail, and those of before are good.
	AddIfRoom(ctx context.Context, l Reset) (bool, error)
	Find(ctx context.Context, hash [sha256.Size]byte, now time.Time) (Reset, error)
	// Take uses a link up: of many who do at once, one gets no error.
	Take(ctx context.Context, hash [sha256.Size]byte, now time.Time) error
	// EndUser ends all links of a person.
	EndUser(ctx context.Context, userID string) error
	// Purge deletes what expired before the time.
	Purge(ctx context.Context, before time.Time) error
}

// NewReset makes a link for somebody who forgot their password, and returns its path at
// the instance, which is known to nobody else and stored nowhere. It ends when it is
// used, when the password is changed in another way, and when the account is disabled.
// Second factors stay as they are, and the person is shown which they have.
func (a *Accounts) NewReset(ctx context.Context, by tandem.By, login string, valid time.Duration) (path string, expires time.Time, err error) {
	return a.newReset(ctx, by, login, valid, func(ctx context.Context, l Reset) (bool, error) { return true, a.Resets.Add(ctx, l) })
}

// errEnoughResets is for a person who has as many links as there may be.
var errEnoughResets = errors.New("there are enough links")

func (a *Accounts) newReset(
	ctx context.Context, by tandem.By, login string, valid time.Duration, add func(context.Context, Reset) (bool, error),
) (path string, expires time.Time, err error) {
	if valid <= 0 || valid > MaxReset {
		return "", time.Time{}, invalid("valid for %s: use up to %d days", valid, MaxReset/(24*time.Hour))
	}
	acc, err := a.Users.ByLogin(ctx, login)
	if err != nil {
		return "", time.Time{}, err
	}
	if !acc.canSignIn() {
		return "", time.Time{}, invalid("%s may not sign in: it is disabled, or a System User", acc.Login)
	}
	value, now := randomBytes(resetBytes), a.Clock.Now()
	l := Reset{
		Hash: sha256.Sum256(value), UserID: acc.ID, Replaces: acc.PasswordChangedAt, CreatedBy: by.Login, CreatedAt: now, ExpiresAt: now.Add(valid),
	}
	if added, err := add(ctx, l); err != nil {
		return "", time.Time{}, err
	} else if !added {
		return "", time.Time{}, errEnoughResets
	}
	path = pathReset + "?link=" + base64.RawURLEncoding.EncodeToString(value)
	return path, l.ExpiresAt, a.record(ctx, by, "made a link by which "+acc.Login+" sets a new password", &acc, &acc)
}

// errNoReset is for a link that gives nothing, whatever the reason.
var errNoReset = errors.New("the link was used, has ended or was never given")

// resetOf finds the link and its person. The error is errNoReset for one that gives
// nothing.
func (a *Accounts) resetOf(ctx context.Context, link string) (l Reset, acc Account, err error) {
	value, err := base64.RawURLEncoding.Strict().DecodeString(link)
	if err != nil || len(value) != resetBytes {
		return l, acc, errNoReset
	}
	l, err = a.Resets.Find(ctx, sha256.Sum256(value), a.Clock.Now())
	if err == nil {
		acc, err = a.Users.ByID(ctx, l.UserID)
	}
	if errors.Is(err, tandem.ErrNotFound) || err == nil && !l.goodFor(&acc) {
		return l, Account{}, errNoReset
	}
	return l, acc, err
}

// goodFor reports whether the account may still be given a password by the link.
func (l *Reset) goodFor(acc *Account) bool {
	return acc.canSignIn() && acc.PasswordChangedAt.Equal(l.Replaces)
}

// useReset gives the person of a link a new password, and ends all their sign-ins, personal
// access tokens, and links to outside providers that were made in their name. Of many who
// use it at once one does. The error is errNoReset, or a weakError, which leaves the link
// good.
func (a *Accounts) useReset(ctx context.Context, from, link, password string) (Account, error) {
	l, acc, err := a.resetOf(ctx, link)
	if err != nil {
		return acc, err
	}
	by := tandem.By{Login: acc.Login, Via: tandem.ViaReset, From: from}
	return a.newPassword(ctx, by, acc, password, "", func(ctx context.Context) error {
		err := a.Resets.Take(ctx, l.Hash, a.Clock.Now())
		if errors.Is(err, tandem.ErrNotFound) {
			return errNoReset
		}
		return err
	})
}

// newPassword gives somebody the password that they have chosen themselves, ends their
// links and sign-ins, but the one to keep, and tells them by mail. What comes before the
// change is done when the password is known to be good; its error stops it.
func (a *Accounts) newPassword(ctx context.Context, by tandem.By, acc Account, password, keep string, before func(context.Context) error) (Account, error) {
	if w := weakness(&acc.User, password); !w.Empty() {
		return acc, weakError{w}
	}
	hash, err := a.Passwords.hash(ctx, password)
	if err != nil {
		return acc, err
	}
	if err := before(ctx); err != nil {
		return acc, err
	}
	ctx, cancel := toTheEnd(ctx)
	defer cancel()
	var was Account
	is, err := a.Users.Update(ctx, acc.ID, func(old Account) (Account, error) {
		if !old.canSignIn() || !old.PasswordChangedAt.Equal(acc.PasswordChangedAt) {
			return old, errNoReset
		}
		was = old
		old.PasswordHash, old.PasswordChangedAt, old.PasswordOrigin = hash, a.Clock.Now(), tandem.PasswordOwn
		old.MustChangePassword, old.ChangedAt = false, a.Clock.Now()
		return old, nil
	})
	if err != nil {
		return acc, err
	}
	// All of it, whatever fails: nobody can do it again with the old password.
	errs := []error{a.record(ctx, by, "changed their own password: "+is.Login, &was, &is), a.Resets.EndUser(ctx, is.ID)}
	if keep == "" {
		errs = append(errs, a.Ending.User(ctx, by, &is.User, "password changed"))
	} else {
		errs = append(errs, a.Ending.Others(ctx, &is.User, keep, "password changed"))
	}
	if by.Via == tandem.ViaReset { // whoever had the account may have made some in it
		errs = append(errs, a.endMade(ctx, by, &is.User))
	}
	return is, errors.Join(append(errs, a.notify(ctx, &is.User, PasswordChanged))...)
}
