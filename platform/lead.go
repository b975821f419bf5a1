package platform

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/sqldb"
)

// leaseSpare is how much longer a lease lasts than the time between two runs of what
// it is for: another replica goes on so long after one that died.
const leaseSpare = 20 * time.Second

// newLead is for work that is done again after a time of at most every.
func (i *Instance) newLead(name string, every time.Duration) *sqldb.Lead {
	return &sqldb.Lead{Leases: data.NewLeases(i.DB), Name: name, Holder: i.replica, Term: every + leaseSpare}
}

// replicaName names this replica for the leases: where it runs, and no two the same.
func replicaName() string {
	host, _ := os.Hostname() // only for who looks
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])
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
		if err := l.Run(ctx, f); err != nil && ctx.Err() == nil {
			i.config.Log.Warn(what+" failed", "error", err)
		}
		select {
		case <-ctx.Done():
			if err := l.Release(ctx); err != nil {
				i.config.Log.Warn("a lease was not given back: it ends by itself", "lease", name, "error", err)
			}
			return
		case <-tick.C:
		}
	}
}
