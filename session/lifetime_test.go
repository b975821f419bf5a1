package session_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/session"
)

func TestB14_TwentyMinuteEdge(t *testing.T) {
	each(t, func(w *world) {
		m, other := w.replica(1, nil), w.replica(1, nil)
		anna := w.call(m, user("anna", "sid"))
		w.clock.Advance(20*time.Minute - time.Microsecond)
		w.full(other, user("boris", "b"))
		if s := w.call(m, user("anna", "sid")); s.ID != anna.ID {
			t.Error("a call within twenty minutes opened another session")
		}
		w.clock.Advance(20*time.Minute - time.Microsecond)
		w.full(other, user("boris", "b")) // the call before was written through
		w.clock.Advance(time.Microsecond)
		if s := w.call(m, user("anna", "sid")); s.ID == anna.ID {
			t.Error("a session lived on after twenty minutes without a call")
		}
		if got := w.audit.Details(tandem.AuditSessionClosed); len(got) != 1 || !strings.HasPrefix(got[0], "idle; slot 1") {
			t.Errorf("recorded: %q", got)
		}
	})
}

func TestB14_OneHourEdge(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(2, nil)
		first := w.call(m, service("svc", ""))
		person := w.call(m, user("anna", "sid"))
		for range 5 {
			w.clock.Advance(10 * time.Minute)
			w.call(m, service("svc", ""))
			w.call(m, user("anna", "sid"))
		}
		w.clock.Advance(10*time.Minute - time.Microsecond)
		if s := w.call(m, service("svc", "")); s.ID != first.ID {
			t.Error("the service session ended before its hour")
		}
		w.clock.Advance(time.Microsecond)
		if s := w.call(m, service("svc", "")); s.ID == first.ID {
			t.Error("an active service session lived on after its hour")
		}
		if s := w.call(m, user("anna", "sid")); s.ID != person.ID {
			t.Error("a user's session has no such end")
		}
		if got := w.audit.Details(tandem.AuditSessionClosed); len(got) != 1 || !strings.HasPrefix(got[0], "absolute") {
			t.Errorf("recorded: %q", got)
		}
	})
}

// A replica that crashes takes its slots to the grave until they run out, and
// no longer.
func TestB14_CrashedReplicaHoldsNoSlotForLong(t *testing.T) {
	each(t, func(w *world) {
		crashed, survivor := w.replica(2, nil), w.replica(2, nil)
		w.call(crashed, user("anna", "a"))
		w.call(crashed, service("svc", ""))
		w.clock.Advance(20*time.Minute - time.Microsecond)
		w.sync(survivor)
		w.full(survivor, user("boris", "b"))
		w.clock.Advance(time.Microsecond)
		w.sync(survivor)
		if n := w.open(); n != 0 {
			t.Errorf("%d slots leaked", n)
		}
		w.call(survivor, user("boris", "b"))
	})
}

func TestB14_RestartKeepsSessions(t *testing.T) {
	each(t, func(w *world) {
		before := w.replica(2, nil)
		anna, svc := w.call(before, user("anna", "a")), w.call(before, service("svc", "w-1"))
		w.sync(before)
		w.clock.Advance(19 * time.Minute)
		after := w.replica(2, nil)
		w.sync(after)
		if s := w.call(after, user("anna", "a")); s.ID != anna.ID || s.Slot != anna.Slot {
			t.Error("anna's session did not survive the restart")
		}
		if s := w.call(after, service("svc", "w-1")); s.ID != svc.ID || !s.AbsoluteExpiresAt.Equal(svc.AbsoluteExpiresAt) {
			t.Error("the service's session did not survive the restart as it was")
		}
	})
}

func TestB14_ClockJumps(t *testing.T) {
	each(t, func(w *world) {
		m, other := w.replica(2, nil), w.replica(2, nil)
		anna := w.call(m, user("anna", "a"))
		w.clock.Advance(-3 * time.Hour)
		if s := w.call(m, user("anna", "a")); s.ID != anna.ID {
			t.Error("a clock that jumped back ended the session")
		}
		if s := w.call(other, user("anna", "a")); s.ID != anna.ID || s.LastRequestAt.Before(anna.LastRequestAt) {
			t.Errorf("after the jump back another replica sees %+v", s)
		}
		w.sync(m)
		w.clock.Advance(3 * time.Hour)
		if s := w.call(m, user("anna", "a")); s.ID != anna.ID {
			t.Error("the clock is right again, but the session is another")
		}
		w.clock.Advance(24 * time.Hour)
		next := w.call(m, user("anna", "a"))
		if next.ID == anna.ID || next.Slot != 1 {
			t.Errorf("a day later: %+v", next)
		}
		w.clock.Advance(-24 * time.Hour)
		if s := w.call(m, user("anna", "a")); s.ID != next.ID {
			t.Error("back again: the session is another")
		}
		if n := w.open(); n != 1 {
			t.Errorf("%d sessions are open", n)
		}
	})
}

func TestB14_CloseTwice(t *testing.T) {
	each(t, func(w *world) {
		m, other := w.replica(1, nil), w.replica(1, nil)
		anna := w.call(m, user("anna", "a"))
		for _, replica := range []*session.Manager{m, m, other} {
			if err := replica.Close(t.Context(), by, anna.ID, "maintenance"); err != nil {
				t.Error(err)
			}
		}
		if got := w.audit.Details(tandem.AuditSessionClosed); len(got) != 1 || !strings.HasPrefix(got[0], "maintenance; slot 1") {
			t.Errorf("closing three times recorded %q", got)
		}
		if err := m.CloseByKey(t.Context(), "", tandem.EndSignOut); err != nil {
			t.Errorf("a sign-out without a session: %v", err)
		}
		if err := m.Close(t.Context(), by, "never was", "maintenance"); !errors.Is(err, tandem.ErrNotFound) {
			t.Errorf("closing a session that never was: %v", err)
		}
		for _, reason := range []string{"", strings.Repeat("x", 201)} {
			if err := m.Close(t.Context(), by, anna.ID, reason); tandem.ErrorCode(err) != tandem.CodeInvalid {
				t.Errorf("a reason of %d bytes: %v", len(reason), err)
			}
		}
		if s := w.call(other, user("boris", "b")); s.Slot != 1 {
			t.Errorf("slot %d", s.Slot)
		}
	})
}

func TestB15_RefusalsAreToldOnceAMinute(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(1, nil)
		w.call(m, user("anna", "a"))
		for range 50 {
			w.full(m, user("boris", "b"))
		}
		w.full(m, user("clara", "c"))
		if got := w.audit.Details(tandem.AuditSessionRefused); len(got) != 2 {
			t.Errorf("51 refusals of two people recorded at once: %q", got)
		}
		if n := w.open(); n != 1 {
			t.Errorf("refused calls opened sessions: %d", n)
		}
		w.clock.Advance(time.Minute)
		if err := w.refusals.Tell(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		got := w.audit.Details(tandem.AuditSessionRefused)
		if len(got) != 3 || !strings.Contains(got[2], "49 times more") {
			t.Errorf("a minute later: %q", got)
		}
	})
}

func TestB16_MultiplexingIsRecordedOnce(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.replica(2, nil), w.replica(2, nil)
		from := func(m *session.Manager, address string) string {
			s, err := m.Acquire(t.Context(), service("svc", ""), address)
			if err != nil {
				t.Fatal(err)
			}
			return s.ID
		}
		id := from(a, "192.0.2.1")
		for range 3 {
			from(a, "192.0.2.1")
		}
		if got := w.audit.Details(tandem.AuditMultiplexing); len(got) != 0 {
			t.Fatalf("one place: %q", got)
		}
		for _, m := range []*session.Manager{b, a, b, a} { // not blocked, and told once for all replicas
			if from(m, "198.51.100.7") != id {
				t.Error("calls from elsewhere got another session")
			}
		}
		want := []string{"one service session is used from 192.0.2.1 and from 198.51.100.7"}
		if got := w.audit.Details(tandem.AuditMultiplexing); !slices.Equal(got, want) {
			t.Errorf("recorded %q, want %q", got, want)
		}
		// Both loopback addresses are one place, and people may roam.
		local := service("svc.local", "")
		for _, address := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
			if _, err := a.Acquire(t.Context(), local, address); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.CloseByKey(t.Context(), portal+" id-svc.local ", "test"); err != nil {
			t.Fatal(err)
		}
		for _, address := range []string{"192.0.2.1", "198.51.100.7"} {
			if _, err := a.Acquire(t.Context(), user("anna", "sid"), address); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.audit.Details(tandem.AuditMultiplexing); len(got) != 1 {
			t.Errorf("recorded %q", got)
		}
	})
}

func TestB16_ReuseAfterSignOutIsTold(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(2, nil)
		w.call(m, user("anna", "sid"))
		if err := m.CloseByKey(t.Context(), "sid", tandem.EndSignOut); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
		w.call(m, user("anna", "sid"))
		got := w.audit.Details(tandem.AuditSessionOpened)
		if len(got) != 2 || !strings.Contains(got[1], "reopened with a token that outlived the sign-out of 2026-11-24T12:00:00Z") {
			t.Errorf("recorded %q", got)
		}
	})
}
