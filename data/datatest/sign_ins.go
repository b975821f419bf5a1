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
)

func signInsLiveAndEnd(t *testing.T, stores *Stores) {
	ctx, users, signIns := t.Context(), stores.Users, stores.SignIns
	anna := account("anna")
	must(t, users.Create(ctx, anna))
	make1 := func(n byte) signin.SignIn {
		s := signin.SignIn{ID: uuid.NewString(), UserID: anna.ID, AuthTime: noon, AMR: []string{"pwd", "otp"}, Keep: n == 1,
			CreatedAt: noon, LastSeenAt: noon, ExpiresAt: noon.Add(time.Hour)}
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
	must(t, signIns.Touch(ctx, a.ID, noon.Add(5*time.Minute)))
	must(t, signIns.Touch(ctx, a.ID, noon.Add(3*time.Minute)))
	if got, _ := signIns.ByID(ctx, a.ID); !got.LastSeenAt.Equal(noon.Add(5 * time.Minute)) {
		t.Errorf("last seen went back to %v", got.LastSeenAt)
	}

	a.CookieHash[0], a.AuthTime = 77, noon.Add(time.Minute)
	must(t, signIns.Renew(ctx, a))
	if _, err := signIns.ByCookie(ctx, [32]byte{1}); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("the old cookie still opens the sign-in: %v", err)
	}

	var ended atomic.Int64
	Together(t, 10, func(int) error {
		did, err := signIns.End(ctx, a.ID, noon.Add(time.Minute))
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
	ids, err := signIns.EndUser(ctx, anna.ID, noon.Add(time.Minute))
	if err != nil || len(ids) != 2 {
		t.Errorf("EndUser: %v, %v", ids, err)
	}
	for _, s := range []signin.SignIn{a, b, c} {
		if got, err := signIns.ByID(ctx, s.ID); err != nil || got.LiveAt(noon.Add(2*time.Minute)) {
			t.Errorf("still live: %+v, %v", got, err)
		}
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
	must(t, throttle.Purge(ctx, noon.Add(time.Second)))
	must(t, throttle.Update(ctx, []string{"account"}, read))
	if got[0] != (signin.Attempts{}) {
		t.Errorf("purged counter is %+v", got[0])
	}
}
