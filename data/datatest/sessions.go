package datatest

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
	"github.com/hybridapps/tandem/session"
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

// licensed gives the store with a licence.
func licensed(t *testing.T, stores *Stores, slots int, reserved map[string]int) session.Store {
	t.Helper()
	s := stores.Sessions
	ended, err := s.SetLicence(t.Context(), tandem.Licence{Slots: slots, Reserved: reserved}, noon)
	if err != nil || len(ended) > 0 {
		t.Fatalf("SetLicence ended %v: %v", ended, err)
	}
	return s
}

func openSession(t *testing.T, s session.Store, o session.Opening) session.Opened {
	t.Helper()
	opened, err := s.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("open for %s: %v", o.Session.User, err)
	}
	return opened
}

func sessionsAreReadAsWritten(t *testing.T, stores *Stores) {
	ctx, s := t.Context(), licensed(t, stores, 3, nil)
	o := service("svc.portal", "worker-1", noon)
	opened := openSession(t, s, o)
	want := session.Stored{Session: o.Session, RemoteAddr: o.RemoteAddr}
	want.Slot = 1
	whole(t, want, "Reserved", "Multiplexed", "EndedAt", "EndReason", "ClosedBy", "Recorded", "UntoldSince")
	if !opened.Fresh || opened.Licence.Slots != 3 || !cmp.Equal(opened.Stored, want) {
		t.Errorf("opened: %+v\n%s", opened, cmp.Diff(want, opened.Stored))
	}
	openSession(t, s, opening("anna", "sid-anna", noon.Add(time.Second)))
	listed, err := s.List(ctx, noon)
	if err != nil || len(listed) != 2 || !cmp.Equal(listed[0], want) || listed[1].Slot != 2 {
		t.Errorf("List: %v, %v", listed, err)
	}
	again := openSession(t, s, service("svc.portal", "worker-1", noon.Add(time.Minute)))
	if again.Fresh || again.ID != o.Session.ID || again.Requests != 2 || !again.LastRequestAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("a second opening with the same key: %+v", again)
	}
	all, err := s.Page(ctx, session.Filter{All: true}, nil, 100, noon)
	if err != nil || len(all) != 2 || all[0].User != "anna" {
		t.Errorf("List all, newest first: %v, %v", all, err)
	}
	// Who opened it says that this is on record, and nobody takes that back.
	for _, recorded := range []bool{true, false} {
		must(t, touch(s.Touch(ctx, []session.Touch{{ID: o.Session.ID, At: noon, ExpiresAt: noon, Recorded: recorded}})))
	}
	_, err = s.TouchLive(ctx, session.Touch{ID: all[0].ID, At: noon, ExpiresAt: noon.Add(idle), Recorded: true})
	must(t, err)
	for _, id := range []string{o.Session.ID, all[0].ID} {
		if got, err := s.ByID(ctx, id); err != nil || !got.Recorded {
			t.Errorf("a session whose opening is on record: %+v, %v", got, err)
		}
	}
}

// touch is for touches of which all are written.
func touch(_ []session.Touch, err error) error { return err }

func sessionsEndAtTheirEdges(t *testing.T, stores *Stores) {
	ctx, s := t.Context(), licensed(t, stores, 3, nil)
	anna := openSession(t, s, opening("anna", "sid", noon))
	worker := openSession(t, s, service("svc", "", noon))
	if expired, err := s.Expire(ctx, noon.Add(idle-time.Microsecond)); err != nil || len(expired) > 0 {
		t.Fatalf("a microsecond early: %v, %v", expired, err)
	}
	// A touch of another replica, or of a clock that was set back, takes nothing away.
	must(t, touch(s.Touch(ctx, []session.Touch{{ID: anna.ID, At: noon.Add(-time.Hour), ExpiresAt: noon.Add(-time.Hour).Add(idle)}})))
	if expired, err := s.Expire(ctx, noon.Add(idle-time.Microsecond)); err != nil || len(expired) > 0 {
		t.Fatalf("after an old touch: %v, %v", expired, err)
	}
	at := noon.Add(59 * time.Minute)
	for m := 15; m < 60; m += 15 { // the service stays active
		last := noon.Add(time.Duration(m) * time.Minute)
		must(t, touch(s.Touch(ctx, []session.Touch{{ID: worker.ID, At: last, ExpiresAt: worker.AbsoluteExpiresAt, Requests: 2}})))
	}
	expired, err := s.Expire(ctx, noon.Add(idle))
	if err != nil || len(expired) != 1 || expired[0].ID != anna.ID ||
		expired[0].EndReason != tandem.EndIdle || !expired[0].EndedAt.Equal(noon.Add(idle)) {
		t.Errorf("at 20 minutes: %+v, %v", expired, err)
	}
	last := session.Touch{ID: worker.ID, At: at, ExpiresAt: worker.AbsoluteExpiresAt, Requests: 1}
	if live, err := s.TouchLive(ctx, last); err != nil || !live {
		t.Errorf("an active service session after 59 minutes: %v, %v", live, err)
	}
	last = session.Touch{ID: worker.ID, At: noon.Add(time.Hour), ExpiresAt: noon.Add(2 * time.Hour), Requests: 1}
	if live, err := s.TouchLive(ctx, last); err != nil || live {
		t.Errorf("a service session was touched after its hour: %v, %v", live, err)
	}
	again := openSession(t, s, service("svc", "", noon.Add(time.Hour)))
	if !again.Fresh || again.ID == worker.ID || again.Previous != tandem.EndAbsolute || !again.PreviousAt.Equal(noon.Add(time.Hour)) ||
		len(again.Expired) != 1 || again.Expired[0].Requests != 8 {
		t.Errorf("the session after the hour: %+v", again)
	}
	// A touch that comes late counts, but brings nothing back.
	must(t, touch(s.Touch(ctx, []session.Touch{{ID: anna.ID, At: noon.Add(time.Minute), ExpiresAt: noon.Add(9 * time.Hour), Requests: 4}})))
	all, err := s.Page(ctx, session.Filter{All: true}, nil, 100, noon)
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	i := slices.IndexFunc(all, func(s session.Stored) bool { return s.ID == anna.ID })
	if got := all[i]; got.Requests != 5 || got.EndedAt.IsZero() {
		t.Errorf("after a late touch: %+v", got)
	}
	must(t, s.Forget(ctx, noon.Add(2*time.Hour)))
	if all, err := s.Page(ctx, session.Filter{All: true}, nil, 100, noon); err != nil || len(all) != 1 {
		t.Errorf("after Forget: %v, %v", all, err)
	}
}

func endedSessionsAreToldToOtherReplicas(t *testing.T, stores *Stores) {
	ctx, s := t.Context(), licensed(t, stores, 5, nil)
	a, b := openSession(t, s, opening("anna", "a", noon)), openSession(t, s, opening("boris", "b", noon))
	c := openSession(t, s, opening("clara", "c", noon))
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
}

func multiplexingIsMarkedOnce(t *testing.T, stores *Stores) {
	s := licensed(t, stores, 5, nil)
	id := openSession(t, s, service("svc", "", noon)).ID
	var first atomic.Int64
	Together(t, 8, func(int) error {
		marked, err := s.MarkMultiplexed(t.Context(), id)
		if marked {
			first.Add(1)
		}
		return err
	})
	if first.Load() != 1 {
		t.Errorf("%d calls marked the session", first.Load())
	}
}

func reservedSlots(t *testing.T, stores *Stores) {
	ctx, s := t.Context(), licensed(t, stores, 4, map[string]int{"svc": 2})
	for i := range 2 {
		if o := openSession(t, s, opening("anna", fmt.Sprint("a", i), noon)); o.Slot != i+1 || o.Reserved {
			t.Errorf("a shared slot: %d, reserved %v", o.Slot, o.Reserved)
		}
	}
	if o := openSession(t, s, opening("boris", "b", noon)); o.ID != "" {
		t.Errorf("boris sits in a reserved slot: %+v", o)
	}
	for i := range 2 {
		if o := openSession(t, s, service("svc", fmt.Sprint(i), noon)); o.Slot != i+3 || !o.Reserved {
			t.Errorf("a reserved slot: %d, reserved %v", o.Slot, o.Reserved)
		}
	}
	if o := openSession(t, s, service("svc", "third", noon)); o.ID != "" {
		t.Errorf("a fifth session of four: %+v", o)
	}
	_, err := s.End(ctx, session.Ending{Key: "a0", Reason: tandem.EndSignOut, Now: noon})
	must(t, err)
	if o := openSession(t, s, service("svc", "third", noon)); o.Slot != 1 || o.Reserved {
		t.Errorf("more sessions than reserved slots use shared ones: %+v", o)
	}
}

func smallerLicenceEndsTheLongestIdle(t *testing.T, stores *Stores) {
	ctx, s := t.Context(), licensed(t, stores, 6, nil)
	var ids []string
	for i := range 5 { // slot 1 is the longest idle
		ids = append(ids, openSession(t, s, opening(fmt.Sprint("u", i), fmt.Sprint("k", i), noon.Add(time.Duration(i)*time.Minute))).ID)
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
	listed, err := s.List(ctx, noon)
	var got []string
	for _, l := range listed {
		got = append(got, fmt.Sprintf("%d %s %v", l.Slot, l.User, l.Reserved))
	}
	if want := []string{"1 u4 false", "2 u3 false", "3 u0 true"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("placed %v, want %v, %v", got, want, err)
	}
	// The same licence again, as another replica sets it: nobody moves.
	same := tandem.Licence{Slots: 3, Reserved: map[string]int{"u0": 1}}
	if ended, err := s.SetLicence(ctx, same, noon.Add(time.Hour)); err != nil || len(ended) > 0 {
		t.Errorf("ended %v, %v", ended, err)
	}
}

// aSlotHasOneSession lets many ask for the last slot, and many with one key.
func aSlotHasOneSession(t *testing.T, stores *Stores) {
	s := licensed(t, stores, 2, nil)
	var fresh, full atomic.Int64
	Together(t, racers, func(i int) error {
		o, err := s.Open(t.Context(), opening("anna", "the same", noon))
		if o.Fresh {
			fresh.Add(1)
		}
		return err
	})
	if fresh.Load() != 1 {
		t.Errorf("%d opened the session of one key", fresh.Load())
	}
	Together(t, racers, func(i int) error {
		o, err := s.Open(t.Context(), opening("boris", fmt.Sprint("key ", i), noon))
		if o.ID == "" {
			full.Add(1)
		}
		return err
	})
	listed, err := s.List(t.Context(), noon)
	if err != nil || len(listed) != 2 || full.Load() != racers-1 || listed[0].Requests != racers {
		t.Errorf("%d found no slot; open are %+v, %v", full.Load(), listed, err)
	}
}
