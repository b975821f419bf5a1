package data_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// Of many who ask for a lease one gets it, keeps it while it asks again, and another
// gets it when it was given back or has run out.
func TestALeaseHasOneHolder(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		leases, ctx := data.NewLeases(db), t.Context()
		var winners atomic.Int32
		var first atomic.Value
		datatest.Together(t, 16, func(i int) error {
			who := fmt.Sprint("replica ", i)
			got, err := leases.Take(ctx, "seal", who, time.Hour)
			if got {
				winners.Add(1)
				first.Store(who)
			}
			return err
		})
		if winners.Load() != 1 {
			t.Fatalf("%d hold the lease", winners.Load())
		}
		holder := first.Load().(string)
		take := func(who string, term time.Duration, want bool) {
			t.Helper()
			if got, err := leases.Take(ctx, "seal", who, term); err != nil || got != want {
				t.Errorf("%s takes it: %v, %v; want %v", who, got, err, want)
			}
		}
		take(holder, time.Hour, true)
		take("another", time.Hour, false)
		if got, err := leases.Take(ctx, "audit", "another", time.Hour); err != nil || !got {
			t.Errorf("a lease of another name: %v, %v", got, err)
		}
		must(t, leases.Release(ctx, "seal", "another")) // which is not theirs
		take("another", time.Hour, false)
		must(t, leases.Release(ctx, "seal", holder))
		take("another", 50*time.Millisecond, true)
		testkit.Eventually(t, "the lease runs out", func() bool {
			got, err := leases.Take(ctx, "seal", holder, time.Hour)
			return err == nil && got
		})
	})
}

// The end of a lease is told by the clock of the database.
func TestALeaseTellsUntilWhenItIsHeld(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		leases, ctx := data.NewLeases(db), t.Context()
		if _, err := leases.Show(ctx, "seal"); !errors.Is(err, tandem.ErrNotFound) {
			t.Errorf("a lease that nobody took: %v", err)
		}
		for _, name := range []string{"audit", "seal"} {
			if got, err := leases.Take(ctx, name, "me", time.Hour); err != nil || !got {
				t.Fatal(got, err)
			}
		}
		l, err := leases.Show(ctx, "seal")
		if left := l.Until.Sub(l.Now); err != nil || !l.Held() || l.Holder != "me" || left > time.Hour || left < 50*time.Minute {
			t.Errorf("%+v, %v", l, err)
		}
		if off := time.Since(l.Now); off.Abs() > time.Minute {
			t.Errorf("the time of the database is %s off", off)
		}
		must(t, leases.Release(ctx, "seal", "me"))
		if l, err = leases.Show(ctx, "seal"); err != nil || l.Held() || l.Now.Sub(l.Until) > 10*time.Minute {
			t.Errorf("given back: %+v, %v", l, err)
		}
	})
}
