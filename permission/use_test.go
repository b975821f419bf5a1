package permission_test

import (
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// Uses are counted by who, through what and for whom; what is taken is counted anew, and
// nothing is lost when it is put back.
func TestUsesAreCounted(t *testing.T) {
	t.Parallel()
	var m permission.Meter
	var together sync.WaitGroup
	for range 8 {
		together.Go(func() {
			for range 100 {
				m.Of("u", "app", "").Decided(permission.Decision{Set: "Set", Need: permission.Read})
				m.Of("u", "app", tandem.InternalUser).Decided(permission.Decision{Set: "Set", Attribute: "A", Need: permission.Update})
				m.Of("u", "app", "").Decided(permission.Decision{Set: "Set", Need: permission.Delete, Refused: &permission.Denied{}})
			}
		})
	}
	together.Wait()
	check := func(want int64) {
		t.Helper()
		now := time.Now()
		uses, over := m.Take(now)
		if len(uses) != 2 || over != 0 {
			t.Fatalf("%d over, %+v", over, uses)
		}
		for _, u := range uses {
			read := u == permission.Use{UserID: "u", ApplicationURI: "app", Set: "Set", Right: permission.Read, Calls: want, First: now, Last: now}
			update := u == permission.Use{UserID: "u", ApplicationURI: "app", For: tandem.InternalUser, Set: "Set", Attribute: "A", Right: permission.Update, Calls: want, First: now, Last: now}
			if !read && !update {
				t.Errorf("%+v", u)
			}
		}
		m.PutBack(uses)
	}
	check(800)
	m.Of("u", "app", "").Decided(permission.Decision{Set: "Set", Need: permission.Read})
	m.Of("u", "app", tandem.InternalUser).Decided(permission.Decision{Set: "Set", Attribute: "A", Need: permission.Update})
	check(801)
	m.Take(time.Now())
	if uses, _ := m.Take(time.Now()); len(uses) != 0 {
		t.Errorf("counted twice: %+v", uses)
	}
}

// Memory is bounded: what there is no room for is not counted, and told.
func TestUsesAreBounded(t *testing.T) {
	t.Parallel()
	var m permission.Meter
	for i := range permission.MaxMeters + 3 {
		c := m.Of(string(rune(i)), "app", "")
		if (c == nil) != (i >= permission.MaxMeters) {
			t.Fatalf("the %dth: %v", i, c)
		}
	}
	for i := range 5000 {
		m.Of("\x01", "app", "").Decided(permission.Decision{Set: string(rune(i)), Need: permission.Read})
	}
	if uses, over := m.Take(time.Now()); over != 3 || len(uses) != 1000 {
		t.Errorf("%d over, %d uses", over, len(uses))
	}
	for range 20 { // idle counters make room
		m.Take(time.Now())
	}
	if m.Of("new", "app", "") == nil {
		t.Error("there is no room after all were idle")
	}
}

// BenchmarkUse is what counting adds to a call: the look-up of the counter, and a use.
func BenchmarkUse(b *testing.B) {
	var m permission.Meter
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var g permission.Granted
			if c := m.Of("0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10", "com.example/portal", ""); c != nil {
				g.Watch = c
			}
			_ = g.Decided("Crm_Sales_SalesOrders", "", permission.Read, nil)
		}
	})
}
