package webapp

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

// Sales orders, straight from the domain API with the person's user token.

const (
	setOrders    = "Crm_Sales_SalesOrders"
	setCustomers = "Crm_Sales_Customers"
	setProducts  = "General_Products_Products"

	ordersPage = 25

	orderListSelect = "DocumentNo,DocumentDate,State,Void,TotalLineAmount,Customer"
	customerExpand  = "Customer($select=Number,DisplayText)"
	orderSelect     = orderListSelect +
		",CustomerPurchaseOrderNo,RequiredDeliveryDate,DocumentNotes,VoidReason,CreationUser,ReadOnly,ObjectVersion"
	orderExpand = customerExpand + "," + statusExpand + ",Lines($select=Id,LineNo,ProductDescription,Quantity,UnitPrice,LineAmount," +
		"LineCustomDiscountPercent;$expand=Product($select=PartNumber))," + historyExpand
)

// documentStates are the states of a document in their order; they only advance.
var documentStates = []string{"New", "Adjustment", "Planned", "FirmPlanned", "Released", "Completed", "Closed"}

func stateIndex(state string) int { return slices.Index(documentStates, state) }

// openStates are those of orders that are not yet completed.
var openStates = documentStates[:stateIndex("Completed")]

type erpCustomer struct {
	ID                  string `json:"@odata.id"`
	Number, DisplayText string
}

type erpLine struct {
	ID                        string `json:"Id"`
	LineNo                    int
	ProductDescription        client.Text
	Quantity                  client.Quantity
	UnitPrice, LineAmount     *client.Amount
	LineCustomDiscountPercent json.Number
	QuantityBase              client.Quantity
	Product                   struct {
		PartNumber          string
		StandardPricePerLot *client.Amount
		StandardLotSizeBase client.Quantity
	}
}

// erpStateChange is what became of an order.
type erpStateChange struct {
	NewState, UpdateUser  string
	UpdateTime            time.Time
	SystemInitiated, Void bool
	Notes                 *string
	UserStatus            *erpStatus
}

// erpOrder is a sales order as the API tells it.
type erpOrder struct {
	ID                      string `json:"@odata.id"`
	DocumentNo              string
	DocumentDate            string
	State                   string
	Void                    bool
	ReadOnly                bool
	VoidReason              *string
	CustomerPurchaseOrderNo *string
	RequiredDeliveryDate    *string
	DocumentNotes           *string
	CreationUser            string
	ObjectVersion           int64
	TotalLineAmount         *client.Amount
	Customer                erpCustomer
	UserStatus              *erpStatus
	Lines                   []erpLine
	StateChanges            []erpStateChange
}

// order is a sales order as the pages show it.
type order struct {
	ID         string
	Number     string
	Date       string
	State      string
	Customer   string
	CustomerID string
	Creator    string
	Reference  string
	Required   string
	Notes      string
	VoidReason string
	Void       bool
	ReadOnly   bool
	Version    int64
	Total      *client.Amount
	Status     *orderStatus
	History    []erpStateChange
	Lines      []orderLine
}

type orderLine struct {
	ID, ProductNo, Description string
	Quantity                   client.Quantity
	UnitPrice, Amount          *client.Amount
	Discount                   json.Number
}

// totals reports whether a list has a column of what its orders come to, which may be
// hidden from the person.
func totals(rows []order) bool {
	return len(rows) == 0 || slices.ContainsFunc(rows, func(o order) bool { return o.Total != nil })
}

func (o *erpOrder) view() order {
	v := order{
		ID:         idOf(o.ID),
		Number:     o.DocumentNo,
		Date:       o.DocumentDate,
		State:      o.State,
		Customer:   o.Customer.DisplayText,
		CustomerID: idOf(o.Customer.ID),
		Creator:    o.CreationUser,
		Reference:  text(o.CustomerPurchaseOrderNo),
		Required:   dateOnly(text(o.RequiredDeliveryDate)),
		Notes:      text(o.DocumentNotes),
		VoidReason: text(o.VoidReason),
		Void:       o.Void,
		ReadOnly:   o.ReadOnly,
		Version:    o.ObjectVersion,
		Total:      o.TotalLineAmount,
		Status:     statusOf(o.UserStatus),
		History:    o.StateChanges,
	}
	slices.SortStableFunc(o.Lines, func(a, b erpLine) int { return a.LineNo - b.LineNo })
	for _, l := range o.Lines {
		v.Lines = append(v.Lines, orderLine{
			ID:          l.ID,
			ProductNo:   l.Product.PartNumber,
			Description: l.ProductDescription.In("EN"),
			Quantity:    l.Quantity,
			UnitPrice:   l.UnitPrice,
			Amount:      l.LineAmount,
			Discount:    l.LineCustomDiscountPercent,
		})
	}
	return v
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// dateOnly is the day of a date or time of the API.
func dateOnly(s string) string {
	if len(s) > 10 {
		return s[:10]
	}
	return s
}

// idOf is the GUID in an id of the API, "Set(guid)"; empty if there is none.
func idOf(odataID string) string {
	_, rest, _ := strings.Cut(odataID, "(")
	id, _, ok := strings.Cut(rest, ")")
	if !ok || !guid.MatchString(id) {
		return ""
	}
	return id
}

// readOrder reads one order with its lines.
func (v *visit) readOrder() (order, error) {
	id, err := v.entity()
	if err != nil {
		return order{}, err
	}
	return v.orderByID(id)
}

func (v *visit) orderByID(id string) (order, error) {
	o, err := client.Get[erpOrder](v.ctx(), v.api(), client.Ref(setOrders, id), client.Query{Select: orderSelect, Expand: orderExpand, SkipHidden: true})
	if err != nil {
		return order{}, err
	}
	if o.ID == "" {
		o.ID = client.Ref(setOrders, id)
	}
	return o.view(), nil
}

// editable: from Released on an order is read-only.
func (o *order) editable() bool {
	return !o.Void && !o.ReadOnly && stateIndex(o.State) < stateIndex("Released")
}

var savedTexts = map[string]string{
	"created": "The order was created.",
	"changed": "Your changes were saved.",
	"state":   "The order has a new state.",
	"decided": "Your decision was saved.",
}

// orderData is the page of an order.
type orderData struct {
	Order    order
	Saved    string
	Editable bool
	// Next are the states that the person may give it. Why is the rule by which it is
	// not released; Decide says that the person may decide about its approval.
	Next    []string
	Why     string
	Decide  bool
	History []happening
	// Print is the view for paper.
	Print bool
}

func (a *App) printOrder(v *visit) error {
	o, err := v.readOrder()
	if err != nil {
		return err
	}
	return v.showPage(http.StatusOK, "order", page{Title: "Order " + o.Number, Paper: true, D: orderData{Order: o, Print: true}})
}

func (a *App) order(v *visit) error {
	o, err := v.readOrder()
	if err != nil {
		return err
	}
	d := orderData{Order: o, Saved: savedTexts[v.r.URL.Query().Get("saved")]}
	if v.session.Scope().Has(tandem.ScopeUpdate) && !o.Void {
		may, err := v.allowances(o.ID)
		if err != nil {
			return err
		}
		d.Editable, d.Next, d.Why, d.Decide = may.Edit.Allowed, may.states(), may.why("Released"), may.decides()
		if d.Decide {
			d.Why = "" // there they are told
		}
	}
	d.History = historyOf(o.History)
	return v.show(http.StatusOK, "order", "Order "+o.Number, d)
}

// askState asks before a state is changed: states only advance.
func (v *visit) askState(id, state string) (asked bool, err error) {
	q := question{
		Heading: "Make the order " + strings.ToLower(apart(state)) + "?", Button: "Yes, make it " + strings.ToLower(apart(state)),
		Text:   "The state of an order only advances: this cannot be taken back.",
		Action: "/orders/" + id + "/state", Back: "/orders/" + id, Fields: map[string]string{"state": state},
	}
	if stateIndex(state) >= stateIndex("Released") {
		q.Text += " From Released on the order can no longer be edited."
	}
	return v.ask(q)
}

func (a *App) changeState(v *visit) error {
	id, err := v.entity()
	if err != nil {
		return err
	}
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	state := v.r.PostForm.Get("state")
	if stateIndex(state) < 0 {
		return tandem.Errorf(tandem.CodeInvalid, "Choose the new state from the list.")
	}
	if asked, err := v.askState(id, state); asked || err != nil {
		return err
	}
	err = v.api().Action(v.ctx(), client.Ref(setOrders, id), "ChangeState", map[string]string{"newState": state}, nil)
	var refused *client.APIError
	switch {
	case errors.As(err, &refused) && refused.Type == permissionDenied:
		return forbidden("You may not make this order " + strings.ToLower(apart(state)) + ". Somebody with that right has to: ask a manager.")
	case errors.As(err, &refused) && refused.Status == http.StatusUnprocessableEntity:
		return tandem.Errorf(tandem.CodeRule, "%s", inWords(refused.Message))
	case err != nil:
		return err
	}
	a.dashboard.drop(v.kpiKey())
	return v.redirect("/orders/" + id + "?saved=state")
}
