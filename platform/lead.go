package platform

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
)

// leaseSpare is how much longer a lease lasts than the time between two runs of what
// it is for: another replica goes on so long after one that died.
const leaseSpare = 20 * time.Second

// lead is what one replica of an instance does for all of them: whoever holds the
// lease of the name.
type lead struct {
	leases       *data.Leases
	name, holder string
	term         time.Duration
}

// newLead is for work that is done again after a time of at most every.
func (i *Instance) newLead(name string, every time.Duration) *lead {
	return &lead{data.NewLeases(i.DB), name, i.replica, every + leaseSpare}
}

// replicaName names this replica for the leases: where it runs, and no two the same.
func replicaName() string {
	host, _ := os.Hostname() // only for who looks
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])
}

// run runs f if this replica gets the lease, or has it. The context of f ends when the
// lease is lost.
func (l *lead) run(ctx context.Context, f func(ctx context.Context) error) error {
	held, err := l.leases.Take(ctx, l.name, l.holder, l.term)
	if err != nil || !held {
		return err
	}
	leading, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.prolong(leading, lost)
	}()
	err = f(leading)
	lost(nil)
	<-done
	return err
}

// prolong keeps the lease until ctx ends. Where that fails for as long as the lease
// lasts, another may have it.
func (l *lead) prolong(ctx context.Context, lost context.CancelCauseFunc) {
	tick := time.NewTicker(l.term / 4)
	defer tick.Stop()
	for kept := tandem.SystemTime(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked := tandem.SystemTime()
		within, cancel := context.WithTimeout(ctx, l.term/4)
		held, err := l.leases.Take(within, l.name, l.holder, l.term)
		cancel()
		if err == nil && held {
			kept = asked
		}
		if err == nil && !held || tandem.SystemTime().Sub(kept) > l.term/2 {
			lost(fmt.Errorf("another replica has the lease %q", l.name))
			return
		}
	}
}

// release gives the lease back, so that another replica need not wait for its end.
func (l *lead) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return l.leases.Release(ctx, l.name, l.holder)
}

// byOne runs f now and then again and again, until ctx ends, on one replica of the
// instance: the one that holds the lease of the name. Another goes on when that one
// ends, or within every and 20 s when it dies. The context of f ends when the lease is
// lost; what fails is logged as what, and done again the next time.
func (i *Instance) byOne(ctx context.Context, name string, every time.Duration, what string, f func(ctx context.Context) error) {
	l := i.newLead(name, every)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := l.run(ctx, f); err != nil && ctx.Err() == nil {
			i.config.Log.Warn(what+" failed", "error", err)
		}
		select {
		case <-ctx.Done():
			if err := l.release(ctx); err != nil {
				i.config.Log.Warn("a lease was not given back: it ends by itself", "lease", name, "error", err)
			}
			return
		case <-tick.C:
		}
	}
}
