package datatest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
)

func event(n int) tandem.AuditEvent {
	return tandem.AuditEvent{
		ID: fmt.Sprintf("0193%06d", n), At: noon.Add(time.Duration(n) * time.Second), Kind: tandem.AuditTokenIssued,
		ApplicationURI: "com.example/portal", Actor: fmt.Sprint("user", n%3), Flow: tandem.FlowUser, SessionID: "s", SignInID: "sid",
		TokenID: fmt.Sprint("jti", n), RemoteAddr: "192.0.2.1", Detail: "scope read update; Анна O'Neil",
		RequestID: fmt.Sprint("request", n), Facts: `{"r":"scope.missing","p":"/a'b"}`,
	}
}

func events(from, n int) (events []tandem.AuditEvent) {
	for i := range n {
		events = append(events, event(from+i))
	}
	return events
}

func auditGroupsOfEverySizeAreKeptWhole(t *testing.T, stores *Stores) {
	ctx, s := t.Context(), stores.Audit
	whole(t, event(1), "Once")
	total := 0
	for _, n := range []int{0, 1, 2, 31, 32, 33, 64, 65, audit.MaxGroup} {
		must(t, s.AppendAudit(ctx, events(total, n)))
		total += n
		got, err := s.ListAudit(ctx, audit.Filter{Limit: 2000})
		if err != nil || len(got) != total {
			t.Fatalf("after a group of %d: %d events of %d, %v", n, len(got), total, err)
		}
		for i, e := range got { // newest first
			if want := event(total - 1 - i); !cmp.Equal(e, want) {
				t.Fatalf("after a group of %d, event %d:\n%s", n, i, cmp.Diff(want, e))
			}
		}
	}
	// One event of the group is there already: none of it is kept.
	for _, n := range []int{5, 40} {
		if err := s.AppendAudit(ctx, append(events(total, n-1), event(0))); err == nil {
			t.Errorf("a group of %d with an id that is taken was kept", n)
		}
	}
	if got, err := s.ListAudit(ctx, audit.Filter{Limit: 2000}); err != nil || len(got) != total {
		t.Errorf("a group that failed left %d events behind, %v", len(got)-total, err)
	}
}

// What events use up is used up with them, once, or not at all.
func auditUsesUpOnce(t *testing.T, stores *Stores) {
	ctx, s := t.Context(), stores.Audit
	const from = 5000 // others may have used the database
	next := from
	using := func(ids ...int) (group []tandem.AuditEvent) {
		for _, id := range ids {
			e := event(next)
			next++
			if id >= 0 {
				e.Once = &tandem.Once{ID: sha256.Sum256([]byte{byte(id)}), Until: noon}
			}
			group = append(group, e)
		}
		return group
	}
	var want []string
	var many []int // 0 to 5 are used by now
	for i := range 72 {
		many = append(many, i)
	}
	many[70], many[71] = 9, -1
	for _, step := range []struct {
		name    string
		ids     []int
		refused []int // by their place
	}{
		{"alone", []int{0}, nil},
		{"alone again", []int{0}, []int{0}},
		{"beside others", []int{-1, 1, -1, 2}, nil},
		{"used before, in places", []int{0, -1, 3, 1, 2}, []int{0, 3, 4}},
		{"twice in one group", []int{4, 5, 4, -1, 4}, []int{2, 4}},
		{"nothing is left", []int{0, 1, 2}, []int{0, 1, 2}},
		{"more than a statement takes", many, []int{0, 1, 2, 3, 4, 5, 70}},
	} {
		group := using(step.ids...)
		must(t, s.AppendAudit(ctx, group))
		for i, e := range group {
			refused := slices.Contains(step.refused, i)
			if e.Once != nil && e.Once.First == refused {
				t.Errorf("%s: place %d is the first: %t", step.name, i, e.Once.First)
			}
			if !refused {
				want = append(want, e.ID)
			}
		}
	}
	kept := func() (ids []string) {
		t.Helper()
		got, err := s.ListAudit(ctx, audit.Filter{Limit: 2000, Forward: true, After: event(from - 1).ID})
		must(t, err)
		for _, e := range got {
			ids = append(ids, e.ID)
		}
		return ids
	}
	if got := kept(); !cmp.Equal(got, want) {
		t.Errorf("what was kept: %s", cmp.Diff(want, got))
	}
	for _, ids := range [][]int{{100}, {101, -1, 102}} { // a group that fails uses nothing up
		failing := using(ids...)
		failing[len(failing)-1].ID = want[0]
		if err := s.AppendAudit(ctx, failing); err == nil || failing[0].Once.First {
			t.Errorf("a group with an id that is taken: %v, %t", err, failing[0].Once.First)
		}
		again := using(ids...)
		must(t, s.AppendAudit(ctx, again))
		for _, e := range again {
			if e.Once != nil && !e.Once.First {
				t.Error("a group that failed has used something up")
			}
		}
	}
	var won atomic.Int64
	groups := make([][]tandem.AuditEvent, racers)
	for i := range groups { // in two orders, alone and together
		switch i % 3 {
		case 0:
			groups[i] = using(200, 201, 202)
		case 1:
			groups[i] = using(202, 201, 200)
		default:
			groups[i] = using(201)
		}
	}
	Together(t, racers, func(i int) error {
		err := s.AppendAudit(ctx, groups[i])
		for _, e := range groups[i] {
			if e.Once.First {
				won.Add(1)
			}
		}
		return err
	})
	if won.Load() != 3 {
		t.Errorf("three things were used %d times", won.Load())
	}
}

func auditFilters(t *testing.T, stores *Stores) {
	ctx, s := t.Context(), stores.Audit
	must(t, s.AppendAudit(ctx, events(0, 12)))
	other := event(12)
	other.Kind, other.ApplicationURI, other.SessionID = tandem.AuditSessionOpened, "other", "s2"
	must(t, s.AppendAudit(ctx, []tandem.AuditEvent{other}))
	for name, test := range map[string]struct {
		filter audit.Filter
		want   []int
	}{
		"all":         {audit.Filter{}, []int{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
		"limit":       {audit.Filter{Limit: 2}, []int{12, 11}},
		"forward":     {audit.Filter{Forward: true, After: event(2).ID, Limit: 3}, []int{3, 4, 5}},
		"page":        {audit.Filter{Limit: 2, Before: event(11).ID}, []int{10, 9}},
		"kind":        {audit.Filter{Kind: tandem.AuditSessionOpened}, []int{12}},
		"application": {audit.Filter{ApplicationURI: "other"}, []int{12}},
		"session":     {audit.Filter{SessionID: "s2"}, []int{12}},
		"actor":       {audit.Filter{Actor: "user1"}, []int{10, 7, 4, 1}},
		"time":        {audit.Filter{Since: event(3).At, Until: event(5).At}, []int{4, 3}},
		"together":    {audit.Filter{Actor: "user1", Since: event(2).At, Before: event(10).ID, Limit: 1}, []int{7}},
		"no SQL":      {audit.Filter{Actor: "' OR 1=1 --"}, nil},
	} {
		if test.filter.Limit == 0 {
			test.filter.Limit = 100
		}
		got, err := s.ListAudit(ctx, test.filter)
		var ids, want []string
		for _, e := range got {
			ids = append(ids, e.ID)
		}
		for _, n := range test.want {
			want = append(want, event(n).ID)
		}
		if err != nil || !cmp.Equal(ids, want) {
			t.Errorf("%s: %v, want %v, %v", name, ids, want, err)
		}
	}
}
