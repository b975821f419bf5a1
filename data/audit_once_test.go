package data_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// Of a group in which one event comes too late the others are kept, in a few statements.
func TestOneEventThatComesTooLateHoldsUpTheOthersLittle(t *testing.T) {
	t.Parallel()
	direct := datatest.Open(t, sqldb.PostgreSQL)
	w := testkit.NewWire(t, direct.URL())
	db, err := sqldb.Open(t.Context(), w.URL, sqldb.Options{MaxConns: 1})
	must(t, err)
	t.Cleanup(func() { w.Cut(); db.Close() })
	store := data.NewAudit(db)
	const group = 28
	appendGroup := func(round int) error {
		var events []tandem.AuditEvent
		for i := range group {
			e := tandem.AuditEvent{ID: fmt.Sprintf("%02d %02d", round, i), At: noon, Kind: tandem.AuditTokenIssued}
			if i == 3 {
				e.Once = &tandem.Once{ID: sha256.Sum256([]byte("used")), Until: noon.Add(time.Hour)}
			}
			events = append(events, e)
		}
		err := store.AppendAudit(t.Context(), events)
		if first := events[3].Once.First; err == nil && first != (round == 0) {
			t.Errorf("round %d: the first is %t", round, first)
		}
		return err
	}
	must(t, appendGroup(0))
	must(t, appendGroup(1)) // the statements are prepared
	w.StopAfter(12)
	done := make(chan error, 1)
	go func() { done <- appendGroup(2) }()
	select {
	case err := <-done:
		must(t, err)
	case <-w.Stopped:
		w.Cut()
		t.Fatalf("it takes more than twelve messages: %v", <-done)
	}
	if n := countOf(t, direct.Reader(), "audit_events"); n != 3*group-2 {
		t.Errorf("%d events are kept of %d", n, 3*group-2)
	}
}
