package platform

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/hybridapps/tandem/audit"
)

// When what time has made useless is deleted: soon after the start, when the
// first people have been served, and then again and again.
const (
	purgeFirst = 10 * time.Second
	purgeEvery = time.Hour
)

// housekeep deletes what time has made useless, until ctx ends.
func (i *Instance) housekeep(ctx context.Context) {
	due := time.NewTimer(purgeFirst)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-due.C:
			i.Purge(ctx)
			due.Reset(purgeEvery)
		}
	}
}

// Purge does at once what Run does every hour: it deletes what is kept no longer.
// What fails is logged, and tried again by the next one.
func (i *Instance) Purge(ctx context.Context) {
	for _, p := range []struct {
		what  string
		purge func(context.Context) error
	}{
		{"grants and counters", i.identity.Purge},
		{"sign-ins", i.signIn.Purge},
		{"sessions", i.Sessions.Purge},
		{"the logs of imports", i.purgeExchanges},
		{"uses of rights", i.purgeUses},
		{"the record", i.pruneRecord},
	} {
		if err := p.purge(ctx); err != nil && ctx.Err() == nil {
			i.config.Log.Warn("a purge failed", "of", p.what, "error", err)
		}
	}
}

func (i *Instance) purgeExchanges(ctx context.Context) error {
	_, err := i.rows.PurgeExchanges(ctx)
	return err
}

// pruneRecord removes what the record is not asked to keep any longer.
func (i *Instance) pruneRecord(ctx context.Context) error {
	keep := cmp.Or(i.config.RecordKeep, audit.DefaultKeep)
	if keep < 0 {
		return nil
	}
	removed, err := i.Audit.Prune(ctx, keep, fmt.Sprintf("kept for %d days", keep/(24*time.Hour)))
	if removed > 0 {
		i.config.Log.Info("events were removed from the record", "events", removed, "kept_for", keep.String())
	}
	return err
}
