package token

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/seal"
)

// Family is a refresh grant: a chain of refresh tokens of which each use
// replaces the last. It is bound to one application, user and sign-in
// (invariant I9).
//
// No refresh token is stored. Each is derived from the family's own secret,
// which is sealed, and its number in the chain; so the successor of a token
// can be given again to a client whose response got lost, and a database without
// the instance's key yields none.
type Family struct {
	ID             string
	ApplicationURI string
	UserID         string
	// UserType is the user's type at the grant: a user whose type changes
	// loses the grant.
	UserType tandem.UserType
	// SignInID is the claim sid, AuthTime when the person proved who they are.
	SignInID string
	AuthTime time.Time
	// Scope is what was granted; a refresh can narrow one access token, never
	// the grant, and never widen either (RFC 6749 section 6).
	Scope                tandem.Scope
	CreatedAt, ExpiresAt time.Time
	// Generation is the number of the newest token, from 1; RotatedAt is when
	// it replaced the one before.
	Generation int64
	RotatedAt  time.Time
	// TokenID is the jti of the newest access token, TokenExpiresAt its end.
	TokenID        string
	TokenExpiresAt time.Time
	// Secret is sealed: what the tokens are derived from.
	Secret []byte
	// EndedAt is zero while the family lives; EndReason says why it ended.
	EndedAt   time.Time
	EndReason string
}

// FamilyStore keeps refresh families. A new one is stored by
// [CodeStore].UseCode, together with the use of the code that gave it.
type FamilyStore interface {
	// Family returns [tandem.ErrNotFound] for an id it does not know.
	Family(ctx context.Context, id string) (Family, error)
	// Rotate makes generation+1 the newest, if generation still is and the
	// family lives at the time; it reports whether this call did. Of any
	// number of calls at once at most one does. The access token that goes
	// with it is noted, so that a replay can revoke it.
	Rotate(ctx context.Context, id string, generation int64, at time.Time, tokenID string, expires time.Time) (bool, error)
	// Gave notes the access token of a retry. It reports false when the
	// family has ended or has gone on to another generation.
	Gave(ctx context.Context, id string, generation int64, tokenID string, expires time.Time) (bool, error)
	// EndFamily ends one family; with revoke also the newest access token.
	// One that has ended keeps its first reason.
	EndFamily(ctx context.Context, id string, at time.Time, reason string, revoke bool) error
	// EndSignIn, EndUser and EndApplication end every family of a sign-in, a
	// user, an application, and make unused codes unusable.
	EndSignIn(ctx context.Context, signInID string, at time.Time, reason string) error
	EndUser(ctx context.Context, userID string, at time.Time, reason string) error
	EndApplication(ctx context.Context, applicationURI string, at time.Time, reason string) error
	// PurgeFamilies deletes families that expired before the time.
	PurgeFamilies(ctx context.Context, before time.Time) error
}

// Reasons for which a family ends.
const (
	EndSignedOut       = "signed out"
	EndUserClosed      = "the user's grants were ended"
	EndAppClosed       = "the application's grants were ended"
	EndReplayed        = "a replaced refresh token was used again"
	EndCodeReplayed    = "the authorization code was used again"
	EndRevoked         = "revoked by the application"
	EndUserTypeChanged = "the user's type changed"
)

// Families gives out refresh tokens and replaces each at its use.
type Families struct {
	Store     FamilyStore
	Box       *seal.Box
	Lifetimes Lifetimes
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// refreshPrefix marks refresh tokens, so that a scanner of sources and logs
// can recognize a leaked one.
const refreshPrefix = "tdrt_"

// A refresh token is the prefix and, in base64url, the family's id, the
// number in the chain, and the MAC of both.
const (
	idBytes         = 16
	generationBytes = 8
	refreshBytes    = idBytes + generationBytes + sha256.Size
)

var refreshLength = len(refreshPrefix) + base64.RawURLEncoding.EncodedLen(refreshBytes)

// ErrRefreshReplayed comes with a refusal when a replaced token was used
// again: its family has been ended, and the event belongs in the record.
var ErrRefreshReplayed = errors.New("token: the refresh token was used before")

// errBadRefresh is the one refusal of every refresh token that does not work.
var errBadRefresh = oauth.Refuse(oauth.InvalidGrant, "the refresh token is unknown, expired, used, ended, or of another client")

// IsRefreshToken reports whether text has the form of a refresh token.
func IsRefreshToken(text string) bool {
	return len(text) == refreshLength && text[:len(refreshPrefix)] == refreshPrefix
}

// New makes a family for what a code grants, and its first token. It lives
// once [Codes.Use] has stored it.
func (f *Families) New(code StoredCode, u *tandem.User, scope tandem.Scope, client tandem.ClientType) (*Family, string, error) {
	now := f.Clock.Now()
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, "", err
	}
	secret := make([]byte, sha256.Size)
	rand.Read(secret)
	family := &Family{
		ID: id.String(), ApplicationURI: code.ApplicationURI, UserID: u.ID, UserType: u.Type,
		SignInID: code.SignInID, AuthTime: code.AuthTime, Scope: scope,
		CreatedAt: now, ExpiresAt: now.Add(f.Lifetimes.refresh(client)),
		Generation: 1, RotatedAt: now,
	}
	family.Secret = f.Box.Seal(secret, place(family.ID))
	return family, derive(id, 1, secret), nil
}

func place(id string) string { return "refresh_families|secret|" + id }

// derive makes the token with the number.
func derive(id uuid.UUID, generation int64, secret []byte) string {
	b := make([]byte, 0, refreshBytes)
	b = append(b, id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(generation))
	mac := hmac.New(sha256.New, secret)
	mac.Write(b)
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(mac.Sum(b))
}

// RefreshToken is a refresh token that was found: its family, its number in the
// chain and what its successor is derived from.
type RefreshToken struct {
	Family
	id     uuid.UUID // of the family
	number int64
	secret []byte
}

// open reads a token and finds its family. It returns errBadRefresh for
// everything that no family has given out.
func (f *Families) open(ctx context.Context, text string) (RefreshToken, error) {
	if !IsRefreshToken(text) {
		return RefreshToken{}, errBadRefresh
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text[len(refreshPrefix):])
	if err != nil || len(b) != refreshBytes { // the decoder passes over line breaks
		return RefreshToken{}, errBadRefresh
	}
	id := uuid.UUID(b[:idBytes])
	family, err := f.family(ctx, id.String())
	if err != nil {
		return RefreshToken{}, err
	}
	secret, err := f.Box.Open(family.Secret, place(family.ID))
	if err != nil {
		return RefreshToken{}, err
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(b[:idBytes+generationBytes])
	if !hmac.Equal(mac.Sum(nil), b[idBytes+generationBytes:]) {
		return RefreshToken{}, errBadRefresh
	}
	return RefreshToken{
		Family: family,
		id:     id,
		number: int64(binary.BigEndian.Uint64(b[idBytes:])),
		secret: secret,
	}, nil
}

func (f *Families) family(ctx context.Context, id string) (Family, error) {
	family, err := f.Store.Family(ctx, id)
	if errors.Is(err, tandem.ErrNotFound) {
		err = errBadRefresh
	}
	return family, err
}

// Find looks a token up without using it: the caller checks the person and
// the scope before [Families.Rotate]. The family belongs to the application.
// Use of a replaced token, outside the retry window, ends the family; the
// error is then joined with [ErrRefreshReplayed], and the token is returned too.
func (f *Families) Find(ctx context.Context, text, applicationURI string) (RefreshToken, error) {
	t, err := f.open(ctx, text)
	if err != nil {
		return RefreshToken{}, err
	}
	// A stranger's token is left alone: presenting it must not be a way to
	// end somebody else's grant.
	if t.ApplicationURI != applicationURI {
		return RefreshToken{}, errBadRefresh
	}
	return t, f.usable(ctx, &t)
}

// usable says why a token must not be used now, as far as its family tells; a
// replay ends the family.
func (f *Families) usable(ctx context.Context, t *RefreshToken) error {
	now := f.Clock.Now()
	if !t.EndedAt.IsZero() || !now.Before(t.ExpiresAt) {
		return errBadRefresh
	}
	if f.current(t, now) {
		return nil
	}
	if err := f.Store.EndFamily(ctx, t.ID, now, EndReplayed, true); err != nil {
		return err
	}
	return errors.Join(ErrRefreshReplayed, errBadRefresh)
}

// Rotate uses a token that Find returned, and returns its successor. tokenID
// and expires are of the access token that goes out with it. A retry within the
// window gets the same successor again; so do requests at the same moment, on
// whichever replica. It refuses when the family has ended meanwhile, so that a
// refresh in flight cannot outlive a sign-out.
func (f *Families) Rotate(ctx context.Context, t RefreshToken, tokenID string, expires time.Time) (successor string, err error) {
	for {
		var done bool
		if t.number == t.Generation {
			done, err = f.Store.Rotate(ctx, t.ID, t.Generation, f.Clock.Now(), tokenID, expires)
		} else {
			done, err = f.Store.Gave(ctx, t.ID, t.Generation, tokenID, expires)
		}
		if err != nil {
			return "", err
		}
		if done {
			return derive(t.id, t.number+1, t.secret), nil
		}
		// Somebody was faster, or the family has just ended.
		if t.Family, err = f.family(ctx, t.ID); err != nil {
			return "", err
		}
		if err := f.usable(ctx, &t); err != nil {
			return "", err
		}
	}
}

// Look says of a token whether it could be used now, and of what family it is. It
// uses nothing up and ends nothing.
func (f *Families) Look(ctx context.Context, text, applicationURI string) (Family, error) {
	t, err := f.open(ctx, text)
	if err != nil {
		return Family{}, err
	}
	now := f.Clock.Now()
	if t.ApplicationURI != applicationURI || !t.EndedAt.IsZero() || !now.Before(t.ExpiresAt) || !f.current(&t, now) {
		return Family{}, errBadRefresh
	}
	return t.Family, nil
}

// current reports whether a token is the family's newest one, or the one before
// within the retry window.
func (f *Families) current(t *RefreshToken, now time.Time) bool {
	return t.number == t.Generation || t.number == t.Generation-1 && now.Sub(t.RotatedAt) <= f.Lifetimes.retry()
}

// Revoke ends the family of a token (RFC 7009). A token that is unknown or of
// another application is no error and reveals nothing.
func (f *Families) Revoke(ctx context.Context, text, applicationURI string) error {
	t, err := f.open(ctx, text)
	var refusal *oauth.Error
	if errors.As(err, &refusal) || err == nil && t.ApplicationURI != applicationURI {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Store.EndFamily(ctx, t.ID, f.Clock.Now(), EndRevoked, true)
}

// End ends one family for the reason.
func (f *Families) End(ctx context.Context, id, reason string) error {
	return f.Store.EndFamily(ctx, id, f.Clock.Now(), reason, false)
}

// EndSignIn ends every refresh family and unused code of a sign-in: nothing
// can be renewed after a sign-out.
func (f *Families) EndSignIn(ctx context.Context, signInID string) error {
	return f.Store.EndSignIn(ctx, signInID, f.Clock.Now(), EndSignedOut)
}

// EndUser ends every refresh family and unused code of a user, as after a
// change of password.
func (f *Families) EndUser(ctx context.Context, userID string) error {
	return f.Store.EndUser(ctx, userID, f.Clock.Now(), EndUserClosed)
}

// EndApplication ends every refresh family and unused code of an application.
func (f *Families) EndApplication(ctx context.Context, applicationURI string) error {
	return f.Store.EndApplication(ctx, applicationURI, f.Clock.Now(), EndAppClosed)
}

// Purge forgets families that expired long ago.
func (f *Families) Purge(ctx context.Context) error {
	return f.Store.PurgeFamilies(ctx, f.Clock.Now().Add(-7*24*time.Hour))
}
