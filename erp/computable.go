package erp

// Computable are attributes that can be computed of others, as Set.Attribute: who may not
// see the one must not see the others.
func Computable() map[string][]string {
	const (
		orders, orderLines     = "Crm_Sales_SalesOrders.", "Crm_Sales_SalesOrderLines."
		invoices, invoiceLines = "Crm_Invoicing_Invoices.", "Crm_Invoicing_InvoiceLines."
	)
	return map[string][]string{
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
