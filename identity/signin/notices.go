package signin

import (
	"context"

	"github.com/hybridapps/tandem"
)

// Notice is something about their account that a person is told by mail: if it was not
// them, they should know.
type Notice string

// The notices.
const (
	PasswordChanged Notice = "password changed"
	FactorAdded     Notice = "factor added"
	FactorRemoved   Notice = "factor removed"
	RecoveryMade    Notice = "recovery codes made"
	RecoveryUsed    Notice = "recovery code used"
	OutsideLinked   Notice = "linked to an outside provider"
	OutsideUnlinked Notice = "unlinked from an outside provider"
	TokenMade       Notice = "access token made"
	// FactorsWrong is for many wrong second factors after the right password.
	FactorsWrong Notice = "wrong second factors"
)

// Notifier sends mail to people.
type Notifier interface {
	// Notify tells a person of something that has happened. It puts the mail into a queue,
	// and tells nobody whose address is not verified.
	Notify(ctx context.Context, u *tandem.User, n Notice) error
	// Reset sends a person the link for a new password, of which the path is given.
	Reset(ctx context.Context, u *tandem.User, path string) error
}

func (a *Accounts) notify(ctx context.Context, u *tandem.User, n Notice) error {
	if a.Notifier == nil {
		return nil
	}
	return a.Notifier.Notify(ctx, u, n)
}
