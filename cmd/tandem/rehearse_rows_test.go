package main_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestRehearsalsOfKeysAreTheRealThing: a dry run of a key tells of all rows that the key of
// one guards, and succeeds where the command does: for released documents, too.
func TestRehearsalsOfKeysAreTheRealThing(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const orders, types, kinds = "Crm_Sales_SalesOrders", "Systems_Documents_DocumentTypes", "Crm_Sales_CustomerTypes"
		admin := in.Platform.Permissions
		for set, name := range map[string]string{orders: "Orders", types: "Types", kinds: "Kinds"} {
			_, err := admin.CreateKey(t.Context(), tandemtest.By, set, name)
			must(t, err)
		}
		_, err := admin.CreateGroup(t.Context(), tandemtest.By, "Clerks", "")
		must(t, err)
		must(t, admin.AddMember(t.Context(), tandemtest.By, "Clerks", "anna"))
		_, err = admin.Grant(t.Context(), tandemtest.By, "Clerks", permission.Target{Key: "Types"}, "read,release", true)
		must(t, err)
		in.Refresh()
		service := in.ServiceToken()
		id := func(set, filter string) string {
			t.Helper()
			status, text := in.API("GET", set+"?$select=Id&$top=1"+filter, service, "")
			_, id, found := strings.Cut(text, `"Id":"`)
			if !found {
				t.Fatalf("no %s: %d %s", set, status, text)
			}
			return set + "(" + id[:36] + ")"
		}
		words := func(key, row string) string {
			t.Helper()
			e, err := in.Platform.RehearseKey(t.Context(), key, row)
			must(t, err)
			if len(e.Rows) == 0 || e.Rows[0] != "the row "+row {
				t.Errorf("%s: it does not say that no use of the row was counted: %v", row, e.Rows)
			}
			for _, a := range e.Affected {
				if len(a.Logins) == 0 || a.Logins[0] != "anna" {
					continue
				}
				all := ""
				for _, c := range a.Changes {
					all += c.On + " [" + c.Before + " → " + c.After + "]\n"
				}
				return all
			}
			return ""
		}
		released := id(orders, "&$filter=State%20eq%20'Released'")
		if got := words("Orders", released); got != "the row "+released+" [read,update,delete → ]\n" {
			t.Errorf("a released order: %s", got)
		}
		must(t, in.Platform.PutKey(t.Context(), tandemtest.By, "Orders", released))
		anna := in.SignIn("anna").Access
		if status, text := in.API("GET", released, anna, ""); status != 404 {
			t.Errorf("a released order that has a key: %d %s", status, text)
		}
		must(t, in.Platform.TakeKey(t.Context(), tandemtest.By, released))
		sales := id(types, "&$filter=EntityName%20eq%20'"+orders+"'")
		want := "rows of " + orders + // the type itself anna may only read, before and after
			" by their DocumentType [read,update,delete,release,complete,other-date,void,approve,approve-released → read,release]\n"
		if got := words("Types", sales); got != want {
			t.Errorf("a type of documents: got\n%swant\n%s", got, want)
		}
		if status, text := in.API("POST", kinds, service, `{"Code":"KEY","Name":{"EN":"Key accounts"}}`); status != 201 {
			t.Fatalf("a type of customers: %d %s", status, text)
		}
		kind := id(kinds, "")
		if got := words("Kinds", kind); !strings.Contains(got, "rows of Crm_Sales_Customers by their CustomerType [read,update,delete → ]\n") {
			t.Errorf("a type of customers: %s", got)
		}
	})
}

// TestRehearsalsOfExternalAccessAreTheRealThing: what the command refuses its dry run
// refuses with the same words, and what changes nothing is no change.
func TestRehearsalsOfExternalAccessAreTheRealThing(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		all, err := in.Platform.ListExternalAccess(t.Context(), "paul")
		must(t, err)
		has := all[0]
		of := func(login, customer, role string, days int) platform.ExternalAccess {
			return platform.ExternalAccess{Login: login, Customer: customer, Role: role, DaysBack: &days}
		}
		for name, e := range map[string]platform.ExternalAccess{
			"no such customer": of("paul", "NOPE", "Owner", 30), "no such role": of("paul", has.Customer, "Ownr", 30), "no such person": of("nobody", has.Customer, "Owner", 30),
			"of the inside": of("anna", has.Customer, "Owner", 30), "days to come": of("paul", has.Customer, "Owner", -1),
			"to take what is not there": of("anna", has.Customer, "", 30), "to take what no customer is": of("paul", "NOPE", "", 30),
		} {
			_, dry := in.Platform.RehearseExternalAccess(t.Context(), e)
			var wet error
			if e.Role == "" {
				wet = in.Platform.RemoveExternalAccess(t.Context(), tandemtest.By, e.Login, e.Customer)
			} else {
				_, wet = in.Platform.AddExternalAccess(t.Context(), tandemtest.By, e)
			}
			if dry == nil || wet == nil || dry.Error() != wet.Error() {
				t.Errorf("%s: the dry run says %v, the command %v", name, dry, wet)
			}
		}
		same := has
		same.Role = strings.ToLower(has.Role)
		for want, e := range map[string]platform.ExternalAccess{
			"": same, "Basic, 7 days back": of("paul", has.Customer, "basic", 7), "nothing": {Login: "paul", Customer: has.Customer},
		} {
			effect, err := in.Platform.RehearseExternalAccess(t.Context(), e)
			must(t, err)
			if len(effect.Affected) == 0 && want != "" || len(effect.Affected) > 0 && effect.Affected[0].Changes[0].After != strings.TrimPrefix(want, "nothing") {
				t.Errorf("%+v: %+v, want %s", e, effect.Affected, want)
			}
		}
		must(t, in.Platform.RemoveExternalAccess(t.Context(), tandemtest.By, "paul", has.Customer))
		changes := func(e platform.ExternalAccess, gains, loses bool) {
			t.Helper()
			effect, err := in.Platform.RehearseExternalAccess(t.Context(), e)
			must(t, err)
			if len(effect.Affected) != 1 {
				t.Fatalf("%+v: %+v", e, effect)
			}
			if c := effect.Affected[0].Changes[0]; (c.Gains != 0) != gains || (c.Loses != 0) != loses {
				t.Errorf("from %q to %q: gains %q, loses %q", c.Before, c.After, c.Gains, c.Loses)
			}
		}
		changes(of("paul", has.Customer, "Orders", 30), true, false)
		_, err = in.Platform.AddExternalAccess(t.Context(), tandemtest.By, of("paul", has.Customer, "Orders", 30))
		must(t, err)
		always := platform.ExternalAccess{Login: "paul", Customer: has.Customer, Role: "Orders"}
		changes(of("paul", has.Customer, "Billing", 30), true, false)
		changes(of("paul", has.Customer, "Orders", 31), true, false)
		changes(always, true, false)
		changes(of("paul", has.Customer, "Basic", 30), false, true)
		changes(of("paul", has.Customer, "Orders", 7), false, true)
		changes(of("paul", has.Customer, "Billing", 7), true, true)
		changes(of("paul", has.Customer, "Basic", 90), true, true)
		changes(platform.ExternalAccess{Login: "paul", Customer: has.Customer}, false, true)
		_, err = in.Platform.AddExternalAccess(t.Context(), tandemtest.By, always)
		must(t, err)
		changes(of("paul", has.Customer, "Orders", 9000), false, true)
		_, err = in.Platform.AddExternalAccess(t.Context(), tandemtest.By, has)
		must(t, err)
		if _, err := in.Platform.AddExternalAccess(t.Context(), tandemtest.By, of("paul", has.Customer, "", 30)); err == nil {
			t.Error("an access without a role was added")
		}
		if now, err := in.Platform.ListExternalAccess(t.Context(), "paul"); err != nil || !slices.EqualFunc(now, all, func(a, b platform.ExternalAccess) bool {
			return a.Customer == b.Customer && a.Role == b.Role
		}) {
			t.Errorf("dry runs changed %+v to %+v: %v", all, now, err)
		}
	})
}
