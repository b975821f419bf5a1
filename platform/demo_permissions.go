package platform

import (
	"context"
	"errors"
	"slices"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// demoGroup is a group of the demo with who is in it and what it is granted.
type demoGroup struct {
	name, notes         string
	members             []string
	sets, columns, keys []demoGrant
	// takes are sets that are everybody's no more.
	takes []string
	// asked says that it is made with an application of the demo that is asked for.
	asked bool
}

// demoGrant are rights on sets, columns, or keys of rows.
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

// The keys of rows.
const (
	keyPlovdiv  = "Plovdiv stores"
	keyVarna    = "Varna store"
	keyGraz     = "Graz store"
	keyAustria  = "Austria"
	keyAccounts = "Key accounts"
	// keyPartners is of the visits of technicians who are not on the payroll.
	keyPartners = "Subcontracted visits"
)

// demoDocumentSets are not everybody's: who neither sells nor manages has no orders.
var demoDocumentSets = []string{"Crm_Sales_SalesOrders", "Crm_Invoicing_Invoices"}

// demoGroups show what groups are for. Sales enters orders, without cost and without
// the store in Graz; managers know all and set prices and credit limits; the warehouse
// sees its own stores and no prices; technicians change their own visits, and see neither
// orders nor prices; the portal's back end holds what its jobs need.
var demoGroups = []demoGroup{
	{name: "Sales", notes: "Enter orders and invoices.", members: []string{"anna", "maria"},
		sets:    []demoGrant{{"read,create,update,delete", demoDocumentSets}, {"read", []string{setERPVisits}}},
		columns: []demoGrant{{"read,create", []string{columnPrice}}},
		keys:    []demoGrant{{"read,update", []string{keyPlovdiv, keyVarna, keyAustria, keyAccounts}}, {"read", []string{keyPartners}}},
		takes:   demoDocumentSets,
	},
	{name: "Managers", notes: "Know cost, and set prices and credit limits.", members: []string{"maria"},
		sets:    []demoGrant{{"read,create,update,delete", []string{setERPVisits}}},
		columns: []demoGrant{{"read", []string{columnCost, columnBase}}, {"read,create,update", []string{columnCredit, columnPrice}}},
		keys:    []demoGrant{{"read,update,delete", []string{keyPlovdiv, keyVarna, keyGraz, keyAustria, keyAccounts, keyPartners}}},
	},
	{name: "Warehouse Plovdiv", notes: "Its stores, and no prices.", members: []string{"walt"},
		keys: []demoGrant{{"read,update", []string{keyPlovdiv}}},
	},
	{name: "Technicians", notes: "Their own visits, customers and products, and no prices.", members: []string{"tom"},
		sets:  []demoGrant{{"read,update", []string{setERPVisits}}},
		keys:  []demoGrant{{"read", []string{keyPlovdiv}}, {"read,update", []string{keyAustria}}}, // whose visits they are
		takes: []string{setERPVisits},
	},
	{name: "Purchasing", notes: "Know and enter cost.", columns: []demoGrant{{"read,create,update", []string{columnCost, columnBase}}}},
	{name: "Pricing", notes: "Set list prices.", columns: []demoGrant{{"read,create,update", []string{columnPrice}}}},
	{name: "Price agent", notes: "List prices, and nothing else of the products.", members: []string{DemoPricesUser},
		sets:    []demoGrant{{"read,update:StandardPricePerLot", []string{"General_Products_Products"}}},
		columns: []demoGrant{{"read,update", []string{columnPrice}}},
	},
	{name: "Service", notes: "The office of the field app: reports, and the phones of technicians.", members: []string{"maria"}, asked: true,
		sets: []demoGrant{{"read,create,update,delete", []string{setERPVisits}}},
		keys: []demoGrant{{"read,update,delete", []string{keyPartners}}},
	},
	{name: demoFieldGroup, notes: "Visits with what was done, their files, and reminders.", members: []string{DemoFieldUser}, asked: true,
		sets: []demoGrant{
			{"read", []string{
				"Applications_Service_ServiceObjects", "Applications_Service_Services", "Crm_Sales_Customers", "General_Contacts_Companies", "General_Contacts_Persons",
				"General_EnterpriseCompanies", "General_Products_MeasurementCategories", "General_Products_Products", "Logistics_Inventory_Stores",
				"Systems_Documents_DocumentTypes", "General_Contacts_Parties",
			}},
			{"read,update:StartTime:EndTime:Notes:ReceiverPersonName:Services:Materials:ChangeState:Complete:Systems_Core_ObjectFiles", []string{setERPVisits}},
			{"read,create,update", []string{"Systems_Core_ExtensibleDataObjects"}},
			{"read,create", []string{"Systems_Core_Notifications"}},
		},
		keys: []demoGrant{{"read", []string{keyPlovdiv, keyAccounts}}, {"read,update", []string{keyAustria, keyPartners}}},
	},
	{name: "Portal back end", notes: "What the jobs of the portal need, and no more.", members: []string{DemoSystemUser},
		sets: []demoGrant{
			{"read", []string{
				"Applications_Service_ServiceActivities", "Applications_Service_ServiceAgreements", "Applications_Service_ServiceObjectTypes", "Applications_Service_ServiceObjects",
				"Crm_Invoicing_Invoices", "Crm_Sales_CustomerExternalAccess", "Crm_Sales_CustomerTypes", "General_Contacts_CompanyLocations",
				"General_Contacts_Parties", "General_Currencies_Currencies", "General_EnterpriseCompanies", "General_Products_MeasurementCategories",
				"General_Products_ProductTypes", "Logistics_Inventory_CurrentBalances",
				"Logistics_Inventory_StoreGroups", "Logistics_Inventory_Stores", "Systems_Documents_DocumentTypes",
			}},
			{"read,update:DocumentNotes:ReceivedByPerson:ShipToPartyContactMechanism", []string{"Logistics_Shipment_Shipments"}},
			{"read,create,update:Systems_Core_ObjectFiles", []string{"Applications_Service_ServiceOrders"}},
			{"read,create,update", []string{
				"Crm_Sales_Customers", "Crm_Sales_SalesOrders", "General_Contacts_Companies", "General_Contacts_Persons",
				"General_Products_ProductGroups", "General_Products_Products", "Systems_Core_ExtensibleDataObjects",
			}},
		},
		columns: []demoGrant{{"read,create,update", []string{columnPrice}}, {"read", []string{columnCredit}}},
		keys:    []demoGrant{{"read", []string{keyPlovdiv, keyVarna, keyGraz, keyPartners}}, {"read,update", []string{keyAustria, keyAccounts}}},
	},
}

// demoPermissions makes the demo's groups, as far as they are missing. The keys of rows
// are granted when they are made, see demoKeys.
func (a *Administration) demoPermissions(ctx context.Context) error {
	for _, g := range demoGroups {
		if g.asked {
			continue
		}
		if err := a.demoGroup(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// demoGroup makes a group with all that belongs to it, unless it is there as a whole: then
// it is left as somebody has made it. What was begun by a start that ended is gone through
// again.
func (a *Administration) demoGroup(ctx context.Context, g demoGroup) error {
	row := demoRow{demoGroupRow, g.name}
	begun, known, err := a.demoBegun(ctx, row)
	if err != nil {
		return err
	}
	there, err := a.Permissions.Group(ctx, g.name)
	missing := errors.Is(err, tandem.ErrNotFound)
	if err != nil && !missing {
		return err
	}
	switch {
	case missing || begun:
	case known || !g.asked:
		return nil
	default: // somebody's, or of a version that did not remember: who asks for it needs its rights, and nobody is put in
		g.members = slices.DeleteFunc(slices.Clone(g.members), func(login string) bool { return login != DemoFieldUser })
	}
	return a.demoMake(ctx, row, func() (string, error) {
		if missing {
			if there, err = a.Permissions.CreateGroup(ctx, byDemo, g.name, g.notes); err != nil {
				return "", err
			}
		}
		return there.ID, a.demoGrants(ctx, g)
	})
}

// demoGrants puts a group's members into it, and grants it what it is for.
func (a *Administration) demoGrants(ctx context.Context, g demoGroup) error {
	for _, set := range g.takes {
		err := a.Permissions.Revoke(ctx, byDemo, "Everybody", permission.Target{Set: set})
		if err != nil && !errors.Is(err, tandem.ErrNotFound) {
			return err
		}
	}
	for _, login := range g.members {
		if err := a.Permissions.AddMember(ctx, byDemo, g.name, login); err != nil {
			return err
		}
	}
	for _, grant := range g.sets {
		for _, set := range grant.on {
			if _, err := a.Permissions.Grant(ctx, byDemo, g.name, permission.Target{Set: set}, grant.rights, false); err != nil {
				return err
			}
		}
	}
	for _, grant := range g.columns {
		for _, column := range grant.on {
			if _, err := a.Permissions.Grant(ctx, byDemo, g.name, permission.Target{Column: column}, grant.rights, false); err != nil {
				return err
			}
			if column != columnCredit {
				continue
			}
			// Everybody goes on seeing what only managers may change.
			if _, err := a.Permissions.Grant(ctx, byDemo, "Everybody", permission.Target{Column: column}, "read", false); err != nil {
				return err
			}
		}
	}
	if !g.asked {
		return nil
	}
	for _, grant := range g.keys { // which are there by now
		for _, key := range grant.on {
			if _, err := a.Permissions.Grant(ctx, byDemo, g.name, permission.Target{Key: key}, grant.rights, false); err != nil {
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
	return a.Permissions.AddMember(ctx, byDemo, all, login)
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
