package api_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// TestTheLogOfAnImportIsItsMakers: what an account has sent is read by itself, and by who
// manages access; nobody else reads it by reading the log.
func TestTheLogOfAnImportIsItsMakers(t *testing.T) {
	t.Parallel()
	const logs, objects = exchanges, "Systems_Exchange_DataExchangeObjects"
	grants := map[string]permission.Right{exchanges: permission.Read}
	d := permission.Definitions{
		Groups: []permission.Group{{ID: permission.PowerUsersID, Type: permission.PowerUsers}},
		Keys:   []permission.Key{{ID: permission.SetKeyID(exchanges), Kind: permission.SetKey, EntityName: exchanges}},
		Grants: []permission.Grant{{Group: permission.PowerUsersID, Key: permission.SetKeyID(exchanges), Rights: permission.Read}},
	}
	manager := permission.NewTable(d).Rights([]string{permission.PowerUsersID}).As(somebody)
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db) // whose account aGUID imports
		_, became := imports(t, w.h, `"loggingLevel":2,`, `{"@odata.type":"Erp.General_Products_ProductGroup","Code":"G7","Name":{"EN":"x"}}`)
		if len(became) == 0 || !strings.HasPrefix(became[0], "Added") {
			t.Fatal(became)
		}
		log := w.firstOf(t, erpModel.Set(logs)).String()
		for _, as := range []struct {
			name   string
			rights *permission.Rights
			sees   bool
		}{
			{"its maker", someRights(grants).As(aGUID), true}, {"another account", someRights(grants).As(somebody), false},
			{"who manages access", manager, true}, {"an administrator", permission.ByPlatform().Rights, true},
		} {
			status, n, payload := 404, "0", false
			if as.sees {
				status, n, payload = 200, "1", true
			}
			w.as(as.rights, func() {
				w.steps(t, []doorStep{
					{as.name + " by count", "GET", logs + "/$count", "", 200, n, ""},
					{as.name + " by id", "GET", log, "", status, "", ""},
					{as.name + " below it", "GET", log + "/Objects", "", status, "", ""},
					{as.name + " by its parts", "GET", objects + "/$count", "", 200, n, ""},
				})
				if _, answer := call(t, w.h, "GET", objects+"?$expand=DataExchange", ""); strings.Contains(answer, "Added General_Products_ProductGroups(") != payload {
					t.Errorf("%s: %s", as.name, answer)
				}
			})
		}
	})
}
