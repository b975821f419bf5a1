package main_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	glossary "github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/tandemtest"
	"github.com/hybridapps/tandem/usage"
)

// counted makes the instance one that has counted for a year, and whose licence was used.
func (b *ruleBench) counted() {
	b.t.Helper()
	must(b.t, b.Platform.AddDays(b.t.Context(), []usage.Use{{Day: b.day(365), What: usage.Running, Calls: 1}}))
	at := b.ago(200)
	must(b.t, b.Platform.AddUses(b.t.Context(), []permission.Use{{By: permission.By{UserID: "x", ApplicationURI: "x"}, Set: "x", Right: permission.Read, Calls: 1, First: at, Last: at}}))
	b.peak(20)
}

// day is the day so many days ago.
func (b *ruleBench) day(ago int) usage.Day { return usage.DayOf(b.ago(ago)) }

// used counts that a half has used something so many days ago.
func (b *ruleBench) used(a glossary.TrustedApp, flow glossary.Flow, what string, ago int) {
	b.t.Helper()
	must(b.t, b.Platform.AddDays(b.t.Context(), []usage.Use{{Day: b.day(ago), ApplicationID: a.ID, Flow: flow, What: what, Calls: 7}}))
}

// old registers an application that was made so many days ago.
func (b *ruleBench) old(name string, days int, change func(*glossary.TrustedApp)) glossary.TrustedApp {
	b.t.Helper()
	a := b.app(name, change)
	b.exec(`UPDATE applications SET created_at = $2 WHERE id = $1`, a.ID, b.ago(days))
	return a
}

func (b *ruleBench) peak(slots int64) {
	b.t.Helper()
	at := b.Clock.Now().UTC().Truncate(usage.WholeDay)
	must(b.t, b.Platform.AddTallies(b.t.Context(), []usage.Tally{{Span: usage.WholeDay, At: at, Kind: usage.PeakSlots, N: slots}}))
}

// happened puts events on record, as of half an hour ago.
func (b *ruleBench) happened(n int, e glossary.AuditEvent, from ...string) {
	b.t.Helper()
	for i := range n {
		if e.At = b.Clock.Now().Add(-30 * time.Minute); len(from) > 0 {
			e.RemoteAddr = from[i%len(from)]
		}
		must(b.t, b.Platform.Audit.Record(b.t.Context(), e))
	}
}

// forget takes events from the record, as time does.
func forget(kind glossary.AuditKind) func(*ruleBench) {
	return func(b *ruleBench) { b.exec(`DELETE FROM audit_events WHERE kind = $1`, string(kind)) }
}

func facts(f glossary.Facts) string { return f.JSON() }

const sets = "General_Products_Products"

// usageCases are those of the rules about what is used, and what happened.
var usageCases = []ruleCase{
	{rule: "APP-03", subject: "com.rules/unused", evidence: "still live: credential", set: func(b *ruleBench) {
		b.used(b.old("unused", 200, nil), glossary.FlowUser, "grant:authorization_code", 100)
	}},
	{rule: "APP-03", subject: "com.rules/waits", evidence: "last use: never", set: func(b *ruleBench) { b.old("waits", 91, nil) }},
	{rule: "APP-04", subject: "com.rules/begun", evidence: "made", set: func(b *ruleBench) { b.old("begun", 31, nil) }},
	{rule: "APP-05", subject: "com.rules/reads", evidence: "last write: never", set: func(b *ruleBench) {
		b.used(b.old("reads", 100, nil), glossary.FlowService, "scope:read", 1)
	}},
	{rule: "APP-06", subject: "com.rules/front", evidence: "calls that read: 7", set: func(b *ruleBench) {
		a := b.old("front", 100, nil)
		b.used(a, glossary.FlowUser, "scope:read", 1)
		b.used(a, glossary.FlowUser, "scope:update", 91)
	}},
	{rule: "APP-07", subject: "com.rules/both", evidence: "the back end writes: 7", set: func(b *ruleBench) {
		a := b.old("both", 100, nil)
		b.used(a, glossary.FlowUser, "scope:read", 1)
		b.used(a, glossary.FlowService, "scope:update", 2)
	}},
	{rule: "APP-08", subject: "com.rules/reach", evidence: "Crm_Invoicing_Invoices", set: func(b *ruleBench) {
		a := b.old("reach", 100, nil)
		admin := b.Platform.Permissions
		_, err := admin.CreateGroup(b.t.Context(), tandemtest.By, "Reach", "")
		must(b.t, err)
		for _, set := range []string{sets, "Crm_Invoicing_Invoices"} {
			_, err := admin.Grant(b.t.Context(), tandemtest.By, "Reach", permission.Target{Set: set}, "read", false)
			must(b.t, err)
		}
		must(b.t, admin.AddMember(b.t.Context(), tandemtest.By, "Reach", "svc.reach"))
		b.used(a, glossary.FlowService, "set:"+sets+":r", 1)
	}, instead: func(b *ruleBench) {
		must(b.t, b.Platform.Permissions.Revoke(b.t.Context(), tandemtest.By, "Reach", permission.Target{Set: "Crm_Invoicing_Invoices"}))
	}},
	{rule: "APP-11", subject: "com.rules/hosts", evidence: "https://old.example.com/cb", set: func(b *ruleBench) {
		hosts := []string{"https://hosts.example.com/cb", "https://old.example.com/cb", "https://new.example.com/cb"}
		a := b.app("hosts", func(a *glossary.TrustedApp) { a.RedirectURIs = hosts })
		b.used(a, glossary.FlowUser, "redirect:"+usage.RedirectName(hosts[0]), 1)
		b.used(a, glossary.FlowUser, "redirect:"+usage.RedirectName(hosts[1]), 181)
	}},
	{rule: "APP-17", subject: "com.rules/console", evidence: "last use: 20", set: func(b *ruleBench) {
		a := b.app("console", func(a *glossary.TrustedApp) { a.DeviceFlow = true })
		b.used(a, glossary.FlowUser, "grant:urn:ietf:params:oauth:grant-type:device_code", 91)
	}},
	{rule: "LIC-06", subject: "com.rules/names", evidence: "new names: 10", set: func(b *ruleBench) {
		a := b.app("names", nil)
		for n := range 10 {
			b.used(a, glossary.FlowService, fmt.Sprint("instance:pod-", n), 1)
		}
	}, decide: func(b *ruleBench) { b.exec(`UPDATE used SET first_day = first_day - 8 WHERE what LIKE 'instance:%'`) }},
	{rule: "SYS-04", subject: "svc.left", evidence: "applications: none", set: func(b *ruleBench) {
		b.CreateUser(signin.NewUser{Login: "svc.left", Type: glossary.SystemUserNoLogin})
		b.exec(`UPDATE users SET created_at = $1 WHERE login = 'svc.left'`, b.ago(91))
	}},
	{rule: "SYS-05", subject: "com.rules/serves", evidence: sets, set: func(b *ruleBench) {
		a := b.app("serves", nil)
		at := b.ago(1)
		must(b.t, b.Platform.AddUses(b.t.Context(), []permission.Use{{
			By:  permission.By{UserID: a.SystemUserID, ApplicationURI: a.ApplicationURI, For: glossary.InternalUser},
			Set: sets, Right: permission.Read, Calls: 2, First: at, Last: at,
		}}))
	}, decide: func(b *ruleBench) { b.exec(`DELETE FROM permission_uses WHERE person <> ''`) }},
	{rule: "APP-20", subject: tandemtest.Portal, evidence: "DomainApi", set: func(b *ruleBench) {
		b.ServiceToken("DomainApi", "read")
		must(b.t, b.Platform.WriteUses(b.t.Context()))
	}, decide: func(b *ruleBench) { b.exec(`DELETE FROM tallies WHERE kind = $1`, string(usage.ObsoleteScope)) }},
	{rule: "APP-21", subject: tandemtest.Portal, evidence: "scope: everything", set: func(b *ruleBench) {
		for range 12 {
			b.TokenRequest(url.Values{"grant_type": {"client_credentials"}, "client_id": {tandemtest.Portal}, "client_secret": {b.ServiceSecret}, "scope": {"everything"}})
		}
		b.Advance(2 * time.Minute)
		must(b.t, b.Platform.TellRefusals(b.t.Context()))
	}, decide: forget(glossary.AuditTokenRefused)},
	{rule: "APP-23", subject: tandemtest.Portal, evidence: "person: anna", set: func(b *ruleBench) {
		first := b.SignIn("anna")
		b.RefreshTokens(b.RefreshTokens(first.Refresh).Refresh)
		b.Advance(2 * time.Minute)
		b.TokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.Refresh}, "client_id": {tandemtest.Portal}, "client_secret": {b.UserSecret}})
	}},
	{rule: "APP-24", subject: "com.rules/guessed", evidence: "times: 100", set: func(b *ruleBench) {
		b.old("guessed", 100, nil)
		b.exec(`UPDATE credentials SET created_at = $1 WHERE application_id = (SELECT id FROM applications WHERE application_uri = 'com.rules/guessed')`, b.ago(100))
		b.happened(100, glossary.AuditEvent{Kind: glossary.AuditTokenRefused, ApplicationURI: "com.rules/guessed", Facts: facts(glossary.Facts{Rule: glossary.RuleCredUnknown})},
			"192.0.2.1", "198.51.100.1", "203.0.113.1")
	}},
	{rule: "SYS-03", subject: tandemtest.SystemUser, evidence: "times: 1", set: func(b *ruleBench) {
		b.Browser().SignIn(b.Issuer+"/account/signin", tandemtest.SystemUser, "guess")
	}, decide: forget(glossary.AuditSignInFailed)},
	{rule: "USR-06", subject: "paul", evidence: "failed before: 10", set: func(b *ruleBench) {
		b.happened(10, glossary.AuditEvent{Kind: glossary.AuditSignInFailed, Actor: "paul"}, "203.0.113.9")
		b.Browser().SignIn(b.Issuer+"/account/signin", "paul", tandemtest.Password)
	}, instead: func(b *ruleBench) { do(b.t, b.Instance, "tandem user end-sign-ins paul") }},
	{rule: "USR-07", subject: "203.0.113", evidence: "accounts: anna", set: func(b *ruleBench) {
		b.happened(90, glossary.AuditEvent{Kind: glossary.AuditSignInFailed, Actor: "anna"}, "203.0.113.9")
	}, decide: forget(glossary.AuditSignInFailed)},
	{rule: "TOK-06", subject: "anna", evidence: "applications: com.example/portal", set: func(b *ruleBench) {
		// A family lives for 30 days: it is looked at while it lives.
		b.SignIn("anna")
		b.exec(`UPDATE sign_ins SET last_seen_at = $1`, b.ago(15))
	}},
	{rule: "TOK-06", subject: "anna", evidence: "last seen: never", set: func(b *ruleBench) {
		b.SignIn("anna")
		b.exec(`DELETE FROM sign_ins`) // long over, and purged
	}},
	{rule: "LIC-01", subject: tandemtest.Portal, evidence: "192.0.2.7", set: func(b *ruleBench) {
		b.happened(1, glossary.AuditEvent{Kind: glossary.AuditMultiplexing, ApplicationURI: tandemtest.Portal, Actor: tandemtest.SystemUser}, "192.0.2.7")
	}, decide: forget(glossary.AuditMultiplexing)},
	{rule: "LIC-02", subject: tandemtest.Portal, evidence: "person: anna", set: func(b *ruleBench) {
		b.happened(3, glossary.AuditEvent{Kind: glossary.AuditSessionOpened, ApplicationURI: tandemtest.Portal, Actor: "anna", SignInID: "s", Detail: "slot 1 of 25; " + findings.Reopened + " of then"})
	}, decide: forget(glossary.AuditSessionOpened)},
	{rule: "LIC-03", subject: "the instance", evidence: "refused: paul", set: func(b *ruleBench) {
		b.happened(1, glossary.AuditEvent{Kind: glossary.AuditSessionRefused, Actor: "paul"}, "192.0.2.7")
	}, decide: forget(glossary.AuditSessionRefused)},
	{rule: "LIC-04", subject: "the instance", evidence: "most in use in 30 days: 5", set: func(b *ruleBench) {
		b.exec(`DELETE FROM tallies WHERE kind = $1`, usage.PeakSlots)
		b.peak(5)
	}, decide: func(b *ruleBench) { b.peak(20) }},
	{rule: "LIC-05", subject: "anna", evidence: "reserved: 2", set: func(b *ruleBench) {
		_, err := b.Platform.Sessions.Store.SetLicence(b.t.Context(), glossary.Licence{Slots: session.DefaultSlots, Reserved: map[string]int{"anna": 2}}, b.Clock.Now())
		must(b.t, err)
		b.happened(1, glossary.AuditEvent{Kind: glossary.AuditSessionRefused, Actor: "paul"}, "192.0.2.7")
	}, decide: forget(glossary.AuditSessionRefused)},
	{rule: "APP-22", subject: tandemtest.Portal, evidence: "used for the half: service", set: func(b *ruleBench) {
		b.TokenRequest(url.Values{"grant_type": {"client_credentials"}, "client_id": {tandemtest.Portal}, "client_secret": {b.UserSecret}})
	}}, // at last, as the secret goes
}

// TestUsageRulesFireAndAreMended: the same for the rules about what is used and what
// happened, on an instance that has counted for long enough.
func TestUsageRulesFireAndAreMended(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		b := &ruleBench{in, t, t.TempDir()}
		b.counted()
		b.try(usageCases)
	})
}

// TestUsageRulesSayHowManyDaysToGo: before anything was counted for as long as a rule looks
// back, it says nothing but how long that will take.
func TestUsageRulesSayHowManyDaysToGo(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	must(t, in.Platform.WriteUses(t.Context()))
	in.Advance(3 * 24 * time.Hour)
	for rule, days := range map[string]string{"APP-03": "87", "APP-04": "27", "APP-05": "87", "APP-08": "87", "APP-11": "177", "LIC-04": "27"} {
		found, skipped := findingsOf(t, in, rule)
		if len(found) > 0 || len(skipped) != 1 ||
			!strings.HasPrefix(skipped[0].Why, days+" days to go") {
			t.Errorf("%s: %+v, %+v", rule, found, skipped)
		}
	}
}
