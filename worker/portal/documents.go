package portal

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
)

// Kind is what the portal shows: orders, invoices, shipments or tickets.
type Kind struct {
	set, word string
	// role is the least that sees any of them.
	role internalapi.PortalRole
	// head and list are the fields of a list, and what is expanded in it. one are those of
	// a document besides, and expand what is expanded there.
	head, list, one, expand string
	// toParty says that a document names the party of a customer, and not the customer.
	toParty bool
	// present tells what only such documents have; nil where there is nothing.
	present func(*erpDocument, *internalapi.PortalDocument)
}

// reference is the attribute that says whose a document is.
func (k Kind) reference() string {
	if k.toParty {
		return "ToParty"
	}
	return "Customer"
}

// owner is how a customer is named by that.
func (k Kind) owner(c internalapi.PortalCustomer) string {
	if k.toParty {
		return c.Party
	}
	return client.Ref(setCustomers, c.ID)
}

var (
	// Orders are sales orders, Invoices invoices.
	Orders = Kind{
		set: "Crm_Sales_SalesOrders", word: "orders", role: internalapi.RoleOrders, list: expandCustomer, expand: expandCustomer + "," + expandLines,
		head: "Id,DocumentNo,DocumentDate,State,Void,CustomerPurchaseOrderNo,TotalLineAmount",
	}
	Invoices = Kind{
		set: "Crm_Invoicing_Invoices", word: "invoices", role: internalapi.RoleBilling, list: expandCustomer, expand: expandCustomer + "," + expandLines, one: ",ObjectVersion",
		head: "Id,DocumentNo,DocumentDate,State,Void,PaymentDueDate,AmountToPay",
	}
)

const (
	expandCustomer = "Customer($select=Id)"
	expandLines    = "Lines($select=LineNo,ProductDescription,Quantity,UnitPrice,LineAmount,LineCustomDiscountPercent;" +
		"$expand=Product($select=PartNumber);$orderby=LineNo)"
	// maxDepth is how far the list of a person with several windows can be
	// paged: its parts are merged here.
	maxDepth = 1000
)

type erpDocument struct {
	ID                      string `json:"Id"`
	DocumentNo              string
	DocumentDate            time.Time
	State                   string
	Void                    bool
	CustomerPurchaseOrderNo string
	PaymentDueDate          *time.Time
	TotalLineAmount         *client.Amount
	AmountToPay             *client.Amount
	Customer                *struct {
		ID string `json:"Id"`
	}
	ObjectVersion int64
	Lines         []erpLine
	erpShipment
	erpTicket
}

type erpLine struct {
	LineNo                    int
	ProductDescription        client.Text
	Quantity                  client.Quantity
	UnitPrice                 client.Amount
	LineAmount                client.Amount
	LineCustomDiscountPercent json.Number
	Product                   *struct{ PartNumber string }
	ParentSalesOrderLine      *struct {
		ProductDescription client.Text
		Product            *struct{ PartNumber string }
	}
	erpTicketLine
}

// allowed are the companies whose documents of the kind the person may see.
func (o *Portal) allowed(ctx context.Context, p client.IDToken, kind Kind) (map[string]internalapi.PortalCustomer, error) {
	all, err := o.Customers(ctx, p)
	if err != nil {
		return nil, err
	}
	allowed := map[string]internalapi.PortalCustomer{}
	for _, c := range all {
		if c.Active && atLeast(c.Role, kind.role) {
			allowed[c.ID] = c
		}
	}
	return allowed, nil
}

// earliest is the oldest day that the person may see; zero is no limit.
func (o *Portal) earliest(c internalapi.PortalCustomer) time.Time {
	if c.DaysBack == nil {
		return time.Time{}
	}
	now := o.today()
	return time.Date(now.Year(), now.Month(), now.Day()-max(*c.DaysBack, 0), 0, 0, 0, 0, time.UTC)
}

// listDocuments reads a page of documents. The API's filters know no "or", so
// companies with different windows are asked for apart and merged.
func (o *Portal) List(ctx context.Context, p client.IDToken, kind Kind, q internalapi.PortalQuery) (internalapi.PortalPage, error) {
	out := internalapi.PortalPage{Documents: []internalapi.PortalDocument{}}
	allowed, err := o.allowed(ctx, p, kind)
	if err != nil {
		return out, err
	}
	if len(allowed) == 0 {
		return out, tandem.Errorf(tandem.CodeForbidden, "your access does not include %s; ask your contact at the company", kind.word)
	}
	order, err := orderOf(q)
	if err != nil {
		return out, err
	}
	from, err := dayOf(q.From)
	if err != nil {
		return out, err
	}
	windows := o.windows(kind, allowed, from)
	if len(windows) > 1 && q.Skip+q.Top > maxDepth {
		return out, tandem.Errorf(tandem.CodeInvalid, "this list cannot be paged further; search by number")
	}
	var found []erpDocument
	for at, ids := range windows {
		query, err := o.query(kind, at, ids, q)
		if err != nil {
			return out, err
		}
		query.OrderBy = order.by
		if len(windows) == 1 {
			query.Skip, query.Top = q.Skip, q.Top
		} else {
			query.Top = q.Skip + q.Top
		}
		page, err := client.FirstPage[erpDocument](ctx, o.ERP, kind.set, query)
		if err != nil {
			return out, err
		}
		found = append(found, page.Value...)
		if page.Count != nil {
			out.Total += *page.Count
		}
	}
	if len(windows) > 1 {
		slices.SortFunc(found, func(a, b erpDocument) int {
			return cmp.Or(order.compare(&a, &b), strings.Compare(a.ID, b.ID))
		})
		found = found[min(q.Skip, len(found)):]
	}
	found = found[:min(q.Top, len(found))]
	for i := range found {
		if d, visible := o.present(kind, &found[i], allowed, p); visible {
			out.Documents = append(out.Documents, d)
		}
	}
	out.More = int64(q.Skip+len(found)) < out.Total
	return out, nil
}

// windows are who owns documents that the person may see, by the day from which on. A party
// that is a customer of several of our companies is in the widest window alone: it has all
// that the others have.
func (o *Portal) windows(kind Kind, allowed map[string]internalapi.PortalCustomer, from time.Time) map[time.Time][]string {
	since := map[string]time.Time{}
	for _, c := range allowed {
		at, owner := o.earliest(c), strings.ToLower(kind.owner(c))
		if from.After(at) { // one's own window is the wider one
			at = from
		}
		if had, found := since[owner]; !found || at.Before(had) {
			since[owner] = at
		}
	}
	windows := map[time.Time][]string{}
	for _, c := range allowed {
		owner := kind.owner(c)
		if at := since[strings.ToLower(owner)]; owner != "" && !slices.Contains(windows[at], owner) {
			windows[at] = append(windows[at], owner)
		}
	}
	return windows
}

func (o *Portal) query(kind Kind, earliest time.Time, owners []string, asked internalapi.PortalQuery) (client.Query, error) {
	text := asked.Search
	slices.Sort(owners)
	refs := make([]string, len(owners))
	for i, owner := range owners {
		refs[i] = client.Quote(owner)
	}
	filter := oneOf(kind.reference(), refs)
	if !earliest.IsZero() {
		filter = client.And(filter, "DocumentDate ge "+client.Date(earliest))
	}
	to, err := dayOf(asked.To)
	if err != nil {
		return client.Query{}, err
	}
	if !to.IsZero() {
		filter = client.And(filter, "DocumentDate le "+client.Date(to))
	}
	q := client.Query{Select: kind.head, Expand: kind.list, Count: true}
	switch {
	case text == "":
	case strings.ToLower(text) == strings.ToUpper(text): // no letters: the exact comparison of contains is enough
		filter = client.And(filter, "contains(DocumentNo,"+client.Quote(text)+")")
	default:
		q.Search = text // whatever the case
	}
	q.Filter = filter
	return q, nil
}

// oneOf is the condition that an attribute has one of some values.
func oneOf(attribute string, values []string) string {
	if len(values) == 1 {
		return attribute + " eq " + values[0]
	}
	return attribute + " in (" + strings.Join(values, ",") + ")"
}

// One reads a document. One that is missing, of another company, or too
// old gives the same response: nothing is told about what a person may not see.
func (o *Portal) One(ctx context.Context, p client.IDToken, kind Kind, id string) (internalapi.PortalDocument, error) {
	_, out, err := o.read(ctx, p, kind, id, kind.expand)
	return out, err
}

// read is One, with the document as the ERP has it. What is read beside it, in the same
// call, has errors of its own.
func (o *Portal) read(ctx context.Context, p client.IDToken, kind Kind, id, expand string, beside ...*client.BatchPart) (*erpDocument, internalapi.PortalDocument, error) {
	none := internalapi.PortalDocument{}
	notFound := tandem.Errorf(tandem.CodeNotFound, "there is no such document")
	id, err := guid(id)
	if err != nil {
		return nil, none, err
	}
	allowed, err := o.allowed(ctx, p, kind)
	if err != nil {
		return nil, none, err
	}
	if len(allowed) == 0 {
		return nil, none, notFound
	}
	var d erpDocument
	one := client.ReadOf(client.Ref(kind.set, id), client.Query{Select: kind.head + kind.one, Expand: expand}, &d)
	err = o.readAll(ctx, append([]*client.BatchPart{one}, beside...)...)
	if err == nil {
		err = one.Err
	}
	if tandem.ErrorCode(err) == tandem.CodeNotFound {
		return nil, none, notFound
	}
	if err != nil {
		return nil, none, err
	}
	out, visible := o.present(kind, &d, allowed, p)
	if !visible {
		return nil, none, notFound
	}
	return &d, out, nil
}

// readAll reads several things in one call; each has its own error.
func (o *Portal) readAll(ctx context.Context, parts ...*client.BatchPart) error {
	if len(parts) == 1 { // a batch of one would only be longer
		parts[0].Err = o.ERP.Do(ctx, http.MethodGet, parts[0].Read, nil, parts[0].Into)
		return nil
	}
	return o.ERP.Batch(ctx, true, parts...)
}

// ownerOf is the company that lets the person see a document.
func (o *Portal) ownerOf(kind Kind, d *erpDocument, allowed map[string]internalapi.PortalCustomer) (internalapi.PortalCustomer, bool) {
	if !kind.toParty {
		if d.Customer == nil {
			return internalapi.PortalCustomer{}, false
		}
		c, found := allowed[strings.ToLower(d.Customer.ID)]
		return c, found && !d.DocumentDate.Before(o.earliest(c))
	}
	for _, id := range slices.Sorted(maps.Keys(allowed)) { // a party may be a customer of several of our companies
		c := allowed[id]
		if d.ToParty != nil && c.Party != "" && strings.EqualFold(c.Party, d.ToParty.ID) && !d.DocumentDate.Before(o.earliest(c)) {
			return c, true
		}
	}
	return internalapi.PortalCustomer{}, false
}

// present is the one place where a document of the ERP becomes one of the
// portal. It checks again that the person may see it, and leaves out what the
// role does not include.
func (o *Portal) present(
	kind Kind, d *erpDocument, allowed map[string]internalapi.PortalCustomer, p client.IDToken,
) (internalapi.PortalDocument, bool) {
	c, found := o.ownerOf(kind, d, allowed)
	if !found {
		return internalapi.PortalDocument{}, false
	}
	out := internalapi.PortalDocument{
		ID: d.ID, Number: d.DocumentNo, Date: d.DocumentDate.UTC().Format(time.DateOnly), State: d.State, Void: d.Void,
		CustomerID: c.ID, CustomerName: c.Name, YourReference: d.CustomerPurchaseOrderNo, DueDate: day(d.PaymentDueDate),
	}
	total := d.TotalLineAmount
	if d.AmountToPay != nil {
		total = d.AmountToPay
	}
	if c.Prices && total != nil {
		out.Total = &internalapi.Amount{Value: total.Value, Currency: total.Currency}
	}
	for _, l := range d.Lines {
		line := internalapi.PortalLine{
			LineNo: l.LineNo, Description: l.ProductDescription.In(p.Locale),
			Quantity: internalapi.Quantity{Value: l.Quantity.Value, Unit: l.Quantity.Unit},
		}
		if l.Product != nil {
			line.ProductNo = l.Product.PartNumber
		}
		if l.ParentSalesOrderLine != nil {
			line.Description = l.ParentSalesOrderLine.ProductDescription.In(p.Locale)
			if l.ParentSalesOrderLine.Product != nil {
				line.ProductNo = l.ParentSalesOrderLine.Product.PartNumber
			}
		}
		if c.Prices && !kind.toParty {
			line.UnitPrice = &internalapi.Amount{Value: l.UnitPrice.Value, Currency: l.UnitPrice.Currency}
			line.Amount = &internalapi.Amount{Value: l.LineAmount.Value, Currency: l.LineAmount.Currency}
			line.DiscountPercent = l.LineCustomDiscountPercent
		}
		out.Lines = append(out.Lines, line)
	}
	if kind.present != nil {
		kind.present(d, &out)
	}
	return out, true
}

func day(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}
