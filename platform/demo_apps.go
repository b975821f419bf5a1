package platform

import (
	"context"
	"errors"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
)

// Applications of the demo beside the portal and the field app.
const (
	// DemoStarter is what examples/ run with.
	DemoStarter = "com.example/starter"
	// DemoIntegration is a back end alone, for scripts and tests.
	DemoIntegration = "com.example/integration"
	// DemoPrices is the price agent, examples/prices; DemoPricesUser writes its prices.
	DemoPrices, DemoPricesUser = "com.example/prices", "svc.prices"
	// starterURL is where the examples listen, pricesURL where the price agent's pages do.
	starterURL, pricesURL = "http://localhost:8090", "http://localhost:8091"
)

// DemoSecrets are the secrets of one application of the demo, empty where they
// are not known or there is none.
type DemoSecrets struct{ User, Service string }

// DemoApp is one of the other applications as it is registered.
type DemoApp struct {
	tandem.TrustedApp
	Secrets DemoSecrets
	// SystemUser is the login that its back end acts as.
	SystemUser string
}

// demoOther is how one of the others is made.
type demoOther struct {
	uri, name, systemUser string
	// url is where its front end listens; empty for a back end alone.
	url string
	// staff says that its front end is for internal users alone, and that its back end is
	// in a group of its own, see demoGroups.
	staff bool
}

var demoOthers = []demoOther{
	{uri: DemoIntegration, name: "Demo integration", systemUser: "svc.integration"},
	{uri: DemoStarter, name: "Starter of the examples", systemUser: "svc.starter", url: starterURL},
	{uri: DemoPrices, name: "Price agent", systemUser: DemoPricesUser, url: pricesURL, staff: true},
}

// demoOtherUsers makes the System Users of the others, as far as they are missing.
func (a *Administration) demoOtherUsers(ctx context.Context) error {
	for _, o := range demoOthers {
		_, err := a.Accounts.Show(ctx, o.systemUser)
		if errors.Is(err, tandem.ErrNotFound) {
			_, err = a.demoAccount(ctx, signin.NewUser{Login: o.systemUser, Name: o.name + ", back end", Type: tandem.SystemUserNoLogin})
			if err == nil && !o.staff {
				err = a.demoBackEnd(ctx, o.systemUser)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// demoOtherApps makes the others, as far as they are missing, and replaces those
// of their secrets that are not good any more.
func (a *Administration) demoOtherApps(ctx context.Context, c DemoConfig, d *Demo) error {
	for _, o := range demoOthers {
		known := c.Others[o.uri]
		app, err := a.Apps.Get(ctx, o.uri)
		if errors.Is(err, tandem.ErrNotFound) {
			app, known, err = a.demoNewOther(ctx, o)
		}
		if err != nil {
			return err
		}
		if o.url != "" {
			if known.User, err = a.demoSecret(ctx, &app, tandem.FlowUser, known.User); err != nil {
				return err
			}
		}
		if known.Service, err = a.demoSecret(ctx, &app, tandem.FlowService, known.Service); err != nil {
			return err
		}
		d.Others = append(d.Others, DemoApp{app, known, o.systemUser})
	}
	return nil
}

func (a *Administration) demoNewOther(ctx context.Context, o demoOther) (tandem.TrustedApp, DemoSecrets, error) {
	id, err := a.Apps.SystemUser(ctx, o.systemUser)
	if err != nil {
		return tandem.TrustedApp{}, DemoSecrets{}, err
	}
	app := tandem.TrustedApp{
		ApplicationURI: o.uri, Name: o.name, Enabled: true, ClientType: tandem.ClientConfidential, FirstParty: true,
		SystemUserAllowed: true, SystemUserID: id, Scope: tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate},
	}
	if o.url != "" {
		app.InternalUsers, app.ExternalUsers = true, !o.staff
		if o.staff {
			app.UserScope = tandem.Scope{tandem.ScopeRead} // its pages decide, and its back end writes
		}
		app.RedirectURIs, app.PostLogoutRedirectURIs = []string{o.url + signInCallback}, []string{o.url + signOutCallback}
	}
	made, secrets, err := a.demoApplication(ctx, app)
	return made, DemoSecrets{secrets.User, secrets.Service}, err
}
