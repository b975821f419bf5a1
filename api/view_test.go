package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// TestRowsOfViewsHaveAKey: a row of a view is known by what it refers to, as $metadata
// says, and that shows nothing which its references would not.
func TestRowsOfViewsHaveAKey(t *testing.T) {
	t.Parallel()
	const balances, products, stores = "Logistics_Inventory_CurrentBalances", "General_Products_Products", "Logistics_Inventory_Stores"
	hidden := permission.Key{ID: permission.ColumnKeyID(balances, "Product"), Kind: permission.ColumnKey, EntityName: balances, Attribute: "Product"}
	all := permission.ByPlatform().Rights
	unlinked := someRights(map[string]permission.Right{balances: permission.Read, products: permission.Read, stores: permission.Read}, hidden)
	closed := someRights(map[string]permission.Right{balances: permission.Read}, permission.Key{
		ID: "k", Kind: permission.RowKey, Name: "k", EntityName: stores,
	})
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		_, answer := call(t, w.h, "GET", products+"?$select=Id", "")
		product := ids(t, answer)[0]
		w.sql(t, `DELETE FROM erp_current_balances`)
		for n := range 2 {
			w.sql(t, `INSERT INTO erp_current_balances (quantity_base, base_cost, enterprise_company, store, product) VALUES ($1, 0, $2, $3, $4)`,
				(n+1)*1000, row(kindCompany, 0), row(kindStore, n), product)
		}
		w.sql(t, `UPDATE erp_parties SET access_key = 'k' WHERE id = $1`, row(kindStore, 1))
		at := func(store int) string {
			return balances + "(StoreId=" + row(kindStore, store) + ",ProductId=" + product + ",EnterpriseCompanyId=" + row(kindCompany, 0) + ")"
		}
		_, answer = call(t, w.h, "GET", balances, "")
		var page struct {
			Value []struct{ ProductID, StoreID, EnterpriseCompanyID string }
		}
		if err := json.Unmarshal([]byte(answer), &page); err != nil || len(page.Value) != 2 || page.Value[0].ProductID != product || page.Value[0].StoreID == page.Value[1].StoreID {
			t.Errorf("%v: %s", err, answer)
		}
		for _, c := range []struct {
			rights    *permission.Rights
			path      string
			status    int
			want, not string
		}{
			{all, at(1), 200, `"QuantityBase":{"Value":2,"Unit":"pcs"}`, ""},
			{all, at(0) + "?$select=QuantityBase&$expand=Product($select=PartNumber)", 200, `"Product":{"@odata.id"`, "StoreId"},
			{all, at(2), 404, "no such row", ""},
			{all, strings.Replace(at(0), "StoreId", "Store", 1), 404, "ProductId=guid,StoreId=guid", ""},
			{all, balances + "(ProductId=" + product + ")", 404, "ProductId=guid", ""},
			{all, at(0) + "?$top=1", 400, "$top", ""},
			{all, products + "(PartNumber='P1')", 404, "is a set", ""},
			{all, balances + "?$filter=StoreId%20eq%20" + row(kindStore, 1), 200, `"Value":2,`, `"Value":1,`},
			{unlinked, at(0), 403, "Product", ""},
			{unlinked, balances, 200, "StoreId", "ProductId"},
			{unlinked, balances + "?$select=ProductId", 403, "Product", ""},
			{unlinked, balances + "?$filter=ProductId%20eq%20" + product, 403, "Product", ""},
			{closed, at(0), 200, `"Value":1,`, ""},
			{closed, at(1), 404, "no such row", ""},
		} {
			w.as(c.rights, func() {
				r, answer := call(t, w.h, "GET", c.path, "")
				if r.StatusCode != c.status || !strings.Contains(answer, c.want) || c.not != "" && strings.Contains(answer, c.not) {
					t.Errorf("%s: %d %s, want %d %s", c.path, r.StatusCode, answer, c.status, c.want)
				}
			})
		}
		if r, answer := call(t, w.h, "PATCH", at(0), `{}`); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
			t.Errorf("PATCH: %d %s", r.StatusCode, answer)
		}
	})
}

// TestWhatIsWrittenIsShownWithItsId: clients that go by keys learn what they have made.
func TestWhatIsWrittenIsShownWithItsId(t *testing.T) {
	t.Parallel()
	h := stocked(t, datatest.Open(t, sqldb.SQLite))
	const groups = "General_Products_ProductGroups"
	id := number(77)
	body := `{"Id":"` + id + `","Code":"N","Name":{"EN":"New"}}`
	for _, c := range []struct {
		method, path, body string
		shown              bool
	}{
		{"POST", groups, body, true},
		{"POST", groups + "?$select=Code", strings.NewReplacer(id, number(78), `"N"`, `"O"`).Replace(body), false},
		{"POST", groups + "?$expand=ParentGroup", strings.NewReplacer(id, number(79), `"N"`, `"P"`).Replace(body), true},
		{"PATCH", groups + "(" + id + ")", `{"Notes":"x"}`, true},
		{"GET", groups + "(" + id + ")", "", false},
	} {
		r, answer := call(t, h, c.method, c.path, c.body, "Prefer: return=representation")
		if shown := strings.Contains(answer, `"Id":"`); r.StatusCode >= 300 || shown != c.shown {
			t.Errorf("%s %s: %d %s", c.method, c.path, r.StatusCode, answer)
		}
	}
}
