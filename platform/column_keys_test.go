package platform_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestWhatEveryAnswerTellsHasNoKey: an attribute that answers tell as metadata cannot be
// hidden, and nobody is let believe that it is.
func TestWhatEveryAnswerTellsHasNoKey(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		admin := in.Platform.Permissions
		_, err := admin.CreateGroup(t.Context(), tandemtest.By, "Some", "")
		must(t, err)
		for _, column := range []string{"Crm_Sales_SalesOrders.ObjectVersion", "Crm_Sales_SalesOrderLines.ObjectVersion",
			"General_Contacts_Parties.PartyType", "General_Contacts_Persons.PartyType", "General_Contacts_Parties.ObjectVersion"} {
			_, err := admin.Grant(t.Context(), tandemtest.By, "Some", permission.Target{Column: column}, "read", false)
			if err == nil || !strings.Contains(err.Error(), "@odata.etag") && !strings.Contains(err.Error(), "made of other") {
				t.Errorf("a key for %s: %v", column, err)
			}
		}
	})
}
