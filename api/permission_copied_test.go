package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// allSets is every right on every set, but for those that are told.
func allSets(but ...string) map[string]permission.Right {
	all := map[string]permission.Right{}
	for _, s := range erpModel.Sets {
		if !slices.Contains(but, s.Name) {
			all[s.Name] = permission.OfSets
		}
	}
	return all
}

// TestADefaultCopiesNothingHidden: what an account may not read where it stands is not
// copied to where the account may.
func TestADefaultCopiesNothingHidden(t *testing.T) {
	t.Parallel()
	const orders, customers, parties, products, types = "Crm_Sales_SalesOrders", "Crm_Sales_Customers", "General_Contacts_Parties", "General_Products_Products", "Systems_Documents_DocumentTypes"
	hides := func(set, attribute string) *permission.Rights {
		return someRights(allSets(), columnKey(erpModel.Set(set).Must(attribute).Set.Name, attribute)).As(aGUID)
	}
	newVisit := func(n int, more string) string {
		_, body, _ := strings.Cut(visit(n, more), " ")
		return body
	}
	const toCustomer2 = `{"Customer@odata.bind":"Crm_Sales_Customers(10000000-0000-4000-8000-000002000002)"`
	receiver := `{"ReceiverPerson@odata.bind":"General_Contacts_Persons(` + row(kindPerson, 1) + `)"}`
	theVisit, theOrder, theLine := visits+"("+row(kindVisit, 0)+")", orders+"("+row(kindOrder, 0)+")", "Crm_Sales_SalesOrderLines("+row(kindLine, 0)+")"
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newService(t, db)
		w.post(t, visit(0, `,"ReceiverPerson@odata.bind":"General_Contacts_Persons(`+row(kindPerson, 0)+`)"`),
			`General_Products_Products {"PartNumber":"P2","Name":{"EN":"Pear"},"ProductGroup":{"Code":"G1"}}`)
		for _, step := range []struct {
			rights *permission.Rights
			doorStep
		}{
			{hides(parties, "PartyName"), doorStep{"the name of a party", "POST", visits, newVisit(1, ""), 201, `"Subject":"ServiceActivities"`, "Customer 1"}},
			{someRights(allSets(parties, "General_Contacts_Companies")).As(aGUID), doorStep{"of a set that may not be read", "POST", visits, newVisit(2, ""), 201, `"Subject":"ServiceActivities"`, "Customer 2"}},
			{someRights(allSets("General_Contacts_Companies")).As(aGUID), doorStep{"of what the party is", "POST", visits, newVisit(3, `,"OwnerParty@odata.bind":"General_Contacts_Persons(`+row(kindPerson, 0)+`)"`), 201, `"Subject":"ServiceActivities"`, "Customer 0"}},
			{hides(customers, "Party"), doorStep{"which party it is", "POST", visits, newVisit(4, ""), 201, `"Subject":"ServiceActivities"`, row(kindParty, 2)}},
			{hides(types, "TypeName"), doorStep{"the name of a type", "POST", visits, newVisit(5, ""), 201, `"Subject":"Customer 2"`, "ServiceActivities:"}},
			{hides(parties, "PartyName"), doorStep{"the name of who received", "PATCH", theVisit, receiver, 204, "", ""}},
			{nil, doorStep{"is not that of who did before", "GET", theVisit + "?$select=ReceiverPersonName", "", 200, `"ReceiverPersonName":null`, "Tom"}},
			{hides("Applications_Service_Services", "Name"), doorStep{"the name of a service", "POST", theVisit + "/Services", `{"Service":{"Code":"REP"}}`, 422, "ServiceName is required", "Repair"}},
			{hides("Applications_Service_Services", "Name"), doorStep{"or one that is sent", "POST", theVisit + "/Services", `{"Service":{"Code":"REP"},"ServiceName":"Work"}`, 201, "Work", "Repair"}},
			{hides(products, "Name"), doorStep{"the name of a product", "POST", theOrder + "/Lines", `{"Product":{"PartNumber":"P1"}}`, 422, "ProductDescription is required", "Apple"}},
			{hides(products, "Name"), doorStep{"another product", "PATCH", theLine, `{"Product":{"PartNumber":"P2"}}`, 403, `read Name of General_Products_Products`, "Pear"}},
			{hides(products, "Name"), doorStep{"with a description", "PATCH", theLine, `{"Product":{"PartNumber":"P2"},"ProductDescription":{"EN":"Fruit"}}`, 204, "", ""}},
			{hides(customers, "Party"), doorStep{"another customer", "PATCH", theOrder, toCustomer2 + `}`, 403, "read Party of Crm_Sales_Customers", row(kindParty, 3)}},
			{hides(customers, "DefaultCurrency"), doorStep{"a currency of the company's", "POST", orders, toCustomer2 + `,"Lines":[]}`, 201, "", ""}},
			{hides("General_EnterpriseCompanies", "Company"), doorStep{"who we are", "POST", orders, toCustomer2 + `}`, 422, "is required", row(kindParty, 0)}},
		} {
			rights := step.rights
			if rights == nil {
				rights = permission.ByPlatform().Rights
			}
			w.as(rights, func() { w.steps(t, []doorStep{step.doorStep}) })
		}
	})
}

// TestACodeIsAReference: the code of a unit or a currency refers to its row, which takes
// the right to read it, as any other reference does.
func TestACodeIsAReference(t *testing.T) {
	t.Parallel()
	const products, currencies = "General_Products_Products", "General_Currencies_Currencies"
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		w.post(t, currencies+` {"CurrencySign":"USD","Name":"Dollar"}`, products+` {"Id":"`+row(1, 900)+`","PartNumber":"P9","Name":{"EN":"Nut"},"ProductGroup":{"Code":"G1"},"CostingCurrency":{"CurrencySign":"EUR"}}`)
		one := products + "(" + row(1, 900) + ")"
		without := someRights(allSets(currencies))
		hidden := someRights(allSets(), columnKey(products, "StandardCostPerLot"))
		price := func(code string) string { return `{"StandardPricePerLot":{"Value":2,"Currency":"` + code + `"}}` }
		cost := strings.Replace(price("XXX"), "Price", "Cost", 1)
		for _, step := range []struct {
			rights *permission.Rights
			doorStep
		}{
			{without, doorStep{"another currency", "PATCH", one, price("USD"), 403, currencies, "XXX"}},
			{without, doorStep{"one that there is not", "PATCH", one, price("XXX"), 403, currencies, "XXX"}},
			{without, doorStep{"the one that it has", "PATCH", one, price("EUR"), 204, "", ""}},
			{without, doorStep{"of a new row", "POST", products, `{"PartNumber":"P10","Name":{"EN":"Nut"},"ProductGroup":{"Code":"G1"},` + price("EUR")[1:], 403, currencies, ""}},
			{hidden, doorStep{"of a hidden attribute", "PATCH", one, cost, 403, "StandardCostPerLot", "XXX"}},
		} {
			w.as(step.rights, func() { w.steps(t, []doorStep{step.doorStep}) })
		}
	})
}
