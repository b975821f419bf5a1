package signin

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/registry"
)

// touchEvery is how precisely the last use of a sign-in is known: storing each one would
// make every page a write.
const touchEvery = time.Minute

// SignIn is an identity session: one person, signed in with one browser. Its
// id is the claim sid of every token that comes of it.
type SignIn struct {
	// ID is a GUID, and public: it opens nothing. What the browser holds is
	// another, secret value, of which CookieHash is the SHA-256.
	ID         string
	CookieHash [sha256.Size]byte
	UserID     string
	// AuthTime is when the person last proved who they are, Authentication how: what the
	// tokens of the sign-in tell.
	AuthTime       time.Time
	Authentication token.Authentication
	// Keep is "keep me signed in": the sign-in outlives the browser and does
	// not end when idle.
	Keep       bool
	CreatedAt  time.Time
	LastSeenAt time.Time
	// CreatedFrom and LastSeenFrom are the addresses that it was made and last seen from,
	// UserAgent is what the browser called itself last, [MaxUserAgent] bytes at most. They
	// are empty in sign-ins of before they were kept.
	CreatedFrom, LastSeenFrom, UserAgent string
	// ExpiresAt is the absolute bound.
	ExpiresAt time.Time
	// EndedAt is zero while nobody has ended it.
	EndedAt time.Time
}

// LiveAt reports whether the sign-in is usable at t, where one ends that was idle for so
// long.
func (s *SignIn) LiveAt(t time.Time, idle time.Duration) bool {
	return s.EndedAt.IsZero() && t.Before(s.ExpiresAt) && (s.Keep || t.Before(s.LastSeenAt.Add(idle)))
}

// MaxUserAgent is how much is kept of what a browser calls itself, in bytes.
const MaxUserAgent = 300

// Known is a sign-in with what it has reached.
type Known struct {
	SignIn
	Reached []Reached
}

// Reached is an application that got a code of a sign-in, and when, first and last.
type Reached struct {
	ApplicationID string
	// ApplicationURI is empty for an application that was deleted.
	ApplicationURI string
	First, Last    time.Time
}

// SignIns keeps identity sessions. Reads of one that does not exist return
// [tandem.ErrNotFound].
type SignIns interface {
	Create(ctx context.Context, s SignIn) error
	ByID(ctx context.Context, id string) (SignIn, error)
	ByCookie(ctx context.Context, hash [sha256.Size]byte) (SignIn, error)
	// Renew gives a sign-in that has not ended a new cookie, time and way of
	// authentication, after its person has signed in again or proved more. It returns
	// [tandem.ErrNotFound] when it has ended meanwhile.
	Renew(ctx context.Context, s SignIn) error
	// Touch notes when and from which address a sign-in was seen.
	Touch(ctx context.Context, id string, at time.Time, from string) error
	// Reach notes that an application got a code of the sign-in.
	Reach(ctx context.Context, id, applicationID string, at time.Time) error
	// OfUser are the sign-ins of a user with the applications that they reached, the last
	// seen first; those that have ended, and those that are over and of which no refresh
	// family lives either, only when they are asked for. Applications renew without
	// touching the sign-in, so that one that is idle or expired can be in steady use.
	OfUser(ctx context.Context, userID string, at time.Time, all bool) ([]Known, error)
	// End ends a sign-in once: it reports whether this call did. In the same moment its
	// unused codes and refresh families end, and its access tokens are refused until
	// tokensUntil, whatever dies afterwards.
	End(ctx context.Context, id string, at, tokensUntil time.Time) (bool, error)
	// EndUser ends all sign-ins of a user likewise and returns their ids.
	EndUser(ctx context.Context, userID string, at, tokensUntil time.Time) ([]string, error)
	// Purge deletes what ended or expired before the time.
	Purge(ctx context.Context, before time.Time) error
}

// Families ends what a sign-in's applications could still renew; the type of
// that name in package token implements it.
type Families interface {
	// EndSignIn ends every refresh family and unused code of the sign-in.
	EndSignIn(ctx context.Context, sid string) error
	// EndUser ends those of all sign-ins of a user.
	EndUser(ctx context.Context, userID string) error
}

// Sessions closes API sessions.
type Sessions interface {
	// CloseByKey closes the open session with the key, if there is one, and
	// frees its slot at once. The key of a person's session is the sid.
	CloseByKey(ctx context.Context, key string, reason tandem.EndReason) error
	// CloseOf closes the open sessions that a person has through an application.
	CloseOf(ctx context.Context, userID, applicationURI string, reason tandem.EndReason) error
}

// Ending ends sign-ins together with everything that hangs on them: the
// identity session, the refresh families, the API session with its slot. It
// touches nothing of the service half (invariant I6).
type Ending struct {
	SignIns  SignIns
	Families Families
	// Sessions may be nil where no API runs in the process, as in
	// administration by command: the API then notices by itself.
	Sessions Sessions
	// TokenLife is for how long the access tokens of a sign-in that ends are refused: as
	// long as one could live that it has just got. Revocations refuse also those that it
	// was given while it ended, and may be nil.
	Revocations Revocations
	TokenLife   time.Duration
	Audit       tandem.Auditor
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// Revocations refuse access tokens by their own ids, or those of what they came of.
type Revocations interface {
	Revoke(ctx context.Context, t registry.RevokedToken) error
}

// SignIn ends one sign-in; one that has ended is no error, and done again it writes nothing.
// The record names actor, the login whose sign-in it is, and why.
func (e *Ending) SignIn(ctx context.Context, sid, actor, why string) error {
	return e.signIn(ctx, e.ended(sid, actor, why))
}

// signIn ends the sign-in of the event, which goes on record.
func (e *Ending) signIn(ctx context.Context, told tandem.AuditEvent) error {
	sid := told.SignInID
	ctx, cancel := toTheEnd(ctx)
	defer cancel()
	// First what hangs on it: once it has ended its person cannot ask again. And
	// afterwards, for what was given meanwhile.
	if err := e.after(ctx, sid); err != nil {
		return err
	}
	in, err := e.SignIns.ByID(ctx, sid)
	switch {
	case errors.Is(err, tandem.ErrNotFound): // it ended so long ago that nothing lives of it
		return nil
	case err != nil:
		return err
	case !in.EndedAt.IsZero(): // by a call that may have died half way
		return e.refuse(ctx, sid, in.EndedAt)
	}
	now := e.Clock.Now()
	ended, err := e.SignIns.End(ctx, sid, now, now.Add(e.TokenLife))
	if err != nil {
		return err
	}
	// Also when another call has just ended it.
	if err := e.refuse(ctx, sid, now); err != nil || !ended {
		return err
	}
	return e.Audit.Record(ctx, told)
}

// Others ends all sign-ins of a user but the one with the id.
func (e *Ending) Others(ctx context.Context, u *tandem.User, but, why string) error {
	all, err := e.Holding(ctx, u.ID)
	for i := range all {
		if all[i].ID != but {
			err = errors.Join(err, e.SignIn(ctx, all[i].ID, u.Login, why))
		}
	}
	return err
}

// Those ends the sign-ins of a user that are chosen, because of what somebody did, but not
// the one with the id.
func (e *Ending) Those(ctx context.Context, by tandem.By, u *tandem.User, but, why string, chosen func(s *SignIn) bool) error {
	ctx, cancel := toTheEnd(ctx)
	defer cancel()
	all, err := e.Holding(ctx, u.ID)
	for i := range all {
		if s := &all[i].SignIn; s.ID != but && chosen(s) {
			err = errors.Join(err, e.signIn(ctx, by.Caused(e.ended(s.ID, u.Login, why))))
		}
	}
	return err
}

// Holding are the sign-ins of a user of which something may still live: itself, what
// renews its tokens, or an access token that it got before it was over.
func (e *Ending) Holding(ctx context.Context, userID string) ([]Known, error) {
	return e.SignIns.OfUser(ctx, userID, e.Clock.Now().Add(-e.TokenLife), false)
}

// User ends all sign-ins of a user, because of what somebody did. What fails holds up
// nothing else. Who does it again also brings to its end what was left half done.
func (e *Ending) User(ctx context.Context, by tandem.By, u *tandem.User, why string) error {
	ctx, cancel := toTheEnd(ctx)
	defer cancel()
	now := e.Clock.Now()
	sids, err := e.SignIns.EndUser(ctx, u.ID, now, now.Add(e.TokenLife))
	errs := []error{err, e.Families.EndUser(ctx, u.ID)}
	all, err := e.SignIns.OfUser(ctx, u.ID, now, true)
	errs = append(errs, err)
	for _, sid := range sids {
		errs = append(errs, e.refuse(ctx, sid, now))
	}
	for i := range all {
		if at := all[i].EndedAt; at.After(now.Add(-e.TokenLife)) && !slices.Contains(sids, all[i].ID) {
			errs = append(errs, e.refuse(ctx, all[i].ID, at)) // somebody ended it, and may have died half way
		}
	}
	for _, sid := range sids {
		errs = append(errs, e.Audit.Record(ctx, by.Caused(e.ended(sid, u.Login, why))))
	}
	return errors.Join(errs...)
}

// endWithin bounds the ending of a sign-in.
const endWithin = 15 * time.Second

// toTheEnd goes on when who asked has gone: a sign-out is not left half done.
func toTheEnd(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), endWithin)
}

func (e *Ending) after(ctx context.Context, sid string) error {
	err := e.Families.EndSignIn(ctx, sid)
	if e.Sessions != nil {
		err = errors.Join(err, e.Sessions.CloseByKey(ctx, sid, tandem.EndSignOut))
	}
	return err
}

// refuse is after, for a sign-in that has ended at a time: its access tokens are refused, too,
// also those that it was given until an ending had to be over.
func (e *Ending) refuse(ctx context.Context, sid string, at time.Time) error {
	err := e.after(ctx, sid)
	until := at.Truncate(time.Microsecond).Add(e.TokenLife + endWithin)
	if e.Revocations != nil && until.After(e.Clock.Now()) {
		err = errors.Join(err, e.Revocations.Revoke(ctx, registry.RevokedToken{ID: sid, RevokedAt: at, ExpiresAt: until}))
	}
	return err
}

func (e *Ending) ended(sid, actor, why string) tandem.AuditEvent {
	return tandem.AuditEvent{
		At: e.Clock.Now(), Kind: tandem.AuditSignOut, Actor: actor, Flow: tandem.FlowUser, SignInID: sid, Detail: why,
	}
}
