package platform_test

import (
	"net/url"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/internal/testkit/fakeprovider"
)

// outsideRules make each rule about people of an outside provider decide once.
var outsideRules = map[tandem.Rule]func(d *deciding) string{
	tandem.RuleOutsideUnknown: func(d *deciding) string {
		return ids(d.Browser().Get(d.URL + "/id/account/outside/start?provider=nobody").Response)
	},
	tandem.RuleOutsideUnreachable: func(d *deciding) string {
		d.outside("gone", "http://127.0.0.1:1", func(*federation.Provider) {})
		return ids(d.Browser().Get(d.URL + "/id/account/outside/start?provider=gone").Response)
	},
	tandem.RuleOutsideState: func(d *deciding) string {
		return ids(d.Browser().Get(d.URL + federation.CallbackPath("any") + "?state=x&code=y").Response)
	},
	tandem.RuleOutsideIssuer: func(d *deciding) string {
		return d.fromOutside("mixed-up", fakeprovider.Twist{Answer: func(q url.Values) { q.Set("iss", "https://elsewhere.example") }}, nil)
	},
	tandem.RuleOutsideRefused: func(d *deciding) string {
		return d.fromOutside("refused", fakeprovider.Twist{Answer: func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }}, nil)
	},
	tandem.RuleOutsideToken: func(d *deciding) string {
		return d.fromOutside("token", fakeprovider.Twist{Sign: fakeprovider.Unsigned}, nil)
	},
	tandem.RuleOutsideStale: func(d *deciding) string {
		long := d.Clock.Now().Add(-time.Hour).Unix()
		d.outside("stale", d.fake(fakeprovider.Twist{Claims: func(c map[string]any) { c["auth_time"] = long }}), func(*federation.Provider) {})
		return d.page("acr_values", "idp:stale", "max_age", "60")
	},
	tandem.RuleOutsideTenant: func(d *deciding) string {
		return d.fromOutside("tenant", fakeprovider.Twist{}, func(p *federation.Provider) { p.TenantClaim, p.Tenants = "tid", []string{"t-1"} })
	},
	tandem.RuleOutsideAccount: func(d *deciding) string { return d.fromOutside("account", fakeprovider.Twist{}, nil) },
	tandem.RuleOutsideAdmin: func(d *deciding) string {
		return d.fromOutside("admin", fakeprovider.Twist{Claims: func(c map[string]any) { c["email"], c["email_verified"] = "admin@example.com", true }},
			func(p *federation.Provider) { p.ByEmail, p.Domains = true, []string{"*"} })
	},
}

// outside registers an outside provider.
func (d *deciding) outside(id, issuer string, change func(p *federation.Provider)) {
	d.T.Helper()
	p := federation.Provider{ID: id, Name: id, Issuer: issuer, ClientID: fakeprovider.ClientID, Internal: true}
	change(&p)
	_, err := d.Platform.Outside.Create(d.Context(), tandem.By{Login: "admin", Via: tandem.ViaCommand}, p, fakeprovider.ClientSecret)
	must(d.T, err)
}

func (d *deciding) fake(t fakeprovider.Twist) (issuer string) {
	f := fakeprovider.New(d.T, d.Clock.Now)
	f.Twist(t)
	return f.URL
}

// fromOutside signs in through a provider of its own, and returns the id of the page.
func (d *deciding) fromOutside(id string, t fakeprovider.Twist, change func(p *federation.Provider)) string {
	d.T.Helper()
	if change == nil {
		change = func(*federation.Provider) {}
	}
	d.outside(id, d.fake(t), change)
	return ids(d.Browser().Get(d.URL + "/id/account/outside/start?provider=" + id).Response)
}
