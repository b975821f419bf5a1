package platform

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/registry"
)

// byDemo is who makes the demo.
var byDemo = tandem.By{Login: "tandem:demo", Via: tandem.ViaDemo}

// demoRow is an account, an application, a group or a key that the demo makes. The
// instance remembers the id of each that it made: an account or application of the
// same name with another id is somebody's own.
type demoRow struct{ kind, name string }

const (
	demoAccount, demoApplication = "account", "application"
	// A System User with its rights, a group and a key with all that belongs to them, and
	// a security condition.
	demoBackEndRow, demoGroupRow, demoKeyRow, demoConditionRow = "back end", "group", "key", "condition"
)

func (r demoRow) fact() string { return "demo " + r.kind + " " + r.name }

// demoRows are the accounts and applications that the demo makes.
func demoRows() []demoRow {
	rows := []demoRow{{demoAccount, DemoSystemUser}, {demoApplication, DemoPortal}, {demoApplication, DemoField}}
	for _, o := range demoOthers {
		rows = append(rows, demoRow{demoAccount, o.systemUser}, demoRow{demoApplication, o.uri})
	}
	for _, u := range demoUsers {
		rows = append(rows, demoRow{demoAccount, u.Login})
	}
	return rows
}

// demoOwned refuses to touch what the demo has not made, before anything is
// changed.
func (a *Administration) demoOwned(ctx context.Context, c DemoConfig) error {
	facts := data.NewInstance(a.DB)
	var foreign []string
	known := false // whether the instance remembers anything of a demo
	existing := map[demoRow]string{}
	for _, row := range demoRows() {
		made, err := facts.Recall(ctx, row.fact())
		unknown := errors.Is(err, tandem.ErrNotFound)
		if err != nil && !unknown {
			return err
		}
		known = known || !unknown
		id, err := a.demoID(ctx, row)
		if errors.Is(err, tandem.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		existing[row] = id
		// An empty id is of a start that ended between its two steps.
		if unknown || made != "" && made != id {
			foreign = append(foreign, row.kind+" "+row.name)
		}
	}
	if len(foreign) > 0 && !known {
		// A demo that was made before the instance remembered: who has its
		// secrets made it.
		proven, err := a.demoProven(ctx, c)
		if err != nil {
			return err
		}
		if proven {
			foreign = nil
		}
	}
	if len(foreign) > 0 {
		return tandem.Errorf(tandem.CodeConflict, "the database has the %s already, and the demo has not made it: nothing was changed. "+
			"Start the demo on a database of its own (--db, --data), or start this one with: tandem instance", strings.Join(foreign, ", the "))
	}
	for row, id := range existing {
		if err := facts.Remember(ctx, row.fact(), id); err != nil {
			return err
		}
	}
	return nil
}

// demoID is the id of what has the row's name.
func (a *Administration) demoID(ctx context.Context, row demoRow) (string, error) {
	if row.kind == demoApplication {
		app, err := a.Apps.Get(ctx, row.name)
		return app.ID, err
	}
	u, err := a.users.UserByLogin(ctx, row.name)
	return u.ID, err
}

// demoProven reports whether a secret that is known of the demo is good.
func (a *Administration) demoProven(ctx context.Context, c DemoConfig) (bool, error) {
	portal, err := a.Apps.Get(ctx, DemoPortal)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return false, err
	}
	for _, secret := range []string{c.UserSecret, c.ServiceSecret} {
		sum := sha256.Sum256([]byte(secret))
		for i := range portal.Credentials {
			if secret != "" && subtle.ConstantTimeCompare(portal.Credentials[i].SecretHash, sum[:]) == 1 {
				return true, nil
			}
		}
	}
	for _, u := range demoUsers {
		password := c.Passwords[u.Login]
		account, err := a.users.ByLogin(ctx, u.Login)
		if password == "" || errors.Is(err, tandem.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if ok, _, err := a.passwords.Verify(ctx, account.PasswordHash, password); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

// demoMake makes a row and remembers that it is the demo's: that it will be
// made first, so that a start that ends in between finds its own.
func (a *Administration) demoMake(ctx context.Context, row demoRow, create func() (id string, err error)) error {
	facts := data.NewInstance(a.DB)
	if err := facts.Remember(ctx, row.fact(), ""); err != nil {
		return err
	}
	id, err := create()
	if err != nil {
		return err
	}
	return facts.Remember(ctx, row.fact(), id)
}

// demoBegun reports whether a row was begun by a start that ended before it had all that
// belongs to it, and whether the instance knows it at all.
func (a *Administration) demoBegun(ctx context.Context, row demoRow) (begun, known bool, err error) {
	made, err := data.NewInstance(a.DB).Recall(ctx, row.fact())
	if errors.Is(err, tandem.ErrNotFound) {
		return false, false, nil
	}
	return err == nil && made == "", err == nil, err
}

func (a *Administration) demoAccount(ctx context.Context, n signin.NewUser) (u tandem.User, err error) {
	err = a.demoMake(ctx, demoRow{demoAccount, n.Login}, func() (string, error) {
		u, err = a.Accounts.Create(ctx, byDemo, n)
		return u.ID, err
	})
	return u, err
}

func (a *Administration) demoApplication(ctx context.Context, app tandem.TrustedApp) (made tandem.TrustedApp, secrets registry.Secrets, err error) {
	err = a.demoMake(ctx, demoRow{demoApplication, app.ApplicationURI}, func() (string, error) {
		app.Owner = "admin" // who answers for all that the demo has
		made, secrets, err = a.Apps.Create(ctx, byDemo, app)
		return made.ID, err
	})
	return made, secrets, err
}
