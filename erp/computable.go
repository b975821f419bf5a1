package erp

// Computable are attributes that can be computed of others, as Set.Attribute: who may not
// see the one must not see the others.
func Computable() map[string][]string {
	const (
		orders, orderLines     = "Crm_Sales_SalesOrders.", "Crm_Sales_SalesOrderLines."
		invoices, invoiceLines = "Crm_Invoicing_Invoices.", "Crm_Invoicing_InvoiceLines."
	)
	// What all parties have is known by the first of their sets.
	const partyName = setCompanies + ".PartyName"
	return map[string][]string{
		// What is copied, or made of it, by whoever may read it.
		"General_Products_Products.Name":               {orderLines + "ProductDescription", invoiceLines + "ProductDescription"},
		"General_Products_ProductGroups.Code":          {"General_Products_ProductGroups.FullPath"},
		partyName:                                      {setServiceActivities + ".Subject", setServiceActivities + ".ReceiverPersonName"},
		"General_Contacts_Companies.Name":              {partyName},
		"General_Contacts_Persons.FirstName":           {partyName},
		"General_Contacts_Persons.LastName":            {partyName},
		setServices + ".Name":                          {setActivityServices + ".ServiceName"},
		orderLines + "UnitPrice":                       {orderLines + "LineAmount", orders + "TotalLineAmount"},
		orderLines + "LineAmount":                      {orderLines + "UnitPrice", orders + "TotalLineAmount"},
		orders + "TotalLineAmount":                     {orders + "AmountToPay", orderLines + "LineAmount"},
		invoiceLines + "UnitPrice":                     {invoiceLines + "LineAmount", invoices + "TotalLineAmount"},
		invoiceLines + "LineAmount":                    {invoiceLines + "UnitPrice", invoices + "TotalLineAmount"},
		invoices + "TotalLineAmount":                   {invoices + "AmountToPay", invoiceLines + "LineAmount"},
		"General_Products_Products.StandardCostPerLot": {"Logistics_Inventory_CurrentBalances.BaseCost"},
		"Logistics_Inventory_CurrentBalances.BaseCost": {"General_Products_Products.StandardCostPerLot"},
	}
}
