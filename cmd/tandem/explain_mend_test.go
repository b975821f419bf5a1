package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	glossary "github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestWhatExplainProposesHelps carries out what explain proposes, and the call is allowed: a
// grant to a group of the account, or a group that has the right. Groups that would not
// help, or are for the other kind of accounts, are not proposed.
func TestWhatExplainProposesHelps(t *testing.T) {
	t.Parallel()
	const products, customers, orders, lines = "General_Products_Products", "Crm_Sales_Customers", "Crm_Sales_SalesOrders", "Crm_Sales_SalesOrderLines"
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		service := in.ServiceToken()
		ids := func(path string, n int) (all []string) {
			t.Helper()
			_, text := in.API("GET", path, service, "")
			for _, rest := range strings.Split(text, `"Id":"`)[1:] {
				all = append(all, "("+rest[:36]+")")
			}
			if len(all) < n {
				t.Fatalf("%s: %s", path, text)
			}
			return all
		}
		open := ids(orders+"?$select=Id&$top=3&$filter=State%20in%20('New','Planned','FirmPlanned')", 3)
		shown, secret := orders+open[0], orders+open[1]
		line := lines + ids(orders+open[2]+"/Lines?$select=Id&$top=1", 1)[0]
		product, customer := products+ids(products+"?$select=Id&$top=1", 1)[0], customers+ids(customers+"?$select=Id&$top=1", 1)[0]
		admin := in.Platform.Permissions
		grant := func(group string, on permission.Target, rights string) {
			t.Helper()
			_, err := admin.Grant(t.Context(), tandemtest.By, group, on, rights, group == "Everybody")
			must(t, err)
		}
		cost, terms := permission.Target{Column: products + ".StandardCostPerLot"}, permission.Target{Set: customers}
		for _, name := range []string{"A back ends", "A reads", "B writes", "Grace", "Prices", "Terms", "Z back ends"} {
			_, err := admin.CreateGroup(t.Context(), tandemtest.By, name, "")
			must(t, err)
		}
		in.CreateUser(signin.NewUser{Login: "svc.other", Type: glossary.SystemUserNoLogin})
		in.Grant("A back ends", "svc.other")
		in.Grant("Z back ends", "svc.other")
		grant("A reads", cost, "read")
		grant("A back ends", cost, "read,create,update")
		grant("B writes", cost, "read,create,update")
		grant("Everybody", terms, "read,update:DefaultPaymentTermDays")
		grant("A back ends", terms, "read,update:GracePeriodDays")
		grant("Grace", terms, "read,update:GracePeriodDays")
		grant("Terms", terms, "read,update:DefaultPaymentTermDays")
		grant("Prices", permission.Target{System: "unit-price"}, "read")
		for _, name := range []string{"Secret", "Shown"} {
			_, err := admin.CreateKey(t.Context(), tandemtest.By, orders, name)
			must(t, err)
			grant("B writes", permission.Target{Key: name}, "read,update,delete")
		}
		grant("A reads", permission.Target{Key: "Shown"}, "read")
		grant("Everybody", permission.Target{Key: "Shown"}, "read")
		in.Clock.Advance(permission.Settling)
		must(t, in.Platform.PutKey(t.Context(), tandemtest.By, "Secret", secret))
		must(t, in.Platform.PutKey(t.Context(), tandemtest.By, "Shown", shown))
		in.Refresh()
		n := 0
		for _, c := range []struct{ call, group, step, by string }{
			{"PATCH " + product + ` {"StandardCostPerLot":{"Value":7}}`, "B writes", "", ""},
			{"GET " + product + "?$select=StandardCostPerLot", "A reads", "", ""},
			{"PATCH " + customer + ` {"GracePeriodDays":7}`, "Grace", "update " + customers + ".GracePeriodDays", ""},
			{"PATCH " + customer + ` {"DefaultPaymentTermDays":8}`, "", "update " + customers + ".DefaultPaymentTermDays", "Everybody"},
			{"PATCH " + line + ` {"UnitPrice":{"Value":3}}`, "Prices", "", ""},
			{"PATCH " + shown + ` {"DocumentNotes":"x"}`, "B writes", "", ""},
			{"GET " + secret, "B writes", "", ""},
		} {
			for _, by := range []string{"a group that has it", "a grant to its own"} {
				n++
				who, own := fmt.Sprint("helped", n), fmt.Sprint("Own", n)
				in.CreateUser(signin.NewUser{Login: who, Type: glossary.InternalUser})
				if by == "a grant to its own" {
					_, err := admin.CreateGroup(t.Context(), tandemtest.By, own, "")
					must(t, err)
					in.Grant(own, who)
				}
				in.Refresh()
				x, text := asked(t, in, who, c.call)
				for _, s := range x.Steps {
					if s.What == c.step && strings.Join(s.By, ",") != c.by {
						t.Errorf("%s: %q is given by %v", c.call, s.What, s.By)
					}
				}
				if c.group == "" {
					if len(x.Mend) > 0 || *x.Status/100 != 2 {
						t.Errorf("%s: %s", c.call, text)
					}
					continue
				}
				member := "tandem access group add-member " + permission.Quoted(c.group) + " " + who
				if *x.Status < 400 || len(x.Mend) != 2 || x.Mend[1] != member {
					t.Errorf("%s: %q, want %q: %s", c.call, x.Mend, member, text)
					continue
				}
				if by == "a grant to its own" {
					do(t, in, x.Mend[0])
				} else {
					do(t, in, x.Mend[1])
				}
				if x, text := asked(t, in, who, c.call); *x.Status/100 != 2 {
					t.Errorf("%s, mended by %s: %s", c.call, by, text)
				}
				if by == "a grant to its own" {
					must(t, admin.DeleteGroup(t.Context(), tandemtest.By, own))
				}
			}
		}

		// The other way round.
		must(t, admin.RemoveMember(t.Context(), tandemtest.By, tandemtest.AllData, tandemtest.SystemUser))
		in.Grant("Terms", "anna")
		grant("Terms", permission.Target{Set: products}, "read")
		grant("Z back ends", permission.Target{Set: products}, "read")
		in.Refresh()
		x, text := asked(t, in, tandemtest.SystemUser, "GET "+products+"?$top=1")
		if want := `tandem access group add-member "Z back ends" ` + tandemtest.SystemUser; !slices.Contains(x.Mend, want) {
			t.Errorf("%q: %s", x.Mend, text)
		}
	})
}
