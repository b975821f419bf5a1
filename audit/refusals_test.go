package audit_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/internal/flood"
	"github.com/hybridapps/tandem/internal/testkit"
)

// Repeats are counted, and told when the record is back that was away when their minute was
// over: however many, none is lost.
func TestRepeatsAreToldWhenTheRecordIsBack(t *testing.T) {
	t.Parallel()
	for _, kinds := range []int{2, 3 * audit.MaxRefusals} {
		clock, record := testkit.NewClock(), &testkit.Record{}
		refusals := audit.NewRefusals(record, clock.Now)
		refused := func(n int) error {
			_, err := refusals.Refused(t.Context(), tandem.AuditEvent{Kind: tandem.AuditCallRefused, Actor: fmt.Sprintf("a%d", n), Detail: "no"}, tandem.Facts{}, "forbidden")
			return err
		}
		counted := 0
		record.Fail(errors.New("away"))
		for n := 0; n < kinds; n += 300 { // in minutes of their own, of which each is told apart
			_ = refused(-1) // the first of a second looks for what is due, and tells that it cannot
			for i := range min(300, kinds-n) {
				if refused(n+i) == nil {
					t.Error("the first of a kind passed without a record")
				}
				for range 2 {
					counted++
					if err := refused(n + i); err != nil {
						t.Error(err)
					}
				}
			}
			clock.Advance(flood.Window)
			if err := refusals.Tell(t.Context(), false); err == nil {
				t.Error("a record that is away was not told of")
			}
		}
		record.Fail(nil)
		for range 2 {
			if err := refusals.Tell(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
		told := 0
		for _, e := range record.Of(tandem.AuditCallRefused) {
			var n int
			if _, err := fmt.Sscanf(e.Detail, "no; %d times more", &n); err == nil {
				told += n
			} else if _, err := fmt.Sscanf(e.Detail, "%d refusals since", &n); err == nil {
				told += n
			}
		}
		if told != counted {
			t.Errorf("of %d kinds %d repeats were told, want %d", kinds, told, counted)
		}
	}
}
