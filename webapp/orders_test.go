package webapp_test

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/hybridapps/tandem/tandemtest"
)

type htmlNode = html.Node

// TestOrderIsEnteredEditedAndReleased walks the forms as a browser without
// JavaScript does.
func TestOrderIsEnteredEditedAndReleased(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	b, form := s.signIn("anna", "/orders/new")
	form.wants(t, 200, "New order")

	// What is missing or unknown is said at its field, and nothing is lost.
	bad := b.submit(form, "order-form", url.Values{"customer": {"no such customer"}, "notes": {"<b>careful</b>"}, "product": {"", "nothing like it"}, "quantity": {"", "many"}, "do": {"save"}})
	bad.wants(t, 422, "The order was not saved", "No customer matches", "<b>careful</b>")
	if strings.Contains(bad.Text, "<b>careful</b>") {
		t.Error("a note became markup")
	}
	if got := attr(byName(bad, "customer"), "value"); got != "no such customer" {
		t.Errorf("the customer typed is now %q", got)
	}
	// Every fault at its field, and all of them at once; nothing is rounded.
	faults := b.submit(form, "order-form", url.Values{"customer": {"no such customer"}, "reference": {strings.Repeat("r", 21)}, "required": {"31/12/2026"},
		"product": {"nothing like it", "an"}, "quantity": {"2.12345", "0"}, "price": {"1e3", "1.123456"}, "discount": {"5.123456", "1000"}, "do": {"save"}})
	for id, want := range map[string]string{
		"fault-customer": "No customer matches", "fault-reference": "more than 20 characters", "fault-required": "not a date",
		"fault-product0": "No product matches", "fault-quantity0": "more than 3 decimals, and would be rounded", "fault-price0": "not a number",
		"fault-discount0": "more than 4 decimals", "fault-quantity1": "greater than zero", "fault-price1": "more than 5 decimals", "fault-discount1": "not a percentage",
	} {
		if got := faults.text(id); !strings.Contains(got, want) || !strings.Contains(faults.Text, `aria-invalid="true" aria-describedby="`+id+`"`) {
			t.Errorf("%s says %q", id, got)
		}
	}
	more := b.submit(bad, "order-form", url.Values{"do": {"add"}})
	if n := strings.Count(more.Text, `name="product"`); n != 6 {
		t.Errorf("after Add lines there are %d lines", n)
	}

	// Several products match: they are offered.
	customers, products := b.json("/pick/customers?q=a"), b.json("/pick/products?q=a")
	customer, product := firstString(customers), firstString(products)
	if customer == "" || product == "" {
		t.Fatalf("nothing to pick: %s %s", customers, products)
	}
	offered := b.submit(form, "order-form", url.Values{"customer": {customer}, "product": {"a"}, "quantity": {"2"}, "do": {"save"}})
	offered.wants(t, 422, "Several match")

	saved := b.submit(form, "order-form", url.Values{"customer": {customer}, "reference": {"PO-1"}, "notes": {"call <first>"},
		"product": {product, "", product}, "quantity": {"2", "", "1,5"}, "price": {"10.50", "", "3"}, "discount": {"10", "", ""}, "do": {"save"}})
	saved.wants(t, 200, "The order was created.", "PO-1", "call <first>", "18.90", "4.50", "23.40", "10 %", "New")
	if saved.data("strip", "identity") != "anna" {
		t.Errorf("the strip says %s", saved.text("strip"))
	}
	path := saved.Request.URL.Path

	// anna and admin edit at once: the second save is told, and keeps its text.
	mine := b.open(path + "/edit")
	other, theirs := s.signIn("admin", path+"/edit")
	other.submit(theirs, "order-form", url.Values{"notes": {"theirs"}, "quantity": {"7"}, "do": {"save"}}).wants(t, 200, "Your changes were saved.", "theirs")
	conflict := b.submit(mine, "order-form", url.Values{"notes": {"mine <i>"}, "reference": {"PO-2"}, "do": {"save"}})
	conflict.wants(t, 409, "Somebody changed this order", "call <first>", "theirs", "mine <i>", "7 × 10.50")
	if got := textOf(byName(conflict, "notes")); got != "mine <i>" {
		t.Errorf("the note typed is now %q", got)
	}
	// Saving again is a decision.
	b.submit(conflict, "order-form", url.Values{"do": {"save"}}).wants(t, 200, "Your changes were saved.", "mine <i>", "PO-2")

	// Lines are removed and added, and a rule of the API is told in the form.
	edit := b.open(path + "/edit")
	line := attr(byName(edit, "line_id"), "value")
	b.submit(edit, "order-form", url.Values{"discount": {"250"}, "do": {"save"}}).wants(t, 422, "The order was not saved", "discount")
	b.submit(edit, "order-form", url.Values{"remove": {line}, "do": {"save"}}).wants(t, 200, "Your changes were saved.", "4.50")

	// A state only advances: it is asked for first, and no answer changes nothing.
	asked := b.submit(b.open(path), "state-form", url.Values{"state": {"Released"}}).wants(t, 200, "Make the order released?", "cannot be taken back")
	b.open(path+"/edit").wants(t, 200)
	released := b.submit(asked, "ask-form", nil).wants(t, 200, "new state", "Released")
	if released.byID("edit-order") != nil {
		t.Error("a released order can still be edited")
	}
	b.open(path+"/edit").wants(t, 422, "no longer be edited")
	b.post(path+"/state", url.Values{"state": {"New"}, "sure": {"yes"}}).wants(t, 422, "only advances")
	b.post(path+"/state", url.Values{"state": {"Nonsense"}}).wants(t, 400)
}

// TestNumbersThatDifferInTheirCaseAreTwo: who writes a number as it is gets that one,
// who writes it otherwise is asked.
func TestNumbersThatDifferInTheirCaseAreTwo(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	b, form := s.signIn("anna", "/orders/new")
	customer, access := firstString(b.json("/pick/customers?q=a")), s.in.SignIn("anna").Access
	_, groups := s.in.API("GET", "General_Products_ProductGroups?$top=1&$select=Code", access, "")
	_, group, _ := strings.Cut(groups, `"Code":"`)
	group, _, _ = strings.Cut(group, `"`)
	for _, number := range []string{"zz-a1", "ZZ-A1"} {
		body := `{"PartNumber":"` + number + `","Name":{"EN":"Case ` + number + `"},"Active":true,"ProductGroup":{"Code":"` + group + `"}}`
		if status, answer := s.in.API("POST", "General_Products_Products", access, body); status != 201 {
			t.Fatal(status, answer)
		}
	}
	order := func(product string) *doc {
		return b.submit(form, "order-form", url.Values{"customer": {customer}, "product": {product}, "quantity": {"2"}, "price": {"1"}, "do": {"save"}})
	}
	order("ZZ-A1").wants(t, 200, "The order was created.", "Case ZZ-A1")
	order("zz-a1 · Case zz-a1").wants(t, 200, "The order was created.", "Case zz-a1")
	order("Zz-a1").wants(t, 422, "Several match")
}

func firstString(list string) string {
	_, rest, _ := strings.Cut(list, `"`)
	first, _, _ := strings.Cut(rest, `"`)
	return first
}

// TestNumbersAreReadAsPeopleWriteThem: a wrong reading would be a wrong order,
// silently.
func TestNumbersAreReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	b, form := s.signIn("anna", "/orders/new")
	customer, product := firstString(b.json("/pick/customers?q=a")), firstString(b.json("/pick/products?q=a"))
	for typed, price := range map[string]string{
		"1.234,50": "1,234.50", "1,234.50": "1,234.50", "1 234,5": "1,234.50", "1’234.50": "1,234.50",
		"12,5": "12.50", "12.5": "12.50", "1.234": "1.234", ".5": "0.50", "1.234.567,8": "1,234,567.80", "1,234,567.8": "1,234,567.80",
		"05": "5.00", "00.50": "0.50", "00,5": "0.50", "0012,5": "12.50", "00": "0.00", "0.125": "0.125",
	} {
		saved := b.submit(form, "order-form", url.Values{"customer": {customer}, "product": {product}, "quantity": {"1"}, "price": {typed}, "do": {"save"}})
		saved.wants(t, 200, "The order was created.", "pcs"+price+" EUR")
	}
	for _, typed := range []string{"1.2,3.4", "1,2.3,4", "--1", "1e3", "12..5",
		"0,125", "00,125", "0,125,000", "0,125.5", "0.125,5", "0 125", "0’125", ".", "12 5", "1,23,456", "1.234 5", "1 23,5"} {
		b.submit(form, "order-form", url.Values{"customer": {customer}, "product": {product}, "quantity": {"1"}, "price": {typed}, "do": {"save"}}).
			wants(t, 422, "The price is not a number; write it like 12.50")
	}
	b.submit(form, "order-form", url.Values{"customer": {customer}, "product": {product}, "quantity": {"1"}, "price": {"1,234"}, "do": {"save"}}).
		wants(t, 422, "The price can be read in two ways: leave out the sign between thousands, and write it like 12.50.")
	// The other numbers of a line are read alike.
	saved := b.submit(form, "order-form", url.Values{"customer": {customer}, "product": {product}, "quantity": {"02.50"}, "price": {"10"}, "discount": {"05"}, "do": {"save"}})
	saved.wants(t, 200, "The order was created.", "23.75 EUR")
	b.submit(form, "order-form", url.Values{"customer": {customer}, "product": {product}, "quantity": {"0,125"}, "discount": {"0,125"}, "do": {"save"}}).
		wants(t, 422, "The quantity is not a number; write it like 3 or 2.5", "The discount is not a number; write it like 5")
}

// TestNoLineOfALongOrderIsLost: what does not fit is said, not left out.
func TestNoLineOfALongOrderIsLost(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	b, _ := s.signIn("anna", "/orders/new")
	customer, product := firstString(b.json("/pick/customers?q=a")), firstString(b.json("/pick/products?q=a"))
	long := func(lines int) url.Values {
		form := url.Values{"customer": {customer}, "reference": {"LONG-1"}, "do": {"save"}}
		for range lines {
			form["line_id"], form["product"] = append(form["line_id"], ""), append(form["product"], product)
			form["quantity"], form["price"] = append(form["quantity"], "1"), append(form["price"], "2")
		}
		return form
	}
	b.post("/orders/new", long(201)).wants(t, 413, "more than 200 lines", "nothing was saved")
	saved := b.post("/orders/new", long(200)).wants(t, 200, "The order was created.", "400.00")
	edit := b.open(saved.Request.URL.Path + "/edit")
	b.submit(edit, "order-form", url.Values{"notes": {"long"}, "do": {"save"}}).wants(t, 200, "Your changes were saved.", "400.00")
}
