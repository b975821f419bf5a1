package platform_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// clientRules make each rule about a client decide once, and return the id of the
// request that it decided.
var clientRules = map[tandem.Rule]func(d *deciding) string{
	tandem.RuleCredMissing: func(d *deciding) string { return d.service("client_secret", "") },
	tandem.RuleCredMalformed: func(d *deciding) string {
		id, _, _ := d.post(oauth.PathToken, form("grant_type", "client_credentials"), "Authorization", "Basic !")
		return id
	},
	tandem.RuleCredUnknown: func(d *deciding) string { return d.service("client_secret", "wrong") },
	tandem.RuleCredExpired: func(d *deciding) string {
		_, secret, err := d.Platform.Apps.AddCredential(d.Context(), tandemtest.By, tandemtest.Portal, registry.NewCredential{
			Flow: tandem.FlowService, ExpiresAt: d.Clock.Now().Add(time.Minute),
		})
		must(d.T, err)
		d.Advance(2 * time.Minute)
		return d.service("client_secret", secret)
	},
	tandem.RuleCredEarly: func(d *deciding) string {
		_, secret, err := d.Platform.Apps.AddCredential(d.Context(), tandemtest.By, tandemtest.Portal, registry.NewCredential{
			Flow: tandem.FlowService, NotBefore: d.Clock.Now().Add(time.Hour),
		})
		must(d.T, err)
		d.Refresh()
		return d.service("client_secret", secret)
	},
	tandem.RuleCredRevoked: func(d *deciding) string {
		c, secret, err := d.Platform.Apps.AddCredential(d.Context(), tandemtest.By, other, registry.NewCredential{Flow: tandem.FlowService})
		must(d.T, err)
		must(d.T, d.Platform.Apps.RevokeCredential(d.Context(), tandemtest.By, other, c.ID))
		d.Refresh()
		return d.service("client_id", other, "client_secret", secret)
	},
	tandem.RuleCredOtherFlow: func(d *deciding) string { return d.service("client_secret", d.UserSecret) },
	tandem.RuleCredAssertion: func(d *deciding) string { return d.asserted(d.assertion("https://elsewhere.example")) },
	tandem.RuleCredReplayed: func(d *deciding) string {
		assertion := d.assertion(d.Issuer)
		d.asserted(assertion)
		return d.asserted(assertion)
	},
	tandem.RuleCredPublic: func(d *deciding) string { return d.service("client_id", tandemtest.Field) },
	tandem.RuleAppUnknown: func(d *deciding) string { return d.service("client_id", "com.example/nobody") },
	tandem.RuleAppDisabled: func(d *deciding) string {
		d.UpdateApp(other, func(a *tandem.TrustedApp) { a.Enabled = false })
		defer d.UpdateApp(other, func(a *tandem.TrustedApp) { a.Enabled = true })
		return d.service("client_id", other, "client_secret", d.otherSecrets.Service)
	},
	tandem.RuleAppType: func(d *deciding) string { return d.service("client_id", tandemtest.Field, "client_secret", "") },
	tandem.RuleAppReplaced: func(d *deciding) string {
		const again = "com.example/again"
		secrets := d.CreateApp(d.hybrid(again))
		old := d.bearer("grant_type", "client_credentials", "client_id", again, "client_secret", secrets.Service)
		must(d.T, d.Platform.Apps.Delete(d.Context(), tandemtest.By, again))
		d.Advance(time.Minute)
		d.CreateApp(d.hybrid(again))
		return d.read(old)
	},
	tandem.RuleAppService: func(d *deciding) string {
		d.UpdateApp(other, func(a *tandem.TrustedApp) { a.SystemUserAllowed = false })
		defer d.UpdateApp(other, func(a *tandem.TrustedApp) { a.SystemUserAllowed = true })
		return d.service("client_id", other, "client_secret", d.otherSecrets.Service)
	},
	tandem.RuleAppSystemUser: func(d *deciding) string {
		d.person("svc.new", tandem.SystemUserNoLogin)
		u, err := d.Platform.Accounts.Show(d.Context(), "svc.new")
		must(d.T, err)
		old := d.bearer("grant_type", "client_credentials", "client_id", other, "client_secret", d.otherSecrets.Service)
		d.UpdateApp(other, func(a *tandem.TrustedApp) { a.SystemUserID = u.ID })
		return d.read(old)
	},
	tandem.RuleAppSignIn: func(d *deciding) string {
		d.UpdateApp(other, func(a *tandem.TrustedApp) { a.InternalUsers, a.ExternalUsers = false, false })
		defer d.UpdateApp(other, func(a *tandem.TrustedApp) { a.InternalUsers, a.ExternalUsers = true, true })
		return d.page("client_id", other)
	},
	tandem.RuleCredMethod: func(d *deciding) string {
		d.UpdateApp(other, func(a *tandem.TrustedApp) { a.FAPI = true })
		defer d.UpdateApp(other, func(a *tandem.TrustedApp) { a.FAPI = false })
		return d.service("client_id", other, "client_secret", d.otherSecrets.Service)
	},
	tandem.RuleProofNeeded: func(d *deciding) string {
		d.UpdateApp(other, func(a *tandem.TrustedApp) { a.BoundTokensOnly = true })
		defer d.UpdateApp(other, func(a *tandem.TrustedApp) { a.BoundTokensOnly = false })
		return d.service("client_id", other, "client_secret", d.otherSecrets.Service)
	},
	tandem.RuleRequestPushed: func(d *deciding) string {
		d.UpdateApp(other, func(a *tandem.TrustedApp) { a.PushedRequestsOnly = true })
		defer d.UpdateApp(other, func(a *tandem.TrustedApp) { a.PushedRequestsOnly = false })
		return d.page("client_id", other)
	},
	tandem.RuleThrottle: func(d *deciding) string {
		d.CreateApp(d.hybrid("com.example/guessed"))
		id := ""
		for range 101 {
			id = d.service("client_id", "com.example/guessed", "client_secret", "a guess")
		}
		return id
	},
}

// bearer is an access token of the token endpoint.
func (d *deciding) bearer(pairs ...string) string {
	d.T.Helper()
	_, status, body := d.post(oauth.PathToken, form(pairs...))
	if status != http.StatusOK {
		d.Fatalf("%d %s", status, body)
	}
	return between(body, `"access_token":"`, `"`)
}

func between(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
}

// resource registers https://NAME.example/api with the scope NAME, for tokens of an application.
func (d *deciding) resource(name, from string) {
	d.T.Helper()
	app := d.hybrid("com.example/" + name)
	app.Resource, app.ResourceScopes, app.AcceptsFrom = "https://"+name+".example/api", tandem.Scope{name}, []string{from}
	d.CreateApp(app)
	d.Refresh()
}

// requestRules are those about what was asked.
var requestRules = map[tandem.Rule]func(d *deciding) string{
	tandem.RuleForm:           func(d *deciding) string { id, _, _ := d.post(oauth.PathToken+"?a=b", form()); return id },
	tandem.RuleParameter:      func(d *deciding) string { return d.service("grant_type", "") },
	tandem.RuleUnsupported:    func(d *deciding) string { return d.page("request", "a.b.c") },
	tandem.RuleRequestUnknown: func(d *deciding) string { return d.page("request_uri", oauth.PushedPrefix+"unknown") },
	tandem.RuleRequestExpired: func(d *deciding) string {
		uri := d.pushed()
		d.Advance(3 * time.Minute)
		return d.page("request_uri", uri)
	},
	tandem.RuleRequestUsed: func(d *deciding) string {
		uri := d.pushed()
		d.signIn("anna", tandemtest.Password, "request_uri", uri)
		return d.page("request_uri", uri)
	},
	tandem.RuleCrossSite: func(d *deciding) string {
		id, _, _ := d.post("/id/account/signin", form("login", "anna"), "Sec-Fetch-Site", "cross-site")
		return id
	},
	tandem.RuleGrantUnknown: func(d *deciding) string { return d.service("grant_type", "password") },
	tandem.RuleResource:     func(d *deciding) string { return d.service("resource", "https://elsewhere.example") },
	tandem.RuleResourceAccepts: func(d *deciding) string {
		d.resource("accepting", "com.example/nobody")
		return d.page("resource", "https://accepting.example/api", "scope", "openid")
	},
	tandem.RuleResourceOne: func(d *deciding) string {
		d.resource("one", tandemtest.Portal)
		return d.redeem(d.Browser().Authorize("anna", tandemtest.Password), "resource", "https://one.example/api", "resource", d.OData)
	},
	tandem.RuleScopeResource: func(d *deciding) string {
		d.resource("scoped", tandemtest.Portal)
		return d.service("resource", "https://scoped.example/api")
	},
	tandem.RuleRedirect:       func(d *deciding) string { return d.page("redirect_uri", "https://elsewhere.example/") },
	tandem.RuleHint:           func(d *deciding) string { return d.page("id_token_hint", "a.b.c") },
	tandem.RuleScopeMalformed: func(d *deciding) string { return d.service("scope", `a"b`) },
	tandem.RuleScopeReserved:  func(d *deciding) string { return d.service("scope", "sec") },
	tandem.RuleScopeProtocol:  func(d *deciding) string { return d.service("scope", "openid") },
	tandem.RuleScopeFlow:      func(d *deciding) string { return d.service("scope", "admin") },
	tandem.RuleScopeNone: func(d *deciding) string {
		d.UpdateApp(other, func(a *tandem.TrustedApp) { a.ServiceScope = tandem.Scope{} })
		defer d.UpdateApp(other, func(a *tandem.TrustedApp) { a.ServiceScope = nil })
		return d.service("client_id", other, "client_secret", d.otherSecrets.Service)
	},
	tandem.RuleScopeGrant: func(d *deciding) string {
		return d.refresh(d.SignIn("anna", "openid", "offline_access", "read").Refresh, "scope", "read update")
	},
	tandem.RuleScopeExternal: func(d *deciding) string {
		b := d.Browser()
		return d.redeemedEvent(b.Authorize("paul", tandemtest.Password, "openid", "read"))
	},
	tandem.RuleScopeObsolete: func(d *deciding) string { return d.service("scope", "read DomainApi") },
	tandem.RuleCodeUnknown:   func(d *deciding) string { return d.redeem(tandemtest.Code{Code: "unknown"}) },
	tandem.RuleCodeOtherApp: func(d *deciding) string {
		return d.redeem(d.Browser().Authorize("anna", tandemtest.Password), "client_id", other, "client_secret", d.otherSecrets.User)
	},
	tandem.RuleCodeExpired: func(d *deciding) string {
		code := d.Browser().Authorize("anna", tandemtest.Password)
		d.Advance(2 * time.Minute)
		return d.redeem(code)
	},
	tandem.RuleCodeUsed: func(d *deciding) string {
		code := d.Browser().Authorize("anna", tandemtest.Password)
		d.Redeem(code)
		return d.redeem(code)
	},
	tandem.RuleCodeRedirect: func(d *deciding) string {
		return d.redeem(d.Browser().Authorize("anna", tandemtest.Password), "redirect_uri", "https://elsewhere.example/")
	},
	tandem.RulePKCE: func(d *deciding) string {
		return d.redeem(d.Browser().Authorize("anna", tandemtest.Password), "code_verifier", strings.Repeat("x", 43))
	},
	tandem.RulePKCEUnasked: func(d *deciding) string {
		page := d.signIn("anna", tandemtest.Password, "code_challenge", "", "code_challenge_method", "")
		to, err := url.Parse(page.Header.Get("Location"))
		must(d.T, err)
		return d.redeem(tandemtest.Code{Code: to.Query().Get("code"), Verifier: strings.Repeat("x", 43)})
	},
	tandem.RulePKCENeeded: func(d *deciding) string {
		return d.page("client_id", tandemtest.Field, "redirect_uri", tandemtest.FieldRedirectURI, "code_challenge", "", "code_challenge_method", "")
	},
	tandem.RuleDeviceFlow: func(d *deciding) string {
		id, _, _ := d.post(oauth.PathDeviceAuthorization, form("client_id", tandemtest.Portal, "client_secret", d.UserSecret, "scope", "openid"))
		return id
	},
	tandem.RuleDeviceUnknown: func(d *deciding) string { return d.poll("unknown") },
	tandem.RuleDeviceExpired: func(d *deciding) string {
		code, _ := d.device()
		d.Advance(11 * time.Minute)
		return d.poll(code)
	},
	tandem.RuleDeviceDenied: func(d *deciding) string {
		code, typed := d.device()
		b := d.Browser()
		page := b.Submit(b.Get(d.URL+oauth.PathDevice+"?user_code="+typed), url.Values{"login": {"anna"}, "password": {tandemtest.Password}})
		b.Submit(page, url.Values{"deny": {"1"}})
		return d.poll(code)
	},
	tandem.RuleRefreshUnknown: func(d *deciding) string { return d.refresh("tdrt_unknown") },
	tandem.RuleRefreshOtherApp: func(d *deciding) string {
		return d.refresh(d.SignIn("anna").Refresh, "client_id", other, "client_secret", d.otherSecrets.User)
	},
	tandem.RuleRefreshEnded: func(d *deciding) string {
		refresh := d.SignIn("anna").Refresh
		d.post(oauth.PathRevocation, form("client_id", tandemtest.Portal, "client_secret", d.UserSecret, "token", refresh))
		return d.refresh(refresh)
	},
	tandem.RuleRefreshReplayed: func(d *deciding) string {
		refresh := d.SignIn("anna").Refresh
		d.RefreshTokens(refresh)
		d.Advance(12 * time.Second)
		return d.refresh(refresh)
	},
	tandem.RuleRefreshAltered: func(d *deciding) string {
		refresh := d.SignIn("anna").Refresh
		_, err := d.Platform.DB.Writer().ExecContext(d.Context(), `UPDATE refresh_families SET scope = 'openid offline_access read update sec'`)
		must(d.T, err)
		return d.refresh(refresh)
	},
	tandem.RuleRefreshExpired: func(d *deciding) string {
		refresh := d.SignIn("anna").Refresh
		d.Advance(3 * time.Hour) // see TestEveryRuleIsOnRecord
		return d.refresh(refresh)
	},
}

// redeemedEvent redeems a code and returns the id of the request that gave it: what was
// left out of a grant is on record where it was left out.
func (d *deciding) redeemedEvent(c tandemtest.Code) string {
	d.T.Helper()
	d.redeem(c)
	events := d.Record(tandem.AuditCodeIssued)
	return events[0].RequestID
}

// personRules are those about people and System Users.
var personRules = map[tandem.Rule]func(d *deciding) string{
	tandem.RuleUserUnknown:  func(d *deciding) string { return ids(d.signIn("nobody", "password").Response) },
	tandem.RuleUserPassword: func(d *deciding) string { return ids(d.signIn("anna", "wrong password").Response) },
	tandem.RuleUserDisabled: func(d *deciding) string {
		d.person("gone", tandem.InternalUser)
		d.enabled("gone", false)
		return ids(d.signIn("gone", tandemtest.Password).Response)
	},
	tandem.RuleUserType: func(d *deciding) string {
		d.UpdateApp(other, func(a *tandem.TrustedApp) { a.ExternalUsers = false })
		defer d.UpdateApp(other, func(a *tandem.TrustedApp) { a.ExternalUsers = true })
		b := d.Browser()
		b.Submit(d.authorize(b, "prompt", "login"), url.Values{"login": {"paul"}, "password": {tandemtest.Password}})
		return ids(d.authorize(b, "client_id", other).Response)
	},
	tandem.RuleUserChanged: func(d *deciding) string {
		d.person("risen", tandem.InternalUser)
		access := d.SignIn("risen").Access
		// By a process that dies before it ends the sign-ins.
		users := d.Platform.Accounts.Users
		acc, err := users.ByLogin(d.Context(), "risen")
		must(d.T, err)
		_, err = users.Update(d.Context(), acc.ID, func(old signin.Account) (signin.Account, error) {
			old.Admin, old.ChangedAt = true, d.Clock.Now()
			return old, nil
		})
		must(d.T, err)
		d.Refresh()
		return d.read(access)
	},
	tandem.RuleUserSystem: func(d *deciding) string {
		d.enabled(tandemtest.SystemUser, false)
		defer d.enabled(tandemtest.SystemUser, true)
		return d.service()
	},
	tandem.RuleConsentRequired: func(d *deciding) string {
		b := d.Browser()
		b.Authorize("anna", tandemtest.Password)
		defer d.ofOthers()()
		return ids(d.authorize(b, "prompt", "none").Response)
	},
	tandem.RuleConsentDenied: func(d *deciding) string {
		defer d.ofOthers()()
		b := d.Browser()
		page := b.Submit(d.authorize(b), url.Values{"login": {"anna"}, "password": {tandemtest.Password}})
		return ids(b.Submit(page, url.Values{"cancel": {"1"}}).Response)
	},
	tandem.RuleConsentWithdrawn: func(d *deciding) string {
		code := d.Browser().Authorize("anna", tandemtest.Password)
		defer d.ofOthers()()
		return d.redeem(code)
	},
	tandem.RuleUserReset: func(d *deciding) string {
		return ids(d.Browser().Get(d.URL + "/id/account/reset?link=" + strings.Repeat("A", 43)).Response)
	},
	tandem.RuleUserWeak: func(d *deciding) string {
		at, _, err := d.Platform.ResetLink(d.Context(), tandemtest.By, "anna", d.URL, time.Hour)
		must(d.T, err)
		b := d.Browser()
		return ids(b.Submit(b.Get(at), resetForm("password1")).Response)
	},
	tandem.RuleUserCancelled: func(d *deciding) string {
		b := d.Browser()
		return ids(b.Submit(d.authorize(b), url.Values{"login": {"anna"}, "cancel": {"1"}}).Response)
	},
}

// ofOthers makes the portal an application whose people are asked, until undo.
func (d *deciding) ofOthers() (undo func()) {
	d.T.Helper()
	d.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.FirstParty = false })
	return func() { d.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.FirstParty = true }) }
}

// tokenRules are those about access tokens and calls.
var tokenRules = map[tandem.Rule]func(d *deciding) string{
	tandem.RuleTokenMissing:   func(d *deciding) string { return d.read("") },
	tandem.RuleTokenMalformed: func(d *deciding) string { return d.read("a.b.c") },
	tandem.RuleTokenSignature: func(d *deciding) string {
		good := d.ServiceToken()
		parts := strings.Split(good, ".")
		return d.read(parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])))
	},
	tandem.RuleTokenIssuer:   func(d *deciding) string { return d.read(d.minted("https://elsewhere.example/id", 0)) },
	tandem.RuleTokenKind:     func(d *deciding) string { return d.read(d.SignIn("anna").ID) },
	tandem.RuleTokenExpired:  func(d *deciding) string { old := d.ServiceToken(); d.Advance(2 * time.Hour); return d.read(old) },
	tandem.RuleTokenEarly:    func(d *deciding) string { return d.read(d.minted(d.Issuer, time.Hour)) },
	tandem.RuleTokenAudience: func(d *deciding) string { return d.read(d.SignIn("paul", "openid").Access) },
	tandem.RuleProof:         func(d *deciding) string { return d.proved("a.b.c") },
	tandem.RuleProofNonce: func(d *deciding) string {
		key, err := dpop.NewKey()
		must(d.T, err)
		proof, err := key.Proof(dpop.Request{Method: "POST", URL: d.Issuer + strings.TrimPrefix(oauth.PathToken, oauth.PathIssuer)}, "none of ours", d.Clock.Now())
		must(d.T, err)
		return d.proved(proof)
	},
	tandem.RuleProofKey: func(d *deciding) string {
		to, err := url.Parse(d.signIn("anna", tandemtest.Password, "dpop_jkt", oauth.Challenge("a key")).Header.Get("Location"))
		must(d.T, err)
		return d.redeem(tandemtest.Code{Code: to.Query().Get("code"), Verifier: strings.Repeat("v", 43)})
	},
	tandem.RuleTokenRevoked: func(d *deciding) string {
		access := d.SignIn("anna").Access
		d.post(oauth.PathRevocation, form("client_id", tandemtest.Portal, "client_secret", d.UserSecret, "token", access))
		d.Refresh()
		return d.read(access)
	},
	tandem.RuleReferenceUnknown: func(d *deciding) string { return d.read(tandem.ReferencePrefix + strings.Repeat("0", 64)) },
	tandem.RuleReferencePolicy: func(d *deciding) string {
		text := d.pat()
		d.UpdateApp(other, func(a *tandem.TrustedApp) { a.AccessTokens = tandem.AccessTokensNone })
		return d.read(text)
	},
	tandem.RuleLicenceFull: func(d *deciding) string {
		small := &deciding{Instance: tandemtest.Start(d.T, tandemtest.Options{Licence: tandem.Licence{Slots: 1}, Log: quiet}), T: d.T}
		small.API("GET", "Systems_Core_ExtensibleEnums?$top=1", small.ServiceToken(), "")
		id := small.read(small.SignIn("anna").Access)
		small.found(id, tandem.RuleLicenceFull)
		return ""
	},
	tandem.RuleBusy: func(d *deciding) string {
		busy := newDeciding(d.T, tandemtest.Options{Queries: data.QueryLimits{PerSession: 1, Patience: time.Nanosecond}})
		busy.found(busy.crowded(), tandem.RuleBusy)
		return ""
	},
	tandem.RuleScope: func(d *deciding) string {
		return d.call("POST", "General_Products_Products", d.ServiceToken("read"), "{}")
	},
	tandem.RuleKind: func(d *deciding) string {
		return d.call("GET", "Systems_Monitoring_CurrentSessions", d.SignIn("anna").Access, "")
	},
}

// device begins a sign-in on a device as the public application; typed is what its
// person types.
func (d *deciding) device() (code, typed string) {
	d.T.Helper()
	_, status, body := d.post(oauth.PathDeviceAuthorization, form("client_id", tandemtest.Field, "scope", "openid"))
	if status != http.StatusOK {
		d.Fatalf("%d %s", status, body)
	}
	return between(body, `"device_code":"`, `"`), between(body, `"user_code":"`, `"`)
}

// poll asks for the tokens of a device.
func (d *deciding) poll(code string) string {
	d.T.Helper()
	return d.user("grant_type", oauth.GrantDeviceCode, "device_code", code, "client_id", tandemtest.Field)
}

// pat makes a personal access token of anna's.
func (d *deciding) pat() string {
	d.T.Helper()
	d.UpdateApp(other, func(a *tandem.TrustedApp) { a.AccessTokens = tandem.AccessTokensAuthenticatedUsers })
	_, text, err := d.Platform.References.Create(d.Context(), tandemtest.By, registry.NewReference{
		Kind: tandem.ReferencePAT, ApplicationURI: other, Login: "anna", Scope: tandem.Scope{"read"}, Name: "a script", ExpiresAt: d.Clock.Now().Add(time.Hour),
	})
	must(d.T, err)
	d.Refresh()
	return text
}

// proved asks for a service token with a proof of possession.
func (d *deciding) proved(proof string) string {
	d.T.Helper()
	id, _, _ := d.post(oauth.PathToken, form("grant_type", "client_credentials", "client_id", tandemtest.Portal, "client_secret", d.ServiceSecret), dpop.Header, proof)
	return id
}

// crowded asks at once until one of the calls has to wait for too long.
func (d *deciding) crowded() (id string) {
	d.T.Helper()
	bearer := d.SignIn("anna").Access
	found := make(chan string, 400)
	for range 20 {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				req, err := http.NewRequestWithContext(d.Context(), "GET", d.OData+"General_Products_Products?$top=50", nil)
				must(d.T, err)
				req.Header.Set("Authorization", "Bearer "+bearer)
				if r, err := http.DefaultClient.Do(req); err == nil {
					r.Body.Close()
					if r.StatusCode == http.StatusTooManyRequests {
						found <- ids(r)
					}
				}
			})
		}
		all.Wait()
		if len(found) > 0 {
			return <-found
		}
	}
	d.Error("nobody had to wait")
	return ""
}

// rightRules are those about rights; [TestRefusalsAreOnRecord] looks closer at them.
var rightRules = map[tandem.Rule]func(d *deciding) string{
	tandem.RuleSet: func(d *deciding) string {
		return d.call("POST", documentTypes, d.SignIn("anna").Access, `{"Code":"x"}`)
	},
	tandem.RuleAttribute: func(d *deciding) string {
		d.grant("Some", permission.Target{Column: documentTypes + ".TypeName"}, "read")
		return d.call("GET", documentTypes+"?$select=TypeName", d.SignIn("anna").Access, "")
	},
	tandem.RuleLimited: func(d *deciding) string {
		d.grant("Everybody", permission.Target{Set: documentTypes}, "read,update:EntityName")
		return d.call("PATCH", d.documentType(), d.SignIn("anna").Access, `{"Code":"x"}`)
	},
	tandem.RuleRow: func(d *deciding) string {
		d.guarded("Row", "read")
		return d.call("DELETE", d.documentType(), d.SignIn("anna").Access, "")
	},
	tandem.RuleKey: func(d *deciding) string {
		d.grant("Everybody", permission.Target{Set: documentTypes}, "read,update")
		d.guarded("Own", "read,update")
		return d.call("PATCH", d.documentType(), d.SignIn("anna").Access, `{"AccessKey":null}`)
	},
	tandem.RuleType: func(d *deciding) string {
		_, _, err := d.Platform.GrantType(d.Context(), tandemtest.By, d.group("Releasers"), "SO", "release", false)
		must(d.T, err)
		anna := d.SignIn("anna").Access
		return d.call("POST", d.order(anna)+"/ChangeState", anna, `{"newState":"Released"}`)
	},
	tandem.RuleAbility: func(d *deciding) string {
		d.grant("Pricers", permission.Target{System: "unit-price"}, "read")
		anna := d.SignIn("anna").Access
		_, text := d.API("GET", "General_Products_Products?$top=1&$select=Id", anna, "")
		product := between(text, `"Id":"`, `"`)
		return d.call("POST", d.order(anna)+"/Lines", anna, `{"Product@odata.bind":"General_Products_Products(`+product+`)","UnitPrice":{"Value":0.01}}`)
	},
	tandem.RuleGranted: func(d *deciding) string {
		d.grant("Granted", permission.Target{Set: documentTypes}, "read")
		return d.deed(tandem.RuleGranted)
	},
	tandem.RuleMember: func(d *deciding) string {
		must(d.T, d.Platform.Permissions.AddMember(d.Context(), tandemtest.By, d.group("Members"), "anna"))
		return d.deed(tandem.RuleMember)
	},
}

const documentTypes = "Systems_Documents_DocumentTypes"

// group makes a group, once.
func (d *deciding) group(name string) string {
	d.T.Helper()
	if name != "Everybody" {
		_, err := d.Platform.Permissions.CreateGroup(d.Context(), tandemtest.By, name, "")
		must(d.T, err)
	}
	return name
}

func (d *deciding) grant(group string, on permission.Target, rights string) {
	d.T.Helper()
	_, err := d.Platform.Permissions.Grant(d.Context(), tandemtest.By, d.group(group), on, rights, false)
	must(d.T, err)
	d.settle()
}

// settle waits until what was granted counts.
func (d *deciding) settle() {
	d.Advance(permission.Settling)
}

// documentType is a row: the first by its id.
func (d *deciding) documentType() string {
	d.T.Helper()
	_, text := d.API("GET", documentTypes+"?$top=1&$orderby=Code&$select=Id", d.SignIn("admin").Access, "")
	id := between(text, `"Id":"`, `"`)
	if id == "" {
		d.Fatalf("there is no type of documents: %s", text)
	}
	return documentTypes + "(" + id + ")"
}

// guarded gives the row a key that everybody has these rights on.
func (d *deciding) guarded(key, rights string) {
	d.T.Helper()
	_, err := d.Platform.Permissions.CreateKey(d.Context(), tandemtest.By, documentTypes, key)
	must(d.T, err)
	d.grant("Everybody", permission.Target{Key: key}, rights)
	must(d.T, d.Platform.PutKey(d.Context(), tandemtest.By, key, d.documentType()))
	d.Refresh()
}

// order makes an order.
func (d *deciding) order(bearer string) string {
	d.T.Helper()
	_, text := d.API("GET", "Crm_Sales_Customers?$top=1&$select=Id", bearer, "")
	status, text := d.API("POST", "Crm_Sales_SalesOrders?$select=Id", bearer, `{"Customer@odata.bind":"Crm_Sales_Customers(`+between(text, `"Id":"`, `"`)+`)"}`)
	if status != http.StatusCreated {
		d.Fatalf("a new order: %d %s", status, text)
	}
	return "Crm_Sales_SalesOrders(" + between(text, `"Id":"`, `"`) + ")"
}

// deed is the id of the newest event of administration by the rule.
func (d *deciding) deed(rule tandem.Rule) string {
	d.T.Helper()
	for _, e := range d.Record(tandem.AuditAdministration) {
		if decidedBy(d.T, &e, rule) {
			return e.ID
		}
	}
	d.Errorf("no deed by %s is on record", rule)
	return ""
}

// TestEveryRuleIsOnRecord walks all rules that there are: each is made to decide, and is
// found in the record by the id in the answer, and in what explain says. Who adds a rule
// adds a row.
func TestEveryRuleIsOnRecord(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		o := tandemtest.Options{Engine: engine}
		o.Lifetimes.RefreshConfidential = 2 * time.Hour
		d := newDeciding(t, o)
		rows := map[tandem.Rule]func(d *deciding) string{}
		for _, table := range []map[tandem.Rule]func(d *deciding) string{clientRules, requestRules, personRules, outsideRules, tokenRules, rightRules, factorRules} {
			for rule, row := range table {
				rows[rule] = row
			}
		}
		for _, m := range tandem.Rules {
			row := rows[m.Rule]
			delete(rows, m.Rule)
			if row == nil {
				t.Errorf("%s: no row of the tables above makes it decide", m.Rule)
				continue
			}
			t.Run(string(m.Rule), func(t *testing.T) {
				d := *d
				d.T = t
				if id := row(&d); id != "" {
					d.found(id, m.Rule)
				}
			})
		}
		for rule := range rows {
			t.Errorf("%s is no rule", rule)
		}
		d.allHaveRules()
	})
}

// allHaveRules: no refusal is on record of which nobody knows why.
func (d *deciding) allHaveRules() {
	d.T.Helper()
	must(d.T, d.Platform.TellRefusals(d.Context()))
	for _, kind := range []tandem.AuditKind{
		tandem.AuditTokenRefused, tandem.AuditCallRefused, tandem.AuditPermissionRefused, tandem.AuditSessionRefused, tandem.AuditSignInFailed,
		tandem.AuditAuthorizationRefused, tandem.AuditCodeReplayed, tandem.AuditRefreshReplayed,
	} {
		for _, e := range d.Record(kind) {
			f, err := tandem.ParseFacts(e.Facts)
			if _, known := f.Rule.Meaning(); err != nil || !known {
				d.Errorf("%s without a rule: %+v", kind, e)
			}
		}
	}
}

// Every refusal of the identity server is made with its rule: there is no other way to
// make one in the sources.
func TestRefusalsAreMadeWithTheirRule(t *testing.T) {
	t.Parallel()
	bare := regexp.MustCompile(`.*oauth\.Refuse\(.*|&problem\{[^}]*\}`)
	// That a person has to sign in is an answer to prompt=none like any other; and what
	// several rules have in common gets each one's.
	fine := regexp.MustCompile(`rule:|oauth\.LoginRequired|var errBad\w+ = |clean := |return By\(rule`)
	for _, pattern := range []string{"../identity/*.go", "../identity/signin/*.go", "../identity/token/*.go"} {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			must(t, err)
			for _, found := range bare.FindAllString(string(text), -1) {
				if !fine.MatchString(found) {
					t.Errorf("%s: %s has no rule", file, found)
				}
			}
		}
	}
}
