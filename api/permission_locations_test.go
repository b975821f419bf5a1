package api_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// TestALocationIsGuardedWithItsCompany: who does not see one of our companies sees none of
// its locations either, and who may not change it makes none.
func TestALocationIsGuardedWithItsCompany(t *testing.T) {
	t.Parallel()
	const locations, companies = "General_Contacts_CompanyLocations", "General_EnterpriseCompanies"
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		key := permission.Key{ID: keyID(companies, 0), Kind: permission.RowKey, Name: "Ours", EntityName: companies}
		w.sql(t, `UPDATE erp_enterprise_companies SET access_key = $1 WHERE id = $2`, key.ID, row(kindCompany, 0))
		w.post(t, locations+` {"Id":"`+row(kindLocation, 1)+`","LocationName":{"EN":"Of a customer"},"Company":{"RegistrationNumber":"200"}}`)
		ours, theirs := locations+"("+row(kindLocation, 0)+")", locations+"("+row(kindLocation, 1)+")"
		toOurs := `{"Company@odata.bind":"General_Contacts_Companies(` + row(kindParty, 0) + `)"`
		with := func(r permission.Right) *permission.Rights {
			all := allSets()
			if r != 0 {
				all[key.ID] = r
			}
			return someRights(all, key)
		}
		for _, as := range []struct {
			rights *permission.Rights
			steps  []doorStep
		}{
			{with(0), []doorStep{
				{"by list", "GET", locations + "?$select=Id", "", 200, row(kindLocation, 1), row(kindLocation, 0)},
				{"by count", "GET", locations + "/$count", "", 200, "1", ""},
				{"as a party", "GET", "General_Contacts_Parties?$search=Head", "", 200, `"value":[]`, ""},
				{"by id", "GET", ours, "", 404, "", ""},
				{"another's", "GET", theirs, "", 200, "", ""},
				{"changed", "PATCH", ours, `{"WorkingTime":"9-17"}`, 404, "", ""},
				{"moved out of sight", "PATCH", theirs, toOurs + `}`, 403, "", ""},
				{"made out of sight", "POST", locations, toOurs + `,"LocationName":{"EN":"Hall 2"}}`, 403, "", ""},
			}},
			{with(permission.Read), []doorStep{
				{"who reads it", "GET", ours, "", 200, "Head office", ""},
				{"does not change it", "PATCH", ours, `{"WorkingTime":"9-17"}`, 403, "", ""},
			}},
			{with(permission.OfRows), []doorStep{{"who may", "PATCH", ours, `{"WorkingTime":"9-17"}`, 204, "", ""}}},
		} {
			w.as(as.rights, func() { w.steps(t, as.steps) })
		}
		if _, answer := call(t, w.h, "GET", ours+"?$select=WorkingTime", ""); !strings.Contains(answer, "9-17") {
			t.Error(answer)
		}
	})
}
