package registry

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
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
	// when two run at the same moment.
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
	// Delete leaves a tombstone and deletes the credentials.
	Delete(ctx context.Context, applicationURI string, now time.Time) error
	// AddCredential adds one if check agrees to the application as it is.
	AddCredential(ctx context.Context, applicationURI string, now time.Time, check func(tandem.TrustedApp) error, c tandem.Credential) error
	RevokeCredential(ctx context.Context, applicationURI, credentialID string, now time.Time) error
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
}

// ListedApp is an application in a list.
type ListedApp struct {
	tandem.TrustedApp
	// SystemUser is the login of its System User; empty when it has none.
	SystemUser string
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
// it has that secret for both. Identifiers, times and credentials in a are ignored.
// actor is who does it, for the record.
func (t *TrustedApps) Create(ctx context.Context, actor string, a tandem.TrustedApp) (tandem.TrustedApp, Secrets, error) {
	var secrets Secrets
	a.ID, a.CreatedAt, a.Credentials = uuid.NewString(), t.Clock.Now(), nil
	a.ChangedAt = a.CreatedAt
	if a.Name == "" {
		a.Name = a.ApplicationURI
	}
	if a.AccessTokens == "" {
		a.AccessTokens = tandem.AccessTokensNone
	}
	if err := t.check(ctx, &a); err != nil {
		return tandem.TrustedApp{}, secrets, err
	}
	if a.ClientType == tandem.ClientConfidential && a.SecretHash == "" {
		if a.InternalUsers || a.ExternalUsers {
			var c tandem.Credential
			c, secrets.User = newSecret(tandem.FlowUser, a.CreatedAt)
			a.Credentials = append(a.Credentials, c)
		}
		if a.SystemUserAllowed {
			var c tandem.Credential
			c, secrets.Service = newSecret(tandem.FlowService, a.CreatedAt)
			a.Credentials = append(a.Credentials, c)
		}
	}
	a, err := t.Store.Create(ctx, a)
	if err != nil {
		return tandem.TrustedApp{}, Secrets{}, err
	}
	return a, secrets, t.record(ctx, actor, a.ApplicationURI, "application created, scope "+a.Scope.String()+classicNote(&a))
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
	ctx context.Context, actor, applicationURI string, change func(*tandem.TrustedApp) error,
) (tandem.TrustedApp, error) {
	return t.update(ctx, actor, applicationURI, "application changed", change)
}

func (t *TrustedApps) update(
	ctx context.Context, actor, applicationURI, what string, change func(*tandem.TrustedApp) error,
) (tandem.TrustedApp, error) {
	// The System User is looked up before the transaction, which must not ask
	// for a second connection. A user's type is no secret that could change
	// into a danger meanwhile: Check looks at it on every call.
	draft, err := t.Store.ByURI(ctx, applicationURI)
	if err != nil {
		return tandem.TrustedApp{}, err
	}
	if err := change(&draft); err != nil {
		return tandem.TrustedApp{}, err
	}
	if err := t.checkSystemUser(ctx, draft.SystemUserID); err != nil {
		return tandem.TrustedApp{}, err
	}
	a, err := t.Store.Update(ctx, applicationURI, t.Clock.Now(), func(old tandem.TrustedApp) (tandem.TrustedApp, error) {
		changed := old
		if err := change(&changed); err != nil {
			return old, err
		}
		changed.ApplicationURI, changed.Credentials = old.ApplicationURI, old.Credentials
		if changed.SystemUserID != draft.SystemUserID {
			return old, tandem.Errorf(tandem.CodeConflict, "the application was changed by somebody else at the same moment; try again")
		}
		return changed, validate(&changed)
	})
	if err != nil {
		return tandem.TrustedApp{}, err
	}
	return a, t.record(ctx, actor, applicationURI, what+classicNote(&a))
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
func (t *TrustedApps) Enable(ctx context.Context, actor, applicationURI string) error {
	_, err := t.update(ctx, actor, applicationURI, "application enabled", func(a *tandem.TrustedApp) error {
		a.Enabled = true
		return nil
	})
	return err
}

// Disable is the kill switch: no new token, and live ones are refused within
// five seconds. Grants stay for when it is switched on again.
func (t *TrustedApps) Disable(ctx context.Context, actor, applicationURI string) error {
	_, err := t.update(ctx, actor, applicationURI, "application disabled", func(a *tandem.TrustedApp) error {
		a.Enabled = false
		return nil
	})
	return err
}

// Delete deletes an application with its credentials and ends every grant. An
// application registered with the same name later inherits nothing.
func (t *TrustedApps) Delete(ctx context.Context, actor, applicationURI string) error {
	if err := t.Store.Delete(ctx, applicationURI, t.Clock.Now()); err != nil {
		return err
	}
	if err := t.Grants.EndApplication(ctx, applicationURI); err != nil {
		return err
	}
	return t.record(ctx, actor, applicationURI, "application deleted")
}

// NewCredential is what to make a credential of.
type NewCredential struct {
	Flow tandem.Flow
	// PublicKey is a JWK or PEM for private_key_jwt; empty means that a secret
	// is generated.
	PublicKey []byte
	// NotBefore and ExpiresAt bound its use; zero means from now, and for ever.
	NotBefore, ExpiresAt time.Time
}

// AddCredential adds a credential for one flow beside those there are, so that
// one can be replaced without a pause. The secret is returned once; it is empty
// for a public key.
func (t *TrustedApps) AddCredential(ctx context.Context, actor, applicationURI string, n NewCredential) (tandem.Credential, string, error) {
	if n.Flow != tandem.FlowUser && n.Flow != tandem.FlowService {
		return tandem.Credential{}, "", invalid("flow %q: use %s or %s", tandem.Clip(string(n.Flow), shown), tandem.FlowUser, tandem.FlowService)
	}
	now := t.Clock.Now()
	if !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(later(now, n.NotBefore)) {
		return tandem.Credential{}, "", invalid("the credential would expire before it can be used")
	}
	c, secret := newSecret(n.Flow, now)
	if len(n.PublicKey) > 0 {
		key, err := ParsePublicKey(n.PublicKey)
		if err != nil {
			return tandem.Credential{}, "", err
		}
		c.Kind, c.PublicKey, c.SecretHash, secret = tandem.CredentialPublicKey, key, nil, ""
	}
	c.NotBefore, c.ExpiresAt = n.NotBefore, n.ExpiresAt
	err := t.Store.AddCredential(ctx, applicationURI, now, func(a tandem.TrustedApp) error {
		if a.ClientType != tandem.ClientConfidential {
			return invalid("a %s application has no credentials", a.ClientType)
		}
		if n.Flow == tandem.FlowService && !a.SystemUserAllowed {
			return invalid("the application may not act as a System User; allow that first")
		}
		if len(a.Credentials) >= MaxCredentials {
			return invalid("the application has %d credentials; revoke one first", len(a.Credentials))
		}
		return nil
	}, c)
	if err != nil {
		return tandem.Credential{}, "", err
	}
	return c, secret, t.record(ctx, actor, applicationURI, fmt.Sprintf("%s credential %s added (%s)", c.Flow, c.ID, c.Kind))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// RevokeCredential ends a credential at once. Tokens got with it live on until
// they expire; disable the application to end them.
func (t *TrustedApps) RevokeCredential(ctx context.Context, actor, applicationURI, credentialID string) error {
	if err := t.Store.RevokeCredential(ctx, applicationURI, credentialID, t.Clock.Now()); err != nil {
		return err
	}
	return t.record(ctx, actor, applicationURI, "credential "+credentialID+" revoked")
}

// Prefixes of generated secrets, so that a scanner of sources and logs can
// recognize a leaked one, and a person which half it belongs to.
const (
	UserSecretPrefix    = "tdus_"
	ServiceSecretPrefix = "tdss_"
)

// newSecret generates a secret of 256 random bits.
func newSecret(flow tandem.Flow, now time.Time) (tandem.Credential, string) {
	b := make([]byte, sha256.Size)
	rand.Read(b)
	prefix := UserSecretPrefix
	if flow == tandem.FlowService {
		prefix = ServiceSecretPrefix
	}
	secret := prefix + base64.RawURLEncoding.EncodeToString(b)
	sum := sha256.Sum256([]byte(secret))
	return tandem.Credential{
		ID: uuid.NewString(), Kind: tandem.CredentialSecret, Flow: flow, SecretHash: sum[:], CreatedAt: now,
	}, secret
}

func (t *TrustedApps) record(ctx context.Context, actor, applicationURI, what string) error {
	return t.Audit.Record(ctx, tandem.AuditEvent{
		At: t.Clock.Now(), Kind: tandem.AuditAdministration, ApplicationURI: applicationURI, Actor: actor, Detail: what,
	})
}
