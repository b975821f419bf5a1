package permission

import (
	"context"

	"github.com/hybridapps/tandem"
)

// Store keeps the definitions and who is in which group. Every change counts
// [Definitions].Version up, in the transaction that makes it.
type Store interface {
	// Version is the number of the last change.
	Version(ctx context.Context) (int64, error)
	// Definitions are all of them as of one moment.
	Definitions(ctx context.Context) (Definitions, error)
	// GroupsOf are the ids of the groups that the account was put into, and the
	// version that they are of.
	GroupsOf(ctx context.Context, userID string) (groups []string, version int64, err error)
	// Members are up to limit accounts in a group, in the order of their logins,
	// from the first after the login.
	Members(ctx context.Context, groupID, after string, limit int) ([]tandem.User, error)

	// EachAccount yields every account that may act with the groups that it was put into,
	// in the order of the ids: none that is disabled or deleted.
	EachAccount(ctx context.Context, each func(u *tandem.User, groups []string) error) error

	// PutGroup makes a group, or changes the one with its id. A name that another
	// group has, in any case, is a [tandem.CodeConflict].
	PutGroup(ctx context.Context, g Group) error
	// DeleteGroup deletes a group with its grants and memberships.
	DeleteGroup(ctx context.Context, id string) error
	// PutMember puts an account into a group; there reports whether it was in it.
	PutMember(ctx context.Context, groupID, userID string) (there bool, err error)
	// RemoveMember takes an account out of a group; there reports whether it was in it.
	RemoveMember(ctx context.Context, groupID, userID string) (there bool, err error)
	// PutKey makes a key, unless there is one with its id.
	PutKey(ctx context.Context, k Key) error
	// ChangeGrant changes what a group is granted on a key, which it makes unless there is
	// one with its id. change is given what the group has, nil for nothing, and returns
	// what it is to have; nothing else is changed meanwhile.
	ChangeGrant(ctx context.Context, groupID string, k Key, change func(had *Grant) (*Grant, error)) error
	// AddSets makes the keys of the entity sets that have none, and grants each of
	// these as given: they are new in this version of the program.
	AddSets(ctx context.Context, sets []Key, grants []Grant) error
}
