package data_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// TestSignInsOfAPerson: their sign-ins alone, the newest first, found by the index that
// has nothing else.
func TestSignInsOfAPerson(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		store, at := data.NewAudit(db), time.Now()
		var events []tandem.AuditEvent
		for n, e := range []tandem.AuditEvent{
			{Kind: tandem.AuditSignIn, Actor: "anna"}, {Kind: tandem.AuditTokenIssued, Actor: "anna"}, {Kind: tandem.AuditSignInFailed, Actor: "anna"},
			{Kind: tandem.AuditSignIn, Actor: "paul"}, {Kind: tandem.AuditSignOut, Actor: "anna"},
		} {
			e.ID, e.At = fmt.Sprintf("0195-%d", n), at
			events = append(events, e)
		}
		if err := store.AppendAudit(t.Context(), events); err != nil {
			t.Fatal(err)
		}
		for limit, want := range map[int]string{10: "0195-2 0195-0", 1: "0195-2"} {
			found, err := store.SignInsOf(t.Context(), "anna", limit)
			var ids []string
			for _, e := range found {
				ids = append(ids, e.ID)
			}
			if got := strings.Join(ids, " "); err != nil || got != want {
				t.Errorf("%d: %q, %v", limit, got, err)
			}
		}
		if db.Engine != sqldb.SQLite {
			return // PostgreSQL reads so few rows without any index
		}
		var id, parent, unused int
		var plan string
		err := db.Reader().QueryRowContext(t.Context(), `EXPLAIN QUERY PLAN SELECT id FROM audit_events WHERE actor = 'anna' AND kind IN ('sign_in', 'sign_in_failed') ORDER BY id DESC LIMIT 5`).
			Scan(&id, &parent, &unused, &plan)
		if err != nil || !strings.Contains(plan, "audit_sign_ins") {
			t.Errorf("%q, %v", plan, err)
		}
	})
}
