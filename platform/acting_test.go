package platform_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestE13_NobodyGivesWhatTheyLack: a power user gives what they hold, and no more, to
// whomever; others give nothing; what somebody gives to themselves is recorded as such.
func TestE13_NobodyGivesWhatTheyLack(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const cost, price = "General_Products_Products.StandardCostPerLot", "General_Products_Products.StandardPricePerLot"
		root := in.Platform.Permissions
		power := in.CreateUser(signin.NewUser{Login: "pia", Type: tandem.InternalUser})
		anna, err := in.Platform.Accounts.Show(t.Context(), "anna")
		must(t, err)
		ada, err := in.Platform.Accounts.Show(t.Context(), "admin")
		must(t, err)
		for _, name := range []string{"Costs", "Helpers"} {
			_, err := root.CreateGroup(t.Context(), tandemtest.By, name, "")
			must(t, err)
		}
		must(t, root.AddMember(t.Context(), tandemtest.By, "Power users", "pia"))
		_, err = root.Grant(t.Context(), tandemtest.By, "Costs", permission.Target{Column: cost}, "read", false)
		must(t, err)
		_, err = root.Grant(t.Context(), tandemtest.By, "Everybody", permission.Target{Set: "Crm_Invoicing_Invoices"}, "read,update:Notes", true)
		must(t, err)
		secret, err := root.CreateKey(t.Context(), tandemtest.By, "Crm_Sales_SalesOrders", "Secret")
		must(t, err)
		as := func(u tandem.User) *permission.Admin { a := *root; a.As = &u; return &a }
		grant := func(a *permission.Admin, group string, on permission.Target, rights string) error {
			_, err := a.Grant(t.Context(), tandemtest.By, group, on, rights, false)
			return err
		}
		pia := as(power)
		for name, c := range map[string]struct {
			err  error
			want string
		}{
			"what everybody holds":       {grant(pia, "Helpers", permission.Target{Set: "Crm_Sales_SalesOrders"}, "read,update"), ""},
			"a new key for an attribute": {grant(pia, "Everybody", permission.Target{Column: price}, "read,create,update"), ""},
			"a hidden attribute":         {grant(pia, "Helpers", permission.Target{Column: cost}, "read"), "does not hold"},
			"to herself":                 {grant(pia, "Everybody", permission.Target{Column: cost}, "read"), "does not hold"},
			"more attributes":            {grant(pia, "Helpers", permission.Target{Set: "Crm_Invoicing_Invoices"}, "update"), "does not hold"},
			"the same attribute":         {grant(pia, "Helpers", permission.Target{Set: "Crm_Invoicing_Invoices"}, "update:Notes"), ""},
			"a right she lacks":          {grant(pia, "Helpers", permission.Target{Set: "Crm_Invoicing_Invoices"}, "delete"), "does not hold"},
			"a key of rows":              {grant(pia, "Helpers", permission.Target{Key: secret.ID}, "read"), "does not hold"},
			"a group that has more":      {pia.AddMember(t.Context(), tandemtest.By, "Costs", "anna"), "does not hold"},
			"herself into it":            {pia.AddMember(t.Context(), tandemtest.By, "Costs", "pia"), "does not hold"},
			"all data":                   {pia.AddMember(t.Context(), tandemtest.By, tandemtest.AllData, "anna"), "does not hold"},
			"a group that has not":       {pia.AddMember(t.Context(), tandemtest.By, "Helpers", "anna"), ""},
			"her own power":              {pia.AddMember(t.Context(), tandemtest.By, "Power users", "anna"), ""},
			"somebody else's grant":      {grant(as(tandem.User{ID: power.ID[:35] + "x", Login: "nobody", Type: tandem.InternalUser}), "Helpers", permission.Target{Set: "Crm_Sales_SalesOrders"}, "read"), "neither"},
			"an administrator":           {grant(as(ada), "Helpers", permission.Target{Column: cost}, "read,update"), ""},
			"an administrator to Costs":  {as(ada).AddMember(t.Context(), tandemtest.By, "Costs", "anna"), ""},
		} {
			if c.want == "" && c.err != nil || c.want != "" && (c.err == nil || !strings.Contains(c.err.Error(), c.want)) {
				t.Errorf("%s: %v, want %q", name, c.err, c.want)
			}
		}
		must(t, as(anna).RemoveMember(t.Context(), tandemtest.By, "Helpers", "anna")) // who is a power user by now
		must(t, as(anna).AddMember(t.Context(), tandemtest.By, "Costs", "anna"))      // and holds that herself: nothing new
		must(t, as(ada).AddMember(t.Context(), tandemtest.By, "Helpers", "admin"))
		must(t, grant(as(ada), "Helpers", permission.Target{Set: "Crm_Sales_Customers"}, "read"))
		var selves []string
		for _, e := range in.Record(tandem.AuditAdministration) {
			f, err := tandem.ParseFacts(e.Facts)
			must(t, err)
			if f.Self != strings.Contains(e.Detail, "by themselves") {
				t.Errorf("%s: %+v", e.Detail, f)
			}
			if f.Self {
				selves = append(selves, e.Actor+": "+e.Detail)
			}
		}
		want := `admin: group "Helpers" granted read on the set Crm_Sales_Customers, by themselves; admin: admin put into the group "Helpers", by themselves`
		if got := strings.Join(selves, "; "); got != want {
			t.Errorf("given to themselves: %s, want %s", got, want)
		}
	})
}

// TestE13_NobodyOpensWhatTheyLack: an ability that no group is granted is everybody's. So
// who does not have it takes its last grant from nobody, by whatever door.
func TestE13_NobodyOpensWhatTheyLack(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		root := in.Platform.Permissions
		power := in.CreateUser(signin.NewUser{Login: "pia", Type: tandem.InternalUser})
		pia := *root
		pia.As = &power
		must(t, root.AddMember(t.Context(), tandemtest.By, "Power users", "pia"))
		give := func(group, ability string) {
			_, err := root.Grant(t.Context(), tandemtest.By, group, permission.Target{System: ability}, "read", false)
			must(t, err)
		}
		for _, name := range []string{"Prices", "Discounts", "Others"} {
			_, err := root.CreateGroup(t.Context(), tandemtest.By, name, "")
			must(t, err)
		}
		give("Prices", "unit-price")
		give("Discounts", "line-discount")
		prices := permission.Target{System: "unit-price"}
		revoke := func(group string) error { return pia.Revoke(t.Context(), tandemtest.By, group, prices) }
		remove := func() error { return pia.DeleteGroup(t.Context(), tandemtest.By, "Discounts") }
		dry := func() error {
			_, err := pia.Rehearse(t.Context(), in.Clock.Now(), func(p *permission.Admin) error { return p.DeleteGroup(t.Context(), tandemtest.By, "Discounts") })
			return err
		}
		for name, err := range map[string]error{"the last grant": revoke("Prices"), "the last group": remove(), "a dry run": dry()} {
			if tandem.ErrorCode(err) != tandem.CodeForbidden || !strings.Contains(err.Error(), "does not hold") {
				t.Errorf("%s: %v", name, err)
			}
		}
		give("Others", "unit-price")
		must(t, revoke("Prices")) // which opens nothing: another group has it
		if err := revoke("Others"); tandem.ErrorCode(err) != tandem.CodeForbidden {
			t.Errorf("the last of two: %v", err)
		}
		must(t, root.AddMember(t.Context(), tandemtest.By, "Others", "pia"))
		must(t, root.AddMember(t.Context(), tandemtest.By, "Discounts", "pia"))
		must(t, revoke("Others")) // what she has herself
		must(t, remove())
		give("Others", "line-discount")
		must(t, root.DeleteGroup(t.Context(), tandemtest.By, "Others")) // whoever may open the database
	})
}
