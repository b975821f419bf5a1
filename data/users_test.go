package data_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 123000, time.UTC)

func account(login string) signin.Account {
	return signin.Account{User: tandem.User{
		ID: uuid.NewString(), Login: login, Name: "Анна O'Neil \U0001F600", Locale: "bg", Type: tandem.InternalUser,
		Enabled: true, CreatedAt: noon, ChangedAt: noon,
	}, PasswordHash: "$argon2id$…", PasswordChangedAt: noon, Version: 1}
}

func TestUsersAreReadAsWritten(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, users := t.Context(), data.NewUsers(db)
		anna := account("anna")
		anna.Email, anna.EmailVerified = "anna@example.com", true
		must(t, users.Create(ctx, anna))
		must(t, users.Create(ctx, account("aaron")))

		for name, read := range map[string]func() (signin.Account, error){
			"id":    func() (signin.Account, error) { return users.ByID(ctx, anna.ID) },
			"login": func() (signin.Account, error) { return users.ByLogin(ctx, "anna") },
		} {
			got, err := read()
			if err != nil || !cmp.Equal(got, anna) {
				t.Errorf("by %s: %v\n%s", name, err, cmp.Diff(anna, got))
			}
		}
		all, err := users.List(ctx)
		if err != nil || len(all) != 2 || all[0].Login != "aaron" {
			t.Errorf("List: %v, %v", all, err)
		}
		if _, err := users.ByLogin(ctx, "Anna"); !errors.Is(err, tandem.ErrNotFound) {
			t.Errorf("logins compare byte for byte: %v", err)
		}
		if _, err := users.ByID(ctx, "no such id"); !errors.Is(err, tandem.ErrNotFound) {
			t.Errorf("want ErrNotFound, got %v", err)
		}

		changed, err := users.Update(ctx, anna.ID, func(old signin.Account) (signin.Account, error) {
			old.Enabled, old.Login, old.ChangedAt = false, "somebody else", noon.Add(time.Minute)
			return old, nil
		})
		if err != nil || changed.Enabled || changed.Login != "anna" || changed.Version != 2 {
			t.Errorf("Update: %+v, %v", changed, err)
		}
		since, err := users.ChangedSince(ctx, noon.Add(time.Second))
		if err != nil || len(since) != 1 || since[0].ID != anna.ID || since[0].Enabled {
			t.Errorf("ChangedSince: %+v, %v", since, err)
		}

		twin := account("twin")
		twin.Email = "ANNA@example.com"
		if err := users.Create(ctx, twin); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Errorf("a second user got the same address: %v", err)
		}
		if err := users.Create(ctx, account("twin")); err != nil {
			t.Errorf("the refused user left its name behind: %v", err)
		}
	})
}

func TestUserUpdatesDoNotLoseEachOther(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, users := t.Context(), data.NewUsers(db)
		anna := account("anna")
		anna.Name = ""
		must(t, users.Create(ctx, anna))
		together(t, 20, func(int) error {
			_, err := users.Update(ctx, anna.ID, func(old signin.Account) (signin.Account, error) {
				old.Name += "x"
				return old, nil
			})
			return err
		})
		got, err := users.ByID(ctx, anna.ID)
		if err != nil || len(got.Name) != 20 || got.Version != 21 {
			t.Errorf("after 20 updates: %q, version %d, %v", got.Name, got.Version, err)
		}
	})
}

func TestI7_OneNameHasOneOwner(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, users := t.Context(), data.NewUsers(db)
		apps := data.NewApplications(db)
		application := func(uri string) tandem.TrustedApp {
			return tandem.TrustedApp{ID: uuid.NewString(), ApplicationURI: uri, Name: uri, Enabled: true, ClientType: tandem.ClientConfidential, CreatedAt: noon, ChangedAt: noon}
		}
		_, err := apps.Create(ctx, application("portal.acme"))
		must(t, err)
		if err := users.Create(ctx, account("portal.acme")); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Fatalf("a user got an application's name: %v", err)
		}
		must(t, users.Create(ctx, account("anna")))
		if _, err := apps.Create(ctx, application("anna")); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Fatalf("an application got a user's name: %v", err)
		}
		// Many of both kinds at the same moment: one wins, the others are told.
		var won, refused atomic.Int64
		together(t, 20, func(i int) (err error) {
			if i%2 == 0 {
				err = users.Create(ctx, account("worker.acme"))
			} else {
				_, err = apps.Create(ctx, application("worker.acme"))
			}
			switch {
			case err == nil:
				won.Add(1)
			case tandem.ErrorCode(err) == tandem.CodeConflict:
				refused.Add(1)
			default:
				return err
			}
			return nil
		})
		if won.Load() != 1 || refused.Load() != 19 {
			t.Errorf("%d won and %d were refused", won.Load(), refused.Load())
		}
	})
}

func TestSignInsLiveAndEnd(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, users, signIns := t.Context(), data.NewUsers(db), data.NewSignIns(db)
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
		together(t, 10, func(int) error {
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
	})
}

func TestThrottleCountersAreExactUnderRace(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, throttle := t.Context(), data.NewThrottle(db)
		add := func(c []signin.Attempts) {
			for i := range c {
				c[i].Failures++
				c[i].LastAt = noon
			}
		}
		// Keys overlap and come in every order: a deadlock would show here.
		together(t, 40, func(n int) error {
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
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// together runs f n times at the same moment.
func together(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			if err := f(i); err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	close(start)
	wg.Wait()
}
