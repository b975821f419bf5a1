package erp

import "github.com/hybridapps/tandem/erp/model"

// Computable are attributes by those that they can be computed of, as Set.Attribute, or
// several joined by " + " where all are needed: who may not see the one must not see the
// others. An attribute that rows have from a base is known by the set that declares it.
func Computable(m *model.Model) map[string][]string {
	const (
		orders, orderLines     = setSalesOrders + ".", setSalesOrderLines + "."
		invoices, invoiceLines = "Crm_Invoicing_Invoices.", "Crm_Invoicing_InvoiceLines."
		products, groups       = setProducts + ".", "General_Products_ProductGroups."
		visits                 = setServiceActivities + "."
	)
	all := map[string][]string{}
	made := func(of string, by ...string) { all[of] = append(all[of], by...) }
	both := func(one, other string) { made(one, other); made(other, one) }

	// What a name of a party is made of, and what is made of it.
	partyName := declared(m.Set(setParties).Must("PartyName"))
	for _, name := range []string{setCompanies + ".Name", setPersons + ".FirstName", setPersons + ".MiddleName", setPersons + ".LastName",
		setLocations + ".LocationName", setStores + ".Name"} {
		both(name, partyName)
	}
	made(setCompanies+".RegistrationNumber", partyName) // of one without a name
	made(partyName, visits+"Subject", visits+"ReceiverPersonName")
	made(setDocumentTypes+".TypeName", visits+"Subject")

	// What is copied by those who may read it.
	made(groups+"Code", groups+"FullPath")
	made(products+"StandardPricePerLot", orderLines+"UnitPrice")
	for _, s := range m.Sets {
		for _, t := range taken {
			copied, reference := s.Property(t.name), s.Property(t.reference)
			if copied == nil || reference == nil || !reference.IsReference() {
				continue
			}
			for _, of := range append([]*model.Set{reference.Target}, reference.Target.Subtypes...) {
				if p := of.Property(t.property); p != nil && p != copied {
					made(declared(p), declared(copied))
				}
			}
		}
	}

	// What lines and their documents have of each other.
	for _, d := range [][2]string{{orders, orderLines}, {invoices, invoiceLines}} {
		document, line := d[0], d[1]
		both(line+"UnitPrice", line+"LineAmount")
		made(line+"UnitPrice", document+"TotalLineAmount")
		made(line+"LineAmount", document+"TotalLineAmount")
		made(document+"TotalLineAmount", document+"AmountToPay", line+"LineAmount")
		made(document+"AmountToPay", document+"TotalLineAmount")
		made(line+"LineCustomDiscountPercent", line+"UnitPrice + "+line+"Quantity + "+line+"LineAmount")
	}
	both(products+"StandardCostPerLot", "Logistics_Inventory_CurrentBalances.BaseCost")

	for _, s := range m.Sets {
		if of, base := s.Property("Quantity"), s.Property("QuantityBase"); of != nil && base != nil {
			both(declared(of), declared(base))
		}
	}

	// What is noted of each change of a document's state.
	for _, s := range m.Sets {
		child := s.Child("StateChanges")
		if child == nil {
			continue
		}
		document, change := s.Name+".", child.Set.Name+"."
		both(document+"State", change+"NewState")
		both(document+"Void", change+"Void")
		both(document+"UserStatus", change+"UserStatus")
		both(document+"VoidReason", change+"Notes")
		for _, at := range []string{"ReleaseTime", "CompleteTime", "VoidTime"} {
			made(document+at, change+"UpdateTime")
		}
	}
	for of, by := range all {
		all[of] = unique(by)
	}
	return all
}

// declared names an attribute by the set that declares it, as keys do.
func declared(p *model.Property) string { return p.Set.Name + "." + p.Name }

func unique(all []string) (once []string) {
	seen := map[string]bool{}
	for _, one := range all {
		if !seen[one] {
			once = append(once, one)
		}
		seen[one] = true
	}
	return once
}

// taken are what rows take from what they refer to, by [write.Change.Take] and
// [write.Change.Follow].
var taken = []struct{ name, reference, property string }{
	{"BaseMeasurementCategory", "MeasurementUnit", "MeasurementCategory"},
	{"DocumentCurrency", "Customer", "DefaultCurrency"},
	{"DocumentCurrency", "EnterpriseCompany", "BaseCurrency"},
	{"DocumentCurrency", "ShipToCustomer", "DefaultCurrency"},
	{"EnterpriseCompany", "Customer", "EnterpriseCompany"},
	{"EnterpriseCompany", "Parent", "EnterpriseCompany"},
	{"EnterpriseCompany", "ProductGroup", "EnterpriseCompany"},
	{"LineEndDateTime", "ServiceAgreement", "EndDateTime"},
	{"LineStartDateTime", "ServiceAgreement", "StartDateTime"},
	{"LineStore", "SalesOrder", "Store"},
	{"LineStore", "ServiceActivity", "Store"},
	{"MeasurementUnit", "ProductGroup", "DefaultMeasurementUnit"},
	{"ProductDescription", "Product", "Name"},
	{"QuantityUnit", "ParentSalesOrderLine", "QuantityUnit"},
	{"QuantityUnit", "Product", "MeasurementUnit"},
	{"ReceiverPersonName", "ReceiverPerson", "PartyName"},
	{"ServiceName", "Service", "Name"},
	{"ServiceObject", "ServiceActivity", "DefaultServiceObject"},
	{"ShipFromStore", "Parent", "Store"},
	{"ToParty", "Customer", "Party"},
	{"ToParty", "Parent", "ToParty"},
}
