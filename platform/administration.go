package platform

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// Administration is an opened database with everything that changes it, and
// the record of the changes. It works while instances run on the same database;
// they follow within five seconds.
type Administration struct {
	DB       *sqldb.DB
	Apps     *registry.TrustedApps
	Accounts *signin.Accounts
	// Sessions lists and closes sessions. Its licence is applied only by an
	// [Instance].
	Sessions *session.Manager
	// Keys are loaded by [Administration.LoadKeys].
	Keys     *token.Keys
	Families *token.Families
	Ending   *signin.Ending
	Audit    *audit.Log

	config    StoreConfig
	boxes     boxes
	users     *data.Users
	signIns   *data.SignIns
	passwords *signin.Passwords
	metered   *metered

	stopAudit context.CancelFunc
	audit     sync.WaitGroup
	closing   sync.Once
	closed    error
}

// OpenAdministration opens the database, migrates it, and reads the key. Close
// the result: it writes down what is left of the record.
func OpenAdministration(ctx context.Context, c StoreConfig) (*Administration, error) {
	c.defaults()
	db, err := data.Open(ctx, c.DB, c.Options)
	if err != nil {
		return nil, err
	}
	a, err := newAdministration(ctx, db, c)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

func newAdministration(ctx context.Context, db *sqldb.DB, c StoreConfig) (*Administration, error) {
	keyStore := data.NewKeys(db)
	master, err := instanceKey(ctx, &c, keyStore)
	if err != nil {
		return nil, err
	}
	a := &Administration{
		DB: db, config: c, users: data.NewUsers(db), signIns: data.NewSignIns(db),
		passwords: signin.NewPasswords(c.Passwords, min(4, runtime.GOMAXPROCS(0))),
	}
	if a.boxes, err = newBoxes(master); err != nil {
		return nil, err
	}
	a.Audit = &audit.Log{Store: data.NewAudit(db), Clock: c.Now}
	a.metered = &metered{Log: a.Audit}
	a.Keys = &token.Keys{Store: keyStore, Box: a.boxes.signing, Lifetimes: c.Lifetimes, Log: c.Log, Clock: c.Now}
	a.Families = &token.Families{Store: data.NewRefresh(db), Box: a.boxes.refresh, Lifetimes: c.Lifetimes, Clock: c.Now}
	a.Sessions = &session.Manager{Store: data.NewSessions(db), Auditor: a.metered, Log: c.Log, Clock: c.Now}
	a.Ending = &signin.Ending{SignIns: a.signIns, Families: a.Families, Sessions: a.Sessions, Audit: a.metered, Clock: c.Now}
	a.Accounts = &signin.Accounts{
		Users: a.users, Passwords: a.passwords, Ending: a.Ending, Audit: a.metered, Actor: c.Actor, Clock: c.Now,
	}
	a.Apps = &registry.TrustedApps{
		Store: data.NewApplications(db), Accounts: a.users, Grants: a.Families, Audit: a.metered, Clock: c.Now,
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stopAudit = stop
	a.audit.Go(func() { a.Audit.Run(run) })
	return a, nil
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
		a.audit.Wait()
		a.closed = a.DB.Close()
	})
	return a.closed
}

// RotateKeys makes the next signing keys, and puts it on record.
func (a *Administration) RotateKeys(ctx context.Context) ([]token.KeyInfo, error) {
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
		err := a.metered.Record(ctx, tandem.AuditEvent{
			At: a.config.Now(), Kind: tandem.AuditAdministration, Actor: a.config.Actor, Detail: "made the next signing key " + k.ID,
		})
		if err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// Migrate brings a database's schema up to date and returns its versions
// before and after.
func Migrate(ctx context.Context, c StoreConfig) (from, to int64, err error) {
	db, err := sqldb.Open(ctx, c.DB, c.Options)
	if err != nil {
		return 0, 0, err
	}
	defer db.Close() // nothing is pending
	if from, to, err = db.Versions(ctx, data.Migrations, data.MigrationTable); err != nil {
		return 0, 0, err
	}
	return from, to, db.Lock(ctx, data.MigrationTable, func() error { return db.Migrate(ctx, data.Migrations, data.MigrationTable) })
}
