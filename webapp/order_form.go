package webapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

const (
	// maxLines is the most lines of one form.
	maxLines = 200
	// moreLines are the empty lines that a new form has, and that "Add lines" adds.
	moreLines = 3
	// maxChoices bounds what a typed customer or product may mean.
	maxChoices = 10
)

// orderForm is the form of a new or changed order, as typed.
type orderForm struct {
	ID, Number, Action         string
	Version, Was               string
	CustomerText, CustomerID   string
	CustomerChoices            []choice
	Reference, Required, Notes string
	Lines                      []formLine
	// Fault is shown at the top, and Faults at their fields, by its name. Conflict
	// says what somebody else changed, and is not nil when somebody did.
	Fault    string
	Faults   map[string]string
	Conflict []change
	// Kept says that the form came when its person was not signed in any more.
	Kept bool

	who reader
}

type formLine struct {
	ID                        string // empty for a new line
	Product, ProductID        string
	Quantity, Price, Discount string
	Remove                    bool
	Faults                    map[string]string // by field
	Choices                   []choice

	product *erpProduct
}

func (l *formLine) empty() bool {
	return l.ID == "" && l.Product == "" && l.ProductID == "" && l.Quantity == "" && l.Price == "" && l.Discount == ""
}

// choice is a customer or product to choose.
type choice struct{ ID, Text string }

// change is a field that somebody else changed while the form was open.
type change struct{ Name, Was, Now, Mine string }

type erpProduct struct {
	ID                  string `json:"@odata.id"`
	PartNumber          string
	Name                client.Text
	StandardPricePerLot *client.Amount
}

func (f *orderForm) addLines() {
	for range moreLines {
		if len(f.Lines) < maxLines {
			f.Lines = append(f.Lines, formLine{})
		}
	}
}

// readForm takes the form as it was typed.
func readForm(r *http.Request) (*orderForm, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	if len(r.PostForm["line_id"]) > maxLines {
		return nil, tooManyLines() // to leave some out would lose them
	}
	return formFrom(r.PostForm, readerOf(r)), nil
}

// formFrom is the form of the fields given.
func formFrom(p url.Values, who reader) *orderForm {
	f := &orderForm{
		who:     who,
		Version: p.Get("version"), Was: p.Get("was"),
		CustomerText: strings.TrimSpace(p.Get("customer")), CustomerID: p.Get("customer_id"),
		Reference: strings.TrimSpace(p.Get("reference")), Required: p.Get("required"),
		Notes: strings.ReplaceAll(strings.TrimSpace(p.Get("notes")), "\r\n", "\n"),
	}
	at := func(name string, i int) string {
		if i < len(p[name]) {
			return strings.TrimSpace(p[name][i])
		}
		return ""
	}
	for i := range p["line_id"] {
		l := formLine{ID: at("line_id", i), Product: at("product", i), ProductID: at("product_id", i),
			Quantity: at("quantity", i), Price: at("price", i), Discount: at("discount", i)}
		l.Remove = l.ID != "" && slices.Contains(p["remove"], l.ID)
		if l.ID == "" || guid.MatchString(l.ID) {
			f.Lines = append(f.Lines, l)
		}
	}
	return f
}

func tooManyLines() error {
	return tandem.Errorf(tandem.CodeTooLarge,
		"An order with more than %d lines cannot be entered here, and nothing was saved: split it, or import it.", maxLines)
}

// What the API keeps of a line's numbers: digits before the point, and after it.
// More would be rounded in silence.
const (
	wholeDigits                                      = 9
	quantityDecimals, priceDecimals, percentDecimals = 3, 5, 4
	maxReference, maxNotes                           = 20, 4000
)

// mayBeBoth are numbers that two people read as two.
var mayBeBoth = regexp.MustCompile(`^[1-9][0-9]{0,2}[.,][0-9]{3}$`)

// decimalFault is what is wrong with a number as it was typed; empty when it can
// be kept as it is.
func (who reader) decimalFault(typed, name, example string, decimals int) string {
	n, ok := who.numeric(typed)
	whole, fraction, _ := strings.Cut(n, ".")
	example = who.typed(example)
	switch {
	case !ok && mayBeBoth.MatchString(typed):
		return fmt.Sprintf("The %s can be read in two ways: leave out the sign between thousands, and write it like %s.", name, example)
	case !ok:
		return "The " + name + " is not a number; write it like " + example + "."
	case len(strings.TrimLeft(whole, "0")) > wholeDigits:
		return fmt.Sprintf("The %s has more than %d digits before the decimals.", name, wholeDigits)
	case len(strings.TrimRight(fraction, "0")) > decimals:
		return fmt.Sprintf("The %s has more than %d decimals, and would be rounded.", name, decimals)
	}
	return ""
}

// check looks at what needs no API, at all fields at once. It reports whether all
// is well.
func (f *orderForm) check() bool {
	f.Faults = map[string]string{}
	if f.Required != "" {
		if _, err := time.Parse(time.DateOnly, f.Required); err != nil {
			f.Faults["required"] = "This is not a date; write it as 2026-01-31."
		}
	}
	if utf8.RuneCountInString(f.Reference) > maxReference {
		f.Faults["reference"] = fmt.Sprintf("The reference has more than %d characters.", maxReference)
	}
	if utf8.RuneCountInString(f.Notes) > maxNotes {
		f.Faults["notes"] = fmt.Sprintf("The notes have more than %d characters.", maxNotes)
	}
	ok := len(f.Faults) == 0
	for i := range f.Lines {
		if l := &f.Lines[i]; !l.empty() && !l.Remove {
			ok = l.check(f.who) && ok
		}
	}
	return ok
}

func (l *formLine) check(who reader) bool {
	l.Faults = map[string]string{}
	fault := func(field, text string) {
		if text != "" {
			l.Faults[field] = text
		}
	}
	fault("quantity", who.decimalFault(l.Quantity, "quantity", "3 or 2.5", quantityDecimals))
	if n, ok := who.numeric(l.Quantity); ok && strings.Trim(n, "0.") == "" || l.Quantity == "" {
		fault("quantity", "Type a quantity greater than zero, like 3 or "+who.typed("2.5")+".")
	}
	if l.Price != "" {
		fault("price", who.decimalFault(l.Price, "price", "12.50", priceDecimals))
	}
	if l.Discount != "" {
		fault("discount", who.decimalFault(l.Discount, "discount", "5", percentDecimals))
		if n, ok := who.numeric(l.Discount); ok && len(strings.TrimLeft(strings.Split(n, ".")[0], "0")) > 3 {
			fault("discount", "The discount is not a percentage; write it like 5.")
		}
	}
	return len(l.Faults) == 0
}

// settle does what the pressed button asks for, and checks the form and finds
// what it names before it is saved. A status other than 0 says that the form
// must be shown again.
func (f *orderForm) settle(v *visit, customer bool) (status int, err error) {
	if v.r.PostForm.Get("do") == "add" {
		f.addLines()
		return http.StatusOK, nil
	}
	valid := f.check()
	found, err := f.resolve(v, customer)
	if err != nil || valid && found {
		return 0, err
	}
	if f.Fault == "" {
		f.Fault = "Please look at the marked fields."
	}
	return http.StatusUnprocessableEntity, nil
}

// resolve finds the customer and the products that were typed, and leaves
// choices where a text means several.
func (f *orderForm) resolve(v *visit, customer bool) (ok bool, err error) {
	ok = true
	if customer {
		f.CustomerChoices = nil
		if !guid.MatchString(f.CustomerID) {
			found, err := v.findCustomers(f.CustomerText)
			if err != nil {
				return false, err
			}
			if len(found) == 1 {
				f.CustomerID = found[0].ID
			} else {
				f.CustomerID, f.CustomerChoices, ok = "", found, false
				f.Faults["customer"] = ambiguous("customer", f.CustomerText, len(found))
			}
		}
	}
	known := map[string][]erpProduct{}
	for i := range f.Lines {
		l := &f.Lines[i]
		if l.ID != "" || l.empty() {
			continue
		}
		key := l.Product + "|" + l.ProductID
		found, seen := known[key]
		if !seen {
			if found, err = v.findProducts(l.Product, l.ProductID); err != nil {
				return false, err
			}
			known[key] = found
		}
		if len(found) == 1 {
			l.product = &found[0]
			continue
		}
		ok, l.ProductID, l.Choices = false, "", nil
		for _, p := range found {
			l.Choices = append(l.Choices, choice{idOf(p.ID), p.label()})
		}
		l.Faults["product"] = ambiguous("product", l.Product, len(found))
	}
	return ok, nil
}

func ambiguous(what, typed string, found int) string {
	switch {
	case typed == "":
		return "Choose a " + what + "."
	case found == 0:
		return "No " + what + " matches “" + typed + "”."
	}
	return "Several match “" + typed + "”. Which one?"
}

// numberIn is the number in what a list suggested, "NUMBER · Name", or the
// whole text.
func numberIn(typed string) string {
	before, _, _ := strings.Cut(typed, " · ")
	return strings.TrimSpace(before)
}

func (c *erpCustomer) label() string { return c.Number + " · " + c.DisplayText }
func (p *erpProduct) label() string  { return p.PartNumber + " · " + p.Name.In("EN") }

// findCustomers finds by number, else by number or name.
func (v *visit) findCustomers(typed string) ([]choice, error) {
	if typed == "" {
		return nil, nil
	}
	q := client.Query{Select: "Number,DisplayText", Top: maxChoices, SkipHidden: true, OrderBy: "Number", Filter: "Number eq " + client.Quote(numberIn(typed))}
	page, err := client.FirstPage[erpCustomer](v.ctx(), v.api(), setCustomers, q)
	if err == nil && len(page.Value) == 0 {
		q.Filter, q.Search = "", typed
		page, err = client.FirstPage[erpCustomer](v.ctx(), v.api(), setCustomers, q)
	}
	var found []choice
	for _, c := range written(page.Value, numberIn(typed), func(c *erpCustomer) string { return c.Number }) {
		found = append(found, choice{idOf(c.ID), c.label()})
	}
	return found, err
}

const productSelect = "PartNumber,Name,StandardPricePerLot"

func (v *visit) findProducts(typed, id string) ([]erpProduct, error) {
	q := client.Query{Select: productSelect, Top: maxChoices, OrderBy: "PartNumber", SkipHidden: true}
	switch {
	case guid.MatchString(id):
		q.Filter = "Id eq " + id
	case typed == "":
		return nil, nil
	default:
		q.Filter = "PartNumber eq " + client.Quote(numberIn(typed))
	}
	page, err := client.FirstPage[erpProduct](v.ctx(), v.api(), setProducts, q)
	if err == nil && len(page.Value) == 0 && typed != "" {
		q.Filter, q.Search = "", typed
		page, err = client.FirstPage[erpProduct](v.ctx(), v.api(), setProducts, q)
	}
	return written(page.Value, numberIn(typed), func(p *erpProduct) string { return p.PartNumber }), err
}

// written is the one of those found whose number is written just like that, where
// there is one: a1 and A1 are two.
func written[E any](found []E, number string, of func(*E) string) []E {
	for i := range found {
		if of(&found[i]) == number {
			return found[i : i+1]
		}
	}
	return found
}

// pick suggests customers or products while one types.
func (a *App) pick(v *visit) error {
	typed := v.query("q", 100)
	texts := []string{}
	q := client.Query{Top: 12, Search: typed, SkipHidden: true}
	switch v.r.PathValue("what") {
	case "customers":
		q.Select, q.OrderBy = "Number,DisplayText", "Number"
		page, err := client.FirstPage[erpCustomer](v.ctx(), v.api(), setCustomers, q)
		if err != nil {
			return err
		}
		for _, c := range page.Value {
			texts = append(texts, c.label())
		}
	case "products":
		q.Select, q.OrderBy, q.Filter = productSelect, "PartNumber", "Active eq true"
		page, err := client.FirstPage[erpProduct](v.ctx(), v.api(), setProducts, q)
		if err != nil {
			return err
		}
		for _, p := range page.Value {
			texts = append(texts, p.label())
		}
	default:
		return notFound("There is no such list.")
	}
	v.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(v.w).Encode(texts)
}

func (a *App) newOrder(v *visit) error {
	if !v.may(setOrders).Create {
		return forbidden("Your account may not enter orders. An administrator can put it into a group that may.")
	}
	f := &orderForm{Action: "/orders/new", CustomerText: v.query("customer", 100), who: readerOf(v.r)}
	f.addLines()
	return v.show(http.StatusOK, "order_form", "New order", f)
}

func (a *App) createOrder(v *visit) error {
	f, err := readForm(v.r)
	if err != nil {
		return err
	}
	f.Action = "/orders/new"
	again := func(status int) error { return v.show(status, "order_form", "New order", f) }
	status, err := f.settle(v, true)
	if status != 0 {
		return again(status)
	}
	var created erpOrder
	if err == nil {
		b := f.body()
		b.Customer = map[string]any{"@odata.id": client.Ref(setCustomers, f.CustomerID)}
		created, err = client.Create[erpOrder](v.ctx(), v.api(), setOrders, b)
	}
	if err != nil {
		return a.orderFault(v, f, err, again)
	}
	a.dashboard.drop(v.kpiKey())
	return v.redirect((&url.URL{Path: "/orders/" + idOf(created.ID), RawQuery: "saved=created"}).String())
}

// orderFault shows the form again with what went wrong.
func (a *App) orderFault(v *visit, f *orderForm, err error, again func(status int) error) error {
	message, status, ok := a.formFault(v, err)
	if !ok {
		return err
	}
	f.Fault = message
	var refused *client.APIError
	if errors.As(err, &refused) && refused.Type == permissionDenied {
		f.Fault = f.notYours(refused.Message)
	}
	return again(status)
}

// notYours says in plain words what the person may not do with an order.
func (f *orderForm) notYours(message string) string {
	priced := func(l formLine) bool { return l.Price != "" }
	if strings.Contains(message, "UnitPrice") && !slices.ContainsFunc(f.Lines, priced) { // it is the list's that was sent
		return "You may not see prices, so you cannot add a line. Ask somebody who may."
	}
	for _, told := range []struct{ attribute, words string }{
		{"Discount", "You may not give a discount: leave it empty, or ask somebody who may."},
		{"UnitPrice", "You may not give another price than the list's: leave it empty, or ask somebody who may."},
		{"LineAmount", "You may not give another price than the list's: leave it empty, or ask somebody who may."},
	} {
		if strings.Contains(message, told.attribute) {
			return told.words
		}
	}
	return "You may not write orders like this one. Ask somebody who may, or an administrator."
}
