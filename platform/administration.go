package platform

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/hsm"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// Administration is an opened database with everything that changes it, and
// the record of the changes. It works while instances run on the same database;
// they follow within five seconds.
type Administration struct {
	// DB is the identity server's database, ERP the one of the ERP's rows.
	DB, ERP  *sqldb.DB
	Apps     *registry.TrustedApps
	Accounts *signin.Accounts
	// Sessions lists and closes sessions. Its licence is applied only by an
	// [Instance].
	Sessions *session.Manager
	// Keys are loaded by [Administration.LoadKeys].
	Keys     *token.Keys
	Families *token.Families
	Ending   *signin.Ending
	// Grants are what people allow applications.
	Grants *signin.Grants
	// References are the reference tokens: PATs and SATs.
	References *registry.ReferenceTokens
	// Outside administers OpenID providers of others, and who their subjects are here.
	Outside *federation.Admin
	// Permissions say what accounts may do with the ERP's rows.
	Permissions *permission.Admin
	Audit       *audit.Log
	// Sealing seals the record, and proves what it holds.
	Sealing *sealing.Log

	*stores
	config  StoreConfig
	revoked followedRevocations
	// module keeps signing keys; nil where the database does.
	module *hsm.Signer

	stopAudit context.CancelFunc
	recording sync.WaitGroup
	closing   sync.Once
	closed    error
}

// OpenAdministration opens the database, migrates it, and reads the key. Close
// the result: it writes down what is left of the record.
func OpenAdministration(ctx context.Context, c StoreConfig) (*Administration, error) {
	c.defaults()
	c.Options.Limits = data.CommandLimits
	s, err := openStores(ctx, &c)
	if err != nil {
		return nil, err
	}
	a := newAdministration(c, s, follower{}, &session.Manager{Store: s.sessions, Auditor: s.audit, Log: c.Log, Clock: c.Clock})
	a.record(ctx)
	if err := a.learn(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// newAdministration builds an administration that nothing runs in yet.
func newAdministration(c StoreConfig, s *stores, f follower, sessions *session.Manager) *Administration {
	families := &token.Families{Store: followedFamilies{s.families, f}, Box: s.boxes.refresh, Lifetimes: c.Lifetimes, Clock: c.Clock}
	ending := &signin.Ending{
		SignIns: s.signIns, Families: families, Sessions: sessions, Revocations: followedRevocations{data.NewRevoked(s.db.Identity), f},
		TokenLife: accessLife(c.Lifetimes), Audit: s.audit, Clock: c.Clock,
	}
	references := &registry.ReferenceTokens{
		Store: followedReferences{s.references, f}, Apps: s.applications, Accounts: s.users, Sessions: sessions, Audit: s.audit, Clock: c.Clock,
	}
	a := &Administration{
		DB:       s.db.Identity,
		ERP:      s.db.ERP,
		Sessions: sessions,
		Keys:     &token.Keys{Store: s.keys, Box: s.boxes.signing, Lifetimes: c.Lifetimes, Log: c.Log, Clock: c.Clock},
		Families: families,
		Ending:   ending,
		Grants: &signin.Grants{
			Store: followedConsents{s.consents, f}, Users: s.users, Sessions: sessions, TokensUntil: families.TokensUntil, Audit: s.audit, Clock: c.Clock,
		},
		Audit: s.audit.Log,
		Sealing: &sealing.Log{
			Store: data.NewSealed(s.db.Identity), Key: s.boxes.record, Instance: data.NewInstance(s.db.Identity).ID, Audit: s.audit, Log: c.Log, Clock: c.Clock,
		},
		Accounts: &signin.Accounts{
			Users: followedUsers{s.users, f}, Passwords: s.passwords, Ending: ending, Factors: s.secondFactors(), Resets: s.resets, Tokens: references,
			Audit: s.audit, Clock: c.Clock,
		},
		Apps: &registry.TrustedApps{
			Store: followedApps{s.applications, f}, Accounts: s.users, Grants: families, Audit: s.audit, Clock: c.Clock,
		},
		References: references,
		Outside:    &federation.Admin{Store: s.outside, Accounts: s.users, Box: s.boxes.outside, Audit: s.audit, Clock: c.Clock},
		Permissions: &permission.Admin{
			Store: followedPermissions{s.permissions, f}, Accounts: s.users, Sets: entitySets{erpModel().Model}, Uses: s.permissions,
			Audit: s.audit, Clock: c.Clock,
		},
		stores:  s,
		config:  c,
		revoked: followedRevocations{data.NewRevoked(s.db.Identity), f},
	}
	a.Outside.EndSignIns, a.Accounts.Links = a.Accounts.EndOutside, a.Outside
	if c.HSM.Set() {
		a.module = hsm.New(c.HSM)
		a.Keys.Signer = a.module
	}
	return a
}

// record commits what is put on record until the administration is closed.
func (a *Administration) record(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stopAudit = stop
	a.recording.Go(func() { a.Audit.Run(run) })
}

// LoadKeys reads the signing keys, and makes the first ones. The error says
// when the instance's key is not the one they were sealed with.
func (a *Administration) LoadKeys(ctx context.Context) error {
	if err := a.Keys.Refresh(ctx); err != nil {
		return explainKey(fmt.Errorf("load the signing keys: %w", err), &a.config)
	}
	return nil
}

// Close commits what is left of the record and closes the database.
func (a *Administration) Close() error {
	a.closing.Do(func() {
		a.stopAudit()
		a.recording.Wait()
		a.closed = a.db.Close()
		if a.module != nil {
			a.closed = errors.Join(a.closed, a.module.Close())
		}
	})
	return a.closed
}

// RotateKeys makes the next signing keys, and puts it on record.
func (a *Administration) RotateKeys(ctx context.Context, by tandem.By) ([]token.KeyInfo, error) {
	if err := a.LoadKeys(ctx); err != nil {
		return nil, err
	}
	keys, err := a.Keys.Rotate(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.State != token.KeyNext {
			continue
		}
		f := tandem.Facts{Subject: tandem.Subject{Kind: "signing key", ID: k.ID}}
		f.Changed(nil, tandem.Attributes{"use": string(k.Use), "algorithm": k.Algorithm, "activate_at": k.ActivateAt.UTC().Format(time.RFC3339)})
		if err := a.note(ctx, by, f, "made the next signing key "+k.ID); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// Migrate brings the databases' schemas up to date and returns their version
// before and after.
func Migrate(ctx context.Context, c StoreConfig) (from, to int64, err error) {
	return data.Migrate(ctx, c.DB, c.Options)
}
