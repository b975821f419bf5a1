package datatest

import (
	"fmt"
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
	whole(t, event(1))
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
