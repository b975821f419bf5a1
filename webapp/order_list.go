package webapp

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem/client"
)

// Values of the filter of the list beside the states themselves.
const (
	openOrders  = "open"  // not completed, not void
	validOrders = "valid" // not void
	voidOrders  = "void"
)

// listing is what the list of orders shows, as the address says it.
type listing struct {
	Search, State, From, To, Sort string
	// Customer is the id of the one whose orders are listed; empty for all.
	Customer string
}

// sorts are the orders of the list, by the word in the address.
var sorts = map[string]string{
	"":        "DocumentDate desc,DocumentNo desc",
	"oldest":  "DocumentDate,DocumentNo",
	"number":  "DocumentNo",
	"-number": "DocumentNo desc",
	"wanted":  "RequiredDeliveryDate,DocumentDate",
}

func (v *visit) listing() listing {
	q := v.r.URL.Query()
	l := listing{Search: v.query("q", 100), State: q.Get("state"), Sort: q.Get("sort"), Customer: q.Get("customer")}
	l.From, l.To = dayOf(q.Get("from")), dayOf(q.Get("to"))
	if l.where() == "" {
		l.State = ""
	}
	if _, known := sorts[l.Sort]; !known {
		l.Sort = ""
	}
	if !guid.MatchString(l.Customer) {
		l.Customer = ""
	}
	return l
}

// dayOf is the text if it is a day, else nothing.
func dayOf(text string) string {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return ""
	}
	return text
}

// where is the filter of the state; empty for all states and for none.
func (l listing) where() string {
	const valid = "Void eq false"
	switch {
	case l.State == openOrders:
		return "State in (" + quoted(openStates) + ") and " + valid
	case l.State == validOrders:
		return valid
	case l.State == voidOrders:
		return "Void eq true"
	case stateIndex(l.State) >= 0:
		return "State eq " + client.Quote(l.State) + " and " + valid
	}
	return ""
}

func quoted(list []string) string {
	texts := make([]string, len(list))
	for i, text := range list {
		texts[i] = client.Quote(text)
	}
	return strings.Join(texts, ",")
}

func (l listing) filter() string {
	conditions := []string{l.where()}
	if l.From != "" {
		conditions = append(conditions, "DocumentDate ge "+l.From)
	}
	if l.To != "" {
		conditions = append(conditions, "DocumentDate le "+l.To)
	}
	if l.Customer != "" {
		conditions = append(conditions, "Customer eq "+client.Quote(client.Ref(setCustomers, l.Customer)))
	}
	return client.And(conditions...)
}

// Narrowed says that the list does not show all.
func (l listing) Narrowed() bool { return l != listing{Sort: l.Sort} }

type ordersData struct {
	listing
	Hint   string
	States []string
	Heads  []columnHead
	Orders []sortChoice
	Rows   []order
	Pager  pager
}

// orders lists and searches: the API's $search finds orders by their number, their
// customer and what the customer calls them.
func (a *App) orders(v *visit) error {
	d := ordersData{listing: v.listing(), States: documentStates}
	order := v.sortedBy("newest", by("Order", "number"), sortable{Text: "Date", Up: "oldest", Down: "newest", First: "newest"},
		sortable{Text: "Customer"}, sortable{Text: "State"}, sortable{Text: "Total", Right: true}, sortable{Up: "wanted"})
	d.Heads = order.Heads
	d.Orders = sorting{Sort: d.Sort}.choices("", "Newest first", "oldest", "Oldest first", "number", "By number", "wanted", "Wanted first")
	q := client.Query{
		Select: orderListSelect, Expand: customerExpand, OrderBy: sorts[d.Sort],
		Search: d.Search, Filter: d.filter(), Top: ordersPage, Skip: v.skip(), Count: true,
		SkipHidden: true,
	}
	found, err := client.FirstPage[erpOrder](v.ctx(), v.api(), setOrders, q)
	if err != nil {
		return err
	}
	for _, o := range found.Value {
		d.Rows = append(d.Rows, o.view())
	}
	if !totals(d.Rows) {
		d.Heads = slices.DeleteFunc(d.Heads, func(h columnHead) bool { return h.Text == "Total" })
	}
	if d.Customer != "" && len(d.Rows) > 0 {
		d.Hint = "Orders of " + d.Rows[0].Customer
	}
	total := int64(0)
	if found.Count != nil {
		total = *found.Count
	}
	d.Pager = newPager(v.r.URL, q.Skip, len(d.Rows), ordersPage, total, found.NextLink != "" || int64(q.Skip+len(d.Rows)) < total)
	return v.show(http.StatusOK, "orders", "Sales orders", d)
}
