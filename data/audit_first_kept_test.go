package data_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// TestFirstKept looks through more events than one statement does for the first that stays:
// by its id, or before that by its own time.
func TestFirstKept(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		store, before := data.NewAudit(db), time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
		first := func(want string) {
			t.Helper()
			if got, err := store.FirstKept(t.Context(), before); err != nil || got != want {
				t.Errorf("the first that stays is %q, want %q, %v", got, want, err)
			}
		}
		first(sqldb.FirstID(before)) // where there is none at all
		id := func(n int, at time.Time) string { return fmt.Sprintf("%s-7%07d", sqldb.FirstID(at), n) }
		old := before.Add(-time.Hour)
		var events []tandem.AuditEvent
		add := func(e tandem.AuditEvent) {
			if events = append(events, e); len(events) == audit.MaxGroup || e.Detail == "last" {
				if err := store.AppendAudit(t.Context(), events); err != nil {
					t.Fatal(err)
				}
				events = nil
			}
		}
		const all = 20_500
		for n := range all {
			add(tandem.AuditEvent{ID: id(n, old), At: old, Kind: tandem.AuditTokenIssued})
		}
		add(tandem.AuditEvent{ID: id(all, old), At: old, Kind: tandem.AuditTokenIssued, Detail: "last"})
		first(sqldb.FirstID(before)) // where all go
		stays := id(0, before.Add(time.Minute))
		add(tandem.AuditEvent{ID: stays, At: before.Add(time.Minute), Kind: tandem.AuditTokenIssued, Detail: "last"})
		first(stays)
		late := id(all+1, old)
		add(tandem.AuditEvent{ID: late, At: before, Kind: tandem.AuditTokenIssued, Detail: "last"})
		first(late)
	})
}
