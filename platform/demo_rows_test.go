package platform_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/platform"
)

// rightsOf is what an account may do as the definitions say now.
func rightsOf(t *testing.T, a *platform.Administration, login string) *permission.Rights {
	t.Helper()
	u, err := a.Accounts.Show(t.Context(), login)
	must(t, err)
	put, _, err := a.Permissions.Store.GroupsOf(t.Context(), u.ID)
	must(t, err)
	d, err := a.Permissions.Store.Definitions(t.Context())
	must(t, err)
	return permission.NewTable(d).Rights(permission.GroupsOf(&u, put))
}

// demoSees holds what the accounts of the demo see against what the demo is to show.
func demoSees(t *testing.T, a *platform.Administration) {
	t.Helper()
	const orders, stores, companies, customers = "Crm_Sales_SalesOrders", "Logistics_Inventory_Stores", "General_EnterpriseCompanies", "Crm_Sales_Customers"
	const products, balances = "General_Products_Products", "Logistics_Inventory_CurrentBalances"
	m := erp.NewModel()
	store := data.NewERP(a.ERP, m)
	count := func(by *permission.Rights, set string) int {
		n, err := store.Count(t.Context(), &query.Query{Set: m.Set(set), By: by})
		must(t, err)
		return int(n)
	}
	codes := func(by *permission.Rights) string {
		var all []string
		s := m.Set(stores)
		must(t, store.Query(t.Context(), &query.Query{Set: s, By: by, Fields: []*model.Property{s.Must("Code")}}, func(row *query.Row) error {
			all = append(all, strings.Clone(row.Values[0].Text))
			return nil
		}))
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	all := count(permission.ByPlatform().Rights, customers)
	for _, c := range []struct {
		login, stores        string
		orders               bool
		companies, customers int
		cost, price          permission.Right
	}{
		{"admin", "GRZ PDV RET VAR", true, 2, all, permission.OfColumns, permission.OfColumns},
		{"maria", "GRZ PDV RET VAR", true, 2, all, permission.Read, permission.OfColumns},
		{"anna", "PDV RET VAR", true, 2, all, 0, permission.Read | permission.Create},
		{"walt", "PDV RET", false, 1, all - 3, 0, 0},
		{"tom", "PDV RET", false, 2, all - 3, 0, 0},
		{platform.DemoSystemUser, "GRZ PDV RET VAR", true, 2, all, 0, permission.OfColumns},
	} {
		r := rightsOf(t, a, c.login)
		if got := codes(r); got != c.stores {
			t.Errorf("%s sees the stores %s, want %s", c.login, got, c.stores)
		}
		if got := r.Set(orders, permission.Read); got != c.orders || (count(r, orders) > 0) != c.orders {
			t.Errorf("%s reads orders: %t, %d", c.login, got, count(r, orders))
		}
		if n, k := count(r, companies), count(r, customers); n != c.companies || k != c.customers {
			t.Errorf("%s sees %d companies and %d customers, want %d and %d", c.login, n, k, c.companies, c.customers)
		}
		if got := r.Column(products, "StandardCostPerLot"); got != c.cost || r.Column(balances, "BaseCost")&permission.Read != c.cost&permission.Read {
			t.Errorf("%s and cost: %s", c.login, got)
		}
		if got := r.Column(products, "StandardPricePerLot"); got != c.price {
			t.Errorf("%s and list prices: %s", c.login, got)
		}
	}
	if r := rightsOf(t, a, platform.DemoSystemUser); r.Set("Crm_Sales_CustomerExternalAccess", permission.Update) || r.Set("Crm_Sales_CustomerExternalAccess", permission.Create) {
		t.Error("the portal's back end says who sees which customer")
	}
}
