package platform

import (
	"context"
	"slices"

	"github.com/hybridapps/tandem/erp/demo"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

// The demo's rows that are not everybody's: stores, the Austrian company, the customers of
// a type, and the visits of technicians from outside (see demo_visits.go).

const (
	setERPStores        = "Logistics_Inventory_Stores"
	setERPCompanies     = "General_EnterpriseCompanies"
	setERPCustomerTypes = "Crm_Sales_CustomerTypes"
	setERPAccessKeys    = "Systems_Security_AccessKeys"
)

// demoKey is a key of rows of a set, and which these are.
type demoKey struct {
	set, key string
	rows     []string
}

// demoKeyed are the keys by their sets, and the rows that get them, as the demo company
// names them.
var demoKeyed = []demoKey{
	{setERPStores, keyPlovdiv, []string{"PDV", "RET"}},
	{setERPStores, keyVarna, []string{"VAR"}},
	{setERPStores, keyGraz, []string{"GRZ"}},
	{setERPCompanies, keyAustria, []string{"AT"}},
	{setERPCustomerTypes, keyAccounts, nil},
	{setERPVisits, keyPartners, nil},
}

// demoKeyAccounts are the numbers of the customers, in the order of all of them, that
// are of the type.
var demoKeyAccounts = []int{5, 6, 7}

// demoKeys makes the keys, as far as they are missing, and grants them: to groups that are
// asked for where they are there already; others get theirs when they are made.
func (a *Administration) demoKeys(ctx context.Context) error {
	d, err := a.permissions.Definitions(ctx)
	if err != nil {
		return err
	}
	there := func(g demoGroup) bool {
		return !g.asked || slices.ContainsFunc(d.Groups, func(of permission.Group) bool { return of.Name == g.name })
	}
	for _, k := range demoKeyed {
		var granted []demoGranted
		for _, g := range demoGroups {
			for _, grant := range g.keys {
				if there(g) && slices.Contains(grant.on, k.key) {
					granted = append(granted, demoGranted{g.name, grant.rights})
				}
			}
		}
		if err := a.demoKey(ctx, &d, k.set, k.key, granted); err != nil {
			return err
		}
	}
	return nil
}

// demoGranted is a group and its rights on a key.
type demoGranted struct{ group, rights string }

// demoKey makes a key of rows and grants it, unless it is there as a whole.
func (a *Administration) demoKey(ctx context.Context, d *permission.Definitions, set, name string, granted []demoGranted) error {
	row := demoRow{demoKeyRow, name}
	begun, _, err := a.demoBegun(ctx, row)
	there := keyNamed(d, set, name)
	if err != nil || there != nil && !begun {
		return err
	}
	return a.demoMake(ctx, row, func() (string, error) {
		if there == nil {
			made, err := a.Permissions.CreateKey(ctx, byDemo, set, name)
			if err != nil {
				return "", err
			}
			there = &made
		}
		for _, g := range granted {
			if _, err := a.Permissions.Grant(ctx, byDemo, g.group, permission.Target{Key: there.ID}, g.rights, false); err != nil {
				return "", err
			}
		}
		return there.ID, nil
	})
}

// demoRows gives the rows their keys, all at once and only once: what somebody has made
// of them since stays.
func (a *Administration) demoRows(ctx context.Context) error {
	m := erpModel()
	store := a.erpStore(m)
	types := m.Set(setERPCustomerTypes)
	kind := model.Entity{Set: types, ID: demo.IDOf(types, keyAccounts)}
	return a.withDemoKeys(ctx, func(keys map[string]string) error {
		by, err := a.erpActor(ctx, "admin")
		if err != nil {
			return err
		}
		return store.Transact(ctx, func(tx write.Tx) error {
			there, err := tx.Find(query.ByID(types, kind.ID))
			if err != nil || len(there) > 0 {
				return err
			}
			return demoKeyRows(tx, write.NewWriter(m, by).In(tx, a.config.Clock.Now()), m, kind, keys)
		})
	})
}

// withDemoKeys calls f with the ids of the keys by their names, once rows can have them.
func (a *Administration) withDemoKeys(ctx context.Context, f func(keys map[string]string) error) error {
	d, err := a.permissions.Definitions(ctx)
	if err != nil {
		return err
	}
	keys := map[string]string{}
	for i := range d.Keys {
		k := &d.Keys[i]
		if !slices.ContainsFunc(demoKeyed, func(of demoKey) bool { return of.set == k.EntityName && of.key == k.Name }) {
			continue
		}
		if err := a.settle(ctx, k); err != nil {
			return err
		}
		keys[k.Name] = k.ID
	}
	return f(keys)
}

func demoKeyRows(tx write.Tx, w *write.Writer, m *write.Model, kind model.Entity, keys map[string]string) error {
	link := func(set, id string) *write.Object { return (&write.Object{}).Set("@odata.id", set+"("+id+")") }
	for _, k := range demoKeyed {
		for _, name := range k.rows {
			set := m.Set(k.set)
			row := model.Entity{Set: set, ID: demo.IDOf(set, name)}
			key := (&write.Object{}).Set("AccessKey", link(setERPAccessKeys, keys[k.key]))
			if _, err := w.Update(row, write.Condition{}, key); err != nil {
				return err
			}
		}
	}
	name := (&write.Object{}).Set("EN", "Key accounts").Set("DE", "Großkunden").Set("BG", "Ключови клиенти")
	typed := (&write.Object{}).Set("Id", kind.ID).Set("Code", "KEY").Set("Name", name).Set("AccessKey", link(setERPAccessKeys, keys[keyAccounts]))
	if _, err := w.Apply(kind.Set, typed, "create"); err != nil {
		return err
	}
	customers := m.Set(setERPCustomers)
	all, err := tx.Find(&query.Query{Set: customers, Order: []query.Order{{Path: &model.Path{Property: customers.Must("Number")}}}, Limit: 1 + slices.Max(demoKeyAccounts)})
	if err != nil {
		return err
	}
	for _, n := range demoKeyAccounts {
		if n >= len(all) {
			break
		}
		if _, err := w.Update(all[n], write.Condition{}, (&write.Object{}).Set("CustomerType", link(setERPCustomerTypes, kind.ID))); err != nil {
			return err
		}
	}
	return nil
}
