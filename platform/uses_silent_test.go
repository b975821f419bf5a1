package platform_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
	"github.com/hybridapps/tandem/usage"
)

// firstID is the Id of the first row of an answer.
func firstID(t *testing.T, text string) string {
	t.Helper()
	_, id, found := strings.Cut(text, `"Id":"`)
	if !found {
		t.Fatal(text)
	}
	return id[:36]
}

// TestAskingWhatOneMayDoIsNoUse: who asks what they may do has used no right by that.
func TestAskingWhatOneMayDoIsNoUse(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		anna, service := in.SignIn("anna").Access, in.ServiceToken()
		_, text := in.API("GET", "Crm_Sales_SalesOrders?$top=1&$select=Id", anna, "")
		order := firstID(t, text)
		used := uses(t, in, "anna")
		for _, token := range []string{anna, service} {
			if status, text := in.API("GET", "GetAllowedSets()", token, ""); status != 200 || !strings.Contains(text, "General_Products_Products") {
				t.Errorf("%d %s", status, text)
			}
		}
		if got := uses(t, in, "anna"); !slices.Equal(got, used) {
			t.Errorf("anna used\n%s\nand before\n%s", strings.Join(got, "\n"), strings.Join(used, "\n"))
		}
		if got := uses(t, in, tandemtest.SystemUser); len(got) > 0 {
			t.Errorf("the service used\n%s", strings.Join(got, "\n"))
		}
		if status, text := in.API("GET", "Crm_Sales_SalesOrders("+order+")/GetAllowedStates()", anna, ""); status != 200 {
			t.Errorf("%d %s", status, text)
		}
		if got := strings.Join(uses(t, in, "anna"), "\n"); strings.Contains(got, "update ") {
			t.Errorf("to be told of states has used\n%s", got)
		}
	})
}

// TestUsesOfWhatIsAskedInSilence: what is left out without a refusal where it is not the
// account's counts as used where it is: the parts of texts, what kinds of rows a set has,
// the first row that fits, what a row is found by.
func TestUsesOfWhatIsAskedInSilence(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const types, companies = "Systems_Documents_DocumentTypes", "General_EnterpriseCompanies"
		anna := in.SignIn("anna").Access
		var before []string
		ask := func(method, path, body string, status int, want ...string) string {
			t.Helper()
			got, text := in.API(method, path, anna, body)
			if got != status {
				t.Errorf("%s %s: %d %s", method, path, got, text)
			}
			now := uses(t, in, "anna")
			for _, w := range want {
				used := func(all []string) string {
					at := slices.IndexFunc(all, func(line string) bool { return strings.HasPrefix(line, w+" ") })
					if at < 0 {
						return ""
					}
					return all[at]
				}
				if used(now) == used(before) {
					t.Errorf("%s %s did not use the right to %s", method, path, w)
				}
			}
			before = now
			return text
		}
		text := ask("GET", "Crm_Sales_Customers?$select=Id,DisplayText&$top=1", "", 200, "read Crm_Sales_Customers", "read General_Contacts_Parties")
		customer := firstID(t, text)
		ask("GET", "Crm_Sales_Customers?$select=Id&$top=1&$search=a", "", 200, "read General_Contacts_Parties")
		ask("GET", "General_Contacts_Parties?$select=Id&$top=1", "", 200, "read General_Contacts_Companies", "read General_Contacts_Persons")
		ask("GET", "Crm_Sales_Customers?$select=Id&$top=1&$expand=Party($select=Id)", "", 200, "read General_Contacts_Companies")
		ask("GET", "Crm_Sales_SalesOrders?$select=DisplayText&$top=1", "", 200, "read "+types)
		text = ask("POST", "Crm_Sales_SalesOrders", `{"DocumentNo":"SILENT","Customer@odata.bind":"Crm_Sales_Customers(`+customer+`)"}`, 201, "read "+types, "read "+companies)
		if !strings.Contains(text, `"DocumentType":{`) {
			t.Errorf("the order has no type: %s", text)
		}
		_, err := in.Platform.Permissions.Grant(t.Context(), tandemtest.By, "Everybody", permission.Target{Column: "Crm_Sales_Customers.Number"}, "read,update", false)
		must(t, err)
		in.Refresh()
		text = ask("GET", "Crm_Sales_Customers?$select=Number&$top=1", "", 200)
		number := text[strings.Index(text, `"Number":"`)+10:]
		number = number[:strings.Index(number, `"`)]
		ask("POST", "Crm_Sales_SalesOrders", `{"DocumentNo":"SILENT2","Customer":{"@erpnet.findBy":{"Code":"`+number+`"}}}`, 201, "read Crm_Sales_Customers.Number")

		// A dry run tells of them.
		effect, err := in.Platform.Permissions.Rehearse(t.Context(), time.Time{}, func(a *permission.Admin) error {
			return a.Revoke(t.Context(), tandemtest.By, "Everybody", permission.Target{Set: companies})
		})
		must(t, err)
		if !slices.ContainsFunc(effect.Missed, func(m permission.Missed) bool { return m.Login == "anna" && m.Set == companies }) {
			t.Errorf("%+v", effect.Missed)
		}
	})
}

// TestUsesOfNarrowedCalls: a call that is narrowed to a person uses the rights of the System
// User and those of the person, and what the application has used once.
func TestUsesOfNarrowedCalls(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const invoices = "Crm_Invoicing_Invoices"
		service := in.ServiceToken()
		counted := func() int64 {
			t.Helper()
			must(t, in.Platform.WriteUses(t.Context()))
			return usesOf(t, in)["service set:"+usage.SetName(invoices, false)]
		}
		ask := func(login string) {
			t.Helper()
			u, err := in.Platform.Accounts.Show(t.Context(), login)
			must(t, err)
			req, err := http.NewRequestWithContext(t.Context(), "GET", in.OData+invoices+"?$top=1", nil)
			must(t, err)
			req.Header = http.Header{"Authorization": {"Bearer " + service}, "Tandem-On-Behalf-Of": {u.ID + ";sid=s;iat=1767225600"}, "Tandem-Narrow": {"person"}}
			if r, text := send(t, req); r.StatusCode != 200 {
				t.Errorf("%d %s", r.StatusCode, text)
			}
		}
		before := counted()
		ask("anna")
		ask("anna")
		ask("paul")
		if got := uses(t, in, tandemtest.SystemUser); !slices.Contains(got, "read "+invoices+" 2 InternalUser") || !slices.Contains(got, "read "+invoices+" 1 ExternalCommunityUser") {
			t.Errorf("the System User used %v", got)
		}
		if got := uses(t, in, "anna"); !slices.Equal(got, []string{"read " + invoices + " 2"}) {
			t.Errorf("anna used %v", got)
		}
		if got := uses(t, in, "paul"); len(got) > 0 { // who has no rights of their own
			t.Errorf("paul used %v", got)
		}
		if n := counted() - before; n != 3 {
			t.Errorf("the application used it %d times: %v", n, usesOf(t, in))
		}
		effect, err := in.Platform.Permissions.Rehearse(t.Context(), time.Time{}, func(a *permission.Admin) error {
			return a.Revoke(t.Context(), tandemtest.By, "Everybody", permission.Target{Set: invoices})
		})
		must(t, err)
		if !slices.ContainsFunc(effect.Missed, func(m permission.Missed) bool {
			return m.Login == "anna" && m.Set == invoices && m.ApplicationURI == tandemtest.Portal && m.Calls == 2
		}) {
			t.Errorf("%+v", effect.Missed)
		}
	})
}
