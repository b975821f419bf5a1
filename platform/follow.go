package platform

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/registry"
)

// follower lets the live view of this process know at once what the process
// itself has changed; other processes learn of it within a second. In an
// administration by command there is no view.
type follower struct{ live *registry.Registry }

// follow is called after each change. What was changed is changed whatever comes
// of it: the view asks again every second.
func (f follower) follow(ctx context.Context, err error) error {
	if err == nil && f.live != nil {
		_ = f.live.CatchUp(ctx)
	}
	return err
}

type followedApps struct {
	*data.Applications
	follower
}

// Create implements [registry.AppStore].
func (s followedApps) Create(ctx context.Context, a tandem.TrustedApp) (tandem.TrustedApp, error) {
	a, err := s.Applications.Create(ctx, a)
	return a, s.follow(ctx, err)
}

// Update implements [registry.AppStore].
func (s followedApps) Update(ctx context.Context, uri string, now time.Time,
	change func(old tandem.TrustedApp) (tandem.TrustedApp, error),
) (tandem.TrustedApp, error) {
	a, err := s.Applications.Update(ctx, uri, now, change)
	return a, s.follow(ctx, err)
}

// Delete implements [registry.AppStore].
func (s followedApps) Delete(ctx context.Context, uri string, now time.Time, by string) error {
	return s.follow(ctx, s.Applications.Delete(ctx, uri, now, by))
}

// Restore implements [registry.AppStore].
func (s followedApps) Restore(ctx context.Context, id string, now time.Time,
	change func(tandem.TrustedApp) tandem.TrustedApp,
) (tandem.TrustedApp, error) {
	a, err := s.Applications.Restore(ctx, id, now, change)
	return a, s.follow(ctx, err)
}

// ChangeCredentials implements [registry.AppStore].
func (s followedApps) ChangeCredentials(ctx context.Context, uri string, now time.Time,
	change func(tandem.TrustedApp) (registry.CredentialChange, error),
) error {
	return s.follow(ctx, s.Applications.ChangeCredentials(ctx, uri, now, change))
}

type followedUsers struct {
	*data.Users
	follower
}

// Update implements [signin.Users].
func (s followedUsers) Update(ctx context.Context, id string, change func(old signin.Account) (signin.Account, error)) (signin.Account, error) {
	a, err := s.Users.Update(ctx, id, change)
	return a, s.follow(ctx, err)
}

type followedFamilies struct {
	*data.Refresh
	follower
}

// EndFamily implements [token.FamilyStore].
func (s followedFamilies) EndFamily(ctx context.Context, id string, at, tokensUntil time.Time, reason string) error {
	return s.follow(ctx, s.Refresh.EndFamily(ctx, id, at, tokensUntil, reason))
}

type followedConsents struct {
	*data.Consents
	follower
}

// Withdraw implements [signin.GrantStore].
func (s followedConsents) Withdraw(ctx context.Context, w signin.Withdrawal) (bool, error) {
	found, err := s.Consents.Withdraw(ctx, w)
	return found, s.follow(ctx, err)
}

type followedCodes struct {
	*data.Codes
	follower
}

// TakeBackCode implements [token.CodeStore].
func (s followedCodes) TakeBackCode(ctx context.Context, hash [sha256.Size]byte, at, tokensUntil time.Time) (bool, error) {
	gave, err := s.Codes.TakeBackCode(ctx, hash, at, tokensUntil)
	return gave, s.follow(ctx, err)
}

type followedRevocations struct {
	*data.Revoked
	follower
}

// Revoke implements [identity.Revocations].
func (s followedRevocations) Revoke(ctx context.Context, t registry.RevokedToken) error {
	return s.follow(ctx, s.Revoked.Revoke(ctx, t))
}

type followedPermissions struct {
	*data.Permissions
	follower
}

// DeleteGroup implements [permission.Store].
func (s followedPermissions) DeleteGroup(ctx context.Context, id string) error {
	return s.follow(ctx, s.Permissions.DeleteGroup(ctx, id))
}

// PutMember implements [permission.Store].
func (s followedPermissions) PutMember(ctx context.Context, groupID, userID string) (bool, error) {
	there, err := s.Permissions.PutMember(ctx, groupID, userID)
	return there, s.follow(ctx, err)
}

// RemoveMember implements [permission.Store].
func (s followedPermissions) RemoveMember(ctx context.Context, groupID, userID string) (bool, error) {
	there, err := s.Permissions.RemoveMember(ctx, groupID, userID)
	return there, s.follow(ctx, err)
}

// PutKey implements [permission.Store].
func (s followedPermissions) PutKey(ctx context.Context, k permission.Key) error {
	return s.follow(ctx, s.Permissions.PutKey(ctx, k))
}

// ChangeGrant implements [permission.Store].
func (s followedPermissions) ChangeGrant(ctx context.Context, groupID string, k permission.Key,
	change func(had *permission.Grant) (*permission.Grant, error),
) error {
	return s.follow(ctx, s.Permissions.ChangeGrant(ctx, groupID, k, change))
}
