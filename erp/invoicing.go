package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// Invoices and their lines.

func invoicingSets(state *model.Enum) []write.Declaration {
	reason := model.NewEnum("Crm_Invoicing_InvoiceLine_BusinessReason", "Shipment", "Payment")
	invoices := saleDocument("Crm_Invoicing_Invoices", "Crm_Invoicing_Invoice", "erp_invoices", "Crm_Invoicing_InvoiceLines", state).
		With(
			model.Date("ApplyDate").Required().From(model.FromDay).Can(ge),
			model.DateTime("PaymentDueDate"),
			model.DateTime("DeliveryDate"),
			model.Text("Notes", 254),
			model.Text("CreditNoteDescription", 254),
			model.Ref("CreditNoteOriginalInvoice", "Crm_Invoicing_Invoices"),
		).ReachedBy("Customer", roleBilling, "DocumentDate").HiddenOutside("CreationUser", "LinesUpdateUser")
	return []write.Declaration{
		asSale(invoices, prepareSale),
		stateChanges(invoices.Set, "Invoice", state),

		{
			Set: model.Part("Crm_Invoicing_InvoiceLines", "Crm_Invoicing_InvoiceLine", "erp_invoice_lines", "Invoice").
				UniqueWithin("invoice", "LineNo", "Invoice").
				ReachedWithOwner().
				Code("LineNo").
				Display("{LineNo}. {Invoice.DocumentNo} {ProductDescription:T}").Search("Invoice.DocumentNo").
				With(lineProperties("Invoice", "Crm_Invoicing_Invoices")...).
				With(
					model.OneOf("BusinessReason", reason).Required().Is(model.IntValue(0)),
					model.Ref("Product", setProducts),
					model.Ref("QuantityUnit", setUnits),
					model.Ref("SalesOrder", "Crm_Sales_SalesOrders"),
					model.Ref("ParentSalesOrderLine", "Crm_Sales_SalesOrderLines"),
				),
			Prepare: prepareLine,
			Compute: computeLine,
			Rules:   lineRules,
		},
	}
}
