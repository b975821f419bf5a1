package jobs

import (
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// The list is ordered by its columns and narrowed to a time, and nothing that was
// typed becomes a part of the statement.
func TestListOfJobs(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			j := noops(t, engine, nil)
			day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			j.clock = func() time.Time { return day }
			for _, who := range []string{"carl", "anna", "ben"} { // nothing runs
				if _, err := j.Submit(t.Context(), everything, Ask{Kind: "nothing", RequestedBy: who}); err != nil {
					t.Fatal(err)
				}
				day = day.AddDate(0, 0, 1)
			}
			list := func(q internalapi.JobQuery) string {
				t.Helper()
				q.Top = max(q.Top, 1)
				page, err := j.List(t.Context(), everything, q)
				if err != nil {
					t.Fatal(err)
				}
				var who []string
				for _, job := range page.Jobs {
					who = append(who, job.RequestedBy)
				}
				return strings.Join(who, " ")
			}
			all, second := internalapi.Page{Top: 9}, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
			for want, q := range map[string]internalapi.JobQuery{
				"ben anna carl": {Page: all, Sort: "-created"}, "carl anna ben": {Page: all, Sort: "created"},
				"anna ben carl": {Page: all, Sort: "requested_by"}, "carl ben anna": {Page: all, Sort: "-requested_by"},
				"ben anna": {Page: all, From: second}, "carl": {Page: all, Until: second}, "anna": {Page: all, From: second, Until: second.AddDate(0, 0, 1)},
				"ben": {Page: internalapi.Page{Skip: 1, Top: 1}, Sort: "requested_by"}, "": {Page: all, From: second.AddDate(1, 0, 0)},
			} {
				if got := list(q); got != want {
					t.Errorf("%+v: %s, want %s", q, got, want)
				}
			}
			for word := range orders {
				list(internalapi.JobQuery{Sort: word})
			}
			_, err := j.List(t.Context(), everything, internalapi.JobQuery{Sort: "id; DROP TABLE jobs"})
			if tandem.ErrorCode(err) != tandem.CodeInvalid || !strings.Contains(err.Error(), "created, kind, state or requested_by") {
				t.Error(err)
			}
		})
	}
}
