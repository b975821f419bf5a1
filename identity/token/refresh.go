package token

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
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
	// Authentication is how they did.
	Authentication Authentication
	// Scope is what was granted; a refresh can narrow one access token, never
	// the grant, and never widen either (RFC 6749 section 6).
	Scope tandem.Scope
	// KeyThumbprint is that of the key that the tokens are bound to (RFC 9449 section
	// 5), as those of public applications can be; empty for none.
	KeyThumbprint string
	// Claims are what was asked for one by one, for as long as the grant lives.
	Claims               AskedClaims
	CreatedAt, ExpiresAt time.Time
	// Generation is the number of the newest token, from 1; RotatedAt is when
	// it replaced the one before.
	Generation int64
	RotatedAt  time.Time
	// Secret is what the tokens are derived from, sealed together with all of the
	// above: changed in any of it, the row does not open. It is empty once the
	// family has ended, so that nothing makes it live again.
	Secret []byte
	// EndedAt is zero while the family lives; EndReason says why it ended.
	EndedAt   time.Time
	EndReason string
}

// livesAt reports whether the family lives at the time, as far as it tells itself.
func (f *Family) livesAt(now time.Time) bool {
	return f.EndedAt.IsZero() && now.Before(f.ExpiresAt) && !ahead(f.CreatedAt, now)
}

// FamilyStore keeps refresh families. A new one is stored by
// [CodeStore].UseCode, together with the use of the code that gave it.
type FamilyStore interface {
	// Family returns [tandem.ErrNotFound] for an id it does not know.
	Family(ctx context.Context, id string) (Family, error)
	// Rotate makes generation+1 the newest, with its secret sealed anew, if
	// generation still is and the family lives at the time; it reports whether
	// this call did. Of any number of calls at once at most one does.
	Rotate(ctx context.Context, id string, generation int64, at time.Time, secret []byte) (bool, error)
	// EndFamily ends one family, for good: its secret is deleted, and an old row
	// that is put back counts as ended. One that has ended keeps its first reason.
	// Unless tokensUntil is zero, every access token of the grant is revoked;
	// they live until then at most.
	EndFamily(ctx context.Context, id string, at, tokensUntil time.Time, reason string) error
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
	EndWithdrawn       = "the person withdrew what they had allowed"
)

// Families gives out refresh tokens and replaces each at its use.
type Families struct {
	Store     FamilyStore
	Box       *seal.Box
	Lifetimes Lifetimes
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock

	// seen are the generations of families seen here.
	seen generations
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

// ErrRefreshAltered comes with a refusal when the row of a family is not what the
// server wrote last: somebody changed it, or put an old one back. After the
// instance's key was lost, every row is such.
var ErrRefreshAltered = errors.New("token: the row of a refresh family was changed or put back, or sealed with another key")

// errBadRefresh is the one refusal of every refresh token that does not work.
var errBadRefresh = oauth.Refuse(oauth.InvalidGrant, "the refresh token is unknown, expired, used, ended, or of another client")

func badRefresh(rule tandem.Rule) *oauth.Error { return By(rule, errBadRefresh) }

// Number is the token's in the chain of its family, from 1.
func (t *RefreshToken) Number() int64 { return t.number }

// IsRefreshToken reports whether text has the form of a refresh token.
func IsRefreshToken(text string) bool {
	return len(text) == refreshLength && text[:len(refreshPrefix)] == refreshPrefix
}

// New makes a family for what a code grants, and its first token. It lives
// once [Codes.Use] has stored it. The id is one of [NewGrantID]. key is the thumbprint
// of the key that the request has a proof by: a public application's tokens are bound to
// it, a confidential one's to its credential (RFC 9449 section 5).
func (f *Families) New(grantID string, code StoredCode, u *tandem.User, scope tandem.Scope, client tandem.ClientType, key string) (*Family, string, error) {
	now := f.Clock.Now()
	id, err := uuid.Parse(grantID)
	if err != nil {
		return nil, "", err
	}
	secret := make([]byte, sha256.Size)
	rand.Read(secret)
	family := &Family{
		ID: id.String(), ApplicationURI: code.ApplicationURI, UserID: u.ID, UserType: u.Type,
		SignInID: code.SignInID, AuthTime: code.AuthTime, Authentication: code.Authentication, Scope: scope, Claims: code.Claims,
		CreatedAt: now, ExpiresAt: now.Add(f.Lifetimes.refresh(client)),
		Generation: 1, RotatedAt: now,
	}
	if client == tandem.ClientPublic {
		family.KeyThumbprint = key
	}
	family.Secret = f.Box.Seal(secret, family.place())
	return family, derive(id, 1, secret), nil
}

// place binds the sealed secret to its row and to everything that the row says
// while the family lives.
func (f *Family) place() string {
	place := fmt.Sprintf("refresh_families|secret|%s|%q|%q|%q|%q|%d|%q|%d|%d|%d|%d", f.ID, f.ApplicationURI, f.UserID, f.UserType, f.SignInID,
		f.AuthTime.UnixMicro(), f.Scope.String(), f.CreatedAt.UnixMicro(), f.ExpiresAt.UnixMicro(), f.Generation, f.RotatedAt.UnixMicro())
	if claims := f.Claims.String(); claims != "" { // families of before have none
		place += "|" + claims
	}
	if f.KeyThumbprint != "" {
		place += "|key " + f.KeyThumbprint
	}
	if how := f.Authentication.String(); how != "" {
		place += "|by " + how
	}
	return place
}

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
// everything that no family has given out, with the family where that has ended.
func (f *Families) open(ctx context.Context, text string) (RefreshToken, error) {
	if !IsRefreshToken(text) {
		return RefreshToken{}, badRefresh(tandem.RuleRefreshUnknown)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text[len(refreshPrefix):])
	if err != nil || len(b) != refreshBytes { // the decoder passes over line breaks
		return RefreshToken{}, badRefresh(tandem.RuleRefreshUnknown)
	}
	id := uuid.UUID(b[:idBytes])
	number := int64(binary.BigEndian.Uint64(b[idBytes:]))
	family, secret, err := f.family(ctx, id.String())
	if err != nil {
		return RefreshToken{Family: family, number: number}, err
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(b[:idBytes+generationBytes])
	if !hmac.Equal(mac.Sum(nil), b[idBytes+generationBytes:]) {
		return RefreshToken{}, badRefresh(tandem.RuleRefreshUnknown)
	}
	return RefreshToken{
		Family: family,
		id:     id,
		number: number,
		secret: secret,
	}, nil
}

// family reads a family that lives, and opens its secret. A row that was changed,
// was put back after its end, or is older than one seen here counts as none.
func (f *Families) family(ctx context.Context, id string) (Family, []byte, error) {
	seen := f.seen.get(id) // before the row: it may grow meanwhile
	family, err := f.Store.Family(ctx, id)
	if errors.Is(err, tandem.ErrNotFound) {
		return Family{}, nil, badRefresh(tandem.RuleRefreshUnknown)
	}
	if err != nil {
		return Family{}, nil, err
	}
	if !family.EndedAt.IsZero() {
		return family, nil, badRefresh(tandem.RuleRefreshEnded)
	}
	secret, err := f.Box.Open(family.Secret, family.place())
	if err != nil || family.Generation < seen {
		return Family{}, nil, errors.Join(ErrRefreshAltered, badRefresh(tandem.RuleRefreshAltered))
	}
	f.seen.put(id, family.Generation)
	return family, secret, nil
}

// Find looks a token up without using it: the caller checks the person and
// the scope before [Families.Rotate]. The family belongs to the application.
// Use of a replaced token, outside the retry window, ends the family; the
// error is then joined with [ErrRefreshReplayed], and the token is returned too.
//
// key is the thumbprint of the key that the request has a proof by. A token that is
// bound to another is left alone too: who stole it learns nothing and ends nothing.
func (f *Families) Find(ctx context.Context, text, applicationURI, key string) (RefreshToken, error) {
	t, err := f.open(ctx, text)
	if err != nil {
		if t.ApplicationURI != applicationURI {
			t = RefreshToken{}
		}
		return t, err
	}
	// A stranger's token is left alone: presenting it must not be a way to
	// end somebody else's grant.
	if t.ApplicationURI != applicationURI {
		return RefreshToken{}, badRefresh(tandem.RuleRefreshOtherApp)
	}
	if t.KeyThumbprint != "" && t.KeyThumbprint != key {
		return RefreshToken{}, errOtherKey
	}
	return t, f.usable(ctx, &t)
}

// errOtherKey is for a token that its client must prove a key for.
var errOtherKey = Refuse(tandem.RuleProofKey, oauth.InvalidGrant, "the refresh token is bound to a key: send a DPoP proof by it")

// usable says why a token must not be used now, as far as its family tells; a
// replay ends the family.
func (f *Families) usable(ctx context.Context, t *RefreshToken) error {
	now := f.Clock.Now()
	if !t.livesAt(now) {
		return badRefresh(tandem.RuleRefreshExpired)
	}
	if f.current(t, now) {
		return nil
	}
	if err := f.Store.EndFamily(ctx, t.ID, now, f.Lifetimes.accessUntil(now), EndReplayed); err != nil {
		return err
	}
	return errors.Join(ErrRefreshReplayed, badRefresh(tandem.RuleRefreshReplayed))
}

// Rotate uses a token that Find returned, and returns its successor. A retry
// within the window gets the same successor again; so do requests at the same
// moment, on whichever replica. It refuses when the family has ended meanwhile, so
// that a refresh in flight cannot outlive a sign-out.
func (f *Families) Rotate(ctx context.Context, t RefreshToken) (successor string, err error) {
	for {
		if t.number == t.Generation {
			next := t.Family
			next.Generation, next.RotatedAt = t.Generation+1, f.Clock.Now()
			done, err := f.Store.Rotate(ctx, t.ID, t.Generation, next.RotatedAt, f.Box.Seal(t.secret, next.place()))
			if err != nil {
				return "", err
			}
			if done {
				f.seen.put(t.ID, next.Generation)
				return derive(t.id, t.number+1, t.secret), nil
			}
		}
		// A retry; or somebody was faster, or the family has just ended.
		if t.Family, t.secret, err = f.family(ctx, t.ID); err != nil {
			return "", err
		}
		if err := f.usable(ctx, &t); err != nil {
			return "", err
		}
		if t.number < t.Generation {
			return derive(t.id, t.number+1, t.secret), nil
		}
	}
}

// Keep uses a token that Find returned and leaves it in its place: the FAPI 2.0 Security
// Profile forbids rotation (section 5.3.2.1), as its clients prove a key with each use. It
// reads the family once more, so that a refresh in flight cannot outlive a sign-out. One
// that was replaced, before the application was held to the profile, gets its successor.
func (f *Families) Keep(ctx context.Context, t RefreshToken) (newest string, err error) {
	if t.Family, t.secret, err = f.family(ctx, t.ID); err != nil {
		return "", err
	}
	if err := f.usable(ctx, &t); err != nil {
		return "", err
	}
	return derive(t.id, t.Generation, t.secret), nil
}

// Look says of a token whether it could be used now, and of what family it is. It
// uses nothing up and ends nothing.
func (f *Families) Look(ctx context.Context, text, applicationURI string) (Family, error) {
	t, err := f.open(ctx, text)
	if err != nil {
		return Family{}, err
	}
	now := f.Clock.Now()
	if t.ApplicationURI != applicationURI || !t.livesAt(now) || !f.current(&t, now) {
		return Family{}, errBadRefresh
	}
	return t.Family, nil
}

// boundRetry is for how long a client that proves its key may fetch the last successor
// again: phones lose answers in dead spots, and a thief has not the key.
const boundRetry = 24 * time.Hour

// current reports whether a token is the family's newest one, or the one before
// within the retry window.
func (f *Families) current(t *RefreshToken, now time.Time) bool {
	retry := f.Lifetimes.retry()
	if t.KeyThumbprint != "" {
		retry = max(retry, boundRetry)
	}
	return t.number == t.Generation || t.number == t.Generation-1 && now.Sub(t.RotatedAt) <= retry && !ahead(t.RotatedAt, now)
}

// Revoke ends the family of a token (RFC 7009). A token that is unknown or of
// another application is no error and reveals nothing: the family is that which this
// call ended, or empty.
func (f *Families) Revoke(ctx context.Context, text, applicationURI string) (Family, error) {
	t, err := f.open(ctx, text)
	var refusal *oauth.Error
	if errors.As(err, &refusal) || err == nil && t.ApplicationURI != applicationURI {
		return Family{}, nil
	}
	if err != nil {
		return Family{}, err
	}
	return t.Family, f.End(ctx, t.ID, EndRevoked)
}

// End ends one family for the reason, with every access token of its grant.
func (f *Families) End(ctx context.Context, id, reason string) error {
	now := f.Clock.Now()
	return f.Store.EndFamily(ctx, id, now, f.Lifetimes.accessUntil(now), reason)
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

// TokensUntil is when the last access token of a grant that ends now is of no use any more.
func (f *Families) TokensUntil(now time.Time) time.Time { return f.Lifetimes.accessUntil(now) }

// Purge forgets families that expired long ago.
func (f *Families) Purge(ctx context.Context) error {
	return f.Store.PurgeFamilies(ctx, f.Clock.Now().Add(-7*24*time.Hour))
}

// generations remembers the newest generation of the families seen lately, in
// bounded memory: when one map is full it becomes the older one.
type generations struct {
	lock     sync.Mutex
	new, old map[string]int64
}

// maxGenerations is how many are remembered for sure.
const maxGenerations = 50_000

func (g *generations) get(id string) int64 {
	g.lock.Lock()
	defer g.lock.Unlock()
	return max(g.new[id], g.old[id])
}

func (g *generations) put(id string, generation int64) {
	g.lock.Lock()
	defer g.lock.Unlock()
	if _, there := g.new[id]; !there && (g.new == nil || len(g.new) >= maxGenerations) {
		g.old, g.new = g.new, map[string]int64{}
	}
	g.new[id] = max(generation, g.new[id], g.old[id])
}
