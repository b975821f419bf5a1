package platform

import (
	"context"
	"errors"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// demoGroup is a group of the demo with who is in it and what it is granted.
type demoGroup struct {
	name, notes string
	members     []string
	sets        []demoGrant
	columns     []demoGrant
}

// demoGrant are rights on sets or columns.
type demoGrant struct {
	rights string
	on     []string
}

const (
	columnCost   = "General_Products_Products.StandardCostPerLot"
	columnBase   = "Logistics_Inventory_CurrentBalances.BaseCost"
	columnPrice  = "General_Products_Products.StandardPricePerLot"
	columnCredit = "Crm_Sales_Customers.CreditLimit"
)

// demoGroups show what groups are for. People see everything but cost, and change
// everything but prices and credit limits; the portal's back end holds what its jobs
// need.
var demoGroups = []demoGroup{
	{name: "Managers", notes: "Know cost, and set credit limits.", members: []string{"maria"}, columns: []demoGrant{
		{"read", []string{columnCost, columnBase}}, {"read,create,update", []string{columnCredit, columnPrice}},
	}},
	{name: "Purchasing", notes: "Know and enter cost.", columns: []demoGrant{{"read,create,update", []string{columnCost, columnBase}}}},
	{name: "Pricing", notes: "Set list prices.", columns: []demoGrant{{"read,create,update", []string{columnPrice}}}},
	{name: "Price agent", notes: "List prices, and nothing else of the products.", members: []string{DemoPricesUser},
		sets:    []demoGrant{{"read,update:StandardPricePerLot", []string{"General_Products_Products"}}},
		columns: []demoGrant{{"read,update", []string{columnPrice}}},
	},
	{name: "Portal back end", notes: "What the jobs of the portal need, and no more.", members: []string{DemoSystemUser},
		sets: []demoGrant{
			{"read", []string{
				"Crm_Invoicing_Invoices", "Crm_Sales_CustomerExternalAccess", "Crm_Sales_CustomerTypes", "General_Contacts_CompanyLocations",
				"General_Contacts_Parties", "General_Currencies_Currencies", "General_EnterpriseCompanies", "General_Products_MeasurementCategories",
				"General_Products_ProductTypes", "Logistics_Inventory_CurrentBalances",
				"Logistics_Inventory_StoreGroups", "Logistics_Inventory_Stores", "Systems_Documents_DocumentTypes",
			}},
			{"read,create,update", []string{
				"Crm_Sales_Customers", "Crm_Sales_SalesOrders", "General_Contacts_Companies", "General_Contacts_Persons",
				"General_Products_ProductGroups", "General_Products_Products",
			}},
		},
		columns: []demoGrant{{"read,create,update", []string{columnPrice}}, {"read", []string{columnCredit}}},
	},
}

// demoPermissions makes the demo's groups, as far as they are missing. A group that is
// there is left as somebody has made it.
func (a *Administration) demoPermissions(ctx context.Context) error {
	for _, g := range demoGroups {
		if _, err := a.Permissions.Group(ctx, g.name); !errors.Is(err, tandem.ErrNotFound) {
			if err != nil {
				return err
			}
			continue
		}
		if err := a.demoGroup(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (a *Administration) demoGroup(ctx context.Context, g demoGroup) error {
	if _, err := a.Permissions.CreateGroup(ctx, g.name, g.notes); err != nil {
		return err
	}
	for _, login := range g.members {
		if err := a.Permissions.AddMember(ctx, g.name, login); err != nil {
			return err
		}
	}
	for _, grant := range g.sets {
		for _, set := range grant.on {
			if _, err := a.Permissions.Grant(ctx, g.name, permission.Target{Set: set}, grant.rights, false); err != nil {
				return err
			}
		}
	}
	for _, grant := range g.columns {
		for _, column := range grant.on {
			if _, err := a.Permissions.Grant(ctx, g.name, permission.Target{Column: column}, grant.rights, false); err != nil {
				return err
			}
			if column == columnCost || column == columnBase {
				continue
			}
			// Everybody goes on seeing what they may not change; who makes a product, as an
			// import does, gives it its first price.
			everybody := "read"
			if column == columnPrice {
				everybody = "read,create"
			}
			if _, err := a.Permissions.Grant(ctx, "Everybody", permission.Target{Column: column}, everybody, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// demoBackEnd puts a System User of the demo into the group of all data, when it is
// made.
func (a *Administration) demoBackEnd(ctx context.Context, login string) error {
	all, err := a.groupName(ctx, permission.AllDataID)
	if err != nil {
		return err
	}
	return a.Permissions.AddMember(ctx, all, login)
}

func (a *Administration) groupName(ctx context.Context, id string) (string, error) {
	groups, err := a.Permissions.Groups(ctx)
	for _, g := range groups {
		if g.ID == id {
			return g.Name, nil
		}
	}
	return "", errors.Join(err, tandem.Errorf(tandem.CodeNotFound, "there is no group with the id %s", id))
}
