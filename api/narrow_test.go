package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// Calls that are narrowed to a person: see docs/permissions.md.

func (w *house) narrowTo(_ context.Context, rights *permission.Rights, userID string) (*permission.Rights, error) {
	return (*w.narrow.Load())(rights, userID), nil
}

// somebody is a person of the outside.
const somebody = "0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10"

// now is the day on which the house is looked at.
var now = time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC)

// onBehalf are the headers of a call that is narrowed to a person.
func onBehalf(person string) []string {
	return []string{"Tandem-On-Behalf-Of: " + person + ";sid=s;iat=1767225600", "Tandem-Narrow: person"}
}

// access is a row of Crm_Sales_CustomerExternalAccess.
type access struct {
	role   int
	days   int // -1 is without limit
	active bool
}

// TestE8_NarrowingShowsAPersonTheirOwn: for random rights of the System User and random
// customers of a person of the outside, each door shows the orders that plain Go says, and
// prices of those alone whose role has them.
func TestE8_NarrowingShowsAPersonTheirOwn(t *testing.T) {
	t.Parallel()
	outside := erpModel.Outside()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		narrow := func(rights *permission.Rights, userID string) *permission.Rights {
			return permission.NewTable(permission.Definitions{}).Narrow(rights, outside).For(userID, now)
		}
		w.narrow.Store(&narrow)
		for n := range houseOrders {
			if r, answer := call(t, w.h, "POST", "Crm_Sales_SalesOrders("+row(kindOrder, n)+")/ChangeState", `{"newState":"Planned"}`); r.StatusCode != 204 {
				t.Fatalf("ChangeState: %d %s", r.StatusCode, answer)
			}
		}
		rapid.Check(t, func(rt *rapid.T) {
			s := drawScene(rt)
			rights := w.set(t, s)
			given := w.drawAccess(t, rt)
			// Orders that the account sees, and of them those of the person.
			sees := func(n int) bool {
				a, ok := given[n%houseCustomers]
				day := time.Date(2026, 2, n+1, 0, 0, 0, 0, time.UTC)
				return s.order(n, permission.Read) && ok && a.active && a.role >= 20 && (a.days < 0 || !day.Before(now.Truncate(24*time.Hour).AddDate(0, 0, -a.days)))
			}
			w.as(rights, func() { w.checkNarrowed(t, rt, s, given, sees) })
		})
	})
}

func (w *house) drawAccess(t *testing.T, rt *rapid.T) map[int]access {
	w.sql(t, `DELETE FROM erp_customer_external_access`)
	given := map[int]access{}
	for n := range houseCustomers {
		a := access{rapid.SampledFrom([]int{10, 20, 30, 40, 90}).Draw(rt, "role"), rapid.SampledFrom([]int{-1, 0, 26, 27, 28, math.MaxInt32}).Draw(rt, "days"), rapid.IntRange(0, 3).Draw(rt, "active") > 0}
		w.sql(t, `UPDATE erp_customers SET active = $1 WHERE id = $2`, a.active, row(kindCustomer, n))
		for i, who := range []string{somebody, row(99, 1)} { // and another's, who is not asked for
			if rapid.IntRange(0, 2).Draw(rt, "given") == 0 {
				continue
			}
			var days any
			if a.days >= 0 {
				days = a.days
			}
			w.sql(t, `INSERT INTO erp_customer_external_access (id, role, days_back_access, customer, "user") VALUES ($1, $2, $3, $4, $5)`,
				row(98, n*2+i), a.role, days, row(kindCustomer, n), who)
			if who == somebody {
				given[n] = a
			}
		}
	}
	return given
}

func (w *house) checkNarrowed(t *testing.T, rt *rapid.T, s *scene, given map[int]access, sees func(int) bool) {
	const orders, customers = "Crm_Sales_SalesOrders", "Crm_Sales_Customers"
	get := func(path string, headers ...string) (int, string) {
		r, answer := call(t, w.h, "GET", path, "", headers...)
		return r.StatusCode, answer
	}
	may := s.may(orders, permission.Read)
	want := pick(houseOrders, kindOrder, sees)
	for _, path := range []string{
		orders + "?$select=Id", orders + "?$select=Id&$orderby=DocumentDate%20desc&$skip=0", orders + "?$select=Id,TotalLineAmount&$filter=DocumentDate%20ge%202026-01-01T00:00:00Z",
		orders + "?$select=Id&$search=N", orders + "?$select=Id&$expand=Lines($select=UnitPrice)",
	} {
		status, answer := get(path, onBehalf(somebody)...)
		if may != (status == 200) || may && !slices.Equal(ids(t, answer), want) {
			rt.Errorf("%s: %d %s, want %v", path, status, answer, want)
		}
		wide, all := get(path)
		if wide == 200 && status == 200 { // E8: never more
			for _, id := range ids(t, answer) {
				if !slices.Contains(ids(t, all), id) {
					rt.Errorf("%s: narrowed shows %s, and not narrowed does not", path, id)
				}
			}
		}
		if status == 200 && wide != 200 {
			rt.Errorf("%s: narrowed %d, not narrowed %d", path, status, wide)
		}
		// A person whom nobody knows has no customer.
		if status, answer := get(path, onBehalf(row(97, 1))...); status == 200 && len(ids(t, answer)) > 0 {
			rt.Errorf("%s for a stranger: %s", path, answer)
		}
	}
	if status, answer := get(orders+"/$count", onBehalf(somebody)...); may && answer != fmt.Sprint(len(want)) {
		rt.Errorf("$count: %d %s, want %d", status, answer, len(want))
	}
	w.checkExpand(t, rt, rapid.SampledFrom(collections()).Draw(rt, "collection"), onBehalf(somebody)...)
	for n := range houseOrders {
		w.checkNarrowedOrder(t, rt, may, n, sees(n), given[n%houseCustomers].role)
	}
	if s.may(customers, permission.Read) {
		_, answer := get(customers+"?$select=Id", onBehalf(somebody)...)
		mine := pick(houseCustomers, kindCustomer, func(n int) bool { return given[n].active && s.customer(n, permission.Read) })
		if got := ids(t, answer); !slices.Equal(got, mine) {
			rt.Errorf("customers: %v, want %v", got, mine)
		}
	}
	for _, path := range []string{"Logistics_Inventory_Stores", "General_Currencies_Currencies", "Systems_Documents_DocumentTypes", "Logistics_Inventory_CurrentBalances"} {
		if status, answer := get(path, onBehalf(somebody)...); status != 403 {
			rt.Errorf("%s: %d %s, which nobody outside reaches", path, status, answer)
		}
	}
}

// checkNarrowedOrder asks for one order, with what it shows of prices.
func (w *house) checkNarrowedOrder(t *testing.T, rt *rapid.T, may bool, n int, sees bool, role int) {
	const orders = "Crm_Sales_SalesOrders"
	id := row(kindOrder, n)
	r, answer := call(t, w.h, "GET", orders+"("+id+")?$select=Id,TotalLineAmount&$expand=Lines($select=UnitPrice,LineAmount)", "", onBehalf(somebody)...)
	status := map[bool]int{true: 200, false: 404}[sees]
	if !may {
		status = 403
	}
	if r.StatusCode != status {
		rt.Errorf("GET %s: %d %s, want %d", id, r.StatusCode, answer, status)
		return
	}
	refusal := map[int]int{200: 403, 403: 403, 404: 404}[status]
	if r, answer := call(t, w.h, "PATCH", orders+"("+id+")", `{"DocumentNotes":"x"}`, onBehalf(somebody)...); r.StatusCode != refusal {
		rt.Errorf("PATCH %s: %d %s", id, r.StatusCode, answer)
	}
	if status != 200 {
		return
	}
	var got struct {
		TotalLineAmount *struct{ Value json.Number }
		Lines           []struct{ UnitPrice, LineAmount *struct{ Value json.Number } }
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil || len(got.Lines) != 1 {
		rt.Fatalf("%v: %s", err, answer)
	}
	priced := role >= 30
	if (got.TotalLineAmount != nil) != priced || (got.Lines[0].UnitPrice != nil) != priced || (got.Lines[0].LineAmount != nil) != priced {
		rt.Errorf("prices of %s in the role %d: %s", id, role, answer)
	}
	// Nothing is learned of a price by comparing with it.
	_, answer = call(t, w.h, "GET", "Crm_Sales_SalesOrderLines?$select=Id&$filter=UnitPrice/Value%20ge%200%20and%20SalesOrder%20eq%20'"+orders+"("+id+")'", "", onBehalf(somebody)...)
	if strings.Contains(answer, `"Id":"`+row(kindLine, n)) != priced {
		rt.Errorf("filter by a price of %s in the role %d: %s", id, role, answer)
	}
}

// TestE8_APersonOfTheOutsideChangesNothing: neither a row nor its state, whatever the
// System User may do with documents of the type; and no login of an employee is shown.
func TestE8_APersonOfTheOutsideChangesNothing(t *testing.T) {
	t.Parallel()
	const orders = "Crm_Sales_SalesOrders"
	outside := erpModel.Outside()
	for _, s := range erpModel.Sets {
		for _, p := range s.Properties {
			if s.Reach() != nil && p.Kind == model.KindString && strings.HasSuffix(p.Name, "User") && outside.Column(p.Set.Name, p.Name) != 0 {
				t.Errorf("people of the outside see %s.%s, which is a login", s.Name, p.Name)
			}
		}
	}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newTyped(t, db)
		narrow := func(rights *permission.Rights, userID string) *permission.Rights {
			return permission.NewTable(permission.Definitions{}).Narrow(rights, outside).For(userID, now)
		}
		w.narrow.Store(&narrow)
		w.sql(t, `INSERT INTO erp_customer_external_access (id, role, customer, "user") VALUES ($1, 90, $2, $3)`, row(98, 0), row(kindCustomer, 1%houseCustomers), somebody)
		w.put(t, 1, 20, 0)
		order := orders + "(" + row(kindOrder, 1) + ")"
		w.as(w.holding(permission.OfSets, permission.All), func() {
			if r, answer := call(t, w.h, "GET", order+"?$select=State", "", onBehalf(somebody)...); r.StatusCode != 200 {
				t.Fatalf("the person does not see the order: %d %s", r.StatusCode, answer)
			}
			for _, c := range [][3]string{
				{"POST", order + "/ChangeState", `{"newState":"Released"}`},
				{"POST", order + "/Complete", `{}`},
				{"POST", order + "/MakeVoid", `{"reason":"changed my mind"}`},
				{"PATCH", order, `{"DocumentNotes":"x"}`},
				{"POST", order + "/Lines", `{"Product":{"PartNumber":"P1"}}`},
				{"DELETE", order, ""},
			} {
				if r, answer := call(t, w.h, c[0], c[1], c[2], onBehalf(somebody)...); r.StatusCode != 403 {
					t.Errorf("%s %s for a person of the outside: %d %s", c[0], c[1], r.StatusCode, answer)
				}
			}
			_, answer := call(t, w.h, "GET", order+"/GetAllowedStates()", "", onBehalf(somebody)...)
			if strings.Contains(answer, `"allowed":true`) {
				t.Errorf("what a person of the outside may make of the order: %s", answer)
			}
			if r, answer := call(t, w.h, "POST", order+"/ChangeState", `{"newState":"Released"}`); r.StatusCode != 204 {
				t.Errorf("the System User itself: %d %s", r.StatusCode, answer)
			}
		})
	})
}
