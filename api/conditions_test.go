package api_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// TestNewDocumentsGetTheKeyOfTheirCondition: by total and whatever else a filter asks,
// the condition of the highest priority first, however the document became so; who
// enters it need not hold the key.
func TestNewDocumentsGetTheKeyOfTheirCondition(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newApprovals(t, db)
		large, huge, ofTypes := keyID(orderSet, 0), keyID(orderSet, 1), keyID("Systems_Documents_DocumentTypes", 3)
		for id, set := range map[string]string{large: orderSet, huge: orderSet, ofTypes: "Systems_Documents_DocumentTypes"} {
			w.sql(t, `INSERT INTO erp_access_keys (id, name, name_text, entity_name, share_level) VALUES ($1, 'k', 'k', $2, 4)`, id, set)
		}
		typ := "Systems_Documents_DocumentTypes(" + row(kindType, 1) + ")"
		condition := func(filter, priority, key string) (int, string) {
			r, answer := call(t, w.h, "POST", typ+"/SecurityConditions", `{"Description":"x","ConditionFilter":"`+filter+`","Priority":"`+priority+
				`","DocumentAccessKey@odata.bind":"Systems_Security_AccessKeys(`+key+`)"}`)
			return r.StatusCode, answer
		}
		for _, c := range []struct {
			filter, key, want string
			status            int
		}{
			{"TotalLineAmountValue ge", large, "$filter", 400}, {"Nothing eq 1", large, "no property", 400}, {"", large, "", 400}, {"ConditionFilter eq 'x'", large, "no property", 400},
			{"TotalLineAmountValue ge 50000.01", ofTypes, "is a key for rows of Systems_Documents_DocumentTypes", 422},
			{"TotalLineAmountValue ge 50000.01", large, "", 201}, {"TotalLineAmountValue ge 90000 and Void eq false", huge, "", 201},
		} {
			priority := "Medium"
			if c.key == huge {
				priority = "High"
			}
			if status, answer := condition(c.filter, priority, c.key); status != c.status || !strings.Contains(answer, c.want) {
				t.Fatalf("%q: %d %s, want %d %s", c.filter, status, answer, c.status, c.want)
			}
		}
		keyOf := func(order string) string {
			_, answer := call(t, w.h, "GET", order+"?$select=AccessKey", "")
			for name, id := range map[string]string{"large": large, "huge": huge} {
				if strings.Contains(answer, id) {
					return name
				}
			}
			return "none"
		}
		sales := w.holding(permission.OfSets, permission.Read|permission.Update)
		for _, c := range []struct{ price, want string }{{"50000", "none"}, {"50000.01", "large"}, {"90000", "huge"}} {
			order := w.enter(t, "anna", `"UnitPrice":{"Value":`+c.price+`}`, "")
			if got := keyOf(order); got != c.want {
				t.Errorf("an order of %s has the key %s, want %s", c.price, got, c.want)
			}
		}
		// It becomes large line by line, and then it is not its maker's any more.
		order := w.enter(t, "anna", `"UnitPrice":{"Value":40000}`, "")
		w.as(sales, func() {
			if status, answer := w.by(t, "anna", "POST", order+"/Lines", `{"Product":{"PartNumber":"P1"},"UnitPrice":{"Value":20000}}`); status != 201 {
				t.Errorf("the line that makes it large: %d %s", status, answer)
			}
		})
		if got := keyOf(order); got != "large" {
			t.Errorf("an order that became large has the key %s", got)
		}
		grants := map[string]permission.Right{w.key.ID: permission.Read | permission.Update}
		for _, s := range erpModel.Sets {
			if s.Permissive() == s {
				grants[s.Name] = permission.OfSets
			}
		}
		hidden := someRights(grants, w.key, permission.Key{ID: large, Kind: permission.RowKey, EntityName: orderSet}, permission.Key{ID: huge, Kind: permission.RowKey, EntityName: orderSet})
		w.as(hidden, func() {
			if status, _ := w.by(t, "anna", "GET", order, ""); status != 404 {
				t.Errorf("who does not hold the key sees the order: %d", status)
			}
			r, answer := call(t, w.h, "POST", orderSet, `{"DocumentType@odata.bind":"`+typ+`","Customer@odata.bind":"Crm_Sales_Customers(`+row(kindCustomer, 0)+`)",
				"Lines":[{"Product":{"PartNumber":"P1"},"UnitPrice":{"Value":60000}}]}`)
			if r.StatusCode != 204 || r.Header.Get("OData-EntityId") == "" || answer != "" {
				t.Errorf("a new order that its maker does not see: %d %s", r.StatusCode, answer)
			}
		})
	})
}
