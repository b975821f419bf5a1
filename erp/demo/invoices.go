package demo

import (
	"slices"
	"strconv"
	"time"

	"github.com/hybridapps/tandem/erp"
)

const (
	setInvoices     = "Crm_Invoicing_Invoices"
	setInvoiceLines = "Crm_Invoicing_InvoiceLines"
)

// invoiced are the orders that have an invoice, in the order in which those
// were made: completed, not void, and not from before invoicing moved here.
func (m *maker) invoiced(orders []*order) []*order {
	since := m.today.AddDate(0, -InvoiceMonths, 0)
	var list []*order
	for _, o := range orders {
		if l := o.life; l.void == "" && !l.completed.IsZero() && l.completed.After(since) {
			list = append(list, o)
		}
	}
	slices.SortStableFunc(list, func(a, b *order) int { return a.life.completed.Compare(b.life.completed) })
	return list
}

// addInvoice inserts the invoice of an order.
func (m *maker) addInvoice(o *order, r row) {
	c := o.customer
	at := o.life.completed
	date := day(at)
	due := date.AddDate(0, 0, int(c.terms))
	l := life{created: at, updated: at, version: 1}
	state := int64(erp.StateReleased)
	switch late := m.today.Sub(due).Hours() / 24; {
	case late > 30 && m.chance(.97), late > 0 && m.chance(.7):
		state = erp.StateClosed
	case m.chance(.3):
		state = erp.StateCompleted
	}
	l.advance(m, state)
	m.document(r, l, c, date, o.total)
	r.ref("DocumentType", m.billType).text("ReferenceDocumentNo", o.row.Get(o.row.property("DocumentNo")).Text).
		ref("Parent", o.row.Record).time("ApplyDate", date).time("PaymentDueDate", due).time("DeliveryDate", date)
	m.insert(r, l.version, l.updated)
	m.sum.Invoices++
	for i := range o.lines {
		parent := m.row(setOrderLines, o.name+"/"+strconv.Itoa(i))
		bill := m.line(setInvoiceLines, o, i).ref("Invoice", r.Record).int("BusinessReason", 0).
			ref("SalesOrder", o.row.Record).ref("ParentSalesOrderLine", parent.Record)
		m.insert(bill, 0, time.Time{})
		m.sum.InvoiceLines++
	}
}
