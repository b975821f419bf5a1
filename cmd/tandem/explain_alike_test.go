package main_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestExplainAsksWhatTheAPIAsks: of parts, actions, functions and accounts that are switched
// off explain tells what the API answers; named attributes are asked for as values are.
func TestExplainAsksWhatTheAPIAsks(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const orders, lines = "Crm_Sales_SalesOrders", "Crm_Sales_SalesOrderLines"
		const customers, access = "Crm_Sales_Customers", "Crm_Sales_CustomerExternalAccess"
		admin := in.Platform.Permissions
		_, err := admin.CreateGroup(t.Context(), tandemtest.By, "Prices", "")
		must(t, err)
		grant := func(group string, on permission.Target, rights string) {
			_, err := admin.Grant(t.Context(), tandemtest.By, group, on, rights, true)
			must(t, err)
		}
		grant("Prices", permission.Target{Column: lines + ".UnitPrice"}, "read,create,update")
		grant("Everybody", permission.Target{Set: customers}, "read")
		grant("Everybody", permission.Target{Set: access}, "read,create")
		grant("Everybody", permission.Target{Set: "Systems_Core_Notifications"}, "read")
		in.Refresh()
		anna, service := in.SignIn("anna").Access, in.ServiceToken()
		id := func(set string) string {
			_, text := in.API("GET", set+"?$select=Id&$top=1"+map[string]string{orders: "&$filter=State%20in%20('New','Planned')"}[set], service, "")
			_, text, _ = strings.Cut(text, `"Id":"`)
			return set + "(" + text[:36] + ")"
		}
		order, customer := id(orders), id(customers)
		for _, c := range []struct{ call, body string }{ // what explain is asked, and what the API is sent
			{"GET GetPerson", ""},
			{"GET GetLicenceUsage", ""},
			{"GET GetLastProof", ""},
			{"GET GetLastProofReport", ""},
			{"GET Systems_Monitoring_CurrentSessions", ""},
			{"POST " + order + "/Lines UnitPrice", `{"UnitPrice":{"Value":1}}`},
			{"POST " + order + "/StateChanges State", `{}`},
			{"POST " + order + "/GetPrintout", ""},
			{"POST " + order + "/Nothing", ""},
			{"POST " + order + `/CreateNotification {"notificationClass":"x"}`, ""},
			{"POST " + order + `/ChangeState {"newState":"Nowhere"}`, ""},
			{"POST Crm_Sales_SalesAnalytics LineAmount", `{}`},
			{"POST " + customer + "/ExternalAccess Role,User", ""},
			{"PATCH " + customer + " CreditLimit", `{"CreditLimit":{"Value":1}}`},
		} {
			x, text := asked(t, in, "anna", c.call)
			method, rest, _ := strings.Cut(c.call, " ")
			path, named, _ := strings.Cut(rest, " ")
			body := c.body
			if strings.HasPrefix(named, "{") {
				body = named
			}
			if strings.HasSuffix(path, "/ExternalAccess") {
				if x.Status != nil {
					t.Errorf("%s: %s", c.call, text)
				}
				continue
			}
			status, answer := in.API(method, path, anna, body)
			if x.Status == nil || *x.Status != status {
				t.Errorf("%s: the API answers %d %s, explain says %s", c.call, status, answer, text)
			}
		}
		for _, call := range []string{"/CreateNotification user", "/ChangeState newState", "/GetPrintout fileFormat"} {
			if x, err := in.Platform.Explain(t.Context(), "anna", "POST "+order+call); err == nil || !strings.Contains(err.Error(), "body") {
				t.Errorf("%s: %v %+v", call, err, x)
			}
		}
		grant("Everybody", permission.Target{Set: access}, "read")
		if x, text := asked(t, in, "anna", "POST "+customer+"/ExternalAccess Role,User"); x.Status == nil || *x.Status != 403 || !strings.Contains(x.Answer, "create") {
			t.Errorf("a child that the account may not make: %s", text)
		}
		for _, login := range []string{"anna", "svc.portal"} {
			_, err := in.Platform.Accounts.Disable(t.Context(), tandemtest.By, login)
			must(t, err)
			in.Refresh()
			token := map[string]string{"anna": anna, "svc.portal": service}[login]
			x, text := asked(t, in, login, "GET "+orders+"?$top=1")
			if status, answer := in.API("GET", orders+"?$top=1", token, ""); x.Status == nil || *x.Status != status ||
				strings.Join(x.Mend, "") != "tandem user enable "+login {
				t.Errorf("%s is switched off: the API answers %d %s, explain says %s", login, status, answer, text)
			}
			if x, text := asked(t, in, login, "PATCH "+order+" DocumentNotes"); x.Status == nil || *x.Status != 401 {
				t.Errorf("%s is switched off: %s", login, text)
			}
		}
	})
}
