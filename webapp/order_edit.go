package webapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

// snapshot is an order as it was when its form was opened. It travels in the
// form and serves only to show what somebody else has changed.
type snapshot struct {
	Reference, Required, Notes, State string
	Lines                             map[string]lineShot
}

type lineShot struct{ Product, Quantity, Price, Discount string }

func shotOf(o order) snapshot {
	s := snapshot{o.Reference, o.Required, o.Notes, o.State, map[string]lineShot{}}
	for _, l := range o.Lines {
		s.Lines[l.ID] = lineShot{l.ProductNo + " · " + l.Description, string(l.Quantity.Value), price(l), percentNumber(l.Discount)}
	}
	return s
}

func price(l orderLine) string {
	if l.UnitPrice == nil {
		return ""
	}
	return decimals(l.UnitPrice.Value, 2)
}

// shown is the line in words of the reader.
func (l lineShot) shown(who reader) string {
	text := who.exact(json.Number(l.Quantity), 0) + " × " + who.exact(json.Number(l.Price), 2)
	if l.Discount != "" {
		text += " less " + who.typed(l.Discount) + " %"
	}
	return text
}

func formOf(o order, who reader) *orderForm {
	f := &orderForm{who: who, ID: o.ID, Number: o.Number, Action: "/orders/" + o.ID + "/edit", CustomerText: o.Customer}
	f.Reference, f.Required, f.Notes = o.Reference, o.Required, o.Notes
	for _, l := range o.Lines {
		f.Lines = append(f.Lines, formLine{ID: l.ID, Product: l.ProductNo + " · " + l.Description,
			Quantity: who.typed(decimals(l.Quantity.Value, 0)), Price: who.typed(price(l)), Discount: who.typed(percentNumber(l.Discount))})
	}
	f.opened(o)
	return f
}

// opened notes the state of the order that the form starts from.
func (f *orderForm) opened(o order) {
	f.Version = strconv.FormatInt(o.Version, 10)
	was, err := json.Marshal(shotOf(o))
	if err == nil { // texts always marshal
		f.Was = string(was)
	}
}

func (a *App) editOrder(v *visit) error {
	o, err := v.readOrder()
	if err != nil {
		return err
	}
	if !o.editable() {
		return tandem.Errorf(tandem.CodeRule, "Order %s is %s and can no longer be edited.", o.Number, apart(o.State))
	}
	if len(o.Lines) > maxLines {
		return tooManyLines()
	}
	f := formOf(o, readerOf(v.r))
	if len(f.Lines) == 0 {
		f.addLines()
	}
	return v.show(http.StatusOK, "order_form", "Edit order "+o.Number, f)
}

func (a *App) saveOrder(v *visit) error {
	id, err := v.entity()
	if err != nil {
		return err
	}
	f, err := readForm(v.r)
	if err != nil {
		return err
	}
	version, err := strconv.ParseInt(f.Version, 10, 64)
	if err != nil {
		return tandem.Errorf(tandem.CodeInvalid, "The form is incomplete: open the order again.")
	}
	f.ID, f.Action = id, "/orders/"+id+"/edit"
	again := func(status int) error {
		if o, err := v.readOrder(); err == nil {
			f.Number, f.CustomerText = o.Number, o.Customer
		}
		return v.show(status, "order_form", "Edit order "+f.Number, f)
	}
	status, err := f.settle(v, false)
	if status != 0 {
		return again(status)
	}
	if err == nil {
		b := f.body()
		b.ObjectVersion = &version
		err = client.Update(v.ctx(), v.api(), client.Ref(setOrders, id), b)
	}
	var refused *client.APIError
	if errors.As(err, &refused) && (refused.Status == http.StatusConflict || refused.Status == http.StatusPreconditionFailed) {
		return a.conflict(v, f)
	}
	if err != nil {
		return a.orderFault(v, f, err, again)
	}
	a.dashboard.drop(v.kpiKey())
	return v.redirect("/orders/" + id + "?saved=changed")
}

// conflict shows the form with everything that was typed, and what somebody
// else changed since it was opened. Saving it again is a decision for it.
func (a *App) conflict(v *visit, f *orderForm) error {
	now, err := v.readOrder()
	if err != nil {
		return err
	}
	f.Number, f.CustomerText = now.Number, now.Customer
	if !now.editable() {
		f.Fault = fmt.Sprintf("Meanwhile somebody made the order %s: it can no longer be edited.", apart(now.State))
	}
	var was snapshot
	// A form that was tampered with only shows its owner a wrong comparison.
	_ = json.Unmarshal([]byte(f.Was), &was)
	f.Conflict = f.changes(was, shotOf(now))
	// Lines that are gone cannot be updated: what was typed for them becomes a
	// new line; lines that are new appear, so that saving does not hide them.
	f.follow(now)
	f.opened(now)
	return v.show(http.StatusConflict, "order_form", "Edit order "+f.Number, f)
}

func (f *orderForm) changes(was, now snapshot) []change {
	list := []change{} // not nil: a conflict without a visible change is one, too
	add := func(name, was, now, mine string) {
		if was != now {
			list = append(list, change{name, was, now, mine})
		}
	}
	add("Customer’s reference", was.Reference, now.Reference, f.Reference)
	add("Wanted by", was.Required, now.Required, f.Required)
	add("Notes", was.Notes, now.Notes, f.Notes)
	add("State", apart(was.State), apart(now.State), "")
	typed := map[string]formLine{}
	for _, l := range f.Lines {
		typed[l.ID] = l
	}
	for id, old := range was.Lines {
		mine := "removed"
		if l, ok := typed[id]; ok && !l.Remove {
			mine = f.shotOf(l).shown(f.who)
		}
		if current, ok := now.Lines[id]; ok {
			add(old.Product, old.shown(f.who), current.shown(f.who), mine)
		} else {
			add(old.Product, old.shown(f.who), "removed", mine)
		}
	}
	for id, l := range now.Lines {
		if _, ok := was.Lines[id]; !ok {
			add(l.Product, "not there", l.shown(f.who), "not there")
		}
	}
	return list
}

// shotOf is a line as it was typed, in numbers of the API.
func (f *orderForm) shotOf(l formLine) lineShot {
	quantity, _ := f.who.numeric(l.Quantity)
	price, _ := f.who.numeric(l.Price)
	discount, _ := f.who.numeric(l.Discount)
	return lineShot{Quantity: quantity, Price: price, Discount: discount}
}

func (f *orderForm) follow(now order) {
	have := map[string]bool{}
	for _, l := range now.Lines {
		have[l.ID] = true
	}
	var lines []formLine
	typed := map[string]bool{}
	for _, l := range f.Lines {
		typed[l.ID] = true
		if l.ID != "" && !have[l.ID] {
			if l.Remove {
				continue
			}
			l.ID = ""
		}
		lines = append(lines, l)
	}
	for _, l := range formOf(now, f.who).Lines {
		if !typed[l.ID] {
			lines = append(lines, l)
		}
	}
	f.Lines = lines
}
