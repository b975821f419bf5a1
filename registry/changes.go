package registry

import (
	"context"
	"time"

	"github.com/hybridapps/tandem"
)

// Changes tells what has changed. The changes of a kind are numbered in the order
// of their commits: who has seen a number has seen every smaller one, whatever
// the clocks of the replicas say.
type Changes interface {
	// Newest are the numbers of the newest changes.
	Newest(ctx context.Context) (Marks, error)
	// AppsAfter tells each application that changed after the change with the
	// number, in its newest state and in the order of the changes. After 0 those
	// that were deleted are left out.
	AppsAfter(ctx context.Context, change int64, tell func(AppChange)) (Part, error)
	// UsersAfter tells the ids of the users that changed after the change with
	// the number.
	UsersAfter(ctx context.Context, change int64, tell func(id string)) error
	// RevokedAfter tells what was revoked after the change with the number, but
	// for what has expired at the time, in the order of the changes.
	RevokedAfter(ctx context.Context, change int64, at time.Time, tell func(RevokedToken)) (Part, error)
}

// Part is how far the changes go that were told at once: as many as a database reads
// in a moment.
type Part struct {
	// Last is the number of the last change, More says that there may be others after it.
	Last int64
	More bool
}

// Marks are numbers of changes, of each kind.
type Marks struct{ Apps, Users, Revocations, Permissions, References int64 }

// AppChange is the newest state of one application.
type AppChange struct {
	// App has what [NewApp] keeps.
	App tandem.TrustedApp
	// Deleted says that the application is gone; of App only ID and
	// ApplicationURI are set.
	Deleted bool
}

// RevokedToken is an access token that must not be accepted any more, or all of
// a grant's.
type RevokedToken struct {
	// ID is the token's jti, or the grant's id.
	ID        string
	RevokedAt time.Time
	// ExpiresAt is when the token has expired anyway and can be forgotten.
	ExpiresAt time.Time
}
