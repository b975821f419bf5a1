package webapp

import (
	"net/http"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
)

// home is the landing page for strangers, the key figures and latest orders
// for employees, and the portal for customers and partners.
func (a *App) home(w http.ResponseWriter, r *http.Request) {
	if client.UserSessionOf(r.Context()) == nil {
		v := a.visitOf(w, r)
		_ = v.show(http.StatusOK, "landing", "Welcome", struct{ Picture *picture }{newPicture(nil)})
		return
	}
	a.page(func(v *visit) error {
		if v.who.External() {
			return a.portalHome(v)
		}
		return a.employeeHome(v)
	}).ServeHTTP(w, r)
}

type homeData struct {
	Today string
	KPI   *kpi
	// Rows are the recent orders; Heads stay empty, as they have one order only.
	Rows  []order
	Heads []columnHead
}

// recentOrders is how many orders the home page lists.
const recentOrders = 8

func (a *App) employeeHome(v *visit) error {
	d := homeData{Today: a.clock.Now().In(readerOf(v.r).location()).Format("Monday, 2 January 2006")}
	if !v.may(setOrders).Read {
		return v.show(http.StatusOK, "home", "Home", d)
	}
	recent, err := client.FirstPage[erpOrder](v.ctx(), v.api(), setOrders, client.Query{
		Select: orderListSelect, Expand: customerExpand, OrderBy: "DocumentDate desc,DocumentNo desc", Top: recentOrders,
		SkipHidden: true,
	})
	if err != nil {
		return err
	}
	for _, o := range recent.Value {
		d.Rows = append(d.Rows, o.view())
	}
	if d.KPI, err = a.kpiOf(v); err != nil {
		return err
	}
	return v.show(http.StatusOK, "home", "Home", d)
}

type portalData struct {
	Customers        []internalapi.PortalCustomer
	Orders, Invoices *documentList
}

// documentList is a table of orders or invoices of a portal user.
type documentList struct {
	Rows []internalapi.PortalDocument
	// Path is where the documents' own pages are.
	Path string
	// Companies says that the person acts for several, so that the table names
	// each row's.
	Companies bool
	// Due says that the documents have a date to pay by.
	Due bool
	// Heads are those of a list that can be ordered.
	Heads []columnHead
	// NoTotal leaves out the amounts, which shipments have none of.
	NoTotal bool
}
