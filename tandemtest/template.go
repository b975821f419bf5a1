package tandemtest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// cheap makes passwords fast; what tests prove does not depend on their costs.
var cheap = signin.PasswordParams{Memory: 8, Time: 1, Threads: 1}

// The databases that instances begin with: people and applications are
// registered in both, and the first has the demo company as well. To make them
// takes seconds under the race detector, to copy them takes none.
var (
	demo   = testdb.Template{Name: "demo", Make: func(ctx context.Context, url string) (string, error) { return fill(ctx, url, true) }}
	people = testdb.Template{Name: "people", Make: func(ctx context.Context, url string) (string, error) { return fill(ctx, url, false) }}
)

// beside is what goes with a database: the instance's key, and the secrets of
// which the database has the hashes.
type beside struct {
	Key     []byte
	Secrets registry.Secrets
}

// fill makes a database, and returns what is beside it as JSON.
func fill(ctx context.Context, url string, withCompany bool) (note string, err error) {
	dir, err := os.MkdirTemp("", "tandemtest-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	keyFile := filepath.Join(dir, "instance.key")
	a, err := platform.OpenAdministration(ctx, platform.StoreConfig{
		DB: url, KeyFile: keyFile, Passwords: cheap, By: By, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return "", err
	}
	var b beside
	if b.Secrets, err = register(ctx, a); err == nil && withCompany {
		err = a.SeedCompany(ctx, company)
	}
	if err == nil {
		err = a.LoadKeys(ctx)
	}
	if err = errors.Join(err, a.Close()); err != nil {
		return "", err
	}
	if b.Key, err = os.ReadFile(keyFile); err != nil {
		return "", err
	}
	text, err := json.Marshal(b)
	return string(text), err
}

// open copies a template and writes the key that goes with it. The clock must
// show the time of now: the demo company ends today.
func open(t testing.TB, engine sqldb.Engine, keyFile string, withCompany bool) (url string, s registry.Secrets) {
	t.Helper()
	template := &people
	if withCompany {
		template = &demo
	}
	url, note := template.Copy(t, engine)
	var b beside
	err := json.Unmarshal([]byte(note), &b)
	if err == nil {
		err = os.WriteFile(keyFile, b.Key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return url, b.Secrets
}

// AllData is the group of accounts that may do everything with the data: the portal's
// System User is in it.
const AllData = "All data"

// company is who is in the demo company.
var company = platform.Company{By: "admin", Staff: []string{"anna"}, External: []platform.External{{Login: "paul"}}}

// register adds the people and the applications that every instance has.
func register(ctx context.Context, a *platform.Administration) (registry.Secrets, error) {
	for _, u := range Users {
		if _, err := a.Accounts.Create(ctx, By, u); err != nil {
			return registry.Secrets{}, err
		}
	}
	svc, err := a.Accounts.Create(ctx, By, signin.NewUser{Login: SystemUser, Name: "Portal service", Type: tandem.SystemUserNoLogin})
	if err != nil {
		return registry.Secrets{}, err
	}
	// Most tests are not about what the back end may do: it may do everything.
	if err := a.Permissions.AddMember(ctx, By, AllData, SystemUser); err != nil {
		return registry.Secrets{}, err
	}
	_, secrets, err := a.Apps.Create(ctx, By, tandem.TrustedApp{
		ApplicationURI: Portal, Name: "Portal", Enabled: true, ClientType: tandem.ClientConfidential,
		InternalUsers: true, ExternalUsers: true, SystemUserAllowed: true, SystemUserID: svc.ID, FirstParty: true,
		RedirectURIs: []string{RedirectURI}, PostLogoutRedirectURIs: []string{PostLogoutRedirectURI},
		Scope: tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate},
	})
	if err != nil {
		return registry.Secrets{}, err
	}
	_, _, err = a.Apps.Create(ctx, By, tandem.TrustedApp{
		ApplicationURI: Field, Name: "Field", Enabled: true, ClientType: tandem.ClientPublic, InternalUsers: true,
		ExternalUsers: true, FirstParty: true, RedirectURIs: []string{FieldRedirectURI},
		Scope: tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate},
	})
	return secrets, err
}
