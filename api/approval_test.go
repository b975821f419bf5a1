package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// Approval as data of the document type: see docs/permissions.md.

const orderSet = "Crm_Sales_SalesOrders"

// approvals is a house in which orders of the second type need approval above 10,000 €
// and above 15 % of discount, by somebody else than who entered them.
type approvals struct {
	*typed
	waiting, approved, refused string
}

func newApprovals(t *testing.T, db *sqldb.DB) *approvals {
	t.Helper()
	w := &approvals{typed: newTyped(t, db)}
	typ := "Systems_Documents_DocumentTypes(" + row(kindType, 1) + ")"
	w.do(t, "PATCH", typ, `{"ApprovalLimit":{"Value":10000,"Currency":"EUR"},"ApprovalDiscountLimit":0.15,"FourEyes":true}`)
	status := func(name string, order int, exit bool) string {
		return w.do(t, "POST", typ+"/UserStatuses?$select=Id", fmt.Sprintf(`{"UserStatusName":{"EN":%q},"State":"FirmPlanned","DisplayOrder":%d,"IsExitStatus":%t}`, name, order, exit))
	}
	w.waiting, w.approved, w.refused = status("Needs approval", 10, false), status("Approved", 20, true), status("Refused", 30, false)
	w.do(t, "POST", "General_Currencies_Currencies", `{"CurrencySign":"USD","Name":"US dollar"}`)
	return w
}

// do is a request of the platform that must succeed; it returns the id of a new row.
func (w *approvals) do(t *testing.T, method, path, body string) string {
	t.Helper()
	r, answer := call(t, w.h, method, path, body)
	if r.StatusCode/100 != 2 {
		t.Fatalf("%s %s %s: %d %s", method, path, body, r.StatusCode, answer)
	}
	var made struct {
		ID string `json:"Id"`
	}
	_ = json.Unmarshal([]byte(answer), &made)
	return made.ID
}

// by is a request of a person.
func (w *approvals) by(t testing.TB, login, method, path, body string) (int, string) {
	t.Helper()
	r, answer := call(t, w.h, method, path, body, "Authorization: Bearer read+update+person+as-"+login)
	return r.StatusCode, answer
}

// enter makes an order of one line, by a person, and raises it to FirmPlanned.
func (w *approvals) enter(t testing.TB, login, line, more string) string {
	t.Helper()
	status, answer := w.by(t, login, "POST", orderSet+"?$select=Id", `{"DocumentType@odata.bind":"Systems_Documents_DocumentTypes(`+row(kindType, 1)+
		`)","Customer@odata.bind":"Crm_Sales_Customers(`+row(kindCustomer, 0)+`)","Lines":[{"Product":{"PartNumber":"P1"},`+line+`}]`+more+`}`)
	if status != 201 {
		t.Fatalf("a new order: %d %s", status, answer)
	}
	order := orderSet + "(" + answer[strings.Index(answer, `"Id":"`)+6:][:36] + ")"
	if status, answer := w.state(t, login, order, "FirmPlanned", ""); status != 204 {
		t.Fatalf("FirmPlanned: %d %s", status, answer)
	}
	return order
}

// state is a call of ChangeState, with the id of a user status or none.
func (w *approvals) state(t testing.TB, login, order, state, userStatus string) (int, string) {
	t.Helper()
	body := `{"newState":"` + state + `"`
	if userStatus != "" {
		body += `,"userStatus":{"@odata.id":"Systems_Documents_DocumentTypeUserStatuses(` + userStatus + `)"},"notes":"as agreed"`
	}
	return w.by(t, login, "POST", order+"/ChangeState", body+"}")
}

// is reads the state and the name of the user status: FirmPlanned/Approved.
func (w *approvals) is(t testing.TB, order string) string {
	t.Helper()
	_, answer := w.by(t, "anna", "GET", order+"?$select=State&$expand=UserStatus($select=UserStatusName)", "")
	var o struct {
		State      string
		UserStatus *struct{ UserStatusName struct{ EN string } }
	}
	if err := json.Unmarshal([]byte(answer), &o); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	if o.UserStatus == nil {
		return o.State
	}
	return o.State + "/" + o.UserStatus.UserStatusName.EN
}

// allowed is what GetAllowedStates tells a person of an order: by a word for each thing.
func (w *approvals) allowed(t testing.TB, login, order string) map[string]bool {
	t.Helper()
	status, answer := w.by(t, login, "GET", order+"/GetAllowedStates()", "")
	type may struct {
		State, Name, Type, Reason string
		Allowed                   bool
	}
	var told struct {
		States, UserStatuses []may
		Void, Edit           may
	}
	if err := json.Unmarshal([]byte(answer), &told); err != nil || status != 200 {
		t.Fatalf("GetAllowedStates: %d %s", status, answer)
	}
	all := map[string]bool{"void": told.Void.Allowed, "edit": told.Edit.Allowed}
	for _, m := range append(told.States, told.UserStatuses...) {
		if word := map[string]string{"Released": "release", "Completed": "jump", "Approved": "approve", "Refused": "refuse"}[m.State+m.Name]; word != "" {
			all[word] = m.Allowed
		}
		if !m.Allowed && (m.Reason == "" || m.Type == "") {
			t.Errorf("no reason: %s", answer)
		}
	}
	return all
}

// TestAllowedStatesAreWhatTheAccountMay: what a page offers follows from the rights, and
// a hidden order has no answer.
func TestAllowedStatesAreWhatTheAccountMay(t *testing.T) {
	t.Parallel()
	sales := permission.Read | permission.Update
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newApprovals(t, db)
		order := w.enter(t, "anna", `"UnitPrice":{"Value":14200}`, "")
		for _, c := range []struct {
			login  string
			rights permission.Right
			want   string
		}{
			{"anna", sales, "map[approve:false edit:true jump:false refuse:false release:false void:false]"},
			{"anna", permission.All, "map[approve:false edit:true jump:false refuse:true release:false void:true]"},
			{"maria", permission.Read | permission.Approve | permission.Release | permission.OtherDate,
				"map[approve:true edit:false jump:false refuse:true release:false void:false]"},
		} {
			w.as(w.holding(permission.OfSets, c.rights), func() {
				if got := fmt.Sprint(w.allowed(t, c.login, order)); got != c.want {
					t.Errorf("%s with %s: %s, want %s", c.login, c.rights, got, c.want)
				}
			})
		}
		for _, c := range []struct {
			rights *permission.Rights
			path   string
			status int
		}{
			{w.holding(permission.OfSets, 0), order + "/GetAllowedStates()", 404},
			{w.holding(0, permission.All), order + "/GetAllowedStates()", 403},
			{w.holding(permission.OfSets, sales), order + "/GetAllowedStates", 200},
			{w.holding(permission.OfSets, sales), order + "/GetAllowedStates(a=1)", 404},
			{w.holding(permission.OfSets, sales), order + "/GetAllowedStates()?$select=Id", 400},
			{w.holding(permission.OfSets, sales), "Crm_Sales_Customers(" + row(kindCustomer, 0) + ")/GetAllowedStates()", 404},
		} {
			w.as(c.rights, func() {
				if status, answer := w.by(t, "anna", "GET", c.path, ""); status != c.status {
					t.Errorf("GET %s: %d %s, want %d", c.path, status, answer, c.status)
				}
			})
		}
		if status, answer := w.by(t, "anna", "POST", order+"/GetAllowedStates()", "{}"); status != 405 {
			t.Errorf("POST: %d %s", status, answer)
		}
	})
}

// TestR_T2_BelowTheLimitsNobodyIsAsked: total and discount decide, each up to its limit.
func TestR_T2_BelowTheLimitsNobodyIsAsked(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newApprovals(t, db)
		for _, c := range []struct{ line, more, want string }{
			{`"UnitPrice":{"Value":10000}`, ``, "Approved"},
			{`"UnitPrice":{"Value":10000.01}`, ``, "Needs approval"},
			{`"UnitPrice":{"Value":-10000.01}`, ``, "Needs approval"},
			{`"UnitPrice":{"Value":10},"LineCustomDiscountPercent":0.15`, ``, "Approved"},
			{`"UnitPrice":{"Value":10},"LineCustomDiscountPercent":0.150001`, ``, "Needs approval"},
			{`"UnitPrice":{"Value":1},"LineAmount":{"Value":10000.01}`, ``, "Needs approval"},
			{`"UnitPrice":{"Value":10}`, `,"DocumentCurrency":{"CurrencySign":"USD"}`, "Needs approval"},
		} {
			if got := w.is(t, w.enter(t, "anna", c.line, c.more)); got != "FirmPlanned/"+c.want {
				t.Errorf("%s%s: %s, want %s", c.line, c.more, got, c.want)
			}
		}
		// An order of a type without statuses has none, and goes on as ever.
		other := orderSet + "(" + row(kindOrder, 0) + ")"
		if status, answer := w.state(t, "anna", other, "Released", ""); status != 204 || w.is(t, other) != "Released" {
			t.Errorf("an order of a type without statuses: %d %s, %s", status, answer, w.is(t, other))
		}
	})
}

// TestR_T1_OnlyAnExitStatusLetsGoOn: what has not been approved is not released,
// neither in one step nor in two, and only by who may approve it.
func TestR_T1_OnlyAnExitStatusLetsGoOn(t *testing.T) {
	t.Parallel()
	const large = `"UnitPrice":{"Value":14200},"LineCustomDiscountPercent":0.18`
	sales := permission.Read | permission.Update | permission.Delete
	releases := sales | permission.Release | permission.OtherDate | permission.Complete
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newApprovals(t, db)
		var order string
		try := func(rights permission.Right, login, state, status string, want int, text string) {
			t.Helper()
			w.as(w.holding(permission.OfSets, rights), func() {
				if code, answer := w.state(t, login, order, state, status); code != want || !strings.Contains(answer, text) {
					t.Errorf("%s to %s %s: %d %s, want %d %s", login, state, status, code, answer, want, text)
				}
			})
		}
		order = w.enter(t, "anna", large, "")
		try(sales, "anna", "Released", "", 403, "no right to release documents of this type")
		try(sales, "anna", "FirmPlanned", w.approved, 403, "no right to approve documents of this type, so this one of Crm_Sales_SalesOrders cannot get the status Approved")
		try(sales, "anna", "FirmPlanned", w.refused, 403, "cannot get the status Refused")
		try(sales|permission.ApproveReleased, "maria", "FirmPlanned", w.approved, 403, "no right to approve")
		try(releases, "maria", "Released", "", 422, "leaves this state only with an exit status, like “Approved”")
		try(releases, "maria", "Completed", "", 422, "leaves this state only with an exit status")
		try(releases, "maria", "Released", w.approved, 422, "leaves this state only")
		try(permission.Read|permission.Approve, "maria", "FirmPlanned", w.approved, 204, "")
		try(releases, "anna", "Released", "", 422, "cannot be released by anna, who entered it")
		try(releases, "maria", "Released", "", 204, "")
		if got := w.is(t, order); got != "Released" {
			t.Errorf("the released order is %s", got)
		}
		try(releases|permission.Approve|permission.ApproveReleased, "maria", "Released", w.approved, 422, "not an active one of the document's type for the state Released")
		_, answer := w.by(t, "anna", "GET", order+"/StateChanges", "")
		for _, want := range []string{`"NewState":"FirmPlanned"`, `"Notes":"as agreed"`, `"UpdateUser":"maria"`, `"NewState":"Released"`} {
			if !strings.Contains(answer, want) || strings.Count(answer, `"NewState"`) != 3 {
				t.Errorf("its story lacks %s: %s", want, answer)
			}
		}

		// No state is jumped over.
		order = w.enter(t, "anna", large, "")
		w.sql(t, `UPDATE erp_sales_orders SET state = 0, user_status = NULL WHERE id = $1`, order[len(orderSet)+1:len(order)-1])
		try(releases, "maria", "Released", "", 422, "has to be approved as FirmPlanned before it can go on")
		// What was firm before its type had statuses needs approval like a new one.
		w.sql(t, `UPDATE erp_sales_orders SET state = 20 WHERE id = $1`, order[len(orderSet)+1:len(order)-1])
		try(releases, "maria", "Released", "", 422, "has to be approved as FirmPlanned")
		order = w.enter(t, "anna", `"UnitPrice":{"Value":1}`, "")
		w.sql(t, `UPDATE erp_sales_orders SET state = 0, user_status = NULL WHERE id = $1`, order[len(orderSet)+1:len(order)-1])
		try(releases, "maria", "Released", "", 204, "")
		// Of another type, of no type, and no status at all.
		order = w.enter(t, "anna", large, "")
		try(permission.All, "maria", "FirmPlanned", row(kindOrder, 9), 422, "Object not found")
		code, answer := w.by(t, "maria", "POST", order+"/ChangeState", `{"newState":"FirmPlanned","userStatus":{"UserStatusName":{"EN":"Approved"}}}`)
		if code != 400 || !strings.Contains(answer, "userStatus of ChangeState names a row") {
			t.Errorf("a status by its name: %d %s", code, answer)
		}
	})
}

// TestR_T3_AChangeUndoesTheApproval: through every door that a change comes by, and
// who came by it does not approve.
func TestR_T3_AChangeUndoesTheApproval(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newApprovals(t, db)
		order := w.enter(t, "anna", `"Quantity":{"Value":2},"UnitPrice":{"Value":14200}`, "")
		_, answer := w.by(t, "anna", "GET", order+"/Lines?$select=Id", "")
		line := ids(t, answer)[0]
		id := order[len(orderSet)+1 : len(order)-1]
		for i, c := range []struct{ method, path, body string }{
			{"PATCH", order, `{"DocumentNotes":"changed %d"}`},
			{"PATCH", order, `{"Lines":[{"@erpnet.findBy":{"Id":"` + line + `"},"Quantity":{"Value":%d}}]}`},
			{"PATCH", "Crm_Sales_SalesOrderLines(" + line + ")", `{"Quantity":{"Value":%d}}`},
			{"POST", order + "/Lines", `{"Product":{"PartNumber":"P1"},"Quantity":{"Value":%d}}`},
			{"POST", "Crm_Sales_SalesOrderLines", `{"SalesOrder@odata.bind":"` + order + `","Product":{"PartNumber":"P1"},"Notes":"%d"}`},
			{"POST", "Import", `{"objects":[{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"merge","@erpnet.findBy":{"Id":"` + id + `"},"CustomerPurchaseOrderNo":"%d"}]}`},
			{"POST", "Import", `{"objects":[{"@odata.type":"Erp.Crm_Sales_SalesOrderLine","@erpnet.action":"update","@erpnet.findBy":{"Id":"` + line + `"},"Notes":"%d"}]}`},
			{"PATCH", order, `{"Lines":[{"@erpnet.findBy":{"Id":"` + line + `"},"Notes":"only %d"}],"Lines@erpnet.missing":"delete"}`},
			{"POST", order + "/Lines", `{"Product":{"PartNumber":"P1"},"Quantity":{"Value":%d}}`},
			{"DELETE", "LAST LINE", ""},
		} {
			if code, answer := w.state(t, "petra", order, "FirmPlanned", w.approved); code != 204 {
				t.Fatalf("petra approves: %d %s", code, answer)
			}
			if strings.Contains(c.body, "%d") {
				c.body = fmt.Sprintf(c.body, 3+i)
			}
			if c.path == "LAST LINE" {
				_, answer := w.by(t, "anna", "GET", order+"/Lines?$select=Id&$orderby="+url.QueryEscape("LineNo desc")+"&$top=1", "")
				c.path = "Crm_Sales_SalesOrderLines(" + ids(t, answer)[0] + ")"
			}
			if code, answer := w.by(t, "maria", c.method, c.path, c.body); code/100 != 2 || strings.Contains(answer, `"fail"`) {
				t.Fatalf("%s %s %s: %d %s", c.method, c.path, c.body, code, answer)
			}
			if got := w.is(t, order); got != "FirmPlanned/Needs approval" {
				t.Errorf("after %s %s %s the order is %s", c.method, c.path, c.body, got)
			}
		}
		for _, who := range []struct{ login, what string }{{"anna", "entered it"}, {"maria", "changed its lines last"}} {
			if code, answer := w.state(t, who.login, order, "FirmPlanned", w.approved); code != 422 || !strings.Contains(answer, "who "+who.what) {
				t.Errorf("%s approves: %d %s", who.login, code, answer)
			}
		}
		if code, answer := w.state(t, "petra", order, "FirmPlanned", w.approved); code != 204 {
			t.Errorf("petra approves: %d %s", code, answer)
		}
		// What is not agreed in the order may change.
		if code, answer := w.by(t, "anna", "PATCH", order, `{"AssignedToUser":null}`); code != 204 || w.is(t, order) != "FirmPlanned/Approved" {
			t.Errorf("who does it: %d %s, %s", code, answer, w.is(t, order))
		}
		if code, answer := w.state(t, "maria", order, "Released", ""); code != 422 || !strings.Contains(answer, "changed its lines last") {
			t.Errorf("maria releases what she changed: %d %s", code, answer)
		}
		for _, c := range []struct{ method, path, body string }{
			{"PATCH", order, `{"UserStatus":null}`}, {"PATCH", order, `{"LinesUpdateUser":"petra"}`}, {"PATCH", order, `{"CreationUser":"petra"}`},
			{"POST", order + "/StateChanges", `{"NewState":"Released"}`}, {"PATCH", order, `{"StateChanges":[{"NewState":"Released"}]}`},
			{"POST", "Crm_Sales_SalesOrderStateChanges", `{"SalesOrder@odata.bind":"` + order + `","NewState":"Released"}`},
		} {
			if code, answer := w.by(t, "anna", c.method, c.path, c.body); code/100 != 4 {
				t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, code, answer)
			}
		}
	})
}

// TestR_T_NothingIsReleasedUnseen lets three people with every right do what they like,
// and holds what becomes of an order against a few lines of Go.
func TestR_T_NothingIsReleasedUnseen(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newApprovals(t, db)
		people := rapid.SampledFrom([]string{"anna", "maria", "petra"})
		rapid.Check(t, func(rt *rapid.T) {
			price := rapid.SampledFrom([]int{100, 5000, 9000, 14200})
			creator := people.Draw(rt, "creator")
			total := price.Draw(rt, "price")
			order := w.enter(t, creator, fmt.Sprintf(`"UnitPrice":{"Value":%d}`, total), "")
			_, answer := w.by(t, creator, "GET", order+"/Lines?$select=Id", "")
			lines, last, state, status := ids(t, answer), creator, "FirmPlanned", ""
			byItself := func() {
				status = "Needs approval"
				if total <= 10000 {
					status = "Approved"
				}
			}
			byItself()
			for range rapid.IntRange(1, 8).Draw(rt, "steps") {
				login := people.Draw(rt, "login")
				want, got, answer := 204, 0, ""
				what := rapid.SampledFrom([]string{"reprice", "add", "notes", "approve", "refuse", "release", "jump"}).Draw(rt, "what")
				stranger := login != creator && login != last
				foreseen := w.allowed(t, login, order)
				switch what {
				case "reprice":
					total = price.Draw(rt, "price")
					got, answer = w.by(t, login, "PATCH", "Crm_Sales_SalesOrderLines("+lines[0]+")", fmt.Sprintf(`{"UnitPrice":{"Value":%d},"Notes":"%d"}`, total, rapid.Int().Draw(rt, "n")))
					last = login
					byItself()
				case "add":
					got, answer = w.by(t, login, "PATCH", order, `{"Lines":[{"@erpnet.action":"create","Product":{"PartNumber":"P1"},"UnitPrice":{"Value":0}}]}`)
					last = login
					byItself()
				case "notes":
					got, answer = w.by(t, login, "PATCH", order, fmt.Sprintf(`{"DocumentNotes":"%d"}`, rapid.Int().Draw(rt, "n")))
					byItself()
				case "approve":
					if got, answer = w.state(t, login, order, state, w.approved); stranger {
						status = "Approved"
					} else {
						want = 422
					}
				case "refuse":
					got, answer = w.state(t, login, order, state, w.refused)
					status = "Refused"
				case "release", "jump":
					to := map[string]string{"release": "Released", "jump": "Completed"}[what]
					if got, answer = w.state(t, login, order, to, ""); stranger && status == "Approved" {
						state, status = to, ""
					} else {
						want = 422
					}
				}
				if may, asked := foreseen[what]; asked && may != (want == 204) {
					rt.Fatalf("%s by %s is foreseen as %t, and answered with %d", what, login, may, got)
				}
				if got != want {
					rt.Fatalf("%s by %s (creator %s, last %s, %d, %s): %d %s, want %d", what, login, creator, last, total, status, got, answer, want)
				}
				is := state
				if status != "" {
					is += "/" + status
				}
				if found := w.is(t, order); found != is {
					rt.Fatalf("after %s by %s the order is %s, want %s", what, login, found, is)
				}
				if state != "FirmPlanned" {
					return
				}
			}
		})
	})
}

// TestR_T1_NoTypeOfOtherDocumentsAvoidsIt: an order has a type of orders, so that no type
// without statuses, which is for something else, lets it go on.
func TestR_T1_NoTypeOfOtherDocumentsAvoidsIt(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newApprovals(t, db)
		other := w.do(t, "POST", "Systems_Documents_DocumentTypes?$select=Id", `{"Code":"INV","TypeName":{"EN":"Invoice"},"EntityName":"Crm_Invoicing_Invoices"}`)
		order := w.enter(t, "anna", `"UnitPrice":{"Value":14200}`, "")
		link := `"DocumentType":{"@odata.id":"Systems_Documents_DocumentTypes(` + other + `)"}`
		imported := `{"objects":[{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"update","@erpnet.findBy":{"Id":"` + order[len(orderSet)+1:len(order)-1] + `"},` + link + `}]}`
		for _, c := range [][3]string{
			{"PATCH", order, "{" + link + "}"},
			{"POST", orderSet, `{"Customer@odata.bind":"Crm_Sales_Customers(` + row(kindCustomer, 0) + `)",` + link + "}"},
			{"POST", "Import", imported},
		} {
			if _, answer := w.by(t, "maria", c[0], c[1], c[2]); !strings.Contains(answer, "Constraint TD3") {
				t.Errorf("%s %s with the type of invoices: %s", c[0], c[1], answer)
			}
		}
		if status, answer := w.state(t, "maria", order, "Released", ""); status != 422 {
			t.Errorf("it is released without approval: %d %s", status, answer)
		}
	})
}
