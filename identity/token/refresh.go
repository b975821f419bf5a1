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
// can be given again to a client whose answer got lost, and a database without
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
	// family has ended: nothing must be given.
	Gave(ctx context.Context, id, tokenID string, expires time.Time) (alive bool, err error)
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
	// Now is the clock; nil means time.Now.
	Now func() time.Time
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

// errBadRefresh is the one answer for every refresh token that does not work.
var errBadRefresh = oauth.Refuse(oauth.InvalidGrant, "the refresh token is unknown, expired, used, ended, or of another client")

// IsRefreshToken reports whether text has the form of a refresh token.
func IsRefreshToken(text string) bool {
	return len(text) == refreshLength && text[:len(refreshPrefix)] == refreshPrefix
}

// New makes a family for what a code grants, and its first token. It lives
// once [Codes.Use] has stored it.
func (f *Families) New(code StoredCode, u *tandem.User, scope tandem.Scope, client tandem.ClientType) (*Family, string, error) {
	now := clock(f.Now)
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

// open reads a token and finds its family. It returns errBadRefresh for
// everything that no family has given out.
func (f *Families) open(ctx context.Context, text string) (family Family, generation int64, secret []byte, err error) {
	if !IsRefreshToken(text) {
		return family, 0, nil, errBadRefresh
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text[len(refreshPrefix):])
	if err != nil || len(b) != refreshBytes { // the decoder passes over line breaks
		return family, 0, nil, errBadRefresh
	}
	id := uuid.UUID(b[:idBytes])
	family, err = f.Store.Family(ctx, id.String())
	if errors.Is(err, tandem.ErrNotFound) {
		return family, 0, nil, errBadRefresh
	}
	if err != nil {
		return family, 0, nil, err
	}
	if secret, err = f.Box.Open(family.Secret, place(family.ID)); err != nil {
		return family, 0, nil, err
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(b[:idBytes+generationBytes])
	if !hmac.Equal(mac.Sum(nil), b[idBytes+generationBytes:]) {
		return Family{}, 0, nil, errBadRefresh
	}
	return family, int64(binary.BigEndian.Uint64(b[idBytes:])), secret, nil
}

// Find looks a token up without using it: the caller checks the person and
// the scope before [Families.Rotate]. The family belongs to the application.
// Use of a replaced token, outside the retry window, ends the family; the
// error is then joined with [ErrRefreshReplayed].
func (f *Families) Find(ctx context.Context, text, applicationURI string) (Family, error) {
	family, _, _, err := f.find(ctx, text, applicationURI)
	return family, err
}

func (f *Families) find(ctx context.Context, text, applicationURI string) (Family, int64, []byte, error) {
	family, generation, secret, err := f.open(ctx, text)
	if err != nil {
		return Family{}, 0, nil, err
	}
	now := clock(f.Now)
	// A stranger's token is left alone: presenting it must not be a way to
	// end somebody else's grant.
	if family.ApplicationURI != applicationURI || !family.EndedAt.IsZero() || !now.Before(family.ExpiresAt) {
		return Family{}, 0, nil, errBadRefresh
	}
	if generation != family.Generation && !f.isRetry(&family, generation, now) {
		return family, 0, nil, f.replayed(ctx, family.ID, now)
	}
	return family, generation, secret, nil
}

// isRetry reports whether the token is the one that was just replaced.
func (f *Families) isRetry(family *Family, generation int64, now time.Time) bool {
	return generation == family.Generation-1 && now.Sub(family.RotatedAt) <= f.Lifetimes.retry()
}

func (f *Families) replayed(ctx context.Context, id string, now time.Time) error {
	if err := f.Store.EndFamily(ctx, id, now, EndReplayed, true); err != nil {
		return err
	}
	return errors.Join(ErrRefreshReplayed, errBadRefresh)
}

// Rotate uses the token and returns its successor. tokenID and expires are of
// the access token that goes out with it. A retry within the window gets the
// same successor again; so do requests at the same moment, on whichever
// replica. It refuses when the family has ended meanwhile, so that a refresh in
// flight cannot outlive a sign-out.
func (f *Families) Rotate(ctx context.Context, text, applicationURI, tokenID string, expires time.Time) (successor string, err error) {
	family, generation, secret, err := f.find(ctx, text, applicationURI)
	if err != nil {
		return "", err
	}
	id, err := uuid.Parse(family.ID)
	if err != nil {
		return "", err
	}
	if generation == family.Generation {
		won, err := f.Store.Rotate(ctx, family.ID, generation, clock(f.Now), tokenID, expires)
		if err != nil {
			return "", err
		}
		if won {
			return derive(id, generation+1, secret), nil
		}
		// Somebody was faster, or the family has just ended.
		if _, _, _, err = f.find(ctx, text, applicationURI); err != nil {
			return "", err
		}
	}
	alive, err := f.Store.Gave(ctx, family.ID, tokenID, expires)
	if err != nil {
		return "", err
	}
	if !alive {
		return "", errBadRefresh
	}
	return derive(id, generation+1, secret), nil
}

// Revoke ends the family of a token (RFC 7009). A token that is unknown or of
// another application is no error and reveals nothing.
func (f *Families) Revoke(ctx context.Context, text, applicationURI string) error {
	family, _, _, err := f.open(ctx, text)
	var refusal *oauth.Error
	if errors.As(err, &refusal) || err == nil && family.ApplicationURI != applicationURI {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Store.EndFamily(ctx, family.ID, clock(f.Now), EndRevoked, true)
}

// End ends one family for the reason.
func (f *Families) End(ctx context.Context, id, reason string) error {
	return f.Store.EndFamily(ctx, id, clock(f.Now), reason, false)
}

// EndSignIn ends every refresh family and unused code of a sign-in: nothing
// can be renewed after a sign-out.
func (f *Families) EndSignIn(ctx context.Context, signInID string) error {
	return f.Store.EndSignIn(ctx, signInID, clock(f.Now), EndSignedOut)
}

// EndUser ends every refresh family and unused code of a user, as after a
// change of password.
func (f *Families) EndUser(ctx context.Context, userID string) error {
	return f.Store.EndUser(ctx, userID, clock(f.Now), EndUserClosed)
}

// EndApplication ends every refresh family and unused code of an application.
func (f *Families) EndApplication(ctx context.Context, applicationURI string) error {
	return f.Store.EndApplication(ctx, applicationURI, clock(f.Now), EndAppClosed)
}

// Purge forgets families that expired long ago.
func (f *Families) Purge(ctx context.Context) error {
	return f.Store.PurgeFamilies(ctx, clock(f.Now).Add(-7*24*time.Hour))
}
