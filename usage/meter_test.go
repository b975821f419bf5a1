package usage_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/usage"
)

var noon = time.Date(2026, 11, 29, 12, 3, 0, 0, time.UTC)

// What is counted is taken once, by the day of the taking, with one sign a day that
// counting goes on; what is put back comes again.
func TestUsesAreTakenOnce(t *testing.T) {
	t.Parallel()
	var m usage.Meter
	var together sync.WaitGroup
	for range 4 {
		together.Go(func() {
			for range 100 {
				m.Count("app", tandem.FlowUser, usage.Grant, "refresh_token")
			}
		})
	}
	together.Wait()
	m.Add("", tandem.FlowUser, usage.Grant, "of no application", 1)
	uses, over := m.Take(noon)
	want := []usage.Use{
		{Day: usage.DayOf(noon), What: usage.Running, Calls: 1},
		{Day: usage.DayOf(noon), ApplicationID: "app", Flow: tandem.FlowUser, What: "grant:refresh_token", Calls: 400},
	}
	if !slices.Equal(uses, want) || over != 0 {
		t.Errorf("taken %+v, %d over", uses, over)
	}
	if again, _ := m.Take(noon); len(again) != 0 {
		t.Errorf("taken twice: %+v", again)
	}
	m.PutBack(uses)
	if again, _ := m.Take(noon.Add(time.Minute)); len(again) != 2 || again[1].Calls != 400 || again[1].What != want[1].What {
		t.Errorf("put back, and then %+v", again)
	}
	if next, _ := m.Take(noon.Add(24 * time.Hour)); len(next) != 1 || next[0].What != usage.Running || next[0].Day.String() != "2026-11-30" {
		t.Errorf("the next day: %+v", next)
	}
	var none *usage.Meter
	none.Count("app", tandem.FlowUser, usage.Grant, "x") // and nothing happens
}

// Memory is bounded: what there is no room for is told, and idle counters make room.
func TestUsesHaveABound(t *testing.T) {
	t.Parallel()
	var m usage.Meter
	for i := range usage.MaxCounted + 5 {
		m.Count("app", tandem.FlowService, usage.Instance, strconv.Itoa(i))
	}
	uses, over := m.Take(noon)
	if len(uses)-1 != usage.MaxCounted || over != 5 {
		t.Errorf("%d uses and %d over", len(uses), over)
	}
	for range 20 {
		m.Take(noon)
	}
	m.Count("new", tandem.FlowService, usage.Instance, "")
	if uses, over := m.Take(noon); len(uses) != 1 || over != 0 {
		t.Errorf("after all were idle: %+v, %d over", uses, over)
	}
}

// An event is counted in its five minutes and in its day, under the id that its application
// has, with the rule that decided.
func TestEventsAreCountedTwice(t *testing.T) {
	t.Parallel()
	var all usage.Tallies
	all.Count(tandem.AuditTokenRefused, tandem.RuleCredUnknown, "com.acme/portal", tandem.FlowUser, 3)
	all.Count(tandem.AuditSignInFailed, "", "", tandem.FlowUser, 1)
	take := func() []usage.Tally {
		got, _ := all.Take(noon, func(uri string) string { return "id of " + uri })
		slices.SortFunc(got, func(a, b usage.Tally) int { return strings.Compare(a.Kind+a.Span.String(), b.Kind+b.Span.String()) })
		return got
	}
	day, moment := noon.Truncate(24*time.Hour), noon.Truncate(5*time.Minute)
	want := []usage.Tally{
		{Span: usage.WholeDay, At: day, Kind: "sign_in_failed", Flow: tandem.FlowUser, N: 1},
		{Span: usage.Moment, At: moment, Kind: "sign_in_failed", Flow: tandem.FlowUser, N: 1},
		{Span: usage.WholeDay, At: day, Kind: "token_refused:cred.unknown", ApplicationID: "id of com.acme/portal", Flow: tandem.FlowUser, N: 3},
		{Span: usage.Moment, At: moment, Kind: "token_refused:cred.unknown", ApplicationID: "id of com.acme/portal", Flow: tandem.FlowUser, N: 3},
	}
	got := take()
	if !slices.Equal(got, want) {
		t.Errorf("taken %+v", got)
	}
	all.PutBack(got)
	if again := take(); !slices.Equal(again, want) {
		t.Errorf("put back, and then %+v", again)
	}
	if again := take(); len(again) != 0 {
		t.Errorf("twice: %+v", again)
	}
}

// BenchmarkCount is what counting a use costs.
func BenchmarkCount(b *testing.B) {
	var m usage.Meter
	b.ReportAllocs()
	for b.Loop() {
		m.Count("0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10", tandem.FlowService, usage.Grant, "client_credentials")
	}
}
