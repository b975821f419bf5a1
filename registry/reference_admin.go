package registry

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/paging"
)

// MaxReferenceTokens is how many live reference tokens one account can have for one
// application.
const MaxReferenceTokens = 100

// For how long reference tokens that have ended stay listed, and for how long the
// networks are known that they were used from.
const (
	ReferencesKept      = 400 * 24 * time.Hour
	ReferencePlacesKept = 8 * 24 * time.Hour
)

const subjectReference = "reference_token"

// ReferenceStore keeps reference tokens.
type ReferenceStore interface {
	References
	// AddReference adds one, unless its account has as many live ones of the
	// application: that is [tandem.CodeConflict].
	AddReference(ctx context.Context, t tandem.ReferenceToken, hash [sha256.Size]byte, most int) error
	// PageReferences is at most limit tokens that the filter chooses, the newest first,
	// after the one with the id; an empty one is before all.
	PageReferences(ctx context.Context, f ReferenceFilter, after string, limit int) ([]ListedReference, error)
	// RevokeReference reports whether the token was revoked now, and had not been
	// before. One that was never made is not found: nothing is revoked.
	RevokeReference(ctx context.Context, id, by string, at time.Time) (revoked bool, err error)
	// ReplaceReference lets a token that is not revoked end at the time, or revokes it
	// where that is not after the making of its successor, which it adds; both or
	// neither. One that was revoked, or has a live successor, is [tandem.CodeConflict], and
	// so is an account that has as many live ones besides.
	ReplaceReference(ctx context.Context, id string, until time.Time, successor tandem.ReferenceToken, hash [sha256.Size]byte, most int) error
	// ReferencesUsed writes down how tokens were used, and takes what it has written
	// out of the map.
	ReferencesUsed(ctx context.Context, uses map[string]*ReferenceUse) error
	// PurgeReferences deletes tokens that expired, and networks that were used last,
	// before the times.
	PurgeReferences(ctx context.Context, expiredBefore, usedBefore time.Time) error
}

// ReferenceFilter chooses reference tokens. What is empty chooses all.
type ReferenceFilter struct {
	ApplicationURI, UserID string
	Kind                   tandem.ReferenceKind
	// LiveAt chooses those that are neither revoked nor expired at the time.
	LiveAt time.Time
	// UnusedSince chooses those that are older and were not used since.
	UnusedSince time.Time
	// ExpiresBefore chooses those that expire before the time.
	ExpiresBefore time.Time
}

// ListedReference is a reference token in a list, with the login that it acts as.
type ListedReference struct {
	tandem.ReferenceToken
	User string
}

// ReferenceTokens administers reference tokens. All fields but Clock are required.
// What ends one holds in this process at once and on every replica within a second, or
// within [MaxStale], after which a replica that the database does not answer refuses
// all calls.
type ReferenceTokens struct {
	Store    ReferenceStore
	Apps     AppStore
	Accounts Accounts
	// Sessions ends the session of a token that was revoked.
	Sessions interface {
		CloseByKey(ctx context.Context, key string, reason tandem.EndReason) error
	}
	// Tell tells a person of a token that was made to act as them; nil tells nobody.
	Tell  func(ctx context.Context, u *tandem.User) error
	Audit tandem.Auditor
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// NewReference is what to make a reference token of.
type NewReference struct {
	// ID is a UUIDv7 that was made before, with the form that the token is made by; empty
	// makes one. A second token with it is [tandem.CodeConflict].
	ID             string
	Kind           tandem.ReferenceKind
	ApplicationURI string
	// Login is the person of a PAT; a SAT has none.
	Login string
	// Scope is one or more of the scopes that the half of the application may have.
	Scope tandem.Scope
	// Name is for people; it may be empty.
	Name string
	// ExpiresAt is at most [tandem.MaxReferenceLife] away.
	ExpiresAt time.Time
}

// Create makes a reference token and returns its text, which exists nowhere else and is
// shown once.
func (t *ReferenceTokens) Create(ctx context.Context, by tandem.By, n NewReference) (tandem.ReferenceToken, string, error) {
	token := tandem.ReferenceToken{ID: n.ID, Kind: n.Kind, ApplicationURI: n.ApplicationURI, Name: n.Name, Scope: n.Scope, ExpiresAt: n.ExpiresAt}
	text, hash, err := t.prepare(ctx, by, &token, n.Login)
	if err != nil {
		return tandem.ReferenceToken{}, "", err
	}
	if err := t.Store.AddReference(ctx, token, hash, MaxReferenceTokens); err != nil {
		return tandem.ReferenceToken{}, "", err
	}
	err = t.record(ctx, by, &token, strings.ToUpper(string(token.Kind))+" created", nil, referenceAttributes(&token))
	return token, text, errors.Join(err, t.tell(ctx, &token))
}

// tell tells a person of a token of theirs: whoever made it acts as them, also after
// another password.
func (t *ReferenceTokens) tell(ctx context.Context, token *tandem.ReferenceToken) error {
	if t.Tell == nil || token.Kind != tandem.ReferencePAT {
		return nil
	}
	u, err := t.Accounts.UserByID(ctx, token.UserID)
	if err != nil {
		return err
	}
	return t.Tell(ctx, &u)
}

// prepare checks what is to be made and fills in the rest.
func (t *ReferenceTokens) prepare(ctx context.Context, by tandem.By, token *tandem.ReferenceToken, login string) (text string, hash [sha256.Size]byte, err error) {
	if token.ID == "" {
		id, err := uuid.NewV7() // the newest is the last
		if err != nil {
			return "", hash, err
		}
		token.ID = id.String()
	}
	token.CreatedAt, token.CreatedBy, token.CreatedFrom = t.Clock.Now().UTC().Truncate(time.Microsecond), by.Login, by.From
	token.ExpiresAt = token.ExpiresAt.UTC().Truncate(time.Microsecond)
	if err := checkReferenceWords(token); err != nil {
		return "", hash, err
	}
	a, err := t.Apps.ByURI(ctx, token.ApplicationURI)
	if err != nil {
		return "", hash, err
	}
	token.ApplicationID = a.ID
	u, err := t.account(ctx, &a, token.Kind, login)
	if err != nil {
		return "", hash, err
	}
	token.UserID = u.ID
	if err := checkReference(NewApp(a), &u, token); err != nil {
		return "", hash, err
	}
	digits := make([]byte, sha256.Size)
	rand.Read(digits)
	text = tandem.ReferencePrefix + strings.ToUpper(hex.EncodeToString(digits))
	return text, sha256.Sum256([]byte(text)), nil
}

func checkReferenceWords(t *tandem.ReferenceToken) error {
	switch {
	case t.Kind != tandem.ReferencePAT && t.Kind != tandem.ReferenceSAT:
		return invalid("kind %q: use %s for a person's token or %s for the System User's", tandem.Clip(string(t.Kind), shown), tandem.ReferencePAT, tandem.ReferenceSAT)
	case len(t.Name) > MaxName || tandem.HasControl(t.Name):
		return invalid("name: use at most %d bytes of printable text", MaxName)
	case len(t.Scope) == 0:
		return invalid("scope: say what the token may do, such as %s", tandem.ScopeRead)
	case !t.ExpiresAt.After(t.CreatedAt):
		return invalid("the token would expire before it can be used")
	case t.ExpiresAt.Sub(t.CreatedAt) > tandem.MaxReferenceLife:
		return invalid("a reference token lives for at most %d days; make a new one in time (tandem token roll)", tandem.MaxReferenceLife/(24*time.Hour))
	}
	return nil
}

// account finds as whom the token acts.
func (t *ReferenceTokens) account(ctx context.Context, a *tandem.TrustedApp, kind tandem.ReferenceKind, login string) (tandem.User, error) {
	if kind == tandem.ReferencePAT {
		if login == "" {
			return tandem.User{}, invalid("name the person that the token acts as")
		}
		return t.Accounts.UserByLogin(ctx, login)
	}
	if login != "" {
		return tandem.User{}, invalid("a SAT acts as the System User of its application; name no user")
	}
	if !a.SystemUserAllowed || a.SystemUserID == "" {
		return tandem.User{}, invalid("%s may not act as a System User; allow it first: tandem app update %[1]s --system-user LOGIN", a.ApplicationURI)
	}
	return t.Accounts.UserByID(ctx, a.SystemUserID)
}

// checkReference says why the account may not have such a token of the application, and
// how to mend it.
func checkReference(a *App, u *tandem.User, t *tandem.ReferenceToken) error {
	uri := a.ApplicationURI
	limit := a.ReferenceScope(t.Kind)
	switch {
	case !a.Enabled:
		return invalid("%s is switched off: tandem app enable %[1]s", uri)
	case !u.Enabled:
		return invalid("the account %s is switched off: tandem user enable %[1]s", u.Login)
	case a.BoundOnly:
		return invalid("%s has tokens alone that are bound to a key (--fapi, --dpop-only), and reference tokens are bound to none", uri)
	case a.AccessTokens == tandem.AccessTokensNone:
		return invalid("%s admits no reference tokens; say who may have them: tandem app update %[1]s --access-tokens users, or admins", uri)
	case t.Kind == tandem.ReferencePAT && u.Type == tandem.SystemUserNoLogin:
		return invalid("%s is a System User: what acts as it is a SAT of its application", u.Login)
	case t.Kind == tandem.ReferencePAT && u.Type != tandem.InternalUser:
		return invalid("%s is an external user, who signs in for identity only and has no token for the API", u.Login)
	case t.Kind == tandem.ReferencePAT && !a.AllowsPAT(u):
		return invalid("%s admits tokens of administrators only, and %s is none: tandem app update %[1]s --access-tokens users", uri, u.Login)
	case t.Kind == tandem.ReferenceSAT && u.Type != tandem.SystemUserNoLogin:
		return invalid("%s is no System User; give %s one: tandem app update %[2]s --system-user LOGIN", u.Login, uri)
	case !t.Scope.Within(limit):
		return invalid("scope %q: the %s half of %s may have %q", tandem.Clip(t.Scope.String(), shown), t.Kind.Flow(), uri, limit)
	}
	return nil
}

// Get returns one reference token.
func (t *ReferenceTokens) Get(ctx context.Context, id string) (tandem.ReferenceToken, error) {
	return t.Store.ReferenceByID(ctx, id)
}

// List are the reference tokens that the filter chooses, the newest first.
func (t *ReferenceTokens) List(ctx context.Context, f ReferenceFilter) iter.Seq2[ListedReference, error] {
	return paging.All(func(after *ListedReference, limit int) ([]ListedReference, error) {
		if after == nil {
			after = &ListedReference{}
		}
		return t.Store.PageReferences(ctx, f, after.ID, limit)
	})
}

// Revoke ends a reference token at once. Its session ends with it; where another replica
// still takes the token for a moment, the one that it opens ends with the next round.
// One that was revoked before
// stays as it is.
func (t *ReferenceTokens) Revoke(ctx context.Context, by tandem.By, id string) error {
	token, err := t.Store.ReferenceByID(ctx, id)
	if err != nil {
		return err
	}
	now := t.Clock.Now()
	revoked, err := t.Store.RevokeReference(ctx, id, by.Login, now)
	if err != nil {
		return err
	}
	if revoked {
		err = t.record(ctx, by, &token, strings.ToUpper(string(token.Kind))+" revoked",
			tandem.Attributes{"revoked_at": ""}, tandem.Attributes{"revoked_at": timeWord(now)})
		if err != nil {
			return err
		}
	}
	return t.Sessions.CloseByKey(ctx, id, tandem.EndRevoked)
}

// RevokeOf ends the live personal access tokens of somebody, and says how many: for an
// account that others may have been in. What fails holds up none of the others.
func (t *ReferenceTokens) RevokeOf(ctx context.Context, by tandem.By, userID string) (n int, err error) {
	f := ReferenceFilter{UserID: userID, Kind: tandem.ReferencePAT, LiveAt: t.Clock.Now()}
	for token, unread := range t.List(ctx, f) {
		if unread != nil {
			return n, errors.Join(err, unread)
		}
		failed := t.Revoke(ctx, by, token.ID)
		if failed == nil {
			n++
		}
		err = errors.Join(err, failed)
	}
	return n, err
}

// Roll makes the successor of a token, for the same account, application and scope, with
// its name. The old one ends after the overlap, or at once where that is zero. The text
// of the new one is shown once.
func (t *ReferenceTokens) Roll(ctx context.Context, by tandem.By, id string, overlap time.Duration, expiresAt time.Time) (tandem.ReferenceToken, string, error) {
	return t.RollTo(ctx, by, id, "", overlap, expiresAt)
}

// RollTo is Roll with the id of the successor, as [NewReference] has it.
func (t *ReferenceTokens) RollTo(ctx context.Context, by tandem.By, id, successor string, overlap time.Duration, expiresAt time.Time) (tandem.ReferenceToken, string, error) {
	old, err := t.Store.ReferenceByID(ctx, id)
	if err != nil {
		return tandem.ReferenceToken{}, "", err
	}
	if overlap < 0 {
		return tandem.ReferenceToken{}, "", invalid("the overlap is negative: use 0 or a span such as 24h")
	}
	token := tandem.ReferenceToken{
		ID: successor, Kind: old.Kind, ApplicationURI: old.ApplicationURI, Name: old.Name, Scope: old.Scope, ExpiresAt: expiresAt, SuccessorOf: old.ID,
	}
	login := ""
	if old.Kind == tandem.ReferencePAT {
		u, err := t.Accounts.UserByID(ctx, old.UserID)
		if err != nil {
			return tandem.ReferenceToken{}, "", err
		}
		login = u.Login
	}
	text, hash, err := t.prepare(ctx, by, &token, login)
	if err != nil {
		return tandem.ReferenceToken{}, "", err
	}
	until := token.CreatedAt.Add(overlap)
	if err := t.Store.ReplaceReference(ctx, id, until, token, hash, MaxReferenceTokens); err != nil {
		return tandem.ReferenceToken{}, "", err
	}
	is := referenceAttributes(&token)
	is["predecessor_ends_at"] = timeWord(until)
	err = t.record(ctx, by, &token, strings.ToUpper(string(token.Kind))+" rolled, in the place of "+old.ID, nil, is)
	if err = errors.Join(err, t.tell(ctx, &token)); err != nil || overlap > 0 {
		return token, text, err
	}
	return token, text, t.Sessions.CloseByKey(ctx, id, tandem.EndRevoked)
}

func (t *ReferenceTokens) record(ctx context.Context, by tandem.By, token *tandem.ReferenceToken, what string, was, is tandem.Attributes) error {
	f := tandem.Facts{Subject: tandem.Subject{Kind: subjectReference, ID: token.ID, Name: token.Name}}
	f.Changed(was, is)
	e := by.Recorded(what, f)
	e.At, e.ApplicationURI, e.Flow, e.TokenID = t.Clock.Now(), token.ApplicationURI, token.Kind.Flow(), token.ID
	return t.Audit.Record(ctx, e)
}

func referenceAttributes(t *tandem.ReferenceToken) tandem.Attributes {
	return tandem.Attributes{
		"kind": string(t.Kind), "user_id": t.UserID, "name": t.Name, "scope": t.Scope.String(), "expires_at": timeWord(t.ExpiresAt),
		"successor_of": t.SuccessorOf,
	}
}
