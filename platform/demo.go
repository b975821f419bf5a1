package platform

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/paging"
	"github.com/hybridapps/tandem/registry"
)

// What the demo registers.
const (
	DemoPortal     = "com.example/portal"
	DemoField      = "com.example/field"
	DemoSystemUser = "svc.portal"
	// demoFieldRedirect is where the demo's native app listens, on any port.
	demoFieldRedirect = "http://127.0.0.1/callback"
	// Paths of the web app that the identity server sends people back to.
	signInCallback, signOutCallback = "/signin-callback", "/signout-callback"
	toldOfSignOuts                  = "/backchannel-logout"
)

var demoUsers = []signin.NewUser{
	{Login: "admin", Name: "Ada Admin", Type: tandem.InternalUser, Admin: true, Email: "admin@example.com"},
	{Login: "anna", Name: "Anna Berger", Type: tandem.InternalUser, Email: "anna@example.com"},
	{Login: "paul", Name: "Paul Novak", Type: tandem.ExternalCommunityUser, Email: "paul@example.com"},
	{Login: "maria", Name: "Maria Petrova", Type: tandem.InternalUser, Email: "maria@example.com"},
	{Login: "walt", Name: "Walter Kolev", Type: tandem.InternalUser, Email: "walt@example.com"},
	{Login: "tom", Name: "Tom Huber", Type: tandem.InternalUser, Email: "tom@example.com"},
	{Login: "petra", Name: "Petra Lechner", Type: tandem.ExternalCommunityUser, Email: "petra@example.com"},
	{Login: "nina", Name: "Nina Ivanova", Type: tandem.ExternalCommunityUser, Email: "nina@example.com"},
}

// demoAccess says whose documents the external users see: paul and petra act for the same
// customer, petra for another one too.
var demoAccess = []External{{Login: "paul"}, {Login: "petra", Role: "Admin"}, {Login: "petra", Customer: 1, Role: "OrdersWithPrices"}}

// DemoJobs are what the internal users of the demo do, by login: what groups they are
// in follows from it.
var DemoJobs = map[string]string{
	"anna":  "sales: enters orders; no cost, does not set prices, not the store in Graz",
	"maria": "sales manager: approves and releases, knows cost, sets prices",
	"walt":  "warehouse Plovdiv: its stores only, no orders, no prices",
	"tom":   "technician: his own visits, customers and products; no orders, no prices",
}

// DemoConfig is what is known of a demo before it is made, or made again.
type DemoConfig struct {
	// WebApp is the public root of the web app.
	WebApp string
	// Passwords are those known, by login. An empty one is somebody's own and
	// stays. A demo user who is not in it gets a new password: nobody could sign
	// in otherwise.
	Passwords map[string]string
	// UserSecret and ServiceSecret are the portal's credentials as far as they
	// are known. Those that are not good any more are replaced.
	UserSecret, ServiceSecret string
	// Others are the secrets of the other applications, by their URI, as far as
	// they are known.
	Others map[string]DemoSecrets
	// Tokens are the reference tokens that are known, by their kind.
	Tokens map[tandem.ReferenceKind]string
}

// Demo is the demo as it is registered.
type Demo struct {
	Users                     []DemoUser
	Portal, Field             tandem.TrustedApp
	UserSecret, ServiceSecret string
	// Others are the applications beside these, in the order of demo.json.
	Others []DemoApp
	// Tokens are the ready reference tokens.
	Tokens []DemoToken
}

// DemoUser is a person of the demo. Password is empty when somebody has changed
// it since.
type DemoUser struct {
	tandem.User
	Password string
}

// EnsureDemo registers the demo's users and applications, as far as they are
// missing, points the portal at the web app, and makes the demo company and the
// signing keys. Done again it changes nothing. Where an account or application
// of the same name is somebody's own, it changes nothing at all, and the error
// ([tandem.CodeConflict]) names them.
func (a *Administration) EnsureDemo(ctx context.Context, c DemoConfig) (*Demo, error) {
	d := &Demo{}
	// One at a time: replicas and retries of the same start.
	err := a.DB.Lock(ctx, seedLock, func(ctx context.Context) error {
		if err := a.demoOwned(ctx, c); err != nil {
			return err
		}
		_, some, err := paging.First(a.Accounts.List(ctx, signin.Filter{}))
		if err != nil {
			return err
		}
		a.Permissions.Unused = !some
		defer func() { a.Permissions.Unused = false }()
		if err := a.demoPeople(ctx, c, d); err != nil {
			return err
		}
		if err := a.demoApplications(ctx, c, d); err != nil {
			return err
		}
		if err := a.demoOtherApps(ctx, c, d); err != nil {
			return err
		}
		if err := a.demoPermissions(ctx); err != nil {
			return err
		}
		if err := errors.Join(a.demoTypeKeys(ctx), a.demoKeys(ctx)); err != nil {
			return err
		}
		g, seeding := errgroup.WithContext(ctx)
		g.Go(func() error { return a.LoadKeys(seeding) })
		g.Go(func() error {
			key, err := a.demoVisitKey(seeding)
			if err != nil {
				return err
			}
			return a.SeedCompany(seeding, Company{By: "admin", Staff: []string{"anna"}, External: demoAccess, visitKey: key})
		})
		if err := g.Wait(); err != nil {
			return err
		}
		if err := errors.Join(a.demoDocuments(ctx), a.demoTechnicians(ctx)); err != nil {
			return err
		}
		return errors.Join(a.demoRows(ctx), a.demoSubcontracted(ctx), a.demoTokens(ctx, c, d), a.demoAcceptances(ctx))
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// demoPeople makes the users, all at once: hashing their passwords is what
// takes the time.
func (a *Administration) demoPeople(ctx context.Context, c DemoConfig, d *Demo) error {
	d.Users = make([]DemoUser, len(demoUsers))
	g, ctx := errgroup.WithContext(ctx)
	for i, n := range demoUsers {
		g.Go(func() error {
			var err error
			known, told := c.Passwords[n.Login]
			d.Users[i], err = a.demoPerson(ctx, n, known, told)
			return err
		})
	}
	g.Go(func() error {
		_, err := a.Accounts.Show(ctx, DemoSystemUser)
		if errors.Is(err, tandem.ErrNotFound) {
			_, err = a.demoAccount(ctx, signin.NewUser{Login: DemoSystemUser, Name: "Portal back end", Type: tandem.SystemUserNoLogin})
		}
		if err != nil {
			return err
		}
		return a.demoOtherUsers(ctx)
	})
	return g.Wait()
}

// demoPerson makes one user; told says that the known password is all that there
// is to know.
func (a *Administration) demoPerson(ctx context.Context, n signin.NewUser, known string, told bool) (DemoUser, error) {
	account, err := a.users.ByLogin(ctx, n.Login)
	switch {
	case errors.Is(err, tandem.ErrNotFound):
		n.Password = newPassword()
		u, err := a.demoAccount(ctx, n)
		return DemoUser{u, n.Password}, err
	case err != nil:
		return DemoUser{}, err
	case !told:
		password := newPassword()
		u, err := a.Accounts.SetPassword(ctx, byDemo, n.Login, password)
		return DemoUser{u, password}, err
	case known == "":
		return DemoUser{account.User, ""}, nil
	}
	ok, _, err := a.passwords.Verify(ctx, account.PasswordHash, known)
	if err != nil || !ok {
		return DemoUser{account.User, ""}, err
	}
	return DemoUser{account.User, known}, nil
}

// newPassword is easy to read and type, and holds 80 random bits.
func newPassword() string {
	text := strings.ToLower(rand.Text()[:16])
	return text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
}

func (a *Administration) demoApplications(ctx context.Context, c DemoConfig, d *Demo) error {
	field, err := a.Apps.Get(ctx, DemoField)
	if errors.Is(err, tandem.ErrNotFound) {
		field, _, err = a.demoApplication(ctx, tandem.TrustedApp{
			ApplicationURI: DemoField, Name: "Demo field app", Enabled: true, ClientType: tandem.ClientPublic, FirstParty: true,
			InternalUsers: true, ExternalUsers: true, RedirectURIs: []string{demoFieldRedirect},
			Scope: tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate},
		})
	}
	if err != nil {
		return err
	}
	portal, err := a.Apps.Get(ctx, DemoPortal)
	if errors.Is(err, tandem.ErrNotFound) {
		return a.demoNewPortal(ctx, c, d, field)
	}
	if err != nil {
		return err
	}
	redirect := ofWebApp(portal.RedirectURIs, c.WebApp, signInCallback)
	postLogout := ofWebApp(portal.PostLogoutRedirectURIs, c.WebApp, signOutCallback)
	told := ofWebApp(strings.Fields(portal.BackchannelLogoutURI), c.WebApp, toldOfSignOuts)
	if len(told) == 2 {
		told = told[1:] // somebody has put it elsewhere
	}
	if !slices.Equal(redirect, portal.RedirectURIs) || !slices.Equal(postLogout, portal.PostLogoutRedirectURIs) || told[0] != portal.BackchannelLogoutURI {
		portal, err = a.Apps.Update(ctx, byDemo, DemoPortal, func(app *tandem.TrustedApp) error {
			app.RedirectURIs, app.PostLogoutRedirectURIs, app.BackchannelLogoutURI = redirect, postLogout, told[0]
			return nil
		})
		if err != nil {
			return err
		}
	}
	d.Portal, d.Field = portal, field
	if d.UserSecret, err = a.demoSecret(ctx, &portal, tandem.FlowUser, c.UserSecret); err != nil {
		return err
	}
	d.ServiceSecret, err = a.demoSecret(ctx, &portal, tandem.FlowService, c.ServiceSecret)
	return err
}

func (a *Administration) demoNewPortal(ctx context.Context, c DemoConfig, d *Demo, field tandem.TrustedApp) error {
	id, err := a.Apps.SystemUser(ctx, DemoSystemUser)
	if err != nil {
		return err
	}
	portal, secrets, err := a.demoApplication(ctx, tandem.TrustedApp{
		ApplicationURI: DemoPortal, Name: "Demo portal", Enabled: true, ClientType: tandem.ClientConfidential, FirstParty: true,
		InternalUsers: true, ExternalUsers: true, SystemUserAllowed: true, SystemUserID: id,
		RedirectURIs: []string{c.WebApp + signInCallback}, PostLogoutRedirectURIs: []string{c.WebApp + signOutCallback}, BackchannelLogoutURI: c.WebApp + toldOfSignOuts,
		Scope: tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate}, AccessTokens: tandem.AccessTokensAuthenticatedUsers,
	})
	d.Portal, d.Field, d.UserSecret, d.ServiceSecret = portal, field, secrets.User, secrets.Service
	return err
}

// ofWebApp puts the web app's URI first, and drops those of the same path on
// this machine: addresses of earlier starts. What somebody added stays.
func ofWebApp(uris []string, webApp, path string) []string {
	kept := []string{webApp + path}
	for _, u := range uris {
		parsed, err := url.Parse(u)
		if err == nil && parsed.Hostname() == "localhost" && parsed.Path == path || u == kept[0] {
			continue
		}
		kept = append(kept, u)
	}
	return kept
}

// demoSecret is an application's secret for a flow: the one known while it is
// good, else a new one in the place of all that were.
func (a *Administration) demoSecret(ctx context.Context, app *tandem.TrustedApp, flow tandem.Flow, known string) (string, error) {
	sum := sha256.Sum256([]byte(known))
	now := a.config.Clock.Now()
	for i := range app.Credentials {
		c := &app.Credentials[i]
		if known != "" && c.Flow == flow && c.UsableAt(now) && subtle.ConstantTimeCompare(c.SecretHash, sum[:]) == 1 {
			return known, nil
		}
	}
	for _, c := range app.Credentials {
		if c.Flow != flow || c.Kind != tandem.CredentialSecret || c.Revoked() {
			continue
		}
		if err := a.Apps.RevokeCredential(ctx, byDemo, app.ApplicationURI, c.ID); err != nil {
			return "", err
		}
	}
	_, secret, err := a.Apps.AddCredential(ctx, byDemo, app.ApplicationURI, registry.NewCredential{Flow: flow})
	return secret, err
}
