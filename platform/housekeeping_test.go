package platform_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

func eventID(at time.Time, n int) string {
	return fmt.Sprintf("%s-7000-8000-%012d", sqldb.FirstID(at), n)
}

// The record loses what is older than it is kept, oldest first and whole days
// only; that this happens is on record before.
func TestTheRecordIsKeptForSoLong(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine})
			ctx, a := t.Context(), in.Platform.Administration
			in.OneDay()
			today := in.Clock.Now().UTC().Truncate(24 * time.Hour)
			// They come behind what may be sealed by now, as no instance's do, and of such a
			// thousand are removed.
			const many = 900
			var events []tandem.AuditEvent
			for i := range many {
				at := today.Add(-audit.DefaultKeep - time.Duration(many-i)*time.Hour)
				events = append(events, tandem.AuditEvent{ID: eventID(at, i), At: at, Kind: tandem.AuditTokenIssued})
			}
			last := events[many-1]
			// Of the day before, and committed after midnight: it stays for another day.
			midnight := today.Add(-audit.DefaultKeep)
			last.At, last.ID = midnight.Add(-time.Millisecond), eventID(midnight.Add(time.Millisecond), 0)
			for _, part := range [][]tandem.AuditEvent{events[:500], events[500:], {last}} {
				if err := data.NewAudit(a.DB).AppendAudit(ctx, part); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // the second time there is nothing to remove, nor to tell
				in.Platform.Purge(ctx)
				left, err := a.Audit.List(ctx, audit.Filter{Forward: true, Limit: audit.MaxPage})
				if err != nil || len(left) == 0 || left[0].ID != last.ID {
					t.Fatalf("the oldest event is %+v, %v", left[:min(1, len(left))], err)
				}
				pruned, err := a.Audit.List(ctx, audit.Filter{Kind: tandem.AuditPruned})
				want := "events before " + midnight.Format(time.DateOnly) + " are removed (kept for 400 days), the oldest is of "
				if err != nil || len(pruned) != 1 || !strings.HasPrefix(pruned[0].Detail, want) {
					t.Errorf("the record tells of it: %+v, %v; want one: %s", pruned, err, want)
				}
			}
		})
	}
}
