package platform_test

import (
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// Base data is made once, and never beside another company.
func TestBaseData(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		a := administration(t, engine)
		made, err := a.SeedBase(t.Context())
		if err != nil || made < 15 {
			t.Fatalf("%d objects made, %v", made, err)
		}
		if made, err := a.SeedBase(t.Context()); err != nil || made != 0 {
			t.Errorf("the second time %d objects made, %v", made, err)
		}
		if err := a.SeedDemoCompany(t.Context()); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf("the demo company beside another one: %v", err)
		}
		if _, err := a.Accounts.Create(t.Context(), tandemtest.By, signin.NewUser{Login: "paul", Type: tandem.ExternalCommunityUser}); err != nil {
			t.Fatal(err)
		}
		for _, e := range []platform.ExternalAccess{
			{Login: "paul", Customer: "none", Role: "Billing"}, {Login: "nobody", Customer: "none", Role: "Billing"},
			{Login: "paul", Customer: "none", Role: "King"},
		} {
			if got, err := a.AddExternalAccess(t.Context(), tandemtest.By, e); err == nil {
				t.Errorf("%+v gives %+v", e, got)
			}
		}
		if err := a.RemoveExternalAccess(t.Context(), tandemtest.By, "paul", "none"); err == nil {
			t.Error("what was never given is taken away")
		}
		if all, err := a.ListExternalAccess(t.Context(), "paul"); err != nil || len(all) != 0 {
			t.Errorf("%v %v", all, err)
		}
	})
}
