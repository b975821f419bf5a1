package webapp

import (
	"context"
	"net/http"
	"strings"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/site/words"
)

// The pages of customers and partners. They hold no API token: all data comes
// from the worker, which decides by its own rules what the person in the ID
// token may see.

const (
	portalOrdersPath   = "/portal/orders/"
	portalInvoicesPath = "/portal/invoices/"

	portalShipmentsPath = "/portal/shipments/"
	portalLatest        = 5
	portalPage          = 25
)

func (a *App) portalHome(v *visit) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	d := portalData{}
	if d.Customers, err = a.worker.Customers(v.ctx(), token); err != nil {
		return err
	}
	orders, invoices := false, false
	for _, c := range d.Customers {
		orders, invoices = orders || c.Orders, invoices || c.Invoices
	}
	latest := internalapi.PortalQuery{Page: internalapi.Page{Top: portalLatest}}
	if orders {
		page, err := a.worker.Orders(v.ctx(), token, latest)
		if err != nil {
			return err
		}
		d.Orders = &documentList{page.Documents, portalOrdersPath, len(d.Customers) > 1, false, nil, false}
	}
	if invoices {
		page, err := a.worker.Invoices(v.ctx(), token, latest)
		if err != nil {
			return err
		}
		d.Invoices = &documentList{page.Documents, portalInvoicesPath, len(d.Customers) > 1, true, nil, false}
	}
	return v.show(http.StatusOK, "portal", v.language().Say("Home"), d)
}

func (a *App) portalOrders(v *visit) error {
	return a.portalList(v, v.language().Say("Orders"), portalOrdersPath, a.worker.Orders)
}

func (a *App) portalInvoices(v *visit) error {
	return a.portalList(v, v.language().Say("Invoices"), portalInvoicesPath, a.worker.Invoices)
}

// listDocuments and getDocument are what the worker offers for each kind.
type (
	listDocuments func(ctx context.Context, idToken string, q internalapi.PortalQuery) (internalapi.PortalPage, error)
	getDocument   func(ctx context.Context, idToken, id string) (internalapi.PortalDocument, error)
)

func (a *App) portalList(v *visit, heading, path string, list listDocuments) error {
	token, err := v.evidence()
	if err != nil {
		return err
	}
	l := v.language()
	heads := []sortable{by(l.Say("Number"), "number"), newestFirst(l.Say("Date"), "date"), {Text: l.Say("Company")}, {Text: l.Say("State")}}
	if path != portalShipmentsPath {
		heads = append(heads, sortable{Text: l.Say("Total"), Right: true})
	}
	order := v.sortedBy("-date", heads...)
	days := v.period()
	q := internalapi.PortalQuery{
		Page: internalapi.Page{Skip: v.skip(), Top: portalPage}, Search: v.query("q", internalapi.MaxSearch), Sort: order.Sort, From: days.From, To: days.To,
	}
	got, err := list(v.ctx(), token, q)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "portal_list", heading, struct {
		period
		Heading, Search string
		Orders          []sortChoice
		List            *documentList
		Pager           pager
	}{
		period:  days,
		Heading: heading,
		Search:  q.Search,
		Orders:  order.choices("", l.Say("Newest first"), "date", l.Say("Oldest first"), "number", l.Say("By number")),
		List:    &documentList{got.Documents, path, true, path == portalInvoicesPath, order.Heads, path == portalShipmentsPath},
		Pager:   newPager(v.r.URL, q.Skip, len(got.Documents), portalPage, got.Total, got.More),
	})
}

func (a *App) portalOrder(v *visit) error {
	return a.portalDocument(v, words.T("Order %s"), words.T("Orders"), portalOrdersPath, a.worker.Order)
}

func (a *App) portalInvoice(v *visit) error {
	if id, file := strings.CutSuffix(v.r.PathValue("id"), ".pdf"); file {
		v.r.SetPathValue("id", id)
		return a.portalInvoicePDF(v)
	}
	return a.portalDocument(v, words.T("Invoice %s"), words.T("Invoices"), portalInvoicesPath, a.worker.Invoice)
}

func (a *App) portalDocument(v *visit, heading, list words.Text, path string, get getDocument) error {
	id, err := v.entity()
	if err != nil {
		return err
	}
	token, err := v.evidence()
	if err != nil {
		return err
	}
	document, err := get(v.ctx(), token, id)
	if err != nil {
		return err
	}
	l := v.language()
	heading.Args = []any{document.Number}
	return v.show(http.StatusOK, "portal_document", l.Tell(heading), struct {
		Heading, BackName, Back string
		PDF                     bool
		Document                internalapi.PortalDocument
	}{l.Tell(heading), l.Tell(list), strings.TrimSuffix(path, "/"), path == portalInvoicesPath, document})
}
