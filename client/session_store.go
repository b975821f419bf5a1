package client

import (
	"context"
	"time"
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
	// CreatedAt and ExpiresAt stay as they are. It reports false, without an error, when the row has another version or
	// is gone; it never creates a row.
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
