package datatest

import (
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
)

// endedSessionsAreUntold ends sessions in every way that a store has.
func endedSessionsAreUntold(t *testing.T, stores *Stores) {
	ctx, s := t.Context(), licensed(t, stores, 5, nil)
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	closed := openSession(t, s, opening("anna", "closed", noon)).ID
	displaced := openSession(t, s, opening("clara", "displaced", at(4))).ID
	last := openSession(t, s, opening("boris", "last", at(5))).ID
	overdue := openSession(t, s, service("svc", "", at(1))).ID
	untold := func(when string, before time.Time, limit int, want ...string) {
		t.Helper()
		got, err := s.Untold(ctx, before, limit)
		if err != nil || len(got) != len(want) {
			t.Errorf("%s: untold are %+v, %v; want %q", when, got, err, want)
			return
		}
		for i := range got {
			if got[i].ID != want[i] || got[i].EndedAt.IsZero() || got[i].EndedAt.After(got[i].UntoldSince) {
				t.Errorf("%s: %d is %+v, want %s", when, i, got[i], want[i])
			}
		}
	}
	untold("open ones", at(60), 9)
	ended, err := s.End(ctx, session.Ending{IDs: []string{closed}, Reason: "closed", By: "admin", Now: at(6)})
	if err != nil || len(ended) != 1 || !ended[0].UntoldSince.Equal(at(6)) {
		t.Fatalf("End: %+v, %v", ended, err)
	}
	if ended, err = s.Expire(ctx, at(23)); err != nil || len(ended) != 1 || !ended[0].UntoldSince.Equal(at(23)) {
		t.Fatalf("Expire: %+v, %v", ended, err)
	}
	if ended, err = s.SetLicence(ctx, tandem.Licence{Slots: 1}, at(24)); err != nil || len(ended) != 1 || !ended[0].UntoldSince.Equal(at(24)) {
		t.Fatalf("SetLicence: %+v, %v", ended, err)
	}
	untold("all", at(60), 9, closed, overdue, displaced)
	untold("some", at(60), 2, closed, overdue)
	untold("those long ago", at(23), 9, closed)
	must(t, s.Told(ctx, []string{displaced, closed, "never was", last}))
	must(t, s.Told(ctx, nil))
	untold("the rest", at(60), 9, overdue)
}
