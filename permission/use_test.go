package permission_test

import (
	"slices"
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
	user := permission.By{UserID: "u", ApplicationURI: "app", Flow: tandem.FlowService}
	served := user
	served.For = tandem.InternalUser
	var together sync.WaitGroup
	for range 8 {
		together.Go(func() {
			for range 100 {
				m.Of(user).Decided(permission.Decision{Set: "Set", Need: permission.Read})
				m.Of(served).Decided(permission.Decision{Set: "Set", Attribute: "A", Need: permission.Update})
				m.Of(user).Decided(permission.Decision{Set: "Set", Need: permission.Delete, Refused: &permission.Denied{}})
				call(&m, user)
			}
		})
	}
	together.Wait()
	check := func(want, calls int64) {
		t.Helper()
		now := time.Now()
		taken := m.Take(now)
		if len(taken.Uses) != 2 || taken.Over != 0 {
			t.Fatalf("%+v", taken)
		}
		for _, u := range taken.Uses {
			read := u == permission.Use{By: user, Set: "Set", Right: permission.Read, Calls: want, First: now, Last: now}
			update := u == permission.Use{By: served, Set: "Set", Attribute: "A", Right: permission.Update, Calls: want, First: now, Last: now}
			if !read && !update {
				t.Errorf("%+v", u)
			}
		}
		if !slices.Equal(taken.Calls, []permission.Calls{{By: user, Scope: "read", N: calls}, {By: user, Scope: "update", N: 2 * calls}}) {
			t.Errorf("calls %+v", taken.Calls)
		}
		m.PutBack(taken.Uses)
	}
	check(800, 800)
	m.Of(user).Decided(permission.Decision{Set: "Set", Need: permission.Read})
	m.Of(served).Decided(permission.Decision{Set: "Set", Attribute: "A", Need: permission.Update})
	call(&m, user)
	check(801, 1)
	m.Take(time.Now())
	if taken := m.Take(time.Now()); len(taken.Uses)+len(taken.Calls) != 0 {
		t.Errorf("counted twice: %+v", taken)
	}
}

// call counts three calls, two of which change something.
func call(m *permission.Meter, by permission.By) {
	for _, scope := range []string{"read", "update", "update", "openid"} {
		m.Of(by).Called(scope)
	}
}

// Memory is bounded: what there is no room for is not counted, and told.
func TestUsesAreBounded(t *testing.T) {
	t.Parallel()
	var m permission.Meter
	for i := range permission.MaxMeters + 3 {
		c := m.Of(permission.By{UserID: string(rune(i)), ApplicationURI: "app"})
		if (c == nil) != (i >= permission.MaxMeters) {
			t.Fatalf("the %dth: %v", i, c)
		}
	}
	for i := range 5000 {
		m.Of(permission.By{UserID: "\x01", ApplicationURI: "app"}).Decided(permission.Decision{Set: string(rune(i)), Need: permission.Read})
	}
	if taken := m.Take(time.Now()); taken.Over != 3 || len(taken.Uses) != 1000 {
		t.Errorf("%d over, %d uses", taken.Over, len(taken.Uses))
	}
	for range 70 { // idle counters make room
		m.Take(time.Now())
	}
	if m.Of(permission.By{UserID: "new", ApplicationURI: "app"}) == nil {
		t.Error("there is no room after all were idle")
	}
}

// BenchmarkUse is what counting adds to a call: the look-up of the counter, and a use.
func BenchmarkUse(b *testing.B) {
	var m permission.Meter
	by := permission.By{UserID: "0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10", ApplicationURI: "com.example/portal", Flow: tandem.FlowUser}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var g permission.Granted
			if c := m.Of(by); c != nil {
				c.Called(tandem.ScopeRead)
				g.Watch = c
			}
			_ = g.Decided("Crm_Sales_SalesOrders", "", permission.Read, nil)
		}
	})
}
