package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// Documents of sales: what orders and invoices have in common and other documents,
// like shipments, do not: a customer, a currency, and totals.

// saleDocument declares a document of a sale.
func saleDocument(name, typ, table, lines string, state *model.Enum) model.SetDeclaration {
	return document(name, typ, table, setSalesOrders, state).
		Child("Lines", lines).
		Search("DocumentNo", "ReferenceDocumentNo", "Customer.Party.PartyName").
		With(
			model.Amount("TotalLineAmount", 18, 2, "DocumentCurrency").Required().ReadOnly().Explicit().Is(model.IntValue(0)).Can(ge),
			model.Amount("AmountToPay", 18, 2, "DocumentCurrency").Required().ReadOnly().Explicit().Is(model.IntValue(0)),
			model.Ref("Customer", setCustomers).Required(),
			model.Ref("DocumentCurrency", setCurrencies).Required(),
		)
}

// asSale is the declaration of a document of a sale: what all of them do.
func asSale(set model.SetDeclaration, prepare func(*write.Change) error) write.Declaration {
	d := asDocument(set, prepare)
	d.Totals = func(c *write.Change) error {
		if err := saleTotals(c); err != nil {
			return err
		}
		return approve(c)
	}
	d.Compute = followCustomer
	return d
}

// prepareForCustomer fills what a new document for a customer did not get: our company
// and the party from the customer, and what all documents need.
func prepareForCustomer(c *write.Change) error {
	if !c.Has("EnterpriseCompany") {
		if err := c.Take("EnterpriseCompany", "Customer", "EnterpriseCompany"); err != nil {
			return err
		}
	}
	if err := prepareDocument(c); err != nil {
		return err
	}
	if c.Has("ToParty") {
		return nil
	}
	return c.Take("ToParty", "Customer", "Party")
}

// followCustomer keeps the party of a document that of its customer.
func followCustomer(c *write.Change) error { return c.Follow("ToParty", "Customer", "Party") }

// prepareSale fills what a new document of a sale did not get: what those for a customer
// need, and the currency from the customer or our company.
func prepareSale(c *write.Change) error {
	if err := prepareForCustomer(c); err != nil {
		return err
	}
	if !c.Has("DocumentCurrency") {
		if err := c.Take("DocumentCurrency", "Customer", "DefaultCurrency"); err != nil {
			return err
		}
	}
	if c.Has("DocumentCurrency") {
		return nil
	}
	return c.Take("DocumentCurrency", "EnterpriseCompany", "BaseCurrency")
}

// saleTotals keeps the total of an order or an invoice: the sum of its lines.
// Without taxes and prepayments the amount to pay is the total.
func saleTotals(c *write.Change) error {
	sum, err := c.SumOfChildren("Lines", "LineAmount")
	if err != nil {
		return err
	}
	c.Put("TotalLineAmount", model.IntValue(sum))
	c.Put("AmountToPay", model.IntValue(sum))
	return nil
}
