package registry

import (
	"context"
	"time"

	"github.com/hybridapps/tandem"
)

// KeepDeleted is for how long a deleted application can be restored.
const KeepDeleted = 30 * 24 * time.Hour

// Delete deletes an application, revokes its credentials and ends every grant. An
// application registered with the same name later inherits nothing. For [KeepDeleted]
// it can be restored.
func (t *TrustedApps) Delete(ctx context.Context, by tandem.By, applicationURI string) error {
	was, err := t.Store.ByURI(ctx, applicationURI)
	if err != nil {
		return err
	}
	if err := t.Store.Delete(ctx, applicationURI, t.Clock.Now(), by.Login); err != nil {
		return err
	}
	if err := t.Grants.EndApplication(ctx, applicationURI); err != nil {
		return err
	}
	return t.record(ctx, by, "application deleted", &was, nil)
}

// Restore brings a deleted application back with its attributes: by its id, or the one
// of an ApplicationURI that was deleted last. It is switched off, has no credential that
// is good, no classic secret and no grants, and no token of before is good for it: it
// counts as made now. Where the name was taken meanwhile, the error is
// [tandem.CodeConflict]. A System User that is gone is left out.
func (t *TrustedApps) Restore(ctx context.Context, by tandem.By, idOrURI string) (tandem.TrustedApp, error) {
	was, err := t.Store.Deleted(ctx, idOrURI)
	if err != nil {
		return tandem.TrustedApp{}, err
	}
	what := "application restored, without credentials and grants"
	gone := t.checkSystemUser(ctx, was.SystemUserID)
	switch tandem.ErrorCode(gone) {
	case "":
	case tandem.CodeInvalid:
		what += "; its System User is gone"
	default:
		return tandem.TrustedApp{}, gone
	}
	a, err := t.Store.Restore(ctx, was.ID, t.Clock.Now(), func(a tandem.TrustedApp) tandem.TrustedApp {
		a.Enabled, a.SecretHash = false, ""
		if gone != nil {
			a.SystemUserAllowed, a.SystemUserID = false, ""
		}
		return a
	})
	if err != nil {
		return tandem.TrustedApp{}, err
	}
	return a, t.record(ctx, by, what, nil, &a)
}

// Purge forgets the credentials that were revoked longer than [KeepRevoked] ago, and the
// applications that were deleted longer than [KeepDeleted] ago.
func (t *TrustedApps) Purge(ctx context.Context) error {
	now := t.Clock.Now()
	if err := t.Store.PurgeDeleted(ctx, now.Add(-KeepDeleted)); err != nil {
		return err
	}
	return t.Store.PurgeCredentials(ctx, now.Add(-KeepRevoked))
}
