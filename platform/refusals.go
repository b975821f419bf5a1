package platform

import (
	"context"
	"time"
)

// tellEvery is how often the repeats of refusals are looked for that are due.
const tellEvery = 10 * time.Second

// tellRefusals puts the repeats of the API's refusals on record, until ctx ends; then
// all that there are.
func (i *Instance) tellRefusals(ctx context.Context) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			if err := i.access.Tell(last, true); err != nil {
				i.config.Log.Error("repeats of refusals are not on record", "error", err)
			}
			return
		case <-tick.C:
			if err := i.TellRefusals(ctx); err != nil && ctx.Err() == nil {
				i.config.Log.Warn("repeats of refusals cannot be put on record now", "error", err)
			}
		}
	}
}

// TellRefusals does at once what Run does every ten seconds: it puts on record how
// often calls were refused again, where the minute of the first is over.
func (i *Instance) TellRefusals(ctx context.Context) error { return i.access.Tell(ctx, false) }
