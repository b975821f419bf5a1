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
		{"revoked credentials and deleted applications", i.Apps.Purge},
		{"the logs of imports", i.purgeExchanges},
		{"files that no row names", i.purgeFiles},
		{"old notifications", i.purgeNotifications},
		{"what was used", i.purgeUses},
		{"findings", i.purgeFindings},
		{"reference tokens", i.purgeReferences},
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

func (i *Instance) purgeFiles(ctx context.Context) error {
	_, err := i.rows.PurgeFiles(ctx)
	return err
}

func (i *Instance) purgeNotifications(ctx context.Context) error {
	_, err := i.rows.PurgeNotifications(ctx)
	return err
}

// pruneRecord removes what the record is not asked to keep any longer.
func (i *Instance) pruneRecord(ctx context.Context) error {
	keep := cmp.Or(i.config.RecordKeep, audit.DefaultKeep)
	if keep < 0 {
		return nil
	}
	// Only what is sealed goes: what went is then still known to have been there.
	if err := i.SealRecord(ctx); err != nil {
		return err
	}
	removed, err := i.Audit.Prune(ctx, keep, fmt.Sprintf("kept for %d days", keep/(24*time.Hour)), i.Sealing.Prune)
	if removed > 0 {
		i.config.Log.Info("events were removed from the record", "events", removed, "kept_for", keep.String())
	}
	return err
}

// keepDoing writes down again and again what is kept in memory, until ctx ends; then,
// within 3 s, what is left.
func (i *Instance) keepDoing(ctx context.Context, every time.Duration, what string, write, last func(context.Context) error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			left, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			if err := last(left); err != nil {
				i.config.Log.Error(what+" is not written down", "error", err)
			}
			return
		case <-tick.C:
			if err := write(ctx); err != nil && ctx.Err() == nil {
				i.config.Log.Warn(what+" cannot be written down now", "error", err)
			}
		}
	}
}
