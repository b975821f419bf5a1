package platform_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/tandemtest"
)

// What one replica does for all is done by one at a time, and by another when that one
// ends.
func TestOneReplicaWorksForAll(t *testing.T) {
	t.Parallel()
	first := tandemtest.Start(t, tandemtest.Options{})
	second := first.Replica(t)
	var running atomic.Int32
	var runs [2]atomic.Int64
	var all sync.WaitGroup
	var stops [2]context.CancelFunc
	for n, in := range []*platform.Instance{first.Platform, second.Platform} {
		ctx, stop := context.WithCancel(t.Context())
		stops[n] = stop
		all.Go(func() {
			in.ByOne(ctx, "work", 2*time.Millisecond, func(context.Context) error {
				if running.Add(1) > 1 {
					t.Error("two at the same time")
				}
				time.Sleep(time.Millisecond)
				running.Add(-1)
				runs[n].Add(1)
				return nil
			})
		})
	}
	testkit.Eventually(t, "one works", func() bool { return runs[0].Load()+runs[1].Load() > 20 })
	at := 0
	if runs[0].Load() == 0 {
		at = 1
	}
	other := 1 - at
	if n := runs[other].Load(); n > 0 {
		t.Errorf("the other has worked %d times meanwhile", n)
	}
	stops[at]()
	testkit.Eventually(t, "the other goes on", func() bool { return runs[other].Load() > 3 })
	stops[other]()
	all.Wait()
	l, err := data.NewLeases(first.Platform.DB).Show(t.Context(), "work")
	if err != nil || l.Held() {
		t.Errorf("nobody works, and the lease is %+v, %v", l, err)
	}
}

// Who loses the lease is told while it works.
func TestWorkEndsWithTheLease(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	told, once := make(chan struct{}), sync.Once{}
	var done sync.WaitGroup
	defer done.Wait()
	defer stop()
	done.Go(func() {
		in.Platform.ByOne(ctx, "work", time.Millisecond, func(ctx context.Context) error {
			_, err := in.Platform.DB.Writer().ExecContext(ctx, `UPDATE leases SET holder = 'another' WHERE name = 'work'`)
			if err != nil {
				return err
			}
			<-ctx.Done()
			once.Do(func() { close(told) })
			return nil
		})
	})
	select {
	case <-told:
	case <-time.After(testkit.Patience):
		t.Error("it was not told")
	}
}
