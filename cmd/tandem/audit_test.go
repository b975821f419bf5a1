package main_test

import (
	"strings"
	"testing"
	"time"

	glossary "github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// findingsOf are those of one rule, now.
func findingsOf(t *testing.T, in *tandemtest.Instance, rule string) (all []findings.Finding, skipped []findings.Skipped) {
	t.Helper()
	r, err := findings.Find(rule)
	must(t, err)
	rules := []findings.Rule{r}
	facts, err := in.Platform.Facts(t.Context(), findings.DefaultLimits(), rules)
	must(t, err)
	return findings.Run(facts, rules)
}

// TestFindingsFireAndAreMended: each rule keeps quiet where there is nothing to find, fires
// where there is, and is quiet again after its own mending commands.
func TestFindingsFireAndAreMended(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const orders, lines = "Crm_Sales_SalesOrders", "Crm_Sales_SalesOrderLines"
		admin := in.Platform.Permissions
		group := func(name string, on permission.Target, rights string, logins ...string) {
			t.Helper()
			if _, err := admin.Group(t.Context(), name); err != nil {
				_, err := admin.CreateGroup(t.Context(), tandemtest.By, name, "")
				must(t, err)
			}
			_, err := admin.Grant(t.Context(), tandemtest.By, name, on, rights, false)
			must(t, err)
			for _, login := range logins {
				must(t, admin.AddMember(t.Context(), tandemtest.By, name, login))
			}
		}
		back := func(login string) glossary.User {
			return in.CreateUser(signin.NewUser{Login: login, Type: glossary.SystemUserNoLogin})
		}
		app := func(uri string, u glossary.User) {
			in.CreateApp(glossary.TrustedApp{ApplicationURI: uri, Name: uri, Enabled: true, ClientType: glossary.ClientConfidential, SystemUserAllowed: true, SystemUserID: u.ID,
				Scope: glossary.Scope{"read", "update"}})
		}
		use := func(u glossary.User, set string, right permission.Right, person glossary.UserType, ago time.Duration) {
			at := in.Clock.Now().Add(-ago)
			must(t, in.Platform.AddUses(t.Context(), []permission.Use{{By: permission.By{UserID: u.ID, ApplicationURI: tandemtest.Portal, For: person}, Set: set, Right: right, Calls: 3, First: at, Last: at}}))
		}
		svc, err := in.Platform.Accounts.Show(t.Context(), tandemtest.SystemUser)
		must(t, err)
		anna, err := in.Platform.Accounts.Show(t.Context(), "anna")
		must(t, err)
		must(t, admin.RemoveMember(t.Context(), tandemtest.By, tandemtest.AllData, tandemtest.SystemUser))
		group("Portal back end", permission.Target{Set: orders}, "read,update", tandemtest.SystemUser)
		use(svc, orders, permission.Read, "", 40*24*time.Hour)
		use(svc, orders, permission.Update, "", time.Hour)
		// later makes what was given before as old as the window, with what is used going on.
		later := func(rule string) {
			t.Helper()
			if found, skipped := findingsOf(t, in, rule); len(found)+len(skipped) > 0 {
				t.Errorf("%s, of what is new: %+v %v", rule, found, skipped)
			}
			in.Advance(findings.Window + time.Hour)
			use(svc, orders, permission.Update, "", time.Hour)
		}
		for _, rule := range findings.Permissions {
			if found, skipped := findingsOf(t, in, rule.ID); rule.Absent == "" && len(found)+len(skipped) > 0 {
				t.Errorf("%s: where there is nothing to find: %+v %v", rule.ID, found, skipped)
			}
		}
		for _, c := range []struct {
			rule, evidence string
			n              int
			set            func()
			choose         string // for GROUP
		}{
			{"PA1", "Everything (before permissions)", 1, func() { _, err := admin.Store.PutMember(t.Context(), permission.BeforeID, svc.ID); must(t, err) }, ""},
			{"PA1", "Power users", 1, func() { _, err := admin.Store.PutMember(t.Context(), permission.PowerUsersID, svc.ID); must(t, err) }, ""},
			{"PA1", "Everybody", 1, func() { _, err := admin.Store.PutMember(t.Context(), permission.EverybodyID, svc.ID); must(t, err) }, ""},
			{"PA2", "Crm_Sales_CustomerExternalAccess", 1, func() {
				group("Portal back end", permission.Target{Set: "Crm_Sales_CustomerExternalAccess"}, "read,create")
			}, ""},
			{"PA2", "All data", 1, func() {
				must(t, admin.AddMember(t.Context(), tandemtest.By, tandemtest.AllData, tandemtest.SystemUser))
			}, ""},
			{"PA3", "Crm_Invoicing_Invoices", 1, func() {
				must(t, admin.Revoke(t.Context(), tandemtest.By, "Portal back end", permission.Target{Set: "Crm_Sales_CustomerExternalAccess"}))
				group("Portal back end", permission.Target{Set: "Crm_Invoicing_Invoices"}, "read")
				later("PA3")
			}, ""},
			{"PA3", "release rows of Systems_Documents_DocumentTypes", 1, func() {
				_, _, err := in.Platform.GrantType(t.Context(), tandemtest.By, "Portal back end", "SO", "release", false)
				must(t, err)
				later("PA3")
			}, ""},
			{"PA3", "update the column " + orders + ".ReferenceDocumentNo", 1, func() {
				group("Portal back end", permission.Target{Column: orders + ".ReferenceDocumentNo"}, "read,update")
				later("PA3")
				at := in.Clock.Now().Add(-time.Hour)
				must(t, in.Platform.AddUses(t.Context(), []permission.Use{
					{By: permission.By{UserID: svc.ID}, Set: orders, Attribute: "ReferenceDocumentNo", Right: permission.Read, Calls: 1, First: at, Last: at},
				}))
			}, ""},
			{"SYS-01", "com.example/other, com.example/portal", 1, func() { app("com.example/other", svc) }, ""},
			{"PA5", "General_Products_Products", 1, func() {
				for _, app := range []string{"com.example.other", "com.example.portal"} { // whichever SYS-01 has given its own
					if _, err := in.Platform.Accounts.Show(t.Context(), "svc."+app); err == nil {
						must(t, admin.AddMember(t.Context(), tandemtest.By, "Portal back end", "svc."+app))
					}
				}
				u := back("svc.reads")
				app("com.example/reads", u)
				in.UpdateApp("com.example/reads", func(a *glossary.TrustedApp) { a.ServiceScope = glossary.Scope{"read"} })
				group("Reads", permission.Target{Set: "General_Products_Products"}, "read,update", "svc.reads")
			}, ""},
			{"PA6", "svc.empty may write nothing", 1, func() {
				app("com.example/empty", back("svc.empty"))
				group("Empty", permission.Target{Set: "General_Products_Products"}, "read", "svc.empty")
			}, ""},
			{"PA7", lines + ".LineAmount", 1, func() { group("Prices", permission.Target{Column: lines + ".UnitPrice"}, "read", "anna") }, ""},
			{"PA8", "members: none", 1, func() { _, err := admin.CreateGroup(t.Context(), tandemtest.By, "Nobody's", ""); must(t, err) }, ""},
			{"PA8", "held by: no group", 1, func() { _, err := admin.CreateKey(t.Context(), tandemtest.By, orders, "Nobody's"); must(t, err) }, "Prices"},
			{"PA8", "held by: no group: the attribute is", 1, func() {
				column := permission.Target{Column: orders + ".DocumentNotes"}
				group("Prices", column, "read")
				must(t, admin.Revoke(t.Context(), tandemtest.By, "Prices", column))
			}, "Prices"},
			{"PA8", "an application acts as it", 1, func() { app("com.example/alone", back("svc.alone")) }, "Empty"},
			{"PA8", "and still in groups", 1, func() {
				in.CreateUser(signin.NewUser{Login: "left", Type: glossary.InternalUser})
				must(t, admin.AddMember(t.Context(), tandemtest.By, "Prices", "left"))
				_, err := in.Platform.Accounts.Disable(t.Context(), tandemtest.By, "left")
				must(t, err)
			}, ""},
			{"PA9", "to themselves", 1, func() {
				ada, err := in.Platform.Accounts.Show(t.Context(), "admin")
				must(t, err)
				as := *admin
				as.As = &ada
				must(t, as.AddMember(t.Context(), tandemtest.By, "Prices", "admin"))
			}, ""},
			{"PA9", "each other", 1, func() {
				in.CreateUser(signin.NewUser{Login: "pia", Type: glossary.InternalUser})
				must(t, admin.AddMember(t.Context(), tandemtest.By, "Prices", "pia"))
				as := *admin
				for _, pair := range [][2]string{{"anna", "pia"}, {"pia", "anna"}} {
					must(t, admin.AddMember(t.Context(), tandemtest.By, "Power users", pair[0]))
					u, err := in.Platform.Accounts.Show(t.Context(), pair[0])
					must(t, err)
					as.As = &u
					_, err = as.CreateGroup(t.Context(), tandemtest.By, "For "+pair[1], "")
					must(t, err)
					must(t, as.AddMember(t.Context(), tandemtest.By, "For "+pair[1], pair[1]))
				}
			}, ""},
			{"PA10", "Releasers", 1, func() {
				_, _, err := in.Platform.GrantType(t.Context(), tandemtest.By, "Prices", "SO", "read", false)
				must(t, err)
				_, text := in.API("GET", "Systems_Documents_DocumentTypes?$select=Id&$filter=Code%20eq%20'SO'", in.SignIn("admin").Access, "")
				id := strings.Split(text, `"Id":"`)[1][:36]
				if status, text := in.API("PATCH", "Systems_Documents_DocumentTypes("+id+")", in.SignIn("admin").Access, `{"FourEyes":true}`); status != 204 {
					t.Fatalf("%d %s", status, text)
				}
				_, err = admin.CreateGroup(t.Context(), tandemtest.By, "Releasers", "")
				must(t, err)
				must(t, admin.AddMember(t.Context(), tandemtest.By, "Releasers", "anna"))
				_, _, err = in.Platform.GrantType(t.Context(), tandemtest.By, "Releasers", "SO", "update,release", false)
				must(t, err)
			}, ""},
			{"SYS-05", "sets: " + orders, 1, func() { use(svc, orders, permission.Read, anna.Type, time.Hour) }, ""},
		} {
			c.set()
			found, _ := findingsOf(t, in, c.rule)
			text := ""
			var mend []string
			for _, f := range found {
				for _, e := range f.Evidence {
					text += e.Name + ": " + e.Text() + "\n"
				}
				mend = append(mend, f.Mend...)
			}
			if len(found) != c.n || !strings.Contains(text, c.evidence) || len(mend) == 0 && c.rule != "SYS-05" {
				t.Errorf("%s: %+v, want %d with …%s…", c.rule, found, c.n, c.evidence)
			}
			if c.rule == "SYS-05" { // for people to decide; it ends by itself
				in.Advance(findings.Window + time.Hour)
			}
			for _, command := range mend {
				out := do(t, in, strings.Replace(command, " GROUP ", " "+c.choose+" ", 1))
				if strings.Contains(command, "suggest") {
					do(t, in, strings.Split(strings.TrimSpace(out[0]), "\n")...)
				}
			}
			if found, _ := findingsOf(t, in, c.rule); len(found) > 0 {
				t.Errorf("%s: after %q: %+v", c.rule, mend, found)
			}
		}
	})
}

// TestAudit: the command, its formats and its exit code.
func TestAudit(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	text, code := tandemOn(t, in, "tandem audit")
	if code != 1 || !strings.Contains(text, "high    PA2  A System User may") || !strings.Contains(text, `          $ tandem access group remove-member "All data" svc.portal`) || !strings.Contains(text, "skipped PA3") {
		t.Errorf("exit %d: %s", code, text)
	}
	text, code = tandemOn(t, in, "tandem audit --rule PA2,PA4 -o json --fail-on high")
	if code != 1 || !strings.Contains(text, `"schema": "tandem-audit/1"`) || !strings.Contains(text, `"rule": "PA2"`) || !strings.Contains(text, "1 finding is high or worse") {
		t.Errorf("exit %d: %s", code, text)
	}
	do(t, in, `tandem access group remove-member "All data" svc.portal`, "tandem user update admin --require-second-factor", "tandem audit --min medium", "tandem audit rules -o json")
	for args, want := range map[string]string{"--rule PA99": "no such rule", "--min worst": "no severity", "--fail-on x": "no severity"} {
		if text, code := tandemOn(t, in, "tandem audit "+args); code != 2 || !strings.Contains(text, want) {
			t.Errorf("%s: exit %d: %s", args, code, text)
		}
	}
}
