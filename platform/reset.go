package platform

import (
	"context"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
)

// ResetLink makes a one-time link by which somebody sets a new password. It stands
// nowhere else. The root is the instance's public one; empty means that of the replica
// that was last seen.
func (a *Administration) ResetLink(ctx context.Context, by tandem.By, login, root string, valid time.Duration) (link string, expires time.Time, err error) {
	if root == "" {
		if root, err = data.NewFindings(a.DB).LastURL(ctx); err != nil {
			return "", time.Time{}, err
		}
	}
	if root == "" {
		return "", time.Time{}, tandem.Errorf(tandem.CodeInvalid, "no instance has run on this database lately: name its public root, --url URL")
	}
	if root, err = RootURL(root); err != nil {
		return "", time.Time{}, tandem.Errorf(tandem.CodeInvalid, "public root: %s", err)
	}
	path, expires, err := a.Accounts.NewReset(ctx, by, login, valid)
	return root + path, expires, err
}
