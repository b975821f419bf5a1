package main_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	glossary "github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestExplainTellsWhoseARowIs: beside the keys of a row explain names what else guards it:
// that it is one account's own, and the row that it hangs on, with what guards that.
func TestExplainTellsWhoseARowIs(t *testing.T) {
	t.Parallel()
	const visits, files, objects, orders = "Applications_Service_ServiceActivities", "Systems_Core_ObjectFiles", "Systems_Core_ExtensibleDataObjects", "Crm_Sales_SalesOrders"
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		in.CreateUser(signin.NewUser{Login: "tom", Type: glossary.InternalUser})
		admin, anna := in.SignIn("admin").Access, in.SignIn("anna").Access
		ask := func(method, path, token, body, after string) string {
			t.Helper()
			status, text := in.API(method, path, token, body)
			_, rest, ok := strings.Cut(text, after)
			if status/100 != 2 || !ok {
				t.Fatalf("%s %s: %d %s", method, path, status, text)
			}
			return rest[:min(len(rest), 36)]
		}
		ask("POST", "General_Contacts_Persons", admin, `{"PartyCode":"ANNA","FirstName":{"EN":"Anna"},"LastName":{"EN":"Intern"}}`, `"Id":"`)
		_, err := in.Platform.SetPerson(t.Context(), tandemtest.By, "anna", "ANNA")
		must(t, err)
		customer := "Crm_Sales_Customers(" + ask("GET", "Crm_Sales_Customers?$select=Id&$top=1", admin, "", `"Id":"`) + ")"
		visit := visits + "(" + ask("POST", visits, anna, `{"Subject":"Mine","Private":true,"Customer@odata.bind":"`+customer+`"}`, `"Id":"`) + ")"
		order := orders + "(" + ask("GET", orders+"?$select=Id&$top=1&$filter=State%20in%20('New','Planned','FirmPlanned')", admin, "", `"Id":"`) + ")"
		object := objects + "(" + ask("POST", order+"/GetOrCreateExtensibleDataObject", admin, "", `"@odata.id":"`+objects+"(") + ")"
		file := func(name, access string) string {
			return files + "(" + ask("POST", files, admin, `{"FileName":"`+name+`","AccessPermission":"`+access+`","Object@odata.bind":"`+object+`"}`, `"Id":"`) + ")"
		}
		creators, internal := file("a.txt", "Creator"), file("b.txt", "Internal")
		_, err = in.Platform.Permissions.CreateKey(t.Context(), tandemtest.By, orders, "Closed")
		must(t, err)
		in.Clock.Advance(permission.Settling + time.Second)
		in.Refresh()
		check := func(login, call string, status int, allowed bool, what string) {
			t.Helper()
			x, text := asked(t, in, login, call)
			if x.Status == nil || *x.Status != status {
				t.Errorf("%s, %s: %s", login, call, text)
			}
			if !slices.ContainsFunc(x.Steps, func(s step) bool { return s.What == what && s.Allowed == allowed }) {
				t.Errorf("%s, %s: no %q (%t) in %s", login, call, what, allowed, text)
			}
		}
		check("tom", "GET "+visit, 404, false, "the row is for its OwnerParty alone, as Private says")
		check("anna", "GET "+visit, 200, true, "the row is for its OwnerParty alone, as Private says")
		check("anna", "GET "+creators, 404, false, "the row is for its CreationUser alone, as AccessPermission says")
		check("admin", "GET "+creators, 200, true, "the row is for its CreationUser alone, as AccessPermission says")
		check("anna", "GET "+internal, 200, true, "read "+order+", which the row hangs on (Object.EntityItemId)")
		must(t, in.Platform.PutKey(t.Context(), tandemtest.By, "Closed", order))
		in.Refresh()
		check("anna", "GET "+internal, 404, false, "read "+order+", which the row hangs on (Object.EntityItemId)")
		check("anna", "GET "+internal, 404, false, `read by the key "Closed" of `+order+" (AccessKey)")
		check("anna", "GET General_Products_Products?$top=1", 200, true, "read General_Products_Products")

		// What no application is given is said so.
		check("admin", "GET Systems_Security_AccessKeys", 403, false, "the scope sec, which no application is given")
		if x, text := asked(t, in, "admin", "GET Systems_Security_AccessKeys"); slices.ContainsFunc(x.Applications, func(a throughApp) bool { return a.Enough }) {
			t.Errorf("an application has enough: %s", text)
		}
	})
}
