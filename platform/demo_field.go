package platform

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"slices"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/demo"
	"github.com/hybridapps/tandem/erp/write"
)

const (
	demoFieldGroup = "Field cloud"
	// demoFieldScope is what people's tokens for the cloud API say, and demoFieldAPI where
	// it is below the public root; demoFieldDevices is the app's page of devices.
	demoFieldScope, demoFieldAPI, demoFieldDevices = "visits", "/field-api/", "/#/device"
	setERPVisits                                   = "Applications_Service_ServiceActivities"
	setERPFiles                                    = "Systems_Core_ObjectFiles"
)

// FieldDemo is what [Administration.AddField] has made, or found.
type FieldDemo struct {
	// Cloud is the cloud API's registration, Phone that of the app on phones.
	Cloud DemoApp
	Phone tandem.TrustedApp
	// Visits is how many visits of today were made: 0 where there were some already.
	Visits int
}

// AddField registers the field app: the cloud API with its System User, whose group holds
// visits, their files and what they refer to; the app on phones, whose tokens are good for
// that API alone; who of the technicians is which person; and visits of today. What is
// there already stays, but for the addresses. root is the public root of the cloud, which
// serves the app, too.
func (a *Administration) AddField(ctx context.Context, root string, c DemoConfig) (made FieldDemo, err error) {
	err = a.DB.Lock(ctx, seedLock, func(ctx context.Context) error {
		if err := a.demoOwned(ctx, c); err != nil {
			return err
		}
		if made.Cloud, err = a.demoFieldCloud(ctx, root, c); err != nil {
			return err
		}
		if made.Phone, err = a.demoFieldPhone(ctx, root); err != nil {
			return err
		}
		if err := errors.Join(a.demoAskedGroups(ctx), a.demoTechnicians(ctx)); err != nil {
			return err
		}
		made.Visits, err = a.demoVisits(ctx)
		return err
	})
	return made, err
}

// demoFieldCloud is the cloud API: a back end alone, and the owner of a resource.
func (a *Administration) demoFieldCloud(ctx context.Context, root string, c DemoConfig) (DemoApp, error) {
	o := demoOthers[slices.IndexFunc(demoOthers, func(o demoOther) bool { return o.uri == DemoFieldCloud })]
	if err := a.demoOtherUser(ctx, o); err != nil {
		return DemoApp{}, err
	}
	app, err := a.demoOtherApp(ctx, c, o)
	if err != nil || app.Resource == root+demoFieldAPI {
		return app, err
	}
	app.TrustedApp, err = a.Apps.Update(ctx, byDemo, DemoFieldCloud, func(t *tandem.TrustedApp) error {
		t.Resource = root + demoFieldAPI
		if t.ResourceScopes == nil {
			t.ResourceScopes, t.AcceptsFrom = tandem.Scope{demoFieldScope}, []string{DemoField}
		}
		return nil
	})
	return app, err
}

// demoFieldPhone leaves the app on phones nothing but the cloud API. A phone keeps no
// secret: its tokens are bound to its key.
func (a *Administration) demoFieldPhone(ctx context.Context, root string) (tandem.TrustedApp, error) {
	app, err := a.Apps.Get(ctx, DemoField)
	if err != nil {
		return app, err
	}
	back := app.RedirectURIs
	if at := root + "/callback"; !loopback(root) && !slices.Contains(back, at) {
		back = append(slices.Clone(back), at)
	}
	devices := root + demoFieldDevices
	if app.CompanionOf == DemoFieldCloud && len(back) == len(app.RedirectURIs) && app.DevicesURI == devices {
		return app, nil
	}
	return a.Apps.Update(ctx, byDemo, DemoField, func(t *tandem.TrustedApp) error {
		t.RedirectURIs, t.DevicesURI = back, devices
		if t.CompanionOf != DemoFieldCloud {
			t.CompanionOf, t.Scope, t.UserScope, t.BoundTokensOnly = DemoFieldCloud, tandem.Scope{demoFieldScope}, nil, true
		}
		return nil
	})
}

// loopback reports whether an address is one of this machine, for which any port of
// [demoFieldRedirect] is good.
func loopback(root string) bool {
	u, err := url.Parse(root)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip == netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// demoAskedGroups makes the groups of the field app.
func (a *Administration) demoAskedGroups(ctx context.Context) error {
	for _, g := range demoGroups {
		if !g.asked {
			continue
		}
		if err := a.demoGroup(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// demoVisits gives the technicians visits of today, where they have none, and tells them.
func (a *Administration) demoVisits(ctx context.Context) (n int, err error) {
	m := erpModel()
	by, err := a.erpActor(ctx, "admin")
	if err != nil {
		return 0, err
	}
	accounts := map[string]string{}
	for _, t := range demo.Technicians() {
		u, err := a.users.UserByLogin(ctx, t.Key)
		if err != nil {
			return 0, err
		}
		accounts[t.Key] = u.ID
	}
	err = a.erpStore(m).Transact(ctx, func(tx write.Tx) error {
		n, err = demo.Visits(tx, m, by, a.config.Clock.Now(), accounts)
		return err
	})
	return n, err
}
