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
	// DemoFieldCloud is the cloud API behind the field app, examples/field;
	// DemoFieldUser commits what technicians have done. [DemoField] is its other half.
	DemoFieldCloud, DemoFieldUser = "com.example/field-cloud", "svc.field"
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
	// staff says that its front end is for internal users alone.
	staff bool
	// grouped says that its back end is in a group of its own, see demoGroups.
	grouped bool
	// asked says that it is made by a command of its own, and kept from then on.
	asked bool
}

var demoOthers = []demoOther{
	{uri: DemoIntegration, name: "Demo integration", systemUser: "svc.integration"},
	{uri: DemoStarter, name: "Starter of the examples", systemUser: "svc.starter", url: starterURL},
	{uri: DemoPrices, name: "Price agent", systemUser: DemoPricesUser, url: pricesURL, staff: true, grouped: true},
	{uri: DemoFieldCloud, name: "Field cloud", systemUser: DemoFieldUser, grouped: true, asked: true},
}

// demoOtherUsers makes the System Users of the others, as far as they are missing.
func (a *Administration) demoOtherUsers(ctx context.Context) error {
	for _, o := range demoOthers {
		if o.asked {
			continue
		}
		if err := a.demoOtherUser(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func (a *Administration) demoOtherUser(ctx context.Context, o demoOther) error {
	u, err := a.users.UserByLogin(ctx, o.systemUser)
	missing := errors.Is(err, tandem.ErrNotFound)
	if err != nil && !missing {
		return err
	}
	whole := demoRow{demoBackEndRow, o.systemUser}
	begun, _, err := a.demoBegun(ctx, whole)
	if err != nil || !missing && !begun {
		return err
	}
	return a.demoMake(ctx, whole, func() (string, error) {
		if missing {
			if u, err = a.demoAccount(ctx, signin.NewUser{Login: o.systemUser, Name: o.name + ", back end", Type: tandem.SystemUserNoLogin}); err != nil {
				return "", err
			}
		}
		if !o.grouped {
			err = a.demoBackEnd(ctx, o.systemUser)
		}
		return u.ID, err
	})
}

// demoOtherApps makes the others, as far as they are missing, and replaces those
// of their secrets that are not good any more.
func (a *Administration) demoOtherApps(ctx context.Context, c DemoConfig, d *Demo) error {
	for _, o := range demoOthers {
		if _, err := a.Apps.Get(ctx, o.uri); o.asked && errors.Is(err, tandem.ErrNotFound) {
			continue
		}
		app, err := a.demoOtherApp(ctx, c, o)
		if err != nil {
			return err
		}
		d.Others = append(d.Others, app)
	}
	return nil
}

func (a *Administration) demoOtherApp(ctx context.Context, c DemoConfig, o demoOther) (made DemoApp, err error) {
	known := c.Others[o.uri]
	app, err := a.Apps.Get(ctx, o.uri)
	if errors.Is(err, tandem.ErrNotFound) {
		app, known, err = a.demoNewOther(ctx, o)
	}
	if err != nil {
		return made, err
	}
	if o.url != "" {
		if known.User, err = a.demoSecret(ctx, &app, tandem.FlowUser, known.User); err != nil {
			return made, err
		}
	}
	known.Service, err = a.demoSecret(ctx, &app, tandem.FlowService, known.Service)
	return DemoApp{app, known, o.systemUser}, err
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
