package webapp

import (
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

// Orders to be approved. Who may do what is the ERP's to say: the pages ask it, with
// the person's own token, and offer nothing else.

const (
	setStatuses = "Systems_Documents_DocumentTypeUserStatuses"

	// approvalsPage is how many orders each list of the page shows.
	approvalsPage = 50

	statusExpand    = "UserStatus($select=Id,UserStatusName,IsExitStatus)"
	approvalExpand  = customerExpand + "," + statusExpand + ",Lines($select=LineCustomDiscountPercent)"
	comparisonLines = ",Lines($select=Id,LineNo,ProductDescription,Quantity,QuantityBase,UnitPrice,LineAmount,LineCustomDiscountPercent;" +
		"$expand=Product($select=PartNumber,StandardPricePerLot,StandardLotSizeBase))"
	historyExpand = "StateChanges($select=NewState,UpdateTime,UpdateUser,SystemInitiated,Notes,Void;$expand=UserStatus($select=UserStatusName))"
)

// permissionDenied is the type of the ERP's error for who has no right.
const permissionDenied = "PermissionDenied"

// erpStatus is a user status as the API tells it.
type erpStatus struct {
	ID             string `json:"Id"`
	UserStatusName client.Text
	IsExitStatus   bool
}

// answer says whether something is allowed, and why not.
type answer struct {
	Allowed      bool
	Type, Reason string
}

// allowances are what the person may make of a document.
type allowances struct {
	States []struct {
		State string
		answer
	}
	UserStatuses []statusAnswer
	Void, Edit   answer
}

type statusAnswer struct {
	UserStatus struct {
		ID string `json:"@odata.id"`
	}
	Name         string
	IsExitStatus bool
	answer
}

// allowances are nothing where the person may not see what state orders have.
func (v *visit) allowances(id string) (a allowances, err error) {
	err = v.api().Do(v.ctx(), http.MethodGet, client.Ref(setOrders, id)+"/GetAllowedStates()", nil, &a)
	var refused *client.APIError
	if errors.As(err, &refused) && refused.Type == permissionDenied {
		return allowances{}, nil
	}
	return a, err
}

// states are those that the order may get.
func (a *allowances) states() []string {
	var all []string
	for _, s := range a.States {
		if s.Allowed {
			all = append(all, s.State)
		}
	}
	return all
}

// decides reports whether the person may decide about the approval.
func (a *allowances) decides() bool {
	return slices.ContainsFunc(a.UserStatuses, func(s statusAnswer) bool { return s.Allowed })
}

// why is the rule, in the ERP's words, by which the order does not get a state; empty
// where it may, or the person has no right to it anyway.
func (a *allowances) why(state string) string {
	for _, s := range a.States {
		if s.State == state && !s.Allowed && s.Type != permissionDenied {
			return inWords(s.Reason)
		}
	}
	return ""
}

// inWords is a message of the ERP without the name of the set before it.
func inWords(message string) string {
	_, rest, found := strings.Cut(message, setOrders+": ")
	if !found || rest == "" {
		return message
	}
	return strings.ToUpper(rest[:1]) + rest[1:]
}

// statusOf is a status as the pages show it; nil where there is none.
func statusOf(s *erpStatus) *orderStatus {
	if s == nil {
		return nil
	}
	return &orderStatus{Name: s.UserStatusName.In("EN"), Exit: s.IsExitStatus}
}

// orderStatus is how far the approval of an order is.
type orderStatus struct {
	Name string
	Exit bool
}

// approvalsData is the page of what waits.
type approvalsData struct {
	Waiting, Approved   []approvalRow
	MoreWaiting, MoreOf bool
	// Used says that there are orders that need approval at all.
	Used bool
}

// approvalRow is an order in a list. Own says that the person has entered it.
type approvalRow struct {
	order
	Discount json.Number
	Own      bool
}

// approvals lists what waits for somebody, and what only has to be released.
func (a *App) approvals(v *visit) error {
	q := client.Query{Filter: "State eq 'FirmPlanned'", Select: "Id,UserStatusName,IsExitStatus", Top: 100} // without any of these there is no page
	statuses, err := client.FirstPage[erpStatus](v.ctx(), v.api(), setStatuses, q)
	if err != nil {
		return err
	}
	var waits, exits []string
	for _, s := range statuses.Value {
		link := client.Quote(client.Ref(setStatuses, s.ID))
		if s.IsExitStatus {
			exits = append(exits, link)
		} else {
			waits = append(waits, link)
		}
	}
	d := approvalsData{Used: len(exits) > 0}
	if d.Waiting, d.MoreWaiting, err = v.withStatus(waits); err != nil {
		return err
	}
	if d.Approved, d.MoreOf, err = v.withStatus(exits); err != nil {
		return err
	}
	return v.show(http.StatusOK, "approvals", "To approve", d)
}

// withStatus are the firm orders that have one of the statuses, oldest first.
func (v *visit) withStatus(links []string) (rows []approvalRow, more bool, err error) {
	if len(links) == 0 {
		return nil, false, nil
	}
	found, err := client.FirstPage[erpOrder](v.ctx(), v.api(), setOrders, client.Query{
		Filter: client.And("State eq 'FirmPlanned'", "Void eq false", "UserStatus in ("+strings.Join(links, ",")+")"),
		Select: orderListSelect + ",CreationUser", Expand: approvalExpand, OrderBy: "DocumentDate,DocumentNo", Top: approvalsPage, SkipHidden: true,
	})
	for _, o := range found.Value {
		rows = append(rows, approvalRow{order: o.view(), Discount: largest(o.Lines), Own: o.CreationUser == v.who.Login})
	}
	return rows, found.NextLink != "", err
}

// largest is the largest discount of an order's lines.
func largest(lines []erpLine) json.Number {
	most, text := new(big.Rat), json.Number("")
	for _, l := range lines {
		if n, ok := new(big.Rat).SetString(string(l.LineCustomDiscountPercent)); ok && n.Cmp(most) > 0 {
			most, text = n, l.LineCustomDiscountPercent
		}
	}
	return text
}

// approvalData is the page of one order to be approved.
type approvalData struct {
	Order   order
	Lines   []comparedLine
	List    *client.Amount
	Off     string
	Choices []statusChoice
	// Release says that the person may release it. Why is the rule by which they may
	// not approve or release it.
	Release    bool
	Why, Fault string
	Notes      string
	Saved      string
	History    []happening
}

// comparedLine is a line beside the price list. List is what it would cost by that, and
// Off how far from it it is; both empty where the currencies differ.
type comparedLine struct {
	orderLine
	ListPrice, List *client.Amount
	Off             string
}

// statusChoice is a status that the person may give. Reason says that they must say why.
type statusChoice struct {
	ID, Text string
	Reason   bool
}

// happening is one thing that became of an order.
type happening struct {
	At                      time.Time
	State, Status, By, Note string
	System, Void            bool
}

// approval shows an order with the price list beside it.
func (a *App) approval(v *visit) error {
	d, err := v.approvalOf("", "")
	if err != nil {
		return err
	}
	d.Saved = savedTexts[v.r.URL.Query().Get("saved")]
	return v.show(http.StatusOK, "approval", "Order "+d.Order.Number, d)
}

func (v *visit) approvalOf(notes, fault string) (d approvalData, err error) {
	id, err := v.entity()
	if err != nil {
		return d, err
	}
	o, err := client.Get[erpOrder](v.ctx(), v.api(), client.Ref(setOrders, id),
		client.Query{Select: orderSelect, Expand: customerExpand + "," + statusExpand + comparisonLines + "," + historyExpand, SkipHidden: true})
	if err != nil {
		return d, err
	}
	may, err := v.allowances(id)
	if err != nil {
		return d, err
	}
	if o.ID == "" {
		o.ID = client.Ref(setOrders, id)
	}
	d = approvalData{Order: o.view(), Notes: notes, Fault: fault, History: historyOf(o.StateChanges), Why: may.why("Released")}
	d.Lines, d.List, d.Off = readerOf(v.r).compared(&o, d.Order)
	for _, s := range may.UserStatuses {
		switch {
		case s.Allowed:
			d.Choices = append(d.Choices, choiceOf(idOf(s.UserStatus.ID), s.Name, s.IsExitStatus))
		case s.IsExitStatus && s.Type != permissionDenied:
			d.Why = inWords(s.Reason)
		}
	}
	for _, s := range may.States {
		d.Release = d.Release || s.State == "Released" && s.Allowed
	}
	if d.Release || slices.ContainsFunc(d.Choices, func(c statusChoice) bool { return !c.Reason }) {
		d.Why = ""
	}
	return d, nil
}

// verbs are what people do when they give a status of these names.
var verbs = map[string]string{"Approved": "Approve", "Refused": "Refuse"}

// choiceOf says what giving a status means; why is said of all but exit statuses.
func choiceOf(id, name string, exit bool) statusChoice {
	c := statusChoice{ID: id, Text: verbs[name], Reason: !exit}
	if c.Text == "" {
		c.Text = "Make it “" + name + "”"
	}
	return c
}

func historyOf(changes []erpStateChange) []happening {
	var all []happening
	for _, c := range changes {
		h := happening{At: c.UpdateTime, State: c.NewState, By: c.UpdateUser, Note: text(c.Notes), System: c.SystemInitiated, Void: c.Void}
		if c.UserStatus != nil {
			h.Status = c.UserStatus.UserStatusName.In("EN")
		}
		all = append(all, h)
	}
	return all
}

// compared puts the price list beside the lines of an order.
func (who reader) compared(o *erpOrder, shown order) (lines []comparedLine, list *client.Amount, off string) {
	sum, amounts, all := new(big.Rat), new(big.Rat), len(o.Lines) > 0
	for i := range o.Lines {
		l := comparedLine{orderLine: shown.Lines[i]}
		at, unit, ok := listed(&o.Lines[i])
		if ok {
			l.ListPrice, l.List = amountOf(unit, l.UnitPrice.Currency, 5), amountOf(at, l.UnitPrice.Currency, 2)
			amount := rat(l.Amount.Value)
			l.Off = who.off(amount, at)
			sum.Add(sum, at)
			amounts.Add(amounts, amount)
		}
		all = all && ok
		lines = append(lines, l)
	}
	if !all {
		return lines, nil, ""
	}
	return lines, amountOf(sum, o.TotalLineAmount.Currency, 2), who.off(amounts, sum)
}

// listed is what a line costs by the price list, in all and for one of its units.
func listed(l *erpLine) (all, unit *big.Rat, ok bool) {
	p := l.Product.StandardPricePerLot
	if p == nil || l.UnitPrice == nil || l.LineAmount == nil || p.Currency != l.UnitPrice.Currency {
		return nil, nil, false
	}
	lot, base, quantity := rat(l.Product.StandardLotSizeBase.Value), rat(l.QuantityBase.Value), rat(l.Quantity.Value)
	if lot.Sign() == 0 || quantity.Sign() == 0 {
		return nil, nil, false
	}
	all = new(big.Rat).Mul(new(big.Rat).Quo(rat(p.Value), lot), base)
	return all, new(big.Rat).Quo(all, quantity), true
}

func rat(n json.Number) *big.Rat {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return new(big.Rat)
	}
	return r
}

func amountOf(n *big.Rat, currency string, places int) *client.Amount {
	return &client.Amount{Value: json.Number(n.FloatString(places)), Currency: currency}
}

// off is how far an amount is from the one of the list: −18 %.
func (who reader) off(amount, list *big.Rat) string {
	if list.Sign() == 0 {
		return ""
	}
	part := new(big.Rat).Quo(new(big.Rat).Sub(amount, list), new(big.Rat).Abs(list))
	percent := part.Mul(part, big.NewRat(100, 1)).FloatString(1)
	sign := "+"
	if rest, negative := strings.CutPrefix(percent, "-"); negative {
		sign, percent = "−", rest
	}
	if percent = strings.TrimSuffix(percent, ".0"); percent == "0" {
		return "as listed"
	}
	return sign + who.typed(percent) + " %"
}

// maxReason is the most characters of a reason that the ERP keeps.
const maxReason = 254

// decide gives an order a user status.
func (a *App) decide(v *visit) error {
	id, err := v.entity()
	if err != nil {
		return err
	}
	status, notes := v.r.PostForm.Get("status"), strings.TrimSpace(v.r.PostForm.Get("notes"))
	again := func(fault string) error {
		d, err := v.approvalOf(notes, fault)
		if err != nil {
			return err
		}
		return v.show(http.StatusUnprocessableEntity, "approval", "Order "+d.Order.Number, d)
	}
	switch {
	case !guid.MatchString(status):
		return tandem.Errorf(tandem.CodeInvalid, "Choose what becomes of the order with one of the buttons.")
	case utf8.RuneCountInString(notes) > maxReason:
		return again("The reason has more than 254 characters.")
	case slices.Contains(v.r.PostForm["reason"], status) && notes == "":
		return again("Say why: who entered the order reads it.")
	}
	version, err := strconv.ParseInt(v.r.PostForm.Get("version"), 10, 64)
	if err != nil {
		return tandem.Errorf(tandem.CodeInvalid, "The form is incomplete: open the order again.")
	}
	args := map[string]any{"newState": v.r.PostForm.Get("state"), "userStatus": map[string]string{"@odata.id": client.Ref(setStatuses, status)}}
	if notes != "" {
		args["notes"] = notes
	}
	err = v.api().ActionAt(v.ctx(), client.Ref(setOrders, id), "ChangeState", version, args, nil)
	var refused *client.APIError
	switch {
	case errors.As(err, &refused) && refused.Type == permissionDenied:
		return again("You may not decide about orders of this kind. Somebody with that right has to.")
	case errors.As(err, &refused) && refused.Status == http.StatusPreconditionFailed:
		return again("Somebody changed the order while you looked at it. This is what it says now: look again before you decide.")
	case errors.As(err, &refused) && refused.Status == http.StatusUnprocessableEntity:
		return again(inWords(refused.Message))
	case err != nil:
		return err
	}
	return v.redirect((&url.URL{Path: "/approvals/" + id, RawQuery: "saved=decided"}).String())
}
