package erp

// Invoices and their lines.

func invoicingSets(state *EnumType) []Declaration {
	reason := members("Crm_Invoicing_InvoiceLine_BusinessReason", "Shipment", "Payment")
	return []Declaration{
		asDocument(document("Crm_Invoicing_Invoices", "Crm_Invoicing_Invoice", "erp_invoices", "Crm_Invoicing_InvoiceLines", state).
			With(
				Date("ApplyDate").Required().From(FromDay).Can(CanRange),
				DateTime("PaymentDueDate"),
				DateTime("DeliveryDate"),
				Text("Notes", 254),
				Text("CreditNoteDescription", 254),
				Ref("CreditNoteOriginalInvoice", "Crm_Invoicing_Invoices"),
			), prepareDocument),

		{
			Set: Part("Crm_Invoicing_InvoiceLines", "Crm_Invoicing_InvoiceLine", "erp_invoice_lines", "Invoice").
				UniqueWithin("invoice", "LineNo", "Invoice").
				Code("LineNo").
				Display("{LineNo}. {Invoice.DocumentNo} {ProductDescription:T}").Search("Invoice.DocumentNo").
				With(lineProperties("Invoice", "Crm_Invoicing_Invoices")...).
				With(
					OneOf("BusinessReason", reason).Required().Is(IntValue(0)),
					Ref("Product", setProducts),
					Ref("QuantityUnit", setUnits),
					Ref("SalesOrder", "Crm_Sales_SalesOrders"),
					Ref("ParentSalesOrderLine", "Crm_Sales_SalesOrderLines"),
				),
			Prepare: prepareLine,
			Compute: computeLine,
			Rules:   lineRules,
		},
	}
}
