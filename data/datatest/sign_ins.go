package datatest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
)

func signInsLiveAndEnd(t *testing.T, stores *Stores) {
	ctx, users, signIns := t.Context(), stores.Users, stores.SignIns
	anna := account("anna")
	must(t, users.Create(ctx, anna))
	make1 := func(n byte) signin.SignIn {
		s := signin.SignIn{ID: uuid.NewString(), UserID: anna.ID, AuthTime: noon, Keep: n == 1,
			CreatedAt: noon, LastSeenAt: noon, ExpiresAt: noon.Add(time.Hour), CreatedFrom: "192.0.2.1", LastSeenFrom: "192.0.2.2", UserAgent: "Browser/1",
			Authentication: token.Authentication{Methods: []string{"pwd", "otp"}, Context: "2", Provider: "corp", Tenant: "t1"}}
		s.CookieHash[0] = n
		must(t, signIns.Create(ctx, s))
		return s
	}
	a, b, c := make1(1), make1(2), make1(3)
	whole(t, a, "EndedAt")

	got, err := signIns.ByCookie(ctx, a.CookieHash)
	if err != nil || !cmp.Equal(got, a) {
		t.Errorf("by cookie: %v\n%s", err, cmp.Diff(a, got))
	}
	if _, err := signIns.ByCookie(ctx, [32]byte{9}); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("unknown cookie: %v", err)
	}
	must(t, signIns.Touch(ctx, a.ID, noon.Add(5*time.Minute), "192.0.2.5"))
	must(t, signIns.Touch(ctx, a.ID, noon.Add(3*time.Minute), "192.0.2.3"))
	if got, _ := signIns.ByID(ctx, a.ID); !got.LastSeenAt.Equal(noon.Add(5*time.Minute)) || got.LastSeenFrom != "192.0.2.5" {
		t.Errorf("last seen went back to %v, %s", got.LastSeenAt, got.LastSeenFrom)
	}

	a.CookieHash[0], a.AuthTime = 77, noon.Add(time.Minute)
	must(t, signIns.Renew(ctx, a))
	if _, err := signIns.ByCookie(ctx, [32]byte{1}); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("the old cookie still opens the sign-in: %v", err)
	}

	must(t, signIns.Reach(ctx, a.ID, "app", noon.Add(2*time.Minute)))
	must(t, signIns.Reach(ctx, a.ID, "app", noon.Add(time.Minute)))
	must(t, signIns.Reach(ctx, b.ID, "gone", noon))
	known, err := signIns.OfUser(ctx, anna.ID, noon.Add(2*time.Minute), false)
	if err != nil || len(known) != 3 || len(known[0].Reached)+len(known[1].Reached)+len(known[2].Reached) != 2 {
		t.Errorf("sign-ins with what they reached: %+v, %v", known, err)
	}

	var ended atomic.Int64
	Together(t, 10, func(int) error {
		did, err := signIns.End(ctx, a.ID, noon.Add(time.Minute), noon.Add(time.Hour))
		if did {
			ended.Add(1)
		}
		return err
	})
	if ended.Load() != 1 {
		t.Errorf("one sign-in ended %d times", ended.Load())
	}
	if err := signIns.Renew(ctx, a); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("an ended sign-in was renewed: %v", err)
	}
	ids, err := signIns.EndUser(ctx, anna.ID, noon.Add(time.Minute), noon.Add(time.Hour))
	if err != nil || len(ids) != 2 {
		t.Errorf("EndUser: %v, %v", ids, err)
	}
	for _, s := range []signin.SignIn{a, b, c} {
		if got, err := signIns.ByID(ctx, s.ID); err != nil || got.LiveAt(noon.Add(2*time.Minute), token.SignInIdle) {
			t.Errorf("still live: %+v, %v", got, err)
		}
	}
	if known, err := signIns.OfUser(ctx, anna.ID, noon.Add(2*time.Minute), false); err != nil || len(known) != 0 {
		t.Errorf("ended, and still live: %+v, %v", known, err)
	}
	must(t, signIns.Purge(ctx, noon.Add(2*time.Minute)))
	if _, err := signIns.ByID(ctx, a.ID); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("purged sign-in is still there: %v", err)
	}
}

func attemptsAreExactUnderRace(t *testing.T, stores *Stores) {
	ctx, throttle := t.Context(), stores.Attempts
	add := func(c []signin.Attempts) {
		for i := range c {
			c[i].Failures++
			c[i].LastAt = noon
		}
	}
	// Keys overlap and come in every order: a deadlock would show here.
	Together(t, 40, func(n int) error {
		keys := []string{"account", fmt.Sprintf("pair %d", n%4), "address"}
		if n%2 == 0 {
			keys[0], keys[2] = keys[2], keys[0]
		}
		return throttle.Update(ctx, keys, add)
	})
	var got []signin.Attempts
	read := func(c []signin.Attempts) { got = append(got[:0], c...) }
	must(t, throttle.Update(ctx, []string{"account", "address", "pair 0", "pair 3", "new"}, read))
	for i, want := range []int{40, 40, 10, 10, 0} {
		if got[i].Failures != want {
			t.Errorf("counter %d is %d, want %d", i, got[i].Failures, want)
		}
	}
	factor := signin.KindFactor + "x"
	must(t, throttle.Update(ctx, []string{factor}, add))
	must(t, throttle.Purge(ctx, noon.Add(time.Second), noon))
	must(t, throttle.Update(ctx, []string{"account", factor}, read))
	if got[0] != (signin.Attempts{}) || got[1].Failures != 1 {
		t.Errorf("purged counter is %+v, and that of a factor %+v", got[0], got[1])
	}
	must(t, throttle.Purge(ctx, noon, noon.Add(time.Second)))
	must(t, throttle.Update(ctx, []string{factor}, read))
	if got[0] != (signin.Attempts{}) {
		t.Errorf("purged counter of a factor is %+v", got[0])
	}
}

// theLastSignInIsKnown by the write that makes a sign-in or proves it anew; it outlives
// the sign-in, never goes back, and is no change that others read the account for.
func theLastSignInIsKnown(t *testing.T, stores *Stores) {
	ctx, users, signIns := t.Context(), stores.Users, stores.SignIns
	anna := account("anna")
	anna.LastSignInAt = time.Time{}
	must(t, users.Create(ctx, anna))
	other := account("other")
	must(t, users.Create(ctx, other))
	made := newest(t, stores).Users
	in := signin.SignIn{ID: uuid.NewString(), UserID: anna.ID, AuthTime: noon.Add(time.Hour), CreatedAt: noon, LastSeenAt: noon, ExpiresAt: noon.Add(9 * time.Hour)}
	last := func(want time.Time) {
		t.Helper()
		a, err := users.ByID(ctx, anna.ID)
		if err != nil || !a.LastSignInAt.Equal(want) || a.Version != anna.Version {
			t.Errorf("the last sign-in was %v, want %v: %v", a.LastSignInAt, want, err)
		}
	}
	must(t, signIns.Create(ctx, in))
	last(noon.Add(time.Hour))
	in.AuthTime = noon.Add(2 * time.Hour)
	must(t, signIns.Renew(ctx, in))
	last(noon.Add(2 * time.Hour))
	older := in
	older.ID, older.AuthTime, older.CookieHash = uuid.NewString(), noon, [32]byte{5}
	must(t, signIns.Create(ctx, older)) // from a replica whose clock is behind
	last(noon.Add(2 * time.Hour))
	must(t, signIns.Touch(ctx, in.ID, noon.Add(3*time.Hour), ""))
	must(t, signIns.Purge(ctx, noon.Add(24*time.Hour)))
	last(noon.Add(2 * time.Hour))
	if now := newest(t, stores).Users; now != made {
		t.Error("a sign-in is a change of the account")
	}
	all, err := users.Page(ctx, signin.Filter{}, "", 10)
	if err != nil || len(all) != 2 || !all[0].LastSignInAt.Equal(noon.Add(2*time.Hour)) || !all[1].LastSignInAt.Equal(noon) || all[0].CreatedBy != "os:root" ||
		all[0].PasswordOrigin != tandem.PasswordAdmin {
		t.Errorf("listed %+v, %v", all, err)
	}
}
