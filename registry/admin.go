package registry

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/mail"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/paging"
)

// AppStore keeps Trusted Applications. Reads of one that does not exist return
// [tandem.ErrNotFound]. Every change counts the version and stamps ChangedAt,
// later than any change before it.
type AppStore interface {
	// Create fails with [tandem.CodeConflict] when the ApplicationURI is taken
	// by another application or is the login of a user (invariant I7), also
	// when two run at the same moment. The same is true of the Resource, which no other
	// resource, ApplicationURI, issuer or audience is equal to, and of each of its
	// scopes, which is of no other resource; Update and Restore see to it, too.
	Create(ctx context.Context, a tandem.TrustedApp) (tandem.TrustedApp, error)
	ByURI(ctx context.Context, applicationURI string) (tandem.TrustedApp, error)
	// Page is at most limit applications that the filter chooses, by ApplicationURI,
	// after the one with the ApplicationURI; an empty one is before all.
	Page(ctx context.Context, f Filter, after string, limit int) ([]ListedApp, error)
	// Update runs change in a transaction that no other change of the
	// application can enter, and returns what it stored. Identifiers and
	// credentials are kept as they were.
	Update(ctx context.Context, applicationURI string, now time.Time,
		change func(old tandem.TrustedApp) (tandem.TrustedApp, error)) (tandem.TrustedApp, error)
	// Delete leaves a tombstone and revokes the credentials, by whom.
	Delete(ctx context.Context, applicationURI string, now time.Time, by string) error
	// ChangeCredentials adds and changes what change says of the application as it is.
	ChangeCredentials(ctx context.Context, applicationURI string, now time.Time, change func(tandem.TrustedApp) (CredentialChange, error)) error
	// ScopeOwner is the ApplicationURI of the application whose resource has the scope;
	// [tandem.ErrNotFound] where none has it.
	ScopeOwner(ctx context.Context, scope string) (applicationURI string, err error)
	// Deleted is the application with the id, or the last one with the ApplicationURI, as
	// it was when it was deleted, if it can still be restored.
	Deleted(ctx context.Context, idOrURI string) (tandem.TrustedApp, error)
	// Restore brings a deleted application back, with the attributes that change gives it,
	// made now. The errors are those of Create.
	Restore(ctx context.Context, id string, now time.Time, change func(tandem.TrustedApp) tandem.TrustedApp) (tandem.TrustedApp, error)
	// PurgeDeleted forgets all but the ids of those that were deleted before the time.
	PurgeDeleted(ctx context.Context, before time.Time) error
	// PurgeCredentials deletes those that were revoked before the time.
	PurgeCredentials(ctx context.Context, before time.Time) error
}

// Filter chooses applications. What is empty chooses all.
type Filter struct {
	// Text is part of the ApplicationURI or the name, without regard to the case of
	// Latin letters.
	Text       string
	ClientType tandem.ClientType
	// SystemUserID is the account that the back end acts as.
	SystemUserID string
	// Disabled chooses those that are switched off.
	Disabled bool
	// Trash chooses those that were deleted, and can be restored, instead of those that
	// are there.
	Trash bool
}

// ListedApp is an application in a list.
type ListedApp struct {
	tandem.TrustedApp
	// SystemUser is the login of its System User; empty when it has none.
	SystemUser string
	// DeletedAt is zero but in the trash.
	DeletedAt time.Time
}

// Accounts finds users. One that does not exist is [tandem.ErrNotFound].
type Accounts interface {
	UserByID(ctx context.Context, id string) (tandem.User, error)
	UserByLogin(ctx context.Context, login string) (tandem.User, error)
}

// Grants ends what people gave an application.
type Grants interface {
	EndApplication(ctx context.Context, applicationURI string) error
}

// TrustedApps administers Trusted Applications. All fields but Clock are
// required. A change holds on every running replica within five seconds.
type TrustedApps struct {
	Store    AppStore
	Accounts Accounts
	Grants   Grants
	Audit    tandem.Auditor
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// Secrets are the generated secrets of an application, one for each half. They
// exist nowhere else and are shown once; empty where there is none.
type Secrets struct{ User, Service string }

// Create registers an application and generates the secrets of a confidential
// one: for the user flow if people may sign in, for the service flow if it may
// act as a System User. One that brings the hash of its classic secret gets none:
// it has that secret for both; nor does one of FAPI 2.0, to which public keys are
// added. Identifiers, times and credentials in a are ignored.
// by is who does it, for the record.
func (t *TrustedApps) Create(ctx context.Context, by tandem.By, a tandem.TrustedApp) (tandem.TrustedApp, Secrets, error) {
	var secrets Secrets
	a.ID, a.CreatedAt, a.Credentials = uuid.NewString(), t.Clock.Now(), nil
	a.ChangedAt, a.CreatedBy, a.Source = a.CreatedAt, by.Login, by.Via
	if a.SecretHash != "" {
		a.Source = tandem.ViaImport // it goes on with the secret that it had elsewhere
	}
	if a.Name == "" {
		a.Name = a.ApplicationURI
	}
	if a.AccessTokens == "" {
		a.AccessTokens = tandem.AccessTokensNone
	}
	if err := errors.Join(t.check(ctx, &a), checkReferences(&tandem.TrustedApp{}, &a), t.checkOwner(ctx, &a.Owner), t.checkOthers(ctx, &tandem.TrustedApp{}, &a)); err != nil {
		return tandem.TrustedApp{}, secrets, err
	}
	if a.ClientType == tandem.ClientConfidential && a.SecretHash == "" && !a.FAPI {
		if a.InternalUsers || a.ExternalUsers {
			var c tandem.Credential
			c, secrets.User = newSecret(tandem.FlowUser, by, a.CreatedAt)
			a.Credentials = append(a.Credentials, c)
		}
		if a.SystemUserAllowed {
			var c tandem.Credential
			c, secrets.Service = newSecret(tandem.FlowService, by, a.CreatedAt)
			a.Credentials = append(a.Credentials, c)
		}
	}
	a, err := t.Store.Create(ctx, a)
	if err != nil {
		return tandem.TrustedApp{}, Secrets{}, err
	}
	return a, secrets, t.record(ctx, by, "application created, scope "+a.Scope.String()+classicNote(&a), nil, &a)
}

// check is every rule that an application must keep.
func (t *TrustedApps) check(ctx context.Context, a *tandem.TrustedApp) error {
	if err := validate(a); err != nil {
		return err
	}
	return t.checkSystemUser(ctx, a.SystemUserID)
}

func (t *TrustedApps) checkSystemUser(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	u, err := t.Accounts.UserByID(ctx, id)
	if errors.Is(err, tandem.ErrNotFound) {
		return invalid("System User: there is no user with the id %s", tandem.Clip(id, shown))
	}
	if err == nil && u.Type != tandem.SystemUserNoLogin {
		return invalid("System User: %s is a person (%s); name a user of type %s", u.Login, u.Type, tandem.SystemUserNoLogin)
	}
	return err
}

// checkOwner takes the login of an account, which it writes as the account has it, or an
// e-mail address of somebody who has none.
func (t *TrustedApps) checkOwner(ctx context.Context, owner *string) error {
	if *owner == "" {
		return nil
	}
	if len(*owner) > MaxName || tandem.HasControl(*owner) {
		return invalid("owner: use a login or an e-mail address of at most %d bytes", MaxName)
	}
	u, err := t.Accounts.UserByLogin(ctx, *owner)
	if err == nil {
		*owner = u.Login
		return nil
	}
	if !errors.Is(err, tandem.ErrNotFound) {
		return err
	}
	if a, err := mail.ParseAddress(*owner); err != nil || a.Address != *owner {
		return invalid("owner: there is no user %q; name a login, or an e-mail address", tandem.Clip(*owner, shown))
	}
	return nil
}

// SystemUser finds the id of the System User with the login.
func (t *TrustedApps) SystemUser(ctx context.Context, login string) (string, error) {
	u, err := t.Accounts.UserByLogin(ctx, login)
	if err != nil {
		return "", err
	}
	return u.ID, t.checkSystemUser(ctx, u.ID)
}

// Get returns one application.
func (t *TrustedApps) Get(ctx context.Context, applicationURI string) (tandem.TrustedApp, error) {
	return t.Store.ByURI(ctx, applicationURI)
}

// List are the applications that the filter chooses, by ApplicationURI.
func (t *TrustedApps) List(ctx context.Context, f Filter) iter.Seq2[ListedApp, error] {
	return paging.All(func(after *ListedApp, limit int) ([]ListedApp, error) {
		if after == nil {
			after = &ListedApp{}
		}
		return t.Store.Page(ctx, f, after.ApplicationURI, limit)
	})
}

// Update changes an application. The result passes the same checks as a new
// one; identifiers, times and credentials cannot be changed this way. change
// runs twice.
func (t *TrustedApps) Update(
	ctx context.Context, by tandem.By, applicationURI string, change func(*tandem.TrustedApp) error,
) (tandem.TrustedApp, error) {
	return t.update(ctx, by, applicationURI, "application changed", change)
}

func (t *TrustedApps) update(
	ctx context.Context, by tandem.By, applicationURI, what string, change func(*tandem.TrustedApp) error,
) (tandem.TrustedApp, error) {
	// The System User is looked up before the transaction, which must not ask
	// for a second connection. A user's type is no secret that could change
	// into a danger meanwhile: Check looks at it on every call.
	draft, err := t.Store.ByURI(ctx, applicationURI)
	if err != nil {
		return tandem.TrustedApp{}, err
	}
	old, owner := draft, draft.Owner
	if err := change(&draft); err != nil {
		return tandem.TrustedApp{}, err
	}
	if err := t.checkSystemUser(ctx, draft.SystemUserID); err != nil {
		return tandem.TrustedApp{}, err
	}
	if err := t.checkOthers(ctx, &old, &draft); err != nil {
		return tandem.TrustedApp{}, err
	}
	if draft.Owner != owner { // one who has left need not be replaced by whoever changes something else
		if err := t.checkOwner(ctx, &draft.Owner); err != nil {
			return tandem.TrustedApp{}, err
		}
		owner = draft.Owner
	}
	var was tandem.TrustedApp
	a, err := t.Store.Update(ctx, applicationURI, t.Clock.Now(), func(old tandem.TrustedApp) (tandem.TrustedApp, error) {
		was = old
		changed := old
		if err := change(&changed); err != nil {
			return old, err
		}
		if changed.Owner != old.Owner {
			changed.Owner = owner
		}
		changed.ApplicationURI, changed.Credentials = old.ApplicationURI, old.Credentials
		changed.Source, changed.CreatedBy = old.Source, old.CreatedBy
		if changed.Name == "" { // as at the registration: a deleted one without a name counts as purged
			changed.Name = changed.ApplicationURI
		}
		if changed.SystemUserID != draft.SystemUserID {
			return old, tandem.Errorf(tandem.CodeConflict, "the application was changed by somebody else at the same moment; try again")
		}
		return changed, cmp.Or(validate(&changed), checkReferences(&old, &changed))
	})
	if err != nil {
		return tandem.TrustedApp{}, err
	}
	return a, t.record(ctx, by, what+classicNote(&a), &was, &a)
}

// classicNote is what the record says of an application whose two halves share a
// secret, so that nobody takes them for apart.
func classicNote(a *tandem.TrustedApp) string {
	if a.SecretHash == "" {
		return ""
	}
	return "; its ApplicationSecretHash is good for both flows"
}

// Enable switches an application on: both halves work again at once.
func (t *TrustedApps) Enable(ctx context.Context, by tandem.By, applicationURI string) error {
	_, err := t.update(ctx, by, applicationURI, "application enabled", func(a *tandem.TrustedApp) error {
		a.Enabled = true
		return nil
	})
	return err
}

// Disable is the kill switch: no new token, and live ones are refused within
// five seconds. Grants stay for when it is switched on again.
func (t *TrustedApps) Disable(ctx context.Context, by tandem.By, applicationURI string) error {
	_, err := t.update(ctx, by, applicationURI, "application disabled", func(a *tandem.TrustedApp) error {
		a.Enabled = false
		return nil
	})
	return err
}
