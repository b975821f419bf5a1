package demo_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/demo"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const (
	setOrders       = "Crm_Sales_SalesOrders"
	setOrderLines   = "Crm_Sales_SalesOrderLines"
	setInvoices     = "Crm_Invoicing_Invoices"
	setInvoiceLines = "Crm_Invoicing_InvoiceLines"
	setCustomers    = "Crm_Sales_Customers"
	setAccess       = "Crm_Sales_CustomerExternalAccess"
)

var (
	erpModel = erp.NewModel()
	admin    = write.Platform("11111111-0000-4000-8000-000000000001", "admin")
	anna     = write.Platform("11111111-0000-4000-8000-000000000002", "anna")
	paul     = write.Platform("11111111-0000-4000-8000-000000000003", "paul")
	noon     = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
)

func options(now time.Time) demo.Options {
	return demo.Options{Now: now, By: admin, Staff: []write.Actor{anna}, ExternalUsers: []demo.ExternalUser{{UserID: paul.ID, DaysBack: 400}}}
}

func seed(t testing.TB, now time.Time) (*memory, demo.Summary) {
	t.Helper()
	s := makeSeed(now)
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.tx, s.sum
}

// seeded is what came of a seed.
type seeded struct {
	tx  *memory
	sum demo.Summary
	err error
}

func makeSeed(now time.Time) (s seeded) {
	s.tx = newMemory(admin, anna, paul)
	s.sum, s.err = demo.Seed(s.tx, erpModel, options(now))
	return s
}

var ofNoon = sync.OnceValue(func() seeded { return makeSeed(noon) })

// seedOfNoon is the seed of noon that the tests share: they only read it, or a
// clone of it is theirs.
func seedOfNoon(t testing.TB) (*memory, demo.Summary) {
	t.Helper()
	s := ofNoon()
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.tx, s.sum
}

// seedOf is a seed that is only read.
func seedOf(t testing.TB, now time.Time) (tx *memory) {
	t.Helper()
	if now.Equal(noon) {
		tx, _ = seedOfNoon(t)
	} else {
		tx, _ = seed(t, now)
	}
	return tx
}

func get(r *model.Record, name string) model.Value { return r.Get(r.Set.Property(name)) }

func TestSeedIsTheSameAgain(t *testing.T) {
	t.Parallel()
	a, _ := seedOfNoon(t)
	b, _ := seed(t, noon)
	if !a.equal(b) {
		t.Error("two seeds of one time differ")
	}
	c, _ := seed(t, noon.AddDate(0, 0, 1))
	if a.equal(c) {
		t.Error("seeds of two days are equal: the comparison sees nothing")
	}
	for _, set := range []string{"General_Products_Products", setCustomers, "General_Contacts_Parties", setOrders, setAccess} {
		for _, r := range a.of(set) {
			if c.rows[r.ID] == nil {
				t.Fatalf("%s has another id on the next day", set)
			}
		}
	}
}

func TestSeedHasEnough(t *testing.T) {
	t.Parallel()
	tx, sum := seedOfNoon(t)
	t.Logf("%+v", sum)
	if sum.Rows != len(tx.order) {
		t.Errorf("%d rows were made, the summary says %d", len(tx.order), sum.Rows)
	}
	for _, c := range []struct {
		set            string
		said, from, to int
	}{
		{"General_Products_Products", sum.Products, 290, 320},
		{setCustomers, sum.Customers, 120, 120},
		{setOrders, sum.Orders, demo.Orders, demo.Orders},
		{setOrderLines, sum.OrderLines, 8500, 9500},
		{setInvoices, sum.Invoices, 1900, 2400},
		{setInvoiceLines, sum.InvoiceLines, 5700, 7500},
		{"Logistics_Inventory_CurrentBalances", sum.Balances, 800, 1200},
		{"Logistics_Inventory_Stores", 4, 4, 4},
		{"General_Products_ProductGroups", 14, 14, 14},
		{setAccess, 1, 1, 1},
	} {
		if n := len(tx.of(c.set)); n != c.said || n < c.from || n > c.to {
			t.Errorf("%s has %d rows; the summary says %d, wanted are %d to %d", c.set, n, c.said, c.from, c.to)
		}
	}
	left := 0
	for _, r := range tx.of(setCustomers) {
		if get(r, "Active").Int == 0 {
			left++
		}
	}
	if left < 4 || left > 20 {
		t.Errorf("%d customers have left", left)
	}
	states := map[int64]int{}
	void := 0
	for _, r := range tx.of(setOrders) {
		states[get(r, "State").Int]++
		void += int(get(r, "Void").Int)
	}
	for _, state := range []int64{erp.StateNew, erp.StatePlanned, erp.StateFirm, erp.StateReleased, erp.StateCompleted, erp.StateClosed} {
		if states[state] == 0 {
			t.Errorf("no order is in state %d: %v", state, states)
		}
	}
	if void < 10 || void > 100 {
		t.Errorf("%d orders are void", void)
	}
}

// TestSeedKeepsTheRules writes every row again through a Writer, with nothing
// but what a caller may send, and expects the row that was seeded: defaults,
// computed values, totals, required properties and rules are the model's.
func TestSeedKeepsTheRules(t *testing.T) {
	t.Parallel()
	from, _ := seedOfNoon(t)
	to := newMemory(admin, anna, paul)
	lines := map[string][]*model.Record{}
	for _, r := range from.order {
		if r.Set.Name == setOrderLines || r.Set.Name == setInvoiceLines {
			owner := get(r, r.Set.Owner.Name).Text
			lines[owner] = append(lines[owner], r)
		}
	}
	w := write.NewWriter(erpModel, admin).In(to, noon)
	written := 0
	for _, r := range from.order {
		if r.Set.View {
			continue
		}
		if r.Set.Owner != nil && lines[get(r, r.Set.Owner.Name).Text] != nil {
			continue // with its document
		}
		o := sent(r)
		var children []any
		for _, l := range lines[r.ID] {
			child := sent(l)
			child.Members = slices.DeleteFunc(child.Members, func(m write.Member) bool { return m.Name == l.Set.Owner.Name })
			children = append(children, child)
		}
		if children != nil {
			o.Set("Lines", children)
		}
		if _, err := w.Apply(r.Set, o, "create"); err != nil {
			t.Fatalf("%s: %v", r.Set.Name, err)
		}
		if children != nil {
			total := get(r, "TotalLineAmount")
			if total.Int <= 0 || get(r, "AmountToPay") != total {
				t.Errorf("document %s is about %d", r.ID, total.Int)
			}
		}
	}
	for id, want := range from.rows {
		got := to.rows[id]
		if got == nil {
			t.Fatalf("%s was not written", want.Set.Name)
		}
		if want.Set.Name == "Systems_Security_Users" {
			continue
		}
		written++
		for _, p := range want.Set.Properties {
			if !p.Stored() || history[p.Name] {
				continue
			}
			if !got.Get(p).Equal(want.Get(p)) {
				t.Fatalf("%s %s.%s is %+v, the Writer makes %+v", id, want.Set.Name, p.Name, want.Get(p), got.Get(p))
			}
		}
	}
	if written < 20000 {
		t.Errorf("only %d rows were compared", written)
	}
}

// history is what only time and actions give a row.
var history = map[string]bool{
	"ObjectVersion": true, "AggregateLastUpdateTimeUtc": true, "State": true, "Void": true, "VoidReason": true, "VoidTime": true,
	"ReadOnly": true, "ReleaseTime": true, "CompleteTime": true, "CreationTime": true, "CreationUser": true, "LinesUpdateUser": true, "UpdateTime": true, "UpdateUser": true,
}

// sent is what a caller would send to make the row: not what is null, and
// nothing that is read-only or computed.
func sent(r *model.Record) *write.Object {
	o := (&write.Object{}).Set("Id", r.ID)
	for _, p := range r.Set.Properties {
		v := r.Get(p)
		switch {
		case !p.Stored() || p.ReadOnly || p == r.Set.ID() || p.Name == "LineAmount" || p.Name == "QuantityBase":
		case v.Null && p.Name != "DaysBackAccess":
		default:
			o.Set(p.Name, member(p, v))
		}
	}
	return o
}

func TestSeedTellsOneStory(t *testing.T) {
	t.Parallel()
	for name, now := range map[string]time.Time{
		"noon": noon, "a second after midnight": time.Date(2027, 1, 1, 0, 0, 1, 0, time.UTC), "leap day": time.Date(2028, 2, 29, 23, 59, 0, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tx := seedOf(t, now)
			checkReferences(t, tx)
			checkTimes(t, tx, now)
			checkInvoices(t, tx)
		})
	}
}

func checkReferences(t *testing.T, tx *memory) {
	for _, r := range tx.order {
		for _, p := range r.Set.Properties {
			v := r.Get(p)
			if p.Required && p.Stored() && v.Null {
				t.Fatalf("%s.%s is null", r.Set.Name, p.Name)
			}
			if !p.IsReference() || v.Null {
				continue
			}
			to := tx.rows[v.Text]
			if to == nil || !p.Target.Includes(to.Set) || p.Polymorphic() && to.Set.Discriminator != v.Int {
				t.Fatalf("%s.%s points at nothing: %+v", r.Set.Name, p.Name, v)
			}
		}
	}
}

func checkTimes(t *testing.T, tx *memory, now time.Time) {
	last := int64(0)
	for _, r := range tx.of(setOrders) {
		last = max(last, get(r, "DocumentDate").Int)
	}
	if age := now.Sub(time.UnixMicro(last)); age > 5*24*time.Hour {
		t.Errorf("the last order is %v old", age)
	}
	for _, r := range tx.order {
		if r.Set.View || !r.Set.IsRoot() {
			continue
		}
		if at := get(r, "AggregateLastUpdateTimeUtc").Int; at > now.UnixMicro() {
			t.Fatalf("%s was changed in the future", r.Set.Name)
		}
		if r.Set.Action("MakeVoid") == nil { // no document
			continue
		}
		at := get(r, "DocumentDate").Int
		for _, name := range []string{"CreationTime", "ReleaseTime", "CompleteTime", "AggregateLastUpdateTimeUtc"} {
			next := get(r, name)
			if next.Null {
				continue
			}
			if next.Int < at {
				t.Fatalf("%s %s: %s is before what precedes it", r.Set.Name, get(r, "DocumentNo").Text, name)
			}
			at = next.Int
		}
		state := get(r, "State").Int
		void := get(r, "Void").Int != 0
		if get(r, "ReleaseTime").Null != (state < erp.StateReleased) || get(r, "CompleteTime").Null != (state < erp.StateCompleted) ||
			(get(r, "ReadOnly").Int != 0) != (void || state >= erp.StateReleased) || get(r, "VoidTime").Null == void || get(r, "VoidReason").Null == void {
			t.Fatalf("%s %s: its state is not what its times say", r.Set.Name, get(r, "DocumentNo").Text)
		}
	}
}

func checkInvoices(t *testing.T, tx *memory) {
	date := int64(0)
	for i, r := range tx.of(setInvoices) {
		order := tx.rows[get(r, "Parent").Text]
		if get(order, "InvoiceNo") != get(r, "DocumentNo") || get(order, "TotalLineAmount") != get(r, "TotalLineAmount") ||
			get(order, "Customer") != get(r, "Customer") || get(order, "State").Int < erp.StateCompleted || get(order, "Void").Int != 0 {
			t.Fatalf("invoice %s is not that of its order", get(r, "DocumentNo").Text)
		}
		if want := fmt.Sprintf("%010d", i+1); get(r, "DocumentNo").Text != want || get(r, "DocumentDate").Int < date {
			t.Fatalf("invoice %s comes after %s of %d", get(r, "DocumentNo").Text, want, date)
		}
		date = get(r, "DocumentDate").Int
	}
	for _, r := range tx.of(setInvoiceLines) {
		line := tx.rows[get(r, "ParentSalesOrderLine").Text]
		for _, name := range []string{"SalesOrder", "Product", "Quantity", "LineAmount"} {
			if get(line, name) != get(r, name) {
				t.Fatalf("an invoice line has another %s than its order line", name)
			}
		}
	}
}

// TestPortalCustomersAreBusy at any time of the year, the first above all.
func TestPortalCustomersAreBusy(t *testing.T) {
	t.Parallel()
	for _, month := range []int{0, 4, 8} {
		now := noon.AddDate(0, month, month)
		tx := seedOf(t, now)
		since := now.AddDate(-1, 0, 0).UnixMicro()
		for n := range demo.Portals {
			c := demo.PortalCustomer(erpModel, n)
			count := func(set string) (n int) {
				for _, r := range tx.of(set) {
					if get(r, "Customer").Text == c.ID && get(r, "DocumentDate").Int >= since {
						n++
					}
				}
				return n
			}
			orders, invoices := count(setOrders), count(setInvoices)
			if n == 0 && (orders < 20 || invoices < 10) || orders < 10 || invoices < 5 || get(tx.rows[c.ID], "Active").Int == 0 {
				t.Errorf("%s: customer %d has %d orders and %d invoices in a year", now.Format(time.DateOnly), n, orders, invoices)
			}
		}
		first := tx.rows[get(tx.rows[demo.PortalCustomer(erpModel, 0).ID], "Party").Text]
		if name := model.Translation(get(first, "PartyName").Text, "EN"); name != "Gipfel & Faden Lechner GmbH" {
			t.Errorf("the first of them is %s", name)
		}
		access := tx.of(setAccess)[0]
		if get(access, "Customer").Text != demo.PortalCustomer(erpModel, 0).ID || get(access, "User").Text != paul.ID ||
			get(access, "Role").Int != 40 || get(access, "DaysBackAccess").Int != 400 {
			t.Errorf("paul's access is %v", access.Values)
		}
	}
}

func TestPortal(t *testing.T) {
	t.Parallel()
	tx := seedOf(t, noon).clone()
	give := func(u demo.ExternalUser) error {
		_, err := demo.Portal(tx, erpModel, admin, noon, u)
		return err
	}
	for range 2 { // the second time it is there
		if err := give(demo.ExternalUser{UserID: anna.ID, Customer: 1, Role: "Orders"}); err != nil {
			t.Fatal(err)
		}
	}
	list := tx.of(setAccess)
	if len(list) != 2 || !get(list[1], "DaysBackAccess").Null || get(list[1], "Role").Int != 20 {
		t.Errorf("there are %d accesses, the last is %v", len(list), list[len(list)-1].Values)
	}
	for name, u := range map[string]demo.ExternalUser{
		"no such user": {UserID: "22222222-0000-4000-8000-000000000009"}, "no such role": {UserID: anna.ID, Role: "King"},
		"no such customer": {UserID: anna.ID, Customer: demo.Portals}, "negative": {UserID: anna.ID, Customer: -1},
	} {
		if err := give(u); err == nil {
			t.Errorf("%s: was given access", name)
		}
	}
}

func TestSeedTwice(t *testing.T) {
	t.Parallel()
	before := seedOf(t, noon)
	tx := before.clone()
	sum, err := demo.Seed(tx, erpModel, options(noon.AddDate(0, 0, 3)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(demo.Summary{Existing: true}, sum); diff != "" {
		t.Error(diff)
	}
	if !tx.equal(before) {
		t.Error("the second seed changed something")
	}
}
