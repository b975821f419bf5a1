package client

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
)

// SessionKey is the SHA-256 of a session cookie. Who reads the store cannot
// make the cookie from it.
type SessionKey [32]byte

// StoredSession is a row of a [SessionStore].
type StoredSession struct {
	Key SessionKey
	// Sealed holds identity and tokens, encrypted and bound to Key and Version:
	// moved to another row, changed, or put back, it is refused.
	Sealed []byte
	// Version is 1 at first and grows by one with each Save.
	Version int64
	// UserID and SignInID (claim sid, may be empty) are for counting and for
	// ending all sessions of a sign-in.
	UserID, SignInID string
	CreatedAt        time.Time
	// ExpiresAt is when the session ends if it is not used; it moves with Touch.
	ExpiresAt time.Time
}

// SessionStore keeps the sessions of a [UserTokens]. Rows hold nothing that can
// be used by who reads them. Implementations are safe for concurrent use, and
// replicas may share one.
type SessionStore interface {
	// Create adds a row; the key is random and new.
	Create(ctx context.Context, s StoredSession) error
	// ByID returns the row or [tandem.ErrNotFound]. It may return expired rows.
	ByID(ctx context.Context, key SessionKey) (StoredSession, error)
	// Save replaces Sealed, UserID and SignInID and sets Version to
	// s.Version, if the row's Version is s.Version-1: a compare-and-swap.
	// CreatedAt and ExpiresAt stay as they are. It reports false, without an
	// error, when the row has another version or is gone; it never creates a
	// row.
	Save(ctx context.Context, s StoredSession) (saved bool, err error)
	// Touch moves ExpiresAt of a row, if it exists.
	Touch(ctx context.Context, key SessionKey, expiresAt time.Time) error
	// Delete removes a row, if it exists.
	Delete(ctx context.Context, key SessionKey) error
	// DeleteSignIn removes all rows of a sign-in at the provider.
	DeleteSignIn(ctx context.Context, signInID string) error
	// Purge removes the rows that expired at or before now and says how many.
	Purge(ctx context.Context, now time.Time) (int, error)
	// Count is how many sessions are live at now, and of how many people.
	Count(ctx context.Context, now time.Time) (sessions, people int, err error)
}

// EndedSignIns is a [SessionStore] by which replicas tell each other of sign-ins that the
// provider has ended, so that one that is being redeemed at another replica leaves no session.
// Without it that session ends when the provider refuses to renew its tokens.
type EndedSignIns interface {
	// EndSignIn notes when a sign-in ended; the note may go after until.
	EndSignIn(ctx context.Context, signInID string, at, until time.Time) error
	// SignInEnded is when a sign-in ended; the zero time where nothing is noted.
	SignInEnded(ctx context.Context, signInID string) (time.Time, error)
}

// sealedState is the text that is sealed into a row. Times are milliseconds
// since 1970.
type sealedState struct {
	Access      string  `json:"a"`
	Issued      int64   `json:"ai"`
	Expires     int64   `json:"ae"`
	Scope       string  `json:"s"`
	Forced      bool    `json:"f,omitempty"`
	Refresh     string  `json:"r,omitempty"`
	IDToken     string  `json:"i"`
	IDTokenAt   int64   `json:"ia,omitempty"` // zero in rows of before: as if it had come when it was issued
	Identity    IDToken `json:"p"`
	Created     int64   `json:"c"`
	AbsoluteEnd int64   `json:"e"`
}

// sessionPlace binds a sealed text to its row and version, and to this
// application at this issuer (spec F32: moved, changed or put back, it is
// refused).
func (t *UserTokens) sessionPlace(key SessionKey, version int64) string {
	return "session|" + t.config.Provider.issuer + "|" + t.config.ApplicationURI +
		"|" + hex.EncodeToString(key[:]) + "|" + strconv.FormatInt(version, 10)
}

func (t *UserTokens) seal(st *userState) (StoredSession, error) {
	text, err := json.Marshal(sealedState{
		Access: st.access.raw(), Issued: st.access.issuedAt.UnixMilli(), Expires: st.access.expiresAt.UnixMilli(),
		Scope: st.access.scope.String(), Forced: st.access.forced,
		Refresh: st.refresh, IDToken: st.idToken, IDTokenAt: st.idTokenAt.UnixMilli(), Identity: st.identity,
		Created: st.createdAt.UnixMilli(), AbsoluteEnd: st.absoluteEnd.UnixMilli(),
	})
	if err != nil {
		return StoredSession{}, err
	}
	return StoredSession{
		Key: st.key, Version: st.version, Sealed: t.config.Box.Seal(text, t.sessionPlace(st.key, st.version)),
		UserID: st.identity.UserID, SignInID: st.identity.SignInID,
		CreatedAt: st.createdAt, ExpiresAt: st.expiresAt,
	}, nil
}

func (t *UserTokens) open(row *StoredSession) (*userState, error) {
	text, err := t.config.Box.Open(row.Sealed, t.sessionPlace(row.Key, row.Version))
	if err != nil {
		return nil, err
	}
	var s sealedState
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	if s.Identity.UserID != row.UserID || s.Identity.SignInID != row.SignInID {
		return nil, errors.New("the row names another person or sign-in than its sealed part")
	}
	st := &userState{
		key: row.Key, version: row.Version, expiresAt: row.ExpiresAt,
		createdAt: time.UnixMilli(s.Created).UTC(), absoluteEnd: time.UnixMilli(s.AbsoluteEnd).UTC(),
		access:  newAccessToken(s.Access),
		refresh: s.Refresh, idToken: s.IDToken, identity: s.Identity, idTokenAt: s.Identity.IssuedAt,
	}
	if s.IDTokenAt != 0 {
		st.idTokenAt = time.UnixMilli(s.IDTokenAt).UTC()
	}
	a := st.access
	a.scope, a.forced, a.identity = tandem.ParseScope(s.Scope), s.Forced, s.Identity.Login
	a.issuedAt, a.expiresAt = time.UnixMilli(s.Issued).UTC(), time.UnixMilli(s.Expires).UTC()
	a.plan(0)
	return st, nil
}
