package erp

// Invoices and their lines.

func invoicingSets(state *EnumType) []Declaration {
	reason := members("Crm_Invoicing_InvoiceLine_BusinessReason", "Shipment", "Payment")
	return []Declaration{
		asDocument(document("Crm_Invoicing_Invoices", "Crm_Invoicing_Invoice", "erp_invoices", "Crm_Invoicing_InvoiceLines", state).
			with(
				date("ApplyDate").required().from(FromDay).can(CanRange),
				datetime("PaymentDueDate"),
				datetime("DeliveryDate"),
				text("Notes", 254),
				text("CreditNoteDescription", 254),
				ref("CreditNoteOriginalInvoice", "Crm_Invoicing_Invoices"),
			), prepareDocument),

		{
			Set: part("Crm_Invoicing_InvoiceLines", "Crm_Invoicing_InvoiceLine", "erp_invoice_lines", "Invoice").
				code("LineNo").
				display("{LineNo}. {Invoice.DocumentNo} {ProductDescription:T}").search("Invoice.DocumentNo").
				with(lineProperties("Invoice", "Crm_Invoicing_Invoices")...).
				with(
					enum("BusinessReason", reason).required().is(IntValue(0)),
					ref("Product", setProducts),
					ref("QuantityUnit", setUnits),
					ref("SalesOrder", "Crm_Sales_SalesOrders"),
					ref("ParentSalesOrderLine", "Crm_Sales_SalesOrderLines"),
				),
			Prepare: prepareLine,
			Compute: computeLine,
			Rules:   lineRules,
		},
	}
}
