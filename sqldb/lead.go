package sqldb

import (
	"context"
	"fmt"
	"time"

	"github.com/hybridapps/tandem"
)

// Lead is what one of several processes does for all of them: whoever holds the lease of
// the name. Another may go on within the term when that one dies or stands still.
type Lead struct {
	Leases       *Leases
	Name, Holder string
	Term         time.Duration
}

// Run runs f if this process gets the lease, or has it. The context of f ends when the
// lease is lost.
func (l *Lead) Run(ctx context.Context, f func(ctx context.Context) error) error {
	held, err := l.Leases.Take(ctx, l.Name, l.Holder, l.Term)
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
	if err != nil && leading.Err() != nil && ctx.Err() == nil {
		err = context.Cause(leading)
	}
	lost(nil)
	<-done
	return err
}

// prolong keeps the lease until ctx ends. Where that fails for as long as the lease
// lasts, another may have it.
func (l *Lead) prolong(ctx context.Context, lost context.CancelCauseFunc) {
	tick := time.NewTicker(l.Term / 4)
	defer tick.Stop()
	for kept := tandem.SystemTime(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked := tandem.SystemTime()
		within, cancel := context.WithTimeout(ctx, l.Term/4)
		held, err := l.Leases.Take(within, l.Name, l.Holder, l.Term)
		cancel()
		if err == nil && held {
			kept = asked
		}
		if err == nil && !held || tandem.SystemTime().Sub(kept) > l.Term/2 {
			lost(fmt.Errorf("another process has the lease %q", l.Name))
			return
		}
	}
}

// Release gives the lease back, so that another process need not wait for its end.
func (l *Lead) Release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return l.Leases.Release(ctx, l.Name, l.Holder)
}
