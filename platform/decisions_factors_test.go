package platform_test

import (
	"net/url"
	"regexp"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit/passkey"
	"github.com/hybridapps/tandem/tandemtest"
)

// factorRules are those about second factors.
var factorRules = map[tandem.Rule]func(d *deciding) string{
	tandem.RuleFactor: func(d *deciding) string {
		d.app("fay")
		return d.typed("fay", "000000")
	},
	tandem.RuleFactorUsed: func(d *deciding) string {
		code := d.code(d.app("fred"))
		d.typed("fred", code)
		return d.typed("fred", code)
	},
	tandem.RulePasskey: func(d *deciding) string {
		b := d.Browser()
		page := b.Get(d.Issuer + "/account/signin")
		_, fields, _ := page.Form(url.Values{"login": {""}})
		fields.Set("credential", "{}")
		return ids(b.Post(page, d.Issuer+"/account/passkey", fields).Response)
	},
	tandem.RulePasskeyCount: func(d *deciding) string {
		named := newDeciding(d.T, tandemtest.Options{Host: "localhost"})
		named.found(named.countedBack(), tandem.RulePasskeyCount)
		return ""
	},
	tandem.RuleContext: func(d *deciding) string {
		return ids(d.signIn("anna", tandemtest.Password, "claims", `{"id_token":{"acr":{"essential":true,"value":"2"}}}`).Response)
	},
	tandem.RuleStepUp: func(d *deciding) string {
		b := d.Browser()
		b.SignIn(d.Issuer+"/account/signin", "anna", tandemtest.Password)
		page := b.Get(d.URL + secondFactorPage + "?add=1")
		_, fields, _ := page.Form(url.Values{"code": {"000000"}})
		d.Advance(time.Hour)
		b.Post(page, secondFactorPage, fields)
		events := d.Record(tandem.AuditAuthorizationRefused)
		return events[0].ID // the newest
	},
}

const secondFactorPage = "/profile/security/second-factor"

var appSecret = regexp.MustCompile(`<code id="secret">([A-Z2-7]+)</code>`)

// app makes a person with an authenticator app, and returns its secret.
func (d *deciding) app(login string) string {
	d.T.Helper()
	d.person(login, tandem.InternalUser)
	b := d.Browser()
	b.SignIn(d.Issuer+"/account/signin", login, tandemtest.Users[1].Password)
	page := b.Get(d.URL + secondFactorPage + "?add=1")
	found := appSecret.FindStringSubmatch(page.Text)
	if found == nil {
		d.Fatalf("no secret: %d %s", page.StatusCode, page.Text)
	}
	b.Submit(page, url.Values{"code": {d.code(found[1])}, "app": {field(page, "app")}})
	d.Advance(2 * time.Minute)
	return found[1]
}

// field is what the page's form has for a name.
func field(page *tandemtest.Page, name string) string {
	_, fields, _ := page.Form(url.Values{})
	return fields.Get(name)
}

func (d *deciding) code(secret string) string {
	d.T.Helper()
	code, err := totp.GenerateCode(secret, d.Clock.Now())
	must(d.T, err)
	return code
}

// typed signs in with a password and a code.
func (d *deciding) typed(login, code string) string {
	d.T.Helper()
	b := d.Browser()
	page := b.SignIn(d.Issuer+"/account/signin", login, tandemtest.Users[1].Password)
	return ids(b.Submit(page, url.Values{"code": {code}}).Response)
}

// countedBack signs in by a passkey, and by what could be its copy.
func (d *deciding) countedBack() string {
	d.T.Helper()
	u, err := d.Platform.Accounts.Show(d.Context(), "anna")
	must(d.T, err)
	id := uuid.MustParse(u.ID)
	key := passkey.New(d.T, d.URL)
	key.Handle, key.Count = id[:], 7
	b := d.Browser()
	b.SignIn(d.Issuer+"/account/signin", "anna", tandemtest.Password)
	page := b.Get(d.URL + secondFactorPage + "?add=1")
	b.Submit(page, url.Values{"credential": {key.Create(passkey.Challenge(page.Text))}, "challenge": {field(page, "challenge")}})
	key.Count = 3
	copied := d.Browser()
	page = copied.Get(d.Issuer + "/account/signin")
	_, fields, _ := page.Form(url.Values{"login": {""}})
	fields.Set("credential", key.Get(passkey.Challenge(page.Text)))
	return ids(copied.Post(page, d.Issuer+"/account/passkey", fields).Response)
}
