package tandemtest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
)

// cheap makes passwords fast; what tests prove does not depend on their costs.
var cheap = signin.PasswordParams{Memory: 8, Time: 1, Threads: 1}

// template is an SQLite database with people, applications and the demo
// company, and the key that goes with it. Making the company takes seconds under
// the race detector, copying it takes none, so it is made once for all tests of
// a process.
type template struct {
	db, key []byte
	secrets registry.Secrets
}

var demoTemplate = sync.OnceValues(makeTemplate)

func makeTemplate() (t template, err error) {
	dir, err := os.MkdirTemp("", "tandemtest-*")
	if err != nil {
		return t, err
	}
	defer os.RemoveAll(dir)
	db, key := filepath.Join(dir, "demo.db"), filepath.Join(dir, "instance.key")
	ctx := context.Background()
	a, err := platform.OpenAdministration(ctx, platform.StoreConfig{
		DB: "sqlite:" + db, KeyFile: key, Passwords: cheap, Actor: "test", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return t, err
	}
	if t.secrets, err = register(ctx, a); err == nil {
		err = a.SeedCompany(ctx, company)
	}
	if err == nil {
		err = a.LoadKeys(ctx)
	}
	if closeErr := a.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return t, err
	}
	if t.db, err = os.ReadFile(db); err != nil {
		return t, err
	}
	t.key, err = os.ReadFile(key)
	return t, err
}

// copyTo writes the database and its key where the configuration wants them.
func (t *template) copyTo(c platform.StoreConfig) error {
	if err := os.WriteFile(strings.TrimPrefix(c.DB, "sqlite:"), t.db, 0o600); err != nil {
		return err
	}
	return os.WriteFile(c.KeyFile, t.key, 0o600)
}

// company is who is in the demo company.
var company = platform.Company{By: "admin", Staff: []string{"anna"}, External: []string{"paul"}}

// register adds the people and the applications that every instance has.
func register(ctx context.Context, a *platform.Administration) (registry.Secrets, error) {
	for _, u := range Users {
		if _, err := a.Accounts.Create(ctx, u); err != nil {
			return registry.Secrets{}, err
		}
	}
	svc, err := a.Accounts.Create(ctx, signin.NewUser{Login: SystemUser, Name: "Portal service", Type: tandem.SystemUserNoLogin})
	if err != nil {
		return registry.Secrets{}, err
	}
	_, secrets, err := a.Apps.Create(ctx, "test", tandem.TrustedApp{
		ApplicationURI: Portal, Name: "Portal", Enabled: true, ClientType: tandem.ClientConfidential,
		InternalUsers: true, ExternalUsers: true, SystemUserAllowed: true, SystemUserID: svc.ID, FirstParty: true,
		RedirectURIs: []string{RedirectURI}, PostLogoutRedirectURIs: []string{PostLogoutRedirectURI},
		Scope: tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate},
	})
	if err != nil {
		return registry.Secrets{}, err
	}
	_, _, err = a.Apps.Create(ctx, "test", tandem.TrustedApp{
		ApplicationURI: Field, Name: "Field", Enabled: true, ClientType: tandem.ClientPublic, InternalUsers: true,
		ExternalUsers: true, FirstParty: true, RedirectURIs: []string{FieldRedirectURI},
		Scope: tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate},
	})
	return secrets, err
}
