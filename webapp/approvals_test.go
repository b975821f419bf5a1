package webapp_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// approving lets maria approve and release orders that somebody else has entered, and
// nobody else; it returns a customer and a product to order with.
func (s *site) approving() (customer, product string) {
	s.t.Helper()
	in, ctx := s.in, s.t.Context()
	in.CreateUser(signin.NewUser{Login: "maria", Type: tandemtest.Users[1].Type, Password: tandemtest.Password})
	rights := in.Platform.Permissions
	if _, err := rights.CreateGroup(ctx, tandemtest.By, "Managers", ""); err != nil {
		s.t.Fatal(err)
	}
	if err := rights.AddMember(ctx, tandemtest.By, "Managers", "maria"); err != nil {
		s.t.Fatal(err)
	}
	if _, _, err := in.Platform.GrantType(ctx, tandemtest.By, "Managers", "SO", "release,other-date,complete,approve", false); err != nil {
		s.t.Fatal(err)
	}
	in.Refresh()
	admin := in.SignIn("admin").Access
	_, answer := in.API("GET", "Systems_Documents_DocumentTypes?$select=Id&$filter="+url.QueryEscape("Code eq 'SO'"), admin, "")
	id := answer[strings.Index(answer, `"Id":"`)+6:][:36]
	status, answer := in.API("PATCH", "Systems_Documents_DocumentTypes("+id+")", admin, `{"FourEyes":true,"ApprovalLimit":{"Value":10000,"Currency":"EUR"},"ApprovalDiscountLimit":0.15,"UserStatuses":[
		{"UserStatusName":{"EN":"Needs approval"},"State":"FirmPlanned","DisplayOrder":10,"IsExitStatus":false},
		{"UserStatusName":{"EN":"Approved"},"State":"FirmPlanned","DisplayOrder":20},
		{"UserStatusName":{"EN":"Refused"},"State":"FirmPlanned","DisplayOrder":30,"IsExitStatus":false}]}`)
	if status != 204 {
		s.t.Fatalf("the type: %d %s", status, answer)
	}
	b, _ := s.signIn("admin", "/orders")
	return firstString(b.json("/pick/customers?q=a")), firstString(b.json("/pick/products?q=a"))
}

// enter makes a firm order with the forms, and returns its id.
func (b *browser) enter(t *testing.T, customer, product, price, discount string) string {
	t.Helper()
	saved := b.submit(b.open("/orders/new"), "order-form", url.Values{"customer": {customer}, "product": {product}, "quantity": {"1"}, "price": {price}, "discount": {discount}, "do": {"save"}})
	saved.wants(t, 200, "The order was created.")
	path := saved.Request.URL.Path
	asked := b.submit(b.open(path), "state-form", url.Values{"state": {"FirmPlanned"}})
	b.submit(asked, "ask-form", nil).wants(t, 200, "new state", "Firm planned")
	return strings.TrimPrefix(path, "/orders/")
}

// TestR_T_OrdersAreApprovedInThePages: anna is offered what she may do and is refused
// in plain words what she posts nevertheless; maria approves hers, and not her own.
func TestR_T_OrdersAreApprovedInThePages(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{Options: tandemtest.Options{Demo: true}})
	customer, product := s.approving()
	anna, _ := s.signIn("anna", "/orders")
	const number = "0000003001" // the demo has 3,000
	id := anna.enter(t, customer, product, "14200", "18")
	page := anna.open("/orders/"+id).wants(t, 200, "Needs approval", "What became of it", "by anna")
	if strings.Contains(page.Text, "Released") || strings.Contains(page.Text, "four eyes") || page.byID("decide") != nil {
		t.Errorf("anna is offered to release or to decide: %s", page.Text)
	}
	if page.byID("edit-order") == nil {
		t.Error("anna may not edit her order")
	}
	anna.post("/orders/"+id+"/state", url.Values{"state": {"Released"}, "sure": {"yes"}}).wants(t, 403, "You may not make this order released.", "ask a manager")
	anna.open("/approvals").wants(t, 200, "Waiting for somebody", number, "you", "18 %")
	alone := anna.open("/approvals/"+id).wants(t, 200, "Beside the price list")
	if alone.byID("decide-form") != nil || alone.byID("release") != nil {
		t.Error("anna is offered to decide about her own order")
	}

	maria, list := s.signIn("maria", "/approvals")
	list.wants(t, 200, number, "anna")
	open := maria.open("/approvals/"+id).wants(t, 200, "Approve", "Refuse", "Off the list")
	refuse := attr(byName(open, "reason"), "value")
	maria.submit(open, "decide-form", url.Values{"status": {refuse}}).wants(t, 422, "Say why")
	maria.submit(open, "decide-form", url.Values{"status": {refuse}, "notes": {strings.Repeat("r", 255)}}).wants(t, 422, "more than 254 characters")
	approve := ""
	for _, button := range open.all("value") {
		if button != refuse && len(button) == 36 {
			approve = button
		}
	}
	// What is decided about is what was looked at.
	anna.submit(anna.open("/orders/"+id+"/edit"), "order-form", url.Values{"notes": {"changed meanwhile"}, "do": {"save"}}).wants(t, 200, "Your changes were saved.")
	again := maria.submit(open, "decide-form", url.Values{"status": {approve}}).wants(t, 422, "Somebody changed the order while you looked at it.", "changed meanwhile")
	refused := maria.submit(again, "decide-form", url.Values{"status": {refuse}, "notes": {"too <b>cheap</b>"}}).wants(t, 200, "Your decision was saved.", "Refused", "too <b>cheap")
	anna.open("/orders/"+id).wants(t, 200, "Refused", "too <b>cheap")
	approved := maria.submit(refused, "decide-form", url.Values{"status": {approve}}).wants(t, 200, "Approved")
	maria.open("/approvals").wants(t, 200, "Approved, to be released", number)
	asked := maria.submit(approved, "release-form", nil).wants(t, 200, "Make the order released?")
	maria.submit(asked, "ask-form", nil).wants(t, 200, "new state", "Released")

	own := maria.enter(t, customer, product, "12000", "")
	maria.open("/approvals/"+own).wants(t, 200, "cannot be approved by maria, who entered it: somebody else has to (four eyes)")
	maria.post("/orders/"+own+"/state", url.Values{"state": {"Released"}, "sure": {"yes"}}).wants(t, 422, "leaves this state only with an exit status")
	maria.post("/approvals/"+own, url.Values{"status": {"x"}}).wants(t, 400)
	maria.post("/approvals/"+own, url.Values{"status": {approve}, "state": {"FirmPlanned"}, "version": {"2"}}).wants(t, 422, "four eyes")
	small := anna.enter(t, customer, product, "10", "")
	if page := maria.open("/orders/"+small).wants(t, 200, "Approved"); !strings.Contains(page.Text, "Released") {
		t.Error("maria is not offered to release a small order")
	}
	maria.open("/approvals/"+strings.Repeat("0", 8)+"-0000-0000-0000-000000000000").wants(t, 404)
	for _, ability := range []string{"unit-price", "line-discount"} {
		if _, err := s.in.Platform.Permissions.Grant(t.Context(), tandemtest.By, "Managers", permission.Target{System: ability}, "read", false); err != nil {
			t.Fatal(err)
		}
	}
	s.in.Refresh()
	form := anna.open("/orders/new")
	for field, want := range map[string]string{"price": "You may not give another price than the list's", "discount": "You may not give a discount"} {
		typed := url.Values{"customer": {customer}, "product": {product}, "quantity": {"1"}, "do": {"save"}}
		typed.Set(field, "7")
		anna.submit(form, "order-form", typed).wants(t, 422, want)
	}
	anna.submit(form, "order-form", url.Values{"customer": {customer}, "product": {product}, "quantity": {"1"}, "do": {"save"}}).wants(t, 200, "The order was created.")
	paul, _ := s.signIn("paul", "/")
	paul.open("/approvals").wants(t, 403)
}
