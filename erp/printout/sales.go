package printout

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

const (
	setInvoices = "Crm_Invoicing_Invoices"
	setOrders   = "Crm_Sales_SalesOrders"
)

// expandLines reads the lines of what is sold.
const expandLines = "Lines($select=LineNo,ProductDescription,Quantity,UnitPrice,LineAmount,LineCustomDiscountPercent,LineStandardDiscountPercent,Notes;" +
	"$expand=Product($select=PartNumber);$orderby=LineNo)"

// sale is what is read of an order or an invoice.
type sale struct {
	base
	TotalLineAmount, AmountToPay                       *amount
	PaymentDueDate, DeliveryDate, RequiredDeliveryDate *time.Time
	ReferenceDocumentNo, CustomerPurchaseOrderNo       string
	Notes, CreditNoteDescription                       string
	CreditNoteOriginalInvoice                          *struct{ DocumentNo string }
	Lines                                              []saleLine
}

type saleLine struct {
	LineNo                                                 int
	ProductDescription                                     text
	Quantity                                               quantity
	UnitPrice, LineAmount                                  *amount
	LineCustomDiscountPercent, LineStandardDiscountPercent json.Number
	Notes                                                  string
	Product                                                *struct{ PartNumber string }
}

// invoice prints an invoice, or a credit note for one.
func invoice(ctx context.Context, p *printer) (*document, error) {
	var s sale
	if err := p.readSale(ctx, &s, "ReferenceDocumentNo,PaymentDueDate,DeliveryDate,Notes,CreditNoteDescription", "CreditNoteOriginalInvoice($select=DocumentNo)"); err != nil {
		return nil, err
	}
	title := p.Say("Invoice")
	if s.CreditNoteOriginalInvoice != nil {
		title = p.Say("Credit note")
	}
	d, err := p.sold(ctx, title, &s)
	if err != nil {
		return nil, err
	}
	d.Facts = add(d.Facts, p.Say("Order no."), s.ReferenceDocumentNo)
	if s.CreditNoteOriginalInvoice != nil {
		d.Facts = add(d.Facts, p.Say("For invoice"), s.CreditNoteOriginalInvoice.DocumentNo)
	}
	d.Facts = add(d.Facts, p.Say("Delivered on"), p.day(s.DeliveryDate))
	d.Facts = add(d.Facts, p.Say("Payable by"), p.day(s.PaymentDueDate))
	d.Notes = add(add(d.Notes, "", s.CreditNoteDescription), "", s.Notes)
	return d, nil
}

// order prints a sales order.
func order(ctx context.Context, p *printer) (*document, error) {
	var s sale
	if err := p.readSale(ctx, &s, "ReferenceDocumentNo,CustomerPurchaseOrderNo,RequiredDeliveryDate,PaymentDueDate", ""); err != nil {
		return nil, err
	}
	d, err := p.sold(ctx, p.Say("Sales order"), &s)
	if err != nil {
		return nil, err
	}
	d.Facts = add(d.Facts, p.Say("Your order no."), s.CustomerPurchaseOrderNo)
	d.Facts = add(d.Facts, p.Say("Reference"), s.ReferenceDocumentNo)
	d.Facts = add(d.Facts, p.Say("Delivery by"), p.day(s.RequiredDeliveryDate))
	d.Facts = add(d.Facts, p.Say("Payable by"), p.day(s.PaymentDueDate))
	return d, nil
}

// readSale reads a document with its lines. One whose prices are hidden is refused.
func (p *printer) readSale(ctx context.Context, s *sale, more, expand string) error {
	options := "$select=" + selectBase + ",TotalLineAmount,AmountToPay," + more + "&$expand=" + expandBase + "," + expandLines
	if expand != "" {
		options += "," + expand
	}
	if err := p.Read(ctx, p.Set, p.ID, options, s); err != nil {
		return err
	}
	if s.TotalLineAmount == nil {
		return p.hidden("TotalLineAmount")
	}
	for i := range s.Lines {
		if s.Lines[i].UnitPrice == nil || s.Lines[i].LineAmount == nil {
			return p.hidden("TotalLineAmount")
		}
	}
	return p.tooMany(len(s.Lines))
}

// sold is the document with its lines and totals.
func (p *printer) sold(ctx context.Context, title string, s *sale) (*document, error) {
	d, err := p.head(ctx, title, &s.base)
	if err != nil {
		return nil, err
	}
	lines := table{Columns: []column{
		{p.Say("No."), 7, true}, {p.Say("Item"), 17, false}, {p.Say("Description"), 36, false}, {p.Say("Quantity"), 14, true},
		{p.Say("Price"), 15, true}, {p.Say("Discount"), 12, true}, {p.Say("Amount"), 17, true},
	}}
	discounts := false
	for i := range s.Lines {
		l := &s.Lines[i]
		row := []string{
			strconv.Itoa(l.LineNo), "", strings.TrimSpace(p.in(l.ProductDescription) + "\n" + l.Notes), p.quantity(l.Quantity), p.price(l.UnitPrice),
			p.percent(l.LineStandardDiscountPercent, l.LineCustomDiscountPercent), p.price(l.LineAmount),
		}
		if l.Product != nil {
			row[1] = l.Product.PartNumber
		}
		discounts = discounts || row[5] != ""
		lines.Rows = append(lines.Rows, row)
	}
	if !discounts {
		lines.without(5)
	}
	d.Tables = append(d.Tables, lines)
	if s.AmountToPay != nil && s.AmountToPay.Value != s.TotalLineAmount.Value {
		d.Totals = add(d.Totals, p.Say("Total"), p.money(s.TotalLineAmount))
		d.Totals = add(d.Totals, p.Say("Amount to pay"), p.money(s.AmountToPay))
		return d, nil
	}
	d.Totals = add(d.Totals, p.Say("Total"), p.money(s.TotalLineAmount))
	return d, nil
}

// without leaves out a column; the one after the item gets its width.
func (t *table) without(at int) {
	t.Columns[2].Share += t.Columns[at].Share
	t.Columns = append(t.Columns[:at:at], t.Columns[at+1:]...)
	for i, row := range t.Rows {
		t.Rows[i] = append(row[:at:at], row[at+1:]...)
	}
}
