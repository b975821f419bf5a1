package data_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

const idle = 20 * time.Minute

func opening(login, key string, at time.Time) session.Opening {
	return session.Opening{Idle: idle, RemoteAddr: "192.0.2.1", Session: tandem.Session{
		ID: uuid.NewString(), Key: key, Kind: tandem.SessionUser, User: login, UserID: "id of " + login, ApplicationURI: "com.example/portal",
		OpenedAt: at, LastRequestAt: at, Requests: 1,
	}}
}

func service(login, instance string, at time.Time) session.Opening {
	o := opening(login, "com.example/portal "+login+" "+instance, at)
	o.Session.Kind, o.Session.ServiceInstance, o.Session.AbsoluteExpiresAt = tandem.SessionService, instance, at.Add(time.Hour)
	return o
}

// sessions opens a store with a licence.
func sessions(t *testing.T, db *sqldb.DB, slots int, reserved map[string]int) *data.Sessions {
	t.Helper()
	s := data.NewSessions(db)
	ended, err := s.SetLicence(t.Context(), tandem.Licence{Slots: slots, Reserved: reserved}, noon)
	if err != nil || len(ended) > 0 {
		t.Fatalf("SetLicence ended %v: %v", ended, err)
	}
	return s
}

func open(t *testing.T, s *data.Sessions, o session.Opening) session.Opened {
	t.Helper()
	opened, err := s.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("open for %s: %v", o.Session.User, err)
	}
	return opened
}

func TestSessionsAreReadAsWritten(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, s := t.Context(), sessions(t, db, 3, nil)
		o := service("svc.portal", "worker-1", noon)
		opened := open(t, s, o)
		want := session.Stored{Session: o.Session, RemoteAddr: o.RemoteAddr}
		want.Slot = 1
		if !opened.Fresh || opened.Licence.Slots != 3 || !cmp.Equal(opened.Stored, want) {
			t.Errorf("opened: %+v\n%s", opened, cmp.Diff(want, opened.Stored))
		}
		open(t, s, opening("anna", "sid-anna", noon.Add(time.Second)))
		listed, err := s.List(ctx, false, noon)
		if err != nil || len(listed) != 2 || !cmp.Equal(listed[0], want) || listed[1].Slot != 2 {
			t.Errorf("List: %v, %v", listed, err)
		}
		again := open(t, s, service("svc.portal", "worker-1", noon.Add(time.Minute)))
		if again.Fresh || again.ID != o.Session.ID || again.Requests != 2 || !again.LastRequestAt.Equal(noon.Add(time.Minute)) {
			t.Errorf("a second opening with the same key: %+v", again)
		}
		all, err := s.List(ctx, true, noon)
		if err != nil || len(all) != 2 || all[0].User != "anna" {
			t.Errorf("List all, newest first: %v, %v", all, err)
		}
	})
}

func TestSessionsEndAtTheirEdges(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, s := t.Context(), sessions(t, db, 3, nil)
		anna := open(t, s, opening("anna", "sid", noon))
		worker := open(t, s, service("svc", "", noon))
		if expired, err := s.Expire(ctx, noon.Add(idle-time.Microsecond)); err != nil || len(expired) > 0 {
			t.Fatalf("a microsecond early: %v, %v", expired, err)
		}
		// A touch of another replica, or of a clock that was set back, takes nothing away.
		must(t, s.Touch(ctx, []session.Touch{{ID: anna.ID, At: noon.Add(-time.Hour), ExpiresAt: noon.Add(-time.Hour).Add(idle)}}))
		if expired, err := s.Expire(ctx, noon.Add(idle-time.Microsecond)); err != nil || len(expired) > 0 {
			t.Fatalf("after an old touch: %v, %v", expired, err)
		}
		at := noon.Add(59 * time.Minute)
		for m := 15; m < 60; m += 15 { // the service stays active
			last := noon.Add(time.Duration(m) * time.Minute)
			must(t, s.Touch(ctx, []session.Touch{{ID: worker.ID, At: last, ExpiresAt: worker.AbsoluteExpiresAt, Requests: 2}}))
		}
		expired, err := s.Expire(ctx, noon.Add(idle))
		if err != nil || len(expired) != 1 || expired[0].ID != anna.ID || expired[0].EndReason != tandem.EndIdle || !expired[0].EndedAt.Equal(noon.Add(idle)) {
			t.Errorf("at 20 minutes: %+v, %v", expired, err)
		}
		if live, err := s.TouchLive(ctx, session.Touch{ID: worker.ID, At: at, ExpiresAt: worker.AbsoluteExpiresAt, Requests: 1}); err != nil || !live {
			t.Errorf("an active service session after 59 minutes: %v, %v", live, err)
		}
		if live, err := s.TouchLive(ctx, session.Touch{ID: worker.ID, At: noon.Add(time.Hour), ExpiresAt: noon.Add(2 * time.Hour), Requests: 1}); err != nil || live {
			t.Errorf("a service session was touched after its hour: %v, %v", live, err)
		}
		again := open(t, s, service("svc", "", noon.Add(time.Hour)))
		if !again.Fresh || again.ID == worker.ID || again.Previous != tandem.EndAbsolute || !again.PreviousAt.Equal(noon.Add(time.Hour)) ||
			len(again.Expired) != 1 || again.Expired[0].Requests != 8 {
			t.Errorf("the session after the hour: %+v", again)
		}
		// A touch that comes late counts, but brings nothing back.
		must(t, s.Touch(ctx, []session.Touch{{ID: anna.ID, At: noon.Add(time.Minute), ExpiresAt: noon.Add(9 * time.Hour), Requests: 4}}))
		all, err := s.List(ctx, true, noon)
		if err != nil || len(all) != 3 {
			t.Fatalf("%v, %v", all, err)
		}
		i := slices.IndexFunc(all, func(s session.Stored) bool { return s.ID == anna.ID })
		if got := all[i]; got.Requests != 5 || got.EndedAt.IsZero() {
			t.Errorf("after a late touch: %+v", got)
		}
		must(t, s.Forget(ctx, noon.Add(2*time.Hour)))
		if all, err := s.List(ctx, true, noon); err != nil || len(all) != 1 {
			t.Errorf("after Forget: %v, %v", all, err)
		}
	})
}

func TestEndedSessionsAreToldToOtherReplicas(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, s := t.Context(), sessions(t, db, 5, nil)
		a, b := open(t, s, opening("anna", "a", noon)), open(t, s, opening("boris", "b", noon))
		c := open(t, s, opening("clara", "c", noon))
		ids, before, err := s.EndedSince(ctx, -1)
		if err != nil || len(ids) > 0 {
			t.Fatalf("%v, %v", ids, err)
		}
		ended, err := s.End(ctx, session.Ending{Key: "a", Reason: tandem.EndSignOut, Now: noon})
		if err != nil || len(ended) != 1 || ended[0].ID != a.ID || ended[0].EndReason != tandem.EndSignOut {
			t.Fatalf("End by key: %v, %v", ended, err)
		}
		_, between, err := s.EndedSince(ctx, before)
		must(t, err)
		ended, err = s.End(ctx, session.Ending{IDs: []string{b.ID, c.ID, a.ID}, Reason: "closed", Now: noon})
		if err != nil || len(ended) != 2 {
			t.Fatalf("End by ids: %v, %v", ended, err)
		}
		ids, last, err := s.EndedSince(ctx, between)
		if slices.Sort(ids); err != nil || last <= between || !slices.Equal(ids, slices.Sorted(slices.Values([]string{b.ID, c.ID}))) {
			t.Errorf("EndedSince(%d) = %v, %d, %v", between, ids, last, err)
		}
		// Ended twice, or by a key that nobody has: nothing happens.
		for _, e := range []session.Ending{{IDs: []string{a.ID}}, {Key: "a"}, {Key: "nobody"}} {
			if ended, err := s.End(ctx, e); err != nil || len(ended) > 0 {
				t.Errorf("End(%+v) = %v, %v", e, ended, err)
			}
		}
		if _, err := s.End(ctx, session.Ending{IDs: []string{"never was"}, Reason: "closed", Now: noon}); !errors.Is(err, tandem.ErrNotFound) {
			t.Errorf("End of a session that never was: %v", err)
		}
		if _, now, err := s.EndedSince(ctx, last); err != nil || now != last {
			t.Errorf("nothing has changed, but the number went from %d to %d: %v", last, now, err)
		}
	})
}

func TestMultiplexingIsMarkedOnce(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := sessions(t, db, 5, nil)
		id := open(t, s, service("svc", "", noon)).ID
		var first atomic.Int64
		together(t, 8, func(int) error {
			marked, err := s.MarkMultiplexed(t.Context(), id)
			if marked {
				first.Add(1)
			}
			return err
		})
		if first.Load() != 1 {
			t.Errorf("%d calls marked the session", first.Load())
		}
	})
}

func TestReservedSlots(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, s := t.Context(), sessions(t, db, 4, map[string]int{"svc": 2})
		for i := range 2 {
			if o := open(t, s, opening("anna", fmt.Sprint("a", i), noon)); o.Slot != i+1 || o.Reserved {
				t.Errorf("a shared slot: %d, reserved %v", o.Slot, o.Reserved)
			}
		}
		if o := open(t, s, opening("boris", "b", noon)); o.ID != "" {
			t.Errorf("boris has a reserved slot: %+v", o)
		}
		for i := range 2 {
			if o := open(t, s, service("svc", fmt.Sprint(i), noon)); o.Slot != i+3 || !o.Reserved {
				t.Errorf("a reserved slot: %d, reserved %v", o.Slot, o.Reserved)
			}
		}
		if o := open(t, s, service("svc", "third", noon)); o.ID != "" {
			t.Errorf("a fifth session of four: %+v", o)
		}
		_, err := s.End(ctx, session.Ending{Key: "a0", Reason: tandem.EndSignOut, Now: noon})
		must(t, err)
		if o := open(t, s, service("svc", "third", noon)); o.Slot != 1 || o.Reserved {
			t.Errorf("more sessions than reserved slots use shared ones: %+v", o)
		}
	})
}

func TestSmallerLicenceEndsTheLongestIdle(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, s := t.Context(), sessions(t, db, 6, nil)
		var ids []string
		for i := range 5 { // slot 1 is the longest idle
			ids = append(ids, open(t, s, opening(fmt.Sprint("u", i), fmt.Sprint("k", i), noon.Add(time.Duration(i)*time.Minute))).ID)
		}
		ended, err := s.SetLicence(ctx, tandem.Licence{Slots: 3, Reserved: map[string]int{"u0": 1}}, noon.Add(6*time.Minute))
		if err != nil || len(ended) != 2 {
			t.Fatalf("ended %v, %v", ended, err)
		}
		for _, e := range ended {
			if e.EndReason != session.EndLicence || e.ID != ids[1] && e.ID != ids[2] {
				t.Errorf("ended %s: %s", e.User, e.EndReason)
			}
		}
		listed, err := s.List(ctx, false, noon)
		var got []string
		for _, l := range listed {
			got = append(got, fmt.Sprintf("%d %s %v", l.Slot, l.User, l.Reserved))
		}
		if want := []string{"1 u4 false", "2 u3 false", "3 u0 true"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("slots %v, want %v, %v", got, want, err)
		}
		// The same licence again, as another replica sets it: nobody moves.
		if ended, err := s.SetLicence(ctx, tandem.Licence{Slots: 3, Reserved: map[string]int{"u0": 1}}, noon.Add(time.Hour)); err != nil || len(ended) > 0 {
			t.Errorf("ended %v, %v", ended, err)
		}
	})
}

func TestInstanceIDIsMadeOnce(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		got := make([]string, 8)
		together(t, len(got), func(i int) (err error) {
			got[i], err = data.NewInstance(db).ID(t.Context())
			return err
		})
		if slices.Sort(got); got[0] == "" || got[0] != got[len(got)-1] {
			t.Errorf("replicas that start together have the ids %v", got)
		}
	})
}
