package datatest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/signin"
)

// endedSignInsAreTold: what ends a sign-in queues, in its transaction, a delivery for each
// application that it reached and that wants to hear of it; and each is had by one.
func endedSignInsAreTold(t *testing.T, stores *Stores) {
	ctx, anna := t.Context(), account("anna")
	must(t, stores.Users.Create(ctx, anna))
	hears, err := stores.Applications.Create(ctx, application("com.example/hears"))
	must(t, err)
	deaf := application("com.example/deaf")
	deaf.BackchannelLogoutURI = ""
	deaf, err = stores.Applications.Create(ctx, deaf)
	must(t, err)
	begin := func(n byte) signin.SignIn {
		s := signin.SignIn{ID: uuid.NewString(), UserID: anna.ID, AuthTime: noon, CreatedAt: noon, LastSeenAt: noon, ExpiresAt: noon.Add(time.Hour)}
		s.CookieHash[0] = n
		must(t, stores.SignIns.Create(ctx, s))
		must(t, stores.SignIns.Reach(ctx, s.ID, hears.ID, noon))
		must(t, stores.SignIns.Reach(ctx, s.ID, deaf.ID, noon))
		return s
	}
	first := begin(1)
	quiet := signin.SignIn{ID: uuid.NewString(), UserID: anna.ID, AuthTime: noon, CreatedAt: noon, LastSeenAt: noon, ExpiresAt: noon.Add(time.Hour)}
	quiet.CookieHash[0] = 9
	must(t, stores.SignIns.Create(ctx, quiet)) // it has reached nobody
	Together(t, 5, func(int) error {
		_, err := stores.SignIns.End(ctx, first.ID, noon, noon.Add(time.Hour))
		return err
	})
	_, err = stores.SignIns.End(ctx, quiet.ID, noon, noon.Add(time.Hour))
	must(t, err)
	var claimed atomic.Int64
	var got atomic.Pointer[data.Delivery]
	Together(t, 5, func(int) error {
		due, err := stores.Deliveries.Claim(ctx, data.DeliveryLogout, noon, noon.Add(time.Minute), 4, 32)
		claimed.Add(int64(len(due)))
		if len(due) == 1 {
			got.Store(&due[0])
		}
		return err
	})
	if claimed.Load() != 1 {
		t.Fatalf("claimed %d times", claimed.Load())
	}
	d := got.Load()
	if user, signInID := d.EndedSignIn(); user != anna.ID || signInID != first.ID || d.Target != hears.ID || d.Kind != data.DeliveryLogout {
		t.Errorf("told: %+v", d)
	}
	if _, err := stores.Deliveries.Last(ctx, data.DeliveryLogout, hears.ID); !errors.Is(err, tandem.ErrNotFound) {
		t.Errorf("before a try: %v", err)
	}
	d.Tries, d.TriedAt, d.LastError, d.NextAt = 1, noon.Add(time.Second), "no", noon.Add(5*time.Second)
	must(t, stores.Deliveries.Tried(ctx, d))
	must(t, stores.Deliveries.Postpone(ctx, []data.Delivery{*d}, noon, d.NextAt))
	if last, err := stores.Deliveries.Last(ctx, data.DeliveryLogout, hears.ID); err != nil || last.LastError != "no" || !last.TriedAt.Equal(noon.Add(time.Second)) {
		t.Errorf("last: %+v, %v", last, err)
	}
	// All sign-ins of a person at once; of one application a few at a time.
	for n := byte(2); n < 8; n++ {
		begin(n)
	}
	if ended, err := stores.SignIns.EndUser(ctx, anna.ID, noon.Add(time.Second), noon.Add(time.Hour)); err != nil || len(ended) != 6 {
		t.Errorf("ended %d: %v", len(ended), err)
	}
	due, err := stores.Deliveries.Claim(ctx, data.DeliveryLogout, noon.Add(2*time.Second), noon.Add(time.Minute), 4, 32)
	if err != nil || len(due) != 4 {
		t.Errorf("of one application: %d, %v", len(due), err)
	}
	must(t, stores.Deliveries.Postpone(ctx, due, noon.Add(2*time.Second), noon.Add(10*time.Minute)))
	if due, err := stores.Deliveries.Claim(ctx, data.DeliveryLogout, noon.Add(9*time.Minute), noon.Add(time.Hour), 4, 32); err != nil || len(due) != 0 {
		t.Errorf("postponed: %d, %v", len(due), err)
	}
	if waiting, err := stores.Deliveries.Waiting(ctx); err != nil || waiting[data.DeliveryLogout] != 7 {
		t.Errorf("waiting: %v, %v", waiting, err)
	}
	// What is withdrawn is told to that application, of sign-ins that go on.
	begin(8)
	_, err = stores.Consents.Withdraw(ctx, signin.Withdrawal{UserID: anna.ID, ApplicationURI: hears.ApplicationURI, At: noon.Add(3 * time.Second), TokensUntil: noon.Add(time.Hour)})
	must(t, err)
	if waiting, err := stores.Deliveries.Waiting(ctx); err != nil || waiting[data.DeliveryLogout] != 8 {
		t.Errorf("waiting after it was withdrawn: %v, %v", waiting, err)
	}
	// Also of one that has expired, where a refresh family has outlived it; once it has
	// ended there is nothing to tell.
	old := begin(10)
	late := old.ExpiresAt.Add(24 * time.Hour)
	for _, more := range []int{1, 0} {
		if more > 0 {
			f := family()
			f.SignInID, f.UserID, f.ApplicationURI, f.ExpiresAt = old.ID, anna.ID, hears.ApplicationURI, late.Add(24*time.Hour)
			grant(t, stores, f)
		}
		before, err := stores.Deliveries.Waiting(ctx)
		must(t, err)
		late = late.Add(time.Second)
		_, err = stores.Consents.Withdraw(ctx, signin.Withdrawal{UserID: anna.ID, ApplicationURI: hears.ApplicationURI, At: late, TokensUntil: late.Add(time.Hour)})
		must(t, err)
		if waiting, err := stores.Deliveries.Waiting(ctx); err != nil || waiting[data.DeliveryLogout] != before[data.DeliveryLogout]+more {
			t.Errorf("withdrawn after the sign-in has expired: %v of %v and %d, %v", waiting, before, more, err)
		}
	}
}
